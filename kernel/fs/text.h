/*
 * Text that a file generates when it is read: a growing buffer to print into, and the file
 * operation that serves it.
 *
 * Printing never fails at the call: a text that ran out of memory remembers it, and the read then
 * answers -ENOMEM.
 */
#ifndef FS_TEXT_H
#define FS_TEXT_H

#include "kernel/lib/types.h"
#include "mm/object.h"

struct file;

struct text {
	char *buf; /* vmalloc()ed beyond a few pages, else kmalloc()ed */
	size_t len, cap;
	int error; /* -ENOMEM: printing has failed */
};

/* Append, as long as `error` is 0. */
void text_printf(struct text *t, const char *fmt, ...) __printf(2, 3);
void text_put(struct text *t, const char *s, size_t n);
void text_puts(struct text *t, const char *s);
/* A line: the label, a number of up to eight digits that ends at this column, and " kB". A longer
 * number pushes the column. */
void text_kb(struct text *t, const char *label, u32 column, u32 kb);
/* As the last one, with space, tab, newline and backslash as \ooo: paths in /proc/mounts. */
void text_puts_escaped(struct text *t, const char *s);
void text_free(struct text *t); /* empties it; may be used again */

/*
 * A file whose text is made anew by every read at position 0 and kept for the reads that follow.
 *
 *     f->private = text_file_create(show, arg);      in open
 *     .read = text_file_read, .seek = file_seek_endless, .release = text_file_release
 *
 * `show` returns 0 or a negative errno that the read returns.
 */
typedef int (*text_show_fn)(struct text *t, void *arg);

void *text_file_create(text_show_fn show, void *arg) __must_check;

/*
 * A long text is made in parts of about TEXT_PART bytes, as far as it is read. `show` prints one
 * from the record that *cursor means (0: the first) and leaves there where to go on, or TEXT_END.
 * What the records tell of may change between two parts.
 */
#define TEXT_PART 4096u
#define TEXT_END  (~0u)
typedef int (*text_part_fn)(struct text *t, void *arg, u32 *cursor);

void *text_file_create_parts(text_part_fn show, void *arg) __must_check;
/* The operations of a file whose `private` one of the two has made, and the `arg` it was given. */
void *text_file_arg(struct file *f);
ssize_k text_file_read(struct file *f, struct iobuf *to, size_t n, u64 *pos);
void text_file_release(struct file *f);

#endif
