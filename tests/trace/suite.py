"""The tests of `make trace`, for tools/test.py: its text against the guest's own, the JSON, and a
ring that is too small."""
import json
import os
import re
import subprocess
from collections import Counter

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CLEAN = {name: "" for name in ("CMD", "APPEND", "FILES", "MEM", "TRACE", "TRACE_BUF")}
HEADER_LINES = 12


def make(log, **variables):
    """Runs `make trace`. Returns what it printed, the text and the JSON."""
    folder = log + ".files"
    os.makedirs(folder, exist_ok=True)
    with open(log, "wb") as output:
        status = subprocess.run([os.path.join(TOP, "tools/trace.py"), folder], stdout=output,
                                env={**os.environ, **CLEAN, **variables}, stderr=subprocess.STDOUT,
                                stdin=subprocess.DEVNULL, timeout=110, check=False).returncode
    read = lambda path: open(path, encoding="utf-8", newline="").read()
    return (status, read(log), read(os.path.join(folder, "trace.txt")),
            json.loads(read(os.path.join(folder, "trace.json")))["traceEvents"])


def counts(text):
    """Of a trace's header: records in the buffer, and written."""
    found = re.search(r"entries-in-buffer/entries-written: (\d+)/(\d+) ", text)
    return int(found[1]), int(found[2])


def both_texts(log):
    """What the guest's kernel prints of a trace and what the host makes of its memory are the
    same, byte for byte."""
    command = ("T=/sys/kernel/tracing; (exec busybox true); echo 0 >$T/tracing_on; cat $T/trace; "
               "exit 3")
    status, said, text, _ = make(log, CMD=command, TRACE="kmem,exceptions,cow,vma_*,sched,syscalls")
    assert status == 3, f"exit status {status}"
    assert said.startswith(text), "the guest's text is another one"
    lines = text.splitlines()[HEADER_LINES:]
    assert counts(text) == (len(lines), len(lines)), f"{len(lines)} lines, header {counts(text)}"
    names = Counter(re.match(r" *\S+-\d+ +\[000\] [d.][N.][h.][0-9a-f.]\. +\d+\.\d{6}: (\w+)", line)[1]
                    for line in lines)
    for name in ("mm_page_alloc", "kmem_cache_alloc", "page_fault_user", "cow", "sys_brk",
                 "sched_process_exec", "vma_map", "rss_stat"):
        assert names[name], f"no {name} in {names}"


def chrome(log):
    """Every event of the JSON is one that Chrome's format knows; faults have a length."""
    _, said, _, events = make(log, CMD="(exec busybox true)", TRACE="exceptions,page_fault_done,*rss*,"
                              "mm_page_alloc,mm_page_free,sys*brk,raw_syscalls,nosuch")
    needed = {"M": {"args"}, "X": {"ts", "dur", "args", "cat"}, "i": {"ts", "s", "args", "cat"},
              "C": {"ts", "args"}}
    for event in events:
        missing = {"ph", "name", "pid", "tid"} | needed[event["ph"]]
        missing -= set(event)
        assert not missing, f"{missing} missing in {event}"
        assert event.get("dur", 0) >= 0 and event.get("ts", 0) >= 0, event
    slices = Counter(event["name"] for event in events if event["ph"] == "X")
    assert slices["page fault user"] > 10 and slices["brk"] and slices["execve"], slices
    counters = Counter(event["name"].split(" of ")[0] for event in events if event["ph"] == "C")
    assert counters["free frames"] and counters["rss"], counters
    frames = [e["args"]["frames"] for e in events if e["name"] == "free frames"]
    assert 100000 < min(frames) <= max(frames) < 131072, (min(frames), max(frames))
    assert re.search(r"\d+  exceptions:page_fault_user", said), said
    assert re.findall(r"no event is called (\S+)", said) == ["nosuch"], said


def overwritten(log):
    """A ring that is too small is told, and holds the newest records."""
    _, said, text, _ = make(log, CMD="ls -lR /bin >/dev/null; (exec busybox false)", TRACE_BUF="64K",
                            TRACE="kmem,sched")
    left, written = counts(text)
    lines = text.splitlines()[HEADER_LINES:]
    assert left == len(lines) < written, f"{len(lines)} lines, {left} of {written}"
    assert f"{written - left} older ones overwritten" in said, said
    assert any("sched_process_exit: comm=busybox" in line for line in lines), "not the newest"


def cases():
    for function in (both_texts, chrome, overwritten):
        yield f"tool.trace_{function.__name__}", function
