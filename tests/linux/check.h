/* For the guest programs of this folder: each prints what it sees, and prints the same when it is
 * compiled for and run by the host. CHECK prints its condition only when it does not hold. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                             \
    do {                                                                             \
        if (!(condition))                                                            \
            printf("%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno); \
    } while (0)
