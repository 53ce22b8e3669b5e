/*
 * Where the parts of a program go: images that are made here tell where they, or their interpreter,
 * and their heap are, with nothing left to chance.
 */
#include "tests/user/test.h"
#include <elf.h>
#include <sys/personality.h>

#define INTERP "/tmp/interp"
#define TOLD   8 /* bytes: an address in what runs first, the heap's start */

/* Writes where it is and brk(0) to descriptor 1. */
static const unsigned char code[] = {
	0xb8, 45, 0, 0, 0,	/* movl $SYS_brk, %eax */
	0x31, 0xdb,		/* xorl %ebx, %ebx */
	0xcd, 0x80,		/* int $0x80 */
	0x50,			/* pushl %eax */
	0xe8, 0, 0, 0, 0,	/* call the next instruction */
	0x89, 0xe1,		/* movl %esp, %ecx */
	0xb8, 4, 0, 0, 0,	/* movl $SYS_write, %eax */
	0xbb, 1, 0, 0, 0,	/* movl $1, %ebx */
	0xba, TOLD, 0, 0, 0,	/* movl $TOLD, %edx */
	0xcd, 0x80,		/* int $0x80 */
	0xb8, 1, 0, 0, 0,	/* movl $SYS_exit, %eax */
	0x31, 0xdb,		/* xorl %ebx, %ebx */
	0xcd, 0x80,		/* int $0x80 */
};

struct image {
	Elf32_Ehdr header;
	Elf32_Phdr segment[3];
	char interp[sizeof(INTERP)];
	unsigned char code[sizeof(code)];
};

/* An image whose one segment is at vaddr. */
static struct image make(unsigned type, unsigned vaddr, unsigned memsz, unsigned align)
{
	struct image i = {
		.header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32, ELFDATA2LSB,
				   EV_CURRENT},
			.e_type = type,
			.e_machine = EM_386,
			.e_version = EV_CURRENT,
			.e_entry = vaddr + offsetof(struct image, code),
			.e_phoff = offsetof(struct image, segment),
			.e_ehsize = sizeof(Elf32_Ehdr),
			.e_phentsize = sizeof(Elf32_Phdr),
			.e_phnum = 2},
		.segment = {{.p_type = PT_LOAD,
				    .p_vaddr = vaddr,
				    .p_filesz = sizeof(i),
				    .p_memsz = memsz,
				    .p_flags = PF_R | PF_W | PF_X,
				    .p_align = align},
			{.p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W}},
		.interp = INTERP,
	};

	memcpy(i.code, code, sizeof(code));
	return i;
}

static void add(struct image *i, Elf32_Phdr segment)
{
	i->segment[i->header.e_phnum++] = segment;
}

static void add_interp(struct image *i)
{
	add(i, (Elf32_Phdr){.p_type = PT_INTERP,
		       .p_offset = offsetof(struct image, interp),
		       .p_filesz = sizeof(i->interp)});
}

static void add_zeroes(struct image *i, unsigned vaddr, unsigned memsz)
{
	add(i, (Elf32_Phdr){.p_type = PT_LOAD,
		       .p_vaddr = vaddr,
		       .p_memsz = memsz,
		       .p_flags = PF_R | PF_W,
		       .p_align = PAGE});
}

static void run(const char *name, const struct image *image)
{
	unsigned told[TOLD / 4] = {0};
	int pipes[2], status = 0, fd = open("/tmp/image", O_WRONLY | O_CREAT | O_TRUNC, 0700);
	pid_t pid;

	if (pipe(pipes) || write(fd, image, sizeof(*image)) != sizeof(*image))
		die("image");
	close(fd);
	pid = fork();
	if (!pid) {
		personality(ADDR_NO_RANDOMIZE);
		dup2(pipes[1], 1);
		close(pipes[0]);
		close(pipes[1]);
		execl("/tmp/image", "image", NULL);
		_exit(errno);
	}
	close(pipes[1]);
	if (read(pipes[0], told, TOLD) == TOLD)
		say(name, "at %x heap %x", told[0] & -PAGE, told[1]);
	wait(&status);
	if (status)
		answer_status(name, status);
	close(pipes[0]);
}

static void write_interp(unsigned align)
{
	struct image i = make(ET_DYN, 0, 0x1234, align);
	int fd = open(INTERP, O_WRONLY | O_CREAT | O_TRUNC, 0700);

	if (write(fd, &i, sizeof(i)) != sizeof(i))
		die("interp");
	close(fd);
}

static void fixed(void)
{
	struct image i = make(ET_EXEC, 0x08048000, 0x1234, PAGE);

	run("fixed", &i);
	add_zeroes(&i, 0x0a000000, 0x1001);
	run("fixed.hole", &i);
	i = make(ET_EXEC, 0x08048000, 0x1234, PAGE);
	add_interp(&i);
	run("fixed.interp", &i);
}

static void alone(void)
{
	static const unsigned aligns[] = {0, 1, PAGE, 0x3000, 0x10000, 0x200000, 0x10000000};
	struct image i;

	for (size_t k = 0; k < COUNT(aligns); k++) {
		i = make(ET_DYN, 0, 0x1234, aligns[k]);
		say("alone", "align %x", aligns[k]);
		run("alone", &i);
	}
	i = make(ET_DYN, 0x10000, 0x1234, PAGE);
	run("alone.not_at_0", &i);
	add_zeroes(&i, 0x02000000, 0x1001);
	run("alone.hole", &i);
	i = make(ET_DYN, 0x01000000, 0x1234, 0x10000);
	run("alone.not_at_0_aligned", &i);
}

static void with_interp(void)
{
	static const unsigned aligns[] = {PAGE, 0x10000, 0x200000};

	for (size_t k = 0; k < COUNT(aligns); k++) {
		struct image i = make(ET_DYN, 0, 0x1234, aligns[k]);

		add_interp(&i);
		say("with_interp", "align %x", aligns[k]);
		run("with_interp", &i);
		i.segment[0].p_align = PAGE;
		write_interp(aligns[k]);
		run("interp", &i);
		write_interp(PAGE);
	}
}

int main(void)
{
	write_interp(PAGE);
	fixed();
	alone();
	with_interp();
	unlink(INTERP);
	unlink("/tmp/image");
	return test_failed;
}
