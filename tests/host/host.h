/* What host tests have beyond kernel/core/selftest.h. */
#ifndef TESTS_HOST_H
#define TESTS_HOST_H

#include <stdbool.h>

/* Calls fn(arg) and returns the text of the panic that ended it, or NULL when it came back. */
const char *host_panic_of(void (*fn)(void *arg), void *arg);

/* The command line as cmdline_get() reads it: one option `name=value` or a bare name, or "". */
extern const char *host_cmdline;

/* Maps "physical" memory and fills bootinfo with a map that has holes and odd edges. */
void host_memory_init(void);

#endif
