#!/usr/bin/env python3
"""make run: boots Tessera in QEMU on this terminal, or runs one command in it.

Without CMD a shell on the terminal: every key goes to the guest, ^C too; Ctrl-A x leaves QEMU.
With CMD the command's output and nothing else; where standard input is not a terminal and there is
no CMD, what it holds is the command. The exit status is the shell's or the command's
(128 + signal if a signal killed it), or 125 with one line on stderr when the machine did not end
as it should. With GUI=1 GRUB starts the machine and sets a graphics mode for the picture of memory;
with a large root, which takes GRUB long, the kernel sets it. Reads CMD, FILES, MEM, CPU, SMP, ACCEL, APPEND, GUI, TIMEOUT and QEMUEXTRA from the
environment.
"""
import argparse
import os
import signal
import subprocess
import sys
import termios

import crash
import debug
import vm

MACHINE_PROBLEM = 125
GRUB_ROOT = 16 << 20  # bytes: GRUB reads a few megabytes a second


def command_script(command, interactive):
    # Without a terminal nothing could ever arrive on the console: let a reader see the end.
    return command if interactive else "exec </dev/null\n" + command


def console(interactive):
    chardev = "stdio,id=console,signal=off"
    if not interactive:
        return ["-chardev", chardev, "-serial", "chardev:console"]
    return ["-chardev", chardev + ",mux=on", "-serial", "chardev:console", "-mon", "console"]


def run(boot, interactive, timeout):
    settings = termios.tcgetattr(sys.stdin) if interactive else None
    try:
        watch = crash.Watch(boot)
        boot.start(console(interactive), stdin=None if interactive else subprocess.DEVNULL)
        watch.follow(lambda path: debug.wait_for(path, boot.process))
        return boot.wait(timeout)
    finally:
        boot.kill()
        if settings:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, settings)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--iso", action="store_true", help="start by GRUB from a CD image")
    parser.add_argument("--kernel", default=vm.KERNEL)
    parser.add_argument("--initramfs", default=vm.INITRAMFS)
    args = parser.parse_args()
    for path in args.kernel, args.initramfs:
        if not os.path.exists(path):
            print(f"run: no {os.path.relpath(path)}: `make` builds it", file=sys.stderr)
            return MACHINE_PROBLEM
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(128 + signal.SIGHUP))

    environment = os.environ.get
    command = environment("CMD") or None
    interactive = os.isatty(0)
    if command is None and not interactive:
        command = sys.stdin.read()
    append = environment("APPEND") or ""
    if command is not None:
        append = ("quiet " + append).strip()
        command = command_script(command, interactive)
    terminal = os.get_terminal_size(0) if interactive else None
    overlay = vm.guest_files(command, environment("FILES") or None,
                             terminal if terminal and terminal.lines else None)
    machine = vm.Machine.from_environment()
    by_grub = machine.gui and os.path.getsize(args.initramfs) + len(overlay) < GRUB_ROOT
    with vm.Boot(machine, args.kernel, args.initramfs, overlay, append,
                 args.iso or by_grub) as boot:
        status = run(boot, interactive, float(environment("TIMEOUT") or 0) or None)
        problem = boot.problem(status)
        if problem:
            print(f"run: {problem}", file=sys.stderr)
            if status == vm.PANIC and crash.saved(boot):
                print("run: to look at it: make debug CRASH=1", file=sys.stderr)
            return MACHINE_PROBLEM
        return boot.init_status() or 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
