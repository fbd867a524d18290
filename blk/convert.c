/* Copying and comparing of images, over the public calls of blk/ alone. Knows no format. */
#include "blk/convert.h"

#include <errno.h>
#include <stdlib.h>

#include "base/bits.h"
#include "base/mem.h"
#include "blk/driver.h"

enum { WORKERS_MAX = 64, CHUNK = 1 << 20 };

enum state { FREE, READING, FULL, WRITING };

struct worker {
    struct convert *c;
    enum state state;
    uint64_t number; /* of the chunk: writes go in this order */
    uint64_t at, size;
    uint64_t place; /* how far it is written */
    uint8_t *buf;
    struct iovec iov;
};

struct convert {
    const struct blk_convert *o;
    struct worker w[WORKERS_MAX];
    uint64_t size, at, done, next_number, next_write;
    uint64_t chunk;
    unsigned busy;
    unsigned source; /* that holds `at` */
    uint64_t source_at;
    int rc;
    bool read_failed;
};

static void write_on(struct worker *w);

static void finished(struct worker *w, int rc)
{
    struct convert *c = w->c;

    if (rc && !c->rc)
        c->rc = rc;
    c->done += w->size;
    w->state = FREE;
    c->busy--;
}

static void written(void *arg, int rc)
{
    struct worker *w = arg;

    if (rc)
        finished(w, rc);
    else
        write_on(w);
}

/* The next run of the buffer that is all zeros, or has none. Zeros count in units of `sparse`. */
static uint64_t next_run(const struct worker *w, bool *zero)
{
    uint64_t unit = w->c->o->sparse, left = w->size - w->place, run = 0;
    const uint8_t *p = w->buf + w->place;

    *zero = false;
    if (!unit)
        return left;
    while (run < left) {
        uint64_t part = min_of(unit - ((w->at + w->place + run) & (unit - 1)), left - run);
        bool is_zero = blk_is_zero(p + run, part);

        if (!run)
            *zero = is_zero;
        else if (is_zero != *zero)
            break;
        run += part;
    }
    return run;
}

static void write_on(struct worker *w)
{
    const struct blk_convert *o = w->c->o;
    /* Where a source ends within a cluster, that one stays as it is. */
    bool packs = o->compress && !(w->at & (w->c->chunk - 1)) &&
                 (w->size == w->c->chunk || w->at + w->size == w->c->size);

    while (w->place < w->size) {
        uint64_t at = w->at + w->place, run;
        bool zero;

        if (packs) {
            zero = blk_is_zero(w->buf, w->size);
            run = w->size;
        } else {
            run = next_run(w, &zero);
        }
        w->iov = (struct iovec){w->buf + w->place, run};
        w->place += run;
        if (zero && o->target_zero)
            continue;
        if (zero)
            blk_write_zeroes(o->target, at, run, BLK_MAY_UNMAP, written, w);
        else
            blk_writev(o->target, at, &w->iov, 1, packs ? BLK_COMPRESS : 0, written, w);
        return;
    }
    finished(w, 0);
}

/* Starts the writes whose turn it is. */
static void write_due(struct convert *c)
{
    for (unsigned i = 0; i < c->o->workers; i++) {
        struct worker *w = &c->w[i];

        if (w->state != FULL || (!c->o->any_order && w->number != c->next_write))
            continue;
        w->state = WRITING;
        c->next_write++;
        w->place = 0;
        write_on(w);
        if (!c->o->any_order)
            i = UINT32_MAX; /* the next one may stand before */
    }
}

static void was_read(void *arg, int rc)
{
    struct worker *w = arg;

    w->state = FULL;
    if (rc) {
        w->c->read_failed = true;
        w->c->next_write = max_of(w->c->next_write, w->number + 1);
        finished(w, rc);
    }
}

static void zeroed(void *arg, int rc)
{
    finished(arg, rc);
}

/* The next part to copy, of one kind. */
static int next_part(struct convert *c, struct blk_extent *x, struct blk **from, uint64_t *from_at)
{
    struct blk *b;
    uint64_t left;
    int rc;

    while (c->source < c->o->count && c->at - c->source_at >= blk_size(c->o->sources[c->source])) {
        c->source_at += blk_size(c->o->sources[c->source]);
        c->source++;
    }
    *x = (struct blk_extent){.size = c->size - c->at, .flags = BLK_ZERO, .present = true};
    *from = NULL;
    if (c->source == c->o->count)
        return 0; /* the target is longer */
    b = c->o->sources[c->source];
    left = blk_size(b) - (c->at - c->source_at);
    rc = blk_status(b, c->at - c->source_at, min_of(left, (uint64_t)1 << 30),
                    c->o->top_only ? 1 : 0, x);
    *from = b;
    *from_at = c->at - c->source_at;
    return rc;
}

static struct worker *free_worker(struct convert *c)
{
    for (unsigned i = 0; i < c->o->workers; i++)
        if (c->w[i].state == FREE)
            return &c->w[i];
    return NULL;
}

static int start_one(struct convert *c, struct worker *w)
{
    struct blk_extent x;
    struct blk *from;
    uint64_t from_at = 0;
    int rc = next_part(c, &x, &from, &from_at);

    if (rc)
        return rc;
    x.size = min_of(x.size, c->size - c->at);
    if ((c->o->top_only && !x.present) ||
        (x.flags & BLK_ZERO && c->o->target_zero && c->o->sparse)) {
        if (c->o->compress && c->at + x.size < c->size)
            x.size = bits_align_down(x.size, c->chunk);
        if (x.size) { /* nothing to write */
            c->at += x.size;
            c->done += x.size;
            return 0;
        }
        x.size = c->chunk;
    }
    w->at = c->at;
    if (x.flags & BLK_ZERO && c->o->sparse && !c->o->compress) {
        w->size = min_of(x.size, (uint64_t)1 << 30);
        w->state = WRITING;
        c->busy++;
        c->at += w->size;
        blk_write_zeroes(c->o->target, w->at, w->size, BLK_MAY_UNMAP, zeroed, w);
        return 0;
    }
    /* A compressed part is one cluster, whatever its kinds; the others end on a chunk's border. */
    w->size = c->chunk - (c->at & (c->chunk - 1));
    if (from)
        w->size = min_of(w->size, blk_size(from) - from_at);
    w->size = min_of(w->size, c->size - c->at);
    if (!c->o->compress)
        w->size = min_of(w->size, x.size);
    w->number = c->next_number++;
    c->busy++;
    c->at += w->size;
    w->iov = (struct iovec){w->buf, w->size};
    w->state = READING;
    if (from) {
        blk_readv(from, from_at, &w->iov, 1, was_read, w);
    } else {
        memset(w->buf, 0, w->size);
        w->state = FULL;
    }
    return 0;
}

int blk_convert(const struct blk_convert *o, struct err *e)
{
    struct convert *c = mem_new(struct convert);
    int rc = 0;

    c->o = o;
    c->size = blk_size(o->target);
    c->chunk = o->compress ? max_of(blk_cluster_size(o->target), (uint64_t)512) : CHUNK;
    for (unsigned i = 0; i < o->workers && !rc; i++) {
        c->w[i].c = c;
        c->w[i].buf = blk_buffer(c->chunk);
        rc = c->w[i].buf ? 0 : -ENOMEM;
    }
    while (!rc && (c->at < c->size || c->busy)) {
        struct worker *w = c->at < c->size && !c->rc ? free_worker(c) : NULL;

        if (w)
            rc = start_one(c, w);
        else if (c->rc && !c->busy)
            break;
        blk_plug(o->target);
        write_due(c);
        blk_unplug(o->target);
        if (c->rc) { /* let what is under way end; what was read is not written */
            for (unsigned i = 0; i < o->workers; i++)
                if (c->w[i].state == FULL)
                    finished(&c->w[i], 0);
        }
        if (!w && c->busy)
            blk_wait_round(o->target);
        if (o->progress)
            o->progress(o->arg, c->done, c->size);
    }
    while (c->busy) {
        for (unsigned i = 0; i < o->workers; i++)
            if (c->w[i].state == FULL)
                finished(&c->w[i], 0);
        if (c->busy)
            blk_wait_round(o->target);
    }
    for (unsigned i = 0; i < o->workers; i++)
        free(c->w[i].buf);
    rc = rc ? rc : c->rc;
    if (rc)
        err_set(e, rc, "%s", c->read_failed || rc == -EUCLEAN ? "reading the source" : "copying");
    free(c);
    return rc;
}

/* ---- comparing ---- */

static int find_difference(struct blk *a, struct blk *b, uint64_t at, uint64_t size, uint8_t *bufs,
                           uint64_t *where)
{
    uint8_t *one = bufs, *two = bufs + CHUNK;
    uint64_t size_a = blk_size(a), size_b = blk_size(b);
    int rc = 0;

    memset(bufs, 0, 2 * CHUNK);
    if (at < size_a)
        rc = blk_pread(a, at, one, min_of(size, size_a - at));
    if (!rc && at < size_b)
        rc = blk_pread(b, at, two, min_of(size, size_b - at));
    if (rc || !memcmp(one, two, size))
        return rc;
    for (uint64_t i = 0; i < size; i++)
        if (one[i] != two[i]) {
            *where = at + i;
            break;
        }
    return 1;
}

static int kind_of(struct blk *b, uint64_t at, uint64_t size, struct blk_extent *x)
{
    *x = (struct blk_extent){.size = size, .flags = BLK_ZERO};
    return at < blk_size(b) ? blk_status(b, at, min_of(size, blk_size(b) - at), 0, x) : 0;
}

int blk_compare(struct blk *a, struct blk *b, bool strict, uint64_t *where,
                void (*progress)(void *arg, uint64_t done, uint64_t all), void *arg, struct err *e)
{
    uint64_t size = max_of(blk_size(a), blk_size(b)), at = 0;
    uint8_t *bufs = blk_buffer(2 * CHUNK);
    int rc = bufs ? 0 : -ENOMEM;

    *where = min_of(blk_size(a), blk_size(b));
    if (strict && blk_size(a) != blk_size(b))
        rc = 1;
    while (!rc && at < size) {
        struct blk_extent x, y;
        uint64_t part;

        rc = kind_of(a, at, size - at, &x);
        if (!rc)
            rc = kind_of(b, at, size - at, &y);
        if (rc)
            break;
        part = min_of(x.size, y.size);
        if (!(x.flags & BLK_ZERO && y.flags & BLK_ZERO)) {
            part = min_of(part, (uint64_t)CHUNK);
            rc = find_difference(a, b, at, part, bufs, where);
        }
        at += part;
        if (progress)
            progress(arg, at, size);
    }
    free(bufs);
    if (rc < 0)
        err_set(e, rc, "comparing");
    return rc;
}
