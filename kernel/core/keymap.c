/* Scancode set 1 to terminal input. The escape sequences are those of Linux's console. */
#include "kernel/core/keymap.h"
#include "kernel/lib/string.h"

#define RELEASED 0x80
#define EXTENDED 0xe0
#define PAUSE	 0xe1 /* five more bytes follow, and no release */

enum { SC_CTRL = 0x1d, SC_LSHIFT = 0x2a, SC_RSHIFT = 0x36, SC_ALT = 0x38, SC_CAPS = 0x3a };

static const char plain[] = "\0\033"
			    "1234567890-=\177\t"
			    "qwertyuiop[]\r\0"
			    "asdfghjkl;'`\0\\"
			    "zxcvbnm,./\0*\0 ";
static const char shifted[] = "\0\033"
			      "!@#$%^&*()_+\177\t"
			      "QWERTYUIOP{}\r\0"
			      "ASDFGHJKL:\"~\0|"
			      "ZXCVBNM<>?\0*\0 ";

static const struct {
	u8 code;
	const char *sends;
} function_keys[] = {
	{0x3b, "\033[[A"},
	{0x3c, "\033[[B"},
	{0x3d, "\033[[C"},
	{0x3e, "\033[[D"},
	{0x3f, "\033[[E"},
	{0x40, "\033[17~"},
	{0x41, "\033[18~"},
	{0x42, "\033[19~"},
	{0x43, "\033[20~"},
	{0x44, "\033[21~"},
	{0x57, "\033[23~"},
	{0x58, "\033[24~"},
	/* The keypad and, behind 0xe0, the grey keys. */
	{0x47, "\033[1~"},
	{0x48, "\033[A"},
	{0x49, "\033[5~"},
	{0x4b, "\033[D"},
	{0x4d, "\033[C"},
	{0x4f, "\033[4~"},
	{0x50, "\033[B"},
	{0x51, "\033[6~"},
	{0x52, "\033[2~"},
	{0x53, "\033[3~"},
	{0x4a, "-"},
	{0x4e, "+"},
};

/* Returns whether the key is a modifier. */
static bool modifier(struct keymap *k, u8 key, bool down)
{
	switch (key) {
	case SC_LSHIFT:
	case SC_RSHIFT:
		k->shift = down;
		return true;
	case SC_CTRL:
		k->ctrl = down;
		return true;
	case SC_ALT:
		k->alt = down;
		return true;
	case SC_CAPS:
		k->caps ^= down;
		return true;
	default:
		return false;
	}
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static u32 character(const struct keymap *k, char c, char *out)
{
	u32 n = 0;

	if (k->alt)
		out[n++] = '\033';
	if (k->ctrl && c == ' ')
		c = '\0';
	else if (k->ctrl && c >= '?' && c <= '~')
		c = c == '?' ? '\177' : c & 0x1f;
	out[n++] = c;
	out[n] = '\0';
	return n;
}

static u32 press(const struct keymap *k, u8 key, bool extended, char *out)
{
	char c = key < sizeof(plain) - 1 ? plain[key] : '\0';

	if (c && (!extended || c == '\r' || c == '/')) {
		if (k->shift != (k->caps && is_letter(c)) && !extended)
			c = shifted[key];
		return character(k, c, out);
	}
	for (u32 i = 0; i < ARRAY_SIZE(function_keys); i++)
		if (function_keys[i].code == key)
			return (u32)strlcpy(out, function_keys[i].sends, KEYMAP_MAX);
	return 0;
}

u32 keymap_byte(struct keymap *k, u8 code, char out[KEYMAP_MAX])
{
	bool extended = k->extended, down = !(code & RELEASED);
	u8 key = code & (u8)~RELEASED;

	k->extended = false;
	if (k->skip) {
		k->skip--;
		return 0;
	}
	if (code == PAUSE)
		k->skip = 5;
	else if (code == EXTENDED)
		k->extended = true;
	else if (extended && (key == SC_LSHIFT || key == SC_RSHIFT))
		return 0; /* the keyboard's own idea of num lock */
	else if (!modifier(k, key, down) && down)
		return press(k, key, extended, out);
	return 0;
}
