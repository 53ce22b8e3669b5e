"""The tests of `make report`'s data, for tools/test.py: what the page is told is held against what
the kernel counted and against itself. What the page makes of it: tests/report/pages.py."""
import array
import base64
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import zlib
from collections import Counter

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(TOP, "tools")]

NO_SPACE = 0xffff
CLEAN = {name: "" for name in ("DEMO", "CMD", "T", "ATTACH", "CRASH", "APPEND", "FILES", "MEM",
                               "TRACE_BUF")}


class Report:
    """The data of a report, read back from its HTML file."""

    def __init__(self, path):
        with open(path) as file:
            text = file.read()
        packed = re.search(r'<script id="data" type="text/plain">([^<]*)<', text)[1]
        raw = zlib.decompress(base64.b64decode(packed), -15)
        size, = struct.unpack_from("<I", raw)
        header = json.loads(raw[4:4 + size])
        self.html = text
        self.__dict__.update(header["meta"])
        for name, column in header["columns"].items():
            setattr(self, name, self._column(raw, 4 + size + column["at"], **column))

    @staticmethod
    def _column(raw, start, at, type, count, delta):
        width = int(type[1:]) // 8
        data = bytearray(count * width)
        for plane in range(width):
            data[plane::width] = raw[start + plane * count:start + (plane + 1) * count]
        values = array.array({1: "B", 2: "H", 4: "I"}[width], bytes(data))
        if delta:
            for i in range(1, count):
                values[i] = values[i - 1] + values[i] & (1 << 8 * width) - 1
        return values


def make(log, **variables):
    """Makes a report beside the log. Returns what its page is told."""
    path = log + ".html"
    with open(log, "wb") as output:
        status = subprocess.run([os.path.join(TOP, "tools/report.py"), path], stdout=output,
                                env={**os.environ, **CLEAN, **variables}, stderr=subprocess.STDOUT,
                                stdin=subprocess.DEVNULL, timeout=110, check=False).returncode
    assert status == 0, f"exit status {status}"
    return Report(path)


def same(what, got, wanted):
    assert got == wanted, f"{what}: {got} in the report, {wanted} by the kernel"


# --- One run, from every side ---

def account(report):
    """Frames by owner are what the allocators and the page tables say, as mm_check sees it."""
    owners = report.account
    same("frames", sum(owners.values()), len(report.frame_kind))
    same("free", owners["free"] + owners["free-tail"],
         sum(n << order for zone in report.zones for order, n in enumerate(zone["free"])))
    same("on CPU lists", owners["pcp"], sum(zone["pcp"] for zone in report.zones))
    same("slab", owners["slab"], sum(len(c["slabs"]) << c["order"] for c in report.caches))
    for cache in report.caches:
        states = Counter("".join(slab["state"] for slab in cache["slabs"]))
        same(f"taken from {cache['name']}", states["1"] + states["2"], cache["taken"])
    same("zero page", owners["zero"], 1)
    shown = Counter(report.kinds[kind] for kind in report.frame_kind)
    same("the ring", shown["trace"], owners["kernel"] - shown["kernel"])
    for kind in set(owners) - {"kernel"}:
        same(kind, owners[kind], shown[kind])
    mapped = Counter(report.map_pfn)
    for pfn, kind in enumerate(report.frame_kind):
        if report.kinds[kind] in ("anon", "cache"):
            same(f"mappings of frame {pfn:#x}", mapped[pfn], report.frame_maps[pfn])


def faults(report):
    """As many were resolved as the kernel counted until the same moment."""
    before = sum(1 for time, what in zip(report.f_time, report.f_what)
                 if time <= report.snapshotTime and
                 report.verdicts[what]["name"] not in ("signal", "refused copy", "no memory"))
    counted = {counter["name"]: counter["value"] for counter in report.counters}
    same("faults", before, counted["pgfault"])
    assert NO_SPACE not in report.f_space, "a fault in no address space"


def replay(report, at_least):
    """Undone one by one, the frames' events fit what was found in the end, and each other."""
    free = {report.kinds.index(name) for name in ("free", "free-tail", "pcp")}
    nothing = report.kinds.index("free")
    state = [nothing if kind in free else kind for kind in report.frame_kind]
    for i in reversed(range(report.snapshot)):
        kind, freed = report.p_kind[i], report.p_freed[i]
        for pfn in range(report.p_pfn[i], report.p_pfn[i] + (1 << report.p_order[i])):
            expected = nothing if freed else kind
            assert state[pfn] == expected, \
                (f"event {i}: frame {pfn:#x} was {'freed' if freed else 'allocated'} as "
                 f"{report.kinds[kind]}, and later it is {report.kinds[state[pfn]]}")
            state[pfn] = kind if freed else nothing
    assert report.snapshot >= at_least, f"{report.snapshot} events"


def one_run(log):
    report = make(log, CMD="malloc-tour; exit 3", MEM="64", TRACE_BUF="16M")
    account(report)
    faults(report)
    replay(report, 50)
    shown = report.spaces[report.shown]
    same("the program", shown["comm"], "malloc-tour")
    assert "break" in report.output, "the command's output is not there"
    files = {report.sources[place[1]]["path"] for place in report.places if place[1] >= 0}
    assert {"mm/fault.c", "user/malloc/span.c"} <= files, files
    assert "ended with status 3" in report.summary, report.summary
    assert not re.search(r'(src|href)="(?!#|data:)', report.html), "it needs another file"


def verdicts(log):
    """Each program that is made for a kind of fault shows it, at its own line."""
    folder = log + ".files"
    os.makedirs(folder, exist_ok=True)
    shutil.copytree(os.path.join(TOP, "build/demo"), os.path.join(folder, "demo"),
                    dirs_exist_ok=True)
    report = make(log, CMD="for demo in /demo/*; do $demo; done", FILES=folder, MEM="64",
                  TRACE_BUF="16M")
    made = Counter()
    for what, ip in zip(report.f_what, report.f_ip):
        name, source, _ = report.places[ip]
        if source >= 0:
            made[report.sources[source]["path"], name, report.verdicts[what]["name"]] += 1
    for demo, function, verdict in (("zero", "first_write", "demand zero"),
                                    ("stack", "far_below", "stack growth"),
                                    ("upgrade", "then_write", "upgrade"),
                                    ("cow", "child_writes", "copy on write"),
                                    ("file", "read_file", "file page"),
                                    ("huge", "first_write", "huge page"),
                                    ("segv", "store", "signal")):
        assert made[f"user/demo/{demo}.c", function, verdict], f"no {verdict} by {demo}.c: {made}"
    huge = report.pt_kind.count(5)
    assert huge == 512, f"{huge} pages are part of a page of 2 MiB"


def overwritten(log):
    """A ring that is too small is told, and what is left of the trace is still right."""
    report = make(log, CMD="seq 1 3000 | sort -rn | tail -n 1", MEM="64", TRACE_BUF="64K")
    assert report.lost, "nothing is said of the events that are gone"
    account(report)
    replay(report, 1)


def cases():
    for function in (one_run, verdicts, overwritten):
        yield f"report.{function.__name__}", function
