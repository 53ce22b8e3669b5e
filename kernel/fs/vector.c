/* Vectors of buffers in user memory: fetched, checked, and cut to what one call may move. */
#include "kernel/fs/vector.h"
#include "kernel/abi/errno.h"
#include "kernel/x86/uaccess.h"
#include "mm/kmalloc.h"

#define MAX_RW 0x7ffff000u

void vector_free(struct vector *v)
{
	if (v->iov != v->few)
		kfree(v->iov);
}

/* Lengths that add up to more than a read may move are cut, as on Linux. */
static int check_vector(struct vector *v)
{
	u32 total = 0;

	for (u32 i = 0; i < v->n; i++) {
		struct abi_iovec *iov = &v->iov[i];

		if ((s32)iov->len < 0)
			return -EINVAL;
		if (!user_range_ok(UPTR(iov->base), iov->len))
			return -EFAULT;
		iov->len = MIN(iov->len, MAX_RW - total);
		total += iov->len;
	}
	return 0;
}

int vector_get(struct vector *v, uptr_t user, u32 n)
{
	int err;

	if (n > ABI_IOV_MAX)
		return -EINVAL;
	v->n = n;
	v->iov = n <= IOV_INLINE ? v->few : kmalloc(n * sizeof(struct abi_iovec));
	if (!v->iov)
		return -ENOMEM;
	err = copy_from_user(v->iov, user, n * sizeof(struct abi_iovec));
	if (!err)
		err = check_vector(v);
	if (err)
		vector_free(v);
	return err;
}
