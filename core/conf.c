/* Configuration text: the comma form. See conf.h.
 *
 * Owns its syntax. Knows no names and no meanings.
 */
#include "core/conf.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

enum { DEPTH_MAX = 16, KEY_MAX = 256 };

struct parser {
    const char *text, *at;
    struct err *e;
};

static int bad(const struct parser *p, const char *at, const char *why)
{
    /* Long texts are shown from a little before the place. */
    const char *from = at - p->text > 40 ? at - 40 : p->text;

    return err_text(p->e, EINVAL, "%s at character %zu: %s%.*s", why, (size_t)(at - p->text) + 1,
                    from == p->text ? "" : "...", 80, from);
}

static bool key_char(char c)
{
    return isalnum((unsigned char)c) || strchr("-_.", c);
}

/* The value that starts here: up to a single comma. */
static void take_value(struct parser *p, struct str *out)
{
    while (*p->at) {
        if (*p->at == ',' && p->at[1] != ',')
            break;
        if (*p->at == ',')
            p->at++;
        str_append(out, p->at++, 1);
    }
}

static bool is_index(const char *name)
{
    return *name && strspn(name, "0123456789") == strlen(name) && strlen(name) < 6 &&
           (*name != '0' || !name[1]);
}

/* Finds or makes the object for all but the last part of a dotted name. Changes `key`. */
static int open_objects(struct parser *p, const char *at, json_t *root, char *key, json_t **object,
                        char **last)
{
    unsigned depth = 0;
    char *dot;

    *object = root;
    for (; (dot = strchr(key, '.')); key = dot + 1) {
        json_t *inner;

        *dot = '\0';
        if (!*key)
            return bad(p, at, "a part of the name is empty");
        if (++depth == DEPTH_MAX)
            return bad(p, at, "too many dots in the name");
        inner = json_object_get(*object, key);
        if (!inner) {
            inner = json_object();
            json_object_set_new(*object, key, inner);
        } else if (!json_is_object(inner)) {
            return bad(p, at, "this name has a value and parts as well");
        }
        *object = inner;
    }
    if (!*key)
        return bad(p, at, "a part of the name is empty");
    *last = key;
    return 0;
}

static int put(struct parser *p, const char *at, json_t *root, const char *key, const char *value)
{
    char copy[KEY_MAX], *last = NULL;
    json_t *object, *old, *new = json_string(value);
    int rc;

    if (!new)
        return bad(p, at, "the value is not in UTF-8");
    snprintf(copy, sizeof(copy), "%s", key);
    rc = open_objects(p, at, root, copy, &object, &last);
    if (rc) {
        json_decref(new);
        return rc;
    }
    old = json_object_get(object, last);
    if (json_is_object(old)) {
        json_decref(new);
        return bad(p, at, "this name has a value and parts as well");
    }
    if (json_is_array(old)) {
        json_array_append_new(old, new);
    } else if (old) {
        json_object_set_new(object, last, json_pack("[O,o]", old, new));
    } else {
        json_object_set_new(object, last, new);
    }
    return 0;
}

/* A name alone. */
static int put_flag(struct parser *p, const char *at, json_t *root, const char *key)
{
    if (strncmp(key, "no", 2) == 0 && key[2] && strcmp(key, "nodelay") != 0)
        return put(p, at, root, key + 2, "off");
    return put(p, at, root, key, "on");
}

static int parse_pair(struct parser *p, json_t *root, const char *implied)
{
    const char *start = p->at;
    struct str value = {0};
    char key[KEY_MAX];
    size_t n = 0;
    int rc;

    while (key_char(start[n]) && start[n])
        n++;
    if (start[n] != '=' && implied) {
        take_value(p, &value);
        rc = put(p, start, root, implied, str_text(&value));
        str_free(&value);
        return rc;
    }
    if (start[n] && start[n] != '=' && start[n] != ',')
        return bad(p, start + n, "this character cannot stand in a name");
    if (!n)
        return bad(p, start,
                   start[n] == '=' ? "a name is missing before '='" : "a name is missing");
    if (n >= KEY_MAX)
        return bad(p, start, "the name is too long");
    memcpy(key, start, n);
    key[n] = '\0';
    p->at = start + n;
    if (*p->at != '=')
        return put_flag(p, start, root, key);
    p->at++;
    take_value(p, &value);
    rc = put(p, start, root, key, str_text(&value));
    str_free(&value);
    return rc;
}

/* Objects with the names 0, 1, 2 ... become arrays. */
static json_t *with_arrays(json_t *value)
{
    size_t n = json_object_size(value), i = 0;
    bool array = n > 0;
    const char *key;
    json_t *inner, *list;
    void *tmp;

    if (!json_is_object(value))
        return json_incref(value);
    json_object_foreach_safe(value, tmp, key, inner)
    {
        json_object_set_new(value, key, with_arrays(inner));
        array &= is_index(key) && (size_t)atoi(key) < n;
    }
    if (!array)
        return json_incref(value);
    list = json_array();
    for (; i < n; i++) {
        char index[24];

        snprintf(index, sizeof(index), "%zu", i);
        json_array_append(list, json_object_get(value, index));
    }
    return list;
}

static int parse_json(json_t **out, const char *text, struct err *e)
{
    json_error_t error;

    *out = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!*out)
        return err_text(e, EINVAL, "bad JSON at line %d, column %d: %s", error.line, error.column,
                        error.text);
    return 0;
}

int conf_parse(json_t **out, const char *text, const char *implied, struct err *e)
{
    struct parser p = {text, text, e};
    const char *key;
    json_t *root, *value;
    void *tmp;
    int rc = 0;

    *out = NULL;
    if (*text == '{')
        return parse_json(out, text, e);
    root = json_object();
    while (!rc && *p.at) {
        rc = parse_pair(&p, root, p.at == text ? implied : NULL);
        if (!rc && *p.at == ',' && !*++p.at)
            rc = bad(&p, p.at, "something is missing after the last comma");
    }
    if (rc) {
        json_decref(root);
        return rc;
    }
    json_object_foreach_safe(root, tmp, key, value)
        json_object_set_new(root, key, with_arrays(value));
    *out = root;
    return 0;
}

/* ---- back to text ---- */

static bool format_scalar(const json_t *value, struct str *out)
{
    const char *text = json_string_value(value);

    if (json_is_boolean(value))
        text = json_is_true(value) ? "on" : "off";
    if (json_is_integer(value)) {
        str_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return true;
    }
    if (!text || (json_is_string(value) && strlen(text) != json_string_length(value)))
        return false;
    for (; *text; text++)
        str_append(out, *text == ',' ? ",," : text, *text == ',' ? 2 : 1);
    return true;
}

/* Can a name stand before '='? At the top "0=x" would turn the whole into an array, so it may not.
 */
static bool plain_name(const char *name)
{
    size_t n = strlen(name);

    for (size_t i = 0; i < n; i++) {
        if (!key_char(name[i]) || name[i] == '.')
            return false;
    }
    return n > 0 && !is_index(name);
}

static bool format_value(const char *name, const json_t *value, unsigned depth, struct str *out);

static bool format_members(const char *name, const json_t *value, unsigned depth, struct str *out)
{
    const char *key;
    json_t *inner;

    if (!json_object_size(value))
        return false;
    json_object_foreach((json_t *)value, key, inner)
    {
        char full[KEY_MAX];

        if (!plain_name(key) ||
            snprintf(full, sizeof(full), "%s.%s", name, key) >= (int)sizeof(full) ||
            !format_value(full, inner, depth + 1, out))
            return false;
    }
    return true;
}

static bool format_elements(const char *name, const json_t *value, unsigned depth, struct str *out)
{
    size_t i;
    json_t *inner;

    if (!json_array_size(value))
        return false;
    json_array_foreach((json_t *)value, i, inner)
    {
        char full[KEY_MAX];

        if (i > 9999 || snprintf(full, sizeof(full), "%s.%zu", name, i) >= (int)sizeof(full) ||
            !format_value(full, inner, depth + 1, out))
            return false;
    }
    return true;
}

static bool format_value(const char *name, const json_t *value, unsigned depth, struct str *out)
{
    if (depth >= DEPTH_MAX - 1)
        return false;
    if (json_is_object(value))
        return format_members(name, value, depth, out);
    if (json_is_array(value))
        return format_elements(name, value, depth, out);
    str_printf(out, "%s%s=", str_length(out) ? "," : "", name);
    return format_scalar(value, out);
}

/* What the comma form would say: numbers and truth values as texts. */
static json_t *as_texts(const json_t *value)
{
    struct str text = {0};
    json_t *out, *inner;
    const char *key;
    size_t i;

    if (json_is_object(value)) {
        out = json_object();
        json_object_foreach((json_t *)value, key, inner)
            json_object_set_new(out, key, as_texts(inner));
        return out;
    }
    if (json_is_array(value)) {
        out = json_array();
        json_array_foreach((json_t *)value, i, inner) json_array_append_new(out, as_texts(inner));
        return out;
    }
    if (json_is_integer(value)) {
        str_printf(&text, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        out = json_string(str_text(&text));
        str_free(&text);
        return out;
    }
    if (json_is_boolean(value))
        return json_string(json_is_true(value) ? "on" : "off");
    return json_incref((json_t *)value);
}

char *conf_format(const json_t *object)
{
    struct str out = {0};
    const char *key;
    json_t *value, *texts;
    bool good = true;
    char *json;

    if (!json_is_object(object))
        return NULL;
    json_object_foreach((json_t *)object, key, value) good =
        good && plain_name(key) && format_value(key, value, 0, &out);
    if (good)
        return str_length(&out) ? out.text.data : mem_strdup("");
    str_free(&out);
    texts = as_texts(object);
    json = json_dumps(texts, JSON_COMPACT);
    json_decref(texts);
    return json;
}
