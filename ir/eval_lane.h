/* Private to ir/eval_*.c: lanes of a vector as numbers, and loops over them. */
#ifndef MYNA_IR_EVAL_LANE_H
#define MYNA_IR_EVAL_LANE_H

#include <string.h>

#include "ir/eval_call.h"
#include "ir/lane.h"

static inline unsigned lane_of(const struct ir_eval_call *e)
{
    return e->aux & 7;
}

/* Bytes that are computed. */
static inline unsigned vec_bytes(const struct ir_eval_call *e)
{
    return e->aux & IR_HALF ? 8 : 16;
}

/* Lanes that are computed, of the size in aux. */
static inline unsigned vec_lanes(const struct ir_eval_call *e)
{
    return vec_bytes(e) >> lane_of(e);
}

static inline void vec_clear(union ir_val *v)
{
    v->d[0] = v->d[1] = 0;
}

/* Half operations have a zero high half. */
static inline void vec_finish(struct ir_eval_call *e)
{
    if (e->aux & IR_HALF)
        e->r->d[1] = 0;
}

/* expr makes a lane of the result from lanes x, y, z of a, b, c. U and S are the lane's unsigned
 * and signed types, W its width in bits. */
#define EACH_LANE_OF(unsigned_type, signed_type, member, width, expr)     \
    {                                                                     \
        typedef unsigned_type U __attribute__((unused));                  \
        typedef signed_type S __attribute__((unused));                    \
        enum { W = (width) };                                             \
                                                                          \
        for (unsigned i = 0; i < vec_bytes(e) / sizeof(U); i++) {         \
            U x = e->a.member[i], y = e->b.member[i], z = e->c.member[i]; \
                                                                          \
            (void)x, (void)y, (void)z;                                    \
            e->r->member[i] = (U)(expr);                                  \
        }                                                                 \
        break;                                                            \
    }
#define EACH_LANE(expr)                              \
    switch (lane_of(e)) {                            \
    case IR_LANE_B:                                  \
        EACH_LANE_OF(uint8_t, int8_t, b, 8, expr)    \
    case IR_LANE_H:                                  \
        EACH_LANE_OF(uint16_t, int16_t, h, 16, expr) \
    case IR_LANE_S:                                  \
        EACH_LANE_OF(uint32_t, int32_t, s, 32, expr) \
    default:                                         \
        EACH_LANE_OF(uint64_t, int64_t, d, 64, expr) \
    }
/* Defines the evaluator of an operation on each lane by itself. */
#define LANEWISE(NAME, expr)                    \
    void ir_eval_##NAME(struct ir_eval_call *e) \
    {                                           \
        EACH_LANE(expr)                         \
        vec_finish(e);                          \
    }
#endif
