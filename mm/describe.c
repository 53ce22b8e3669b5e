/* Naming an address in a panic. See mm/describe.h. */
#include "mm/describe.h"
#include "kernel/core/log.h"
#include "mm/object.h"
#include "mm/page.h"
#include "mm/slab.h"
#include "mm/space.h"
#include "mm/vmalloc.h"

static void describe_user(vaddr_t addr)
{
	char name[64] = "";
	struct mm *mm = current_mm();
	struct vma *v = mm ? vma_find(&mm->vmas, addr) : NULL;
	if (!mm) {
		console_printf("  no address space is loaded\n");
		return;
	}
	if (!v || v->start > addr) {
		console_printf("  no vma holds it; the next begins at %08x\n", v ? v->start : USER_TOP);
		return;
	}
	if (v->backing)
		v->backing->ops->name(v->backing, name, sizeof(name));
	console_printf("  vma %08x-%08x %c%c%c%c %s\n", v->start, v->end,
		v->flags & VM_READ ? 'r' : '-', v->flags & VM_WRITE ? 'w' : '-',
		v->flags & VM_EXEC ? 'x' : '-', v->flags & VM_SHARED ? 's' : 'p', name);
}

static void describe_low(vaddr_t addr)
{
	void *obj;
	struct slab_cache *c = slab_find((void *)addr, &obj);
	const struct page *p = addr_page((void *)addr);
	if (c)
		console_printf("  in the slab object at %08x of cache %s\n", (u32)obj, slab_name(c));
	else if (p)
		console_printf("  in frame %u: %s, refcount %u\n", page_pfn(p).v,
			page_kind_name[p->kind % PK_NR], p->refcount);
	else
		console_printf("  beyond the memory that is there\n");
}

static void describe_vmalloc(vaddr_t addr)
{
	struct vmalloc_area a;
	if (vmalloc_next(addr, &a) && a.start <= addr)
		console_printf("  in the %s area %08x-%08x, its last page being the guard\n", a.kind,
			a.start, a.end);
	else
		console_printf("  in no area of vmalloc space\n");
}

void describe_addr(vaddr_t addr)
{
	if (addr < USER_TOP)
		describe_user(addr);
	else if (addr < VMALLOC_START)
		describe_low(addr);
	else if (addr < VMALLOC_END)
		describe_vmalloc(addr);
}
