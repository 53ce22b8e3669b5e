/*
 * The allocator's names in the unit tests, which keep the C library's own for themselves.
 */
#ifndef TESTS_MALLOC_NAMES_H
#define TESTS_MALLOC_NAMES_H

#include <stddef.h>
#include <stdio.h>

void *tm_malloc(size_t size);
void tm_free(void *p);
void *tm_calloc(size_t n, size_t each);
void *tm_realloc(void *p, size_t size);
void *tm_reallocarray(void *p, size_t n, size_t each);
void *tm_memalign(size_t align, size_t size);
void *tm_aligned_alloc(size_t align, size_t size);
int tm_posix_memalign(void **p, size_t align, size_t size);
void *tm_valloc(size_t size);
void *tm_pvalloc(size_t size);
size_t tm_malloc_usable_size(void *p);
int tm_malloc_trim(size_t pad);
int tm_mallopt(int what, int value);
int tm_malloc_info(int options, FILE *f);

#endif
