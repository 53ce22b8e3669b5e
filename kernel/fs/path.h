/*
 * From paths to dentries.
 *
 * A walk is a cursor in a path: the directory reached so far and the component that comes next.
 * Callers that create or remove stop it before the last component; the rest let path_lookup() go
 * to the end. A symlink on the way replaces the rest of the path by its text and what followed it,
 * so there is no recursion; 40 of them are ELOOP, as on Linux.
 */
#ifndef FS_PATH_H
#define FS_PATH_H

#include "kernel/fs/pathname.h"
#include "kernel/fs/vfs.h"

#define LOOKUP_FOLLOW    1u /* a symlink at the end is followed */
#define LOOKUP_DIRECTORY 2u /* the result must be a directory */
#define LOOKUP_EMPTY     4u /* "" means dirfd itself */
#define LOOKUP_REAL_IDS  8u /* check with the real ids: access(2) */
/* openat2(2)'s, in the order of its RESOLVE_ bits: what the way must not do (EXDEV, ELOOP for links),
 * and that dirfd is the root. */
#define LOOKUP_NO_XDEV       16u  /* go to another mount */
#define LOOKUP_NO_MAGICLINKS 32u  /* follow links of /proc that are not text */
#define LOOKUP_NO_SYMLINKS   64u  /* follow links */
#define LOOKUP_BENEATH       128u /* leave dirfd, be it to come back */
#define LOOKUP_IN_ROOT       256u
#define LOOKUP_SCOPED        (LOOKUP_BENEATH | LOOKUP_IN_ROOT)

struct walk {
	struct path at;    /* reached; referenced */
	struct path root;  /* referenced */
	struct name name;  /* next component; NAME_NONE at the end of the path */
	const char *rest;  /* behind it */
	char *owned;       /* what `name` and `rest` point into after a symlink, else NULL */
	u32 links;         /* followed so far */
	u32 flags;         /* LOOKUP_ */
	u32 uid, gid;      /* permission is checked for these */
};

/* Starts at dirfd (AT_FDCWD: cwd), or at the root for an absolute path. The path must outlive the
 * walk. walk_end() is needed after success only. -ENOENT for "", -EBADF, -ENOTDIR, -EXDEV. */
int walk_begin(struct walk *w, s32 dirfd, const char *path, u32 flags) __must_check;
void walk_end(struct walk *w);

/* Goes on until only the last component is left, in w->name; w->at is the directory that has it,
 * and may be searched. */
int walk_to_parent(struct walk *w) __must_check;

/* Resolves w->name. A symlink that is to be followed is put in front of the rest: then *linked is
 * true, w->at has not moved, and the caller continues with walk_to_parent(). Else w->at is what
 * the name stands for. */
int walk_step(struct walk *w, bool follow, bool *linked) __must_check;

/* The whole path. *out is referenced. */
int path_lookup(s32 dirfd, const char *path, u32 flags, struct path *out) __must_check;

/* The same for a path in user memory. */
int user_path_lookup(s32 dirfd, uptr_t path, u32 flags, struct path *out) __must_check;

/* A path from user memory in a page of its own; user_path_free() it. Error pointer. */
char *user_path_get(uptr_t path) __must_check;
char *user_path_get_empty(void) __must_check; /* "", or NULL */
void user_path_free(char *path);

/* begin, to_parent for a path from user memory. *buf must be freed after walk_end(). */
int user_path_parent(struct walk *w, s32 dirfd, uptr_t path, char **buf) __must_check;
void user_path_end(struct walk *w, char *buf);

#endif
