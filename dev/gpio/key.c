/*
 * A key on a line: pressing raises it for a tenth of a second of the guest's time, long enough for
 * a kernel that debounces. Pressing it again meanwhile starts the time anew.
 */
#include "base/trace.h"
#include "dev/gpio.h"
#include "dev/gpio/trace.def"

enum { HOLD_NS = 100000000 };

struct gpio_key {
    struct dev dev;
    struct irq out;
    struct timer release;
    bool ready; /* the timer exists */
    bool down;
};

static struct gpio_key *key_of(struct dev *d)
{
    return container_of(d, struct gpio_key, dev);
}

static void on_release(void *arg)
{
    struct gpio_key *k = arg;

    os_mutex_lock(&k->dev.lock);
    if (k->down && timer_deadline(&k->release) == INT64_MAX) {
        trace_dev(gpio_key_release, &k->dev, "up");
        k->down = false;
        irq_set(&k->out, 0);
    }
    os_mutex_unlock(&k->dev.lock);
}

void gpio_key_press(struct dev *d)
{
    struct gpio_key *k = key_of(d);

    trace_dev(gpio_key_press, d, "down");
    os_mutex_lock(&d->lock);
    k->down = true;
    irq_set(&k->out, 1);
    timer_set(&k->release, clock_ns(d->env->clocks, CLOCK_VIRTUAL) + HOLD_NS);
    os_mutex_unlock(&d->lock);
}

void gpio_key_set_output(struct dev *d, struct irq to)
{
    key_of(d)->out = to;
}

static int realize(struct dev *d, struct err *e)
{
    struct gpio_key *k = key_of(d);

    (void)e;
    timer_init(&k->release, d->env->clocks, CLOCK_VIRTUAL, on_release, k);
    k->ready = true;
    return 0;
}

static void reset(struct dev *d)
{
    struct gpio_key *k = key_of(d);

    os_mutex_lock(&d->lock);
    timer_cancel(&k->release);
    k->down = false;
    irq_set(&k->out, 0);
    os_mutex_unlock(&d->lock);
}

static void destroy(struct dev *d)
{
    struct gpio_key *k = key_of(d);

    if (k->ready)
        timer_done(&k->release);
}

static int loaded(struct dev *d, struct err *e)
{
    struct gpio_key *k = key_of(d);

    (void)e;
    irq_set(&k->out, k->down);
    if (k->down && timer_deadline(&k->release) == INT64_MAX)
        timer_set(&k->release, clock_ns(d->env->clocks, CLOCK_VIRTUAL) + HOLD_NS);
    return 0;
}

static const struct state_field state[] = {
    STATE_FIELD(STATE_BOOL, struct gpio_key, down),
    STATE_FIELD(STATE_TIMER, struct gpio_key, release),
    STATE_END,
};

const struct dev_class dev_class_gpio_key = {
    .name = "gpio-key",
    .bus = "",
    .help = "key on a general-purpose line",
    .size = sizeof(struct gpio_key),
    .state = state,
    .realize = realize,
    .reset = reset,
    .destroy = destroy,
    .loaded = loaded,
};
