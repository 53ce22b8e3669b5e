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


# A function of the guest's shell, on Tessera: it runs a command and then prints a line for whatever
# is in use and was not before: objects of each slab cache, frames but those of slabs, pages promised.
# (A magazine is full of free objects.) The command is another process: a shell that works grows.
# What it leaves running has ten seconds to end. In use before are the files that are written here,
# and the ring that the first trace event of all makes, which stays.
LEAVING_NOTHING = r"""
in_use() {
	awk '/ : slabdata / && !/^magazine/ || /^(findings|frames|committed)/ { print $1, $2 }' \
		/proc/mm_check /proc/slabinfo >/in_use.$1
}
leaving_nothing() {
	echo >/sys/kernel/tracing/trace_marker; echo >/sys/kernel/tracing/trace
	in_use before; in_use after; in_use before
	"$@"
	status=$?
	for try in 1 2 3 4 5 6 7 8 9 10; do
		in_use after
		cmp -s /in_use.before /in_use.after && return $status
		sleep 1
	done
	sed '/^findings:/,$d' /proc/mm_check
	awk 'NR == FNR { n[$1] = $2; next }
		n[$1] != $2 { print "left in use: " $1 " " n[$1] " before, " $2 " after" }' \
		/in_use.before /in_use.after
	return $status
}
"""


def leaving_nothing(script):
    """The script, and what it leaves in use as more lines of its output."""
    return f"{LEAVING_NOTHING}script() ({script})\nleaving_nothing script"


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
