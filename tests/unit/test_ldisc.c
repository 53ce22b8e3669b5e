/* The line discipline: what is typed against what is echoed and what a program reads. */
#include "kernel/abi/signal.h"
#include "kernel/core/selftest.h"
#include "kernel/lib/string.h"
#include "kernel/tty/ldisc.h"

static struct ldisc ld;
static char shown[16384];
static size_t nr_shown;

static void show(void *ctx, const char *s, size_t n)
{
	n = MIN(n, sizeof(shown) - 1 - nr_shown);
	memcpy(shown + nr_shown, s, n);
	nr_shown += n;
	shown[nr_shown] = '\0';
}

static void forget_shown(void)
{
	nr_shown = 0;
	shown[0] = '\0';
}

static void start(void)
{
	ldisc_init(&ld, show, NULL);
	forget_shown();
}

static u32 type(const char *s)
{
	u32 sig = 0;

	for (; *s; s++)
		sig |= ldisc_receive(&ld, (u8)*s);
	return sig;
}

static void set_lflag(u32 clear, u32 set)
{
	struct abi_termios t = ld.termios;

	t.c_lflag = (t.c_lflag & ~clear) | set;
	ldisc_set_termios(&ld, &t);
}

/* One read of at most n bytes: compares what it returns. */
static bool reads(size_t n, const char *expected)
{
	static char buf[LDISC_SIZE];
	bool ended;
	size_t got = ldisc_read(&ld, buf, n, &ended);

	if (got == n && !ended)
		ldisc_skip_eof(&ld);
	return got == strlen(expected) && memcmp(buf, expected, got) == 0;
}

static bool was_shown(const char *expected)
{
	bool yes = strcmp(shown, expected) == 0;

	if (!yes)
		ktest_note("shown \"%s\"", shown);
	forget_shown();
	return yes;
}

KTEST(ldisc, line_is_read_when_finished)
{
	start();
	type("hello");
	KEXPECT(!ldisc_readable(&ld, 1));
	KEXPECT_EQ(ldisc_count(&ld), 0);
	type("\r");
	KEXPECT(ldisc_readable(&ld, 1));
	KEXPECT_EQ(ldisc_count(&ld), 6);
	KEXPECT(reads(100, "hello\n"));
	KEXPECT(!ldisc_readable(&ld, 1));
	KEXPECT(was_shown("hello\r\n"));
}

KTEST(ldisc, read_takes_one_line)
{
	start();
	type("one\ntwo\nthr");
	KEXPECT(reads(2, "on"));
	KEXPECT(reads(100, "e\n"));
	KEXPECT(reads(100, "two\n"));
	KEXPECT(!ldisc_readable(&ld, 1));
}

KTEST(ldisc, end_of_file)
{
	start();
	type("\004");
	KEXPECT(ldisc_readable(&ld, 1));
	KEXPECT_EQ(ldisc_count(&ld), 0);
	KEXPECT(reads(100, ""));
	KEXPECT(!ldisc_readable(&ld, 1));
	type("ab\004cd\n");
	KEXPECT(reads(100, "ab"));
	KEXPECT(reads(100, "cd\n"));
	type("abc\004");
	KEXPECT(reads(3, "abc"));
	KEXPECT(!ldisc_readable(&ld, 1));
	KEXPECT(was_shown("abcd\r\nabc"));
}

KTEST(ldisc, erase)
{
	start();
	type("\177abx\177c\n");
	KEXPECT(was_shown("abx\b \bc\r\n"));
	KEXPECT(reads(100, "abc\n"));
	type("a\026\001\177b\n"); /* ^A takes two columns */
	KEXPECT(was_shown("a^\b^A\b \b\b \bb\r\n"));
	KEXPECT(reads(100, "ab\n"));
}

KTEST(ldisc, erase_tab)
{
	start();
	ldisc_write(&ld, "$ ", 2);
	forget_shown();
	type("a\t\177\177\n"); /* columns 2, then 3 to 8 */
	KEXPECT(was_shown("a\t\b \b\b \b\b \b\b \b\b \b\b \b\r\n"));
	KEXPECT(reads(100, "\n"));
}

KTEST(ldisc, erase_utf8)
{
	struct abi_termios t;

	start();
	t = ld.termios;
	t.c_iflag |= IUTF8;
	ldisc_set_termios(&ld, &t);
	type("\303\244\177b\n");
	KEXPECT(was_shown("\303\244\b \bb\r\n"));
	KEXPECT(reads(100, "b\n"));
}

KTEST(ldisc, kill_and_word_erase)
{
	start();
	type("ab\025cd\n");
	KEXPECT(was_shown("ab\b \b\b \bcd\r\n"));
	KEXPECT(reads(100, "cd\n"));
	type("one two, \027three\n");
	KEXPECT(reads(100, "one three\n"));
	forget_shown();
	set_lflag(ECHOKE, 0);
	type("ab\025cd\n");
	KEXPECT(was_shown("ab^U\r\ncd\r\n"));
}

KTEST(ldisc, erase_stops_at_finished_line)
{
	start();
	type("abc\n\177\177\027\025d\n");
	KEXPECT(reads(100, "abc\n"));
	KEXPECT(reads(100, "d\n"));
}

KTEST(ldisc, literal_next)
{
	start();
	KEXPECT_EQ(type("\026\003\026\004\n"), 0);
	KEXPECT(was_shown("^\b^C^\b^D\r\n"));
	KEXPECT(reads(100, "\003\004\n"));
}

KTEST(ldisc, reprint)
{
	start();
	type("ab\022");
	KEXPECT(was_shown("ab^R\r\nab"));
}

KTEST(ldisc, signals)
{
	start();
	KEXPECT_EQ(type("abc\003"), SIGINT);
	KEXPECT(was_shown("abc^C"));
	KEXPECT_EQ(type("\n"), 0);
	KEXPECT(reads(100, "\n")); /* the rest of the line is gone */
	KEXPECT_EQ(type("\034"), SIGQUIT);
	KEXPECT_EQ(type("\032"), SIGTSTP);
	set_lflag(0, NOFLSH);
	type("abc\003\n");
	KEXPECT(reads(100, "abc\n"));
	set_lflag(ISIG, 0);
	KEXPECT_EQ(type("\003\n"), 0);
	KEXPECT(reads(100, "\003\n"));
}

KTEST(ldisc, flow_control)
{
	start();
	type("\023");
	KEXPECT(ld.stopped);
	type("a");
	KEXPECT(ld.stopped);
	type("\021");
	KEXPECT(!ld.stopped);
	type("\023\003");
	KEXPECT(!ld.stopped);
	type("\n");
	KEXPECT(reads(100, "\n"));
}

KTEST(ldisc, no_echo)
{
	start();
	set_lflag(ECHO, 0);
	type("secret\n");
	KEXPECT(was_shown(""));
	KEXPECT(reads(100, "secret\n"));
	set_lflag(0, ECHONL);
	type("secret\n");
	KEXPECT(was_shown("\r\n"));
}

KTEST(ldisc, raw_mode)
{
	struct abi_termios t;

	start();
	t = ld.termios;
	t.c_lflag &= ~(ICANON | ECHO | ISIG | IEXTEN);
	t.c_iflag &= ~(ICRNL | IXON);
	ldisc_set_termios(&ld, &t);
	type("a");
	KEXPECT(ldisc_readable(&ld, 1));
	KEXPECT(!ldisc_readable(&ld, 2));
	KEXPECT_EQ(type("\003\r\177\023"), 0);
	KEXPECT_EQ(ldisc_count(&ld), 5);
	KEXPECT(reads(100, "a\003\r\177\023"));
	KEXPECT(was_shown(""));
}

KTEST(ldisc, mode_change_keeps_input)
{
	start();
	type("ls -l\nhal");
	set_lflag(ICANON, 0);
	KEXPECT_EQ(ldisc_count(&ld), 9);
	KEXPECT(reads(3, "ls "));
	set_lflag(0, ICANON);
	KEXPECT(ldisc_readable(&ld, 1));
	KEXPECT(reads(100, "-l\nhal"));
	KEXPECT(!ldisc_readable(&ld, 1));
	type("x\n");
	KEXPECT(reads(100, "x\n"));
}

KTEST(ldisc, full_line_can_be_ended)
{
	start();
	for (u32 i = 0; i < LDISC_SIZE + 100; i++)
		type("x");
	KEXPECT(!ldisc_nearly_full(&ld)); /* nothing to read would make room */
	type("\n");
	KEXPECT_EQ(ldisc_count(&ld), LDISC_SIZE);
	KEXPECT(ldisc_nearly_full(&ld));
}

KTEST(ldisc, output_processing)
{
	struct abi_termios t;

	start();
	ldisc_write(&ld, "a\nb\tc\r\n", 7);
	KEXPECT(was_shown("a\r\nb\tc\r\r\n"));
	t = ld.termios;
	t.c_oflag |= XTABS;
	ldisc_set_termios(&ld, &t);
	ldisc_write(&ld, "ab\tc\t\n", 6);
	KEXPECT(was_shown("ab      c       \r\n"));
	t.c_oflag = 0;
	ldisc_set_termios(&ld, &t);
	ldisc_write(&ld, "a\nb\t", 4);
	KEXPECT(was_shown("a\nb\t"));
	t.c_oflag = OPOST | OLCUC | ONOCR;
	ldisc_set_termios(&ld, &t);
	ldisc_write(&ld, "\rab\r", 4);
	KEXPECT(was_shown("AB\r"));
}

/* Whatever is typed and however modes change: what is read is no more than what was typed, and the
 * indices keep their order. */
KTEST(ldisc, random_streams)
{
	static const u32 toggles[] = {ICANON, ECHO, ECHOE, ECHOCTL, ISIG, IEXTEN, ECHOKE};
	char buf[64];
	bool ended;

	start();
	for (u32 i = 0; i < 20000; i++) {
		u32 r = ktest_random();

		forget_shown();
		if (r % 16 == 0)
			set_lflag(r & 0x100 ? toggles[r / 512 % ARRAY_SIZE(toggles)] : 0,
				r & 0x100 ? 0 : toggles[r / 512 % ARRAY_SIZE(toggles)]);
		else if (r % 16 == 1 && ldisc_readable(&ld, 1))
			ldisc_read(&ld, buf, r / 16 % sizeof(buf) + 1, &ended);
		else
			ldisc_receive(&ld, (u8)(r >> 8) & (r & 0x10000 ? 0x1f : 0xff));
		KREQUIRE(ld.head - ld.tail <= LDISC_SIZE);
		KREQUIRE(!(ld.termios.c_lflag & ICANON) || ld.canon - ld.tail <= ld.head - ld.tail);
	}
}
