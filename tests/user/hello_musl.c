/* The same program against the other library. */
#include "tests/user/hello.c"
