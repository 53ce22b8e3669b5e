#!/usr/bin/env python3
"""make screenshot: runs CMD in the guest and saves what the machine's screen shows then.

The picture is build/screenshot.png (OUT= for another place): who owns each frame of memory, the
text screen, counters. No display is needed. What CMD left running, or in files, is in it. The
command's output goes to standard output, and its exit status is ours. Reads CMD, FILES, MEM, CPU,
ACCEL, APPEND, TIMEOUT and QEMUEXTRA from the environment. With --iso GRUB sets the graphics mode,
otherwise the kernel does.
"""
import argparse
import os
import re
import select
import subprocess
import sys
import time

import crash
import debug
import vm

OUT = os.path.join(vm.BUILD, "screenshot.png")
TIMEOUT = 120
MACHINE_PROBLEM = 125

# The guest's shell lets the terminal end lines as screens want it, says when it is done, in an escape
# sequence that no screen shows, and waits for a key. Before that the painter gets the time to see
# all of a large memory.
SCRIPT = r"""stty opost onlcr
trap 'status=$?; sleep 0.6; printf "\033]screenshot;%d\007" $status; read _ <&3' EXIT
exec 3<&0 </dev/null
"""
DONE = re.compile(rb"\033\]screenshot;(\d+)\007")


class Trouble(Exception):
    """Something to tell the user in one line."""


class Screen:
    """A machine that shows its picture: `with Screen(...) as screen`, then run() and save()."""

    def __init__(self, command, machine=None, initramfs=vm.INITRAMFS, folder=None, append="",
                 iso=False, overlay=b""):
        self.machine = machine or vm.Machine()
        overlay = overlay + vm.guest_files(SCRIPT + (command or ""), folder)
        self.boot = vm.Boot(self.machine, initramfs=initramfs, overlay=overlay, iso=iso,
                            append=f"quiet picture {append}".strip())

    def __enter__(self):
        boot = self.boot.__enter__()
        self.ram, self.monitor = boot.path("ram"), boot.path("monitor")
        self.machine.extra += [*crash.memory(self.machine.mem, self.ram),
                               *crash.listen("monitor", self.monitor), "-mon", "chardev=monitor"]
        boot.start(["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"],
                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        debug.wait_for(os.path.relpath(self.monitor), boot.process)
        return self

    def __exit__(self, *_):
        self.boot.process.stdout.close()
        self.boot.__exit__()

    def run(self, output, timeout):
        """Until the command is done; its output goes to a file. Returns its status."""
        pipe, held, end = self.boot.process.stdout, b"", time.monotonic() + timeout
        while True:
            if not select.select([pipe], [], [], max(0, end - time.monotonic()))[0]:
                raise Trouble(vm.ENDINGS[vm.HANG])
            more = os.read(pipe.fileno(), 65536)
            held += more
            done = DONE.search(held)
            shown = done.start() if done else held.find(b"\033", max(0, len(held) - 64))
            shown = len(held) if shown < 0 or not more else shown
            output.write(held[:shown].replace(b"\r\n", b"\n"))
            output.flush()
            if done:
                return int(done[1])
            if not more:
                problem = self.boot.problem(self.boot.wait())
                raise Trouble(problem or "the machine ended before its screen was saved")
            held = held[shown:]

    def ask(self, *lines):
        """The monitor's answer to the last of these lines."""
        return crash.monitor_says(self.monitor, *lines)

    def save(self, path, form="png"):
        said = self.ask(f"screendump {os.path.relpath(path)} -f {form}")
        if not os.path.exists(path):
            raise Trouble("QEMU could not save the screen: " + said.strip())

    def end(self, timeout):
        """Lets the shell go and the machine check itself. Returns what is wrong with it, or None."""
        self.ask("sendkey ret")
        return self.boot.problem(self.boot.wait(timeout))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--iso", action="store_true", help="start by GRUB from a CD image")
    parser.add_argument("--initramfs", default=vm.INITRAMFS)
    args = parser.parse_args()
    get = os.environ.get
    out = get("OUT") or OUT
    try:
        os.makedirs(os.path.dirname(os.path.abspath(out)), exist_ok=True)
        if os.path.exists(out):
            os.remove(out)
        with Screen(get("CMD"), vm.Machine.from_environment(), args.initramfs, get("FILES") or None,
                    get("APPEND") or "", args.iso) as screen:
            timeout = float(get("TIMEOUT") or TIMEOUT)
            status = screen.run(sys.stdout.buffer, timeout)
            screen.save(out)
            problem = screen.end(timeout)
            if problem:
                raise Trouble(problem)
    except Trouble as trouble:
        print(f"screenshot: {trouble}", file=sys.stderr)
        return MACHINE_PROBLEM
    print(f"screenshot: {os.path.relpath(out)}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
