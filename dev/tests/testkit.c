/* The conformance suite finds what it is made to find: a good device passes, and each defect is
 * told.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dev/testkit.h"

/* A counter that counts accesses, keeps a word, copies it to memory and rings an alarm. */
enum defect {
    NONE,
    FORGETS_STATE, /* a field is not in the table */
    FORGETS_RESET, /* ... not reset */
    RESET_COUNTS,  /* each reset gives another state */
    HIDDEN,        /* something outside of the state decides what it does */
    REFUSES_OWN,   /* what it saves it does not load */
    DEFECTS
};

struct toy {
    struct dev dev;
    uint32_t level; /* property */
    struct mem_region *region;
    struct irq irq;
    struct timer alarm;
    enum defect defect;
    uint32_t count, hidden;
    uint64_t word;
};

static void on_alarm(void *arg)
{
    struct toy *t = arg;

    os_mutex_lock(&t->dev.lock);
    t->count++;
    irq_set(&t->irq, t->count & 1);
    os_mutex_unlock(&t->dev.lock);
}

static uint64_t reg_read(void *opaque, uint64_t offset, unsigned size)
{
    struct toy *t = opaque;

    (void)size;
    t->hidden++;
    if (t->defect == HIDDEN && offset < 4)
        return t->hidden;
    return offset < 8 ? t->word : t->count;
}

static void reg_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct toy *t = opaque;

    t->count += size;
    if (offset < 8)
        t->word = value;
    else if (offset < 12)
        (void)mem_dma_write(t->dev.env->mem, value, &t->word, sizeof(t->word));
    else
        timer_set(&t->alarm, clock_ns(t->dev.env->clocks, CLOCK_VIRTUAL) + (uint16_t)value);
}

static const struct mem_ops ops = {.read = reg_read, .write = reg_write};

static int realize(struct dev *d, struct err *e)
{
    struct toy *t = (struct toy *)d;

    (void)e;
    t->region = mem_region_io("toy", 16, &ops, t);
    dev_own_region(d, t->region);
    timer_init(&t->alarm, d->env->clocks, CLOCK_VIRTUAL, on_alarm, t);
    return 0;
}

static void reset(struct dev *d)
{
    struct toy *t = (struct toy *)d;

    os_mutex_lock(&d->lock);
    timer_cancel(&t->alarm);
    irq_set(&t->irq, 0);
    t->count = t->defect == RESET_COUNTS ? t->count + 1 : 0;
    if (t->defect != FORGETS_RESET)
        t->word = 0;
    os_mutex_unlock(&d->lock);
}

static void destroy(struct dev *d)
{
    timer_done(&((struct toy *)d)->alarm);
    mem_region_free(((struct toy *)d)->region);
}

static int loaded(struct dev *d, struct err *e)
{
    struct toy *t = (struct toy *)d;

    if (t->defect == REFUSES_OWN && t->count > 100)
        return err_text(e, EINVAL, "too many");
    irq_set(&t->irq, t->count & 1);
    return 0;
}

static const struct prop props[] = {
    {.name = "level", .type = PROP_U32, .offset = offsetof(struct toy, level), .help = "a number"},
    {0},
};
static const struct prop helpless_props[] = {
    {.name = "level", .type = PROP_U32, .offset = offsetof(struct toy, level)},
    {0},
};
static const struct state_field state[] = {
    STATE_FIELD(STATE_TIMER, struct toy, alarm),
    STATE_FIELD(STATE_U32, struct toy, count),
    STATE_FIELD(STATE_U64, struct toy, word),
    STATE_END,
};
static const struct state_field state_without_word[] = {
    STATE_FIELD(STATE_TIMER, struct toy, alarm),
    STATE_FIELD(STATE_U32, struct toy, count),
    STATE_END,
};

#define TOY(props_, state_)                                                                       \
    {                                                                                             \
        .name = "toy", .bus = "", .help = "of the tests", .size = sizeof(struct toy),             \
        .props = props_, .state = state_, .realize = realize, .reset = reset, .destroy = destroy, \
        .loaded = loaded,                                                                         \
    }
static const struct dev_class toy = TOY(props, state);
static const struct dev_class forgetful = TOY(props, state_without_word);
static const struct dev_class helpless = TOY(helpless_props, state);

static int make(struct devkit *kit, const struct dev_class *cls, enum defect defect, struct err *e)
{
    struct toy *t = (struct toy *)dev_new(cls, kit->root, "toy", &kit->env);
    int rc;

    kit->dev = &t->dev;
    t->defect = defect;
    t->irq = devkit_irq(kit, 3);
    rc = dev_realize(kit->dev, e);
    if (!rc)
        devkit_place(kit, t->region);
    return rc;
}

#define SETUP(name, cls, defect)                       \
    static int name(struct devkit *kit, struct err *e) \
    {                                                  \
        return make(kit, &cls, defect, e);             \
    }
SETUP(good, toy, NONE)
SETUP(forgets_state, forgetful, FORGETS_STATE)
SETUP(forgets_reset, toy, FORGETS_RESET)
SETUP(reset_counts, toy, RESET_COUNTS)
SETUP(hidden, toy, HIDDEN)
SETUP(refuses_own, toy, REFUSES_OWN)
SETUP(without_help, helpless, NONE)

static int cannot(struct devkit *kit, struct err *e)
{
    (void)kit;
    return err_text(e, EINVAL, "it cannot be made");
}

static void finds_defects(void **arg)
{
    (void)arg;
    assert_true(devkit_conform(&toy, good, 0));
    assert_false(devkit_conform(&forgetful, forgets_state, 0));
    assert_false(devkit_conform(&toy, forgets_reset, 0));
    assert_true(devkit_conform(&toy, forgets_reset, DEVKIT_OUTLIVES_RESET));
    assert_false(devkit_conform(&toy, reset_counts, 0));
    assert_false(devkit_conform(&toy, hidden, 0));
    assert_true(devkit_conform(&toy, hidden, DEVKIT_NOT_DETERMINISTIC));
    assert_false(devkit_conform(&toy, refuses_own, 0));
    assert_false(devkit_conform(&helpless, without_help, 0));
    assert_false(devkit_conform(&toy, cannot, 0));
}

static void drives(void **arg)
{
    struct devkit *kit = devkit_new(good);

    (void)arg;
    assert_non_null(kit);
    devkit_write(kit, 0, 0, 8, 0x1122334455667788);
    assert_int_equal(devkit_read(kit, 0, 0, 8), 0x1122334455667788);
    devkit_write(kit, 0, 8, 4, DEVKIT_RAM + 16);
    assert_int_equal(*(uint64_t *)devkit_ram(kit, DEVKIT_RAM + 16), 0x1122334455667788);
    devkit_write(kit, 0, 12, 1, 50);
    devkit_advance(kit, 49);
    assert_int_equal(kit->line[3].changes, 0);
    devkit_advance(kit, 1);
    assert_int_equal(kit->line[3].level, 0); /* 8 + 4 + 1 + 1 is even */
    assert_int_equal(devkit_read(kit, 0, 8, 4), 14);
    devkit_write(kit, 0, 12, 1, 50);
    devkit_write(kit, 0, 12, 1, 50);
    devkit_write(kit, 0, 12, 2, 50);
    devkit_advance(kit, 50);
    assert_int_equal(kit->line[3].level, 1);
    assert_int_equal(kit->line[3].changes, 1);
    devkit_free(kit);
    assert_null(devkit_new(cannot));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_defects),
        cmocka_unit_test(drives),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
