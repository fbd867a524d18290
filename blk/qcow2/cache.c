/* Slices of L2 tables and refcount blocks in memory, as on disk. Knows not what they hold. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "blk/qcow2/qcow2.h"

void qcow2_cache_init(struct qcow2_cache *c, unsigned max)
{
    memset(c, 0, sizeof(*c));
    list_init(&c->lru);
    c->max = max;
}

static void drop(struct qcow2_cache *c, struct qcow2_slice *s)
{
    assert(!s->pins);
    map_remove(&c->slices, s->at >> 9);
    list_remove(&s->lru);
    c->count--;
    c->dirty -= s->dirty;
    free(s->data);
    free(s);
}

void qcow2_cache_free(struct qcow2_cache *c)
{
    while (c->lru.next && !list_empty(&c->lru))
        drop(c, container_of(c->lru.next, struct qcow2_slice, lru));
    map_free(&c->slices);
}

/* Throws out what was used longest ago. What is dirty or in use may exceed the limit for a while;
 * qcow2_relieve() keeps the dirty ones few. */
static void shrink(struct qcow2_cache *c)
{
    if (c->count < c->max)
        return;
    list_for_each_safe (struct qcow2_slice, s, lru, &c->lru) {
        if (!s->pins && !s->dirty) {
            drop(c, s);
            if (c->count < c->max)
                return;
        }
    }
}

int qcow2_slice_get(struct qcow2 *q, struct qcow2_cache *c, uint64_t at, struct qcow2_slice **out)
{
    struct qcow2_slice *s = map_get(&c->slices, at >> 9);
    int rc;

    if (s) {
        s->pins++;
        while (s->loading)
            blk_wait(q->b->io, &s->loaded);
        rc = s->rc;
        if (rc) {
            qcow2_slice_put(c, s);
            return rc;
        }
        list_remove(&s->lru);
        list_append(&c->lru, &s->lru);
        *out = s;
        return 0;
    }
    shrink(c);
    s = mem_new(struct qcow2_slice);
    s->data = blk_buffer(q->slice_size);
    if (!s->data) {
        free(s);
        return -ENOMEM;
    }
    s->at = at;
    s->pins = 1;
    s->loading = true;
    blk_waitq_init(&s->loaded);
    list_append(&c->lru, &s->lru);
    map_set(&c->slices, at >> 9, s);
    c->count++;
    rc = blk_co_read(q->file, at, s->data, q->slice_size);
    s->loading = false;
    s->rc = rc;
    blk_wake_all(q->b->io, &s->loaded);
    if (rc)
        qcow2_slice_put(c, s);
    else
        *out = s;
    return rc;
}

void qcow2_slice_put(struct qcow2_cache *c, struct qcow2_slice *s)
{
    assert(s->pins);
    if (--s->pins == 0 && s->rc)
        drop(c, s); /* could not be read: the next one tries again */
}

void qcow2_slice_dirty(struct qcow2_cache *c, struct qcow2_slice *s)
{
    c->dirty += !s->dirty;
    s->dirty = true;
}

int qcow2_cache_write(struct qcow2 *q, struct qcow2_cache *c)
{
    struct blk_join j;
    vec_of(struct qcow2_slice *) wrote = {0};
    int rc;

    if (!c->dirty)
        return 0;
    blk_join_init(&j, q->b->io);
    list_for_each (struct qcow2_slice, s, lru, &c->lru) {
        struct iovec iov = {s->data, q->slice_size};

        if (!s->dirty)
            continue;
        s->dirty = false; /* whoever changes it now makes it dirty again */
        c->dirty--;
        s->pins++;
        vec_push(&wrote, s);
        blk_join_add(&j, q->file, BLK_OP_WRITE, s->at, q->slice_size, &iov, 1, 0, 0, NULL);
    }
    rc = blk_join_wait(&j);
    for (size_t i = 0; i < wrote.len; i++) {
        if (rc)
            qcow2_slice_dirty(c, wrote.data[i]);
        qcow2_slice_put(c, wrote.data[i]);
    }
    vec_free(&wrote);
    return rc;
}

void qcow2_cache_drop(struct qcow2 *q, struct qcow2_cache *c, uint64_t at, uint64_t size)
{
    for (uint64_t end = at + size; at < end; at += q->slice_size) {
        struct qcow2_slice *s = map_get(&c->slices, at >> 9);

        if (s && !s->pins)
            drop(c, s);
    }
}
