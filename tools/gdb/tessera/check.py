"""`mm check`: the memory fsck, from outside. As mm/mm_check.c it believes no count: page tables are
walked and mappings counted anew, then held against what frames, spaces and lists say."""
from collections import Counter

from . import frames, kernel, paging, slabs, tasks
from .command import command, say
from .kernel import PAGE, Struct, Unknown
from .showmem import buddy_problems

SHOWN = 20


def load():
    """Importing is all."""


class Check:
    def __init__(self):
        self.frames = frames.all_frames()
        self.anon, self.cached = frames.kind_number("anon"), frames.kind_number("cache")
        self.huge = frames.kind_number("huge")
        zero = kernel.variable("zero_page")
        self.zero = frames.pfn_of(zero) if zero else -1
        self.mapped, self.tables, self.problems = Counter(), 0, []

    def bad(self, text):
        self.problems.append(text)

    def spaces(self):
        head = kernel.address("mm_list")
        if not kernel.word(head):
            return 0
        count = 0
        for mm in kernel.elements(head, "struct mm", "link"):
            self.space(mm)
            count += 1
        return count

    def space(self, mm):
        name = f"mm {mm.at:#010x}"
        areas = list(tasks.vmas(mm))
        pages = sum(vma.end - vma.start for vma in areas) // PAGE
        if pages != mm.total_vm:
            self.bad(f"{name}: its VMAs have {pages} pages, total_vm says {mm.total_vm}")
        tables = paging.count_tables(mm.pmap.cr3)
        if tables != mm.pmap.nr_tables:
            self.bad(f"{name}: {tables} page tables, {mm.pmap.nr_tables} counted")
        self.tables += tables
        rss = self.entries(name, mm, areas)
        if rss != sum(mm.rss):
            self.bad(f"{name}: {rss} pages resident, rss says {sum(mm.rss)}")

    def entries(self, name, mm, areas):
        rss, place = 0, iter(areas)
        vma = next(place, None)
        for va, entry in paging.user_entries(mm.pmap.cr3):
            while vma and va >= vma.end:
                vma = next(place, None)
            if vma is None or va < vma.start:
                self.bad(f"{name}: an entry at {va:#010x} lies in no VMA")
            elif bool(entry & paging.PS) != bool(vma.flags & tasks.VM_HUGETLB):
                self.bad(f"{name}: the entry at {va:#010x} is of another size than its VMA's")
            elif paging.maps(entry):
                rss += self.entry(name, va, entry, vma.flags)
        return rss

    def entry(self, name, va, entry, flags):
        pfn = (entry & paging.FRAME) >> 12
        if pfn >= len(self.frames):
            self.bad(f"{name}: the entry at {va:#010x} names frame {pfn:#x}, which does not exist")
            return 0
        writable = entry & paging.W
        if writable and not flags & tasks.VM_WRITE:
            self.bad(f"{name}: {va:#010x} is writable in a read-only VMA")
        if pfn == self.zero:
            if writable:
                self.bad(f"{name}: the zero page is writable at {va:#010x}")
            return 0
        frame = self.frames[pfn]
        if entry & paging.PS:
            self.mapped[pfn] += 1
            return self.huge_entry(name, va, pfn)
        if frame.kind not in (self.anon, self.cached):
            self.bad(f"{name}: {va:#010x} maps frame {pfn:#x}, which is "
                     f"{frames.kind_name(frame.kind)}")
        if writable and not flags & tasks.VM_SHARED and frame.mapcount > 1:
            self.bad(f"{name}: {va:#010x} may write frame {pfn:#x}, which others map too")
        self.mapped[pfn] += 1
        return 1

    def huge_entry(self, name, va, pfn):
        """Huge pages are not resident pages: 0."""
        kind = self.frames[pfn].kind
        if kind != self.huge or pfn % frames.HUGE_PAGES:
            self.bad(f"{name}: {va:#010x} maps a huge page at frame {pfn:#x}, which is "
                     f"{frames.kind_name(kind)}")
        return 0

    def all_frames(self):
        mapped, counts = self.mapped, Counter()
        for pfn, frame in enumerate(self.frames):
            counts[frame.kind] += 1
            if frame.mapcount != mapped[pfn] if pfn in mapped else frame.mapcount:
                self.bad(f"frame {pfn:#x}: mapcount {frame.mapcount}, {mapped[pfn]} entries map it")
            if frame.kind == self.anon and not frame.mapcount:
                self.bad(f"frame {pfn:#x}: private memory that nobody maps")
        kernel_tables = kernel.variable("pmap_kernel_tables")
        tables = counts[frames.kind_number("pgtable")]
        if tables != self.tables + kernel_tables:
            self.bad(f"{tables} frames are page tables, {self.tables} are in address spaces and "
                     f"{kernel_tables} the kernel's")

    def slab(self):
        pages = 0
        for cache in slabs.caches():
            name = cache.text("name")
            found = [p for _, p in slabs.slabs(cache)]
            used = sum(p.index & 0xffff for p in found)
            pages += len(found) << cache.order
            if len(found) != cache.nr_slabs:
                self.bad(f"cache {name}: {len(found)} slabs on its lists, {cache.nr_slabs} counted")
            if used != cache.taken:
                self.bad(f"cache {name}: {used} objects out of its slabs, {cache.taken} counted")
            for p in found:
                if p.mapping != cache.at:
                    self.bad(f"cache {name}: a slab at frame {frames.pfn_of(p.at):#x} says it is "
                             "another's")
        in_use = sum(1 for frame in self.frames if frame.kind == frames.kind_number("slab"))
        if pages != in_use:
            self.bad(f"{in_use} frames are slab, the caches know {pages}")


@command("check")
def check(argument):
    """The memory fsck, from outside: page tables against frames, counts against lists.

Findings in the middle of an operation are what that operation has not finished yet; a command that
holds a lock is announced first."""
    run = Check()
    note = kernel.held_lock_note()
    spaces = run.spaces()
    run.all_frames()
    run.slab()
    problems = run.problems + buddy_problems(run.frames)
    say(note + f"{len(run.frames)} frames, {spaces} address spaces, {sum(run.mapped.values())} "
        f"entries, {len(slabs.caches())} caches: "
        f"{len(problems) or 'no'} finding{'s' * (len(problems) != 1)}")
    for text in problems[:SHOWN]:
        say("  " + text)
    if len(problems) > SHOWN:
        say(f"  ... and {len(problems) - SHOWN} more")
    if problems and not note and kernel.register("eip") >= kernel.KERNEL_BASE:
        say("  The kernel is at work: what it has half done shows here. In user mode all must agree.")
