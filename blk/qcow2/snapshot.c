/* The table of internal snapshots: reading and finding (section "Snapshots"). Makes none. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "blk/qcow2/qcow2.h"

enum { SNAPSHOTS_MAX = 65536, TABLE_MAX = 64 << 20, ENTRY_MAX = 40 + 1024 + 2 * 65535 };

/* One entry of at most `left` bytes; its size, or 0 when it does not fit. */
static size_t read_one(const uint8_t *p, size_t left, struct qcow2_snapshot *s)
{
    size_t extra, id, name, size;

    if (left < 40)
        return 0;
    id = mem_ld16be(p + 12);
    name = mem_ld16be(p + 14);
    extra = mem_ld32be(p + 36);
    if (extra > 1024)
        return 0;
    size = 40 + extra + id + name;
    if (size > left)
        return 0;
    *s = (struct qcow2_snapshot){
        .l1_offset = mem_ld64be(p),
        .l1_size = mem_ld32be(p + 8),
        .sec = mem_ld32be(p + 16),
        .nsec = mem_ld32be(p + 20),
        .clock_ns = mem_ld64be(p + 24),
        .vm_size = extra >= 8 ? mem_ld64be(p + 40) : mem_ld32be(p + 32),
        .disk_size = extra >= 16 ? mem_ld64be(p + 48) : UINT64_MAX,
        .icount = extra >= 24 ? mem_ld64be(p + 56) : UINT64_MAX,
    };
    s->id = mem_alloc(id + 1);
    memcpy(s->id, p + 40 + extra, id);
    s->id[id] = '\0';
    s->name = mem_alloc(name + 1);
    memcpy(s->name, p + 40 + extra + id, name);
    s->name[name] = '\0';
    return size;
}

int qcow2_read_snapshots(struct qcow2 *q, uint32_t count, uint64_t at, struct err *e)
{
    size_t pos = 0, have = 0, cap = 0;
    uint8_t *table = NULL;
    int rc = 0;

    q->snapshots_at = at;
    if (!count)
        return 0;
    if (count > SNAPSHOTS_MAX)
        return err_text(e, EFBIG, "%s: too many snapshots (%u)", q->b->path, count);
    if (at & (qcow2_cluster_size(q) - 1) || at > INT64_MAX)
        return err_text(e, EINVAL, "%s: the snapshot table is not on a cluster's border",
                        q->b->path);
    q->snapshots = mem_array(struct qcow2_snapshot, count);
    while (q->snapshot_count < count) {
        size_t size;

        if (have - pos < ENTRY_MAX && at + have < q->file->size && have < TABLE_MAX) {
            size_t more = min_of((uint64_t)ENTRY_MAX * 2, q->file->size - at - have);

            if (have + more > cap) {
                cap = max_of(cap * 2, have + more);
                table = mem_realloc(table, cap);
            }
            rc = blk_co_read(q->file, at + have, table + have, more);
            if (rc) {
                rc = err_set(e, rc, "%s: cannot read the snapshot table", q->b->path);
                break;
            }
            have += more;
        }
        size = have > pos ? read_one(table + pos, have - pos, &q->snapshots[q->snapshot_count]) : 0;
        if (!size) {
            rc = err_text(e, EINVAL, "%s: snapshot %u of the table is broken", q->b->path,
                          q->snapshot_count);
            break;
        }
        if (q->snapshots[q->snapshot_count].disk_size == UINT64_MAX)
            q->snapshots[q->snapshot_count].disk_size = q->size;
        q->snapshot_count++;
        pos += size;
        q->snapshot_bytes = (uint32_t)pos;
        pos = min_of(bits_align_up(pos, 8), (uint64_t)have);
    }
    free(table);
    return rc;
}

void qcow2_free_snapshots(struct qcow2 *q)
{
    for (uint32_t i = 0; i < q->snapshot_count; i++) {
        free(q->snapshots[i].id);
        free(q->snapshots[i].name);
    }
    free(q->snapshots);
}

const struct qcow2_snapshot *qcow2_find_snapshot(const struct qcow2 *q, const char *name)
{
    for (uint32_t i = 0; i < q->snapshot_count; i++)
        if (!strcmp(q->snapshots[i].id, name))
            return &q->snapshots[i];
    for (uint32_t i = 0; i < q->snapshot_count; i++)
        if (!strcmp(q->snapshots[i].name, name))
            return &q->snapshots[i];
    return NULL;
}

json_t *qcow2_snapshots_json(const struct qcow2 *q)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < q->snapshot_count; i++) {
        const struct qcow2_snapshot *s = &q->snapshots[i];
        json_t *o = json_object();

        if (s->icount != UINT64_MAX)
            json_object_set_new(o, "icount", json_integer((json_int_t)s->icount));
        json_object_set_new(o, "vm-clock-nsec",
                            json_integer((json_int_t)(s->clock_ns % 1000000000)));
        json_object_set_new(o, "vm-clock-sec",
                            json_integer((json_int_t)(s->clock_ns / 1000000000)));
        json_object_set_new(o, "name", json_string(s->name));
        json_object_set_new(o, "date-sec", json_integer(s->sec));
        json_object_set_new(o, "date-nsec", json_integer(s->nsec));
        json_object_set_new(o, "id", json_string(s->id));
        json_object_set_new(o, "vm-state-size", json_integer((json_int_t)s->vm_size));
        json_array_append_new(list, o);
    }
    return list;
}
