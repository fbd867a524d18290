/* GICv3: system registers, redistributors, routing, SGIs, two security states, LPIs, the virtual
 * interface. */
#include "kit.h"

enum {
    D_CTLR = 0,
    D_TYPER = 4,
    D_GROUP = 0x80,
    D_ENABLE = 0x100,
    D_PEND = 0x200,
    D_ACTIVE = 0x300
};
enum { D_PRIO = 0x400, D_CFG = 0xc00, D_MOD = 0xd00, D_ROUTE = 0x6000 };
enum { RD = 0x20000, R_CTLR = 0, R_TYPER = 8, R_WAKER = 0x14, R_PROP = 0x70, R_PENDT = 0x78 };
enum { SGI = 0x10000 };

/* As a kernel starts: groups, mask, everything on. */
static struct kit *start(unsigned cpus, const char *options)
{
    struct kit *k = kit_new(&dev_class_gicv3, cpus, options);

    kit_write(k, 0, GIC_DIST, D_CTLR, 0x13);
    kit_write(k, 0, GIC_DIST, D_GROUP + 4, ~0u);
    kit_write(k, 0, GIC_DIST, D_GROUP + 8, ~0u);
    for (unsigned i = 0; i < cpus; i++) {
        kit_write(k, i, GIC_REDIST, i * RD + SGI + D_GROUP, ~0u);
        kit_write(k, i, GIC_REDIST, i * RD + SGI + D_ENABLE, 0xffff);
        kit_set(k, i, ICC_PMR_EL1, 0xf0);
        kit_set(k, i, ICC_IGRPEN1_EL1, 1);
    }
    return k;
}

static void enable_spi(struct kit *k, unsigned id, unsigned cpu, uint8_t priority)
{
    struct mem_hit hit = {.region = gic_region(k->dev, GIC_DIST, 0)};

    hit.offset = D_PRIO + id;
    mem_io_write(&hit, priority, 1);
    hit.offset = D_ROUTE + id * 8;
    mem_io_write(&hit, cpu, 8);
    kit_write(k, 0, GIC_DIST, D_ENABLE + id / 32 * 4, 1u << id % 32);
}

static void test_spi(void **state)
{
    struct kit *k = start(2, "{}");
    struct irq line = gic_spi(k->dev, 1);

    (void)state;
    enable_spi(k, 33, 1, 0xa0);
    irq_set(&line, 1);
    assert_int_equal(kit_lines(k, 0), 0);
    assert_int_equal(kit_lines(k, 1), IRQ);
    assert_int_equal(kit_get(k, 0, ICC_IAR1_EL1), 1023);
    assert_int_equal(kit_get(k, 1, ICC_HPPIR1_EL1), 33);
    assert_int_equal(kit_get(k, 1, ICC_IAR0_EL1), 1023);
    assert_int_equal(kit_get(k, 1, ICC_IAR1_EL1), 33);
    assert_int_equal(kit_lines(k, 1), 0);
    assert_int_equal(kit_get(k, 1, ICC_RPR_EL1), 0xa0);
    kit_set(k, 1, ICC_EOIR0_EL1, 33); /* the wrong group: nothing */
    assert_int_equal(kit_get(k, 1, ICC_RPR_EL1), 0xa0);
    kit_set(k, 1, ICC_EOIR1_EL1, 33);
    assert_int_equal(kit_get(k, 1, ICC_RPR_EL1), 0xff);
    assert_int_equal(kit_lines(k, 1), IRQ);
    enable_spi(k, 33, 0, 0xa0); /* routed elsewhere while pending */
    assert_int_equal(kit_lines(k, 1), 0);
    assert_int_equal(kit_lines(k, 0), IRQ);
    enable_spi(k, 33, 9, 0xa0); /* to no cpu */
    assert_int_equal(kit_lines(k, 0), 0);
    assert_int_equal(kit_read(k, 0, GIC_DIST, D_ROUTE + 33 * 8), 9);
    enable_spi(k, 33, 0, 0xa0);
    irq_set(&line, 0);
    assert_int_equal(kit_lines(k, 0), 0);
    /* A message does the same. */
    kit_write(k, 0, GIC_DIST, 0x40, 33);
    assert_int_equal(kit_lines(k, 0), IRQ);
    kit_write(k, 0, GIC_DIST, 0x48, 33);
    assert_int_equal(kit_lines(k, 0), 0);
    kit_free(k);
}

static void test_ppi_and_preemption(void **state)
{
    struct kit *k = start(1, "{}");
    struct irq timer = gic_ppi(k->dev, 0, 27), other = gic_spi(k->dev, 40);

    (void)state;
    kit_write(k, 0, GIC_REDIST, SGI + D_PRIO + 24, 0x80808080);
    kit_write(k, 0, GIC_REDIST, SGI + D_ENABLE, 1u << 27);
    enable_spi(k, 72, 0, 0x40);
    irq_set(&timer, 1);
    assert_int_equal(kit_get(k, 0, ICC_IAR1_EL1), 27);
    irq_set(&other, 1);
    assert_int_equal(kit_lines(k, 0), IRQ);
    assert_int_equal(kit_get(k, 0, ICC_IAR1_EL1), 72);
    irq_set(&other, 0);
    assert_int_equal(kit_get(k, 0, ICC_AP1R0_EL1), 1u << 16 | 1u << 8);
    kit_set(k, 0, ICC_EOIR1_EL1, 72);
    assert_int_equal(kit_get(k, 0, ICC_RPR_EL1), 0x80);
    kit_set(k, 0, ICC_EOIR1_EL1, 27);
    /* The split: priority drop, then deactivation. */
    kit_set(k, 0, ICC_CTLR_EL1, 2);
    assert_int_equal(kit_get(k, 0, ICC_IAR1_EL1), 27);
    kit_set(k, 0, ICC_EOIR1_EL1, 27);
    assert_int_equal(kit_get(k, 0, ICC_RPR_EL1), 0xff);
    assert_int_equal(kit_lines(k, 0), 0); /* active, though asserted */
    assert_int_equal(kit_read(k, 0, GIC_REDIST, SGI + D_ACTIVE), 1u << 27);
    kit_set(k, 0, ICC_DIR_EL1, 27);
    assert_int_equal(kit_lines(k, 0), IRQ);
    kit_set(k, 0, ICC_IGRPEN1_EL1, 0);
    assert_int_equal(kit_lines(k, 0), 0);
    kit_free(k);
}

static void test_sgi(void **state)
{
    struct kit *k = start(4, "{}");

    (void)state;
    kit_set(k, 1, ICC_SGI1R_EL1, 5u << 24 | 0xd); /* to 0, 2, 3 */
    assert_int_equal(kit_lines(k, 0) | kit_lines(k, 1) << 4 | kit_lines(k, 2) << 8, 0x101);
    assert_int_equal(kit_get(k, 3, ICC_IAR1_EL1), 5);
    assert_int_equal(kit_read(k, 0, GIC_REDIST, 3 * RD + SGI + D_ACTIVE), 1u << 5);
    kit_set(k, 1, ICC_SGI1R_EL1, 5u << 24 | 8); /* again while active: pending after it */
    kit_set(k, 3, ICC_EOIR1_EL1, 5);
    assert_int_equal(kit_get(k, 3, ICC_IAR1_EL1), 5);
    kit_set(k, 3, ICC_EOIR1_EL1, 5);
    assert_int_equal(kit_get(k, 3, ICC_IAR1_EL1), 1023);
    kit_set(k, 2, ICC_SGI1R_EL1, UINT64_C(1) << 40 | 6u << 24); /* all but itself */
    assert_int_equal(kit_lines(k, 1), IRQ);
    assert_int_equal(kit_get(k, 2, ICC_IAR1_EL1), 5);
    assert_int_equal(kit_get(k, 2, ICC_HPPIR1_EL1), 1023);
    kit_set(k, 0, ICC_SGI1R_EL1, 1u << 16 | 7u << 24 | 0xf); /* another cluster: none */
    assert_int_equal(kit_read(k, 0, GIC_REDIST, RD + SGI + D_PEND), 1u << 6);
    kit_set(k, 0, ICC_SGI0R_EL1, 7u << 24 | 2); /* of Group 0, but it is Group 1 there */
    assert_int_equal(kit_read(k, 0, GIC_REDIST, RD + SGI + D_PEND), 1u << 6);
    kit_free(k);
}

static void test_groups_and_states(void **state)
{
    struct kit *k = kit_new(&dev_class_gicv3, 1, "{\"has-security\": true}");
    struct gic_view *v = &k->views[0];

    (void)state;
    *v = (struct gic_view){.el = 3, .secure = true};
    assert_int_equal(kit_read(k, 0, GIC_DIST, D_CTLR), 0x30);
    kit_write(k, 0, GIC_DIST, D_CTLR, 0x37);
    kit_set(k, 0, ICC_IGRPEN1_EL3, 3);
    kit_set(k, 0, ICC_IGRPEN0_EL1, 1);
    kit_set(k, 0, ICC_PMR_EL1, 0xff);
    kit_write(k, 0, GIC_DIST, D_GROUP + 4, 2); /* 33: non-secure; 34: Group 0; 35: secure Group 1 */
    kit_write(k, 0, GIC_DIST, D_MOD + 4, 8);
    kit_write(k, 0, GIC_DIST, D_PRIO + 32, 0x3040c000);
    kit_write(k, 0, GIC_DIST, D_ENABLE + 4, 0xe);
    *v = (struct gic_view){.el = 1};
    gic_cpu_changed(k->dev, k->cpus[0]);
    assert_int_equal(kit_read(k, 0, GIC_DIST, D_ENABLE + 4), 2);
    assert_int_equal(kit_read(k, 0, GIC_DIST, D_PRIO + 32), 0x8000);
    kit_write(k, 0, GIC_DIST, D_PEND + 4, 0xe);
    assert_int_equal(kit_lines(k, 0), IRQ); /* 33 alone was in reach */
    *v = (struct gic_view){.el = 1, .secure = true};
    gic_cpu_changed(k->dev, k->cpus[0]);
    assert_int_equal(kit_lines(k, 0), FIQ); /* the other state's */
    kit_write(k, 0, GIC_DIST, D_PEND + 4, 8);
    assert_int_equal(kit_lines(k, 0), IRQ);
    *v = (struct gic_view){.el = 1};
    gic_cpu_changed(k->dev, k->cpus[0]);
    assert_int_equal(kit_lines(k, 0), FIQ);
    assert_int_equal(kit_get(k, 0, ICC_IAR1_EL1), 1023);
    *v = (struct gic_view){.el = 3, .secure = true};
    assert_int_equal(kit_get(k, 0, ICC_IAR0_EL1), 1020);
    *v = (struct gic_view){.el = 1, .secure = true};
    gic_cpu_changed(k->dev, k->cpus[0]);
    assert_int_equal(kit_get(k, 0, ICC_IAR1_EL1), 35);
    kit_set(k, 0, ICC_EOIR1_EL1, 35);
    kit_write(k, 0, GIC_DIST, D_PEND + 4, 4);
    assert_int_equal(kit_lines(k, 0), FIQ);
    assert_int_equal(kit_get(k, 0, ICC_IAR0_EL1), 34);
    kit_set(k, 0, ICC_EOIR0_EL1, 34);
    *v = (struct gic_view){.el = 1};
    gic_cpu_changed(k->dev, k->cpus[0]);
    assert_int_equal(kit_get(k, 0, ICC_IAR1_EL1), 33);
    assert_int_equal(kit_get(k, 0, ICC_RPR_EL1), 0x80);
    kit_free(k);
}

static void test_lpi(void **state)
{
    struct kit *k = start(2, "{\"has-lpi\": true}");
    uint8_t *config = kit_ram(k, 0x40100000), *table = kit_ram(k, 0x40210000);

    (void)state;
    assert_int_equal(kit_read(k, 0, GIC_DIST, D_TYPER) >> 17 & 1, 1);
    config[0] = 0xa1;
    config[5] = 0x60;
    config[300] = 0x61;
    table[8193 / 8] = 1 << 8193 % 8; /* pending from before, but not enabled */
    table[8292 / 8] = 0;
    for (unsigned i = 0; i < 2; i++) {
        kit_write(k, i, GIC_REDIST, i * RD + R_PROP, 0x40100000 | 15);
        kit_write(k, i, GIC_REDIST, i * RD + R_PENDT, 0x40200000 + i * 0x10000);
        kit_write(k, i, GIC_REDIST, i * RD + R_CTLR, 1);
    }
    kit_write(k, 0, GIC_REDIST, R_PROP, 0); /* read-only now */
    assert_int_equal(kit_read(k, 0, GIC_REDIST, R_PROP), 0x4010000f);
    gic_lpi_set(&k->gic->cpus[1], 8192, true);
    assert_int_equal(kit_lines(k, 1), IRQ);
    gic_lpi_set(&k->gic->cpus[1], 8492, true); /* better */
    gic_lpi_set(&k->gic->cpus[1], 8197, true); /* disabled */
    assert_int_equal(kit_get(k, 1, ICC_IAR1_EL1), 8492);
    assert_int_equal(kit_lines(k, 1), 0);
    gic_lpi_set(&k->gic->cpus[1], 8492, true); /* pends again: there is no active state */
    kit_set(k, 1, ICC_EOIR1_EL1, 8492);
    assert_int_equal(kit_get(k, 1, ICC_IAR1_EL1), 8492);
    kit_set(k, 1, ICC_EOIR1_EL1, 8492);
    assert_int_equal(kit_get(k, 1, ICC_IAR1_EL1), 8192);
    kit_set(k, 1, ICC_EOIR1_EL1, 8192);
    assert_int_equal(kit_lines(k, 1), 0);
    config[5] |= 1;
    gic_lpi_invalidate(k->gic, 8197);
    assert_int_equal(kit_lines(k, 1), IRQ);
    config[1] = 0x41;
    gic_lpi_invalidate_all(k->gic);
    assert_int_equal(kit_get(k, 1, ICC_HPPIR1_EL1), 8193);
    gic_lpi_move_all(&k->gic->cpus[1], &k->gic->cpus[0]);
    assert_int_equal(kit_lines(k, 1), 0);
    assert_int_equal(kit_get(k, 0, ICC_HPPIR1_EL1), 8193);
    gic_lpi_set(&k->gic->cpus[0], 65536, true);
    gic_lpi_set(&k->gic->cpus[0], 100, true);
    kit_write(k, 0, GIC_REDIST, R_CTLR, 0); /* what is pending goes to memory */
    assert_int_equal(kit_lines(k, 0), 0);
    assert_int_equal(kit_ram(k, 0x40200000)[1024], 1 << 1 | 1 << 5);
    kit_free(k);
}

static void test_virtual(void **state)
{
    struct kit *k = start(1, "{\"has-virtualization\": true}");
    struct gic_view *v = &k->views[0];

    (void)state;
    v->el = 2;
    kit_write(k, 0, GIC_REDIST, SGI + D_ENABLE, 1u << 25);
    kit_set(k, 0, ICH_VMCR_EL2, UINT64_C(0xf0) << 24 | 3);
    kit_set(k, 0, ICH_LR0_EL2, GIC_LR_PENDING | GIC_LR_GROUP1 | UINT64_C(0x80) << 48 | 9000);
    kit_set(k, 0, ICH_LR0_EL2 + 1, GIC_LR_PENDING | GIC_LR_EOI | UINT64_C(0x40) << 48 | 40);
    kit_set(k, 0, ICH_HCR_EL2, 1);
    assert_int_equal(kit_lines(k, 0), VFIQ); /* Group 0 is better */
    *v = (struct gic_view){.el = 1, .imo = true, .fmo = true};
    assert_int_equal(kit_get(k, 0, ICC_IAR1_EL1), 1023);
    assert_int_equal(kit_get(k, 0, ICC_IAR0_EL1), 40);
    assert_int_equal(kit_get(k, 0, ICC_RPR_EL1), 0x40);
    assert_int_equal(kit_lines(k, 0), 0);
    kit_set(k, 0, ICC_EOIR0_EL1, 40);
    assert_int_equal(kit_lines(k, 0), VIRQ | IRQ); /* and the maintenance interrupt */
    assert_int_equal(kit_get(k, 0, ICC_IAR1_EL1), 9000);
    kit_set(k, 0, ICC_EOIR1_EL1, 9000);
    kit_set(k, 0, ICC_PMR_EL1, 0x50);
    *v = (struct gic_view){.el = 2};
    assert_int_equal(kit_get(k, 0, ICH_VMCR_EL2) >> 24, 0x50);
    assert_int_equal(kit_get(k, 0, ICH_EISR_EL2), 2);
    assert_int_equal(kit_get(k, 0, ICH_ELRSR_EL2), 0xd);
    assert_int_equal(kit_get(k, 0, ICC_PMR_EL1), 0xf0); /* the real one */
    assert_int_equal(kit_get(k, 0, ICC_IAR1_EL1), 25);
    kit_free(k);
}

static void test_identity(void **state)
{
    struct kit *k = start(3, "{}");
    uint64_t value;

    (void)state;
    assert_int_equal(kit_read(k, 0, GIC_DIST, 0xffe8), 0x3b);
    assert_int_equal(kit_read(k, 0, GIC_REDIST, RD + 0xffe8), 0x3b);
    assert_int_equal(kit_read(k, 0, GIC_REDIST, RD + R_TYPER), 1 << 8);
    assert_int_equal(kit_read(k, 0, GIC_REDIST, RD + R_TYPER + 4), 1);
    assert_int_equal(kit_read(k, 0, GIC_REDIST, 2 * RD + R_TYPER), 2 << 8 | 1 << 4);
    assert_int_equal(kit_read(k, 0, GIC_REDIST, R_WAKER), 6);
    kit_write(k, 0, GIC_REDIST, R_WAKER, 0);
    assert_int_equal(kit_read(k, 0, GIC_REDIST, R_WAKER), 0);
    assert_int_equal(kit_get(k, 0, ICC_SRE_EL1), 7);
    assert_false(k->sys[0].intc.read(k->gic, k->cpus[0], ICH_HCR_EL2, &value));
    assert_false(k->sys[0].intc.read(k->gic, k->cpus[0], ICC_AP0R0_EL1 + 1, &value));
    kit_free(k);
}

/* ICH_HCR_EL2 says what EL1 may not do itself. */
static void test_traps(void **state)
{
    static const uint32_t common[] = {ICC_PMR_EL1,   ICC_RPR_EL1,   ICC_CTLR_EL1,
                                      ICC_SGI1R_EL1, ICC_SGI0R_EL1, ICC_DIR_EL1};
    static const uint32_t zero[] = {ICC_IAR0_EL1, ICC_EOIR0_EL1,   ICC_HPPIR0_EL1,
                                    ICC_BPR0_EL1, ICC_IGRPEN0_EL1, ICC_AP0R0_EL1 + 3};
    static const uint32_t one[] = {ICC_IAR1_EL1, ICC_EOIR1_EL1,   ICC_HPPIR1_EL1,
                                   ICC_BPR1_EL1, ICC_IGRPEN1_EL1, ICC_AP1R0_EL1};
    struct kit *k = kit_new(&dev_class_gicv3, 1, "{\"has-virtualization\": true}");
    const struct cpu_sysreg_ops *ops = &k->sys[0].intc;

    (void)state;
    for (unsigned bit = 0; bit < 16; bit++) {
        kit_set(k, 0, ICH_HCR_EL2, 1u << bit);
        for (unsigned i = 0; i < 6; i++) {
            bool dir = common[i] == ICC_DIR_EL1 && bit == 14;

            assert_int_equal(ops->traps(ops->opaque, k->cpus[0], common[i]), bit == 10 || dir);
            assert_int_equal(ops->traps(ops->opaque, k->cpus[0], zero[i]), bit == 11);
            assert_int_equal(ops->traps(ops->opaque, k->cpus[0], one[i]), bit == 12);
        }
        assert_false(ops->traps(ops->opaque, k->cpus[0], ICC_SRE_EL1));
    }
    kit_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spi),   cmocka_unit_test(test_ppi_and_preemption),
        cmocka_unit_test(test_sgi),   cmocka_unit_test(test_groups_and_states),
        cmocka_unit_test(test_lpi),   cmocka_unit_test(test_virtual),
        cmocka_unit_test(test_traps), cmocka_unit_test(test_identity),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
