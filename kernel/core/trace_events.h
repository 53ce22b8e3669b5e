/*
 * The trace events: names, fields and text. Everything that knows of an event is made from this
 * list: the records and the points (kernel/core/trace.h), the text (kernel/core/trace_text.c,
 * /sys/kernel/tracing) and, through the table in the image, the reader on the host (tools/trace.py).
 *
 * E(system, name, F(type, field) F(type, field) ..., "text")
 *
 * Names, fields and text are Linux 6.1's where it has such an event; fields that the text does not
 * show are ours. Types: u32, s32, trace_name (16 characters), trace_text (the rest of the record,
 * always last). In the text {field:form} stands for a field's value:
 *
 *   x 08x u d      a number, as printf writes it
 *   s              characters
 *   sym symoff     an address: its symbol; with offset/size
 *   page           the address of the struct page of a frame number
 *   anything else  a word: the list of that name in TRACE_WORDS, counted from 0
 */
#ifndef CORE_TRACE_EVENTS_H
#define CORE_TRACE_EVENTS_H

/* Why an entry of a page table was set. */
#define TRACE_WHYS(X) \
	X(zero)   /* a read of private memory: the zero page */ \
	X(anon)   /* demand zero: a new frame of zeroes */ \
	X(file)   /* a page of a file or of shared memory */ \
	X(around) /* one beside it that was in memory */ \
	X(cow)    /* a private copy of the frame that was there */ \
	X(copy)   /* a private copy of a file's page */ \
	X(reuse)  /* made writable: nobody else has the frame */ \
	X(fork)   /* the child shares the parent's frame */ \
	X(move)   /* mremap brought it */

#define TRACE_GFP_(more) \
	"GFP_KERNEL" more " GFP_KERNEL|GFP_DMA" more " GFP_HIGHUSER" more " GFP_HIGHUSER|GFP_DMA" more " "

/* Numbers with names: W(form, "word word ...") */
#define TRACE_WORDS(W) \
	W(bool, "false true") \
	W(gfp, TRACE_GFP_("") TRACE_GFP_("|__GFP_ZERO") TRACE_GFP_("|__GFP_MEMALLOC") \
		TRACE_GFP_("|__GFP_ZERO|__GFP_MEMALLOC")) /* GFP_ bits, mm/page_alloc.h */ \
	W(rss, "MM_FILEPAGES MM_ANONPAGES MM_SWAPENTS MM_SHMEMPAGES") \
	W(why, "zero anon file around cow copy reuse fork move") /* TRACE_WHYS */ \
	W(kind, "reserved free free-tail pcp kernel slab vmalloc kstack pgtable anon cache zero " \
		"huge")                                          /* enum page_kind, mm/page.h */

/* The events whose points lie on hot paths come first: a group is tested as one word. */
#define TRACE_KMEM_EVENTS(E, F) \
	E(kmem, mm_page_alloc, \
		F(u32, pfn) F(u32, order) F(u32, gfp_flags) F(s32, migratetype) F(u32, kind) \
		F(u32, call_site), \
		"page={pfn:page} pfn=0x{pfn:x} order={order:d} migratetype={migratetype:d} " \
		"gfp_flags={gfp_flags:gfp}") \
	E(kmem, mm_page_free, \
		F(u32, pfn) F(u32, order) F(u32, kind) F(u32, call_site), \
		"page={pfn:page} pfn=0x{pfn:x} order={order:d}") \
	E(kmem, mm_page_free_batched, F(u32, pfn), "page={pfn:page} pfn=0x{pfn:x} order=0") \
	E(kmem, mm_page_alloc_zone_locked, \
		F(u32, pfn) F(u32, order) F(s32, migratetype) F(s32, percpu_refill), \
		"page={pfn:page} pfn=0x{pfn:x} order={order:u} migratetype={migratetype:d} " \
		"percpu_refill={percpu_refill:d}") \
	E(kmem, mm_page_pcpu_drain, \
		F(u32, pfn) F(u32, order) F(s32, migratetype), \
		"page={pfn:page} pfn=0x{pfn:x} order={order:d} migratetype={migratetype:d}") \
	E(kmem, kmalloc, \
		F(u32, call_site) F(u32, ptr) F(u32, bytes_req) F(u32, bytes_alloc) F(u32, gfp_flags) \
		F(s32, node) F(u32, accounted), \
		"call_site={call_site:symoff} ptr={ptr:08x} bytes_req={bytes_req:u} " \
		"bytes_alloc={bytes_alloc:u} gfp_flags={gfp_flags:gfp} node={node:d} " \
		"accounted={accounted:bool}") \
	E(kmem, kfree, F(u32, call_site) F(u32, ptr), \
		"call_site={call_site:symoff} ptr={ptr:08x}") \
	E(kmem, kmem_cache_alloc, \
		F(u32, call_site) F(u32, ptr) F(u32, bytes_req) F(u32, bytes_alloc) F(u32, gfp_flags) \
		F(s32, node) F(u32, accounted) F(trace_name, name), \
		"call_site={call_site:symoff} ptr={ptr:08x} bytes_req={bytes_req:u} " \
		"bytes_alloc={bytes_alloc:u} gfp_flags={gfp_flags:gfp} node={node:d} " \
		"accounted={accounted:bool}") \
	E(kmem, kmem_cache_free, F(u32, call_site) F(u32, ptr) F(trace_name, name), \
		"call_site={call_site:symoff} ptr={ptr:08x} name={name:s}") \
	E(kmem, rss_stat, F(u32, mm_id) F(u32, curr) F(s32, member) F(s32, size), \
		"mm_id={mm_id:u} curr={curr:d} type={member:rss} size={size:d}B")

/* Ours: what Linux 6.1 does not tell of page tables and VMAs. `mm` is the same number as in
 * rss_stat, `flags` are VM_ bits (mm/vma.h), `pte` is the low word of the entry. */
#define TRACE_MM_EVENTS(E, F) \
	E(tessera, pte_set, F(u32, mm) F(u32, address) F(u32, pfn) F(u32, why) F(u32, pte), \
		"mm={mm:u} address=0x{address:x} pfn=0x{pfn:x} why={why:why} pte=0x{pte:x}") \
	E(tessera, pte_clear, F(u32, mm) F(u32, address) F(u32, pfn), \
		"mm={mm:u} address=0x{address:x} pfn=0x{pfn:x}") \
	E(tessera, cow, F(u32, mm) F(u32, address) F(u32, old_pfn) F(u32, new_pfn), \
		"mm={mm:u} address=0x{address:x} old_pfn=0x{old_pfn:x} new_pfn=0x{new_pfn:x}") \
	E(tessera, vma_map, \
		F(u32, mm) F(u32, start) F(u32, end) F(u32, flags) F(u32, pgoff) F(trace_text, name), \
		"mm={mm:u} start=0x{start:x} end=0x{end:x} flags=0x{flags:x} pgoff=0x{pgoff:x} " \
		"name={name:s}") \
	E(tessera, vma_unmap, F(u32, mm) F(u32, start) F(u32, end) F(u32, flags), \
		"mm={mm:u} start=0x{start:x} end=0x{end:x} flags=0x{flags:x}") \
	E(tessera, vma_change, F(u32, mm) F(u32, start) F(u32, end) F(u32, old_flags) F(u32, flags), \
		"mm={mm:u} start=0x{start:x} end=0x{end:x} old_flags=0x{old_flags:x} flags=0x{flags:x}")

#define TRACE_PROCESS_EVENTS(E, F) \
	E(sched, sched_process_fork, \
		F(trace_name, parent_comm) F(u32, parent_pid) F(trace_name, child_comm) F(u32, child_pid), \
		"comm={parent_comm:s} pid={parent_pid:d} child_comm={child_comm:s} " \
		"child_pid={child_pid:d}") \
	E(sched, sched_process_exec, F(u32, new_pid) F(u32, old_pid) F(trace_text, filename), \
		"filename={filename:s} pid={new_pid:d} old_pid={old_pid:d}") \
	E(sched, sched_process_exit, F(trace_name, task_comm) F(u32, task_pid) F(s32, prio), \
		"comm={task_comm:s} pid={task_pid:d} prio={prio:d}") \
	E(ftrace, print, F(u32, ip) F(trace_text, buf), "tracing_mark_write: {buf:s}")

/* Page faults and system calls: seen at the door, so that they cost nothing while they are off. */
#define TRACE_DOOR_EVENTS(E, F) \
	E(exceptions, page_fault_user, F(u32, address) F(u32, ip) F(u32, error_code), \
		"address={address:sym} ip={ip:sym} error_code=0x{error_code:x}") \
	E(exceptions, page_fault_kernel, F(u32, address) F(u32, ip) F(u32, error_code), \
		"address={address:sym} ip={ip:sym} error_code=0x{error_code:x}") \
	E(tessera, page_fault_done, F(u32, address) F(u32, ip) F(u32, error_code) F(u32, pfn) F(u32, pte), \
		"address={address:sym} ip={ip:sym} error_code=0x{error_code:x} pfn=0x{pfn:x} " \
		"pte=0x{pte:x}") \
	E(raw_syscalls, sys_enter, \
		F(s32, id) F(u32, a) F(u32, b) F(u32, c) F(u32, d) F(u32, e) F(u32, f), \
		"NR {id:d} ({a:x}, {b:x}, {c:x}, {d:x}, {e:x}, {f:x})") \
	E(raw_syscalls, sys_exit, F(s32, id) F(s32, ret), "NR {id:d} = {ret:d}")

/* X(call, Linux's name of its function, F(u32, argument) ..., "text of the arguments") */
#define TRACE_SYSCALLS(X, F) \
	X(brk, brk, F(u32, brk), "brk: {brk:x}") \
	X(munmap, munmap, F(u32, addr) F(u32, len), "addr: {addr:x}, len: {len:x}") \
	X(mprotect, mprotect, F(u32, start) F(u32, len) F(u32, prot), \
		"start: {start:x}, len: {len:x}, prot: {prot:x}") \
	X(msync, msync, F(u32, start) F(u32, len) F(u32, flags), \
		"start: {start:x}, len: {len:x}, flags: {flags:x}") \
	X(mlock, mlock, F(u32, start) F(u32, len), "start: {start:x}, len: {len:x}") \
	X(munlock, munlock, F(u32, start) F(u32, len), "start: {start:x}, len: {len:x}") \
	X(mlockall, mlockall, F(u32, flags), "flags: {flags:x}") \
	X(munlockall, munlockall, , "") \
	X(mremap, mremap, \
		F(u32, addr) F(u32, old_len) F(u32, new_len) F(u32, flags) F(u32, new_addr), \
		"addr: {addr:x}, old_len: {old_len:x}, new_len: {new_len:x}, flags: {flags:x}, " \
		"new_addr: {new_addr:x}") \
	X(mmap, old_mmap, F(u32, arg), "arg: {arg:x}") \
	X(mmap2, mmap_pgoff, \
		F(u32, addr) F(u32, len) F(u32, prot) F(u32, flags) F(u32, fd) F(u32, pgoff), \
		"addr: {addr:x}, len: {len:x}, prot: {prot:x}, flags: {flags:x}, fd: {fd:x}, " \
		"pgoff: {pgoff:x}") \
	X(mincore, mincore, F(u32, start) F(u32, len) F(u32, vec), \
		"start: {start:x}, len: {len:x}, vec: {vec:x}") \
	X(madvise, madvise, F(u32, start) F(u32, len_in) F(u32, behavior), \
		"start: {start:x}, len_in: {len_in:x}, behavior: {behavior:x}") \
	X(remap_file_pages, remap_file_pages, \
		F(u32, start) F(u32, size) F(u32, prot) F(u32, pgoff) F(u32, flags), \
		"start: {start:x}, size: {size:x}, prot: {prot:x}, pgoff: {pgoff:x}, flags: {flags:x}") \
	X(memfd_create, memfd_create, F(u32, uname) F(u32, flags), \
		"uname: {uname:x}, flags: {flags:x}") \
	X(mlock2, mlock2, F(u32, start) F(u32, len) F(u32, flags), \
		"start: {start:x}, len: {len:x}, flags: {flags:x}") \
	X(shmget, shmget, F(u32, key) F(u32, size) F(u32, shmflg), \
		"key: {key:x}, size: {size:x}, shmflg: {shmflg:x}") \
	X(shmat, shmat, F(u32, shmid) F(u32, shmaddr) F(u32, shmflg), \
		"shmid: {shmid:x}, shmaddr: {shmaddr:x}, shmflg: {shmflg:x}") \
	X(shmdt, shmdt, F(u32, shmaddr), "shmaddr: {shmaddr:x}") \
	X(shmctl, shmctl, F(u32, shmid) F(u32, cmd) F(u32, buf), \
		"shmid: {shmid:x}, cmd: {cmd:x}, buf: {buf:x}") \
	X(ipc, ipc, \
		F(u32, call) F(u32, first) F(u32, second) F(u32, third) F(u32, ptr) F(u32, fifth), \
		"call: {call:x}, first: {first:x}, second: {second:x}, third: {third:x}, ptr: {ptr:x}, " \
		"fifth: {fifth:x}")

#endif
