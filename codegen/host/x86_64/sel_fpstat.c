/* Selection of reads and writes of the guest's floating-point status. It is in two places: the status slot
 * in memory, and the sticky bits of MXCSR, which are what was raised since the slot was last brought up to
 * date. Reading joins the two and changes nothing; writing clears MXCSR only when it must, because loading
 * it waits for all floating point before it. */
#include "codegen/host/x86_64/x86_64.h"

static struct x64_rm control_word(void) { return x64_m(RBP, CPU_OFF(scratch)); }

/* d := what MXCSR says is raised, as bits of the slot. Leaves MXCSR in the scratch cell. */
static void raised(struct cg_work *w, int d)
{
    struct x64_asm *a = &w->a;
    x64_op(a, X64_0F(0xae), false, 3, control_word()); /* stmxcsr */
    x64_load(a, false, SCRATCH, control_word());
    x64_alui(a, X64_AND, false, x64_r(SCRATCH), 0x3f);
    x64_lea(a, true, d, x64_rip(a, w->cg->stubs.fp_bits));
    x64_op(a, X64_0F(0xb6), false, d, x64_mx(d, SCRATCH, 0, 0)); /* movzx */
}

static void sel_fpget(struct cg_work *w, uint32_t i)
{
    int d = ra_def(w, i, -1);
    raised(w, d);
    x64_alu(&w->a, X64_OR, false, d, slot_mem(w->cg, ins_of(w, i)->aux));
    w->v[i].flags |= V_ZX32;
}

static void sel_fpset(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    struct x64_asm *a = &w->a;
    int v = ra_use(w, p->a), t = ra_temp(w, false);
    x64_store(a, false, v, slot_mem(w->cg, p->aux));
    raised(w, t);
    x64_mov(a, false, SCRATCH, v);
    x64_op(a, 0xf7, false, 2, x64_r(SCRATCH)); /* not */
    x64_test(a, false, SCRATCH, t);
    uint8_t *keep = x64_jcc8(a, X64_E); /* all of it is set in the slot as well */
    x64_alui(a, X64_AND, false, control_word(), ~0x3f);
    x64_op(a, X64_0F(0xae), false, 2, control_word()); /* ldmxcsr */
    x64_patch8(keep, a->p);
}

bool sel_fpstat(struct cg_work *w, uint32_t i)
{
    switch (ins_of(w, i)->op) {
    case IR_FPGET: sel_fpget(w, i); break;
    case IR_FPSET: sel_fpset(w, i); break;
    default: return false;
    }
    flags_clobber(w);
    return true;
}
