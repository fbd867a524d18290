/* The fixed pieces of code between C and units: entering, leaving, helper calls, the evaluation of
 * operations that have no host code, and returns that miss. Emitted once per accelerator. */
#include "codegen/host/x86_64/x86_64.h"

#include <xmmintrin.h>

#include "fp/fp.h"

static struct x64_rm at(int32_t off) { return x64_m(RBP, off); }
#define AT(field) at(CPU_OFF(field))

static uint64_t here(const struct x64_asm *a) { return a->rx + x64_off(a); }

static void abs_call(struct x64_asm *a, void *fn)
{
    x64_movi(a, RAX, (uint64_t)(uintptr_t)fn);
    x64_op(a, 0xff, false, 2, x64_r(RAX));
}

static void cpu_to_rdi(struct x64_asm *a)
{
    x64_lea(a, true, RDI, at(-CG_BIAS - (int32_t)offsetof(struct cpu, state)));
}

/* op: 0x50 pushes, 0x58 pops. */
static void push_pop(struct x64_asm *a, unsigned op, unsigned reg)
{
    if (reg & 8)
        x64_b(a, 0x41);
    x64_b(a, op | (reg & 7));
}

static void ldmxcsr(struct x64_asm *a, struct x64_rm m) { x64_op(a, X64_0F(0xae), false, 2, m); }
static void stmxcsr(struct x64_asm *a, struct x64_rm m) { x64_op(a, X64_0F(0xae), false, 3, m); }

static void enter(struct cg *cg, struct x64_asm *a)
{
    static const uint8_t saved[] = {RBX, RBP, R12, R13, R14, R15};
    cg->stubs.enter = here(a);
    for (unsigned i = 0; i < sizeof saved; i++)
        push_pop(a, 0x50, saved[i]);
    x64_alui(a, X64_SUB, true, x64_r(RSP), 8);
    x64_lea(a, true, RBP, x64_m(RDI, (int32_t)offsetof(struct cpu, state) + CG_BIAS));
    x64_mov(a, true, RAX, RSI);
    x64_store(a, true, RSP, AT(host_sp));
    ldmxcsr(a, AT(mxcsr_guest));
    cg_map_load(a, cg, &cg->canonical);
    x64_load(a, true, RSP, AT(jit_sp));
    x64_op(a, 0xff, false, 4, x64_r(RAX));
}

/* eax = reason. Two ways in: registers to be saved, or state in memory already (after a fault). */
static void leave(struct cg *cg, struct x64_asm *a, uint8_t **from, unsigned n)
{
    static const uint8_t saved[] = {R15, R14, R13, R12, RBP, RBX};
    cg->stubs.exit_reason = here(a);
    for (unsigned i = 0; i < n; i++)
        x64_patch(from[i], a->p);
    cg_map_save(a, cg, &cg->canonical, NULL);
    x64_store(a, true, RSP, AT(jit_sp));
    cg->stubs.exit_fault = here(a);
    stmxcsr(a, AT(mxcsr_guest));
    ldmxcsr(a, AT(mxcsr_host));
    x64_load(a, true, RSP, AT(host_sp));
    x64_alui(a, X64_ADD, true, x64_r(RSP), 8);
    for (unsigned i = 0; i < sizeof saved; i++)
        push_pop(a, 0x58, saved[i]);
    x64_b(a, 0xc3);
}

/* The jump cache does not know rax; perhaps another has taken its place there. */
static void jump_victim(const struct cg *cg, struct x64_asm *a)
{
    struct x64_rm e = x64_m(RCX, (int32_t)offsetof(struct tlb_set, jvictim));
    x64_mov(a, true, RCX, RAX);
    x64_shifti(a, X64_SHR, true, RCX, cg_jcache_shift(cg));
    x64_mov(a, true, RDX, RCX);
    x64_shifti(a, X64_SHR, true, RDX, TLB_JCACHE_BITS); /* tlb_jvictim() */
    x64_alu(a, X64_XOR, false, RCX, x64_r(RDX));
    x64_alui(a, X64_AND, false, x64_r(RCX), TLB_JVICTIMS - 1);
    x64_shifti(a, X64_SHL, false, RCX, 4);
    x64_alu(a, X64_ADD, true, RCX, AT(tlb));
    x64_alu(a, X64_CMP, true, RAX, e);
    uint8_t *miss = x64_jcc8(a, X64_NE);
    e.disp += (int32_t)offsetof(struct cpu_jcache, host);
    x64_op(a, 0xff, false, 4, e);
    x64_patch8(miss, a->p);
}

static void exits(struct cg *cg, struct x64_asm *a)
{
    uint8_t *to_leave[5];
    cg->stubs.exit_link = here(a);
    x64_b(a, 0x58); /* pop rax */
    x64_store(a, true, RAX, AT(exit_site));
    x64_movi(a, RAX, CPU_EXIT_NONE);
    to_leave[0] = x64_jmp(a);
    cg->stubs.ret_end = here(a); /* the bottom entry of the return stack stays */
    x64_lea(a, true, RSP, x64_m(RSP, -8));
    cg->stubs.exit_pc = here(a);
    if (cg->mem_slow)
        jump_victim(cg, a);
    x64_store(a, true, RAX, AT(pc));
    x64_movi(a, RAX, CPU_EXIT_NONE);
    to_leave[1] = x64_jmp(a);
    cg->stubs.exit_kick = here(a);
    x64_store(a, true, RAX, AT(pc));
    x64_movi(a, RAX, CPU_EXIT_KICK);
    to_leave[2] = x64_jmp(a);
    cg->stubs.counter = here(a);
    x64_store(a, true, RAX, AT(pc));
    x64_movi(a, RAX, CG_EXIT_HOT);
    to_leave[3] = x64_jmp(a);
    cg->stubs.exit_dead = here(a);
    x64_store(a, true, RAX, AT(pc));
    x64_movi(a, RAX, CG_EXIT_DEAD);
    to_leave[4] = x64_jmp(a);
    leave(cg, a, to_leave, 5);
}

/* A return whose top entry is another's: look a few entries up (longjmp, tail calls out of nested
 * calls), else go by the jump cache. rax = guest target. */
static void ret_miss(struct cg *cg, struct x64_asm *a)
{
    unsigned shift = cg_jcache_shift(cg);
    cg->stubs.ret_miss = here(a);
    x64_load(a, true, RCX, AT(jit_sp_base));
    x64_lea(a, true, RDX, x64_m(RSP, 16));
    x64_movi(a, RSI, 8);
    const uint8_t *again = a->p;
    x64_alu(a, X64_CMP, true, RDX, x64_r(RCX));
    uint8_t *end = x64_jcc8(a, X64_AE);
    x64_alu(a, X64_CMP, true, RAX, x64_m(RDX, 8));
    uint8_t *found = x64_jcc8(a, X64_E);
    x64_alui(a, X64_ADD, true, x64_r(RDX), 16);
    x64_alui(a, X64_SUB, false, x64_r(RSI), 1);
    x64_jcc_to(a, X64_NE, again);
    uint8_t *end2 = x64_jmp8(a);
    x64_patch8(found, a->p);
    x64_mov(a, true, RSP, RDX);
    x64_b(a, 0xc3);
    x64_patch8(end, a->p);
    x64_patch8(end2, a->p);
    if (cg->mem_slow) { /* returns alone may make a loop */
        x64_alui(a, X64_CMP, false, AT(exit_request), 0);
        x64_patch(x64_jcc(a, X64_NE), a->start + (cg->stubs.exit_kick - a->rx));
    }
    x64_mov(a, false, RCX, RAX);
    x64_alui(a, X64_AND, false, x64_r(RCX), ((cg->mem_slow ? TLB_JCACHE_SIZE : CPU_JCACHE_SIZE) - 1) << shift);
    if (!shift)
        x64_shifti(a, X64_SHL, false, RCX, 4);
    struct x64_rm e = x64_mx(RBP, RCX, shift ? 4 - (int)shift : 0, CPU_OFF(jcache));
    if (cg->mem_slow) {
        x64_load(a, true, RDX, AT(tlb));
        e.base = RDX;
        e.disp = JCACHE_OFF;
    }
    x64_alu(a, X64_CMP, true, RAX, e);
    uint8_t *disp = x64_jcc(a, X64_NE);
    x64_patch(disp, a->start + (cg->stubs.exit_pc - a->rx));
    e.disp += (int32_t)offsetof(struct cpu_jcache, host);
    x64_op(a, 0xff, false, 4, e);
}

/* A helper that sees or changes the state: the host's FP status is folded into it before. */
static void state_helper(struct cpu *c, union ir_val *v, ir_helper_fn *fn)
{
    unsigned csr = _mm_getcsr(), flags = cg_fp_status(csr);
    if (flags) {
        c->isa->fp_status_add(c, flags);
        _mm_setcsr(cg_fp_clear(csr));
    }
    fn(c, v);
}

/* rdx = helper. The C stack is the one that `enter` left. */
static void helper_core(struct x64_asm *a, bool state, unsigned depth)
{
    x64_store(a, true, RSP, AT(jit_sp));
    x64_load(a, true, RAX, x64_m(RSP, (int32_t)depth));
    x64_store(a, true, RAX, AT(helper_pc));
    x64_load(a, true, RSP, AT(host_sp));
    cpu_to_rdi(a);
    x64_lea(a, true, RSI, AT(args));
    if (state)
        abs_call(a, (void *)state_helper);
    else
        x64_op(a, 0xff, false, 2, x64_r(RDX));
    x64_load(a, true, RSP, AT(jit_sp));
    x64_storei(a, true, 0, AT(helper_pc));
    x64_b(a, 0xc3);
}

static void helpers(struct cg *cg, struct x64_asm *a)
{
    for (int state = 0; state < 2; state++) {
        *(state ? &cg->stubs.helper_state_raw : &cg->stubs.helper_raw) = here(a);
        const uint8_t *raw = a->p;
        helper_core(a, state, 0);
        *(state ? &cg->stubs.helper_state : &cg->stubs.helper) = here(a);
        cg_map_save(a, cg, &cg->canonical, NULL);
        x64_patch(x64_call(a), raw);
        cg_map_load(a, cg, &cg->canonical);
        x64_b(a, 0xc3);
    }
}

/* rax: op | type << 8 | operand type << 12 | aux << 16 | immediate << 32. */
static void eval_call(struct cpu *c, uint64_t d)
{
    union ir_val *v = (union ir_val *)(void *)c->args;
    struct ir_fpenv env;
    uint8_t flags = 0;
    c->isa->fpenv(c->key, &env);
    ir_eval(&env, (uint8_t)d, d >> 8 & 15, (unsigned)(d >> 16 & 0xffff), (uint32_t)(d >> 32), d >> 12 & 15,
            &v[0], &v[0], &v[1], &v[2], &flags);
    if (flags)
        c->isa->fp_status_add(c, flags);
}

static void eval(struct cg *cg, struct x64_asm *a)
{
    static const uint8_t gpr[] = {RCX, RDX, RSI, RDI, R8, R9, R10, R11};
    int32_t frame = 16 * 16 + 8 * (int32_t)sizeof gpr;
    cg->stubs.eval = here(a);
    x64_store(a, true, RSP, AT(jit_sp));
    x64_load(a, true, RSP, AT(host_sp));
    x64_alui(a, X64_SUB, true, x64_r(RSP), frame);
    for (int i = 0; i < 16; i++)
        x64_storev(a, i, x64_m(RSP, 16 * i));
    for (unsigned i = 0; i < sizeof gpr; i++)
        x64_store(a, true, gpr[i], x64_m(RSP, 256 + 8 * (int32_t)i));
    cpu_to_rdi(a);
    x64_mov(a, true, RSI, RAX);
    abs_call(a, (void *)eval_call);
    for (int i = 0; i < 16; i++)
        x64_loadv(a, i, x64_m(RSP, 16 * i));
    for (unsigned i = 0; i < sizeof gpr; i++)
        x64_load(a, true, gpr[i], x64_m(RSP, 256 + 8 * (int32_t)i));
    x64_load(a, true, RSP, AT(jit_sp));
    x64_b(a, 0xc3);
}

static void fp_bits(struct cg *cg, struct x64_asm *a)
{
    cg->stubs.fp_bits = here(a);
    for (unsigned csr = 0; csr < 64; csr++)
        x64_b(a, cg->isa->fp_status_bits ? cg->isa->fp_status_bits(cg_fp_status(csr)) : 0);
}

/* ---- the slow path of memory ---- */

static const uint8_t victim_saved[] = {RCX, RDX, RSI, RDI, R8, R9};

static void victim_pop(struct x64_asm *a)
{
    for (unsigned i = sizeof victim_saved; i-- > 0;)
        push_pop(a, 0x58, victim_saved[i]);
}

/* For the access at rax that cpu->mem_desc describes: rdx := the set, rsi := offset of the tag in an entry,
 * rdi := what must be in it. */
static void victim_tag(struct x64_asm *a)
{
    x64_load(a, false, RCX, AT(mem_desc));
    x64_load(a, true, RDX, AT(tlb));
    x64_testi(a, false, x64_r(RCX), IR_M_USER);
    x64_op(a, X64_0F(0x45), true, RDX, x64_m(RBP, CPU_OFF(tlb) + 8)); /* cmovne */
    x64_alu(a, X64_XOR, false, RSI, x64_r(RSI));
    x64_testi(a, false, x64_r(RCX), CG_MEM_KIND);
    x64_op8(a, X64_0F(0x95), 0, x64_r(RSI)); /* setne */
    x64_shifti(a, X64_SHL, false, RSI, 3);
    x64_mov(a, false, R8, RCX);
    x64_alui(a, X64_AND, false, x64_r(RCX), IR_M_SIZE);
    x64_movi(a, RDI, 1);
    x64_op(a, 0xd3, false, 4, x64_r(RDI)); /* shl edi, cl */
    x64_testi(a, false, x64_r(R8), IR_M_ALIGNED);
    uint8_t *aligned = x64_jcc8(a, X64_NE);
    x64_lea(a, true, RDI, x64_mx(RAX, RDI, 0, -1));
    x64_alui(a, X64_AND, true, x64_r(RDI), -MEM_PAGE);
    uint8_t *done = x64_jmp8(a);
    x64_patch8(aligned, a->p);
    x64_lea(a, true, RDI, x64_m(RDI, -1 - MEM_PAGE)); /* -MEM_PAGE | size - 1 */
    x64_alu(a, X64_AND, true, RDI, x64_r(RAX));
    x64_patch8(done, a->p);
}

/* The page of the access at rax has lost its place, perhaps: looks at tlb_victim(). Goes on behind itself
 * when it is not there either. */
static void mem_victim(struct x64_asm *a)
{
    for (unsigned i = 0; i < sizeof victim_saved; i++)
        push_pop(a, 0x50, victim_saved[i]);
    victim_tag(a);
    x64_mov(a, true, R8, RAX);
    x64_shifti(a, X64_SHR, true, R8, MEM_PAGE_BITS);
    x64_mov(a, true, R9, R8);
    for (int i = 0; i < 2; i++) {
        x64_shifti(a, X64_SHR, true, R9, TLB_BITS);
        x64_alu(a, X64_XOR, false, R8, x64_r(R9));
    }
    x64_alui(a, X64_AND, false, x64_r(R8), TLB_VICTIMS - 1);
    x64_shifti(a, X64_SHL, false, R8, 5);
    x64_alu(a, X64_ADD, true, R8, x64_r(RDX));
    x64_alui(a, X64_ADD, true, x64_r(R8), TLB_SIZE << 5);
    x64_alu(a, X64_CMP, true, RDI, x64_mx(R8, RSI, 0, 0));
    uint8_t *miss = x64_jcc8(a, X64_NE);
    x64_load(a, true, RAX, x64_m(R8, (int32_t)offsetof(struct tlb_entry, addend)));
    victim_pop(a);
    x64_b(a, 0xc3);
    x64_patch8(miss, a->p);
    victim_pop(a);
}

/* rax: guest address. Everything else is kept, but the flags. */
static void mem_slow(struct cg *cg, struct x64_asm *a)
{
    int32_t frame = (int32_t)sizeof(struct cg_fault_regs);
    cg->stubs.mem_slow = here(a);
    mem_victim(a);
    x64_store(a, true, RSP, AT(jit_sp));
    x64_load(a, true, RSP, AT(host_sp));
    x64_alui(a, X64_SUB, true, x64_r(RSP), frame);
    for (int i = 0; i < 16; i++)
        if (i != RSP && i != RBP && i != RAX)
            x64_store(a, true, i, x64_m(RSP, 8 * i));
    for (int i = 0; i < 16; i++)
        x64_storev(a, i, x64_m(RSP, 128 + 16 * i));
    cpu_to_rdi(a);
    x64_mov(a, true, RSI, RAX);
    x64_mov(a, true, RDX, RSP);
    abs_call(a, (void *)cg->mem_slow);
    for (int i = 0; i < 16; i++)
        if (1u << i & (1u << RCX | 1u << RDX | 1u << RSI | 1u << RDI | 0xf00u))
            x64_load(a, true, i, x64_m(RSP, 8 * i));
    for (int i = 0; i < 16; i++)
        x64_loadv(a, i, x64_m(RSP, 128 + 16 * i));
    x64_load(a, true, RSP, AT(jit_sp));
    x64_b(a, 0xc3);
}

void cg_stubs_emit(struct cg *cg, struct x64_asm *a)
{
    enter(cg, a);
    exits(cg, a);
    ret_miss(cg, a);
    helpers(cg, a);
    eval(cg, a);
    if (cg->mem_slow)
        mem_slow(cg, a);
    cg_consts_emit(cg, a);
    fp_bits(cg, a);
    cg->stubs.end = here(a);
    assert(a->p <= a->end);
}

/* ---- the host's floating-point control (MXCSR; Intel SDM vol. 1, 10.2.3) ---- */

uint32_t cg_fp_control(const struct ir_fpenv *env)
{
    static const uint8_t rc[] = {[IR_RM_NEAREST] = 0, [IR_RM_ZERO] = 3, [IR_RM_UP] = 2, [IR_RM_DOWN] = 1, [IR_RM_AWAY] = 0};
    return 0x1f80 | (uint32_t)rc[env->rm] << 13 | (env->ftz ? 0x8000u : 0) | (env->daz ? 0x40u : 0);
}

unsigned cg_fp_status(uint32_t csr)
{
    return (csr & 1 ? FP_FLAG_INVALID : 0) | (csr & 4 ? FP_FLAG_DIVZERO : 0) | (csr & 8 ? FP_FLAG_OVERFLOW : 0) |
           (csr & 16 ? FP_FLAG_UNDERFLOW : 0) | (csr & 32 ? FP_FLAG_INEXACT : 0);
}

uint32_t cg_fp_clear(uint32_t csr) { return csr & ~0x3fu; }
