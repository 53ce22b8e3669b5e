"""Pretty printers: page-table entries, pages, VMAs, lists, addresses of the machine, flags."""
import gdb
import gdb.printing

from . import frames, paging, tasks
from .kernel import PAGE

GFP_NAMES = [(1, "DMA"), (2, "HIGH"), (4, "ZERO"), (8, "RESERVE")]


class PtePrinter:
    def __init__(self, value):
        self.entry = int(value["v"])

    def to_string(self):
        entry = self.entry
        if not entry:
            return "empty entry"
        text = f"{entry:#018x} frame {(entry & paging.FRAME) >> 12:#x}: {paging.flags(entry)}"
        return text


class PagePrinter:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        value = self.value
        text = (f"{frames.kind_name(int(value['kind']))}, refcount {int(value['refcount'])}, "
                f"mapcount {int(value['mapcount'])}, order {int(value['order'])}, flags "
                f"{frames.page_flags(int(value['flags']))}, index {int(value['index']):#x}, "
                f"mapping {int(value['mapping']):#x}")
        at = value.address
        try:
            return f"frame {frames.pfn_of(int(at)):#x}: {text}" if at is not None else text
        except gdb.GdbError:
            return text


class VmaPrinter:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        value = self.value
        flags = int(value["flags"])
        return (f"{int(value['start']):08x}-{int(value['end']):08x} {tasks.permissions(flags)} "
                f"page {int(value['pgoff']):#x}, anon {int(value['anon']):#x}, object "
                f"{int(value['object']):#x}, flags {tasks.vm_flags(flags)}")


class ListPrinter:
    """A list head: how many elements follow it, as far as 1000."""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        value, count = self.value, 0
        if value.address is None:
            return f"next {int(value['next']):#x}, prev {int(value['prev']):#x}"
        head, at = int(value.address), value["next"]
        try:
            while int(at) != head and count < 1000:
                at, count = at["next"], count + 1
        except gdb.error:
            return f"broken list: next {int(value['next']):#x}, prev {int(value['prev']):#x}"
        size = "empty" if not count else f"{count} more" if count < 1000 else "1000 or more"
        return f"list, {size}, next {int(value['next']):#x}, prev {int(value['prev']):#x}"


class FramePrinter:
    def __init__(self, value):
        self.value = int(value["v"])

    def to_string(self):
        return f"frame {self.value:#x} (physical {self.value * PAGE:#x})"


class PaddrPrinter:
    def __init__(self, value):
        self.value = int(value["v"])

    def to_string(self):
        return f"physical {self.value:#x}"


class AddressPrinter:
    """vaddr_t is a number to the compiler, but an address to people."""

    def __init__(self, value):
        self.value = int(value)

    def to_string(self):
        return f"{self.value:#x}"


def address_printer(value):
    return AddressPrinter(value) if value.type.name == "vaddr_t" else None


def gfp(flags):
    return "|".join("GFP_" + name for bit, name in GFP_NAMES if flags & bit) or "GFP_KERNEL"


class Gfp(gdb.Function):
    """$mm_gfp(FLAGS): allocation flags in words."""

    def __init__(self):
        super().__init__("mm_gfp")

    def invoke(self, flags):
        return gfp(int(flags))


class VmFlags(gdb.Function):
    """$mm_vm_flags(FLAGS): VM_ flags in words."""

    def __init__(self):
        super().__init__("mm_vm_flags")

    def invoke(self, flags):
        return tasks.vm_flags(int(flags))


def load():
    printers = gdb.printing.RegexpCollectionPrettyPrinter("tessera")
    for name, printer in (("pte_t", PtePrinter), ("page", PagePrinter), ("vma", VmaPrinter),
                          ("list_head", ListPrinter), ("pfn_t", FramePrinter),
                          ("paddr_t", PaddrPrinter)):
        printers.add_printer(name, f"^{name}$", printer)
    gdb.printing.register_pretty_printer(None, printers, replace=True)
    gdb.pretty_printers.append(address_printer)
    Gfp()
    VmFlags()
