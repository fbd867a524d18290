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
enum {
    ISA_SLOT_HIDDEN = 1, /* not an architectural register */
    ISA_SLOT_STATUS = 2, /* i32 with flags that floating point raises: C code ors them into memory at any
                            time, so IR reaches it by fpget and fpset only */
};

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

struct cpu_page;
struct prop;
struct err;
struct state_field;

/* A processor that can be chosen by name ("cortex-a57"). */
struct isa_model {
    const char *name;
    const char *help;
    const void *data; /* the isa's own */
};

/* A register as debuggers see it (GDB target description). */
struct isa_reg {
    const char *name;
    uint16_t bits;
    const char *type;    /* GDB's: "int64", "data_ptr", "code_ptr", "aarch64v", "cpsr_flags"; NULL: by bits */
    const char *feature; /* "org.gnu.gdb.aarch64.core" */
    const char *group;   /* NULL, "float", "vector", "system" */
    uint32_t number;     /* the isa's own: argument of get/set */
};

/* The system side of an isa: what a machine needs and user mode does not. Calls are for the thread that
 * runs the cpu, or while it stands still. */
struct isa_sys {
    const struct isa_model *models; /* ends with a NULL name; the first is the default of boards */
    /* Power-on state of this model with these options (isa's own property table; NULL: none). */
    const struct prop *props;
    size_t props_size; /* of the struct that the table describes */
    int (*init)(struct cpu *c, const struct isa_model *m, const void *props, struct err *e); /* once, sys is set */
    void (*fini)(struct cpu *c); /* timers, memory */
    void (*reset)(struct cpu *c);
    /* The contexts in use, see core/sys.h. */
    void (*contexts)(const struct cpu *c, uint64_t ctx[2]);
    /* Page walk for an access in contexts[user]. False: not allowed; what raise() needs is in sys->fault.
     * probe: no side effect on guest or fault record (debuggers, AT instructions do their own). Never leaves. */
    bool (*translate)(struct cpu *c, uint64_t va, enum cpu_access access, bool user, bool probe, struct cpu_page *out);
    /* Nothing answered at this physical address: fill sys->fault for raise(CPU_EXIT_FAULT). False: ignore
     * (the access reads zero). */
    bool (*bus_error)(struct cpu *c, uint64_t va, uint64_t pa, enum cpu_access access);
    /* Takes the exception that accel exit `reason` stands for (fields of cpu and sys->fault) and returns CPU_EXIT_NONE,
     * or a reason that is the machine's business. pc, key and contexts are current afterwards. */
    enum cpu_exit (*raise)(struct cpu *c, enum cpu_exit reason);
    /* Takes a pending interrupt that is not masked; true if it did. */
    bool (*interrupt)(struct cpu *c);
    /* An interrupt is pending, masked or not (wakes WFI). */
    bool (*has_work)(const struct cpu *c);
    const struct isa_reg *regs; /* in GDB's order; ends with a NULL name */
    bool (*reg_get)(struct cpu *c, uint32_t number, void *to);         /* bits / 8 bytes, little-endian */
    bool (*reg_set)(struct cpu *c, uint32_t number, const void *from);
    const struct state_field *state; /* of cpu->state */
    int (*loaded)(struct cpu *c, struct err *e);
    /* One line about what the cpu does, for -d int and the like: "EL1 pc=..." */
    void (*describe)(const struct cpu *c, char *buf, size_t size);
    /* Bits of a context that tell address spaces of one regime apart (ASID): translations that are global do
     * not depend on them. 0: global translations are treated as any other. */
    uint64_t space_mask;
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
    /* What it ors into the status slot; needed where there is one. */
    uint8_t (*fp_status_bits)(unsigned fpflags);
    void (*reset)(struct cpu *c);
    /* True if at pc the flags are overwritten before they are read, looking at no more than
     * avail bytes (a false "no" is always right). May be NULL. */
    bool (*cc_dead)(uint64_t pc, const uint8_t *bytes, size_t avail);
    /* True if code at pc, where a call returns to, is seen to read flags that it did not write: the call carries them
     * over. Not NULL where cc_dead is not. */
    bool (*cc_read)(uint64_t pc, const uint8_t *bytes, size_t avail);
    /* What disassembles it: enum cs_arch, cs_mode of capstone. */
    int cs_arch, cs_mode;
    const struct isa_sys *sys; /* NULL: no machines of this isa yet */
};

/* One cpu, zeroed and reset by its isa; freed by cpu_free. 64-byte aligned. */
struct cpu *cpu_new(const struct isa *isa);
struct cpu *cpu_clone(const struct cpu *from); /* same guest state, engine fields fresh */
void cpu_free(struct cpu *c);

extern const struct isa *const isa_registry[]; /* generated from isa/list, NULL-terminated */
const struct isa *isa_find(const char *name);  /* by name or alias; NULL */
const struct isa *isa_find_elf(uint16_t machine, int bits, int big_endian);
#endif
