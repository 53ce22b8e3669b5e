/* File status (include/uapi/linux/stat.h, asm/stat.h, fcntl.h's AT_ flags are in abi/fcntl.h). */
#ifndef ABI_STAT_H
#define ABI_STAT_H

#include "kernel/lib/types.h"

#define S_IFMT   0170000u
#define S_IFSOCK 0140000u
#define S_IFLNK  0120000u
#define S_IFREG  0100000u
#define S_IFBLK  0060000u
#define S_IFDIR  0040000u
#define S_IFCHR  0020000u
#define S_IFIFO  0010000u
#define S_ISUID  0004000u
#define S_ISGID  0002000u
#define S_ISVTX  0001000u
#define S_IXGRP  0000010u

#define S_ISREG(m)  (((m) & S_IFMT) == S_IFREG)
#define S_ISDIR(m)  (((m) & S_IFMT) == S_IFDIR)
#define S_ISLNK(m)  (((m) & S_IFMT) == S_IFLNK)
#define S_ISCHR(m)  (((m) & S_IFMT) == S_IFCHR)
#define S_ISBLK(m)  (((m) & S_IFMT) == S_IFBLK)
#define S_ISFIFO(m) (((m) & S_IFMT) == S_IFIFO)

/* A device number inside the kernel: 12 bits of major, 20 of minor. */
#define MKDEV(major, minor) ((u32)(major) << 20 | (u32)(minor))
#define MAJOR(dev)	    ((dev) >> 20)
#define MINOR(dev)	    ((dev) & 0xfffffu)
#define DEV_MAJOR(dev)      ((u32)(dev) >> 20)
#define DEV_MINOR(dev)      ((u32)(dev) & 0xfffffu)

/* The form of st_dev, st_rdev and mknod(2). */
static inline u32 abi_encode_dev(u32 dev)
{
	u32 minor = DEV_MINOR(dev);
	return (minor & 0xff) | DEV_MAJOR(dev) << 8 | (minor & ~0xffu) << 12;
}
static inline u32 abi_decode_dev(u32 dev)
{
	return MKDEV((dev & 0xfff00) >> 8, (dev & 0xff) | (dev >> 12 & 0xfff00));
}

/* the first stat(2), lstat(2), fstat(2): numbers 18, 84 and 28 */
struct abi_old_stat {
	u16 st_dev, st_ino;
	u16 st_mode, st_nlink, st_uid, st_gid;
	u16 st_rdev, padding;
	u32 st_size, st_atime, st_mtime, st_ctime;
};
_Static_assert(sizeof(struct abi_old_stat) == 32, "the old struct stat is 32 bytes");

/* stat(2), lstat(2), fstat(2): numbers 106 to 108 */
struct abi_stat {
	u32 st_dev, st_ino;
	u16 st_mode, st_nlink, st_uid, st_gid;
	u32 st_rdev, st_size, st_blksize, st_blocks;
	u32 st_atime, st_atime_nsec, st_mtime, st_mtime_nsec, st_ctime, st_ctime_nsec;
	u32 unused4, unused5;
};
_Static_assert(sizeof(struct abi_stat) == 64, "struct stat is 64 bytes");

/* stat64(2) and its family */
struct abi_stat64 {
	u64 st_dev;
	u32 pad0;
	u32 st_ino32;
	u32 st_mode, st_nlink, st_uid, st_gid;
	u64 st_rdev;
	u32 pad3;
	s64 st_size;
	u32 st_blksize;
	u64 st_blocks;
	s32 st_atime;
	u32 st_atime_nsec;
	s32 st_mtime;
	u32 st_mtime_nsec;
	s32 st_ctime;
	u32 st_ctime_nsec;
	u64 st_ino;
} __packed __aligned(4);
_Static_assert(sizeof(struct abi_stat64) == 96, "struct stat64 is 96 bytes");

struct abi_statx_timestamp {
	s64 sec;
	u32 nsec;
	s32 reserved;
};

struct abi_statx {
	u32 stx_mask, stx_blksize;
	u64 stx_attributes;
	u32 stx_nlink, stx_uid, stx_gid;
	u16 stx_mode, spare0;
	u64 stx_ino, stx_size, stx_blocks, stx_attributes_mask;
	struct abi_statx_timestamp stx_atime, stx_btime, stx_ctime, stx_mtime;
	u32 stx_rdev_major, stx_rdev_minor, stx_dev_major, stx_dev_minor;
	u64 stx_mnt_id;
	u32 stx_dio_mem_align, stx_dio_offset_align;
	u64 spare3[12];
};
_Static_assert(sizeof(struct abi_statx) == 256, "struct statx is 256 bytes");

#define STATX_BASIC_STATS 0x07ffu
#define STATX_BTIME       0x0800u
#define STATX_MNT_ID      0x1000u
#define STATX__RESERVED   0x80000000u

#define STATX_ATTR_MOUNT_ROOT 0x2000u
#define STATX_ATTR_KNOWN      0x203070u /* and immutable, append, nodump, automount, DAX */

#define UTIME_NOW  0x3fffffffu
#define UTIME_OMIT 0x3ffffffeu

struct abi_utimbuf32 {
	s32 actime, modtime;
};

#endif
