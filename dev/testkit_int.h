/* Private to dev/testkit*.c: driving a device with numbers from somewhere. */
#ifndef MYNA_DEV_TESTKIT_INT_H
#define MYNA_DEV_TESTKIT_INT_H

#include "dev/testkit.h"

/* A source of numbers: a generator, or a fuzzer's bytes (then 0 for ever when they are used up). */
struct devkit_dice {
    uint64_t seed;
    const uint8_t *data, *end; /* not NULL: from these */
};

uint64_t devkit_roll(struct devkit_dice *dice, unsigned bytes);
bool devkit_rolled_out(const struct devkit_dice *dice);
/* One random thing: an access, time, memory, an event. Mixes what was read into *seen. */
void devkit_step(struct devkit *kit, struct devkit_dice *dice, uint64_t *seen);
/* A good stream with random values in its fields, checksums right. */
void devkit_spoil(struct str *stream, struct devkit_dice *dice);
#endif
