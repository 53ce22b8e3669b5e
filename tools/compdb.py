#!/usr/bin/env python3
"""Prints compile_commands.json: compdb.py "C COMMAND" "ASM COMMAND" SOURCE..."""
import json
import os
import sys


def main():
    compile_c, assemble, *sources = sys.argv[1:]
    json.dump([{"directory": os.getcwd(), "file": source,
                "command": f"{compile_c if source.endswith('.c') else assemble} -c {source}"}
               for source in sources], sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
