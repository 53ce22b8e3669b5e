"""Convenience functions: $mm_pte, $mm_page, $mm_vma, $mm_task."""
import gdb

from . import frames, kernel, paging, tasks
from .kernel import Unknown


def pointer(at, kind):
    return gdb.Value(at).cast(gdb.lookup_type(kind).pointer())


class Pte(gdb.Function):
    """$mm_pte(VA): pointer to the page-table entry of VA in the loaded page tables. Where there is
no page table it is an error. `watch -l *$mm_pte(VA)` stops when the entry changes."""

    def __init__(self):
        super().__init__("mm_pte")

    def invoke(self, va):
        walk = paging.walk(int(va) & 0xffffffff)
        if walk.last.name != "PT":
            raise Unknown(walk.verdict())
        return pointer(walk.last.at + kernel.KERNEL_BASE, "pte_t")


class Page(gdb.Function):
    """$mm_page(PA): pointer to the struct page of a physical address."""

    def __init__(self):
        super().__init__("mm_page")

    def invoke(self, paddr):
        return pointer(frames.page(int(paddr) >> 12).at, "struct page")


class Vma(gdb.Function):
    """$mm_vma(VA): pointer to the VMA of the running process that holds VA, or 0."""

    def __init__(self):
        super().__init__("mm_vma")

    def invoke(self, va):
        vma = tasks.vma_at(tasks.current_mm(), int(va) & 0xffffffff)
        return pointer(vma.at if vma else 0, "struct vma")


class Task(gdb.Function):
    """$mm_task(PID): pointer to the first thread of a process; $mm_task() to the running one."""

    def __init__(self):
        super().__init__("mm_task")

    def invoke(self, pid=None):
        if pid is None:
            task = tasks.current()
        else:
            task = next(tasks.threads(tasks.find(int(pid))), None)
        return pointer(task.at if task else 0, "struct task")


def load():
    for function in Pte, Page, Vma, Task:
        function()
