/* GICv2: lives of interrupts, priorities, SGIs, the split of priority drop and deactivation, two
 * security states, the virtual interface. Through registers, as a kernel would. */
#include "kit.h"

enum { CTLR = 0, PMR = 4, BPR = 8, IAR = 0xc, EOIR = 0x10, RPR = 0x14, HPPIR = 0x18, ABPR = 0x1c };
enum { AIAR = 0x20, AEOIR = 0x24, DIR = 0x1000 };
enum {
    D_CTLR = 0,
    D_TYPER = 4,
    D_GROUP = 0x80,
    D_ENABLE = 0x100,
    D_DISABLE = 0x180,
    D_PEND = 0x200
};
enum { D_UNPEND = 0x280, D_ACTIVE = 0x300, D_INACTIVE = 0x380, D_PRIO = 0x400, D_TARGET = 0x800 };
enum { D_CFG = 0xc00, D_SGIR = 0xf00, D_CPEND = 0xf10, D_SPEND = 0xf20 };

static struct kit *start(unsigned cpus, const char *options)
{
    struct kit *k = kit_new(&dev_class_gicv2, cpus, options);

    kit_write(k, 0, GIC_DIST, D_CTLR, 1);
    for (unsigned i = 0; i < cpus; i++) {
        kit_write(k, i, GIC_CPU, PMR, 0xf0);
        kit_write(k, i, GIC_CPU, CTLR, 1);
    }
    return k;
}

static void enable_spi(struct kit *k, unsigned id, unsigned cpu, uint8_t priority)
{
    struct mem_hit hit = {.region = gic_region(k->dev, GIC_DIST, 0)};

    hit.offset = D_PRIO + id;
    mem_io_write(&hit, priority, 1);
    hit.offset = D_TARGET + id;
    mem_io_write(&hit, 1u << cpu, 1);
    kit_write(k, 0, GIC_DIST, D_ENABLE + id / 32 * 4, 1u << id % 32);
}

static void test_level(void **state)
{
    struct kit *k = start(2, "{}");
    struct irq line = gic_spi(k->dev, 8);

    (void)state;
    irq_set(&line, 1);
    assert_int_equal(kit_lines(k, 0), 0); /* not enabled */
    enable_spi(k, 40, 1, 0xa0);
    assert_int_equal(kit_lines(k, 0), 0);
    assert_int_equal(kit_lines(k, 1), IRQ);
    assert_int_equal(kit_read(k, 0, GIC_CPU, IAR), 1023);
    assert_int_equal(kit_read(k, 1, GIC_CPU, HPPIR), 40);
    assert_int_equal(kit_read(k, 1, GIC_CPU, IAR), 40);
    assert_int_equal(kit_lines(k, 1), 0);
    assert_int_equal(kit_read(k, 1, GIC_CPU, RPR), 0xa0);
    assert_int_equal(kit_read(k, 0, GIC_DIST, D_ACTIVE + 4), 1 << 8);
    assert_int_equal(kit_read(k, 0, GIC_DIST, D_PEND + 4), 1 << 8); /* active and pending */
    kit_write(k, 1, GIC_CPU, EOIR, 40);
    assert_int_equal(kit_lines(k, 1), IRQ); /* still asserted: again */
    assert_int_equal(kit_read(k, 1, GIC_CPU, IAR), 40);
    irq_set(&line, 0);
    kit_write(k, 1, GIC_CPU, EOIR, 40);
    assert_int_equal(kit_lines(k, 1), 0);
    assert_int_equal(kit_read(k, 1, GIC_CPU, RPR), 0xff);
    irq_set(&line, 1);
    assert_int_equal(kit_lines(k, 1), IRQ);
    irq_set(&line, 0); /* withdrawn before it was taken */
    assert_int_equal(kit_lines(k, 1), 0);
    assert_int_equal(kit_read(k, 1, GIC_CPU, IAR), 1023);
    kit_free(k);
}

static void test_edge(void **state)
{
    struct kit *k = start(1, "{}");
    struct irq line = gic_spi(k->dev, 0);

    (void)state;
    kit_write(k, 0, GIC_DIST, D_CFG + 8, 2);
    assert_int_equal(kit_read(k, 0, GIC_DIST, D_CFG + 8), 2);
    enable_spi(k, 32, 0, 0x80);
    irq_pulse(&line);
    assert_int_equal(kit_lines(k, 0), IRQ);
    assert_int_equal(kit_read(k, 0, GIC_CPU, IAR), 32);
    irq_pulse(&line); /* while it is active: not lost */
    assert_int_equal(kit_lines(k, 0), 0);
    kit_write(k, 0, GIC_CPU, EOIR, 32);
    assert_int_equal(kit_read(k, 0, GIC_CPU, IAR), 32);
    kit_write(k, 0, GIC_CPU, EOIR, 32);
    assert_int_equal(kit_read(k, 0, GIC_CPU, IAR), 1023);
    irq_set(&line, 1); /* a level that stays is one edge */
    assert_int_equal(kit_read(k, 0, GIC_CPU, IAR), 32);
    kit_write(k, 0, GIC_CPU, EOIR, 32);
    assert_int_equal(kit_lines(k, 0), 0);
    irq_set(&line, 0);
    irq_set(&line, 1);
    kit_write(k, 0, GIC_DIST, D_UNPEND + 4, 1);
    assert_int_equal(kit_lines(k, 0), 0);
    kit_write(k, 0, GIC_DIST, D_PEND + 4, 1); /* by software */
    assert_int_equal(kit_read(k, 0, GIC_CPU, IAR), 32);
    kit_free(k);
}

static void test_priority(void **state)
{
    struct kit *k = start(1, "{}");

    (void)state;
    enable_spi(k, 50, 0, 0xa0);
    enable_spi(k, 51, 0, 0x60);
    enable_spi(k, 52, 0, 0x60);
    enable_spi(k, 90, 0, 0x20);
    kit_write(k, 0, GIC_DIST, D_PEND + 4, 1u << 18 | 1u << 20 | 1u << 19);
    assert_int_equal(kit_read(k, 0, GIC_CPU, IAR), 51); /* best, and of equals the lowest */
    assert_int_equal(kit_lines(k, 0), 0);               /* 52 does not preempt */
    kit_write(k, 0, GIC_DIST, D_PEND + 8, 1u << 26);
    assert_int_equal(kit_lines(k, 0), IRQ); /* 90 does */
    assert_int_equal(kit_read(k, 0, GIC_CPU, IAR), 90);
    assert_int_equal(kit_read(k, 0, GIC_CPU, RPR), 0x20);
    kit_write(k, 0, GIC_CPU, EOIR, 90);
    assert_int_equal(kit_read(k, 0, GIC_CPU, RPR), 0x60);
    assert_int_equal(kit_lines(k, 0), 0);
    kit_write(k, 0, GIC_CPU, EOIR, 51);
    assert_int_equal(kit_read(k, 0, GIC_CPU, IAR), 52);
    kit_write(k, 0, GIC_CPU, EOIR, 52);
    kit_write(k, 0, GIC_CPU, PMR, 0xa0); /* equal to the mask: masked */
    assert_int_equal(kit_lines(k, 0), 0);
    assert_int_equal(kit_read(k, 0, GIC_CPU, IAR), 1023);
    assert_int_equal(kit_read(k, 0, GIC_CPU, HPPIR), 50);
    kit_write(k, 0, GIC_CPU, PMR, 0xa8);
    assert_int_equal(kit_read(k, 0, GIC_CPU, IAR), 50);
    /* Binary point 6: bit 7 alone preempts. */
    kit_write(k, 0, GIC_CPU, BPR, 6);
    kit_write(k, 0, GIC_DIST, D_PEND + 4, 1u << 19);
    assert_int_equal(kit_lines(k, 0), IRQ);
    kit_write(k, 0, GIC_CPU, BPR, 7);
    assert_int_equal(kit_lines(k, 0), 0);
    kit_write(k, 0, GIC_CPU, BPR, 0);
    assert_int_equal(kit_read(k, 0, GIC_CPU, BPR), 2); /* the least of five bits */
    kit_free(k);
}

static void test_sgi(void **state)
{
    struct kit *k = start(4, "{}");

    (void)state;
    kit_write(k, 2, GIC_DIST, D_SGIR, 0x00010003); /* 2 -> 0 */
    kit_write(k, 1, GIC_DIST, D_SGIR, 0x01000003); /* 1 -> all others */
    assert_int_equal(kit_lines(k, 0), IRQ);
    assert_int_equal(kit_lines(k, 1), 0);
    assert_int_equal(kit_lines(k, 3), IRQ);
    assert_int_equal(kit_read(k, 0, GIC_DIST, D_SPEND), 0x06000000);
    assert_int_equal(kit_read(k, 0, GIC_CPU, IAR), 3 | 1 << 10); /* the lower source first */
    assert_int_equal(kit_lines(k, 0), 0);
    kit_write(k, 0, GIC_CPU, EOIR, 3 | 1 << 10);
    assert_int_equal(kit_read(k, 0, GIC_CPU, IAR), 3 | 2 << 10);
    kit_write(k, 0, GIC_CPU, EOIR, 3 | 2 << 10);
    assert_int_equal(kit_read(k, 0, GIC_CPU, IAR), 1023);
    assert_int_equal(kit_read(k, 3, GIC_CPU, IAR), 3 | 1 << 10);
    kit_write(k, 3, GIC_DIST, D_SGIR, 0x02000005); /* to itself */
    kit_write(k, 3, GIC_CPU, EOIR, 3 | 1 << 10);
    assert_int_equal(kit_read(k, 3, GIC_DIST, D_CPEND + 4), 0x0800);
    kit_write(k, 3, GIC_DIST, D_CPEND + 4, 0xff00);
    assert_int_equal(kit_lines(k, 3), 0);
    kit_write(k, 3, GIC_DIST, D_PEND, 0xffff); /* ISPENDR does not make SGIs */
    assert_int_equal(kit_lines(k, 3), 0);
    kit_free(k);
}

static void test_private_and_shared(void **state)
{
    struct kit *k = start(2, "{}");
    struct irq ppi = gic_ppi(k->dev, 1, 27), spi = gic_spi(k->dev, 3);

    (void)state;
    kit_write(k, 1, GIC_DIST, D_ENABLE, 1u << 27);
    assert_int_equal(kit_read(k, 0, GIC_DIST, D_ENABLE), 0xffff); /* banked; SGIs are on */
    irq_set(&ppi, 1);
    assert_int_equal(kit_lines(k, 0), 0);
    assert_int_equal(kit_lines(k, 1), IRQ);
    assert_int_equal(kit_read(k, 1, GIC_CPU, IAR), 27);
    irq_set(&ppi, 0);
    kit_write(k, 1, GIC_CPU, EOIR, 27);
    /* One interrupt for both cpus: the first that asks has it. */
    enable_spi(k, 35, 0, 0x80);
    kit_write(k, 0, GIC_DIST, D_TARGET + 32, 0x03000000);
    irq_set(&spi, 1);
    assert_int_equal(kit_lines(k, 0) | kit_lines(k, 1) << 4, 0x11);
    assert_int_equal(kit_read(k, 1, GIC_CPU, IAR), 35);
    assert_int_equal(kit_lines(k, 0), 0);
    assert_int_equal(kit_read(k, 0, GIC_CPU, IAR), 1023);
    kit_write(k, 0, GIC_DIST, D_TARGET + 32, 0x01000000); /* moved while active */
    kit_write(k, 1, GIC_CPU, EOIR, 35);
    assert_int_equal(kit_lines(k, 0), IRQ);
    assert_int_equal(kit_lines(k, 1), 0);
    kit_write(k, 0, GIC_DIST, D_DISABLE + 4, 8);
    assert_int_equal(kit_lines(k, 0), 0);
    kit_write(k, 0, GIC_DIST, D_ENABLE + 4, 8);
    kit_write(k, 0, GIC_DIST, D_CTLR, 0);
    assert_int_equal(kit_lines(k, 0), 0);
    kit_write(k, 0, GIC_DIST, D_CTLR, 1);
    kit_write(k, 0, GIC_CPU, CTLR, 0);
    assert_int_equal(kit_lines(k, 0), 0);
    kit_free(k);
}

static void test_split_eoi(void **state)
{
    struct kit *k = start(1, "{}");

    (void)state;
    kit_write(k, 0, GIC_CPU, CTLR, 1 | 1 << 9);
    enable_spi(k, 45, 0, 0x80);
    enable_spi(k, 46, 0, 0x80);
    kit_write(k, 0, GIC_DIST, D_PEND + 4, 3u << 13);
    assert_int_equal(kit_read(k, 0, GIC_CPU, IAR), 45);
    kit_write(k, 0, GIC_CPU, EOIR, 45);
    assert_int_equal(kit_read(k, 0, GIC_CPU, RPR), 0xff);
    assert_int_equal(kit_read(k, 0, GIC_DIST, D_ACTIVE + 4), 1u << 13);
    kit_write(k, 0, GIC_DIST, D_PEND + 4, 1u << 13);
    assert_int_equal(kit_read(k, 0, GIC_CPU, IAR), 46); /* 45 is active still */
    kit_write(k, 0, GIC_CPU, EOIR, 46);
    assert_int_equal(kit_lines(k, 0), 0);
    kit_write(k, 0, GIC_CPU, DIR, 45);
    assert_int_equal(kit_read(k, 0, GIC_CPU, IAR), 45);
    kit_free(k);
}

static void test_groups(void **state)
{
    struct kit *k = start(1, "{}");

    (void)state;
    kit_write(k, 0, GIC_DIST, D_CTLR, 3);
    kit_write(k, 0, GIC_CPU, CTLR, 3 | 8); /* both, Group 0 as FIQ */
    enable_spi(k, 33, 0, 0x80);
    enable_spi(k, 34, 0, 0x90);
    kit_write(k, 0, GIC_DIST, D_GROUP + 4, 4);
    kit_write(k, 0, GIC_DIST, D_PEND + 4, 4);
    assert_int_equal(kit_lines(k, 0), IRQ);
    assert_int_equal(kit_read(k, 0, GIC_CPU, IAR), 1022); /* Group 1, AckCtl off */
    kit_write(k, 0, GIC_DIST, D_PEND + 4, 2);
    assert_int_equal(kit_lines(k, 0), FIQ);
    assert_int_equal(kit_read(k, 0, GIC_CPU, AIAR), 1023);
    assert_int_equal(kit_read(k, 0, GIC_CPU, IAR), 33);
    kit_write(k, 0, GIC_CPU, EOIR, 33);
    assert_int_equal(kit_read(k, 0, GIC_CPU, AIAR), 34);
    kit_write(k, 0, GIC_CPU, AEOIR, 34);
    assert_int_equal(kit_read(k, 0, GIC_DIST, D_ACTIVE + 4), 0);
    kit_free(k);
}

static void test_security(void **state)
{
    struct kit *k = kit_new(&dev_class_gicv2, 1, "{\"has-security\": true}");

    (void)state;
    k->views[0].secure = true;
    kit_write(k, 0, GIC_DIST, D_CTLR, 3);
    kit_write(k, 0, GIC_CPU, CTLR, 3 | 8);
    kit_write(k, 0, GIC_CPU, PMR, 0xff);
    assert_int_equal(kit_read(k, 0, GIC_CPU, PMR), 0xf8);
    kit_write(k, 0, GIC_DIST, D_GROUP + 4, 2); /* 33 is non-secure, 34 secure */
    kit_write(k, 0, GIC_DIST, D_PRIO + 32, 0x00104000);
    kit_write(k, 0, GIC_DIST, D_ENABLE + 4, 6);
    k->views[0].secure = false;
    assert_int_equal(kit_read(k, 0, GIC_DIST, D_ENABLE + 4), 2);
    kit_write(k, 0, GIC_DIST, D_PRIO + 32, 0xffffffff);
    assert_int_equal(kit_read(k, 0, GIC_DIST, D_PRIO + 32), 0x0000f000);
    kit_write(k, 0, GIC_DIST, D_PEND + 4, 6); /* 34 is out of reach */
    assert_int_equal(kit_lines(k, 0), 0);     /* 0xf8 is not below the mask */
    assert_int_equal(kit_read(k, 0, GIC_CPU, PMR), 0xf0);
    assert_int_equal(kit_read(k, 0, GIC_CPU, IAR), 1023);
    kit_write(k, 0, GIC_DIST, D_PRIO + 32, 0x00008000);
    assert_int_equal(kit_lines(k, 0), IRQ);
    assert_int_equal(kit_read(k, 0, GIC_CPU, IAR), 33);
    assert_int_equal(kit_read(k, 0, GIC_CPU, RPR), 0x80);
    k->views[0].secure = true;
    assert_int_equal(kit_read(k, 0, GIC_DIST, D_PRIO + 32), 0x0010c000);
    assert_int_equal(kit_read(k, 0, GIC_CPU, RPR), 0xc0);
    kit_write(k, 0, GIC_DIST, D_PEND + 4, 4);
    assert_int_equal(kit_lines(k, 0), FIQ);
    k->views[0].secure = false;
    assert_int_equal(kit_read(k, 0, GIC_CPU, IAR), 1023);
    k->views[0].secure = true;
    assert_int_equal(kit_read(k, 0, GIC_CPU, IAR), 34);
    k->views[0].secure = false;
    assert_int_equal(kit_read(k, 0, GIC_CPU, RPR), 0); /* a secure one runs */
    kit_write(k, 0, GIC_CPU, EOIR, 34);
    k->views[0].secure = true;
    assert_int_equal(kit_read(k, 0, GIC_CPU, RPR), 0x10);
    kit_write(k, 0, GIC_CPU, PMR, 0x40);
    k->views[0].secure = false;
    kit_write(k, 0, GIC_CPU, PMR, 0xff); /* held by the secure side */
    assert_int_equal(kit_read(k, 0, GIC_CPU, PMR), 0);
    kit_free(k);
}

static void test_virtual(void **state)
{
    struct kit *k = kit_new(&dev_class_gicv2, 2, "{\"has-virtualization\": true}");
    struct irq line = gic_spi(k->dev, 16);

    (void)state;
    kit_write(k, 1, GIC_DIST, D_CTLR, 1);
    kit_write(k, 1, GIC_CPU, PMR, 0xf0);
    kit_write(k, 1, GIC_CPU, CTLR, 1 | 1 << 9);
    kit_write(k, 1, GIC_DIST, D_ENABLE, 1u << 25);
    enable_spi(k, 48, 1, 0x80);
    irq_set(&line, 1);
    assert_int_equal(kit_read(k, 1, GIC_CPU, IAR), 48);
    kit_write(k, 1, GIC_CPU, EOIR, 48); /* drops; the guest will deactivate */
    kit_write(k, 1, GIC_HYP, 0x08, 0xf8000001);
    kit_write(k, 1, GIC_HYP, 0x100, 1u << 31 | 1u << 28 | 0x10u << 23 | 48u << 10 | 60);
    assert_int_equal(kit_lines(k, 1), 0);
    kit_write(k, 1, GIC_HYP, 0x00, 1);
    assert_int_equal(kit_lines(k, 1), VIRQ);
    assert_int_equal(kit_read(k, 1, GIC_HYP, 0x30), 0xe);
    assert_int_equal(kit_read(k, 0, GIC_VCPU, IAR), 1023); /* banked */
    assert_int_equal(kit_read(k, 1, GIC_VCPU, IAR), 60);
    assert_int_equal(kit_lines(k, 1), 0);
    assert_int_equal(kit_read(k, 1, GIC_HYP, 0x100) >> 28 & 3, 2);
    irq_set(&line, 0);
    kit_write(k, 1, GIC_VCPU, EOIR, 60);
    assert_int_equal(kit_read(k, 1, GIC_HYP, 0x100) >> 28 & 3, 0);
    assert_int_equal(kit_read(k, 1, GIC_DIST, D_ACTIVE + 4), 0); /* the real one too */
    /* One without hardware asks for a maintenance interrupt at its end. */
    kit_write(k, 1, GIC_HYP, 0x104, 1u << 28 | 1u << 19 | 0x10u << 23 | 70);
    assert_int_equal(kit_read(k, 1, GIC_VCPU, IAR), 70);
    assert_int_equal(kit_lines(k, 1), 0);
    kit_write(k, 1, GIC_VCPU, EOIR, 70);
    assert_int_equal(kit_read(k, 1, GIC_HYP, 0x20), 2);
    assert_int_equal(kit_lines(k, 1), IRQ);
    assert_int_equal(kit_read(k, 1, GIC_CPU, IAR), 25);
    kit_write(k, 1, GIC_HYP, 0x104, 0);
    kit_write(k, 1, GIC_CPU, EOIR, 25);
    kit_write(k, 1, GIC_CPU, DIR, 25);
    assert_int_equal(kit_lines(k, 1), 0);
    /* Underflow. */
    kit_write(k, 1, GIC_HYP, 0x00, 3);
    assert_int_equal(kit_read(k, 1, GIC_HYP, 0x10), 2);
    assert_int_equal(kit_lines(k, 1), IRQ);
    kit_free(k);
}

static void test_identity(void **state)
{
    struct kit *k = start(3, "{\"num-irq\": 96}");

    (void)state;
    assert_int_equal(kit_read(k, 0, GIC_DIST, D_TYPER), 2 | 2 << 5);
    assert_int_equal(kit_read(k, 0, GIC_DIST, 0xfe8), 0x2b);
    assert_int_equal(kit_read(k, 0, GIC_CPU, 0xfc) & 0xff0fff, 0x02043b);
    assert_int_equal(kit_read(k, 2, GIC_DIST, D_TARGET), 0x04040404);
    kit_write(k, 0, GIC_DIST, D_TARGET + 32, 0xffffffff);
    assert_int_equal(kit_read(k, 0, GIC_DIST, D_TARGET + 32), 0x07070707);
    kit_write(k, 0, GIC_DIST, D_ENABLE + 12, ~0u); /* beyond the last */
    assert_int_equal(kit_read(k, 0, GIC_DIST, D_ENABLE + 12), 0);
    kit_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_level),
        cmocka_unit_test(test_edge),
        cmocka_unit_test(test_priority),
        cmocka_unit_test(test_sgi),
        cmocka_unit_test(test_private_and_shared),
        cmocka_unit_test(test_split_eoi),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_security),
        cmocka_unit_test(test_virtual),
        cmocka_unit_test(test_identity),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
