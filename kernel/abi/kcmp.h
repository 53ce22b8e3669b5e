/* kcmp(2): what is compared (linux/kcmp.h). */
#ifndef ABI_KCMP_H
#define ABI_KCMP_H

enum {
	KCMP_FILE,
	KCMP_VM,
	KCMP_FILES,
	KCMP_FS,
	KCMP_SIGHAND,
	KCMP_IO,
	KCMP_SYSVSEM,
	KCMP_TYPES
};

#endif
