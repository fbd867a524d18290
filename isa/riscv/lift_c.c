/* Lifts the compressed instructions by expanding each to its instruction of 32 bits.
 * Unprivileged ISA, chapter "C", which also gives the order of the immediates' bits. */
#include "isa/riscv/lift.h"

/* Width of the instruction field, bit to take, place to put it. */
#define BIT(v, from, to) (((v) >> (from)&1u) << (to))
#define REG(r)           ((r) + 8u)

/* uimm[5:3|7:6] and uimm[5:3|2|6] of loads and stores. */
static uint32_t off8(uint32_t v)
{
    return (v >> 2) << 3 | (v & 3) << 6;
}
static uint32_t off4(uint32_t v)
{
    return (v >> 2) << 3 | BIT(v, 1, 2) | BIT(v, 0, 6);
}
/* uimm[5|4:3|8:6] and uimm[5|4:2|7:6] of loads from the stack. */
static uint32_t sp_off8(uint32_t v)
{
    return (v >> 3) << 3 | (v & 7) << 6;
}
static uint32_t sp_off4(uint32_t v)
{
    return (v >> 2) << 2 | (v & 3) << 6;
}
static uint32_t simm6(uint32_t v)
{
    return (uint32_t)rv_sext(v, 6) & 0xfff;
}

/* Makes the arguments of NAME and lifts it. */
#define EXPAND(NAME, ...)                                 \
    do {                                                  \
        const struct rv_args_##NAME args = {__VA_ARGS__}; \
                                                          \
        return rv_##NAME(l, &args);                       \
    } while (0)
#define C(NAME) enum isa_lift rv_c_##NAME(struct rv_lift *l, const struct rv_args_c_##NAME *a)

C(addi4spn)
{
    /* nzuimm[5:4|9:6|2|3] */
    uint32_t v = a->imm;
    uint32_t imm = (v >> 6) << 4 | (v >> 2 & 15) << 6 | BIT(v, 1, 2) | BIT(v, 0, 3);

    EXPAND(addi, .rd = REG(a->rd), .rs1 = 2, .imm = imm);
}

C(fld)
{
    EXPAND(fld, .rd = REG(a->rd), .rs1 = REG(a->rs1), .imm = off8(a->imm));
}
C(lw)
{
    EXPAND(lw, .rd = REG(a->rd), .rs1 = REG(a->rs1), .imm = off4(a->imm));
}
C(ld)
{
    EXPAND(ld, .rd = REG(a->rd), .rs1 = REG(a->rs1), .imm = off8(a->imm));
}
C(fsd)
{
    EXPAND(fsd, .rs2 = REG(a->rs2), .rs1 = REG(a->rs1), .imm = off8(a->imm));
}
C(sw)
{
    EXPAND(sw, .rs2 = REG(a->rs2), .rs1 = REG(a->rs1), .imm = off4(a->imm));
}
C(sd)
{
    EXPAND(sd, .rs2 = REG(a->rs2), .rs1 = REG(a->rs1), .imm = off8(a->imm));
}

C(addi)
{
    EXPAND(addi, .rd = a->rd, .rs1 = a->rd, .imm = simm6(a->imm));
}
C(addiw)
{
    EXPAND(addiw, .rd = a->rd, .rs1 = a->rd, .imm = simm6(a->imm));
}
C(li)
{
    EXPAND(addi, .rd = a->rd, .rs1 = 0, .imm = simm6(a->imm));
}
C(addi16sp)
{
    /* nzimm[9|4|6|8:7|5] */
    uint32_t v = a->imm;
    uint32_t imm = BIT(v, 5, 9) | BIT(v, 4, 4) | BIT(v, 3, 6) | (v >> 1 & 3) << 7 | BIT(v, 0, 5);

    EXPAND(addi, .rd = 2, .rs1 = 2, .imm = (uint32_t)rv_sext(imm, 10) & 0xfff);
}
C(lui)
{
    EXPAND(lui, .rd = a->rd, .imm = (uint32_t)rv_sext(a->imm, 6) & 0xfffff);
}
C(srli)
{
    EXPAND(srli, .rd = REG(a->rd), .rs1 = REG(a->rd), .sh = a->sh);
}
C(srai)
{
    EXPAND(srai, .rd = REG(a->rd), .rs1 = REG(a->rd), .sh = a->sh);
}
C(andi)
{
    EXPAND(andi, .rd = REG(a->rd), .rs1 = REG(a->rd), .imm = simm6(a->imm));
}

#define C_ALU(NAME)                                                            \
    C(NAME)                                                                    \
    {                                                                          \
        EXPAND(NAME, .rd = REG(a->rd), .rs1 = REG(a->rd), .rs2 = REG(a->rs2)); \
    }
C_ALU(sub)
C_ALU(xor)
C_ALU(or)
C_ALU(and)
C_ALU(subw)
C_ALU(addw)

C(j)
{
    /* imm[11|4|9:8|10|6|7|3:1|5] */
    uint32_t v = a->imm;
    uint32_t imm = BIT(v, 10, 11) | BIT(v, 9, 4) | (v >> 7 & 3) << 8 | BIT(v, 6, 10) |
                   BIT(v, 5, 6) | BIT(v, 4, 7) | (v >> 1 & 7) << 1 | BIT(v, 0, 5);

    ir_jmp(l->u, l->pc + (uint64_t)rv_sext(imm, 12));
    return ISA_END;
}

/* imm[8|4:3 ... 7:6|2:1|5], spread over the fields of a branch of 32 bits. */
#define C_BRANCH(NAME, FULL)                                                                      \
    C(NAME)                                                                                       \
    {                                                                                             \
        uint32_t v = a->imm;                                                                      \
        uint32_t imm = BIT(v, 7, 8) | (v >> 5 & 3) << 3 | (v >> 3 & 3) << 6 | (v >> 1 & 3) << 1 | \
                       BIT(v, 0, 5);                                                              \
                                                                                                  \
        imm = (uint32_t)rv_sext(imm, 9);                                                          \
        EXPAND(FULL, .rs1 = REG(a->rs1), .rs2 = 0, .imm12 = BIT(imm, 12, 0),                      \
               .imm11 = BIT(imm, 11, 0), .imm10 = imm >> 5 & 63, .imm4 = imm >> 1 & 15);          \
    }
C_BRANCH(beqz, beq)
C_BRANCH(bnez, bne)

C(slli)
{
    EXPAND(slli, .rd = a->rd, .rs1 = a->rd, .sh = a->sh);
}
C(fldsp)
{
    EXPAND(fld, .rd = a->rd, .rs1 = 2, .imm = sp_off8(a->imm));
}
C(lwsp)
{
    EXPAND(lw, .rd = a->rd, .rs1 = 2, .imm = sp_off4(a->imm));
}
C(ldsp)
{
    EXPAND(ld, .rd = a->rd, .rs1 = 2, .imm = sp_off8(a->imm));
}
C(jr)
{
    EXPAND(jalr, .rd = 0, .rs1 = a->rs1, .imm = 0);
}
C(mv)
{
    EXPAND(add, .rd = a->rd, .rs1 = 0, .rs2 = a->rs2);
}
C(ebreak)
{
    (void)a;
    EXPAND(ebreak, .word = 0);
}
C(jalr)
{
    EXPAND(jalr, .rd = 1, .rs1 = a->rs1, .imm = 0);
}
C(add)
{
    EXPAND(add, .rd = a->rd, .rs1 = a->rd, .rs2 = a->rs2);
}
/* uimm[5:3|8:6] and uimm[5:2|7:6] of stores to the stack. */
C(fsdsp)
{
    EXPAND(fsd, .rs2 = a->rs2, .rs1 = 2, .imm = sp_off8(a->imm));
}
C(swsp)
{
    EXPAND(sw, .rs2 = a->rs2, .rs1 = 2, .imm = sp_off4(a->imm));
}
C(sdsp)
{
    EXPAND(sd, .rs2 = a->rs2, .rs1 = 2, .imm = sp_off8(a->imm));
}
