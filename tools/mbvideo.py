#!/usr/bin/env python3
"""A kernel that asks its boot loader for a graphics mode: tools/mbvideo.py KERNEL OUT

Sets the flag in a copy's multiboot header (which mode the header says already). It is not set in
the kernel itself because QEMU's -kernel, which has no modes, complains about it at each boot.
"""
import struct
import sys

MAGIC, VIDEO_MODE, SEARCHED = 0x1badb002, 0x4, 8192


def header(data):
    """Where it is, and its flags."""
    for at in range(0, SEARCHED, 4):
        magic, flags, checksum = struct.unpack_from("<III", data, at)
        if magic == MAGIC and (magic + flags + checksum) % 2 ** 32 == 0:
            return at, flags
    raise SystemExit("mbvideo: no multiboot header")


def main():
    with open(sys.argv[1], "rb") as file:
        data = bytearray(file.read())
    at, flags = header(data)
    flags |= VIDEO_MODE
    struct.pack_into("<II", data, at + 4, flags, -(MAGIC + flags) % 2 ** 32)
    with open(sys.argv[2], "wb") as file:
        file.write(data)


if __name__ == "__main__":
    main()
