/* The shape of the tables that tools/decgen writes: one struct isa_form an instruction form.
 *
 * For tests, logs and generators of random instructions; decoding itself does not need them.
 * A word belongs to a form if isa_form_matches(); a more specific form may still take it first.
 */
#ifndef MYNA_ISA_FORM_H
#define MYNA_ISA_FORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum isa_form_op { DECGEN_EQ, DECGEN_NE, DECGEN_LT, DECGEN_LE, DECGEN_GT, DECGEN_GE };

#define ISA_FORM_PIECES 8
#define ISA_FORM_VALUES 16

/* A constraint: field OP value; EQ: one of the values, NE: none of them. */
struct isa_form_limit {
    uint8_t op, npieces, nvalues;
    struct {
        uint8_t low, width;
    } piece[ISA_FORM_PIECES]; /* the field, its most significant piece first */
    uint32_t value[ISA_FORM_VALUES];
};

struct isa_form {
    const char *name, *feature, *syntax;
    uint32_t mask, value; /* fixed bits */
    uint8_t width;        /* 32 or 16 */
    uint8_t nlimits;
    const struct isa_form_limit *limits;
};

static inline bool isa_form_limit_holds(const struct isa_form_limit *l, uint32_t word)
{
    uint32_t field = 0;
    bool among = false;

    for (unsigned i = 0; i < l->npieces; i++)
        field = field << l->piece[i].width |
                (word >> l->piece[i].low & ((UINT32_C(1) << l->piece[i].width) - 1));
    for (unsigned i = 0; i < l->nvalues; i++)
        among |= field == l->value[i];
    switch ((enum isa_form_op)l->op) {
    case DECGEN_EQ:
        return among;
    case DECGEN_NE:
        return !among;
    case DECGEN_LT:
        return field < l->value[0];
    case DECGEN_LE:
        return field <= l->value[0];
    case DECGEN_GT:
        return field > l->value[0];
    case DECGEN_GE:
        return field >= l->value[0];
    }
    return false;
}

static inline bool isa_form_matches(const struct isa_form *f, uint32_t word)
{
    if ((word & f->mask) != f->value)
        return false;
    for (unsigned i = 0; i < f->nlimits; i++)
        if (!isa_form_limit_holds(&f->limits[i], word))
            return false;
    return true;
}

/* A word of the form made from random bits; false if these bits break a constraint (try others). */
static inline bool isa_form_word(const struct isa_form *f, uint32_t random, uint32_t *word)
{
    *word = (random & ~f->mask) | f->value;
    if (f->width == 16)
        *word &= 0xffff;
    return isa_form_matches(f, *word);
}

#endif
