/* What the file systems in memory make of the options they are mounted with. */
#include "test.h"

#include <sys/mount.h>
#include <sys/statfs.h>

#define DIR "options_dir"

static void try_mount(const char *type, const char *options)
{
	char name[80];
	struct statfs fs;
	struct stat st;
	int err = mount("none", DIR, type, 0, options);

	snprintf(name, sizeof(name), "%s %s", type, options);
	if (err) {
		answer(name, err);
		return;
	}
	stat(DIR, &st);
	statfs(DIR, &fs);
	say(name, "mode %o, %u:%u", st.st_mode, st.st_uid, st.st_gid);
	if (strstr(options, "size") || strstr(options, "nr_blocks")) /* else a part of memory */
		say(name, "%ld blocks", (long)fs.f_blocks);
	if (strstr(options, "nr_inodes"))
		say(name, "%ld files", (long)fs.f_files);
	umount(DIR);
}

static void try_terminals(const char *options)
{
	char name[80];
	struct stat st;
	int err = mount("none", DIR, "devpts", 0, options);

	snprintf(name, sizeof(name), "devpts %s", options);
	if (err) {
		answer(name, err);
		return;
	}
	stat(DIR "/ptmx", &st);
	say(name, "ptmx %o, %u:%u", st.st_mode, st.st_uid, st.st_gid);
	umount(DIR);
}

int main(void)
{
	static const char *const owner[] = {
		"mode=700,uid=7,gid=8", "mode=1777", "mode=7777", "mode=77777", "mode=8", "mode=",
		"mode", "mode=7x", "uid=", "uid=x", "uid=4294967294", "uid=4294967295",
		"uid=4294967296", "uid=-1", "uid=0x10", "uid=010", "gid=+5", "gid=4294967296", "uid=1,",
		",uid=1", "uid=1,,gid=2", "nonsense", "uid=1,nonsense=2", "uid=1,uid=2"};
	static const char *const size[] = {"size=1m,nr_inodes=10", "size=64k,nr_inodes=1k",
		"size=1G,nr_inodes=2M", "size=1t,nr_inodes=5", "size=2T,nr_inodes=5",
		"size=4097,nr_inodes=1", "size=1,nr_inodes=7", "size=0x2000,nr_inodes=0x10",
		"size=010000,nr_inodes=010", "size=,nr_inodes=5", "size=1z", "size=m,nr_inodes=5",
		"size=1mm", "nr_inodes=", "nr_inodes=5z", "nr_inodes=m,size=1m", "size=-1", "size",
		"nr_inodes", "nr_blocks=3,nr_inodes=5", "nr_blocks=1k,nr_inodes=5", "nr_blocks=x"};
	static const char *const terminals[] = {"mode=620,ptmxmode=666", "gid=5", "ptmxmode=",
		"mode=8", "gid=", "gid=x", "newinstance", "newinstance,ptmxmode=640", "newinstance=1",
		"uid=3", "ptmxmode=17777", "nonsense"};

	mkdir(DIR, 0755);
	for (size_t i = 0; i < COUNT(owner); i++)
		try_mount("tmpfs", owner[i]);
	for (size_t i = 0; i < COUNT(size); i++)
		try_mount("tmpfs", size[i]);
	for (size_t i = 0; i < COUNT(owner); i++)
		try_mount("hugetlbfs", owner[i]);
	for (size_t i = 0; i < COUNT(terminals); i++)
		try_terminals(terminals[i]);
	rmdir(DIR);
	return test_failed;
}
