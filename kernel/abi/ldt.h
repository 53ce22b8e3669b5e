/* struct user_desc of set_thread_area(2), clone(CLONE_SETTLS) and modify_ldt(2), and what this does
 * (asm/ldt.h). */
#ifndef ABI_LDT_H
#define ABI_LDT_H

#include "kernel/lib/types.h"

struct abi_user_desc {
	u32 entry_number; /* -1: any free one */
	u32 base_addr, limit;
	u32 flags; /* UD_ bits */
};
_Static_assert(sizeof(struct abi_user_desc) == 16, "struct user_desc is 16 bytes");

#define UD_SEG_32BIT       0x01u
#define UD_CONTENTS_SHIFT  1 /* two bits: 0 data, 1 stack, 2 and 3 code */
#define UD_CONTENTS        0x06u
#define UD_READ_EXEC_ONLY  0x08u
#define UD_LIMIT_IN_PAGES  0x10u
#define UD_SEG_NOT_PRESENT 0x20u
#define UD_USEABLE         0x40u
#define UD_KNOWN           0x7fu

#define MODIFY_LDT_READ         0
#define MODIFY_LDT_WRITE_OLD    1
#define MODIFY_LDT_READ_DEFAULT 2
#define MODIFY_LDT_WRITE        0x11

#endif
