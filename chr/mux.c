/*
 * The escape menu of a shared stream: Ctrl-A and a key. Owns what the keys mean; must not know who
 * the fronts are.
 */
#include <string.h>

#include "chr/chr_int.h"

enum { ESCAPE = 1 /* Ctrl-A */ };

static void say(struct chr *c, const char *text)
{
    c->be->write(c, (const uint8_t *)text, strlen(text));
}

static void help(struct chr *c)
{
    say(c, "\r\n"
           "Ctrl-A h  this text\r\n"
           "Ctrl-A x  end the machine\r\n"
           "Ctrl-A c  go to the next of console and monitor\r\n"
           "Ctrl-A b  send a break (magic SysRq)\r\n"
           "Ctrl-A s  say what the machine does\r\n"
           "Ctrl-A Ctrl-A  send Ctrl-A\r\n");
    if (c->menu.help)
        say(c, c->menu.help);
}

static void next_focus(struct chr *c)
{
    unsigned old = c->focus;

    do
        c->focus = (c->focus + 1) % CHR_FRONTS;
    while (c->focus != old && !c->front[c->focus].ops);
    if (c->focus == old)
        return;
    if (c->front[old].ops && c->front[old].ops->event)
        c->front[old].ops->event(c->front[old].opaque, CHR_MUX_OUT);
    chr_in_event(c, CHR_MUX_IN);
}

static void key(struct chr *c, uint8_t k)
{
    switch (k) {
    case ESCAPE:
        chr_push(c, &c->front[c->focus], &k, 1);
        break;
    case 'h':
    case '?':
        help(c);
        break;
    case 'x':
        say(c, "\r\n");
        if (c->menu.quit)
            c->menu.quit(c->menu.opaque);
        break;
    case 'c':
        next_focus(c);
        break;
    case 'b':
        chr_in_event(c, CHR_BREAK);
        break;
    default:
        if (c->menu.command)
            c->menu.command(c->menu.opaque, (char)k);
        break;
    }
}

void chr_mux_in(struct chr *c, const uint8_t *data, size_t size)
{
    while (size) {
        const uint8_t *at;

        if (c->escape) {
            c->escape = false;
            key(c, *data);
            data++;
            size--;
            continue;
        }
        at = memchr(data, ESCAPE, size);
        if (!at)
            at = data + size;
        if (at != data)
            chr_push(c, &c->front[c->focus], data, (size_t)(at - data));
        size -= (size_t)(at - data);
        data = at;
        if (size) {
            c->escape = true;
            data++;
            size--;
        }
    }
}
