#!/usr/bin/env python3
"""Writes a folder as an initramfs (newc cpio) whose file data lies on page boundaries.

A newc entry is a 110-byte header, the name with its NUL, and the data, each padded to 4 bytes. The
size of the name counts every NUL, so trailing NULs are padding that Linux and cpio(1) read over:
they move the data of each file of a page or more to a multiple of 4096, where a kernel can map it
in place. Linux allows names of up to 4096 bytes; where more padding is needed, a "." entry comes
first. Archives may follow each other, each beginning on a page boundary.

The same input gives the same bytes: sorted, owner 0:0, one date for all, inodes counted from 1.
"""
import argparse
import os
import stat
import sys

PAGE = 4096
HEADER = 110
NAME_MAX = 4096  # Linux's PATH_MAX, with the NUL
DATE = 1704067200  # 2024-01-01

DEVICES = [("dev/console", 0o600, 5, 1), ("dev/null", 0o666, 1, 3)]


def round_up(value, unit):
    return -(-value // unit) * unit


class Archive:
    """One newc archive, built in memory. `inode` goes on from one archive to the next."""

    def __init__(self):
        self.data = bytearray()
        self.inode = 0

    def _entry(self, name, mode, body=b"", nlink=1, rdev=(0, 0), namesize=None):
        encoded = name.encode()
        namesize = namesize or len(encoded) + 1
        self.inode += 1
        fields = [self.inode, mode, 0, 0, nlink, DATE, len(body), 0, 0, *rdev, namesize, 0]
        self.data += b"070701" + b"".join(b"%08X" % field for field in fields)
        self.data += encoded.ljust(namesize, b"\0")
        self._pad(4)
        self.data += body
        self._pad(4)

    def _pad(self, unit):
        self.data += bytes(round_up(len(self.data), unit) - len(self.data))

    def directory(self, name, mode=0o755):
        self._entry(name, stat.S_IFDIR | mode, nlink=2)

    def symlink(self, name, target):
        self._entry(name, stat.S_IFLNK | 0o777, target.encode())

    def device(self, name, mode, major, minor):
        self._entry(name, stat.S_IFCHR | mode, rdev=(major, minor))

    def file(self, name, body, mode=0o644):
        namesize = None
        if len(body) >= PAGE:
            namesize = self._namesize_to_align(name)
            while namesize > NAME_MAX:
                self.directory(".")
                namesize = self._namesize_to_align(name)
        self._entry(name, stat.S_IFREG | mode, body, namesize=namesize)

    def _namesize_to_align(self, name):
        start = len(self.data) + HEADER
        return round_up(start + len(name.encode()) + 1, PAGE) - start

    def end(self):
        """Closes this archive; another may follow."""
        self._entry("TRAILER!!!", 0)
        self._pad(PAGE)
        self.inode = 0

    def tree(self, top):
        """Adds everything below the folder `top`."""
        for folder, folders, files in os.walk(top):
            folders.sort()
            inside = os.path.relpath(folder, top)
            if inside != ".":
                self.directory(inside, stat.S_IMODE(os.lstat(folder).st_mode))
            links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
            for name in sorted(files + links):
                self._add(os.path.join(folder, name), os.path.normpath(os.path.join(inside, name)))

    def _add(self, path, name):
        status = os.lstat(path)
        mode = stat.S_IMODE(status.st_mode)
        if stat.S_ISLNK(status.st_mode):
            self.symlink(name, os.readlink(path))
        elif stat.S_ISREG(status.st_mode):
            with open(path, "rb") as source:
                self.file(name, source.read(), mode)
        elif stat.S_ISCHR(status.st_mode):
            self.device(name, mode, os.major(status.st_rdev), os.minor(status.st_rdev))
        else:
            print(f"mkinitramfs: {path}: left out, not a file, folder or link", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description="write an initramfs with page-aligned file data")
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--devices", action="store_true", help="add /dev/console and /dev/null")
    parser.add_argument("folder")
    args = parser.parse_args()

    archive = Archive()
    archive.tree(args.folder)
    if args.devices:
        for device in DEVICES:
            archive.device(*device)
    archive.end()
    with open(args.output + ".new", "wb") as output:
        output.write(archive.data)
    os.replace(args.output + ".new", args.output)


if __name__ == "__main__":
    main()
