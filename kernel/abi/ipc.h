/* System V IPC: shared memory, and ipc(2), which multiplexes its calls (linux/ipc.h, linux/shm.h).
 * Each struct that shmctl(2) copies has two layouts; IPC_64 in the command asks for the newer. */
#ifndef ABI_IPC_H
#define ABI_IPC_H

#include "kernel/lib/types.h"

/* First argument of ipc(2), version in the upper half. */
#define IPC_CALL_SEMOP	    1u
#define IPC_CALL_SEMGET	    2u
#define IPC_CALL_SEMCTL	    3u
#define IPC_CALL_SEMTIMEDOP 4u
#define IPC_CALL_MSGSND	    11u
#define IPC_CALL_MSGRCV	    12u
#define IPC_CALL_MSGGET	    13u
#define IPC_CALL_MSGCTL	    14u
#define IPC_CALL_SHMAT  21u
#define IPC_CALL_SHMDT  22u
#define IPC_CALL_SHMGET 23u
#define IPC_CALL_SHMCTL 24u

#define IPC_PRIVATE 0

/* The upper bits of shmget()'s flags; the lower nine are permissions. */
#define IPC_CREAT      01000u
#define IPC_EXCL       02000u
#define SHM_HUGETLB    04000u
#define SHM_NORESERVE  010000u
#define SHM_HUGE_SHIFT 26
#define SHM_HUGE_MASK  0x3fu

/* Flags of shmat(). */
#define SHM_RDONLY 010000u
#define SHM_RND    020000u
#define SHM_REMAP  040000u
#define SHM_EXEC   0100000u

/* shm_perm.mode above the permissions. */
#define SHM_DEST   01000u /* goes when the last process detaches */
#define SHM_LOCKED 02000u

/* Commands. */
#define IPC_RMID     0
#define IPC_SET      1
#define IPC_STAT     2
#define IPC_INFO     3
#define SHM_LOCK     11
#define SHM_UNLOCK   12
#define SHM_STAT     13
#define SHM_INFO     14
#define SHM_STAT_ANY 15
#define IPC_64       0x100

struct abi_ipc_perm {
	s32 key;
	u16 uid, gid, cuid, cgid, mode, seq;
};
_Static_assert(sizeof(struct abi_ipc_perm) == 16, "struct ipc_perm is 16 bytes");

struct abi_ipc64_perm {
	s32 key;
	u32 uid, gid, cuid, cgid;
	u16 mode, pad1, seq, pad2;
	u32 unused1, unused2;
};
_Static_assert(sizeof(struct abi_ipc64_perm) == 36, "struct ipc64_perm is 36 bytes");

struct abi_shmid_ds {
	struct abi_ipc_perm perm;
	s32 segsz, atime, dtime, ctime;
	u16 cpid, lpid, nattch, unused;
	u32 unused2, unused3;
};
_Static_assert(sizeof(struct abi_shmid_ds) == 48, "struct shmid_ds is 48 bytes");

struct abi_shmid64_ds {
	struct abi_ipc64_perm perm;
	u32 segsz;
	u32 atime, atime_high, dtime, dtime_high, ctime, ctime_high;
	s32 cpid, lpid;
	u32 nattch, unused4, unused5;
};
_Static_assert(sizeof(struct abi_shmid64_ds) == 84, "struct shmid64_ds is 84 bytes");

struct abi_shminfo {
	s32 shmmax, shmmin, shmmni, shmseg, shmall;
};
_Static_assert(sizeof(struct abi_shminfo) == 20, "struct shminfo is 20 bytes");

struct abi_shminfo64 {
	u32 shmmax, shmmin, shmmni, shmseg, shmall, unused[4];
};
_Static_assert(sizeof(struct abi_shminfo64) == 36, "struct shminfo64 is 36 bytes");

struct abi_shm_info {
	s32 used_ids;
	u32 tot, rss, swp, swap_attempts, swap_successes;
};
_Static_assert(sizeof(struct abi_shm_info) == 24, "struct shm_info is 24 bytes");

/* --- Semaphores --- */

#define IPC_NOWAIT 04000
#define SEM_UNDO   0x1000

#define GETPID	     11
#define GETVAL	     12
#define GETALL	     13
#define GETNCNT	     14
#define GETZCNT	     15
#define SETVAL	     16
#define SETALL	     17
#define SEM_STAT     18
#define SEM_INFO     19
#define SEM_STAT_ANY 20

struct abi_sembuf {
	u16 num;
	s16 op, flags;
};
_Static_assert(sizeof(struct abi_sembuf) == 6, "struct sembuf is 6 bytes");

struct abi_semid_ds {
	struct abi_ipc_perm perm;
	s32 otime, ctime;
	u32 unused[4]; /* kernel pointers once */
	u16 nsems, pad;
};
_Static_assert(sizeof(struct abi_semid_ds) == 44, "struct semid_ds is 44 bytes");

struct abi_semid64_ds {
	struct abi_ipc64_perm perm;
	u32 otime, otime_high, ctime, ctime_high;
	u32 nsems, unused3, unused4;
};
_Static_assert(sizeof(struct abi_semid64_ds) == 64, "struct semid64_ds is 64 bytes");

struct abi_seminfo {
	s32 semmap, semmni, semmns, semmnu, semmsl, semopm, semume, semusz, semvmx, semaem;
};
_Static_assert(sizeof(struct abi_seminfo) == 40, "struct seminfo is 40 bytes");

/* --- Message queues --- */

#define MSG_NOERROR 010000u
#define MSG_EXCEPT  020000u
#define MSG_COPY    040000u

#define MSG_STAT     11
#define MSG_INFO     12
#define MSG_STAT_ANY 13

/* Where version 0 of ipc(MSGRCV) has its two last arguments. */
struct abi_ipc_kludge {
	u32 buf;
	s32 type;
};

struct abi_msqid_ds {
	struct abi_ipc_perm perm;
	u32 unused[2]; /* kernel pointers once */
	s32 stime, rtime, ctime;
	u32 lcbytes, lqbytes;
	u16 cbytes, qnum, qbytes; /* what of the counts fits */
	u16 lspid, lrpid, pad;
};
_Static_assert(sizeof(struct abi_msqid_ds) == 56, "struct msqid_ds is 56 bytes");

struct abi_msqid64_ds {
	struct abi_ipc64_perm perm;
	u32 stime, stime_high, rtime, rtime_high, ctime, ctime_high;
	u32 cbytes, qnum, qbytes;
	s32 lspid, lrpid;
	u32 unused4, unused5;
};
_Static_assert(sizeof(struct abi_msqid64_ds) == 88, "struct msqid64_ds is 88 bytes");

struct abi_msginfo {
	s32 msgpool, msgmap, msgmax, msgmnb, msgmni, msgssz, msgtql;
	u16 msgseg, pad;
};
_Static_assert(sizeof(struct abi_msginfo) == 32, "struct msginfo is 32 bytes");

#endif
