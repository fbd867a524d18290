/* The host bridge and root ports: configuration, BARs, routing, plugging. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"
#include "dev/pci/pci_int.h"
#include "dev/testkit.h"

extern const struct dev_class dev_class_pcie_root_port;

/* A function with two BARs whose registers tell their own offset. */
struct probe {
    struct pci_dev pci;
    struct mem_region *bars[2];
};

static uint64_t probe_read(void *dev, uint64_t offset, unsigned size)
{
    (void)dev;
    (void)size;
    return 0x5000 + offset;
}

static void probe_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    (void)offset;
    (void)size;
    pci_intx_set(dev, value & 1);
    pci_msi_raise(dev, (unsigned)value >> 1);
}

static const struct mem_ops probe_ops = {
    .read = probe_read, .write = probe_write, .min_size = 1, .max_size = 4};

static int probe_realize(struct dev *d, struct err *e)
{
    static const struct pci_ident ident = {
        .vendor = 0x1234, .device = 0x5678, .class_code = 0xff0000, .pin = 1};
    struct probe *p = (struct probe *)d;
    int rc = pci_dev_init(&p->pci, &ident, NULL, e);

    if (rc)
        return rc;
    p->bars[0] = mem_region_io("probe-mem", 0x4000, &probe_ops, p);
    p->bars[1] = mem_region_io("probe-io", 0x20, &probe_ops, p);
    for (unsigned i = 0; i < 2; i++)
        mem_region_set_lock(p->bars[i], &d->lock);
    pci_bar_set(&p->pci, 0, PCI_BAR_MEM64, p->bars[0]);
    pci_bar_set(&p->pci, 2, PCI_BAR_IO, p->bars[1]);
    pci_msi_add(&p->pci, 4);
    pci_express_add(&p->pci, pci_on_root_bus(&p->pci) ? 9 : 0);
    return 0;
}

static void probe_reset(struct dev *d)
{
    pci_dev_reset(&((struct probe *)d)->pci);
}

static void probe_destroy(struct dev *d)
{
    struct probe *p = (struct probe *)d;

    pci_dev_done(&p->pci);
    for (unsigned i = 0; i < 2; i++) {
        if (p->bars[i])
            mem_region_free(p->bars[i]);
    }
}

static int probe_loaded(struct dev *d, struct err *e)
{
    return pci_dev_loaded(&((struct probe *)d)->pci, e);
}

static const struct prop probe_props[] = {PCI_PROPS, {0}};
static const struct dev_class probe_class = {.name = "probe",
                                             .bus = "pci",
                                             .help = "a test",
                                             .size = sizeof(struct probe),
                                             .props = probe_props,
                                             .state = pci_dev_state,
                                             .realize = probe_realize,
                                             .reset = probe_reset,
                                             .destroy = probe_destroy,
                                             .loaded = probe_loaded};

enum { ECAM, MMIO32, MMIO64, IO };
#define LOW  0x10000000u
#define HIGH (UINT64_C(1) << 36)

static int setup(struct devkit *kit, struct err *e)
{
    struct pci_windows w = {.ecam_size = 4 << 20,
                            .mmio32_base = LOW,
                            .mmio32_size = 0x1000000,
                            .mmio64_base = HIGH,
                            .mmio64_size = 0x10000000,
                            .io_size = 0x10000};
    struct msi_target msi = devkit_msi(kit);
    struct irq lines[4];
    int rc;

    for (unsigned i = 0; i < 4; i++)
        lines[i] = devkit_irq(kit, i);
    kit->dev = dev_new(&dev_class_pci_host, kit->root, "pci", &kit->env);
    pci_host_setup(kit->dev, &w, lines, &msi);
    rc = dev_realize(kit->dev, e);
    if (rc)
        return rc;
    devkit_place(kit, pci_host_ecam(kit->dev));
    devkit_place(kit, pci_host_mmio32(kit->dev));
    devkit_place(kit, pci_host_mmio64(kit->dev));
    devkit_place(kit, pci_host_io(kit->dev));
    return 0;
}

/* NULL: refused, with the reason in e. */
static struct dev *plug(struct devkit *kit, const struct dev_class *cls, const char *id,
                        const char *options, struct err *e)
{
    struct dev *d = dev_new(cls, kit->root, cls->name, &kit->env);
    json_t *conf = json_loads(options, 0, NULL);
    int rc = prop_apply(cls->props, d, conf, cls->name, NULL, e);

    json_decref(conf);
    if (id)
        d->id = mem_strdup(id);
    if (!rc)
        rc = pci_plug(kit->dev, d, e);
    if (!rc)
        rc = dev_realize(d, e);
    if (!rc) {
        dev_reset(d);
        return d;
    }
    dev_free(d);
    return NULL;
}

static uint32_t get(struct devkit *kit, unsigned bus, unsigned devfn, unsigned at, unsigned size)
{
    return (uint32_t)devkit_read(kit, ECAM, bus << 20 | devfn << 12 | at, size);
}

static void set(struct devkit *kit, unsigned bus, unsigned devfn, unsigned at, uint32_t value,
                unsigned size)
{
    devkit_write(kit, ECAM, bus << 20 | devfn << 12 | at, size, value);
}

static void test_config(void **state)
{
    struct devkit *kit = devkit_new(setup);
    struct err e;

    (void)state;
    assert_non_null(plug(kit, &probe_class, NULL, "{}", &e));
    assert_int_equal(get(kit, 0, 0, 0, 4), 0x00081b36);
    assert_int_equal(get(kit, 0, 8, 0, 4), 0x56781234);
    assert_int_equal(get(kit, 0, 8, 2, 1), 0x78);
    assert_int_equal(get(kit, 0, 16, 0, 4), UINT32_MAX);
    assert_int_equal(get(kit, 1, 8, 0, 4), UINT32_MAX);
    set(kit, 0, 8, 0, 0, 4);
    set(kit, 0, 8, PCI_CLASS, 0, 2);
    assert_int_equal(get(kit, 0, 8, 0, 4), 0x56781234);
    set(kit, 0, 8, PCI_INT_LINE, 0xab, 1);
    assert_int_equal(get(kit, 0, 8, PCI_INT_LINE, 1), 0xab);
    dev_reset(kit->root);
    assert_int_equal(get(kit, 0, 8, PCI_INT_LINE, 1), 0);
    devkit_free(kit);
}

static void test_bars(void **state)
{
    struct devkit *kit = devkit_new(setup);
    struct err e;

    (void)state;
    assert_non_null(plug(kit, &probe_class, NULL, "{}", &e));
    /* Sizes, as every system asks. */
    set(kit, 0, 8, PCI_BAR0, UINT32_MAX, 4);
    set(kit, 0, 8, PCI_BAR0 + 4, UINT32_MAX, 4);
    set(kit, 0, 8, PCI_BAR0 + 8, UINT32_MAX, 4);
    assert_int_equal(get(kit, 0, 8, PCI_BAR0, 4), 0xffffc004);
    assert_int_equal(get(kit, 0, 8, PCI_BAR0 + 4, 4), UINT32_MAX);
    assert_int_equal(get(kit, 0, 8, PCI_BAR0 + 8, 4), 0xffffffe1);
    set(kit, 0, 8, PCI_COMMAND, 3, 2);
    set(kit, 0, 8, PCI_BAR0 + 4, 0, 4);
    set(kit, 0, 8, PCI_BAR0, LOW + 0x8000, 4);
    assert_int_equal(devkit_read(kit, MMIO32, 0x8010, 4), 0x5010);
    assert_int_equal(devkit_read(kit, MMIO32, 0x7ffc, 4), 0);
    set(kit, 0, 8, PCI_BAR0, LOW + 0xc000, 4);
    assert_int_equal(devkit_read(kit, MMIO32, 0x8010, 4), 0);
    assert_int_equal(devkit_read(kit, MMIO32, 0xc010, 4), 0x5010);
    set(kit, 0, 8, PCI_BAR0 + 4, HIGH >> 32, 4);
    set(kit, 0, 8, PCI_BAR0, 0x4000, 4);
    assert_int_equal(devkit_read(kit, MMIO64, 0x4008, 4), 0x5008);
    set(kit, 0, 8, PCI_BAR0 + 8, 0x1000, 4);
    assert_int_equal(devkit_read(kit, IO, 0x1004, 2), 0x5004);
    set(kit, 0, 8, PCI_COMMAND, 0, 2);
    assert_int_equal(devkit_read(kit, IO, 0x1004, 2), 0);
    assert_int_equal(devkit_read(kit, MMIO64, 0x4008, 4), 0);
    devkit_free(kit);
}

static void test_interrupts(void **state)
{
    struct devkit *kit = devkit_new(setup);
    struct pci_dev *a, *b;
    unsigned cap;
    struct err e;

    (void)state;
    a = (struct pci_dev *)plug(kit, &probe_class, NULL, "{\"addr\": \"1\"}", &e);
    b = (struct pci_dev *)plug(kit, &probe_class, NULL, "{\"addr\": \"5\"}", &e);
    assert_true(a && b);
    /* Slots 1 and 5 share line 1. */
    pci_intx_set(a, true);
    pci_intx_set(b, true);
    pci_intx_set(b, true);
    assert_int_equal(kit->line[1].level, 1);
    pci_intx_set(a, false);
    assert_int_equal(kit->line[1].level, 1);
    set(kit, 0, 40, PCI_COMMAND, PCI_CMD_INTX_OFF, 2);
    assert_int_equal(kit->line[1].level, 0);
    pci_intx_set(b, false);
    /* MSI: four vectors offered, two granted; not without bus mastering. */
    cap = b->msi_cap;
    set(kit, 0, 40, cap + 4, 0x08020040, 4);
    set(kit, 0, 40, cap + 12, 0x42, 2);
    set(kit, 0, 40, cap + 2, 0x11, 2);
    pci_msi_raise(b, 1);
    assert_int_equal(kit->msis, 0);
    set(kit, 0, 40, PCI_COMMAND, PCI_CMD_MASTER, 2);
    pci_msi_raise(b, 3);
    assert_int_equal(kit->msis, 1);
    assert_int_equal(kit->msi_data, 0x43);
    assert_int_equal(kit->msi_device, 40);
    /* A device that goes takes its level along. */
    pci_intx_set(a, true);
    dev_free(&a->dev);
    assert_int_equal(kit->line[1].level, 0);
    assert_int_equal(get(kit, 0, 8, 0, 4), UINT32_MAX);
    devkit_free(kit);
}

static void test_places(void **state)
{
    struct devkit *kit = devkit_new(setup);
    struct str place = {0};
    struct dev *d;
    struct err e;

    (void)state;
    assert_non_null(
        plug(kit, &probe_class, NULL, "{\"addr\": \"3.0\", \"multifunction\": true}", &e));
    assert_non_null(plug(kit, &probe_class, NULL, "{\"addr\": \"3.1\"}", &e));
    assert_true(get(kit, 0, 24, PCI_HEADER_TYPE, 1) & 0x80);
    assert_null(plug(kit, &probe_class, NULL, "{\"addr\": \"3.1\"}", &e));
    assert_non_null(strstr(e.text, "already"));
    assert_non_null(plug(kit, &probe_class, NULL, "{\"addr\": \"4\"}", &e));
    assert_null(plug(kit, &probe_class, NULL, "{\"addr\": \"4.2\"}", &e));
    assert_non_null(strstr(e.text, "multifunction"));
    assert_null(plug(kit, &probe_class, NULL, "{\"bus\": \"nowhere\"}", &e));
    assert_non_null(strstr(e.text, "nowhere"));
    d = plug(kit, &probe_class, NULL, "{}", &e);
    pci_dev_place((struct pci_dev *)d, &place);
    assert_string_equal(str_text(&place), "01.0");
    for (unsigned i = 0; i < 28; i++)
        assert_non_null(plug(kit, &probe_class, NULL, "{}", &e));
    assert_null(plug(kit, &probe_class, NULL, "{}", &e));
    assert_non_null(strstr(e.text, "pcie-root-port"));
    str_free(&place);
    devkit_free(kit);
}

static void test_root_port(void **state)
{
    struct devkit *kit = devkit_new(setup);
    struct pci_dev *d;
    struct str place = {0};
    struct err e;

    (void)state;
    assert_non_null(plug(kit, &dev_class_pcie_root_port, "rp1", "{\"addr\": \"2\"}", &e));
    d = (struct pci_dev *)plug(kit, &probe_class, NULL, "{\"bus\": \"rp1\"}", &e);
    assert_non_null(d);
    assert_null(plug(kit, &probe_class, NULL, "{\"bus\": \"rp1\"}", &e));
    pci_dev_place(d, &place);
    assert_string_equal(str_text(&place), "02.0/00.0");
    assert_int_equal(get(kit, 0, 16, PCI_HEADER_TYPE, 1), 1);
    assert_int_equal(get(kit, 2, 0, 0, 4), UINT32_MAX); /* no bus number yet */
    set(kit, 0, 16, BRIDGE_PRIMARY, 0x00020200, 4);
    assert_int_equal(get(kit, 2, 0, 0, 4), 0x56781234);
    assert_int_equal(pci_requester_id(d), 0x200);
    /* Decoded only inside of the bridge's window. */
    set(kit, 2, 0, PCI_COMMAND, 7, 2);
    set(kit, 2, 0, PCI_BAR0, LOW + 0x100000, 4);
    assert_int_equal(devkit_read(kit, MMIO32, 0x100010, 4), 0);
    set(kit, 0, 16, BRIDGE_MEM_BASE, (LOW + 0x100000) >> 16, 2);
    set(kit, 0, 16, BRIDGE_MEM_LIMIT, (LOW + 0x100000) >> 16, 2);
    assert_int_equal(devkit_read(kit, MMIO32, 0x100010, 4), 0);
    set(kit, 0, 16, PCI_COMMAND, 7, 2);
    assert_int_equal(devkit_read(kit, MMIO32, 0x100010, 4), 0x5010);
    set(kit, 0, 16, BRIDGE_MEM_BASE, (LOW + 0x200000) >> 16, 2);
    assert_int_equal(devkit_read(kit, MMIO32, 0x100010, 4), 0);
    /* Slot 0 behind slot 2: its INTA is line 2. */
    pci_intx_set(d, true);
    assert_int_equal(kit->line[2].level, 1);
    pci_intx_set(d, false);
    str_free(&place);
    devkit_free(kit);
}

/* A card comes while the machine runs: presence, link, an interrupt; power and windows are the
 * guest's to give. */
static void test_hotplug(void **state)
{
    struct devkit *kit = devkit_new(setup);
    struct pci_dev *port, *card;
    unsigned cap;
    struct err e;

    (void)state;
    port = (struct pci_dev *)plug(kit, &dev_class_pcie_root_port, "rp1", "{\"addr\": \"2\"}", &e);
    assert_non_null(port);
    dev_reset(kit->root);
    cap = port->express_cap;
    assert_int_equal(get(kit, 0, 16, cap + 0x1a, 2), 0);     /* empty, nothing happened */
    assert_int_equal(get(kit, 0, 16, cap + 0x18, 2), 0x700); /* power and its light off */
    assert_int_equal(get(kit, 0, 16, cap + 0x14, 4) & 0x7f,
                     0x5b); /* button, power, lights, hot-plug */
    set(kit, 0, 16, PCI_COMMAND, 7, 2);
    set(kit, 0, 16, port->msi_cap + 4, 0x08020040, 4);
    set(kit, 0, 16, port->msi_cap + 12, 0x70, 2);
    set(kit, 0, 16, port->msi_cap + 2, 1, 2);
    set(kit, 0, 16, cap + 0x18, 0x1739, 2); /* wants to hear of it */
    card = (struct pci_dev *)dev_new(&probe_class, kit->root, "probe", &kit->env);
    assert_true(pci_hot_plug(kit->dev, &card->dev, &e) < 0);
    assert_non_null(strstr(e.text, "takes no cards while the machine exists"));
    dev_free(&card->dev);
    card = (struct pci_dev *)plug(kit, &probe_class, NULL, "{\"bus\": \"rp1\"}", &e);
    assert_non_null(card);
    assert_int_equal(kit->msis, 0);
    pci_hot_added(&card->dev);
    assert_int_equal(kit->msis, 1);
    assert_int_equal(kit->msi_data, 0x70);
    assert_int_equal(get(kit, 0, 16, cap + 0x1a, 2), 0x148);
    assert_true(get(kit, 0, 16, cap + 0x12, 2) & 0x2000);
    set(kit, 0, 16, cap + 0x1a, 0x108, 2);
    assert_int_equal(get(kit, 0, 16, cap + 0x1a, 2), 0x40);
    dev_reset(kit->root);
    assert_int_equal(get(kit, 0, 16, cap + 0x1a, 2), 0x40); /* a reset takes nothing out */
    assert_int_equal(get(kit, 0, 16, cap + 0x18, 2), 0);    /* what is there has power */
    devkit_free(kit);
}

static int setup_port(struct devkit *kit, struct err *e)
{
    struct dev *host;
    int rc = setup(kit, e);

    host = kit->dev;
    if (rc || !plug(kit, &dev_class_pcie_root_port, "rp1", "{\"addr\": \"2\"}", e) ||
        !plug(kit, &probe_class, NULL, "{\"bus\": \"rp1\"}", e))
        return rc ? rc : -e->code;
    kit->dev = host;
    return 0;
}

static void test_conforms(void **state)
{
    (void)state;
    assert_true(devkit_conform(&dev_class_pci_host, setup, 0));
    assert_true(devkit_conform(&dev_class_pcie_root_port, setup_port, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_config),     cmocka_unit_test(test_bars),
        cmocka_unit_test(test_interrupts), cmocka_unit_test(test_places),
        cmocka_unit_test(test_hotplug),    cmocka_unit_test(test_root_port),
        cmocka_unit_test(test_conforms),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
