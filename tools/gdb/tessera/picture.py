"""What `make report` shows of the guest: every address space at its last moment, and the machine.

The guest runs to its end. It is stopped each time the last user of an address space lets it go,
before anything of it is unmapped, and what its VMAs and page tables hold is noted. The frames, free
lists and caches are noted at the last such stop of the command's own processes: while they are
still there, and nothing that ran before them is.
"""
import array
import pickle
import struct

import gdb

from . import frames, kernel, owners, paging, ram, slabs, tasks
from .kernel import PAGE, Struct

FRAME = struct.Struct("<B7xI20x")  # struct page: kind, mapcount
HUGE = 2 << 20
COMMAND_DEPTH = 3  # process 1, the shell that reads the command, what it starts


def records():
    """Trace records written so far."""
    if not kernel.has_symbol("trace_cpus"):
        return 0
    return sum(cpu.written for cpu in kernel.variable("trace_cpus"))


def read_frames():
    """The array of frames as bytes: reading it apart takes longer than all the rest."""
    if kernel.type_named("struct page").sizeof != FRAME.size:
        raise kernel.Unknown("struct page has another layout than this knows")
    return kernel.read_low(frames.mem_map(), frames.nr_pfns() * FRAME.size)


# --- An address space ---

def pages(cr3):
    """(address, entry) of every page of a space that is not empty; an entry of 2 MiB stands for
    each page of it, still with PS."""
    for va, entry in paging.user_entries(cr3):
        if entry & paging.PS:
            yield from ((va + offset, entry + offset) for offset in range(0, HUGE, PAGE))
        else:
            yield va, entry


def take_space(mm):
    """One address space: its areas and the entries of its tables, level by level, with the kind and
    the mapcount of each frame."""
    entries = list(pages(mm.pmap.cr3))
    everything = read_frames()
    mapped = [FRAME.unpack_from(everything, FRAME.size * ((entry & paging.FRAME) >> 12))
              for _, entry in entries]
    pdpt = struct.unpack("<4Q", ram.read(mm.pmap.cr3 & ~31, 32))
    directories = []
    for gib, entry in enumerate(pdpt[:3]):
        if entry & paging.P:
            directories += [(gib * 512 + index, pde)
                            for index, pde in enumerate(paging.table(entry)) if pde]
    return {
        "mm": mm.at, "cr3": mm.pmap.cr3, "exe": tasks.file_name(mm.exe) if mm.exe else "",
        "areas": [take_area(vma, mm) for vma in tasks.vmas(mm)],
        "rss": list(mm.rss), "pdpt": list(pdpt), "pd": directories,
        "pt": (array.array("I", [va for va, _ in entries]).tobytes(),
               array.array("Q", [entry for _, entry in entries]).tobytes()),
        "kinds": [frames.kind_name(kind) for kind, _ in mapped],
        "maps": array.array("I", [count for _, count in mapped]),
    }


def take_area(vma, mm):
    return (vma.start, vma.end, vma.flags, vma.pgoff, tasks.vma_name(vma, mm), bool(vma.object))


def take_owner(task):
    process = tasks.process_of(task)
    parent = Struct("struct process", process.parent).pid if process.parent else 0
    return {"pid": process.pid, "parent": parent, "comm": process.text("comm"),
            "ends": not process.mm, "status": process.exit_status}


# --- The machine ---

def take_machine(last):
    everything = read_frames()
    caches = [take_cache(cache) for cache in slabs.caches()]
    return {"frames": everything,
            "kinds": frames.kinds(), "zones": take_zones(), "pcp": frames.pcp_pages(),
            "caches": caches, "files": take_files(everything), "mapped": take_mapped(last),
            "events": take_events()}


def take_events():
    """The kernel's counters since boot."""
    events = kernel.variable("vm_events")
    return {name: getattr(events, name) for name in events.field_names()}


def take_zones():
    return [{"name": kernel.string(zone.name), "start": zone.start, "end": zone.end,
             "managed": zone.managed, "min": zone.min, "low": zone.low, "high": zone.high,
             "free": list(zone.buddy.nr_free)} for zone in frames.zones()]


def take_cache(cache):
    waiting = set(slabs.in_magazines(cache))
    found = []
    for _, page in slabs.slabs(cache):
        pfn = frames.pfn_of(page.at)
        bits = slabs.free_bits(cache, page, pfn)
        first = kernel.KERNEL_BASE + pfn * PAGE + (page.index >> 16) * cache.colour_step + cache.pad
        # For each object 0: free, 1: waits in a magazine, 2: in use.
        found.append((pfn, page.index >> 16, bytes(
            0 if bits >> i & 1 else 2 - (first + i * cache.size in waiting)
            for i in range(cache.per_slab))))
    return {"name": cache.text("name"), "at": cache.at, "objsize": cache.objsize,
            "size": cache.size, "per_slab": cache.per_slab, "order": cache.order,
            "taken": cache.taken,
            "ctor": kernel.code_name(cache.ctor) if cache.ctor else "", "slabs": found}


def take_files(everything):
    """{address of an object: its file's name}, of those with pages in memory."""
    cached, mapping = frames.kind_number("cache"), struct.Struct("<16xI")
    found = {mapping.unpack_from(everything, FRAME.size * pfn)[0]
             for pfn, kind in enumerate(everything[::FRAME.size]) if kind == cached}
    return {at: owners.object_name(at) for at in found}


def take_mapped(last):
    """(frame, pid, address) of every user entry of the address spaces there are; `last` is the task
    whose process has none any more."""
    pids = {process.mm: process.pid for process in tasks.processes() if process.mm}
    found = []
    for mm in kernel.elements(kernel.address("mm_list"), "struct mm", "link"):
        pid = pids.get(mm.at) or tasks.process_of(last).pid
        found += [((entry & paging.FRAME) >> 12, pid, va)
                  for va, entry in pages(mm.pmap.cr3) if paging.maps(entry)]
    return found


# --- The run ---

def depth(task):
    """How far below process 1 the task's process is, counting both."""
    process, count = tasks.process_of(task), 1
    while process.parent and count < COMMAND_DEPTH:
        process, count = Struct("struct process", process.parent), count + 1
    return count


class Run:
    def __init__(self):
        self.spaces, self.machine, self.deepest = [], None, 0
        self.last = {}  # pid: the number of its last space

    def at_put(self):
        """The guest stands at the first instruction of mm_put()."""
        mm, task = Struct("struct mm", kernel.register("eax")), tasks.current()
        if mm.users != 1 or task is None:
            return
        space = {"written": records(), **take_owner(task), **take_space(mm)}
        number = self.put(space)
        if depth(task) >= self.deepest:
            self.deepest = depth(task)
            self.machine = {"space": number, "written": records(), **take_machine(task)}

    def put(self, space):
        """Notes a space. When an interrupt came before the instruction was carried out, the same
        space is seen twice: no process lets one go twice, so the later look counts."""
        number = self.last.get(space["pid"], len(self.spaces))
        if number < len(self.spaces) and self.spaces[number]["mm"] != space["mm"]:
            number = len(self.spaces)
        self.spaces[number:number + 1] = [space]
        self.last[space["pid"]] = number
        return number

    def to_the_end(self):
        gdb.Breakpoint(f"*{kernel.function('mm_put'):#x}", type=gdb.BP_HARDWARE_BREAKPOINT,
                       internal=True).silent = True
        while gdb.selected_inferior().pid:
            gdb.execute("continue", to_string=True)
            if not gdb.selected_inferior().pid:
                return
            ram.forget()
            self.at_put()


def take(path):
    """Lets the guest run to its end and writes what was seen into a file."""
    run = Run()
    try:
        run.to_the_end()
    except gdb.error as error:
        if "Remote" not in str(error):
            raise
    with open(path, "wb") as file:
        pickle.dump({"spaces": run.spaces, "machine": run.machine}, file)
