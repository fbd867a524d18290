/* Drives a device at random: accesses that are biased towards what hurts, time, memory, outside
 * events; and spoils saved state. Knows no device.
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "dev/testkit_int.h"

uint64_t devkit_roll(struct devkit_dice *dice, unsigned bytes)
{
    uint64_t v = 0;

    if (dice->data) {
        size_t n = min_of((size_t)bytes, (size_t)(dice->end - dice->data));

        memcpy(&v, dice->data, n);
        dice->data += n;
        return v;
    }
    /* splitmix64 */
    v = dice->seed += UINT64_C(0x9e3779b97f4a7c15);
    v = (v ^ v >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    v = (v ^ v >> 27) * UINT64_C(0x94d049bb133111eb);
    v ^= v >> 31;
    return bytes < 8 ? v & ((UINT64_C(1) << 8 * bytes) - 1) : v;
}

bool devkit_rolled_out(const struct devkit_dice *dice)
{
    return dice->data && dice->data == dice->end;
}

/* Small, large, a bit, an address in RAM, anything. */
static uint64_t value(struct devkit_dice *dice)
{
    unsigned form = (unsigned)devkit_roll(dice, 1);

    switch (form % 8) {
    case 0:
        return form / 8;
    case 1:
        return ~(uint64_t)0 - form / 8;
    case 2:
        return UINT64_C(1) << form / 8 * 2;
    case 3:
        return DEVKIT_RAM + (devkit_roll(dice, 2) << 4) % DEVKIT_RAM_SIZE;
    case 4:
        return devkit_roll(dice, 1);
    case 5:
        return devkit_roll(dice, 2);
    case 6:
        return devkit_roll(dice, 4);
    default:
        return devkit_roll(dice, 8);
    }
}

static uint64_t offset_in(struct devkit *kit, unsigned block, unsigned form,
                          struct devkit_dice *dice)
{
    uint64_t size = mem_region_size(kit->block[block]),
             at = devkit_roll(dice, size > 0x10000 ? 4 : 2);

    if (form & 1) /* most registers stand at the beginning and are words */
        at = (at & 0xff) * 4;
    else if (form & 2)
        at &= ~(uint64_t)3;
    return at % size;
}

static void touch(struct devkit *kit, unsigned op, struct devkit_dice *dice, uint64_t *seen)
{
    unsigned block = op / 16 % kit->blocks, form = (unsigned)devkit_roll(dice, 1),
             size = 1u << form / 4 % 4;
    uint64_t at;

    if (form & 0x80)
        size = 4;
    at = offset_in(kit, block, form, dice);
    if (op & 1)
        *seen = (*seen ^ devkit_read(kit, block, at, size)) * UINT64_C(0x100000001b3);
    else
        devkit_write(kit, block, at, size, value(dice));
}

void devkit_step(struct devkit *kit, struct devkit_dice *dice, uint64_t *seen)
{
    unsigned op = (unsigned)devkit_roll(dice, 1);
    uint64_t v;

    switch (op % 16) {
    case 12: /* a little time */
        devkit_advance(kit, (int64_t)devkit_roll(dice, 2));
        break;
    case 13: /* much time */
        devkit_advance(kit, (int64_t)(devkit_roll(dice, 2) << (op / 16)));
        break;
    case 14:
        v = value(dice);
        memcpy(devkit_ram(kit, DEVKIT_RAM + (devkit_roll(dice, 2) << 4) % DEVKIT_RAM_SIZE), &v,
               sizeof(v));
        break;
    case 15:
        v = devkit_roll(dice, 8);
        if (kit->outside)
            kit->outside(kit, v);
        break;
    default:
        if (kit->blocks)
            touch(kit, op, dice, seen);
    }
    devkit_settle(kit);
}

/* ---- spoiled state; the layout stands in core/state_int.h ---- */

static void spoil_fields(uint8_t *at, uint8_t *end, struct devkit_dice *dice)
{
    enum { TYPE_BOOL = 0, TYPE_STRUCT = 6 };

    while (at < end) {
        uint8_t type = at[1 + at[0]];
        uint32_t count = mem_ld32le(at + 3 + at[0]), size = mem_ld32le(at + 7 + at[0]);
        uint8_t *data = at + 11 + at[0];

        at = data + size;
        if (type == TYPE_STRUCT) {
            for (; count--; data += 4 + mem_ld32le(data))
                spoil_fields(data + 4, data + 4 + mem_ld32le(data), dice);
        } else if (size && devkit_roll(dice, 1) % 4 == 0) {
            uint64_t v = value(dice);
            uint32_t place = (uint32_t)devkit_roll(dice, 2) % count * (size / count);

            if (type == TYPE_BOOL)
                v &= 1;
            memcpy(data + place, &v, min_of(size / count, 8u));
        }
    }
}

void devkit_spoil(struct str *stream, struct devkit_dice *dice)
{
    uint8_t *at = (uint8_t *)stream->text.data + 12;

    while (*at == 'S') {
        uint8_t *start = at, *body;

        at += 1;
        at += 2 + mem_ld16le(at);
        at += 2 + mem_ld16le(at);
        body = at + 8;
        at = body + mem_ld32le(at + 4);
        spoil_fields(body, at, dice);
        mem_st32le(at, (uint32_t)crc32(0, start, (uInt)(at - start)));
        at += 4;
    }
}
