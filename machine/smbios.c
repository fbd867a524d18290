/* Writes SMBIOS tables. Owns their form; what they say comes from the machine. */
#include "machine/smbios.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "dev/fw_cfg.h"
#include "machine/machine_int.h"

enum { SYSTEM = 1, CHASSIS = 3, END = 127 };
enum { ANCHOR_SIZE = 0x18, WAKE_BY_SWITCH = 6, CHASSIS_OTHER = 1, STATE_SAFE = 3, SECURITY_UNKNOWN = 2 };

/* A structure: its head and body, then its strings, which the body names by number, and an empty one. */
static void add(struct str *s, const uint8_t *body, size_t size, const char *const *strings)
{
    bool any = false;

    str_append(s, (const char *)body, size);
    for (; strings && *strings; strings++, any = true)
        str_append(s, *strings, strlen(*strings) + 1);
    str_append(s, "\0", any ? 1 : 2);
}

static void system_information(const struct machine *m, struct str *s)
{
    const char *const strings[] = {"Myna", m->board->name, NULL};
    const uint8_t *uuid = machine_uuid(m);
    uint8_t t[27] = {SYSTEM, sizeof(t), 0, 1, 1, 2};

    for (unsigned i = 0; uuid && i < 16; i++) /* the first three fields are little-endian (7.2.1) */
        t[8 + i] = uuid[i < 4 ? 3 - i : i < 6 ? 9 - i : i < 8 ? 13 - i : i];
    t[24] = WAKE_BY_SWITCH;
    add(s, t, sizeof(t), strings);
}

static void chassis(struct str *s)
{
    static const char *const strings[] = {"Myna", NULL};
    uint8_t t[22] = {CHASSIS, sizeof(t), 0, 3, 1, CHASSIS_OTHER};

    t[9] = t[10] = t[11] = STATE_SAFE;
    t[12] = SECURITY_UNKNOWN;
    add(s, t, sizeof(t), strings);
}

/* 5.2.2 */
static void anchor(uint8_t *a, size_t size)
{
    uint8_t sum = 0;

    memcpy(a, "_SM3_", 5);
    a[6] = ANCHOR_SIZE;
    a[7] = 3; /* version 3.0, docrev 1 */
    a[9] = 1;
    a[10] = 1;
    mem_st32le(a + 12, (uint32_t)size);
    for (unsigned i = 0; i < ANCHOR_SIZE; i++)
        sum = (uint8_t)(sum + a[i]);
    a[5] = (uint8_t)-sum;
}

int smbios_add(struct machine *m, struct dev *fw_cfg, struct err *e)
{
    static const uint8_t end[4] = {END, 4, 2, 1};
    uint8_t head[ANCHOR_SIZE] = {0};
    struct str tables = {0};
    int rc;

    system_information(m, &tables);
    chassis(&tables);
    add(&tables, end, sizeof(end), NULL);
    anchor(head, str_length(&tables));
    rc = fw_cfg_add_file(fw_cfg, "etc/smbios/smbios-tables", str_text(&tables), str_length(&tables), e);
    if (!rc)
        rc = fw_cfg_add_file(fw_cfg, "etc/smbios/smbios-anchor", head, sizeof(head), e);
    str_free(&tables);
    return rc;
}
