"""Processes, their address spaces and VMAs, and the names of the files that VMAs map."""
from . import kernel, paging
from .kernel import PAGE, Struct, Unknown

VM_READ, VM_WRITE, VM_EXEC, VM_SHARED = 1, 2, 4, 8
VM_PROT = VM_READ | VM_WRITE | VM_EXEC
VM_MAYSHARE, VM_GROWSDOWN, VM_HUGETLB, VM_UFFD_MISSING = 0x80, 0x100, 0x10000, 0x4000000
VM_NAMES = ["READ", "WRITE", "EXEC", "SHARED", "MAYREAD", "MAYWRITE", "MAYEXEC", "MAYSHARE",
            "GROWSDOWN", "LOCKED", "LOCKONFAULT", "NORESERVE", "DONTCOPY", "WIPEONFORK",
            "DONTEXPAND", "ACCOUNT", "HUGETLB", "SEQ_READ", "RAND_READ", "HUGEPAGE",
            "NOHUGEPAGE", "DONTDUMP", "SOFTDIRTY", "DONTMERGE", "MERGEABLE", "SYNC",
            "UFFD_MISSING"]
USER_TOP = 0xc0000000


def vm_flags(flags):
    return " ".join(name for bit, name in enumerate(VM_NAMES) if flags >> bit & 1) or "none"


# --- Processes ---

def processes():
    """Every process, or Unknown before the list exists."""
    head = kernel.address("process_list")
    if not kernel.word(head):
        raise Unknown("no processes yet: the process list is set up later in the boot")
    yield from kernel.elements(head, "struct process", "all")


def threads(process):
    head = process.at + kernel.offset_of("struct process", "threads")
    yield from kernel.elements(head, "struct task", "sibling")


def current():
    """The task this CPU runs, or None: a kernel thread, or too early."""
    at = kernel.this_cpu().task
    return Struct("struct task", at) if kernel.KERNEL_BASE <= at < kernel.VMALLOC_START else None


def process_of(task):
    return Struct("struct process", task.process)


def find(pid):
    for process in processes():
        if process.pid == pid:
            return process
    raise Unknown(f"there is no process {pid}")


def describe(task):
    return f"pid {process_of(task).pid} ({task.text('comm')})" if task else "a kernel thread"


# --- Address spaces ---

def mm_of(process):
    """The process's address space, or Unknown."""
    if not process.mm:
        raise Unknown(f"process {process.pid} ({process.text('comm')}) has given its address space "
                      "up: it is ending")
    return Struct("struct mm", process.mm)


def current_mm():
    task = current()
    if task is None:
        raise Unknown("no process is running now: " +
                      ("a kernel thread is" if kernel.this_cpu().thread else
                       "the kernel still boots"))
    return mm_of(process_of(task))


def mm_for(pid=None):
    return current_mm() if pid is None else mm_of(find(pid))


def mm_by_cr3(cr3):
    for process in processes():
        if process.mm and Struct("struct mm", process.mm).pmap.cr3 == cr3 & ~31:
            return process
    return None


def vmas(mm):
    yield from kernel.tree(mm.vmas.root, "struct vma", "node")


def vma_at(mm, va):
    for vma in vmas(mm):
        if vma.start <= va < vma.end:
            return vma
    return None


def vma_above(mm, va):
    """The first VMA that ends beyond va."""
    for vma in vmas(mm):
        if va < vma.end:
            return vma
    return None


# --- Names ---

def file_name(backing):
    """What /proc/PID/maps calls a backing: the path by which a file was opened; the kernel's own
    pages and attached segments have operations of their own."""
    ops = Struct("struct backing", backing).ops
    holder = lambda kind: Struct(kind, backing - kernel.offset_of(kind, "backing"))
    if ops in (kernel.symbol("vdso_ops")[0], kernel.symbol("vvar_ops")[0]):
        return kernel.string(holder("struct special").name)
    if ops == kernel.symbol("attach_ops")[0]:
        segment = Struct("struct segment", holder("struct attach").segment)
        return path_of(Struct("struct file", segment.file))
    return path_of(holder("struct file"))


def path_of(file):
    return path_text(file.mnt, file.dentry)


def path_text(mount_at, at):
    """The names from a dentry up, as one mount shows it, and on in the mount that this one is in."""
    parts = []
    for _ in range(64):
        mount, dentry = Struct("struct mount", mount_at), Struct("struct dentry", at)
        if at == mount.root and mount.parent:
            mount_at, at = mount.parent, mount.covered
        elif dentry.parent in (at, 0):
            name = kernel.string(dentry.name) if dentry.name else ""
            if not parts and name not in ("", "/"):
                return name
            break
        else:
            parts.append(kernel.string(dentry.name))
            at = dentry.parent
    return "/" + "/".join(reversed(parts))


def mount_of_super(super_at):
    """The oldest mount that shows the whole of a file system; None without one."""
    head = kernel.symbol("mount_list")[0]
    at = Struct("struct list_head", head).next
    while at != head:
        mount = Struct("struct mount", at - kernel.offset_of("struct mount", "link"))
        if mount.super == super_at:
            return mount.at
        at = mount.link.next
    return None


def vma_name(vma, mm):
    if vma.backing:
        return file_name(vma.backing)
    if vma.start <= mm.brk and vma.end >= mm.start_brk:
        return "[heap]"
    if vma.start <= mm.start_stack <= vma.end:
        return "[stack]"
    return ""


def permissions(flags):
    letters = "".join(letter if flags & bit else "-"
                      for bit, letter in ((VM_READ, "r"), (VM_WRITE, "w"), (VM_EXEC, "x")))
    return letters + ("s" if flags & VM_MAYSHARE else "p")


def vma_kind(vma):
    """What the VMA's pages come from, in words."""
    shared = vma.flags & VM_SHARED
    if not vma.object:
        return "private memory without a file"
    return ("shared" if shared else "private") + " mapping of a file"


def vma_line(vma, mm, entries=None):
    """The VMA as a line of /proc/PID/maps, and how many of its pages are mapped."""
    pages = (vma.end - vma.start) // PAGE
    mapped = sum(1 for va in (entries or ()) if vma.start <= va < vma.end)
    counted = f"  {mapped}/{pages} pages" if entries is not None else ""
    offset = vma.pgoff * PAGE if vma.backing else 0
    return (f"{vma.start:08x}-{vma.end:08x} {permissions(vma.flags)} {offset:08x}"
            f"{counted:18} {vma_name(vma, mm)}").rstrip()


def mapped_pages(mm):
    """The sorted addresses of the pages that own a frame."""
    return [va + offset for va, entry in paging.user_entries(mm.pmap.cr3) if paging.maps(entry)
            for offset in range(0, paging.HUGE if entry & paging.PS else PAGE, PAGE)]
