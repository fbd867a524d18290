/* A controller with its cpus and 16 MB of RAM, without a board: what the tests of this folder stand
 * on. */
#ifndef MYNA_DEV_GIC_TESTS_KIT_H
#define MYNA_DEV_GIC_TESTS_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "dev/gic/gic_int.h"

enum { KIT_CPUS = 4, KIT_RAM = 16 << 20, IRQ = 1, FIQ = 2, VIRQ = 4, VFIQ = 8 };

struct kit {
    struct dev_env env;
    struct mem_region *root, *ram;
    struct cpu *cpus[KIT_CPUS];
    struct cpu_sys sys[KIT_CPUS];
    struct gic_view views[KIT_CPUS];
    struct dev *dev;
    struct gic *gic;
};

struct kit *kit_new(const struct dev_class *cls, unsigned cpus, const char *options);
void kit_free(struct kit *k);
/* As cpu n. */
uint32_t kit_read(struct kit *k, unsigned n, enum gic_region region, uint32_t offset);
void kit_write(struct kit *k, unsigned n, enum gic_region region, uint32_t offset, uint32_t value);
uint64_t kit_get(struct kit *k, unsigned n, uint32_t reg);
void kit_set(struct kit *k, unsigned n, uint32_t reg, uint64_t value);
/* Lines of cpu n: IRQ, FIQ ... */
unsigned kit_lines(struct kit *k, unsigned n);
uint8_t *kit_ram(struct kit *k, uint64_t at);

#endif
