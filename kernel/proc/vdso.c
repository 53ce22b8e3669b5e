/* The vDSO's mappings. See kernel/proc/vdso.h. */
#include "kernel/proc/vdso.h"
#include "kernel/abi/errno.h"
#include "kernel/core/bootinfo.h"
#include "kernel/core/clock.h"
#include "kernel/lib/string.h"
#include "kernel/proc/process.h"
#include "kernel/x86/features.h"
#include "kernel/x86/trap.h"
#include "kernel/x86/uaccess.h"
#include "mm/object.h"
#include "mm/page_alloc.h"
#include "mm/space.h"

extern char vdso_image[VDSO_SIZE]; /* kernel/x86/vdso_image.S */

/* Frames of the kernel's own image, that programs map as they map a file. */
struct special {
	struct backing backing;
	struct object object;
	const char *name;
};

u32 vdso_enabled = 1;

/* --- As a backing: it is always there, and no file --- */

static void hold(struct backing *b)
{
}

static int special_name(struct backing *b, char *buf, size_t size)
{
	return (int)strlcpy(buf, container_of(b, struct special, backing)->name, size);
}

static void special_id(struct backing *b, u32 *dev, u64 *ino)
{
	*dev = 0;
	*ino = 0;
}

static bool tells_nobody(struct backing *b)
{
	return false;
}

/* The library has gone elsewhere; the call that did it returns to where it is now. */
static void vdso_moved(struct backing *b, struct mm *mm, vaddr_t to)
{
	struct trapframe *tf = x86_thread_frame(&current_task()->thread.x86);
	if (tf->eip == vdso_address(mm, vdso_landing))
		tf->eip = to + (u32)vdso_landing;
	mm->vdso = to;
}

static const struct backing_ops vvar_ops = {
	.get = hold, .put = hold, .name = special_name, .id = special_id, .tells = tells_nobody};
static const struct backing_ops vdso_ops = {.get = hold,
	.put = hold,
	.name = special_name,
	.id = special_id,
	.tells = tells_nobody,
	.moved = vdso_moved};

static struct special vvar = {.backing.ops = &vvar_ops, .name = "[vvar]"};
static struct special vdso = {.backing.ops = &vdso_ops, .name = "[vdso]"};

bool vdso_is_backing(const struct backing *b)
{
	return b == &vvar.backing || b == &vdso.backing;
}

/* --- Boot --- */

static __init void special_init(struct special *s, void *start, u32 size, enum rss_kind kind)
{
	object_init(&s->object, NULL);
	s->backing.object = &s->object;
	s->backing.may_read = true;
	s->object.size = size;
	s->object.rss_kind = (u8)kind;
	s->object.no_fault_around = true;
	for (u32 i = 0; i < size >> PAGE_SHIFT; i++) {
		struct page *p = virt_page(start + i * PAGE_SIZE);
		kassert(object_adopt_page(&s->object, i, p) == 0);
		p->flags &= (u8)~PF_DIRTY; /* no program has written it */
	}
}

void __init vdso_init(void)
{
	static const char enter[] = {0x89, 0xe5, 0x0f, 0x34}; /* movl %esp, %ebp; sysenter */
	char word[4];
	if (cmdline_get("vdso32", word, sizeof(word)) > 0 && !strcmp(word, "0"))
		vdso_enabled = 0;
	if (cpu_features.sep)
		memcpy(vdso_image + (u32)vdso_sysenter, enter, sizeof(enter));
	special_init(&vvar, &clock_page, sizeof(clock_page), RSS_KERNEL);
	special_init(&vdso, vdso_image, VDSO_SIZE, RSS_FILE);
}

/* --- Programs --- */

static long map_special(struct mm *mm, struct special *s, vaddr_t at, u32 size, u32 flags)
{
	struct map_request r = {
		.addr = at,
		.len = size,
		.vm_flags = flags | VM_DONTEXPAND | VM_WHOLE,
		.how = MM_FIXED | MM_NOREPLACE,
		.backing = &s->backing,
		.object = &s->object,
	};
	return mm_map(mm, &r);
}

/* Caller holds mm->lock. */
static long map_both(struct mm *mm)
{
	struct map_request r = {.len = VVAR_SIZE + VDSO_SIZE};
	long at = mm_place(mm, &r), err = at;
	if (!is_err((void *)at))
		err = map_special(
			mm, &vvar, at, VVAR_SIZE, VM_READ | VM_MAYREAD | VM_DONTDUMP | VM_PFNMAP);
	if (!is_err((void *)err))
		err = map_special(mm, &vdso, at + VVAR_SIZE, VDSO_SIZE,
			VM_READ | VM_EXEC | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC);
	if (is_err((void *)err))
		return err;
	mm->vdso = (vaddr_t)at + VVAR_SIZE;
	mm_note_brittle(mm, at);
	return 0;
}

long vdso_map(struct mm *mm)
{
	if (vdso_enabled != 1)
		return 0;
	mutex_lock(&mm->lock);
	long err = map_both(mm);
	mutex_unlock(&mm->lock);
	return err;
}

/* The vDSO has pushed ebp as the last thing before SYSENTER. */
bool sysenter_complete(struct trapframe *tf)
{
	tf->eip = current_process()->mm->vdso + (u32)vdso_landing;
	if (get_user_u32(&tf->ebp, UPTR(tf->esp)) == 0)
		return true;
	tf->eax = (u32)-EFAULT;
	return false;
}

/* Linux's rule. A trap flag would step the kernel from POPFL on, and RF comes back with IRET only.
 */
bool sysexit_suffices(const struct trapframe *tf)
{
	return tf->eip == vdso_address(current_process()->mm, vdso_landing) &&
	       tf->cs == SEL_UCODE && tf->ss == SEL_UDATA &&
	       !(tf->eflags & (EFLAGS_TF | EFLAGS_RF));
}

u32 vdso_address(const struct mm *mm, const char *place)
{
	return mm->vdso ? mm->vdso + (u32)place : 0;
}
