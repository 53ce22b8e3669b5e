/*
 * Linux under the allocator: brk by sbrk() (the C library keeps the break, and programs that move
 * it themselves use sbrk() too), the rest by system calls.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "core.h"

#define FUTEX_WAIT_PRIVATE 128
#define FUTEX_WAKE_PRIVATE 129
#define POPULATE_WRITE	   23 /* MADV_POPULATE_WRITE, Linux 5.14 */
#define SPINS		   100

/* glibc's, where there is one. */
void _IO_list_lock(void) __attribute__((weak));
void _IO_list_unlock(void) __attribute__((weak));

/* The system call itself: glibc's mmap() and musl's take offsets of different widths, and the
 * static library serves both. */
#ifdef SYS_mmap2
#define MMAP SYS_mmap2
#else
#define MMAP SYS_mmap
#endif

void *os_map(size_t len)
{
	int saved = errno;
	long p = syscall(
		MMAP, NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0L);

	errno = saved;
	return p == -1 ? NULL : (void *)p;
}

void os_unmap(void *addr, size_t len)
{
	int saved = errno;

	/* A hole in a mapping can be one mapping too many; then at least the memory goes. */
	if (munmap(addr, len))
		madvise(addr, len, MADV_DONTNEED);
	errno = saved;
}

void *os_remap(void *addr, size_t old_len, size_t new_len)
{
	int saved = errno;
	void *p = mremap(addr, old_len, new_len, MREMAP_MAYMOVE);

	errno = saved;
	return p == MAP_FAILED ? NULL : p;
}

/* musl's sbrk() only tells where the break is; the system call moves it. */
static void *move_break(intptr_t increment)
{
	long from = syscall(SYS_brk, 0), to;

	if (__builtin_add_overflow(from, (long)increment, &to) || syscall(SYS_brk, to) != to)
		return NULL;
	return (void *)from;
}

void *os_brk(intptr_t increment)
{
	int saved = errno;
	void *p = sbrk(increment);

	if (p == (void *)-1)
		p = move_break(increment);
	errno = saved;
	return p;
}

bool os_purge(void *addr, size_t len)
{
	int saved = errno;
	bool done = !madvise(addr, len, MADV_DONTNEED);

	errno = saved;
	return done;
}

void os_populate(void *addr, size_t len)
{
	static bool refused;
	int saved = errno;

	if (!refused && madvise(addr, len, POPULATE_WRITE))
		refused = true;
	errno = saved;
}

void os_huge(void *addr, size_t len, bool huge)
{
	int saved = errno;

	madvise(addr, len, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	errno = saved;
}

void os_protect(void *addr, size_t len, bool access)
{
	int saved = errno;

	mprotect(addr, len, access ? PROT_READ | PROT_WRITE : PROT_NONE);
	errno = saved;
}

uint32_t os_seconds(void)
{
	struct timespec t;

	return clock_gettime(CLOCK_MONOTONIC_COARSE, &t) ? 0 : (uint32_t)t.tv_sec;
}

/* Mixed, for what the kernel gives is the C library's guard words too. No clock: two page faults in
 * each process would be its price. */
uintptr_t os_random(void)
{
	const void *random = (const void *)getauxval(AT_RANDOM);
	uintptr_t v[2] = {0};

	if (random)
		memcpy(v, random, sizeof(v));
	return (v[0] ^ (uintptr_t)&heap) * (uintptr_t)0x9e3779b97f4a7c15 + (v[1] >> 7);
}

/* The system calls themselves, which are no cancellation points: a lock may be held. */
void os_write(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = syscall(SYS_write, fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		text += n;
		len -= n;
	}
}

int os_create(const char *path)
{
	return syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
}

void os_close(int fd)
{
	syscall(SYS_close, fd);
}

void os_abort(void)
{
	abort();
}

void os_lock_wait(int *word)
{
	int saved = errno;

	for (int i = 0; i < SPINS; i++) {
		int zero = 0;

		if (__atomic_compare_exchange_n(
			    word, &zero, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return;
		__builtin_ia32_pause();
	}
	while (__atomic_exchange_n(word, 2, __ATOMIC_ACQUIRE))
		syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, 2, NULL, NULL, 0);
	errno = saved;
}

void os_lock_wake(int *word)
{
	int saved = errno;

	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	errno = saved;
}

/* --- fork() --------------------------------------------------------------------------------- */

static bool fork_locked;

/* A process with one thread takes no lock: it may fork from a signal handler that came in the
 * middle of malloc(), and its locks are as good in the child. With more threads, stdio's list of
 * files comes first: glibc takes it after the handlers, and who holds it may wait for a thread
 * that wants memory. */
static void before_fork(void)
{
	fork_locked = !os_single_threaded();
	if (!fork_locked)
		return;
	if (_IO_list_lock)
		_IO_list_lock();
	fork_prepare();
}

static void after_fork_parent(void)
{
	if (!fork_locked)
		return;
	fork_parent();
	if (_IO_list_unlock)
		_IO_list_unlock();
}

/* glibc has made stdio's locks new. */
static void after_fork_child(void)
{
	if (fork_locked)
		fork_child();
}

/* --- Beginning and end ---------------------------------------------------------------------- */

static void thread_exit(void *unused)
{
	(void)unused;
	cache_thread_exit();
}

static pthread_key_t exit_key;
static bool exit_key_made;

/* With the process's first block, or before main(). So the key is one of the first, which live in
 * the thread's own structure: to set one needs no memory. And the handlers are among the first:
 * before a fork they run after those of other libraries, which may hold locks while they want
 * memory. */
static void first_block(void)
{
	exit_key_made = !pthread_key_create(&exit_key, thread_exit);
	pthread_atfork(before_fork, after_fork_parent, after_fork_child);
}

void os_thread_register(void)
{
	static bool begun;

	/* musl's pthread_atfork() wants a block, and comes here again. */
	if (!__atomic_exchange_n(&begun, true, __ATOMIC_RELAXED))
		first_block();
	if (exit_key_made)
		pthread_setspecific(exit_key, &tcache);
}

/* As little as can be: most processes are short, and many need no memory. */
__attribute__((constructor)) static void start(void)
{
	os_thread_register();
	debug_options(secure_getenv("TMALLOC_OPTIONS"));
}

__attribute__((destructor)) static void finish(void)
{
	debug_at_exit();
}
