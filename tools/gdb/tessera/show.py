"""Commands about one thing: a fault, an address, a frame, a process."""
import gdb

from . import faults, frames, kernel, owners, paging, slabs, tasks
from .command import addresses, command, say
from .kernel import KERNEL_BASE, LOWMEM, PAGE, Struct, Unknown


def load():
    """Importing is all."""


# --- Faults and page tables ---

@command("fault")
def fault(argument):
    """The page fault being handled: address, error code in words, who, how it will end.

Where no fault is being handled it says so and shows what CR2 still holds."""
    found = faults.current()
    if found is None:
        no_fault()
        return
    say(fault_text(found))


def no_fault():
    cr2 = kernel.register("cr2")
    if not kernel.paging_on():
        raise Unknown("paging is not on yet: nothing can fault")
    if kernel.register("eip") >= KERNEL_BASE:
        say("No page fault is being handled here.")
    else:
        say("The program runs: no page fault is being handled.")
    say(f"CR2 is {cr2:#010x}, from the last one; now:" if cr2 else "CR2 is 0: there was none yet.")
    if cr2:
        say("\n".join(paging.walk(cr2).lines()))


def fault_text(found):
    task = tasks.current()
    lines = [f"#PF at {found.addr:#010x}, error {found.error:#x}: {found.error_words()}",
             f"  by    {tasks.describe(task)}, {instruction(found)}"]
    try:
        mm = tasks.current_mm()
    except Unknown as error:
        lines.append(f"  vma   {error}")
    else:
        vma = tasks.vma_at(mm, found.addr)
        lines.append("  vma   " + (tasks.vma_line(vma, mm) if vma else "none holds the address"))
        lines.append("  so    " + faults.verdict(found, mm).text)
    return "\n".join(lines + list(paging.walk(found.addr).lines()))


def instruction(found):
    """The faulting instruction and its place."""
    text = f"eip {found.eip:#010x}"
    try:
        shown = gdb.execute(f"x/i {found.eip:#x}", to_string=True)
        text += ":" + " ".join(shown.split(":", 1)[1].split())
    except gdb.error:
        text += " (not mapped)"
    line = gdb.find_pc_line(found.eip)
    if line.symtab:
        text += f"\n        {line.symtab.filename}:{line.line}"
        source = source_line(line.symtab.fullname(), line.line)
        text += f": {source}" if source else ""
    return text


def source_line(path, number):
    try:
        with open(path, errors="replace") as file:
            return file.read().splitlines()[number - 1].strip()
    except (OSError, IndexError):
        return ""


def cr3_of(words):
    """CR3 for an optional pid."""
    return tasks.mm_for(words[1]).pmap.cr3 if len(words) > 1 else None


@command("walk", "ADDR [PID]")
def walk(argument):
    """Page tables of an address, entry by entry: where it is, raw, flags in words, frame.

Without PID the tables in CR3 are walked, those the CPU uses now."""
    words = addresses(argument, "walk ADDR [PID]", 1, 2)
    found = paging.walk(words[0] & 0xffffffff, cr3_of(words))
    say("\n".join(found.lines(words=True)))
    if found.paddr is not None:
        say(f"  {frame_line(found.paddr >> 12)}")


def frame_line(pfn):
    p = frames.page(pfn)
    return (f"frame {pfn:#x}: {frames.kind_name(p.kind)}, refcount {p.refcount}, mapcount "
            f"{p.mapcount}: {owners.owner(pfn)}")


# --- Address spaces ---

@command("maps", "[PID]")
def maps(argument):
    """The VMAs of the running process, or of PID, with how many of their pages are mapped."""
    words = addresses(argument, "maps [PID]", 0, 1)
    mm = tasks.mm_for(*words)
    mapped = tasks.mapped_pages(mm)
    process = tasks.mm_by_cr3(mm.pmap.cr3)
    who = f"pid {process.pid} ({process.text('comm')})" if process else "of no process yet"
    say(f"{who}: {mm.vmas.count} VMAs, {mm.total_vm} pages, {len(mapped)} of them mapped, "
        f"{mm.pmap.nr_tables} page tables")
    for vma in tasks.vmas(mm):
        say(tasks.vma_line(vma, mm, mapped))


@command("vma", "ADDR [PID]")
def vma_command(argument):
    """The VMA that holds an address: bounds, flags, where its pages come from."""
    words = addresses(argument, "vma ADDR [PID]", 1, 2)
    mm, va = tasks.mm_for(*words[1:]), words[0]
    vma = tasks.vma_at(mm, va)
    if vma is None:
        above = tasks.vma_above(mm, va)
        say(f"No VMA holds {va:#010x}.")
        say(f"The next one above: {tasks.vma_line(above, mm)}" if above else "None is above.")
        return
    say(tasks.vma_line(vma, mm, tasks.mapped_pages(mm)))
    say(f"  struct vma at {vma.at:#010x}, {(vma.end - vma.start) // PAGE} pages: "
        f"{tasks.vma_kind(vma)}")
    say(f"  flags {vma.flags:#x}: {tasks.vm_flags(vma.flags)}")
    say(f"  page {(va - vma.start) // PAGE} of it; page {vma.pgoff + (va - vma.start) // PAGE:#x} "
        f"of its object's numbering")
    say(f"  private pages belong to anon {vma.anon:#010x}" if vma.anon else
        "  no private page has been made in it")


@command("ps")
def ps(argument):
    """Every process: pid, parent, state, address space, resident pages, name."""
    running = tasks.current()
    say("    PID  PPID STATE          CR3        MM         VMAS  PAGES   ANON   FILE  SHMEM  NAME")
    for process in tasks.processes():
        mark = "*" if running and running.process == process.at else " "
        parent = Struct("struct process", process.parent).pid if process.parent else 0
        row = f"{mark} {process.pid:5} {parent:5} {state(process):14} "
        if process.mm:
            mm = tasks.mm_of(process)
            rss_file, rss_anon, rss_shmem, _ = mm.rss
            row += (f"{mm.pmap.cr3:#010x} {mm.at:#010x} {mm.vmas.count:5} {mm.total_vm:6} "
                    f"{rss_anon:6} {rss_file:6} {rss_shmem:6}  ")
        else:
            row += f"{'-':10} {'-':10} {'':33}  "
        say(row + process.text("comm"))


def state(process):
    names = {0: "alive", 1: "stopped", 2: "zombie"}
    if process.state:
        return names.get(process.state, "damaged")
    states = kernel.enum_names("thread_state")
    first = next(tasks.threads(process), None)
    return states.get(first.thread.state, "damaged")[2:].lower() if first else "no thread"


# --- Any address, any frame ---

@command("what", "ADDR")
def what(argument):
    """Names any address.

A symbol, a slab object, a frame and its owner, vmalloc space, the kernel stack of a process, a VMA of
the running program, a trap frame's register."""
    (va,) = addresses(argument, "what ADDR")
    if va >= 1 << 32:
        raise Unknown(f"{va:#x} is no virtual address; `mm page` takes physical ones")
    say(f"{va:#010x}: " + "\n  ".join(name_address(va)))


def name_address(va):
    if va < KERNEL_BASE:
        return name_user(va)
    named = name_symbol(va)
    if named:
        return [named]
    if va < KERNEL_BASE + LOWMEM:
        return name_direct(va)
    if va < kernel.VMALLOC_END:
        return name_vmalloc(va)
    place = "a kmap slot or the fixmap" if 0xffc00000 <= va < 0xffe00000 else \
        "never mapped: error pointers are here" if va >= 0xffe00000 else "the framebuffer's window"
    return [place, paging.walk(va).verdict() if kernel.paging_on() else ""]


def name_symbol(va):
    """A symbol of the kernel's image, with file and line for code."""
    text = gdb.execute(f"info symbol {va:#x}", to_string=True)
    if " in section" not in text:
        return None
    name, _, section = text.strip().partition(" in section ")
    line = gdb.find_pc_line(va) if section.startswith((".text", ".init.text")) else None
    where = f", {line.symtab.filename}:{line.line}" if line and line.symtab else ""
    return f"{name}, in the kernel's {section.split()[0]}{where}"


def name_direct(va):
    pfn = (va - KERNEL_BASE) >> 12
    p = frames.page(pfn)
    lines = [f"direct map of frame {pfn:#x}: {owners.owner(pfn)}"]
    if frames.kind_name(p.kind) == "slab":
        found = slabs.object_at(va)
        offset = va - found.start
        lines[0] = (f"cache {found.cache.text('name')}, object {found.index} at "
                    f"{found.start:#010x}, offset {offset:#x} of {found.cache.objsize}, "
                    f"{found.state}") if found.index >= 0 else (
                        f"slab of cache {found.cache.text('name')}: {found.state}")
    lines.append(frame_line(pfn))
    return lines


def vmalloc_areas():
    kernel.need("mem_map", "vmalloc space")
    return kernel.tree(kernel.variable("areas").root, "struct area", "range")


def area_kind(area):
    return ("vmalloc", "vmap", "kstack")[area.kind] if area.kind < 3 else "damaged"


def name_vmalloc(va):
    for area in vmalloc_areas():
        start, end = area.range.start, area.range.end
        if not start <= va < end:
            continue
        guard = va >= start + area.pages * PAGE
        lines = [f"{area_kind(area)} area {start:#010x}, {area.pages} pages, offset {va - start:#x}"
                 + (": its guard page" if guard else ""),
                 f"made by {kernel.code_name(area.caller)}"]
        if area_kind(area) == "kstack":
            lines.insert(1, stack_owner(start))
        return lines
    return ["vmalloc space, in no area: a guard page or free"]


def stack_owner(start):
    for process in tasks.processes():
        for task in tasks.threads(process):
            if task.thread.kstack == start:
                return f"kernel stack of pid {process.pid} ({task.text('comm')}), thread {task.tid}"
    if kernel.this_cpu().thread:
        thread = Struct("struct thread", kernel.this_cpu().thread)
        if thread.kstack == start:
            return "kernel stack of the running kernel thread"
    return "kernel stack of no process: a kernel thread's, or kept for the next fork"


def name_user(va):
    try:
        mm = tasks.current_mm()
    except Unknown as error:
        return [f"a user address, but {error}"]
    vma = tasks.vma_at(mm, va)
    if vma is None:
        return [f"a user address in no VMA of {tasks.describe(tasks.current())}"]
    lines = [f"offset {va - vma.start:#x} in {tasks.vma_line(vma, mm)} of "
             f"{tasks.describe(tasks.current())}"]
    symbol = gdb.execute(f"info symbol {va:#x}", to_string=True)
    if " in section" in symbol:
        lines.append(symbol.split(" of ")[0].strip())
    walk_found = paging.Walk(mm.pmap.cr3, va)
    lines.append(frame_line(walk_found.paddr >> 12) if walk_found.paddr is not None
                 else walk_found.verdict())
    return lines


@command("page", "PFN|PA|VA")
def page(argument):
    """struct page of a frame, named by its number, a physical or a virtual address."""
    (value,) = addresses(argument, "page PFN|PA|VA")
    pfn, how = frames.pfn_from(value)
    p = frames.page(pfn)
    say(f"{how}: frame {pfn:#x}, physical {pfn << 12:#x}, zone {frames.zone_name(p.zone)}, "
        f"struct page at {p.at:#010x}")
    say(f"  {frames.kind_name(p.kind)}: {owners.owner(pfn)}")
    say(f"  refcount {p.refcount}, mapcount {p.mapcount}, flags {frames.page_flags(p.flags)}, "
        f"order {p.order}, index {p.index:#x}, mapping {p.mapping:#010x}, private {p.private:#x}")


@command("rmap", "PFN|PA|VA")
def rmap(argument):
    """Every page-table entry that maps a frame, found by its reverse map, as the kernel would."""
    (value,) = addresses(argument, "rmap PFN|PA|VA")
    pfn, _ = frames.pfn_from(value)
    p = frames.page(frames.whole(pfn))
    say(frame_line(pfn))
    if frames.is_zero_page(pfn):
        say("  The shared zero page is mapped without being counted: it has no reverse map.")
        return
    by_mm = frames.processes_by_mm()
    found = 0
    for vma, va, entry in frames.mappers(pfn):
        found += 1
        say(f"  {va:#010x} in {frames.users_of(vma.mm, by_mm)}: {paging.flags(entry)}")
    if found != p.mapcount:
        say(f"  {found} found, mapcount says {p.mapcount}: stopped in the middle of a change?")
    elif not found:
        say("  Nobody maps it into user space.")
