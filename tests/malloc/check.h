/*
 * CHECK(): the condition holds, or the program ends with its text.
 */
#ifndef TESTS_MALLOC_CHECK_H
#define TESTS_MALLOC_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(x)                                                                                   \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x);                    \
			_Exit(1);                                                                  \
		}                                                                                  \
	} while (0)

#endif
