/*
 * The firmware configuration device, MMIO form: registers, DMA and the directory of files. The
 * interface is the published "QEMU Firmware Configuration (fw_cfg) Device" specification. Knows
 * nothing of what items mean.
 *
 * A byte is read from the selected item at a position that moves on; behind its end items read as
 * zero. DMA goes to RAM only: to a device's registers it could come back to this one.
 */
#include "dev/fw_cfg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/trace_define.h"
#include "dev/fw_cfg/trace.def"

enum { DATA = 0, SELECTOR = 8, DMA = 16, REGISTERS = 24 };
enum { DMA_ERROR = 1, DMA_READ = 2, DMA_SKIP = 4, DMA_SELECT = 8, DMA_WRITE = 16 };
enum { KEY_MASK = 0x3fff, KEYS = FW_CFG_FILE_FIRST + FW_CFG_FILES_MAX };
enum { DIR_ENTRY = 64, NO_KEY = 0xffff };
#define DMA_SIGNATURE UINT64_C(0x51454d5520434647) /* "QEMU CFG" */

struct item {
    const uint8_t *data;
    uint8_t *own; /* NULL: borrowed */
    uint32_t size;
    bool writable;
    uint32_t room; /* writable: where its bytes stand in fw_cfg.written */
    void (*written)(void *opaque, const uint8_t *data, size_t size);
    void *opaque;
};

struct fw_cfg {
    struct dev dev;
    struct mem_region *region;
    struct item items[KEYS];
    char names[FW_CFG_FILES_MAX][FW_CFG_NAME_MAX + 1];
    unsigned nfiles;
    uint8_t *written; /* bytes of all writable files: saved with the machine */
    uint32_t written_size;

    uint16_t key; /* NO_KEY: one that does not exist */
    uint32_t at;
    uint64_t dma_high; /* upper half of the address, until the lower starts the transfer */
};

static struct fw_cfg *fw_cfg_of(struct dev *d)
{
    return container_of(d, struct fw_cfg, dev);
}

/* ---- items ---- */

static void put(struct fw_cfg *f, unsigned key, const void *data, size_t size, bool lend)
{
    struct item *i = &f->items[key];
    uint8_t *copy = NULL;

    assert(key < KEYS && size <= UINT32_MAX);
    if (!lend) {
        copy = mem_alloc(size + !size);
        if (size)
            memcpy(copy, data, size);
    }
    free(i->own);
    *i = (struct item){.data = lend ? data : copy, .own = copy, .size = (uint32_t)size};
}

void fw_cfg_add_bytes(struct dev *d, unsigned key, const void *data, size_t size)
{
    put(fw_cfg_of(d), key, data, size, false);
}

void fw_cfg_lend_bytes(struct dev *d, unsigned key, const void *data, size_t size)
{
    put(fw_cfg_of(d), key, data, size, true);
}

void fw_cfg_add_u16(struct dev *d, unsigned key, uint16_t value)
{
    uint8_t bytes[2];

    mem_st16le(bytes, value);
    fw_cfg_add_bytes(d, key, bytes, sizeof(bytes));
}

void fw_cfg_add_u32(struct dev *d, unsigned key, uint32_t value)
{
    uint8_t bytes[4];

    mem_st32le(bytes, value);
    fw_cfg_add_bytes(d, key, bytes, sizeof(bytes));
}

void fw_cfg_add_u64(struct dev *d, unsigned key, uint64_t value)
{
    uint8_t bytes[8];

    mem_st64le(bytes, value);
    fw_cfg_add_bytes(d, key, bytes, sizeof(bytes));
}

void fw_cfg_add_string(struct dev *d, unsigned key, const char *text)
{
    fw_cfg_add_bytes(d, key, text, strlen(text) + 1);
}

/* The directory: number of files, then size, key, 0 and name of each, big-endian. */
static void make_directory(struct fw_cfg *f)
{
    size_t size = 4 + (size_t)f->nfiles * DIR_ENTRY;
    uint8_t *dir = mem_zalloc(size);

    mem_st32be(dir, f->nfiles);
    for (unsigned i = 0; i < f->nfiles; i++) {
        uint8_t *entry = dir + 4 + (size_t)i * DIR_ENTRY;

        mem_st32be(entry, f->items[FW_CFG_FILE_FIRST + i].size);
        mem_st16be(entry + 4, (uint16_t)(FW_CFG_FILE_FIRST + i));
        memcpy(entry + 8, f->names[i], strlen(f->names[i]));
    }
    put(f, FW_CFG_FILE_DIR, dir, size, false);
    free(dir);
}

static int find_file(const struct fw_cfg *f, const char *name)
{
    for (unsigned i = 0; i < f->nfiles; i++)
        if (!strcmp(f->names[i], name))
            return (int)i;
    return -1;
}

/* Files are sorted by name, so that keys do not depend on the order in which a board adds them. */
static int new_file(struct fw_cfg *f, const char *name, struct err *e)
{
    struct item *first = &f->items[FW_CFG_FILE_FIRST];
    unsigned at = 0;

    if (!*name || strlen(name) > FW_CFG_NAME_MAX)
        return err_text(e, EINVAL, "fw_cfg: file name \"%s\"; it must have 1 to %d characters",
                        name, FW_CFG_NAME_MAX);
    if (f->nfiles >= FW_CFG_FILES_MAX)
        return err_text(e, ENOSPC, "fw_cfg: no room for \"%s\" beside %d files", name,
                        FW_CFG_FILES_MAX);
    while (at < f->nfiles && strcmp(f->names[at], name) < 0)
        at++;
    memmove(first + at + 1, first + at, (f->nfiles - at) * sizeof(*first));
    memmove(f->names[at + 1], f->names[at], (f->nfiles - at) * sizeof(f->names[0]));
    memset(&first[at], 0, sizeof(first[at]));
    memset(f->names[at], 0, sizeof(f->names[at]));
    memcpy(f->names[at], name, strlen(name));
    f->nfiles++;
    return (int)at;
}

static int add_file(struct fw_cfg *f, const char *name, const void *data, size_t size,
                    struct item **out, struct err *e)
{
    int at = find_file(f, name);

    if (size > UINT32_MAX)
        return err_text(e, EFBIG, "fw_cfg: \"%s\" is larger than 4 GB", name);
    if (at < 0)
        at = new_file(f, name, e);
    if (at < 0)
        return at;
    put(f, FW_CFG_FILE_FIRST + (unsigned)at, data, size, false);
    *out = &f->items[FW_CFG_FILE_FIRST + at];
    make_directory(f);
    return 0;
}

int fw_cfg_add_file(struct dev *d, const char *name, const void *data, size_t size, struct err *e)
{
    struct item *i;

    return add_file(fw_cfg_of(d), name, data, size, &i, e);
}

int fw_cfg_add_writable(struct dev *d, const char *name, const void *data, size_t size,
                        void (*written)(void *opaque, const uint8_t *data, size_t size),
                        void *opaque, struct err *e)
{
    struct item *i;
    struct fw_cfg *f = fw_cfg_of(d);
    int rc = add_file(f, name, data, size, &i, e);

    if (rc)
        return rc;
    i->writable = true;
    i->room = f->written_size;
    f->written_size += (uint32_t)size;
    f->written = mem_realloc(f->written, f->written_size + !f->written_size);
    memcpy(f->written + i->room, i->data, size);
    free(i->own);
    i->own = NULL;
    for (unsigned n = 0; n < f->nfiles; n++) { /* they may have moved */
        struct item *file = &f->items[FW_CFG_FILE_FIRST + n];

        if (file->writable)
            file->data = f->written + file->room;
    }
    i->written = written;
    i->opaque = opaque;
    return 0;
}

const uint8_t *fw_cfg_file(struct dev *d, const char *name, size_t *size)
{
    const struct fw_cfg *f = fw_cfg_of(d);
    int at = find_file(f, name);

    if (at < 0)
        return NULL;
    *size = f->items[FW_CFG_FILE_FIRST + at].size;
    return f->items[FW_CFG_FILE_FIRST + at].data;
}

/* ---- reading ---- */

static void select_key(struct fw_cfg *f, uint16_t key)
{
    f->at = 0;
    f->key = (key & KEY_MASK) < KEYS && f->items[key & KEY_MASK].data ? key & KEY_MASK : NO_KEY;
    trace_dev(fw_cfg_select, &f->dev, "key %#x%s", key,
              f->key == NO_KEY ? ", which is not there" : "");
}

static const struct item *selected(const struct fw_cfg *f)
{
    return f->key == NO_KEY ? NULL : &f->items[f->key];
}

/* Bytes that are left of the selected item. */
static uint32_t left(const struct fw_cfg *f)
{
    const struct item *i = selected(f);

    return i && f->at < i->size ? i->size - f->at : 0;
}

static uint64_t read_data(struct fw_cfg *f, unsigned size)
{
    uint64_t value = 0;

    /* The first byte stands first in the guest's memory: this region is big-endian. */
    for (unsigned i = 0; i < size; i++) {
        value = value << 8 | (left(f) ? selected(f)->data[f->at] : 0);
        if (left(f))
            f->at++;
    }
    return value;
}

/* ---- DMA ---- */

static uint8_t *ram(struct fw_cfg *f, mem_pa at, size_t *size, bool write)
{
    return mem_dma_map(f->dev.env->mem, at, size, write);
}

static bool dma_read(struct fw_cfg *f, mem_pa to, uint32_t size)
{
    while (size) {
        size_t n = size;
        uint8_t *host = ram(f, to, &n, true);
        uint32_t have;

        if (!host || !n)
            return false;
        have = left(f) < n ? left(f) : (uint32_t)n;
        if (have)
            memcpy(host, selected(f)->data + f->at, have);
        memset(host + have, 0, n - have);
        mem_dma_done(f->dev.env->mem, host, n);
        f->at += have;
        to += n;
        size -= (uint32_t)n;
    }
    return true;
}

/* Nothing is written unless all of it fits. */
static bool dma_write(struct fw_cfg *f, mem_pa from, uint32_t size)
{
    const struct item *i = selected(f);

    if (!i || !i->writable || size > left(f))
        return false;
    while (size) {
        size_t n = size;
        const uint8_t *host = ram(f, from, &n, false);

        if (!host || !n)
            return false;
        memcpy(f->written + i->room + f->at, host, n);
        f->at += (uint32_t)n;
        from += n;
        size -= (uint32_t)n;
    }
    if (i->written)
        i->written(i->opaque, i->data, i->size);
    return true;
}

static bool transfer(struct fw_cfg *f, uint32_t control, uint32_t length, mem_pa address)
{
    if (control & DMA_SELECT)
        select_key(f, (uint16_t)(control >> 16));
    if (control & DMA_READ)
        return dma_read(f, address, length);
    if (control & DMA_WRITE)
        return dma_write(f, address, length);
    if (control & DMA_SKIP)
        f->at += left(f) < length ? left(f) : length;
    return true;
}

/* `at`: of control, length, address, all big-endian. The result goes to control. */
static void run_dma(struct fw_cfg *f, mem_pa at)
{
    size_t n = 16;
    uint8_t *head = ram(f, at, &n, true);
    uint8_t copy[16];
    bool good;

    if (!head || n < 16) {
        dev_guest(&f->dev, "DMA descriptor at %#llx is not in RAM", (unsigned long long)at);
        return;
    }
    memcpy(copy, head, sizeof(copy));
    good = transfer(f, mem_ld32be(copy), mem_ld32be(copy + 4), mem_ld64be(copy + 8));
    trace_dev(fw_cfg_dma, &f->dev, "%#x, %u bytes at %#llx%s", mem_ld32be(copy),
              mem_ld32be(copy + 4), (unsigned long long)mem_ld64be(copy + 8),
              good ? "" : ": failed");
    __atomic_thread_fence(__ATOMIC_RELEASE); /* the data before the word that says it is there */
    mem_st32be(head, good ? 0 : DMA_ERROR);
    mem_dma_done(f->dev.env->mem, head, 4);
}

/* ---- registers ---- */

static uint64_t reg_read(void *opaque, uint64_t offset, unsigned size)
{
    struct fw_cfg *f = opaque;

    if (offset < SELECTOR)
        return read_data(f, size);
    if (offset >= DMA && offset + size <= REGISTERS)
        return DMA_SIGNATURE >> (REGISTERS - offset - size) * 8;
    return 0;
}

static void reg_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct fw_cfg *f = opaque;

    if (offset == SELECTOR && size == 2) {
        select_key(f, (uint16_t)value);
    } else if (offset == DMA && size == 8) {
        f->dma_high = 0;
        run_dma(f, value);
    } else if (offset == DMA && size == 4) {
        f->dma_high = value << 32;
    } else if (offset == DMA + 4 && size == 4) {
        mem_pa at = f->dma_high | (uint32_t)value;

        f->dma_high = 0;
        run_dma(f, at);
    }
    /* Writing the data register has no effect any more. */
}

static const struct mem_ops reg_ops = {.read = reg_read,
                                       .write = reg_write,
                                       .big_endian = true,
                                       .on_read = &trace_point_fw_cfg_read,
                                       .on_write = &trace_point_fw_cfg_write};

/* ---- life ---- */

static int realize(struct dev *d, struct err *e)
{
    struct fw_cfg *f = fw_cfg_of(d);

    (void)e;
    f->region = mem_region_io("fw-cfg", REGISTERS, &reg_ops, f);
    dev_own_region(d, f->region);
    fw_cfg_add_bytes(d, FW_CFG_SIGNATURE, "QEMU", 4);
    fw_cfg_add_u32(d, FW_CFG_ID, 3); /* plain and DMA interfaces */
    make_directory(f);
    return 0;
}

static void reset(struct dev *d)
{
    struct fw_cfg *f = fw_cfg_of(d);

    os_mutex_lock(&d->lock);
    select_key(f, FW_CFG_SIGNATURE);
    f->dma_high = 0;
    os_mutex_unlock(&d->lock);
}

static void destroy(struct dev *d)
{
    struct fw_cfg *f = fw_cfg_of(d);

    for (unsigned key = 0; key < KEYS; key++)
        free(f->items[key].own);
    free(f->written);
    if (f->region)
        mem_region_free(f->region);
}

static int loaded(struct dev *d, struct err *e)
{
    struct fw_cfg *f = fw_cfg_of(d);
    uint32_t at = f->at;

    if (f->key != NO_KEY && (f->key >= KEYS || !f->items[f->key].data))
        return err_text(e, EINVAL, "fw_cfg: state selects item %#x, which this machine has not",
                        f->key);
    if (f->key != NO_KEY && at > f->items[f->key].size)
        return err_text(e, EINVAL, "fw_cfg: state is at byte %u of an item of %u", at,
                        f->items[f->key].size);
    f->dma_high &= UINT64_C(0xffffffff) << 32;
    return 0;
}

static const struct state_field state[] = {
    STATE_FIELD(STATE_U16, struct fw_cfg, key),
    STATE_FIELD(STATE_U32, struct fw_cfg, at),
    STATE_FIELD(STATE_U64, struct fw_cfg, dma_high),
    {.name = "written",
     .type = STATE_U8,
     .offset = offsetof(struct fw_cfg, written),
     .size = 1,
     .pointer = true,
     .count_offset = offsetof(struct fw_cfg, written_size)},
    STATE_END,
};

const struct dev_class dev_class_fw_cfg = {
    .name = "fw-cfg-mmio",
    .bus = "",
    .help = "firmware configuration items",
    .size = sizeof(struct fw_cfg),
    .state = state,
    .realize = realize,
    .reset = reset,
    .destroy = destroy,
    .loaded = loaded,
};

struct mem_region *fw_cfg_region(struct dev *d)
{
    return fw_cfg_of(d)->region;
}
