/* PL011: both ways through the FIFOs, interrupts at their levels, a backend that is slow or absent.
 */
#include <setjmp.h>
#include <stdarg.h>

#include "setup.h"

#include <cmocka.h>

enum { DR = 0, RSR = 4, FR = 0x18, LCRH = 0x2c, CR = 0x30, IFLS = 0x34, IMSC = 0x38, RIS = 0x3c };
enum { MIS = 0x40, ICR = 0x44 };
enum { RX = 0x10, TX = 0x20, RT = 0x40, BE = 0x200, OE = 0x400 };

static unsigned get(struct devkit *kit, unsigned offset)
{
    return (unsigned)devkit_read(kit, 0, offset, 4);
}

static void set(struct devkit *kit, unsigned offset, unsigned value)
{
    devkit_write(kit, 0, offset, 4, value);
}

static size_t give(struct devkit *kit, const char *text)
{
    struct chr *c = kit->user;
    size_t n = c->ops->can_receive(c->opaque);

    n = n < strlen(text) ? n : strlen(text);
    c->ops->receive(c->opaque, (const uint8_t *)text, n);
    return n;
}

static void output(void **state)
{
    struct devkit *kit = devkit_new(setup);
    struct chr *c = kit->user;

    (void)state;
    assert_int_equal(get(kit, FR) & 0xf8, 0x90); /* both empty */
    set(kit, DR, 'h');                           /* before anyone enabled it */
    set(kit, CR, 0x301);
    set(kit, LCRH, 0x70);
    set(kit, IMSC, TX);
    assert_int_equal(kit->line[0].level, 1); /* the first byte left */
    set(kit, ICR, TX);
    assert_int_equal(kit->line[0].level, 0);
    set(kit, DR, 'i');
    assert_int_equal(kit->line[0].level, 1);
    devkit_settle(kit);
    assert_int_equal(c->size, 2);
    assert_memory_equal(c->got, "hi", 2);
    devkit_free(kit);
}

static void slow_backend(void **state)
{
    struct devkit *kit = devkit_new(setup);
    struct chr *c = kit->user;
    unsigned sent = 0;

    (void)state;
    c->takes = 0;
    set(kit, LCRH, 0x10);
    while (!(get(kit, FR) & 0x20)) {
        set(kit, DR, sent++ & 0x7f);
        assert_true(sent < 10000);
    }
    devkit_settle(kit);
    assert_int_equal(c->size, 0);
    assert_true(get(kit, FR) & 8); /* busy */
    set(kit, DR, 0xff);            /* lost: the FIFO is full */
    set(kit, ICR, 0x7ff);
    c->takes = 100;
    c->ops->writable(c->opaque);
    assert_int_equal(c->size, 100);
    assert_true(get(kit, RIS) & TX); /* the FIFO went below its level */
    assert_false(get(kit, FR) & 0x20);
    c->takes = SIZE_MAX;
    c->ops->writable(c->opaque);
    assert_int_equal(c->size, sent);
    for (unsigned i = 0; i < sent; i++)
        assert_int_equal(c->got[i], i & 0x7f);
    devkit_free(kit);
}

static void input(void **state)
{
    struct devkit *kit = devkit_new(setup);
    struct chr *c = kit->user;

    (void)state;
    set(kit, IMSC, RX);
    assert_int_equal(give(kit, "ab"), 1); /* no FIFO: one */
    assert_int_equal(kit->line[0].level, 1);
    assert_int_equal(give(kit, "b"), 0);
    assert_int_equal(get(kit, FR) & 0x50, 0x40);
    assert_int_equal(get(kit, DR), 'a');
    assert_int_equal(kit->line[0].level, 0);
    devkit_settle(kit);
    assert_int_equal(c->ready, 1); /* it was told that there is room again */
    set(kit, LCRH, 0x10);
    set(kit, IMSC, RX | RT);
    assert_int_equal(give(kit, "xyz"), 3);
    assert_int_equal(get(kit, MIS), RT); /* few, then silence */
    assert_int_equal(give(kit, "0123456789abcdefghijklmnopqrstuvwxyz"), 29);
    assert_int_equal(get(kit, MIS), RT | RX);
    c->ops->receive(c->opaque, (const uint8_t *)"!", 1); /* one too many */
    assert_true(get(kit, RIS) & OE);
    for (unsigned i = 0; i < 17; i++)
        get(kit, DR);
    assert_int_equal(get(kit, MIS), RT); /* below half */
    while (!(get(kit, FR) & 0x10))
        get(kit, DR);
    assert_int_equal(kit->line[0].level, 0);
    assert_int_equal(get(kit, RSR) & 8, 8);
    set(kit, RSR, 0);
    assert_int_equal(get(kit, RSR), 0);
    c->ops->event(c->opaque, CHR_BREAK);
    assert_true(get(kit, RIS) & BE);
    assert_int_equal(get(kit, DR), 0x400);
    devkit_free(kit);
}

static void loopback(void **state)
{
    struct devkit *kit = devkit_new(setup);
    struct chr *c = kit->user;

    (void)state;
    set(kit, LCRH, 0x10);
    set(kit, CR, 0x381);
    set(kit, DR, 'q');
    devkit_settle(kit);
    assert_int_equal(c->size, 0);
    assert_int_equal(give(kit, "z"), 0); /* the line is cut */
    assert_int_equal(get(kit, DR), 'q');
    devkit_free(kit);
}

static int setup_alone(struct devkit *kit, struct err *e)
{
    int rc;

    kit->dev = dev_new(&dev_class_pl011, kit->root, "uart", &kit->env);
    rc = dev_realize(kit->dev, e);
    if (!rc)
        devkit_place(kit, pl011_region(kit->dev));
    return rc;
}

static void without_backend(void **state)
{
    struct devkit *kit = devkit_new(setup_alone);

    (void)state;
    for (unsigned i = 0; i < 10000; i++)
        set(kit, DR, 'x');
    assert_int_equal(get(kit, FR) & 0xa8, 0x80);
    assert_int_equal(get(kit, 0xfe0), 0x11);
    assert_int_equal(get(kit, 0xfe8), 0x34);
    devkit_free(kit);
}

static void conforms(void **state)
{
    (void)state;
    assert_true(devkit_conform(&dev_class_pl011, setup, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output),   cmocka_unit_test(slow_backend),    cmocka_unit_test(input),
        cmocka_unit_test(loopback), cmocka_unit_test(without_backend), cmocka_unit_test(conforms),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
