/* The memory devices, major 1: null, zero, full, random, urandom, kmsg. */
#include "kernel/fs/vfs.h"
#include "kernel/core/log.h"
#include "kernel/core/random.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "mm/vmalloc.h"

static long seek_nowhere(struct file *f, s64 off, u32 whence, u64 *result)
{
	*result = 0;
	return 0;
}

/* --- null, zero, full --- */

static ssize_k null_read(struct file *f, struct iobuf *to, size_t n, u64 *pos)
{
	return 0;
}

static ssize_k null_write(struct file *f, struct iobuf *from, size_t n, u64 *pos)
{
	return (ssize_k)n;
}

static const struct file_ops null_ops = {
	.read = null_read,
	.write = null_write,
	.seek = seek_nowhere,
	.no_splice = SPLICE_READ,
};

static ssize_k zero_read(struct file *f, struct iobuf *to, size_t n, u64 *pos)
{
	size_t left = iobuf_zero(to, n);

	return left && left == n ? -EFAULT : (ssize_k)(n - left);
}

static int zero_open(struct file *f)
{
	f->backing.zero = true;
	return 0;
}

static const struct file_ops zero_ops = {
	.read = zero_read,
	.write = null_write,
	.seek = seek_nowhere,
	.no_splice = SPLICE_READ | SPLICE_WRITE,
};

static ssize_k full_write(struct file *f, struct iobuf *from, size_t n, u64 *pos)
{
	return -ENOSPC;
}

static const struct file_ops full_ops = {
	.read = zero_read,
	.write = full_write,
	.seek = seek_nowhere,
};

/* --- random, urandom --- */

static ssize_k random_read(struct file *f, struct iobuf *to, size_t n, u64 *pos)
{
	u8 buf[256];
	size_t done, part, left = 0;

	for (done = 0; done < n && !left; done += part - left) {
		if (done && done % 65536 == 0 && signal_pending())
			break;
		part = MIN(n - done, sizeof(buf));
		random_bytes(buf, part);
		left = iobuf_put(to, buf, part);
	}
	return n && !done ? -EFAULT : (ssize_k)done;
}

static ssize_k random_write(struct file *f, struct iobuf *from, size_t n, u64 *pos)
{
	u8 buf[256];
	size_t done, part, left = 0;

	for (done = 0; done < n && !left; done += part - left) {
		part = MIN(n - done, sizeof(buf));
		left = iobuf_get(from, buf, part);
		random_stir(buf, part - left);
	}
	return n && !done ? -EFAULT : (ssize_k)done;
}

/* There is always something to read, so that nothing is ever said. */
static struct list_head *random_async(struct file *f)
{
	static struct list_head files = LIST_HEAD_INIT(files);

	return &files;
}

static const struct file_ops random_ops = {
	.read = random_read,
	.write = random_write,
	.seek = seek_nowhere,
	.async = random_async,
};

/* --- kmsg: a read gives one line of the log as it was at the first read, and the end of file after
 * the last; a write adds a line --- */

struct kmsg {
	u32 seq; /* lines read */
	size_t len;
	char text[];
};

static struct kmsg *kmsg_get(struct file *f)
{
	struct kmsg *k = f->private;
	u32 start = 0;

	if (k)
		return k;
	k = vmalloc(sizeof(*k) + LOG_BUF_SIZE);
	if (!k)
		return NULL;
	k->seq = 0;
	k->len = log_read(k->text, LOG_BUF_SIZE, &start);
	f->private = k;
	return k;
}

/* "[    1.000002] text" is microsecond 1000002. Returns the text behind it. */
static const char *kmsg_time(const char *line, size_t len, u64 *us)
{
	const char *p = line, *end = line + len;

	*us = 0;
	if (p == end || *p != '[')
		return line;
	for (p++; p < end && *p != ']'; p++)
		if (*p >= '0' && *p <= '9')
			*us = *us * 10 + (u32)(*p - '0');
	return p + 2 <= end ? p + 2 : line;
}

/* Linux's record: level, sequence number, time, flags, text. */
static ssize_k kmsg_record(
	const struct kmsg *k, const char *line, size_t len, struct iobuf *to, size_t n)
{
	char head[48];
	u64 us;
	const char *text = kmsg_time(line, len, &us);
	size_t text_len = len - (size_t)(text - line);
	size_t head_len = (size_t)scnprintf(
		head, sizeof(head), "6,%u,%llu,-;", k->seq, (unsigned long long)us);

	if (head_len + text_len + 1 > n)
		return -EINVAL;
	if (iobuf_put(to, head, head_len) || iobuf_put(to, text, text_len) ||
		iobuf_put(to, "\n", 1))
		return -EFAULT;
	return (ssize_k)(head_len + text_len + 1);
}

static ssize_k kmsg_read(struct file *f, struct iobuf *to, size_t n, u64 *pos)
{
	struct kmsg *k = kmsg_get(f);
	const char *line, *end;
	ssize_k done;
	size_t len;

	if (!k)
		return -ENOMEM;
	if (*pos >= k->len)
		return f->flags & O_NONBLOCK ? -EAGAIN : 0;
	line = k->text + *pos;
	end = memchr(line, '\n', k->len - *pos);
	len = end ? (size_t)(end - line) : k->len - *pos;
	done = kmsg_record(k, line, len, to, n);
	if (done > 0) {
		*pos += len + 1;
		k->seq++;
	}
	return done;
}

static ssize_k kmsg_write(struct file *f, struct iobuf *from, size_t n, u64 *pos)
{
	char line[256];
	size_t len = MIN(n, sizeof(line) - 1);

	if (iobuf_get(from, line, len))
		return -EFAULT;
	while (len && line[len - 1] == '\n')
		len--;
	line[len] = '\0';
	log_info("%s", line);
	return (ssize_k)n;
}

static long kmsg_seek(struct file *f, s64 off, u32 whence, u64 *result)
{
	struct kmsg *k = f->private;

	if (whence > SEEK_DATA || off != 0)
		return -EINVAL;
	*result = whence == SEEK_END && k ? k->len : 0;
	return 0;
}

static void kmsg_release(struct file *f)
{
	vfree(f->private);
}

static const struct file_ops kmsg_ops = {
	.read = kmsg_read,
	.write = kmsg_write,
	.seek = kmsg_seek,
	.release = kmsg_release,
};

void __init mem_dev_init(void)
{
	chrdev_register(1, 3, "null", 0666, &null_ops, NULL);
	chrdev_register(1, 5, "zero", 0666, &zero_ops, zero_open);
	chrdev_register(1, 7, "full", 0666, &full_ops, NULL);
	chrdev_register(1, 8, "random", 0666, &random_ops, NULL);
	chrdev_register(1, 9, "urandom", 0666, &random_ops, NULL);
	chrdev_register(1, 11, "kmsg", 0644, &kmsg_ops, NULL);
}
