/*
 * Random requests against an image, many in flight, compared with a model in memory. A tool for
 * tests/blk and the unit tests; alone:
 *
 *     stress IMAGE [format=F] [model=FILE] [seed=N] [ops=N] [depth=N] [flags=N] [mix=WORD]
 *
 * The model's file is read at the start, when there is one, and written at the end: what the image
 * holds then. mix: all, read, write, fill (sequential). With log=FILE each flush that has ended is
 * written down, for the test that kills.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "blk/blk.h"

enum { UNIT = 512, DEPTH_MAX = 256, SIZE_MAX_OP = 512 * 1024 };

struct slot {
    struct stress *s;
    int kind; /* r w z d f */
    uint64_t at, size;
    unsigned char *buf;
    struct iovec iov[5];
    int niov;
    bool busy, check_after;
};

struct stress {
    struct blk *b;
    unsigned char *model, *taken; /* taken: a byte a unit */
    uint64_t size, rng, ops, done, in_flight;
    struct slot slots[DEPTH_MAX];
    unsigned depth;
    const char *mix;
    int log;
    bool failed;
};

static uint64_t rnd(struct stress *s)
{
    s->rng ^= s->rng << 13;
    s->rng ^= s->rng >> 7;
    s->rng ^= s->rng << 17;
    return s->rng;
}

static void fail(struct stress *s, const struct slot *o, const char *what, uint64_t at)
{
    fprintf(stderr, "stress: %s: op %c at %#llx size %#llx: at %#llx\n", what, o->kind,
            (unsigned long long)o->at, (unsigned long long)o->size, (unsigned long long)at);
    s->failed = true;
}

static void compare(struct stress *s, struct slot *o)
{
    for (uint64_t i = 0; i < o->size; i++)
        if (o->buf[i] != s->model[o->at + i]) {
            fail(s, o, "differs", o->at + i);
            fprintf(stderr, "stress: read %02x, expected %02x\n", o->buf[i], s->model[o->at + i]);
            return;
        }
}

static void done(void *arg, int rc)
{
    struct slot *o = arg;
    struct stress *s = o->s;

    if (rc)
        fail(s, o, strerror(-rc), o->at);
    else if (o->kind == 'r')
        compare(s, o);
    else if (o->kind == 'D') /* what a discarded part holds is what is read after it */
        memcpy(s->model + o->at, o->buf, o->size);
    if (o->kind == 'd' && !rc) {
        o->kind = 'D';
        o->iov[0] = (struct iovec){o->buf, o->size};
        blk_readv(s->b, o->at, o->iov, 1, done, o);
        return;
    }
    if (o->kind != 'f')
        memset(s->taken + o->at / UNIT, 0, (o->at + o->size + UNIT - 1) / UNIT - o->at / UNIT);
    o->busy = false;
    s->in_flight--;
    s->done++;
}

static void split(struct stress *s, struct slot *o)
{
    uint64_t at = 0;

    o->niov = 0;
    while (at < o->size) {
        uint64_t part = o->niov == 4 ? o->size - at : rnd(s) % (o->size - at) + 1;

        o->iov[o->niov++] = (struct iovec){o->buf + at, part};
        at += part;
    }
}

static bool pick(struct stress *s, struct slot *o)
{
    uint64_t r = rnd(s), max = rnd(s) % 4 ? 16384 : SIZE_MAX_OP;
    unsigned kind = r >> 20 & 31;

    if (!strcmp(s->mix, "read"))
        kind = 0;
    else if (!strcmp(s->mix, "write"))
        kind = kind < 30 ? 12 : 31;
    o->kind = kind < 12 ? 'r' : kind < 24 ? 'w' : kind < 27 ? 'z' : kind < 30 ? 'd' : 'f';
    o->at = o->size = 0;
    if (o->kind == 'f')
        return true;
    if (o->kind == 'z' || o->kind == 'd')
        max *= 4;
    max = max < s->size ? max : s->size;
    o->size = rnd(s) % (max < SIZE_MAX_OP ? max : SIZE_MAX_OP) + 1;
    o->at = rnd(s) % (s->size - o->size + 1);
    if (rnd(s) % 8) { /* most are whole sectors */
        o->at &= ~(uint64_t)(UNIT - 1);
        o->size = (o->size + UNIT - 1) & ~(uint64_t)(UNIT - 1);
        if (o->at + o->size > s->size)
            o->size = s->size - o->at;
    }
    for (uint64_t u = o->at / UNIT; u <= (o->at + o->size - 1) / UNIT; u++)
        if (s->taken[u])
            return false;
    memset(s->taken + o->at / UNIT, 1, (o->at + o->size + UNIT - 1) / UNIT - o->at / UNIT);
    return true;
}

static void start(struct stress *s, struct slot *o)
{
    if (!pick(s, o))
        return;
    o->busy = true;
    s->in_flight++;
    split(s, o);
    switch (o->kind) {
    case 'r':
        memset(o->buf, 0xa5, o->size);
        blk_readv(s->b, o->at, o->iov, o->niov, done, o);
        break;
    case 'w': {
        unsigned char seed = (unsigned char)rnd(s);

        for (uint64_t i = 0; i < o->size; i++)
            o->buf[i] = (unsigned char)(seed + (o->at + i) / 64 * 7);
        if (rnd(s) % 16 == 0)
            memset(o->buf, 0, o->size);
        memcpy(s->model + o->at, o->buf, o->size);
        blk_writev(s->b, o->at, o->iov, o->niov, rnd(s) % 64 ? 0 : BLK_FUA, done, o);
        break;
    }
    case 'z':
        memset(s->model + o->at, 0, o->size);
        blk_write_zeroes(s->b, o->at, o->size, rnd(s) % 2 ? BLK_MAY_UNMAP : 0, done, o);
        break;
    case 'd':
        blk_discard(s->b, o->at, o->size, done, o);
        break;
    default:
        blk_flush(s->b, done, o);
    }
}

static int run(struct stress *s)
{
    for (unsigned i = 0; i < s->depth; i++) {
        s->slots[i].s = s;
        if (posix_memalign((void **)&s->slots[i].buf, 4096, SIZE_MAX_OP + UNIT))
            return 1;
    }
    while (s->done < s->ops && !s->failed) {
        blk_plug(s->b);
        for (unsigned i = 0; i < s->depth; i++)
            if (!s->slots[i].busy && rnd(s) % 3)
                start(s, &s->slots[i]);
        blk_unplug(s->b);
        if (rnd(s) % 50 == 0)
            blk_drain(s->b);
        else if (s->in_flight) {
            static char sector[512];

            if (blk_pread(s->b, 0, sector, sizeof(sector)) < 0)
                return 1;
        }
    }
    blk_drain(s->b);
    for (unsigned i = 0; i < s->depth; i++)
        free(s->slots[i].buf);
    return s->failed;
}

/* All of the image against the model. */
static int verify(struct stress *s)
{
    enum { PART = 1 << 20 };
    unsigned char *buf = malloc(PART);
    int bad = 0;

    for (uint64_t at = 0; at < s->size && !bad; at += PART) {
        uint64_t part = s->size - at < PART ? s->size - at : PART;

        if (blk_pread(s->b, at, buf, part) < 0 || memcmp(buf, s->model + at, part)) {
            for (uint64_t i = 0; i < part; i++)
                if (buf[i] != s->model[at + i]) {
                    fprintf(stderr, "stress: the image differs at %#llx: %02x, expected %02x\n",
                            (unsigned long long)(at + i), buf[i], s->model[at + i]);
                    break;
                }
            bad = 1;
        }
    }
    free(buf);
    return bad;
}

static const char *word(int argc, char **argv, const char *key, const char *def)
{
    size_t length = strlen(key);

    for (int i = 2; i < argc; i++)
        if (!strncmp(argv[i], key, length) && argv[i][length] == '=')
            return argv[i] + length + 1;
    return def;
}

static void load_model(struct stress *s, const char *path)
{
    FILE *in = path ? fopen(path, "rb") : NULL;

    s->model = calloc(1, s->size + UNIT);
    s->taken = calloc(1, s->size / UNIT + 2);
    if (in) {
        if (fread(s->model, 1, s->size, in) < s->size)
            fprintf(stderr, "stress: the model is shorter than the image\n");
        fclose(in);
    } else {
        for (uint64_t at = 0; at < s->size; at += 1 << 20)
            if (blk_pread(s->b, at, s->model + at,
                          s->size - at < 1 << 20 ? s->size - at : 1 << 20) < 0)
                s->failed = true;
    }
}

int main(int argc, char **argv)
{
    struct stress s = {.log = -1};
    const char *model = word(argc, argv, "model", NULL);
    struct err e;
    int rc;

    if (argc < 2)
        return 2;
    s.rng = strtoull(word(argc, argv, "seed", "1"), NULL, 0) * 0x9e3779b97f4a7c15u + 1;
    s.ops = strtoull(word(argc, argv, "ops", "1000"), NULL, 0);
    s.depth = (unsigned)strtoul(word(argc, argv, "depth", "16"), NULL, 0);
    s.depth = s.depth > DEPTH_MAX ? DEPTH_MAX : s.depth;
    s.mix = word(argc, argv, "mix", "all");
    if (!strncmp(argv[1], "{", 1)) {
        json_t *conf = json_loads(argv[1], 0, NULL);

        rc = blk_open(&s.b, NULL, conf, &e);
        json_decref(conf);
    } else {
        rc = blk_open_file(&s.b, NULL, argv[1], word(argc, argv, "format", NULL),
                           (unsigned)strtoul(word(argc, argv, "flags", "0"), NULL, 0), &e);
    }
    if (rc) {
        fprintf(stderr, "stress: %s\n", e.text);
        return 1;
    }
    s.size = blk_size(s.b);
    load_model(&s, model);
    rc = s.failed || run(&s) || verify(&s);
    if (!rc && model && !blk_readonly(s.b)) {
        FILE *out = fopen(model, "wb");

        rc = !out || fwrite(s.model, 1, s.size, out) != s.size;
        rc |= out && fclose(out);
    }
    blk_close(s.b);
    free(s.model);
    free(s.taken);
    return rc;
}
