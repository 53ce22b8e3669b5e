/* Classic BPF: whatever the check lets pass ends, and touches only its data and its memory (the host's
 * sanitizers look on). What instructions compute is compared with Linux in tests/user/seccomp.c. */
#include "kernel/core/selftest.h"
#include "kernel/lib/bpf.h"

#define WORDS  16
#define LENGTH 12

/* A random instruction that is likely to be sound. */
static struct abi_sock_filter any_insn(void)
{
	static const u8 modes[] = {BPF_IMM, BPF_ABS, BPF_MEM, BPF_LEN};
	struct abi_sock_filter f = {.k = ktest_random() % 80};

	f.code = ktest_random() % 8;
	if (f.code <= BPF_LDX)
		f.code |= modes[ktest_random() % 4];
	else if (f.code >= BPF_ALU)
		f.code |= ktest_random() & 0xf8;
	f.jt = ktest_random() % 8;
	f.jf = ktest_random() % 8;
	return f;
}

KTEST(bpf, checked_programs_end)
{
	struct abi_sock_filter prog[LENGTH];
	u32 data[WORDS] = {0}, sound = 0;
	u16 stored[LENGTH];

	for (u32 i = 0; i < 100000 || (sound < 100 && i < 10000000); i++) {
		u32 n = 1 + ktest_random() % LENGTH;

		for (u32 j = 0; j + 1 < n; j++)
			prog[j] = any_insn();
		prog[n - 1] = (struct abi_sock_filter){BPF_RET | BPF_A, 0, 0, 0};
		data[i % WORDS] = ktest_random();
		if (!bpf_check(prog, n, WORDS, stored))
			continue;
		sound++;
		bpf_run(prog, data, WORDS);
	}
	KEXPECT(sound >= 100);
}
