"""Loaded by gdb beside the kernel (build/debug/tessera.elf-gdb.py is a copy of this file): adds the
commands that begin with `mm`. `help mm` lists them."""
import os
import sys

sys.path.insert(0, os.path.join(os.environ["TESSERA_TOP"], "tools/gdb"))

import tessera  # noqa: E402

tessera.load()
