"""Commands about all of memory: zones, free lists, caches, counts."""
import gdb

from . import frames, kernel, owners, paging, slabs, tasks
from .command import command, say
from .kernel import PAGE, Struct, Unknown


def load():
    """Importing is all."""


def kib(pages):
    return f"{pages * PAGE // 1024} KiB"


@command("free")
def free(argument):
    """What every frame is used for, counted from the array of frames itself."""
    counts = [0] * (len(frames.kinds()) + 1)
    for frame in frames.all_frames():
        counts[min(frame.kind, len(counts) - 1)] += 1
    say(kernel.held_lock_note() + f"{sum(counts)} frames, {kib(sum(counts))}")
    for kind, count in enumerate(counts):
        if count:
            say(f"  {frames.kind_name(kind):10} {count:8}  {kib(count):>12}")


@command("zones")
def zones(argument):
    """The zones: frames spanned, present and managed, free ones, watermarks, per-CPU lists."""
    pcp = frames.pcp_pages()
    say(kernel.held_lock_note() +
        "zone      frames              present  managed     free      pcp     min     low    high")
    for number, zone in enumerate(frames.zones()):
        free_pages = zone.buddy.free_pages
        say(f"{kernel.string(zone.name):8}  {zone.start:#8x}-{zone.end:#08x} {zone.present:10} "
            f"{zone.managed:8} {free_pages:8} {len(pcp[number]):8} {zone.min:7} {zone.low:7} "
            f"{zone.high:7}")


@command("buddy", "[-v]")
def buddy(argument):
    """Free blocks by zone and order.

With -v every list is walked and its blocks are checked against the counts and the frames' own marks."""
    say(kernel.held_lock_note() + "zone     " + "".join(f"{n:>8}" for n in range(11)) + "  pages")
    for zone in frames.zones():
        counts = zone.buddy.nr_free
        say(f"{kernel.string(zone.name):9}" + "".join(f"{n:8}" for n in counts) +
            f"  {zone.buddy.free_pages}")
    if argument == "-v":
        problems = buddy_problems()
        say("\n".join(problems) if problems else "Lists, counts and frames agree.")
    elif argument:
        raise Unknown("usage: mm buddy [-v]")


def buddy_problems(everything=None):
    """What is wrong with the free lists."""
    everything = everything or frames.all_frames()
    free, problems = frames.kind_number("free"), []
    for number, zone in enumerate(frames.zones()):
        name, pages = kernel.string(zone.name), 0
        if not zone.managed:
            continue
        for order in range(frames.MAX_ORDER + 1):
            heads = list(frames.free_blocks(zone, order))
            pages += len(heads) << order
            if len(heads) != zone.buddy.nr_free[order]:
                problems.append(f"{name} order {order}: {len(heads)} blocks on the list, "
                                f"{zone.buddy.nr_free[order]} counted")
            for pfn in heads:
                frame = everything[pfn]
                if frame.kind != free or frame.order != order or pfn % (1 << order):
                    problems.append(f"{name} order {order}: frame {pfn:#x} is "
                                    f"{frames.kind_name(frame.kind)}, order {frame.order}")
        if pages != zone.buddy.free_pages:
            problems.append(f"{name}: {pages} pages on the lists, {zone.buddy.free_pages} counted")
    return problems


# --- Slab ---

@command("slab", "[CACHE]", gdb.COMPLETE_NONE)
def slab(argument):
    """The slab caches and how full they are; with CACHE its layout, magazines and slabs."""
    if argument:
        one_cache(slabs.cache_named(argument))
        return
    say(kernel.held_lock_note() +
        "cache                    objsize   size  in use   cached    total  slabs  pages")
    known = sorted(slabs.caches(), key=lambda c: -c.nr_slabs << c.order)
    for cache in [cache for cache in known if cache.nr_slabs]:
        cached = len(slabs.in_magazines(cache))
        say(f"{cache.text('name'):24} {cache.objsize:7} {cache.size:6} {cache.taken - cached:7} "
            f"{cached:8} {cache.nr_slabs * cache.per_slab:8} {cache.nr_slabs:6} "
            f"{cache.nr_slabs << cache.order:6}")
    idle = sum(1 for cache in known if not cache.nr_slabs)
    say(f"and {idle} caches without a slab")


def one_cache(cache):
    cached = slabs.in_magazines(cache)
    say(f"{cache.text('name')}: struct slab_cache at {cache.at:#010x}")
    say(f"  objects of {cache.objsize} bytes, {cache.size} from one to the next; {cache.per_slab} "
        f"in a slab of {1 << cache.order} page{'s' * (cache.order > 0)}; {cache.colours} colours")
    if cache.ctor:
        say(f"  constructed by {kernel.code_name(cache.ctor)}")
    say(f"  {cache.taken} out of their slabs: {cache.taken - len(cached)} in use, {len(cached)} in "
        f"magazines ({cache.nr_full} full and {cache.nr_empty} empty ones in the depot)")
    for where, p in slabs.slabs(cache):
        used = p.index & 0xffff
        pfn = frames.pfn_of(p.at)
        bar = "#" * (20 * used // cache.per_slab)
        say(f"  {where:8} frame {pfn:#x}  [{bar:20}] {used}/{cache.per_slab}, colour "
            f"{p.index >> 16}")


# --- Page cache, LRU ---

@command("cache")
def cache_command(argument):
    """The page cache: files that have pages in memory, the largest first."""
    cached, by_object = frames.kind_number("cache"), {}
    for pfn, frame in enumerate(frames.all_frames()):
        if frame.kind == cached:
            counts = by_object.setdefault(frame.mapping, [0, 0, 0])
            counts[0] += 1
            counts[1] += frame.mapcount > 0
            counts[2] += frame.flags >> 1 & 1
    total = sum(counts[0] for counts in by_object.values())
    say(f"{total} pages of {len(by_object)} files\n   pages  mapped   dirty  file")
    ordered = sorted(by_object.items(), key=lambda item: -item[1][0])
    for at, (pages, mapped, dirty) in ordered[:30]:
        say(f"{pages:8} {mapped:7} {dirty:7}  {owners.object_name(at)}")
    if len(ordered) > 30:
        say(f"         ... and {len(ordered) - 30} smaller ones")


@command("lru")
def lru(argument):
    """How old the memory of each process is: pages the CPU has marked accessed and dirty.

Where the kernel keeps lists of pages by age, their lengths come first."""
    heads = [name for name in ("lru_lists", "lru", "page_lru") if kernel.has_symbol(name)]
    if heads:
        say(gdb.execute(f"print {heads[0]}", to_string=True))
    else:
        say("This kernel keeps no lists of pages by age: nothing is reclaimed. The entries say:")
    say("   PID   mapped accessed    dirty writable  NAME")
    for process in tasks.processes():
        if not process.mm:
            continue
        entries = [entry for _, entry in paging.user_entries(tasks.mm_of(process).pmap.cr3)
                   if entry & paging.P]
        count = lambda bit: sum(1 for entry in entries if entry & bit)
        say(f"{process.pid:6} {len(entries):8} {count(paging.A):8} {count(paging.D):8} "
            f"{count(paging.W):8}  {process.text('comm')}")
