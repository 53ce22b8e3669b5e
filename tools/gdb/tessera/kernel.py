"""The kernel's symbols, structures and lists, read through physical memory.

Kernel addresses below vmalloc are the direct map, so they are readable at any stop: before paging
is on, with a program's page tables loaded, inside the allocator. A structure is read in one piece
and taken apart by the layout in the debug information (class Struct); its pointers are numbers.
"""
import functools

import gdb

from . import ram

PAGE = 4096
KERNEL_BASE = 0xc0000000
VMALLOC_START = 0xf8000000
VMALLOC_END = 0xfe000000
LOWMEM = VMALLOC_START - KERNEL_BASE


class Unknown(gdb.GdbError):
    """What a command says when it cannot know."""


def register(name):
    """A register of the CPU itself, whatever frame is selected."""
    try:
        return int(gdb.newest_frame().read_register(name)) & 0xffffffff
    except (gdb.error, ValueError) as error:
        raise Unknown("no machine: it has ended") from error


def paging_on():
    return bool(register("cr0") & 0x80000000)


def user_mode():
    return register("cs") & 3 == 3


# --- Memory ---

def read_low(va, size):
    """Bytes at a direct-map address."""
    if not KERNEL_BASE <= va <= va + size <= VMALLOC_START:
        raise Unknown(f"{va:#010x} is not in the kernel's direct map")
    try:
        return ram.read(va - KERNEL_BASE, size)
    except ram.Unreadable as error:
        raise Unknown(str(error)) from error


def word(va):
    return int.from_bytes(read_low(va, 4), "little")


def string(va, limit=256):
    """The C string at a direct-map address."""
    if not KERNEL_BASE <= va < VMALLOC_START:
        return f"<{va:#x}>"
    size = min(limit, VMALLOC_START - va)
    return read_low(va, size).split(b"\0")[0].decode(errors="replace")


# --- Symbols ---

@functools.lru_cache(None)
def symbol(name):
    """(address, type) of a variable of the kernel's."""
    found = gdb.lookup_global_symbol(name) or gdb.lookup_static_symbol(name)
    if found is None:
        raise Unknown(f"this kernel has no `{name}`")
    return int(found.value().address), found.type


def has_symbol(name):
    return bool(gdb.lookup_global_symbol(name) or gdb.lookup_static_symbol(name))


def function(name):
    """The address of a function, or None."""
    found = gdb.lookup_global_symbol(name) or gdb.lookup_static_symbol(name)
    return int(found.value().address) if found else None


def address(name):
    return symbol(name)[0]


def variable(name):
    """A variable's value: a number, a Struct or a list."""
    va, kind = symbol(name)
    return decode(kind, read_low(va, kind.sizeof), 0, va)


@functools.lru_cache(None)
def type_named(name):
    try:
        return gdb.lookup_type(name).strip_typedefs()
    except gdb.error as error:
        raise Unknown(f"this kernel has no `{name}`") from error


@functools.lru_cache(None)
def enum_names(name):
    """{value: name} of an enum."""
    return {field.enumval: field.name for field in type_named("enum " + name).fields()}


def code_name(va):
    """`function+offset at file:line` of a code address, for callers."""
    block = gdb.block_for_pc(va)
    while block and not block.function:
        block = block.superblock
    name = block.function.name if block else None
    if name is None:
        text = gdb.execute(f"info symbol {va:#x}", to_string=True)
        return text.split(" in section")[0].strip() if " in section" in text else f"{va:#010x}"
    line = gdb.find_pc_line(va)
    where = f" at {line.symtab.filename}:{line.line}" if line.symtab else ""
    return name + where


# --- Structures ---

NUMBERS = {gdb.TYPE_CODE_INT, gdb.TYPE_CODE_ENUM, gdb.TYPE_CODE_BOOL, gdb.TYPE_CODE_PTR,
           gdb.TYPE_CODE_CHAR}


def decode(kind, data, offset, va):
    kind = kind.strip_typedefs()
    if kind.code in NUMBERS:
        size = kind.sizeof
        signed = kind.code == gdb.TYPE_CODE_INT and kind.is_signed
        return int.from_bytes(data[offset:offset + size], "little", signed=signed)
    if kind.code == gdb.TYPE_CODE_ARRAY:
        element = kind.target().strip_typedefs()
        count = kind.sizeof // element.sizeof if element.sizeof else 0
        if element.sizeof == 1:
            return data[offset:offset + count]
        return [decode(element, data, offset + i * element.sizeof, va + i * element.sizeof)
                for i in range(count)]
    return Struct(kind, va, data[offset:offset + kind.sizeof])


@functools.lru_cache(None)
def _layout(name):
    return _fields(type_named(name))


def _fields(kind):
    """Offset and type by name; those inside nameless structs and unions too."""
    fields = {}
    for field in kind.fields():
        offset = field.bitpos // 8
        if field.name:
            fields[field.name] = offset, field.type
        else:
            fields.update((name, (offset + inner, of))
                          for name, (inner, of) in _fields(field.type).items())
    return fields


class Struct:
    """A structure as it was when it was read; its fields are attributes. `at` is its address."""

    _layouts = {}

    def __init__(self, kind, va, data=None):
        if isinstance(kind, str):
            kind = type_named(kind)
        self.at = va
        self._data = read_low(va, kind.sizeof) if data is None else data
        key = kind.tag or str(kind)
        if key not in self._layouts:
            self._layouts[key] = _fields(kind)
        self._layout = self._layouts[key]

    def __getattr__(self, name):
        if name.startswith("_") or name not in self._layout:
            raise AttributeError(name)
        offset, kind = self._layout[name]
        return decode(kind, self._data, offset, self.at + offset)

    def field_names(self):
        return list(self._layout)

    def text(self, name):
        """A char array as a string."""
        return getattr(self, name).split(b"\0")[0].decode(errors="replace")


def offset_of(kind, member):
    return _layout(kind)[member][0]


def elements(head, kind, member, limit=100000):
    """The structures of a list, by the address of its head. A broken list ends with Unknown."""
    offset, seen, at = offset_of(kind, member), 0, word(head)
    while at != head:
        if at == 0 or seen >= limit:
            raise Unknown(f"the list at {head:#010x} is broken or being changed at {at:#010x}")
        element = Struct(kind, at - offset)
        yield element
        at = getattr(element, member).next
        seen += 1


def tree(root, kind, member, limit=100000):
    """The structures of a balanced tree, a struct ravl_root, in order."""
    offset, seen, at = offset_of(kind, member), 0, root.first
    while at:
        if seen >= limit:
            raise Unknown(f"the tree is broken or being changed at {at:#010x}")
        yield Struct(kind, at - offset)
        at = Struct("struct ravl_node", at).next
        seen += 1


# --- What state the kernel is in ---

def need(name, what):
    """The value of a pointer that boot sets, or Unknown while it has not."""
    value = word(address(name))
    if value < KERNEL_BASE:
        raise Unknown(f"not known yet: {what} is set up later in the boot")
    return value


def this_cpu():
    """The boot CPU's record, without a task while it boots."""
    va, kind = symbol("cpus")
    return Struct(kind.target().strip_typedefs(), va)


def held_lock_note():
    """A warning while the kernel is in the middle of a change, or ''."""
    depth = this_cpu().spin_depth
    if not 0 < depth < 100:
        return ""
    return f"(stopped with {depth} spin lock{'s' * (depth > 1)} held: lists may be half changed)\n"
