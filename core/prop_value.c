/* Single values of properties: from JSON or text, and back to JSON.
 *
 * Owns the syntax of numbers, sizes, addresses. Knows nothing of tables.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "core/prop.h"
#include "core/prop_int.h"

const char *prop_type_name(const struct prop *p)
{
    switch (p->type) {
    case PROP_BOOL:
        return "on|off";
    case PROP_AUTO:
        return "auto|on|off";
    case PROP_SIZE:
        return "size";
    case PROP_STR:
        return "text";
    case PROP_ENUM:
        return "choice";
    case PROP_MAC:
        return "mac address";
    case PROP_PCI:
        return "slot.function";
    case PROP_LINK:
        return p->link ? p->link : "id";
    case PROP_LIST:
        return "list";
    case PROP_DICT:
        return "object";
    default:
        return "number";
    }
}

static int parse_bool(const char *text, bool *out)
{
    static const char *const yes[] = {"on", "yes", "true", "y", "1"};
    static const char *const no[] = {"off", "no", "false", "n", "0"};

    for (size_t i = 0; i < array_size(yes); i++) {
        if (strcmp(text, yes[i]) == 0 || strcmp(text, no[i]) == 0) {
            *out = strcmp(text, yes[i]) == 0;
            return 0;
        }
    }
    return -EINVAL;
}

static int parse_u64(const char *text, uint64_t *out, struct err *e)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 0);
    if (end == text || *end || *text == '-' || *text == ' ')
        return err_text(e, EINVAL, "'%s' is not a number", text);
    if (errno)
        return err_text(e, ERANGE, "%s is too large", text);
    return 0;
}

static int parse_i64(const char *text, int64_t *out, struct err *e)
{
    char *end;

    errno = 0;
    *out = strtoll(text, &end, 0);
    if (end == text || *end || *text == ' ')
        return err_text(e, EINVAL, "'%s' is not a number", text);
    if (errno)
        return err_text(e, ERANGE, "%s does not fit 64 bits", text);
    return 0;
}

int prop_parse_size(const char *text, uint64_t unit, uint64_t *out, struct err *e)
{
    static const char suffixes[] = "BKMGTPE";
    const char *suffix;
    uint64_t number, whole;
    double part = 0;
    char *end;

    if (!text)
        return err_text(e, EINVAL, "a size is wanted");
    errno = 0;
    number = strtoull(text, &end, 0);
    if (end == text || *text == '-' || *text == ' ' || errno)
        return err_text(e, EINVAL, "'%s' is not a size (a number, then perhaps K, M, G or T)",
                        text);
    if (*end == '.') {
        /* Only decimal digits: strtod() alone would take exponents and "inf" as well. */
        size_t digits = strspn(end + 1, "0123456789");

        part = strtod(end, NULL);
        end += digits + 1;
    }
    if (*end) {
        suffix = strchr(suffixes, *end >= 'a' ? *end - 'a' + 'A' : *end);
        if (!suffix || !*suffix ||
            (end[1] && strcmp(end + 1, "B") != 0 && strcmp(end + 1, "iB") != 0) ||
            (*suffix == 'B' && end[1]))
            return err_text(e, EINVAL, "'%s' is not a size (a number, then perhaps K, M, G or T)",
                            text);
        unit = UINT64_C(1) << 10 * (suffix - suffixes);
    }
    if (__builtin_mul_overflow(number, unit, &whole) || part * (double)unit > 9e18 ||
        __builtin_add_overflow(whole, (uint64_t)(part * (double)unit), out))
        return err_text(e, ERANGE, "%s is too large", text);
    return 0;
}

static int parse_mac(const char *text, uint8_t mac[6], struct err *e)
{
    uint8_t got[6];
    const char *at = text;

    for (int i = 0; i < 6; i++) {
        char *end;
        unsigned long byte = strtoul(at, &end, 16);

        if (end == at || end > at + 2 || *at == '-' || *at == '+' || *at == ' ' || byte > 0xff ||
            (i < 5 ? *end != ':' && *end != '-' : *end))
            return err_text(e, EINVAL, "'%s' is not a hardware address like 52:54:00:12:34:56",
                            text);
        got[i] = (uint8_t)byte;
        at = end + 1;
    }
    if (got[0] & 1)
        return err_text(e, EINVAL, "%s is a multicast address; the first byte must be even", text);
    memcpy(mac, got, 6);
    return 0;
}

/* "slot[.function]", hexadecimal as lspci prints it. */
static int parse_pci(const char *text, int *out, struct err *e)
{
    char *end;
    unsigned long slot = strtoul(text, &end, 16), function = 0;
    bool good = end != text && *text != '-' && *text != ' ';

    if (good && *end == '.') {
        const char *at = end + 1;

        function = strtoul(at, &end, 16);
        good = end != at && *at != '-';
    }
    if (!good || *end || slot > 31 || function > 7)
        return err_text(e, EINVAL, "'%s' is not a PCI place: SLOT.FUNCTION, at most 1f.7", text);
    *out = (int)(slot * 8 + function);
    return 0;
}

static uint64_t limit(const struct prop *p)
{
    uint64_t type = p->type == PROP_U8    ? UINT8_MAX
                    : p->type == PROP_U16 ? UINT16_MAX
                    : p->type == PROP_U32 ? UINT32_MAX
                                          : UINT64_MAX;

    return p->max ? p->max : type;
}

static int read_number(const struct prop *p, void *at, const json_t *value, struct err *e)
{
    uint64_t v;
    int rc = 0;

    if (json_is_integer(value)) {
        if (json_integer_value(value) < 0)
            return err_text(e, ERANGE, "%" JSON_INTEGER_FORMAT " is negative",
                            json_integer_value(value));
        v = (uint64_t)json_integer_value(value);
    } else if (json_is_string(value)) {
        rc = p->type == PROP_SIZE ? prop_parse_size(json_string_value(value), 1, &v, e)
                                  : parse_u64(json_string_value(value), &v, e);
        if (rc)
            return rc;
    } else {
        return err_text(e, EINVAL, "a number is wanted");
    }
    if (v < p->min || v > limit(p))
        return err_text(e, ERANGE, "%" PRIu64 " is not in the range %" PRIu64 " to %" PRIu64, v,
                        p->min, limit(p));
    switch (p->type) {
    case PROP_U8:
        *(uint8_t *)at = (uint8_t)v;
        break;
    case PROP_U16:
        *(uint16_t *)at = (uint16_t)v;
        break;
    case PROP_U32:
        *(uint32_t *)at = (uint32_t)v;
        break;
    default:
        *(uint64_t *)at = v;
    }
    return 0;
}

static int read_i64(const struct prop *p, int64_t *at, const json_t *value, struct err *e)
{
    int64_t v = json_integer_value(value);
    int rc = 0;

    if (json_is_string(value))
        rc = parse_i64(json_string_value(value), &v, e);
    else if (!json_is_integer(value))
        rc = err_text(e, EINVAL, "a number is wanted");
    if (!rc && p->max && (v < (int64_t)p->min || v > (int64_t)p->max))
        rc = err_text(e, ERANGE, "%" PRId64 " is not in the range %" PRId64 " to %" PRId64, v,
                      (int64_t)p->min, (int64_t)p->max);
    if (!rc)
        *at = v;
    return rc;
}

static int read_bool(bool *at, const json_t *value, struct err *e)
{
    if (json_is_boolean(value))
        *at = json_is_true(value);
    else if (!json_is_string(value) || parse_bool(json_string_value(value), at) < 0)
        return err_text(e, EINVAL, "'%s' is neither on nor off",
                        json_is_string(value) ? json_string_value(value) : "this");
    return 0;
}

static int read_enum(const struct prop *p, int *at, const json_t *value, struct err *e)
{
    const char *text = json_is_string(value)    ? json_string_value(value)
                       : json_is_boolean(value) ? (json_is_true(value) ? "on" : "off")
                                                : NULL;
    const char *near;
    size_t length;

    if (!text)
        return err_text(e, EINVAL, "one of its names is wanted");
    for (int i = 0; p->values[i]; i++) {
        if (strcmp(p->values[i], text) == 0) {
            *at = i;
            return 0;
        }
    }
    near = prop_nearest(text, p->values);
    err_text(e, EINVAL, "'%s' is none of", text);
    for (const char *const *v = p->values; *v; v++) {
        length = strlen(e->text);
        snprintf(e->text + length, sizeof(e->text) - length, "%s %s", v == p->values ? "" : ",",
                 *v);
    }
    length = strlen(e->text);
    if (near)
        snprintf(e->text + length, sizeof(e->text) - length, "; did you mean '%s'?", near);
    return -EINVAL;
}

static int read_text(char **at, const json_t *value, struct err *e)
{
    char number[32];
    const char *text = json_string_value(value);

    if (json_is_integer(value)) {
        snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        text = number;
    }
    if (!text)
        return err_text(e, EINVAL, "text is wanted");
    free(*at);
    *at = mem_strdup(text);
    return 0;
}

static int read_container(const struct prop *p, json_t **at, const json_t *value, struct err *e)
{
    json_t *new;

    if (p->type == PROP_DICT && !json_is_object(value))
        return err_text(e, EINVAL, "an object is wanted");
    if (p->type == PROP_LIST && !json_is_array(value)) {
        new = json_array(); /* one element, given without brackets */
        json_array_append(new, (json_t *)value);
    } else {
        new = json_incref((json_t *)value);
    }
    json_decref(*at);
    *at = new;
    return 0;
}

int prop_read_value(const struct prop *p, void *at, const json_t *value, struct err *e)
{
    static const char *const autos[] = {"auto", "on", "off", NULL};
    struct prop tristate = {.values = autos};
    const char *text;

    /* Given several times on a command line (conf.h): the last one counts. */
    if (p->type != PROP_LIST && json_array_size(value))
        value = json_array_get(value, json_array_size(value) - 1);
    text = json_string_value(value);
    switch (p->type) {
    case PROP_BOOL:
        return read_bool(at, value, e);
    case PROP_U8:
    case PROP_U16:
    case PROP_U32:
    case PROP_U64:
    case PROP_SIZE:
        return read_number(p, at, value, e);
    case PROP_I64:
        return read_i64(p, at, value, e);
    case PROP_STR:
    case PROP_LINK:
        return read_text(at, value, e);
    case PROP_ENUM:
        return read_enum(p, at, value, e);
    case PROP_AUTO:
        return read_enum(&tristate, at, value, e);
    case PROP_MAC:
        return text ? parse_mac(text, at, e) : err_text(e, EINVAL, "a hardware address is wanted");
    case PROP_PCI:
        if (json_is_integer(value)) {
            if (json_integer_value(value) < -1 || json_integer_value(value) > 255)
                return err_text(e, ERANGE, "a PCI place is 0 to 255 (slot * 8 + function)");
            *(int *)at = (int)json_integer_value(value);
            return 0;
        }
        return text ? parse_pci(text, at, e) : err_text(e, EINVAL, "SLOT.FUNCTION is wanted");
    case PROP_LIST:
    case PROP_DICT:
        return read_container(p, at, value, e);
    }
    return err_text(e, EINVAL, "it has no known type");
}

static json_t *from_u64(uint64_t v)
{
    char text[24];

    /* JSON's numbers end at 2^63 here; text is understood as well. */
    if (v <= INT64_MAX)
        return json_integer((json_int_t)v);
    snprintf(text, sizeof(text), "%#" PRIx64, v);
    return json_string(text);
}

json_t *prop_get(const struct prop *p, const void *object)
{
    static const char *const autos[] = {"auto", "on", "off"};
    const void *at = (const char *)object + p->offset;
    const uint8_t *mac = at;
    char text[32];

    switch (p->type) {
    case PROP_BOOL:
        return json_boolean(*(const bool *)at);
    case PROP_U8:
        return json_integer(*(const uint8_t *)at);
    case PROP_U16:
        return json_integer(*(const uint16_t *)at);
    case PROP_U32:
        return json_integer(*(const uint32_t *)at);
    case PROP_U64:
    case PROP_SIZE:
        return from_u64(*(const uint64_t *)at);
    case PROP_I64:
        return json_integer(*(const int64_t *)at);
    case PROP_ENUM:
        return json_string(p->values[*(const int *)at]);
    case PROP_AUTO:
        return json_string(autos[*(const int *)at]);
    case PROP_STR:
    case PROP_LINK:
        return *(char *const *)at ? json_string(*(char *const *)at) : json_null();
    case PROP_MAC:
        snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
                 mac[3], mac[4], mac[5]);
        return json_string(text);
    case PROP_PCI:
        if (*(const int *)at < 0)
            return json_integer(-1);
        snprintf(text, sizeof(text), "%02x.%x", *(const int *)at / 8, *(const int *)at % 8);
        return json_string(text);
    case PROP_LIST:
    case PROP_DICT:
        return *(json_t *const *)at ? json_incref(*(json_t *const *)at) : json_null();
    }
    return json_null();
}
