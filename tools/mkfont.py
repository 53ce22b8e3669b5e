#!/usr/bin/env python3
"""The kernel's font: tools/mkfont.py FONT.pf2 >font.c

FONT.pf2 is a font of GRUB's (Debian's grub-common has GNU Unifont as one), from which the printable
ASCII characters are taken. The format: a sequence of sections, each a name, a length and contents;
CHIX says where each character's picture lies, a box of bits with its place on the base line.
"""
import struct
import sys

FIRST, LAST = 0x20, 0x7e
WIDTH, HEIGHT = 8, 16


def sections(data):
    at, found = 0, {}
    while at + 8 <= len(data):
        name, length = struct.unpack_from(">4sI", data, at)
        found[name] = data[at + 8:at + 8 + length]  # of DATA, which comes last, the length is -1
        at += 8 + length
    return found


def glyph(data, offset, ascent):
    """The rows of a character, a byte each, the leftmost pixel in bit 7."""
    width, height, left, bottom = struct.unpack_from(">HHhh", data, offset)
    rows = [0] * HEIGHT
    for bit in range(width * height):
        x, y = left + bit % width, ascent - bottom - height + bit // width
        if data[offset + 10 + bit // 8] << bit % 8 & 0x80 and 0 <= x < WIDTH and 0 <= y < HEIGHT:
            rows[y] |= 0x80 >> x
    return rows


def read_font(data):
    parts = sections(data)
    if parts.get(b"FILE") != b"PFF2":
        raise SystemExit("mkfont: not a font of GRUB's")
    places = {code: offset for code, _, offset in struct.iter_unpack(">IBI", parts[b"CHIX"])}
    ascent, = struct.unpack(">H", parts[b"ASCE"])
    return [glyph(data, places[code], ascent) for code in range(FIRST, LAST + 1)]


def main():
    with open(sys.argv[1], "rb") as file:
        glyphs = read_font(file.read())
    print(f"/* Made by tools/mkfont.py from {sys.argv[1]}. */\n"
          '#include "kernel/core/canvas.h"\n\n'
          f"const u8 font_glyphs[{LAST - FIRST + 1}][{HEIGHT}] = {{")
    for code, rows in enumerate(glyphs, FIRST):
        print("\t{" + ", ".join(f"0x{row:02x}" for row in rows) + f"}}, /* {chr(code)!r} */")
    print("};")


if __name__ == "__main__":
    main()
