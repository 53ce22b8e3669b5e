"""Addresses of code as places in the source, for make report: function, file, line and the text."""
import bisect
import os
import struct
import subprocess

import vm

LOAD, EXECUTABLE = 1, 1
# Folders of the guest, and where their programs lie here with the debug information that the
# guest's copy lacks.
DEBUG_FOLDERS = {"/bin": "malloc", "/tests": "user", "/demo": "demo"}


class Elf:
    """As much of an ELF file as it takes to say what lies at an address."""

    def __init__(self, path):
        self.path = path
        with open(path, "rb") as file:
            self.data = file.read()
        if self.data[:5] != b"\x7fELF\x01":
            raise ValueError(f"{path} is no 32-bit ELF file")
        at, = struct.unpack_from("<I", self.data, 28)
        size, count = struct.unpack_from("<2H", self.data, 42)
        headers = [struct.unpack_from("<8I", self.data, at + i * size) for i in range(count)]
        self.loads = [h for h in headers if h[0] == LOAD]

    def code(self):
        return [self.data[h[1]:h[1] + h[4]] for h in self.loads if h[6] & EXECUTABLE]

    def address(self, offset):
        """The address that a byte of the file is linked to."""
        for h in self.loads:
            if h[1] <= offset < h[1] + h[4]:
                return offset - h[1] + h[2]
        return offset

    def names(self):
        """Sorted [(address, name, size)] of its functions; a stripped shared object has those that
        it exports only."""
        found = {}
        for option in [], ["-D"]:
            listing = subprocess.run(["nm", "-S", *option, "--defined-only", self.path],
                                     capture_output=True, text=True, check=False).stdout
            for line in listing.splitlines():
                address, *size, kind, name = line.split()
                if kind in "tTwWi":
                    found.setdefault(int(address, 16),
                                     (name.split("@")[0], int(size[0], 16) if size else 0))
        return sorted((address, *named) for address, named in found.items())


def guest_file(path):
    """The file of the guest's root on this side, or None."""
    folders = [os.environ.get("FILES"), os.path.join(vm.BUILD, "root"),
               os.path.join(vm.BUILD, "debroot")]
    for folder in filter(None, folders):
        here = os.path.join(folder, path.lstrip("/"))
        if os.path.isfile(here):
            return here
    return None


def program(path):
    """The Elf of a guest's program with the most debug information, or None."""
    here, found = guest_file(path), None
    folder, name = os.path.split(path)
    better = os.path.join(vm.BUILD, DEBUG_FOLDERS.get(folder, "?"), name)
    try:
        found = Elf(here) if here else None
        if os.path.isfile(better) and (not found or Elf(better).code() == found.code()):
            return Elf(better)
    except (ValueError, OSError, struct.error):
        pass
    return found


class Places:
    """Numbers for places, given out as they are asked for, and the sources they lie in."""

    NOWHERE = -1

    def __init__(self, kernel):
        self.kernel = kernel
        self.rows, self.sources = [], []
        self._number, self._file, self._asked = {}, {}, {}
        self._programs, self._names = {}, {}

    def place(self, name, path=None, line=0):
        key = name, path, line
        if key not in self._number:
            self._number[key] = len(self.rows)
            self.rows.append([name, self._source(path) if path and line else -1, line])
        return self._number[key]

    def _source(self, path):
        path = os.path.normpath(os.path.join(vm.TOP, path))
        if path not in self._file:
            try:
                with open(path, errors="replace") as file:
                    text = file.read()
            except OSError:
                self._file[path] = -1
                return -1
            self._file[path] = len(self.sources)
            shown = os.path.relpath(path, vm.TOP) if path.startswith(vm.TOP + "/") else path
            self.sources.append({"path": shown, "text": text})
        return self._file[path]

    # --- The kernel ---

    def callers(self, addresses):
        """{return address: place of the call}, asked all at once."""
        wanted = sorted(set(addresses))
        return dict(zip(wanted, self._lines(self.kernel, [a - 1 for a in wanted], "the kernel")))

    def function(self, name):
        """The place where a function of the kernel begins."""
        if name not in self._asked:
            found = [address for address, known, _ in self._symbols(self.kernel)
                     if known == name or known.startswith(name + ".")]
            self._asked[name] = self._head(self._lines(self.kernel, found[:1], name)[0]) if found \
                else self.searched(name)
        return self._asked[name]

    def _head(self, place):
        """The line with a function's name, of the place where its body begins."""
        name, source, line = self.rows[place]
        if source < 0:
            return place
        lines = self.sources[source]["text"].splitlines()
        for number in range(line, max(0, line - 6), -1):
            if f"{name}(" in lines[number - 1]:
                return self.place(name, self.sources[source]["path"], number)
        return place

    def searched(self, name):
        """A function that was inlined everywhere: where its definition is written."""
        for path in kernel_sources():
            with open(os.path.join(vm.TOP, path)) as file:
                for number, line in enumerate(file, 1):
                    if not line[0].isspace() and f" {name}(" in line and not line.endswith(";\n"):
                        return self.place(name, path, number)
        return self.NOWHERE

    # --- Programs ---

    def user(self, path, offset, address):
        """The place of a program's instruction, `offset` bytes into the file `path`."""
        elf = self._program(path)
        if elf is None:
            return self.place(f"{os.path.basename(path)} {address:#x}" if path else f"{address:#x}")
        linked = elf.address(offset)
        key = elf.path, linked
        if key not in self._asked:
            self._asked[key] = self._lines(elf.path, [linked], os.path.basename(path))[0]
        return self._asked[key]

    def prepare(self, wanted):
        """Asks for many (path, offset) at once, which user() then knows."""
        by_path = {}
        for path, offset in wanted:
            elf = self._program(path)
            if elf:
                by_path.setdefault(elf.path, set()).add(elf.address(offset))
        for path, addresses in by_path.items():
            ordered = sorted(addresses)
            for address, place in zip(ordered, self._lines(path, ordered, os.path.basename(path))):
                self._asked[path, address] = place

    def _program(self, path):
        if path not in self._programs:
            self._programs[path] = program(path) if path else None
        return self._programs[path]

    # --- binutils ---

    def _symbols(self, path):
        if path not in self._names:
            self._names[path] = Elf(path).names()
        return self._names[path]

    def _name(self, path, address, otherwise):
        names = self._symbols(path)
        at = bisect.bisect_right(names, (address, "\xff")) - 1
        if at >= 0 and address < names[at][0] + (names[at][2] or 1 << 16):
            return names[at][1]
        return f"{otherwise} {address:#x}"

    def _lines(self, path, addresses, otherwise):
        """Places of addresses of an ELF file, in their order."""
        answers = subprocess.run(["addr2line", "-f", "-e", path], text=True, check=True,
                                 capture_output=True,
                                 input="".join(f"{a:#x}\n" for a in addresses)).stdout.splitlines()
        places = []
        for address, name, line in zip(addresses, answers[::2], answers[1::2]):
            file, _, number = line.split(" ")[0].rpartition(":")
            known = file not in ("", "??") and number.isdigit()
            if not known:  # without sizes addr2line takes the nearest name for the right one
                name = self._name(path, address, otherwise)
            places.append(self.place(name, file if known else None, int(number) if known else 0))
        return places


def kernel_sources():
    return [os.path.relpath(os.path.join(folder, name), vm.TOP)
            for top in ("mm", "kernel", "boot")
            for folder, _, names in os.walk(os.path.join(vm.TOP, top))
            for name in sorted(names) if name.endswith((".c", ".h"))]
