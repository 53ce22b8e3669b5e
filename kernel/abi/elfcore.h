/* What notes in ELF core files hold on i386 (include/linux/elfcore.h, elfcore-compat.h). The sets
 * of registers are in kernel/abi/ptrace.h. */
#ifndef ABI_ELFCORE_H
#define ABI_ELFCORE_H

#include "kernel/abi/ptrace.h"
#include "kernel/abi/time.h"
#include "kernel/lib/types.h"

#define NT_PRPSINFO 3u
#define NT_AUXV	    6u
#define NT_386_TLS  0x200u
#define NT_FILE	    0x46494c45u
#define NT_SIGINFO  0x53494749u

/* NT_PRSTATUS: a thread */
struct abi_prstatus {
	s32 si_signo, si_code, si_errno;
	s16 cursig;
	u32 sigpend, sighold;
	u32 pid, ppid, pgrp, sid;
	struct abi_timeval32 utime, stime, cutime, cstime;
	struct abi_user_regs reg;
	u32 fpvalid;
};
_Static_assert(sizeof(struct abi_prstatus) == 144, "elf_prstatus is 144 bytes");

/* NT_PRPSINFO: the process */
struct abi_prpsinfo {
	u8 state;
	char sname;
	u8 zomb;
	s8 nice;
	u32 flag;
	u16 uid, gid;
	u32 pid, ppid, pgrp, sid;
	char fname[16], psargs[80];
};
_Static_assert(sizeof(struct abi_prpsinfo) == 124, "elf_prpsinfo is 124 bytes");

/* NT_FILE: this, `count` of the next, and then their names with a NUL each */
struct abi_nt_file {
	u32 count, page_size;
};
struct abi_nt_file_range {
	u32 start, end, page; /* `page` of the file is at start */
};

#endif
