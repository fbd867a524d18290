/*
 * The firmware configuration device: named items that the board offers to its firmware and kernel.
 *
 * MMIO form: 24 bytes of registers, data at 0, selector at 8 (big-endian), DMA address at 16
 * (big-endian), the interface that firmware (EDK2, U-Boot, SeaBIOS) and Linux know by the
 * compatible string "qemu,fw-cfg-mmio". The signature and interface revision (with DMA) are there
 * from the start.
 *
 * Items are added before the machine runs, or at its reset; one of a key or name that exists
 * replaces it. Threads: adding while vCPUs stand still; registers by any vCPU thread.
 */
#ifndef MYNA_DEV_FW_CFG_H
#define MYNA_DEV_FW_CFG_H

#include "core/dev.h"

extern const struct dev_class dev_class_fw_cfg;

/* Keys that firmware knows by number; the rest are files. */
enum fw_cfg_key {
    FW_CFG_SIGNATURE = 0x00,
    FW_CFG_ID = 0x01,
    FW_CFG_UUID = 0x02,
    FW_CFG_RAM_SIZE = 0x03,
    FW_CFG_NOGRAPHIC = 0x04,
    FW_CFG_NB_CPUS = 0x05,
    FW_CFG_MACHINE_ID = 0x06,
    FW_CFG_KERNEL_ADDR = 0x07,
    FW_CFG_KERNEL_SIZE = 0x08,
    FW_CFG_KERNEL_CMDLINE = 0x09,
    FW_CFG_INITRD_ADDR = 0x0a,
    FW_CFG_INITRD_SIZE = 0x0b,
    FW_CFG_BOOT_DEVICE = 0x0c,
    FW_CFG_NUMA = 0x0d,
    FW_CFG_BOOT_MENU = 0x0e,
    FW_CFG_MAX_CPUS = 0x0f,
    FW_CFG_KERNEL_ENTRY = 0x10,
    FW_CFG_KERNEL_DATA = 0x11,
    FW_CFG_INITRD_DATA = 0x12,
    FW_CFG_CMDLINE_ADDR = 0x13,
    FW_CFG_CMDLINE_SIZE = 0x14,
    FW_CFG_CMDLINE_DATA = 0x15,
    FW_CFG_SETUP_ADDR = 0x16,
    FW_CFG_SETUP_SIZE = 0x17,
    FW_CFG_SETUP_DATA = 0x18,
    FW_CFG_FILE_DIR = 0x19,
    FW_CFG_FILE_FIRST = 0x20,
    FW_CFG_FILES_MAX = 256,
    FW_CFG_NAME_MAX = 55,
};

struct mem_region *fw_cfg_region(struct dev *d); /* after dev_realize() */

/* Copied. Numbers are little-endian, strings with their zero. */
void fw_cfg_add_bytes(struct dev *d, unsigned key, const void *data, size_t size);
void fw_cfg_add_u16(struct dev *d, unsigned key, uint16_t value);
void fw_cfg_add_u32(struct dev *d, unsigned key, uint32_t value);
void fw_cfg_add_u64(struct dev *d, unsigned key, uint64_t value);
void fw_cfg_add_string(struct dev *d, unsigned key, const char *text);
/* Borrowed until the device goes: kernels, initial RAM disks. */
void fw_cfg_lend_bytes(struct dev *d, unsigned key, const void *data, size_t size);

/* Files, copied: "etc/...", "opt/...". Errors: name too long or empty, too many files, size of 4 GB
 * and more. */
int must_check fw_cfg_add_file(struct dev *d, const char *name, const void *data, size_t size,
                               struct err *e);
/* One that the guest may write (by DMA). `written` is told after each, in the vCPU's thread with
 * the device locked; `data` is all of the file. NULL: nobody. */
int must_check fw_cfg_add_writable(struct dev *d, const char *name, const void *data, size_t size,
                                   void (*written)(void *opaque, const uint8_t *data, size_t size),
                                   void *opaque, struct err *e);
/* What a file holds now, or NULL. */
const uint8_t *fw_cfg_file(struct dev *d, const char *name, size_t *size);

#endif
