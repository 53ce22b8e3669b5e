/*
 * Text for reports, written without stdio: the heap may be what is broken.
 */
#ifndef TMALLOC_OUT_H
#define TMALLOC_OUT_H

#include "glue.h"

struct out {
	int fd;
	void (*sink)(void *arg, const char *text, size_t len); /* instead of fd */
	void *arg;
	size_t n;
	char text[1000];
};

void out_flush(struct out *o);
void out_string(struct out *o, const char *s);
void out_number(struct out *o, size_t v, unsigned width);
void out_hex(struct out *o, uintptr_t v);
/* @format knows %s, %z (size_t), %w (size_t, 10 columns) and %p. */
void out_format(struct out *o, const char *format, ...);

#endif
