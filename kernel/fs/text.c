/* Text that a file generates when it is read. */
#include "kernel/fs/text.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "mm/kmalloc.h"
#include "mm/vmalloc.h"

#define SMALL 4096u /* larger buffers come from vmalloc: no contiguous frames are needed */

static char *buffer_alloc(size_t n)
{
	return n <= SMALL ? kmalloc(n) : vmalloc(n);
}

static void buffer_free(char *p, size_t n)
{
	if (n <= SMALL)
		kfree(p);
	else
		vfree(p);
}

/* A larger buffer, with room for n more bytes. */
static __noinline bool grow(struct text *t, size_t n)
{
	size_t cap = t->cap ? t->cap : 512;
	char *bigger;

	if (t->error)
		return false;
	while (cap < t->len + n)
		cap *= 2;
	bigger = buffer_alloc(cap);
	if (!bigger) {
		t->error = -ENOMEM;
		return false;
	}
	if (t->buf)
		memcpy(bigger, t->buf, t->len);
	buffer_free(t->buf, t->cap);
	t->buf = bigger;
	t->cap = cap;
	return true;
}

/* n more bytes, to be filled in, or NULL. */
static char *extend(struct text *t, size_t n)
{
	char *at;

	if (t->cap - t->len < n && !grow(t, n))
		return NULL;
	at = t->buf + t->len;
	t->len += n;
	return at;
}

void text_put(struct text *t, const char *s, size_t n)
{
	char *at = extend(t, n);

	if (at)
		memcpy(at, s, n);
}

static void text_sink(void *ctx, const char *s, size_t n)
{
	text_put(ctx, s, n);
}

void text_printf(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fmt_v(text_sink, t, fmt, ap);
	va_end(ap);
}

void text_puts(struct text *t, const char *s)
{
	text_put(t, s, strlen(s));
}

void text_kb(struct text *t, const char *label, u32 column, u32 kb)
{
	char *line;

	column += (kb > 99999999) + (kb > 999999999);
	line = extend(t, column + 4);
	if (!line)
		return;
	memset(line, ' ', column);
	fmt_decimal(line + column, kb);
	memcpy(line + column, " kB\n", 4);
	while (*label)
		*line++ = *label++;
}

void text_puts_escaped(struct text *t, const char *s)
{
	for (; *s; s++) {
		if (strchr(" \t\n\\", *s))
			text_printf(t, "\\%03o", (u8)*s);
		else
			text_put(t, s, 1);
	}
}

void text_free(struct text *t)
{
	buffer_free(t->buf, t->cap);
	*t = (struct text){0};
}

/* --- Files --- */

struct text_file {
	struct text text; /* the part that begins at position `start` */
	u64 start;
	u32 cursor;       /* of the next part */
	bool made;        /* there has been a first one */
	text_show_fn show;
	text_part_fn show_part; /* NULL: show() makes it whole */
	void *arg;
};

static void *create(text_show_fn show, text_part_fn show_part, void *arg)
{
	struct text_file *tf = kmalloc(sizeof(*tf));

	if (tf)
		*tf = (struct text_file){.show = show, .show_part = show_part, .arg = arg};
	return tf;
}

void *text_file_create(text_show_fn show, void *arg)
{
	return create(show, NULL, arg);
}

void *text_file_create_parts(text_part_fn show, void *arg)
{
	return create(NULL, show, arg);
}

void *text_file_arg(struct file *f)
{
	struct text_file *tf = f->private;

	return tf->arg;
}

static void rewind_text(struct text_file *tf)
{
	text_free(&tf->text);
	tf->start = 0;
	tf->cursor = 0;
	tf->made = true;
}

static int next_part(struct text_file *tf)
{
	int err;

	tf->start += tf->text.len;
	tf->text.len = 0;
	if (tf->show_part) {
		err = tf->show_part(&tf->text, tf->arg, &tf->cursor);
	} else {
		err = tf->show(&tf->text, tf->arg);
		tf->cursor = TEXT_END;
	}
	return err ? err : tf->text.error;
}

/* Makes the part that has position `pos`. */
static int seek_part(struct text_file *tf, u64 pos)
{
	int err;

	while (pos >= tf->start + tf->text.len && tf->cursor != TEXT_END) {
		err = next_part(tf);
		if (err) {
			text_free(&tf->text);
			tf->made = false;
			return err;
		}
	}
	return 0;
}

ssize_k text_file_read(struct file *f, struct iobuf *to, size_t n, u64 *pos)
{
	struct text_file *tf = f->private;
	size_t done = 0;

	if (*pos == 0 || *pos < tf->start || !tf->made)
		rewind_text(tf);
	while (done < n) {
		int err = seek_part(tf, *pos);
		u64 end = tf->start + tf->text.len;
		size_t some, left;

		if (err)
			return done ? (ssize_k)done : err;
		if (*pos >= end)
			break;
		some = (size_t)MIN((u64)(n - done), end - *pos);
		left = iobuf_put(to, tf->text.buf + (size_t)(*pos - tf->start), some);
		done += some - left;
		*pos += some - left;
		if (left)
			return done ? (ssize_k)done : -EFAULT;
	}
	return (ssize_k)done;
}

void text_file_release(struct file *f)
{
	struct text_file *tf = f->private;

	text_free(&tf->text);
	kfree(tf);
}
