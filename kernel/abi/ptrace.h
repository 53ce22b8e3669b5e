/* ptrace(2) on i386: requests, options, events, and what is read and written
 * (include/uapi/linux/ptrace.h, asm/ptrace-abi.h, asm/user_32.h, linux/elf.h). */
#ifndef ABI_PTRACE_H
#define ABI_PTRACE_H

#include "kernel/lib/types.h"

#define PTRACE_TRACEME    0
#define PTRACE_PEEKTEXT   1
#define PTRACE_PEEKDATA   2
#define PTRACE_PEEKUSER   3
#define PTRACE_POKETEXT   4
#define PTRACE_POKEDATA   5
#define PTRACE_POKEUSER   6
#define PTRACE_CONT       7
#define PTRACE_KILL       8
#define PTRACE_SINGLESTEP 9
#define PTRACE_GETREGS    12
#define PTRACE_SETREGS    13
#define PTRACE_GETFPREGS  14
#define PTRACE_SETFPREGS  15
#define PTRACE_ATTACH     16
#define PTRACE_DETACH     17
#define PTRACE_GETFPXREGS 18
#define PTRACE_SETFPXREGS 19
#define PTRACE_OLDSETOPTIONS   21
#define PTRACE_SYSCALL         24
#define PTRACE_GET_THREAD_AREA 25
#define PTRACE_SET_THREAD_AREA 26
#define PTRACE_SYSEMU            31
#define PTRACE_SYSEMU_SINGLESTEP 32
#define PTRACE_SETOPTIONS  0x4200
#define PTRACE_GETEVENTMSG 0x4201
#define PTRACE_GETSIGINFO  0x4202
#define PTRACE_SETSIGINFO  0x4203
#define PTRACE_GETREGSET   0x4204
#define PTRACE_SETREGSET   0x4205
#define PTRACE_SEIZE       0x4206
#define PTRACE_INTERRUPT   0x4207
#define PTRACE_LISTEN      0x4208
#define PTRACE_PEEKSIGINFO 0x4209
#define PTRACE_GETSIGMASK  0x420a
#define PTRACE_SETSIGMASK  0x420b
#define PTRACE_GET_SYSCALL_INFO 0x420e

/* Bit n asks for event n; bit 0 makes system calls' stops tell. */
#define PTRACE_O_TRACESYSGOOD 0x00000001u
#define PTRACE_O_EXITKILL     0x00100000u
#define PTRACE_O_MASK         0x003000ffu

#define PTRACE_EVENT_FORK       1u
#define PTRACE_EVENT_VFORK      2u
#define PTRACE_EVENT_CLONE      3u
#define PTRACE_EVENT_EXEC       4u
#define PTRACE_EVENT_VFORK_DONE 5u
#define PTRACE_EVENT_EXIT       6u
#define PTRACE_EVENT_SECCOMP    7u
#define PTRACE_EVENT_STOP       128u

#define PTRACE_EVENTMSG_SYSCALL_ENTRY 1u
#define PTRACE_EVENTMSG_SYSCALL_EXIT  2u

#define PTRACE_PEEKSIGINFO_SHARED 1u

/* Sets of registers, as PTRACE_GETREGSET and core files name them. */
#define NT_PRSTATUS   1u
#define NT_PRFPREG    2u
#define NT_X86_XSTATE 0x202u
#define NT_PRXFPREG   0x46e62b7fu

/* struct user_regs_struct */
struct abi_user_regs {
	u32 ebx, ecx, edx, esi, edi, ebp, eax, ds, es, fs, gs, orig_eax, eip, cs, eflags, esp, ss;
};

/* struct user_fpregs_struct: an FSAVE image; the words of 16 bits have ones above. */
struct abi_user_i387 {
	u32 cw, sw, tag, ipoff, cssel, dataoff, datasel;
	u8 st[8][10];
};

/* struct user: what PTRACE_PEEKUSER's offsets are in. Only regs and debugreg mean anything. */
struct abi_user {
	struct abi_user_regs regs;
	u32 fpvalid;
	struct abi_user_i387 i387;
	u32 unused[18];
	u32 debugreg[8];
};
_Static_assert(sizeof(struct abi_user_regs) == 68, "user_regs_struct is 68 bytes");
_Static_assert(sizeof(struct abi_user_i387) == 108, "user_fpregs_struct is 108 bytes");
_Static_assert(offsetof(struct abi_user, debugreg) == 252, "u_debugreg");
_Static_assert(sizeof(struct abi_user) == 284, "struct user is 284 bytes");

struct abi_peeksiginfo_args {
	u64 off;
	u32 flags;
	s32 nr;
};

#define PTRACE_SYSCALL_INFO_NONE    0
#define PTRACE_SYSCALL_INFO_ENTRY   1
#define PTRACE_SYSCALL_INFO_EXIT    2
#define PTRACE_SYSCALL_INFO_SECCOMP 3

#define AUDIT_ARCH_I386 0x40000003u

struct abi_ptrace_syscall_info {
	u8 op, pad[3];
	u32 arch;
	u64 ip, sp;
	union {
		struct {
			u64 nr, args[6];
		} entry;
		struct {
			s64 rval;
			u8 is_error;
		} exit;
		struct { /* as `entry`, and what the filter's answer carries */
			u64 nr, args[6];
			u32 ret_data;
		} seccomp;
	};
};
_Static_assert(offsetof(struct abi_ptrace_syscall_info, entry) == 24, "ptrace_syscall_info");

#endif
