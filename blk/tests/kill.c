/*
 * Kills a writer with -9 at random moments and looks at what it left: the image is consistent, what
 * was flushed is there.
 *
 *     kill IMAGE ROUNDS [SEED] [lazy|leaky]
 *
 * Each 4 KB block holds its number and a generation. Memory that both processes share tells which
 * generations of a block were begun and which were flushed. lazy: the counts may be wrong until the
 * image is opened again.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "blk/image.h"

enum { BLOCK = 4096, DEPTH = 24, MAX = 64 }; /* MAX: blocks of a request */

struct told {
    uint32_t begun, ended, lasting,
        zeroed; /* generations: of the last write begun, ended, flushed; of zeros begun */
};

struct op {
    struct writer *w;
    int kind;
    uint64_t first, count;
    uint32_t generation;
    unsigned char *buf;
    struct iovec iov;
    bool busy;
    uint32_t *ended; /* of a flush: what had ended when it began */
};

struct writer {
    struct blk *b;
    struct told *told;
    bool *taken;
    uint64_t blocks, rng;
    uint32_t *generation; /* shared: the last one given */
    struct op ops[DEPTH];
    unsigned in_flight;
};

static uint64_t rnd(uint64_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;
    return *s;
}

static void fill(unsigned char *p, uint64_t block, uint32_t generation)
{
    uint32_t words[2] = {(uint32_t)block + 1, generation};

    for (size_t i = 0; i < BLOCK; i += sizeof(words))
        memcpy(p + i, words, sizeof(words));
}

static void done(void *arg, int rc)
{
    struct op *o = arg;
    struct writer *w = o->w;

    if (rc)
        _exit(3);
    if (o->kind == 'f') {
        for (uint64_t i = 0; i < w->blocks; i++)
            if (w->told[i].lasting < o->ended[i])
                w->told[i].lasting = o->ended[i];
    } else {
        for (uint64_t i = o->first; i < o->first + o->count; i++) {
            if (o->kind != 'd')
                w->told[i].ended = o->generation;
            w->taken[i] = false;
        }
    }
    o->busy = false;
    w->in_flight--;
}

static void begin(struct writer *w, struct op *o)
{
    unsigned kind = rnd(&w->rng) % 100;

    o->kind = kind < 80 ? 'w' : kind < 89 ? 'z' : kind < 96 ? 'd' : 'f';
    o->count = rnd(&w->rng) % (rnd(&w->rng) % 4 ? 6 : MAX) + 1;
    o->first = rnd(&w->rng) % (w->blocks - o->count);
    o->generation = ++*w->generation;
    if (o->kind == 'f') {
        for (uint64_t i = 0; i < w->blocks; i++)
            o->ended[i] = w->told[i].ended;
        goto go;
    }
    for (uint64_t i = 0; i < o->count; i++)
        if (w->taken[o->first + i])
            return;
    for (uint64_t i = o->first; i < o->first + o->count; i++) {
        w->taken[i] = true;
        if (o->kind == 'w') {
            fill(o->buf + (i - o->first) * BLOCK, i, o->generation);
            w->told[i].begun = o->generation;
        } else {
            w->told[i].zeroed = o->generation;
        }
    }
go:
    o->busy = true;
    w->in_flight++;
    o->iov = (struct iovec){o->buf, o->count * BLOCK};
    if (o->kind == 'f')
        blk_flush(w->b, done, o);
    else if (o->kind == 'w')
        blk_writev(w->b, o->first * BLOCK, &o->iov, 1, 0, done, o);
    else if (o->kind == 'z')
        blk_write_zeroes(w->b, o->first * BLOCK, o->count * BLOCK,
                         rnd(&w->rng) % 2 ? BLK_MAY_UNMAP : 0, done, o);
    else
        blk_discard(w->b, o->first * BLOCK, o->count * BLOCK, done, o);
}

/* Until killed. */
static void write_on(struct writer *w, const char *path)
{
    json_t *conf = json_pack("{s:s, s:s, s:{s:s, s:s}}", "driver", "qcow2", "discard", "unmap",
                             "file", "driver", "file", "filename", path);
    struct err e;

    if (blk_open(&w->b, NULL, conf, &e) < 0) {
        fprintf(stderr, "kill: %s\n", e.text);
        _exit(4);
    }
    w->taken = calloc(w->blocks, sizeof(bool));
    for (unsigned i = 0; i < DEPTH; i++) {
        w->ops[i].w = w;
        w->ops[i].buf = aligned_alloc(BLOCK, MAX * BLOCK);
        w->ops[i].ended = calloc(w->blocks, sizeof(uint32_t));
    }
    for (;;) {
        blk_plug(w->b);
        for (unsigned i = 0; i < DEPTH; i++)
            if (!w->ops[i].busy)
                begin(w, &w->ops[i]);
        blk_unplug(w->b);
        blk_wait_round(w->b);
    }
}

static void say(void *arg, const char *text)
{
    (void)arg;
    if (!strncmp(text, "ERROR", 5))
        fprintf(stderr, "kill: %s\n", text);
}

/* Before anybody mends it. */
static int look(const char *path, bool lazy)
{
    struct blk_check found = {.report = lazy ? NULL : say};
    struct blk *b;
    struct err e;
    int rc = blk_open_as(
        &b, &(struct blk_open){.path = path, .format = "qcow2", .flags = BLK_RDONLY, .check = true},
        &e);

    if (!rc)
        rc = blk_check(b, 0, &found, &e);
    if (rc) {
        fprintf(stderr, "kill: %s\n", e.text);
        return 1;
    }
    blk_close(b);
    return !lazy && found.errors;
}

static int verify_block(const struct told *t, uint64_t i, const unsigned char *p)
{
    unsigned char want[BLOCK];
    uint32_t words[2];
    bool zero = true;

    for (size_t k = 0; k < BLOCK && zero; k++)
        zero = !p[k];
    memcpy(words, p, sizeof(words));
    fill(want, i, words[1]);
    if (zero ? t->zeroed >= t->lasting
             : !memcmp(want, p, BLOCK) && words[1] >= t->lasting && words[1] <= t->begun)
        return 0;
    fprintf(stderr,
            "kill: block %llu (%#llx) holds block %u generation %u; flushed was %u, begun %u, "
            "zeroed %u%s\n",
            (unsigned long long)i, (unsigned long long)i * BLOCK, words[0] - 1, words[1],
            t->lasting, t->begun, t->zeroed, memcmp(want, p, BLOCK) ? " (mixed)" : "");
    return 1;
}

/* Opening mends; then what is read becomes the state to go on from. */
static int verify(struct writer *w, const char *path)
{
    unsigned char *buf = aligned_alloc(BLOCK, BLOCK);
    struct blk *b;
    struct err e;
    int bad = 0;

    if (blk_open_file(&b, NULL, path, "qcow2", 0, &e) < 0) {
        fprintf(stderr, "kill: %s\n", e.text);
        return 1;
    }
    for (uint64_t i = 0; i < w->blocks && bad < 5; i++) {
        struct told *t = &w->told[i];
        uint32_t words[2];

        if (blk_pread(b, i * BLOCK, buf, BLOCK) < 0)
            bad++;
        bad += verify_block(t, i, buf);
        memcpy(words, buf, sizeof(words));
        t->begun = t->ended = t->lasting = words[1];
        t->zeroed = words[0] ? 0 : *w->generation;
    }
    blk_close(b);
    free(buf);
    return bad;
}

/* Version 2 has no dirty bit: nobody knows that clusters may be lost. */
static int mend_leaks(const char *path)
{
    struct blk_check found = {0};
    struct blk *b;
    struct err e;

    if (blk_open_as(&b, &(struct blk_open){.path = path, .format = "qcow2", .check = true}, &e) <
            0 ||
        blk_check(b, BLK_FIX_LEAKS, &found, &e) < 0) {
        fprintf(stderr, "kill: %s\n", e.text);
        return 1;
    }
    blk_close(b);
    return 0;
}

static bool peer_accepts(const char *path)
{
    char command[600];

    if (system("command -v qemu-img >/dev/null 2>&1"))
        return true;
    snprintf(command, sizeof(command), "qemu-img check -q -f qcow2 %.500s", path);
    return !system(command);
}

int main(int argc, char **argv)
{
    bool lazy = argc > 4 && !strcmp(argv[4], "lazy"), leaky = argc > 4 && !strcmp(argv[4], "leaky");
    unsigned rounds = argc > 2 ? (unsigned)atoi(argv[2]) : 0;
    struct writer w = {.rng =
                           (argc > 3 ? strtoull(argv[3], NULL, 0) : 1) * 0x9e3779b97f4a7c15u + 1};
    struct blk *b;
    struct err e;

    if (argc < 3 || blk_open_file(&b, NULL, argv[1], "qcow2", BLK_RDONLY, &e) < 0) {
        fprintf(stderr, "kill: IMAGE ROUNDS [SEED] [lazy]: %s\n", argc < 3 ? "" : e.text);
        return 2;
    }
    w.blocks = blk_size(b) / BLOCK;
    blk_close(b);
    w.told = mmap(NULL, w.blocks * sizeof(*w.told) + 4096, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (w.told == MAP_FAILED)
        return 2;
    w.generation = (uint32_t *)(w.told + w.blocks);
    for (unsigned round = 0; round < rounds; round++) {
        struct timespec pause = {0, (long)(rnd(&w.rng) % 150000000)};
        int status;
        pid_t child = fork();

        if (child == 0)
            write_on(&w, argv[1]);
        nanosleep(&pause, NULL);
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
        rnd(&w.rng);
        if (!WIFSIGNALED(status) || look(argv[1], lazy) || verify(&w, argv[1]) ||
            (leaky && mend_leaks(argv[1])) || !peer_accepts(argv[1])) {
            fprintf(stderr, "kill: round %u failed\n", round);
            return 1;
        }
    }
    return 0;
}
