/*
 * printf formatting. A conversion is read into a struct spec, turned into at most three pieces
 * (prefix such as a sign or 0x, leading zeroes, text), and the pieces are put into the field.
 */
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"

const char *(*fmt_symboliser)(u32 addr, u32 *offset);

/* What is produced gathers in a buffer, which the sink gets when it is full and at the end. */
struct out {
	void (*sink)(void *ctx, const char *s, size_t n);
	void *ctx;
	size_t passed_on; /* bytes that the sink has had */
	char *at;	  /* where the next byte goes */
	char buf[128];
};

enum { LEFT = 1, ZERO = 2, ALT = 4, PLUS = 8, SPACE = 16 }; /* flags - 0 # + and blank */

struct spec {
	u32 flags;
	int width;
	int precision; /* -1: none given */
	enum { LEN_CHAR, LEN_SHORT, LEN_INT, LEN_LONG, LEN_LLONG, LEN_SIZE } length;
};

/* The pieces of one conversion, in the order they appear. */
struct pieces {
	char prefix[3];
	u32 prefix_len;
	u32 zeroes;
	const char *text;
	size_t len;
};

/* Octal digits of a u64. */
#define DIGITS_MAX 22

static __noinline void flush(struct out *o)
{
	size_t n = (size_t)(o->at - o->buf);

	if (n)
		o->sink(o->ctx, o->buf, n);
	o->passed_on += n;
	o->at = o->buf;
}

/* How many of n bytes can be written at once: not 0. */
static __forceinline size_t room_for(struct out *o, size_t n)
{
	char *end = o->buf + sizeof(o->buf);

	if (unlikely(o->at == end))
		flush(o);
	return MIN(n, (size_t)(end - o->at));
}

static __forceinline void emit_char(struct out *o, char c)
{
	room_for(o, 1);
	*o->at++ = c;
}

static __forceinline void emit(struct out *o, const char *s, size_t n)
{
	for (size_t part; n; n -= part, s += part, o->at += part) {
		part = room_for(o, n);
		memcpy(o->at, s, part);
	}
}

static __forceinline void emit_repeated(struct out *o, char c, size_t n)
{
	for (size_t part; n; n -= part, o->at += part) {
		part = room_for(o, n);
		memset(o->at, c, part);
	}
}

static void emit_field(struct out *o, const struct spec *s, const struct pieces *p)
{
	size_t len = p->prefix_len + p->zeroes + p->len;
	size_t pad = s->width > 0 && (size_t)s->width > len ? (size_t)s->width - len : 0;

	if (!(s->flags & LEFT))
		emit_repeated(o, ' ', pad);
	emit(o, p->prefix, p->prefix_len);
	emit_repeated(o, '0', p->zeroes);
	emit(o, p->text, p->len);
	if (s->flags & LEFT)
		emit_repeated(o, ' ', pad);
}

/* Writes the digits so that they end at `end`; returns where they start. */
static char *digits(char *end, u64 v, u32 base, bool upper)
{
	const char *set = upper ? "0123456789ABCDEF" : "0123456789abcdef";

	for (; v >> 32; v /= base)
		*--end = set[v % base];
	for (u32 low = (u32)v; low; low /= base)
		*--end = set[low % base];
	return end;
}

char *fmt_decimal(char *end, u64 v)
{
	u32 low;

	for (; v >> 32; v /= 10)
		*--end = (char)('0' + v % 10);
	low = (u32)v;
	do
		*--end = (char)('0' + low % 10);
	while (low /= 10);
	return end;
}

char *fmt_hex(char *end, u32 v, u32 digits)
{
	for (char *least = end - digits; end > least || v; v >>= 4)
		*--end = "0123456789abcdef"[v % 16];
	return end;
}

static void emit_decimal(struct out *o, u32 v)
{
	char digits[DIGITS_MAX], *end = digits + sizeof(digits), *at = fmt_decimal(end, v);

	emit(o, at, (size_t)(end - at));
}

static void prefix_add(struct pieces *p, char c)
{
	p->prefix[p->prefix_len++] = c;
}

static void fmt_number(struct out *o, const struct spec *s, u64 v, char conv, bool negative)
{
	char buf[DIGITS_MAX];
	u32 base = conv == 'x' || conv == 'X' ? 16 : conv == 'o' ? 8 : 10;
	u32 want = s->precision < 0 ? 1 : (u32)s->precision;
	struct pieces p = {0};

	p.text = digits(buf + sizeof(buf), v, base, conv == 'X');
	p.len = (size_t)(buf + sizeof(buf) - p.text);
	if (negative)
		prefix_add(&p, '-');
	else if (s->flags & PLUS)
		prefix_add(&p, '+');
	else if (s->flags & SPACE)
		prefix_add(&p, ' ');
	if ((s->flags & ALT) && base == 16 && v) {
		prefix_add(&p, '0');
		prefix_add(&p, conv);
	}
	if ((s->flags & ALT) && base == 8 && want <= p.len)
		want = (u32)p.len + 1;
	if ((s->flags & (ZERO | LEFT)) == ZERO && s->precision < 0 && s->width > 0)
		want = MAX(want, (u32)s->width - MIN((u32)s->width, p.prefix_len));
	if (want > p.len)
		p.zeroes = want - (u32)p.len;
	emit_field(o, s, &p);
}

static void fmt_string(struct out *o, const struct spec *s, const char *text)
{
	struct pieces p = {.text = text ? text : "(null)"};

	p.len = s->precision < 0 ? strlen(p.text) : strnlen(p.text, (size_t)s->precision);
	emit_field(o, s, &p);
}

static void fmt_char(struct out *o, const struct spec *s, char c)
{
	struct pieces p = {.text = &c, .len = 1};

	emit_field(o, s, &p);
}

static void fmt_pointer(struct out *o, const struct spec *s, uintptr_t v)
{
	char buf[DIGITS_MAX];
	struct pieces p = {.prefix = "0x", .prefix_len = 2};

	p.text = digits(buf + sizeof(buf), v, 16, false);
	p.len = (size_t)(buf + sizeof(buf) - p.text);
	p.zeroes = 2 * sizeof(void *) - (u32)p.len;
	emit_field(o, s, &p);
}

/* symbol+0x12, or the bare address where there is no symbol. */
static void fmt_symbol(struct out *o, const struct spec *s, uintptr_t v)
{
	u32 offset = 0;
	const char *name = fmt_symboliser ? fmt_symboliser((u32)v, &offset) : NULL;
	char buf[96];

	if (!name) {
		fmt_pointer(o, s, v);
		return;
	}
	scnprintf(buf, sizeof(buf), "%s+0x%x", name, offset);
	fmt_string(o, s, buf);
}

static s64 signed_arg(const struct spec *s, va_list *ap)
{
	switch (s->length) {
	case LEN_CHAR:
		return (s8)va_arg(*ap, int);
	case LEN_SHORT:
		return (s16)va_arg(*ap, int);
	case LEN_LONG:
	case LEN_SIZE:
		return va_arg(*ap, long);
	case LEN_LLONG:
		return va_arg(*ap, long long);
	default:
		return va_arg(*ap, int);
	}
}

static u64 unsigned_arg(const struct spec *s, va_list *ap)
{
	switch (s->length) {
	case LEN_CHAR:
		return (u8)va_arg(*ap, unsigned int);
	case LEN_SHORT:
		return (u16)va_arg(*ap, unsigned int);
	case LEN_LONG:
	case LEN_SIZE:
		return va_arg(*ap, unsigned long);
	case LEN_LLONG:
		return va_arg(*ap, unsigned long long);
	default:
		return va_arg(*ap, unsigned int);
	}
}

static const char *parse_flags(const char *f, struct spec *s)
{
	static const u8 flags[] = {
		['-' - ' '] = LEFT,
		['0' - ' '] = ZERO,
		['#' - ' '] = ALT,
		['+' - ' '] = PLUS,
		[' ' - ' '] = SPACE,
	};
	u32 i;

	while ((i = (u32)*f - ' ') < sizeof(flags) && flags[i]) {
		s->flags |= flags[i];
		f++;
	}
	return f;
}

/* A width or precision: digits, or `*` for the next argument. */
static const char *parse_count(const char *f, int *count, va_list *ap)
{
	if (*f == '*') {
		*count = va_arg(*ap, int);
		return f + 1;
	}
	for (*count = 0; *f >= '0' && *f <= '9'; f++)
		*count = *count * 10 + (*f - '0');
	return f;
}

static const char *parse_length(const char *f, struct spec *s)
{
	s->length = LEN_INT;
	if (*f == 'h') {
		s->length = f[1] == 'h' ? LEN_CHAR : LEN_SHORT;
		return f + 1 + (f[1] == 'h');
	}
	if (*f == 'l') {
		s->length = f[1] == 'l' ? LEN_LLONG : LEN_LONG;
		return f + 1 + (f[1] == 'l');
	}
	if (*f == 'z') {
		s->length = LEN_SIZE;
		return f + 1;
	}
	return f;
}

/* Reads from behind the `%` up to the conversion character. */
static const char *parse_spec(const char *f, struct spec *s, va_list *ap)
{
	*s = (struct spec){.precision = -1};
	f = parse_flags(f, s);
	f = parse_count(f, &s->width, ap);
	if (s->width < 0) {
		s->flags |= LEFT;
		s->width = -s->width;
	}
	if (*f == '.')
		f = parse_count(f + 1, &s->precision, ap);
	return parse_length(f, s);
}

/* One conversion, whose character is at `f`. Returns where the plain text goes on. */
static const char *convert(struct out *o, struct spec *s, const char *f, va_list *ap)
{
	s64 v;

	switch (*f) {
	case 'd':
	case 'i':
		v = signed_arg(s, ap);
		fmt_number(o, s, v < 0 ? -(u64)v : (u64)v, *f, v < 0);
		return f + 1;
	case 'u':
	case 'x':
	case 'X':
	case 'o':
		s->flags &= ~(u32)(PLUS | SPACE);
		fmt_number(o, s, unsigned_arg(s, ap), *f, false);
		return f + 1;
	case 'c':
		fmt_char(o, s, (char)va_arg(*ap, int));
		return f + 1;
	case 's':
		fmt_string(o, s, va_arg(*ap, const char *));
		return f + 1;
	case 'p':
		if (f[1] == 'S') {
			fmt_symbol(o, s, (uintptr_t)va_arg(*ap, void *));
			return f + 2;
		}
		fmt_pointer(o, s, (uintptr_t)va_arg(*ap, void *));
		return f + 1;
	case '%':
		emit_char(o, '%');
		return f + 1;
	default: /* unknown: shown as it stands, so that the mistake is seen */
		emit_char(o, '%');
		return f;
	}
}

size_t fmt_v(void (*sink)(void *ctx, const char *s, size_t n), void *ctx, const char *f, va_list ap)
{
	struct out o;
	struct spec s;
	va_list args; /* a parameter of an array type could not be passed by address */

	o.sink = sink;
	o.ctx = ctx;
	o.passed_on = 0;
	o.at = o.buf;
	va_copy(args, ap);
	for (;;) {
		const char *plain = f;

		while (*f && *f != '%')
			f++;
		emit(&o, plain, (size_t)(f - plain));
		if (!*f)
			break;
		if (f[1] == 'u') { /* as most are: no flags, no width */
			emit_decimal(&o, va_arg(args, u32));
			f += 2;
			continue;
		}
		f = parse_spec(f + 1, &s, &args);
		f = convert(&o, &s, f, &args);
	}
	va_end(args);
	flush(&o);
	return o.passed_on;
}

struct buffer {
	char *at, *end; /* the end is the byte kept for the NUL */
};

static void buffer_sink(void *ctx, const char *s, size_t n)
{
	struct buffer *b = ctx;
	size_t room = (size_t)(b->end - b->at);

	n = MIN(n, room);
	memcpy(b->at, s, n);
	b->at += n;
}

int vsnprintf(char *buf, size_t size, const char *f, va_list ap)
{
	char none; /* takes the NUL where there is no room for it */
	struct buffer b = {.at = size ? buf : &none, .end = size ? buf + size - 1 : &none};
	size_t n = fmt_v(buffer_sink, &b, f, ap);

	*b.at = '\0';
	return (int)n;
}

int snprintf(char *buf, size_t size, const char *f, ...)
{
	va_list ap;
	int n;

	va_start(ap, f);
	n = vsnprintf(buf, size, f, ap);
	va_end(ap);
	return n;
}

int scnprintf(char *buf, size_t size, const char *f, ...)
{
	va_list ap;
	int n;

	va_start(ap, f);
	n = vsnprintf(buf, size, f, ap);
	va_end(ap);
	if (size == 0)
		return 0;
	return MIN(n, (int)size - 1);
}
