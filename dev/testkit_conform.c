/* The conformance suite of devices. See testkit.h for what it asks.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "dev/testkit_int.h"

enum { SEEDS = 3, ROUNDS = 6, STEPS = 150, SPOILED = 60 };

struct suite {
    const struct dev_class *cls;
    int (*setup)(struct devkit *kit, struct err *e);
    unsigned flags;
    uint64_t seed;
};

static bool fails(const struct suite *s, const char *what)
{
    fprintf(stderr, "devkit: %s: %s", s->cls->name, what);
    if (s->seed)
        fprintf(stderr, " (seed %llu)", (unsigned long long)s->seed);
    fprintf(stderr, "\n");
    return false;
}

/* Equal texts; if not, shows the first line that differs. */
static bool same(const struct suite *s, const struct str *a, const struct str *b, const char *what)
{
    const char *x = str_text(a), *y = str_text(b);

    while (*x || *y) {
        size_t nx = strcspn(x, "\n"), ny = strcspn(y, "\n");

        if (nx != ny || memcmp(x, y, nx) != 0) {
            fails(s, what);
            fprintf(stderr, "  - %.*s\n  + %.*s\n", (int)min_of(nx, (size_t)400), x,
                    (int)min_of(ny, (size_t)400), y);
            return false;
        }
        x += nx + (x[nx] == '\n');
        y += ny + (y[ny] == '\n');
    }
    return true;
}

static bool check_fields(const struct suite *s, const struct state_field *fields, size_t size)
{
    for (const struct state_field *f = fields; f && f->name; f++) {
        for (const struct state_field *g = fields; g != f; g++) {
            if (strcmp(f->name, g->name) == 0)
                return fails(s, "two state fields of one name");
        }
        if (f->offset >= size || (f->type == STATE_STRUCT && (!f->fields || !f->size)))
            return fails(s, "a state field outside of its struct, or without its table");
        if (f->type == STATE_STRUCT && !check_fields(s, f->fields, f->size))
            return false;
    }
    return true;
}

static bool tables(const struct suite *s)
{
    const struct dev_class *c = s->cls;

    if (!c->name || !c->help || !c->bus || c->size < sizeof(struct dev))
        return fails(s, "the class lacks name, help, bus or size");
    if (c->state && !c->reset)
        return fails(s, "it has state, and no reset");
    for (const struct prop *p = c->props; p && p->name; p++) {
        if (!p->help || p->offset < sizeof(struct dev) || p->offset >= c->size)
            return fails(s, "a property without help, or outside of the struct");
        if (prop_find(c->props, p->name) != p)
            return fails(s, "two properties of one name");
    }
    return check_fields(s, c->state, c->size);
}

static bool lives(const struct suite *s)
{
    struct devkit *kit = devkit_new(NULL);
    struct dev *d = dev_new(s->cls, kit->root, "dev", &kit->env);
    json_t *wrong = json_pack("{s:i}", "no-such-property", 1);
    struct err e;
    bool good = true;

    if (!prop_apply(s->cls->props, d, wrong, s->cls->name, NULL, &e))
        good = fails(s, "it accepts an unknown property");
    json_decref(wrong);
    dev_free(d); /* never realized */
    if (!(s->flags & DEVKIT_NEEDS_BOARD)) {
        d = dev_new(s->cls, kit->root, "dev", &kit->env);
        e.text[0] = '\0';
        if (dev_realize(d, &e) &&
            !e.text[0]) /* with nothing configured: may work or fail, with a reason */
            good = fails(s, "realize failed without a reason");
        dev_free(d);
    }
    devkit_free(kit);
    return good;
}

static void drive(struct devkit *kit, uint64_t seed, unsigned steps, uint64_t *seen)
{
    struct devkit_dice dice = {.seed = seed};

    for (unsigned i = 0; i < steps; i++)
        devkit_step(kit, &dice, seen);
}

/* A fresh one at the same time of all clocks. */
static struct devkit *fresh_beside(const struct suite *s, struct devkit *other)
{
    struct devkit *kit = devkit_new(s->setup);

    if (kit)
        devkit_advance(kit, clock_ns(other->env.clocks, CLOCK_HOST));
    return kit;
}

static bool resets(const struct suite *s)
{
    struct devkit *kit = devkit_new(s->setup), *fresh;
    struct str a = {0}, b = {0};
    uint64_t seen = 0;
    bool good;

    if (!kit)
        return fails(s, "setup failed");
    devkit_dump(kit, &a);
    dev_reset(kit->root);
    devkit_settle(kit);
    devkit_dump(kit, &b);
    good = same(s, &a, &b, "a second reset changes state");
    drive(kit, s->seed, STEPS, &seen);
    dev_reset(kit->root);
    devkit_settle(kit);
    devkit_dump(kit, &a);
    dev_reset(kit->root);
    devkit_settle(kit);
    devkit_dump(kit, &b);
    good = good && same(s, &a, &b, "after use, a second reset changes state");
    if (good && !(s->flags & DEVKIT_OUTLIVES_RESET)) {
        fresh = fresh_beside(s, kit);
        dev_reset(fresh->root);
        devkit_settle(fresh);
        devkit_dump(fresh, &b);
        good = same(s, &a, &b, "reset does not give the state of power-on");
        devkit_free(fresh);
    }
    devkit_free(kit);
    str_free(&a);
    str_free(&b);
    return good;
}

/* Both get the same accesses; they must answer, look and leave memory alike. */
static bool alike(const struct suite *s, struct devkit *a, struct devkit *b, uint64_t seed)
{
    struct str x = {0}, y = {0};
    uint64_t seen_a = 0, seen_b = 0;
    bool good = true;

    drive(a, seed, STEPS, &seen_a);
    drive(b, seed, STEPS, &seen_b);
    if (s->flags & DEVKIT_NOT_DETERMINISTIC)
        return true;
    devkit_dump(a, &x);
    devkit_dump(b, &y);
    good = same(s, &x, &y, "the loaded one goes on differently from the saved one");
    if (good && seen_a != seen_b)
        good = fails(s, "the loaded one answers differently from the saved one");
    if (good && memcmp(mem_region_host(a->ram), mem_region_host(b->ram), DEVKIT_RAM_SIZE) != 0)
        good = fails(s, "the loaded one writes other memory than the saved one");
    str_free(&x);
    str_free(&y);
    return good;
}

static bool save_and_load(const struct suite *s, struct devkit *from, struct devkit *to)
{
    struct str first = {0}, second = {0}, a = {0}, b = {0};
    struct err e = {0};
    bool good = devkit_save(from, &first) || fails(s, "it cannot be saved");

    memcpy(mem_region_host(to->ram), mem_region_host(from->ram), DEVKIT_RAM_SIZE);
    if (good && devkit_load(to, &first, &e)) {
        good = fails(s, "it refuses its own state");
        fprintf(stderr, "  %s\n", e.text);
    }
    if (good) {
        /* Lines are the receivers' state: they have theirs loaded, too. */
        memcpy(to->line, from->line, sizeof(to->line));
        devkit_dump(from, &a);
        devkit_dump(to, &b);
        good = same(s, &a, &b, "loading gives another state");
    }
    if (good && (!devkit_save(to, &second) || str_length(&first) != str_length(&second) ||
                 memcmp(str_text(&first), str_text(&second), str_length(&first)) != 0))
        good = fails(s, "saved again after loading it is another stream");
    str_free(&first);
    str_free(&second);
    str_free(&a);
    str_free(&b);
    return good;
}

static bool saves(const struct suite *s)
{
    struct devkit *kit = devkit_new(s->setup), *next;
    uint64_t seen = 0;
    bool good = kit;

    for (uint64_t round = 0; good && round < ROUNDS; round++) {
        drive(kit, s->seed * 1000 + round, STEPS, &seen);
        next = fresh_beside(s, kit);
        good = next && save_and_load(s, kit, next) && alike(s, kit, next, s->seed * 2000 + round);
        devkit_free(kit);
        kit = next;
    }
    devkit_free(kit);
    return good;
}

/* Values nobody saved: refused, or harmless whatever comes after. */
static bool survives_spoiled(const struct suite *s)
{
    struct devkit *kit = devkit_new(s->setup);
    struct devkit_dice dice = {.seed = s->seed};
    struct str good_stream = {0}, stream = {0};
    uint64_t seen = 0;
    bool good = true;
    struct err e;

    if (!kit)
        return false;
    drive(kit, s->seed, STEPS, &seen);
    devkit_save(kit, &good_stream);
    for (unsigned i = 0; good && i < SPOILED; i++) {
        str_clear(&stream);
        str_append(&stream, str_text(&good_stream), str_length(&good_stream));
        devkit_spoil(&stream, &dice);
        e.text[0] = '\0';
        if (devkit_load(kit, &stream, &e) && !e.text[0])
            good = fails(s, "it refuses a state without a reason");
        drive(kit, s->seed + i, STEPS / 4, &seen);
    }
    devkit_free(kit);
    str_free(&good_stream);
    str_free(&stream);
    return good;
}

bool devkit_conform(const struct dev_class *cls, int (*setup)(struct devkit *kit, struct err *e),
                    unsigned flags)
{
    struct suite s = {cls, setup, flags, 0};

    if (!tables(&s) || !lives(&s))
        return false;
    for (s.seed = 1; s.seed <= SEEDS; s.seed++) {
        if (!resets(&s) || !saves(&s) || !survives_spoiled(&s))
            return false;
    }
    return true;
}

void devkit_fuzz(int (*setup)(struct devkit *kit, struct err *e), const uint8_t *data, size_t size)
{
    static const uint8_t nothing;
    struct devkit_dice dice = {.data = size ? data : &nothing,
                               .end = size ? data + size : &nothing};
    struct devkit *kit = devkit_new(setup);
    struct str stream = {0};
    uint64_t seen = 0;
    unsigned spoil;
    struct err e;

    if (!kit)
        abort();
    spoil = (unsigned)devkit_roll(&dice, 1);
    while (!devkit_rolled_out(&dice)) {
        devkit_step(kit, &dice, &seen);
        /* Some inputs also come from hostile snapshots. */
        if (spoil >= 0xf0 && --spoil < 0xf0) {
            devkit_save(kit, &stream);
            devkit_spoil(&stream, &dice);
            if (devkit_load(kit, &stream, &e) == 0)
                devkit_settle(kit);
        }
    }
    if (!devkit_save(kit, &stream))
        abort();
    dev_reset(kit->root);
    devkit_settle(kit);
    devkit_free(kit);
    str_free(&stream);
}
