/* Guesses formats by their first bytes. Owns no more than the table of magic numbers. */
#include <errno.h>

#include "blk/driver.h"

static const struct {
    const char *name;
    uint16_t at;
    uint8_t size;
    const char *magic;
} formats[] = {
    {"qcow2", 0, 4, "QFI\xfb"},
    {"vmdk", 0, 4, "KDMV"},
    {"vmdk", 0, 4, "COWD"},
    {"vmdk", 0, 21, "# Disk DescriptorFile"},
    {"vhdx", 0, 8, "vhdxfile"},
    {"vpc", 0, 8, "conectix"},
    {"vdi", 64, 4, "\x7f\x10\xda\xbe"},
    {"luks", 0, 6, "LUKS\xba\xbe"},
    {"qed", 0, 4, "QED"},
    {"parallels", 0, 16, "WithoutFreeSpace"},
    {"parallels", 0, 16, "WithouFreSpacExt"},
    {"bochs", 0, 22, "Bochs Virtual HD Image"},
};

const char *blk_probe_bytes(const void *head, size_t size)
{
    for (size_t i = 0; i < array_size(formats); i++)
        if (size >= (size_t)formats[i].at + formats[i].size &&
            !memcmp((const char *)head + formats[i].at, formats[i].magic, formats[i].size))
            return formats[i].name;
    return NULL;
}

int blk_probe_format(struct blk *file, const char **format, struct err *e)
{
    const char *name;
    char *head = blk_buffer(512);
    int rc;

    if (!head)
        return err_set(e, ENOMEM, "%s", file->path);
    rc = blk_co_read(file, 0, head, 512);
    name = blk_probe_bytes(head, 512);
    if (name && !strcmp(name, "qcow2") && mem_ld32be(head + 4) == 1)
        name = "qcow";
    free(head);
    if (rc)
        return err_set(e, rc, "cannot read %s", file->path);
    *format = name ? name : "raw";
    if (!blk_driver_find(*format))
        return err_text(
            e, ENOTSUP,
            "%s is a %s image, which is not supported: convert it (qemu-img convert -O qcow2), "
            "or say format=raw to use its bytes",
            file->path, *format);
    return 0;
}
