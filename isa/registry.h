/*
 * The instruction sets built into this program, in the order of isa/list.
 *
 * The table is generated (tools/gen-registry), immutable and ends with NULL. This is the only header
 * of isa/ that other layers may include; everything else about an isa is behind `struct isa`.
 */
#ifndef ISA_REGISTRY_H
#define ISA_REGISTRY_H

#include "core/isa.h"

extern const struct isa *const isa_registry[];

#endif
