#!/usr/bin/env python3
"""make trace CMD='...' [TRACE=GLOB]: runs a command and records what the memory system does for it.

Writes build/trace.txt, as Linux's ftrace shows it, and build/trace.json, for ui.perfetto.dev and
other readers of Chrome's trace events, and prints a summary. TRACE chooses events by name, system
or both (`kmem:*,page_fault*`), all if it is not given; without CMD the boot itself is recorded. The
status is the command's, as with `make run`.

As a module it reads the rings out of a guest's memory (kernel/core/trace.h):

    for event in trace.events("build/ram", "build/tessera.elf"):
        if event.event == "page_fault_user":
            print(event.ns, event.comm, event.pid, hex(event.address), hex(event.ip))

`ram` is guest memory from physical address 0 on: a file's path, or bytes (an mmap). Records come in
the order of their time. Each is a named tuple of a type of its own: first what all have

    ns       clock_monotonic_ns(), since boot
    cpu      who recorded it
    context  TRACE_ bits of trace.h: interrupts off, spin locks held, ...
    pid      the thread's id; 0 when no process ran
    comm     its name

then the event's fields (ints or str) in the order of kernel/core/trace_events.h. Of the type:
`event` (its name), `system`, `type` (EventType). `Trace` gives more: the types, the words behind numbers, symbols,
how much was overwritten, and the text that Linux's ftrace would show.

What an event is called and what its fields are is read from the guest's memory too, so this file
knows no event by name.
"""
import bisect
import collections
import fnmatch
import functools
import heapq
import json
import mmap
import os
import re
import struct
import subprocess
import sys

KERNEL_BASE = 0xc0000000
PAGE_SIZE = 4096
MAGIC = b"TRACE 1\0"

# struct trace_directory, trace_event, trace_word, trace_cpu, trace_page, trace_record
DIRECTORY = struct.Struct("<8s8I")
EVENT = struct.Struct("<4I")
WORD = struct.Struct("<2I")
CPU = struct.Struct("<4I3Q2I")
PAGE = struct.Struct("<2I")
RECORD = "HBBIQ16s"
HEAD = struct.Struct("<HB")

COMMON = ("ns", "cpu", "context", "pid", "comm")


class TraceError(Exception):
    """The memory holds no trace that this reader knows."""


class Symbols:
    """The names in an image: addresses of names, and names of addresses."""

    def __init__(self, elf):
        self.elf = elf
        listing = subprocess.run(["nm", "-n", elf], check=True, capture_output=True,
                                 text=True).stdout
        self.address, code = {}, {}
        for line in listing.splitlines():
            address, kind, name = line.rsplit(maxsplit=2)
            self.address[name] = int(address, 16)
            if kind in "tTwW" and not name.startswith("."):
                code.setdefault(int(address, 16), name)
        self._starts = sorted(code)
        self._names = [code[start] for start in self._starts]
        self._lines = {}

    def function(self, address):
        """(name, offset, size) of the code around an address, or None."""
        at = bisect.bisect_right(self._starts, address) - 1
        if at < 0 or at + 1 >= len(self._starts):
            return None
        start = self._starts[at]
        return self._names[at], address - start, self._starts[at + 1] - start

    def lines(self, addresses):
        """{address: "file:line"} of code addresses, asked from addr2line all at once."""
        new = [a for a in dict.fromkeys(addresses) if a not in self._lines]
        if new:
            answers = subprocess.run(["addr2line", "-e", self.elf], check=True, text=True,
                                     capture_output=True, input="".join(f"{a:x}\n" for a in new))
            for address, line in zip(new, answers.stdout.splitlines()):
                line = line.split(" ")[0]
                self._lines[address] = os.path.relpath(line) if line[0] == "/" else line
        return self._lines


    @functools.lru_cache(maxsize=None)
    def name(self, address, offset=False):
        """As Linux prints it: name, or name+0x12/0x345; a number where there is no name."""
        found = self.function(address)
        if not found:
            return f"0x{address:x}"
        return f"{found[0]}+0x{found[1]:x}/0x{found[2]:x}" if offset else found[0]


class Memory:
    """Guest memory by the kernel's directly mapped addresses."""

    def __init__(self, ram):
        if isinstance(ram, (str, os.PathLike)):
            with open(ram, "rb") as file:
                ram = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.bytes = ram

    def read(self, form, address):
        return form.unpack_from(self.bytes, address - KERNEL_BASE)

    def words(self, address, n):
        return struct.unpack_from(f"<{n}I", self.bytes, address - KERNEL_BASE)

    def page(self, address):
        return self.bytes[address - KERNEL_BASE:address - KERNEL_BASE + PAGE_SIZE]

    def string(self, address):
        at = address - KERNEL_BASE
        return self.bytes[at:self.bytes.find(b"\0", at)].decode()


def _text(data):
    return data.split(b"\0", 1)[0].decode(errors="replace")


class EventType:
    """One kind of event: its names, its fields, and how a record is taken apart."""

    FORMS = {"u32": "I", "s32": "i", "trace_name": "16s"}

    def __init__(self, number, system, name, fields, text):
        self.id, self.system, self.name, self.text = number, system, name, text
        pairs = [field.split() for field in fields.split(";") if field]
        self.fields = [name for _, name in pairs]
        self._tail = bool(pairs) and pairs[-1][0] == "trace_text"
        fixed = pairs[:-1] if self._tail else pairs
        self._names = [len(COMMON) + i for i, (kind, _) in enumerate(fixed)
                       if kind == "trace_name"]
        self._form = struct.Struct("<" + RECORD + "".join(self.FORMS[kind] for kind, _ in fixed))
        base = collections.namedtuple(name, COMMON + tuple(self.fields))
        more = {"event": name, "system": system, "type": self}
        assert not set(more) & set(base._fields), f"{name} has a field of a reserved name"
        self.make = type(name, (base,), {"__slots__": (), **more})._make

    def record(self, cpu, page, at, size, comms):
        _, _, context, pid, ns, comm, *values = self._form.unpack_from(page, at)
        if comm not in comms:
            comms[comm] = _text(comm)
        values[:0] = ns, cpu, context, pid, comms[comm]
        for i in self._names:
            values[i] = _text(values[i])
        if self._tail:
            values.append(_text(page[at + self._form.size:at + size]))
        return self.make(values)


class Trace:
    """What a guest's memory says about its trace."""

    def __init__(self, ram, elf):
        self.memory = Memory(ram)
        self.symbols = Symbols(elf)
        place = self.symbols.address.get("trace_directory")
        if place is None:
            raise TraceError(f"{elf} has no trace events")
        (magic, events, words, self.cpus, event, word, self._cpu, mem_map,
         self._struct_page) = self.memory.read(DIRECTORY, place)
        if magic != MAGIC:
            raise TraceError(f"not the memory of a guest that ran {elf}")
        self._mem_map = self.memory.words(mem_map, 1)[0]
        self.types = [self._event_type(i, event) for i in range(events)]
        self.words = dict(self._words(word + i * WORD.size) for i in range(words))
        rings = [self._ring(cpu) for cpu in range(self.cpus)]
        self.written = sum(ring[4] for ring in rings)
        self.overwritten = sum(ring[5] for ring in rings)
        self.free_frames = rings[0][7]  # when the first record was written, if none is gone

    def page_address(self, pfn):
        """Of the frame's struct page; 0 for none."""
        return pfn and self._mem_map + pfn * self._struct_page

    def word(self, form, number):
        """The name of a number, as the text shows it."""
        words = self.words[form]
        return words[number] if number < len(words) else f"0x{number:x}"

    def _event_type(self, i, table):
        strings = self.memory.read(EVENT, table + i * EVENT.size)
        return EventType(i, *(self.memory.string(address) for address in strings))

    def _words(self, address):
        form, words = self.memory.read(WORD, address)
        return self.memory.string(form), self.memory.string(words).split()

    def _ring(self, cpu):
        return self.memory.read(CPU, self._cpu + cpu * CPU.size)

    def _events_of(self, cpu):
        pages, count, first, head, *_ = self._ring(cpu)
        if not pages:
            return
        table, comms, types = self.memory.words(pages, count), {}, self.types
        for i in range(first, first + (head - first) % count + 1):
            page = self.memory.page(table[i % count])
            end, at = PAGE.unpack_from(page)[0], PAGE.size
            while at < end:
                event, words = HEAD.unpack_from(page, at)
                yield types[event].record(cpu, page, at, words * 4, comms)
                at += words * 4

    def ring_frames(self):
        """Numbers of the frames that the rings take."""
        pages = [page for cpu in range(self.cpus)
                 for page in self.memory.words(*self._ring(cpu)[:2])]
        return [(page - KERNEL_BASE) // PAGE_SIZE for page in pages]

    def events(self):
        """All records, oldest first."""
        if self.cpus == 1:
            return self._events_of(0)
        return heapq.merge(*(self._events_of(cpu) for cpu in range(self.cpus)),
                           key=lambda event: event.ns)


def events(ram, elf):
    """The records in a guest's memory, oldest first."""
    return Trace(ram, elf).events()


# --- Text, as Linux's ftrace prints it ---

HEADER = """\
# tracer: nop
#
# entries-in-buffer/entries-written: {in_buffer}/{written}   #P:{cpus}
#
#                                _-----=> irqs-off/BH-disabled
#                               / _----=> need-resched
#                              | / _---=> hardirq/softirq
#                              || / _--=> preempt-depth
#                              ||| / _-=> migrate-disable
#                              |||| /     delay
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
#              | |         |   |||||     |         |
"""

PREEMPT, IRQSOFF, HARDIRQ, RESCHED = 0x0f, 0x10, 0x20, 0x40
FIELD = re.compile(r"\{(\w+):(\w+)\}")


def _hex(number):
    return f"{number & 0xffffffff:x}"


class Text:
    """Lines of text for a trace's records."""

    def __init__(self, trace):
        self.trace = trace
        self._printers = [self._printer(kind) for kind in trace.types]
        self._marks = [self._mark(context) for context in range(256)]

    def _form(self, form):
        symbols, trace = self.trace.symbols, self.trace
        forms = {
            "x": _hex, "08x": "{:08x}".format, "u": str, "d": str, "s": str,
            "sym": symbols.name,
            "symoff": lambda address: symbols.name(address, True),
            "page": lambda pfn: f"{trace.page_address(pfn):08x}",
        }
        return forms.get(form) or (lambda number: trace.word(form, number))

    def _printer(self, kind):
        """A function from a record to its text."""
        parts = FIELD.split(kind.text)
        shown = [(len(COMMON) + kind.fields.index(name), self._form(form))
                 for name, form in zip(parts[1::3], parts[2::3])]
        pattern = "%s".join(part.replace("%", "%%") for part in parts[::3])
        if kind.system != "syscalls" and kind.name != "print":
            pattern = f"{kind.name}: {pattern}"
        return lambda record: pattern % tuple([form(record[at]) for at, form in shown])

    @staticmethod
    def _mark(context):
        depth = context & PREEMPT
        return ("d" if context & IRQSOFF else ".") + ("N" if context & RESCHED else ".") + \
            ("h" if context & HARDIRQ else ".") + (f"{depth:x}" if depth else ".") + "."

    def line(self, record):
        us = (record.ns + 500) // 1000
        comm = record.comm if record.pid else "<idle>"
        return "%16s-%-7d [%03d] %s %5d.%06d: %s\n" % (
            comm, record.pid, record.cpu, self._marks[record.context], us // 1000000,
            us % 1000000, self._printers[record.type.id](record))

    def header(self):
        trace = self.trace
        return HEADER.format(in_buffer=trace.written - trace.overwritten, written=trace.written,
                             cpus=trace.cpus)


def write_text(trace, path):
    text = Text(trace)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.header())
        file.writelines(map(text.line, trace.events()))


# --- Chrome's trace event format ---

@functools.cache
def calls():
    """The names of the system calls, by number."""
    with open(os.path.join(vm.TOP, "kernel/abi/syscall_nr.h"), encoding="utf-8") as file:
        return {int(number): name for number, name in re.findall(r"X\((\d+), (\w+)\)", file.read())}


class Chrome:
    """Trace events as Chrome's JSON: faults and system calls as slices, counts as counters, the rest
    as instants. A thread is shown as a process of its own: records hold its number only."""

    BEGINS = re.compile(r"page_fault_(user|kernel)$|sys_enter")
    ENDS = re.compile(r"page_fault_done$|sys_exit")

    def __init__(self, trace):
        self.trace = trace
        self._open = collections.defaultdict(list)  # pid: records whose end is to come
        self._rss = collections.defaultdict(dict)
        self._free = trace.free_frames
        self._names = {}

    def _event(self, record, phase, name, ns, **more):
        return {"ph": phase, "name": name, "cat": record.system, "pid": record.pid,
                "tid": record.pid, "ts": ns / 1000, **more}

    def _arguments(self, *records):
        shown = {}
        for record in records:
            for field in record.type.fields:
                value = getattr(record, field)
                if field in ("call_site", "ip") and value:
                    value = self.trace.symbols.name(value, True)
                elif field in ("address", "ptr", "pfn", "start", "end", "flags", "pte"):
                    value = hex(value)
                elif field in ("why", "kind"):
                    value = self.trace.word(field, value)
                shown[field] = value
        return shown

    def _slice(self, begin, end):
        if begin.event == "sys_enter":
            name = calls().get(begin.id, f"call {begin.id}")
        else:
            name = begin.event.replace("sys_enter_", "").replace("_", " ")
        return self._event(begin, "X", name, begin.ns, dur=(end.ns - begin.ns) / 1000,
                           args=self._arguments(begin, end))

    def _end(self, record):
        """The slice that ends here, if its beginning was recorded too."""
        pending = self._open[record.pid]
        wanted = "page_fault_" if record.event == "page_fault_done" else \
            record.event.replace("exit", "enter")
        while pending:
            begin = pending.pop()
            if begin.event.startswith(wanted):
                return [self._slice(begin, record)]
        return []

    def _counters(self, record):
        if record.event == "rss_stat":
            counts = self._rss[record.mm_id]
            counts[self.trace.word("rss", record.member)] = record.size
            return [self._event(record, "C", f"rss of mm {record.mm_id:x}", record.ns, args=counts)]
        if record.event in ("mm_page_alloc", "mm_page_free"):
            frames = 1 << record.order if record.pfn else 0
            self._free += frames if record.event == "mm_page_free" else -frames
            return [self._event(record, "C", "free frames", record.ns,
                                args={"frames": self._free}) | {"pid": 0, "tid": 0}]
        return []

    def _name(self, record):
        if self._names.get(record.pid) == record.comm:
            return []
        self._names[record.pid] = record.comm
        name = record.comm if record.pid else "kernel"
        return [{"ph": "M", "name": what, "pid": record.pid, "tid": record.pid,
                 "args": {"name": name}} for what in ("process_name", "thread_name")]

    def convert(self, record):
        """What to write for one record."""
        events = self._name(record)
        if self.BEGINS.match(record.event):
            self._open[record.pid].append(record)
        elif self.ENDS.match(record.event):
            events += self._end(record)
        else:
            events.append(self._event(record, "i", record.event, record.ns, s="t",
                                      args=self._arguments(record)))
        return events + self._counters(record)


def write_json(trace, path):
    chrome, encode = Chrome(trace), json.JSONEncoder(separators=(",", ":")).encode
    with open(path, "w", encoding="utf-8") as file:
        file.write('{"displayTimeUnit":"ns","traceEvents":[\n')
        first = True
        for record in trace.events():
            for event in chrome.convert(record):
                file.write(("" if first else ",\n") + encode(event))
                first = False
        file.write("\n]}\n")


# --- make trace ---

RING_SHARE = 4     # of the guest's memory, at most
RING_MB = 64       # holds a million records
TOP = 5


def summary(trace):
    """What happened most, and who asked for memory."""
    kinds, sites = collections.Counter(), collections.Counter()
    first = last = None
    for record in trace.events():
        first, last = first or record, record
        kinds[f"{record.system}:{record.event}"] += 1
        if "alloc" in record.event and "call_site" in record._fields:
            sites[record.call_site] += 1
    total = sum(kinds.values())
    if not total:
        return ["no events"]
    lines = [f"{total} events in {(last.ns - first.ns) / 1e6:.1f} ms" +
             (f"; {trace.overwritten} older ones overwritten" if trace.overwritten else "")]
    lines += [f"{count:10}  {name}" for name, count in kinds.most_common(TOP)]
    if sites:
        lines.append("most allocations by")
    for site, count in sites.most_common(TOP - 2):
        line = trace.symbols.lines(sites)[site]
        lines.append(f"{count:10}  {trace.symbols.name(site, True)}  {line}")
    return lines


def unknown(trace, wanted):
    """A line for each part of TRACE that names no event."""
    names = [name for kind in trace.types
             for name in (kind.name, kind.system, f"{kind.system}:{kind.name}")]
    return [f"no event is called {glob} (docs/trace.md lists them)" for glob in wanted.split(",")
            if not fnmatch.filter(names, glob)]


def guest_script(command):
    return ("exec </dev/null\necho >/sys/kernel/tracing/trace\n"
            "trap 'echo 0 >/sys/kernel/tracing/tracing_on' EXIT\n" + command)


def record(command, events, folder):
    """Runs it and writes the files. Returns the status for the shell."""
    machine = vm.Machine.from_environment()
    megabytes = min(RING_MB, int(re.match(r"\d+", machine.mem)[0]) // RING_SHARE)
    size = os.environ.get("TRACE_BUF") or f"{megabytes}M"
    append = f"quiet trace_buf_size={size} trace={events} " + os.environ.get("APPEND", "")
    overlay = vm.guest_files(guest_script(command) if command else "true",
                             os.environ.get("FILES") or None)
    with vm.Boot(machine, overlay=overlay, append=append.strip()) as boot:
        ram = boot.path("ram")
        machine.extra += crash.memory(machine.mem, ram)
        boot.start(["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"],
                   stdin=subprocess.DEVNULL)
        status = boot.wait(float(os.environ.get("TIMEOUT") or 0) or None)
        problem = boot.problem(status)
        trace = Trace(ram, boot.kernel)
        text, chrome = (os.path.join(folder, name) for name in ("trace.txt", "trace.json"))
        write_text(trace, text)
        write_json(trace, chrome)
        lines = summary(trace) + unknown(trace, events)
        init_status = boot.init_status()
    sys.stdout.flush()
    print("\n".join(["", f"{os.path.relpath(text)}, {os.path.relpath(chrome)}", *lines]))
    if problem:
        print(f"trace: {problem}", file=sys.stderr)
        return 125
    return init_status or 0


def main():
    try:
        return record(os.environ.get("CMD"), os.environ.get("TRACE") or "*",
                      sys.argv[1] if len(sys.argv) > 1 else vm.BUILD)
    except TraceError as error:
        print(f"trace: {error}", file=sys.stderr)
        return 125


if __name__ == "__main__":
    import crash
    import vm
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
