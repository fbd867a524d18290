/* fw_cfg: selecting and reading, the directory, DMA and its errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "setup.h"

enum { DATA = 0, SELECTOR = 8, DMA = 16 };
enum { ERROR = 1, READ = 2, SKIP = 4, SELECT = 8, WRITE = 16 };
enum { DESCRIPTOR = DEVKIT_RAM + 0x100, BUFFER = DEVKIT_RAM + 0x1000 };

/* Registers are big-endian; the kit's accesses are little-endian, as those of an arm64 kernel. */
static void choose(struct devkit *kit, uint16_t key)
{
    devkit_write(kit, 0, SELECTOR, 2, __builtin_bswap16(key));
}

static uint32_t dma(struct devkit *kit, uint32_t control, uint32_t length, uint64_t address)
{
    uint8_t *d = devkit_ram(kit, DESCRIPTOR);

    mem_st32be(d, control);
    mem_st32be(d + 4, length);
    mem_st64be(d + 8, address);
    devkit_write(kit, 0, DMA + 4, 4, __builtin_bswap32(DESCRIPTOR));
    return mem_ld32be(d);
}

static void reads(void **state)
{
    struct devkit *kit = devkit_new(setup);

    (void)state;
    choose(kit, FW_CFG_SIGNATURE);
    assert_int_equal(devkit_read(kit, 0, DATA, 4), 0x554d4551); /* "QEMU" in memory's order */
    assert_int_equal(devkit_read(kit, 0, DATA, 1), 0);          /* behind the end */
    choose(kit, FW_CFG_ID);
    assert_int_equal(devkit_read(kit, 0, DATA, 4), 3);
    choose(kit, FW_CFG_NB_CPUS);
    assert_int_equal(devkit_read(kit, 0, DATA, 1), 4);
    assert_int_equal(devkit_read(kit, 0, DATA, 1), 0);
    choose(kit, FW_CFG_CMDLINE_DATA);
    assert_int_equal(devkit_read(kit, 0, DATA, 8), UINT64_C(0x7465697571)); /* "quiet" */
    choose(kit, 0x3abc);                                                    /* no such item */
    assert_int_equal(devkit_read(kit, 0, DATA, 8), 0);
    assert_int_equal(devkit_read(kit, 0, DMA, 8), UINT64_C(0x47464320554d4551)); /* "QEMU CFG" */
    assert_int_equal(devkit_read(kit, 0, DMA, 4), 0x554d4551);
    devkit_free(kit);
}

static void directory(void **state)
{
    static const char *const names[] = {"etc/a", "etc/b", "opt/v", "opt/w"};
    struct devkit *kit = devkit_new(setup);
    uint8_t *p = devkit_ram(kit, BUFFER);
    struct err e;
    char name[64];
    size_t size;

    (void)state;
    assert_int_equal(dma(kit, FW_CFG_FILE_DIR << 16 | SELECT | READ, 4 + 4 * 64, BUFFER), 0);
    assert_int_equal(mem_ld32be(p), 4);
    for (unsigned i = 0; i < 4; i++) {
        assert_string_equal((char *)p + 4 + 64 * i + 8, names[i]);
        assert_int_equal(mem_ld16be(p + 4 + 64 * i + 4), FW_CFG_FILE_FIRST + i);
    }
    assert_int_equal(mem_ld32be(p + 4 + 64), 4);
    assert_int_equal(fw_cfg_add_file(kit->dev, "etc/b", "xyz", 3, &e), 0); /* in its place */
    assert_memory_equal(fw_cfg_file(kit->dev, "etc/b", &size), "xyz", 3);
    assert_int_equal(size, 3);
    assert_null(fw_cfg_file(kit->dev, "etc/c", &size));
    memset(name, 'n', sizeof(name));
    name[56] = 0;
    assert_int_not_equal(fw_cfg_add_file(kit->dev, name, "", 0, &e), 0);
    name[55] = 0;
    assert_int_equal(fw_cfg_add_file(kit->dev, name, "", 0, &e), 0);
    for (unsigned i = 0; i < 250; i++) {
        snprintf(name, sizeof(name), "opt/%03u", i);
        assert_int_equal(fw_cfg_add_file(kit->dev, name, name, 7, &e), 0);
    }
    assert_int_equal(fw_cfg_add_file(kit->dev, "opt/w2", "", 0, &e), 0);
    assert_int_not_equal(fw_cfg_add_file(kit->dev, "opt/w3", "", 0, &e), 0);
    assert_memory_equal(fw_cfg_file(kit->dev, "opt/w", &size), "0123456789", 10);
    devkit_free(kit);
}

static void transfers(void **state)
{
    struct devkit *kit = devkit_new(setup);
    uint8_t *p = devkit_ram(kit, BUFFER);
    size_t size;

    (void)state;
    memset(p, 0xee, 16);
    assert_int_equal(dma(kit, FW_CFG_KERNEL_DATA << 16 | SELECT | READ, 10, BUFFER), 0);
    assert_memory_equal(p, "kernel\0\0\0\0\xee", 11); /* zeroes behind the end */
    assert_int_equal(dma(kit, FW_CFG_KERNEL_DATA << 16 | SELECT, 0, 0), 0);
    assert_int_equal(dma(kit, SKIP, 3, 0), 0);
    assert_int_equal(dma(kit, READ, 3, BUFFER), 0);
    assert_memory_equal(p, "nel", 3);
    assert_int_equal(dma(kit, READ, 16, 0x1000), ERROR);         /* no RAM there */
    assert_int_equal(dma(kit, READ, 16, DEVKIT_MMIO), ERROR);    /* these registers */
    assert_int_equal(dma(kit, READ, 0xffffffff, BUFFER), ERROR); /* past the end of RAM */
    assert_int_equal(dma(kit, FW_CFG_NB_CPUS << 16 | SELECT | WRITE, 1, BUFFER), ERROR);
    memcpy(p, "AB", 2);
    assert_int_equal(dma(kit, (FW_CFG_FILE_FIRST + 3) << 16 | SELECT, 0, 0), 0);
    assert_int_equal(dma(kit, SKIP, 8, 0), 0);
    assert_int_equal(dma(kit, WRITE, 3, BUFFER), ERROR); /* one more than there is */
    assert_int_equal(dma(kit, WRITE, 2, BUFFER), 0);
    assert_int_equal(kit->requests[0], '0');
    assert_memory_equal(fw_cfg_file(kit->dev, "opt/w", &size), "01234567AB", 10);
    devkit_write(kit, 0, DMA, 8, __builtin_bswap64(DEVKIT_MMIO)); /* descriptor in registers */
    devkit_write(kit, 0, DMA, 4, 0);
    devkit_write(kit, 0, DMA + 4, 4, __builtin_bswap32(DEVKIT_RAM + DEVKIT_RAM_SIZE - 8));
    devkit_free(kit);
}

static void conforms(void **state)
{
    (void)state;
    assert_true(devkit_conform(&dev_class_fw_cfg, setup, DEVKIT_OUTLIVES_RESET));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads), cmocka_unit_test(directory),
                                       cmocka_unit_test(transfers), cmocka_unit_test(conforms)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
