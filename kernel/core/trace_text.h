/* Records as lines of text, byte for byte as Linux's ftrace prints them. */
#ifndef CORE_TRACE_TEXT_H
#define CORE_TRACE_TEXT_H

#include "kernel/core/trace.h"

#define TRACE_LINE_MAX 640

/* What stands above the lines. Returns its length. */
size_t trace_header(char *buf, size_t size);

/* One record, with its newline. Returns its length, always below TRACE_LINE_MAX. */
size_t trace_line(char buf[TRACE_LINE_MAX], const struct trace_record *r, u32 cpu);

#endif
