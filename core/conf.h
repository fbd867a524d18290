/* Configuration text to JSON and back: what command lines, files and scripts write.
 *
 *     virtio-blk-pci,drive=d0,num-queues=4         with the implied key "driver"
 *     driver=qcow2,file.driver=file,file.filename=a,,b.qcow2
 *     user,id=n0,hostfwd=tcp::2222-:22,hostfwd=tcp::8080-:80
 *     {"driver": "virtio-blk-pci", "drive": "d0"}
 *
 * Values are texts (prop_apply() makes of them what a table says). ",," is a comma in a value. A
 * dot in a name opens an object; objects whose names are 0, 1, 2 ... become arrays. A name given
 * again makes an array of its values, of which a property that is no list takes the last. A name
 * alone is on ("server"), and off when it starts with "no" ("nowait" is wait=off; "nodelay" is a
 * name). Text that starts with '{' is JSON. Pure functions.
 */
#ifndef MYNA_CORE_CONF_H
#define MYNA_CORE_CONF_H

#include <jansson.h>

#include "base/attr.h"
#include "base/err.h"

/* *out: a new object, or NULL on failure. `implied`: the name of a first value without one; NULL:
 * none may stand there. Errors tell the position. */
int must_check conf_parse(json_t **out, const char *text, const char *implied, struct err *e);
/* The other way: text that conf_parse() reads as the same object, with numbers and truth values as
 * texts; in the comma form where it can say that, else as JSON. NULL: `object` is none. Free it. */
char *conf_format(const json_t *object);
#endif
