/*
 * The world under the allocator. The core asks for memory, time and locks through these few calls
 * and makes no system call of its own; glue_linux.c answers them for programs, the tests' glue for
 * the unit tests, which refuse memory on purpose.
 */
#ifndef TMALLOC_GLUE_H
#define TMALLOC_GLUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Fresh zeroed pages, anywhere; NULL when there are none. @len is a multiple of the page size. */
void *os_map(size_t len);
void os_unmap(void *addr, size_t len);
/* Grow or shrink a mapping, which may move; NULL leaves it as it was. */
void *os_remap(void *addr, size_t old_len, size_t new_len);
/* As sbrk(): the old end of the heap, or NULL when it cannot move. */
void *os_brk(intptr_t increment);
/* Forget what the pages hold; they read as zero when they are next used, unless it is false. */
bool os_purge(void *addr, size_t len);
/* Give the pages memory now, in one call instead of one fault each; may do nothing. */
void os_populate(void *addr, size_t len);
/* Whether faults may bring huge pages, if the system has any. */
void os_huge(void *addr, size_t len, bool huge);
/* No access, or read and write again. */
void os_protect(void *addr, size_t len, bool access);
/* Seconds of a clock that only needs to be coarse. */
uint32_t os_seconds(void);
/* Bits that an attacker cannot guess. */
uintptr_t os_random(void);
/* Write @len bytes of a report to file descriptor @fd. */
void os_write(int fd, const char *text, size_t len);
/* A file for a report, or -1. */
int os_create(const char *path);
void os_close(int fd);
_Noreturn void os_abort(void);
/* Call the allocator's thread_exit() when the calling thread ends. */
void os_thread_register(void);

/* Whether no other thread can be, as far as the C library tells. Never changes between the two ends
 * of what a lock guards: false before pthread_create() makes the second thread, true again at most
 * in the child of a fork, whose locks are made new. */
extern char __libc_single_threaded __attribute__((weak));
static inline bool os_single_threaded(void)
{
	return &__libc_single_threaded && __libc_single_threaded;
}

/* A lock of one word: 0 free, 1 taken, 2 taken and somebody sleeps. */
void os_lock_wait(int *word);
void os_lock_wake(int *word);

#endif
