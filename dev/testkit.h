/* The test kit of devices: an in-process bus that drives any device without a guest, the
 * conformance suite that every device passes, and a driver for fuzzers. Not part of the program;
 * needs no cmocka.
 *
 * A device's tests give one function that makes it inside a kit:
 *
 *     static int setup(struct devkit *kit, struct err *e)
 *     {
 *         struct dev *d = dev_new(&dev_class_pl031, kit->root, "rtc", &kit->env);
 *
 *         kit->dev = d;                                   // before anything can fail: the kit
 * frees the tree
 *         ... properties (prop_set, or members), backends (devkit_backend) ...
 *         int rc = dev_realize(d, e);
 *         if (rc)
 *             return rc;
 *         pl031_set_irq(d, devkit_irq(kit, 0));           // recorded in kit->line[0]
 *         devkit_place(kit, pl031_region(d));             // register block 0; a free one (regions
 * are not freed here) return 0;
 *     }
 *
 *     static void conforms(void **state) { assert_true(devkit_conform(&dev_class_pl031, setup, 0));
 * }
 *
 *     static void counts(void **state)
 *     {
 *         struct devkit *kit = devkit_new(setup);         // fresh, realized, reset
 *         devkit_write(kit, 0, 0x08, 4, 100);             // block, offset, size, value
 *         devkit_advance(kit, 3 * NS);                    // timers fire, loop tasks run
 *         assert_int_equal(devkit_read(kit, 0, 0x00, 4), 103);
 *         assert_int_equal(kit->line[0].level, 0);
 *         devkit_free(kit);
 *     }
 *
 * A fuzz target is one more file, tests/fuzz.c, with the same setup and `DEVKIT_FUZZ(setup)`. In
 * meson.build:
 *
 *     test('dev/rtc/pl031', executable('test_dev_pl031', 'tests/pl031.c', kwargs: args_dev + {
 *       'link_with': [dev_rtc_lib, devkit_lib] + libs_dev, 'dependencies': [gen_dep, cmocka_dep,
 * threads_dep, host_deps]}), suite: 'unit') fuzzers += [['dev/rtc', files('tests/fuzz.c'),
 * args_dev, [dev_rtc_lib, devkit_lib] + libs_dev]]
 *
 * of which the build makes a program that runs a few fixed seeds in `make check`, more in `make
 * check-full`, and libFuzzer's own when configured with -Dfuzzer=true and clang.
 *
 * One thread; kit->env.loop is a real event loop that runs inside devkit_settle() and
 * devkit_advance() only; the clocks move by devkit_advance() only. DMA reaches kit->ram at
 * DEVKIT_RAM. Failures are printed.
 */
#ifndef MYNA_DEV_TESTKIT_H
#define MYNA_DEV_TESTKIT_H

#include "core/dev.h"

enum { DEVKIT_LINES = 128, DEVKIT_BLOCKS = 16, DEVKIT_BACKENDS = 8 };
#define DEVKIT_RAM      UINT64_C(0x40000000)
#define DEVKIT_RAM_SIZE UINT64_C(0x100000)
#define DEVKIT_MMIO     UINT64_C(0x100000000) /* of block 0; the others follow at this distance: */
#define DEVKIT_STEP     UINT64_C(0x100000000)

enum {
    /* What it does depends on more than its state, registers, memory and time (a source of
       entropy). */
    DEVKIT_NOT_DETERMINISTIC = 1,
    /* Some state outlives a reset on purpose (a battery-backed clock, flash). */
    DEVKIT_OUTLIVES_RESET = 2,
    /* Needs its board: skip realizing it with nothing configured. */
    DEVKIT_NEEDS_BOARD = 4,
};

struct devkit_line {
    int level;
    unsigned changes; /* of the level */
};

struct devkit {
    struct dev_env env;
    struct mem_space *space;
    struct mem_region *all, *ram;
    struct dev *root, *dev; /* dev: the one under test */
    struct mem_region *block[DEVKIT_BLOCKS];
    unsigned blocks;
    struct devkit_line line[DEVKIT_LINES];
    unsigned msis;                 /* messages sent */
    uint32_t msi_device, msi_data; /* the last one */
    uint64_t msi_address;
    unsigned requests[DEV_REQUEST_PANIC + 1];
    bool running; /* what env.running() says */
    struct {
        char kind; /* 'b', 'n', 'c': blk, net, chr */
        const char *id;
        void *backend;
    } backends[DEVKIT_BACKENDS];
    /* For the test's own: */
    void *user;
    void (*teardown)(struct devkit *kit); /* after the devices were freed, before loop and memory
                                             are; NULL: none */
    /* Something from outside (a byte that arrives, a packet), made of random bits; NULL: none. */
    void (*outside)(struct devkit *kit, uint64_t random);
};

/* NULL, and the error printed, when setup fails. */
struct devkit *devkit_new(int (*setup)(struct devkit *kit, struct err *e));
void devkit_free(struct devkit *kit);

/* For setup: */
struct irq devkit_irq(struct devkit *kit, unsigned n);
struct msi_target devkit_msi(struct devkit *kit);
unsigned devkit_place(struct devkit *kit, struct mem_region *r); /* returns its block number */
void devkit_backend(struct devkit *kit, char kind, const char *id, void *backend);

/* As a processor does: through the region's lock, splitting as the region wants. */
uint64_t devkit_read(struct devkit *kit, unsigned block, uint64_t offset, unsigned size);
void devkit_write(struct devkit *kit, unsigned block, uint64_t offset, unsigned size,
                  uint64_t value);
uint8_t *devkit_ram(struct devkit *kit, mem_pa at); /* host address */
void devkit_settle(struct devkit *kit); /* runs what was posted to the loop, and what that posted */
void devkit_advance(struct devkit *kit, int64_t ns);

/* State of all devices: as a stream, back, and as text with the levels of lines. */
struct str;
bool devkit_save(struct devkit *kit, struct str *out);
int must_check devkit_load(struct devkit *kit, const struct str *bytes, struct err *e);
void devkit_dump(struct devkit *kit, struct str *out);

/* The suite: tables are complete; an unknown property is refused; destroyed before and after a
 * realize that failed; reset gives the same state twice, and that of power-on; random accesses of
 * all sizes at all offsets, time and outside events; saved amidst, loaded into a fresh one and
 * saved again is the same, and the two go on alike; a stream with random values is refused or
 * harmless. Prints what fails. flags: DEVKIT_* */
bool devkit_conform(const struct dev_class *cls, int (*setup)(struct devkit *kit, struct err *e),
                    unsigned flags);

/* Bytes as a sequence of accesses, time steps and events; then save, load, reset, free. */
void devkit_fuzz(int (*setup)(struct devkit *kit, struct err *e), const uint8_t *data, size_t size);

#define DEVKIT_FUZZ(setup)                                        \
    int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); \
    int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)  \
    {                                                             \
        devkit_fuzz(setup, data, size);                           \
        return 0;                                                 \
    }
#endif
