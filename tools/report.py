#!/usr/bin/env python3
"""make report: runs a command in the guest and draws what memory did meanwhile, as one HTML file.

build/report.html (or the file that is named) needs no network and no other file. The guest is that
of `make run` (CMD, FILES, ROOT, MEM, CPU, APPEND count), or DEMO=name as in `make debug`; its
kernel is build/debug/tessera.elf. TRACE_BUF is the size of the guest's ring of trace events. The status is 0
when the report was written and the machine ended as it should.

Two things are looked at. gdb stops the guest where the last user of an address space lets it go,
and notes what it holds before it is torn down (tools/gdb/tessera/picture.py); the frames, free
lists and caches are noted at the last of these stops that belongs to the command. And the guest
records what it does in a ring in its memory, which is a file here and is read when it has ended.
"""
import argparse
import base64
import os
import pickle
import subprocess
import sys

import crash
import debug
import report_data
import trace
import vm
from report_places import Places

OUTPUT = os.path.join(vm.BUILD, "report.html")
PARTS = os.path.join(vm.TOP, "tools/report")
SCRIPTS = ["data.js", "base.js", "model.js", "space.js", "bands.js", "faultlist.js", "faults.js",
           "tables.js", "replay.js", "tiles.js", "frames.js", "buddy.js", "slab.js", "sites.js",
           "main.js"]
EVENTS = ("mm_page_alloc,mm_page_free,kmalloc,kfree,kmem_cache_alloc,kmem_cache_free,pte_set,cow,"
          "vma_map,page_fault_user,page_fault_kernel,page_fault_done,sys_enter_*,sys_exit_*")
OUTPUT_SHOWN = 65536


def read(name):
    with open(os.path.join(PARTS, name)) as file:
        return file.read()


def page(title, packed):
    """The HTML file around the packed data."""
    parts = {"TITLE": title.replace("&", "&amp;").replace("<", "&lt;"), "STYLE": read("report.css"),
             "DATA": base64.b64encode(packed).decode(),
             "SCRIPT": '(() => {\n"use strict";\n' + "\n".join(map(read, SCRIPTS)) + "\n})();"}
    text = read("page.html")
    for name, value in parts.items():
        text = text.replace(f"@{name}@", value)
    return text


# --- The run ---

class Noted:
    """What there is to draw: gdb's notes, the trace or why there is none, output and status."""


def follow(boot, stub):
    """Runs gdb until the machine has ended. Returns its notes."""
    path, log = boot.path("notes"), boot.path("said")
    with open(log, "wb") as said:
        while not debug.listening(stub) and boot.process.poll() is None:
            debug.wait_for(stub, boot.process)
        subprocess.run(["gdb", "-q", "-nx", "-batch", "-iex", "set pagination off", debug.KERNEL,
                        "-x", debug.COMMANDS, "-ex", "target remote " + stub, "-ex",
                        "python from tessera import picture", "-ex",
                        f"python picture.take({path!r})"], stdin=subprocess.DEVNULL, stdout=said,
                       stderr=subprocess.STDOUT, check=False,
                       env={**os.environ, "TESSERA_TOP": vm.TOP, "TESSERA_RAM": boot.path("ram")})
    if not os.path.exists(path):
        with open(log, errors="replace") as said:
            raise debug.Trouble(f"gdb gave up: {said.read().strip().splitlines()[-1:]}")
    with open(path, "rb") as file:
        return pickle.load(file)


def run(initramfs):
    """Boots what the variables ask for and watches it to its end."""
    machine, noted = vm.Machine.from_environment(), Noted()
    # Nobody sits at the guest's console: whoever reads it sees the end.
    overlay, append = debug.guest("exec </dev/null\n" + os.environ["CMD"] if os.environ.get("CMD")
                                  else None)
    append = f"quiet trace={EVENTS} trace_buf_size={os.environ.get('TRACE_BUF') or '64M'} {append}"
    with vm.Boot(machine, debug.KERNEL, initramfs, overlay, append.strip()) as boot:
        stub = os.path.relpath(boot.path("gdb"))
        machine.extra += [*crash.memory(machine.mem, boot.path("ram")), *crash.listen("gdb", stub),
                          "-gdb", "chardev:gdb", "-S"]
        console = boot.path("console")
        boot.start(["-serial", "file:" + console], stdin=subprocess.DEVNULL, start_new_session=True)
        noted.seen = follow(boot, stub)
        noted.problem = boot.problem(boot.wait(30))
        noted.status = boot.init_status()
        with open(console, "rb") as file:
            noted.output = file.read(OUTPUT_SHOWN).decode(errors="replace").replace("\r\n", "\n")
        if not noted.seen["machine"]:
            raise debug.Trouble(noted.problem or "no process ended: there is nothing to draw")
        try:
            noted.trace = trace.Trace(boot.path("ram"), debug.KERNEL)
            noted.untraced = "" if noted.trace.written else "Nothing was traced in this run."
        except trace.TraceError as error:
            noted.trace, noted.untraced = None, f"This kernel was not traced: {error}."
    return noted


def draw(noted, command):
    """The report of a run."""
    places = Places(debug.KERNEL)
    picture = report_data.Picture(noted.seen, places, noted.trace)
    shown = noted.seen["spaces"][noted.seen["machine"]["space"]]
    memory = os.environ.get("MEM") or "512"
    summary = (f"Run on Tessera with {memory + ' MiB' if memory.isdigit() else memory} of memory; "
               f"it ended with status {noted.status}. What follows is memory as it stood when "
               f"{shown['comm']} ({shown['pid']}) was about to give its own back, and how it came "
               "to be so.")
    return picture, page(command, picture.pack(command, noted.output, summary, noted.untraced))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--initramfs", default=vm.INITRAMFS)
    parser.add_argument("output", nargs="?", default=OUTPUT)
    args = parser.parse_args()
    command = os.environ.get("CMD") or ""
    if os.environ.get("DEMO"):
        command = "/demo/" + os.environ["DEMO"]
    if not command:
        print("report: which command? make report CMD='...' or DEMO=name", file=sys.stderr)
        return 2
    try:
        noted = run(args.initramfs)
    except debug.Trouble as trouble:
        print(f"report: {trouble}", file=sys.stderr)
        return 1
    _, text = draw(noted, command)
    with open(args.output, "w") as file:
        file.write(text)
    print(f"{os.path.relpath(args.output)}: {len(text) // 1024} KiB, a page of its own; open it in "
          "a browser", file=sys.stderr)
    if noted.problem:
        print(f"report: {noted.problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
