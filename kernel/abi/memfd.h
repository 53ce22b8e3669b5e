/* memfd_create(2) (linux/memfd.h). Its seals are in kernel/abi/fcntl.h. */
#ifndef ABI_MEMFD_H
#define ABI_MEMFD_H

#define MFD_CLOEXEC       0x1u
#define MFD_ALLOW_SEALING 0x2u
#define MFD_HUGETLB       0x4u
#define MFD_HUGE_SHIFT    26
#define MFD_HUGE_MASK     0x3fu /* base-2 logarithm of the page size, 0: the default */

#endif
