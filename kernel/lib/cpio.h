/*
 * Reading "newc" cpio archives (cpio(5), and the buffer format of Linux's initramfs) out of memory.
 * Pure. Every number is checked against the end of the buffer before it is used; the archive
 * itself is never written to.
 *
 * The buffer may hold several archives, one behind the other, with zeroes between them.
 */
#ifndef LIB_CPIO_H
#define LIB_CPIO_H

#include "kernel/lib/types.h"

#define CPIO_NAME_MAX 4096u /* with its NULs */

struct cpio {
	const u8 *buf;
	size_t size, at;   /* at: where the next header, padding or the end is */
	u32 entries;       /* returned so far */
	const char *error; /* after CPIO_ERROR: what is wrong, in a few words */
	size_t error_at;   /* ... and where: the header's offset */
};

struct cpio_entry {
	const char *name; /* terminated; leading "/" and "./" removed, "" for the root */
	u32 ino, mode, uid, gid, nlink, mtime;
	u32 dev_major, dev_minor;   /* of the archived file: with ino, which links are the same */
	u32 rdev_major, rdev_minor; /* of a device node */
	const u8 *data;
	u32 size;
	size_t header_at; /* offset of the header */
};

enum cpio_status { CPIO_ENTRY, CPIO_TRAILER, CPIO_END, CPIO_ERROR };

void cpio_init(struct cpio *c, const void *buf, size_t size);

/* Moves to the next byte that is not padding: where an archive may begin. */
void cpio_skip_zeroes(struct cpio *c);

/*
 * The next entry. CPIO_TRAILER: an archive ended (links do not reach across it), maybe another
 * follows. CPIO_END: the buffer is used up. After CPIO_ERROR it must not be called again.
 */
enum cpio_status cpio_next(struct cpio *c, struct cpio_entry *e);

#endif
