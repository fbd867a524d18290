/* Library code with many branches and calls: snprintf(), then a hash of the text. */
#include "bench.h"

KERNEL(scale, 1000000)
{
    uint64_t hash = 14695981039346656037ull;
    char text[128];

    for (unsigned long i = 0; i < scale; i++) {
        int length = snprintf(text, sizeof(text), "%08lx:%lu:%s:%-6d|%c", i * 2654435761u, i,
                              i & 1 ? "odd" : "even", (int)(i % 1000) - 500, (int)('a' + i % 26));

        for (int k = 0; k < length; k++)
            hash = (hash ^ (unsigned char)text[k]) * 1099511628211ull;
    }
    return result_int(hash);
}
