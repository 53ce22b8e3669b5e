#!/usr/bin/env python3
"""Checks the one direction of imports that docs/order.txt lists, bottom to top.

- Every source and header of boot, kernel and mm is listed once, and nothing else is.
- A file includes only headers on its own line or above it.
- A pure file (its line has a star) includes only pure headers; so do the unit cases, which are
  compiled with them on the host.

`--pure` prints the pure .c files instead.
"""
import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ORDER = "docs/order.txt"
ROOMS = ["boot", "kernel", "mm"]
# What a freestanding compiler brings along.
FREESTANDING = {"stdarg.h", "stdbool.h", "stddef.h", "stdint.h", "limits.h"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        return file.read()


def read_order():
    """{path: line number}, the set of pure paths, and complaints about repeated lines."""
    place, pure, errors = {}, set(), []
    for number, line in enumerate(read(ORDER).splitlines(), 1):
        words = line.split("#")[0].replace("*", " * ").split()
        paths = [word for word in words if word != "*"]
        for path in paths:
            if path in place:
                errors.append(f"{ORDER}:{number}: {path} is also on line {place[path]}")
            place[path] = number
        if "*" in words:
            pure.update(paths)
    return place, pure, errors


def sources(rooms):
    for room in rooms:
        for folder, _, files in os.walk(os.path.join(TOP, room)):
            for name in sorted(files):
                if name.endswith((".c", ".h", ".S")):
                    yield os.path.relpath(os.path.join(folder, name), TOP)


def includes(path):
    text = read(path)
    for match in INCLUDE.finditer(text):
        yield text.count("\n", 0, match.start(2)) + 1, match[1] == "<", match[2]


def check_file(path, place, pure):
    for number, system, header in includes(path):
        at = f"{path}:{number}"
        if system:
            if header not in FREESTANDING:
                yield f"{at}: <{header}> is not a header of a freestanding compiler"
        elif header not in place:
            yield f"{at}: {header} is not in {ORDER}; includes are written from the top folder"
        elif path in place and place[header] > place[path]:
            yield f"{at}: {header} stands above {path} in {ORDER}"
        elif (path in pure or path not in place) and header not in pure:
            yield f"{at}: a pure file includes {header}, which is not pure"


def check():
    place, pure, errors = read_order()
    present = list(sources(ROOMS))
    errors += [f"{path} is not listed in {ORDER}" for path in present if path not in place]
    errors += [f"{ORDER}:{number}: {path} does not exist"
               for path, number in place.items() if path not in set(present)]
    cases = [path for path in sources(["tests/unit"]) if path.endswith(".c")]
    for path in [path for path in present if path in place] + cases:
        errors += check_file(path, place, pure)
    return errors, len(present)


def main():
    if sys.argv[1:] == ["--pure"]:
        place, pure, _ = read_order()
        print("\n".join(path for path in place
                        if path in pure and path.endswith(".c")
                        and os.path.exists(os.path.join(TOP, path))))
        return 0
    errors, count = check()
    print("\n".join(errors) if errors else f"{count} files in order")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
