"""What happens at each stop, and the symbols of the programs that run in the guest."""
import glob
import os

import gdb

from . import kernel, ram, tasks

TOP = os.environ.get("TESSERA_TOP", ".")
FOLDERS = {"/demo/": "build/demo/", "/tests/": "build/user/"}  # in the guest: here

_loaded = None


# --- Programs ---

def programs():
    found = []
    for folder in FOLDERS.values():
        found += [os.path.basename(path) for path in glob.glob(os.path.join(TOP, folder, "*"))
                  if os.access(path, os.X_OK) and os.path.isfile(path)]
    return sorted(found)


def program_path(name):
    """The file with the symbols of one of our programs, or None."""
    paths = [os.path.join(TOP, folder, name or "?") for folder in FOLDERS.values()]
    return next((path for path in paths if os.path.isfile(path)), None)


def program_of(task):
    """The name of the program that a task runs, or None."""
    process = tasks.process_of(task)
    if not process.mm:
        return None
    exe = kernel.Struct("struct mm", process.mm).exe
    return os.path.basename(tasks.file_name(exe)) if exe else None


def load_symbols(path):
    """Makes the program's symbols the only ones of a program: all are linked to one address."""
    global _loaded
    if path == _loaded:
        return
    if _loaded:
        gdb.execute(f"remove-symbol-file {_loaded}", to_string=True)
    gdb.execute(f"add-symbol-file {path}", to_string=True)
    _loaded = path


def follow_program():
    task = tasks.current()
    path = program_path(program_of(task)) if task else None
    if path:
        load_symbols(path)


# --- Stops ---

def on_stop(event):
    from . import changes, window
    ram.forget()
    try:
        follow_program()
    except (gdb.error, gdb.GdbError, ram.Unreadable):
        pass  # too early, or too broken, to know what runs
    changes.take()
    window.refresh()


def load():
    gdb.events.stop.connect(on_stop)
