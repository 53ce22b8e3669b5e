/* wait4(2) and waitid(2): options, and how a status word is made. */
#ifndef ABI_WAIT_H
#define ABI_WAIT_H

#define WNOHANG    0x00000001u
#define WUNTRACED  0x00000002u
#define WSTOPPED   WUNTRACED
#define WEXITED    0x00000004u
#define WCONTINUED 0x00000008u
#define WNOWAIT    0x01000000u
#define W_NOTHREAD 0x20000000u /* __WNOTHREAD */
#define W_ALL      0x40000000u /* __WALL */
#define W_CLONE    0x80000000u /* __WCLONE */

#define P_ALL  0
#define P_PID  1
#define P_PGID 2
#define P_PIDFD 3

#define W_STATUS_EXITED(code) (((code) & 0xff) << 8)
#define W_STATUS_STOPPED(sig) (((sig) << 8) | 0x7f)
#define W_STATUS_CONTINUED    0xffff
#define W_STATUS_CORE         0x80

#endif
