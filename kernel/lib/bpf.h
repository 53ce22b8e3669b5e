/*
 * Classic BPF (McCanne and Jacobson, The BSD Packet Filter, 1993), as far as seccomp(2) allows it:
 * two registers, A and X, 16 words of memory, jumps only forwards, and loads of whole words of the
 * data. A program that bpf_check() has passed ends, and touches nothing else.
 */
#ifndef LIB_BPF_H
#define LIB_BPF_H

#include "kernel/abi/bpf.h"

/* Whether the `n` instructions (1 to BPF_MAXINSNS) may be run on data of so many words. `stored` has
 * room for n elements and means nothing afterwards. */
bool bpf_check(const struct abi_sock_filter *prog, u32 n, u32 words, u16 *stored);

/* What a program that has been checked for as many words says of these; 0 when it divides by 0. */
u32 bpf_run(const struct abi_sock_filter *prog, const u32 *data, u32 words);

#endif
