#!/usr/bin/env python3
"""make debug: gdb on a machine that stops before process 1's first instruction.

The kernel is build/debug/tessera.elf, the same sources compiled for a debugger, and gdb has the
`mm` commands (tools/gdb). The guest is that of `make run` (CMD, FILES, MEM, CPU, APPEND count);
what it prints goes to build/debug.console. When gdb ends, so does the machine.

  DEMO=name   process 1 is user/demo/name.c
  T=case      the kernel's self-tests, stopped at the first that matches
  ATTACH=1    the machine is a `make run` under way instead; it goes on when gdb ends
  CRASH=1     the machine is the one that panicked last in `make run` or `make test`, at the panic

Arguments are gdb's; without any the first stop is as above.
"""
import glob
import os
import re
import signal
import socket
import subprocess
import sys
import time

import vm

CONSOLE = os.path.join(vm.BUILD, "debug.console")
KERNEL = os.path.join(vm.BUILD, "debug/tessera.elf")
COMMANDS = os.path.join(vm.TOP, "tools/gdb/autoload.py")
DEMOS = os.path.join(vm.BUILD, "demo")


class Trouble(Exception):
    """Why there is nothing to debug: one line."""


def environment(name):
    return os.environ.get(name) or ""


# --- The machine ---

def megabytes(mem):
    """QEMU's -m as a size with a unit."""
    return mem if mem[-1:].isalpha() else mem + "M"


def use_ram_file(machine, path):
    """The guest's memory as a file, which the commands read at once instead of through the stub."""
    machine.extra += ["-machine", "pc,memory-backend=ram", "-object",
                      f"memory-backend-file,id=ram,size={megabytes(machine.mem)},mem-path={path},"
                      "share=on"]


def use_stub(machine, path):
    machine.extra += ["-S", "-gdb", "chardev:gdb", "-chardev",
                      f"socket,id=gdb,path={path},server=on,wait=off"]


def demos():
    return sorted(name for name in os.listdir(DEMOS)) if os.path.isdir(DEMOS) else []


def guest():
    """What the variables ask for: (files over the root, kernel command line)."""
    append = environment("APPEND")
    overlay = vm.guest_files(environment("CMD") or None, environment("FILES") or None)
    demo = environment("DEMO")
    if demo:
        if demo not in demos():
            raise Trouble(f"no demo {demo}; there are {', '.join(demos())}")
        archive = vm.Archive()
        archive.directory("demo")
        with open(os.path.join(DEMOS, demo), "rb") as program:
            archive.file("demo/" + demo, program.read(), 0o755)
        archive.end()
        overlay += bytes(archive.data)
        append += f" init=/demo/{demo}"
    if environment("T"):
        append += f" selftest={environment('T')}"
    return overlay, append.strip()


def first_stop():
    """gdb's arguments that bring the machine to where it is first looked at."""
    case = environment("T")
    if case:
        exact = re.fullmatch(r"(\w+)\.(\w+)", case)
        place = f"ktest_{exact[1]}_{exact[2]}" if exact else "run_case"
        return ["-ex", f"tbreak {place}", "-ex", "continue"]
    return ["-ex", "mm start"]


# --- gdb ---

def listening(path):
    """Somebody accepts connections on this socket. Asking by connecting would stop the machine."""
    accepting = "00010000"
    with open("/proc/net/unix") as table:
        return any(line.split()[3] == accepting and line.split()[-1] == path for line in table)


def wait_for(path, process):
    for _ in range(500):
        if listening(path) or process.poll() is not None:
            return
        time.sleep(0.01)


def gdb(stub, arguments, kernel=KERNEL, **variables):
    """Runs gdb on a stub's socket. Its commands are the only scripts that it may load."""
    values = {**os.environ, "TESSERA_TOP": vm.TOP, "TESSERA_DEMOS": DEMOS, **variables}
    commands = [] if os.path.exists(kernel + "-gdb.py") else ["-x", COMMANDS]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return subprocess.call(
        ["gdb", "-q", "-nx", "-iex", "set pagination off", "-iex", "set confirm off", "-iex",
         "add-auto-load-safe-path " + vm.BUILD, "-iex", "set print frame-arguments all", "-iex",
         "set print entry-values no",
         kernel, *commands, "-ex", "target remote " + stub, *arguments],
        env=values, preexec_fn=restore_interrupt)


def restore_interrupt():
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def debug(arguments, machine=None, extra=(), **variables):
    """Boots, stopped, and runs gdb on it. Returns gdb's status."""
    machine = machine or vm.Machine.from_environment()
    overlay, append = guest()
    with vm.Boot(machine, KERNEL, overlay=overlay, append=append) as boot:
        stub, ram = os.path.relpath(boot.path("gdb")), boot.path("ram")
        use_ram_file(machine, ram)
        use_stub(machine, stub)
        machine.extra += extra
        # In a session of its own: ^C is for gdb.
        boot.start(["-serial", "file:" + CONSOLE], stdin=subprocess.DEVNULL,
                   start_new_session=True)
        wait_for(stub, boot.process)
        time.sleep(0.1 if "TESSERA_REPLAY" in variables else 0)  # it still loads the snapshot
        if boot.process.poll() is not None:
            raise Trouble(boot.problem(boot.process.poll()) or "QEMU ended")
        print(f"The guest's console is {os.path.relpath(CONSOLE)}", file=sys.stderr)
        return gdb(stub, arguments, TESSERA_RAM=ram, **variables)


# --- A machine that runs already ---

def monitors():
    """Monitor sockets of machines under way, the youngest first."""
    found = glob.glob(os.path.join(vm.BUILD, "vm.*/monitor"))
    return sorted(found, key=os.path.getmtime, reverse=True)


def monitor_says(path, *lines):
    """Sends lines to a monitor and returns what it printed."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
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


def attach(arguments):
    for path in monitors():
        stub = os.path.join(os.path.dirname(path), "gdb")
        try:
            monitor_says(path, f"gdbserver unix:{os.path.relpath(stub)},server=on,wait=off")
        except OSError:
            continue  # left behind by a machine that was killed
        ram = os.path.join(os.path.dirname(path), "ram")
        return gdb(os.path.relpath(stub), arguments, vm.KERNEL,
                   **({"TESSERA_RAM": ram} if os.path.exists(ram) else {}))
    raise Trouble("no `make run` is under way")


def main():
    arguments = sys.argv[1:]
    try:
        if environment("ATTACH"):
            return attach(arguments)
        if environment("CRASH"):
            import crash
            return crash.reopen(arguments)
        return debug(arguments or first_stop())
    except Trouble as trouble:
        print(f"debug: {trouble}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
