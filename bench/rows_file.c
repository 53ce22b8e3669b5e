/* Faults on a mapped file of 4 MiB that is in memory: one operation is one page. */
#include "bench/bench.h"

#define FILE_BYTES (4 * MIB)
#define PATH	   "/tmp/bench.file"

static u32 make_file(void)
{
	static char block[16 * KIB];
	for (u32 i = 0; i < sizeof(block); i++)
		block[i] = i;
	u32 fd = must(sys3(NR_open, PATH, O_RDWR | O_CREAT | O_TRUNC, 0600));
	for (u32 done = 0; done < FILE_BYTES; done += sizeof(block))
		must(sys3(NR_write, fd, block, sizeof(block)));
	sys1(NR_unlink, PATH);
	return fd;
}

static void file_faults(u32 flags, void (*access)(u32 start, u32 len))
{
	u32 fd = make_file();
	FOR_SAMPLES
	{
		u32 start = must(sys_mmap(0, FILE_BYTES, PROT_RW, flags, fd));
		begin();
		access(start, FILE_BYTES);
		end(FILE_BYTES / PAGE);
		sys_munmap(start, FILE_BYTES);
	}
}

static void file_read(void)
{
	file_faults(MAP_PRIVATE, peek);
}

static void file_write(void)
{
	file_faults(MAP_PRIVATE, touch);
}

static void file_shared_write(void)
{
	file_faults(MAP_SHARED, touch);
}

const struct row rows_file[] = {
	{"file_read", file_read},
	{"file_write", file_write},
	{"file_shared_write", file_shared_write},
	{NULL, NULL},
};
