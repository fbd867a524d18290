/* Owns TLB maintenance and address translation instructions. Arm ARM D8.14, D8.15 (AT), C5.5
 * (encodings).
 *
 * The accelerator caches combined translations by virtual address, so maintenance by intermediate
 * address drops all of the VMID, and maintenance by address looks into every ASID: entries may be
 * global. */
#include "isa/arm64/helpers.h"
#include "isa/arm64/system_int.h"

/* ---- TLBI ---- */

static void flush(struct cpu *c, struct cpu_flush f, bool everyone)
{
    if (!c->sys->accel)
        return;
    c->sys->accel->flush(c, &f, everyone);
    if (everyone)
        a64_m(c)->flushed = true;
}

/* Contexts of EL1&0 under the present VMID, or (all) any. */
static struct cpu_flush guests(const struct cpu *c, bool all)
{
    struct cpu_flush f = {.mask = A64_CTX_REGIME | A64_CTX_SECURE, .value = 1};

    if (a64_secure(c))
        f.value |= A64_CTX_SECURE;
    if (!all && a64_el2_on(c)) {
        uint64_t vmid = a64_cs(c)->r[A64_R_VTTBR_EL2] >> 48;

        if (!(a64_cs(c)->r[A64_R_VTCR_EL2] >> 19 & 1))
            vmid &= 0xff;
        f.mask |= A64_CTX_VMID;
        f.value |= vmid << 32;
    }
    return f;
}

/* Contexts that instructions named EL1 mean here: a host's are EL2&0. */
static struct cpu_flush el1(const struct cpu *c)
{
    if (a64_host(c) && a64_cs(c)->el == 2)
        return (struct cpu_flush){.mask = A64_CTX_REGIME, .value = 0};
    return guests(c, false);
}

static struct cpu_flush el23(const struct cpu *c, unsigned op1)
{
    if (op1 == 6)
        return (struct cpu_flush){.mask = A64_CTX_REGIME, .value = 3};
    return (struct cpu_flush){.mask = A64_CTX_REGIME,
                              .value = a64_cs(c)->r[A64_R_HCR_EL2] & A64_HCR_E2H ? 0 : 2};
}

static void by_address(struct cpu_flush *f, uint64_t v)
{
    f->va = (uint64_t)bits_sext64(v << 12, 56);
    f->size = 4096;
}

static void by_range(struct cpu_flush *f, uint64_t v)
{
    static const uint8_t granules[4] = {0, 12, 14, 16};
    unsigned granule = granules[v >> 46 & 3];
    uint64_t pages = ((v >> 39 & 31) + 1) << (5 * (v >> 44 & 3) + 1);

    if (!granule) { /* reserved: whatever was meant is in it */
        f->size = 0;
        return;
    }
    f->va = (uint64_t)bits_sext64(v, 37) << granule;
    f->size = pages << granule;
}

static void by_asid(struct cpu *c, struct cpu_flush *f, uint64_t v)
{
    uint64_t tcr = a64_cs(c)->r[(f->value & A64_CTX_REGIME) == 1 ? A64_R_TCR_EL1 : A64_R_TCR_EL2],
             asid = v >> 48;

    if (!(tcr >> 36 & 1))
        asid &= 0xff;
    f->mask |= A64_CTX_ASID;
    f->value |= asid << 16;
    f->keep_global = true;
}

void a64_tlbi(struct cpu *c, unsigned enc, uint64_t v)
{
    unsigned op1 = enc >> 11 & 7, crm = enc >> 3 & 15, op2 = enc & 7;
    bool everyone = crm <= 3 || crm == 5, range = crm == 2 || crm == 5 || crm == 6;
    struct cpu_flush f;

    if (op1 == 4 && (crm == 0 || crm == 4)) { /* by intermediate address */
        everyone = crm == 0 || op2 == 0 || op2 == 4 || op2 == 3 || op2 == 7;
        flush(c, guests(c, false), everyone);
        return;
    }
    if (a64_cs(c)->el == 1 && (a64_hcr(c) & A64_HCR_FB))
        everyone = true;
    f = op1 == 0               ? el1(c)
        : op1 == 4 && op2 == 4 ? guests(c, true)
        : op1 == 4 && op2 == 6 ? guests(c, false)
                               : el23(c, op1);
    if (range)
        by_range(&f, v);
    else if (op1 == 0 && op2 == 2)
        by_asid(c, &f, v);
    else if (op2 == 1 || op2 == 3 || op2 == 5 || op2 == 7)
        by_address(&f, v);
    flush(c, f, everyone);
}

/* ---- AT ---- */

static uint64_t par_of(const struct a64_result *r, bool ok)
{
    uint64_t fst;

    if (ok) {
        unsigned sh = r->page.device || r->attr == 0x44 ? 2 : r->shareability;

        return (uint64_t)r->attr << 56 | (r->page.pa & bits_mask64(48) & ~UINT64_C(0xfff)) |
               1 << 11 | 1 << 9 | (uint64_t)sh << 7;
    }
    fst = r->fault & A64_FAULT_FSC;
    return 1 << 11 | (r->fault & A64_FAULT_STAGE2 ? 1 << 9 : 0) |
           (r->fault & A64_FAULT_S1PTW ? 1 << 8 : 0) | fst << 1 | 1;
}

void a64_at(struct cpu *c, unsigned enc, uint64_t va)
{
    unsigned op1 = enc >> 11 & 7, op2 = enc & 7;
    bool pan = (enc >> 3 & 15) == 9;
    struct a64_xlat x = {.at = true, .access = op2 & 1 ? CPU_WRITE : CPU_READ};
    struct a64_result r;
    bool ok;

    if (op1 == 6) {
        x.regime = 3;
    } else if (op1 == 4 && op2 < 2) {
        x.regime = 2;
    } else {
        bool host = a64_host(c) && a64_cs(c)->el >= 2;

        x.regime = host ? 2 : 1;
        x.user = op2 & 2;
        x.pan = pan && a64_cs(c)->pan;
        x.stage2 =
            !host && (a64_hcr(c) & (A64_HCR_VM | A64_HCR_DC)) && (a64_cs(c)->el < 2 || op1 == 4);
    }
    ok = a64_walk(c, va, &x, &r);
    /* Stage 2 of a walk by EL1 itself is the hypervisor's fault to mend. */
    if (!ok && (r.fault & A64_FAULT_STAGE2) && a64_cs(c)->el == 1) {
        c->sys->fault[0] = r.fault | A64_FAULT_CM;
        c->sys->fault[1] = va;
        c->sys->fault[2] = r.ipa;
        a64_leave_fault(c, CPU_READ);
    }
    arm64_state(c)->r[A64_R_PAR_EL1] = par_of(&r, ok);
}

/* ---- helpers ---- */

/* v[0] encoding, v[1] ISS of a trap, v[2] value: TLBI and AT that the level may do. */
void a64_h_sys(void *cpu, union ir_val *v)
{
    struct cpu *c = cpu;
    unsigned enc = v[0].w;
    bool tlbi = (enc >> 7 & 15) == 8;

    if (a64_cs(c)->el == 1 && tlbi && (a64_hcr(c) & A64_HCR_TTLB))
        a64_leave_trap(c, 2, a64_esr(A64_EC_SYSREG, v[1].w));
    if (tlbi)
        a64_tlbi(c, enc, v[2].x);
    else
        a64_at(c, enc, v[2].x);
}

/* DSB: broadcast flushes of this cpu have been done everywhere when it ends. */
void a64_h_dsb(void *cpu, union ir_val *v)
{
    struct cpu *c = cpu;

    (void)v;
    if (a64_m(c)->flushed) {
        a64_m(c)->flushed = false;
        if (c->sys->accel)
            c->sys->accel->sync(c);
    }
}

/* Cache maintenance: traps only, the rest is inline. v[0] encoding, v[1] ISS. */
void a64_h_cache_check(void *cpu, union ir_val *v)
{
    struct cpu *c = cpu;
    unsigned enc = v[0].w, crm = enc >> 3 & 15, el = a64_cs(c)->el;
    uint64_t esr = a64_esr(A64_EC_SYSREG, v[1].w), hcr = a64_hcr(c), trap;
    bool set_way = (enc & 7) == 2, unification = crm == 5 || crm == 1 || crm == 11;

    if (el == 0 && !(a64_sctlr(c, a64_regime_el(c, 0)) & A64_SCTLR_UCI))
        a64_leave_trap(c, hcr & A64_HCR_TGE ? 2 : 1, esr);
    trap = set_way ? A64_HCR_TSW : unification ? A64_HCR_TPU : A64_HCR_TPC;
    if (el < 2 && (hcr & trap) && !(el == 0 && a64_host(c)))
        a64_leave_trap(c, 2, esr);
}

/* IC. v[0] address, v[1] size (0: all). */
void a64_h_icache(void *cpu, union ir_val *v)
{
    struct cpu *c = cpu;

    if (c->sys->accel)
        c->sys->accel->code_changed(c, v[0].x, v[1].x);
}

/* DC ZVA that is trapped. v[0] ISS. */
void a64_h_zva_trap(void *cpu, union ir_val *v)
{
    struct cpu *c = cpu;
    bool by_user = a64_cs(c)->el == 0 && !(a64_sctlr(c, a64_regime_el(c, 0)) & A64_SCTLR_DZE);

    a64_leave_trap(c, by_user && !(a64_hcr(c) & A64_HCR_TGE) ? 1 : 2,
                   a64_esr(A64_EC_SYSREG, v[0].w));
}

/* Before DAIF becomes v[0]: if that lets an interrupt in, leaves with it set, after this
 * instruction. */
void a64_h_unmask(void *cpu, union ir_val *v)
{
    struct cpu *c = cpu;

    if (likely(!a64_deliverable(c, v[0].w)))
        return;
    arm64_state(c)->daif = v[0].w;
    c->pc += 4;
    cpu_leave(c, CPU_EXIT_KICK);
}

/* HINT: 4 SEV, 5 SEVL. SEV to others needs no more: they never sleep in WFE. */
void a64_h_event(void *cpu, union ir_val *v)
{
    (void)v;
    arm64_state(cpu)->event = 1;
}
