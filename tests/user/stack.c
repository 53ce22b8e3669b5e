/* The stack: growing by being touched, its limit, the gap kept to what lies below it, overflow. */
#include "tests/user/test.h"

#define MIB (1u << 20)

static char alternate[65536] __attribute__((aligned(4096)));

static void use_alternate_stack(void)
{
	stack_t stack = {.ss_sp = alternate, .ss_size = sizeof(alternate)};

	if (sigaltstack(&stack, NULL))
		die("sigaltstack");
	catch_faults(SA_ONSTACK);
}

static char *here(void)
{
	return __builtin_frame_address(0);
}

/* Like try_write, but with the handler on the alternate stack. */
static const char *write_at(char *p)
{
	use_alternate_stack();
	last_fault = (struct fault){0};
	if (sigsetjmp(fault_return, 1))
		return last_fault.addr == p ? fault_name(&last_fault) : "fault elsewhere";
	*(volatile char *)p = 1;
	return "ok";
}

static __attribute__((noinline)) int deeper(int depth)
{
	volatile char frame[1000];

	frame[0] = depth;
	frame[999] = depth >> 8;
	if (depth == 0)
		return 0;
	return deeper(depth - 1) + (frame[0] == (char)depth && frame[999] == (char)(depth >> 8));
}

static __attribute__((noinline)) int endless(int depth)
{
	volatile char frame[4000];

	frame[0] = depth;
	if (depth < 0)
		return 0;
	return endless(depth + 1) + frame[0];
}

static void line(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char text[256];
	unsigned long start, end;
	int count = 0;

	while (maps && fgets(text, sizeof(text), maps))
		if (strstr(text, "[stack]") && sscanf(text, "%lx-%lx", &start, &end) == 2) {
			count++;
			check("line.contains_us",
				start <= (unsigned long)&end && (unsigned long)&end < end);
			say("line.end", "%#lx into its page", end % PAGE);
		}
	fclose(maps);
	say("line.count", "%d", count);
	say("line.perms", "%s", map_perms(&maps));
}

static void growth(void)
{
	long before = status_value("VmStk"), after;
	char *far = here() - 6 * MIB;

	say("grow.frames", "%d", deeper(3000));
	after = status_value("VmStk");
	check("grow.seen_in_status", after >= before + 3000 * 1000 / 1024 - 256);
	say("grow.far_below", "%s", write_at(far));
	check("grow.zero_between", all_bytes(far + 1, MIB, 0));
	check("grow.status_again", status_value("VmStk") >= 6 * 1024);
	say("grow.over_limit", "%s", write_at(here() - 9 * MIB));
	check("grow.kept", *far == 1);
}

static void overflow(void)
{
	stack_t stack;

	use_alternate_stack();
	if (!sigsetjmp(fault_return, 1))
		endless(0);
	say("overflow.signal", "%s", fault_name(&last_fault));
	check("overflow.address", (char *)last_fault.addr < here() - 7 * MIB &&
					  (char *)last_fault.addr > here() - 9 * MIB);
	sigaltstack(NULL, &stack);
	say("overflow.altstack_free", "%d", stack.ss_flags);
	say("overflow.twice", "%s", write_at(here() - 9 * MIB));
}

static void overflow_dies(void)
{
	catch_faults(0);
	endless(0);
}

static void limited(void)
{
	struct rlimit limit = {2 * MIB, RLIM_INFINITY};

	setrlimit(RLIMIT_STACK, &limit);
	say("limit.below", "%s", write_at(here() - MIB));
	say("limit.above", "%s", write_at(here() - 3 * MIB));
	limit.rlim_cur = 16 * MIB;
	setrlimit(RLIMIT_STACK, &limit);
	say("limit.raised", "%s", write_at(here() - 12 * MIB));
}

/* 256 pages between the stack and a mapping that can be touched. */
static void gap(void)
{
	char *top = (char *)((uintptr_t)(here() - 4 * MIB) & -PAGE);
	char *p = map_at(top - PAGE, PAGE, PROT_READ | PROT_WRITE);

	say("gap.adjacent", "%s", write_at(top));
	say("gap.inside", "%s", write_at(top + MIB - 1));
	say("gap.outside", "%s", write_at(top + MIB));
	say("gap.still_inside", "%s", write_at(top + MIB - PAGE));
	mprotect(p, PAGE, PROT_NONE);
	say("gap.inaccessible_needs_none", "%s", write_at(top + PAGE));
	munmap(p, PAGE);
}

static void gap_gone(void)
{
	char *top = (char *)((uintptr_t)(here() - 4 * MIB) & -PAGE);
	char *p = map_at(top - PAGE, PAGE, PROT_READ | PROT_WRITE);

	say("gap.before_unmap", "%s", write_at(top + 16 * PAGE));
	munmap(p, PAGE);
	say("gap.after_unmap", "%s", write_at(top + 16 * PAGE));
}

/* The kernel grows the stack too, when it writes for a system call. */
static void grown_by_kernel(void)
{
	char *p = here() - 3 * MIB;
	int zero = open("/dev/zero", O_RDONLY), file = make_file("file", "", 0);

	answer("kernel.read_below_stack", read(zero, p, 3 * PAGE));
	answer("kernel.write_below_stack", write(file, p - MIB, 1));
	answer("kernel.read_over_limit", read(zero, p - 20 * MIB, PAGE));
	close(zero);
	close(file);
}

static void protected(void)
{
	char *page = (char *)((uintptr_t)(here() - 16 * PAGE) & -PAGE);

	*(volatile char *)page = 1;
	answer("protect.part", mprotect(page, PAGE, PROT_READ));
	say("protect.write", "%s", write_at(page));
	answer("protect.growsdown", mprotect((char *)((uintptr_t)here() & -PAGE), PAGE,
					    PROT_READ | PROT_WRITE | PROT_GROWSDOWN));
}

static void child_grows(void)
{
	say("fork.child_grows", "%s", write_at(here() - 5 * MIB));
}

static void forked(void)
{
	isolated("fork.child", child_grows);
	say("fork.parent_did_not", "%s", map_perms(here() - 5 * MIB));
}

/* Pages of a mapping keep their numbers when it moves, and there are none below 0. */
static void moved_up(void)
{
	const int prot = PROT_READ | PROT_WRITE;
	char *p = mmap((void *)(16 * PAGE), PAGE, prot,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN, -1, 0);

	*p = 1;
	p = mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, FREE_AREA);
	say("moved_up.15", "%s", try_write(p - 15 * PAGE));
	say("moved_up.16", "%s", try_write(p - 16 * PAGE));
	say("moved_up.17", "%s", try_write(p - 17 * PAGE));
}

int main(void)
{
	line();
	forked();
	isolated("gap", gap);
	isolated("gap_gone", gap_gone);
	isolated("limit", limited);
	isolated("kernel", grown_by_kernel);
	isolated("protect", protected);
	isolated("grow", growth);
	isolated("moved_up", moved_up);
	answer_status("overflow.without_alternate", in_child(overflow_dies));
	isolated("overflow", overflow);
	return test_failed;
}
