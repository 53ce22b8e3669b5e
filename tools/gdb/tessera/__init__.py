"""gdb commands for Tessera: what the memory system holds, at any stop, without changing it.

Layers, lowest first; each imports those above it only:
  ram        physical memory of the guest, from QEMU's file of it or through the stub
  kernel     symbols, structures and lists in that memory
  paging     page tables, walked as the CPU does
  tasks      processes, address spaces, VMAs, files' names
  frames     struct page, owners, the reverse map, zones and buddies
  slabs      caches and the objects in them
  owners     who owns a frame, in words
  faults     what a page fault is about and how it will end
  picture    what `make report` notes while the guest runs; loaded by nobody else
  commands   show_*.py, act_*.py and replay.py: the commands; printers, functions, window
"""


def load():
    from . import act, changes, check, functions, printers, replay, session, show, showmem, window
    for module in show, showmem, act, changes, check, replay, printers, functions, window, session:
        module.load()
