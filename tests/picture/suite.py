"""The tests of the picture of memory, for tools/test.py: every tile has the colour of the frame's owner.

The machine is stopped, its screen is dumped, and its memory is read from the file that is behind
it: what struct page says of each frame, which is what mm_check holds against everything else when
the machine ends, must be what the screen shows. Words are read from the screen too.
"""
import os
import re
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools"))

import mkfont
import screenshot
import vm

FONT = "/usr/share/grub/ascii.pf2"
TIMEOUT = float(os.environ.get("TIMEOUT") or 120)
REST = TIMEOUT / 2  # seconds for memory to come to rest
PAGE_STRUCT = 32
GAP = 4         # kernel/picture/mosaic.h: MOSAIC_GAP
TEXT = (8, 8)    # the text screen's distance from the left and from below
ROWS, COLUMNS = 25, 80
PANEL_X = 8 + COLUMNS * mkfont.WIDTH + 16

# Files kept and removed, processes that wait, shared and private memory.
COMMAND = """
mkdir /tmp/kept; cp /bin/busybox /tmp/kept/a
head -c 1500000 /dev/zero >/tmp/gone; head -c 300000 /dev/zero >/dev/shm/kept
for i in 1 2 3; do sleep 1000 & done
seq 1 3000 | sort -rn | tail -n 1
rm /tmp/gone; kill %2
"""

# The legend's words (kernel/picture/panel.c) and enum page_kind (mm/page.h).
LEGEND = {
    "reserved, kernel": "RESERVED", "kernel's own": "KERNEL", "slab": "SLAB", "vmalloc": "VMALLOC",
    "kernel stacks": "KSTACK", "page tables": "PGTABLE", "zero page": "ZERO", "huge pages": "HUGE",
    "page cache": "CACHE", "anonymous": "ANON", "free, on a CPU": "PCP", "free": "FREE",
}
USED_UP = ["SLAB", "KSTACK", "PGTABLE", "ZERO", "CACHE", "ANON", "FREE"]  # some of each are there


def kinds():
    """The names of enum page_kind, in order."""
    with open(os.path.join(vm.TOP, "mm/page.h"), encoding="utf-8") as file:
        body = re.search(r"enum page_kind \{(.*?)\}", file.read(), re.DOTALL)[1]
    return re.findall(r"^\s*PK_(\w+),", body, re.MULTILINE)[:-1]


class Image:
    """A screen dump, as QEMU writes PPM."""

    def __init__(self, path):
        with open(path, "rb") as file:
            kind, size, _, self.data = file.read().split(b"\n", 3)
        assert kind == b"P6"
        self.width, self.height = map(int, size.split())

    def line(self, x, y, width):
        at = (y * self.width + x) * 3
        return self.data[at:at + width * 3]

    def character(self, x, y, glyphs):
        """The character at a place: what differs from its first pixel, a corner, is ink."""
        rows = []
        for line in range(mkfont.HEIGHT):
            pixels = self.line(x, y + line, mkfont.WIDTH)
            ground = self.line(x, y, 1)
            rows.append(sum(0x80 >> i for i in range(mkfont.WIDTH)
                            if pixels[3 * i:3 * i + 3] != ground))
        return glyphs.get(bytes(rows), "\x7f")

    def text(self, x, y, columns, glyphs):
        return "".join(self.character(x + i * mkfont.WIDTH, y, glyphs)
                       for i in range(columns)).rstrip()

    def screen(self, glyphs):
        """The text screen's lines."""
        top = self.height - TEXT[1] - ROWS * mkfont.HEIGHT
        return [self.text(TEXT[0], top + row * mkfont.HEIGHT, COLUMNS, glyphs)
                for row in range(ROWS)]


def font():
    with open(FONT, "rb") as file:
        glyphs = mkfont.read_font(file.read())
    return {bytes(rows): chr(code) for code, rows in enumerate(glyphs, mkfont.FIRST)}


class Memory:
    """What the stopped machine says of its frames."""

    def __init__(self, ram):
        table = subprocess.run(["nm", vm.KERNEL], stdout=subprocess.PIPE, check=True).stdout
        self.symbols = {name: int(address, 16) for address, _, name in
                        (line.split() for line in table.decode().splitlines()
                         if len(line.split()) == 3)}
        self.file = open(ram, "rb")

    def read(self, address, size):
        self.file.seek(address - 0xc0000000)
        return self.file.read(size)

    def words(self, symbol, count, offset=0):
        return struct.unpack(f"<{count}I", self.read(self.symbols[symbol] + 4 * offset, 4 * count))

    def frames(self):
        """Each frame's kind, with the rest of a free block counted as free."""
        start, = self.words("mem_map", 1)
        count, = self.words("nr_pfns", 1)
        found = self.read(start, count * PAGE_STRUCT)[::PAGE_STRUCT]
        names = kinds()
        return found.replace(bytes([names.index("FREE_TAIL")]), bytes([names.index("FREE")]))

    def colours(self):
        return [bytes([c >> 16, c >> 8 & 255, c & 255])
                for c in self.words("mosaic_colour", len(kinds()))]


class Mosaic:
    """struct mosaic, and what it says the screen must look like."""

    def __init__(self, memory, symbol="mosaic"):
        (self.x, self.y, self.width, self.height, self.cols, self.rows, self.tile_w, self.tile_h,
         self.per_tile, spans) = memory.words(symbol, 10)
        places = memory.words(symbol, 3 * spans, 10)
        self.spans = [places[i:i + 3] for i in range(0, 3 * spans, 3)]
        self.frames, self.colours = memory.frames(), memory.colours()
        self.free = {kinds().index("FREE"), kinds().index("PCP")}

    def tile(self, frames):
        """The kind that a tile of several frames shows."""
        used = [kind for kind in frames if kind not in self.free]
        if not used:
            return max(frames)
        most = max(map(used.count, used))
        return [kind for kind in used if used.count(kind) == most]

    def row(self, start, end):
        """The acceptable colours of the tiles of a row."""
        if self.per_tile == 1:
            return [[self.colours[kind]] for kind in self.frames[start:end]]
        row = []
        for at in range(start, end, self.per_tile):
            frames = self.frames[at:min(at + self.per_tile, end)]
            if len(set(frames)) == 1:
                row.append([self.colours[frames[0]]])
                continue
            shown = self.tile(frames)
            row.append([self.colours[kind] for kind in
                        (shown if isinstance(shown, list) else [shown])])
        return row

    def line(self, row, image, y, gap, ground):
        """What a line of pixels must be: of two colours that will do, the one that is there."""
        line = []
        for col, colours in enumerate(row):
            there = image.line(self.x + col * self.tile_w, y, 1)
            colour = there if there in colours else colours[0]
            line.append(colour * (self.tile_w - gap) + ground * gap)
        return b"".join(line)

    def difference(self, image):
        """The first place where the screen is not as it must be, or None."""
        gap = int(min(self.tile_w, self.tile_h) >= GAP)
        ground = image.line(0, 0, 1)
        for start, end, first in self.spans:
            for at in range(start, end, self.cols * self.per_tile):
                row = first + (at - start) // (self.cols * self.per_tile)
                tiles = self.row(at, min(at + self.cols * self.per_tile, end))
                for y in range(self.y + row * self.tile_h, self.y + (row + 1) * self.tile_h - gap):
                    wanted = self.line(tiles, image, y, gap, ground)
                    got = image.line(self.x, y, len(wanted) // 3)
                    if got != wanted:
                        i = next(i for i in range(len(wanted)) if got[i] != wanted[i])
                        tile = i // 3 // self.tile_w
                        return (f"frame {at + tile * self.per_tile}: "
                                f"{got[i - i % 3:i - i % 3 + 3].hex()} instead of "
                                f"{wanted[i - i % 3:i - i % 3 + 3].hex()}")
        return None


def legend_problem(mosaic, image, glyphs):
    """The panel's rows against the frames' account: words, colours, counts."""
    top = image.height - TEXT[1] - ROWS * mkfont.HEIGHT
    shown = [kind for start, end, _ in mosaic.spans for kind in mosaic.frames[start:end]]
    for i, (name, kind) in enumerate(LEGEND.items(), 1):
        number = kinds().index(kind)
        y = top + i * mkfont.HEIGHT
        got = re.split(r"\s{2,}", image.text(PANEL_X + 2 * mkfont.WIDTH, y, 33, glyphs))
        count = shown.count(number)
        if got[0] != name or got[1].split()[0] != str(count):
            return f"the legend says {got}, {name} are {count} frames"
        if image.line(PANEL_X + 4, y + 8, 1) != mosaic.colours[number]:
            return f"{name} have another colour in the legend"
        if kind in USED_UP and not count:
            return f"{name}: there are none"
    return None


def look(screen, path, glyphs):
    """Stops the machine, compares, lets it go on. Returns what is wrong, or None."""
    screen.ask("stop")
    screen.save(path, "ppm")
    image, memory = Image(path), Memory(screen.ram)
    mosaic, lens = Mosaic(memory), Mosaic(memory, "lens")
    screen.ask("cont")
    if len(set(mosaic.colours)) != len(mosaic.colours) - 1:
        return "two kinds have one colour"
    if not any("1\n" == line + "\n" for line in image.screen(glyphs)):
        return f"the text screen does not show the command's output: {image.screen(glyphs)[:3]}"
    if bool(lens.spans) != (min(mosaic.tile_w, mosaic.tile_h) < GAP):
        return "a close-up where none is needed, or none where one is"
    title = image.text(lens.x, lens.y - mkfont.HEIGHT, 14, glyphs)
    if lens.spans and title != f"{lens.spans[0][0] // 256} MiB":
        return f"the close-up of {lens.spans} says {title}"
    return (mosaic.difference(image) or lens.difference(image) or
            legend_problem(mosaic, image, glyphs))


def check(log, mem, per_tile, iso):
    """Runs the command, waits until memory is at rest, and compares."""
    glyphs, problem, end = font(), None, time.monotonic() + REST
    with open(log, "wb") as output, \
            screenshot.Screen(COMMAND, vm.Machine(mem=mem), iso=iso) as screen:
        screen.run(output, TIMEOUT)
        # What has just changed still fades, and the panel follows twice a second.
        while (problem := look(screen, log + ".ppm", glyphs)) and time.monotonic() < end:
            time.sleep(0.7)
        assert not problem, problem
        mosaic = Mosaic(Memory(screen.ram))
        total = sum(last - first for first, last, _ in mosaic.spans)
        assert mosaic.per_tile == per_tile, f"a tile is {mosaic.per_tile} frames, not {per_tile}"
        assert int(mem) * 256 - 256 <= total <= int(mem) * 256, \
            f"{total} frames are shown, the machine has {mem} MiB"
        problem = screen.end(TIMEOUT)
        assert not problem, problem


class Staying(vm.Machine):
    """A machine that cannot leave QEMU: it turns itself off, and its screen stays."""

    def arguments(self):
        arguments = super().arguments()
        at = next(i for i, word in enumerate(arguments) if word.startswith("isa-debug-exit"))
        return arguments[:at - 1] + arguments[at + 1:] + ["-no-shutdown"]


def panic(log):
    """Where there is a framebuffer, a panic can be read on it."""
    end = time.monotonic() + TIMEOUT
    with screenshot.Screen("", Staying(mem="64"), append="provoke=PANIC") as screen:
        while "shutdown" not in screen.ask("info status"):
            assert time.monotonic() < end, "the machine did not end"
            time.sleep(0.1)
        screen.save(log + ".ppm", "ppm")
    lines = Image(log + ".ppm").screen(font())
    rest = "\n".join(lines)
    for pattern in r"panic: provoked", r"backtrace:", r"do_panic\+", r"kernel_main\+":
        found = re.search(pattern, rest)
        assert found, f"nothing like {pattern!r} in its place on the screen: {lines}"
        rest = rest[found.end():]


def reported(test):
    """Trouble with the machine is the test's failure."""
    def function(log):
        try:
            test(log)
        except screenshot.Trouble as trouble:
            raise AssertionError(str(trouble)) from trouble
    return function


def cases():
    for name, mem, per_tile, iso in (("16M", "16", 1, False), ("512M", "512", 1, False),
                                     ("4096M", "4096", 8, False), ("grub", "64", 1, True)):
        def function(log, mem=mem, per_tile=per_tile, iso=iso):
            check(log, mem, per_tile, iso)
        yield f"picture.{name}", reported(function)
    yield "picture.panic", reported(panic)
