/* `image create` and `image resize`, and the options that new images take. Must not know layouts of
 * formats. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/image.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/conf.h"
#include "core/prop.h"

static const char *const compats[] = {"0.10", "1.1", "v2", "v3", NULL};
static const char *const preallocations[] = {"off", "metadata", "falloc", "full", NULL};
static const char *const compressions[] = {"zlib", "zstd", NULL};

struct words {
    uint64_t size, cluster_size;
    uint32_t refcount_bits;
    int compat, preallocation, compression;
    bool lazy, extended, raw_data, nocow;
    char *backing, *backing_format, *data_file, *encryption;
};

#define AT(field) offsetof(struct words, field)
static const struct prop raw_options[] = {
    {.name = "size", .type = PROP_SIZE, .offset = AT(size), .help = "virtual size"},
    {.name = "preallocation",
     .type = PROP_ENUM,
     .offset = AT(preallocation),
     .values = preallocations,
     .help = "what is set aside at once"},
    {.name = "nocow", .type = PROP_BOOL, .offset = AT(nocow), .help = "accepted, without meaning"},
    {.name = NULL},
};
static const struct prop qcow2_options[] = {
    {.name = "size", .type = PROP_SIZE, .offset = AT(size), .help = "virtual size"},
    {.name = "backing_file",
     .type = PROP_STR,
     .offset = AT(backing),
     .help = "image below, as it is stored"},
    {.name = "backing_fmt", .type = PROP_STR, .offset = AT(backing_format), .help = "its format"},
    {.name = "cluster_size",
     .type = PROP_SIZE,
     .offset = AT(cluster_size),
     .def = 65536,
     .help = "512 to 2M"},
    {.name = "compat",
     .type = PROP_ENUM,
     .offset = AT(compat),
     .def = 1,
     .values = compats,
     .help = "0.10 (v2) or 1.1 (v3)"},
    {.name = "compression_type",
     .type = PROP_ENUM,
     .offset = AT(compression),
     .values = compressions,
     .help = "of compressed clusters"},
    {.name = "data_file",
     .type = PROP_STR,
     .offset = AT(data_file),
     .help = "file that holds the data"},
    {.name = "data_file_raw",
     .type = PROP_BOOL,
     .offset = AT(raw_data),
     .help = "and is a raw image by itself"},
    {.name = "encryption",
     .type = PROP_STR,
     .offset = AT(encryption),
     .help = "off: there is none"},
    {.name = "extended_l2",
     .type = PROP_BOOL,
     .offset = AT(extended),
     .help = "32 subclusters a cluster"},
    {.name = "lazy_refcounts",
     .type = PROP_BOOL,
     .offset = AT(lazy),
     .help = "counts are written late"},
    {.name = "nocow", .type = PROP_BOOL, .offset = AT(nocow), .help = "accepted, without meaning"},
    {.name = "preallocation",
     .type = PROP_ENUM,
     .offset = AT(preallocation),
     .values = preallocations,
     .help = "what is set aside at once"},
    {.name = "refcount_bits",
     .type = PROP_U32,
     .offset = AT(refcount_bits),
     .def = 16,
     .help = "1 to 64"},
    {.name = NULL},
};
#undef AT

int image_create_options(struct blk_create *o, const char *text, struct err *e)
{
    const struct prop *table = !strcmp(o->format, "raw") ? raw_options : qcow2_options;
    struct words *w = mem_new(struct words); /* its texts stay */
    char what[64];
    json_t *conf;
    int rc = 0;

    snprintf(what, sizeof(what), "image format %.40s", o->format);
    prop_defaults(table, w);
    if (text) {
        rc = conf_parse(&conf, text, NULL, e);
        if (rc)
            return rc;
        rc = prop_apply(table, w, conf, what, NULL, e);
        json_decref(conf);
    }
    if (!rc && w->encryption && strcmp(w->encryption, "off") != 0)
        rc = err_text(e, ENOTSUP, "encrypted images are not supported");
    if (rc)
        return rc;
    o->size = w->size ? w->size : o->size;
    o->preallocation = (enum blk_prealloc)w->preallocation;
    if (table == raw_options)
        return 0;
    o->backing = w->backing ? w->backing : o->backing;
    o->backing_format = w->backing_format ? w->backing_format : o->backing_format;
    o->cluster_size = w->cluster_size;
    o->version = w->compat % 2 ? 3 : 2;
    o->zstd = w->compression;
    o->data_file = w->data_file;
    o->data_file_raw = w->raw_data;
    o->extended_l2 = w->extended;
    o->lazy_refcounts = w->lazy;
    o->refcount_bits = w->refcount_bits;
    return 0;
}

void image_print_created(const char *path, const struct blk_create *o)
{
    printf("Formatting '%s', fmt=%s", path, o->format);
    if (!strcmp(o->format, "qcow2"))
        printf(" cluster_size=%llu extended_l2=%s compression_type=%s",
               (unsigned long long)o->cluster_size, o->extended_l2 ? "on" : "off",
               o->zstd ? "zstd" : "zlib");
    if (o->preallocation)
        printf(" preallocation=%s", preallocations[o->preallocation]);
    printf(" size=%llu", (unsigned long long)o->size);
    if (o->backing)
        printf(" backing_file=%s", o->backing);
    if (o->backing_format)
        printf(" backing_fmt=%s", o->backing_format);
    if (o->data_file)
        printf(" data_file=%s", o->data_file);
    if (!strcmp(o->format, "qcow2"))
        printf(" lazy_refcounts=%s refcount_bits=%u", o->lazy_refcounts ? "on" : "off",
               o->refcount_bits);
    putchar('\n');
}

static void options_help(const char *format)
{
    struct str s = {0};

    prop_help(!strcmp(format, "raw") ? raw_options : qcow2_options, &s);
    printf("Supported options:\n%s", str_text(&s));
    str_free(&s);
}

/* "a" and "b" as "a,b": -o may be given again. */
static void add_words(struct str *all, const char *words)
{
    str_printf(all, "%s%s", str_length(all) ? "," : "", words);
}

/* The size of an image without one is its backing file's, which has to be there in any case. */
static int look_at_backing(const char *path, struct blk_create *o, struct err *e)
{
    struct str full = {0};
    const char *slash = strrchr(path, '/');
    struct blk *b;
    int rc;

    if (slash && *o->backing != '/' && !strchr(o->backing, ':'))
        str_append(&full, path, (size_t)(slash + 1 - path));
    str_printf(&full, "%s", o->backing);
    rc = blk_open_as(&b,
                     &(struct blk_open){.path = str_text(&full),
                                        .format = o->backing_format,
                                        .flags = BLK_RDONLY | BLK_NO_LOCK},
                     e);
    str_free(&full);
    if (rc)
        return err_prefix(e, "the backing file");
    if (!o->size)
        o->size = blk_size(b);
    blk_close(b);
    return 0;
}

int image_create(int argc, char **argv)
{
    static const struct option longs[] = {{"object", 1, 0, 256}, {"help", 0, 0, 'h'}, {0}};
    struct blk_create o = {.format = "raw"};
    bool quiet = false, unchecked = false;
    struct str words = {0};
    struct err e;
    int c;

    while ((c = getopt_long(argc, argv, "F:b:f:ho:qu6", longs, NULL)) >= 0) {
        switch (c) {
        case 'F':
            o.backing_format = optarg;
            break;
        case 'b':
            o.backing = optarg;
            break;
        case 'f':
            o.format = optarg;
            break;
        case 'o':
            add_words(&words, optarg);
            break;
        case 'q':
            quiet = true;
            break;
        case 'u':
            unchecked = true;
            break;
        default:
            return image_usage(
                "create", "[-q] [-u] [-f FORMAT] [-b BACKING -F FORMAT] [-o OPTIONS] FILE [SIZE]");
        }
    }
    if (!strcmp(str_text(&words), "help") || !strcmp(str_text(&words), "?")) {
        options_help(o.format);
        return 0;
    }
    if (optind >= argc || argc - optind > 2)
        return image_usage("create", "one FILE and perhaps a SIZE are wanted");
    if (argc - optind == 2 && image_size(argv[optind + 1], &o.size, &e) < 0)
        return image_fail(&e);
    if (image_create_options(&o, str_length(&words) ? str_text(&words) : NULL, &e) < 0)
        return image_fail(&e);
    str_free(&words);
    if (o.backing && !o.backing_format)
        return image_usage("create", "a backing file needs its format: -F qcow2 or -F raw");
    if (o.backing && !(unchecked && o.size) && look_at_backing(argv[optind], &o, &e) < 0)
        return image_fail(&e);
    if (!o.size && !o.backing && argc - optind == 1)
        return image_usage("create", "a SIZE is wanted: 512M, 20G");
    if (!quiet)
        image_print_created(argv[optind], &o);
    return blk_create(argv[optind], &o, &e) < 0 ? image_fail(&e) : 0;
}

static int new_size(const char *word, uint64_t old, uint64_t *size, struct err *e)
{
    bool more = *word == '+', less = *word == '-';
    int rc = image_size(word + (more || less), size, e);

    if (rc)
        return rc;
    if (less && *size > old)
        return err_text(e, EINVAL, "the image is smaller than %s", word + 1);
    *size = more ? old + *size : less ? old - *size : *size;
    return 0;
}

/* A relative size that begins with '-' is no option. */
static char *take_size(int *argc, char **argv)
{
    char *last = *argc > 1 ? argv[*argc - 1] : NULL;

    if (!last || (last[0] == '-' && !(last[1] >= '0' && last[1] <= '9')))
        return NULL;
    argv[--*argc] = NULL;
    return last;
}

int image_resize(int argc, char **argv)
{
    enum { PREALLOCATION = 256, SHRINK, IMAGE_OPTS, OBJECT };
    static const struct option longs[] = {{"preallocation", 1, 0, PREALLOCATION},
                                          {"shrink", 0, 0, SHRINK},
                                          {"image-opts", 0, 0, IMAGE_OPTS},
                                          {"object", 1, 0, OBJECT},
                                          {"help", 0, 0, 'h'},
                                          {0}};
    bool quiet = false, shrink = false, image_opts = false;
    char *word = take_size(&argc, argv);
    struct blk_open o = {0};
    unsigned how = 0;
    uint64_t size;
    struct blk *b;
    struct err e;
    int c, rc;

    while ((c = getopt_long(argc, argv, "f:hq", longs, NULL)) >= 0) {
        switch (c) {
        case 'f':
            o.format = optarg;
            break;
        case 'q':
            quiet = true;
            break;
        case PREALLOCATION:
            while (preallocations[how] && strcmp(preallocations[how], optarg) != 0)
                how++;
            if (!preallocations[how])
                return image_usage("resize", "--preallocation=%s: off, metadata, falloc or full",
                                   optarg);
            break;
        case SHRINK:
            shrink = true;
            break;
        case IMAGE_OPTS:
            image_opts = true;
            break;
        case OBJECT:
            break;
        default:
            return image_usage("resize",
                               "[-f FORMAT] [--shrink] [--preallocation=HOW] FILE [+|-]SIZE");
        }
    }
    if (!word || argc - optind != 1)
        return image_usage("resize", "a FILE and a SIZE are wanted");
    o.path = argv[optind];
    if (image_open(&b, &o, image_opts, &e) < 0)
        return image_fail(&e);
    rc = new_size(word, blk_size(b), &size, &e);
    if (!rc)
        rc = blk_truncate(b, size, shrink, (enum blk_prealloc)how, &e);
    blk_close(b);
    if (rc)
        return image_fail(&e);
    if (!quiet)
        puts("Image resized.");
    return 0;
}
