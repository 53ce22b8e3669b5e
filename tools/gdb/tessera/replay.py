"""Going backwards: `mm who`, `mm rewind`, `mm last-fault`, in `make replay`.

QEMU goes back by loading the snapshot made at the start and running forwards to the place, so a
step back costs as long as the recording is. The user instruction that faults and the first of the
entry code share one place in that count, which is why `rewind` looks for the second."""
import os

import gdb

from . import faults, kernel, paging, ram, show, tasks
from .command import addresses, command, say
from .kernel import Unknown


def load():
    """Importing is all."""


def need_replay():
    if not os.environ.get("TESSERA_REPLAY"):
        raise Unknown("only a recording runs backwards: make record CMD='...', then make replay")


class Here:
    """While a command goes back only its own breakpoint stops it."""

    def __enter__(self):
        self.disabled = [b for b in gdb.breakpoints() if b.enabled]
        for breakpoint in self.disabled:
            breakpoint.enabled = False

    def __exit__(self, *_):
        for breakpoint in self.disabled:
            if breakpoint.is_valid():
                breakpoint.enabled = True


class Hush:
    """What gdb says meanwhile is not shown. QEMU does not tell it why a run backwards ended at a
    watchpoint, so gdb would announce a signal."""

    def __enter__(self):
        gdb.flush()
        self.stdout = os.dup(1)
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.close(null)

    def __exit__(self, *_):
        gdb.flush()
        os.dup2(self.stdout, 1)
        os.close(self.stdout)


def back_to(location, **options):
    """Goes back to a breakpoint or watchpoint. False: it came to the beginning, where the machine
    is reset, before."""
    with Here(), Hush():
        mark = gdb.Breakpoint(location, internal=True, **options)
        mark.silent = True
        try:
            gdb.execute("reverse-continue")
        finally:
            mark.delete()
    return kernel.paging_on()


def step_back():
    with Here(), Hush():
        gdb.execute("reverse-stepi")


@command("last-fault")
def last_fault(argument):
    """Goes back to the most recent page fault, at the first instruction of its handler."""
    need_replay()
    if not back_to(f"*{kernel.function(faults.HANDLER):#x}", type=gdb.BP_HARDWARE_BREAKPOINT):
        raise Unknown("the beginning of the recording: there was no page fault before")
    say(show.fault_text(faults.at_handler_entry()))


def second_instruction(name):
    start = kernel.function(name)
    return gdb.newest_frame().architecture().disassemble(start, count=2)[1]["addr"]


@command("rewind")
def rewind(argument):
    """Goes back to the instruction whose page fault is being handled, before it faulted."""
    need_replay()
    found = faults.current()
    if found is None:
        raise Unknown("no page fault is being handled here; `mm last-fault` finds the last one")
    if not back_to(f"*{second_instruction(faults.ENTRY):#x}", type=gdb.BP_HARDWARE_BREAKPOINT):
        raise Unknown("the beginning of the recording: the fault came before it")
    step_back()
    if kernel.register("eip") != found.eip:
        step_back()
        if kernel.register("eip") != found.eip:
            with Here(), Hush():
                gdb.execute("stepi")
    if kernel.register("eip") != found.eip:
        say(f"At {kernel.register('eip'):#010x}, near the instruction at {found.eip:#010x}:")
    gdb.execute("frame")
    gdb.execute("x/i $pc")


@command("who", "ADDR")
def who(argument):
    """Who installed the page-table entry of an address: goes back to the store that did."""
    need_replay()
    (va,) = addresses(argument, "who ADDR")
    walk = paging.walk(va)
    if walk.last.name != "PT" or not walk.last.entry:
        raise Unknown(f"{va:#010x} is not mapped, so nobody has: {walk.verdict()}")
    entry = walk.last.at + kernel.KERNEL_BASE
    if not back_to(f"*(unsigned int *){entry:#x}", type=gdb.BP_WATCHPOINT, wp_class=gdb.WP_WRITE):
        raise Unknown("the beginning of the recording: it was there before")
    step_back()  # from behind the store to it
    say(f"The entry of {va:#010x}, at {entry:#010x}, was written by "
        f"{tasks.describe(tasks.current())}, here:")
    gdb.execute("backtrace")
