/* Scancodes to bytes. */
#include "kernel/core/keymap.h"
#include "kernel/core/selftest.h"
#include "kernel/lib/string.h"

static struct keymap keymap;

/* Everything that the scancodes send, as one string. */
static const char *press(const u8 *code, size_t n)
{
	static char text[64];
	char out[KEYMAP_MAX];
	u32 len = 0;

	for (size_t i = 0; i < n; i++) {
		u32 got = keymap_byte(&keymap, code[i], out);

		memcpy(text + len, out, got);
		len += got;
	}
	text[len] = '\0';
	return text;
}

#define KEYS(...)	       press((const u8[]){__VA_ARGS__}, sizeof((const u8[]){__VA_ARGS__}))
#define EXPECT_KEYS(text, ...) KEXPECT(strcmp(KEYS(__VA_ARGS__), text) == 0)

KTEST(keymap, plain_and_shifted)
{
	keymap = (struct keymap){0};
	EXPECT_KEYS("a", 0x1e, 0x9e);
	EXPECT_KEYS("A", 0x2a, 0x1e, 0x9e, 0xaa);
	EXPECT_KEYS("!", 0x36, 0x02, 0x82, 0xb6);
	EXPECT_KEYS("a\r\177\t /", 0x1e, 0x1c, 0x0e, 0x0f, 0x39, 0x35);
}

KTEST(keymap, caps_lock)
{
	keymap = (struct keymap){0};
	EXPECT_KEYS("A1", 0x3a, 0xba, 0x1e, 0x02);
	EXPECT_KEYS("a", 0x2a, 0x1e, 0xaa);
	EXPECT_KEYS("a", 0x3a, 0xba, 0x1e);
}

KTEST(keymap, control_and_alt)
{
	char out[KEYMAP_MAX];

	keymap = (struct keymap){0};
	EXPECT_KEYS("\003", 0x1d, 0x2e, 0xae, 0x9d);
	EXPECT_KEYS("\034", 0xe0, 0x1d, 0x2b, 0xe0, 0x9d);
	EXPECT_KEYS("\033x", 0x38, 0x2d, 0xb8);
	keymap.ctrl = true;
	KEXPECT_EQ(keymap_byte(&keymap, 0x39, out), 1);
	KEXPECT_EQ(out[0], 0);
}

KTEST(keymap, cursor_and_function_keys)
{
	keymap = (struct keymap){0};
	EXPECT_KEYS("\033[A", 0xe0, 0x48, 0xe0, 0xc8);
	EXPECT_KEYS("\033[B\033[C\033[D", 0xe0, 0x50, 0xe0, 0x4d, 0xe0, 0x4b);
	EXPECT_KEYS("\033[3~", 0xe0, 0x53);
	EXPECT_KEYS("\033[24~", 0x58);
	/* The keyboard wraps grey keys into shifts of its own. */
	EXPECT_KEYS("\033[Aa", 0xe0, 0x2a, 0xe0, 0x48, 0xe0, 0xc8, 0xe0, 0xaa, 0x1e);
}

KTEST(keymap, pause_sends_nothing)
{
	keymap = (struct keymap){0};
	EXPECT_KEYS("a", 0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5, 0x1e);
}

KTEST(keymap, every_code_is_bounded)
{
	char out[KEYMAP_MAX];

	keymap = (struct keymap){0};
	for (u32 i = 0; i < 100000; i++)
		KREQUIRE(keymap_byte(&keymap, (u8)ktest_random(), out) < KEYMAP_MAX);
}
