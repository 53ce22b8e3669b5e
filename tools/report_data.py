"""What the page of make report shows, from what gdb noted (tools/gdb/tessera/picture.py) and the
trace (tools/trace.py): words and tables as JSON, long columns as plain numbers, packed together."""
import array
import json
import os
import re
import struct
import sys
import zlib
from collections import Counter

import vm
from report_places import kernel_sources

PAGE = 4096
NO_FRAME = 0xffffffff
NO_SPACE = 0xffff
GONE_SHOWN = 1000  # areas of a space that were unmapped before its end
PTE_P, PTE_W, PTE_PS = 1, 2, 0x80
FRAME = 0x000ffffffffff000
PF_WRITE, PF_USER = 2, 4
# Linux's names of functions that serve a call of another name.
CALLS = {"mmap_pgoff": "mmap2", "old_mmap": "mmap"}
PERMS = ((1, "r"), (2, "w"), (4, "x"))
VM_MAYSHARE = 0x80

# What a mapped page is; the page's PAGE_KINDS has the words.
NOTHING, ZERO, PRIVATE, SHARED, FILE, HUGE, OTHER = range(7)

# How a fault ended: name, colour, the kernel's function that does it, what it does.
VERDICTS = [
    ("zero page", "f-zero", "fault_anon", "read but never written: the one page of zeroes"),
    ("demand zero", "f-fill", "fault_anon", "first write: a frame of its own, full of zeroes"),
    ("upgrade", "f-upgrade", "cow_copy", "written after it was read: its own frame"),
    ("file page", "f-file", "map_cached", "the page cache's frame, and what lies around it"),
    ("private copy", "f-copy", "fault_private_copy", "write to a file's page: a copy of it"),
    ("copy on write", "f-cow", "cow_copy", "write to a shared frame: a copy of it"),
    ("reuse", "f-reuse", "fault_write_protected", "write to a frame that nobody shares any more"),
    ("stack growth", "f-stack", "find_or_grow", "below the stack: it grows, by a new frame"),
    ("huge page", "k-huge", "hugetlb_fault", "one entry of the directory for 2 MiB at once"),
    ("signal", "f-bad", "signal_force_fault", "nothing may be there: SIGSEGV or SIGBUS"),
    ("refused copy", "f-bad", "fault_failed", "the kernel's copy for the program fails: EFAULT"),
    ("no memory", "f-bad", "oom_kill", "no frame was left: somebody is killed"),
    ("nothing to do", "f-other", "fault_present", "the entry allowed it already"),
]
VERDICT = {name: number for number, (name, *_) in enumerate(VERDICTS)}
WHY = {"zero": "zero page", "anon": "demand zero", "file": "file page", "cow": "copy on write",
       "copy": "private copy", "reuse": "reuse"}

KIND_NAMES = {
    "reserved": "reserved", "kernel": "kernel", "trace": "trace ring", "slab": "slab",
    "vmalloc": "vmalloc", "kstack": "kernel stacks", "pgtable": "page tables",
    "cache": "page cache",
    "anon": "private memory", "zero": "zero page", "huge": "huge pages", "free": "free"}
KIND_WORDS = {
    "reserved": "not the allocator's: firmware, the kernel's image, the array of frames",
    "kernel": "pages that the kernel took for itself", "trace": "the ring that holds this trace",
    "vmalloc": "kernel memory mapped page by page", "kstack": "a thread's kernel stack",
    "pgtable": "a page table", "anon": "private memory of a process",
    "cache": "page of a file or of shared memory", "zero": "the one page of zeroes",
    "huge": "part of a huge page", "free-tail": "inside a free block",
    "pcp": "free, on a CPU's own list", "slab": "slab of small kernel objects", "free": "free"}
COUNTER_WORDS = {
    "pgalloc": "blocks of frames allocated", "pgfree": "blocks of frames given back",
    "pgfault": "page faults that were resolved",
    "pgmajfault": "of them, those that waited for a disk",
    "pgreuse": "write faults on a frame that nobody shared any more: made writable in place",
    "oom_kill": "processes killed because memory was out",
    "cow_copy": "frames copied on a write", "zero_fill": "frames of zeroes mapped on a first write",
    "zero_map": "times the zero page was mapped for a read",
    "file_map": "pages of files mapped, those around a fault included",
    "stack_grow": "times a stack grew to hold an address below it"}


# --- Packing ---

class Columns:
    """Columns of numbers for the page (data.js): bytes of one weight together, deltas where they
    help, so that deflate finds little to do."""

    def __init__(self):
        self.index, self.parts, self.at = {}, [], 0

    def add(self, name, kind, values, delta=False):
        code = {"u8": "B", "u16": "H", "u32": "I"}[kind]
        column = values if isinstance(values, array.array) and values.typecode == code else \
            array.array(code, values)
        if delta and column:
            limit = (1 << 8 * column.itemsize) - 1
            column = array.array(code, [column[0]] + [
                b - a & limit for a, b in zip(column, column[1:])])
        if sys.byteorder != "little":
            column.byteswap()
        data, width = column.tobytes(), column.itemsize
        self.index[name] = {"type": kind, "count": len(column), "at": self.at, "delta": delta}
        self.parts += [data[plane::width] for plane in range(width)]
        self.at += len(data)

    def pack(self, meta):
        header = json.dumps({"meta": meta, "columns": self.index}, separators=(",", ":")).encode()
        packer = zlib.compressobj(6, zlib.DEFLATED, -15)
        return b"".join([packer.compress(struct.pack("<I", len(header)) + header),
                         *(packer.compress(part) for part in self.parts), packer.flush()])


# --- Address spaces ---

class Spaces:
    """The address spaces at their ends, and which of them a process was in at a point of the
    trace."""

    def __init__(self, noted, columns, zero_pfn):
        self.noted = noted
        self.rows = []
        self._ends, self._mms = {}, {}
        self.end = max(space["written"] for space in noted)
        va, lo, hi = array.array("I"), array.array("I"), array.array("I")
        kinds, maps = bytearray(), array.array("H")
        for number, space in enumerate(noted):
            for index, key in (self._ends, space["pid"]), (self._mms, space["mm"]):
                index.setdefault(key, []).append((space["written"], number))
            first = len(va)
            addresses, entries = (array.array(code, data)
                                  for code, data in zip("IQ", space["pt"]))
            va.extend(addresses)
            lo.extend(entry & 0xffffffff for entry in entries)
            hi.extend(entry >> 32 for entry in entries)
            kinds += bytes(self._kind(entry, kind, count, zero_pfn) for entry, kind, count in
                           zip(entries, space["kinds"], space["maps"]))
            maps.extend(min(count, 0xffff) for count in space["maps"])
            self.rows.append(self._row(space, first, len(va) - first))
        columns.add("pt_va", "u32", va, delta=True)
        columns.add("pt_lo", "u32", lo)
        columns.add("pt_hi", "u32", hi)
        columns.add("pt_kind", "u8", kinds)
        columns.add("pt_maps", "u16", maps)

    @staticmethod
    def _kind(entry, kind, count, zero_pfn):
        if (entry & FRAME) >> 12 == zero_pfn:
            return ZERO
        if kind == "anon":
            return SHARED if count > 1 and not entry & PTE_W else PRIVATE
        return {"cache": FILE, "huge": HUGE}.get(kind, OTHER)

    def _row(self, space, first, count):
        split = lambda entry: [entry & 0xffffffff, entry >> 32]
        there = array.array("I", space["pt"][0])
        row = {name: space[name] for name in
               ("pid", "parent", "comm", "exe", "ends", "status", "rss", "cr3")}
        row.update(pt=[first, count], pdpt=[split(entry) for entry in space["pdpt"]],
                   pd=[[index, *split(entry)] for index, entry in space["pd"]],
                   areas=[self._area(area, there) for area in space["areas"]])
        return row

    @staticmethod
    def _area(area, there):
        start, end, flags, pgoff, name, is_object = area
        perms = "".join(letter if flags & bit else "-" for bit, letter in PERMS)
        return {"start": start, "end": end, "name": name, "object": is_object, "place": -1,
                "offset": pgoff * PAGE if is_object else 0,
                "perms": perms + ("s" if flags & VM_MAYSHARE else "p"),
                "there": sum(1 for va in there if start <= va < end)}

    def at(self, pid, written):
        """The number of the space that a process was in after so many records, or NO_SPACE."""
        for end, number in self._ends.get(pid, ()):
            if written < end:
                return number
        return NO_SPACE

    def of(self, mm, written):
        """The number of the space that was at this address in the kernel."""
        for end, number in self._mms.get(mm, ()):
            if written < end:
                return number
        return NO_SPACE

    def area(self, number, va):
        if number == NO_SPACE:
            return None
        return next((a for a in self.rows[number]["areas"] if a["start"] <= va < a["end"]), None)


# --- The trace ---

class Story:
    """What the events say: faults, frames that change hands, who asks for memory."""

    def __init__(self, spaces, kinds, zero_pfn, seen):
        self.spaces, self.kinds, self.zero_pfn = spaces, kinds, zero_pfn
        self.start = self.end = None
        self.seen = seen          # so many records were written when the machine was looked at;
        self.seen_pages = 0       # so many of them told of frames,
        self.seen_ns = 0          # and then it was
        self.faults, self.pages = [], []
        self.count = self.saved = 0
        self.open = {}            # pid: the fault that is being handled
        self.asked = {}           # (call site, what): [calls, bytes, bytes still there]
        self.objects = {}         # address: (its entry in `asked`, size)
        self.frames = {}          # frame: the entry in `asked` of its block
        self.areas = {}           # space: [(start, end, the call that mapped it, name)]
        self.call = {}            # pid: the memory call that it is in

    def read(self, events, before, why):
        """The events until process 1 has ended: what the kernel checks then is no part of it.
        `before` were overwritten, `why` are the names of pte_set's reasons."""
        self.why = why
        handlers = {name[3:]: getattr(self, name) for name in dir(self) if name.startswith("on_")}
        for number, event in enumerate(events, before):
            if number >= self.spaces.end:
                break
            if self.start is None:
                self.start = event.ns
            self.end, self.number = event.ns, number
            self.count += 1
            handler = handlers.get(event.event) or (
                self.on_syscall if event.event.startswith("sys_e") else None)
            if handler:
                handler(event)
            if number < self.seen:
                self.seen_pages, self.seen_ns = len(self.pages), event.ns

    # --- Faults ---

    def on_page_fault_user(self, e):
        self.open[e.pid] = [e.ns, self.spaces.at(e.pid, self.number), e.address, e.ip,
                            e.error_code & 0xff, None, NO_FRAME]

    on_page_fault_kernel = on_page_fault_user

    def on_pte_set(self, e):
        why, fault = self.why[e.why], self.open.get(e.pid)
        if why in ("around", "fork"):
            self.saved += 1
        elif fault and fault[2] & ~0xfff == e.address & ~0xfff:
            fault[1], fault[6] = self.spaces.of(e.mm, self.number), e.pfn
            if e.pte & PTE_PS and why != "reuse":
                fault[5] = VERDICT["huge page"]
            elif fault[5] is None:
                fault[5] = VERDICT.get(WHY.get(why))

    def on_cow(self, e):
        fault = self.open.get(e.pid)
        if fault and e.old_pfn == self.zero_pfn:
            fault[5] = VERDICT["upgrade"]

    def on_page_fault_done(self, e):
        fault = self.open.pop(e.pid, None)
        if fault is None:
            return
        if fault[5] is None:
            allowed = e.pte & PTE_P and (e.pte & PTE_W or not e.error_code & PF_WRITE)
            fault[5] = VERDICT["nothing to do" if allowed else
                               "signal" if e.error_code & PF_USER else "refused copy"]
        self.faults.append(fault)

    # --- Frames ---

    def on_mm_page_alloc(self, e):
        if not e.pfn:
            if e.pid in self.open:
                self.open[e.pid][5] = VERDICT["no memory"]
            return
        self.pages.append((e.ns, e.pfn, e.order, e.kind, 0, e.call_site))
        entry = self._ask(e.call_site, self.kinds[e.kind], PAGE << e.order)
        for pfn in range(e.pfn, e.pfn + (1 << e.order)):
            self.frames[pfn] = entry

    def on_mm_page_free(self, e):
        self.pages.append((e.ns, e.pfn, e.order, e.kind, 1, e.call_site))
        for pfn in range(e.pfn, e.pfn + (1 << e.order)):
            entry = self.frames.pop(pfn, None)
            if entry:
                entry[2] -= PAGE

    # --- Objects ---

    def on_kmalloc(self, e):
        if e.ptr:
            entry = self._ask(e.call_site, "kmalloc", e.bytes_alloc)
            self.objects[e.ptr] = entry, e.bytes_alloc

    def on_kmem_cache_alloc(self, e):
        if e.ptr:
            entry = self._ask(e.call_site, "cache " + e.name, e.bytes_alloc)
            self.objects[e.ptr] = entry, e.bytes_alloc

    def on_kfree(self, e):
        entry, size = self.objects.pop(e.ptr, (None, 0))
        if entry:
            entry[2] -= size

    on_kmem_cache_free = on_kfree

    def _ask(self, site, what, size):
        entry = self.asked.setdefault((site, what), [0, 0, 0])
        entry[0] += 1
        entry[1] += size
        entry[2] += size
        return entry

    # --- Areas ---

    def on_vma_map(self, e):
        fault = self.open.get(e.pid)
        if fault and e.start <= fault[2] < e.end:
            fault[5] = VERDICT["stack growth"]
        else:
            call = self.call.get(e.pid, "execve")
            self.areas.setdefault(self.spaces.of(e.mm, self.number), []).append(
                (e.start, e.end, call, e.name))

    def on_syscall(self, e):
        """Enters or leaves one of the memory calls, each of which has events of its own."""
        _, door, name = e.event.split("_", 2)
        if door == "enter":
            self.call[e.pid] = CALLS.get(name, name)
        else:
            self.call.pop(e.pid, None)


# --- The picture ---

class Frames:
    """The array of struct page (mm/page.h), field by field."""

    SIZE = 32

    def __init__(self, data):
        words = array.array("I", data)
        if sys.byteorder != "little":
            words.byteswap()
        per = self.SIZE // 4
        self.kind, self.order = data[0::self.SIZE], data[1::self.SIZE]
        self.refcount, self.mapcount, self.index, self.mapping = (
            words[n::per] for n in (1, 2, 3, 4))


class Picture:
    def __init__(self, noted, places, trace=None):
        self.noted, self.machine, self.places = noted, noted["machine"], places
        self.columns, self.trace = Columns(), trace
        self.kinds = self.machine["kinds"] + ["trace"]
        self.frames = Frames(self.machine["frames"])
        self.zero_pfn = self.frames.kind.find(self.machine["kinds"].index("zero"))
        self.spaces = Spaces(noted["spaces"], self.columns, self.zero_pfn)
        self.story = Story(self.spaces, self.kinds, self.zero_pfn, self.machine["written"])
        if trace:
            self.story.read(trace.events(), trace.overwritten, trace.words["why"])

    def account(self):
        """Frames by owner, as mm_check counts them."""
        counts = Counter(self.frames.kind)
        return {name: counts[number] for number, name in enumerate(self.machine["kinds"])}

    # --- Columns ---

    def _ring(self):
        return self.trace.ring_frames() if self.trace else []

    def _add_frames(self):
        caches = {cache["at"]: n for n, cache in enumerate(self.machine["caches"])}
        files = {at: n for n, at in enumerate(self.machine["files"])}
        frames, kinds = self.frames, bytearray(self.frames.kind)
        owner = array.array("H", bytes(2 * len(kinds)))
        slab, cached = (self.kinds.index(name) for name in ("slab", "cache"))
        for pfn, kind in enumerate(kinds):
            if kind == slab:
                owner[pfn] = caches.get(frames.mapping[pfn], 0xffff)
            elif kind == cached:
                owner[pfn] = files.get(frames.mapping[pfn], 0xffff)
        for pfn in self._ring():
            kinds[pfn] = self.kinds.index("trace")
        add = self.columns.add
        add("frame_kind", "u8", kinds)
        add("frame_owner", "u16", owner)
        add("frame_order", "u8", frames.order)
        add("frame_refs", "u32", frames.refcount)
        add("frame_maps", "u32", frames.mapcount)
        add("frame_index", "u32", frames.index)
        mapped = self.machine["mapped"]
        add("map_pfn", "u32", [pfn for pfn, _, _ in mapped])
        add("map_pid", "u32", [pid for _, pid, _ in mapped])
        add("map_va", "u32", [va for _, _, va in mapped])

    def _ticks(self, times):
        start, tick = self.story.start or 0, self.tick
        return [(ns - start) // tick for ns in times]

    def _add_faults(self):
        faults, spaces = self.story.faults, self.spaces
        asked = []
        for _, space, _, ip, *_ in faults:
            asked.append(self._file_of(space, ip))
        self.places.prepare({(path, offset) for path, offset in asked if path})
        known, ips = {}, []
        kernel = self.places.callers({f[3] + 1 for f in faults if f[3] >= 0xc0000000})
        for fault, (path, offset) in zip(faults, asked):
            ip = fault[3]
            if ip >= 0xc0000000:
                ips.append(kernel[ip + 1])
                continue
            key = path, offset, ip
            if key not in known:
                known[key] = self.places.user(path, offset, ip)
            ips.append(known[key])
        add = self.columns.add
        add("f_time", "u32", self._ticks(f[0] for f in faults), delta=True)
        add("f_space", "u16", [f[1] for f in faults])
        add("f_addr", "u32", [f[2] for f in faults])
        add("f_ip", "u32", ips)
        add("f_error", "u8", [f[4] for f in faults])
        add("f_what", "u8", [f[5] for f in faults])
        add("f_pfn", "u32", [f[6] & 0xffffffff for f in faults])

    def _file_of(self, number, ip):
        """(path, offset in it) of a program's instruction."""
        area = self.spaces.area(number, ip) if ip < 0xc0000000 else None
        if area and area["object"] and area["name"]:
            return area["name"], ip - area["start"] + area["offset"]
        return "", 0

    def _add_pages(self):
        pages, add = self.story.pages, self.columns.add
        sites = self.places.callers({page[5] for page in pages})
        add("p_time", "u32", self._ticks(p[0] for p in pages), delta=True)
        add("p_pfn", "u32", [p[1] for p in pages])
        add("p_order", "u8", [p[2] for p in pages])
        add("p_kind", "u8", [p[3] for p in pages])
        add("p_freed", "u8", [p[4] for p in pages])
        add("p_site", "u32", [sites[p[5]] for p in pages])

    # --- Words ---

    def _sites(self):
        asked = self.story.asked
        places = self.places.callers({site for site, _ in asked})
        rows = {}
        for (site, what), (calls, size, live) in asked.items():
            row = rows.setdefault((places[site], what), [0, 0, 0])
            for i, n in enumerate((calls, size, live)):
                row[i] += n
        named = lambda what: KIND_NAMES.get(what, what)
        return [{"place": place, "what": named(what) + (" page" if what in KIND_NAMES else ""),
                 "colour": what if what in KIND_NAMES else "slab", "calls": row[0],
                 "bytes": row[1], "live": row[2]} for (place, what), row in rows.items()]

    def _caches(self, sites):
        most = {}
        for site in sites:
            if site["what"].startswith("cache "):
                name = site["what"][6:]
                if name not in most or most[name]["calls"] < site["calls"]:
                    most[name] = site
        found = []
        for cache in self.machine["caches"]:
            constructor = re.match(r"\w+", cache["ctor"])
            found.append({
                **{name: cache[name] for name in ("name", "objsize", "size", "per_slab", "order",
                                              "taken")},
                "ctor": self.places.function(constructor[0]) if constructor else -1,
                "site": most.get(cache["name"][:15], {"place": -1})["place"],
                "slabs": [{"pfn": pfn, "colour": colour, "state": "".join(map(str, state))}
                          for pfn, colour, state in cache["slabs"]]})
        return found

    def _counters(self):
        counted = {}
        for path in kernel_sources():
            with open(os.path.join(vm.TOP, path)) as file:
                for number, line in enumerate(file, 1):
                    for name in re.findall(r"vm_events\.(\w+)(?:\+\+| \+=)", line):
                        counted.setdefault(name, self.places.place(name, path, number))
        return [{"name": name, "value": value, "text": COUNTER_WORDS.get(name, ""),
                 "place": counted.get(name, -1)}
                for name, value in self.machine["events"].items()]

    def _place_areas(self):
        """Each area gets the call that mapped its beginning last; those that are gone are named."""
        for number, row in enumerate(self.spaces.rows):
            made = self.story.areas.get(number, [])
            for area in row["areas"]:
                call = next((call for start, end, call, _ in reversed(made)
                             if start <= area["start"] < end), None)
                if call:
                    area["place"], area["call"] = self.places.function("sys_" + call), call
            gone = {(start, end, name) for start, end, _, name in made
                    if not self.spaces.area(number, start)}
            row["gone"] = sorted(gone)[:GONE_SHOWN]

    def _most_used(self):
        anon = self.kinds.index("anon")
        count = most = self.frames.kind.count(anon)
        for _, _, order, kind, freed, _ in reversed(self.story.pages[:self.story.seen_pages]):
            if kind == anon:
                count += (1 if freed else -1) << order
                most = max(most, count)
        return most

    def pack(self, command, output, summary, untraced):
        """The packed bytes."""
        story, shown = self.story, self.machine["space"]
        span = (story.end or 0) - (story.start or 0)
        self.tick = max(100, -(-span // 0xffffff00))
        self._add_frames()
        self._add_faults()
        self._add_pages()
        self._place_areas()
        sites = self._sites()
        meta = {
            "command": command, "output": output, "summary": summary, "untraced": untraced,
            "tick": self.tick, "end": span // self.tick, "events": story.count,
            "lost": self._lost(), "spaces": self.spaces.rows, "shown": shown,
            "kinds": self.kinds, "kindNames": KIND_NAMES, "kindWords": KIND_WORDS,
            "account": self.account(), "snapshot": story.seen_pages,
            "snapshotTime": (story.seen_ns - (story.start or 0)) // self.tick,
            "files": list(self.machine["files"].values()), "caches": self._caches(sites),
            "zones": self._zones(), "sites": sites, "counters": self._counters(),
            "verdicts": [{"name": name, "colour": colour, "text": text,
                          "place": self.places.function(function)}
                         for name, colour, function, text in VERDICTS],
            "pageFaultsSaved": story.saved, "mostUsed": self._most_used(),
            "tables": self.account()["pgtable"],
        }
        meta.update(places=self.places.rows, sources=self.places.sources)
        return self.columns.pack(meta)

    def _zones(self):
        return [{**zone, "pcp": len(frames)}
                for zone, frames in zip(self.machine["zones"], self.machine["pcp"])]

    def _lost(self):
        if not self.trace or not self.trace.overwritten:
            return ""
        return (f"The trace holds the last {self.story.count:,} events; {self.trace.overwritten:,} "
                "older ones were overwritten. TRACE_BUF=256M makes the ring larger.")
