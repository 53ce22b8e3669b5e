"""A run that never was, as large as wanted: notes and a trace for tools/report_data.py, made from a
seed. A program maps areas, touches them at random, forks, frees; every frame is accounted for."""
import array
import os
import random
import struct
import sys
from collections import namedtuple

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tools"))

import debug  # noqa: E402
import report  # noqa: E402
import report_data  # noqa: E402
from report_places import Places  # noqa: E402

KINDS = ["reserved", "free", "free-tail", "pcp", "kernel", "slab", "vmalloc", "kstack", "pgtable",
         "anon", "cache", "zero", "huge"]
WHY = ["zero", "anon", "file", "around", "cow", "copy", "reuse", "fork", "move"]
P, W, U, A, D = 1, 2, 4, 0x20, 0x40
FIRST_FREE = 0x800
PIDS = (4, 5)


def event_type(name, fields):
    base = namedtuple(name, "ns pid " + fields)
    return type(name, (base,), {"event": name, "__slots__": ()})


Fault = event_type("page_fault_user", "address ip error_code")
Done = event_type("page_fault_done", "address ip error_code pfn pte")
Alloc = event_type("mm_page_alloc", "pfn order gfp_flags migratetype kind call_site")
Free = event_type("mm_page_free", "pfn order kind call_site")
Set = event_type("pte_set", "mm address pfn why pte")


class Run:
    """`count` events of two programs; it is its own trace, as report_data reads one."""

    def __init__(self, count, seed, frames=131072):
        self.random, self.frames = random.Random(seed), frames
        self.words, self.overwritten, self.written = {"why": WHY}, 0, count
        self.areas = [(0x08048000, 0x08049000, 0x75, 0, "/bin/busybox", True),
                      (0x08049000, 0x081cd000, 0x75, 1, "/bin/busybox", True),
                      (0x08200000, 0x0a200000, 0x73, 0x8200, "[heap]", False),
                      (0x40000000, 0x48000000, 0x73, 0x40000, "", False),
                      (0xbff00000, 0xc0000000, 0x173, 0xbff00, "[stack]", False)]
        self.tables = {pid: {} for pid in PIDS}
        self.owner = bytearray(frames)
        self.free = list(range(frames - 1, FIRST_FREE, -1))
        self.owner[FIRST_FREE + 1:] = bytes([1]) * (frames - FIRST_FREE - 1)
        self.zero = FIRST_FREE - 1
        self.owner[self.zero] = KINDS.index("zero")
        self.list = list(self._make(count))

    def events(self):
        return iter(self.list)

    def ring_frames(self):
        return []

    def _make(self, count):
        made, ns, site = 0, 10**9, 0xc0110000
        place = {pid: 0 for pid in PIDS}
        while made < count:
            pid = self.random.choice(PIDS)
            table = self.tables[pid]
            start, end, *_ = self.areas[self.random.choice((1, 2, 2, 3, 3, 3, 4))]
            step = self.random.choice((1, 1, 1, 1, 7, -40))
            place[pid] = (place[pid] + step) % ((end - start) >> 12)
            va = start + (place[pid] << 12)
            ns += self.random.randrange(300, 4000)
            write = self.random.random() < .7
            address = va + self.random.randrange(4096)
            ip = 0x08049000 + self.random.randrange(1 << 16)
            group = [Fault(ns, pid, address, ip, 4 | 2 * write | (va in table))]
            if va in table or not self.free:
                old = table.pop(va, None)
                if old is not None and old != self.zero:
                    self.owner[old] = 1
                    self.free.append(old)
                    caller = site + self.random.randrange(4) * 64
                    group.append(Free(ns + 50, pid, old, 0, 9, caller))
            elif write:
                left = len(self.free)
                pfn = self.free.pop(self.random.randrange(max(0, left - 50), left))
                table[va], self.owner[pfn] = pfn, 9
                group += [Alloc(ns + 50, pid, pfn, 0, 4, 2, 9, site),
                          Set(ns + 80, pid, pid, va, pfn, self.random.choice((1, 1, 4, 5)), 0x67)]
            else:
                table[va] = self.zero
                group.append(Set(ns + 60, pid, pid, va, self.zero, 0, 0x25))
            group.append(Done(ns + 120, pid, address, ip, group[0].error_code, 0, P | W))
            made += len(group)
            yield from group

    # --- What gdb would have noted ---

    def notes(self):
        spaces = [self._space(pid, len(self.list) - 2 * (len(PIDS) - n - 1))
                  for n, pid in enumerate(PIDS)]
        machine = {
            "space": len(spaces) - 1, "written": len(self.list), "kinds": KINDS,
            "pcp": [[], [], []],
            "frames": b"".join(struct.pack("<BBBBII20x", kind, 0, 1, 0, kind == 9, kind == 9)
                               for kind in self.owner),
            "zones": [{"name": "Normal", "start": 0, "end": self.frames, "managed": self.frames,
                       "min": 100, "low": 120, "high": 150, "free": [0] * 11}],
            "caches": [], "files": {}, "events": {"pgfault": sum(e.event == "page_fault_done"
                                                                 for e in self.list)},
            "mapped": [(pfn, pid, va) for pid in PIDS for va, pfn in self.tables[pid].items()]}
        return {"spaces": spaces, "machine": machine}

    def _space(self, pid, written):
        table = dict(sorted(self.tables[pid].items()))
        entry = lambda pfn: pfn << 12 | P | U | A | (0 if pfn == self.zero else W | D) | 1 << 63
        directory = sorted({va >> 21 for va in table})
        return {"pid": pid, "parent": 1, "comm": "synthetic", "exe": "/bin/busybox", "ends": True,
                "status": 0, "written": written, "mm": pid, "cr3": 0x1000 * pid,
                "areas": self.areas, "rss": [0, len(table), 0],
                "pdpt": [0x100001, 0x101001, 0x102001, 0x103001],
                "pd": [(index, (0x400 + n) << 12 | P | W | U) for n, index in enumerate(directory)],
                "pt": (array.array("I", table).tobytes(),
                       array.array("Q", map(entry, table.values())).tobytes()),
                "kinds": ["zero" if pfn == self.zero else "anon" for pfn in table.values()],
                "maps": array.array("I", [1] * len(table))}


def write(path, count, seed=1):
    """A report of a run of so many events. Returns the picture behind it."""
    run = Run(count, seed)
    picture = report_data.Picture(run.notes(), Places(debug.KERNEL), run)
    packed = picture.pack(f"synthetic --events={count} --seed={seed}", "",
                          "Made up, to be large.", "")
    with open(path, "w") as file:
        file.write(report.page("synthetic", packed))
    return picture


if __name__ == "__main__":
    write(sys.argv[1], int(sys.argv[2]))
