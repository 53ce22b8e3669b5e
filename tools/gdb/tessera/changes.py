"""`mm diff`: what changed since the last stop. Each stop keeps what the running process's page
tables, VMAs and counters were; the command compares the last two."""
import gdb

from . import kernel, paging, ram, tasks
from .command import command, say
from .kernel import PAGE, Unknown

SHOWN = 40


class Snapshot:
    """The running address space at one stop; `why` says what could not be known."""

    def __init__(self):
        self.why, self.mm = None, None
        self.entries, self.vmas, self.counts = {}, {}, {}
        try:
            self._take()
        except (gdb.error, gdb.GdbError, ram.Unreadable) as error:
            self.why = str(error)

    def _take(self):
        self.counts = events()
        mm = tasks.current_mm()
        self.mm, self.who = mm.at, tasks.describe(tasks.current())
        self.entries = dict(paging.user_entries(mm.pmap.cr3))
        self.vmas = {vma.at: (vma.start, vma.end, vma.flags) for vma in tasks.vmas(mm)}
        for name, pages in zip(("file", "anonymous", "shared"), mm.rss):
            self.counts[f"resident pages, {name}"] = pages
        self.counts["pages of VMAs"] = mm.total_vm
        self.counts["page tables"] = mm.pmap.nr_tables


def events():
    counts = {}
    record = kernel.variable("vm_events")
    for name in record.field_names():
        counts[name] = getattr(record, name)
    return counts


_before, _now = None, None


def take():
    """At each stop."""
    global _before, _now
    _before, _now = _now, Snapshot()


def load():
    take()


def vma_text(vma):
    start, end, flags = vma
    return f"{start:08x}-{end:08x} {tasks.permissions(flags)}"


def entry_text(entry):
    if not entry:
        return "empty"
    return f"frame {(entry & paging.FRAME) >> 12:#x} {paging.flags(entry)}"


def vma_differences(old, new):
    lines = []
    for key in sorted(old.keys() | new.keys(), key=lambda key: (old.get(key) or new[key])[0]):
        if key not in old:
            lines.append(f"  + vma {vma_text(new[key])}")
        elif key not in new:
            lines.append(f"  - vma {vma_text(old[key])}")
        elif old[key] != new[key]:
            lines.append(f"  ~ vma {vma_text(old[key])} -> {vma_text(new[key])}")
    return lines


def same_change(first, second, pages):
    """Both entries changed alike, `pages` apart: the same flags, and the next frame or none."""
    def follows(a, b):
        if not a or not b or not a & paging.FRAME:
            return a == b
        return b == a + pages * PAGE
    return all(follows(a, b) for a, b in zip(first, second))


def entry_differences(old, new):
    """Changed entries, those that change alike one after the other in one line."""
    runs = []
    for va in sorted(va for va in old.keys() | new.keys() if old.get(va) != new.get(va)):
        change = old.get(va, 0), new.get(va, 0)
        if runs:
            first, count, start = runs[-1]
            if va == first + count * PAGE and same_change(start, change, count):
                runs[-1] = first, count + 1, start
                continue
        runs.append((va, 1, change))
    return [run_text(*run) for run in runs]


def run_text(va, count, change):
    old, new = change
    sign = "~" if old and new else "+" if new else "-"
    text = f"{entry_text(old)} -> {entry_text(new)}" if old and new else entry_text(new or old)
    more = f" and {count - 1} after it" if count > 1 else ""
    return f"  {sign} {va:#010x} {text}{more}"


@command("diff")
def diff(argument):
    """What changed since the last stop.

Page-table entries and VMAs of the running process, its counts, and the kernel's memory events.
+ new, - gone, ~ changed."""
    if _before is None:
        raise Unknown("there was only one stop")
    for snapshot, when in (_before, "at the last stop"), (_now, "now"):
        if snapshot.why:
            say(f"({when}: {snapshot.why})")
    lines = []
    if _before.mm and _before.mm == _now.mm:
        lines += entry_differences(_before.entries, _now.entries)
        lines += vma_differences(_before.vmas, _now.vmas)
    elif _before.mm and _now.mm:
        say(f"Another process runs: {_before.who} before, {_now.who} now. Counters only:")
    counts = [f"  {name} {_before.counts[name]} -> {value}" for name, value in _now.counts.items()
              if name in _before.counts and _before.counts[name] != value]
    lines = lines[:SHOWN] + [f"  ... and {len(lines) - SHOWN} more"] * (len(lines) > SHOWN)
    say("\n".join(lines + counts) or "Nothing changed since the last stop.")
