/*
 * The cutter of JSON texts (split.h). Must not know what they say.
 */
#include "ctl/split.h"

#include <string.h>

void split_reset(struct split *s)
{
    str_clear(&s->text);
    s->depth = 0;
    s->quote = 0;
    s->escape = s->skip = false;
}

void split_free(struct split *s)
{
    str_free(&s->text);
}

static enum split_result nonsense(struct split *s, uint8_t byte)
{
    split_reset(s);
    s->skip = byte != '\n';
    return SPLIT_ERROR;
}

static void add(struct split *s, char c)
{
    str_append(&s->text, &c, 1);
}

static void in_string(struct split *s, char c)
{
    if (s->escape) {
        s->escape = false;
        if (c != '\'') /* JSON knows no \' */
            add(s, '\\');
        add(s, c);
    } else if (c == '\\') {
        s->escape = true;
    } else if (c == s->quote) {
        s->quote = 0;
        add(s, '"');
    } else {
        if (c == '"')
            add(s, '\\');
        add(s, c);
    }
}

enum split_result split_byte(struct split *s, uint8_t byte)
{
    char c = (char)byte;

    if (byte == 0xff) {
        bool middle = s->depth || s->skip;

        split_reset(s);
        return middle ? SPLIT_ERROR : SPLIT_MORE;
    }
    if (s->skip) {
        s->skip = byte != '\n';
        return SPLIT_MORE;
    }
    if (!s->depth) {
        str_clear(&s->text);
        if (strchr(" \t\r\n", c) && c)
            return SPLIT_MORE;
        if (c != '{' && c != '[')
            return nonsense(s, byte);
    }
    if (str_length(&s->text) >= SPLIT_MAX)
        return nonsense(s, byte);
    if (s->quote) {
        in_string(s, c);
        return SPLIT_MORE;
    }
    if (c == '"' || c == '\'') {
        s->quote = c;
        add(s, '"');
        return SPLIT_MORE;
    }
    add(s, c);
    if (c == '{' || c == '[') {
        if (s->depth == SPLIT_DEPTH)
            return nonsense(s, byte);
        s->stack[s->depth++] = c == '{' ? '}' : ']';
    } else if (c == '}' || c == ']') {
        if (s->stack[--s->depth] != byte)
            return nonsense(s, byte);
        return s->depth ? SPLIT_MORE : SPLIT_TEXT;
    }
    return SPLIT_MORE;
}
