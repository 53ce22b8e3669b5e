/* Terminals as i386 programs see them (include/uapi/asm-generic/{termbits,termios,ioctls}.h; octal
 * as there). */
#ifndef ABI_TERMIOS_H
#define ABI_TERMIOS_H

#include "kernel/lib/types.h"

#define ABI_NCCS 19

struct abi_termios {
	u32 c_iflag, c_oflag, c_cflag, c_lflag;
	u8 c_line;
	u8 c_cc[ABI_NCCS];
};
_Static_assert(sizeof(struct abi_termios) == 36, "the kernel's struct termios is 36 bytes");

/* What System V had: the low halves of the flags, and the first of the characters. */
#define ABI_NCC 8

struct abi_termio {
	u16 c_iflag, c_oflag, c_cflag, c_lflag;
	u8 c_line;
	u8 c_cc[ABI_NCC];
};
_Static_assert(sizeof(struct abi_termio) == 18, "struct termio is 18 bytes");

struct abi_winsize {
	u16 ws_row, ws_col, ws_xpixel, ws_ypixel;
};
_Static_assert(sizeof(struct abi_winsize) == 8, "struct winsize is 8 bytes");

/* c_cc[] */
enum {
	VINTR, VQUIT, VERASE, VKILL, VEOF, VTIME, VMIN, VSWTC, VSTART, VSTOP, VSUSP, VEOL, VREPRINT,
	VDISCARD, VWERASE, VLNEXT, VEOL2,
};

/* c_iflag */
#define IGNBRK 0000001u
#define BRKINT 0000002u
#define IGNPAR 0000004u
#define PARMRK 0000010u
#define INPCK  0000020u
#define ISTRIP 0000040u
#define INLCR  0000100u
#define IGNCR  0000200u
#define ICRNL  0000400u
#define IUCLC  0001000u
#define IXON   0002000u
#define IXANY  0004000u
#define IXOFF  0010000u
#define IMAXBEL 0020000u
#define IUTF8  0040000u

/* c_oflag */
#define OPOST  0000001u
#define OLCUC  0000002u
#define ONLCR  0000004u
#define OCRNL  0000010u
#define ONOCR  0000020u
#define ONLRET 0000040u
#define TABDLY 0014000u
#define XTABS  0014000u

/* c_cflag */
#define CS8     0000060u
#define CREAD   0000200u
#define HUPCL   0002000u
#define CLOCAL  0004000u
#define B38400  0000017u
#define B115200 0010002u

/* c_lflag */
#define ISIG    0000001u
#define ICANON  0000002u
#define ECHO    0000010u
#define ECHOE   0000020u
#define ECHOK   0000040u
#define ECHONL  0000100u
#define NOFLSH  0000200u
#define TOSTOP  0000400u
#define ECHOCTL 0001000u
#define ECHOPRT 0002000u
#define ECHOKE  0004000u
#define IEXTEN  0100000u

/* ioctl(2); FIONREAD is in fcntl.h */
#define TCGETS     0x5401u
#define TCSETS     0x5402u
#define TCSETSW    0x5403u
#define TCSETSF    0x5404u
#define TCGETA     0x5405u
#define TCSETA     0x5406u
#define TCSETAW    0x5407u
#define TCSETAF    0x5408u
#define TCSBRK     0x5409u
#define TCXONC     0x540Au
#define TCFLSH     0x540Bu
#define TIOCSCTTY  0x540Eu
#define TIOCGPGRP  0x540Fu
#define TIOCSPGRP  0x5410u
#define TIOCOUTQ   0x5411u
#define TIOCGWINSZ 0x5413u
#define TIOCSWINSZ 0x5414u
#define TIOCNOTTY  0x5422u
#define TCSBRKP    0x5425u
#define TIOCGSID   0x5429u
#define TIOCGPTN   0x80045430u
#define TIOCSPTLCK 0x40045431u
#define TIOCSIG	   0x40045436u
#define TIOCGPTLCK 0x80045439u
#define TIOCGPTPEER 0x5441u

/* TCXONC's argument */
enum { TCOOFF, TCOON, TCIOFF, TCION };

/* TCFLSH's argument */
enum { TCIFLUSH, TCOFLUSH, TCIOFLUSH };

#endif
