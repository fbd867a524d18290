/*
 * The private contract of `myna image` (and qemu-img): its subcommands and what they share. Main
 * thread, before anything else has started.
 */
#ifndef MYNA_APP_IMAGE_H
#define MYNA_APP_IMAGE_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

#include "blk/image.h"

/* Each gets its own argv[0] and returns the exit status of qemu-img's command of that name. */
int image_create(int argc, char **argv);
int image_info(int argc, char **argv);
int image_check(int argc, char **argv);
int image_convert(int argc, char **argv);
int image_compare(int argc, char **argv);
int image_resize(int argc, char **argv);
int image_map(int argc, char **argv);
int image_snapshot(int argc, char **argv);
int image_bench(int argc, char **argv);

/* Says so with the command that helps; returns 1. */
int image_usage(const char *command, const char *fmt, ...) printf_like(2, 3);
int image_fail(const struct err *e); /* prints e; returns 1 */

/* "writeback", "none", ... to flags of blk_open_file(). */
int must_check image_cache_flags(const char *mode, unsigned *flags, struct err *e);
/* "--output=": *json, or an error. */
int must_check image_output(const char *word, bool *json, struct err *e);
/* Options of -o for `create` and the target of `convert`; the texts live as long as the process. */
int must_check image_create_options(struct blk_create *o, const char *words, struct err *e);
/* A size with suffixes. */
int must_check image_size(const char *text, uint64_t *size, struct err *e);
void image_print_created(const char *path, const struct blk_create *o);
/* "1.5 GiB" */
const char *image_human(uint64_t bytes, char *buf, size_t size);
/* A line that counts up, for a terminal or -p. */
struct image_progress {
    bool on;
    int last;
};
void image_progress(void *arg, uint64_t done, uint64_t all);
void image_progress_end(struct image_progress *p);
/* An image by path, or by "driver=...,file.filename=..." with --image-opts, or "json:{...}". */
int must_check image_open(struct blk **out, struct blk_open *o, bool image_opts, struct err *e);

#endif
