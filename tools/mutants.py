#!/usr/bin/env python3
"""make mutants: shows that the tests can fail. T=glob chooses mutants by name.

tests/mutants/list holds one-line faults: an entry is a paragraph of

    name  buddy_never_merges
    why   a freed block stays as small as it was
    file  mm/buddy.c
    test  buddy.*
    -     while (order < MAX_ORDER) {
    +     while (false) {

The `-` lines must stand once in the file, together (indentation does not count, so as many lines
of surroundings as are needed may be given on both sides); the `+` lines take their place. Each
mutant is put into a copy of the tree (build/mutants), which is built and tested with T=test. It is
caught when a test fails; one that does not compile is an error.
"""
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field

import cases
import vm

TREE = os.path.join(vm.BUILD, "mutants", "tree")
LIST = os.path.join(vm.TOP, "tests/mutants/list")
NOT_COPIED = {"build", ".git", "__pycache__", "compile_commands.json"}


@dataclass
class Mutant:
    name: str = ""
    why: str = ""
    file: str = ""
    test: str = ""
    old: list = field(default_factory=list)
    new: list = field(default_factory=list)


def read_list():
    with open(LIST, encoding="utf-8") as file:
        text = re.sub(r"^#.*\n", "", file.read(), flags=re.MULTILINE)
    mutants = []
    for paragraph in filter(str.strip, re.split(r"\n\s*\n", text)):
        mutant = Mutant()
        for line in paragraph.strip().splitlines():
            key, _, value = line.strip().partition(" ")
            if key in "-+":
                (mutant.old if key == "-" else mutant.new).append(value.strip())
            elif key in ("name", "why", "file", "test"):
                setattr(mutant, key, value.strip())
            else:
                raise SystemExit(f"{LIST}: what is {line!r}?")
        if not (mutant.name and mutant.file and mutant.test and mutant.old):
            raise SystemExit(f"{LIST}: {mutant.name or paragraph!r} lacks name, file, test or -")
        mutants.append(mutant)
    return mutants


def apply(mutant, text):
    """The file's text with the fault in it."""
    lines = text.splitlines()
    bare = [line.strip() for line in lines]
    size = len(mutant.old)
    places = [i for i in range(len(lines) - size + 1) if bare[i:i + size] == mutant.old]
    if len(places) != 1:
        raise ValueError(f"its lines stand {len(places)} times in {mutant.file}")
    at = places[0]
    indent = re.match(r"\s*", lines[at])[0]
    lines[at:at + size] = [indent + line for line in mutant.new]
    return "\n".join(lines) + "\n"


def stale():
    """What is wrong with mutants: two of one name, or lines that the code has not any more."""
    problems, names = [], set()
    for mutant in read_list():
        if mutant.name in names:
            problems.append(f"{mutant.name}: two have this name")
        names.add(mutant.name)
        try:
            with open(os.path.join(vm.TOP, mutant.file), encoding="utf-8") as file:
                apply(mutant, file.read())
        except (OSError, ValueError) as error:
            problems.append(f"{mutant.name}: {error}")
    return problems


def write_if_changed(path, data):
    """By content, so that what differs is always newer than the objects made from it."""
    try:
        with open(path, "rb") as file:
            if file.read() == data:
                return
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


def copy_tree():
    wanted = set()
    for folder, folders, files in os.walk(vm.TOP):
        folders[:] = [name for name in folders if name not in NOT_COPIED]
        for name in files:
            if name in NOT_COPIED:
                continue
            source = os.path.join(folder, name)
            target = os.path.join(TREE, os.path.relpath(source, vm.TOP))
            wanted.add(target)
            with open(source, "rb") as file:
                write_if_changed(target, file.read())
            os.chmod(target, os.stat(source).st_mode)
    for folder, folders, files in os.walk(TREE):
        folders[:] = [name for name in folders if name not in NOT_COPIED]
        for path in (os.path.join(folder, name) for name in files):
            if path not in wanted and os.path.basename(path) not in NOT_COPIED:
                os.remove(path)
    os.makedirs(os.path.join(TREE, "build"), exist_ok=True)
    packages = os.path.join(TREE, "build/pkg")
    if not os.path.islink(packages) and os.path.isdir(os.path.join(vm.BUILD, "pkg")):
        os.symlink(os.path.join(vm.BUILD, "pkg"), packages)


def make(log, *arguments):
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL", "T")}
    environment.setdefault("TIMEOUT", "")
    environment["TIMEOUT"] = environment["TIMEOUT"] or "40"
    result = subprocess.run(["make", "-C", TREE, *arguments], env=environment, text=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT)
    with open(log, "w", encoding="utf-8") as file:
        file.write(result.stdout)
    return result.returncode, result.stdout


def first_failure(output):
    found = re.search(r"^FAIL  (.*)$", output, re.MULTILINE)
    return found[1] if found else None


def try_mutant(mutant):
    """None when the mutant was caught, or why not; and the first failing test."""
    path = os.path.join(TREE, mutant.file)
    with open(path, encoding="utf-8") as file:
        original = file.read()
    log = os.path.join(vm.BUILD, "mutants", mutant.name + ".log")
    try:
        write_if_changed(path, apply(mutant, original).encode())
        if make(log, "all")[0]:
            return f"does not build, see {os.path.relpath(log)}", None
        status, output = make(log, "test", "T=" + mutant.test)
        failure = first_failure(output)
        if failure:
            return None, failure
        return f"{'tests did not run' if status else 'NOT caught'}: {mutant.test}", None
    except ValueError as error:
        return str(error), None
    finally:
        write_if_changed(path, original.encode())


def main():
    if sys.argv[1:]:
        print(__doc__)
        return 2
    pattern = os.environ.get("T") or "*"
    mutants = [mutant for mutant in read_list() if cases.matches(mutant.name, pattern)]
    if not mutants:
        print(f"mutants: none matches T='{pattern}'", file=sys.stderr)
        return 2
    copy_tree()
    for test in dict.fromkeys(mutant.test for mutant in mutants):
        log = os.path.join(vm.BUILD, "mutants", "unchanged.log")
        status, output = make(log, "test", "T=" + test)
        if status:
            print(f"mutants: {test}: {first_failure(output) or 'the build'} fails without a "
                  f"mutant, see {os.path.relpath(log)}", file=sys.stderr)
            return 1
    caught = 0
    for mutant in mutants:
        problem, failure = try_mutant(mutant)
        caught += problem is None
        print(f"caught  {mutant.name}: {failure}" if problem is None
              else f"MISSED  {mutant.name}: {problem}", flush=True)
    print(f"{len(mutants)} mutants, {caught} caught")
    return 0 if caught == len(mutants) else 1


if __name__ == "__main__":
    sys.exit(main())
