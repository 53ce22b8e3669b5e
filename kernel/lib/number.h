/* Numbers read from text. Each function looks at the text at *s and moves *s behind what it took;
 * one that returns false has moved nothing. */
#ifndef LIB_NUMBER_H
#define LIB_NUMBER_H

#include "kernel/lib/types.h"

/* Digits of a base from 2 to 16, or of base 0: as C writes numbers, 0x for 16 and 0 for 8. False
 * when there is no digit or the number is above max. */
bool take_number(const char **s, u32 base, u64 max, u64 *out);

/* Bytes: a number of base 0, or none for 0, and behind it perhaps k, m, g, t, p or e of either
 * case. False when there is neither, or it is too much. */
bool take_size(const char **s, u64 *bytes);

/* A decimal number that is the whole of s, but for a newline behind it. */
bool number_line(const char *s, u32 *out);

#endif
