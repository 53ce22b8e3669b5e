/* The kernel's command line, taken apart into words. */
#include "kernel/core/bootinfo.h"
#include "kernel/lib/string.h"

/* Takes the next word at *pos, quotes removed ("a b" is one word), cut to size - 1 bytes. Returns
 * false at the end. */
static bool cmdline_word(const char **pos, char *buf, size_t size)
{
	const char *p = *pos;
	bool quoted = false;
	size_t n = 0;

	while (*p == ' ' || *p == '\t')
		p++;
	*pos = p;
	if (!*p)
		return false;
	for (; *p && (quoted || (*p != ' ' && *p != '\t')); p++) {
		if (*p == '"')
			quoted = !quoted;
		else if (n + 1 < size)
			buf[n++] = *p;
	}
	buf[n] = '\0';
	*pos = p;
	return true;
}

int cmdline_find(const char *line, const char *name, char *buf, size_t size)
{
	char word[256];
	size_t len = strlen(name);
	int found = -1;

	while (cmdline_word(&line, word, sizeof(word)) && strcmp(word, "--") != 0) {
		const char *value = word + len;

		if (strncmp(word, name, len) != 0 || (*value != '=' && *value != '\0'))
			continue;
		value += *value == '=';
		found = (int)strlen(value);
		if (buf)
			strlcpy(buf, value, size);
	}
	return found;
}

const char *cmdline_after_dashes(const char *line)
{
	char word[4];

	while (cmdline_word(&line, word, sizeof(word)))
		if (strcmp(word, "--") == 0)
			break;
	while (*line == ' ' || *line == '\t')
		line++;
	return line;
}

int cmdline_get(const char *name, char *buf, size_t size)
{
	return cmdline_find(bootinfo.cmdline, name, buf, size);
}

const char *cmdline_init_args(void)
{
	return cmdline_after_dashes(bootinfo.cmdline);
}
