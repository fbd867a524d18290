/*
 * What cfi.c (chips and commands) and drive.c (the image behind them) share. Everything under
 * dev.lock, but the loop's side of drive.c.
 */
#ifndef MYNA_DEV_FLASH_INT_H
#define MYNA_DEV_FLASH_INT_H

#include "dev/flash.h"
#include "os/loop.h"

enum {
    FLASH_SECTOR = 256 << 10, /* of the bank: 128 KB a chip */
    FLASH_MAX = 256 << 20,
    FLASH_BUFFER_BITS = 12, /* 2 KB a chip */
    FLASH_BUFFER = 1 << FLASH_BUFFER_BITS,
    FLASH_BLOCK = 4096, /* unit of writing to the image */
};

enum flash_mode { FLASH_ARRAY, FLASH_ID, FLASH_CFI, FLASH_STATUS };
enum flash_step {
    FLASH_IDLE,
    FLASH_PROGRAM, /* next: the word */
    FLASH_ERASE,   /* next: confirmation */
    FLASH_LOCK,    /* next: which way */
    FLASH_COUNT,   /* next: number of words */
    FLASH_DATA,    /* next: words of the buffer */
    FLASH_CONFIRM, /* next: confirmation of the buffer */
};

struct cfi_flash {
    struct dev dev;
    uint64_t size;
    char *drive;
    struct mem_region *region;
    uint8_t *bytes;

    uint8_t mode, step, status;
    uint64_t buffer_at;
    uint32_t buffer_left; /* bytes until the confirmation */
    bool buffer_started, buffer_bad;
    uint8_t buffer[FLASH_BUFFER];
    uint8_t locked[FLASH_MAX / FLASH_SECTOR / 8];

    /* the image */
    struct blk *blk;
    bool readonly;
    uint64_t image_size;
    uint8_t *dirty;       /* a bit a FLASH_BLOCK */
    uint64_t dirty_count; /* bits set */
    uint64_t next;        /* where to look for the next */
    bool writing;         /* on the loop: a request is in flight */
    struct os_task task;
    uint8_t *bounce;
};

struct cfi_flash *cfi_flash_of(struct dev *d);
int must_check cfi_flash_open(struct cfi_flash *f, struct err *e);
void cfi_flash_close(struct cfi_flash *f);
/* Bytes changed: they will go to the image. */
void cfi_flash_changed(struct cfi_flash *f, uint64_t offset, uint64_t size);

#endif
