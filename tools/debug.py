#!/usr/bin/env python3
"""make debug: gdb with the kernel's symbols on a machine stopped before its first instruction.

The guest is that of `make run` (CMD, FILES, MEM, CPU, APPEND count); what it prints goes to
build/debug.console. Arguments are gdb's; without any, kernel_main is where it stops first. When
gdb ends, so does the machine.
"""
import os
import signal
import subprocess
import sys
import time

import vm

CONSOLE = os.path.join(vm.BUILD, "debug.console")
FIRST_STOP = ["-ex", "tbreak kernel_main", "-ex", "continue"]


def wait_for(path, process):
    for _ in range(100):
        if os.path.exists(path) or process.poll() is not None:
            return
        time.sleep(0.05)


def main():
    environment = os.environ.get
    overlay = vm.guest_files(environment("CMD") or None, environment("FILES") or None)
    with vm.Boot(vm.Machine.from_environment(), overlay=overlay,
                 append=environment("APPEND") or "") as boot:
        socket = os.path.relpath(boot.path("gdb"))
        boot.machine.extra += ["-S", "-gdb", "chardev:gdb", "-chardev",
                               f"socket,id=gdb,path={socket},server=on,wait=off"]
        # In a session of its own: ^C is for gdb.
        boot.start(["-serial", "file:" + CONSOLE], stdin=subprocess.DEVNULL,
                   start_new_session=True)
        wait_for(socket, boot.process)
        if boot.process.poll() is not None:
            print("debug: " + (boot.problem(boot.process.poll()) or "QEMU ended"), file=sys.stderr)
            return 1
        print(f"The guest's console is {os.path.relpath(CONSOLE)}", file=sys.stderr)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return subprocess.call(
            ["gdb", "-q", "-iex", "set pagination off", "-iex",
             "add-auto-load-safe-path " + vm.BUILD, vm.KERNEL, "-ex", "target remote " + socket,
             *(sys.argv[1:] or FIRST_STOP)], preexec_fn=restore_interrupt)


def restore_interrupt():
    signal.signal(signal.SIGINT, signal.SIG_DFL)


if __name__ == "__main__":
    sys.exit(main())
