/* Properties: the schema of everything that can be configured (devices, machines, backends,
 * commands).
 *
 * One table per class is the source of command line, JSON form, help, introspection and errors. A
 * table describes fields of a struct: prop_apply() reads a JSON object (or a parsed "key=value,..."
 * text, conf.h) into it. Tables end with an entry without a name. Threads: pure functions on the
 * caller's data.
 */
#ifndef MYNA_CORE_PROP_H
#define MYNA_CORE_PROP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

enum prop_type {
    PROP_BOOL, /* bool; on/off/yes/no/true/false */
    PROP_U8,
    PROP_U16,
    PROP_U32,
    PROP_U64, /* decimal, 0x, 0 */
    PROP_I64,
    PROP_SIZE, /* uint64_t; K M G T suffixes, powers of 1024 */
    PROP_STR,  /* char *, owned by the struct, NULL by default */
    PROP_ENUM, /* int: index into values[] */
    PROP_AUTO, /* int: 0 auto, 1 on, 2 off */
    PROP_MAC,  /* uint8_t[6]; all zero: none given */
    PROP_PCI,  /* int: slot * 8 + function; -1: any ("05.0", "5", "0x5.1") */
    PROP_LINK, /* char *: id of a backend or device of kind `link` ("blk", "net", "chr", "dev") */
    PROP_LIST, /* json_t *: an array, borrowed reference taken (decref by prop_free) */
    PROP_DICT, /* json_t *: an object */
};
struct prop {
    const char *name;
    enum prop_type type;
    size_t offset;
    int64_t def;               /* numbers, bools, enums, auto */
    const char *def_str;       /* strings */
    uint64_t min, max;         /* numbers; max 0: the type's */
    const char *const *values; /* PROP_ENUM: NULL-terminated */
    const char *link;          /* PROP_LINK: kind */
    bool required;
    const char *help; /* one line */
};

/* Defaults into a zeroed struct. */
void prop_defaults(const struct prop *table, void *object);
/* Sets what `from` (an object) names. Unknown names: one error with "did you mean", naming `what`.
 * Values may be native JSON or strings (as command lines give). '-' and '_' are the same in names.
 * `what` may be an option and a name ("-device virtio-blk-pci"): errors then say how to list the
 * properties. `skip`: names handled by the caller, NULL-terminated or NULL. */
int must_check prop_apply(const struct prop *table, void *object, const json_t *from,
                          const char *what, const char *const *skip, struct err *e);
int must_check prop_set(const struct prop *p, void *object, const json_t *value, const char *what,
                        struct err *e);
json_t *prop_get(const struct prop *p, const void *object); /* new reference */
void prop_free(const struct prop *table, void *object);     /* strings and references */
const struct prop *prop_find(const struct prop *table, const char *name);
/* Closest of the NULL-terminated names to `name` or NULL: for "did you mean". */
const char *prop_nearest(const char *name, const char *const *names);
/* Number with optional K M G T (and B) suffix; `unit` multiplies a number without suffix. */
int must_check prop_parse_size(const char *text, uint64_t unit, uint64_t *out, struct err *e);
struct str;
void prop_help(const struct prop *table,
               struct str *out); /* a line each: name=<type> help (default) */
#endif
