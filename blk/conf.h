/*
 * A node's options, as -blockdev spells them: nested objects or names with dots, native JSON values
 * or the strings that a command line gives. Pure functions.
 */
#ifndef MYNA_BLK_CONF_H
#define MYNA_BLK_CONF_H

#include "blk/driver.h"

const json_t *blk_conf_get(const struct blk_conf *c, const char *key);
const char *blk_conf_str(const struct blk_conf *c, const char *key); /* NULL: not given */
/* The value stays as it is when the key is not given. */
int must_check blk_conf_bool(const struct blk_conf *c, const char *key, bool *value, struct err *e);
int must_check blk_conf_size(const struct blk_conf *c, const char *key, uint64_t *value,
                             struct err *e);
/* Sets or clears bits of *flags for the words `yes` ("on", too) and `no` ("off"). */
int must_check blk_conf_choice(const struct blk_conf *c, const char *key, unsigned *flags,
                               unsigned bits, const char *yes, const char *no, struct err *e);
int must_check blk_conf_aio(struct blk_conf *c, struct err *e);
/* Refuses keys that are neither common nor in `keys`. */
int must_check blk_conf_check(const struct blk_conf *c, const char *const *keys, const char *driver,
                              struct err *e);

#endif
