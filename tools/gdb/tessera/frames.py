"""Frames: struct page, who owns one, who maps it, and the free lists of the zones."""
import functools
import struct
from collections import namedtuple

from . import kernel, paging, tasks
from .kernel import KERNEL_BASE, LOWMEM, PAGE, Struct, Unknown

PF_NAMES = [(1, "UPTODATE"), (2, "DIRTY"), (4, "PRIVATE")]
HUGE_PAGES = 512
MAX_ORDER = 10


@functools.lru_cache(None)
def kinds():
    """Names by number: PK_ANON is `anon`."""
    names = kernel.enum_names("page_kind")
    return [names[n][3:].lower().replace("_", "-") for n in sorted(names) if names[n] != "PK_NR"]


def kind_number(name):
    return kinds().index(name)


def mem_map():
    return kernel.need("mem_map", "the array of frames")


def nr_pfns():
    mem_map()
    return kernel.variable("nr_pfns")


def page(pfn):
    if not 0 <= pfn < nr_pfns():
        raise Unknown(f"there is no frame {pfn:#x}: the machine has {nr_pfns():#x}")
    size = kernel.type_named("struct page").sizeof
    return Struct("struct page", mem_map() + pfn * size)


def pfn_of(at):
    size = kernel.type_named("struct page").sizeof
    return (at - mem_map()) // size


Frame = namedtuple("Frame", "kind order zone flags refcount mapcount index mapping")


def all_frames():
    """Every frame as a tuple, quickly: the array is read in one piece."""
    kind = kernel.type_named("struct page")
    form = struct.Struct("<BBBBIIII12x")
    if kind.sizeof != form.size or kernel.offset_of("struct page", "mapping") != 16:
        raise Unknown("struct page has another layout than these commands know")
    data = kernel.read_low(mem_map(), nr_pfns() * form.size)
    return [Frame(*fields) for fields in form.iter_unpack(data)]


def page_flags(flags):
    return " ".join(name for bit, name in PF_NAMES if flags & bit) or "none"


def kind_name(number):
    return kinds()[number] if number < len(kinds()) else f"damaged ({number})"


def zone_name(number):
    return ("DMA", "Normal", "HighMem")[number] if number < 3 else f"damaged ({number})"


def is_zero_page(pfn):
    at = kernel.variable("zero_page")
    return bool(at) and pfn_of(at) == pfn


# --- The reverse map ---

def whole(pfn):
    """The frame that speaks for this one: the first of a huge page, else itself."""
    return pfn & -HUGE_PAGES if kind_name(page(pfn).kind) == "huge" else pfn


def mappers(pfn):
    """(VMA, address, entry) of every user entry that maps the frame, through the reverse map."""
    pfn = whole(pfn)
    p = page(pfn)
    kind = kind_name(p.kind)
    if kind == "anon":
        head = p.mapping + kernel.offset_of("struct anon", "vmas")
        members = kernel.elements(head, "struct vma", "anon_link")
    elif kind == "cache" or kind == "huge" and p.mapping:
        head = p.mapping + kernel.offset_of("struct object", "vmas")
        members = kernel.elements(head, "struct vma", "object_link")
    else:
        return
    for vma in members:
        va = vma.start + (p.index - vma.pgoff) * PAGE
        if not vma.start <= va < vma.end:
            continue
        entry = paging.Walk(Struct("struct mm", vma.mm).pmap.cr3, va).pte
        if paging.maps(entry) and (entry & paging.FRAME) >> 12 == pfn:
            yield vma, va, entry


def processes_by_mm():
    """{address of an mm: the processes in it}"""
    users = {}
    for process in tasks.processes():
        users.setdefault(process.mm, []).append(process)
    return users


def users_of(mm, by_mm):
    names = [f"{p.pid} ({p.text('comm')})" for p in by_mm.get(mm, [])]
    return "pid " + ", ".join(names) if names else f"the address space {mm:#010x}, of no process yet"


# --- Zones and buddies ---

def zones():
    mem_map()
    return kernel.variable("zones")


def pcp_pages():
    """Frame numbers on CPUs' lists, by zone."""
    counts = [[], [], []]
    for cpu in kernel.variable("page_cpus"):
        for stack in (cpu.low, cpu.high):
            count = (stack.top - stack.base) // 4
            if not 0 <= count <= 4096:
                raise Unknown("a CPU's page list is being changed: step out of the allocator")
            data = kernel.read_low(stack.base, 4 * count) if count else b""
            for (at,) in struct.iter_unpack("<I", data):
                pfn = pfn_of(at)
                counts[page(pfn).zone].append(pfn)
    return counts


def free_blocks(zone, order):
    """Frame numbers of the heads on a free list."""
    head = (zone.buddy.at + kernel.offset_of("struct buddy", "free") + 8 * order)
    for p in kernel.elements(head, "struct page", "link"):
        yield pfn_of(p.at)


# --- Addresses that people type ---

def pfn_from(value):
    """(frame, how it was found) from what was typed: a frame number, a virtual or a physical
    address. A user address that a VMA of the running program holds is virtual."""
    if value < nr_pfns():
        return value, f"frame number {value:#x}"
    if KERNEL_BASE <= value < KERNEL_BASE + LOWMEM:
        return (value - KERNEL_BASE) >> 12, f"direct-map address {value:#010x}"
    found = paging.walk(value) if value < 1 << 32 and kernel.paging_on() else None
    if found and found.paddr is not None:
        return found.paddr >> 12, f"virtual address {value:#010x}"
    if found and in_current_mm(value):
        raise Unknown(f"virtual address {value:#010x}: {found.verdict()}")
    if value >> 12 < nr_pfns():
        return value >> 12, f"physical address {value:#x}"
    raise Unknown(f"{value:#x} is no frame number, no physical address, and not mapped")


def in_current_mm(va):
    return bool(tasks.current()) and tasks.vma_at(tasks.current_mm(), va) is not None
