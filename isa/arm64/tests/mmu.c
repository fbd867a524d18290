/* Address translation: granules, levels, permissions, hardware updates, stage 2, faults; contexts
 * and TLBI. */
#include "isa/arm64/tests/machine.h"

const struct isa *const isa_registry[] = {&isa_arm64, NULL};

#define VALID  UINT64_C(1)
#define TABLE  UINT64_C(3)
#define AF     (UINT64_C(1) << 10)
#define NG     (UINT64_C(1) << 11)
#define DBM    (UINT64_C(1) << 51)
#define PXN    (UINT64_C(1) << 53)
#define UXN    (UINT64_C(1) << 54)
#define AP(n)  ((uint64_t)(n) << 6)
#define TABLES (RAM_BASE + 0x10000)
#define TARGET (RAM_BASE + 0x400000)

enum { R = 1 << CPU_READ, W = 1 << CPU_WRITE, X = 1 << CPU_FETCH };

static uint64_t next_table;

static int setup(void **state)
{
    (void)state;
    lab_open("max", true, true);
    *lab_r(A64_R_SCR_EL3) |= A64_SCR_NS;
    lab_el(1);
    next_table = TABLES;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    lab_close();
    return 0;
}

static uint64_t new_table(unsigned granule)
{
    uint64_t size = UINT64_C(1) << granule, at = (next_table + size - 1) & ~(size - 1);

    memset(lab_ram(at), 0, size);
    next_table = at + size;
    return at;
}

/* Maps va at this level with these bits; returns the descriptor's place. */
static uint64_t *map(uint64_t base, unsigned granule, unsigned start, unsigned level, uint64_t va,
                     uint64_t desc)
{
    unsigned stride = granule - 3;

    for (unsigned at = start;; at++) {
        unsigned shift = granule + (3 - at) * stride, width = at == start ? 48 - shift : stride;
        uint64_t *entry = lab_ram(base) + (va >> shift & ((UINT64_C(1) << width) - 1));

        if (at == level) {
            *entry = desc;
            return entry;
        }
        if (!*entry)
            *entry = new_table(granule) | TABLE;
        base = *entry & UINT64_C(0xfffffffff000) & ~((UINT64_C(1) << granule) - 1);
    }
}

/* Stage 1 of EL1 with 48 bits in both halves; returns TTBR0's and TTBR1's table (the same one). */
static uint64_t stage1(unsigned granule)
{
    uint64_t tg0 = granule == 12   ? 0
                   : granule == 14 ? 2
                                   : 1,
             tg1 = granule == 12   ? 2
                   : granule == 14 ? 1
                                   : 3;
    uint64_t base = new_table(granule);

    *lab_r(A64_R_TCR_EL1) = 16 | 16 << 16 | tg0 << 14 | tg1 << 30 | UINT64_C(5) << 32;
    *lab_r(A64_R_TTBR0_EL1) = *lab_r(A64_R_TTBR1_EL1) = base;
    *lab_r(A64_R_MAIR_EL1) = 0xff00;
    *lab_r(A64_R_SCTLR_EL1) |= A64_SCTLR_M;
    arm64_update(lab.cpu);
    return base;
}
static const unsigned granules[3] = {12, 14, 16}, starts[3] = {0, 0, 1};

static bool walk(uint64_t va, enum cpu_access access, bool user, struct cpu_page *p)
{
    return isa_arm64.sys->translate(lab.cpu, va, access, user, false, p);
}
static unsigned fsc(void)
{
    return lab.sys.fault[0] & A64_FAULT_FSC;
}

static void levels(void **state)
{
    (void)state;
    for (unsigned g = 0; g < 3; g++) {
        unsigned granule = granules[g];
        uint64_t base = stage1(granule),
                 va = UINT64_C(0x123456789000) & ~((UINT64_C(1) << granule) - 1);

        for (unsigned level = starts[g]; level <= 3; level++) {
            unsigned shift = granule + (3 - level) * (granule - 3);
            uint64_t size = UINT64_C(1) << shift;
            bool block = level == 3 || level == 2 || (level == 1 && granule == 12);
            uint64_t pa = TARGET & ~(size - 1);
            struct cpu_page p;
            uint64_t at;

            base = stage1(granule);
            at = va | UINT64_C(0xffff000000000000);
            map(base, granule, starts[g], level, va, pa | AF | (level == 3 ? 3 : 1) | 1 << 2);
            assert_int_equal(walk(at + 8, CPU_READ, false, &p), block);
            if (block) {
                assert_int_equal(p.pa, pa | ((at + 8) & (size - 1)));
                assert_int_equal(p.size, size);
                assert_true(p.global);
                assert_false(p.device);
            } else {
                assert_int_equal(fsc(), A64_FSC_TRANSLATION | level);
                assert_int_equal(lab.sys.fault[1], at + 8);
            }
            assert_int_equal(walk(va + 8, CPU_READ, false, &p), block); /* TTBR0 */
            assert_false(walk(at ^ UINT64_C(1) << 47, CPU_READ, false, &p));
            assert_int_equal(fsc() & ~3u, A64_FSC_TRANSLATION);
            assert_false(walk(va | UINT64_C(1) << 52, CPU_READ, false, &p)); /* in the hole */
            assert_int_equal(fsc(), A64_FSC_TRANSLATION);
        }
    }
}

/* AP, UXN, PXN against what EL1 and EL0 may; D8.4. */
static void permissions(void **state)
{
    static const struct {
        uint64_t bits;
        uint8_t kernel, user;
    } cases[] = {
        {AP(0), R | W | X, X},
        {AP(1), R | W, R | W | X},
        {AP(2), R | X, X},
        {AP(3), R | X, R | X},
        {AP(0) | UXN, R | W | X, 0},
        {AP(0) | PXN, R | W, X},
        {AP(1) | UXN | PXN, R | W, R | W},
        {AP(3) | UXN, R | X, R},
        {AP(3) | PXN, R, R | X},
    };
    uint64_t base = stage1(12), va = 0x7000, *entry = map(base, 12, 0, 3, va, 0);
    struct cpu_page p;

    (void)state;
    for (unsigned i = 0; i < array_size(cases); i++)
        for (unsigned user = 0; user < 2; user++) {
            unsigned may = user ? cases[i].user : cases[i].kernel;

            *entry = TARGET | AF | cases[i].bits | TABLE;
            for (int access = CPU_READ; access <= CPU_FETCH; access++) {
                bool ok = walk(va, (enum cpu_access)access, user, &p);

                assert_int_equal(ok, may >> access & 1);
                if (ok)
                    assert_int_equal(p.prot, may);
                else
                    assert_int_equal(fsc(), A64_FSC_PERMISSION | 3);
            }
        }
}

static void hierarchical(void **state)
{
    uint64_t base = stage1(12), va = 0x7000, *top;
    struct cpu_page p;

    (void)state;
    map(base, 12, 0, 3, va, TARGET | AF | AP(1) | TABLE);
    top = lab_ram(base);
    *top |= UINT64_C(1) << 62; /* read-only */
    assert_true(walk(va, CPU_READ, true, &p));
    assert_false(walk(va, CPU_WRITE, true, &p));
    *top = (*top & ~(UINT64_C(3) << 61)) | UINT64_C(1) << 61; /* no EL0 */
    assert_false(walk(va, CPU_READ, true, &p));
    assert_true(walk(va, CPU_WRITE, false, &p));
    *top |= UINT64_C(1) << 60 | UINT64_C(1) << 59; /* UXN, PXN */
    assert_false(walk(va, CPU_FETCH, false, &p));
    *lab_r(A64_R_TCR_EL1) |= UINT64_C(1) << 41; /* HPD0 */
    assert_true(walk(va, CPU_WRITE, true, &p));
}

static void pan_wxn_epan(void **state)
{
    uint64_t base = stage1(12), va = 0x7000,
             *entry = map(base, 12, 0, 3, va, TARGET | AF | AP(1) | UXN | TABLE);
    struct cpu_page p;

    (void)state;
    lab_state()->pan = 1;
    assert_false(walk(va, CPU_READ, false, &p));
    assert_int_equal(fsc(), A64_FSC_PERMISSION | 3);
    assert_true(walk(va, CPU_READ, true, &p)); /* LDTR */
    lab_state()->uao = 1;
    assert_false(walk(va, CPU_READ, true, &p));
    lab_state()->uao = 0;
    *entry = TARGET | AF | AP(0) | TABLE; /* user may execute only */
    assert_true(walk(va, CPU_READ, false, &p));
    *lab_r(A64_R_SCTLR_EL1) |= A64_SCTLR_EPAN;
    assert_false(walk(va, CPU_READ, false, &p));
    lab_state()->pan = 0;
    assert_true(walk(va, CPU_READ, false, &p));
    *lab_r(A64_R_SCTLR_EL1) |= A64_SCTLR_WXN;
    assert_false(walk(va, CPU_FETCH, false, &p));
}

static void access_flag_and_dirty(void **state)
{
    uint64_t base = stage1(12), va = 0x7000,
             *entry = map(base, 12, 0, 3, va, TARGET | AP(2) | DBM | TABLE);
    struct cpu_page p;

    (void)state;
    assert_false(walk(va, CPU_READ, false, &p));
    assert_int_equal(fsc(), A64_FSC_ACCESS | 3);
    *lab_r(A64_R_TCR_EL1) |= UINT64_C(1) << 39; /* HA */
    assert_true(isa_arm64.sys->translate(lab.cpu, va, CPU_READ, false, true,
                                         &p)); /* a probe changes nothing */
    assert_int_equal(*entry & AF, 0);
    assert_true(walk(va, CPU_READ, false, &p));
    assert_int_equal(*entry & AF, AF);
    assert_int_equal(p.prot & W, 0);
    assert_false(walk(va, CPU_WRITE, false, &p));
    *lab_r(A64_R_TCR_EL1) |= UINT64_C(1) << 40; /* HD */
    assert_true(walk(va, CPU_READ, false, &p));
    assert_int_equal(p.prot & W, 0); /* so that the first write is seen */
    assert_int_equal(*entry & AP(2), AP(2));
    assert_true(walk(va, CPU_WRITE, false, &p));
    assert_int_equal(*entry & AP(2), 0);
    assert_int_equal(p.prot & W, W);
}

static void off_and_sizes(void **state)
{
    struct cpu_page p;
    uint64_t base;

    (void)state;
    assert_true(walk(RAM_BASE + 4, CPU_WRITE, false, &p));
    assert_int_equal(p.pa, RAM_BASE + 4);
    assert_true(p.device);
    assert_false(walk(UINT64_C(1) << 50, CPU_READ, false, &p));
    assert_int_equal(fsc(), A64_FSC_SIZE);
    assert_false(walk(RAM_BASE + 2, CPU_FETCH, false, &p));
    assert_int_equal(lab.sys.fault[0], A64_FAULT_PC);
    base = stage1(12);
    map(base, 12, 0, 3, 0x7000, UINT64_C(1) << 40 | AF | TABLE);
    *lab_r(A64_R_TCR_EL1) &= ~(UINT64_C(7) << 32); /* IPS: 32 bits */
    assert_false(walk(0x7000, CPU_READ, false, &p));
    assert_int_equal(fsc(), A64_FSC_SIZE | 3);
    *lab_r(A64_R_TCR_EL1) |= 1 << 7; /* EPD0 */
    assert_false(walk(0x7000, CPU_READ, false, &p));
    assert_int_equal(fsc(), A64_FSC_TRANSLATION);
    *lab_r(A64_R_TTBR1_EL1) = UINT64_C(0x10000000); /* tables where nothing is */
    assert_false(walk(UINT64_C(0xffff000000000000), CPU_READ, false, &p));
    assert_int_equal(fsc(), A64_FSC_EXTERNAL_WALK);
}

static void tags(void **state)
{
    uint64_t base = stage1(12);
    struct cpu_page p;

    (void)state;
    map(base, 12, 0, 3, 0x7000, TARGET | AF | AP(1) | NG | TABLE);
    assert_false(walk(UINT64_C(0x5a00000000007000), CPU_READ, false, &p));
    *lab_r(A64_R_TCR_EL1) |= UINT64_C(1) << 37; /* TBI0 */
    assert_true(walk(UINT64_C(0x5a00000000007000), CPU_READ, false, &p));
    assert_int_equal(p.pa, TARGET);
    assert_false(p.global);
    assert_true(p.no_cache); /* maintenance does not name tagged addresses */
    assert_true(walk(0x7000, CPU_READ, false, &p));
    assert_false(p.no_cache);
}

static void stage_two(void **state)
{
    uint64_t base = stage1(12), s2, *entry, *table_page;
    struct cpu_page p;

    (void)state;
    map(base, 12, 0, 3, 0x7000, UINT64_C(0x80000000) | AF | AP(1) | TABLE | 1 << 2);
    s2 = new_table(12);
    *lab_r(A64_R_VTCR_EL2) = 16 | 2 << 6 | 5 << 16; /* 48 bits, from level 0 */
    *lab_r(A64_R_VTTBR_EL2) = s2 | UINT64_C(7) << 48;
    *lab_r(A64_R_HCR_EL2) |= A64_HCR_VM;
    assert_false(walk(0x7000, CPU_READ, false, &p)); /* the tables are not mapped */
    assert_int_equal(lab.sys.fault[0] & (A64_FAULT_STAGE2 | A64_FAULT_S1PTW),
                     A64_FAULT_STAGE2 | A64_FAULT_S1PTW);
    assert_int_equal(lab.sys.fault[2], base);
    table_page = map(s2, 12, 0, 2, RAM_BASE,
                     (RAM_BASE & ~UINT64_C(0x1fffff)) | AF | 3 << 6 | 15 << 2 | VALID);
    assert_false(walk(0x7000, CPU_READ, false, &p));
    assert_int_equal(lab.sys.fault[0] & (A64_FAULT_STAGE2 | A64_FAULT_S1PTW), A64_FAULT_STAGE2);
    assert_int_equal(lab.sys.fault[2], 0x80000000);
    assert_int_equal(lab.sys.fault[1], 0x7000);
    entry = map(s2, 12, 0, 3, 0x80000000, TARGET | AF | 1 << 6 | 15 << 2 | TABLE);
    assert_true(walk(0x7010, CPU_READ, false, &p));
    assert_int_equal(p.pa, TARGET + 0x10);
    assert_int_equal(p.size, 4096);
    assert_false(p.device);
    assert_false(walk(0x7000, CPU_WRITE, false, &p));
    assert_int_equal(fsc(), A64_FSC_PERMISSION | 3);
    *entry = TARGET | AF | 3 << 6 | 1 << 2 | TABLE; /* device */
    assert_true(walk(0x7000, CPU_WRITE, false, &p));
    assert_true(p.device);
    *lab_r(A64_R_HCR_EL2) |= A64_HCR_PTW;
    *table_page &= ~UINT64_C(0x3c); /* tables in device memory */
    assert_false(walk(0x7000, CPU_READ, false, &p));
    assert_int_equal(fsc(), A64_FSC_PERMISSION | 2);
}

static void contexts_differ(void **state)
{
    uint64_t a[2], b[2];

    (void)state;
    stage1(12);
    isa_arm64.sys->contexts(lab.cpu, a);
    assert_true(a[0] != a[1]);
    lab_state()->pan = 1;
    isa_arm64.sys->contexts(lab.cpu, b);
    assert_true(a[0] != b[0]);
    assert_true(a[1] == b[1]);
    lab_state()->pan = 0;
    *lab_r(A64_R_TTBR0_EL1) |= UINT64_C(5) << 48;
    isa_arm64.sys->contexts(lab.cpu, b);
    assert_int_equal(b[0] & A64_CTX_ASID, UINT64_C(5) << 16);
    lab_el(0);
    isa_arm64.sys->contexts(lab.cpu, b);
    assert_true(b[0] == b[1]);
    assert_int_equal(b[0] & A64_CTX_USER, A64_CTX_USER);
    lab_el(2);
    isa_arm64.sys->contexts(lab.cpu, b);
    assert_int_equal(b[0] & A64_CTX_REGIME, 2);
    lab_el(3);
    isa_arm64.sys->contexts(lab.cpu, b);
    assert_int_equal(b[0] & A64_CTX_REGIME, 3);
}

/* Each form: is it seen by the kernel's present context, another ASID's, EL2's; va and size; who.
 */
static void tlb_maintenance(void **state)
{
    enum { MINE = 1, OTHER_ASID = 2, HYP = 4 };
    static const struct {
        uint8_t op1, crm, op2;
        uint64_t operand;
        uint8_t hits;
        bool everyone, keep_global;
        uint64_t va, size;
    } cases[] = {
        {0, 7, 0, 0, MINE | OTHER_ASID, false, false, 0, 0}, /* VMALLE1 */
        {0, 3, 0, 0, MINE | OTHER_ASID, true, false, 0, 0},  /* ...IS */
        {0, 1, 0, 0, MINE | OTHER_ASID, true, false, 0, 0},  /* ...OS */
        {0, 7, 1, UINT64_C(5) << 48 | 0x123, MINE | OTHER_ASID, false, false, 0x123000,
         4096}, /* VAE1 */
        {0, 3, 7, UINT64_C(0xfffffffffff), MINE | OTHER_ASID, true, false, ~UINT64_C(0xfff),
         4096},                                                     /* VAALE1IS */
        {0, 7, 2, UINT64_C(5) << 48, MINE, false, true, 0, 0},      /* ASIDE1 */
        {0, 3, 2, UINT64_C(6) << 48, OTHER_ASID, true, true, 0, 0}, /* ASIDE1IS */
        {4, 7, 0, 0, HYP, false, false, 0, 0},                      /* ALLE2 */
        {4, 3, 4, 0, MINE | OTHER_ASID, true, false, 0, 0},         /* ALLE1IS */
        {4, 7, 6, 0, MINE | OTHER_ASID, false, false, 0, 0},        /* VMALLS12E1 */
        {4, 0, 1, 0x80000, MINE | OTHER_ASID, true, false, 0, 0},   /* IPAS2E1IS */
        {4, 4, 1, 0x80000, MINE | OTHER_ASID, false, false, 0, 0},  /* IPAS2E1 */
        {4, 7, 1, 0x123, HYP, false, false, 0x123000, 4096},        /* VAE2 */
        {6, 7, 0, 0, 0, false, false, 0, 0},                        /* ALLE3 */
        {0, 6, 1, UINT64_C(1) << 46 | UINT64_C(3) << 39 | 0x100, MINE | OTHER_ASID, false, false,
         0x100000, 8 * 4096}, /* RVAE1: (3 + 1) * 2 pages */
        {0, 2, 3, UINT64_C(3) << 46 | UINT64_C(1) << 44 | 2, MINE | OTHER_ASID, true, false,
         0x20000, UINT64_C(64) * 65536}, /* RVAAE1IS, 64K, scale 1 */
    };
    uint64_t mine[2], other[2], hyp[2];

    (void)state;
    stage1(12);
    *lab_r(A64_R_TCR_EL1) |= UINT64_C(1) << 36;
    *lab_r(A64_R_TTBR0_EL1) |= UINT64_C(6) << 48;
    isa_arm64.sys->contexts(lab.cpu, other);
    *lab_r(A64_R_TTBR0_EL1) ^= UINT64_C(3) << 48;
    isa_arm64.sys->contexts(lab.cpu, mine);
    lab_el(2);
    isa_arm64.sys->contexts(lab.cpu, hyp);
    lab_el(3);
    for (unsigned i = 0; i < array_size(cases); i++) {
        const struct cpu_flush *f = &lab.flushes[0];

        lab.nflush = 0;
        lab_state()->x[3] = cases[i].operand;
        lab_step(0xd5080000u | (uint32_t)cases[i].op1 << 16 | 8 << 12 |
                 (uint32_t)cases[i].crm << 8 | (uint32_t)cases[i].op2 << 5 | 3);
        assert_int_equal(lab.nflush, 1);
        assert_int_equal((mine[0] & f->mask) == f->value, cases[i].hits & MINE);
        assert_int_equal((other[0] & f->mask) == f->value, !!(cases[i].hits & OTHER_ASID));
        assert_int_equal((hyp[0] & f->mask) == f->value, !!(cases[i].hits & HYP));
        assert_int_equal(lab.everyone[0], cases[i].everyone);
        assert_int_equal(f->keep_global, cases[i].keep_global);
        assert_int_equal(f->size, cases[i].size);
        if (f->size)
            assert_int_equal(f->va, cases[i].va & ~UINT64_C(0xfff));
    }
}

static void barriers(void **state)
{
    (void)state;
    lab_step(0xd5033b9fu); /* dsb ish */
    assert_int_equal(lab.nsync, 0);
    lab_step(0xd508871fu); /* tlbi vmalle1 */
    lab_step(0xd5033b9fu);
    assert_int_equal(lab.nsync, 0);
    lab_step(0xd508831fu); /* tlbi vmalle1is */
    lab_step(0xd5033b9fu);
    lab_step(0xd5033b9fu);
    assert_int_equal(lab.nsync, 1);
}

static void address_translation(void **state)
{
    uint64_t base = stage1(12);

    (void)state;
    map(base, 12, 0, 3, 0x7000, TARGET | AF | AP(2) | 3 << 8 | 1 << 2 | TABLE);
    lab_state()->x[0] = 0x7123;
    lab_step(0xd5087800u); /* at s1e1r, x0 */
    assert_int_equal(*lab_r(A64_R_PAR_EL1),
                     UINT64_C(0xff) << 56 | TARGET | 1 << 11 | 1 << 9 | 3 << 7);
    lab_step(0xd5087820u); /* at s1e1w */
    assert_int_equal(*lab_r(A64_R_PAR_EL1), 1 << 11 | (A64_FSC_PERMISSION | 3) << 1 | 1);
    lab_state()->x[0] = 0x9000;
    lab_step(0xd5087840u); /* at s1e0r */
    assert_int_equal(*lab_r(A64_R_PAR_EL1), 1 << 11 | (A64_FSC_TRANSLATION | 3) << 1 | 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(levels),
        CASE(permissions),
        CASE(hierarchical),
        CASE(pan_wxn_epan),
        CASE(access_flag_and_dirty),
        CASE(off_and_sizes),
        CASE(tags),
        CASE(stage_two),
        CASE(contexts_differ),
        CASE(tlb_maintenance),
        CASE(barriers),
        CASE(address_translation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
