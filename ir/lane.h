/* Lanes of a 128-bit value as numbers. Lane sizes are IR_LANE_*; a value is cut to its lane. */
#ifndef MYNA_IR_LANE_H
#define MYNA_IR_LANE_H

#include "base/bits.h"
#include "ir/ir.h"

static inline uint64_t ir_lane_get(const union ir_val *v, unsigned lane, unsigned i)
{
    switch (lane) {
    case IR_LANE_B:
        return v->b[i];
    case IR_LANE_H:
        return v->h[i];
    case IR_LANE_S:
        return v->s[i];
    default:
        return v->d[i];
    }
}

static inline int64_t ir_lane_gets(const union ir_val *v, unsigned lane, unsigned i)
{
    return bits_sext64(ir_lane_get(v, lane, i), 8u << lane);
}

static inline void ir_lane_put(union ir_val *v, unsigned lane, unsigned i, uint64_t x)
{
    switch (lane) {
    case IR_LANE_B:
        v->b[i] = (uint8_t)x;
        break;
    case IR_LANE_H:
        v->h[i] = (uint16_t)x;
        break;
    case IR_LANE_S:
        v->s[i] = (uint32_t)x;
        break;
    default:
        v->d[i] = x;
        break;
    }
}
#endif
