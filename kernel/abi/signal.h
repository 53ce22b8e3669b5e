/* Signals as i386 programs see them: numbers, siginfo, sigaction, the frames a handler finds on
 * its stack (include/uapi/asm/{signal,sigcontext,ucontext,siginfo}.h). */
#ifndef ABI_SIGNAL_H
#define ABI_SIGNAL_H

#include "kernel/lib/types.h"

#define _NSIG 64

enum {
	SIGHUP = 1, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGKILL, SIGUSR1,
	SIGSEGV, SIGUSR2, SIGPIPE, SIGALRM, SIGTERM, SIGSTKFLT, SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP,
	SIGTTIN, SIGTTOU, SIGURG, SIGXCPU, SIGXFSZ, SIGVTALRM, SIGPROF, SIGWINCH, SIGIO, SIGPWR, SIGSYS,
};

#define SIG_DFL_K 0u
#define SIG_IGN_K 1u

#define SA_NOCLDSTOP 0x00000001u
#define SA_NOCLDWAIT 0x00000002u
#define SA_SIGINFO   0x00000004u
#define SA_RESTORER  0x04000000u
#define SA_ONSTACK   0x08000000u
#define SA_RESTART   0x10000000u
#define SA_NODEFER   0x40000000u
#define SA_RESETHAND 0x80000000u
#define SA_KNOWN     0xdc000807u /* these, and SA_EXPOSE_TAGBITS */

#define SIG_BLOCK   0
#define SIG_UNBLOCK 1
#define SIG_SETMASK 2

#define SS_ONSTACK    1u
#define SS_DISABLE    2u
#define SS_AUTODISARM 0x80000000u
#define MINSIGSTKSZ   2048u

#define SI_USER    0
#define SI_KERNEL  0x80
#define SI_QUEUE   -1
#define SI_TIMER   -2
#define SI_MESGQ   -3
#define SI_SIGIO   -5
#define SI_TKILL   -6
#define SEGV_MAPERR 1
#define SEGV_ACCERR 2
#define BUS_ADRALN  1
#define BUS_ADRERR  2
#define BUS_MCEERR_AR 4
#define BUS_MCEERR_AO 5
#define CLD_EXITED    1
#define CLD_KILLED    2
#define CLD_DUMPED    3
#define CLD_TRAPPED   4
#define CLD_STOPPED   5
#define CLD_CONTINUED 6
#define FPE_INTDIV 1
#define FPE_FLTDIV 3
#define FPE_FLTOVF 4
#define FPE_FLTUND 5
#define FPE_FLTRES 6
#define FPE_FLTINV 7
#define ILL_ILLOPN 2
#define ILL_BADSTK 8
#define TRAP_BRKPT 1
#define TRAP_TRACE 2
#define TRAP_HWBKPT 4
#define SYS_SECCOMP 1
#define SYS_USER_DISPATCH 2
/* Why a signal came for a file with O_ASYNC. */
#define POLL_IN  1
#define POLL_OUT 2
#define POLL_MSG 3
#define POLL_ERR 4
#define POLL_PRI 5
#define POLL_HUP 6

struct abi_siginfo {
	s32 si_signo, si_errno, si_code;
	union {
		s32 pad[29];
		struct {
			s32 pid;
			u32 uid;
			u32 value; /* SI_QUEUE */
		} rt;
		struct {
			s32 tid, overrun;
			u32 value;
		} timer; /* SI_TIMER */
		struct {
			s32 pid;
			u32 uid;
			s32 status, utime, stime;
		} chld;
		struct {
			u32 addr;
			u32 addr_lsb; /* BUS_MCEERR_: log2 of the bytes lost */
		} fault;
		struct {
			u32 call_addr;
			s32 syscall;
			u32 arch;
		} sys; /* SIGSYS */
		struct {
			s32 band, fd;
		} poll; /* SIGIO */
	};
};
_Static_assert(sizeof(struct abi_siginfo) == 128, "siginfo_t is 128 bytes");

/* struct sigevent of timer_create(2) */
struct abi_sigevent {
	u32 value;
	s32 signo, notify, tid;
	u32 pad[12];
};
_Static_assert(sizeof(struct abi_sigevent) == 64, "struct sigevent is 64 bytes");

#define SIGEV_SIGNAL    0
#define SIGEV_NONE      1
#define SIGEV_THREAD    2
#define SIGEV_THREAD_ID 4

/* struct sigaction of rt_sigaction(2), 8-byte mask */
struct abi_sigaction_k {
	u32 handler;
	u32 flags;
	u32 restorer;
	u64 mask;
} __packed __aligned(4);
_Static_assert(sizeof(struct abi_sigaction_k) == 20, "kernel sigaction is 20 bytes");

/* struct old_sigaction of sigaction(2) */
struct abi_old_sigaction {
	u32 handler, mask, flags, restorer;
};

struct abi_stack {
	u32 ss_sp;
	s32 ss_flags;
	u32 ss_size;
};

/* struct _fpstate_32: the FSAVE image and, behind it, the FXSAVE image when magic is 0 */
struct abi_fpstate {
	u32 cw, sw, tag, ipoff, cssel, dataoff, datasel;
	u8 st[80];
	u16 status, magic;
	u8 fxsave[512];
};
_Static_assert(sizeof(struct abi_fpstate) == 624, "fpstate is 624 bytes");

/* sigcontext.trapno when iret refused a frame. What else is there are the CPU's vectors. */
#define TRAPNO_IRET 32

struct abi_sigcontext {
	u16 gs, gs_h, fs, fs_h, es, es_h, ds, ds_h;
	u32 di, si, bp, sp, bx, dx, cx, ax;
	u32 trapno, err, ip;
	u16 cs, cs_h;
	u32 flags, sp_at_signal;
	u16 ss, ss_h;
	u32 fpstate; /* user pointer, 0: none */
	u32 oldmask, cr2;
};
_Static_assert(sizeof(struct abi_sigcontext) == 88, "sigcontext is 88 bytes");

struct abi_ucontext {
	u32 uc_flags, uc_link;
	struct abi_stack uc_stack;
	struct abi_sigcontext uc_mcontext;
	u64 uc_sigmask;
} __packed __aligned(4);

struct abi_sigframe { /* without SA_SIGINFO; left by sigreturn(2) */
	u32 pretcode;
	s32 sig;
	struct abi_sigcontext sc;
	u8 fpstate_unused[624]; /* where Linux once kept the state: that of FXSAVE behind the old one */
	u32 extramask[1];
	u8 retcode[8];
};

struct abi_rt_sigframe { /* with SA_SIGINFO; left by rt_sigreturn(2) */
	u32 pretcode;
	s32 sig;
	u32 pinfo, puc;
	struct abi_siginfo info;
	struct abi_ucontext uc;
	u8 retcode[8];
};

#endif
