/* Private to core/prop*.c. */
#ifndef MYNA_CORE_PROP_INT_H
#define MYNA_CORE_PROP_INT_H

#include "core/prop.h"

const char *prop_type_name(const struct prop *p);
/* Stores the value at `at`; on failure nothing changed and e tells why, without saying of what. */
int must_check prop_read_value(const struct prop *p, void *at, const json_t *value, struct err *e);
#endif
