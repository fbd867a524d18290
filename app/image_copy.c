/* `image convert`, `compare` and `bench`: commands that move data. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/image.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "blk/convert.h"
#include "os/time.h"

enum {
    TARGET_ZERO = 256,
    IMAGE_OPTS,
    TARGET_OPTS,
    OBJECT,
    SALVAGE,
    FLUSH_INTERVAL,
    NO_DRAIN,
    PATTERN
};

struct job {
    struct blk_open source;
    struct blk_create create;
    struct blk_convert c;
    struct str words;
    struct image_progress progress;
    unsigned target_flags;
    bool no_create, image_opts, source_cache;
    const char *backing;
    char *snapshot;
};

/* "name", "snapshot.id=1", "snapshot.name=x" */
static void set_snapshot(struct job *j, const char *word)
{
    const char *value = strncmp(word, "snapshot.", 9) ? NULL : strchr(word, '=');

    j->snapshot = mem_strdup(value ? value + 1 : word);
    j->source.snapshot = j->snapshot;
}

static int set_sparse(struct job *j, const char *word, struct err *e)
{
    uint64_t size;
    int rc = image_size(word, &size, e);

    if (!rc && size && (size < 512 || size & (size - 1)))
        rc = err_text(e, EINVAL, "-S %s: 0, or a power of two from 512 on", word);
    if (!rc)
        j->c.sparse = size;
    return rc;
}

static int convert_option(struct job *j, int c, struct err *e)
{
    switch (c) {
    case 'f':
        j->source.format = optarg;
        return 0;
    case 'O':
        j->create.format = optarg;
        return 0;
    case 'B':
        j->backing = j->create.backing = optarg;
        return 0;
    case 'F':
        j->create.backing_format = optarg;
        return 0;
    case 'c':
        j->c.compress = true;
        return 0;
    case 'o':
        str_printf(&j->words, "%s%s", str_length(&j->words) ? "," : "", optarg);
        return 0;
    case 'l':
        set_snapshot(j, optarg);
        return 0;
    case 'S':
        return set_sparse(j, optarg, e);
    case 'p':
        j->progress.on = true;
        return 0;
    case 'q':
        j->progress.on = false;
        return 0;
    case 'n':
        j->no_create = true;
        return 0;
    case 't':
        return image_cache_flags(optarg, &j->target_flags, e);
    case 'T':
        return image_cache_flags(optarg, &j->source.flags, e);
    case 'm':
        j->c.workers = (unsigned)strtoul(optarg, NULL, 10);
        return j->c.workers < 1 || j->c.workers > 16 ? err_text(e, EINVAL, "-m %s: 1 to 16", optarg)
                                                     : 0;
    case 'W':
        j->c.any_order = true;
        return 0;
    case 'U':
        j->source.flags |= BLK_NO_LOCK;
        return 0;
    case TARGET_ZERO:
        j->c.target_zero = true;
        return 0;
    case IMAGE_OPTS:
        j->image_opts = true;
        return 0;
    case 'C':
    case 'r':
    case OBJECT:
        return 0; /* a copy is a copy; rates and secrets mean nothing here */
    }
    return err_text(e, EINVAL,
                    "image convert [-c] [-p] [-n] [-W] [-U] [-f FORMAT] [-O FORMAT] [-o OPTIONS] "
                    "[-B BACKING -F "
                    "FORMAT] [-l SNAPSHOT] [-S SIZE] [-m N] [-t CACHE] [-T CACHE] FILE... TARGET");
}

static int open_sources(struct job *j, char **paths, unsigned count, struct err *e)
{
    j->c.sources = mem_array(struct blk *, count);
    for (; j->c.count < count; j->c.count++) {
        j->source.path = paths[j->c.count];
        j->source.beside = j->c.count ? j->c.sources[0] : NULL;
        if (image_open(&j->c.sources[j->c.count], &j->source, j->image_opts, e) < 0)
            return -e->code;
    }
    return 0;
}

static int make_target(struct job *j, const char *path, struct err *e)
{
    for (unsigned i = 0; i < j->c.count; i++) {
        j->create.size += blk_size(j->c.sources[i]);
        if (!j->no_create && !strcmp(blk_path(j->c.sources[i]), path))
            return err_text(e, EINVAL, "%s is a source, too", path);
    }
    if (j->no_create)
        return 0;
    if (image_create_options(&j->create, str_length(&j->words) ? str_text(&j->words) : NULL, e) < 0)
        return -e->code;
    j->backing = j->create.backing;
    j->c.target_zero |= !j->create.backing;
    return blk_create(path, &j->create, e);
}

static int convert(struct job *j, char **words, unsigned count, struct err *e)
{
    struct blk_open target = {
        .path = words[count - 1], .format = j->create.format, .flags = j->target_flags};
    int rc = open_sources(j, words, count - 1, e);

    if (!rc)
        rc = make_target(j, words[count - 1], e);
    if (rc)
        return rc;
    target.beside = j->c.sources[0];
    j->c.top_only = j->backing && blk_backing(j->c.sources[0]);
    if (!j->backing)
        target.flags |= BLK_NO_BACKING;
    rc = blk_open_as(&j->c.target, &target, e);
    if (rc)
        return rc;
    if (blk_size(j->c.target) < j->create.size)
        return err_text(e, ENOSPC, "%s is smaller than what is to be copied", target.path);
    if (j->c.compress && !blk_cluster_size(j->c.target))
        return err_text(e, ENOTSUP, "images of format %s cannot be compressed", j->create.format);
    j->c.progress = image_progress;
    j->c.arg = &j->progress;
    rc = blk_convert(&j->c, e);
    if (!rc)
        image_progress_end(&j->progress);
    return rc;
}

int image_convert(int argc, char **argv)
{
    static const struct option longs[] = {{"target-is-zero", 0, 0, TARGET_ZERO},
                                          {"image-opts", 0, 0, IMAGE_OPTS},
                                          {"object", 1, 0, OBJECT},
                                          {"force-share", 0, 0, 'U'},
                                          {"help", 0, 0, 'h'},
                                          {0}};
    struct job j = {.create.format = "raw",
                    .c.workers = 8,
                    .c.sparse = 4096,
                    .source.flags = BLK_RDONLY,
                    .target_flags = BLK_UNSAFE};
    struct err e;
    int c, rc;

    j.progress.on = false;
    while ((c = getopt_long(argc, argv, "B:CF:O:S:T:UWcf:hl:m:no:pqr:t:", longs, NULL)) >= 0)
        if (convert_option(&j, c, &e) < 0)
            return image_fail(&e);
    if (argc - optind < 2)
        return image_usage("convert", "a FILE and a TARGET are wanted");
    rc = convert(&j, argv + optind, (unsigned)(argc - optind), &e);
    blk_close(j.c.target);
    for (unsigned i = 0; i < j.c.count; i++)
        blk_close(j.c.sources[i]);
    free(j.c.sources);
    free(j.snapshot);
    str_free(&j.words);
    return rc ? image_fail(&e) : 0;
}

/* ---- compare ---- */

int image_compare(int argc, char **argv)
{
    static const struct option longs[] = {{"image-opts", 0, 0, IMAGE_OPTS},
                                          {"object", 1, 0, OBJECT},
                                          {"force-share", 0, 0, 'U'},
                                          {"help", 0, 0, 'h'},
                                          {0}};
    struct blk_open a = {.flags = BLK_RDONLY}, b = {.flags = BLK_RDONLY};
    bool strict = false, quiet = false, image_opts = false;
    struct image_progress progress = {0};
    struct blk *one, *two = NULL;
    uint64_t at;
    struct err e;
    int c, rc;

    while ((c = getopt_long(argc, argv, "f:F:T:hpqsU", longs, NULL)) >= 0) {
        rc = 0;
        if (c == 'f')
            a.format = optarg;
        else if (c == 'F')
            b.format = optarg;
        else if (c == 'T')
            rc = image_cache_flags(optarg, &a.flags, &e);
        else if (c == 'p')
            progress.on = true;
        else if (c == 'q')
            quiet = true;
        else if (c == 's')
            strict = true;
        else if (c == 'U')
            a.flags |= BLK_NO_LOCK;
        else if (c == IMAGE_OPTS)
            image_opts = true;
        else if (c != OBJECT)
            return image_usage("compare", "[-f FORMAT] [-F FORMAT] [-s] [-p] [-q] [-U] FILE FILE"),
                   2;
        if (rc)
            return image_fail(&e), 2;
    }
    if (argc - optind != 2)
        return image_usage("compare", "two FILEs are wanted"), 2;
    a.path = argv[optind];
    b.path = argv[optind + 1];
    b.flags = a.flags;
    if (image_open(&one, &a, image_opts, &e) < 0)
        return image_fail(&e), 2;
    b.beside = one;
    rc = image_open(&two, &b, image_opts, &e);
    if (!rc)
        rc = blk_compare(one, two, strict, &at, image_progress, &progress, &e);
    if (rc < 0)
        image_fail(&e);
    else if (!quiet && strict && rc == 1 && blk_size(one) != blk_size(two))
        puts("Strict mode: Image size mismatch!");
    else if (!quiet && rc == 1)
        printf("Content mismatch at offset %" PRIu64 "!\n", at);
    else if (!quiet && rc == 0) {
        if (blk_size(one) != blk_size(two))
            puts("Warning: Image size mismatch!");
        puts("Images are identical.");
    }
    blk_close(two);
    blk_close(one);
    return rc < 0 ? 2 : rc;
}

/* ---- bench ---- */

struct bench {
    struct blk *b;
    uint64_t offset, size, step, left, in_flight, end;
    unsigned depth;
    bool write, random;
    uint64_t rng;
    int rc;
    struct iovec iov;
};

static void bench_done(void *arg, int rc);

static void bench_next(struct bench *n)
{
    uint64_t at = n->offset;

    if (n->random) {
        n->rng = n->rng * 6364136223846793005u + 1442695040888963407u;
        at = (n->rng >> 24) % (n->end / n->size) * n->size;
    }
    n->left--;
    n->in_flight++;
    n->offset += n->step;
    if (n->offset + n->size > n->end)
        n->offset = 0;
    if (n->write)
        blk_writev(n->b, at, &n->iov, 1, 0, bench_done, n);
    else
        blk_readv(n->b, at, &n->iov, 1, bench_done, n);
}

static void bench_done(void *arg, int rc)
{
    struct bench *n = arg;

    n->in_flight--;
    if (rc && !n->rc)
        n->rc = rc;
    if (n->left && !n->rc)
        bench_next(n);
}

static int bench_open(struct bench *n, int argc, char **argv, struct err *e)
{
    static const struct option longs[] = {{"flush-interval", 1, 0, FLUSH_INTERVAL},
                                          {"no-drain", 0, 0, NO_DRAIN},
                                          {"pattern", 1, 0, PATTERN},
                                          {"image-opts", 0, 0, IMAGE_OPTS},
                                          {"random", 0, 0, 'R'},
                                          {0}};
    struct blk_open o = {0};
    bool image_opts = false;
    int c, rc = 0;

    while (!rc && (c = getopt_long(argc, argv, "c:d:f:ni:o:qRs:S:t:wU", longs, NULL)) >= 0) {
        switch (c) {
        case 'c':
            n->left = strtoull(optarg, NULL, 0);
            break;
        case 'd':
            n->depth = (unsigned)strtoul(optarg, NULL, 0);
            break;
        case 'f':
            o.format = optarg;
            break;
        case 'o':
            rc = image_size(optarg, &n->offset, e);
            break;
        case 's':
            rc = image_size(optarg, &n->size, e);
            break;
        case 'S':
            rc = image_size(optarg, &n->step, e);
            break;
        case 't':
            rc = image_cache_flags(optarg, &o.flags, e);
            break;
        case 'R':
            n->random = true;
            break;
        case 'w':
            n->write = true;
            break;
        case 'U':
            o.flags |= BLK_NO_LOCK;
            break;
        case IMAGE_OPTS:
            image_opts = true;
            break;
        case '?':
            return err_text(e, EINVAL,
                            "image bench [-w] [--random] [-c COUNT] [-d DEPTH] [-s SIZE] [-S STEP] "
                            "[-o OFFSET] [-t CACHE] FILE");
        }
    }
    if (rc)
        return rc;
    if (argc - optind != 1 || !n->size || !n->depth)
        return err_text(e, EINVAL, "image bench: one FILE, a size and a depth are wanted");
    o.path = argv[optind];
    if (!n->write)
        o.flags |= BLK_RDONLY;
    rc = image_open(&n->b, &o, image_opts, e);
    if (!rc && blk_size(n->b) < n->size + n->offset)
        rc = err_text(e, EINVAL, "%s is smaller than one request", o.path);
    return rc;
}

int image_bench(int argc, char **argv)
{
    struct bench n = {.left = 75000, .depth = 64, .size = 4096, .rng = 1};
    uint64_t count;
    void *buf = NULL;
    struct err e;
    int64_t start;
    int rc = bench_open(&n, argc, argv, &e);

    if (!rc && posix_memalign(&buf, 4096, n.size))
        rc = err_set(&e, ENOMEM, "image bench");
    if (rc) {
        blk_close(n.b);
        return image_fail(&e);
    }
    memset(buf, 0, n.size);
    n.iov = (struct iovec){buf, n.size};
    n.end = blk_size(n.b);
    n.step = n.step ? n.step : n.size;
    count = n.left;
    printf("Sending %" PRIu64 " %s requests, %" PRIu64 " bytes each, %u in parallel (%s)\n", count,
           n.write ? "write" : "read", n.size, n.depth,
           n.random ? "random" : "one behind the other");
    start = os_time_ns();
    blk_plug(n.b);
    for (unsigned i = 0; i < n.depth && n.left; i++)
        bench_next(&n);
    blk_unplug(n.b);
    blk_drain(n.b);
    printf("Run completed in %3.3f seconds.\n", (double)(os_time_ns() - start) / 1e9);
    blk_close(n.b);
    free(buf);
    return n.rc ? err_set(&e, n.rc, "image bench"), image_fail(&e) : 0;
}
