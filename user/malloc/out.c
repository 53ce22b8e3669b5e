/*
 * Text for reports, and the last line of a program that misused the heap.
 */
#include <stdarg.h>
#include "core.h"
#include "out.h"

void out_flush(struct out *o)
{
	if (o->sink)
		o->sink(o->arg, o->text, o->n);
	else
		os_write(o->fd, o->text, o->n);
	o->n = 0;
}

static void out_char(struct out *o, char c)
{
	if (o->n == sizeof(o->text))
		out_flush(o);
	o->text[o->n++] = c;
}

void out_string(struct out *o, const char *s)
{
	while (*s)
		out_char(o, *s++);
}

static void out_digits(struct out *o, size_t v, unsigned base, unsigned width)
{
	char digits[24];
	unsigned n = 0;

	do
		digits[n++] = "0123456789abcdef"[v % base];
	while (v /= base);
	for (; width > n; width--)
		out_char(o, ' ');
	while (n)
		out_char(o, digits[--n]);
}

void out_number(struct out *o, size_t v, unsigned width)
{
	out_digits(o, v, 10, width);
}

void out_hex(struct out *o, uintptr_t v)
{
	out_string(o, "0x");
	out_digits(o, v, 16, 0);
}

void out_format(struct out *o, const char *f, ...)
{
	va_list args;

	va_start(args, f);
	for (; *f; f++) {
		if (*f != '%') {
			out_char(o, *f);
			continue;
		}
		switch (*++f) {
		case 's':
			out_string(o, va_arg(args, const char *));
			break;
		case 'z':
			out_number(o, va_arg(args, size_t), 0);
			break;
		case 'w':
			out_number(o, va_arg(args, size_t), 10);
			break;
		case 'p':
			out_hex(o, va_arg(args, uintptr_t));
			break;
		default:
			out_char(o, *f);
		}
	}
	va_end(args);
}

void die(const char *what, const void *addr)
{
	struct out o = {.fd = 2};

	out_format(&o, "tmalloc: %s: %p\n", what, (uintptr_t)addr);
	out_flush(&o);
	os_abort();
}

void *die_of_write(const struct block *b)
{
	die("use after free: a freed block was written to", b);
}

void die_of_double_free(const struct block *b)
{
	die("double free", b);
}
