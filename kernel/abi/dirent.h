/* Directory entries as getdents(2) and getdents64(2) return them. */
#ifndef ABI_DIRENT_H
#define ABI_DIRENT_H

#include "kernel/lib/types.h"

/* The name follows at ABI_DIRENT_NAME with its NUL; the type is the record's last byte. */
struct abi_dirent {
	u32 d_ino, d_off;
	u16 d_reclen;
} __packed;
#define ABI_DIRENT_NAME 10u
_Static_assert(sizeof(struct abi_dirent) == ABI_DIRENT_NAME, "linux_dirent's name is at 10");

struct abi_dirent64 {
	u64 d_ino;
	s64 d_off;
	u16 d_reclen;
	u8 d_type;
} __packed;
#define ABI_DIRENT64_NAME 19u
_Static_assert(sizeof(struct abi_dirent64) == ABI_DIRENT64_NAME, "linux_dirent64's name is at 19");

/* d_type is the S_IFMT bits of the mode, shifted down. */
#define DT_UNKNOWN 0
#define DT_FIFO    1
#define DT_CHR     2
#define DT_DIR     4
#define DT_BLK     6
#define DT_REG     8
#define DT_LNK     10
#define DT_SOCK    12

#endif
