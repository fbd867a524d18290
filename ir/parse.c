/* The text form of units read back; the grammar is in print.c. For golden tests and experiments.
 *
 * Names of values are free: "%7" need not be the seventh instruction. ';' starts a comment. Without
 * a "targets" line, branches find the blocks of the unit by their pcs. Reading checks the form
 * only; ir_verify() checks the rest.
 */
#include "ir/ir.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/vec.h"
#include "ir/isa.h"
#include "ir/text.h"

struct name {
    uint64_t number;
    ir_ref ref;
};

struct parser {
    struct ir_unit *u;
    struct err *e;
    const char *p; /* within the current line */
    unsigned line;
    bool in_block;
    bool have_targets;
    vec_of(struct name) names; /* of the current block */
};

static int fail(struct parser *ps, const char *what)
{
    size_t n = strcspn(ps->p, "\n");

    return err_text(ps->e, EINVAL, "line %u: %s at \"%.*s\"", ps->line, what,
                    (int)min_of(n, (size_t)40), ps->p);
}

static void skip_space(struct parser *ps)
{
    while (*ps->p == ' ' || *ps->p == '\t')
        ps->p++;
}

static bool at_end(struct parser *ps)
{
    skip_space(ps);
    return *ps->p == '\0' || *ps->p == '\n' || *ps->p == ';';
}

/* Eats this text if it comes next. */
static bool eat(struct parser *ps, const char *text)
{
    size_t n = strlen(text);

    skip_space(ps);
    if (strncmp(ps->p, text, n) != 0)
        return false;
    ps->p += n;
    return true;
}

/* As eat(), of a whole word. */
static bool eat_word(struct parser *ps, const char *text)
{
    const char *before = ps->p;

    if (!eat(ps, text))
        return false;
    if (!isalnum((unsigned char)*ps->p) && *ps->p != '_')
        return true;
    ps->p = before;
    return false;
}

static int number(struct parser *ps, uint64_t *v)
{
    char *end;
    bool minus = eat(ps, "-");

    skip_space(ps);
    if (!isdigit((unsigned char)*ps->p))
        return fail(ps, "a number is missing");
    *v = strtoull(ps->p, &end, 0);
    if (minus)
        *v = -*v;
    ps->p = end;
    return 0;
}

static int number32(struct parser *ps, uint32_t *v)
{
    uint64_t wide = 0;
    int err = number(ps, &wide);

    *v = (uint32_t)wide;
    return err;
}

static size_t word_length(const char *p)
{
    size_t n = 0;

    while (isalnum((unsigned char)p[n]) || p[n] == '_')
        n++;
    return n;
}

static bool is_word(const char *p, size_t n, const char *text)
{
    return strlen(text) == n && strncmp(p, text, n) == 0;
}

/* ---- the lines before the first block ---- */
static int parse_unit(struct parser *ps)
{
    int err = 0;

    if (eat_word(ps, "key"))
        err = number32(ps, &ps->u->key);
    if (!err && eat_word(ps, "range")) {
        err = number(ps, &ps->u->pc_lo);
        if (!err)
            err = number(ps, &ps->u->pc_hi);
    }
    return err;
}

static int parse_fp(struct parser *ps)
{
    struct ir_fpenv *fp = &ps->u->fp;
    const struct {
        const char *name;
        uint8_t *to;
    } fields[] = {
        {"nan=", &fp->nan_rule}, {"rm=", &fp->rm},   {"dn=", &fp->default_nan},
        {"ftz=", &fp->ftz},      {"daz=", &fp->daz}, {"int=", &fp->int_rule},
        {"box32=", &fp->box32},
    };

    while (!at_end(ps)) {
        unsigned k = 0;
        uint32_t v;

        while (k < array_size(fields) && !eat(ps, fields[k].name))
            k++;
        if (k == array_size(fields))
            return fail(ps, "not a field of fp");
        if (number32(ps, &v))
            return -EINVAL;
        *fields[k].to = (uint8_t)v;
    }
    return 0;
}

static int parse_targets(struct parser *ps)
{
    ps->have_targets = true;
    do {
        uint64_t pc;
        uint32_t block = IR_NONE, target;

        if (number(ps, &pc) || (eat(ps, ":") && number32(ps, &block)))
            return -EINVAL;
        target = ir_target_add(ps->u, pc);
        ps->u->targets[target].block = block;
        ps->u->targets[target].cc_dead = eat_word(ps, "ccdead");
    } while (eat(ps, ","));
    return 0;
}

static int parse_flags(struct parser *ps, struct ir_block *b)
{
    do {
        unsigned k = 0;

        while (k < 2 && !eat_word(ps, ir_block_flag_names[k]))
            k++;
        if (k == 2)
            return fail(ps, "not a flag of a block");
        b->flags |= (uint16_t)(1u << k);
    } while (eat(ps, ","));
    return eat(ps, "}") ? 0 : fail(ps, "} is missing");
}

static int parse_block(struct parser *ps)
{
    struct ir_block *b;
    uint32_t index, depth = 0;
    uint64_t pc;

    if (number32(ps, &index))
        return -EINVAL;
    if (!eat_word(ps, "pc"))
        return fail(ps, "pc is missing");
    if (number(ps, &pc))
        return -EINVAL;
    if (ps->in_block)
        ir_block_finish(ps->u);
    ps->in_block = true;
    vec_clear(&ps->names);
    index = ir_block_begin(ps->u, pc);
    b = &ps->u->blocks[index];
    if (eat_word(ps, "bytes") && number32(ps, &b->guest_bytes))
        return -EINVAL;
    if (eat_word(ps, "depth") && number32(ps, &depth))
        return -EINVAL;
    b->loop_depth = (uint16_t)depth;
    return eat(ps, "{") ? parse_flags(ps, b) : 0;
}

/* ---- instructions ---- */
static int parse_op(struct parser *ps, uint8_t *op)
{
    size_t best = 0;

    skip_space(ps);
    for (unsigned k = 0; k < IR_OP_COUNT; k++) {
        size_t n = strlen(ir_ops[k].name);
        char after;

        if (n <= best || strncmp(ps->p, ir_ops[k].name, n) != 0)
            continue;
        after = ps->p[n];
        if (isalnum((unsigned char)after) || after == '_')
            continue;
        best = n;
        *op = (uint8_t)k;
    }
    if (!best)
        return fail(ps, "no such operation");
    ps->p += best;
    return 0;
}

static int parse_words(struct parser *ps, struct ir_ins *i)
{
    struct ir_words words = ir_words_of(i->op);

    while (*ps->p == '.') {
        size_t n = word_length(++ps->p);
        const struct ir_word *found = NULL;

        for (unsigned k = 0; k < 2 && !found; k++)
            for (const struct ir_word *w = words.list[k]; w && w->text && !found; w++)
                if (is_word(ps->p, n, w->text) && !(i->aux & w->mask))
                    found = w;
        if (found)
            i->aux |= found->value;
        else if (isdigit((unsigned char)*ps->p))
            i->aux |= (uint16_t)strtoul(ps->p, NULL, 0);
        else
            return fail(ps, "no such word");
        ps->p += n;
    }
    return 0;
}

static int parse_slot(struct parser *ps, struct ir_ins *i)
{
    const struct isa *isa = ps->u->isa;
    unsigned count = i->op == IR_CALL ? isa->nhelpers : isa->nslots;
    size_t n;

    skip_space(ps);
    n = word_length(ps->p);
    for (unsigned k = 0; k < count; k++)
        if (is_word(ps->p, n, i->op == IR_CALL ? isa->helpers[k].name : isa->slots[k].name)) {
            i->aux = (uint16_t)k;
            ps->p += n;
            eat(ps, ",");
            return 0;
        }
    return fail(ps, "no such slot or helper");
}

static int parse_imm64(struct parser *ps, struct ir_ins *i)
{
    uint64_t v;

    if (number(ps, &v))
        return -EINVAL;
    i->b = (uint32_t)v;
    i->c = (uint32_t)(v >> 32);
    return 0;
}

static int parse_aux(struct parser *ps, struct ir_ins *i)
{
    uint32_t at = 0, length = 0;

    switch (i->op) {
    case IR_GET:
    case IR_PUT:
    case IR_FPGET:
    case IR_FPSET:
    case IR_CALL:
        return parse_slot(ps, i);
    case IR_INSN:
        if (parse_imm64(ps, i))
            return -EINVAL;
        if (!eat(ps, ","))
            return fail(ps, "the length is missing");
        if (number32(ps, &length))
            return -EINVAL;
        i->aux = (uint16_t)length;
        return 0;
    case IR_CONST:
        return parse_imm64(ps, i);
    case IR_UBFX:
    case IR_SBFX:
    case IR_BFI:
        if (!eat(ps, ".") || number32(ps, &at) || !eat(ps, ".") || number32(ps, &length))
            return fail(ps, "the field is missing");
        i->aux = (uint16_t)(at | length << 8);
        return 0;
    default:
        return parse_words(ps, i);
    }
}

static int parse_value(struct parser *ps, uint32_t *ref)
{
    uint64_t n = 0;

    if (eat_word(ps, "_"))
        return 0;
    if (!eat(ps, "%"))
        return fail(ps, "a value is missing");
    if (number(ps, &n))
        return -EINVAL;
    for (size_t k = ps->names.len; k-- > 0;)
        if (ps->names.data[k].number == n) {
            *ref = ps->names.data[k].ref;
            return 0;
        }
    return fail(ps, "value is not known in this block");
}

static int parse_operand(struct parser *ps, char letter, uint32_t *field)
{
    uint64_t pc;

    if (letter == 'i')
        return number32(ps, field);
    if (letter != 'T')
        return parse_value(ps, field);
    eat(ps, "->");
    if (number(ps, &pc))
        return -EINVAL;
    *field = ir_target_add(ps->u, pc);
    return 0;
}

static int parse_operands(struct parser *ps, struct ir_ins *i)
{
    const char *sig = ir_ops[i->op].sig + 2;
    uint32_t *fields[3] = {&i->a, &i->b, &i->c};
    bool first = true;

    if (i->op == IR_CONST || i->op == IR_INSN)
        return 0;
    for (unsigned k = 0; k < 3; k++) {
        if (sig[k] == '-')
            continue;
        if (at_end(ps)) {
            if (sig[k] == '?')
                continue;
            return fail(ps, "an operand is missing");
        }
        if (sig[k] == '?' && strncmp(ps->p, "->", 2) == 0)
            continue;
        if (!first && !eat(ps, ","))
            return fail(ps, "a comma is missing");
        first = false;
        if (parse_operand(ps, sig[k], fields[k]))
            return -EINVAL;
    }
    return 0;
}

static int parse_result(struct parser *ps, struct ir_ins *i, struct name *name)
{
    if (!eat(ps, "%"))
        return 0;
    name->ref = ps->u->nins;
    if (number(ps, &name->number))
        return -EINVAL;
    if (!eat(ps, ":"))
        return fail(ps, "the type is missing");
    for (unsigned t = IR_I32; t < IR_TYPE_COUNT; t++)
        if (eat_word(ps, ir_type_names[t]))
            i->type = (uint8_t)t;
    if (i->type == IR_VOID)
        return fail(ps, "no such type");
    return eat(ps, "=") ? 0 : fail(ps, "= is missing");
}

static int parse_ins(struct parser *ps)
{
    struct ir_ins i = {.a = IR_NONE, .b = IR_NONE, .c = IR_NONE};
    struct name name = {.ref = IR_NONE};
    const char *sig;

    if (!ps->in_block)
        return fail(ps, "not in a block");
    if (parse_result(ps, &i, &name) || parse_op(ps, &i.op) || parse_aux(ps, &i) ||
        parse_operands(ps, &i))
        return -EINVAL;
    sig = ir_ops[i.op].sig;
    if (sig[0] == '-' || i.op == IR_CALL) {
        if (sig[0] == '-' && name.ref != IR_NONE)
            return fail(ps, "operation has no value");
    } else if (name.ref == IR_NONE) {
        return fail(ps, "operation has a value");
    }
    /* A store's or branch's type is that of its operand. */
    if (sig[0] == '-' && sig[2] == 't')
        i.type = ps->u->ins[i.a].type;
    else if (sig[0] == '-' && sig[3] == 't')
        i.type = ps->u->ins[i.b].type;
    ir_emit(ps->u, (enum ir_op)i.op, (enum ir_type)i.type, i.aux, i.a, i.b, i.c);
    if (name.ref != IR_NONE)
        vec_push(&ps->names, name);
    return 0;
}

static int parse_line(struct parser *ps)
{
    int err;

    if (at_end(ps))
        return 0;
    if (eat_word(ps, "unit"))
        err = parse_unit(ps);
    else if (eat_word(ps, "fp"))
        err = parse_fp(ps);
    else if (eat_word(ps, "targets"))
        err = parse_targets(ps);
    else if (eat_word(ps, "block"))
        err = parse_block(ps);
    else
        err = parse_ins(ps);
    if (!err && !at_end(ps))
        err = fail(ps, "more than expected");
    return err;
}

static void resolve_targets(struct ir_unit *u)
{
    for (uint32_t t = 0; t < u->ntargets; t++)
        for (uint32_t b = 0; b < u->nblocks; b++)
            if (u->blocks[b].pc == u->targets[t].pc)
                u->targets[t].block = b;
}

int ir_parse(struct ir_unit *u, const struct isa *isa, const char *text, struct err *e)
{
    struct parser ps = {.u = u, .e = e, .line = 1};
    int err = 0;

    ir_unit_reset(u, isa, 0);
    while (*text && !err) {
        ps.p = text;
        err = parse_line(&ps);
        text = strchrnul(text, '\n');
        if (*text)
            text++;
        ps.line++;
    }
    if (ps.in_block)
        ir_block_finish(u);
    if (!err && !ps.have_targets)
        resolve_targets(u);
    vec_free(&ps.names);
    return err;
}
