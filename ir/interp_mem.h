/* Private to ir/interp*.c: guest memory of the interpreter, where guest and host addresses are one.
 *
 * Each function does one LD, ST, CAS or RMW on a fully computed address, and returns false when the
 * descriptor asks for alignment that the address has not. Inaccessible memory is a host signal.
 */
#ifndef MYNA_IR_INTERP_MEM_H
#define MYNA_IR_INTERP_MEM_H

#include "ir/ir.h"

bool interp_load(unsigned desc, unsigned type, uint64_t addr, union ir_val *r);
bool interp_store(unsigned desc, uint64_t addr, const union ir_val *v);
bool interp_cas(unsigned desc, uint64_t addr, union ir_val *r, const union ir_val *expected,
                const union ir_val *desired);
bool interp_rmw(unsigned desc, unsigned type, unsigned kind, uint64_t addr, union ir_val *r,
                const union ir_val *operand);
void interp_fence(unsigned mask);
#endif
