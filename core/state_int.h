/* Private to core/state*.c and core/dev.c: the stream's bytes.
 *
 *   stream   "MYNASTAT" u32 format, sections, end
 *   section  'S' str16 path, str16 class, u32 version, u32 length, body, u32 crc (of all from 'S'
 * on) end      'E' u32 number of sections, u32 crc body     of a device: fields; of raw bytes
 * (class "bytes"): u64 place, bytes field    str8 name, u8 type, u8 flags, u32 count, u32 length,
 * data data     count values; STATE_STRUCT: of each element u32 length, fields; STATE_TIMER: u64
 * deadline
 *
 * str8 and str16: a length of so many bits, then the characters. All numbers little-endian.
 */
#ifndef MYNA_CORE_STATE_INT_H
#define MYNA_CORE_STATE_INT_H

#include "core/state.h"

#define STATE_MAGIC "MYNASTAT"
enum { STATE_FORMAT = 1, STATE_OPTIONAL = 1, STATE_NAME_MAX = 512, STATE_FIELDS_MAX = 256 };
/* The largest section: devices' state is small, and RAM goes in chunks. */
enum { STATE_BODY_MAX = 64 << 20 };

/* Bytes of one value in the stream; 0: STATE_STRUCT. */
size_t state_width(const struct state_field *f);
/* Bytes from one element to the next in memory. */
size_t state_stride(const struct state_field *f);
/* The present elements; *count 0 when there are none. */
void *state_elements(const struct state_field *f, const void *object, uint32_t *count);

/* A body into an object; apply false: only checks everything. `path` is for errors. */
int must_check state_body_load(const char *path, const struct state_field *fields, void *object,
                               const uint8_t *body, size_t size, bool apply, struct err *e);
/* The present section's body, which the caller frees. */
uint8_t *state_take_body(struct state_reader *r, size_t *size);
#endif
