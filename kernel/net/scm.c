/* Control messages: descriptors and credentials, between user memory and a message. */
#include "kernel/abi/errno.h"
#include "kernel/abi/prctl.h"
#include "kernel/core/clock.h"
#include "kernel/fs/vfs.h"
#include "kernel/net/sock.h"
#include "kernel/proc/task.h"
#include "kernel/x86/uaccess.h"
#include "mm/kmalloc.h"

#define HEADER	    ((u32)sizeof(struct abi_cmsghdr))
#define CONTROL_MAX 20480u /* as Linux's optmem_max */

/* --- Sending --- */

static int add_file(struct scm *scm, u32 fd)
{
	struct file *f = fget_raw(fd);

	if (!f)
		return -EBADF;
	scm->files[scm->nr_files++] = f;
	return 0;
}

static int send_rights(struct scm *scm, uptr_t data, u32 len)
{
	u32 n = len / sizeof(s32), fd;
	int err = 0;

	if (n == 0)
		return 0;
	if (n > SCM_MAX_FD || scm->nr_files + n > SCM_MAX_FD)
		return -EINVAL;
	if (!scm->files)
		scm->files = kmalloc(SCM_MAX_FD * sizeof(struct file *));
	if (!scm->files)
		return -ENOMEM;
	if (!scm->sender)
		scm->sender = user_hold(current_user());
	for (u32 i = 0; i < n && !err; i++) {
		err = get_user_u32(&fd, uptr_add(data, i * sizeof(s32)));
		if (!err)
			err = add_file(scm, fd);
	}
	return err;
}

/* Whether the caller may say that he is this one. */
static int check_cred(const struct abi_ucred *u)
{
	const struct credentials *c = current_cred();
	u32 flags = spin_lock_irqsave(&process_lock);
	bool exists = process_find(u->pid);

	spin_unlock_irqrestore(&process_lock, flags);
	if (u->pid != current_process()->pid && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (u->uid != c->uid && u->uid != c->euid && u->uid != c->suid && !capable(CAP_SETUID))
		return -EPERM;
	if (u->gid != c->gid && u->gid != c->egid && u->gid != c->sgid && !capable(CAP_SETGID))
		return -EPERM;
	return exists ? 0 : -ESRCH;
}

static int send_cred(struct scm *scm, uptr_t data, u32 len)
{
	int err;

	if (len != sizeof(scm->cred))
		return -EINVAL;
	if (copy_from_user(&scm->cred, data, sizeof(scm->cred)))
		return -EFAULT;
	err = check_cred(&scm->cred);
	scm->cred_set = !err;
	return err;
}

static int send_one(struct scm *scm, const struct abi_cmsghdr *h, uptr_t data)
{
	if (h->level != SOL_SOCKET)
		return 0;
	switch (h->type) {
	case SCM_RIGHTS:
		return send_rights(scm, data, h->len - HEADER);
	case SCM_CREDENTIALS:
		return send_cred(scm, data, h->len - HEADER);
	default:
		return -EINVAL;
	}
}

int scm_send(struct scm *scm, uptr_t control, u32 len)
{
	struct abi_cmsghdr h;
	u32 at = 0;
	int err = 0;

	if (len > CONTROL_MAX)
		return -ENOBUFS;
	while (!err && len - at >= HEADER) {
		if (copy_from_user(&h, uptr_add(control, at), sizeof(h)))
			err = -EFAULT;
		else if (h.len < HEADER || h.len > len - at)
			err = -EINVAL;
		else
			err = send_one(scm, &h, uptr_add(control, at + HEADER));
		at = err ? at : MIN(len, at + ALIGN_UP(h.len, 4));
	}
	if (err)
		scm_drop(scm);
	return err;
}

/* --- Receiving --- */

struct control {
	uptr_t user;
	u32 len, used;
	u32 flags; /* MSG_CTRUNC */
};

static u32 room(const struct control *c)
{
	return c->len - c->used;
}

/* A message of `n` bytes of data: its header. Bad memory is like no room. */
static bool put_header(struct control *c, s32 type, u32 n)
{
	struct abi_cmsghdr h = {HEADER + n, SOL_SOCKET, type};

	return !copy_to_user(uptr_add(c->user, c->used), &h, sizeof(h));
}

/* As much of the data as there is room for. */
static void put_data(struct control *c, s32 type, const void *data, u32 n)
{
	u32 fit = room(c) > HEADER ? MIN(n, room(c) - HEADER) : 0;

	if (fit < n)
		c->flags |= MSG_CTRUNC;
	if (room(c) < HEADER || !put_header(c, type, fit) ||
		copy_to_user(uptr_add(c->user, c->used + HEADER), data, fit))
		return;
	c->used = MIN(c->len, c->used + ALIGN_UP(HEADER + fit, 4));
}

/* The time as the option that asked for it has it, whose number is the message's type. */
static void put_stamp(struct control *c, u32 option, u64 ns)
{
	bool nano = option == SO_TIMESTAMPNS || option == SO_TIMESTAMPNS_NEW;
	u32 part = (u32)(ns % NSEC_PER_SEC) / (nano ? 1 : 1000);
	s64 wide[2] = {(s64)(ns / NSEC_PER_SEC), part};
	s32 narrow[2] = {(s32)wide[0], (s32)part};

	if (option == SO_TIMESTAMP_NEW || option == SO_TIMESTAMPNS_NEW)
		put_data(c, (s32)option, wide, sizeof(wide));
	else
		put_data(c, (s32)option, narrow, sizeof(narrow));
}

/* A new descriptor for the file, told to the user at `at`. */
static bool put_file(struct file *f, bool cloexec, uptr_t at)
{
	struct files *fs = current_task()->files;
	long fd = files_reserve(fs, 0, cloexec);

	if (fd < 0)
		return false;
	if (put_user_u32(at, (u32)fd)) {
		files_unreserve(fs, (u32)fd);
		return false;
	}
	files_fill(fs, (u32)fd, file_get(f));
	return true;
}

static void put_rights(struct control *c, const struct scm *scm, bool cloexec)
{
	u32 fit = room(c) > HEADER ? (room(c) - HEADER) / sizeof(s32) : 0, n = 0;

	while (n < MIN(fit, scm->nr_files) &&
		put_file(scm->files[n], cloexec,
			uptr_add(c->user, c->used + HEADER + n * sizeof(s32))))
		n++;
	if (n < scm->nr_files)
		c->flags |= MSG_CTRUNC;
	if (n && put_header(c, SCM_RIGHTS, n * sizeof(s32)))
		c->used = MIN(c->len, c->used + ALIGN_UP(HEADER + n * (u32)sizeof(s32), 4));
}

u32 scm_recv(struct scm *scm, bool with_cred, u32 flags, uptr_t control, u32 len, u32 *used)
{
	struct control c = {.user = control, .len = control.va ? len : 0};

	if (scm->stamp)
		put_stamp(&c, scm->stamp, scm->stamp_ns);
	if (with_cred)
		put_data(&c, SCM_CREDENTIALS, &scm->cred, sizeof(scm->cred));
	if (scm->nr_files)
		put_rights(&c, scm, flags & MSG_CMSG_CLOEXEC);
	scm_drop(scm);
	*used = c.used;
	return c.flags;
}
