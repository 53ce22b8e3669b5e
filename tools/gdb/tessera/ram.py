"""The guest's physical memory, read and never written.

`make debug` gives QEMU a file as the guest's memory, which is mapped here: a whole frame array is a
few megabytes and is read at once. Without the file (ATTACH=1) the same bytes come through the stub,
in its mode for physical addresses, so that both ways answer before paging is on, too.
"""
import mmap
import os

import gdb

LOW_SPLIT = 3 << 30  # QEMU's pc: memory from here up appears at 4 GiB, if there are 3.5 GiB or more
LOW_LIMIT = 0xe0000000
HIGH_START = 4 << 30
CHUNK = 0x8000


class Unreadable(Exception):
    """There is no memory at an address, or no machine to ask."""


class FileRam:
    def __init__(self, path):
        with open(path, "rb") as file:
            self.map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.size = len(self.map)

    def read(self, paddr, size):
        offset = paddr
        if self.size >= LOW_LIMIT and paddr >= LOW_SPLIT:
            offset = LOW_SPLIT + paddr - HIGH_START
        if offset < 0 or offset + size > self.size:
            raise Unreadable(f"no memory at physical address {paddr:#x}")
        return self.map[offset:offset + size]


class StubRam:
    """Bytes asked for stay valid until the guest runs again."""

    def __init__(self):
        self.chunks = {}

    def forget(self):
        self.chunks.clear()

    def _fill(self, first, last):
        missing = [n for n in range(first, last + 1) if n not in self.chunks]
        if not missing:
            return
        gdb.execute("maint packet Qqemu.PhyMemMode:1", to_string=True)
        try:
            for n in missing:
                self.chunks[n] = bytes(gdb.selected_inferior().read_memory(n * CHUNK, CHUNK))
        except gdb.error as error:
            raise Unreadable(f"no memory at physical address {missing[0] * CHUNK:#x}") from error
        finally:
            gdb.execute("maint packet Qqemu.PhyMemMode:0", to_string=True)

    def read(self, paddr, size):
        if not size:
            return b""
        first, last = paddr // CHUNK, (paddr + size - 1) // CHUNK
        self._fill(first, last)
        data = b"".join(self.chunks[n] for n in range(first, last + 1))
        start = paddr - first * CHUNK
        return data[start:start + size]


_ram = None


def ram():
    global _ram
    if _ram is None:
        path = os.environ.get("TESSERA_RAM")
        _ram = FileRam(path) if path and os.path.exists(path) else StubRam()
    return _ram


_kept = {}


def until_it_runs(function):
    """Decorator: the function's answer is kept until the guest runs again."""
    def remembered():
        if function not in _kept:
            _kept[function] = function()
        return _kept[function]
    return remembered


def forget():
    """The guest has run: nothing read before counts."""
    _kept.clear()
    if isinstance(_ram, StubRam):
        _ram.forget()


def read(paddr, size):
    return ram().read(paddr, size)
