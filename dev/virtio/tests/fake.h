/* Backends for tests, instead of blk/, net/ and chr/: a disk in memory, a wire and a character
 * stream that record, and can be made to refuse. Whoever links fake.c links none of those
 * libraries' objects. */
#ifndef MYNA_DEV_VIRTIO_TESTS_FAKE_H
#define MYNA_DEV_VIRTIO_TESTS_FAKE_H

#include "blk/blk.h"
#include "chr/chr.h"
#include "net/net.h"
#include "os/loop.h"

enum { FAKE_DISK = 1 << 20, FAKE_FRAME = 70000, FAKE_PENDING = 4096 };

struct blk {
    struct os_loop *loop;
    struct os_task task;
    uint8_t data[FAKE_DISK];
    bool readonly, hold; /* hold: complete only by fake_blk_complete() or a drain */
    bool amnesia;        /* writes are lost */
    int fail;            /* what requests end with */
    struct {
        blk_done_fn *done;
        void *arg;
    } pending[FAKE_PENDING];
    unsigned npending;
    unsigned reads, writes, flushes, discards, zeroes, fua;
    int plugged; /* 0 when no notification is at work */
};
struct blk *fake_blk(struct os_loop *loop);
void fake_blk_complete(struct blk *b);
void fake_blk_free(struct blk *b);

struct net_port {
    const struct net_ops *ops;
    void *opaque;
    unsigned can, offload, sent, readies;
    bool refuse;
    uint8_t frame[FAKE_FRAME]; /* the last one sent */
    size_t size;
    struct net_meta meta;
};

struct chr {
    const struct chr_ops *ops;
    void *opaque;
    bool connected;
    size_t room;        /* bytes that it takes yet */
    uint8_t text[4096]; /* the last written */
    size_t length;
    unsigned readies;
};
#endif
