/*
 * Commands of GDB's remote protocol (GDB manual, appendix E). A processor is a thread, numbered
 * from 1. Must not know how packets travel.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/gdb_int.h"

enum { REG_MAX = 256, READ_MAX = (GDB_PACKET - 16) / 2 };

static struct cpu *cpu_of(struct gdb *g)
{
    return machine_cpu(g->c->m, g->thread);
}

/* ---- numbers ---- */

/* Hexadecimal; moves on. False: none there. */
static bool number(const char **at, uint64_t *out)
{
    char *end;

    if (!isxdigit((unsigned char)**at))
        return false;
    *out = strtoull(*at, &end, 16);
    *at = end;
    return true;
}

static bool literal(const char **at, char c)
{
    if (**at != c)
        return false;
    ++*at;
    return true;
}

static void put_hex(struct str *out, const uint8_t *data, size_t size)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < size; i++) {
        str_append(out, &digits[data[i] >> 4], 1);
        str_append(out, &digits[data[i] & 15], 1);
    }
}

static bool get_hex(const char **at, uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char pair[3] = {(*at)[0], (*at)[0] ? (*at)[1] : '\0', '\0'};

        if (!isxdigit((unsigned char)pair[0]) || !isxdigit((unsigned char)pair[1]))
            return false;
        data[i] = (uint8_t)strtoul(pair, NULL, 16);
        *at += 2;
    }
    return true;
}

/* A thread's number: processor, -1 for all, -2 for any. */
static bool thread_id(struct gdb *g, const char **at, int *out)
{
    uint64_t n;

    if (literal(at, '-')) {
        *out = -1;
        return literal(at, '1');
    }
    if (!number(at, &n) || n > machine_cpus(g->c->m))
        return false;
    *out = n ? (int)n - 1 : -2;
    return true;
}

static void reply_str(struct gdb *g, struct str *s)
{
    gdb_reply_bytes(g, str_text(s), str_length(s));
    str_free(s);
}

/* ---- stops ---- */

void gdb_reply_stop(struct gdb *g, unsigned signal)
{
    struct str s = {0};

    str_printf(&s, "T%02xthread:%02x;", signal, g->thread + 1);
    if (signal == GDB_SIGTRAP)
        gdb_point_reason(g, cpu_of(g), &s);
    reply_str(g, &s);
}

static void run(struct gdb *g)
{
    enum machine_status s = machine_status(g->c->m);

    g->waiting = true;
    g->interrupted = false;
    gdb_points_forget(g);
    if (s == MACHINE_SHUTDOWN || s == MACHINE_GUEST_PANIC) {
        g->waiting = false;
        gdb_reply_stop(g, GDB_SIGABRT);
    } else {
        machine_cont(g->c->m);
    }
}

static void step(struct gdb *g, unsigned cpu)
{
    enum machine_status s = machine_status(g->c->m);

    g->thread = cpu;
    /* One that is switched off does not take a step. */
    if (!machine_cpu_on(g->c->m, cpu) || s == MACHINE_SHUTDOWN || s == MACHINE_GUEST_PANIC) {
        gdb_reply_stop(g, GDB_SIGTRAP);
        return;
    }
    g->waiting = true;
    gdb_points_forget(g);
    machine_step(g->c->m, machine_cpu(g->c->m, cpu));
}

/* "c", "s", "C05", "S05", perhaps with an address to go on at. */
static void do_run(struct gdb *g, const char *at, bool one)
{
    uint64_t where;

    if (isupper((unsigned char)g->in[0])) {
        (void)number(&at, &where);
        (void)literal(&at, ';');
    }
    if (number(&at, &where))
        cpu_of(g)->pc = where;
    if (one)
        step(g, g->thread);
    else
        run(g);
}

/* ";s:1;c": the first action that fits a thread is its. A step goes before: the others stand still
 * for it. */
static void do_vcont(struct gdb *g, const char *at)
{
    int stepping = -1;
    bool any = false;

    while (literal(&at, ';')) {
        char action = *at;
        int who = -1;
        uint64_t signal;

        if (!action || !strchr("cCsS", action))
            break;
        at++;
        if (isupper((unsigned char)action) && !number(&at, &signal))
            break;
        if (literal(&at, ':') && !thread_id(g, &at, &who))
            break;
        any = true;
        if ((action | 32) == 's' && stepping < 0)
            stepping = who >= 0 ? who : (int)g->thread;
    }
    if (!any || *at)
        gdb_reply(g, "E01");
    else if (stepping >= 0)
        step(g, (unsigned)stepping);
    else
        run(g);
}

/* ---- registers ---- */

static void add_reg(struct gdb *g, const struct isa_reg *r, struct str *out)
{
    struct cpu *cpu = cpu_of(g);
    uint8_t bytes[REG_MAX] = {0};
    size_t size = r->bits / 8u;

    if (size > sizeof(bytes))
        return;
    if (cpu->isa->sys->reg_get(cpu, r->number, bytes))
        put_hex(out, bytes, size);
    else
        for (size_t i = 0; i < size; i++)
            str_append(out, "xx", 2);
}

static bool set_reg(struct gdb *g, const struct isa_reg *r, const char **at)
{
    struct cpu *cpu = cpu_of(g);
    uint8_t bytes[REG_MAX] = {0};

    return r->bits / 8u <= sizeof(bytes) && get_hex(at, bytes, r->bits / 8u) &&
           cpu->isa->sys->reg_set(cpu, r->number, bytes);
}

static void do_regs(struct gdb *g)
{
    const struct isa *isa = cpu_of(g)->isa;
    struct str s = {0};

    for (unsigned i = 0; i < gdb_core_regs(isa); i++)
        add_reg(g, &isa->sys->regs[i], &s);
    reply_str(g, &s);
}

static void do_set_regs(struct gdb *g, const char *at)
{
    const struct isa *isa = cpu_of(g)->isa;

    for (unsigned i = 0; i < gdb_core_regs(isa) && *at; i++)
        (void)set_reg(g, &isa->sys->regs[i], &at);
    gdb_reply(g, "OK");
}

static void do_reg(struct gdb *g, const char *at)
{
    const struct isa *isa = cpu_of(g)->isa;
    struct str s = {0};
    uint64_t n;

    if (!number(&at, &n) || n >= gdb_all_regs(isa)) {
        gdb_reply(g, "E14");
        return;
    }
    add_reg(g, &isa->sys->regs[n], &s);
    reply_str(g, &s);
}

static void do_set_reg(struct gdb *g, const char *at)
{
    const struct isa *isa = cpu_of(g)->isa;
    uint64_t n;

    if (!number(&at, &n) || !literal(&at, '=') || n >= gdb_all_regs(isa) ||
        !set_reg(g, &isa->sys->regs[n], &at))
        gdb_reply(g, "E14");
    else
        gdb_reply(g, "OK");
}

/* ---- memory ---- */

static bool access_memory(struct gdb *g, uint64_t at, uint8_t *data, size_t size, bool write)
{
    struct mem_space *mem = machine_env(g->c->m)->mem;

    if (g->physical)
        return (write ? mem_dma_write(mem, at, data, size) : mem_dma_read(mem, at, data, size)) ==
               0;
    return (write ? cpu_debug_write(cpu_of(g), at, data, size)
                  : cpu_debug_read(cpu_of(g), at, data, size)) == 0;
}

/* As many as are there: pages may be missing behind the first. */
static size_t read_some(struct gdb *g, uint64_t at, uint8_t *data, size_t size)
{
    size_t done = 0;

    while (done < size) {
        size_t n = min_of(size - done, (size_t)(4096 - ((at + done) & 4095)));

        if (!access_memory(g, at + done, data + done, n, false))
            break;
        done += n;
    }
    return done;
}

static void do_read(struct gdb *g, const char *at)
{
    uint8_t data[READ_MAX];
    uint64_t where, size;
    struct str s = {0};
    size_t n;

    if (!number(&at, &where) || !literal(&at, ',') || !number(&at, &size)) {
        gdb_reply(g, "E01");
        return;
    }
    n = read_some(g, where, data, (size_t)min_of(size, (uint64_t)READ_MAX));
    if (!n && size) {
        gdb_reply(g, "E14");
        return;
    }
    put_hex(&s, data, n);
    reply_str(g, &s);
}

static void do_write(struct gdb *g, const char *at, bool binary)
{
    uint8_t data[GDB_PACKET];
    uint64_t where, size;
    bool ok = number(&at, &where) && literal(&at, ',') && number(&at, &size) && literal(&at, ':') &&
              size <= sizeof(data);

    if (ok && binary) {
        ok = (size_t)((char *)g->in + g->len - at) == size;
        if (ok)
            memcpy(data, at, size);
    } else if (ok) {
        ok = get_hex(&at, data, size);
    }
    if (!ok)
        gdb_reply(g, "E01");
    else if (size && !access_memory(g, where, data, size, true))
        gdb_reply(g, "E14");
    else
        gdb_reply(g, "OK");
}

/* ---- breakpoints: "Z0,ADDRESS,KIND" ---- */

static void do_point(struct gdb *g, const char *at, bool add)
{
    uint64_t type, va, size;

    if (!number(&at, &type) || !literal(&at, ',') || !number(&at, &va) || !literal(&at, ',') ||
        !number(&at, &size))
        gdb_reply(g, "E22");
    else if (type > GDB_ACCESS)
        gdb_reply(g, "%s", "");
    else if (add ? gdb_point_add(g, (enum gdb_point_type)type, va, size)
                 : gdb_point_remove(g, (enum gdb_point_type)type, va, size))
        gdb_reply(g, "OK");
    else
        gdb_reply(g, add ? "E1c" : "E22");
}

/* ---- threads ---- */

static void do_select(struct gdb *g, const char *at)
{
    char kind = *at ? *at++ : '\0';
    int who;

    if ((kind != 'g' && kind != 'c') || !thread_id(g, &at, &who)) {
        gdb_reply(g, "E22");
        return;
    }
    if (who >= 0)
        g->thread = (unsigned)who;
    gdb_reply(g, "OK");
}

static void do_alive(struct gdb *g, const char *at)
{
    int who;

    gdb_reply(g, thread_id(g, &at, &who) ? "OK" : "E22");
}

static void query_threads(struct gdb *g)
{
    struct str s = {0};

    for (unsigned i = 0; i < machine_cpus(g->c->m); i++)
        str_printf(&s, "%c%x", i ? ',' : 'm', i + 1);
    reply_str(g, &s);
}

static void query_thread_info(struct gdb *g, const char *at)
{
    struct str text = {0}, s = {0};
    char what[160] = "";
    struct cpu *cpu;
    int who;

    if (!thread_id(g, &at, &who) || who < 0) {
        gdb_reply(g, "E22");
        return;
    }
    cpu = machine_cpu(g->c->m, (unsigned)who);
    if (cpu->isa->sys->describe)
        cpu->isa->sys->describe(cpu, what, sizeof(what));
    str_printf(&text, "CPU#%d [%s] %s", who, machine_cpu_on(g->c->m, (unsigned)who) ? "on" : "off",
               what);
    put_hex(&s, (const uint8_t *)str_text(&text), str_length(&text));
    str_free(&text);
    reply_str(g, &s);
}

/* ---- queries ---- */

/* "target.xml:OFFSET,LENGTH" */
static void query_features(struct gdb *g, const char *at)
{
    static const char file[] = "target.xml:";
    uint64_t offset, length;
    struct str s = {0};
    size_t left;

    if (strncmp(at, file, sizeof(file) - 1)) {
        gdb_reply(g, "E00");
        return;
    }
    at += sizeof(file) - 1;
    if (!number(&at, &offset) || !literal(&at, ',') || !number(&at, &length)) {
        gdb_reply(g, "E01");
        return;
    }
    if (!str_length(&g->xml))
        gdb_describe(cpu_of(g)->isa, &g->xml);
    if (offset >= str_length(&g->xml)) {
        gdb_reply(g, "l");
        return;
    }
    left = str_length(&g->xml) - (size_t)offset;
    length = min_of(length, (uint64_t)READ_MAX);
    str_printf(&s, "%c", left > length ? 'm' : 'l');
    str_append(&s, str_text(&g->xml) + offset, (size_t)min_of((uint64_t)left, length));
    reply_str(g, &s);
}

/* "HEX": a line for the other monitor. */
static void query_monitor(struct gdb *g, const char *at)
{
    struct str text = {0}, s = {0};
    char line[1024];
    size_t n = strlen(at) / 2;
    unsigned cpu = g->thread;

    if (n >= sizeof(line) || !get_hex(&at, (uint8_t *)line, n)) {
        gdb_reply(g, "E01");
        return;
    }
    line[n] = '\0';
    hmp_run(g->c, line, &cpu, &text);
    for (size_t done = 0; done < str_length(&text);) {
        size_t piece = min_of(str_length(&text) - done, (size_t)READ_MAX - 1);

        str_clear(&s);
        str_append(&s, "O", 1);
        put_hex(&s, (const uint8_t *)str_text(&text) + done, piece);
        gdb_reply_bytes(g, str_text(&s), str_length(&s));
        done += piece;
    }
    str_free(&text);
    str_free(&s);
    gdb_reply(g, "OK");
}

/* What follows when the packet begins with the word. */
static const char *after(const struct gdb *g, const char *word)
{
    size_t n = strlen(word);

    return strncmp((const char *)g->in, word, n) ? NULL : (const char *)g->in + n;
}

static void do_query(struct gdb *g)
{
    const char *at;

    if (after(g, "qSupported"))
        gdb_reply(g,
                  "PacketSize=%x;QStartNoAckMode+;qXfer:features:read+;vContSupported+;swbreak+;"
                  "hwbreak+;multiprocess-",
                  GDB_PACKET);
    else if (!strcmp((char *)g->in, "qC"))
        gdb_reply(g, "QC%x", g->thread + 1);
    else if (after(g, "qfThreadInfo"))
        query_threads(g);
    else if (after(g, "qsThreadInfo"))
        gdb_reply(g, "l");
    else if ((at = after(g, "qThreadExtraInfo,")))
        query_thread_info(g, at);
    else if ((at = after(g, "qXfer:features:read:")))
        query_features(g, at);
    else if ((at = after(g, "qRcmd,")))
        query_monitor(g, at);
    else if (after(g, "qAttached"))
        gdb_reply(g, "1");
    else if (after(g, "qSymbol:"))
        gdb_reply(g, "OK");
    else if (after(g, "qqemu.PhyMemMode"))
        gdb_reply(g, "%d", g->physical);
    else
        gdb_reply(g, "%s", "");
}

static void do_set(struct gdb *g)
{
    const char *at;

    if (!strcmp((char *)g->in, "QStartNoAckMode")) {
        gdb_reply(g, "OK");
        g->noack = true;
    } else if ((at = after(g, "Qqemu.PhyMemMode:"))) {
        g->physical = *at == '1';
        gdb_reply(g, "OK");
    } else {
        gdb_reply(g, "%s", "");
    }
}

static void do_v(struct gdb *g)
{
    const char *at;

    if (!strcmp((char *)g->in, "vCont?")) {
        gdb_reply(g, "vCont;c;C;s;S");
    } else if ((at = after(g, "vCont"))) {
        do_vcont(g, at);
    } else if (after(g, "vKill")) {
        gdb_reply(g, "OK");
        machine_quit(g->c->m, 0);
    } else {
        gdb_reply(g, "%s", "");
    }
}

static void do_detach(struct gdb *g)
{
    gdb_points_clear(g);
    gdb_reply(g, "OK");
    g->was_running = false;
    g->waiting = false;
    machine_cont(g->c->m);
}

void gdb_command(struct gdb *g)
{
    const char *at = (const char *)g->in + 1;

    /* Only Ctrl-C makes sense while the machine runs for this client. */
    if (g->waiting)
        machine_stop(g->c->m);
    switch (g->in[0]) {
    case '?':
        gdb_reply_stop(g, GDB_SIGTRAP);
        break;
    case 'c':
    case 'C':
        do_run(g, at, false);
        break;
    case 's':
    case 'S':
        do_run(g, at, true);
        break;
    case 'D':
        do_detach(g);
        break;
    case 'g':
        do_regs(g);
        break;
    case 'G':
        do_set_regs(g, at);
        break;
    case 'p':
        do_reg(g, at);
        break;
    case 'P':
        do_set_reg(g, at);
        break;
    case 'm':
        do_read(g, at);
        break;
    case 'M':
        do_write(g, at, false);
        break;
    case 'X':
        do_write(g, at, true);
        break;
    case 'Z':
        do_point(g, at, true);
        break;
    case 'z':
        do_point(g, at, false);
        break;
    case 'H':
        do_select(g, at);
        break;
    case 'T':
        do_alive(g, at);
        break;
    case 'q':
        do_query(g);
        break;
    case 'Q':
        do_set(g);
        break;
    case 'v':
        do_v(g);
        break;
    case 'k':
        machine_quit(g->c->m, 0);
        break;
    default:
        gdb_reply(g, "%s", "");
        break;
    }
}
