/* The name space and tmpfs: walking, links, renames, contents, limits, mounts, memory running out.
 */
#include "kernel/core/selftest.h"
#include "kernel/fs/filelock.h"
#include "kernel/fs/kpath.h"
#include "kernel/fs/path.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "mm/page_alloc.h"

#define DIR "/test"

static u8 buffer[3 * PAGE_SIZE];

/* Every case works in a directory of its own and leaves nothing. */
static bool begin(void)
{
	return kpath_create(DIR, S_IFDIR | 0755, 0, NULL, NULL) == 0;
}

static void end(void)
{
	KEXPECT_EQ(kpath_remove(DIR), 0);
}

static int lookup(const char *path, u32 flags)
{
	struct path p;
	int err = path_lookup(AT_FDCWD, path, flags, &p);

	if (!err)
		path_put(p);
	return err;
}

/* The inode number, or 0 where there is nothing. */
static u32 ino_of(const char *path)
{
	struct path p;
	u32 ino;

	if (path_lookup(AT_FDCWD, path, LOOKUP_FOLLOW, &p))
		return 0;
	ino = p.dentry->inode->ino;
	path_put(p);
	return ino;
}

static u32 nlink_of(const char *path)
{
	struct path p;
	u32 n;

	if (path_lookup(AT_FDCWD, path, 0, &p))
		return 0;
	n = p.dentry->inode->nlink;
	path_put(p);
	return n;
}

static int touch(const char *path)
{
	return kpath_create(path, S_IFREG | 0644, 0, NULL, NULL);
}

static int make_dir(const char *path)
{
	return kpath_create(path, S_IFDIR | 0755, 0, NULL, NULL);
}

static int symlink(const char *target, const char *path)
{
	return kpath_create(path, S_IFLNK | 0777, 0, target, NULL);
}

static int link(const char *from, const char *to)
{
	struct path p;
	int err = path_lookup(AT_FDCWD, from, 0, &p);

	if (err)
		return err;
	err = kpath_link(p, to);
	path_put(p);
	return err;
}

static int rename_flags(const char *from, const char *to, u32 flags)
{
	struct walk a, b;
	int err = walk_begin(&a, AT_FDCWD, from, 0);

	if (err)
		return err;
	err = walk_begin(&b, AT_FDCWD, to, 0);
	if (!err) {
		err = walk_to_parent(&a);
		if (!err)
			err = walk_to_parent(&b);
		if (!err)
			err = vfs_rename(a.at, &a.name, b.at, &b.name, flags);
		walk_end(&b);
	}
	walk_end(&a);
	return err;
}

static int open_error(const char *path, u32 flags)
{
	struct file *f = file_open(path, flags, 0644);

	if (is_err(f))
		return (int)ptr_err(f);
	file_put(f);
	return 0;
}

static ssize_k write_at(struct file *f, const void *data, size_t n, u64 pos)
{
	struct iobuf from = iobuf_kernel((void *)(uintptr_t)data);

	return file_write(f, &from, n, &pos);
}

/* --- Walking --- */

KTEST(tmpfs, lookup)
{
	KREQUIRE(begin());
	KEXPECT_EQ(make_dir(DIR "/d"), 0);
	KEXPECT_EQ(touch(DIR "/d/f"), 0);
	KEXPECT_EQ(touch(DIR "/d/f"), -EEXIST);
	KEXPECT_EQ(lookup(DIR "/d/f", 0), 0);
	KEXPECT_EQ(lookup(DIR "//d/./../d//f", 0), 0);
	KEXPECT_EQ(lookup(DIR "/d/", 0), 0);
	KEXPECT_EQ(lookup(DIR "/d/f/", 0), -ENOTDIR);
	KEXPECT_EQ(lookup(DIR "/d/f/x", 0), -ENOTDIR);
	KEXPECT_EQ(lookup(DIR "/d/g", 0), -ENOENT);
	KEXPECT_EQ(lookup(DIR "/x/g", 0), -ENOENT);
	KEXPECT_EQ(lookup("", 0), -ENOENT);
	KEXPECT_EQ(lookup("/../../" DIR, 0), 0);
	KEXPECT_EQ(lookup(DIR "/d/f", LOOKUP_DIRECTORY), -ENOTDIR);
	KEXPECT_EQ(ino_of(DIR "/d/.."), ino_of(DIR));
	KEXPECT_EQ(kpath_remove(DIR), -ENOTEMPTY);
	KEXPECT_EQ(kpath_remove(DIR "/d/f"), 0);
	KEXPECT_EQ(kpath_remove(DIR "/d"), 0);
	end();
}

KTEST(tmpfs, names_of_255_bytes)
{
	char path[300] = DIR "/";
	size_t n = strlen(path);

	KREQUIRE(begin());
	memset(path + n, 'x', 256);
	path[n + 256] = '\0';
	KEXPECT_EQ(touch(path), -ENAMETOOLONG);
	path[n + 255] = '\0';
	KEXPECT_EQ(touch(path), 0);
	KEXPECT_EQ(lookup(path, 0), 0);
	KEXPECT_EQ(rename_flags(path, DIR "/short", 0), 0);
	KEXPECT_EQ(rename_flags(DIR "/short", path, 0), 0);
	KEXPECT_EQ(touch(DIR "/short"), 0);
	KEXPECT_EQ(rename_flags(path, DIR "/short", RENAME_EXCHANGE), 0);
	KEXPECT_EQ(lookup(path, 0), 0);
	KEXPECT_EQ(kpath_remove(path), 0);
	KEXPECT_EQ(kpath_remove(DIR "/short"), 0);
	end();
}

KTEST(tmpfs, symlinks)
{
	KREQUIRE(begin());
	KEXPECT_EQ(make_dir(DIR "/d"), 0);
	KEXPECT_EQ(touch(DIR "/d/f"), 0);
	KEXPECT_EQ(symlink("d", DIR "/rel"), 0);
	KEXPECT_EQ(symlink(DIR "/rel/f", DIR "/abs"), 0);
	KEXPECT_EQ(symlink("loop", DIR "/loop"), 0);
	KEXPECT_EQ(symlink("nowhere", DIR "/dangling"), 0);
	KEXPECT_EQ(ino_of(DIR "/abs"), ino_of(DIR "/d/f"));
	KEXPECT_EQ(ino_of(DIR "/rel/f"), ino_of(DIR "/d/f"));
	KEXPECT_EQ(ino_of(DIR "/rel/.."), ino_of(DIR));
	KEXPECT_EQ(lookup(DIR "/loop", LOOKUP_FOLLOW), -ELOOP);
	KEXPECT_EQ(lookup(DIR "/loop", 0), 0);
	KEXPECT_EQ(lookup(DIR "/dangling", LOOKUP_FOLLOW), -ENOENT);
	KEXPECT_EQ(lookup(DIR "/abs/", 0), -ENOTDIR);
	KEXPECT_EQ(open_error(DIR "/abs", O_RDONLY | O_NOFOLLOW), -ELOOP);
	KEXPECT_EQ(open_error(DIR "/rel", O_RDONLY | O_NOFOLLOW | O_DIRECTORY), -ENOTDIR);
	KEXPECT_EQ(open_error(DIR "/dangling", O_WRONLY | O_CREAT | O_EXCL), -EEXIST);
	KEXPECT_EQ(open_error(DIR "/dangling", O_WRONLY | O_CREAT), 0);
	KEXPECT_EQ(lookup(DIR "/nowhere", 0), 0);
	KEXPECT_EQ(kpath_remove(DIR "/nowhere"), 0);
	KEXPECT_EQ(kpath_remove(DIR "/dangling"), 0);
	KEXPECT_EQ(kpath_remove(DIR "/loop"), 0);
	KEXPECT_EQ(kpath_remove(DIR "/abs"), 0);
	KEXPECT_EQ(kpath_remove(DIR "/rel"), 0);
	KEXPECT_EQ(kpath_remove(DIR "/d/f"), 0);
	KEXPECT_EQ(kpath_remove(DIR "/d"), 0);
	end();
}

/* 40 links are followed, 41 are not. */
KTEST(tmpfs, forty_links)
{
	char from[32], to[32];

	KREQUIRE(begin());
	KEXPECT_EQ(touch(DIR "/l0"), 0);
	for (u32 i = 1; i <= 41; i++) {
		snprintf(from, sizeof(from), "l%u", i - 1);
		snprintf(to, sizeof(to), DIR "/l%u", i);
		KEXPECT_EQ(symlink(from, to), 0);
	}
	KEXPECT_EQ(lookup(DIR "/l40", LOOKUP_FOLLOW), 0);
	KEXPECT_EQ(lookup(DIR "/l41", LOOKUP_FOLLOW), -ELOOP);
	for (u32 i = 0; i <= 41; i++) {
		snprintf(to, sizeof(to), DIR "/l%u", i);
		KEXPECT_EQ(kpath_remove(to), 0);
	}
	end();
}

KTEST(tmpfs, open_flags)
{
	KREQUIRE(begin());
	KEXPECT_EQ(open_error(DIR "/f", O_RDONLY), -ENOENT);
	KEXPECT_EQ(open_error(DIR "/f/", O_WRONLY | O_CREAT), -EISDIR);
	KEXPECT_EQ(open_error(DIR "/f", O_WRONLY | O_CREAT | O_EXCL), 0);
	KEXPECT_EQ(open_error(DIR "/f", O_WRONLY | O_CREAT | O_EXCL), -EEXIST);
	KEXPECT_EQ(open_error(DIR "/f", O_RDONLY | O_DIRECTORY), -ENOTDIR);
	KEXPECT_EQ(open_error(DIR "/f/", O_RDONLY), -ENOTDIR);
	KEXPECT_EQ(open_error(DIR, O_RDONLY | O_DIRECTORY), 0);
	KEXPECT_EQ(open_error(DIR, O_WRONLY), -EISDIR);
	KEXPECT_EQ(open_error(DIR, O_RDONLY | O_CREAT), -EISDIR);
	KEXPECT_EQ(open_error(DIR "/f", O_PATH), 0);
	KEXPECT_EQ(open_error(DIR, O_TMPFILE | O_RDWR), 0);
	KEXPECT_EQ(open_error(DIR, O_TMPFILE | O_RDONLY), -EINVAL);
	KEXPECT_EQ(kpath_remove(DIR "/f"), 0);
	end();
}

/* --- Names --- */

KTEST(tmpfs, hard_links)
{
	KREQUIRE(begin());
	KEXPECT_EQ(touch(DIR "/a"), 0);
	KEXPECT_EQ(link(DIR "/a", DIR "/b"), 0);
	KEXPECT_EQ(link(DIR "/a", DIR "/b"), -EEXIST);
	KEXPECT_EQ(link(DIR, DIR "/c"), -EPERM);
	KEXPECT_EQ(nlink_of(DIR "/b"), 2);
	KEXPECT_EQ(ino_of(DIR "/a"), ino_of(DIR "/b"));
	KEXPECT_EQ(rename_flags(DIR "/a", DIR "/b", 0), 0); /* the same file: nothing happens */
	KEXPECT_EQ(nlink_of(DIR "/a"), 2);
	KEXPECT_EQ(kpath_remove(DIR "/a"), 0);
	KEXPECT_EQ(nlink_of(DIR "/b"), 1);
	KEXPECT_EQ(kpath_remove(DIR "/b"), 0);
	end();
}

KTEST(tmpfs, rename)
{
	u32 f, d;

	KREQUIRE(begin());
	KEXPECT_EQ(make_dir(DIR "/d"), 0);
	KEXPECT_EQ(make_dir(DIR "/d/sub"), 0);
	KEXPECT_EQ(make_dir(DIR "/e"), 0);
	KEXPECT_EQ(touch(DIR "/f"), 0);
	KEXPECT_EQ(touch(DIR "/g"), 0);
	f = ino_of(DIR "/f");
	d = ino_of(DIR "/d");
	KEXPECT_EQ(rename_flags(DIR "/d", DIR "/d/sub/x", 0), -EINVAL);
	KEXPECT_EQ(rename_flags(DIR "/d/sub", DIR "/d", 0), -ENOTEMPTY);
	KEXPECT_EQ(rename_flags(DIR "/e", DIR "/d", 0), -ENOTEMPTY);
	KEXPECT_EQ(rename_flags(DIR "/f", DIR "/d", 0), -EISDIR);
	KEXPECT_EQ(rename_flags(DIR "/d", DIR "/f", 0), -ENOTDIR);
	KEXPECT_EQ(rename_flags(DIR "/f", DIR "/x/", 0), -ENOTDIR);
	KEXPECT_EQ(rename_flags(DIR "/f", DIR "/g", RENAME_NOREPLACE), -EEXIST);
	KEXPECT_EQ(rename_flags(DIR "/x", DIR "/g", 0), -ENOENT);
	KEXPECT_EQ(rename_flags(DIR "/f", DIR "/g", 0), 0);
	KEXPECT_EQ(ino_of(DIR "/g"), f);
	KEXPECT_EQ(ino_of(DIR "/f"), 0);
	KEXPECT_EQ(rename_flags(DIR "/d", DIR "/e", 0), 0); /* onto an empty directory */
	KEXPECT_EQ(ino_of(DIR "/e"), d);
	KEXPECT_EQ(nlink_of(DIR), 3);
	KEXPECT_EQ(rename_flags(DIR "/e/sub", DIR "/sub", 0), 0);
	KEXPECT_EQ(nlink_of(DIR), 4);
	KEXPECT_EQ(nlink_of(DIR "/e"), 2);
	KEXPECT_EQ(rename_flags(DIR "/g", DIR "/e", RENAME_EXCHANGE), 0);
	KEXPECT_EQ(ino_of(DIR "/e"), f);
	KEXPECT_EQ(ino_of(DIR "/g"), d);
	KEXPECT_EQ(kpath_remove(DIR "/e"), 0);
	KEXPECT_EQ(kpath_remove(DIR "/g"), 0);
	KEXPECT_EQ(kpath_remove(DIR "/sub"), 0);
	end();
}

KTEST(tmpfs, unlinked_but_open)
{
	char path[64];
	struct file *f;
	struct path d;

	KREQUIRE(begin());
	f = file_open(DIR "/f", O_RDWR | O_CREAT, 0600);
	KREQUIRE(!is_err(f));
	KEXPECT_EQ(file_path(f, path, sizeof(path)), 7);
	KEXPECT(strcmp(path, DIR "/f") == 0);
	KEXPECT_EQ(kpath_remove(DIR "/f"), 0);
	KEXPECT_EQ(write_at(f, "still", 5, 0), 5);
	KEXPECT_EQ(file_pread(f, buffer, 10, 0), 5);
	file_path(f, path, sizeof(path));
	KEXPECT(strcmp(path, DIR "/f (deleted)") == 0);
	file_put(f);

	/* A directory that is gone takes nothing more. */
	KEXPECT_EQ(make_dir(DIR "/d"), 0);
	KREQUIRE(path_lookup(AT_FDCWD, DIR "/d", 0, &d) == 0);
	KEXPECT_EQ(kpath_remove(DIR "/d"), 0);
	struct name name = pathname_of("x");
	KEXPECT_EQ(vfs_create(d, &name, S_IFREG | 0600, 0, NULL, NULL), -ENOENT);
	path_put(d);
	end();
}

/* --- Listing --- */

struct listing {
	struct dir_context ctx;
	u32 seen; /* bit n: fileN */
	u32 count, limit;
};

static bool note_name(struct dir_context *c, const char *name, u32 len, u32 ino, u32 type, u64 next)
{
	struct listing *l = container_of(c, struct listing, ctx);

	if (l->count == l->limit)
		return false;
	l->count++;
	if (len > 4)
		l->seen |= 1u << (name[4] - 'a');
	KEXPECT(next > 0 && next < 0x80000000u);
	return true;
}

KTEST(tmpfs, listing_survives_removals)
{
	struct listing l = {.ctx.emit = note_name, .limit = 7};
	char path[] = DIR "/filea";
	struct file *f;

	KREQUIRE(begin());
	for (char c = 'a'; c < 'a' + 20; c++) {
		path[sizeof(DIR "/file") - 1] = c;
		KEXPECT_EQ(touch(path), 0);
	}
	f = file_open(DIR, O_RDONLY | O_DIRECTORY, 0);
	KREQUIRE(!is_err(f));
	KEXPECT_EQ(f->ops->readdir(f, &l.ctx), 0);
	KEXPECT_EQ(l.count, 7); /* ".", "..", and the five newest */
	KEXPECT_EQ(l.seen, 0xf8000);
	KEXPECT_EQ(kpath_remove(DIR "/fileo"), 0); /* next in line */
	KEXPECT_EQ(kpath_remove(DIR "/filep"), 0); /* seen last */
	KEXPECT_EQ(touch(DIR "/filez"), 0);	   /* too new to be seen */
	l.limit = 100;
	KEXPECT_EQ(f->ops->readdir(f, &l.ctx), 0);
	KEXPECT_EQ(l.count, 7 + 14);
	KEXPECT_EQ(l.seen, 0xfffff & ~(1u << ('o' - 'a')));
	file_put(f);
	for (char c = 'a'; c <= 'z'; c++) {
		path[sizeof(DIR "/file") - 1] = c;
		(void)kpath_remove(path);
	}
	end();
}

/* --- Contents --- */

KTEST(tmpfs, holes_and_truncation)
{
	struct file *f;
	struct inode *inode;
	u64 pos;

	KREQUIRE(begin());
	f = file_open(DIR "/f", O_RDWR | O_CREAT | O_LARGEFILE, 0600);
	KREQUIRE(!is_err(f));
	inode = f->dentry->inode;
	KEXPECT_EQ(write_at(f, "end", 3, 0x100000000ull), 3);
	KEXPECT(inode->object.size == 0x100000003ull);
	KEXPECT_EQ(inode->object.nr_pages, 1);
	memset(buffer, 0xff, sizeof(buffer));
	KEXPECT_EQ(
		file_pread(f, buffer, sizeof(buffer), 0x100000000ull - PAGE_SIZE), PAGE_SIZE + 3);
	KEXPECT(buffer[0] == 0 && memcmp(buffer + PAGE_SIZE, "end", 3) == 0);
	KEXPECT_EQ(inode->object.nr_pages, 1); /* a hole that is read stays one */
	KEXPECT_EQ(f->ops->seek(f, 0, SEEK_DATA, &pos), 0);
	KEXPECT(pos == 0x100000000ull);
	KEXPECT_EQ(f->ops->seek(f, (s64)pos, SEEK_HOLE, &pos), 0);
	KEXPECT(pos == 0x100000003ull);
	KEXPECT_EQ(f->ops->seek(f, 0x100000003ll, SEEK_DATA, &pos), -ENXIO);

	KEXPECT_EQ(vfs_truncate(f->dentry, 0x100000001ull), 0);
	KEXPECT_EQ(vfs_truncate(f->dentry, 0x100000010ull), 0);
	KEXPECT_EQ(file_pread(f, buffer, 16, 0x100000000ull), 16);
	KEXPECT(buffer[0] == 'e' && buffer[1] == 0 && buffer[2] == 0);
	KEXPECT_EQ(vfs_truncate(f->dentry, 0), 0);
	KEXPECT_EQ(inode->object.nr_pages, 0);
	KEXPECT_EQ(inode->charged, 0);
	file_put(f);
	KEXPECT_EQ(kpath_remove(DIR "/f"), 0);
	end();
}

KTEST(tmpfs, append_and_large_offsets)
{
	struct file *f;

	KREQUIRE(begin());
	f = file_open(DIR "/f", O_RDWR | O_CREAT | O_APPEND, 0600);
	KREQUIRE(!is_err(f));
	KEXPECT_EQ(write_at(f, "one", 3, 0), 3);
	KEXPECT_EQ(write_at(f, "two", 3, 0), 3);
	KEXPECT_EQ(file_pread(f, buffer, 10, 0), 6);
	KEXPECT(memcmp(buffer, "onetwo", 6) == 0);
	f->flags &= ~O_APPEND;
	KEXPECT_EQ(write_at(f, "x", 1, 0x7fffffff), -EFBIG); /* no O_LARGEFILE */
	KEXPECT_EQ(write_at(f, "xy", 2, 0x7ffffffe), 1);
	f->flags |= O_LARGEFILE;
	KEXPECT_EQ(write_at(f, "x", 1, 0xffffffff000ull), -EFBIG);
	KEXPECT_EQ(write_at(f, "xy", 2, 0xfffffffefffull), 1); /* the last byte there can be */
	file_put(f);
	KEXPECT_EQ(kpath_remove(DIR "/f"), 0);
	end();
}

KTEST(tmpfs, busy_text)
{
	struct file *r, *w;

	KREQUIRE(begin());
	KEXPECT_EQ(touch(DIR "/f"), 0);
	r = file_open(DIR "/f", O_RDONLY, 0);
	w = file_open(DIR "/f", O_WRONLY, 0);
	KREQUIRE(!is_err(r) && !is_err(w));
	KEXPECT_EQ(file_deny_write(r), -ETXTBSY);
	file_put(w);
	KEXPECT_EQ(file_deny_write(r), 0);
	KEXPECT_EQ(open_error(DIR "/f", O_WRONLY), -ETXTBSY);
	KEXPECT_EQ(open_error(DIR "/f", O_RDONLY | O_TRUNC), -ETXTBSY);
	KEXPECT_EQ(open_error(DIR "/f", O_RDONLY), 0);
	file_allow_write(r);
	KEXPECT_EQ(open_error(DIR "/f", O_WRONLY), 0);
	file_put(r);
	KEXPECT_EQ(kpath_remove(DIR "/f"), 0);
	end();
}

/* --- Mounts and limits --- */

static int mount_at(const char *type, const char *path, const char *options)
{
	struct path on;
	int err = path_lookup(AT_FDCWD, path, LOOKUP_FOLLOW, &on);

	if (err)
		return err;
	err = mount_create(type, "test", on, 0, options);
	path_put(on);
	return err;
}

static int umount(const char *path, bool detach)
{
	struct path p;
	int err = path_lookup(AT_FDCWD, path, LOOKUP_FOLLOW, &p);

	return err ? err : mount_remove(p, detach);
}

KTEST(tmpfs, size_limit)
{
	struct file *f;
	struct fs_stat st = {0};

	KREQUIRE(begin());
	KEXPECT_EQ(mount_at("tmpfs", DIR, "size=8k,mode=700"), 0);
	KEXPECT_EQ(mount_at("tmpfs", DIR, "bogus"), -EINVAL);
	f = file_open(DIR "/f", O_RDWR | O_CREAT, 0600);
	KREQUIRE(!is_err(f));
	KEXPECT_EQ(write_at(f, buffer, sizeof(buffer), 0), 2 * PAGE_SIZE);
	KEXPECT_EQ(write_at(f, buffer, 1, 2 * PAGE_SIZE), -ENOSPC);
	KEXPECT_EQ(write_at(f, buffer, 1, 0), 1);
	tmpfs_statfs(f->dentry->inode->super, &st);
	KEXPECT_EQ(st.blocks, 2);
	KEXPECT_EQ(st.bfree, 0);
	KEXPECT_EQ(vfs_truncate(f->dentry, 1), 0);
	tmpfs_statfs(f->dentry->inode->super, &st);
	KEXPECT_EQ(st.bfree, 1);
	KEXPECT_EQ(write_at(f, buffer, 1, 5 * PAGE_SIZE), 1);
	KEXPECT_EQ(kpath_remove(DIR "/f"), 0);
	KEXPECT_EQ(touch(DIR "/g"), 0);
	file_put(f);
	KEXPECT_EQ(umount(DIR, false), 0);
	KEXPECT_EQ(umount(DIR, false), -EINVAL);
	end();
}

KTEST(tmpfs, mounts)
{
	struct file *f;

	KREQUIRE(begin());
	KEXPECT_EQ(make_dir(DIR "/m"), 0);
	KEXPECT_EQ(touch(DIR "/m/below"), 0);
	KEXPECT_EQ(mount_at("tmpfs", DIR "/m", NULL), 0);
	KEXPECT_EQ(lookup(DIR "/m/below", 0), -ENOENT);
	KEXPECT_EQ(ino_of(DIR "/m/.."), ino_of(DIR));
	KEXPECT_EQ(kpath_remove(DIR "/m"), -EBUSY);
	KEXPECT_EQ(rename_flags(DIR "/m", DIR "/n", 0), -EBUSY);
	KEXPECT_EQ(touch(DIR "/a"), 0);
	KEXPECT_EQ(link(DIR "/a", DIR "/m/a"), -EXDEV);
	KEXPECT_EQ(rename_flags(DIR "/a", DIR "/m/a", 0), -EXDEV);
	KEXPECT_EQ(mount_at("tmpfs", DIR "/m", NULL), 0); /* once more, over the first */
	KEXPECT_EQ(touch(DIR "/m/top"), 0);
	KEXPECT_EQ(umount(DIR "/m", false), 0);
	KEXPECT_EQ(lookup(DIR "/m/top", 0), -ENOENT);

	f = file_open(DIR "/m/f", O_RDWR | O_CREAT, 0600);
	KREQUIRE(!is_err(f));
	KEXPECT_EQ(umount(DIR "/m", false), -EBUSY);
	KEXPECT_EQ(make_dir(DIR "/m/sub"), 0);
	KEXPECT_EQ(mount_at("tmpfs", DIR "/m/sub", NULL), 0);
	KEXPECT_EQ(umount(DIR "/m", true), 0); /* with what is mounted in it */
	KEXPECT_EQ(lookup(DIR "/m/below", 0), 0);
	KEXPECT_EQ(write_at(f, "x", 1, 0), 1); /* lives until it is closed */
	file_put(f);
	KEXPECT_EQ(kpath_remove(DIR "/m/below"), 0);
	KEXPECT_EQ(kpath_remove(DIR "/m"), 0);
	KEXPECT_EQ(kpath_remove(DIR "/a"), 0);
	KEXPECT_EQ(mount_at("nosuchfs", DIR, NULL), -ENODEV);
	end();
}

KTEST(tmpfs, devices_anywhere)
{
	struct file *f;

	KREQUIRE(begin());
	KEXPECT_EQ(kpath_create(DIR "/zero", S_IFCHR | 0600, MKDEV(1, 5), NULL, NULL), 0);
	KEXPECT_EQ(kpath_create(DIR "/none", S_IFCHR | 0600, MKDEV(77, 1), NULL, NULL), 0);
	f = file_open(DIR "/zero", O_RDWR, 0);
	KREQUIRE(!is_err(f));
	KEXPECT(f->backing.zero && !f->backing.object);
	memset(buffer, 1, 100);
	KEXPECT_EQ(file_pread(f, buffer, 100, 0), 100);
	KEXPECT(buffer[0] == 0 && buffer[99] == 0 && buffer[100] == 0);
	file_put(f);
	KEXPECT_EQ(open_error(DIR "/none", O_RDONLY), -ENXIO);
	KEXPECT_EQ(kpath_remove(DIR "/zero"), 0);
	KEXPECT_EQ(kpath_remove(DIR "/none"), 0);
	end();
}

KTEST(tmpfs, anonymous)
{
	struct file *f = tmpfs_create_anonymous("/memfd:x", O_LARGEFILE);
	char path[32];

	KREQUIRE(!is_err(f));
	KEXPECT_EQ(write_at(f, "abc", 3, 10000), 3);
	KEXPECT_EQ(f->backing.object->nr_pages, 1);
	file_path(f, path, sizeof(path));
	KEXPECT(strcmp(path, "/memfd:x (deleted)") == 0);
	file_put(f);
}

/* --- Memory running out --- */

/* With every page taken, creating fails cleanly somewhere; then everything goes away again. */
KTEST(tmpfs, out_of_memory)
{
	struct page_chain pages = {NULL};
	char path[64];
	struct page *p;
	u32 made = 0;
	int err = 0;

	KREQUIRE(begin());
	while ((p = page_alloc(GFP_USER, PK_KERNEL)))
		page_chain_add(&pages, p);
	while (!err && made < 10000) {
		snprintf(path, sizeof(path), DIR "/a name that does not fit inline %u", made);
		err = touch(path);
		if (!err)
			made++;
	}
	KEXPECT_EQ(err, -ENOMEM);
	page_free_chain(&pages);
	while (made--) {
		snprintf(path, sizeof(path), DIR "/a name that does not fit inline %u", made);
		KEXPECT_EQ(kpath_remove(path), 0);
	}
	end();
}

/* --- Record locks --- */

static int set_lock(struct inode *inode, const void *owner, u8 type, u64 start, u64 last)
{
	struct file_lock l = {
		.posix = true, .type = type, .owner = owner, .start = start, .end = last};

	return lock_set(inode, &l, false);
}

/* The type of another owner's lock that is in the way of writing there; F_UNLCK: none. */
static u8 held(struct inode *inode, u64 start, u64 last)
{
	struct file_lock l = {
		.posix = true, .type = F_WRLCK, .owner = &l, .start = start, .end = last};
	struct file_lock found;

	return lock_test(inode, &l, &found) ? found.type : F_UNLCK;
}

KTEST(tmpfs, record_locks)
{
	int me, you;
	struct file *f = tmpfs_create_anonymous("/locks", 0);
	struct inode *inode;

	KREQUIRE(!is_err(f));
	inode = f->dentry->inode;
	KEXPECT_EQ(set_lock(inode, &me, F_WRLCK, 0, 99), 0);
	KEXPECT_EQ(set_lock(inode, &you, F_RDLCK, 50, 60), -EAGAIN);
	KEXPECT_EQ(set_lock(inode, &me, F_UNLCK, 40, 59), 0); /* cuts it in two */
	KEXPECT_EQ(held(inode, 39, 39), F_WRLCK);
	KEXPECT_EQ(held(inode, 40, 59), F_UNLCK);
	KEXPECT_EQ(held(inode, 60, 60), F_WRLCK);
	KEXPECT_EQ(set_lock(inode, &you, F_RDLCK, 40, 59), 0);
	KEXPECT_EQ(set_lock(inode, &me, F_RDLCK, 0, LOCK_TO_END), 0); /* replaces both parts */
	KEXPECT_EQ(held(inode, 70, 70), F_RDLCK);
	KEXPECT_EQ(set_lock(inode, &me, F_WRLCK, 45, 45), -EAGAIN);
	KEXPECT_EQ(set_lock(inode, &you, F_UNLCK, 0, LOCK_TO_END), 0);
	KEXPECT_EQ(set_lock(inode, &me, F_WRLCK, 10, 19), 0);
	KEXPECT_EQ(set_lock(inode, &me, F_WRLCK, 20, 29), 0); /* joins its neighbour */
	KEXPECT_EQ(held(inode, 0, 9), F_RDLCK);
	KEXPECT_EQ(held(inode, 10, 29), F_WRLCK);
	locks_release_owner(inode, &me);
	KEXPECT(list_empty(&inode->locks));
	file_put(f);
}

/* --- Descriptors --- */

KTEST(tmpfs, descriptors)
{
	struct files *fs = files_create(), *copy;
	struct file *f = tmpfs_create_anonymous("/f", 0);
	u32 fd = 0;

	KREQUIRE(fs && !is_err(f));
	KEXPECT_EQ(files_install(fs, f, 0, false), 0);
	KEXPECT_EQ(files_install(fs, file_get(f), 5, true), 5);
	KEXPECT_EQ(files_install(fs, file_get(f), 0, false), 1);
	KEXPECT_EQ(files_replace(fs, 31, file_get(f), true), 31);
	KEXPECT_EQ(files_count(fs), 4);
	KEXPECT_EQ(files_get_cloexec(fs, 5), 1);
	KEXPECT_EQ(files_get_cloexec(fs, 4), -EBADF);
	KEXPECT_EQ(files_close(fs, 0), 0);
	KEXPECT_EQ(files_close(fs, 0), -EBADF);
	copy = files_copy(fs);
	KREQUIRE(copy);
	files_close_on_exec(copy);
	KEXPECT_EQ(files_count(copy), 1);
	KEXPECT_EQ(files_count(fs), 3);
	KEXPECT_EQ(files_reserve(copy, 0, false), 0);
	KEXPECT_EQ(files_reserve(copy, 0, false), 2);
	KEXPECT(!files_fget(copy, 2));
	files_unreserve(copy, 2);
	files_unreserve(copy, 0);
	KEXPECT_EQ(f->refcount, 4);
	KEXPECT(files_next(copy, &fd) == f && fd == 1);
	file_put(f);
	files_put(copy);
	files_put(fs);
	KEXPECT_EQ(files_count(fs = files_create()), 0);
	for (u32 i = 0; i < 32; i++)
		KEXPECT_EQ(files_install(fs, tmpfs_create_anonymous("/f", 0), 0, false), i);
	KEXPECT_EQ(files_reserve(fs, 0, false), -EMFILE); /* the kernel's own limit */
	files_put(fs);
}
