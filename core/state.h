/* State of devices and cpus: one table of fields each, from which come save, load, reset check and
 * a dump.
 *
 * The stream is self-describing: sections (a device's path, class, version), fields (name, type,
 * count), and a checksum per section; a reader accepts fields in any order, takes absent ones that
 * allow it as their reset value, and refuses unknown ones unless marked optional by the writer.
 * Numbers are little-endian. The same stream serves snapshot and migration; RAM goes in chunks of
 * its own section. Errors: a bad stream gives one error that names section and field; nothing of
 * the section is applied then. Threads: while the machine stands still.
 */
#ifndef MYNA_CORE_STATE_H
#define MYNA_CORE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

enum state_type {
    STATE_BOOL,
    STATE_U8,
    STATE_U16,
    STATE_U32,
    STATE_U64,
    STATE_BYTES,
    STATE_STRUCT,
    STATE_TIMER
};

struct state_field {
    const char *name;
    enum state_type type;
    size_t offset;
    size_t size;    /* of one element: of STATE_BYTES the length, of STATE_STRUCT the stride */
    uint32_t count; /* elements; arrays are flat */
    bool pointer;   /* the field holds a pointer to the elements (fixed count or count_offset) */
    /* Not 0: uint32_t at this offset tells the count (at most `count`, when not 0). A stream must
     * have as many as the object has now, unless that field is in the table itself: then it may
     * have up to `count`. */
    size_t count_offset;
    const struct state_field *fields; /* STATE_STRUCT */
    bool optional;                    /* a stream without it is good */
};

#define STATE_FIELD(kind, type, member)                                                        \
    {                                                                                          \
#member, kind, offsetof(type, member), sizeof(((type *)0)->member), 1, false, 0, NULL, \
            false                                                                              \
    }
#define STATE_ARRAY(kind, type, member)                                                         \
    {                                                                                           \
#member, kind, offsetof(type, member), sizeof(((type *)0)->member[0]),                  \
            sizeof(((type *)0)->member) / sizeof(((type *)0)->member[0]), false, 0, NULL, false \
    }
#define STATE_NESTED(type, member, table)                                                        \
    {                                                                                            \
#member, STATE_STRUCT, offsetof(type, member), sizeof(((type *)0)->member), 1, false, 0, \
            table, false                                                                         \
    }
#define STATE_NESTED_ARRAY(type, member, table)                                                  \
    {                                                                                            \
#member, STATE_STRUCT, offsetof(type, member), sizeof(((type *)0)->member[0]),           \
            sizeof(((type *)0)->member) / sizeof(((type *)0)->member[0]), false, 0, table, false \
    }
#define STATE_END                                      \
    {                                                  \
        NULL, STATE_U8, 0, 0, 0, false, 0, NULL, false \
    }

struct state_writer;
struct state_reader;
/* Into and out of memory; a sink/source by callbacks is made on top. write/read: 0 or negative
 * errno. */
struct state_writer *state_writer_new(int (*write)(void *arg, const void *data, size_t size),
                                      void *arg);
int must_check state_writer_end(struct state_writer *w, struct err *e); /* end mark; frees w */
struct state_reader *state_reader_new(int (*read)(void *arg, void *data, size_t size), void *arg);
void state_reader_free(struct state_reader *r);

int must_check state_save_section(struct state_writer *w, const char *path, const char *cls,
                                  uint32_t version, const struct state_field *fields,
                                  const void *object, struct err *e);
/* The next section's head; *path NULL at the end. Strings live until the next call. */
int must_check state_next_section(struct state_reader *r, const char **path, const char **cls,
                                  uint32_t *version, struct err *e);
/* Its fields into object. */
int must_check state_load_section(struct state_reader *r, const struct state_field *fields,
                                  void *object, struct err *e);
/* The place and the bytes of a section of class "bytes" (state_save_bytes); good until the next
 * call. */
int must_check state_load_bytes(struct state_reader *r, uint64_t *at, const void **data,
                                size_t *size, struct err *e);
int must_check state_skip_section(struct state_reader *r, struct err *e);
/* Raw bytes inside a section of their own (RAM pages); at most some MB each. */
int must_check state_save_bytes(struct state_writer *w, const char *path, uint64_t at,
                                const void *data, size_t size, struct err *e);

/* "name = value" lines, for logs and comparing. */
struct str;
void state_dump(const struct state_field *fields, const void *object, struct str *out);
#endif
