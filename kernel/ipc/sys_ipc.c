/* ipc(2), which multiplexes the calls on semaphores, message queues and shared memory. */
#include "kernel/abi/errno.h"
#include "kernel/abi/ipc.h"
#include "kernel/ipc/msg.h"
#include "kernel/ipc/sem.h"
#include "kernel/ipc/shm.h"
#include "kernel/syscalls.h"
#include "kernel/x86/uaccess.h"

static long ipc_shmat(u32 version, s32 id, u32 addr, u32 flags, uptr_t result)
{
	if (version == 1)
		return -EINVAL;
	long at = sys_shmat(id, addr, flags);
	if (is_err((void *)at))
		return at;
	return put_user_u32(result, (u32)at);
}

static long ipc_semctl(s32 id, u32 num, u32 cmd, uptr_t ptr)
{
	u32 arg;
	if (!ptr.va)
		return -EINVAL;
	if (get_user_u32(&arg, ptr))
		return -EFAULT;
	return sem_control(id, num, cmd & ~(u32)IPC_64, arg, cmd & IPC_64);
}

static long ipc_msgrcv(u32 version, s32 id, u32 size, u32 flags, uptr_t ptr, s32 type)
{
	struct abi_ipc_kludge k = {ptr.va, type};
	if (version == 0 && !ptr.va)
		return -EINVAL;
	if (version == 0 && copy_from_user(&k, ptr, sizeof(k)))
		return -EFAULT;
	return sys_msgrcv(id, UPTR(k.buf), size, k.type, flags);
}

long sys_ipc(u32 call, s32 first, u32 second, u32 third, uptr_t ptr, u32 fifth)
{
	switch (call & 0xffff) {
	case IPC_CALL_SEMOP:
		return sem_timedop(first, ptr, second, UPTR(0));
	case IPC_CALL_SEMTIMEDOP:
		return sem_timedop(first, ptr, second, UPTR(fifth));
	case IPC_CALL_SEMGET:
		return sys_semget(first, (s32)second, third);
	case IPC_CALL_SEMCTL:
		return ipc_semctl(first, second, third, ptr);
	case IPC_CALL_MSGSND:
		return sys_msgsnd(first, ptr, second, third);
	case IPC_CALL_MSGRCV:
		return ipc_msgrcv(call >> 16, first, second, third, ptr, (s32)fifth);
	case IPC_CALL_MSGGET:
		return sys_msgget(first, second);
	case IPC_CALL_MSGCTL:
		return msg_control(first, second & ~(u32)IPC_64, ptr, second & IPC_64);
	case IPC_CALL_SHMAT:
		return ipc_shmat(call >> 16, first, ptr.va, second, UPTR(third));
	case IPC_CALL_SHMDT:
		return sys_shmdt(ptr.va);
	case IPC_CALL_SHMGET:
		return sys_shmget(first, second, third);
	case IPC_CALL_SHMCTL:
		return shm_control(first, second & ~(u32)IPC_64, ptr, second & IPC_64);
	default:
		return -ENOSYS;
	}
}
