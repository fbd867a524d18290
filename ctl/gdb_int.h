/*
 * Private to the GDB server: a session between packets (gdb.c), commands (gdb_commands.c),
 * breakpoints (gdb_break.c) and the description of registers (gdb_xml.c).
 */
#ifndef MYNA_CTL_GDB_INT_H
#define MYNA_CTL_GDB_INT_H

#include "ctl/ctl_int.h"

enum { GDB_PACKET = 16384 }; /* the longest that we take, told to the client */

/* Numbers of the protocol. */
enum { GDB_SIGINT = 2, GDB_SIGTRAP = 5, GDB_SIGABRT = 6 };
enum gdb_point_type { GDB_SW, GDB_HW, GDB_WRITE, GDB_READ, GDB_ACCESS };

struct gdb_point {
    enum gdb_point_type type;
    uint64_t va, size;
};

struct gdb {
    struct ctl *c;
    struct chr *chr;
    bool owned;
    /* packets */
    enum { GDB_IDLE, GDB_DATA, GDB_ESCAPE, GDB_SUM1, GDB_SUM2 } state;
    uint8_t in[GDB_PACKET + 1];
    size_t len;
    uint8_t sum, sum_said;
    bool overflow, noack;
    struct str last; /* for a client that did not get it */
    struct str out;  /* what the stream did not take yet */
    size_t out_at;
    /* session */
    bool connected, waiting; /* waiting: the client waits for a stop */
    bool was_running;        /* when it came */
    bool interrupted, physical;
    unsigned thread; /* processor of g, p, m; from 0 */
    vec_of(struct gdb_point) points;
    struct str xml;
};

/* gdb.c */
void gdb_reply(struct gdb *g, const char *fmt, ...) printf_like(2, 3);
void gdb_reply_bytes(struct gdb *g, const char *data, size_t size); /* escaped */
/* gdb_commands.c: g->in holds g->len bytes and a zero. */
void gdb_command(struct gdb *g);
void gdb_reply_stop(struct gdb *g, unsigned signal);
/* gdb_break.c */
bool gdb_point_add(struct gdb *g, enum gdb_point_type type, uint64_t va, uint64_t size);
bool gdb_point_remove(struct gdb *g, enum gdb_point_type type, uint64_t va, uint64_t size);
void gdb_points_clear(struct gdb *g);
void gdb_points_forget(struct gdb *g); /* before going on: no watchpoint was met */
/* Why the processor stopped: "swbreak:;", "watch:ADDRESS;" or nothing. */
void gdb_point_reason(struct gdb *g, struct cpu *cpu, struct str *out);
/* gdb_xml.c */
void gdb_describe(const struct isa *isa, struct str *out);
/* Registers of the g packet: the first so many of isa->sys->regs; all of them. */
unsigned gdb_core_regs(const struct isa *isa);
unsigned gdb_all_regs(const struct isa *isa);

#endif
