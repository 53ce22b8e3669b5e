#!/usr/bin/env python3
"""Finds where the kernel calls its allocators and writes a table of these places, as assembler, for
/proc/allocinfo: the address that the call returns to, source file and line (mm/allocinfo.c).

It reads the first link; code lies at the same addresses in the second. A call is a byte E8 and the
distance to one of the functions below.
"""
import os
import re
import struct
import subprocess
import sys

ALLOCATORS = {"page_alloc", "page_alloc_order", "slab_alloc", "slab_zalloc", "kmalloc", "kzalloc",
              "kcalloc", "krealloc", "kstrdup"}


def run(*command, **options):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, **options).stdout


def sections(elf):
    """(address, bytes) of the sections with code."""
    for line in run("objdump", "-h", "-w", elf, text=True).splitlines():
        fields = line.split()
        if len(fields) > 7 and "CODE" in line:
            size, address, offset = (int(fields[i], 16) for i in (2, 3, 5))
            with open(elf, "rb") as file:
                file.seek(offset)
                yield address, file.read(size)


def call_sites(elf):
    addresses = {int(fields[0], 16) for fields in map(str.split, run("nm", elf, text=True).splitlines())
                 if len(fields) == 3 and fields[2] in ALLOCATORS}
    for start, code in sections(elf):
        for call in re.finditer(rb"\xe8", code[:-4]):
            end = start + call.end() + 4
            distance, = struct.unpack_from("<i", code, call.end())
            if end + distance in addresses:
                yield end


def main():
    elf, top = sys.argv[1], os.getcwd() + "/"
    sites = sorted(set(call_sites(elf)))
    asked = "".join(f"{site - 1:x}\n" for site in sites)
    lines = run("addr2line", "-e", elf, input=asked, text=True).splitlines()
    print('\t.section .allocsites, "a"\n\t.balign 4')
    strings = {}
    for site, line in zip(sites, lines):
        file, _, number = line.split(" ")[0].removeprefix(top).rpartition(":")
        label = strings.setdefault(file, f".Lfile{len(strings)}")
        print(f"\t.long {site:#x}, {label}, {number if number.isdigit() else 0}")
    print('\t.section .allocnames, "aMS", @progbits, 1')
    for file, label in strings.items():
        print(f'{label}:\t.string "{file}"')
    print('\t.section .note.GNU-stack, "", @progbits')


main()
