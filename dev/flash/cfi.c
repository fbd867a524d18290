/*
 * A bank of parallel NOR flash: two 16-bit chips side by side, Intel's extended command set (CFI
 * 01h), as published in JESD68 and the StrataFlash data sheets. Owns the chips' state and the
 * bytes; drive.c takes them to the image.
 *
 * Both chips get the same commands at the same time, so one state stands for both; what they answer
 * is repeated in both halves of a word. Programming and erasing take no time. In read mode the bank
 * is RAM to its guest.
 */
#include "dev/flash/flash_int.h"

#include <errno.h>
#include <string.h>

#include "base/bits.h"
#include "base/log.h"
#include "base/trace_define.h"
#include "dev/flash/trace.def"

enum command {
    READ_ARRAY = 0xff,
    READ_ARRAY_AMD = 0xf0, /* how AMD's are reset: probes send it */
    READ_ID = 0x90,
    READ_STATUS = 0x70,
    READ_CFI = 0x98,
    CLEAR_STATUS = 0x50,
    PROGRAM = 0x40,
    PROGRAM_ALT = 0x10,
    PROGRAM_BUFFER = 0xe8,
    ERASE = 0x20,
    LOCK = 0x60,
    CONFIRM = 0xd0,
    SUSPEND = 0xb0,
    LOCK_SET = 0x01,
    CONFIGURE = 0x03,
};
enum { READY = 0x80, ERASE_FAILED = 0x20, PROGRAM_FAILED = 0x10, PROTECTED = 0x02 };
enum { MANUFACTURER = 0x89, DEVICE = 0x18 };

struct cfi_flash *cfi_flash_of(struct dev *d)
{
    return container_of(d, struct cfi_flash, dev);
}

static void set_mode(struct cfi_flash *f, enum flash_mode mode)
{
    bool direct = mode == FLASH_ARRAY, was = f->mode == FLASH_ARRAY;

    if (f->mode != mode)
        trace_dev(flash_mode, &f->dev, "%d", mode);
    f->mode = (uint8_t)mode;
    if (direct != was)
        mem_region_set_direct(f->region, direct);
}

/* ---- answers ---- */

/* Tables of one chip; x8/x16 device of half the bank, sectors of 128 KB, 2 KB write buffer. */
static uint8_t cfi_byte(const struct cfi_flash *f, unsigned at)
{
    static const uint8_t head[] = {
        'Q',  'R',  'Y',  0x01,
        0x00, 0x31, 0x00, 0,
        0,    0,    0,          /* 10: Intel extended, table at 31 */
        0x45, 0x55, 0x00, 0x00, /* 1b: 4.5 to 5.5 V, programs with the same */
        0x07, 0x07, 0x0a, 0x00, /* 1f: typical times: word 128 us, buffer 128 us, sector 1 s */
        0x04, 0x04, 0x04, 0x00, /* 23: at most 16 times as long */
        0x19, 0x02, 0x00, FLASH_BUFFER_BITS - 1,
        0x00, 0x01,             /* 27: size, x8/x16, buffer, regions */
        0x00, 0x00, 0x00, 0x02, /* 2d: sectors - 1, size / 256 */
        'P',  'R',  'I',  '1',
        '0',                    /* 31: extended table, version 1.0 */
        0x00, 0x00, 0x00, 0x00, /* 36: no optional features */
        0x00, 0x00, 0x00,       /* 3a: nothing while suspended; no lock bits that last */
        0x50, 0x00, 0x00,       /* 3d: best at 5 V; no protection registers */
    };
    uint64_t chip = f->size / 2;

    switch (at) {
    case 0x27:
        return (uint8_t)bits_ctz64(chip);
    case 0x2d:
        return (uint8_t)(f->size / FLASH_SECTOR - 1);
    case 0x2e:
        return (uint8_t)((f->size / FLASH_SECTOR - 1) >> 8);
    default:
        return at >= 0x10 && at - 0x10 < sizeof(head) ? head[at - 0x10] : 0;
    }
}

static bool is_locked(const struct cfi_flash *f, uint64_t offset)
{
    uint64_t sector = offset / FLASH_SECTOR;

    return f->locked[sector / 8] >> sector % 8 & 1;
}

static uint16_t id_word(const struct cfi_flash *f, uint64_t offset)
{
    switch (offset >> 2 & 0xff) {
    case 0:
        return MANUFACTURER;
    case 1:
        return DEVICE;
    case 2:
        return is_locked(f, offset);
    default:
        return 0;
    }
}

/* What a chip says in the present mode. */
static uint16_t answer(const struct cfi_flash *f, uint64_t offset)
{
    switch (f->mode) {
    case FLASH_ID:
        return id_word(f, offset);
    case FLASH_CFI:
        return cfi_byte(f, offset >> 2 & 0xff);
    default:
        return f->status;
    }
}

static uint64_t flash_read(void *opaque, uint64_t offset, unsigned size)
{
    struct cfi_flash *f = opaque;
    uint64_t value = 0;

    if (f->mode == FLASH_ARRAY) {
        memcpy(&value, f->bytes + offset, size);
        return value;
    }
    value = answer(f, offset);
    value |= value << 16;
    value |= value << 32;
    return value >> offset % 2 * 8 & bits_mask64(size * 8);
}

/* ---- programming ---- */

/* Bits go from 1 to 0 alone. False: protected. */
static bool program(struct cfi_flash *f, uint64_t offset, const uint8_t *data, size_t size)
{
    if (f->readonly || is_locked(f, offset)) {
        trace_dev(flash_protected, &f->dev, "program at %#llx", (unsigned long long)offset);
        f->status |= PROGRAM_FAILED | PROTECTED;
        return false;
    }
    trace_dev(flash_program, &f->dev, "%zu bytes at %#llx", size, (unsigned long long)offset);
    for (size_t i = 0; i < size; i++)
        f->bytes[offset + i] &= data[i];
    cfi_flash_changed(f, offset, size);
    return true;
}

static void erase(struct cfi_flash *f, uint64_t offset)
{
    offset &= ~(uint64_t)(FLASH_SECTOR - 1);
    if (f->readonly || is_locked(f, offset)) {
        trace_dev(flash_protected, &f->dev, "erase at %#llx", (unsigned long long)offset);
        f->status |= ERASE_FAILED | PROTECTED;
        return;
    }
    trace_dev(flash_erase, &f->dev, "%#llx", (unsigned long long)offset);
    memset(f->bytes + offset, 0xff, FLASH_SECTOR);
    cfi_flash_changed(f, offset, FLASH_SECTOR);
}

static void lock(struct cfi_flash *f, uint64_t offset, bool on)
{
    uint64_t sector = offset / FLASH_SECTOR;

    f->locked[sector / 8] &= (uint8_t) ~(1u << sector % 8);
    f->locked[sector / 8] |= (uint8_t)((unsigned)on << sector % 8);
}

/* A sequence of commands that is none: both failure bits (status register, "command sequence
 * error"). */
static void bad_sequence(struct cfi_flash *f)
{
    f->status |= PROGRAM_FAILED | ERASE_FAILED;
    f->step = FLASH_IDLE;
}

static void first_write(struct cfi_flash *f, uint64_t offset, uint8_t command, unsigned size)
{
    switch (command) {
    case READ_ARRAY:
    case READ_ARRAY_AMD:
    case 0x00:
        set_mode(f, FLASH_ARRAY);
        return;
    case READ_ID:
        set_mode(f, FLASH_ID);
        return;
    case READ_CFI:
        set_mode(f, FLASH_CFI);
        return;
    case CLEAR_STATUS:
        f->status = READY;
        return;
    case READ_STATUS:
        break;
    case PROGRAM:
    case PROGRAM_ALT:
        f->step = FLASH_PROGRAM;
        break;
    case PROGRAM_BUFFER:
        f->step = FLASH_COUNT;
        f->buffer_at = offset & ~(uint64_t)(FLASH_SECTOR - 1);
        break;
    case ERASE:
        f->step = FLASH_ERASE;
        break;
    case LOCK:
        f->step = FLASH_LOCK;
        break;
    case CONFIRM: /* resume, and suspend: nothing takes time */
    case SUSPEND:
        break;
    default:
        /* Wider than the bank is no command: firmware that runs from flash stores to a variable of
         * its own there (EDK2). */
        if (size <= 4)
            dev_guest(&f->dev, "command %#x", command);
        set_mode(f, FLASH_ARRAY);
        return;
    }
    set_mode(f, FLASH_STATUS);
}

static void lock_write(struct cfi_flash *f, uint64_t offset, uint8_t command)
{
    f->step = FLASH_IDLE;
    if (command == LOCK_SET || command == CONFIRM)
        lock(f, offset, command == LOCK_SET);
    else if (command != CONFIGURE)
        bad_sequence(f);
}

/* The first word of a buffer chooses the part of the sector that it fills (2 KB a chip, aligned).
 */
static void buffer_write(struct cfi_flash *f, uint64_t offset, uint64_t value, unsigned size)
{
    uint64_t base = offset & ~(uint64_t)(FLASH_BUFFER - 1);

    if (!f->buffer_started) {
        f->buffer_started = true;
        f->buffer_at = base;
        memset(f->buffer, 0xff, sizeof(f->buffer));
    }
    if (base != f->buffer_at || offset % FLASH_BUFFER + size > FLASH_BUFFER)
        f->buffer_bad = true;
    else
        memcpy(f->buffer + offset % FLASH_BUFFER, &value, size);
    f->buffer_left = f->buffer_left > size ? f->buffer_left - size : 0;
    if (!f->buffer_left)
        f->step = FLASH_CONFIRM;
}

static void start_buffer(struct cfi_flash *f, uint64_t value)
{
    uint32_t words = (uint32_t)(value & 0xffff) + 1;

    /* The count is in words of a chip: together one word of the bank. */
    if (words * 4 > FLASH_BUFFER) {
        bad_sequence(f);
        return;
    }
    f->buffer_left = words * 4;
    f->buffer_started = f->buffer_bad = false;
    f->step = FLASH_DATA;
}

static void flash_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct cfi_flash *f = opaque;
    uint8_t command = (uint8_t)value;

    switch ((enum flash_step)f->step) {
    case FLASH_IDLE:
        first_write(f, offset, command, size);
        break;
    case FLASH_PROGRAM:
        program(f, offset, (const uint8_t *)&value, size);
        f->step = FLASH_IDLE;
        break;
    case FLASH_ERASE:
        f->step = FLASH_IDLE;
        if (command == CONFIRM)
            erase(f, offset);
        else
            bad_sequence(f);
        break;
    case FLASH_LOCK:
        lock_write(f, offset, command);
        break;
    case FLASH_COUNT:
        start_buffer(f, value);
        break;
    case FLASH_DATA:
        buffer_write(f, offset, value, size);
        break;
    case FLASH_CONFIRM:
        f->step = FLASH_IDLE;
        if (command != CONFIRM || f->buffer_bad)
            bad_sequence(f);
        else
            program(f, f->buffer_at, f->buffer, FLASH_BUFFER);
        break;
    }
}

static const struct mem_ops flash_ops = {.read = flash_read,
                                         .write = flash_write,
                                         .on_read = &trace_point_flash_read,
                                         .on_write = &trace_point_flash_write};

/* ---- life ---- */

static int realize(struct dev *d, struct err *e)
{
    struct cfi_flash *f = cfi_flash_of(d);
    int rc;

    if (!bits_is_pow2(f->size) || f->size < FLASH_SECTOR || f->size > FLASH_MAX)
        return err_text(e, EINVAL, "flash: size %llu; it must be a power of two from 256K to 256M",
                        (unsigned long long)f->size);
    rc = mem_region_romd(&f->region, "flash", f->size, &flash_ops, f, e);
    if (rc)
        return rc;
    dev_own_region(d, f->region);
    f->bytes = mem_region_host(f->region);
    return cfi_flash_open(f, e);
}

/* Contents stay; the chips go back to reading. */
static void reset(struct dev *d)
{
    struct cfi_flash *f = cfi_flash_of(d);

    os_mutex_lock(&d->lock);
    f->status = READY;
    f->step = FLASH_IDLE;
    f->buffer_left = 0;
    f->buffer_started = f->buffer_bad = false;
    f->buffer_at = 0;
    memset(f->buffer, 0, sizeof(f->buffer));
    memset(f->locked, 0, sizeof(f->locked));
    set_mode(f, FLASH_ARRAY);
    os_mutex_unlock(&d->lock);
}

static void destroy(struct dev *d)
{
    struct cfi_flash *f = cfi_flash_of(d);

    cfi_flash_close(f);
    if (f->region)
        mem_region_free(f->region);
}

static int loaded(struct dev *d, struct err *e)
{
    struct cfi_flash *f = cfi_flash_of(d);

    if (f->mode > FLASH_STATUS || f->step > FLASH_CONFIRM ||
        f->buffer_at > f->size - FLASH_BUFFER || f->buffer_at % FLASH_BUFFER ||
        f->buffer_left > FLASH_BUFFER)
        return err_text(e, EINVAL, "flash: state that no chip can have");
    mem_region_set_direct(f->region, f->mode == FLASH_ARRAY);
    cfi_flash_changed(f, 0, f->size); /* the saved machine's contents win over the image */
    return 0;
}

static const struct prop props[] = {
    {.name = "size",
     .type = PROP_SIZE,
     .offset = offsetof(struct cfi_flash, size),
     .def = 64 << 20,
     .help = "bytes of the bank"},
    {.name = "drive",
     .type = PROP_LINK,
     .offset = offsetof(struct cfi_flash, drive),
     .link = "blk",
     .help = "image that it holds"},
    {0},
};

static const struct state_field state[] = {
    STATE_FIELD(STATE_U8, struct cfi_flash, mode),
    STATE_FIELD(STATE_U8, struct cfi_flash, step),
    STATE_FIELD(STATE_U8, struct cfi_flash, status),
    STATE_FIELD(STATE_U64, struct cfi_flash, buffer_at),
    STATE_FIELD(STATE_U32, struct cfi_flash, buffer_left),
    STATE_FIELD(STATE_BOOL, struct cfi_flash, buffer_started),
    STATE_FIELD(STATE_BOOL, struct cfi_flash, buffer_bad),
    STATE_ARRAY(STATE_U8, struct cfi_flash, buffer),
    STATE_ARRAY(STATE_U8, struct cfi_flash, locked),
    STATE_END,
};

const struct dev_class dev_class_cfi_flash = {
    .name = "cfi-flash",
    .bus = "",
    .help = "parallel NOR flash, Intel command set",
    .size = sizeof(struct cfi_flash),
    .props = props,
    .state = state,
    .realize = realize,
    .reset = reset,
    .destroy = destroy,
    .loaded = loaded,
};

struct mem_region *cfi_flash_region(struct dev *d)
{
    return cfi_flash_of(d)->region;
}
