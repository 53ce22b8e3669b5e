/*
 * What the tests can do to the allocator's surroundings: have the glue refuse memory on purpose.
 * The linker puts these functions in front of the glue's (--wrap).
 */
#ifndef TESTS_MALLOC_WORLD_H
#define TESTS_MALLOC_WORLD_H

/* Of this thread's calls that ask the system for memory, let @pass succeed, then refuse @count. */
void refuse(unsigned pass, unsigned count);
/* How many of the former are still to come. */
unsigned calls_to_pass(void);
/* The clock of seconds goes ahead. */
void pass_time(unsigned seconds);
/* Of the calls that allow huge pages, less those that forbid them again. */
extern int huge_regions;
/* Whether this thread finds no free pages for small blocks, as when the heap has to grow. */
void crowd(bool on);
/* With no block in use: give all caches back, and end the program unless every page is free. */
void nothing_left(void);

#endif
