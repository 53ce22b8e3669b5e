/* Classic BPF: which programs are sound, and what they answer. See kernel/lib/bpf.h. */
#include "kernel/lib/bpf.h"
#include "kernel/lib/string.h"

/* --- Checking --- */

/* The instruction is one there is, and its constant is in range; `left` follow it. */
static bool insn_ok(const struct abi_sock_filter *f, u32 left, u32 words)
{
	switch (f->code) {
	case BPF_LD | BPF_W | BPF_ABS:
		return f->k % 4 == 0 && f->k / 4 < words;
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_MEM:
	case BPF_ST:
	case BPF_STX:
		return f->k < BPF_MEMWORDS;
	case BPF_ALU | BPF_DIV | BPF_K:
		return f->k != 0;
	case BPF_ALU | BPF_LSH | BPF_K:
	case BPF_ALU | BPF_RSH | BPF_K:
		return f->k < 32;
	case BPF_JMP | BPF_JA:
		return f->k < left;
	case BPF_JMP | BPF_JEQ | BPF_K:
	case BPF_JMP | BPF_JEQ | BPF_X:
	case BPF_JMP | BPF_JGT | BPF_K:
	case BPF_JMP | BPF_JGT | BPF_X:
	case BPF_JMP | BPF_JGE | BPF_K:
	case BPF_JMP | BPF_JGE | BPF_X:
	case BPF_JMP | BPF_JSET | BPF_K:
	case BPF_JMP | BPF_JSET | BPF_X:
		return f->jt < left && f->jf < left;
	case BPF_LD | BPF_IMM:
	case BPF_LD | BPF_W | BPF_LEN:
	case BPF_LDX | BPF_IMM:
	case BPF_LDX | BPF_W | BPF_LEN:
	case BPF_ALU | BPF_ADD | BPF_K:
	case BPF_ALU | BPF_ADD | BPF_X:
	case BPF_ALU | BPF_SUB | BPF_K:
	case BPF_ALU | BPF_SUB | BPF_X:
	case BPF_ALU | BPF_MUL | BPF_K:
	case BPF_ALU | BPF_MUL | BPF_X:
	case BPF_ALU | BPF_DIV | BPF_X:
	case BPF_ALU | BPF_AND | BPF_K:
	case BPF_ALU | BPF_AND | BPF_X:
	case BPF_ALU | BPF_OR | BPF_K:
	case BPF_ALU | BPF_OR | BPF_X:
	case BPF_ALU | BPF_XOR | BPF_K:
	case BPF_ALU | BPF_XOR | BPF_X:
	case BPF_ALU | BPF_LSH | BPF_X:
	case BPF_ALU | BPF_RSH | BPF_X:
	case BPF_ALU | BPF_NEG:
	case BPF_RET | BPF_K:
	case BPF_RET | BPF_A:
	case BPF_MISC | BPF_TAX:
	case BPF_MISC | BPF_TXA:
		return true;
	}
	return false;
}

/* No word of memory is loaded that has not been stored on every way there. stored[i] gathers, as a
 * bit each, the words that all jumps to instruction i have behind them; all jumps go forwards. */
static bool loads_follow_stores(const struct abi_sock_filter *prog, u32 n, u16 *stored)
{
	u32 now = 0;

	memset(stored, 0xff, n * sizeof(*stored));
	for (u32 i = 0; i < n; i++) {
		const struct abi_sock_filter *f = &prog[i];

		now &= stored[i];
		if (f->code == BPF_ST || f->code == BPF_STX) {
			now |= 1u << f->k;
		} else if (BPF_CLASS(f->code) <= BPF_LDX && BPF_MODE(f->code) == BPF_MEM) {
			if (!(now & 1u << f->k))
				return false;
		} else if (f->code == (BPF_JMP | BPF_JA)) {
			stored[i + 1 + f->k] &= (u16)now;
			now = ~0u;
		} else if (BPF_CLASS(f->code) == BPF_JMP) {
			stored[i + 1 + f->jt] &= (u16)now;
			stored[i + 1 + f->jf] &= (u16)now;
			now = ~0u;
		}
	}
	return true;
}

bool bpf_check(const struct abi_sock_filter *prog, u32 n, u32 words, u16 *stored)
{
	for (u32 i = 0; i < n; i++)
		if (!insn_ok(&prog[i], n - i - 1, words))
			return false;
	return BPF_CLASS(prog[n - 1].code) == BPF_RET && loads_follow_stores(prog, n, stored);
}

/* --- Running --- */

static u32 load(const struct abi_sock_filter *f, const u32 *data, u32 words, const u32 *mem)
{
	switch (BPF_MODE(f->code)) {
	case BPF_ABS:
		return data[f->k / 4];
	case BPF_MEM:
		return mem[f->k];
	case BPF_LEN:
		return words * 4;
	default: /* BPF_IMM */
		return f->k;
	}
}

static u32 compute(u32 op, u32 a, u32 operand)
{
	switch (op) {
	case BPF_ADD:
		return a + operand;
	case BPF_SUB:
		return a - operand;
	case BPF_MUL:
		return a * operand;
	case BPF_DIV:
		return a / operand;
	case BPF_OR:
		return a | operand;
	case BPF_AND:
		return a & operand;
	case BPF_LSH:
		return a << (operand & 31);
	case BPF_RSH:
		return a >> (operand & 31);
	case BPF_XOR:
		return a ^ operand;
	default: /* BPF_NEG */
		return -a;
	}
}

/* How many instructions are skipped. */
static u32 jump(const struct abi_sock_filter *f, u32 a, u32 operand)
{
	switch (BPF_OP(f->code)) {
	case BPF_JEQ:
		return a == operand ? f->jt : f->jf;
	case BPF_JGT:
		return a > operand ? f->jt : f->jf;
	case BPF_JGE:
		return a >= operand ? f->jt : f->jf;
	case BPF_JSET:
		return a & operand ? f->jt : f->jf;
	default: /* BPF_JA */
		return f->k;
	}
}

u32 bpf_run(const struct abi_sock_filter *f, const u32 *data, u32 words)
{
	u32 a = 0, x = 0, mem[BPF_MEMWORDS] = {0};

	for (;; f++) {
		u32 operand = f->code & BPF_X ? x : f->k;

		switch (BPF_CLASS(f->code)) {
		case BPF_LD:
			a = load(f, data, words, mem);
			break;
		case BPF_LDX:
			x = load(f, data, words, mem);
			break;
		case BPF_ST:
			mem[f->k] = a;
			break;
		case BPF_STX:
			mem[f->k] = x;
			break;
		case BPF_ALU:
			if (BPF_OP(f->code) == BPF_DIV && operand == 0)
				return 0;
			a = compute(BPF_OP(f->code), a, operand);
			break;
		case BPF_JMP:
			f += jump(f, a, operand);
			break;
		case BPF_RET:
			return f->code & BPF_A ? a : f->k;
		case BPF_MISC:
			if (f->code & BPF_TXA)
				a = x;
			else
				x = a;
		}
	}
}
