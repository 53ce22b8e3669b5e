"""A virtual machine for one boot: the guest's files, QEMU's command line, and what its end means.

Used by run.py (make run), test.py, oracle.py and debug.py.
"""
import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field

import window
from mkinitramfs import Archive

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(TOP, "build")
KERNEL = os.path.join(BUILD, "tessera.elf")
INITRAMFS = os.environ.get("INITRAMFS") or os.path.join(BUILD, "initramfs.cpio")

# What the kernel writes to isa-debug-exit, as QEMU's status (kernel/core/panic.h, enum exit_code).
PASS, FAIL, PANIC, NONE, BOOT = 33, 35, 37, 39, 41
HANG = 124

ENDINGS = {
    FAIL: "the kernel's checks failed",
    PANIC: "the kernel panicked",
    NONE: "no self-test matches",
    BOOT: "the kernel could not start",
    HANG: "no end in time",
    0: "the machine was reset (a triple fault?)",
    1: "QEMU failed",
}


@dataclass
class Machine:
    """What make's variables MEM, CPU, SMP, ACCEL, GUI and QEMUEXTRA choose."""

    mem: str = "512"
    cpu: str = "max"
    smp: str = "1"
    accel: str = "tcg"
    gui: str = ""  # not empty: the picture of memory, and QEMU's display as in window.choose()
    extra: list = field(default_factory=list)

    @classmethod
    def from_environment(cls):
        get = lambda name, default: os.environ.get(name) or default
        return cls(get("MEM", cls.mem), get("CPU", cls.cpu), get("SMP", cls.smp),
                   get("ACCEL", cls.accel), get("GUI", ""),
                   get("QEMUEXTRA", "").split())

    def arguments(self):
        return ["qemu-system-i386", "-nodefaults", "-no-reboot", "-accel", self.accel,
                "-cpu", self.cpu, "-m", self.mem, "-smp", self.smp, "-vga", "std",
                *(window.choose(self.gui)[0] if self.gui else ["-display", "none"]),
                "-device", "isa-debug-exit,iobase=0xf4,iosize=4", *self.extra]


def guest_files(command=None, folder=None, terminal=None):
    """An archive that is laid over the base initramfs, or b"" when there is nothing to lay."""
    archive = Archive()
    if folder:
        if not os.path.isdir(folder):
            print(f"FILES={folder}: no such folder", file=sys.stderr)
            sys.exit(125)
        archive.tree(folder)
    if terminal:
        archive.file("etc/rc.tty", b"stty rows %d cols %d\n" % (terminal.lines, terminal.columns))
    if command is not None:
        archive.file("etc/rc.cmd", os.fsencode(command) + b"\n")
    if not archive.data:
        return b""
    archive.end()
    return bytes(archive.data)


class Boot:
    """One boot in a folder of its own: `with Boot(machine, ...) as boot: boot.run(...)`.

    `initramfs` is the module's path, or None for a boot without one; the bytes of `overlay` follow
    it. With `iso` the same is started by GRUB from a CD image.
    """

    def __init__(self, machine, kernel=KERNEL, initramfs=INITRAMFS, overlay=b"", append="",
                 iso=False):
        self.machine, self.kernel, self.initramfs = machine, kernel, initramfs
        self.overlay, self.iso = overlay, iso
        self.append = f"picture {append}".strip() if machine.gui else append
        self.process = None

    def __enter__(self):
        os.makedirs(BUILD, exist_ok=True)
        self.folder = tempfile.mkdtemp(prefix="vm.", dir=BUILD)
        return self

    def __exit__(self, *_):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def _module(self):
        if not self.initramfs or not self.overlay:
            return self.initramfs
        module = self.path("initramfs.cpio")
        shutil.copyfile(self.initramfs, module)
        with open(module, "ab") as file:
            file.write(self.overlay)
        return module

    def arguments(self):
        """QEMU's command line, all but the console."""
        command = self.machine.arguments() + ["-debugcon", "file:" + self.path("debugcon")]
        module = self._module()
        if self.iso:
            image = self.path("boot.iso")
            subprocess.run([os.path.join(TOP, "tools/mkiso"), image, self.kernel, module or "",
                            self.append], check=True, stdout=subprocess.DEVNULL)
            return command + ["-cdrom", image, "-boot", "d"]
        command += ["-kernel", self.kernel]
        if module:
            command += ["-initrd", module]
        return command + (["-append", self.append] if self.append else [])

    def start(self, console, **streams):
        """Starts QEMU with the console's arguments; its stderr is kept for the verdict."""
        notice = self.machine.gui and window.choose(self.machine.gui)[1]
        if notice:
            print(notice, file=sys.stderr)
        with open(self.path("stderr"), "wb") as errors:
            self.process = subprocess.Popen(self.arguments() + console, stderr=errors,
                                            preexec_fn=_die_with_parent, **streams)

    def wait(self, timeout=None):
        """QEMU's status, or HANG."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            return HANG

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def run(self, log, timeout):
        """Runs without input, the console's output going to the file `log`."""
        with open(log, "wb") as output:
            self.start(["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"],
                       stdin=subprocess.DEVNULL, stdout=output)
            return self.wait(timeout)

    def _read(self, name):
        try:
            with open(self.path(name), "rb") as file:
                return file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    def init_status(self):
        """Process 1's exit status as a shell would give it, or None."""
        found = re.search(r"^init-status (\d+)$", self._read("debugcon"), re.MULTILINE)
        return os_status(int(found[1])) if found else None

    def problem(self, status):
        """What is wrong with an end of the machine, in one line, or None."""
        errors = self._read("stderr").strip()
        if errors and not (self.machine.gui and status == PASS):  # window toolkits have much to say
            lines = errors.splitlines()  # warnings come before the reason, advice behind it
            return "QEMU: " + next((line.partition(": ")[2] for line in lines
                                    if line.startswith("qemu-") and "warning:" not in line), lines[-1])
        if status == PASS:
            return None
        if status < 0:
            return f"QEMU was killed by {signal.Signals(-status).name}"
        return f"{ENDINGS.get(status, 'unknown end')} (QEMU's status {status})"


def os_status(wait_status):
    """A wait status as a shell's $?."""
    if wait_status & 0x7f:
        return 128 + (wait_status & 0x7f)
    return wait_status >> 8 & 0xff


def _die_with_parent():
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
