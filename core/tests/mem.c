/* Guest memory: what wins where, how accesses are split, what writes tell, readers beside changes.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/str.h"
#include "core/mem.h"

/* A device that logs its accesses and holds 64 bytes. */
struct regs {
    uint8_t bytes[64];
    char log[512];
    struct os_mutex lock;
    struct mem_space *space; /* not NULL: a write to offset 0x20 does DMA to its value */
    int dma_rc;
    struct mem_region *move; /* not NULL: a write to offset 0x28 moves it there */
};

static uint64_t regs_read(void *dev, uint64_t offset, unsigned size)
{
    struct regs *r = dev;
    uint64_t v = 0;

    assert_true(offset + size <= sizeof(r->bytes));
    snprintf(r->log + strlen(r->log), sizeof(r->log) - strlen(r->log), "r%u@%x ", size,
             (unsigned)offset);
    memcpy(&v, r->bytes + offset, size);
    return v;
}

static void regs_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct regs *r = dev;
    uint32_t word = 0x11223344;

    assert_true(offset + size <= sizeof(r->bytes));
    snprintf(r->log + strlen(r->log), sizeof(r->log) - strlen(r->log), "w%u@%x=%llx ", size,
             (unsigned)offset, (unsigned long long)value);
    memcpy(r->bytes + offset, &value, size);
    if (r->space && offset == 0x20)
        r->dma_rc = mem_dma_write(r->space, value, &word, sizeof(word));
    if (r->move && offset == 0x28)
        mem_region_move(r->move, value);
}

static const struct mem_ops any_ops = {.read = regs_read, .write = regs_write};
static const struct mem_ops word_ops = {
    .read = regs_read, .write = regs_write, .min_size = 4, .max_size = 4};
static const struct mem_ops be_ops = {
    .read = regs_read, .write = regs_write, .min_size = 2, .max_size = 4, .big_endian = true};

struct fixture {
    struct mem_region *root, *ram;
    struct mem_space *space;
};

static void setup(struct fixture *f)
{
    struct err e;

    f->root = mem_region_container("all", UINT64_MAX);
    assert_int_equal(mem_region_ram(&f->ram, "ram", 0x10000, NULL, &e), 0);
    mem_region_add(f->root, 0x40000, f->ram, 0);
    f->space = mem_space_new("memory", f->root);
}

static void teardown(struct fixture *f)
{
    mem_space_free(f->space);
    mem_region_free(f->ram);
    mem_region_free(f->root);
}

static void assert_map(struct mem_space *s, const char *want)
{
    struct str out = {0};

    mem_dump(s, &out);
    assert_string_equal(str_text(&out), want);
    str_free(&out);
}

static void overlaps(void **state)
{
    struct fixture f;
    struct regs regs = {0};
    struct mem_region *low, *high, *box, *inner, *alias;

    (void)state;
    setup(&f);
    low = mem_region_io("low", 0x3000, &any_ops, &regs);
    high = mem_region_io("high", 0x1000, &any_ops, &regs);
    mem_region_add(f.root, 0x1000, low, 0);
    mem_region_add(f.root, 0x2000, high, 1);
    assert_map(f.space, "memory\n"
                        "  0000000000001000-0000000000001fff io    low\n"
                        "  0000000000002000-0000000000002fff io    high\n"
                        "  0000000000003000-0000000000003fff io    low +0x2000\n"
                        "  0000000000040000-000000000004ffff ram   ram\n");
    mem_region_set_enabled(high, false);
    assert_map(f.space, "memory\n"
                        "  0000000000001000-0000000000003fff io    low\n"
                        "  0000000000040000-000000000004ffff ram   ram\n");
    /* A container clips its children; an alias shows a part of RAM, twice if asked. */
    box = mem_region_container("box", 0x1800);
    inner = mem_region_io("inner", 0x2000, &any_ops, &regs);
    alias = mem_region_alias("window", f.ram, 0x8000, 0x1000);
    mem_region_add(box, 0x1000, inner, 0);
    mem_region_add(f.root, 0x80000, box, 0);
    mem_region_add(f.root, 0x0, alias, 5);
    mem_region_set_enabled(high, true);
    mem_region_move(high, UINT64_MAX - 0x7ff); /* ends at the end of all addresses */
    assert_map(f.space, "memory\n"
                        "  0000000000000000-0000000000000fff ram   ram +0x8000\n"
                        "  0000000000001000-0000000000003fff io    low\n"
                        "  0000000000040000-000000000004ffff ram   ram\n"
                        "  0000000000081000-00000000000817ff io    inner\n"
                        "  fffffffffffff800-fffffffffffffffe io    high\n");
    /* Of equal priority the later placed wins. */
    mem_region_remove(alias);
    mem_region_add(f.root, 0x2000, alias, 0);
    mem_region_remove(high);
    mem_region_free(box);
    assert_map(f.space, "memory\n"
                        "  0000000000001000-0000000000001fff io    low\n"
                        "  0000000000002000-0000000000002fff ram   ram +0x8000\n"
                        "  0000000000003000-0000000000003fff io    low +0x2000\n"
                        "  0000000000040000-000000000004ffff ram   ram\n");
    mem_region_free(alias);
    mem_region_free(inner);
    mem_region_free(high);
    mem_region_free(low);
    teardown(&f);
}

static void lookups(void **state)
{
    struct fixture f;
    struct mem_hit hit;

    (void)state;
    setup(&f);
    mem_lookup(f.space, 0x40010, &hit);
    assert_ptr_equal(hit.region, f.ram);
    assert_int_equal(hit.offset, 0x10);
    assert_int_equal(hit.span, 0xfff0);
    assert_ptr_equal(hit.host, mem_region_host(f.ram) + 0x10);
    assert_true(hit.writable);
    mem_lookup(f.space, 0x1000, &hit);
    assert_null(hit.region);
    assert_null(hit.host);
    assert_int_equal(hit.span, 0x3f000);
    mem_lookup(f.space, 0x50000, &hit);
    assert_null(hit.region);
    assert_int_equal(hit.span, UINT64_MAX - 0x50000 + 1);
    mem_lookup(f.space, UINT64_MAX, &hit);
    assert_null(hit.region);
    assert_int_equal(hit.span, 1);
    teardown(&f);
}

static void assert_log(struct regs *r, const char *want)
{
    assert_string_equal(r->log, want);
    r->log[0] = '\0';
}

static void splitting(void **state)
{
    struct fixture f;
    struct regs regs = {0};
    struct mem_region *any, *word, *be;
    uint64_t v;
    uint8_t bytes[16];

    (void)state;
    setup(&f);
    for (unsigned i = 0; i < sizeof(regs.bytes); i++)
        regs.bytes[i] = (uint8_t)i;
    any = mem_region_io("any", 64, &any_ops, &regs);
    word = mem_region_io("word", 64, &word_ops, &regs);
    be = mem_region_io("be", 64, &be_ops, &regs);
    mem_region_add(f.root, 0x0, any, 0);
    mem_region_add(f.root, 0x100, word, 0);
    mem_region_add(f.root, 0x200, be, 0);

    assert_true(mem_read(f.space, 0x8, 8, &v));
    assert_int_equal(v, 0x0f0e0d0c0b0a0908);
    assert_log(&regs, "r8@8 ");
    assert_true(mem_read(f.space, 0x6, 4, &v)); /* misaligned: aligned pieces */
    assert_int_equal(v, 0x09080706);
    assert_log(&regs, "r2@6 r2@8 ");
    assert_true(mem_read(f.space, 0x108, 8, &v)); /* too wide */
    assert_int_equal(v, 0x0f0e0d0c0b0a0908);
    assert_log(&regs, "r4@8 r4@c ");
    assert_true(mem_read(f.space, 0x10a, 1, &v)); /* too narrow: widened */
    assert_int_equal(v, 0x0a);
    assert_log(&regs, "r4@8 ");
    assert_true(mem_write(f.space, 0x10a, 2, 0x1234)); /* dropped */
    assert_log(&regs, "");
    assert_true(mem_write(f.space, 0x108, 8, 0xaabbccdd11223344));
    assert_log(&regs, "w4@8=11223344 w4@c=aabbccdd ");
    /* The device's number 0x01020304 lies in memory as 01 02 03 04. */
    assert_true(mem_write(f.space, 0x210, 4, 0x04030201));
    assert_log(&regs, "w4@10=1020304 ");
    assert_true(mem_read(f.space, 0x210, 4, &v));
    assert_int_equal(v, 0x04030201);
    assert_true(mem_read(f.space, 0x210, 1, &v));
    assert_log(&regs, "r4@10 r2@10 ");

    assert_int_equal(mem_dma_read(f.space, 0x1, bytes, 15), 0);
    assert_int_equal(bytes[0], 1);
    assert_int_equal(bytes[6], 7);
    assert_log(&regs, "r1@1 r2@2 r4@4 r8@8 ");
    assert_true(mem_read(f.space, 0x3e, 4, &v) == false); /* half of it is there */
    assert_int_equal(v, 0x3f3e);
    mem_region_free(any);
    mem_region_free(word);
    mem_region_free(be);
    teardown(&f);
}

static void holes(void **state)
{
    struct fixture f;
    uint8_t bytes[32];
    uint64_t v = 1;

    (void)state;
    setup(&f);
    assert_false(mem_read(f.space, 0x10, 4, &v));
    assert_int_equal(v, 0);
    assert_false(mem_write(f.space, 0x10, 4, 1));
    memset(bytes, 0x5a, sizeof(bytes));
    assert_int_equal(mem_dma_write(f.space, 0x4fff0, bytes, 32), -EFAULT);
    assert_true(mem_read(f.space, 0x4fff8, 8, &v));
    assert_int_equal(v, 0x5a5a5a5a5a5a5a5a);
    assert_int_equal(mem_dma_read(f.space, 0x3fff8, bytes, 16), -EFAULT);
    assert_int_equal(bytes[0], 0);
    assert_int_equal(mem_dma_read(f.space, UINT64_MAX - 3, bytes, 32),
                     -EFAULT); /* around the end */
    teardown(&f);
}

static void rom_and_flash(void **state)
{
    struct fixture f;
    struct regs regs = {0};
    struct mem_region *rom, *flash;
    struct mem_hit hit;
    struct err e;
    uint64_t v;

    (void)state;
    setup(&f);
    assert_int_equal(
        mem_region_ram(&rom, "rom", 0x1000, &(struct mem_ram_opts){.readonly = true}, &e), 0);
    assert_int_equal(mem_region_romd(&flash, "flash", 0x1000, &any_ops, &regs, &e), 0);
    mem_region_add(f.root, 0x0, rom, 0);
    mem_region_add(f.root, 0x1000, flash, 0);
    assert_int_equal(mem_load(f.space, 0xffc, "abcdefgh", 8, &e), 0);
    assert_true(mem_write(f.space, 0xffc, 4, 0)); /* ignored */
    assert_true(mem_read(f.space, 0xffc, 8, &v));
    assert_memory_equal(&v, "abcdefgh", 8);
    assert_true(mem_write(f.space, 0x1000, 1, 7));
    assert_log(&regs, "w1@0=7 ");
    mem_lookup(f.space, 0x1000, &hit);
    assert_non_null(hit.host);
    assert_false(hit.writable);
    mem_region_set_direct(flash, false);
    mem_lookup(f.space, 0x1000, &hit);
    assert_null(hit.host);
    assert_true(mem_read(f.space, 0x1000, 1, &v));
    assert_int_equal(v, 7);
    assert_int_equal(mem_load(f.space, 0x1000, "X", 1, &e), 0);
    assert_int_equal(*mem_region_host(flash), 'X');
    assert_int_equal(mem_load(f.space, 0x9000, "X", 1, &e), -EFAULT);
    assert_string_equal(e.text, "no memory at guest address 0x9000 to load 1 bytes into (memory)");
    mem_region_free(rom);
    mem_region_free(flash);
    teardown(&f);
}

static void device_does_dma_and_moves(void **state)
{
    struct fixture f;
    struct regs a = {0}, b = {0};
    struct mem_region *ra, *rb;
    uint64_t v;

    (void)state;
    setup(&f);
    os_mutex_init_owned(&a.lock);
    os_mutex_init_owned(&b.lock);
    ra = mem_region_io("a", 64, &any_ops, &a);
    rb = mem_region_io("b", 64, &any_ops, &b);
    mem_region_set_lock(ra, &a.lock);
    mem_region_set_lock(rb, &b.lock);
    mem_region_add(f.root, 0x1000, ra, 0);
    mem_region_add(f.root, 0x2000, rb, 0);
    a.space = b.space = f.space;
    a.move = ra;
    assert_true(mem_write(f.space, 0x1020, 8, 0x40100));
    assert_int_equal(a.dma_rc, 0);
    assert_true(mem_read(f.space, 0x40100, 4, &v));
    assert_int_equal(v, 0x11223344);
    assert_true(mem_write(f.space, 0x1020, 8, 0x1000)); /* itself */
    assert_int_equal(a.dma_rc, -EFAULT);
    assert_true(mem_write(f.space, 0x1020, 8, 0x2000)); /* another */
    assert_int_equal(a.dma_rc, 0);
    assert_int_equal(b.bytes[0], 0x44);
    assert_true(mem_write(f.space, 0x1028, 8, 0x7000)); /* moves itself within its own access */
    assert_false(mem_read(f.space, 0x1000, 1, &v));
    assert_true(mem_read(f.space, 0x7000, 1, &v));
    mem_region_free(ra);
    mem_region_free(rb);
    os_mutex_destroy(&a.lock);
    os_mutex_destroy(&b.lock);
    teardown(&f);
}

struct heard {
    struct mem_listener listener;
    unsigned changes, codes;
    const void *host;
    size_t size;
};

static void on_change(void *opaque)
{
    ((struct heard *)opaque)->changes++;
}

static void on_code(void *opaque, const void *host, size_t size)
{
    struct heard *h = opaque;

    h->codes++;
    h->host = host;
    h->size = size;
}

static void marks_and_listeners(void **state)
{
    struct fixture f;
    struct heard h = {0};
    uint8_t bytes[0x1800] = {1};
    uint8_t *ram;
    size_t size = 0x20000;

    (void)state;
    setup(&f);
    ram = mem_region_host(f.ram);
    h.listener = (struct mem_listener){.opaque = &h, .changed = on_change, .code_written = on_code};
    mem_listen(f.space, &h.listener);
    assert_null(mem_marks(f.space, bytes));
    atomic_fetch_or(mem_marks(f.space, ram + 0x1000), MEM_MARK_CODE);
    assert_int_equal(mem_dma_write(f.space, 0x40800, bytes, sizeof(bytes)), 0);
    assert_int_equal(h.codes, 1);
    assert_ptr_equal(h.host, ram + 0x1000);
    assert_int_equal(h.size, 0x1000);
    assert_true(mem_write(f.space, 0x41010, 4, 9));
    assert_int_equal(h.codes, 2);
    assert_ptr_equal(h.host, ram + 0x1010);
    assert_int_equal(*mem_marks(f.space, ram), 0);
    mem_log(f.space, MEM_MARK_DISPLAY, true);
    assert_int_equal(h.changes, 1);
    assert_int_equal(mem_logging(f.space), MEM_MARK_DISPLAY);
    assert_ptr_equal(mem_dma_map(f.space, 0x42000, &size, true), ram + 0x2000);
    assert_int_equal(size, 0xe000);
    mem_dma_done(f.space, ram + 0x2fff, 2);
    assert_int_equal(*mem_marks(f.space, ram + 0x2000), MEM_MARK_DISPLAY);
    assert_int_equal(*mem_marks(f.space, ram + 0x3000), MEM_MARK_DISPLAY);
    assert_int_equal(*mem_marks(f.space, ram + 0x4000), 0);
    /* Several changes are told once, none of them not at all. */
    mem_space_begin(f.space);
    mem_region_move(f.ram, 0x50000);
    mem_region_move(f.ram, 0x60000);
    assert_int_equal(h.changes, 1);
    mem_space_end(f.space);
    assert_int_equal(h.changes, 2);
    mem_region_set_enabled(f.ram, true);
    mem_region_move(f.ram, 0x60000);
    assert_int_equal(h.changes, 2);
    mem_unlisten(f.space, &h.listener);
    mem_region_move(f.ram, 0x40000);
    assert_int_equal(h.changes, 2);
    teardown(&f);
}

struct racer {
    struct fixture *f;
    _Atomic bool stop;
    unsigned lookups;
};

static void *race(void *arg)
{
    struct racer *r = arg;
    uint64_t v;

    while (!r->stop || r->lookups < 1000) {
        struct mem_hit hit;

        mem_lookup(r->f->space, 0x40008, &hit);
        if (hit.region != r->f->ram || hit.offset != 8)
            return (void *)1;
        if (!mem_read(r->f->space, 0x4fff8, 8, &v) || v != 0x1234567812345678)
            return (void *)1;
        mem_read(r->f->space, 0x1000 + (r->lookups % 64) * 0x1000, 4, &v);
        r->lookups++;
    }
    return NULL;
}

/* A bar that moves for ever, and many regions that come and go, beside readers. */
static void readers_beside_changes(void **state)
{
    struct fixture f;
    struct regs regs = {0};
    struct racer racer = {.f = &f};
    struct mem_region *bar, *many[48];
    struct os_thread thread;
    struct err e;

    (void)state;
    setup(&f);
    assert_true(mem_write(f.space, 0x4fff8, 8, 0x1234567812345678));
    bar = mem_region_io("bar", 0x1000, &word_ops, &regs);
    mem_region_add(f.root, 0x1000, bar, 0);
    for (unsigned i = 0; i < array_size(many); i++)
        many[i] = mem_region_alias("part", f.ram, 0, 0x800);
    regs.log[sizeof(regs.log) - 1] = '\0';
    assert_int_equal(os_thread_start(&thread, "reader", 0, race, &racer, &e), 0);
    for (unsigned i = 0; i < 20000; i++)
        mem_region_move(bar, 0x1000 + (i % 32) * 0x1000);
    for (unsigned round = 0; round < 10; round++) {
        for (unsigned i = 0; i < array_size(many); i++)
            mem_region_add(f.root, 0x100000 + i * 0x1000, many[i], 0);
        for (unsigned i = 0; i < array_size(many); i++)
            mem_region_remove(many[i]);
    }
    racer.stop = true;
    assert_null(os_thread_join(&thread));
    for (unsigned i = 0; i < array_size(many); i++)
        mem_region_free(many[i]);
    mem_region_free(bar);
    teardown(&f);
}

static bool count_ram(void *arg, struct mem_region *r, mem_pa at)
{
    struct str *out = arg;

    str_printf(out, "%s@%llx ", mem_region_name(r), (unsigned long long)at);
    return true;
}

static void each_ram(void **state)
{
    struct fixture f;
    struct mem_region *more, *alias, *io;
    struct regs regs = {0};
    struct str out = {0};
    struct err e;

    (void)state;
    setup(&f);
    assert_int_equal(
        mem_region_ram(&more, "more", 0x2000, &(struct mem_ram_opts){.shared = true}, &e), 0);
    io = mem_region_io("io", 64, &any_ops, &regs);
    alias = mem_region_alias("again", f.ram, 0, 0x1000);
    mem_region_add(f.root, 0x10000, more, 0);
    mem_region_add(f.root, 0x11000, io, 1); /* cuts it in two */
    mem_region_add(f.root, 0x90000, alias, 0);
    mem_each_ram(f.space, count_ram, &out);
    assert_string_equal(str_text(&out), "more@10000 ram@40000 ");
    str_free(&out);
    mem_region_free(alias);
    mem_region_free(io);
    mem_region_free(more);
    teardown(&f);
}

static void too_large(void **state)
{
    struct mem_region *r;
    struct err e;

    (void)state;
    assert_true(mem_region_ram(&r, "ram", UINT64_MAX - 5, NULL, &e) < 0);
    assert_null(r);
    assert_true(mem_region_ram(&r, "ram", UINT64_C(1) << 60, NULL, &e) < 0);
    assert_non_null(strstr(e.text, "ram: cannot map"));
    assert_int_equal(
        mem_region_ram(&r, "ram", 0x1000, &(struct mem_ram_opts){.file = "/nowhere/x"}, &e),
        -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overlaps),
        cmocka_unit_test(lookups),
        cmocka_unit_test(splitting),
        cmocka_unit_test(holes),
        cmocka_unit_test(rom_and_flash),
        cmocka_unit_test(device_does_dma_and_moves),
        cmocka_unit_test(marks_and_listeners),
        cmocka_unit_test(readers_beside_changes),
        cmocka_unit_test(each_ram),
        cmocka_unit_test(too_large),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
