/* Classic BPF: programs that look at a packet of data and answer with a number (linux/bpf_common.h,
 * linux/filter.h). */
#ifndef ABI_BPF_H
#define ABI_BPF_H

#include "kernel/lib/types.h"

struct abi_sock_filter {
	u16 code;  /* a class, and what it says more */
	u8 jt, jf; /* jumps: instructions to skip when the condition holds, and when not */
	u32 k;
};
_Static_assert(sizeof(struct abi_sock_filter) == 8, "struct sock_filter is 8 bytes");

struct abi_sock_fprog {
	u16 len; /* instructions */
	u16 unused;
	u32 filter; /* user pointer to them */
};
_Static_assert(sizeof(struct abi_sock_fprog) == 8, "struct sock_fprog is 8 bytes");

#define BPF_MAXINSNS 4096u
#define BPF_MEMWORDS 16u

/* Classes. */
#define BPF_CLASS(code) ((code)&0x07u)
#define BPF_LD	 0x00u
#define BPF_LDX	 0x01u
#define BPF_ST	 0x02u
#define BPF_STX	 0x03u
#define BPF_ALU	 0x04u
#define BPF_JMP	 0x05u
#define BPF_RET	 0x06u
#define BPF_MISC 0x07u

/* Loads: size (a word) and from where. */
#define BPF_MODE(code) ((code)&0xe0u)
#define BPF_W	0x00u
#define BPF_IMM 0x00u
#define BPF_ABS 0x20u
#define BPF_MEM 0x60u
#define BPF_LEN 0x80u

/* ALU and jumps: operation, and whether its operand is k or X. BPF_RET: k or A. */
#define BPF_OP(code) ((code)&0xf0u)
#define BPF_ADD	 0x00u
#define BPF_SUB	 0x10u
#define BPF_MUL	 0x20u
#define BPF_DIV	 0x30u
#define BPF_OR	 0x40u
#define BPF_AND	 0x50u
#define BPF_LSH	 0x60u
#define BPF_RSH	 0x70u
#define BPF_NEG	 0x80u
#define BPF_XOR	 0xa0u
#define BPF_JA	 0x00u
#define BPF_JEQ	 0x10u
#define BPF_JGT	 0x20u
#define BPF_JGE	 0x30u
#define BPF_JSET 0x40u
#define BPF_K	 0x00u
#define BPF_X	 0x08u
#define BPF_A	 0x10u

#define BPF_TAX 0x00u
#define BPF_TXA 0x80u

#endif
