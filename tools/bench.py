#!/usr/bin/env python3
"""make bench: the same program on Tessera and on Debian's Linux, in the same QEMU, side by side.

Two measures. Under `-icount shift=0,sleep=off` a tick of the time stamp counter is an instruction
of the guest, so the figures repeat; besides the two kernels the bare image bench/limit runs, which
does only the hardware's part of each row. Then, without icount, pairs of boots measure wall time.
Linux gets its fastest settings. ROW=glob chooses rows (commas separate alternatives), CPU= the CPU
model, PAIRS=n the pairs of boots (0: none). `--again` runs only Tessera and only under icount, and
takes the rest from the last run.

The table goes to the terminal, all samples to build/bench.json, a chart to build/bench.html.
"""
import argparse
import errno
import fnmatch
import glob
import json
import os
import re
import subprocess
import sys
import threading
import time

import bench_chart
import bench_rows
import vm
from mkinitramfs import Archive

LINUX_APPEND = ("console=ttyS0 quiet loglevel=0 panic=-1 mitigations=off nopti init_on_alloc=0 "
                "cgroup_disable=memory transparent_hugepage=never audit=0 lsm= nokaslr norandmaps "
                "kfence.sample_interval=0")
TESSERA_APPEND = "quiet norandmaps"
ICOUNT = ["-icount", "shift=0,sleep=off"]
DEFAULT_CPU = "qemu32"
DEFAULT_PAIRS = 3
TIMEOUT = 900

FOLDER = os.path.join(vm.BUILD, "bench")
RESULT = os.path.join(vm.BUILD, "bench.json")
CHART = os.path.join(vm.BUILD, "bench.html")
PROMPT_SCRIPT = "exec </dev/null\n/bench/init free_now\n"


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def linux_kernel():
    kernels = glob.glob(os.path.join(vm.BUILD, "pkg/linux-image-686-pae/boot/vmlinuz-*"))
    if not kernels:
        sys.exit("bench: no Linux kernel; `make bench` downloads it")
    return kernels[0]


def kernels():
    return {"linux": (linux_kernel(), LINUX_APPEND), "tessera": (vm.KERNEL, TESSERA_APPEND)}


def read(name):
    with open(os.path.join(FOLDER, name), "rb") as file:
        return file.read()


def program_archive():
    """The initramfs of the measured boots: the two programs and the console."""
    archive = Archive()
    for folder in ("dev", "proc", "tmp"):
        archive.directory(folder)
    archive.device("dev/console", 0o600, 5, 1)
    archive.device("dev/null", 0o666, 1, 3)
    archive.file("init", read("init"), 0o755)
    archive.file("malloc", read("malloc"), 0o755)
    archive.end()
    path = os.path.join(FOLDER, "initramfs.cpio")
    with open(path, "wb") as file:
        file.write(archive.data)
    return path


def prompt_overlay():
    archive = Archive()
    archive.directory("bench")
    archive.file("bench/init", read("init"), 0o755)
    archive.end()
    return bytes(archive.data) + vm.guest_files(PROMPT_SCRIPT)


class Measured:
    """What one boot printed: samples of rows, bytes, and what did not work."""

    def __init__(self):
        self.rows, self.operations = {}, {}
        self.bytes, self.notes, self.boot, self.marks = {}, {}, None, []

    def line(self, text, now):
        word, *rest = text.split()
        if word == "row" and len(rest) > 2:
            ops = self.operations[rest[0]] = int(rest[1])
            self.rows[rest[0]] = [int(ticks) / ops for ticks in rest[2:]]
        elif word == "bytes":
            self.bytes[rest[0]] = int(rest[1])
        elif word == "skip":
            self.notes[rest[0]] = f"SKIP {errno_name(int(rest[1]))}"
        elif word == "died":
            self.notes[rest[0]] = "DIED " + died(int(rest[1]))
        elif word == "boot":
            self.boot = int(rest[0])
        elif word == "clock":
            self.marks.append((now, int(rest[0])))

    def scale(self):
        """Host nanoseconds in a tick, from the two marks."""
        (t0, c0), (t1, c1) = self.marks[0], self.marks[-1]
        return (t1 - t0) / (c1 - c0) if c1 != c0 else 1


def errno_name(number):
    return errno.errorcode.get(number, str(number))


def died(status):
    return f"signal {status & 127}" if status & 127 else f"status {status >> 8}"


def boot(machine, kernel, append, globs, initramfs, overlay=b"", log="bench.log", leave=False):
    """Runs one machine until its program has ended, and gives what that printed.

    With `leave` QEMU leaves by itself, for it has something to do then.
    """
    measured = Measured()
    arguments = append + (" -- rows " + " ".join(globs) if globs else "")
    path = os.path.join(vm.BUILD, log)
    ended = False
    with vm.Boot(machine, kernel, initramfs, overlay, arguments.strip()) as guest, \
            open(path, "wb") as file:
        guest.start(["-serial", "stdio"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        alarm = threading.Timer(TIMEOUT, guest.kill)
        alarm.daemon = True
        alarm.start()
        for raw in guest.process.stdout:
            now = time.monotonic_ns()
            file.write(raw)
            text = raw.decode(errors="replace").strip()
            if re.match(r"(row|bytes|skip|died|boot|clock) ", text):
                measured.line(text, now)
            if text == "end":
                ended = True
                break
        alarm.cancel()
        if leave:
            guest.process.stdout.close()
            guest.wait(TIMEOUT)
    if not ended and "free_now" not in measured.bytes:
        say(f"a machine stopped before its end; see {os.path.relpath(path)}")
    return measured


def machine(extra):
    result = vm.Machine(cpu=os.environ.get("CPU") or DEFAULT_CPU,
                        mem=os.environ.get("MEM") or "512")
    result.extra = list(extra)
    return result


def merge(result, globs, kind, kernel, measured):
    """Adds a boot's rows that are wanted to `result`: {row: {kind: {kernel: ...}}}."""
    entries = dict(measured.rows)
    if measured.boot and kind == "instructions":
        entries["boot"] = [measured.boot]
    place = lambda row, kind: result.setdefault(row, {}).setdefault(kind, {})
    for row, samples in entries.items():
        if wanted(row, globs):
            place(row, kind)[kernel] = place(row, kind).get(kernel, []) + samples
    for row, value in measured.bytes.items():
        if wanted(row, globs):
            place(row, "bytes")[kernel] = value
    for row, note in measured.notes.items():
        place(row, "notes")[kernel] = note


def measure_instructions(result, globs, initramfs, which):
    for name in which:
        say(f"{name}, instructions")
        kernel, append = (os.path.join(FOLDER, "limit.elf"), "") if name == "limit" \
            else kernels()[name]
        measured = boot(machine(ICOUNT), kernel, append, [] if name == "limit" else globs,
                        None if name == "limit" else initramfs, log=f"bench.{name}.log")
        merge(result, globs, "instructions", name, measured)


def measure_wall(result, globs, initramfs, pairs):
    """Pairs of boots; the sample of a pair is the median of its samples."""
    for pair in range(pairs):
        say(f"wall time, pair {pair + 1} of {pairs}")
        order = ["linux", "tessera"] if pair % 2 == 0 else ["tessera", "linux"]
        for name in order:
            measured = boot(machine([]), *kernels()[name], globs, initramfs,
                            log=f"bench.{name}.wall.log")
            scale = measured.scale() if len(measured.marks) > 1 else 1
            measured.rows = {row: [bench_rows.median(samples) * scale]
                             for row, samples in measured.rows.items()}
            measured.bytes, measured.notes = {}, {}
            merge(result, globs, "wall", name, measured)


def measure_prompt(result):
    """Memory that is not free when the shell of a full root runs a command."""
    for name in ("linux", "tessera"):
        say(f"{name}, memory at the prompt")
        base = machine([])
        measured = boot(base, *kernels()[name], [], vm.INITRAMFS, prompt_overlay(),
                        f"bench.{name}.prompt.log")
        free = measured.bytes.get("free_now")
        if free is not None:
            result.setdefault("prompt_bytes", {}).setdefault("bytes", {})[name] = \
                (int(base.mem) << 20) - free


def load_last(cpu):
    """The rows of the last run, if that was on the same CPU."""
    try:
        with open(RESULT, encoding="utf-8") as file:
            last = json.load(file)
        return last["rows"] if last["cpu"] == cpu else {}
    except (FileNotFoundError, KeyError, ValueError):
        return {}


def wanted(row, globs):
    return not globs or any(fnmatch.fnmatchcase(row, pattern) for pattern in globs)


def measure(result, globs, pairs):
    """Measures everything of the rows that are wanted; what else `result` has stays."""
    for row in [row for row in result if wanted(row, globs)]:
        del result[row]
    initramfs = program_archive()
    measure_instructions(result, globs, initramfs, ["limit", "tessera", "linux"])
    measure_wall(result, globs, initramfs, pairs)
    if wanted("prompt_bytes", globs):
        measure_prompt(result)


def measure_again(result, globs):
    """Measures Tessera's instructions only."""
    for row in result:
        if wanted(row, globs):
            for kind in result[row].values():
                kind.pop("tessera", None)
    measure_instructions(result, globs, program_archive(), ["tessera"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--again", action="store_true",
                        help="only Tessera under icount; the rest is the last run's")
    args = parser.parse_args()
    globs = [g for g in (os.environ.get("ROW") or "").split(",") if g]
    names = [row[0] for row in bench_rows.ROWS + bench_rows.BYTE_ROWS]
    if not any(wanted(name, globs) for name in names):
        print(f"bench: no row matches ROW={','.join(globs)}: {' '.join(names)}", file=sys.stderr)
        return 2
    pairs = os.environ.get("PAIRS")
    cpu = machine([]).cpu
    os.makedirs(FOLDER, exist_ok=True)
    result = load_last(cpu) if globs or args.again else {}
    if args.again:
        measure_again(result, globs)
    else:
        measure(result, globs, int(pairs) if pairs else DEFAULT_PAIRS)
    everything = bench_rows.Report(result)
    with open(RESULT, "w", encoding="utf-8") as file:
        json.dump({"cpu": cpu, "linux": LINUX_APPEND, "summary": everything.summary(),
                   "rows": result}, file, indent=1)
    with open(CHART, "w", encoding="utf-8") as file:
        file.write(bench_chart.page(everything))
    report = bench_rows.Report({row: result[row] for row in result if wanted(row, globs)})
    print(report.table())
    say(f"samples in {os.path.relpath(RESULT)}, chart in {os.path.relpath(CHART)}")
    return 0 if report.complete() else 1


if __name__ == "__main__":
    sys.exit(main())
