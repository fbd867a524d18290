/* What RISC-V instructions leave to C functions: counters, classes, half-precision arithmetic.
 *
 * Never touches guest memory. Helpers that raise exceptions or-in fcsr's flags themselves. */
#include <time.h>

#include "fp/fp.h"
#include "isa/riscv/features.h"
#include "isa/riscv/lift_fp.h"

static void set_frm(void *cpu, union ir_val *v)
{
    ((struct cpu *)cpu)->key = v[0].w;
}

/* The counters all tick in nanoseconds: features.h says so to programs that ask. */
static void csr_time(void *cpu, union ir_val *v)
{
    struct cpu *c = cpu;
    struct timespec t;

    if (v[0].w == RV_CSR_INSTRET && c->icount) {
        v[0].x = c->icount;
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &t);
    v[0].x = (uint64_t)t.tv_sec * RV_TIME_FREQ + (uint64_t)t.tv_nsec;
}

static void fclass_s(void *cpu, union ir_val *v)
{
    (void)cpu;
    v[0].x = fp_f32_class_riscv(v[0].w);
}

static void fclass_d(void *cpu, union ir_val *v)
{
    (void)cpu;
    v[0].x = fp_f64_class_riscv(v[0].x);
}

/* ---- halves ---- */

static uint16_t unbox(uint64_t v)
{
    return v >= RV_BOX16 ? (uint16_t)v : 0x7e00;
}

static void fclass_h(void *cpu, union ir_val *v)
{
    (void)cpu;
    v[0].x = fp_f16_class_riscv(unbox(v[0].x));
}

static uint16_t f16_arith(enum rv_f16_op op, uint16_t a, uint16_t b, uint16_t c, struct fp_ctx *fp)
{
    const uint16_t sign = 0x8000;

    switch (op) {
    case RV_F16_ADD:
        return fp_f16_add(a, b, fp);
    case RV_F16_SUB:
        return fp_f16_sub(a, b, fp);
    case RV_F16_MUL:
        return fp_f16_mul(a, b, fp);
    case RV_F16_DIV:
        return fp_f16_div(a, b, fp);
    case RV_F16_SQRT:
        return fp_f16_sqrt(a, fp);
    case RV_F16_FMADD:
        return fp_f16_fma(a, b, c, fp);
    case RV_F16_FMSUB:
        return fp_f16_fma(a, b, c ^ sign, fp);
    case RV_F16_FNMSUB:
        return fp_f16_fma(a ^ sign, b, c, fp);
    case RV_F16_FNMADD:
        return fp_f16_fma(a ^ sign, b, c ^ sign, fp);
    case RV_F16_SGNJ:
        return (a & ~sign) | (b & sign);
    case RV_F16_SGNJN:
        return (a & ~sign) | (~b & sign);
    case RV_F16_SGNJX:
        return a ^ (b & sign);
    case RV_F16_MIN:
        return fp_f16_minmax(FP_MINNUM_2019, a, b, fp);
    default:
        return fp_f16_minmax(FP_MAXNUM_2019, a, b, fp);
    }
}

static uint64_t f16_to_int(enum rv_f16_op op, uint16_t a, uint16_t b, struct fp_ctx *fp)
{
    enum fp_round rm = (enum fp_round)fp->rm;
    enum fp_rel rel;

    switch (op) {
    case RV_F16_LE:
        rel = fp_f16_cmps(a, b, fp);
        return rel == FP_LESS || rel == FP_EQUAL;
    case RV_F16_LT:
        return fp_f16_cmps(a, b, fp) == FP_LESS;
    case RV_F16_EQ:
        return fp_f16_cmp(a, b, fp) == FP_EQUAL;
    case RV_F16_TO_W:
        return (uint64_t)(int64_t)fp_f16_to_i32(a, rm, FP_INT_RISCV, fp);
    case RV_F16_TO_WU:
        return (uint64_t)(int64_t)(int32_t)fp_f16_to_u32(a, rm, FP_INT_RISCV, fp);
    case RV_F16_TO_L:
        return (uint64_t)fp_f16_to_i64(a, rm, FP_INT_RISCV, fp);
    default:
        return fp_f16_to_u64(a, rm, FP_INT_RISCV, fp);
    }
}

static uint16_t f16_from_int(enum rv_f16_op op, uint64_t v, struct fp_ctx *fp)
{
    switch (op) {
    case RV_F16_FROM_W:
        return fp_f16_from_i32((int32_t)v, fp);
    case RV_F16_FROM_WU:
        return fp_f16_from_u32((uint32_t)v, fp);
    case RV_F16_FROM_L:
        return fp_f16_from_i64((int64_t)v, fp);
    default:
        return fp_f16_from_u64(v, fp);
    }
}

static void f16_op(void *cpu, union ir_val *v)
{
    enum rv_f16_op op = (enum rv_f16_op)(v[0].w & 0xff);
    struct fp_ctx fp = fp_ctx_make(FP_NAN_RISCV);
    uint16_t a = unbox(v[1].x), b = unbox(v[2].x);

    fp.rm = (uint8_t)(v[0].w >> 8);
    if (op >= RV_F16_FROM_W)
        v[0].x = RV_BOX16 | f16_from_int(op, v[1].x, &fp);
    else if (op >= RV_F16_LE)
        v[0].x = f16_to_int(op, a, b, &fp);
    else
        v[0].x = RV_BOX16 | f16_arith(op, a, b, unbox(v[3].x), &fp);
    rv_state(cpu)->fcsr |= fp_flags_to_riscv(fp.flags);
}

const struct ir_helper rv_helpers[RV_H_COUNT] = {
    [RV_H_SET_FRM] = {"rv_set_frm", set_frm, IR_H_NODCE, 1, IR_VOID, {IR_I32}},
    [RV_H_CSR_TIME] = {"rv_csr_time", csr_time, IR_H_NODCE, 1, IR_I64, {IR_I32}},
    [RV_H_FCLASS_S] = {"rv_fclass_s", fclass_s, IR_H_PURE, 1, IR_I64, {IR_I32}},
    [RV_H_FCLASS_D] = {"rv_fclass_d", fclass_d, IR_H_PURE, 1, IR_I64, {IR_I64}},
    [RV_H_FCLASS_H] = {"rv_fclass_h", fclass_h, IR_H_PURE, 1, IR_I64, {IR_I64}},
    [RV_H_F16_OP] = {"rv_f16_op", f16_op, IR_H_NODCE, 4, IR_I64, {IR_I32, IR_I64, IR_I64, IR_I64}},
};
