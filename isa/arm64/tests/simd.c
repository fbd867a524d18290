/* Vector and floating-point instructions: results worked out by hand from the manual, with the
 * edges that random tests meet seldom (widths, saturation, NaNs), and reserved encodings.
 */
#include "isa/arm64/tests/vecunit.h"

const struct isa *const isa_registry[] = {&isa_arm64, NULL};

static struct cpu *cpu;

static int setup(void **unused)
{
    (void)unused;
    cpu = cpu_new(&isa_arm64);
    return 0;
}
static int teardown(void **unused)
{
    (void)unused;
    cpu_free(cpu);
    return 0;
}
static struct arm64_state *begin(void)
{
    isa_arm64.reset(cpu);
    return arm64_state(cpu);
}

#define IOC 0x01
#define DZC 0x02
#define OFC 0x04
#define UFC 0x08
#define IXC 0x10
#define QC  0x08000000

/* d is register 0, n register 1 (x1 has its low half), m register 2, a register 3. */
struct row {
    const char *text;
    uint32_t word;
    uint64_t d[2], n[2], m[2], a[2], want[2];
    uint32_t fpsr;
};

static void check(const struct row *r, unsigned count, uint32_t fpcr)
{
    for (; count--; r++) {
        struct arm64_state *s = begin();

        arm64_set_fpcr(cpu, fpcr);
        memcpy(&s->v[0], r->d, 16);
        memcpy(&s->v[1], r->n, 16);
        memcpy(&s->v[2], r->m, 16);
        memcpy(&s->v[3], r->a, 16);
        s->x[1] = r->n[0];
        if (vecunit_run(cpu, r->word) != CPU_EXIT_NONE)
            fail_msg("%s did not run", r->text);
        if (memcmp(&s->v[0], r->want, 16) || arm64_get_fpsr(s) != r->fpsr)
            fail_msg("%s: %016llx:%016llx fpsr %08x, want %016llx:%016llx %08x", r->text,
                     (unsigned long long)s->v[0].d[1], (unsigned long long)s->v[0].d[0],
                     arm64_get_fpsr(s), (unsigned long long)r->want[1],
                     (unsigned long long)r->want[0], r->fpsr);
    }
}
#define CHECK(rows, fpcr) check(rows, sizeof(rows) / sizeof((rows)[0]), fpcr)

#define L(x) UINT64_C(0x##x)
#define ONES UINT64_MAX
#define INC                                      \
    {                                            \
        L(0706050403020100), L(0f0e0d0c0b0a0908) \
    }
#define NEXT                                     \
    {                                            \
        L(1716151413121110), L(1f1e1d1c1b1a1918) \
    }
#define FULL       \
    {              \
        ONES, ONES \
    }

static void test_moves(void **unused)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"movi 16b", 0x4f05e560, FULL, {0}, {0}, {0}, {L(abababababababab), L(abababababababab)}, 0},
        {"mvni msl", 0x6f00d640, FULL, {0}, {0}, {0}, {L(ffed0000ffed0000), L(ffed0000ffed0000)}, 0},
        {"movi 2d 0", 0x6f00e400, FULL, {0}, {0}, {0}, {0}, 0},
        {"movi d", 0x2f07e600, FULL, {0}, {0}, {0}, {L(ffffffff00000000)}, 0},
        {"fmov 2d", 0x6f07f700, {0}, {0}, {0}, {0}, {L(bff8000000000000), L(bff8000000000000)}, 0},
        {"fmov 4s", 0x4f01f7e0, {0}, {0}, {0}, {0}, {L(41f8000041f80000), L(41f8000041f80000)}, 0},
        {"fmov s", 0x1e2e1000, FULL, {0}, {0}, {0}, {L(3f800000)}, 0},
        {"fmov h", 0x1ee81000, FULL, {0}, {0}, {0}, {L(3000)}, 0},
        {"orr 4h", 0x0f00b640, INC, {0}, {0}, {0}, {L(1706170413021300)}, 0},
        {"bic 4s", 0x6f0777e0, FULL, {0}, {0}, {0}, {L(00ffffff00ffffff), L(00ffffff00ffffff)}, 0},
        {"dup 8h", 0x4e160420, {0}, INC, {0}, {0}, {L(0b0a0b0a0b0a0b0a), L(0b0a0b0a0b0a0b0a)}, 0},
        {"dup 8b w", 0x0e010c20, FULL, {0x1ff}, {0}, {0}, {ONES}, 0},
        {"ins s s", 0x6e1c2420, FULL, INC, {0}, {0}, {ONES, L(07060504ffffffff)}, 0},
        {"ins h w", 0x4e0a1c20, FULL, {0x12345}, {0}, {0}, {L(ffff2345ffffffff), ONES}, 0},
        {"mov d d1", 0x5e180420, FULL, INC, {0}, {0}, {L(0f0e0d0c0b0a0908)}, 0},
        {"mov b b9", 0x5e130420, FULL, INC, {0}, {0}, {9}, 0},
        {"fmov d1 x", 0x9eaf0020, FULL, {5}, {0}, {0}, {ONES, 5}, 0},
    };
    /* clang-format on */

    (void)unused;
    CHECK(rows, 0);
}

static void test_permute(void **unused)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"tbl 2", 0x4e032020, FULL, INC, NEXT, {L(1f20100f000000ff), L(0102030405060708)},
         {L(1f00100f00000000), L(0102030405060708)}, 0},
        {"tbx 1", 0x0e031020, FULL, INC, {0}, {L(10ff800f07000102)}, {L(ffffff0f07000102)}, 0},
        {"ext 16b", 0x6e021820, {0}, INC, NEXT, {0}, {L(0a09080706050403), L(1211100f0e0d0c0b)}, 0},
        {"ext 8b", 0x2e021820, FULL, INC, NEXT, {0}, {L(1211100706050403)}, 0},
        {"zip2 4h", 0x0e427820, FULL, INC, NEXT, {0}, {L(1716070615140504)}, 0},
        {"uzp1 16b", 0x4e021820, {0}, INC, NEXT, {0}, {L(0e0c0a0806040200), L(1e1c1a1816141210)}, 0},
        {"trn2 2d", 0x4ec26820, {0}, INC, NEXT, {0}, {L(0f0e0d0c0b0a0908), L(1f1e1d1c1b1a1918)}, 0},
        {"rev32 8h", 0x6e600820, {0}, INC, {0}, {0}, {L(0504070601000302), L(0d0c0f0e09080b0a)}, 0},
    };
    /* clang-format on */

    (void)unused;
    CHECK(rows, 0);
}

static void test_reduce(void **unused)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"addv b", 0x4e31b820, FULL, INC, {0}, {0}, {120}, 0},
        {"saddlv 4s", 0x4eb03820, FULL, {L(8000000080000000), L(ffffffff80000000)}, {0}, {0},
         {L(fffffffe7fffffff)}, 0},
        {"uminv 8h", 0x6e71a820, FULL, {L(8000ffff70007fff), L(8000800080008000)}, {0}, {0}, {0x7000}, 0},
        {"sminv 8b", 0x0e31a820, FULL, {L(7f01020381050607), L(8080808080808080)}, {0}, {0}, {0x81}, 0},
        {"addp d", 0x5ef1b820, FULL, {ONES, 3}, {0}, {0}, {2}, 0},
    };
    /* clang-format on */

    (void)unused;
    CHECK(rows, 0);
}

static void test_shifts(void **unused)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"shrn", 0x0f0c8420, FULL, {L(0ff00fff12347fff), L(ffff000000ff0010)}, {0}, {0},
         {L(ff000f01ffff23ff)}, 0},
        {"shrn2", 0x4f0c8420, {5, 0}, {L(0ff00fff12347fff), L(ffff000000ff0010)}, {0}, {0},
         {5, L(ff000f01ffff23ff)}, 0},
        {"rshrn 32", 0x0f208c20, FULL, {L(1234567880000000), L(ffffffffffffffff)}, {0}, {0},
         {L(0000000012345679)}, 0},
        {"sqrshrun 8", 0x2f088c20, FULL, {L(80007fff00800180), L(ff80ff7f007ffe80)}, {0}, {0},
         {L(0000000000800102)}, QC},
        {"srshr 64", 0x4f402420, FULL, {L(8000000000000000), L(7fffffffffffffff)}, {0}, {0}, {0}, 0},
        {"urshr d 1", 0x7f7f2420, FULL, {ONES, ONES}, {0}, {0}, {L(8000000000000000)}, 0},
        {"sri 64", 0x6f404420, INC, FULL, {0}, {0}, INC, 0},
        {"sli 8b 4", 0x2f0c5420, INC, FULL, {0}, {0}, {L(f7f6f5f4f3f2f1f0)}, 0},
        {"sqshl 1", 0x4f217420, {0}, {L(400000003fffffff), L(bfffffffc0000000)}, {0}, {0},
         {L(7fffffff7ffffffe), L(8000000080000000)}, QC},
        {"sqshlu 0", 0x6f106420, {0}, {L(80007fff0001ffff), 0}, {0}, {0}, {L(00007fff00010000), 0}, QC},
        {"uqshl b 3", 0x7f0b7420, FULL, {L(ffffff1f)}, {0}, {0}, {0xf8}, 0},
        {"uqshl b 3 sat", 0x7f0b7420, FULL, {0x20}, {0}, {0}, {0xff}, QC},
        {"sqshl reg", 0x4ea24c20, {0}, {L(0000000180000000), L(ffffffff00000000)},
         {L(0000001f000000ff), L(00000020000000ff)}, {0}, {L(7fffffffc0000000), L(8000000000000000)}, QC},
        {"urshl", 0x6ee25420, {0}, {L(8000000000000000), ONES}, {L(c0), L(bf)}, {0}, {1, 0}, 0},
        {"urshl left", 0x6ee25420, {0}, {3, 1}, {L(02), L(40)}, {0}, {12, 0}, 0},
    };
    /* clang-format on */

    (void)unused;
    CHECK(rows, 0);
}

static void test_saturation(void **unused)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"sqxtn", 0x0e614820, FULL, {L(0000800000007fff), L(ffff7fffffff8000)}, {0}, {0},
         {L(800080007fff7fff)}, QC},
        {"sqxtn none", 0x0e614820, FULL, {L(0000000100007fff), L(ffffffffffff8000)}, {0}, {0},
         {L(ffff800000017fff)}, 0},
        {"sqxtun", 0x2e212820, FULL, {L(ffff010000ff0001), 0}, {0}, {0}, {L(00ffff01)}, QC},
        {"uqxtn s", 0x7ea14820, FULL, {L(100000000), ONES}, {0}, {0}, {L(ffffffff)}, QC},
        {"sqadd", 0x4e620c20, {0}, {L(7fff800000010002), 0}, {L(0001ffff00030004), 0}, {0},
         {L(7fff800000040006), 0}, QC},
        {"uqsub h", 0x7e622c20, FULL, {L(ffff0001)}, {2}, {0}, {0}, QC},
        {"uqsub h other lanes", 0x7e622c20, FULL, {L(00000003)}, {L(ffff0002)}, {0}, {1}, 0},
        {"sqabs", 0x4ea07820, {0}, {L(80000000ffffffff), 5}, {0}, {0}, {L(7fffffff00000001), 5}, QC},
        {"sqneg d", 0x7ee07820, FULL, {L(8000000000000000)}, {0}, {0}, {L(7fffffffffffffff)}, QC},
        {"suqadd b", 0x5e203820, {0x80}, {0xff}, {0}, {0}, {0x7f}, 0},
        {"suqadd b sat", 0x5e203820, {0x81}, {0xff}, {0}, {0}, {0x7f}, QC},
        {"usqadd", 0x6ea03820, {L(00000001ffffffff), 0}, {L(fffffffe00000001), 0}, {0}, {0},
         {L(00000000ffffffff), 0}, QC},
        {"sqdmulh", 0x0e62b420, FULL, {L(8000800040007fff)}, {L(8000400040007fff)}, {0},
         {L(7fffc00020007ffe)}, QC},
        {"sqrdmulh s", 0x7ea2b420, FULL, {L(80000000)}, {L(80000000)}, {0}, {L(7fffffff)}, QC},
        {"sqdmlal d", 0x5ea29020, {1}, {L(80000000)}, {L(80000000)}, {0}, {L(7fffffffffffffff)}, QC},
        {"sqdmull2", 0x4f72b820, {0}, {0, L(8000000100027fff)}, {0, L(8000000000000000)}, {0},
         {L(fffe000080010000), L(7fffffffffff0000)}, QC},
        {"sqrdmlah", 0x2e828420, {L(7fffffff00000001), ONES}, {L(4000000000000000), 0},
         {L(4000000000000000), 0}, {0}, {L(7fffffff00000001)}, QC},
    };
    /* clang-format on */

    (void)unused;
    CHECK(rows, 0);
}

static void test_products(void **unused)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"pmull d", 0x0ee2e020, {0}, {ONES, 0}, {ONES, 0}, {0},
         {L(5555555555555555), L(5555555555555555)}, 0},
        {"pmull2 b", 0x4e22e020, {0}, {0, L(ff)}, {0, L(ff)}, {0}, {L(5555), 0}, 0},
        {"pmul b", 0x2e229c20, FULL, {L(ff)}, {L(ff)}, {0}, {L(55)}, 0},
        {"raddhn", 0x2e224020, FULL, {L(12800100ffff007f), 0}, {L(0000008000010001), 0}, {0},
         {L(13020001)}, 0},
        {"uabal", 0x2e625020, {1, 0}, {L(ffff000500000000), 0}, {L(0000000700000001), 0}, {0},
         {2, L(0000ffff00000002)}, 0},
        {"smlsl2", 0x4fa26820, {0, 1}, {0, L(ffffffff00000002)}, {0, L(8000000000000000)}, {0},
         {L(100000000), L(ffffffff80000001)}, 0},
        {"sdot", 0x4e829420, {1, 0}, {L(80808080ff01ff01), 0}, {L(8080808001020304), 0}, {0},
         {L(0001000000000003), 0}, 0},
        {"usdot", 0x4fa2f020, {0, 0}, {L(00000000ffffffff), 0}, {L(80808080), 0}, {0}, {0}, 0},
        {"usdot 1", 0x4fa2f020, {0, 0}, {L(00000000ffffffff), 0}, {L(8080808000000000), 0}, {0},
         {L(fffe0200), 0}, 0},
        {"sudot 0", 0x0f02f020, FULL, {L(80808080), 0}, {L(ffffffff), 0}, {0},
         {L(fffffffffffe01ff)}, 0},
        {"cmtst d", 0x5ee28c20, FULL, {6}, {2}, {0}, {ONES}, 0},
        {"cmle", 0x6e609820, {0}, {L(80000000ffff0001), ONES}, {0}, {0}, {L(ffffffffffff0000), ONES}, 0},
        {"ursqrte", 0x6ea1c820, {0}, {L(40000000ffffffff), L(3fffffff80000000)}, {0}, {0},
         {L(ff80000080000000), L(ffffffffb4800000)}, 0},
    };
    /* clang-format on */

    (void)unused;
    CHECK(rows, 0);
}

/* ---- floating point ---- */
#define ONE    L(3ff0000000000000)
#define INF    L(7ff0000000000000)
#define QNAN   L(7ff8000000000123)
#define SNAN   L(fff0000000000456)
#define SQUIET L(fff8000000000456)
#define DNAN   L(7ff8000000000000)

static void test_fp_arithmetic(void **unused)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"fadd", 0x1e622820, FULL, {ONE, ONES}, {ONE}, {0}, {L(4000000000000000)}, 0},
        {"fadd snan second", 0x1e622820, FULL, {QNAN}, {SNAN}, {0}, {SQUIET}, IOC},
        {"fadd inf -inf", 0x1e622820, FULL, {INF}, {L(fff0000000000000)}, {0}, {DNAN}, IOC},
        {"fadd 4s", 0x4e22d420, {0}, {L(3f8000007f800001), L(ff80000000000000)},
         {L(3f8000007fc00000), L(7f80000080000000)}, {0}, {L(400000007fc00001), L(7fc0000000000000)},
         IOC},
        {"fmadd inf 0 qnan", 0x1f420c20, FULL, {INF}, {0}, {QNAN}, {DNAN}, IOC},
        {"fmadd addend first", 0x1f420c20, FULL, {QNAN}, {ONE}, {L(7ff8000000000777)},
         {L(7ff8000000000777)}, 0},
        {"fnmsub", 0x1f228c20, FULL, {L(40000000)}, {L(40400000)}, {L(3f800000)}, {L(40a00000)}, 0},
        {"fnmul", 0x1e228820, FULL, {L(40000000)}, {L(40400000)}, {0}, {L(c0c00000)}, 0},
        {"fmulx", 0x5e62dc20, FULL, {INF}, {L(8000000000000000)}, {0}, {L(c000000000000000)}, 0},
        {"fmax zeros", 0x1e224820, FULL, {L(80000000)}, {0}, {0}, {0}, 0},
        {"fmax nan", 0x1e224820, FULL, {L(7fc00001)}, {L(3f800000)}, {0}, {L(7fc00001)}, 0},
        {"fmaxnm nan", 0x1e226820, FULL, {L(7fc00001)}, {L(3f800000)}, {0}, {L(3f800000)}, 0},
        {"fmaxnm snan", 0x1e226820, FULL, {L(7f800001)}, {L(3f800000)}, {0}, {L(7fc00001)}, IOC},
        {"fmin 2d", 0x4ee2f420, {0}, {ONE, L(8000000000000000)}, {INF, 0}, {0},
         {ONE, L(8000000000000000)}, 0},
        {"fabd", 0x7ea2d420, FULL, {L(3f800000)}, {L(40400000)}, {0}, {L(40000000)}, 0},
        {"fdiv", 0x1e221820, FULL, {L(3f800000)}, {L(80000000)}, {0}, {L(ff800000)}, DZC},
        {"fsqrt", 0x1e61c020, FULL, {L(8000000000000000)}, {0}, {0}, {L(8000000000000000)}, 0},
        {"fmaxv", 0x6e30f820, FULL, {L(c0000000bf800000), L(4000000000000000)}, {0}, {0},
         {L(40000000)}, 0},
        {"faddp s", 0x7e30d820, FULL, {L(3f80000040000000), ONES}, {0}, {0}, {L(40400000)}, 0},
        {"frecpe", 0x5ea1d820, FULL, {L(3f800000)}, {0}, {0}, {L(3f7f8000)}, 0},
        {"frecpe 0", 0x5ea1d820, FULL, {L(80000000)}, {0}, {0}, {L(ff800000)}, DZC},
        {"frsqrte", 0x7ee1d820, FULL, {L(4010000000000000)}, {0}, {0}, {L(3fdff00000000000)}, 0},
        {"frecps", 0x5e22fc20, FULL, {L(7f800000)}, {0}, {0}, {L(40000000)}, 0},
        {"overflow", 0x1e622820, FULL, {L(7fefffffffffffff)}, {L(7fefffffffffffff)}, {0}, {INF},
         OFC | IXC},
    };
    static const struct row flushed[] = {
        {"fadd daz", 0x1e622820, FULL, {1}, {ONE}, {0}, {ONE}, 0x80},
        {"fadd dn", 0x1e622820, FULL, {SNAN}, {ONE}, {0}, {DNAN}, IOC},
        {"fdiv ftz", 0x1e221820, FULL, {L(00800000)}, {L(40000000)}, {0}, {0}, UFC},
    };
    /* clang-format on */

    (void)unused;
    CHECK(rows, 0);
    CHECK(flushed, A64_FPCR_FZ | A64_FPCR_DN);
}

static void test_fp_compare(void **unused)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"fcmgt", 0x6ea2e420, {0}, {L(3f80000040000000), L(7fc0000080000000)},
         {L(3f8000003f800000), L(3f80000000000000)}, {0}, {L(00000000ffffffff), 0}, IOC},
        {"facge", 0x7e62ec20, FULL, {L(c000000000000000)}, {ONE}, {0}, {ONES}, 0},
        {"fcmeq 0 qnan", 0x5ee0d820, FULL, {QNAN}, {0}, {0}, {0}, 0},
        {"fcmeq 0", 0x5ee0d820, FULL, {L(8000000000000000)}, {0}, {0}, {ONES}, 0},
        {"fcmlt 0", 0x4ea0e820, {0}, {L(bf80000080000000), ONE}, {0}, {0}, {L(ffffffff00000000), 0}, 0},
    };
    static const struct {
        uint32_t word, nzcv; /* old flags: Z */
        uint64_t n, m, want, fpsr;
    } flags[] = {
        {0x1e622020, 4, ONE, ONE, 6, 0},                   /* fcmp d1, d2 */
        {0x1e622020, 4, 0, ONE, 8, 0},
        {0x1e622020, 4, ONE, 0, 2, 0},
        {0x1e622020, 4, QNAN, 0, 3, 0},
        {0x1e622030, 4, QNAN, 0, 3, IOC},                  /* fcmpe d1, d2 */
        {0x1e602038, 4, L(8000000000000000), 0, 6, 0},     /* fcmpe d1, #0.0 */
        {0x1e620439, 4, QNAN, 0, 3, IOC},                  /* fccmpe d1, d2, #9, eq: holds */
        {0x1e621439, 4, QNAN, 0, 9, 0},                    /* fccmpe d1, d2, #9, ne: fails */
        {0x1ee22020, 4, L(3c00), L(4000), 8, 0},           /* fcmp h1, h2 */
    };
    /* clang-format on */

    (void)unused;
    CHECK(rows, 0);
    for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        struct arm64_state *s = begin();

        arm64_set_nzcv(s, flags[i].nzcv << 28);
        s->v[1].d[0] = flags[i].n;
        s->v[2].d[0] = flags[i].m;
        vecunit_run(cpu, flags[i].word);
        assert_int_equal(arm64_get_nzcv(s) >> 28, flags[i].want);
        assert_int_equal(arm64_get_fpsr(s), flags[i].fpsr);
    }
}

static void test_fp_convert(void **unused)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"scvtf d", 0x1e620020, FULL, {L(ffffffff)}, {0}, {0}, {L(bff0000000000000)}, 0},
        {"ucvtf s", 0x9e230020, FULL, {ONES}, {0}, {0}, {L(5f800000)}, IXC},
        {"scvtf fixed", 0x1e02f020, FULL, {24}, {0}, {0}, {L(3fc00000)}, 0},
        {"scvtf 2d fixed", 0x4f44e420, {0}, {L(1000000000000000), 0}, {0}, {0}, {ONE, 0}, 0},
        {"fcvtzs d fixed", 0x5f7cfc20, FULL, {L(3ff8000000000000)}, {0}, {0}, {24}, 0},
        {"frintx", 0x1e674020, FULL, {L(4004000000000000)}, {0}, {0}, {L(4000000000000000)}, IXC},
        {"frinta", 0x1e264020, FULL, {L(40200000)}, {0}, {0}, {L(40400000)}, 0},
        {"frint32z", 0x1e684020, FULL, {L(41e0000000000000)}, {0}, {0}, {L(c1e0000000000000)}, IOC},
        {"fcvt s d", 0x1e624020, FULL, {L(3ff0000000000001)}, {0}, {0}, {L(3f800000)}, IXC},
        {"fcvt h d", 0x1e63c020, FULL, {L(40effe0000000000)}, {0}, {0}, {0x7c00}, OFC | IXC},
        {"fcvt d h", 0x1ee2c020, FULL, {0x0001}, {0}, {0}, {L(3e70000000000000)}, 0},
        {"fcvtxn", 0x7e616820, FULL, {L(3ff0000000000001)}, {0}, {0}, {L(3f800001)}, IXC},
        {"fcvtl2", 0x4e217820, {0}, {0, L(3c00c0007c000001)}, {0}, {0},
         {L(7f80000033800000), L(3f800000c0000000)}, 0},
        {"fcvtn2", 0x4e616820, {7, 0}, {ONE, INF}, {0}, {0}, {7, L(7f8000003f800000)}, 0},
        {"bfcvt", 0x1e634020, FULL, {L(3f808000)}, {0}, {0}, {0x3f80}, IXC},
    };
    static const struct {
        uint32_t word;
        uint64_t n, want;
        uint32_t fpsr;
    } to_general[] = {
        {0x1e780020, L(c1e0000000200000), L(80000000), IOC},      /* fcvtzs w: below */
        {0x1e780020, L(bff8000000000000), L(ffffffff), IXC},
        {0x1e780020, QNAN, 0, IOC},
        {0x9e390020, L(5f800000), ONES, IOC},                     /* fcvtzu x */
        {0x9e390020, L(bf800000), 0, IOC},
        {0x1e640020, L(4004000000000000), 3, IXC},                /* fcvtas w: 2.5 */
        {0x9e600020, L(4004000000000000), 2, IXC},                /* fcvtns x */
        {0x1e18e020, L(3fc00000), 384, 0},                        /* fcvtzs w, s, #8 */
        {0x1e18e020, L(7f7fffff), L(7fffffff), IOC},
        {0x1e7e0020, L(41f0000000100000), 1, IOC},                /* fjcvtzs: 2^32 + 1 */
    };
    /* clang-format on */

    (void)unused;
    CHECK(rows, 0);
    for (unsigned i = 0; i < sizeof(to_general) / sizeof(to_general[0]); i++) {
        struct arm64_state *s = begin();

        s->x[0] = ONES;
        s->v[1].d[0] = to_general[i].n;
        vecunit_run(cpu, to_general[i].word);
        if (s->x[0] != to_general[i].want || arm64_get_fpsr(s) != to_general[i].fpsr)
            fail_msg("row %u: %llx %x", i, (unsigned long long)s->x[0], arm64_get_fpsr(s));
    }
}

static void test_fp_extensions(void **unused)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"fadd h", 0x1ee22820, FULL, {0x3c00}, {0x4000}, {0}, {0x4200}, 0},
        {"fmla 8h", 0x4f321820, {0x3c00, 0}, {0x4000, 0}, {0, L(4200000000000000)}, {0}, {0x4700, 0}, 0},
        {"fcadd 90", 0x6e82e420, {0}, {L(400000003f800000), 0}, {L(4080000040400000), 0}, {0},
         {L(40a00000c0400000), 0}, 0},
        {"fcmla 0", 0x6e82c420, {L(3f8000003f800000), 0}, {L(4040000040000000), 0},
         {L(40a0000040800000), 0}, {0}, {L(4130000041100000), 0}, 0},
        {"fmlal", 0x4e22ec20, {L(3f8000003f800000), 0}, {L(42004000), 0}, {L(45004400), 0}, {0},
         {L(4180000041100000), 0}, 0},
        {"bfdot", 0x6e42fc20, {L(3f800000), 0}, {L(40404000), 0}, {L(40a04080), 0}, {0},
         {L(41c00000), 0}, 0},
        {"bfmlalt", 0x6ec2fc20, {L(3f800000), 0}, {L(40407fc0), 0}, {L(40a07fc0), 0}, {0},
         {L(41800000), 0}, 0},
    };
    /* clang-format on */

    (void)unused;
    CHECK(rows, 0);
}

/* ---- structures in memory ---- */
static void test_structures(void **unused)
{
    /* clang-format off */
    static const struct {
        unsigned regs, q, lane;
        uint32_t load;
    } forms[] = {
        {2, 1, 0, 0x4c408020}, {3, 1, 0, 0x4c404020}, {4, 1, 0, 0x4c400020}, /* ldN {v0.16b..}, [x1] */
        {3, 0, 1, 0x0c404420}, {3, 0, 2, 0x0c404820}, {3, 1, 3, 0x4c404c20}, {3, 1, 1, 0x4c404420},
        {4, 0, 2, 0x0c400820}, {2, 0, 0, 0x0c408020},
    };
    /* clang-format on */
    uint8_t memory[64], back[64];

    (void)unused;
    for (unsigned i = 0; i < 64; i++)
        memory[i] = (uint8_t)(i + 1);
    for (unsigned f = 0; f < sizeof(forms) / sizeof(forms[0]); f++) {
        struct arm64_state *s = begin();
        unsigned size = 1u << forms[f].lane, bytes = 8u << forms[f].q;

        memset(s->v, 0xff, sizeof(s->v));
        s->x[1] = (uintptr_t)memory;
        vecunit_run(cpu, forms[f].load);
        for (unsigned r = 0; r < forms[f].regs; r++) {
            for (unsigned i = 0; i < bytes; i++) {
                unsigned from = (i / size * forms[f].regs + r) * size + i % size;

                assert_int_equal(s->v[r].b[i], memory[from]);
            }
            assert_true(forms[f].q || s->v[r].d[1] == 0);
        }
        memset(back, 0, sizeof(back));
        s->x[1] = (uintptr_t)back;
        vecunit_run(cpu, forms[f].load & ~(1u << 22));
        assert_memory_equal(back, memory, bytes * forms[f].regs);
    }
}
static void test_lanes(void **unused)
{
    struct arm64_state *s = begin();
    uint16_t memory[2] = {0x1234, 0x5678};

    (void)unused;
    s->x[1] = (uintptr_t)memory;
    s->v[31].h[5] = s->v[0].h[5] = 0xffff;
    vecunit_run(cpu, 0x4dff483f); /* ld2 {v31.h, v0.h}[5], [x1], #4 */
    assert_int_equal(s->v[31].h[5], 0x1234);
    assert_int_equal(s->v[0].h[5], 0x5678);
    assert_int_equal(s->x[1], (uintptr_t)memory + 4);
    s->x[1] = (uintptr_t)memory;
    s->x[2] = 100;
    vecunit_run(cpu, 0x0dc2c420); /* ld1r {v0.4h}, [x1], x2 */
    assert_true(s->v[0].d[0] == L(1234123412341234) && s->v[0].d[1] == 0);
    assert_int_equal(s->x[1], (uintptr_t)memory + 100);
}

static void test_reserved(void **unused)
{
    static const uint32_t words[] = {
        0x0ee28420, /* add v0.1d */
        0x4ee29c20, /* mul v0.2d */
        0x0ee27820, /* zip2 v0.1d */
        0x2e025820, /* ext v0.8b, #11 */
        0x4e100420, /* dup of a lane of 16 bytes */
        0x0eb0a820, /* smaxv of two words */
        0x0e62f420, /* fmax v0.1d */
        0x1ea22820, /* fadd of type 2 */
        0x1e580020, /* fcvtzs w, d, #fbits above 32 */
        0x4fe19020, /* fmul v0.2d with index bit l */
        0x0c408c20, /* ld2 {v0.1d} */
        0x2f00f400, /* fmov v0.1d */
    };

    (void)unused;
    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        begin();
        if (vecunit_run(cpu, words[i]) != CPU_EXIT_UNDEF)
            fail_msg("0x%08x is not undefined", words[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moves),         cmocka_unit_test(test_permute),
        cmocka_unit_test(test_reduce),        cmocka_unit_test(test_shifts),
        cmocka_unit_test(test_saturation),    cmocka_unit_test(test_products),
        cmocka_unit_test(test_fp_arithmetic), cmocka_unit_test(test_fp_compare),
        cmocka_unit_test(test_fp_convert),    cmocka_unit_test(test_fp_extensions),
        cmocka_unit_test(test_structures),    cmocka_unit_test(test_lanes),
        cmocka_unit_test(test_reserved),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
