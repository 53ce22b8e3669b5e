/*
 * The ELF checker: good programs give the segments they say, each kind of wrong one is refused with
 * its own reason, and headers with random damage never give an image that breaks the promises of
 * kernel/proc/elf.h.
 */
#include "kernel/abi/errno.h"
#include "kernel/core/selftest.h"
#include "kernel/lib/string.h"
#include "kernel/proc/elf.h"
#include "kernel/x86/layout.h"

#define FILE_SIZE 0x5000u

/* A program as ld makes it: code, data with .bss. */
struct program {
	struct elf32_ehdr h;
	struct elf32_phdr p[4];
};

static struct elf_image image;

static struct program good(void)
{
	struct program g = {
		.h =
			{
				.magic = ELF_MAGIC,
				.class = ELF_CLASS32,
				.data = ELF_DATA2LSB,
				.version = ELF_EV_CURRENT,
				.e_type = ELF_ET_EXEC,
				.e_machine = ELF_EM_386,
				.e_version = ELF_EV_CURRENT,
				.e_entry = 0x08048100,
				.e_phoff = sizeof(struct elf32_ehdr),
				.e_ehsize = sizeof(struct elf32_ehdr),
				.e_phentsize = sizeof(struct elf32_phdr),
				.e_phnum = 3,
			},
		.p =
			{
				{ELF_PT_LOAD, 0, 0x08048000, 0, 0x1234, 0x1234, ELF_PF_R | ELF_PF_X,
					0x1000},
				{ELF_PT_LOAD, 0x2010, 0x0804b010, 0, 0x100, 0x3000,
					ELF_PF_R | ELF_PF_W, 0x1000},
				{ELF_PT_GNU_STACK, 0, 0, 0, 0, 0, ELF_PF_R | ELF_PF_W, 16},
			},
	};
	return g;
}

static int parse(const struct program *g, u64 size, const char **why)
{
	int err = elf_check_header(g, sizeof(*g), size, why);
	return err ? err : elf_parse(&g->h, g->p, size, &image, why);
}

/* The program is refused, for a reason that has `word` in it. */
static void expect_refused(const struct program *g, const char *word, int line)
{
	const char *why = NULL;
	int err = parse(g, FILE_SIZE, &why);
	if (err != -ENOEXEC || !why)
		ktest_fail(__FILE__, line, "not refused: %d", err);
	else if (!strstr(why, word))
		ktest_fail(__FILE__, line, "\"%s\" does not say \"%s\"", why, word);
}

#define REFUSED(change, word)                                                                      \
	do {                                                                                       \
		struct program g = good();                                                         \
		change;                                                                            \
		expect_refused(&g, word, __LINE__);                                                \
	} while (0)

KTEST(elf, good_program)
{
	struct program g = good();
	const char *why = NULL;
	KREQUIRE(parse(&g, FILE_SIZE, &why) == 0);
	KEXPECT(!image.dyn);
	KEXPECT_EQ(image.entry, 0x08048100);
	KEXPECT_EQ(image.nr_segments, 2);
	KEXPECT_EQ(image.lo, 0x08048000);
	KEXPECT_EQ(image.hi, 0x0804f000);
	KEXPECT_EQ(image.phnum, 3);
	KEXPECT_EQ(image.phdr_vaddr, 0x08048034);
	KEXPECT_EQ(image.align, 0x1000);
	KEXPECT_EQ(image.segment[0].prot, ELF_READ | ELF_EXEC);
	KEXPECT_EQ(image.segment[1].prot, ELF_READ | ELF_WRITE);
	KEXPECT_EQ(image.segment[1].vaddr, 0x0804b010);
	KEXPECT_EQ(image.segment[1].filesz, 0x100);
	KEXPECT_EQ(image.segment[1].memsz, 0x3000);
	KEXPECT(image.stack_stated && !image.stack_exec);
	KEXPECT_EQ(image.interp_len, 0);
}

KTEST(elf, position_independent_with_interpreter)
{
	struct program g = good();
	const char *why = NULL;
	g.h.e_type = ELF_ET_DYN;
	g.h.e_entry = 0x100;
	g.h.e_phnum = 4;
	g.p[0].p_vaddr = 0;
	g.p[0].p_align = 0x4000;
	g.p[1].p_align = 0x6000; /* no power of two: not heeded */
	g.p[1].p_vaddr = 0x2010;
	g.p[2].p_flags |= ELF_PF_X;
	g.p[3] = (struct elf32_phdr){.p_type = ELF_PT_INTERP, .p_offset = 0x200, .p_filesz = 19};
	KREQUIRE(parse(&g, FILE_SIZE, &why) == 0);
	KEXPECT(image.dyn);
	KEXPECT_EQ(image.lo, 0);
	KEXPECT_EQ(image.hi, 0x6000);
	KEXPECT_EQ(image.align, 0x4000);
	KEXPECT_EQ(image.interp_offset, 0x200);
	KEXPECT_EQ(image.interp_len, 19);
	KEXPECT(image.stack_exec);
}

KTEST(elf, segment_of_zeroes_only)
{
	struct program g = good();
	const char *why = NULL;
	/* No file part: the offset says nothing, not even modulo a page. */
	g.p[1] = (struct elf32_phdr){
		ELF_PT_LOAD, 0xffffff, 0x0804a000, 0, 0, 1, ELF_PF_R | ELF_PF_W, 0x1000};
	expect_refused(&g, "beyond the end", __LINE__);
	g.p[1].p_offset = 0x321;
	KREQUIRE(parse(&g, FILE_SIZE, &why) == 0);
	KEXPECT_EQ(image.hi, 0x0804b000);
	g.p[1].p_memsz = 0; /* an empty one is none */
	KREQUIRE(parse(&g, FILE_SIZE, &why) == 0);
	KEXPECT_EQ(image.nr_segments, 1);
}

KTEST(elf, wrong_headers)
{
	REFUSED(g.h.magic = 0, "not an ELF");
	REFUSED(g.h.class = 2, "32-bit");
	REFUSED(g.h.data = 2, "little-endian");
	REFUSED(g.h.version = 0, "version");
	REFUSED(g.h.e_version = 2, "version");
	REFUSED(g.h.e_machine = 62, "machine");
	REFUSED(g.h.e_type = 1, "not a program");
	REFUSED(g.h.e_type = 4, "not a program");
	REFUSED(g.h.e_phentsize = 56, "size of ELF program headers");
	REFUSED(g.h.e_phnum = 0, "no ELF program headers");
	REFUSED(g.h.e_phnum = 0xffff, "too many");
	REFUSED(g.h.e_phoff = FILE_SIZE - 31, "truncated");
	REFUSED(g.h.e_phoff = 0xffffffff, "truncated");
	REFUSED(g.h.e_entry = 0x08050000, "entry point");
	REFUSED(g.h.e_entry = 0, "entry point");
}

KTEST(elf, wrong_segments)
{
	REFUSED(g.p[1].p_filesz = 0x3001, "larger in the file");
	REFUSED(g.p[1].p_memsz = 0xfffff000, "wraps");
	REFUSED(g.p[1].p_memsz = USER_TOP - 0x0804b010 + 1, "beyond user space");
	REFUSED(g.p[1].p_vaddr = 0xc0000010, "beyond user space");
	REFUSED(g.p[1].p_vaddr = 0xfffff010, "beyond user space");
	REFUSED(g.p[0].p_vaddr = USER_MIN - 0x1000, "below");
	REFUSED(g.p[1].p_vaddr += 4, "unaligned");
	REFUSED(g.p[1].p_offset -= 1, "unaligned");
	REFUSED(g.p[1].p_offset = 0x4f10; g.p[1].p_vaddr = 0x0804bf10, "beyond the end");
	REFUSED(g.p[1].p_offset = 0xfffff010, "beyond the end");
	REFUSED(g.p[1].p_vaddr = 0x08049010, "overlapping"); /* in the last page of the first */
	REFUSED(g.p[1].p_vaddr = 0x08047010, "overlapping");
	REFUSED(g.p[0].p_type = g.p[1].p_type = 0, "no loadable");
}

KTEST(elf, wrong_interpreters)
{
	const struct elf32_phdr interp = {
		.p_type = ELF_PT_INTERP, .p_offset = 0x200, .p_filesz = 19};
	REFUSED(g.p[2] = interp; g.p[2].p_filesz = 1, "interpreter");
	REFUSED(g.p[2] = interp; g.p[2].p_filesz = ELF_MAX_INTERP + 1, "interpreter");
	REFUSED(g.p[2] = interp; g.p[2].p_offset = FILE_SIZE - 10, "interpreter");
	REFUSED(g.p[2] = interp; g.p[2].p_offset = 0xfffffff0, "interpreter");
}

KTEST(elf, truncated_anywhere)
{
	struct program g = good();
	const char *why;
	for (u32 got = 0; got < sizeof(g.h); got++) {
		why = NULL;
		KEXPECT_EQ(elf_check_header(&g, got, got, &why), -ENOEXEC);
		KEXPECT(why != NULL);
	}
	/* The data segment ends at 0x2110 of the file. */
	for (u32 size = sizeof(g.h); size < FILE_SIZE; size += 16) {
		why = NULL;
		KEXPECT_EQ(parse(&g, size, &why), size < 0x2110 ? -ENOEXEC : 0);
		KEXPECT((why != NULL) == (size < 0x2110));
	}
}

KTEST(elf, too_many_segments)
{
	static struct elf32_phdr p[ELF_MAX_PHDRS];
	struct program g = good();
	const char *why = NULL;
	for (u32 i = 0; i < ELF_MAX_PHDRS; i++) {
		p[i] = g.p[0];
		p[i].p_vaddr = 0x08048000 + i * 0x2000;
	}
	g.h.e_phnum = ELF_MAX_SEGMENTS;
	KEXPECT_EQ(elf_parse(&g.h, p, FILE_SIZE, &image, &why), 0);
	KEXPECT_EQ(image.nr_segments, ELF_MAX_SEGMENTS);
	g.h.e_phnum = ELF_MAX_PHDRS;
	KEXPECT_EQ(elf_parse(&g.h, p, FILE_SIZE, &image, &why), -ENOEXEC);
}

/* What kernel/proc/elf.h promises of an image that was accepted. */
static void check_promises(u64 file_size)
{
	u32 end = image.dyn ? 0 : USER_MIN;
	bool entry = false;
	KREQUIRE(image.nr_segments > 0 && image.nr_segments <= ELF_MAX_SEGMENTS);
	for (u32 i = 0; i < image.nr_segments; i++) {
		const struct elf_segment *s = &image.segment[i];
		u32 start = ALIGN_DOWN(s->vaddr, PAGE_SIZE);
		KEXPECT(s->memsz > 0 && s->filesz <= s->memsz);
		KEXPECT(start >= end);
		KEXPECT((u64)s->vaddr + s->memsz <= USER_TOP);
		KEXPECT((u64)s->offset + s->filesz <= file_size);
		KEXPECT(!s->filesz || (s->vaddr - s->offset) % PAGE_SIZE == 0);
		KEXPECT((s->prot & ~7u) == 0);
		entry |= image.entry >= s->vaddr && image.entry - s->vaddr < s->memsz;
		end = ALIGN_UP(s->vaddr + s->memsz, PAGE_SIZE);
	}
	KEXPECT(entry);
	KEXPECT_EQ(image.hi, end);
	KEXPECT(image.lo <= image.segment[0].vaddr && image.hi <= USER_TOP);
	KEXPECT(image.align >= PAGE_SIZE && !(image.align & (image.align - 1)));
	KEXPECT((u64)image.interp_offset + image.interp_len <= file_size);
	KEXPECT(image.interp_len <= ELF_MAX_INTERP);
}

/* Numbers that sit on borders, which damage at random would not find. */
static u32 nasty(void)
{
	static const u32 v[] = {0, 1, 0xfff, 0x1000, 0x1001, FILE_SIZE, USER_MIN, USER_TOP,
		USER_TOP - 1, 0x08048000, 0x7fffffff, 0x80000000, 0xfffff000, 0xffffffff};
	return ktest_random() % 4 ? v[ktest_random() % ARRAY_SIZE(v)] : ktest_random();
}

KTEST(elf, random_damage)
{
	u32 accepted = 0;
	for (u32 n = 0; n < 20000; n++) {
		struct program g = good();
		const char *why = NULL;
		u32 changes = 1 + ktest_random() % 3, size = FILE_SIZE;
		for (u32 i = 0; i < changes; i++) {
			u32 word = ktest_random() % (sizeof(g) / 4), v = nasty();
			memcpy((char *)&g + word * 4, &v, 4);
		}
		if (ktest_random() % 8 == 0)
			size = nasty();
		int err = elf_check_header(&g, MIN(sizeof(g), (size_t)size), size, &why);
		/* elf_parse is handed exactly what the header asks for. */
		if (!err && g.h.e_phnum <= ARRAY_SIZE(g.p))
			err = elf_parse(&g.h, g.p, size, &image, &why);
		else
			continue;
		if (err) {
			KEXPECT_EQ(err, -ENOEXEC);
			KEXPECT(why != NULL);
		} else {
			accepted++;
			check_promises(size);
		}
	}
	KEXPECT(accepted > 1000);
}
