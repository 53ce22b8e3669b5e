/* The mappings of the vDSO and its data are wholes: what memory calls do to a part of them, and to
 * all. */
#include "tests/user/test.h"
#include <sys/auxv.h>

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

static char *vdso, *vvar;
static size_t vdso_size, vvar_size;

static void find(void)
{
	unsigned long start, end;
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];

	while (maps && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx", &start, &end) != 2)
			continue;
		if (strstr(line, "[vdso]")) {
			vdso = (char *)start;
			vdso_size = end - start;
		} else if (strstr(line, "[vvar]")) {
			vvar = (char *)start;
			vvar_size = end - start;
		}
	}
	if (!vdso || !vvar)
		die("no vdso");
	fclose(maps);
}

static void parts(const char *name, char *p, size_t size)
{
	size_t last = size - PAGE;

	say(name, "%s %d", map_perms(p), map_lines(p, size));
	answer("munmap.first", munmap(p, PAGE));
	answer("munmap.last", munmap(p + last, PAGE));
	answer("mprotect.first", mprotect(p, PAGE, PROT_NONE));
	answer("mprotect.last", mprotect(p + last, PAGE, PROT_NONE));
	answer("mprotect.same",
		mprotect(p + last, PAGE, p == vdso ? PROT_READ | PROT_EXEC : PROT_READ));
	answer("madvise.dontdump", madvise(p, PAGE, MADV_DONTDUMP));
	answer("madvise.random", madvise(p + last, PAGE, MADV_RANDOM));
	answer("madvise.dontfork", madvise(p + last, PAGE, MADV_DONTFORK));
	answer("madvise.dontneed", madvise(p + last, PAGE, MADV_DONTNEED));
	answer("mlock", mlock(p, PAGE));
	answer_ptr("mremap.shrink", mremap(p, size, last, 0));
	answer_ptr("mremap.grow", mremap(p, size, size + PAGE, MREMAP_MAYMOVE));
	answer_ptr("mremap.part", mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, FREE_AREA));
	answer_ptr("mremap.last",
		mremap(p + last, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, FREE_AREA));
	answer_ptr("mremap.dontunmap", mremap(p, size, size, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0));
	answer_ptr("mmap.over",
		mmap(p, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	say(name, "%s %d", map_perms(p), map_lines(p, size));
}

/* Every advice but the ones that take a page for broken, about all of it. */
static void advise(char *p, size_t size)
{
	for (int advice = 0; advice <= 25; advice++)
		if (advice <= MADV_DONTNEED || advice >= 8)
			say("advice", "%d: %s", advice,
				madvise(p, size, advice) ? errno_name(errno) : "ok");
}

static void vdso_parts(void)
{
	parts("vdso", vdso, vdso_size);
	advise(vdso, vdso_size);
}

static void vvar_parts(void)
{
	parts("vvar", vvar, vvar_size);
	advise(vvar, vvar_size);
}

/* A system call that needs no vDSO. */
static long call(long nr, long a, long b)
{
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "0"(nr), "b"(a), "c"(b) : "memory");
	return result;
}

static void without(void)
{
	long result = call(SYS_munmap, (long)vdso, vdso_size);

	call(SYS_exit, result ? 1 : 42, 0);
}

static void without_data(void)
{
	int memory = open("/proc/self/mem", O_RDONLY);
	char byte;

	answer("mem.vdso", pread64(memory, &byte, 1, (uintptr_t)vdso));
	answer("mem.vvar", pread64(memory, &byte, 1, (uintptr_t)vvar));
	answer("munmap.into_vdso", munmap(vvar, vvar_size + PAGE));
	answer("munmap.tail_into_vdso", munmap(vvar + vvar_size - PAGE, PAGE + vdso_size));
	answer("lines", map_lines(vvar, vvar_size + vdso_size));
	answer("vvar.munmap", munmap(vvar, vvar_size));
	answer("vvar.lines", map_lines(vvar, vvar_size));
}

/* What programs use of both is no matter of theirs. */
static void known(const char *name, char *p, size_t size)
{
	unsigned char there[4] = {0};
	bool all = true;

	answer(name, mincore(p, size, there));
	for (size_t i = 0; i < size / PAGE; i++)
		all = all && there[i] == 1;
	say(name, all ? "all there" : "not all there");
}

/* Data of the kernel's, which only the program itself can read. */
static void not_ours(void)
{
	int pipes[2];

	known("vvar.mincore", vvar, vvar_size);
	known("vdso.mincore", vdso, vdso_size);
	say("vvar.read", "%s", try_read(vvar));
	say("vvar.smaps", "%ld %ld", smaps_value(getpid(), vvar, "Rss:"),
		smaps_value(getpid(), vvar, "Pss:"));
	say("vdso.smaps", "%ld kB, %ld dirty", smaps_value(getpid(), vdso, "Rss:"),
		smaps_value(getpid(), vdso, "Shared_Dirty:") +
			smaps_value(getpid(), vdso, "Private_Dirty:"));
	memset(map_anon(256 * PAGE), 1, 256 * PAGE); /* Linux counts late */
	say("counted", "%ld kB of files", status_value("RssFile"));
	if (pipe(pipes))
		die("pipe");
	answer("vvar.write", write(pipes[1], vvar, 8));
}

/* Below everything else. Afterwards it is a whole still. */
static void moved(void)
{
	int where = MREMAP_MAYMOVE | MREMAP_FIXED;

	if (mremap(vvar, vvar_size, vvar_size, where, FREE_AREA) != FREE_AREA)
		die("mremap");
	answer("moved.munmap", munmap(FREE_AREA, PAGE));
	answer("moved.mprotect", mprotect(FREE_AREA, PAGE, PROT_NONE));
	answer("moved.lines", map_lines(FREE_AREA, vvar_size));
}

/* The kernel's way back from a system call is in there. */
static void unreadable(void)
{
	long result = call(SYS_mprotect, (long)vdso, vdso_size);

	call(SYS_exit, result ? 1 : 43, 0);
}

int main(void)
{
	find();
	say("vvar", "%s vdso", vvar + vvar_size == vdso ? "below" : "away from");
	answer_status("vdso.parts", in_child(vdso_parts));
	answer_status("vvar.parts", in_child(vvar_parts));
	answer_status("vvar.kernels", in_child(not_ours));
	answer_status("vdso.munmap", in_child(without));
	answer_status("vvar.munmap", in_child(without_data));
	answer_status("vvar.moved", in_child(moved));
	answer_status("vdso.prot_none", in_child(unreadable));
	return test_failed;
}
