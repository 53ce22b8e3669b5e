#!/usr/bin/env python3
"""make test-programs: Debian's programs doing real work, compared with what Linux answered.

Each tests/programs/NAME.sh runs in bash, in a machine of its own with the Debian root, in an empty
folder; when it is over no more may be in use than before, and the kernel checks its memory as it does
at every end. What it printed on Linux is in expected/NAME.txt; `make oracle-programs` (--oracle)
records that. Environment: T, a glob over program.NAME; J, machines at once; MEM, TIMEOUT (seconds for
one machine); V=1.
"""
import glob
import os
import re
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed

import cases
import oracle
import test
import vm

DEBIAN = os.path.join(vm.BUILD, "debian.cpio")
LOGS = os.path.join(vm.BUILD, "test-programs")
FOLDER = os.path.join(vm.TOP, "tests/programs")
TIMEOUT = float(os.environ.get("TIMEOUT") or 300)

# What Python compiles and top(1) remembers goes where it can be removed.
ENVIRONMENT = "export PYTHONPYCACHEPREFIX=/tmp/kept XDG_CONFIG_HOME=/tmp/kept"


def machine():
    return vm.Machine(mem=os.environ.get("MEM") or vm.Machine.mem)


class Program:
    """A script with the same interface as cases.Case."""

    def __init__(self, source):
        stem = os.path.splitext(os.path.basename(source))[0]
        self.name = f"program.{stem}"
        self.expected = os.path.join(FOLDER, "expected", stem + ".txt")
        self.source = source

    def script(self):
        text = test.read(self.source).decode()
        return (f"exec </dev/null; {ENVIRONMENT}; mkdir -p /tmp/t; cd /tmp/t\n"
                f"cat >../program <<'---'\n{text}---\n"
                "bash ../program; status=$?\n"
                "cd /; rm -rf /tmp/t /tmp/kept /tmp/program; exit $status")


def found():
    return [Program(source) for source in sorted(glob.glob(os.path.join(FOLDER, "*.sh")))]


def tessera(program, log):
    if not os.path.exists(program.expected):
        raise test.Failure(f"nothing recorded from Linux: make oracle-programs T={program.name}")
    overlay = vm.guest_files(cases.leaving_nothing(program.script()))
    with vm.Boot(machine(), initramfs=DEBIAN, overlay=overlay, append="quiet norandmaps") as boot:
        problem = boot.problem(boot.run(log, TIMEOUT))
        if problem:
            raise test.Failure(problem, test.last_lines(log))
        status = boot.init_status()
    if status is None:
        raise test.Failure("the machine ended without process 1's status", test.last_lines(log))
    test.compare(cases.transcript(test.read(log), status), test.read(program.expected))


def linux(program, log):
    """Records a program's answer on Linux."""
    kernel, = glob.glob(os.path.join(vm.BUILD, "pkg/linux-image-686-pae/boot/vmlinuz-*"))
    script = oracle.guest_script([program])
    with vm.Boot(machine(), kernel, DEBIAN, vm.guest_files(script), oracle.APPEND) as boot:
        boot.run(log, TIMEOUT)
    answers, _ = oracle.parse(test.read(log))
    if program.name not in answers:
        raise test.Failure("no answer from Linux", test.last_lines(log))
    oracle.write(program.expected, cases.transcript(*answers[program.name]))


def main():
    work = linux if "--oracle" in sys.argv[1:] else tessera
    pattern = os.environ.get("T") or "*"
    parallel = int(os.environ.get("J") or os.cpu_count() or 2)
    shutil.rmtree(LOGS, ignore_errors=True)
    os.makedirs(LOGS)
    jobs = []
    for program in found():
        if cases.matches(program.name, pattern):
            job = test.Job(program.name, lambda log, program=program: work(program, log))
            job.log = os.path.join(LOGS, re.sub(r"[^\w.-]+", "-", program.name) + ".log")
            jobs.append(job)
    if not jobs:
        print(f"programs: no program matches T='{pattern}'", file=sys.stderr)
        return 2
    passed = failed = 0
    with ThreadPoolExecutor(parallel) as pool:
        for done in as_completed([pool.submit(job.run) for job in jobs]):
            ok, bad = test.report(*done.result())
            passed, failed = passed + ok, failed + bad
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
