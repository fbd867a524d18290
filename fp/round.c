/*
 * Software floating point: the rare ends of unpacking and rounding.
 *
 * Owns: subnormals (operands and results), flushing, overflow, special encodings.
 * Never knows: which operation asks.
 */
#include "fp/fp_int.h"

/* How subnormal operands (in) or results (out) of a format are flushed. */
static enum fp_flush flush_mode(const struct fp_format *f, const struct fp_ctx *c, enum fp_use use,
                                uint8_t mode)
{
    if (f->is_half)
        return use == FP_ARITH && c->fz16 ? FP_FLUSH_ARM : FP_FLUSH_NONE;
    if (f->explicit_int)
        return FP_FLUSH_NONE; /* x87 has none */
    return (enum fp_flush)mode;
}

static struct fp_num unpack_subnormal(const struct fp_format *f, struct fp_num n, struct fp_ctx *c,
                                      enum fp_use use)
{
    enum fp_flush mode = flush_mode(f, c, use, c->daz);
    unsigned shift;

    if (mode != FP_FLUSH_NONE) {
        if (mode == FP_FLUSH_ARM && !f->is_half)
            c->flags |= FP_FLAG_FLUSHED;
        n.sig = 0;
        n.cls = FP_ZERO;
        return n;
    }
    shift = fp_clz(n.sig) - (127 - FP_LEAD);
    n.sig <<= shift;
    n.exp = fp_emin(f) - (int)shift;
    n.denorm = true;
    n.cls = FP_FINITE;
    return n;
}

/* Everything but normal numbers and zeros. */
struct fp_num fp_unpack_rare(const struct fp_format *f, fp_u128 raw, struct fp_ctx *c,
                             enum fp_use use)
{
    unsigned frac_bits = f->prec - 1u;
    unsigned biased = (unsigned)(raw >> (frac_bits + f->explicit_int)) & ((1u << f->exp_bits) - 1);
    bool int_bit = f->explicit_int ? raw >> 63 & 1 : biased != 0;
    struct fp_num n = {.sign = raw >> (f->width - 1) & 1};

    n.sig = (raw & fp_mask(frac_bits)) << (FP_LEAD - frac_bits);
    if (biased == 0) { /* f80's pseudo-denormals have their integer bit set */
        n.sig |= (fp_u128)int_bit << FP_LEAD;
        return unpack_subnormal(f, n, c, use);
    }
    if (!int_bit) { /* unnormal, pseudo-infinity or pseudo-NaN */
        n.cls = FP_UNSUPPORTED;
    } else if (f->is_half && use == FP_CONV && c->ahp) {
        n.sig |= FP_ONE << FP_LEAD;
        n.exp = (int32_t)biased - f->emax;
        n.cls = FP_FINITE;
    } else if (n.sig == 0) {
        n.cls = FP_INF;
    } else {
        bool quiet_bit = (n.sig & FP_QUIET) != 0;

        n.cls = quiet_bit != (c->nan_rule == FP_NAN_MIPS_LEGACY) ? FP_QNAN : FP_SNAN;
    }
    return n;
}

/* exp is below the least normal exponent; the rest as for fp_round_pack_to(). */
fp_u128 fp_round_tiny(const struct fp_format *f, unsigned prec, bool sign, int exp, fp_u128 sig,
                      enum fp_round rm, struct fp_ctx *c, enum fp_use use)
{
    enum fp_flush mode = flush_mode(f, c, use, c->ftz);
    unsigned cut = FP_LEAD + 1 - prec;
    fp_u128 half = FP_ONE << (cut - 1), rem, q;
    bool tiny = true;

    if (mode == FP_FLUSH_ARM) {
        c->flags |= FP_FLAG_UNDERFLOW;
        return fp_zero(f, sign);
    }
    if (c->tiny_after && exp == fp_emin(f) - 1) { /* would it round up to the least normal? */
        rem = sig & fp_mask(cut);
        q = sig >> cut;
        q += fp_round_grows(rm, sign, rem, half, q & 1);
        tiny = (q >> prec) == 0;
    }
    if (mode == FP_FLUSH_X86 && tiny) {
        c->flags |= FP_FLAG_UNDERFLOW | FP_FLAG_INEXACT;
        return fp_zero(f, sign);
    }
    sig = fp_shift_right_jam(sig, (unsigned)(fp_emin(f) - exp));
    rem = sig & fp_mask(cut);
    q = sig >> cut;
    if (rem) {
        c->flags |= FP_FLAG_INEXACT | (tiny ? FP_FLAG_UNDERFLOW : 0);
        if (fp_round_grows(rm, sign, rem, half, q & 1)) {
            c->flags |= FP_FLAG_ROUNDED_UP;
            q++;
        }
    }
    q <<= f->prec - prec;
    return fp_pack(f, sign, (unsigned)(q >> (f->prec - 1)), q); /* may have become normal */
}

fp_u128 fp_round_overflow(const struct fp_format *f, unsigned prec, bool sign, enum fp_round rm,
                          struct fp_ctx *c, enum fp_use use)
{
    if (f->is_half && use == FP_CONV && c->ahp) { /* convert.c drops inexact */
        fp_invalid(c, FP_CAUSE_CONVERT);
        return fp_pack(f, sign, fp_biased_max(f), fp_mask(f->prec));
    }
    c->flags |= FP_FLAG_OVERFLOW | FP_FLAG_INEXACT;
    if (rm == FP_RNE || rm == FP_RNA || rm == (sign ? FP_RDN : FP_RUP)) {
        c->flags |= FP_FLAG_ROUNDED_UP;
        return fp_inf(f, sign);
    }
    return fp_pack(f, sign, fp_biased_max(f) - 1, fp_mask(prec) << (f->prec - prec));
}
