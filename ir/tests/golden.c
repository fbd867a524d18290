/* Golden tests: units as text, through a pass, compared with the text that stands below them.
 *
 *     golden DIR            checks every DIR/NAME.ir
 *     golden DIR --rebase   writes what comes out now; look at the diff
 *
 * A file has cases: a line "=== NAME: PASS", a unit, "---", the result. PASS is print, forward,
 * merge, dead_code, dead_puts, quick, full, run (the state after interpreting; slots are set with
 * lines "; x1 = 5" before the unit) or verify (the result is the error).
 */
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "ir/opt/opt.h"
#include "test_isa.h"

enum { TEXT_SIZE = 1 << 20 };

static void set_slots(struct cpu *c, const char *text)
{
    uint64_t *x = ((struct ti_state *)c->state)->x;
    unsigned n;
    uint64_t v;

    for (; text && *text; text = strchr(text, '\n'), text = text ? text + 1 : NULL)
        if (sscanf(text, "; x%u = %" SCNi64, &n, (int64_t *)&v) == 2 && n < 8)
            x[n] = v;
}

static void run(const struct ir_unit *u, const char *text, struct str *out)
{
    static unsigned char memory[256] __attribute__((aligned(16)));
    struct cpu *c = cpu_new(&isa_test);
    const struct ti_state *s = (const struct ti_state *)c->state;
    int reason;

    for (unsigned i = 0; i < sizeof(memory); i++)
        memory[i] = (unsigned char)i;
    ((struct ti_state *)c->state)->x[7] = (uint64_t)(uintptr_t)memory;
    set_slots(c, text);
    reason = ir_interp(u, c);
    str_printf(out, "reason %d pc 0x%" PRIx64 "\n", reason, c->pc);
    for (unsigned i = 0; i < 7; i++)
        str_printf(out, "x%u 0x%" PRIx64 "\n", i, s->x[i]);
    for (unsigned i = 0; i < 4; i++) {
        uint64_t v[2];

        memcpy(v, s->v[i], 16);
        str_printf(out, "v%u 0x%016" PRIx64 "%016" PRIx64 "\n", i, v[1], v[0]);
    }
    str_printf(out, "nzcv 0x%08x fpflags 0x%x\n", ir_nzcv_unpack(s->nzcv), s->fpflags);
    cpu_free(c);
}

static bool run_pass(struct ir_unit *u, const char *pass)
{
    if (strcmp(pass, "forward") == 0)
        opt_forward(u, false);
    else if (strcmp(pass, "merge") == 0)
        opt_forward(u, true);
    else if (strcmp(pass, "dead_code") == 0)
        opt_dead_code(u);
    else if (strcmp(pass, "dead_puts") == 0)
        opt_dead_puts(u);
    else if (strcmp(pass, "quick") == 0)
        ir_opt_quick(u);
    else if (strcmp(pass, "full") == 0)
        ir_opt_full(u);
    else
        return strcmp(pass, "print") == 0;
    return true;
}

/* What a case gives now. */
static void result_of(const char *pass, const char *unit, struct str *out)
{
    struct ir_unit u;
    struct err e;
    char *text = malloc(TEXT_SIZE);

    ir_unit_init(&u);
    if (ir_parse(&u, &isa_test, unit, &e)) {
        str_printf(out, "parse: %s\n", e.text);
    } else if (ir_verify(&u, &e)) {
        str_printf(out, "verify: %s\n", e.text);
    } else if (strcmp(pass, "verify") == 0) {
        str_printf(out, "fine\n");
    } else if (strcmp(pass, "run") == 0) {
        run(&u, unit, out);
    } else if (!run_pass(&u, pass)) {
        str_printf(out, "no such pass: %s\n", pass);
    } else if (ir_verify(&u, &e)) {
        str_printf(out, "verify after the pass: %s\n", e.text);
    } else {
        ir_print(&u, text, TEXT_SIZE);
        str_printf(out, "%s", text);
    }
    ir_unit_free(&u);
    free(text);
}

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = calloc(1, TEXT_SIZE);

    if (!f || !text || fread(text, 1, TEXT_SIZE - 1, f) == 0) {
        perror(path);
        exit(2);
    }
    fclose(f);
    return text;
}

/* Runs a file's cases; the whole file as it should be goes to `now`. Counts those that differ. */
static unsigned run_file(const char *path, char *text, struct str *now)
{
    unsigned bad = 0;
    char *at = strstr(text, "=== ");

    str_append(now, text, at ? (size_t)(at - text) : strlen(text));
    while (at) {
        char name[80] = "", pass[40] = "", *unit = strchr(at, '\n') + 1;
        char *next = strstr(unit, "\n=== "), *line = strstr(unit, "\n---\n");
        struct str result = {0};

        if (next)
            *next++ = '\0';
        if (line && next && line > next)
            line = NULL;
        if (line)
            line[1] = '\0';
        sscanf(at, "=== %79[^:]: %39s", name, pass);
        result_of(pass, unit, &result);
        if (!line || strcmp(str_text(&result), line + 5) != 0) {
            bad++;
            printf("%s: %s:\n%s", path, name, str_text(&result));
        }
        str_printf(now, "=== %s: %s\n%s%s---\n%s%s", name, pass, unit, line ? "" : "\n",
                   str_text(&result), next ? "\n" : "");
        str_free(&result);
        at = next;
    }
    return bad;
}

int main(int argc, char **argv)
{
    bool rebase = argc > 2 && strcmp(argv[2], "--rebase") == 0;
    unsigned bad = 0;
    char pattern[4096];
    glob_t files;

    snprintf(pattern, sizeof(pattern), "%s/*.ir", argc > 1 ? argv[1] : ".");
    if (glob(pattern, 0, NULL, &files) != 0) {
        fprintf(stderr, "no %s\n", pattern);
        return 2;
    }
    for (size_t k = 0; k < files.gl_pathc; k++) {
        char *text = read_file(files.gl_pathv[k]);
        struct str now = {0};

        bad += run_file(files.gl_pathv[k], text, &now);
        if (rebase) {
            FILE *f = fopen(files.gl_pathv[k], "w");

            if (f) {
                fputs(str_text(&now), f);
                fclose(f);
            }
        }
        str_free(&now);
        free(text);
    }
    globfree(&files);
    if (bad)
        printf("%u cases differ\n", bad);
    return bad && !rebase;
}
