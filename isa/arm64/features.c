/* Owns the derivation of ID registers and hwcaps from the feature table. Never knows a cpu. */
#include "isa/arm64/features.h"

struct feature {
    const char *text;
    uint8_t word, bit, reg, low, value, on;
};

static const struct feature table[A64_F_COUNT] = {
#define F(name, text, word, bit, reg, low, value, on) \
    [A64_F_##name] = {text, word, bit, A64_ID_##reg, low, value, on},
    A64_FEATURES(F)
#undef F
};
_Static_assert(A64_F_COUNT <= 64, "a feature set is 64 bits");

uint64_t arm64_features_default(void)
{
    uint64_t set = 0;

    for (unsigned i = 0; i < A64_F_COUNT; i++)
        set |= (uint64_t)table[i].on << i;
    return set;
}

uint64_t arm64_hwcap(uint64_t features, int word)
{
    uint64_t caps = 0;

    for (unsigned i = 0; i < A64_F_COUNT; i++)
        if (features >> i & 1 && table[i].word == word)
            caps |= UINT64_C(1) << table[i].bit;
    return caps;
}

uint64_t arm64_id_value(uint64_t features, enum arm64_id_reg reg)
{
    /* AArch64 only, at EL0 and EL1: what Linux lets programs see of PFR0 besides features. */
    uint64_t id = reg == A64_ID_PFR0 ? 0x11 : 0;

    for (unsigned i = 0; i < A64_F_COUNT; i++) {
        const struct feature *f = &table[i];
        uint64_t field = UINT64_C(15) << f->low;
        uint64_t value = (uint64_t)f->value << f->low;

        if (f->reg == reg && features >> i & 1 && (id & field) < value)
            id = (id & ~field) | value;
    }
    return id;
}

const char *arm64_feature_name(enum arm64_feature f)
{
    return table[f].text;
}
