/* Owns what an abort's syndrome says about the instruction: the load or store that a hypervisor
 * will emulate (ISV), and that it was cache maintenance. Arm ARM D19.2.37, ISS of a Data Abort.
 * Reads guest code. */
#include "isa/arm64/system_int.h"

/* The instruction at pc, as the present level fetches it. */
static bool instruction(struct cpu *c, uint32_t *word)
{
    struct cpu_page page;
    uint64_t v;

    if (!a64_translate(c, c->pc, CPU_FETCH, false, true, &page) ||
        !mem_read(c->sys->mem, page.pa, 4, &v))
        return false;
    *word = (uint32_t)v;
    return true;
}

static uint64_t valid(unsigned size, bool sign, unsigned rt, bool sf, bool ordered)
{
    return 1 << 24 | size << 22 | (uint32_t)sign << 21 | rt << 16 | (uint32_t)sf << 15 |
           (uint32_t)ordered << 14;
}

/* One general register, no write-back: single loads and stores, and the ordered ones. */
uint64_t a64_access_syndrome(struct cpu *c)
{
    uint32_t w;
    unsigned size, opc, rt;

    if (!instruction(c, &w))
        return 0;
    size = w >> 30;
    opc = w >> 22 & 3;
    rt = w & 31;
    if ((w & 0x3f000000) == 0x39000000 || /* unsigned offset */
        ((w & 0x3f200000) == 0x38000000 &&
         ((w >> 10 & 3) == 0 || (w >> 10 & 3) == 2)) || /* unscaled, unprivileged */
        (w & 0x3f200c00) == 0x38200800)                 /* register offset */
        return valid(size, opc >= 2, rt, opc == 2 || (opc < 2 && size == 3), false);
    if ((w & 0x3f800000) == 0x08800000) /* LDAR, STLR and the limited ordering forms */
        return valid(size, false, rt, size == 3, true);
    if ((w & 0xff000000) == 0x18000000 || (w & 0xff000000) == 0x58000000 ||
        (w & 0xff000000) == 0x98000000)
        return valid(w >> 30 == 1 ? 3 : 2, w >> 30 == 2, rt, w >> 30 != 0, false);
    return 0;
}

bool a64_is_maintenance(struct cpu *c)
{
    uint32_t w;

    return instruction(c, &w) && (w & 0xfffff000) == 0xd50b7000 && (w >> 8 & 15) != 4;
}
