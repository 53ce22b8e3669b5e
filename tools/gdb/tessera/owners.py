"""Who owns a frame, in words, down to the file and the page of it."""
from . import frames, kernel, ram, slabs, tasks
from .kernel import Struct, Unknown


def owner(pfn):
    """What a frame is used for, in words."""
    p = frames.page(pfn)
    kind = frames.kind_name(p.kind)
    if kind == "slab":
        return f"slab of cache {Struct('struct slab_cache', p.mapping).text('name')}"
    if kind == "cache":
        return f"page {p.index} of {object_name(p.mapping)}"
    if kind == "huge":
        return huge_owner(pfn)
    if kind == "anon":
        return f"private memory of a process (anon {p.mapping:#010x}, page {p.index:#x})"
    if kind == "free":
        return f"head of a free block of order {p.order}"
    if kind == "free-tail":
        head, order = free_block(pfn)
        return f"inside the free block of order {order} at frame {head:#x}"
    return {"pcp": "free, on a CPU's list", "reserved": "not the allocator's: firmware, the "
            "kernel's image or the boot modules", "zero": "the shared page of zeroes",
            "pgtable": "a page table", "kstack": "a kernel stack", "vmalloc": "vmalloc space",
            "kernel": "a kernel allocation of whole pages"}.get(kind, kind)


def huge_owner(pfn):
    """What the huge page that a frame is part of is used for."""
    head = frames.whole(pfn)
    p = frames.page(head)
    place = "huge page" if head == pfn else f"frame {pfn - head} of the huge page at {head:#x}"
    if not p.refcount:
        return f"{place}, free in the pool"
    if "PRIVATE" in frames.page_flags(p.flags):
        return f"{place}, private memory of a process (page {p.index} of {object_name(p.mapping)})"
    return f"{place}, page {p.index} of {object_name(p.mapping)}"


def free_block(pfn):
    """(head, order) of the free block around a frame."""
    for order in range(frames.MAX_ORDER + 1):
        head = pfn & -(1 << order)
        p = frames.page(head)
        if frames.kind_name(p.kind) == "free" and head + (1 << p.order) > pfn:
            return head, p.order
    raise Unknown(f"frame {pfn:#x} says it is in a free block, but no head is found: the "
                  "allocator may be at work on it")


def object_name(at):
    """The file whose contents an object is, found through a VMA or the inode it lies in."""
    obj = Struct("struct object", at)
    head = at + kernel.offset_of("struct object", "vmas")
    if obj.vmas.next != head:
        vma = Struct("struct vma", obj.vmas.next - kernel.offset_of("struct vma", "object_link"))
        if vma.backing:
            return tasks.file_name(vma.backing)
    inode = at - kernel.offset_of("struct inode", "object")
    return path_of_inode(inode) or f"a file without a name (inode {Struct('struct inode', inode).ino})"


def path_of_inode(inode):
    """The path of a file, by the dentry that is cached for it; None without one."""
    at = dentries_by_inode().get(inode)
    mount = tasks.mount_of_super(Struct("struct inode", inode).super) if at else None
    return tasks.path_text(mount, at) if mount else None


@ram.until_it_runs
def dentries_by_inode():
    cache = slabs.cache_named("dentry")
    return {dentry.inode: dentry.at for dentry in slabs.objects(cache, "struct dentry")}
