/* `image info`, `check`, `map` and `snapshot`: what images say about themselves, for people and
 * scripts. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/image.h"
#include "base/attr.h"
#include "base/log.h"

enum { OUTPUT = 256, CHAIN, IMAGE_OPTS, OBJECT, START, LENGTH };

static const struct option longs[] = {{"output", 1, 0, OUTPUT},
                                      {"backing-chain", 0, 0, CHAIN},
                                      {"image-opts", 0, 0, IMAGE_OPTS},
                                      {"object", 1, 0, OBJECT},
                                      {"force-share", 0, 0, 'U'},
                                      {"format", 1, 0, 'f'},
                                      {"repair", 1, 0, 'r'},
                                      {"help", 0, 0, 'h'},
                                      {"start-offset", 1, 0, START},
                                      {"max-length", 1, 0, LENGTH},
                                      {0}};

/* What these commands take alike. */
struct look {
    struct blk_open o;
    bool json, chain, image_opts, quiet;
    unsigned fix;
    uint64_t start, length;
    char action; /* of snapshot */
};

static int take(struct look *l, int c, struct err *e)
{
    switch (c) {
    case 'f':
        l->o.format = optarg;
        return 0;
    case 'U':
        l->o.flags |= BLK_NO_LOCK;
        return 0;
    case 'q':
        l->quiet = true;
        return 0;
    case 'T':
        return image_cache_flags(optarg, &l->o.flags, e);
    case 'r':
        l->fix = !strcmp(optarg, "leaks") ? BLK_FIX_LEAKS : BLK_FIX_LEAKS | BLK_FIX_ERRORS;
        return l->fix != BLK_FIX_LEAKS && strcmp(optarg, "all") != 0
                   ? err_text(e, EINVAL, "-r %s: leaks or all", optarg)
                   : 0;
    case 'l':
        l->action = 'l';
        return 0;
    case OUTPUT:
        return image_output(optarg, &l->json, e);
    case CHAIN:
        l->chain = true;
        return 0;
    case IMAGE_OPTS:
        l->image_opts = true;
        return 0;
    case START:
        return image_size(optarg, &l->start, e);
    case LENGTH:
        return image_size(optarg, &l->length, e);
    case OBJECT:
        return 0;
    }
    return err_text(e, EINVAL, "see the options");
}

/* Reads argv; the exit status when that fails, else 0. */
static int parse(struct look *l, int argc, char **argv, const char *shorts, const char *usage)
{
    struct err e;
    int c;

    l->length = UINT64_MAX;
    while ((c = getopt_long(argc, argv, shorts, longs, NULL)) >= 0)
        if (c == 'h' || c == '?')
            return image_usage(argv[0], "%s", usage);
        else if (take(l, c, &e) < 0)
            return image_fail(&e);
    if (argc - optind != 1)
        return image_usage(argv[0], "one FILE is wanted");
    l->o.path = argv[optind];
    return 0;
}

static void print_json(json_t *value)
{
    char *text = json_dumps(value, JSON_INDENT(4) | JSON_PRESERVE_ORDER);

    puts(text ? text : "null");
    free(text);
    json_decref(value);
}

/* ---- info ---- */

static const char *text_of(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

static uint64_t number_of(const json_t *o, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(o, key));
}

static void print_snapshots(const json_t *list)
{
    size_t i;
    json_t *s;

    puts("Snapshot list:");
    printf("%-10s%-17s%8s%20s%13s%11s\n", "ID", "TAG", "VM SIZE", "DATE", "VM CLOCK", "ICOUNT");
    json_array_foreach(list, i, s)
    {
        char size[32], date[32], clock[32], icount[24] = "";
        time_t sec = (time_t)number_of(s, "date-sec");
        uint64_t run = number_of(s, "vm-clock-sec");
        struct tm tm;

        strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", localtime_r(&sec, &tm));
        snprintf(clock, sizeof(clock), "%02d:%02d:%02d.%03d", (int)(run / 3600),
                 (int)(run / 60 % 60), (int)(run % 60),
                 (int)(number_of(s, "vm-clock-nsec") / 1000000));
        if (json_object_get(s, "icount"))
            snprintf(icount, sizeof(icount), "%" PRIu64, number_of(s, "icount"));
        printf("%-9s %-16s %8s%20s%13s%11s\n", text_of(s, "id"), text_of(s, "name"),
               image_human(number_of(s, "vm-state-size"), size, sizeof(size)), date, clock, icount);
    }
}

static void print_specific(const json_t *data)
{
    const char *key;
    json_t *value;

    puts("Format specific information:");
    json_object_foreach((json_t *)data, key, value)
    {
        char name[40];

        snprintf(name, sizeof(name), "%s", key);
        for (char *p = name; *p; p++)
            if (*p == '-')
                *p = ' ';
        if (json_is_boolean(value))
            printf("    %s: %s\n", name, json_is_true(value) ? "true" : "false");
        else if (json_is_integer(value))
            printf("    %s: %" JSON_INTEGER_FORMAT "\n", name, json_integer_value(value));
        else
            printf("    %s: %s\n", name, json_string_value(value));
    }
}

static void print_info(const json_t *o)
{
    char size[32];

    printf("image: %s\nfile format: %s\nvirtual size: %s (%" PRIu64 " bytes)\n",
           text_of(o, "filename"), text_of(o, "format"),
           image_human(number_of(o, "virtual-size"), size, sizeof(size)),
           number_of(o, "virtual-size"));
    if (json_object_get(o, "actual-size"))
        printf("disk size: %s\n", image_human(number_of(o, "actual-size"), size, sizeof(size)));
    if (json_object_get(o, "cluster-size"))
        printf("cluster_size: %" PRIu64 "\n", number_of(o, "cluster-size"));
    if (json_is_true(json_object_get(o, "dirty-flag")))
        puts("cleanly shut down: no");
    if (text_of(o, "backing-filename")) {
        printf("backing file: %s", text_of(o, "backing-filename"));
        if (strcmp(text_of(o, "backing-filename"), text_of(o, "full-backing-filename")) != 0)
            printf(" (actual path: %s)", text_of(o, "full-backing-filename"));
        putchar('\n');
    }
    if (text_of(o, "backing-filename-format"))
        printf("backing file format: %s\n", text_of(o, "backing-filename-format"));
    if (json_object_get(o, "snapshots"))
        print_snapshots(json_object_get(o, "snapshots"));
    if (json_object_get(o, "format-specific"))
        print_specific(json_object_get(json_object_get(o, "format-specific"), "data"));
}

int image_info(int argc, char **argv)
{
    struct look l = {.o.flags = BLK_RDONLY};
    json_t *list = json_array();
    struct blk *b;
    struct err e;
    int rc =
        parse(&l, argc, argv, "f:hU", "[-f FORMAT] [--output=json] [--backing-chain] [-U] FILE");

    if (rc)
        return rc;
    if (!l.chain)
        l.o.flags |= BLK_NO_BACKING; /* which need not be there to ask */
    if (image_open(&b, &l.o, l.image_opts, &e) < 0)
        return image_fail(&e);
    for (struct blk *each = b; each; each = blk_backing(each)) {
        json_t *o = json_object();

        blk_info(each, o);
        if (!l.json) {
            if (each != b)
                putchar('\n');
            print_info(o);
        }
        json_array_append_new(list, o);
    }
    if (l.json && !l.chain)
        print_json(json_incref(json_array_get(list, 0)));
    else if (l.json)
        print_json(json_incref(list));
    json_decref(list);
    blk_close(b);
    return 0;
}

/* ---- check ---- */

static void finding(void *arg, const char *text)
{
    const struct look *l = arg;

    if (!l->json && !l->quiet)
        fprintf(stderr, "%s\n", text);
}

static void check_json(const struct look *l, struct blk *b, const struct blk_check *r)
{
    json_t *o = json_object();

    json_object_set_new(o, "image-end-offset", json_integer((json_int_t)r->image_end));
    json_object_set_new(o, "total-clusters", json_integer((json_int_t)r->total));
    json_object_set_new(o, "check-errors", json_integer((json_int_t)r->failures));
    if (r->errors)
        json_object_set_new(o, "corruptions", json_integer((json_int_t)r->errors));
    if (r->leaks)
        json_object_set_new(o, "leaks", json_integer((json_int_t)r->leaks));
    if (l->fix) {
        json_object_set_new(o, "corruptions-fixed", json_integer((json_int_t)r->errors_fixed));
        json_object_set_new(o, "leaks-fixed", json_integer((json_int_t)r->leaks_fixed));
    }
    json_object_set_new(o, "allocated-clusters", json_integer((json_int_t)r->allocated));
    if (r->fragmented)
        json_object_set_new(o, "fragmented-clusters", json_integer((json_int_t)r->fragmented));
    if (r->compressed)
        json_object_set_new(o, "compressed-clusters", json_integer((json_int_t)r->compressed));
    json_object_set_new(o, "filename", json_string(blk_path(b)));
    json_object_set_new(o, "format", json_string(blk_format(b)));
    print_json(o);
}

static void check_text(const struct blk_check *r)
{
    if (r->errors_fixed || r->leaks_fixed)
        printf("The following inconsistencies were found and repaired:\n\n    %" PRIu64
               " leaked clusters\n    %" PRIu64
               " corruptions\n\nDouble checking the fixed image now...\n",
               r->leaks_fixed, r->errors_fixed);
    if (!r->errors && !r->leaks && !r->failures)
        puts("No errors were found on the image.");
    if (r->errors)
        printf("\n%" PRIu64
               " errors were found on the image.\nData may be corrupted, or further writes to the "
               "image may corrupt it.\n",
               r->errors);
    if (r->leaks)
        printf("\n%" PRIu64
               " leaked clusters were found on the image.\nThis means waste of disk space, but no "
               "harm to data.\n",
               r->leaks);
    if (r->failures)
        printf("\n%" PRIu64 " internal errors have occurred during the check.\n", r->failures);
    if (r->total)
        printf("%" PRIu64 "/%" PRIu64
               " = %0.2f%% allocated, %0.2f%% fragmented, %0.2f%% compressed clusters\n",
               r->allocated, r->total, (double)r->allocated * 100 / (double)r->total,
               r->allocated ? (double)r->fragmented * 100 / (double)r->allocated : 0,
               r->allocated ? (double)r->compressed * 100 / (double)r->allocated : 0);
    printf("Image end offset: %" PRIu64 "\n", r->image_end);
}

int image_check(int argc, char **argv)
{
    struct look l = {.o.check = true};
    struct blk_check r = {.report = finding, .arg = &l}, again;
    struct blk *b;
    struct err e;
    int rc = parse(&l, argc, argv, "f:hqr:T:U",
                   "[-f FORMAT] [-r leaks|all] [--output=json] [-q] [-U] FILE");

    if (rc)
        return rc;
    if (!l.fix)
        l.o.flags |= BLK_RDONLY;
    if (image_open(&b, &l.o, l.image_opts, &e) < 0)
        return image_fail(&e);
    rc = blk_check(b, l.fix, &r, &e);
    if (!rc && (r.errors_fixed || r.leaks_fixed)) {
        /* What counts is what is left. */
        again = (struct blk_check){.report = finding, .arg = &l};
        rc = blk_check(b, 0, &again, &e);
        again.errors_fixed = r.errors_fixed;
        again.leaks_fixed = r.leaks_fixed;
        r = again;
    }
    if (!rc && l.json)
        check_json(&l, b, &r);
    else if (!rc && !l.quiet)
        check_text(&r);
    blk_close(b);
    if (rc) {
        image_fail(&e);
        return e.code == ENOTSUP ? 63 : 1;
    }
    return r.failures ? 1 : r.errors ? 2 : r.leaks ? 3 : 0;
}

/* ---- map ---- */

struct run {
    uint64_t start;
    struct blk_extent x;
};

static void print_run(const struct look *l, const struct run *r, bool *first)
{
    const struct blk_extent *x = &r->x;

    if (!l->json) {
        if (x->flags & BLK_DATA && x->flags & BLK_MAPPED)
            printf("%#-16" PRIx64 "%#-16" PRIx64 "%#-16" PRIx64 "%s\n", r->start, x->size, x->map,
                   x->path);
        return;
    }
    printf("%s{ \"start\": %" PRIu64 ", \"length\": %" PRIu64
           ", \"depth\": %u, \"present\": %s, \"zero\": %s, "
           "\"data\": %s",
           *first ? "[" : ",\n", r->start, x->size, x->depth, x->present ? "true" : "false",
           x->flags & BLK_ZERO ? "true" : "false", x->flags & BLK_DATA ? "true" : "false");
    if (x->flags & BLK_MAPPED)
        printf(", \"offset\": %" PRIu64, x->map);
    putchar('}');
    *first = false;
}

static bool goes_on(const struct run *a, const struct blk_extent *x)
{
    return a->x.size && a->x.flags == x->flags && a->x.depth == x->depth &&
           a->x.present == x->present && a->x.path == x->path &&
           (!(x->flags & BLK_MAPPED) || a->x.map + a->x.size == x->map);
}

static int map_all(const struct look *l, struct blk *b, struct err *e)
{
    uint64_t end = l->length < blk_size(b) - l->start ? l->start + l->length : blk_size(b);
    struct run run = {0};
    bool first = true;
    int rc;

    if (!l->json)
        printf("%-16s%-16s%-16s%s\n", "Offset", "Length", "Mapped to", "File");
    for (uint64_t at = l->start; at < end;) {
        struct blk_extent x;

        rc = blk_status(b, at, end - at, 0, &x);
        if (rc)
            return err_set(e, rc, "cannot read %s", blk_path(b));
        if (!l->json && x.flags & BLK_PACKED)
            return err_text(e, ENOTSUP, "%s has compressed clusters: --output=json tells of them",
                            blk_path(b));
        if (goes_on(&run, &x)) {
            run.x.size += x.size;
        } else {
            if (run.x.size)
                print_run(l, &run, &first);
            run = (struct run){at, x};
        }
        at += x.size;
    }
    if (run.x.size)
        print_run(l, &run, &first);
    if (l->json)
        puts(first ? "[]" : "]");
    return 0;
}

int image_map(int argc, char **argv)
{
    struct look l = {.o.flags = BLK_RDONLY};
    struct blk *b;
    struct err e;
    int rc = parse(&l, argc, argv, "f:hs:l:U",
                   "[-f FORMAT] [--output=json] [--start-offset=N] [--max-length=N] FILE");

    if (rc)
        return rc;
    if (image_open(&b, &l.o, l.image_opts, &e) < 0)
        return image_fail(&e);
    if (l.start > blk_size(b))
        rc = err_text(&e, EINVAL, "the image ends before byte %" PRIu64, l.start);
    else
        rc = map_all(&l, b, &e);
    blk_close(b);
    return rc ? image_fail(&e) : 0;
}

/* ---- snapshot ---- */

int image_snapshot(int argc, char **argv)
{
    struct look l = {.o.flags = BLK_RDONLY | BLK_NO_BACKING};
    struct blk *b;
    struct err e;
    json_t *o;
    int rc = parse(&l, argc, argv, "f:hlqU",
                   "-l FILE (snapshots can be listed and read: convert -l NAME)");

    if (rc)
        return rc;
    if (!l.action)
        return image_usage("snapshot", "snapshots can be listed (-l) and read (convert -l NAME)");
    if (image_open(&b, &l.o, l.image_opts, &e) < 0)
        return image_fail(&e);
    o = json_object();
    blk_info(b, o);
    if (json_object_get(o, "snapshots"))
        print_snapshots(json_object_get(o, "snapshots"));
    json_decref(o);
    blk_close(b);
    return 0;
}
