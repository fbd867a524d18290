/*
 * Breakpoints and watchpoints of GDB: one list, copied to each processor. The machine stands still.
 */
#include "ctl/gdb_int.h"

enum { WIDEST = 16 }; /* bytes of an access that may begin before the watched ones */

static uint8_t access_of(enum gdb_point_type type)
{
    static const uint8_t access[] = {
        [GDB_SW] = 1 << CPU_FETCH,
        [GDB_HW] = 1 << CPU_FETCH,
        [GDB_WRITE] = 1 << CPU_WRITE,
        [GDB_READ] = 1 << CPU_READ,
        [GDB_ACCESS] = 1 << CPU_READ | 1 << CPU_WRITE,
    };

    return access[type];
}

static void tell_cpus(struct gdb *g)
{
    for (unsigned i = 0; i < machine_cpus(g->c->m); i++) {
        struct cpu *cpu = machine_cpu(g->c->m, i);

        cpu->sys->ndebug = 0;
        vec_for_each (struct gdb_point, p, &g->points)
            cpu->sys->debug[cpu->sys->ndebug++] = (struct cpu_debug_point){
                .va = p->va, .size = p->type <= GDB_HW ? 0 : p->size, .access = access_of(p->type)};
        if (cpu->sys->accel && cpu->sys->accel->debug_changed)
            cpu->sys->accel->debug_changed(cpu);
    }
}

static struct gdb_point *find(struct gdb *g, enum gdb_point_type type, uint64_t va, uint64_t size)
{
    vec_for_each (struct gdb_point, p, &g->points)
        if (p->type == type && p->va == va && p->size == size)
            return p;
    return NULL;
}

bool gdb_point_add(struct gdb *g, enum gdb_point_type type, uint64_t va, uint64_t size)
{
    if (find(g, type, va, size))
        return true;
    if (g->points.len == CPU_DEBUG_MAX || !size || va + size - 1 < va)
        return false;
    vec_push(&g->points, (struct gdb_point){type, va, size});
    tell_cpus(g);
    return true;
}

bool gdb_point_remove(struct gdb *g, enum gdb_point_type type, uint64_t va, uint64_t size)
{
    struct gdb_point *p = find(g, type, va, size);

    if (!p)
        return false;
    vec_remove(&g->points, (size_t)(p - g->points.data), 1);
    tell_cpus(g);
    return true;
}

void gdb_points_clear(struct gdb *g)
{
    if (!g->points.len)
        return;
    vec_clear(&g->points);
    tell_cpus(g);
}

void gdb_point_reason(struct gdb *g, struct cpu *cpu, struct str *out)
{
    static const char *const names[] = {
        [GDB_WRITE] = "watch", [GDB_READ] = "rwatch", [GDB_ACCESS] = "awatch"};

    vec_for_each (struct gdb_point, p, &g->points)
        if (p->type <= GDB_HW && p->va == cpu->pc) {
            str_printf(out, p->type == GDB_SW ? "swbreak:;" : "hwbreak:;");
            return;
        }
    /* The accelerator tells of a watchpoint by the access that was to be made; gdb_points_forget()
     * took away what was there before. */
    if (cpu->fault_addr == UINT64_MAX)
        return;
    vec_for_each (struct gdb_point, p, &g->points)
        if (p->type >= GDB_WRITE && access_of(p->type) >> cpu->fault_access & 1 &&
            cpu->fault_addr < p->va + p->size && cpu->fault_addr + WIDEST > p->va) {
            str_printf(out, "%s:%llx;", names[p->type],
                       (unsigned long long)max_of(cpu->fault_addr, p->va));
            return;
        }
}

void gdb_points_forget(struct gdb *g)
{
    for (unsigned i = 0; i < machine_cpus(g->c->m); i++)
        machine_cpu(g->c->m, i)->fault_addr = UINT64_MAX;
}
