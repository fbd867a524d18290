/* SMBIOS tables (DSP0134 3.0), by which firmware tells a guest what the machine is: its name and UUID. */
#ifndef MYNA_MACHINE_SMBIOS_H
#define MYNA_MACHINE_SMBIOS_H

#include "base/attr.h"
#include "base/err.h"

struct dev;
struct machine;

/* As files of fw_cfg, from where EDK2 takes them. */
int must_check smbios_add(struct machine *m, struct dev *fw_cfg, struct err *e);
#endif
