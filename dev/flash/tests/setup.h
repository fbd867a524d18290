/* A flash bank of 512 KB in the test kit; `setup` has an image behind it, in memory (backend.c). */
#ifndef MYNA_DEV_FLASH_TESTS_SETUP_H
#define MYNA_DEV_FLASH_TESTS_SETUP_H

#include <stdlib.h>

#include "base/mem.h"
#include "blk/blk.h"
#include "dev/flash.h"
#include "dev/testkit.h"
#include "os/loop.h"

enum { BANK = 512 << 10, SECTOR = 256 << 10 };

/* Stands for an image. */
struct blk {
    struct os_loop *loop;
    uint64_t size;
    bool readonly;
    uint8_t *bytes;
    unsigned writes;
    blk_done_fn *done;
    void *arg;
    struct os_task task;
};

static inline void flash_teardown(struct devkit *kit)
{
    struct blk *b = kit->user;

    free(b->bytes);
    free(b);
}

static inline int setup_sized(struct devkit *kit, uint64_t image, bool readonly, struct err *e)
{
    struct blk *b = mem_new(struct blk);
    int rc;

    b->loop = kit->env.loop;
    b->size = image;
    b->readonly = readonly;
    b->bytes = mem_zalloc(image);
    memset(b->bytes, 0x5a, 8192);
    kit->user = b;
    kit->teardown = flash_teardown;
    kit->dev = dev_new(&dev_class_cfi_flash, kit->root, "flash", &kit->env);
    cfi_flash_set_blk(kit->dev, b);
    json_t *size = json_integer(BANK);
    rc = prop_set(prop_find(dev_class_cfi_flash.props, "size"), kit->dev, size, "flash", e);
    json_decref(size);
    if (!rc)
        rc = dev_realize(kit->dev, e);
    if (!rc)
        devkit_place(kit, cfi_flash_region(kit->dev));
    return rc;
}

static inline int setup(struct devkit *kit, struct err *e)
{
    return setup_sized(kit, BANK, false, e);
}

#endif
