/*
 * Trace events: what the memory system does, written down as it happens.
 *
 *     trace(kfree, caller, (u32)p);
 *
 * is a trace point: one test of a bit and a branch while the event is off, a record in this CPU's
 * ring while it is on. Places that are too hot even for that (the fast paths of page_alloc and of
 * slab, page faults, system calls) have another door that is open only while their events are on.
 *
 * The ring is made of pages of their own, each filled with whole records; when all are full the
 * oldest page is used again and its records count as overwritten. It lies in directly mapped
 * memory and is described by trace_directory, so that the host reads it out of the guest's memory
 * without the guest's help (tools/trace.py); /sys/kernel/tracing shows it as text.
 *
 * The events are listed in kernel/core/trace_events.h.
 */
#ifndef CORE_TRACE_H
#define CORE_TRACE_H

#include "kernel/core/cpu.h"
#include "kernel/core/trace_events.h"
#include "kernel/lib/types.h"

struct page;

typedef char trace_name[16];
typedef char trace_text[]; /* ends with a NUL and zeroes up to the next word */

#define TRACE_TEXT_MAX 256 /* bytes of a trace_text with its NUL; more is cut off */

#define TRACE_SYSCALL_EVENTS_(call, name, fields, text) \
	E_(syscalls, sys_enter_##name, fields, "sys_" #name "(" text ")") \
	E_(syscalls, sys_exit_##name, F_(s32, ret), "sys_" #name " -> 0x{ret:x}")

#define TRACE_EVENTS(E, F) \
	TRACE_KMEM_EVENTS(E, F) \
	TRACE_MM_EVENTS(E, F) \
	TRACE_PROCESS_EVENTS(E, F) \
	TRACE_DOOR_EVENTS(E, F)

enum trace_id {
#define F_(type, field)
#define E_(system, name, fields, text) TE_##name,
	TRACE_EVENTS(E_, F_)
	TE_syscalls, /* pairs of enter and exit, in the order of TRACE_SYSCALLS */
	TE_before_syscalls_ = TE_syscalls - 1,
	TRACE_SYSCALLS(TRACE_SYSCALL_EVENTS_, F_)
#undef E_
#undef F_
	TRACE_NR_EVENTS,
};

enum trace_why {
#define X(why) TRACE_WHY_##why,
	TRACE_WHYS(X)
#undef X
};

/* The fields of each event, struct trace_NAME. */
#define F_(type, field) type field;
#define E_(system, name, fields, text) \
	struct trace_##name { \
		fields \
	};
TRACE_EVENTS(E_, F_)
#undef E_
#undef F_

/* What stands before the fields. */
struct trace_record {
	u16 event; /* enum trace_id */
	u8 words;  /* length of the whole record in 4-byte words */
	u8 flags;  /* TRACE_ bits: where the CPU was */
	u32 pid;   /* thread id; 0: no process */
	u64 ns;    /* clock_monotonic_ns() */
	char comm[16];
};
_Static_assert(sizeof(struct trace_record) == 32, "read by tools/trace.py");

#define TRACE_PREEMPT 0x0fu /* spin locks held, at most 15 */
#define TRACE_IRQSOFF 0x10u
#define TRACE_HARDIRQ 0x20u
#define TRACE_RESCHED 0x40u

/* One page of a ring. Records follow the head, none crosses its end. */
struct trace_page {
	u32 bytes;  /* used, this head included */
	u32 events; /* records in it */
};

/* One CPU's ring: pages first, first + 1, ... head (modulo nr_pages) hold records, the oldest ones
 * in `first`. Only its CPU writes, with interrupts off. */
struct trace_cpu {
	struct trace_page **page; /* directly mapped; NULL without a ring */
	u32 nr_pages;
	u32 first, head;
	u64 written;              /* records since the ring was made or emptied */
	u64 overwritten;          /* of them, gone because newer ones needed their place */
	u64 pages;                /* started since then: the number of the page at `head` */
	u32 free;                 /* frames free when the ring was emptied, or frames first traced */
	u32 reserved;
};

/* What the text and the host know of an event. */
struct trace_event {
	const char *system, *name;
	const char *fields; /* "type name;" each, in order */
	const char *text;
};

struct trace_word {
	const char *form, *words;
};

/* Where everything is: found by its symbol in the ELF file, read from the guest's memory. */
struct trace_directory {
	char magic[8]; /* "TRACE 1": changes with any of these structs */
	u32 nr_events, nr_words, nr_cpus;
	const struct trace_event *event;
	const struct trace_word *word;
	const struct trace_cpu *cpu;
	struct page *const *mem_map; /* struct page 0, for the text's {:page}, */
	u32 struct_page;             /* and bytes of one */
};
extern const struct trace_directory trace_directory;
extern const struct trace_event trace_event[TRACE_NR_EVENTS];

/* --- Points --- */

#define TRACE_WORD(id) ((id) / 32)
#define TRACE_BIT(id)  (1u << (id) % 32)

/* The events that are on. */
extern u32 trace_bits[(TRACE_NR_EVENTS + 31) / 32];

static __forceinline bool trace_is_on(enum trace_id id)
{
	return unlikely(trace_bits[TRACE_WORD(id)] & TRACE_BIT(id));
}

/* Appends a record: `n` bytes of fields, a multiple of 4. Any context. */
void trace_write(enum trace_id id, const void *fields, u32 n);
/* The same for an event that ends with a trace_text. */
void trace_write_text(enum trace_id id, const void *fields, u32 n, const char *text);

/* A record if the event is on, of the values in the order of its fields. */
#define trace_now(name, ...) \
	trace_write(TE_##name, &(const struct trace_##name){__VA_ARGS__}, \
		sizeof(struct trace_##name))
#define trace(name, ...) \
	do { \
		if (trace_is_on(TE_##name)) \
			trace_now(name, __VA_ARGS__); \
	} while (0)

/* Who runs: the thread's id (0 for none) and its name, 16 bytes, NUL-padded. Implemented by
 * kernel/proc/task.c. */
u32 trace_who(char comm[16]);

/* --- Which events are on, and the ring --- */

#define TRACE_RING_KB 1408u /* as Linux */

/* Turns events on or off: those whose "system:name", name or system matches the glob. Makes the
 * ring when there is none. Returns 0, -EINVAL when nothing matches, -ENOMEM. */
int trace_enable(const char *glob, bool on) __must_check;
bool trace_wanted(enum trace_id id);

/* With the switch off nothing is recorded, whatever is on. */
void trace_switch(bool on);
bool trace_switched_on(void);

/* Drops what is in the rings. */
void trace_clear(void);

/* Writes a line of text of the user's, also while no event is on. -EBADF while the switch is off,
 * -ENOMEM. */
int trace_mark(const char *text) __must_check;

/* A new, empty ring of this many KiB for each CPU, at least two pages; 0 gives it back and turns all
 * events off. Returns 0 or -ENOMEM: then the old one stays. */
int trace_resize(u32 kb) __must_check;
u32 trace_size_kb(void); /* 0: there is no ring yet */

/* --- Reading, also while it is written --- */

#define TRACE_RECORD_MAX (255 * 4)

/* A place in each ring, and how far to read. */
struct trace_reader {
	struct trace_place {
		u64 page;   /* number, as trace_cpu.pages */
		u32 at;     /* byte in it */
		u64 record; /* number of the next record since the rings were emptied */
		u64 end;    /* number of the first one not to be read */
	} cpu[NR_CPUS];
};

/* Starts at the oldest record that trace_pipe has not taken; ends at the newest one there is now. */
void trace_reader_start(struct trace_reader *r);
/* The next record of all CPUs in the order of time, copied; NULL at the end. */
const struct trace_record *trace_reader_next(
	struct trace_reader *r, u32 buf[TRACE_RECORD_MAX / 4], u32 *cpu);
/* The same for all who read /sys/kernel/tracing/trace_pipe together: takes records for good. */
const struct trace_record *trace_take(u32 buf[TRACE_RECORD_MAX / 4], u32 *cpu);

/* Records in the rings that trace_pipe has not taken, and all written. */
void trace_count(u64 *in_buffer, u64 *written);

/* Opens or closes the doors of allocations anew: somebody else than a tracer wants to stand there
 * (mm/fail_nth.h). */
void trace_doors_update(void);

/* Counts memory by call site from now on (mm/allocinfo.h), or no more. */
void trace_profile(bool on);

/* Boot, when there is a heap: `mem_profiling`, `trace=GLOB[,GLOB]` and `trace_buf_size=BYTES[K|M]` of the command
 * line. */
void trace_init(void);

#endif
