/*
 * The monitor for people: a prompt with line editing over a character stream, reached on the
 * console by Ctrl-A c. Owns the line; what lines do stands in hmp_commands.c.
 */
#include <stdlib.h>
#include <string.h>

#include "chr/chr.h"
#include "ctl/ctl_int.h"

enum { LINE_MAX_LEN = 1024, HISTORY = 32, CHUNK_LIMIT = 64 << 10, OUT_MAX = 4 << 20 };
#define PROMPT "(qemu) " /* what scripts that drive a monitor wait for */

struct hmp {
    struct hmp *next;
    struct ctl *c;
    struct chr *chr;
    char line[LINE_MAX_LEN + 1];
    size_t len;
    char *history[HISTORY];
    unsigned lines, at; /* how many were entered; which is shown (lines: the new one) */
    unsigned escape;    /* of a key's sequence, how far */
    unsigned cpu;
    bool greeted;
    struct str out;
    size_t out_at;
};

static void flush(struct hmp *h)
{
    size_t left = str_length(&h->out) - h->out_at;

    if (left)
        h->out_at += chr_write(h->chr, str_text(&h->out) + h->out_at, left);
    if (h->out_at == str_length(&h->out)) {
        str_clear(&h->out);
        h->out_at = 0;
    }
}

/* "\n" becomes "\r\n": the other side may be a raw terminal. */
static void say(struct hmp *h, const char *text)
{
    if (str_length(&h->out) > OUT_MAX)
        return;
    for (const char *nl; (nl = strchr(text, '\n')); text = nl + 1) {
        str_append(&h->out, text, (size_t)(nl - text));
        str_append(&h->out, "\r\n", 2);
    }
    str_append(&h->out, text, strlen(text));
    flush(h);
}

static void prompt(struct hmp *h)
{
    h->len = 0;
    h->at = h->lines;
    say(h, PROMPT);
}

static void enter(struct hmp *h)
{
    struct str out = {0};

    h->line[h->len] = '\0';
    say(h, "\n");
    if (h->len) {
        char **place = &h->history[h->lines % HISTORY];

        if (!h->lines || strcmp(h->history[(h->lines - 1) % HISTORY], h->line)) {
            free(*place);
            *place = mem_strdup(h->line);
            h->lines++;
        }
        hmp_run(h->c, h->line, &h->cpu, &out);
        say(h, str_text(&out));
        str_free(&out);
    }
    prompt(h);
}

static void erase(struct hmp *h, size_t count)
{
    for (; count && h->len; count--, h->len--)
        say(h, "\b \b");
}

static void insert(struct hmp *h, const char *text)
{
    for (; *text && h->len < LINE_MAX_LEN; text++) {
        char shown[2] = {*text, '\0'};

        h->line[h->len++] = *text;
        say(h, shown);
    }
}

static void recall(struct hmp *h, unsigned to)
{
    if (to > h->lines || h->lines - to > HISTORY)
        return;
    erase(h, h->len);
    h->at = to;
    if (to < h->lines)
        insert(h, h->history[to % HISTORY]);
}

static void erase_word(struct hmp *h)
{
    while (h->len && h->line[h->len - 1] == ' ')
        erase(h, 1);
    while (h->len && h->line[h->len - 1] != ' ')
        erase(h, 1);
}

/* True when the byte belonged to a key's sequence: ESC [ A is up. */
static bool sequence(struct hmp *h, uint8_t c)
{
    if (c == 27) {
        h->escape = 1;
    } else if (h->escape == 1) {
        h->escape = c == '[' || c == 'O' ? 2 : 0;
    } else if (h->escape == 2) {
        if (c >= '0' && c <= ';')
            return true;
        h->escape = 0;
        if (c == 'A' && h->at)
            recall(h, h->at - 1);
        else if (c == 'B')
            recall(h, h->at + 1);
    } else {
        return false;
    }
    return true;
}

static void key(struct hmp *h, uint8_t c)
{
    char text[2] = {(char)c, '\0'};

    if (sequence(h, c))
        return;
    switch (c) {
    case '\r':
    case '\n':
        enter(h);
        break;
    case 8:
    case 127:
        erase(h, 1);
        break;
    case 21: /* Ctrl-U */
        erase(h, h->len);
        break;
    case 23: /* Ctrl-W */
        erase_word(h);
        break;
    case 3: /* Ctrl-C */
        say(h, "^C\n");
        prompt(h);
        break;
    case 16: /* Ctrl-P */
        if (h->at)
            recall(h, h->at - 1);
        break;
    case 14: /* Ctrl-N */
        recall(h, h->at + 1);
        break;
    default:
        if (c >= 32)
            insert(h, text);
        break;
    }
}

static size_t can_receive(void *opaque)
{
    return str_length(&((struct hmp *)opaque)->out) > CHUNK_LIMIT ? 0 : 64;
}

static void receive(void *opaque, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        key(opaque, data[i]);
}

static void greet(struct hmp *h)
{
    struct str text = {0};

    if (!h->greeted) {
        str_printf(&text, "Myna %s monitor - type 'help' for more information\n", h->c->version);
        say(h, str_text(&text));
        str_free(&text);
    }
    h->greeted = true;
    prompt(h);
}

static void event(void *opaque, enum chr_event ev)
{
    struct hmp *h = opaque;

    if (ev == CHR_MUX_IN) {
        say(h, "\n");
        greet(h);
    } else if (ev == CHR_MUX_OUT) {
        say(h, "\n");
    } else if (ev == CHR_CLOSED) {
        str_clear(&h->out);
        h->out_at = 0;
        h->greeted = false;
    } else if (ev == CHR_OPENED && !chr_shared(h->chr)) {
        greet(h);
    }
}

static void writable(void *opaque)
{
    struct hmp *h = opaque;

    flush(h);
    chr_ready(h->chr);
}

int hmp_new(struct ctl *c, struct chr *chr, struct err *e)
{
    static const struct chr_ops ops = {can_receive, receive, event, writable};
    struct hmp *h = mem_new(struct hmp);
    int rc;

    h->c = c;
    h->chr = chr;
    rc = chr_attach(chr, &ops, h, e);
    if (rc < 0) {
        free(h);
        return rc;
    }
    h->next = c->hmps;
    c->hmps = h;
    return 0;
}

void hmp_free_all(struct ctl *c)
{
    while (c->hmps) {
        struct hmp *h = c->hmps;

        c->hmps = h->next;
        chr_detach(h->chr, h);
        for (unsigned i = 0; i < HISTORY; i++)
            free(h->history[i]);
        str_free(&h->out);
        free(h);
    }
}
