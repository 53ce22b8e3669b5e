"""The tests of `make debug`, `make record` and `make replay`, for tools/test.py: pairs of a name
and a function of a log file, which raises AssertionError."""
import difflib
import json
import os
import re
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HERE = os.path.join(TOP, "tests/gdb")
sys.path[:0] = [HERE, os.path.join(TOP, "tools")]

import crash  # noqa: E402
import debug  # noqa: E402
import walkthrough  # noqa: E402

CLEAN = {name: "" for name in ("DEMO", "CMD", "T", "ATTACH", "CRASH", "APPEND", "FILES")}


def tool(log, *arguments, timeout=60, **environment):
    """Runs one of tools/ and returns what it printed."""
    with open(log, "ab") as output:
        start = output.tell()
        subprocess.run([os.path.join(TOP, "tools", arguments[0]), *arguments[1:]],
                       env={**os.environ, **CLEAN, **environment}, stdin=subprocess.DEVNULL,
                       stdout=output, stderr=subprocess.STDOUT, timeout=timeout)
    with open(log, "rb") as text:
        text.seek(start)
        return text.read().decode(errors="replace")


def typed(log, commands, program="debug.py", *arguments, **environment):
    """What gdb says to these commands, one after the other; no command may fail inside."""
    script = log + ".json"
    with open(script, "w") as file:
        json.dump(commands, file)
    output = tool(log, program, *arguments, "-batch", "-x", os.path.join(HERE, "transcript.py"),
                  TRANSCRIPT=script, **environment)
    assert "Python Exception" not in output and "Error occurred in Python" not in output, \
        f"a command failed: {[line for line in output.splitlines() if 'Python' in line][0]}"
    return output


def expect(output, *patterns):
    """Each pattern is found, one behind the other."""
    at = 0
    for pattern in patterns:
        found = re.compile(pattern, re.MULTILINE).search(output, at)
        assert found, f"no {pattern!r} in what gdb printed after character {at}"
        at = found.end()


# --- The walkthrough ---

def session(demo, blocks):
    def function(log):
        folder = log + ".d"
        os.makedirs(folder, exist_ok=True)
        got = walkthrough.replay(demo, blocks, folder)
        with open(log, "w") as file:
            file.writelines(got)
        lines = [walkthrough.normalise("".join(text)) for text in (blocks, got)]
        difference = list(difflib.unified_diff(*lines, "document", "gdb", lineterm="", n=0))
        assert not difference, ("docs/fault-walkthrough.md says something else (write it anew: "
                                "tests/gdb/walkthrough.py --write): " + " / ".join(difference[3:9]))
    return function


# --- Every command, at every stop ---

EVERYWHERE = ["mm fault", "mm walk $esp", "mm maps", "mm vma $esp", "mm what $esp", "mm what $eip",
              "mm page 0x100", "mm rmap 0x100", "mm buddy -v", "mm zones", "mm slab",
              "mm slab dentry", "mm lru", "mm cache", "mm free", "mm ps", "mm diff", "mm check",
              "print $mm_page(0x100000)", "print *$mm_task()"]

TIMED = """import hashlib, os, time, gdb
def each(commands):
    ram = os.environ["TESSERA_RAM"]
    look = lambda: hashlib.sha1(open(ram, "rb").read()).digest()
    before, registers = look(), gdb.execute("info registers", to_string=True)
    for command in commands:
        start = time.process_time()
        try:
            gdb.execute(command)
        except gdb.error as error:
            gdb.write(f"{error}\\n")
        seconds = time.process_time() - start
        if seconds > LIMIT:
            gdb.write(f"SLOW {seconds:.2f} s: {command}\\n")
    same = look() == before and gdb.execute("info registers", to_string=True) == registers
    gdb.write("guest unchanged\\n" if same else "GUEST CHANGED\\n")
"""


def everywhere(log, stops, limit=1.0, **environment):
    """All commands at each stop; nothing changes in the guest, and nothing takes long: gdb's own
    time is counted, which what else the machine does hardly changes."""
    script = log + ".py"
    body = TIMED.replace("LIMIT", str(limit))
    with open(script, "w") as file:
        file.write(body)
        for stop in stops:
            file.write(f"for command in {stop!r}: gdb.execute(command)\n")
            file.write(f"gdb.write('=== {stop[-1] if stop else 'reset'}\\n')\n")
            file.write(f"each({EVERYWHERE!r})\n")
    output = tool(log, "debug.py", "-batch", "-x", script, **environment)
    for bad in "Python Exception", "Traceback", "GUEST CHANGED", "SLOW":
        lines = [line for line in output.splitlines() if bad in line]
        assert not lines, lines[0]
    assert output.count("guest unchanged") == len(stops), \
        f"{output.count('guest unchanged')} of {len(stops)} stops reached"
    return output


def any_stop(log):
    """At reset, before paging, in the boot, in a program, inside the allocators and a fault."""
    output = everywhere(log, [
        [], ["stepi"],
        ["thbreak kernel_main", "continue"],
        ["thbreak slab_init", "continue"], ["thbreak buddy_alloc_bulk", "continue"], ["mm start"],
        ["tbreak page_alloc", "continue"],
        ["tbreak slab_alloc", "continue"], ["mm break-fault once", "continue"]],
        DEMO="cow", MEM="64")
    expect(output, "paging is not on yet", "not known yet", "no findings")


def busy(log):
    """A hundred processes and 512 MiB: every command within a second."""
    output = everywhere(log, [["hbreak sys_sync", "continue"]],
                        CMD="i=0; while [ $i -lt 100 ]; do sleep 1000 & i=$((i+1)); done; sync")
    assert output.count(" sleep\n") >= 100, "there are fewer than 100 processes"


# --- Commands that run the guest ---

def break_fault(log):
    """Each kind of fault is found in the program that makes it."""
    for demo, kind, text in (("zero", "zero addr 0xb0000000-0xbf000000", "demand zero"),
                             ("stack", "stack", "the stack grows"),
                             ("userfault", "userfault", "a message for its userfaultfd"),
                             ("segv", "segv", "SIGSEGV, SEGV_MAPERR")):
        output = typed(log, ["mm start", f"mm break-fault {kind}", "continue", "mm fault"],
                       DEMO=demo)
        expect(output, "^#PF at", text)


def ubreak(log):
    """A breakpoint in a program that does not run yet, hit in that program only."""
    output = typed(log, ["mm ubreak cow:child_writes", "continue", "mm ps", "backtrace", "mm check"],
                   DEMO="cow")
    expect(output, "child_writes", r"^\* +2 ", "main .*cow.c", "no findings")


def trap_backtrace(log):
    """From the store of a page-table entry to the program's source line."""
    output = typed(log, ["mm start", "mm break-fault zero addr 0xb0000000-0xbf000000 once",
                         "continue", "tbreak map_page", "continue", "tbreak pmap_enter_page",
                         "continue", "backtrace"], DEMO="zero")
    expect(output, r"^#0 +(0x\w+ in )?pmap_enter_page", "map_page", "fault_anon",
           "handle_page_fault", "signal handler called", r"first_write .* at user/demo/zero.c")


def met_twice(log):
    """A breakpoint that is met twice, as after a step that QEMU ended early, is one call."""
    there = "tbreak *page_alloc", "continue", "tbreak pmap_enter_page", "jump *$pc"
    output = typed(log, ["mm start", "mm break-fault zero addr 0xb0000000-0xbf000000 once",
                         "continue", f"mm trace python [gdb.execute(c) for c in {there}]"],
                   DEMO="zero")
    calls = re.findall(r"^ +page alloc order 0, pgtable(.*)", output, re.MULTILINE)
    assert len(calls) == 1 and "= frame" in calls[0], f"the one page table's calls: {calls}"


def names(log):
    """`mm what` of one of each."""
    output = typed(log, ["mm start", "tbreak zero.c:12", "continue", "mm what p", "mm what &cpus",
                         "mm what &handle_page_fault", "mm what cpus[0].task",
                         "mm what cpus[0].thread->kstack", "mm what 0xb8000", "mm page 0x100000",
                         "mm what 0xfffffff0", "print *$mm_vma(p)", "print *$mm_pte(p)",
                         "print $mm_vm_flags(3)", "print $mm_gfp(4)"], DEMO="zero")
    expect(output, "anon, refcount 1, mapcount 1", r"cpus, in the kernel's \.data",
           r"handle_page_fault, .*mm/fault\.c", "cache task, object", "kernel stack of pid 1",
           "no VMA", "reserved", "error pointers", "rw-p", r"P W U A D", "READ WRITE", "GFP_ZERO")


def huge(log):
    """A huge page, before its fault and after."""
    output = typed(log, ["mm start", "mm break-fault huge", "continue", "mm fault", "delete",
                         "tbreak last_read", "continue", "mm walk p+5", "mm page p+5",
                         "mm page p+0x1000", "mm rmap p+0x1000", "mm maps", "print *$mm_pte(p)",
                         "mm diff", "mm check"], DEMO="huge")
    expect(output, "fault.*write|write", "huge page: 2 MiB", "2 MiB page, physical",
           "huge: huge page, private memory", r"huge: frame 1 of the huge page at 0x",
           r"in pid 1 \(huge\): P W U A D PS", "512/512 pages", "P W U A D PS", "no findings")


def poison(log):
    """A page whose frame's memory is bad, when it is touched."""
    output = typed(log, ["mm break-fault segv once", "continue", "mm fault"],
                   FILES="build/testroot", CMD="/tests/poison")
    expect(output, "its frame's memory is bad", "whose memory is bad: an access faults")


def start(log):
    """`mm start` where the machine stands already, and later; a command that is none, and a machine
    that has ended."""
    output = typed(log, ["mm start", "mm start", "tbreak first_write", "continue", "mm start",
                         "mm nosuch", "continue", "mm fault"], DEMO="zero")
    expect(output, *2 * ["^pid 1 .zero., before its first instruction"], "has run already",
           "no command `mm nosuch`", "no machine: it has ended")


def half_done(log):
    """`mm check` between two steps of a fault, and behind them: the walkthrough's last exercise.

    Two frames are finished: map_page() is inlined, so that gdb steps out of it, and on a busy host
    QEMU may end a step before its instruction."""
    output = typed(log, ["mm break-fault zero once", "continue", "tbreak map_page", "continue",
                         "mm check", "finish", "finish", "mm check"], DEMO="zero")
    expect(output, "private memory that nobody maps", "The kernel is at work", "no findings")


def layout(log):
    """The window beside the source shows the walk."""
    import pty
    script = log + ".gdb"
    with open(script, "w") as file:
        file.write("mm start\ntbreak zero.c:12\ncontinue\nlayout mm\nrefresh\n")
    environment = {**os.environ, **CLEAN, "DEMO": "zero", "TERM": "xterm", "LINES": "40",
                   "COLUMNS": "200"}
    master, slave = pty.openpty()
    subprocess.run(["stty", "rows", "40", "cols", "200"], stdin=slave, check=True)
    process = subprocess.Popen([os.path.join(TOP, "tools/debug.py"), "-x", script],
                               env=environment, stdin=slave, stdout=slave, stderr=slave,
                               start_new_session=True)
    os.close(slave)
    shown, end = b"", time.monotonic() + 30
    while b"PDPT" not in shown or b"mm: CR2" not in shown:
        assert time.monotonic() < end and process.poll() is None, "no window with the walk"
        shown += os.read(master, 65536)
    os.write(master, b"quit\n")
    while process.poll() is None and time.monotonic() < end:
        try:
            shown += os.read(master, 65536)
        except OSError:
            break
    process.wait(10)
    os.close(master)
    with open(log, "wb") as file:
        file.write(shown)


def replay(log):
    """A recording runs backwards: who wrote an entry, the fault, the instruction before it."""
    tool(log, "record.py", "record", DEMO="zero")
    output = typed(log, ["mm start", "tbreak zero.c:12", "continue", "mm who p", "mm last-fault",
                         "mm rewind", "mm walk 0xb7ffc010", "stepi"], "record.py", "replay")
    expect(output, "was written by pid 1", "#0 +pmap_set_words", "#2 +map_page", "first_write",
           r"^\(gdb\) mm last-fault", "^#PF at", "demand zero", r"^\(gdb\) mm rewind",
           "first_write .* at user/demo/zero.c:11", "not mapped")


def start_run(log, command):
    """A `make run` under way, and its monitor's socket. Others may be under way, too."""
    name = f"gdb-{os.getpid()}-{time.monotonic_ns()}"
    with open(log, "ab") as output:
        process = subprocess.Popen(
            [os.path.join(TOP, "tools/run.py")], env={**os.environ, **CLEAN, "CMD": command,
                                                      "TIMEOUT": "30",
                                                      "QEMUEXTRA": f"-name {name}"},
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
    end = time.monotonic() + 20
    while True:
        assert time.monotonic() < end and process.poll() is None, "no machine"
        with open(log, "rb") as text:
            ready = b"ready" in text.read()
        for path in debug.monitors() if ready else ():
            if name_at(path) == name:
                return process, path
        time.sleep(0.05)


def name_at(monitor):
    """The name of the machine with this monitor."""
    try:
        return crash.monitor_says(monitor, "info name").splitlines()[-2].strip()
    except (OSError, IndexError):
        return None


def attach(log):
    """gdb on a `make run` under way, which goes on afterwards."""
    process, monitor = start_run(log, "echo ready; sleep 5; echo went on")
    output = typed(log, ["mm ps", "mm check"], ATTACH=monitor)
    expect(output, "init", "no findings")
    assert process.wait(30) == 0, "it did not go on"
    with open(log, "rb") as text:
        assert b"went on" in text.read(), "it did not go on"


def panic(log):
    """A panic in `make run` is there to be looked at: the machine as it was at panic()."""
    process, monitor = start_run(log, "sleep 20 & until grep -q sleep /proc/$!/comm; do :; done; "
                                      "echo ready; wait")
    crash.monitor_says(monitor, "nmi")
    assert process.wait(30) == 125, "the kernel did not panic"
    output = typed(log, ["backtrace", "mm ps", "mm check"], CRASH="1")
    expect(output, r"^#0 +(0x\w+ in )?panic", "mm ps", "sleep", "no findings")


def cases():
    yield from ((f"gdb.walkthrough_{demo}", session(demo, blocks))
                for demo, blocks in walkthrough.sessions().items())
    for function in (any_stop, busy, break_fault, ubreak, trap_backtrace, met_twice, names, huge,
                     poison, start, half_done, layout, replay, attach, panic):
        yield f"gdb.{function.__name__}", function
