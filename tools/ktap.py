"""A strict reader of KTAP version 1: what the kernel and the host tests print.

Lines that are not KTAP (log lines) are passed over; a plan that is not fulfilled, a number out of
order or a report that never began are errors.
"""
import re
from dataclasses import dataclass, field

VERSION = re.compile(r"^( *)KTAP version 1$")
PLAN = re.compile(r"^( *)1\.\.(\d+)$")
RESULT = re.compile(r"^( *)(ok|not ok) (\d+)(?: -)?(?: ([^#]*?))?(?: # ?(\S+)(?: .*)?)?$")
NOTE = re.compile(r"^ *# (.*)$")


@dataclass
class Result:
    name: str
    ok: bool
    skipped: bool = False
    notes: list = field(default_factory=list)


@dataclass
class Level:
    plan: int = -1
    count: int = 0


def parse(text):
    """(the results of the innermost level, a list of errors)."""
    results, errors, notes, levels = [], [], [], []
    inner = []  # results of the open subtest that await their parent's name
    finished = False
    for line in text.replace("\r", "").splitlines():
        if VERSION.match(line):
            levels.append(Level())
        elif not levels:
            continue
        elif found := PLAN.match(line):
            levels[-1].plan = int(found[2])
        elif found := RESULT.match(line):
            depth = len(found[1]) // 2
            while len(levels) > depth + 1:
                errors += _incomplete(levels.pop())
            level = levels[-1]
            level.count += 1
            name, ok = (found[4] or "").strip(), found[2] == "ok"
            if int(found[3]) != level.count:
                errors.append(f"result {found[3]} ({name}) where {level.count} was due")
            if depth:
                inner.append(Result(name, ok, found[5] == "SKIP", notes))
            elif inner:
                results += [Result(f"{name}.{case.name}", case.ok, case.skipped, case.notes)
                            for case in inner]
                if not ok and all(case.ok for case in inner):
                    errors.append(f"{name} failed as a whole: {'; '.join(notes)}")
                inner = []
            else:
                results.append(Result(name, ok, found[5] == "SKIP", notes))
            notes = []
            finished = depth == 0 and level.count == level.plan
        elif (found := NOTE.match(line)) and not found[1].startswith("Subtest: "):
            notes.append(found[1])
    results += inner
    if not levels:
        errors.append("no KTAP report")
    elif not finished:
        errors += [error for level in levels for error in _incomplete(level)]
    return results, errors


def _incomplete(level):
    if level.plan < 0:
        return ["a KTAP report without a plan"]
    if level.count != level.plan:
        return [f"{level.count} results where {level.plan} were planned"]
    return []
