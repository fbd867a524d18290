/* fw_cfg in the test kit, with a few items. */
#ifndef MYNA_DEV_FW_CFG_TESTS_SETUP_H
#define MYNA_DEV_FW_CFG_TESTS_SETUP_H

#include "base/mem.h"
#include "dev/fw_cfg.h"
#include "dev/testkit.h"

static inline void fw_cfg_written(void *opaque, const uint8_t *data, size_t size)
{
    struct devkit *kit = opaque;

    kit->requests[0] += size ? data[0] : 0;
}

static inline int setup(struct devkit *kit, struct err *e)
{
    struct dev *d = dev_new(&dev_class_fw_cfg, kit->root, "fw_cfg", &kit->env);
    int rc;

    kit->dev = d;
    rc = dev_realize(d, e);
    if (rc)
        return rc;
    devkit_place(kit, fw_cfg_region(d));
    fw_cfg_add_u16(d, FW_CFG_NB_CPUS, 4);
    fw_cfg_add_string(d, FW_CFG_CMDLINE_DATA, "quiet");
    fw_cfg_lend_bytes(d, FW_CFG_KERNEL_DATA, "kernel", 6);
    rc = fw_cfg_add_file(d, "etc/b", "bbbb", 4, e);
    if (!rc)
        rc = fw_cfg_add_writable(d, "opt/w", "0123456789", 10, fw_cfg_written, kit, e);
    if (!rc)
        rc = fw_cfg_add_file(d, "etc/a", "a", 1, e);
    if (!rc)
        rc = fw_cfg_add_writable(d, "opt/v", "zz", 2, NULL, NULL, e);
    return rc;
}

#endif
