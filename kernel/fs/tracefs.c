/*
 * /sys/kernel/tracing: trace events chosen and read, as on Linux.
 *
 *     echo 'kmem:* exceptions' >set_event; CMD; cat trace
 *
 * Nothing is stored. A node is a number that says which file it is and of which event or system:
 * an inode's number and all that is known of it.
 */
#include "kernel/abi/statfs.h"
#include "kernel/core/clock.h"
#include "kernel/core/trace_text.h"
#include "kernel/fs/text.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/number.h"
#include "kernel/lib/string.h"
#include "mm/kmalloc.h"

/* The kinds of nodes. What an event or a system (its first event) is named by is the node's id. */
enum kind {
	ROOT,
	EVENTS,
	SYSTEM,
	EVENT, /* directories */
	AVAILABLE_EVENTS,
	AVAILABLE_TRACERS,
	BUFFER_SIZE,
	BUFFER_TOTAL,
	CURRENT_TRACER,
	SET_EVENT,
	TRACE,
	TRACE_MARKER,
	TRACE_PIPE,
	TRACING_ON,
	ENABLE_ALL,
	ENABLE_SYSTEM,
	ENABLE_EVENT,
	ID,
	NR_KINDS,
};

static inline struct inode *node_of(struct file *f)
{
	return f->dentry->inode;
}
static u32 ino_of(enum kind kind, u32 id)
{
	return 1 + kind + NR_KINDS * id;
}
static enum kind kind_of(const struct inode *inode)
{
	return (inode->ino - 1) % NR_KINDS;
}
static u32 id_of(const struct inode *inode)
{
	return (inode->ino - 1) / NR_KINDS;
}

/* --- Events and systems --- */

/* What stands in "ftrace" is not for choosing: it is written by trace_marker. */
static bool is_event(u32 id)
{
	return id < TRACE_NR_EVENTS && id != TE_print;
}

static bool same_system(u32 a, u32 b)
{
	return strcmp(trace_event[a].system, trace_event[b].system) == 0;
}

/* Whether no event before this one has its system. */
static bool begins_system(u32 id)
{
	if (!is_event(id))
		return false;
	for (u32 i = 0; i < id; i++)
		if (same_system(i, id))
			return false;
	return true;
}

static void put_event(struct text *t, u32 id)
{
	text_printf(t, "%s:%s\n", trace_event[id].system, trace_event[id].name);
}

/* The glob for an event, a system, or all. */
static void glob_of(char *glob, size_t size, enum kind kind, u32 id)
{
	const struct trace_event *e = &trace_event[id];

	if (kind == ENABLE_ALL)
		strlcpy(glob, "*", size);
	else
		snprintf(glob, size, "%s:%s", e->system, kind == ENABLE_SYSTEM ? "*" : e->name);
}

static bool covers(enum kind kind, u32 id, u32 event)
{
	return is_event(event) && (kind == ENABLE_ALL || event == id ||
					  (kind == ENABLE_SYSTEM && same_system(event, id)));
}

/* --- Texts --- */

static int show_enable(struct text *t, enum kind kind, u32 id)
{
	bool on = false, off = false;

	for (u32 i = 0; i < TRACE_NR_EVENTS; i++) {
		if (!covers(kind, id, i))
			continue;
		on |= trace_wanted(i);
		off |= !trace_wanted(i);
	}
	text_puts(t, on && off ? "X\n" : on ? "1\n" : "0\n");
	return 0;
}

static void show_events(struct text *t, bool all)
{
	for (u32 i = 0; i < TRACE_NR_EVENTS; i++)
		if (is_event(i) && (all || trace_wanted(i)))
			put_event(t, i);
}

static int show(struct text *t, void *arg)
{
	const struct inode *inode = arg;
	enum kind kind = kind_of(inode);
	u32 kb = trace_size_kb();

	switch (kind) {
	case AVAILABLE_EVENTS:
	case SET_EVENT:
		show_events(t, kind == AVAILABLE_EVENTS);
		return 0;
	case AVAILABLE_TRACERS:
	case CURRENT_TRACER:
		text_puts(t, "nop\n");
		return 0;
	case BUFFER_SIZE:
	case BUFFER_TOTAL:
		if (kb)
			text_printf(t, "%u\n", kind == BUFFER_TOTAL ? kb * NR_CPUS : kb);
		else
			text_printf(t, "0 (expanded: %u)\n", TRACE_RING_KB);
		return 0;
	case TRACING_ON:
		text_puts(t, trace_switched_on() ? "1\n" : "0\n");
		return 0;
	case ID:
		text_printf(t, "%u\n", id_of(inode) + 1);
		return 0;
	default:
		return show_enable(t, kind, id_of(inode));
	}
}

/* --- Writing --- */

/* Words of "[!]SYSTEM:EVENT", "SYSTEM", "SYSTEM:" or "EVENT", with globs. */
static int choose_events(char *s)
{
	int err = 0;

	while (!err && *s) {
		char *end = s;
		bool on = *s != '!';

		while (*end && !strchr(" \t\n", *end))
			end++;
		if (end == s) {
			s++;
			continue;
		}
		if (end[-1] == ':')
			end[-1] = '\0';
		if (*end)
			*end++ = '\0';
		err = trace_enable(s + !on, on);
		s = end;
	}
	return err;
}

static int store(const struct inode *inode, char *s)
{
	enum kind kind = kind_of(inode);
	char glob[64];
	u32 v;

	if (kind == SET_EVENT)
		return choose_events(s);
	if (kind == CURRENT_TRACER)
		return strcmp(s, "nop") == 0 || strcmp(s, "nop\n") == 0 ? 0 : -EINVAL;
	if (!number_line(s, &v))
		return -EINVAL;
	switch (kind) {
	case BUFFER_SIZE:
		return v ? trace_resize(v) : -EINVAL;
	case TRACING_ON:
		trace_switch(v);
		return 0;
	default:
		if (v > 1)
			return -EINVAL;
		glob_of(glob, sizeof(glob), kind, id_of(inode));
		return trace_enable(glob, v);
	}
}

/* At most a page at once. */
static char *copy_written(struct iobuf *from, size_t *n)
{
	char *s;

	*n = MIN(*n, (size_t)PAGE_SIZE - 1);
	s = kmalloc(*n + 1);
	if (!s)
		return err_ptr(-ENOMEM);
	if (iobuf_get(from, s, *n)) {
		kfree(s);
		return err_ptr(-EFAULT);
	}
	s[*n] = '\0';
	return s;
}

static ssize_k tracefs_write(struct file *f, struct iobuf *from, size_t n, u64 *pos)
{
	char *s = copy_written(from, &n);
	int err;

	if (is_err(s))
		return ptr_err(s);
	err = kind_of(node_of(f)) == TRACE_MARKER ? trace_mark(s) : store(node_of(f), s);
	kfree(s);
	if (err)
		return err;
	*pos += n;
	return (ssize_k)n;
}

/* Opened with O_TRUNC. */
static int tracefs_truncate(struct inode *inode, u64 size)
{
	if (kind_of(inode) == TRACE)
		trace_clear();
	else if (kind_of(inode) == SET_EVENT)
		return trace_enable("*", false);
	return 0;
}

/* --- Records --- */

/* Of an open `trace` or `trace_pipe`: what of a line the last read left over, and where to go on.
 */
struct reading {
	struct mutex lock;
	struct trace_reader reader; /* of `trace` */
	u64 pos;		    /* of the file: what was given */
	bool any;		    /* something was read */
	size_t from, to;	    /* in `text` */
	char text[2 * TRACE_LINE_MAX];
	u32 record[TRACE_RECORD_MAX / 4];
};

/* Makes the next line. False at the end. */
static bool next_line(struct reading *r, bool take)
{
	const struct trace_record *record;
	u32 cpu = 0;

	record =
		take ? trace_take(r->record, &cpu) : trace_reader_next(&r->reader, r->record, &cpu);
	r->from = 0;
	r->to = record ? trace_line(r->text, record, cpu) : 0;
	return record;
}

static void restart(struct reading *r)
{
	trace_reader_start(&r->reader);
	r->pos = 0;
	r->from = 0;
	r->to = trace_header(r->text, sizeof(r->text));
}

/* Copies lines until there are no more or n bytes. Returns the bytes, or -EFAULT for none. */
static ssize_k copy_lines(struct reading *r, struct iobuf *to, size_t n, bool take)
{
	size_t done = 0;

	while (done < n && (r->from < r->to || next_line(r, take))) {
		size_t part = MIN(n - done, r->to - r->from);
		size_t left = iobuf_put(to, r->text + r->from, part);

		r->from += part - left;
		done += part - left;
		if (left)
			return done ? (ssize_k)done : -EFAULT;
	}
	return (ssize_k)done;
}

/* Goes to another place of the text, by making all that is before it. */
static void skip_to(struct reading *r, u64 pos)
{
	if (pos < r->pos || !pos)
		restart(r);
	while (r->pos < pos && (r->from < r->to || next_line(r, false))) {
		size_t part = (size_t)MIN(pos - r->pos, (u64)(r->to - r->from));

		r->from += part;
		r->pos += part;
	}
}

static ssize_k trace_read(struct file *f, struct iobuf *to, size_t n, u64 *pos)
{
	struct reading *r = f->private;
	ssize_k done = 0;

	mutex_lock(&r->lock);
	skip_to(r, *pos);
	if (r->pos == *pos)
		done = copy_lines(r, to, n, false);
	if (done > 0) {
		r->pos += (u64)done;
		*pos = r->pos;
	}
	mutex_unlock(&r->lock);
	return done;
}

#define PIPE_WAIT_NS (10 * 1000 * 1000ull)

/* Waits for records; once the switch is off and something was read, that was the end. */
static ssize_k pipe_read(struct file *f, struct iobuf *to, size_t n, u64 *pos)
{
	struct reading *r = f->private;
	ssize_k done;

	for (;;) {
		mutex_lock(&r->lock);
		done = copy_lines(r, to, n, true);
		r->any |= done > 0;
		mutex_unlock(&r->lock);
		if (done || !n || (r->any && !trace_switched_on()))
			return done;
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		if (clock_sleep_until(clock_monotonic_ns() + PIPE_WAIT_NS) < 0)
			return -EINTR;
	}
}

static void reading_release(struct file *f)
{
	kfree(f->private);
}

/* --- Open files --- */

static ssize_k refuse_read(struct file *f, struct iobuf *to, size_t n, u64 *pos)
{
	return -EINVAL;
}

/* A write to `trace` changes nothing: opening it for that has emptied the rings. */
static ssize_k ignore_write(struct file *f, struct iobuf *from, size_t n, u64 *pos)
{
	return (ssize_k)n;
}

static const struct file_ops text_ops = {
	.read = text_file_read,
	.write = tracefs_write,
	.seek = file_seek_endless,
	.release = text_file_release,
};
static const struct file_ops marker_ops = {
	.read = refuse_read,
	.write = tracefs_write,
};
static const struct file_ops trace_ops = {
	.read = trace_read,
	.write = ignore_write,
	.seek = file_seek_endless,
	.release = reading_release,
};
static const struct file_ops pipe_ops = {
	.read = pipe_read,
	.release = reading_release,
};

static int open_reading(struct file *f, const struct file_ops *ops)
{
	struct reading *r = kzalloc(sizeof(*r));

	if (!r)
		return -ENOMEM;
	mutex_init(&r->lock);
	restart(r);
	if (ops == &pipe_ops)
		r->to = 0; /* no header */
	f->private = r;
	f->ops = ops;
	return 0;
}

/* --- Names --- */

static const struct row {
	enum kind dir, kind; /* of kinds that stand in one directory each */
	u16 mode;
	const char *name;
} rows[] = {
	{ROOT, AVAILABLE_EVENTS, S_IFREG | 0440, "available_events"},
	{ROOT, AVAILABLE_TRACERS, S_IFREG | 0440, "available_tracers"},
	{ROOT, BUFFER_SIZE, S_IFREG | 0640, "buffer_size_kb"},
	{ROOT, BUFFER_TOTAL, S_IFREG | 0440, "buffer_total_size_kb"},
	{ROOT, CURRENT_TRACER, S_IFREG | 0640, "current_tracer"},
	{ROOT, EVENTS, S_IFDIR | 0750, "events"},
	{ROOT, SET_EVENT, S_IFREG | 0640, "set_event"},
	{ROOT, TRACE, S_IFREG | 0640, "trace"},
	{ROOT, TRACE_MARKER, S_IFREG | 0220, "trace_marker"},
	{ROOT, TRACE_PIPE, S_IFREG | 0440, "trace_pipe"},
	{ROOT, TRACING_ON, S_IFREG | 0640, "tracing_on"},
	{EVENTS, ENABLE_ALL, S_IFREG | 0640, "enable"},
	{SYSTEM, ENABLE_SYSTEM, S_IFREG | 0640, "enable"},
	{EVENT, ENABLE_EVENT, S_IFREG | 0640, "enable"},
	{EVENT, ID, S_IFREG | 0440, "id"},
};

struct child {
	const char *name;
	enum kind kind;
	u32 id, mode;
};

/* The directory's child at `index`; those of `rows` first, then a place for each event, not all of
 * which are taken. Returns 0, -ENOENT for such a place, -ERANGE past the last. */
static int child_at(const struct inode *dir, u32 index, struct child *c)
{
	enum kind kind = kind_of(dir);
	u32 id = index - ARRAY_SIZE(rows);

	if (index < ARRAY_SIZE(rows)) {
		*c = (struct child){
			rows[index].name, rows[index].kind, id_of(dir), rows[index].mode};
		return rows[index].dir == kind ? 0 : -ENOENT;
	}
	if (id >= TRACE_NR_EVENTS)
		return -ERANGE;
	if (kind == EVENTS && begins_system(id))
		*c = (struct child){trace_event[id].system, SYSTEM, id, S_IFDIR | 0750};
	else if (kind == SYSTEM && is_event(id) && same_system(id, id_of(dir)))
		*c = (struct child){trace_event[id].name, EVENT, id, S_IFDIR | 0750};
	else
		return -ENOENT;
	return 0;
}

static int make_inode(struct super *s, const struct child *c, struct inode **out);

static int tracefs_lookup(struct dentry *dir, const char *name, u32 len, struct inode **out)
{
	struct child c;
	int err;

	for (u32 i = 0; (err = child_at(dir->inode, i, &c)) != -ERANGE; i++)
		if (!err && strlen(c.name) == len && memcmp(c.name, name, len) == 0)
			return make_inode(dir->inode->super, &c, out);
	return -ENOENT;
}

static long tracefs_readdir(struct file *f, void *ctx)
{
	struct dir_context *d = ctx;
	struct child c;
	int err;

	if (!dir_emit_dots(f, d))
		return 0;
	while ((err = child_at(node_of(f), (u32)d->pos - 2, &c)) != -ERANGE) {
		if (err)
			d->pos++;
		else if (!dir_emit(d, c.name, strlen(c.name), ino_of(c.kind, c.id), c.mode,
				 d->pos + 1))
			break;
	}
	return 0;
}

static ssize_k dir_read(struct file *f, struct iobuf *to, size_t n, u64 *pos)
{
	return -EISDIR;
}

static const struct file_ops dir_file_ops = {
	.read = dir_read,
	.seek = file_seek_endless,
	.readdir = tracefs_readdir,
};

static int tracefs_open(struct inode *inode, struct file *f)
{
	switch (kind_of(inode)) {
	case ROOT ... EVENT:
		f->ops = &dir_file_ops;
		return 0;
	case TRACE:
		return open_reading(f, &trace_ops);
	case TRACE_PIPE:
		return open_reading(f, &pipe_ops);
	case TRACE_MARKER:
		f->ops = &marker_ops;
		return 0;
	default:
		f->private = text_file_create(show, inode);
		f->ops = &text_ops;
		return f->private ? 0 : -ENOMEM;
	}
}

static const struct inode_ops dir_ops = {
	.lookup = tracefs_lookup,
	.open = tracefs_open,
};
static const struct inode_ops file_inode_ops = {
	.open = tracefs_open,
	.truncate = tracefs_truncate,
};

static int make_inode(struct super *s, const struct child *c, struct inode **out)
{
	*out = inode_create(s, S_ISDIR(c->mode) ? &dir_ops : &file_inode_ops, c->mode);
	if (!*out)
		return -ENOMEM;
	(*out)->ino = ino_of(c->kind, c->id);
	return 0;
}

static int tracefs_mount(struct super *s, const char *options)
{
	const struct child root = {"", ROOT, 0, S_IFDIR | 0700};
	struct inode *inode;
	int err = make_inode(s, &root, &inode);

	if (err)
		return err;
	return dentry_create_root(s, inode);
}

static struct fs_type tracefs_type = {
	.name = "tracefs",
	.magic = TRACEFS_MAGIC,
	.nodev = true,
	.mount = tracefs_mount,
};

void __init tracefs_init(void)
{
	fs_register(&tracefs_type);
}
