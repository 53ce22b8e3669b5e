/* Our string functions under other names, so that they are tested beside the C library's. */
#ifndef HOST_STRING_H
#define HOST_STRING_H

#include <string.h>

#define memmove tessera_memmove
#define memcmp  tessera_memcmp
#define memchr  tessera_memchr
#define strlen  tessera_strlen
#define strnlen tessera_strnlen
#define strcmp  tessera_strcmp
#define strncmp tessera_strncmp
#define strchr  tessera_strchr
#define strrchr tessera_strrchr
#define strstr  tessera_strstr
#define strlcpy tessera_strlcpy

#include_next "kernel/lib/string.h"

#endif
