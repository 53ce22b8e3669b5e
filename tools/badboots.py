"""Boots that must not work: a broken module or machine, and what the one line about it says."""
import gzip
import random
import struct

import vm
from mkinitramfs import Archive, DATE

PT_LOAD, PT_INTERP = 1, 3
READ_EXEC, READ_WRITE = 5, 6
HEADERS = 52 + 2 * 32
CODE = b"\xb8\x01\0\0\0\x31\xdb\xcd\x80"  # _exit(0)


def segment(kind=PT_LOAD, offset=0, address=0x08048000, size=4096, memory=None, flags=READ_EXEC):
    return struct.pack("<8I", kind, offset, address, address, size,
                       size if memory is None else memory, flags, 4096)


def elf(segments, ident=b"\x7fELF\1\1\1", kind=2, machine=3, entry=0x08048000 + HEADERS,
        phoff=52, phentsize=32):
    header = ident.ljust(16, b"\0") + struct.pack(
        "<HHIIIIIHHHHHH", kind, machine, 1, entry, phoff, 0, 0, 52, phentsize, len(segments),
        0, 0, 0)
    return (header + b"".join(segments)).ljust(HEADERS, b"\0") + CODE.ljust(8192, b"\0")


def initramfs(init, mode=0o755):
    archive = Archive()
    archive.directory("dev")
    if init is not None:
        archive.file("init", init, mode)
    archive.end()
    return bytes(archive.data)


def base():
    with open(vm.INITRAMFS, "rb") as file:
        return file.read()


def newc(filesize=0, namesize=5, name=b"init\0", body=b""):
    fields = [1, 0o100755, 0, 0, 1, DATE, filesize, 0, 0, 0, 0, namesize, 0]
    return (b"070701" + b"".join(b"%08X" % f for f in fields) + name).ljust(116, b"\0") + body


def damaged(data):
    return data[:400000] + bytes(64) + data[400064:]


def two(**second):
    return elf([segment(), segment(flags=READ_WRITE, **second)])


MODULE, ARCHIVE, INIT, MEMORY = "initramfs|module", "initramfs|cpio", "init|ELF", "memory|RAM"

# name: (the module's bytes or None, what the line must mention, memory in MiB)
MODULES = {
    "no_module": (lambda: None, MODULE),
    "garbage_module": (lambda: random.Random(1).randbytes(65536), ARCHIVE),
    "zeroes": (lambda: bytes(65536), ARCHIVE + "|init"),
    "truncated_data": (lambda: base()[:1000000], ARCHIVE),
    "truncated_header": (lambda: base()[:base().index(b"070701", 6) + 50], ARCHIVE),
    "huge_file": (lambda: newc(filesize=0xffffffff), ARCHIVE),
    "huge_name": (lambda: newc(namesize=0xfffffffe), ARCHIVE),
    "empty_name": (lambda: newc(namesize=0), ARCHIVE),
    "bad_digits": (lambda: newc().replace(b"000081ED", b"0000x1ED"), ARCHIVE),
    "truncated_gzip": (lambda: gzip.compress(base(), mtime=0)[:500000], ARCHIVE + "|gzip"),
    "damaged_gzip": (lambda: damaged(gzip.compress(base(), mtime=0)), ARCHIVE + "|gzip"),
    "no_init": (lambda: initramfs(None), INIT),
    "init_is_text": (lambda: initramfs(b"hello\n"), INIT),
    "init_is_empty": (lambda: initramfs(b""), INIT),
    "init_not_executable": (lambda: initramfs(elf([segment()]), 0o644), INIT),
    "elf_cut_short": (lambda: initramfs(elf([segment()])[:40]), INIT),
    "elf_64_bit": (lambda: initramfs(elf([segment()], ident=b"\x7fELF\2\1\1")), INIT),
    "elf_other_machine": (lambda: initramfs(elf([segment()], machine=40)), INIT),
    "elf_headers_outside": (lambda: initramfs(elf([segment()], phoff=0xfffffff0)), INIT),
    "elf_header_size": (lambda: initramfs(elf([segment()], phentsize=31)), INIT),
    "elf_unaligned": (lambda: initramfs(two(address=0x08050010, offset=4096)), INIT),
    "elf_overlap": (lambda: initramfs(two(address=0x08048000, offset=4096)), INIT),
    "elf_in_kernel": (lambda: initramfs(two(address=0xc0100000, offset=4096)), INIT),
    "elf_wraps": (lambda: initramfs(two(address=0xbfff0000, offset=4096, memory=0xfffff000)),
                  INIT),
    "elf_file_over_memory": (lambda: initramfs(two(address=0x08050000, offset=4096, memory=16)),
                             INIT),
    "elf_no_interpreter": (lambda: initramfs(two(kind=PT_INTERP, offset=4096, address=0x08049000,
                                                 size=9)), INIT),
}

# Memory in MiB that is too little: QEMU's least, and less than kernel and module need.
TOO_SMALL = ["2", "3"]


def good():
    """The same tiny program without a fault: shows that what the others refuse is the fault."""
    return initramfs(elf([segment()]))
