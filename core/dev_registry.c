/* Finding classes by name. Apart from dev.c, because the table is generated in an upper layer
 * (dev/list): who links this file links that.
 */
#include <string.h>

#include "core/dev.h"

const struct dev_class *dev_class_find(const char *name)
{
    for (const struct dev_class *const *cls = dev_class_registry; *cls; cls++) {
        if (strcmp((*cls)->name, name) == 0)
            return *cls;
        for (const char *const *alias = (*cls)->aliases; alias && *alias; alias++) {
            if (strcmp(*alias, name) == 0)
                return *cls;
        }
    }
    return NULL;
}
