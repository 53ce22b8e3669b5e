"""Commands that stop the guest where memory matters: break-fault, ubreak, trace."""
import os
import subprocess

import gdb

from . import faults, frames, kernel, paging, ram, session, tasks
from .command import command, number, say
from .kernel import Struct, Unknown

KINDS = ("cow", "zero", "file", "stack", "segv", "huge", "userfault")
FAULT_USAGE = f"[{'|'.join(KINDS)}] [pid N] [addr LOW[-HIGH]] [once]"


def load():
    """Importing is all."""


# --- break-fault ---

class FaultBreakpoint(gdb.Breakpoint):
    """Stops in handle_page_fault() for the faults that were asked for."""

    def __init__(self, kind, pid, low, high, once):
        self.wanted, self.pid, self.low, self.high = kind, pid, low, high
        super().__init__(f"*{kernel.function(faults.HANDLER):#x}", temporary=once)

    def stop(self):
        ram.forget()
        try:
            return self.matches()
        except (Unknown, gdb.error):
            return self.wanted is None and self.pid is None

    def matches(self):
        fault = faults.at_handler_entry()
        if not self.low <= fault.addr <= self.high:
            return False
        task = tasks.current()
        if self.pid is not None and (not task or tasks.process_of(task).pid != self.pid):
            return False
        if self.wanted is None:
            return True
        return bool(task) and faults.verdict(fault, tasks.current_mm()).kind == self.wanted


def fault_options(words):
    kind = pid = None
    low, high, once = 0, 0xffffffff, False
    while words:
        word = words.pop(0)
        if word in KINDS:
            kind = word
        elif word == "once":
            once = True
        elif word == "pid" and words:
            pid = number(words.pop(0))
        elif word == "addr" and words:
            first, _, last = words.pop(0).partition("-")
            low = number(first)
            high = number(last) if last else low | 0xfff
        else:
            raise Unknown(f"`{word}`: usage: mm break-fault {FAULT_USAGE}")
    return kind, pid, low, high, once


@command("break-fault", FAULT_USAGE)
def break_fault(argument):
    """Stops at each page fault, or at those that will end in a given way.

cow: a shared frame is copied or reused. zero: demand zero and the zero page. file: a page of a
file. stack: the stack grows. segv: a signal, or EFAULT for the kernel. addr: one page, or a range.
The breakpoint has a number: `delete` removes it."""
    options = fault_options(gdb.string_to_argv(argument))
    made = FaultBreakpoint(*options)
    say(f"Stops at the next {options[0] or ''} fault: breakpoint {made.number}".replace("  ", " "))


# --- ubreak ---

class UserBreakpoint(gdb.Breakpoint):
    """Stops at an address only in the program it belongs to."""

    def __init__(self, address, program):
        self.program = program
        super().__init__(f"*{address:#x}", type=gdb.BP_HARDWARE_BREAKPOINT)

    def stop(self):
        ram.forget()
        task = tasks.current()
        return bool(task) and kernel.user_mode() and \
            session.program_of(task) == self.program


def symbol_address(path, name):
    table = subprocess.run(["nm", path], stdout=subprocess.PIPE, check=False).stdout.decode()
    found = [line.split() for line in table.splitlines() if line.split()[-1:] == [name]]
    if not found:
        raise Unknown(f"{os.path.basename(path)} has no symbol {name}")
    return int(found[0][0], 16)


@command("ubreak", "PROGRAM:SYMBOL", gdb.COMPLETE_NONE)
def ubreak(argument):
    """A breakpoint in a program of ours (build/demo, build/user), in that program only.

Its pages need not be there yet, nor the process."""
    program, _, name = argument.partition(":")
    path = session.program_path(program)
    if not name or path is None:
        raise Unknown(f"no program {program or '?'}; there are {', '.join(session.programs())}")
    session.load_symbols(path)
    made = UserBreakpoint(symbol_address(path, name), program)
    say(f"Stops in {program} at {name}: breakpoint {made.number}")


# --- trace ---

class Event:
    def __init__(self, what, detail, callers):
        self.what, self.detail, self.callers, self.result = what, detail, callers, None

    def line(self):
        result = f" = {self.result}" if self.result is not None else ""
        return f"{self.what:10} {self.detail}{result}\n{'':11}{self.callers}"


def slab_name(cache):
    return Struct("struct slab_cache", cache).text("name")


def frame_name(at):
    return f"frame {frames.pfn_of(at):#x}" if at else "NULL"


def page_alloc(eax, edx, ecx):
    return f"order 0, {frames.kind_name(edx)}", frame_name


def page_alloc_order(eax, edx, ecx):
    return (f"order {eax}, {frames.kind_name(ecx)}", frame_name) if eax else None


def page_free(eax, edx, ecx):
    return f"{frame_name(eax)}, {frames.kind_name(Struct('struct page', eax).kind)}", None


def page_free_order(eax, edx, ecx):
    return (f"{frame_name(eax)}, order {edx}", None) if edx else None


def slab_alloc(eax, edx, ecx):
    return slab_name(eax), lambda at: f"{at:#010x}" if at else "NULL"


def slab_free(eax, edx, ecx):
    return f"{slab_name(eax)} {edx:#010x}", None


# function: (what it is called, how its arguments are read)
TRACED = {
    "page_alloc": ("page alloc", page_alloc),
    "page_alloc_order": ("page alloc", page_alloc_order),
    "page_free": ("page free", page_free),
    "page_free_order": ("page free", page_free_order),
    "slab_alloc": ("slab alloc", slab_alloc),
    "slab_alloc_for": ("slab alloc", slab_alloc),
    "slab_free": ("slab free", slab_free),
    "slab_free_for": ("slab free", slab_free),
}


class Silent(gdb.Breakpoint):
    """A breakpoint that looks and goes on."""

    def __init__(self, address):
        super().__init__(f"*{address:#x}", internal=True)
        self.silent = True

    def stop(self):
        ram.forget()
        self.look()
        return False

    def look(self):
        raise NotImplementedError


class Return(Silent):
    """At a return address: takes the result of the call that returns there."""

    def __init__(self, address):
        super().__init__(address)
        self.waiting = {}

    def look(self):
        event, describe = self.waiting.pop(kernel.register("esp"), (None, None))
        if describe:
            event.result = describe(kernel.register("eax"))


class Entry(Silent):
    def __init__(self, name, tracer):
        super().__init__(kernel.function(name))
        self.name, self.tracer = name, tracer

    def look(self):
        self.tracer.enter(self.name)


class Tracer:
    """Notes what is allocated and freed: by one thread (its address), or by all (None)."""

    def __init__(self, thread=None):
        self.events, self.returns, self.thread = [], {}, thread
        self.breakpoints = [Entry(name, self) for name in TRACED if kernel.function(name)]

    def enter(self, name):
        if self.thread not in (None, int(kernel.this_cpu().thread)):
            return
        what, read = TRACED[name]
        read = read(*(kernel.register(r) for r in ("eax", "edx", "ecx")))
        callers = caller_names()
        if read is None or callers[0][0] in TRACED:
            return
        event = Event(what, read[0], " < ".join(text for _, text in callers))
        if self.expect_return(event, read[1]):
            self.events.append(event)

    def expect_return(self, event, describe):
        """False if the call is waited for already: gdb steps off a breakpoint to go on from it, and
        on a busy host QEMU may end that step before its instruction, so that it is met again."""
        esp = kernel.register("esp")
        address = int.from_bytes(paging.read_virtual(esp, 4), "little")
        if address not in self.returns:
            self.returns[address] = Return(address)
        waiting, after = self.returns[address].waiting, (esp + 4) & 0xffffffff
        if after in waiting:
            return False
        waiting[after] = event, describe
        return True

    def close(self):
        for breakpoint in self.breakpoints + list(self.returns.values()):
            breakpoint.delete()


HELPERS = {"slab_zalloc", "alloc_for", "zalloc_for", "kmalloc", "kzalloc", "kcalloc", "krealloc",
           "kstrdup", "free_for", "kfree", "page_put", "alloc_large"}


def caller_names(depth=3):
    """[(function, `function at file:line`), ...] of the callers, allocators' own helpers left out."""
    found, frame = [], gdb.newest_frame().older()
    while frame and frame.is_valid() and len(found) < depth:
        name = frame.name() or f"{frame.pc():#x}"
        if name == faults.ENTRY or frame.type() == gdb.SIGTRAMP_FRAME:
            break
        if name not in HELPERS:
            sal = frame.find_sal()
            where = f" at {sal.symtab.filename}:{sal.line}" if sal.symtab and not found else ""
            found.append((name, name + where))
        frame = frame.older()
    return found or [("?", "?")]


@command("trace", "GDB-COMMAND", gdb.COMPLETE_COMMAND)
def trace(argument):
    """Runs a command such as `finish` or `continue`, then lists its allocations and frees.

That is every frame and slab object, with the callers. Of a step or `finish` only the running thread's
are: another may be scheduled in between."""
    if not argument:
        raise Unknown("usage: mm trace GDB-COMMAND")
    everybody = "continue".startswith(argument.split()[0])
    tracer = Tracer(None if everybody else int(kernel.this_cpu().thread))
    try:
        gdb.execute(argument)
    except gdb.error as error:
        raise Unknown(str(error)) from error
    finally:
        tracer.close()
    count = len(tracer.events)
    say(f"{count or 'No'} allocation{'s' * (count != 1)} or free{'s' * (count != 1)} in `{argument}`"
        f"{':' * bool(count)}")
    for event in tracer.events:
        say("  " + event.line().replace("\n", "\n  "))


# --- The beginning ---

def run_to(address, **options):
    """Runs to an address without a word about the breakpoint."""
    mark = gdb.Breakpoint(f"*{address:#x}", internal=True, **options)
    mark.silent = True
    try:
        gdb.execute("continue", to_string=True)
    finally:
        mark.delete()


def has_begun():
    """Whether the machine stands at process 1's first instruction already; Unknown where it is past."""
    try:
        process = tasks.find(1)
    except Unknown:
        return False
    if any(task.thread.minflt for task in tasks.threads(process)):
        raise Unknown("process 1 has run already: `quit`, and `make debug` again")
    return kernel.user_mode()


@command("start")
def start(argument):
    """Runs to process 1's first instruction, before its page is there.

`make debug` has done so already."""
    if not has_begun():
        run_to(kernel.function("trap_return"))
        at = kernel.register("eax")
        tf = Struct("struct trapframe", at,
                    paging.read_virtual(at, kernel.type_named("struct trapframe").sizeof))
        session.follow_program()
        run_to(tf.eip, type=gdb.BP_HARDWARE_BREAKPOINT)
    say(f"{tasks.describe(tasks.current())}, before its first instruction:")
    gdb.execute("frame")
