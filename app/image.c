/*
 * `myna image`, also called qemu-img: finds the subcommand; what the subcommands share. Must not
 * know formats.
 */
#include "app/image.h"
#include "app/app.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "core/conf.h"
#include "core/prop.h"

static const struct app_command commands[] = {
    {"create", image_create,
     "FILE [SIZE]         make an image [-f qcow2] [-b BACKING -F FORMAT] [-o OPTIONS]"},
    {"info", image_info, "FILE                say what it is [--output=json] [--backing-chain]"},
    {"check", image_check, "FILE                is it consistent? [-r leaks|all mends]"},
    {"convert", image_convert,
     "FILE... TARGET      copy [-O FORMAT] [-c compressed] [-o OPTIONS] [-p]"},
    {"compare", image_compare, "FILE FILE           do they hold the same? [-s strictly]"},
    {"resize", image_resize, "FILE [+|-]SIZE      [--shrink]"},
    {"map", image_map, "FILE                where its data is [--output=json]"},
    {"snapshot", image_snapshot, "-l FILE             list internal snapshots"},
    {"bench", image_bench,
     "FILE                time requests [-w] [-c COUNT] [-d DEPTH] [-s SIZE]"},
    {NULL, NULL, NULL},
};

static void help(void)
{
    puts("Usage: myna image COMMAND ... (options as qemu-img's)\n");
    for (const struct app_command *c = commands; c->name; c++)
        printf("  %-9s %s\n", c->name, c->help);
    puts("\nFormats: qcow2, raw. FILE is a path or json:{...} as -blockdev takes it. `create -o "
         "help` lists\n"
         "the options of a format.");
}

int app_image(int argc, char **argv)
{
    const char *names[array_size(commands)] = {NULL};
    struct err e;

    if (argc < 2) {
        help();
        return 1;
    }
    if (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help") || !strcmp(argv[1], "help")) {
        help();
        return 0;
    }
    if (!strcmp(argv[1], "-V") || !strcmp(argv[1], "--version")) {
        printf("qemu-img version 7.2.0 (myna %s)\n",
               MYNA_VERSION); /* whose options these are; scripts look for it */
        return 0;
    }
    for (size_t i = 0; commands[i].name; i++) {
        names[i] = commands[i].name;
        if (!strcmp(argv[1], commands[i].name)) {
            optind = 1;
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    app_unknown(&e, "image command", argv[1], names);
    log_error("%s; `myna image help` lists them", e.text);
    return 1;
}

int image_usage(const char *command, const char *fmt, ...)
{
    char text[200];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    log_error("image %s: %s; `myna image help` says more", command, text);
    return 1;
}

int image_fail(const struct err *e)
{
    log_error("%s", e->text);
    return 1;
}

int image_cache_flags(const char *mode, unsigned *flags, struct err *e)
{
    static const struct {
        const char *name;
        unsigned flags;
    } modes[] = {
        {"writeback", 0},       {"none", BLK_DIRECT},
        {"off", BLK_DIRECT},    {"writethrough", BLK_WRITETHROUGH},
        {"unsafe", BLK_UNSAFE}, {"directsync", BLK_DIRECT | BLK_WRITETHROUGH},
    };

    for (size_t i = 0; i < array_size(modes); i++) {
        if (!strcmp(modes[i].name, mode)) {
            *flags =
                (*flags & ~(unsigned)(BLK_DIRECT | BLK_WRITETHROUGH | BLK_UNSAFE)) | modes[i].flags;
            return 0;
        }
    }
    return err_text(e, EINVAL,
                    "cache mode '%s': writeback, none, writethrough, directsync or unsafe", mode);
}

int image_output(const char *word, bool *json, struct err *e)
{
    *json = !strcmp(word, "json");
    if (!*json && strcmp(word, "human") != 0)
        return err_text(e, EINVAL, "--output=%s: human or json", word);
    return 0;
}

int image_size(const char *text, uint64_t *size, struct err *e)
{
    int rc = prop_parse_size(text, 1, size, e);

    if (!rc && *size > INT64_MAX)
        rc = err_text(e, EFBIG, "the size %s is too large", text);
    return rc;
}

const char *image_human(uint64_t bytes, char *buf, size_t size)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    unsigned unit = 0;

    while (value >= 1000 && unit + 1 < array_size(units)) {
        value /= 1024;
        unit++;
    }
    snprintf(buf, size, "%0.3g %s", value, units[unit]);
    return buf;
}

void image_progress(void *arg, uint64_t done, uint64_t all)
{
    struct image_progress *p = arg;
    double percent = all ? (double)done * 100 / (double)all : 100;

    if (p->on && (int)(percent * 10) != p->last) {
        p->last = (int)(percent * 10);
        printf("    (%3.2f/100%%)\r", percent);
        fflush(stdout);
    }
}

void image_progress_end(struct image_progress *p)
{
    if (p->on)
        printf("    (100.00/100%%)\n");
}

int image_open(struct blk **out, struct blk_open *o, bool image_opts, struct err *e)
{
    json_t *conf;
    int rc;

    if (!image_opts)
        return blk_open_as(out, o, e);
    rc = conf_parse(&conf, o->path, NULL, e);
    if (rc)
        return rc;
    o->conf = conf;
    rc = blk_open_as(out, o, e);
    json_decref(conf);
    o->conf = NULL;
    return rc;
}
