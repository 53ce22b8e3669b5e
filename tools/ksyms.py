#!/usr/bin/env python3
"""Turns `nm -n` of the first link (stdin) into the kernel's symbol table, as assembler (stdout).

The format is described in kernel/core/ksyms.h. The symbols of what goes away once booted make a
table that goes with it. Section .bss lies behind both tables and moves when they are filled, so its
symbols are a group of their own, relative to __bss_start, which the linker fills in. Everything else
stays where the first link put it.
"""
import re
import sys

# Borders that the linker script names: they would hide the functions and objects that lie there.
BORDER = re.compile(r'__(start|stop)_\w+|__\w+_(start|end)')


def read_symbols(lines):
    """Yields (address, name), the best name for each address, ascending."""
    best = {}
    for line in lines:
        fields = line.split()
        if len(fields) != 3 or fields[1] in 'aANUw':
            continue
        address, kind, name = int(fields[0], 16), fields[1], fields[2]
        if BORDER.fullmatch(name) or name.startswith('.'):
            continue
        if address not in best or kind.isupper():
            best[address] = name
    return sorted(best.items())


def uleb128(value):
    out = []
    while value > 0x7f:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    return out + [value]


def encode(symbols, start):
    data = bytearray()
    for address, name in symbols:
        data += bytes(uleb128(address - start)) + name.encode() + b'\0'
        start = address
    return data + bytes(-len(data) % 4)


def emit(symbols, border, start_name, end_name):
    """A group: of `symbols`, those from one border to the other."""
    start, end = border[start_name], border[end_name]
    inside = [s for s in symbols if start <= s[0] < end]
    data = encode(inside, start)
    print(f'\t.long {start_name}, {end_name}, {len(inside)}, {len(data)}')
    for i in range(0, len(data), 24):
        print('\t.byte ' + ','.join(str(b) for b in data[i:i + 24]))


def main():
    lines = sys.stdin.readlines()
    border = {f[2]: int(f[0], 16) for f in map(str.split, lines) if len(f) == 3}
    symbols = read_symbols(lines)
    print('\t.section .ksyms, "a"\n\t.balign 4')
    emit(symbols, border, '__kernel_start', '__init_start')
    emit(symbols, border, '__bss_start', '__bss_end')
    print('\t.section .init.ksyms, "a"\n\t.balign 4')
    emit(symbols, border, '__init_start', '__init_ksyms_start')
    print('\t.section .note.GNU-stack, "", @progbits')


main()
