#!/usr/bin/env python3
"""make profile ROW=name: where one row of the benchmark spends its instructions, by function.

Boots Tessera with the benchmark's program and this one row, and a plugin in QEMU (bench/plugin.c)
that counts while the row's stopwatch runs. Prints the functions with the most instructions: their
share, and instructions per operation. What the compiler inlined counts for the function that it is
in. LINES=n sets how many functions (25).
"""
import bisect
import os
import subprocess
import sys

import bench
import bench_rows
import vm

DEFAULT_LINES = 25
WARM_UP = 1  # samples that are counted here but not printed by the program


def symbols(path):
    """Sorted addresses of an image's code, and their names."""
    listing = subprocess.run(["nm", "-n", path], check=True, capture_output=True, text=True).stdout
    found = {}
    for line in listing.splitlines():
        address, kind, name = line.rsplit(maxsplit=2)
        if kind in "tTwW":
            found.setdefault(int(address, 16), name)
    return sorted(found), [found[address] for address in sorted(found)]


def marks(row):
    """The addresses of profile_begin and profile_end in the program that has the row."""
    program = "malloc" if row.startswith("malloc") else "init"
    addresses, names = symbols(os.path.join(bench.FOLDER, program))
    place = dict(zip(names, addresses))
    return place["profile_begin"], place["profile_end"]


def by_function(path, addresses, names):
    counts = {}
    with open(path, encoding="ascii") as file:
        for line in file:
            where, count = line.split()
            if where == "user":
                name = "(the program)"
            else:
                name = names[bisect.bisect_right(addresses, int(where, 16)) - 1]
            counts[name] = counts.get(name, 0) + int(count)
    return counts


def show(row, counts, operations, limit):
    total = sum(counts.values())
    print(f"{row}: {total / operations:,.1f} instructions per operation")
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    for name, count in ordered[:limit]:
        print(f"{100 * count / total:6.1f}% {count / operations:12,.1f}  {name}")


def main():
    row = os.environ.get("ROW") or ""
    if row not in {name for name, _, _ in bench_rows.ROWS} - {"boot"}:
        print("profile: ROW= must be one row of the benchmark; docs/bench.md lists them",
              file=sys.stderr)
        return 2
    begin, end = marks(row)
    out = os.path.join(bench.FOLDER, "profile.out")
    plugin = os.path.join(bench.FOLDER, "plugin.so")
    machine = bench.machine(bench.ICOUNT + [
        "-plugin", f"{plugin},begin={begin:x},end={end:x},out={out}"])
    kernel, append = vm.KERNEL, bench.TESSERA_APPEND
    measured = bench.boot(machine, kernel, append, [row], bench.program_archive(),
                          log="profile.log", leave=True)
    if row not in measured.rows:
        print(f"profile: {measured.notes.get(row, 'the row did not run')}", file=sys.stderr)
        return 1
    operations = measured.operations[row] * (len(measured.rows[row]) + WARM_UP)
    show(row, by_function(out, *symbols(vm.KERNEL)), operations,
         int(os.environ.get("LINES") or DEFAULT_LINES))
    return 0


if __name__ == "__main__":
    sys.exit(main())
