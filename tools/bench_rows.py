"""The benchmark's rows: names, goals, and the table that compares them. Used by bench.py."""
import math
import statistics

# (name, what one operation is, goal in instructions or None). Without a goal of its own a row is
# to cost at most GOAL_RATIO of what it costs Linux.
ROWS = [
    ("null_call", "system call that does nothing", 60),
    ("zero_write_seq", "first write to a page, in order", 560),
    ("zero_write_rand", "first write to a page, at random", 560),
    ("zero_read", "first read of a page", 200),
    ("zero_upgrade", "first write to a page that was read", 580),
    ("stack_growth", "first write to a page of the stack", 600),
    ("fault_vma_1", "first write among 1 mapping", None),
    ("fault_vma_1000", "first write among 1,000 mappings", None),
    ("fault_vma_30000", "first write among 30,000 mappings", 800),
    ("mmap_4k", "mmap and munmap of 4 KiB", 900),
    ("mmap_1m", "mmap and munmap of 1 MiB", None),
    ("mmap_64m", "mmap and munmap of 64 MiB", None),
    ("mmap_touch_1", "mmap, write 1 page, munmap", 1700),
    ("mmap_touch_64", "mmap, write 64 pages, munmap", None),
    ("unmap_touched", "munmap of touched memory, a page", 120),
    ("populate_4m", "mmap with MAP_POPULATE, a page", 480),
    ("brk_4k", "brk + 4 KiB, write, brk - 4 KiB", 1700),
    ("brk_128k", "brk + 128 KiB, write, brk - 128 KiB", None),
    ("mprotect_1", "read-only and back, 1 page", 500),
    ("mprotect_256", "read-only and back, 256 pages", 5000),
    ("mprotect_middle", "the same, in the middle of a mapping", None),
    ("mremap_move", "mremap of 16 pages to elsewhere", None),
    ("mremap_grow", "mremap from 1 to 16 pages and back", None),
    ("dontneed_64", "MADV_DONTNEED of 64 pages, write all", 40000),
    ("mincore_1024", "mincore of 1,024 pages", 6000),
    ("hole_punch", "munmap of one page of many", 1500),
    ("hole_fill", "mmap of that page again", 1200),
    ("churn", "mmap or munmap of 1 to 64 pages", None),
    ("fork_small", "fork, exit, wait; small process", 20000),
    ("fork_16m", "fork, exit, wait; 16 MiB", 130000),
    ("fork_64m", "fork, exit, wait; 64 MiB", 450000),
    ("exec_small", "fork, exec, exit, wait; small process", 45000),
    ("exec_16m", "fork, exec, exit, wait; 16 MiB", None),
    ("exec_64m", "fork, exec, exit, wait; 64 MiB", 480000),
    ("cow_break", "write to a page shared by fork", 900),
    ("cow_reuse", "write to a page no longer shared", 200),
    ("file_read", "read of a private file page", 200),
    ("file_write", "write to a private file page", 950),
    ("file_shared_write", "write to a shared file page", 300),
    ("segv", "SIGSEGV, its handler and back", 700),
    ("segv_mprotect", "the same, with mprotect in the handler", None),
    ("malloc_small", "malloc of 16 to 496 bytes, write, free", None),
    ("malloc_large", "malloc of 1 to 16 MiB, write, free", None),
    ("malloc_realloc", "realloc of a buffer that grows", None),
    ("malloc_calloc", "calloc of 64 KiB to 1 MiB, write, free", None),
    ("boot", "from reset to the first user instruction", 25_000_000),
]
BYTE_ROWS = [
    ("prompt_bytes", "memory in use at the prompt"),
    ("process_bytes", "kernel memory of a small process"),
    ("process_pt_bytes", "page tables of a small process"),
    ("gib_bytes", "kernel memory of a mapped GiB"),
    ("gib_pt_bytes", "page tables of a mapped GiB"),
]
GOAL_RATIO = 0.30
MEAN_GOAL, WALL_MEAN_GOAL = 0.15, 0.35
# Nearly all of it is the program's own instructions, the same on any kernel: no goal.
NO_GOAL = {"malloc_small"}
# Boot is no operation of a running system: it would make the mean look better than it is.
NOT_IN_MEAN = {"boot"}


def median(samples):
    return statistics.median(samples)


def spread(samples):
    """Half the range, in percent of the median."""
    middle = median(samples)
    return 50 * (max(samples) - min(samples)) / middle if middle else 0


def geometric_mean(values):
    values = list(values)
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


class Row:
    """One row's figures: medians, and what is derived from them."""

    def __init__(self, name, what, goal, entry):
        self.name, self.what = name, what
        self.instructions = entry.get("instructions", {})
        self.walls = entry.get("wall", {})
        self.notes = entry.get("notes", {})
        self.limit, self.linux, self.tessera = (
            self._median(kernel) for kernel in ("limit", "linux", "tessera"))
        self.ratio = self._ratio(self.linux, self.tessera)
        self.goal = goal
        if goal is None and self.linux and name not in NO_GOAL:
            self.goal = GOAL_RATIO * self.linux
        self.wall = None
        if len(self.walls) == 2:
            # Paired: the median of the pairs' ratios.
            pairs = [t / l for l, t in zip(self.walls["linux"], self.walls["tessera"])]
            self.wall, self.wall_spread = median(pairs), spread(pairs)

    def _median(self, kernel):
        samples = self.instructions.get(kernel)
        return median(samples) if samples else None

    @staticmethod
    def _ratio(linux, tessera):
        return tessera / linux if linux and tessera else None

    @property
    def above(self):
        if not self.tessera:
            return True
        if self.name in NO_GOAL:
            return False
        return bool(self.goal and self.tessera > self.goal) or \
            bool(self.ratio and self.ratio > GOAL_RATIO)


def number(value):
    if value is None:
        return "-"
    if value >= 10_000_000:
        return f"{value / 1e6:,.1f}M"
    return f"{value:,.0f}"


def ratio(value):
    return "-" if value is None else f"{value:.3f}"


class Report:
    """All rows that were chosen, in their order."""

    def __init__(self, result):
        self.rows = [Row(name, what, goal, result[name])
                     for name, what, goal in ROWS if name in result]
        self.bytes = [(name, what, result[name].get("bytes", {}), result[name].get("notes", {}))
                      for name, what in BYTE_ROWS if name in result]
        in_mean = [row for row in self.rows if row.name not in NOT_IN_MEAN]
        self.mean = geometric_mean(row.ratio for row in in_mean if row.ratio)
        self.wall_mean = geometric_mean(row.wall for row in in_mean if row.wall)

    def complete(self):
        """Whether both kernels ran each row or said why they cannot."""
        return all(figure or row.notes.get(kernel, "").startswith("SKIP") for row in self.rows
                   for kernel, figure in (("linux", row.linux), ("tessera", row.tessera)))

    def summary(self):
        return {"mean": self.mean, "wall_mean": self.wall_mean,
                "above_goal": [row.name for row in self.rows if row.above]}

    def table(self):
        lines = [f"{'instructions':<18}{'limit':>9}{'Linux':>12}{'Tessera':>12}{'min':>12}"
                 f"{'+-%':>6}{'ratio':>8}{'goal':>12}  {'wall ratio':>10}{'+-%':>6}"]
        lines += [self._line(row) for row in self.rows]
        if self.mean:
            lines.append(f"{'geometric mean':<18}{'':>51}{ratio(self.mean):>8}"
                         f"{MEAN_GOAL:>12.2f}  {ratio(self.wall_mean):>10}"
                         f"  (goal {WALL_MEAN_GOAL:.2f})")
        if self.bytes:
            lines += ["", f"{'bytes':<27}{'Linux':>12}{'Tessera':>12}{'ratio':>26}"]
            lines += [self._byte_line(*entry) for entry in self.bytes]
        above = self.summary()["above_goal"]
        lines += ["", f"above the goal (marked !): {len(above)} of {len(self.rows)}"]
        return "\n".join(lines)

    @staticmethod
    def _line(row):
        samples = row.instructions.get("tessera", [])
        figure = lambda kernel, value: row.notes.get(kernel) or number(value)
        return (f"{row.name:<18}{number(row.limit):>9}{figure('linux', row.linux):>12}"
                f"{figure('tessera', row.tessera):>12}"
                f"{number(min(samples) if samples else None):>12}"
                f"{spread(samples) if samples else 0:>6.1f}{ratio(row.ratio):>8}"
                f"{number(row.goal):>12}{' !' if row.above else '  '}{ratio(row.wall):>10}"
                + (f"{row.wall_spread:>6.1f}" if row.wall else ""))

    @staticmethod
    def _byte_line(name, _, values, notes):
        linux, tessera = values.get("linux"), values.get("tessera")
        figure = lambda kernel, value: notes.get(kernel) or ("-" if value is None
                                                             else f"{value:,}")
        share = tessera / linux if linux and tessera and linux > 0 else None
        return (f"{name:<27}{figure('linux', linux):>12}{figure('tessera', tessera):>12}"
                f"{ratio(share):>26}")
