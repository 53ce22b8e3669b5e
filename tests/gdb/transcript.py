"""Run by gdb: the commands of a session, each after a prompt, so that the output reads as if they
had been typed. TRANSCRIPT names a JSON list of them. An error is printed, and the session goes on."""
import json
import os

import gdb

with open(os.environ["TRANSCRIPT"]) as file:
    commands = json.load(file)
for command in commands:
    gdb.write(f"(gdb) {command}\n")
    gdb.flush()
    try:
        gdb.execute(command)
    except gdb.error as error:
        gdb.write(f"{error}\n")
    gdb.flush()
