/* Fuzz target of configuration text: no input crashes, and what is read can be written and read
 * again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), *again;
    json_t *object, *second;
    struct err e;

    memcpy(text, data, size);
    text[size] = '\0';
    if (conf_parse(&object, text, size & 1 ? "driver" : NULL, &e) == 0) {
        again = conf_format(object);
        if (again) {
            char *third;

            if (conf_parse(&second, again, NULL, &e))
                abort();
            third = conf_format(second);
            if (!third || strcmp(again, third) != 0)
                abort();
            free(third);
            json_decref(second);
        }
        free(again);
        json_decref(object);
    } else if (object) {
        abort();
    }
    free(text);
    return 0;
}
