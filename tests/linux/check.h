/* For the guest programs of this folder: each prints what it sees, and prints the same when it is
 * compiled for and run by the host. CHECK prints its condition only when it does not hold. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What was printed before a guest dies or hangs must not be lost. */
static void __attribute__((constructor)) print_by_lines(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
}

#define CHECK(condition)                                                             \
    do {                                                                             \
        if (!(condition))                                                            \
            printf("%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno); \
    } while (0)
