"""Slab caches: their counts, and the object that an address lies in."""
import struct
from collections import namedtuple

from . import frames, kernel
from .kernel import KERNEL_BASE, PAGE, Struct, Unknown

Object = namedtuple("Object", "cache start index state")


def caches():
    head = kernel.address("slab_caches")
    if not kernel.word(head):
        raise Unknown("no caches yet: slab_init() comes later in the boot")
    return list(kernel.elements(head, "struct slab_cache", "link"))


def cache_named(name):
    for cache in caches():
        if cache.text("name") == name:
            return cache
    near = [cache.text("name") for cache in caches() if name in cache.text("name")]
    raise Unknown(f"there is no cache {name}" + (f"; there are {', '.join(near)}" if near else ""))


def slabs(cache):
    """The head pages of the cache's slabs, with the list each is on."""
    for name in "full", "partial", "empty":
        head = cache.at + kernel.offset_of("struct slab_cache", name)
        for p in kernel.elements(head, "struct page", "link"):
            yield name, p


def magazine(at):
    """(rounds, addresses, capacity, next) of a magazine."""
    fields = Struct("struct magazine", at)
    first = at + kernel.type_named("struct magazine").sizeof
    if fields.rounds > 1024:
        raise Unknown("a magazine is damaged or being changed")
    data = kernel.read_low(first, 4 * fields.rounds) if fields.rounds else b""
    return [at for (at,) in struct.iter_unpack("<I", data)], fields


def in_magazines(cache):
    """Objects that wait in magazines: taken from their slabs, but nobody's."""
    found = []
    for cpu in cache.cpu:
        for at in cpu.loaded, cpu.previous:
            found += magazine(at)[0]
    at, left = cache.depot_full, cache.nr_full
    while at and left:
        objects, fields = magazine(at)
        found += objects
        at, left = fields.next, left - 1
    return found


def free_bits(cache, p, pfn):
    """The free bits of a slab as one number."""
    words = (cache.per_slab + 31) // 32
    if words == 1:
        return p.private
    end = KERNEL_BASE + pfn * PAGE + (PAGE << cache.order)
    return int.from_bytes(kernel.read_low(end - 4 * words, 4 * words), "little")


def objects(cache, kind):
    """Every object in use, as a structure."""
    free, size = set(in_magazines(cache)), kernel.type_named(kind).sizeof
    for _, p in slabs(cache):
        pfn = frames.pfn_of(p.at)
        start = KERNEL_BASE + pfn * PAGE
        data = kernel.read_low(start, PAGE << cache.order)
        bits, first = free_bits(cache, p, pfn), (p.index >> 16) * cache.colour_step + cache.pad
        for index in range(cache.per_slab):
            offset = first + index * cache.size
            if not bits >> index & 1 and start + offset not in free:
                yield Struct(kind, start + offset, data[offset:offset + size])


def object_at(va):
    """The object that a direct-map address lies in, or Unknown."""
    pfn = (va - KERNEL_BASE) >> 12
    p = frames.page(pfn)
    cache = Struct("struct slab_cache", p.mapping)
    head = pfn & -(1 << cache.order)
    p = frames.page(head)
    first = KERNEL_BASE + head * PAGE + (p.index >> 16) * cache.colour_step
    index = (va - first) // cache.size
    if not 0 <= index < cache.per_slab:
        return Object(cache, first, -1, "no object: the slab's colour or what is left over")
    start = first + index * cache.size + cache.pad
    if free_bits(cache, p, head) >> index & 1:
        state = "free"
    elif start in in_magazines(cache):
        state = "free, in a magazine"
    else:
        state = "in use"
    return Object(cache, start, index, state)
