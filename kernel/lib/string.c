/*
 * Strings and memory blocks, and the glob that selects self-tests and caches. The pragma keeps the
 * compiler from recognising the loop inside, say, strlen() and calling strlen() for it.
 */
#pragma GCC optimize("no-tree-loop-distribute-patterns")

#include "kernel/lib/string.h"

/* A word that may lie anywhere and alias anything. */
typedef u32 word_t __attribute__((aligned(1), may_alias));

void *memmove(void *dst, const void *src, size_t n)
{
	u8 *d = dst;
	const u8 *s = src;

	if ((uintptr_t)d - (uintptr_t)s >= n) { /* also when dst is below src: forwards is safe */
		for (; n >= sizeof(word_t); n -= sizeof(word_t)) {
			*(word_t *)d = *(const word_t *)s;
			d += sizeof(word_t);
			s += sizeof(word_t);
		}
		while (n--)
			*d++ = *s++;
		return dst;
	}
	for (; n >= sizeof(word_t); n -= sizeof(word_t))
		*(word_t *)(d + n - sizeof(word_t)) = *(const word_t *)(s + n - sizeof(word_t));
	while (n--)
		d[n] = s[n];
	return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const u8 *p = a, *q = b;

	while (n >= sizeof(word_t) && *(const word_t *)p == *(const word_t *)q) {
		p += sizeof(word_t);
		q += sizeof(word_t);
		n -= sizeof(word_t);
	}
	for (; n--; p++, q++) {
		if (*p != *q)
			return *p - *q;
	}
	return 0;
}

void *memchr(const void *s, int c, size_t n)
{
	for (const u8 *p = s; n--; p++) {
		if (*p == (u8)c)
			return (void *)p;
	}
	return NULL;
}

size_t strlen(const char *s)
{
	const char *p = s;

	while (*p)
		p++;
	return (size_t)(p - s);
}

size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n])
		n++;
	return n;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (u8)*a - (u8)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n--; a++, b++) {
		if (*a != *b)
			return (u8)*a - (u8)*b;
		if (!*a)
			break;
	}
	return 0;
}

char *strchr(const char *s, int c)
{
	for (;; s++) {
		if (*s == (char)c)
			return (char *)s;
		if (!*s)
			return NULL;
	}
}

char *strrchr(const char *s, int c)
{
	const char *last = NULL;

	for (;; s++) {
		if (*s == (char)c)
			last = s;
		if (!*s)
			return (char *)last;
	}
}

char *strstr(const char *s, const char *sub)
{
	size_t n = strlen(sub);

	for (;; s++) {
		if (!strncmp(s, sub, n))
			return (char *)s;
		if (!*s)
			return NULL;
	}
}

size_t strlcpy(char *dst, const char *src, size_t size)
{
	size_t len = strlen(src);

	if (size) {
		size_t n = MIN(len, size - 1);

		memcpy(dst, src, n);
		dst[n] = '\0';
	}
	return len;
}

/*
 * Matches `c` against the bracket expression that starts behind its `[`, and moves *pattern behind
 * the closing `]`. A `[` that is never closed stands for itself.
 */
static bool match_bracket(const char **pattern, const char *end, char c)
{
	const char *p = *pattern;
	bool negate = p < end && (*p == '!' || *p == '^'), hit = false;
	const char *first = p += negate;

	for (; p < end && (*p != ']' || p == first); p++) {
		if (end - p > 2 && p[1] == '-' && p[2] != ']') {
			hit |= (u8)p[0] <= (u8)c && (u8)c <= (u8)p[2];
			p += 2;
		} else {
			hit |= *p == c;
		}
	}
	if (p >= end)
		return c == '[';
	*pattern = p + 1;
	return hit != negate;
}

/* Matches one pattern character, not `*`, at *pattern against `c`, and moves behind it. */
static bool match_one(const char **pattern, const char *end, char c)
{
	char p = *(*pattern)++;

	if (p == '?')
		return true;
	if (p == '[')
		return match_bracket(pattern, end, c);
	return p == c;
}

/*
 * On a mismatch only the last `*` needs to be tried again, one character longer: what an earlier
 * one could take, the last can too.
 */
static bool match_alternative(const char *p, const char *end, const char *s)
{
	const char *star = NULL, *retry = NULL;

	while (*s || p < end) {
		if (p < end && *p == '*') {
			star = ++p;
			retry = s;
			continue;
		}
		if (*s && p < end && match_one(&p, end, *s)) {
			s++;
			continue;
		}
		if (!star || !*retry)
			return false;
		p = star;
		s = ++retry;
	}
	return true;
}

bool glob_match(const char *pattern, const char *s)
{
	for (;;) {
		const char *end = strchr(pattern, ',');

		if (match_alternative(pattern, end ? end : pattern + strlen(pattern), s))
			return true;
		if (!end)
			return false;
		pattern = end + 1;
	}
}
