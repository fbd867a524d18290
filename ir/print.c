/* Units as text. The grammar, which parse.c reads back into an equal unit:
 *
 *     unit key 0x1 range 0x400000 0x400008
 *     fp nan=1 rm=1 dn=0 ftz=0 daz=0 int=1 box32=0
 *     targets 0x400010 ccdead, 0x400000:0  (pc, the unit's block there, are flags dead there)
 *     block 0 pc 0x400000 bytes 8 depth 0 {entry}
 *       insn 0x400000, 4
 *       %1:i64 = get x0
 *       %2:i64 = const 0x10
 *       %3:i64 = add %1, %2
 *       put x0, %3
 *       br.ne %1, %2, -> 0x400010
 *       jmp -> 0x400000
 *
 * A value is named by its index. Words after the operation are aux; absent operands are "_"
 * or left out at the end and before "->".
 */
#include "ir/ir.h"

#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "ir/isa.h"
#include "ir/text.h"

static void print_words(struct str *s, const struct ir_ins *i)
{
    struct ir_words words = ir_words_of(i->op);
    unsigned seen = 0;

    for (unsigned k = 0; k < 2; k++)
        for (const struct ir_word *w = words.list[k]; w && w->text; w++)
            if ((i->aux & w->mask) == w->value) {
                str_printf(s, ".%s", w->text);
                seen |= w->mask;
            }
    if (i->aux & ~seen)
        str_printf(s, ".0x%x", i->aux & ~seen);
}

/* What stands for aux, after the operation's name. */
static const char *print_aux(struct str *s, const struct ir_unit *u, const struct ir_ins *i)
{
    switch (i->op) {
    case IR_GET:
    case IR_PUT:
    case IR_FPGET:
    case IR_FPSET:
        str_printf(s, " %s", i->aux < u->isa->nslots ? u->isa->slots[i->aux].name : "?");
        return ", ";
    case IR_CALL:
        str_printf(s, " %s", i->aux < u->isa->nhelpers ? u->isa->helpers[i->aux].name : "?");
        return ", ";
    case IR_INSN:
        str_printf(s, " 0x%" PRIx64 ", %u", ir_imm64(i), i->aux);
        return NULL;
    case IR_CONST:
        str_printf(s, " 0x%" PRIx64, ir_imm64(i));
        return NULL;
    case IR_UBFX:
    case IR_SBFX:
    case IR_BFI:
        str_printf(s, ".%u.%u", i->aux & 63u, i->aux >> 8);
        return " ";
    default:
        print_words(s, i);
        return " ";
    }
}

static void print_operands(struct str *s, const struct ir_unit *u, const struct ir_ins *i,
                           const char *separator)
{
    const uint32_t fields[3] = {i->a, i->b, i->c};
    const char *sig = ir_ops[i->op].sig + 2;
    unsigned last = 3;

    while (last && (sig[last - 1] == '-' || (sig[last - 1] == '?' && fields[last - 1] == IR_NONE)))
        last--;
    for (unsigned k = 0; k < last; k++) {
        if (sig[k] == '-' || (sig[k] == '?' && sig[k + 1] == 'T' && fields[k] == IR_NONE))
            continue;
        str_printf(s, "%s", separator);
        if (sig[k] == 'i')
            str_printf(s, "%" PRId32, (int32_t)fields[k]);
        else if (sig[k] == 'T')
            str_printf(s, "-> 0x%" PRIx64, fields[k] < u->ntargets ? u->targets[fields[k]].pc : 0);
        else if (fields[k] == IR_NONE)
            str_printf(s, "_");
        else
            str_printf(s, "%%%" PRIu32, fields[k]);
        separator = ", ";
    }
}

static void print_ins(struct str *s, const struct ir_unit *u, uint32_t at)
{
    const struct ir_ins *i = &u->ins[at];
    const char *separator;

    str_printf(s, "  ");
    if (ir_ops[i->op].sig[0] != '-' && i->type != IR_VOID)
        str_printf(s, "%%%u:%s = ", at, ir_type_names[i->type]);
    str_printf(s, "%s", ir_ops[i->op].name);
    separator = print_aux(s, u, i);
    if (separator)
        print_operands(s, u, i, separator);
    str_printf(s, "\n");
}

static void print_block(struct str *s, const struct ir_unit *u, uint32_t index)
{
    const struct ir_block *b = &u->blocks[index];
    const char *separator = " {";

    str_printf(s, "block %u pc 0x%" PRIx64, index, b->pc);
    if (b->guest_bytes)
        str_printf(s, " bytes %u", b->guest_bytes);
    if (b->loop_depth)
        str_printf(s, " depth %u", b->loop_depth);
    for (unsigned k = 0; k < 2; k++)
        if (b->flags >> k & 1) {
            str_printf(s, "%s%s", separator, ir_block_flag_names[k]);
            separator = ", ";
        }
    str_printf(s, "%s\n", separator[0] == ',' ? "}" : "");
    for (uint32_t at = b->first; at < b->end; at++)
        print_ins(s, u, at);
}

static void print_head(struct str *s, const struct ir_unit *u)
{
    static const struct ir_fpenv zero;

    str_printf(s, "unit key 0x%x", u->key);
    if (u->pc_lo <= u->pc_hi)
        str_printf(s, " range 0x%" PRIx64 " 0x%" PRIx64, u->pc_lo, u->pc_hi);
    str_printf(s, "\n");
    if (memcmp(&u->fp, &zero, sizeof(zero)))
        str_printf(s, "fp nan=%u rm=%u dn=%u ftz=%u daz=%u int=%u box32=%u\n", u->fp.nan_rule,
                   u->fp.rm, u->fp.default_nan, u->fp.ftz, u->fp.daz, u->fp.int_rule, u->fp.box32);
    for (uint32_t t = 0; t < u->ntargets; t++) {
        str_printf(s, "%s0x%" PRIx64, t ? ", " : "targets ", u->targets[t].pc);
        if (u->targets[t].block != IR_NONE)
            str_printf(s, ":%u", u->targets[t].block);
        if (u->targets[t].cc_dead)
            str_printf(s, " ccdead");
    }
    if (u->ntargets)
        str_printf(s, "\n");
}

void ir_print(const struct ir_unit *u, char *buf, size_t size)
{
    static const char mark[] = "\n... cut off\n";
    struct str s = {0};

    print_head(&s, u);
    for (uint32_t b = 0; b < u->nblocks; b++)
        print_block(&s, u, b);
    if (str_length(&s) < size) {
        memcpy(buf, str_text(&s), str_length(&s) + 1);
    } else if (size) {
        size_t keep = size > sizeof(mark) ? size - sizeof(mark) : 0;

        memcpy(buf, str_text(&s), keep);
        memcpy(buf + keep, mark, size - keep < sizeof(mark) ? size - keep : sizeof(mark));
        buf[size - 1] = '\0';
    }
    str_free(&s);
}
