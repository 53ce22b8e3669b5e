/* Address spaces for tests: the calls of mm/space.h with the lock that they want. */
#ifndef TESTS_KERNEL_SPACE_H
#define TESTS_KERNEL_SPACE_H

#include "mm/fault.h"
#include "mm/space.h"

#define RW (VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC)

/* A fresh address space that the CPU uses from now on; NULL when memory is out. leave() ends it. */
struct mm *enter(void);
void leave(struct mm *mm);

/* mm_map(), mm_unmap(), mm_protect(), fault_in(). Private and anonymous: map_anon(). */
long map(struct mm *mm, const struct map_request *r);
long map_anon(struct mm *mm, vaddr_t addr, u32 pages, u32 vm_flags);
long unmap(struct mm *mm, vaddr_t addr, u32 pages);
long protect(struct mm *mm, vaddr_t addr, u32 pages, u32 prot);
enum fault_result touch(struct mm *mm, vaddr_t addr, u32 access);

/* A word of its memory, written or read as the kernel does it for another process. */
void poke(struct mm *mm, vaddr_t addr, u32 value);
u32 peek(struct mm *mm, vaddr_t addr);

#endif
