/*
 * The image behind a flash bank: read when the device is made, written behind what the guest
 * programs.
 *
 * The guest never waits: changed blocks are marked, and the loop writes them one after the other,
 * each with the bytes that it has then. Failures are told to the user once; the guest's contents
 * stay right until it ends.
 */
#include "dev/flash/flash_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "blk/blk.h"

enum { CHUNK = 1 << 20 };

static uint64_t blocks(const struct cfi_flash *f)
{
    return (f->image_size + FLASH_BLOCK - 1) / FLASH_BLOCK;
}

void cfi_flash_changed(struct cfi_flash *f, uint64_t offset, uint64_t size)
{
    mem_dma_done(f->dev.env->mem, f->bytes + offset, size);
    if (!f->dirty)
        return;
    for (uint64_t b = offset / FLASH_BLOCK; b * FLASH_BLOCK < offset + size && b < blocks(f); b++) {
        f->dirty_count += !(f->dirty[b / 8] >> b % 8 & 1);
        f->dirty[b / 8] |= (uint8_t)(1u << b % 8);
    }
    if (f->dirty_count && f->dev.env->loop)
        os_loop_post(f->dev.env->loop, &f->task);
}

/* Takes the next changed block into the bounce buffer. False: there is none. */
static bool take(struct cfi_flash *f, uint64_t *at, size_t *size)
{
    uint64_t n = blocks(f);

    os_mutex_lock(&f->dev.lock);
    if (!f->dirty_count) {
        os_mutex_unlock(&f->dev.lock);
        return false;
    }
    while (!(f->dirty[f->next / 8] >> f->next % 8 & 1))
        f->next = (f->next + 1) % n;
    f->dirty[f->next / 8] &= (uint8_t) ~(1u << f->next % 8);
    f->dirty_count--;
    *at = f->next * FLASH_BLOCK;
    *size = f->image_size - *at < FLASH_BLOCK ? (size_t)(f->image_size - *at) : FLASH_BLOCK;
    memcpy(f->bounce, f->bytes + *at, *size);
    os_mutex_unlock(&f->dev.lock);
    return true;
}

static void write_next(void *arg);

static void complain(struct cfi_flash *f, int rc)
{
    if (rc < 0)
        log_error("flash: cannot write its image %s: %s", blk_name(f->blk), strerror(-rc));
}

static void written(void *arg, int rc)
{
    struct cfi_flash *f = arg;

    f->writing = false;
    complain(f, rc);
    write_next(f);
}

static void write_next(void *arg)
{
    struct cfi_flash *f = arg;
    struct iovec iov = {.iov_base = f->bounce};
    uint64_t at;

    if (f->writing || !take(f, &at, &iov.iov_len))
        return;
    f->writing = true;
    blk_writev(f->blk, at, &iov, 1, 0, written, f);
}

/* Zeroes stay unwritten: the bank's memory is zero, and its pages need not exist. */
static void copy_in(uint8_t *to, const uint8_t *from, size_t size)
{
    static const uint8_t zeroes[FLASH_BLOCK];

    for (size_t at = 0; at < size; at += FLASH_BLOCK) {
        size_t n = size - at < FLASH_BLOCK ? size - at : FLASH_BLOCK;

        if (memcmp(from + at, zeroes, n))
            memcpy(to + at, from + at, n);
    }
}

static int read_image(struct cfi_flash *f, struct err *e)
{
    uint8_t *chunk = malloc(CHUNK);
    int rc = chunk ? 0 : -ENOMEM;

    for (uint64_t at = 0; !rc && at < f->image_size; at += CHUNK) {
        size_t n = f->image_size - at < CHUNK ? (size_t)(f->image_size - at) : CHUNK;

        rc = blk_pread(f->blk, at, chunk, n);
        if (!rc)
            copy_in(f->bytes + at, chunk, n);
    }
    free(chunk);
    return rc ? err_set(e, -rc, "flash: cannot read its image %s", blk_name(f->blk)) : 0;
}

int cfi_flash_open(struct cfi_flash *f, struct err *e)
{
    struct dev_env *env = f->dev.env;
    int rc;

    if (!f->blk && f->drive) {
        f->blk = env->find_blk ? env->find_blk(env->machine, f->drive) : NULL;
        if (!f->blk)
            return err_text(e, ENOENT, "flash: there is no drive \"%s\"; define it with -blockdev",
                            f->drive);
    }
    if (!f->blk)
        return 0; /* all zero until the board loads something: firmware that is not there */
    f->image_size = blk_size(f->blk);
    f->readonly = blk_readonly(f->blk);
    if (f->image_size > f->size)
        return err_text(e, EFBIG, "flash: image %s has %llu bytes, but the bank only %llu",
                        blk_name(f->blk), (unsigned long long)f->image_size,
                        (unsigned long long)f->size);
    rc = read_image(f, e);
    if (rc)
        return rc;
    if (f->image_size < f->size)
        memset(f->bytes + f->image_size, 0xff, f->size - f->image_size);
    if (f->readonly)
        return 0;
    f->dirty = mem_zalloc((size_t)(blocks(f) + 7) / 8 + 1);
    f->bounce = mem_alloc(FLASH_BLOCK);
    f->task.fn = write_next;
    f->task.arg = f;
    return 0;
}

void cfi_flash_close(struct cfi_flash *f)
{
    uint64_t at;
    size_t size;

    if (f->dirty) {
        if (f->dev.env->loop)
            os_task_cancel(f->dev.env->loop, &f->task);
        if (f->writing)
            blk_drain(f->blk);
        while (take(f, &at, &size))
            complain(f, blk_pwrite(f->blk, at, f->bounce, size));
    }
    free(f->dirty);
    free(f->bounce);
    f->dirty = f->bounce = NULL;
}

void cfi_flash_set_blk(struct dev *d, struct blk *b)
{
    cfi_flash_of(d)->blk = b;
}

int cfi_flash_load(struct dev *d, const void *data, size_t size, struct err *e)
{
    struct cfi_flash *f = cfi_flash_of(d);

    if (size > f->size)
        return err_text(e, EFBIG, "flash: firmware of %zu bytes does not fit into %llu", size,
                        (unsigned long long)f->size);
    copy_in(f->bytes, data, size);
    return 0;
}
