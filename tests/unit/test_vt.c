/* The terminal emulator: escape sequences against what the screen holds. */
#include "kernel/core/selftest.h"
#include "kernel/core/vt.h"
#include "kernel/lib/string.h"

static struct vt vt;

static void show(const char *s)
{
	vt_write(&vt, s, strlen(s));
}

static void start(const char *s)
{
	vt_init(&vt);
	show(s);
}

/* The row's text without trailing blanks. */
static const char *row(u32 r)
{
	static char text[VT_COLS + 1];
	u32 n = VT_COLS;

	for (u32 i = 0; i < VT_COLS; i++)
		text[i] = (char)vt_line(&vt, r)[i];
	while (n && text[n - 1] == ' ')
		n--;
	text[n] = '\0';
	return text;
}

static bool row_is(u32 r, const char *expected)
{
	bool yes = strcmp(row(r), expected) == 0;

	if (!yes)
		ktest_note("row %u is \"%s\"", r, row(r));
	return yes;
}

static u8 attr(u32 r, u32 c)
{
	return (u8)(vt_line(&vt, r)[c] >> 8);
}

KTEST(vt, text_and_controls)
{
	start("ab\r\ncd\be\ttab");
	KEXPECT(row_is(0, "ab"));
	KEXPECT(row_is(1, "ce      tab"));
	KEXPECT_EQ(vt.row, 1);
	KEXPECT_EQ(vt.col, 11);
}

KTEST(vt, wraps_late)
{
	start("\033[1;80Hx");
	KEXPECT_EQ(vt.row, 0);
	KEXPECT_EQ(vt.col, VT_COLS - 1);
	show("y");
	KEXPECT_EQ(vt.row, 1);
	KEXPECT(row_is(1, "y"));
	start("\033[1;80Hx\r\nz");
	KEXPECT(row_is(1, "z"));
}

KTEST(vt, scrolls)
{
	start("top\r\nnext");
	for (u32 i = 0; i < VT_ROWS - 1; i++)
		show("\r\n");
	show("last");
	KEXPECT(row_is(0, "next"));
	KEXPECT(row_is(VT_ROWS - 1, "last"));
	start("top\r\nnext\033[25;1H\n");
	KEXPECT(row_is(0, "next"));
}

KTEST(vt, cursor_movement)
{
	start("\033[5;10Ha\033[2Ab\033[3Dc\033[2Bd\033[Ge\033[Hf");
	KEXPECT(row_is(2, "        c b"));
	KEXPECT(row_is(4, "e        d"));
	KEXPECT(row_is(0, "f"));
	show("\033[99;99H");
	KEXPECT_EQ(vt.row, VT_ROWS - 1);
	KEXPECT_EQ(vt.col, VT_COLS - 1);
	show("\033[999A\033[999D");
	KEXPECT_EQ(vt.row, 0);
	KEXPECT_EQ(vt.col, 0);
	show("\033[3;4H\0337\033[H\0338");
	KEXPECT_EQ(vt.row, 2);
	KEXPECT_EQ(vt.col, 3);
}

KTEST(vt, erasing)
{
	start("abcdef\033[4G\033[K");
	KEXPECT(row_is(0, "abc"));
	start("abcdef\033[4G\033[1K");
	KEXPECT(row_is(0, "    ef"));
	start("one\r\ntwo\r\nthree\033[2;2H\033[J");
	KEXPECT(row_is(0, "one"));
	KEXPECT(row_is(1, "t"));
	KEXPECT(row_is(2, ""));
	show("\033[2J");
	KEXPECT(row_is(0, ""));
	KEXPECT_EQ(vt.row, 1);
}

KTEST(vt, inserting_and_deleting)
{
	start("abcdef\033[3G\033[2P");
	KEXPECT(row_is(0, "abef"));
	show("\033[3@");
	KEXPECT(row_is(0, "ab   ef"));
	start("abcdef\033[2G\033[2X");
	KEXPECT(row_is(0, "a  def"));
	start("1\r\n2\r\n3\033[2;1H\033[L");
	KEXPECT(row_is(1, ""));
	KEXPECT(row_is(2, "2"));
	show("\033[M");
	KEXPECT(row_is(1, "2"));
	KEXPECT(row_is(2, "3"));
}

KTEST(vt, scrolling_region)
{
	start("1\r\n2\r\n3\r\n4\033[2;3r\033[3;1H\n");
	KEXPECT(row_is(0, "1"));
	KEXPECT(row_is(1, "3"));
	KEXPECT(row_is(2, ""));
	KEXPECT(row_is(3, "4"));
	show("\033[2;1H\033M");
	KEXPECT(row_is(1, ""));
	KEXPECT(row_is(2, "3"));
	KEXPECT(row_is(3, "4"));
}

KTEST(vt, attributes)
{
	start("a\033[1;31mb\033[7mc\033[0md\033[44me\033[38;5;200mf\033[97mg");
	KEXPECT_EQ(attr(0, 0), 0x07);
	KEXPECT_EQ(attr(0, 1), 0x0c);
	KEXPECT_EQ(attr(0, 2), 0x40);
	KEXPECT_EQ(attr(0, 3), 0x07);
	KEXPECT_EQ(attr(0, 4), 0x17);
	KEXPECT_EQ(attr(0, 5), 0x17);
	KEXPECT_EQ(attr(0, 6), 0x1f);
}

KTEST(vt, unknown_sequences_are_swallowed)
{
	start("a\033[6nb\033[?2004hc\033]0;title\ad\033]0;x\033\\e\033(Bf\033[>cg\303\244h");
	KEXPECT(row_is(0, "abcdefg?h"));
	show("\033[?25l");
	KEXPECT(vt.cursor_hidden);
	show("\033[?25h");
	KEXPECT(!vt.cursor_hidden);
}

KTEST(vt, dirty_rows)
{
	start("");
	vt_clean(&vt);
	show("\033[5;1Hx");
	KEXPECT_EQ(vt.dirty_from, 4);
	KEXPECT_EQ(vt.dirty_to, 5);
}

/* Nothing that a program prints leaves the screen. */
KTEST(vt, random_streams)
{
	static const char alphabet[] = "\033\033\033[[[;0123456789ABCDHJKLMPXS@rmnsu?78\n\r\t\bxyz";
	char c;

	vt_init(&vt);
	for (u32 i = 0; i < 50000; i++) {
		c = alphabet[ktest_random() % (sizeof(alphabet) - 1)];
		vt_write(&vt, &c, 1);
		KREQUIRE(vt.row < VT_ROWS && vt.col < VT_COLS);
		KREQUIRE(vt.top < vt.bottom && vt.bottom <= VT_ROWS);
		KREQUIRE(vt.dirty_to <= VT_ROWS);
	}
}
