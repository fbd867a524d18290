/* The state block of a RISC-V hart in user mode, and the numbers of its slots.
 *
 * Lives at cpu->state; belongs to the thread that runs the cpu. The code key (cpu->key) is
 * fcsr.frm: whoever writes fcsr from outside translated code must do it with rv_fcsr_write().
 * RISC-V unprivileged ISA, chapters 2 (x), 20 and 21 (f, fcsr), 13 (reservation). */
#ifndef MYNA_ISA_RISCV_STATE_H
#define MYNA_ISA_RISCV_STATE_H

#include "core/cpu.h"

struct rv_state {
    uint64_t x[32]; /* x[0] is always 0 */
    uint64_t f[32]; /* narrower values are NaN-boxed */
    /* Reservation of the last LR: its address with the access size (4 or 8) in the low three bits
     * as 1 or 2, 0 if none; and the value that was loaded, sign-extended. */
    uint64_t res_tag;
    uint64_t res_val;
    uint32_t fcsr; /* fflags in bits 4..0, frm in bits 7..5 */
};
_Static_assert(sizeof(struct rv_state) <= CPU_STATE_SIZE, "the state block is too small");

enum rv_slot {
    RV_SLOT_X = 0,  /* + n; slot 0 is never accessed by IR */
    RV_SLOT_F = 32, /* + n */
    RV_SLOT_RES_TAG = 64,
    RV_SLOT_RES_VAL,
    RV_SLOT_FCSR, /* the status slot: IR reaches it by fpget and fpset */
    RV_SLOT_COUNT
};

#define RV_FFLAGS_MASK 0x1fu
#define RV_FCSR_MASK   0xffu
#define RV_FRM_SHIFT   5

static inline struct rv_state *rv_state(struct cpu *c)
{
    return (struct rv_state *)c->state;
}

/* Sets fcsr and the code key that depends on it. */
static inline void rv_fcsr_write(struct cpu *c, uint32_t v)
{
    rv_state(c)->fcsr = v & RV_FCSR_MASK;
    c->key = (v & RV_FCSR_MASK) >> RV_FRM_SHIFT;
}
#endif
