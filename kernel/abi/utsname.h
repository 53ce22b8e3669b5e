/* struct new_utsname of uname(2). */
#ifndef ABI_UTSNAME_H
#define ABI_UTSNAME_H

struct abi_utsname {
	char sysname[65], nodename[65], release[65], version[65], machine[65], domainname[65];
};
_Static_assert(sizeof(struct abi_utsname) == 390, "struct new_utsname is 390 bytes");

#endif
