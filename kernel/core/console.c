/* The console: one stream of bytes, shown by the serial line and the text screen. */
#include "kernel/core/console.h"
#include "kernel/core/clock.h"
#include "kernel/core/keymap.h"
#include "kernel/core/lock.h"
#include "kernel/core/log.h"
#include "kernel/core/screen.h"
#include "kernel/core/vt.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "kernel/x86/keyboard.h"
#include "kernel/x86/serial.h"

/* The screen is brought up to date this much after a change: writing to it is slow, and nobody
 * reads faster. */
#define REFRESH_NS (40 * 1000 * 1000ull)

static bool ready; /* console_init() has been called */

/* Guards all below but in_panic. */
static struct spinlock console_lock = SPINLOCK_INIT("console");
static bool mid_line; /* the last byte shown was not a newline */
static struct vt screen;
static struct timer refresh;

static bool in_panic;

/* Of the keyboard's interrupt handler. */
static struct keymap keymap;
static void (*receiver)(u8 c);

void console_init(void)
{
	serial_init();
	vt_init(&screen);
	ready = true;
}

static u32 lock_console(void)
{
	return in_panic ? 0 : spin_lock_irqsave(&console_lock);
}

static void unlock_console(u32 flags)
{
	if (!in_panic)
		spin_unlock_irqrestore(&console_lock, flags);
}

void console_flush(void)
{
	u32 flags = lock_console();

	if (ready) {
		for (u32 row = screen.dirty_from; row < screen.dirty_to; row++)
			screen_show(row * VT_COLS, vt_line(&screen, row), VT_COLS);
		screen_cursor(screen.row * VT_COLS + screen.col, screen.cursor_hidden);
		vt_clean(&screen);
	}
	unlock_console(flags);
}

static void refresh_screen(struct timer *t)
{
	console_flush();
}

/* Caller holds the console. */
static void emit(const char *s, size_t n)
{
	if (n == 0 || !ready)
		return;
	serial_write(s, n);
	vt_write(&screen, s, n);
	mid_line = s[n - 1] != '\n';
	if (!in_panic && !refresh.pending)
		timer_arm(&refresh, clock_monotonic_ns() + REFRESH_NS, refresh_screen);
}

/* emit() with each newline as CR LF. Caller holds the console. */
static void emit_text(void *ctx, const char *s, size_t n)
{
	const char *end = s + n, *nl;

	while ((nl = memchr(s, '\n', (size_t)(end - s)))) {
		emit(s, (size_t)(nl - s));
		emit("\r\n", 2);
		s = nl + 1;
	}
	emit(s, (size_t)(end - s));
}

void console_output(const char *s, size_t n)
{
	u32 flags = lock_console();

	emit(s, n);
	unlock_console(flags);
}

void console_write_line(const char *s, size_t n)
{
	u32 flags = lock_console();

	if (mid_line)
		emit("\r\n", 2);
	emit_text(NULL, s, n);
	unlock_console(flags);
}

void console_fresh_line(void)
{
	console_write_line(NULL, 0);
}

void console_vprintf(const char *fmt, va_list ap)
{
	u32 flags = lock_console();

	fmt_v(emit_text, NULL, fmt, ap);
	unlock_console(flags);
}

void console_printf(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	console_vprintf(fmt, ap);
	va_end(ap);
}

static void receive_scancode(u8 code)
{
	char bytes[KEYMAP_MAX];
	u32 n = keymap_byte(&keymap, code, bytes);

	for (u32 i = 0; i < n; i++)
		receiver((u8)bytes[i]);
}

void console_input_start(void (*receive)(u8 c))
{
	receiver = receive;
	serial_input_start(receive);
	keyboard_input_start(receive_scancode);
}

void console_input_throttle(bool on)
{
	serial_throttle(on);
}

void console_enter_panic(void)
{
	in_panic = true;
}
