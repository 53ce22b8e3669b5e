/* The line discipline: editing, echo, signals from the keyboard, output processing. */
#include "kernel/abi/signal.h"
#include "kernel/lib/string.h"
#include "kernel/tty/ldisc.h"

/* Room left in the ring when the sender is asked to pause. */
#define RESERVE 128u

#define TAB_WIDTH 8u

static bool iflag(const struct ldisc *l, u32 f)
{
	return l->termios.c_iflag & f;
}

static bool oflag(const struct ldisc *l, u32 f)
{
	return l->termios.c_oflag & f;
}

static bool lflag(const struct ldisc *l, u32 f)
{
	return l->termios.c_lflag & f;
}

/* c is the control character of that index. 0 disables one. */
static bool is_cc(const struct ldisc *l, u32 index, u8 c)
{
	return c && l->termios.c_cc[index] == c;
}

static bool is_control(u8 c)
{
	return c < ' ' || c == 0x7f;
}

/* The second and later bytes of a UTF-8 sequence. */
static bool is_continuation(const struct ldisc *l, u8 c)
{
	return iflag(l, IUTF8) && (c & 0xc0) == 0x80;
}

/* --- The ring --- */

static u8 ring_at(const struct ldisc *l, u32 i)
{
	return l->ring[i % LDISC_SIZE];
}

static bool ends_line(const struct ldisc *l, u32 i)
{
	return l->line_end[i % LDISC_SIZE / 8] & 1u << i % 8;
}

static bool is_eof(const struct ldisc *l, u32 i)
{
	return ends_line(l, i) && ring_at(l, i) == '\0';
}

static void mark_line_end(struct ldisc *l, u32 i, bool on)
{
	u8 bit = (u8)(1u << i % 8);

	if (on)
		l->line_end[i % LDISC_SIZE / 8] |= bit;
	else
		l->line_end[i % LDISC_SIZE / 8] &= (u8)~bit;
}

static u32 used(const struct ldisc *l)
{
	return l->head - l->tail;
}

/* There is always room for one that ends a line. */
static bool has_room(const struct ldisc *l)
{
	return used(l) < LDISC_SIZE - 1;
}

static void put(struct ldisc *l, u8 c, bool line_end)
{
	l->ring[l->head % LDISC_SIZE] = c;
	mark_line_end(l, l->head, line_end);
	l->head++;
	if (line_end)
		l->canon = l->head;
}

/* --- Output --- */

static void emit(struct ldisc *l, const char *s, size_t n)
{
	if (n)
		l->out(l->ctx, s, n);
}

/* The column after c has been shown at `column`. */
static u32 advance(const struct ldisc *l, u32 column, u8 c)
{
	switch (c) {
	case '\n':
	case '\a':
		return column;
	case '\r':
		return 0;
	case '\b':
		return column ? column - 1 : 0;
	case '\t':
		return (column / TAB_WIDTH + 1) * TAB_WIDTH;
	default:
		return column + (!is_control(c) && !is_continuation(l, c));
	}
}

static void write_tab(struct ldisc *l)
{
	u32 end = advance(l, l->column, '\t');

	if ((l->termios.c_oflag & TABDLY) == XTABS)
		emit(l, "        ", end - l->column);
	else
		emit(l, "\t", 1);
	l->column = end;
}

static void write_return(struct ldisc *l)
{
	if (oflag(l, ONOCR) && l->column == 0)
		return;
	emit(l, oflag(l, OCRNL) ? "\n" : "\r", 1);
	if (!oflag(l, OCRNL) || oflag(l, ONLRET))
		l->column = 0;
}

static void write_newline(struct ldisc *l)
{
	if (oflag(l, ONLCR))
		emit(l, "\r\n", 2);
	else
		emit(l, "\n", 1);
	if (oflag(l, ONLCR | ONLRET))
		l->column = 0;
}

static void write_special(struct ldisc *l, char c)
{
	switch (c) {
	case '\n':
		write_newline(l);
		break;
	case '\r':
		write_return(l);
		break;
	case '\t':
		write_tab(l);
		break;
	default:
		if (oflag(l, OLCUC) && c >= 'a' && c <= 'z')
			c -= 'a' - 'A';
		emit(l, &c, 1);
		l->column = advance(l, l->column, (u8)c);
	}
}

/* The bytes at the start of s that go out as they are. */
static size_t plain_run(struct ldisc *l, const char *s, size_t n)
{
	size_t i = 0;

	if (oflag(l, OLCUC))
		return 0;
	for (; i < n && s[i] != '\n' && s[i] != '\r' && s[i] != '\t'; i++)
		l->column = advance(l, l->column, (u8)s[i]);
	return i;
}

void ldisc_write(struct ldisc *l, const char *s, size_t n)
{
	const char *end = s + n;

	if (!oflag(l, OPOST)) {
		emit(l, s, n);
		return;
	}
	while (s < end) {
		size_t run = plain_run(l, s, (size_t)(end - s));

		emit(l, s, run);
		s += run;
		if (s < end)
			write_special(l, *s++);
	}
}

/* --- Echo and erasing --- */

static bool shown_as_caret(const struct ldisc *l, u8 c)
{
	return lflag(l, ECHOCTL) && is_control(c) && c != '\t';
}

static void echo(struct ldisc *l, u8 c)
{
	char text[2] = {(char)c, (char)(c ^ 0x40)};

	if (shown_as_caret(l, c)) {
		text[0] = '^';
		ldisc_write(l, text, 2);
	} else {
		ldisc_write(l, text, 1);
	}
}

/* Of a byte about to be stored. A newline moves the cursor, unless ^V made it a character. */
static void echo_typed(struct ldisc *l, u8 c, bool literal)
{
	if (!lflag(l, ECHO))
		return;
	if (l->head == l->canon)
		l->line_column = l->column;
	if (c == '\n' && !literal)
		ldisc_write(l, "\n", 1);
	else
		echo(l, c);
}

/* The column after a byte of the line that begins in that one. */
static u32 column_after(const struct ldisc *l, u32 column, u8 c)
{
	return shown_as_caret(l, c) ? column + 2 : advance(l, column, c);
}

/* The column that the line being typed has reached before the byte at `until`. */
static u32 column_at(const struct ldisc *l, u32 until)
{
	u32 column = l->line_column;

	for (u32 i = l->canon; i != until; i++)
		column = column_after(l, column, ring_at(l, i));
	return column;
}

/* How many columns the bytes of the line from `start` on have taken. */
static u32 width_from(const struct ldisc *l, u32 start)
{
	u32 column = column_at(l, start), width = 0;

	for (u32 i = start; i != l->head; i++) {
		u32 next = column_after(l, column, ring_at(l, i));

		width += next > column ? next - column : 0;
		column = next;
	}
	return width;
}

/* Takes the bytes from `start` on off the line; wipes them off the screen as well. */
static void erase_from(struct ldisc *l, u32 start, bool show)
{
	u32 width = show ? width_from(l, start) : 0;

	l->head = start;
	while (width--)
		ldisc_write(l, "\b \b", 3);
}

/* Where the character, all its bytes, begins that ends before the byte at `end`. */
static u32 char_before(const struct ldisc *l, u32 end)
{
	u32 first = end - 1;

	while (first != l->canon && is_continuation(l, ring_at(l, first)))
		first--;
	return first;
}

static void erase_one(struct ldisc *l, u8 c)
{
	if (l->head == l->canon)
		return;
	erase_from(l, char_before(l, l->head), lflag(l, ECHO) && lflag(l, ECHOE));
	if (lflag(l, ECHO) && !lflag(l, ECHOE))
		echo(l, c);
}

static bool is_word(u8 c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '_' || c >= 0x80;
}

/* What is not a word, and the word before it. */
static void erase_word(struct ldisc *l)
{
	u32 start = l->head;
	bool in_word = false;

	while (start != l->canon) {
		if (is_word(ring_at(l, start - 1)))
			in_word = true;
		else if (in_word)
			break;
		start = char_before(l, start);
	}
	erase_from(l, start, lflag(l, ECHO));
}

static void erase_line(struct ldisc *l, u8 c)
{
	bool show = lflag(l, ECHO);
	bool wipe = show && lflag(l, ECHOK) && lflag(l, ECHOKE) && lflag(l, ECHOE);

	if (l->head == l->canon)
		return;
	erase_from(l, l->canon, wipe);
	if (!show || wipe)
		return;
	echo(l, c);
	if (lflag(l, ECHOK))
		ldisc_write(l, "\n", 1);
}

/* ^R: shows the line being typed again. */
static void reprint(struct ldisc *l, u8 c)
{
	echo(l, c);
	ldisc_write(l, "\n", 1);
	l->line_column = l->column;
	for (u32 i = l->canon; i != l->head; i++)
		echo(l, ring_at(l, i));
}

/* --- Input --- */

static void ring_bell(struct ldisc *l)
{
	if (iflag(l, IMAXBEL))
		emit(l, "\a", 1);
}

static void store(struct ldisc *l, u8 c, bool literal)
{
	if (!has_room(l)) {
		ring_bell(l);
		return;
	}
	echo_typed(l, c, literal);
	put(l, c, false);
}

static void end_line(struct ldisc *l, u8 c)
{
	if (used(l) == LDISC_SIZE) {
		ring_bell(l);
		return;
	}
	if (c == '\n' && lflag(l, ECHO | ECHONL))
		ldisc_write(l, "\n", 1);
	else if (c && c != '\n')
		echo_typed(l, c, false);
	put(l, c, true);
}

/* Editing characters. Returns whether c was one. */
static bool edit(struct ldisc *l, u8 c)
{
	bool extended = lflag(l, IEXTEN);

	if (is_cc(l, VERASE, c))
		erase_one(l, c);
	else if (is_cc(l, VKILL, c))
		erase_line(l, c);
	else if (extended && is_cc(l, VWERASE, c))
		erase_word(l);
	else if (extended && lflag(l, ECHO) && is_cc(l, VREPRINT, c))
		reprint(l, c);
	else
		return false;
	return true;
}

static void receive_canonical(struct ldisc *l, u8 c)
{
	if (edit(l, c))
		return;
	if (c == '\n' || is_cc(l, VEOL, c) || (lflag(l, IEXTEN) && is_cc(l, VEOL2, c)))
		end_line(l, c);
	else if (is_cc(l, VEOF, c))
		end_line(l, '\0');
	else
		store(l, c, false);
}

/* ^S, ^Q, and with IXANY any byte. Returns whether c was used up. */
static bool flow_control(struct ldisc *l, u8 c)
{
	if (!iflag(l, IXON))
		return false;
	if (is_cc(l, VSTART, c) || is_cc(l, VSTOP, c)) {
		l->stopped = !is_cc(l, VSTART, c);
		return true;
	}
	if (iflag(l, IXANY))
		l->stopped = false;
	return false;
}

static u32 signal_of(const struct ldisc *l, u8 c)
{
	if (!lflag(l, ISIG))
		return 0;
	if (is_cc(l, VINTR, c))
		return SIGINT;
	if (is_cc(l, VQUIT, c))
		return SIGQUIT;
	return is_cc(l, VSUSP, c) ? SIGTSTP : 0;
}

static void raise_signal(struct ldisc *l, u8 c)
{
	if (!lflag(l, NOFLSH))
		ldisc_flush(l);
	l->stopped = false;
	if (lflag(l, ECHO))
		echo(l, c);
}

static bool wants_literal_next(const struct ldisc *l, u8 c)
{
	return lflag(l, ICANON) && lflag(l, IEXTEN) && is_cc(l, VLNEXT, c);
}

/* Strips, folds and swaps as c_iflag says. Returns false when the byte is dropped. */
static bool translate(const struct ldisc *l, u8 *c)
{
	if (iflag(l, IUCLC) && lflag(l, IEXTEN) && *c >= 'A' && *c <= 'Z')
		*c += 'a' - 'A';
	if (*c == '\r' && iflag(l, IGNCR))
		return false;
	if (*c == '\r' && iflag(l, ICRNL))
		*c = '\n';
	else if (*c == '\n' && iflag(l, INLCR))
		*c = '\r';
	return true;
}

u32 ldisc_receive(struct ldisc *l, u8 c)
{
	u32 sig;

	if (iflag(l, ISTRIP))
		c &= 0x7f;
	if (l->literal_next) {
		l->literal_next = false;
		store(l, c, true);
		return 0;
	}
	if (flow_control(l, c))
		return 0;
	sig = signal_of(l, c);
	if (sig) {
		raise_signal(l, c);
		return sig;
	}
	if (!translate(l, &c))
		return 0;
	if (wants_literal_next(l, c)) {
		l->literal_next = true;
		if (lflag(l, ECHO) && lflag(l, ECHOCTL))
			emit(l, "^\b", 2);
	} else if (lflag(l, ICANON)) {
		receive_canonical(l, c);
	} else {
		store(l, c, false);
	}
	return 0;
}

/* --- Reading --- */

bool ldisc_readable(const struct ldisc *l, u32 min)
{
	if (lflag(l, ICANON))
		return l->canon != l->tail;
	return used(l) >= MAX(min, 1u);
}

static size_t read_line(struct ldisc *l, char *buf, size_t n, bool *ended)
{
	size_t got = 0;

	while (got < n && l->tail != l->canon) {
		u32 i = l->tail;

		*ended = ends_line(l, i);
		if (is_eof(l, i)) {
			l->tail++;
			break;
		}
		buf[got++] = (char)ring_at(l, i);
		l->tail++;
		if (*ended)
			break;
	}
	return got;
}

size_t ldisc_read(struct ldisc *l, char *buf, size_t n, bool *ended)
{
	size_t got = 0;

	*ended = false;
	if (lflag(l, ICANON))
		return read_line(l, buf, n, ended);
	while (got < n && l->tail != l->head)
		buf[got++] = (char)ring_at(l, l->tail++);
	return got;
}

void ldisc_skip_eof(struct ldisc *l)
{
	if (lflag(l, ICANON) && l->tail != l->canon && is_eof(l, l->tail))
		l->tail++;
}

u32 ldisc_count(const struct ldisc *l)
{
	u32 n = 0;

	if (!lflag(l, ICANON))
		return used(l);
	for (u32 i = l->tail; i != l->canon; i++)
		n += !is_eof(l, i);
	return n;
}

bool ldisc_nearly_full(const struct ldisc *l)
{
	return used(l) > LDISC_SIZE - RESERVE && ldisc_readable(l, 1);
}

void ldisc_flush(struct ldisc *l)
{
	l->tail = l->canon = l->head;
	l->literal_next = false;
}

/* --- Modes --- */

void ldisc_init(struct ldisc *l, void (*out)(void *ctx, const char *s, size_t n), void *ctx)
{
	static const struct abi_termios standard = {
		.c_iflag = ICRNL | IXON,
		.c_oflag = OPOST | ONLCR,
		.c_cflag = B115200 | CS8 | CREAD | HUPCL | CLOCAL,
		.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
		.c_cc = {3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0},
	};

	memset(l, 0, sizeof(*l));
	l->termios = standard;
	l->out = out;
	l->ctx = ctx;
}

/* All that has been typed is one line, finished whatever its last byte. */
static void begin_canonical(struct ldisc *l)
{
	memset(l->line_end, 0, sizeof(l->line_end));
	l->canon = l->head;
	if (l->head != l->tail)
		mark_line_end(l, l->head - 1, true);
}

void ldisc_set_termios(struct ldisc *l, const struct abi_termios *t)
{
	bool was_canonical = lflag(l, ICANON);

	l->termios = *t;
	if (lflag(l, ICANON) != was_canonical) {
		l->literal_next = false;
		if (!was_canonical)
			begin_canonical(l);
	}
	if (!iflag(l, IXON))
		l->stopped = false;
}
