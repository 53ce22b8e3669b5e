/* The C library functions the compiler may call by itself, and the few string ones we use.
 * memcpy and memset are in kernel/x86 (rep string or SSE2); the rest are pure. */
#ifndef LIB_STRING_H
#define LIB_STRING_H

#include "kernel/lib/types.h"

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int c, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *s, const char *sub);

/* Copies at most size-1 bytes and always terminates. Returns strlen(src); a result >= size says
 * that the copy was cut. */
size_t strlcpy(char *dst, const char *src, size_t size);

/* Shell glob with `*`, `?` and `[...]` over the whole of `s`; a comma separates alternatives. */
bool glob_match(const char *pattern, const char *s);

#endif
