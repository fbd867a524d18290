/* A machine for virtio tests: memory, a loop, a virtio-mmio slot or a PCI bus, and the driver's
 * side of both transports and both ring forms. Everything runs in the test's thread. */
#ifndef MYNA_DEV_VIRTIO_TESTS_KIT_H
#define MYNA_DEV_VIRTIO_TESTS_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dev/virtio/int.h"

enum { RAM_AT = 0x40000000, RAM_HALF = 0x400000, RAM_SIZE = 2 * RAM_HALF, SLOT_AT = 0x0a000000 };
enum {
    ECAM_AT = 0x10000000,
    MMIO32_AT = 0x20000000,
    IO_AT = 0x3000000,
    BAR_AT = 0x20100000,
    MSIX_AT = 0x20200000
};
enum { RING_AREA = RAM_AT + 0x10000, BUFFERS = RAM_AT + 0x100000 };

struct kit {
    struct mem_region *root, *ram[2];
    struct dev_env env;
    struct dev *tree, *slot, *host, *dev;
    struct virtio *v;
    bool pci;
    void *backend;   /* what find_blk, find_net and find_chr find by any id */
    int line;        /* its level */
    unsigned raised; /* times that it went up */
    unsigned msis;
    uint32_t msi_data, msi_device;
    uint64_t msi_address;
};

struct kit *kit_new(void);
void kit_free(struct kit *k);
/* Plugs and realizes; the options are JSON. False with the error in e. */
bool kit_try(struct kit *k, const struct dev_class *cls, const char *options, struct err *e);
void kit_device(struct kit *k, const struct dev_class *cls, const char *options);
void kit_run(struct kit *k); /* the loop, until nothing is left */

uint64_t kit_read(struct kit *k, uint64_t at, unsigned size);
void kit_write(struct kit *k, uint64_t at, uint64_t value, unsigned size);
uint8_t *kit_ram(struct kit *k, uint64_t at); /* not across the two halves */
uint32_t kit_config(struct kit *k, unsigned devfn, unsigned at, unsigned size);
void kit_config_set(struct kit *k, unsigned devfn, unsigned at, uint32_t value, unsigned size);

/* ---- the driver ---- */
uint8_t drv_status(struct kit *k);
void drv_status_set(struct kit *k, uint8_t status);
uint64_t drv_offered(struct kit *k);
/* Reset to FEATURES_OK; asserts that the device agrees. */
void drv_begin(struct kit *k, uint64_t features);
void drv_ok(struct kit *k);
uint64_t drv_device_config(struct kit *k, unsigned at, unsigned size);

struct drv_queue {
    struct kit *k;
    unsigned index, size;
    bool packed, event_idx;
    uint64_t desc, avail, used;
    uint16_t next, seen, free; /* next entry or index to offer, to see; next descriptor */
    bool wrap, seen_wrap;
    uint16_t lengths[1024]; /* packed: descriptors of each id */
};
struct drv_buf {
    uint64_t at;
    uint32_t size;
    bool in;
};

void drv_queue(struct kit *k, struct drv_queue *q, unsigned index, unsigned size,
               uint64_t features);
/* Offers a chain; its id. With `table` not 0 through an indirect table there. */
unsigned drv_add(struct drv_queue *q, const struct drv_buf *bufs, unsigned n, uint64_t table);
void drv_kick(struct drv_queue *q); /* and runs the loop */
bool drv_used(struct drv_queue *q, unsigned *id, uint32_t *length);
void drv_interrupts(struct drv_queue *q, bool on);
bool drv_wants_kick(struct drv_queue *q, unsigned added); /* after adding so many */
#endif
