/* Crashing on purpose: how the machine's last words are tested. */
#ifndef CORE_PROVOKE_H
#define CORE_PROVOKE_H

/* Does what `provoke=NAME` on the command line says (the names are lkdtm's, see provoke.c). Returns
 * when nothing was asked for, or when the machine survived it. */
void provoke_crash(void);

#endif
