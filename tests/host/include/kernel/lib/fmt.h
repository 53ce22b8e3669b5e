/* Our printf under another name, so that it is tested beside the C library's. */
#ifndef HOST_FMT_H
#define HOST_FMT_H

#include <stdio.h>

#define vsnprintf tessera_vsnprintf
#define snprintf  tessera_snprintf

#include_next "kernel/lib/fmt.h"

#endif
