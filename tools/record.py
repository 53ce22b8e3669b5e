#!/usr/bin/env python3
"""make record, make replay: one run of the machine, and gdb on it, forwards and backwards.

record runs CMD=, DEMO= or the self-tests T= and keeps what came from outside, with a snapshot of
the beginning, in build/record/. replay runs gdb on it; what was chosen for the recording is chosen
again. The instruction count is the clock, so that the run is the same each time; kvmvapic, which
QEMU's reset would wait for, is off.
"""
import json
import os
import shutil
import subprocess
import sys

import crash
import debug
import qcow2
import vm

FOLDER = os.path.join(vm.BUILD, "record")
CHOICE = os.path.join(FOLDER, "choice.json")
KEPT = ("CMD", "FILES", "DEMO", "T", "MEM", "CPU", "APPEND")
MEM = "64"  # a step back loads a snapshot of it


def replay_options(mode):
    """QEMU's options, for record or replay."""
    file = lambda name: os.path.relpath(os.path.join(FOLDER, name))
    return ["-net", "none", "-global", "apic-common.vapic=off",
            "-icount", f"shift=7,rr={mode},rrfile={file('events')},rrsnapshot=init",
            "-drive", f"file={file('snapshots')},if=none,id=rr"]


def new_machine():
    machine = vm.Machine.from_environment()
    machine.mem = os.environ.get("MEM") or MEM
    return machine


def command_line():
    """As make run: without a terminal, and with the kernel's own words left out for a command."""
    if os.environ.get("CMD"):
        os.environ["APPEND"] = ("quiet " + (os.environ.get("APPEND") or "")).strip()


def record():
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.makedirs(FOLDER)
    with open(CHOICE, "w") as file:
        json.dump({name: os.environ.get(name) or "" for name in KEPT}, file)
    qcow2.create(os.path.join(FOLDER, "snapshots"))
    command_line()
    overlay, append = debug.guest()
    with vm.Boot(new_machine(), debug.KERNEL, overlay=overlay, append=append) as boot:
        boot.machine.extra += crash.memory(boot.machine.mem) + replay_options("record")
        boot.start(["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"],
                   stdin=subprocess.DEVNULL)
        status = boot.wait(float(os.environ.get("TIMEOUT") or 0) or None)
        problem = boot.problem(status)
    print("Recorded. Now: make replay", file=sys.stderr)
    if problem:
        print(f"record: {problem}", file=sys.stderr)
        return 1
    return 0


def replay(arguments):
    if not os.path.exists(CHOICE):
        raise debug.Trouble("nothing recorded: make record CMD='...'")
    with open(CHOICE) as file:
        os.environ.update(json.load(file))
    command_line()
    machine = new_machine()
    return debug.debug(arguments or debug.first_stop(), machine, replay_options("replay"),
                       TESSERA_REPLAY="1")


def main():
    if sys.argv[1:2] not in (["record"], ["replay"]):
        print("usage: record.py record|replay [gdb's arguments]", file=sys.stderr)
        return 2
    try:
        return record() if sys.argv[1] == "record" else replay(sys.argv[2:])
    except debug.Trouble as trouble:
        print(f"{sys.argv[1]}: {trouble}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
