#!/usr/bin/env python3
"""The sessions of docs/fault-walkthrough.md, typed again and compared.

A session is all the blocks that begin with ```gdb NAME; its commands are the lines after a prompt,
run on `make debug DEMO=NAME`. What may differ from one kernel to the next is made the same on both
sides: addresses, frame numbers, line numbers, and counters, of which only the change counts.

`tests/gdb/walkthrough.py --write` puts what gdb says now into the document.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DOCUMENT = os.path.join(TOP, "docs/fault-walkthrough.md")
PROMPT = "(gdb) "
BLOCK = re.compile(r"^```gdb (\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def sessions():
    """{demo: [text of each block]}, in the order of the document."""
    found = {}
    with open(DOCUMENT) as file:
        for demo, text in BLOCK.findall(file.read()):
            found.setdefault(demo, []).append(text)
    return found


def commands(text):
    return [line[len(PROMPT):] for line in text.splitlines() if line.startswith(PROMPT)]


def run(demo, typed, folder, **environment):
    """What gdb prints for these commands."""
    script = os.path.join(folder, "commands.json")
    with open(script, "w") as file:
        json.dump(typed, file)
    values = {**os.environ, "DEMO": demo, "TRANSCRIPT": script, "CMD": "", "T": "", **environment}
    result = subprocess.run(
        [os.path.join(TOP, "tools/debug.py"), "-batch", "-x",
         os.path.join(TOP, "tests/gdb/transcript.py")], env=values, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    text = result.stdout.decode(errors="replace")
    start = text.find(PROMPT)
    # gdb lets go of the machine at the end, which runs on and may be gone before gdb is.
    farewell = "[Inferior ", "Remote communication error"
    return "\n".join(line.rstrip() for line in text[max(start, 0):].splitlines()
                     if not line.startswith(farewell)) + "\n"


RULES = [
    (r"0x[0-9a-f]+", "0x#"),
    (r"\b[0-9a-f]{8}\b", "########"),
    (r"(\.[chS]):\d+", r"\1:#"),
    (r"^(\d+)\t", "#\t"),
    (r", line \d+\.", ", line #."),
    (r"reakpoint \d+(\.\d+)?", "reakpoint #"),
    (r"\[ *\d+\]", "[#]"),
    (r"PDPT \d+ \| PD \d+ \| PT \d+", "PDPT # | PD # | PT #"),
    (r"\d+/\d+ pages", "#/# pages"),
    (r"\d+ (VMAs|pages|of them|page tables)\b", r"# \1"),
    (r"(page|frame|object|thread|fd) \d+", r"\1 #"),
    (r"\b(runnable|interruptible)\b", "alive"),  # when the clock ticks is not the document's matter
    (r" +", " "),
]
CHANGE = re.compile(r"^  ([a-z_, ]+?) (\d+) -> (\d+)$", re.MULTILINE)


def normalise(text):
    text = CHANGE.sub(lambda m: f"  {m[1]} {int(m[3]) - int(m[2]):+}", text)
    for pattern, replacement in RULES:
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def split(output, blocks):
    """The output, divided as the commands are over the blocks."""
    parts, lines = [], output.splitlines(keepends=True)
    prompts = [n for n, line in enumerate(lines) if line.startswith(PROMPT)] + [len(lines)]
    done = 0
    for block in blocks:
        count = len(commands(block))
        parts.append("".join(lines[prompts[done]:prompts[done + count]]).rstrip("\n") + "\n")
        done += count
    return parts


def replay(demo, blocks, folder):
    typed = [command for block in blocks for command in commands(block)]
    output = run(demo, typed, folder)
    shown = commands(output)
    if shown != typed:
        raise AssertionError(f"the session ended after `{shown[-1] if shown else 'nothing'}`: "
                             f"{output[-300:]}")
    return split(output, blocks)


def write():
    with tempfile.TemporaryDirectory() as folder, open(DOCUMENT) as file:
        text = file.read()
        new = {demo: iter(replay(demo, blocks, folder)) for demo, blocks in sessions().items()}
    text = BLOCK.sub(lambda m: f"```gdb {m[1]}\n{next(new[m[1]])}```", text)
    with open(DOCUMENT, "w") as file:
        file.write(text)


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit(__doc__)
    write()
