#!/usr/bin/env python3
"""make fuzz: random streams of memory calls on Debian's Linux and on Tessera, compared.

Environment: SEED, the first seed (1); SEEDS, how many (20); STEPS, calls of each (1000).
tests/fuzz/fuzz.c makes the streams. Where the two kernels' digests differ, the seed and step are
printed, and the stream is shortened to the calls that are needed to make them differ. Everything
runs in the same QEMU with the same initramfs, many streams in one boot.
"""
import glob
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor

import vm
from oracle import APPEND

MARK = "=-=-="
ROOT = os.path.join(vm.BUILD, "fuzzroot")
LOGS = os.path.join(vm.BUILD, "fuzz")
NO_VDSO = " vdso32=0"  # a stream that unmaps it could make no call any more
IDS = 16  # ids of steps: 16 times the number, and a child's step
SHOWN = 12  # differences that are shortened


def script(jobs, end):
    lines = ["exec </dev/null"]
    for number, job in enumerate(jobs):
        lines += [f"echo '{MARK} {number}'", f"/tests/fuzz {job}", f"echo '{MARK} end '$?"]
    return "\n".join(lines + end)


def parse(name, log, count):
    """The lines of each job, its exit status last."""
    with open(log, "rb") as file:
        text = file.read().decode(errors="replace").replace("\r", "")
    answers = [[f"no answer from {name}"]] * count
    mark = re.escape(MARK)
    for found in re.finditer(mark + r" (\d+)\n(.*?)(" + mark + r" end \d+|\Z)", text, re.DOTALL):
        if int(found[1]) < count:
            answers[int(found[1])] = found[2].splitlines() + [found[3] or f"{name} ended"]
    return answers


def run_one(name, jobs, kernel, append, end):
    log = os.path.join(LOGS, name + ".log")
    overlay = vm.guest_files(script(jobs, end), ROOT)
    with vm.Boot(vm.Machine(), kernel, overlay=overlay, append=append) as boot:
        status = boot.run(log, 120 + 20 * len(jobs))
        if status == vm.HANG or (name == "tessera" and boot.problem(status)):
            print(f"fuzz: {name}: {boot.problem(status)}; see {os.path.relpath(log)}")
    return parse(name, log, len(jobs))


def run(jobs):
    """Both kernels at once. A list of pairs of answers."""
    linux = glob.glob(os.path.join(vm.BUILD, "pkg/linux-image-686-pae/boot/vmlinuz-*"))[0]
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(run_one, "linux", jobs, linux, APPEND + NO_VDSO,
                          ["sleep 1", "poweroff -f"])
        two = pool.submit(run_one, "tessera", jobs, vm.KERNEL, "quiet norandmaps" + NO_VDSO, [])
        return list(zip(one.result(), two.result()))


def first_difference(pair):
    """The number of the first line that differs, or None."""
    linux, tessera = pair
    if linux == tessera:
        return None
    for number, (a, b) in enumerate(zip(linux, tessera)):
        if a != b:
            return number
    return min(len(linux), len(tessera))


def line_at(lines, number):
    return lines[number] if lines and number < len(lines) else "(nothing)"


def interval_end(pair):
    """How many steps must run to see the difference in a report of running hashes."""
    number = first_difference(pair)
    for lines in pair:
        found = re.match(r"(\d+) [0-9a-f]{8}$", line_at(lines, number))
        if found:
            return int(found[1]) + 1
    return None


def find_steps(seeds, pairs, steps):
    """The failing seeds again with every line printed. {seed: (step, the pair of lines)}"""
    failing = {seed: interval_end(pair) or steps for seed, pair in zip(seeds, pairs)
               if first_difference(pair) is not None}
    jobs = [f"{seed} {end} {max(0, end - 64)}" for seed, end in failing.items()]
    found = {}
    for seed, pair in zip(failing, run(jobs) if jobs else []):
        number = first_difference(pair)
        if number is None:
            print(f"seed {seed}: differed once, but not again")
            continue
        lines = [line_at(answer, number) for answer in pair]
        step = next((int(m[1]) for m in (re.match(r"(\d+)\.", line) for line in lines) if m), steps)
        found[seed] = step, lines
    return found


def ranges(ids):
    """Skipped ids as arguments: -FIRST-LAST."""
    out = []
    for number in sorted(ids):
        if out and number == out[-1][1] + 1:
            out[-1][1] = number
        else:
            out.append([number, number])
    return " ".join(f"-{a}-{b}" for a, b in out)


def job_without(seed, step, gone):
    """All but `gone` up to `step`, every line printed."""
    skip = set()
    for number in gone:
        skip |= set(range(number * IDS, number * IDS + IDS))
    return f"{seed} {step + 1} 0 {ranges(skip)}"


def shorten(found):
    """Removes steps as long as the difference stays; all seeds' attempts share boots."""
    gone = {seed: set() for seed in found}
    chunk = {seed: max(1, found[seed][0] // 8) for seed in found}
    active = set(found)
    last = {}
    while active:
        tries = []
        for seed in sorted(active):
            step = found[seed][0]
            left = [n for n in range(step) if n not in gone[seed]]
            size = chunk[seed]
            pieces = [set(left[i:i + size]) for i in range(0, len(left), size)]
            tries += [(seed, piece) for piece in pieces]
        pairs = run([job_without(seed, found[seed][0], gone[seed] | piece)
                     for seed, piece in tries])
        good = {seed: [] for seed in active}
        for (seed, piece), pair in zip(tries, pairs):
            if differs_at_end(pair, found[seed][0]):
                good[seed].append(piece)
        accept_unions(found, gone, good, last)
        for seed in list(active):
            if chunk[seed] == 1 and not good[seed]:
                active.discard(seed)
            elif len(good[seed]) < 2:
                chunk[seed] = max(1, chunk[seed] // 3)
    final = run([job_without(seed, found[seed][0], gone[seed]) for seed in found])
    return dict(zip(found, final))


def differs_at_end(pair, step):
    number = first_difference(pair)
    return number is not None and any(line_at(lines, number).startswith(f"{step}.")
                                      for lines in pair)


def accept_unions(found, gone, good, last):
    """Pieces that can go one at a time often can go together: all, or halves, or one."""
    tries = []
    for seed, pieces in good.items():
        for count in sorted({len(pieces), len(pieces) // 2, len(pieces) // 4, 1} - {0}):
            tries.append((seed, set().union(*pieces[:count])))
            tries.append((seed, set().union(*pieces[-count:])))
    pairs = run([job_without(seed, found[seed][0], gone[seed] | piece) for seed, piece in tries])
    best = {}
    for (seed, piece), pair in zip(tries, pairs):
        if differs_at_end(pair, found[seed][0]) and len(piece) > len(best.get(seed, ())):
            best[seed] = piece
    for seed in good:
        if seed not in best:
            good[seed] = []
        gone[seed] |= best.get(seed, set())


def report(seed, step, pair):
    print(f"--- seed {seed} differs at step {step}; the shortened stream:")
    number = first_difference(pair)
    for line in (pair[0] or [])[:number]:
        if re.match(r"\d+\.", line):
            print("      " + line)
    print("L     " + line_at(pair[0], number))
    print("T     " + line_at(pair[1], number))
    maps = [{line for line in lines or [] if line.startswith("    ")} for lines in pair]
    for name, mine, other in ("L", maps[0], maps[1]), ("T", maps[1], maps[0]):
        for line in sorted(mine - other):
            print(f"{name} {line}")


def main():
    get = lambda name, default: int(os.environ.get(name) or default)
    first, count, steps = get("SEED", 1), get("SEEDS", 20), get("STEPS", 1000)
    os.makedirs(LOGS, exist_ok=True)
    seeds = list(range(first, first + count))
    pairs = run([f"{seed} {steps}" for seed in seeds])
    found = find_steps(seeds, pairs, steps)
    for seed, (step, lines) in found.items():
        print(f"seed {seed} step {step}\nL {lines[0]}\nT {lines[1]}", flush=True)
    shown = dict(sorted(found.items(), key=lambda item: item[1][0])[:SHOWN])
    if shown and not os.environ.get("FUZZ_QUICK"):
        for seed, pair in shorten(shown).items():
            report(seed, shown[seed][0], pair)
    print(f"{count} seeds of {steps} steps: {len(found)} differ")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
