"""User programs and scripts as test cases, told the same way to Tessera and to Linux.

A program is tests/user/NAME.{c,S}, a script tests/scripts/NAME.sh; in the guest they are
/tests/NAME and /tests/scripts/NAME.sh. What Linux printed is in expected/NAME.txt beside the
source: its output as it was, and after that `[exit N]` with the shell's $?.
"""
import glob
import os
from fnmatch import fnmatchcase

from vm import TOP


class Case:
    def __init__(self, kind, source, command):
        self.name = f"{kind}.{os.path.splitext(os.path.basename(source))[0]}"
        self.command = command
        folder, stem = os.path.dirname(source), self.name.split(".", 1)[1]
        self.expected = os.path.join(folder, "expected", stem + ".txt")

    def script(self):
        """What the guest's shell runs: an empty folder as the current one, no input."""
        return (f"exec </dev/null; mkdir -p /tmp/t; cd /tmp/t\n"
                f"setsid {self.command}; status=$?\n"
                f"cd /; rm -rf /tmp/t; exit $status")


def transcript(output, status):
    return output + b"[exit %d]\n" % status


def found():
    for source in sorted(glob.glob(os.path.join(TOP, "tests/user/*.[cS]"))):
        stem = os.path.splitext(os.path.basename(source))[0]
        yield Case("user", source, f"/tests/{stem}")
    for source in sorted(glob.glob(os.path.join(TOP, "tests/scripts/*.sh"))):
        yield Case("script", source, f"sh /tests/scripts/{os.path.basename(source)}")


def matches(name, pattern):
    """The kernel's glob_match: alternatives are separated by commas."""
    return any(fnmatchcase(name, part) for part in pattern.split(","))
