"""`layout mm`: beside the source a window with the live walk of CR2, the VMAs, and the frame."""
import gdb

from . import faults, frames, kernel, owners, paging, ram, tasks

_windows = []


class Window:
    def __init__(self, tui):
        self.tui, self.first = tui, 0
        tui.title = "mm: CR2"
        _windows.append(self)

    def render(self):
        try:
            lines = contents()
        except (gdb.error, gdb.GdbError, ram.Unreadable) as error:
            lines = [str(error)]
        height, width = self.tui.height, self.tui.width
        shown = lines[self.first:self.first + height]
        self.tui.erase()
        for line in shown:
            self.tui.write(line[:width].ljust(width) if len(line) >= width else line + "\n")

    def vscroll(self, lines):
        self.first = max(0, self.first + lines)
        self.render()

    def close(self):
        _windows.remove(self)


def contents():
    """The window's lines."""
    found = faults.current()
    addr = found.addr if found else kernel.register("cr2")
    lines = [f"#PF {found.error_words()}" if found else "no fault is being handled",
             tasks.describe(tasks.current())]
    if found:
        try:
            lines.append("-> " + faults.verdict(found, tasks.current_mm()).text)
        except kernel.Unknown as error:
            lines.append(str(error))
    walk = paging.walk(addr)
    lines += [""] + [line for line in walk.lines()]
    if walk.paddr is not None and walk.last.name == "PT":
        p = frames.page(walk.paddr >> 12)
        lines.append(f"  {frames.kind_name(p.kind)}, refcount {p.refcount}, mapcount {p.mapcount}")
        lines.append(f"  {owners.owner(walk.paddr >> 12)}")
    return lines + [""] + vma_lines(addr)


def vma_lines(addr):
    mm = tasks.current_mm()
    mapped = tasks.mapped_pages(mm)
    return [("> " if vma.start <= addr < vma.end else "  ") + tasks.vma_line(vma, mm, mapped)
            for vma in tasks.vmas(mm)]


def refresh():
    """At each stop."""
    for window in _windows:
        if window.tui.is_valid():
            window.render()


def load():
    gdb.register_window_type("mm", Window)
    gdb.execute("tui new-layout mm {-horizontal src 1 mm 1} 2 status 0 cmd 1")
