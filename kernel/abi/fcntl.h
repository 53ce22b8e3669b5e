/* open(2), fcntl(2), the *at() calls, lseek(2), flock(2), fallocate(2), mount(2) and their flags
 * (include/uapi/asm-generic/fcntl.h and others; octal as there). */
#ifndef ABI_FCNTL_H
#define ABI_FCNTL_H

#include "kernel/lib/types.h"

#define O_ACCMODE   00000003u
#define O_RDONLY    00000000u
#define O_WRONLY    00000001u
#define O_RDWR      00000002u
#define O_CREAT     00000100u
#define O_EXCL      00000200u
#define O_NOCTTY    00000400u
#define O_TRUNC     00001000u
#define O_APPEND    00002000u
#define O_NONBLOCK  00004000u
#define O_DSYNC     00010000u
#define O_ASYNC     00020000u
#define O_DIRECT    00040000u
#define O_LARGEFILE 00100000u
#define O_DIRECTORY 00200000u
#define O_NOFOLLOW  00400000u
#define O_NOATIME   01000000u
#define O_CLOEXEC   02000000u
#define O_SYNC      04010000u
#define O_PATH      010000000u
#define O_TMPFILE_BIT 020000000u
#define O_TMPFILE   (O_TMPFILE_BIT | O_DIRECTORY)
#define O_ALL       037777703u

#define AT_FDCWD            (-100)
#define AT_SYMLINK_NOFOLLOW 0x100u
#define AT_EACCESS          0x200u
#define AT_REMOVEDIR        0x200u
#define AT_SYMLINK_FOLLOW   0x400u
#define AT_NO_AUTOMOUNT     0x800u
#define AT_EMPTY_PATH       0x1000u
#define AT_STATX_FORCE_SYNC 0x2000u
#define AT_STATX_DONT_SYNC  0x4000u
#define AT_STATX_SYNC_TYPE  0x6000u

#define R_OK 4u
#define W_OK 2u
#define X_OK 1u

#define SEEK_SET  0u
#define SEEK_CUR  1u
#define SEEK_END  2u
#define SEEK_DATA 3u
#define SEEK_HOLE 4u

enum {
	F_DUPFD = 0, F_GETFD = 1, F_SETFD = 2, F_GETFL = 3, F_SETFL = 4, F_GETLK = 5, F_SETLK = 6,
	F_SETLKW = 7, F_SETOWN = 8, F_GETOWN = 9, F_SETSIG = 10, F_GETSIG = 11, F_GETLK64 = 12, F_SETLK64 = 13, F_SETLKW64 = 14,
	F_SETOWN_EX = 15, F_GETOWN_EX = 16, F_OFD_GETLK = 36, F_OFD_SETLK = 37, F_OFD_SETLKW = 38,
	F_DUPFD_CLOEXEC = 1030, F_SETPIPE_SZ = 1031, F_GETPIPE_SZ = 1032, F_GETLEASE = 1025,
	F_ADD_SEALS = 1033, F_GET_SEALS = 1034, F_GET_RW_HINT = 1035, F_SET_RW_HINT = 1036,
};
#define FD_CLOEXEC 1u

#define F_SEAL_SEAL         0x01u
#define F_SEAL_SHRINK       0x02u
#define F_SEAL_GROW         0x04u
#define F_SEAL_WRITE        0x08u
#define F_SEAL_FUTURE_WRITE 0x10u

#define RWH_WRITE_LIFE_EXTREME 5 /* the last of them */

#define F_RDLCK 0
#define F_WRLCK 1
#define F_UNLCK 2

struct abi_flock {
	s16 l_type, l_whence;
	s32 l_start, l_len, l_pid;
};
_Static_assert(sizeof(struct abi_flock) == 16, "struct flock is 16 bytes");

struct abi_flock64 {
	s16 l_type, l_whence;
	s64 l_start, l_len;
	s32 l_pid;
} __packed __aligned(4);
_Static_assert(sizeof(struct abi_flock64) == 24, "struct flock64 is 24 bytes");

#define F_OWNER_TID  0
#define F_OWNER_PID  1
#define F_OWNER_PGRP 2

struct abi_f_owner_ex {
	s32 type, pid;
};
_Static_assert(sizeof(struct abi_f_owner_ex) == 8, "struct f_owner_ex is 8 bytes");

/* openat2() */
struct abi_open_how {
	u64 flags, mode, resolve;
};
_Static_assert(sizeof(struct abi_open_how) == 24, "struct open_how is 24 bytes");

#define RESOLVE_NO_XDEV       0x01u
#define RESOLVE_NO_MAGICLINKS 0x02u
#define RESOLVE_NO_SYMLINKS   0x04u
#define RESOLVE_BENEATH       0x08u
#define RESOLVE_IN_ROOT       0x10u
#define RESOLVE_CACHED        0x20u

#define LOCK_SH 1u
#define LOCK_EX 2u
#define LOCK_NB 4u
#define LOCK_UN 8u

/* setxattr() */
#define XATTR_CREATE  1u
#define XATTR_REPLACE 2u

/* preadv2() and pwritev2() */
#define RWF_HIPRI 0x01u
#define RWF_DSYNC 0x02u
#define RWF_SYNC  0x04u

#define FALLOC_FL_KEEP_SIZE  0x01u
#define FALLOC_FL_PUNCH_HOLE 0x02u
#define FALLOC_FL_COLLAPSE_RANGE 0x08u
#define FALLOC_FL_ZERO_RANGE     0x10u
#define FALLOC_FL_INSERT_RANGE   0x20u
#define FALLOC_FL_UNSHARE_RANGE  0x40u
#define FALLOC_FL_SUPPORTED      0x7bu /* known to some file system of Linux's */

#define RENAME_NOREPLACE 1u
#define RENAME_EXCHANGE  2u
#define RENAME_WHITEOUT  4u

#define CLOSE_RANGE_UNSHARE 2u
#define CLOSE_RANGE_CLOEXEC 4u

#define MS_RDONLY      0x0001u
#define MS_NOSUID      0x0002u
#define MS_NODEV       0x0004u
#define MS_NOEXEC      0x0008u
#define MS_SYNCHRONOUS 0x0010u
#define MS_REMOUNT     0x0020u
#define MS_NOATIME     0x0400u
#define MS_NODIRATIME  0x0800u
#define MS_BIND        0x1000u
#define MS_MOVE        0x2000u
#define MS_REC         0x4000u
#define MS_SILENT      0x8000u
#define MS_UNBINDABLE  0x20000u
#define MS_PRIVATE     0x40000u
#define MS_SLAVE       0x80000u
#define MS_SHARED      0x100000u
#define MS_RELATIME    0x200000u
#define MS_STRICTATIME 0x1000000u
#define MS_MGC_VAL     0xC0ED0000u
#define MS_MGC_MSK     0xffff0000u

#define MNT_FORCE       1u
#define MNT_DETACH      2u
#define MNT_EXPIRE      4u
#define UMOUNT_NOFOLLOW 8u

#define FIONREAD 0x541Bu
#define FIONBIO  0x5421u
#define FIOASYNC 0x5452u
#define FIONCLEX 0x5450u
#define FIOCLEX  0x5451u
#define FIOQSIZE 0x5460u

/* splice(2), tee(2), vmsplice(2) */
#define SPLICE_F_NONBLOCK 2u
#define SPLICE_F_ALL      0xfu

#define ABI_PATH_MAX 4096u
#define ABI_NAME_MAX 255u
#define ABI_PIPE_BUF 4096u

#endif
