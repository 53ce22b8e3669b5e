/*
 * The arguments of a program, on the stack it starts with, as Linux lays them:
 *
 *  stack_top -> +--------------------------------+
 *               | a zero word                    |
 *               | path of the program (execfn)   |
 *               | environment strings            |
 *               | argument strings               |
 *               | ... "i686", 16 random bytes    |
 *               | auxv pairs, AT_NULL            |
 *               | envp[], NULL                   |
 *               | argv[], NULL                   |
 *         sp -> | argc                           |  16-byte aligned
 *               +--------------------------------+
 *
 * All of it is measured first; then two cursors write upwards, one the words and one the strings
 * they point to.
 */
#include "kernel/abi/auxv.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/time.h"
#include "kernel/core/random.h"
#include "kernel/lib/kassert.h"
#include "kernel/lib/string.h"
#include "kernel/proc/exec.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal.h"
#include "kernel/proc/vdso.h"
#include "kernel/x86/features.h"
#include "kernel/x86/uaccess.h"
#include "mm/kmalloc.h"
#include "mm/space.h"

#define ARG_MAX_DEFAULT (128u << 10) /* always allowed */
#define ARG_MAX_TOTAL	(6u << 20)   /* never more: 3/4 of the default stack limit */
#define STACK_EXPAND	(128u << 10) /* stack below the arguments from the start */

#define PLATFORM "i686"

/* --- Where strings come from --- */

struct arg_string {
	const char *k; /* in kernel memory, or */
	uptr_t u;      /* in the user's */
};

/* The i-th word of a vector. 1, 0 at its end, or -EFAULT. */
static long vector_get(bool user, uptr_t uvec, const char *const *kvec, u32 i, struct arg_string *s)
{
	u32 p;
	if (!user) {
		s->k = kvec[i];
		return s->k != NULL;
	}
	s->k = NULL;
	if (uvec.va == 0)
		return 0;
	if (get_user_u32(&p, uptr_add(uvec, i * 4)) < 0)
		return -EFAULT;
	s->u = UPTR(p);
	return p != 0;
}

static long arg_get(const struct exec_args *a, u32 i, struct arg_string *s)
{
	if (i < a->nr_prefix) {
		s->k = a->prefix[a->nr_prefix - 1 - i];
		return 1;
	}
	return vector_get(a->user, a->argv, a->kargv, i - a->nr_prefix + a->skip, s);
}

static long env_get(const struct exec_args *a, u32 i, struct arg_string *s)
{
	return vector_get(a->user, a->envp, a->kenvp, i, s);
}

/* Copies the part of a string from `at` on. Returns the bytes got; *end says that the NUL is the
 * last of them. */
static long string_part(const struct arg_string *s, u32 at, char *buf, u32 size, bool *end)
{
	long n;
	if (s->k) {
		n = (long)strlcpy(buf, s->k + at, size);
		*end = n < (long)size;
		if (!*end)
			buf[size - 1] = s->k[at + size - 1];
		return *end ? n + 1 : (long)size;
	}
	n = strncpy_from_user(buf, uptr_add(s->u, at), size);
	*end = n >= 0;
	return *end ? n + 1 : n == -ENAMETOOLONG ? (long)size : n;
}

/* --- Measuring --- */

typedef long (*getter)(const struct exec_args *, u32, struct arg_string *);

static long string_size(const struct arg_string *s, char *buf)
{
	u32 size = 0;
	for (;;) {
		bool end;
		long n = string_part(s, size, buf, PAGE_SIZE, &end);
		if (n < 0)
			return n;
		size += (u32)n;
		if (size > EXEC_MAX_STRING)
			return -E2BIG;
		if (end)
			return (long)size;
	}
}

/* All strings and their pointers must fit into a quarter of the stack's limit. */
static u32 args_limit(void)
{
	u64 stack = current_process()->rlimit[RLIMIT_STACK].cur;
	return MAX((u32)MIN(stack / 4, (u64)ARG_MAX_TOTAL), ARG_MAX_DEFAULT);
}

static long measure(struct exec *e, getter get, char *buf, u32 limit, u32 *count, u32 *bytes)
{
	struct arg_string s;
	long r, size;
	*count = *bytes = 0;
	while ((r = get(&e->args, *count, &s)) > 0) {
		size = string_size(&s, buf);
		if (size < 0)
			return size;
		*bytes += (u32)size;
		++*count;
		if (*bytes + *count * 4 > limit)
			return -E2BIG;
		if (fatal_signal_pending())
			return -ERESTARTNOHAND;
	}
	return r;
}

static long ensure_argv0(struct exec_args *a)
{
	struct arg_string s;
	long r = arg_get(a, 0, &s);
	if (r == 0)
		a->prefix[a->nr_prefix++] = "";
	return MIN(r, 0l);
}

long exec_args_measure(struct exec *e)
{
	struct exec_args *a = &e->args;
	u32 limit = args_limit(), execfn = (u32)strlen(e->execfn) + 1;
	char *buf;
	long err = ensure_argv0(a);
	if (err)
		return err;
	buf = kmalloc(PAGE_SIZE);
	if (!buf)
		return -ENOMEM;
	err = measure(e, arg_get, buf, limit, &a->argc, &a->arg_bytes);
	if (!err)
		err = measure(e, env_get, buf, limit, &a->envc, &a->env_bytes);
	kfree(buf);
	if (!err && a->arg_bytes + a->env_bytes + execfn + (a->argc + a->envc) * 4 > limit)
		err = -E2BIG;
	return err;
}

/* --- Writing --- */

/* A cursor that writes upwards into the new address space through a page of kernel memory. */
struct cursor {
	struct mm *mm;
	vaddr_t at; /* where buf[0] goes */
	u32 n;	    /* bytes in buf */
	char *buf;  /* PAGE_SIZE */
};

static long cursor_flush(struct cursor *c)
{
	if (c->n && mm_access(c->mm, c->at, c->buf, c->n, true, true) != c->n)
		return -ENOMEM;
	c->at += c->n;
	c->n = 0;
	return 0;
}

static long put_word(struct cursor *c, u32 word)
{
	long err = c->n + 4 > PAGE_SIZE ? cursor_flush(c) : 0;
	if (err)
		return err;
	memcpy(c->buf + c->n, &word, 4);
	c->n += 4;
	return 0;
}

/* Writes one string and its address. Another thread may have made it longer since it was measured;
 * `room` is what is left for all of them. */
static long put_string(
	struct cursor *words, struct cursor *strings, const struct arg_string *s, u32 *room)
{
	u32 size = 0;
	bool end = false;
	long err = put_word(words, strings->at + strings->n);
	while (!err && !end) {
		u32 part = MIN(PAGE_SIZE - strings->n, *room);
		long n = part ? string_part(s, size, strings->buf + strings->n, part, &end)
			      : -EFAULT;
		if (n < 0)
			return n;
		strings->n += (u32)n;
		size += (u32)n;
		*room -= (u32)n;
		if (strings->n == PAGE_SIZE)
			err = cursor_flush(strings);
	}
	return err;
}

static long put_vector(struct cursor *words, struct cursor *strings, const struct exec_args *a,
	getter get, u32 count, u32 bytes)
{
	vaddr_t start = strings->at + strings->n;
	u32 room = bytes;
	for (u32 i = 0; i < count; i++) {
		struct arg_string s;
		long r = get(a, i, &s);
		if (r > 0)
			r = put_string(words, strings, &s, &room);
		else if (r == 0)
			r = -EFAULT;
		if (r < 0)
			return r;
	}
	/* What shrank meanwhile leaves zeroes, which the fresh stack has anyway. */
	if (room) {
		long err = cursor_flush(strings);
		if (err)
			return err;
		strings->at = start + bytes;
	}
	return put_word(words, 0);
}

/* Addresses, top down as in the drawing. */
struct layout {
	vaddr_t execfn, env, args, platform, random, sp;
};

struct auxv {
	u32 word[AUXV_MAX];
	u32 n;
};

static void aux(struct auxv *v, u32 type, u32 value)
{
	kassert(v->n + 2 <= AUXV_MAX);
	v->word[v->n++] = type;
	v->word[v->n++] = value;
}

static void make_auxv(const struct exec *e, const struct layout *l, struct auxv *v)
{
	const struct credentials *c = &current_task()->cred;
	v->n = 0;
	if (e->mm->vdso) {
		aux(v, AT_SYSINFO, vdso_address(e->mm, __kernel_vsyscall));
		aux(v, AT_SYSINFO_EHDR, e->mm->vdso);
	}
	aux(v, AT_MINSIGSTKSZ, sigframe_max_size());
	aux(v, AT_HWCAP, cpu_features.hwcap);
	aux(v, AT_PAGESZ, PAGE_SIZE);
	aux(v, AT_CLKTCK, USER_HZ);
	aux(v, AT_PHDR, e->elf.phdr_vaddr ? e->elf.phdr_vaddr + e->bias : 0);
	aux(v, AT_PHENT, sizeof(struct elf32_phdr));
	aux(v, AT_PHNUM, e->elf.phnum);
	aux(v, AT_BASE, e->interp_base);
	aux(v, AT_FLAGS, 0);
	aux(v, AT_ENTRY, e->elf.entry + e->bias);
	aux(v, AT_UID, c->uid);
	aux(v, AT_EUID, e->euid);
	aux(v, AT_GID, c->gid);
	aux(v, AT_EGID, e->egid);
	aux(v, AT_SECURE, e->set_id);
	aux(v, AT_RANDOM, l->random);
	aux(v, AT_HWCAP2, 0);
	aux(v, AT_EXECFN, l->execfn);
	aux(v, AT_PLATFORM, l->platform);
	aux(v, AT_NULL, 0);
}

static void make_layout(const struct exec *e, struct layout *l, u32 auxv_words)
{
	const struct exec_args *a = &e->args;
	u32 skew = exec_random(e, STACK_SKEW);
	vaddr_t p;
	l->execfn = e->stack_top - 4 - ((u32)strlen(e->execfn) + 1);
	l->env = l->execfn - a->env_bytes;
	l->args = l->env - a->arg_bytes;
	l->platform = ALIGN_DOWN(l->args - skew, 16u) - sizeof(PLATFORM);
	l->random = l->platform - 16;
	p = l->random - auxv_words * 4;
	p -= (1 + a->argc + 1 + a->envc + 1) * 4;
	l->sp = ALIGN_DOWN(p, 16u);
}

static long map_stack(struct exec *e, vaddr_t sp)
{
	u32 used = e->stack_top - ALIGN_DOWN(sp, PAGE_SIZE);
	u32 size = MAX(used, MIN(used + STACK_EXPAND, ALIGN_DOWN(e->mm->limits.stack, PAGE_SIZE)));
	struct map_request r = {
		.addr = e->stack_top - size,
		.len = size,
		.vm_flags = VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC |
			    VM_GROWSDOWN | (e->stack_exec ? VM_EXEC : 0),
		.how = MM_FIXED | MM_NOREPLACE,
	};
	long at;
	mutex_lock(&e->mm->lock);
	at = mm_map(e->mm, &r);
	mutex_unlock(&e->mm->lock);
	return is_err((void *)at) ? -ENOMEM : 0;
}

static long write_words(
	struct exec *e, const struct layout *l, struct cursor *words, struct cursor *strings)
{
	const struct exec_args *a = &e->args;
	struct auxv v;
	long err = put_word(words, a->argc);
	if (!err)
		err = put_vector(words, strings, a, arg_get, a->argc, a->arg_bytes);
	if (!err)
		err = put_vector(words, strings, a, env_get, a->envc, a->env_bytes);
	make_auxv(e, l, &v);
	for (u32 i = 0; i < v.n && !err; i++)
		err = put_word(words, v.word[i]);
	memcpy(e->mm->auxv, v.word, v.n * 4);
	return err ? err : cursor_flush(words);
}

/* Random bytes, platform and path: in their places, one by one. */
static long write_rest(struct exec *e, const struct layout *l)
{
	struct {
		u8 random[16];
		char platform[sizeof(PLATFORM)];
	} __packed r = {.platform = PLATFORM};
	u32 len = (u32)strlen(e->execfn) + 1;
	random_bytes(r.random, sizeof(r.random));
	if (mm_access(e->mm, l->random, &r, sizeof(r), true, true) != sizeof(r))
		return -ENOMEM;
	if (mm_access(e->mm, l->execfn, (char *)e->execfn, len, true, true) != len)
		return -ENOMEM;
	return 0;
}

long exec_build_stack(struct exec *e)
{
	struct mm *mm = e->mm;
	struct auxv v = {.n = 0};
	struct layout l = {0};
	struct cursor words, strings;
	char *buf;
	long err;
	make_auxv(e, &l, &v); /* for its length */
	make_layout(e, &l, v.n);
	err = map_stack(e, l.sp);
	if (err)
		return err;
	buf = kmalloc(2 * PAGE_SIZE);
	if (!buf)
		return -ENOMEM;
	words = (struct cursor){.mm = mm, .at = l.sp, .buf = buf};
	strings = (struct cursor){.mm = mm, .at = l.args, .buf = buf + PAGE_SIZE};
	err = write_words(e, &l, &words, &strings);
	if (!err)
		err = cursor_flush(&strings);
	if (!err)
		err = write_rest(e, &l);
	kfree(buf);
	mm->arg_start = l.args;
	mm->arg_end = mm->env_start = l.env;
	mm->env_end = l.execfn;
	mm->start_stack = e->sp = l.sp;
	return err;
}
