"""What a page fault is about: where it came from, what it wants, and how it will end.

The verdict follows mm/fault.c: find the VMA, ask whether it allows the access, look at the entry.
"""
from collections import namedtuple

import gdb

from . import frames, kernel, paging, tasks
from .kernel import PAGE, Struct, Unknown

PF_PRESENT, PF_WRITE, PF_USER, PF_RSVD, PF_INSTR = 1, 2, 4, 8, 16
STACK_GUARD_GAP = 256 * PAGE
HANDLER = "handle_page_fault"
ENTRY = "entry_page_fault"

# kind: what `mm break-fault` selects by
Verdict = namedtuple("Verdict", "kind text")


class Fault:
    def __init__(self, addr, error, eip, cs):
        self.addr, self.error, self.eip, self.user = addr, error, eip, cs & 3 == 3

    @property
    def write(self):
        return bool(self.error & PF_WRITE)

    def error_words(self):
        e = self.error
        return ", ".join([
            "protection" if e & PF_PRESENT else "not present",
            "instruction fetch" if e & PF_INSTR else "write" if e & PF_WRITE else "read",
            "from user mode" if e & PF_USER else "from kernel mode",
        ] + ["reserved bit set in an entry"] * bool(e & PF_RSVD))


def of_trapframe(at, addr):
    """A fault from the trap frame that the entry code made and CR2."""
    tf = Struct("struct trapframe", at, paging.read_virtual(at, kernel.type_named(
        "struct trapframe").sizeof - 8) + bytes(8))
    return Fault(addr, tf.orig_eax, tf.eip, tf.cs)


def at_handler_entry():
    """The fault when stopped at the first instruction of handle_page_fault()."""
    return of_trapframe(kernel.register("eax"), kernel.register("edx"))


def current():
    """The innermost fault being handled, or None. Found by unwinding the stack, so that it needs
    no local variable: above its handler the entry code's stack pointer is the trap frame."""
    frame = gdb.newest_frame()
    while frame and frame.is_valid():
        name = frame.name()
        if name == HANDLER and frame.type() != gdb.INLINE_FRAME:
            return _from_handler(frame)
        if name == ENTRY:
            return _from_entry(frame)
        try:
            frame = frame.older()
        except gdb.error:
            return None
    return None


def _from_handler(frame):
    older = frame.older()
    if older is None or older.name() != ENTRY:
        return None
    tf = int(older.read_register("esp")) & 0xffffffff
    return of_trapframe(tf, kernel.register("cr2"))


def _from_entry(frame):
    """Inside the entry code, before or after the call: what the CPU pushed lies below the
    interrupted code's stack pointer, or at the top of the kernel stack for a program."""
    older = frame.older()
    if older is None:
        return None
    cs = int(older.read_register("cs")) & 0xffff
    eip = int(older.read_register("eip")) & 0xffffffff
    if eip < kernel.KERNEL_BASE:
        task = tasks.current()
        top = task.thread.x86.kstack_top if task else 0
        error_at, cs = top - 24, 0x73
    else:
        error_at, cs = (int(older.read_register("esp")) & 0xffffffff) - 16, 0x60
    error = int.from_bytes(paging.read_virtual(error_at, 4), "little")
    return Fault(kernel.register("cr2"), error, eip, cs)


# --- How it will end ---

def verdict(fault, mm):
    if fault.error & PF_RSVD:
        return Verdict("panic", "a reserved bit is set in a page table: the kernel will panic")
    if fault.addr >= kernel.KERNEL_BASE:
        return _no_user_memory(fault)
    vma = tasks.vma_above(mm, fault.addr)
    if vma is None:
        return _bad(fault, "SEGV_MAPERR", "nothing is mapped there")
    if vma.start > fault.addr:
        return _below(fault, mm, vma)
    return _inside(fault, mm, vma)


def _bad(fault, code, why):
    if fault.user:
        return Verdict("segv", f"{why}: SIGSEGV, {code}")
    return Verdict("segv", f"{why}: the copy in the kernel will give up with EFAULT")


def _no_user_memory(fault):
    if fault.user:
        return _bad(fault, "SEGV_MAPERR", "a program may not touch kernel addresses")
    return Verdict("panic", "a kernel address that is not mapped: the kernel will panic unless "
                   "the instruction is in the exception table")


def _below(fault, mm, vma):
    if not vma.flags & tasks.VM_GROWSDOWN:
        return _bad(fault, "SEGV_MAPERR", "nothing is mapped there")
    below = [v for v in tasks.vmas(mm) if v.end <= fault.addr]
    gap = fault.addr // PAGE * PAGE - below[-1].end if below else None
    if gap is not None and gap < STACK_GUARD_GAP and below[-1].flags & tasks.VM_PROT \
            and not below[-1].flags & tasks.VM_GROWSDOWN:
        return _bad(fault, "SEGV_MAPERR",
                    "the stack may not grow so close to the mapping below it")
    if vma.end - fault.addr // PAGE * PAGE > mm.limits.stack:
        return _bad(fault, "SEGV_MAPERR", f"the stack would grow beyond its limit of "
                    f"{mm.limits.stack >> 10} KiB")
    pages = (vma.start - fault.addr // PAGE * PAGE) // PAGE
    return Verdict("stack", f"the stack grows down by {pages} page{'s' * (pages > 1)}, and "
                   "the page is demand zero")


def _inside(fault, mm, vma):
    wanted = tasks.VM_WRITE if fault.write else (
        tasks.VM_EXEC if fault.error & PF_INSTR else tasks.VM_PROT)
    if not vma.flags & wanted:
        return _bad(fault, "SEGV_ACCERR", f"the VMA is {tasks.permissions(vma.flags)}, which does "
                    "not allow it")
    walk = paging.Walk(mm.pmap.cr3, fault.addr)
    if walk.poisoned:
        return Verdict("segv", "its frame's memory is bad (mm/poison.h): SIGBUS, BUS_MCEERR_AR")
    if paging.maps(walk.pte):
        return _present(fault, vma, walk.pte)
    if vma.flags & tasks.VM_UFFD_MISSING:
        return _userfault(vma)
    if vma.flags & tasks.VM_HUGETLB:
        return _huge(fault, vma)
    return _object(fault, vma) if vma.object else _private(fault)


def _userfault(vma):
    unless = ", unless the file has the page" if vma.object else ""
    return Verdict("userfault", "the program's own business: a message for its userfaultfd, and the "
                   "thread waits until the page is there" + unless)


def _huge(fault, vma):
    index = vma.pgoff + (fault.addr // paging.HUGE * paging.HUGE - vma.start) // PAGE
    if index + frames.HUGE_PAGES > Struct("struct object", vma.object).size // PAGE:
        return Verdict("segv", f"page {index} lies beyond the end of the file: SIGBUS, unless the "
                       "file has it")
    return Verdict("huge", "huge page: 2 MiB, the file's or fresh from the pool, behind one entry; "
                   "SIGBUS when the pool has none that nobody else was promised")


def _private(fault):
    if fault.write:
        return Verdict("zero", "demand zero: a fresh frame of zeroes")
    return Verdict("zero", "first read of private memory: the shared zero page, read-only")


def _object(fault, vma):
    index = vma.pgoff + (fault.addr // PAGE * PAGE - vma.start) // PAGE
    obj = Struct("struct object", vma.object)
    name = tasks.file_name(vma.backing) if vma.backing else "its object"
    if index >= -(-obj.size // PAGE):
        return Verdict("segv", f"page {index} lies beyond the end of {name}: SIGBUS")
    if fault.write and not vma.flags & tasks.VM_SHARED:
        return Verdict("cow", f"write to a private file mapping: a private copy of page {index} of "
                       f"{name}")
    return Verdict("file", f"file page: page {index} of {name}, from the page cache")


def _present(fault, vma, entry):
    pfn = (entry & paging.FRAME) >> 12
    if not fault.write or entry & paging.W:
        return Verdict("spurious", "the entry allows it already: the TLB remembered an older one")
    page = frames.page(pfn)
    if frames.is_zero_page(pfn):
        return Verdict("zero", "zero-page upgrade: the shared zero page is replaced by a fresh "
                       "frame of zeroes")
    kind = frames.kind_name(page.kind)
    if vma.flags & tasks.VM_SHARED:
        return Verdict("file", f"shared mapping: frame {pfn:#x} becomes writable in place")
    private = kind == "anon" or kind == "huge" and "PRIVATE" in frames.page_flags(page.flags)
    if private and page.mapcount == 1:
        return Verdict("cow", f"copy-on-write, last owner: frame {pfn:#x} becomes writable in place")
    what = f"a frame mapped {page.mapcount} times" if private else "a page of a file"
    return Verdict("cow", f"copy-on-write: frame {pfn:#x} is {what}, so it is copied")
