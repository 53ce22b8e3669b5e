"""How an `mm` command is made: a function whose docstring is its help."""
import gdb

from . import ram
from .kernel import Unknown


class Prefix(gdb.Command):
    """Tessera's memory system: what it holds, at any stop, without changing it.

See it:       mm fault, mm walk, mm maps, mm vma, mm what, mm page, mm rmap, mm ps
Count it:     mm free, mm zones, mm buddy, mm slab, mm cache, mm lru
Watch it:     mm break-fault, mm ubreak, mm trace, mm diff, mm check, layout mm
Go back:      mm who, mm rewind, mm last-fault (in `make replay`)
In expressions: $mm_pte(va), $mm_page(pa), $mm_vma(va), $mm_task(pid)"""

    def __init__(self):
        super().__init__("mm", gdb.COMMAND_DATA, prefix=True)

    def invoke(self, argument, from_tty):
        if argument:
            raise Unknown(f"no command `mm {argument}`: `help mm` lists them")
        gdb.execute("help mm")


Prefix()


class Command(gdb.Command):
    def __init__(self, name, function, usage, completer):
        self.__doc__ = f"{function.__doc__.strip()}\n\nUsage: mm {name} {usage}".rstrip()
        self.function = function
        super().__init__("mm " + name, gdb.COMMAND_DATA, completer)

    def invoke(self, argument, from_tty):
        self.dont_repeat()
        try:
            self.function(argument.strip())
        except ram.Unreadable as error:
            raise Unknown(str(error)) from error
        except gdb.error as error:
            if gdb.selected_thread():
                raise
            raise Unknown("no machine: it has ended") from error


def command(name, usage="", completer=gdb.COMPLETE_EXPRESSION):
    """Decorator: makes `mm NAME` of a function of one string."""
    def make(function):
        Command(name, function, usage, completer)
        return function
    return make


def say(text):
    gdb.write(text if text.endswith("\n") else text + "\n")


def number(text):
    """The value of an expression: a number, a register, the address of a variable."""
    try:
        value = gdb.parse_and_eval(text)
        if value.type.strip_typedefs().code in (gdb.TYPE_CODE_ARRAY, gdb.TYPE_CODE_FUNC,
                                                gdb.TYPE_CODE_STRUCT):
            value = value.address
        return int(value.cast(gdb.lookup_type("unsigned long long"))
                   if value.type.strip_typedefs().code != gdb.TYPE_CODE_PTR else value) \
            & 0xffffffffffffffff
    except gdb.error as error:
        raise Unknown(f"{text}: {error}") from error


def addresses(argument, usage, least=1, most=1):
    """The expressions of a command line as numbers. A sign-extended 32-bit value is cut."""
    words = gdb.string_to_argv(argument)
    if not least <= len(words) <= most:
        raise Unknown(f"usage: mm {usage}")
    values = [number(word) for word in words]
    return [v & 0xffffffff if v >> 32 == 0xffffffff else v for v in values]
