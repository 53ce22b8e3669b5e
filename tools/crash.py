"""A panic's snapshot: `make run` leaves one, `make debug CRASH=1` opens it at the panic.

A small client of QEMU's gdb stub waits for the kernel to come to panic(). Then the machine is
saved, through the monitor, and goes on to print its report and to end as if nobody had looked.
Without a panic this costs the guest nothing.
"""
import json
import os
import re
import shutil
import socket
import subprocess
import threading

import qcow2
import vm

FOLDER = os.path.join(vm.BUILD, "crash")
IMAGE = os.path.join(FOLDER, "snapshot.qcow2")
KERNEL = os.path.join(FOLDER, "tessera.elf")
CHOICE = os.path.join(FOLDER, "machine.json")
PLACES = ("panic", "panic_trap")


def megabytes(mem):
    """QEMU's -m as a size with a unit."""
    return mem if mem[-1:].isalpha() else mem + "M"


def memory(mem, path=None):
    """QEMU's options for the guest's memory, of one name whether a file is behind it or not."""
    kind = f"memory-backend-file,mem-path={path},share=on" if path else "memory-backend-ram"
    return ["-machine", "pc,memory-backend=ram", "-object", f"{kind},id=ram,size={megabytes(mem)}"]


def listen(name, path):
    return ["-chardev", f"socket,id={name},path={os.path.relpath(path)},server=on,wait=off"]


# --- The monitor ---

def monitor_says(path, *lines):
    """Sends lines to a monitor's socket and returns what the last one printed."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(os.path.relpath(path))
        answer = read_prompt(connection)
        for line in lines:
            connection.sendall(line.encode() + b"\n")
            answer = read_prompt(connection)
    return answer


def read_prompt(connection):
    answer = b""
    while not answer.endswith(b"(qemu) "):
        more = connection.recv(4096)
        if not more:
            break
        answer += more
    return answer.decode(errors="replace")


# --- Waiting for a panic ---

def addresses(kernel):
    """Where the kernel's functions of PLACES begin."""
    table = subprocess.run(["nm", kernel], stdout=subprocess.PIPE, check=True).stdout.decode()
    return [int(line.split()[0], 16) for line in table.splitlines()
            if line.split()[-1] in PLACES and len(line.split()) == 3]


class Stub:
    """As much of gdb's remote protocol as it takes to stop at an address."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(os.path.relpath(path))
        self.socket.sendall(b"+")
        self.pending = b""

    def send(self, text):
        body = text.encode()
        self.socket.sendall(b"$%s#%02x" % (body, sum(body) & 0xff))

    def answer(self):
        """The next packet, or None when the machine is gone."""
        while True:
            found = re.search(rb"\$([^#]*)#..", self.pending)
            if found:
                self.pending = self.pending[found.end():]
                self.socket.sendall(b"+")
                return found[1].decode()
            more = self.socket.recv(4096)
            if not more:
                return None
            self.pending += more

    def ask(self, text):
        """Sends a command; the news that connecting has stopped the machine is no answer to it."""
        self.send(text)
        while True:
            answer = self.answer()
            if answer is None or not answer.startswith("T02"):
                return answer


class Watch:
    """Prepares a boot for it: options before it starts, follow() after."""

    def __init__(self, boot):
        self.boot, self.stub, self.monitor = boot, boot.path("stub"), boot.path("monitor")
        os.makedirs(FOLDER, exist_ok=True)
        self.image = boot.path("snapshot.qcow2")
        qcow2.create(self.image)
        self.arguments = [*memory(boot.machine.mem), *listen("stub", self.stub), "-gdb",
                          "chardev:stub", *listen("monitor", self.monitor), "-mon",
                          "chardev=monitor", "-drive",
                          f"file={os.path.relpath(self.image)},if=none,id=crash"]
        boot.machine.extra += self.arguments

    def follow(self, wait_for):
        """Starts waiting, in the background. wait_for(path) returns when the stub listens."""
        def watch():
            try:
                wait_for(os.path.relpath(self.stub))
                self.wait_for_panic()
            except OSError:
                pass  # the machine ended, or a debugger took the stub over
        threading.Thread(target=watch, daemon=True).start()

    def wait_for_panic(self):
        places, stub = addresses(self.boot.kernel), Stub(self.stub)
        try:
            for address in places:
                stub.ask(f"Z1,{address:x},1")
            stopped = stub.ask("c")
            if stopped and stopped.startswith("T05"):
                self.save()
        finally:
            stub.send("D")  # whatever went wrong here, the machine goes on

    def save(self):
        said = monitor_says(self.monitor, "savevm panic")
        if "rror" in said:
            return
        machine = self.boot.machine
        shutil.copyfile(self.image, IMAGE)
        shutil.copyfile(self.boot.kernel, KERNEL)
        with open(CHOICE, "w") as file:
            json.dump({"mem": machine.mem, "cpu": machine.cpu, "smp": machine.smp}, file)


def saved(boot):
    """The panic that ended this boot was saved."""
    return os.path.exists(CHOICE) and os.path.getmtime(CHOICE) >= os.path.getmtime(boot.folder) - 1


def reopen(arguments):
    """gdb on the saved machine. Returns gdb's status."""
    import debug
    if not os.path.exists(CHOICE):
        raise debug.Trouble("no panic was seen in `make run`")
    with open(CHOICE) as file:
        machine = vm.Machine(**json.load(file))
    with vm.Boot(machine, KERNEL, initramfs=None) as boot:
        stub, ram, image = boot.path("gdb"), boot.path("ram"), boot.path("snapshot.qcow2")
        shutil.copyfile(IMAGE, image)
        machine.extra += [*memory(machine.mem, ram), *listen("gdb", stub), "-gdb", "chardev:gdb",
                          "-S", "-drive", f"file={os.path.relpath(image)},if=none,id=crash",
                          "-loadvm", "panic"]
        return debug.run(boot, stub, ram, arguments or ["-ex", "backtrace"], KERNEL)
