#!/usr/bin/env python3
"""make debug: gdb on a machine that stops before process 1's first instruction.

The kernel is build/debug/tessera.elf, the same sources compiled for a debugger, and gdb has the
`mm` commands (tools/gdb). The guest is that of `make run` (CMD, FILES, MEM, CPU, APPEND count);
what it prints goes to build/debug.console. When gdb ends, so does the machine.

  DEMO=name   process 1 is user/demo/name.c
  T=case      the kernel's self-tests, stopped at the first that matches
  ATTACH=1    the machine is a `make run` under way instead, the youngest or the one with this
              monitor's socket (build/vm.*/monitor); it goes on when gdb ends
  CRASH=1     the machine is the one that panicked last in `make run`, at the panic

Arguments are gdb's; without any the first stop is as above.
"""
import glob
import os
import re
import signal
import subprocess
import sys
import time

import crash
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

def demos():
    return sorted(name for name in os.listdir(DEMOS)) if os.path.isdir(DEMOS) else []


def guest(command=None):
    """What the variables ask for: (files over the root, kernel command line). A command stands for
    CMD."""
    append = "norandmaps " + environment("APPEND")
    overlay = vm.guest_files(command or environment("CMD") or None, environment("FILES") or None)
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
        append += f" vdso32=0 init=/demo/{demo}"  # nothing but the program itself
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
    """Until QEMU listens on the socket or has ended; a busy machine may take its time."""
    end = time.monotonic() + 60
    while not listening(path) and process.poll() is None and time.monotonic() < end:
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


def run(boot, stub, ram, arguments, kernel=KERNEL, **variables):
    """Starts the machine and runs gdb on it. Returns gdb's status."""
    control = boot.path("control")
    boot.machine.extra += [*crash.listen("control", control), "-mon", "chardev=control"]
    # In a session of its own: ^C is for gdb.
    boot.start(["-serial", "file:" + CONSOLE], stdin=subprocess.DEVNULL, start_new_session=True)
    stub = os.path.relpath(stub)
    wait_for(stub, boot.process)
    wait_for(os.path.relpath(control), boot.process)
    try:
        crash.monitor_says(control, "info status")  # answers when a snapshot, if any, is loaded
    except OSError:
        boot.wait(1)
    if boot.process.poll() is not None:
        raise Trouble(boot.problem(boot.process.poll()) or "QEMU ended")
    print(f"The guest's console is {os.path.relpath(CONSOLE)}", file=sys.stderr)
    return gdb(stub, arguments, kernel, TESSERA_RAM=ram, **variables)


def debug(arguments, machine=None, extra=(), **variables):
    """Boots what the variables ask for, stopped, with gdb on it. Returns gdb's status."""
    machine = machine or vm.Machine.from_environment()
    overlay, append = guest()
    with vm.Boot(machine, KERNEL, overlay=overlay, append=append) as boot:
        stub, ram = boot.path("gdb"), boot.path("ram")
        machine.extra += [*crash.memory(machine.mem, ram), *crash.listen("gdb", stub), "-gdb",
                          "chardev:gdb", "-S", *extra]
        return run(boot, stub, ram, arguments, **variables)


# --- A machine that runs already ---

def monitors():
    """Monitor sockets of machines under way, the youngest first."""
    found = glob.glob(os.path.join(vm.BUILD, "vm.*/monitor"))
    return sorted(found, key=os.path.getmtime, reverse=True)


def attach(arguments):
    chosen = environment("ATTACH")
    for path in [chosen] if chosen.endswith("/monitor") else monitors():
        stub = os.path.join(os.path.dirname(path), "gdb")
        try:
            crash.monitor_says(path, f"gdbserver unix:{os.path.relpath(stub)},server=on,wait=off")
        except OSError:
            continue  # left behind by a machine that was killed
        return gdb(os.path.relpath(stub), arguments, vm.KERNEL)
    raise Trouble("no `make run` is under way")


def main():
    arguments = sys.argv[1:]
    try:
        if environment("ATTACH"):
            return attach(arguments)
        if environment("CRASH"):
            return crash.reopen(arguments)
        return debug(arguments or first_stop())
    except Trouble as trouble:
        print(f"debug: {trouble}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    import debug  # as crash.py knows it: its Trouble is this one's
    sys.exit(debug.main())
