/* futex(2), for the files beside it. */
#ifndef PROC_FUTEX_H
#define PROC_FUTEX_H

struct restart;

/* Goes on with a wait that a signal without a handler had interrupted. */
long futex_restart(const struct restart *r);

#endif
