/* statfs(2) and statfs64(2). */
#ifndef ABI_STATFS_H
#define ABI_STATFS_H

#include "kernel/lib/types.h"

struct abi_statfs {
	u32 f_type, f_bsize, f_blocks, f_bfree, f_bavail, f_files, f_ffree;
	s32 f_fsid[2];
	u32 f_namelen, f_frsize, f_flags, f_spare[4];
};
_Static_assert(sizeof(struct abi_statfs) == 64, "struct statfs is 64 bytes");

struct abi_statfs64 {
	u32 f_type, f_bsize;
	u64 f_blocks, f_bfree, f_bavail, f_files, f_ffree;
	s32 f_fsid[2];
	u32 f_namelen, f_frsize, f_flags, f_spare[4];
} __packed __aligned(4);
_Static_assert(sizeof(struct abi_statfs64) == 84, "struct statfs64 is 84 bytes");

#define TMPFS_MAGIC  0x01021994u
#define PROC_MAGIC   0x00009fa0u
#define SYSFS_MAGIC  0x62656572u
#define PIPEFS_MAGIC 0x50495045u
#define DEVPTS_MAGIC 0x00001cd1u
#define TRACEFS_MAGIC 0x74726163u
#define HUGETLBFS_MAGIC 0x958458f6u
#define MQUEUE_MAGIC    0x19800202u

#define ANON_INODE_FS_MAGIC 0x09041934u

/* f_flags */
#define ST_RDONLY   0x0001u
#define ST_NOSUID   0x0002u
#define ST_NODEV    0x0004u
#define ST_NOEXEC   0x0008u
#define ST_VALID    0x0020u
#define ST_RELATIME 0x1000u

#endif
