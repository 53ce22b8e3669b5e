#!/usr/bin/env python3
"""make oracle: records what user programs and scripts answer on Debian's Linux (686-pae).

All cases (T=glob chooses) run in one boot of Linux in the same QEMU, with the same initramfs, each
between two marks. Linux's version goes to tests/user/expected/KERNEL.
"""
import glob
import os
import re
import sys

import cases
import vm

APPEND = "console=ttyS0 quiet loglevel=0 panic=-1 mitigations=off norandmaps"
MARK = "=-=-="


def guest_script(chosen):
    lines = ["exec </dev/null", "ifconfig lo up", f"echo \"{MARK} kernel $(uname -r -v)\""]
    for case in chosen:
        lines += [f"echo '{MARK} {case.name}'",
                  f"( {case.script()}\n)",
                  f"echo \"{MARK} end $?\""]
    # Linux sends the last lines from an interrupt: give it the time.
    return "\n".join(lines + ["sleep 1", "poweroff -f"])


def overlay(chosen):
    with open(os.path.join(vm.BUILD, "tests.cpio"), "rb") as file:
        return file.read() + vm.guest_files(guest_script(chosen))


def parse(log):
    """{case name: (output, status)}, and Linux's version."""
    mark = re.escape(MARK.encode())
    answers = {}
    for found in re.finditer(mark + rb" (\S+)\n(.*?)" + mark + rb" end (\d+)\n", log, re.DOTALL):
        answers[found[1].decode()] = found[2], int(found[3])
    kernel = re.search(mark + rb" kernel (.*)\n", log)
    return answers, kernel[1] if kernel else None


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


def main():
    pattern = os.environ.get("T") or "*"
    chosen = [case for case in cases.found() if cases.matches(case.name, pattern)]
    kernels = glob.glob(os.path.join(vm.BUILD, "pkg/linux-image-686-pae/boot/vmlinuz-*"))
    if not kernels:
        print("oracle: no Linux kernel; `make oracle` downloads it", file=sys.stderr)
        return 1
    log = os.path.join(vm.BUILD, "oracle.log")
    timeout = 120 + 60 * len(chosen)
    print(f"oracle: {len(chosen)} cases on Linux; see {os.path.relpath(log)}", file=sys.stderr)
    machine = vm.Machine(mem=os.environ.get("MEM") or "512")
    with vm.Boot(machine, kernels[0], overlay=overlay(chosen), append=APPEND) as boot:
        status = boot.run(log, timeout)
    with open(log, "rb") as file:
        answers, kernel = parse(file.read())
    for case in chosen:
        if case.name in answers:
            write(case.expected, cases.transcript(*answers[case.name]))
    if kernel:
        write(os.path.join(vm.TOP, "tests/user/expected/KERNEL"), kernel + b"\n")
    missing = [case.name for case in chosen if case.name not in answers]
    print(f"{len(answers)} recorded, {len(missing)} missing {' '.join(missing)}".rstrip())
    return 0 if status == 0 and not missing else 1


if __name__ == "__main__":
    sys.exit(main())
