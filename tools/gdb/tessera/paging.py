"""Page tables of PAE paging, walked as the CPU walks them, in physical memory."""
import struct
from collections import namedtuple

from . import kernel, ram
from .kernel import KERNEL_BASE, LOWMEM, PAGE, Unknown

P, W, U, WT, CD, A, D, PS, G = (1 << bit for bit in range(9))
NX = 1 << 63
PROTNONE = G  # with P clear: a frame nobody may touch
POISON = PS  # with P clear, in a page table: what was here is lost with its frame
FRAME = 0x000ffffffffff000
HUGE = 1 << 21
NAMES = [(P, "P"), (W, "W"), (U, "U"), (WT, "WT"), (CD, "CD"), (A, "A"), (D, "D"), (PS, "PS"),
         (G, "G"), (1 << 9, "ANON"), (1 << 10, "OWN"), (1 << 11, "SW3"), (NX, "NX")]
WORDS = {"P": "present", "W": "writable", "U": "user", "WT": "write-through",
         "CD": "cache-disabled", "A": "accessed", "D": "dirty", "PS": "2 MiB page", "G": "global",
         "NX": "no-execute", "ANON": "private memory", "OWN": "its own",
         "SW3": "sw3"}

Level = namedtuple("Level", "name index at entry")


def flags(entry, words=False):
    """The flags of an entry, as `P W U A D` or in words."""
    if not entry:
        return "empty" if words else "-"
    if not entry & P:
        if entry & PROTNONE:
            return "no access (PROT_NONE), but it owns its frame" if words else "PROTNONE"
        return "not present"
    names = [name for bit, name in NAMES if entry & bit]
    return ", ".join(WORDS[name] for name in names) if words else " ".join(names)


def maps(entry):
    """True when the entry owns a frame, accessible or not."""
    return bool(entry & (P | PROTNONE))


def is_huge(pde):
    """True when an entry of a page directory maps 2 MiB by itself."""
    return maps(pde) and bool(pde & PS)


class Walk:
    """Entries from the PDPT down until one is not present; `paddr` is None when unmapped."""

    def __init__(self, cr3, va):
        self.cr3, self.va, self.levels, self.paddr = cr3, va, [], None
        pdpte = self._level("PDPT", cr3 & ~31, va >> 30)
        if not pdpte & P:
            return
        pde = self._level("PD", pdpte & FRAME, va >> 21 & 511)
        if not pde & P:
            return
        if is_huge(pde):
            self.paddr = (pde & FRAME & ~0x1fffff) + (va & 0x1fffff)
            return
        pte = self._level("PT", pde & FRAME, va >> 12 & 511)
        if pte & P:
            self.paddr = (pte & FRAME) + (va & 0xfff)

    def _level(self, name, table, index):
        at = table + 8 * index
        try:
            entry = int.from_bytes(ram.read(at, 8), "little")
        except ram.Unreadable as error:
            raise Unknown(f"the {name} lies at {table:#x}, where there is no memory") from error
        self.levels.append(Level(name, index, at, entry))
        return entry

    @property
    def last(self):
        return self.levels[-1]

    @property
    def pte(self):
        """The entry of a page, of 4 KiB or 2 MiB, if the walk came so far, else 0."""
        entry = self.last.entry
        return entry if self.last.name == "PT" or self.last.name == "PD" and is_huge(entry) else 0

    @property
    def poisoned(self):
        """What was here is lost with its frame (mm/poison.h)."""
        return self.last.name == "PT" and self.last.entry & (P | POISON) == POISON

    def lines(self, words=False):
        va = self.va
        yield (f"CR3 {self.cr3:#010x}  VA {va:#010x} = PDPT {va >> 30} | PD {va >> 21 & 511} | "
               f"PT {va >> 12 & 511} | offset {va & 0xfff:#05x}")
        for level in self.levels:
            yield (f"  {level.name:4} [{level.index:3}] @ {level.at:#010x} = "
                   f"{level.entry:#018x}  {flags(level.entry, words)}")
        yield "  => " + self.verdict()

    def verdict(self):
        entry = self.last.entry
        if self.paddr is not None:
            size = "2 MiB page, " if entry & PS and self.last.name == "PD" else ""
            return f"{size}physical {self.paddr:#010x}, frame {self.paddr >> 12:#x}"
        if self.pte and maps(entry):
            why = "whose memory is bad" if self.poisoned else "which nobody may touch"
            return f"frame {(entry & FRAME) >> 12:#x}, {why}: an access faults"
        missing = {"PDPT": "no page directory", "PD": "no page table", "PT": "the entry is empty"}
        return f"not mapped: {missing[self.last.name]}; an access faults"


def walk(va, cr3=None):
    if cr3 is None:
        if not kernel.paging_on():
            raise Unknown("paging is not on yet: every address is a physical one, and there are "
                          "no page tables to walk")
        cr3 = kernel.register("cr3")
    return Walk(cr3, va)


def table(paddr):
    """The 512 entries of a table."""
    try:
        return struct.unpack("<512Q", ram.read(paddr & FRAME, PAGE))
    except ram.Unreadable:
        return (0,) * 512


def user_entries(cr3):
    """(address, entry) of every entry of the user half that is not empty; one of 2 MiB, which has
    PS, for its whole."""
    for gib, pdpte in enumerate(struct.unpack("<4Q", ram.read(cr3 & ~31, 32))[:3]):
        if not pdpte & P:
            continue
        for mib, pde in enumerate(table(pdpte)):
            base = gib << 30 | mib << 21
            if is_huge(pde):
                yield base, pde
            if not pde & P or pde & PS:
                continue
            for index, entry in enumerate(table(pde)):
                if entry:
                    yield base | index << 12, entry


def count_tables(cr3):
    """Pages of page tables of the user half."""
    count = 0
    for pdpte in struct.unpack("<4Q", ram.read(cr3 & ~31, 32))[:3]:
        if pdpte & P:
            count += 1 + sum(1 for pde in table(pdpte) if pde & P and not pde & PS)
    return count


def read_virtual(va, size, cr3=None):
    """Bytes at any address, by walking; Unknown where nothing is mapped."""
    data = b""
    while size:
        n = min(size, PAGE - va % PAGE)
        if KERNEL_BASE <= va < KERNEL_BASE + LOWMEM:
            paddr = va - KERNEL_BASE
        else:
            paddr = walk(va, cr3).paddr
        if paddr is None:
            raise Unknown(f"nothing is mapped at {va:#010x}")
        data += ram.read(paddr, n)
        va, size = va + n, size - n
    return data
