/* What an instruction set is to the rest of Myna: data and a lifter, no global state.
 *
 * One `const struct isa isa_NAME` per folder of isa/, listed in isa/list. Nothing else in the tree
 * names an isa, but its user-mode personality in linux/ and its boards in machine/.
 */
#ifndef MYNA_IR_ISA_H
#define MYNA_IR_ISA_H

#include "core/cpu.h"
#include "ir/ir.h"

/* A register in the state block, as the optimiser, GDB, snapshots and logs see it. */
struct isa_slot {
    const char *name;
    uint16_t offset; /* in cpu->state */
    uint8_t type;    /* enum ir_type: IR_I64, IR_I32, IR_V128, IR_CC, IR_F64 ... */
    uint8_t flags;   /* ISA_SLOT_* */
};
enum { ISA_SLOT_HIDDEN = 1 /* not an architectural register */ };

/* How lifting one instruction ended. */
enum isa_lift {
    ISA_NEXT,  /* went on to pc + length */
    ISA_END,   /* emitted the block's E op */
    ISA_UNDEF, /* not an instruction here: the lifter emitted EXIT CPU_EXIT_UNDEF itself */
};

/* One instruction to lift. Lifters emit into u; they never read guest memory themselves. */
struct isa_insn {
    uint64_t pc;
    const uint8_t *bytes; /* at least `avail` readable bytes of guest code at pc */
    size_t avail;         /* 0 < avail; if the instruction is longer: return with length > avail */
    uint32_t length;      /* out: bytes used */
    uint32_t isa_word;    /* lifter's own state between instructions of a block (delay slots) */
};

struct isa {
    const char *name;              /* "arm64" */
    const char *const *aliases;    /* NULL-terminated: "aarch64" */
    const char *qemu_name;         /* "aarch64" as in qemu-aarch64 */
    uint8_t bits;                  /* address width: 32 or 64 */
    uint8_t big_endian;
    uint8_t insn_align;            /* pc alignment: 4, 2, 1 */
    uint16_t elf_machine;
    uint8_t icache_coherent;       /* 0: guests say when code changed (CPU_EXIT_ISYNC) */
    uint8_t strong_order;          /* 1: x86-like */
    uint8_t top_byte_ignored;      /* 1: bits 63..56 of data addresses are a tag (Arm TBI) */
    uint8_t calls_kill_flags;      /* 1: user code never carries flags over calls and returns */
    const struct isa_slot *slots;
    uint16_t nslots;
    const uint16_t *pin_int;       /* slots worth a host register everywhere, best first */
    uint8_t npin_int;
    const uint16_t *pin_vec;
    uint8_t npin_vec;
    const struct ir_helper *helpers;
    uint16_t nhelpers;
    /* Lifts one instruction. */
    enum isa_lift (*lift)(struct ir_unit *u, struct isa_insn *i);
    /* Sets the floating-point environment that a code key stands for. */
    void (*fpenv)(uint32_t key, struct ir_fpenv *env);
    /* Host-independent FP control of the state, for the accelerator's control register: as fpenv,
     * and moves status flags (fp/fp.h FP_*) between the accelerator and the state. */
    void (*fp_status_add)(struct cpu *c, unsigned fpflags);
    void (*reset)(struct cpu *c);
    /* True if at pc the flags are overwritten before they are read, looking at no more than
     * avail bytes (a false "no" is always right). May be NULL. */
    bool (*cc_dead)(uint64_t pc, const uint8_t *bytes, size_t avail);
    /* What disassembles it: enum cs_arch, cs_mode of capstone. */
    int cs_arch, cs_mode;
};

/* One cpu, zeroed and reset by its isa; freed by cpu_free. 64-byte aligned. */
struct cpu *cpu_new(const struct isa *isa);
struct cpu *cpu_clone(const struct cpu *from); /* same guest state, engine fields fresh */
void cpu_free(struct cpu *c);

extern const struct isa *const isa_registry[]; /* generated from isa/list, NULL-terminated */
const struct isa *isa_find(const char *name);  /* by name or alias; NULL */
const struct isa *isa_find_elf(uint16_t machine, int bits, int big_endian);
#endif
