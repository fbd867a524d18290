/*
 * The target description: the isa's registers in GDB's XML. Owns the definitions of the types that
 * isas name and GDB does not know by itself.
 */
#include <string.h>

#include "ctl/gdb_int.h"

/* GDB's architecture where it is not the name of the peer's emulator. */
static const struct {
    const char *name, *gdb;
} architectures[] = {
    {"riscv64", "riscv:rv64"}, {"riscv32", "riscv:rv32"}, {"x86_64", "i386:x86-64"}};

static const struct {
    const char *name, *xml;
} types[] = {
    {"aarch64v",
     "<vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/>"
     "<vector id=\"v2u\" type=\"uint64\" count=\"2\"/>"
     "<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/>"
     "<vector id=\"v4u\" type=\"uint32\" count=\"4\"/>"
     "<vector id=\"v8u\" type=\"uint16\" count=\"8\"/>"
     "<vector id=\"v16u\" type=\"uint8\" count=\"16\"/>"
     "<vector id=\"v1q\" type=\"uint128\" count=\"1\"/>"
     "<union id=\"aarch64v\"><field name=\"d\" type=\"v2d\"/><field name=\"du\" type=\"v2u\"/>"
     "<field name=\"f\" type=\"v4f\"/><field name=\"su\" type=\"v4u\"/>"
     "<field name=\"hu\" type=\"v8u\"/><field name=\"bu\" type=\"v16u\"/>"
     "<field name=\"qu\" type=\"v1q\"/></union>"},
    {"cpsr_flags",
     "<flags id=\"cpsr_flags\" size=\"4\"><field name=\"SP\" start=\"0\" end=\"0\"/>"
     "<field name=\"EL\" start=\"2\" end=\"3\" type=\"uint8\"/><field name=\"nRW\" start=\"4\" "
     "end=\"4\"/>"
     "<field name=\"F\" start=\"6\" end=\"6\"/><field name=\"I\" start=\"7\" end=\"7\"/>"
     "<field name=\"A\" start=\"8\" end=\"8\"/><field name=\"D\" start=\"9\" end=\"9\"/>"
     "<field name=\"IL\" start=\"20\" end=\"20\"/><field name=\"SS\" start=\"21\" end=\"21\"/>"
     "<field name=\"PAN\" start=\"22\" end=\"22\"/><field name=\"V\" start=\"28\" end=\"28\"/>"
     "<field name=\"C\" start=\"29\" end=\"29\"/><field name=\"Z\" start=\"30\" end=\"30\"/>"
     "<field name=\"N\" start=\"31\" end=\"31\"/></flags>"},
};

unsigned gdb_all_regs(const struct isa *isa)
{
    unsigned n = 0;

    while (isa->sys->regs && isa->sys->regs[n].name)
        n++;
    return n;
}

unsigned gdb_core_regs(const struct isa *isa)
{
    unsigned n = 0, all = gdb_all_regs(isa);

    while (n < all && !(isa->sys->regs[n].group && !strcmp(isa->sys->regs[n].group, "system")))
        n++;
    return n;
}

static const char *type_of(const struct isa_reg *r)
{
    if (r->type)
        return r->type;
    return r->bits == 128  ? "uint128"
           : r->bits == 64 ? "uint64"
           : r->bits == 32 ? "uint32"
           : r->bits == 16 ? "uint16"
                           : "uint8";
}

/* Those that the registers of the feature use, once. */
static void define_types(const struct isa_reg *first, const struct isa_reg *last, struct str *out)
{
    for (size_t t = 0; t < array_size(types); t++)
        for (const struct isa_reg *r = first; r < last; r++)
            if (r->type && !strcmp(r->type, types[t].name)) {
                str_printf(out, "%s", types[t].xml);
                break;
            }
}

void gdb_describe(const struct isa *isa, struct str *out)
{
    const struct isa_reg *regs = isa->sys->regs, *r = regs, *end = regs + gdb_all_regs(isa);
    const char *arch = isa->qemu_name;

    for (size_t i = 0; i < array_size(architectures); i++)
        if (!strcmp(arch, architectures[i].name))
            arch = architectures[i].gdb;
    str_printf(out,
               "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\">"
               "<target version=\"1.0\"><architecture>%s</architecture>",
               arch);
    while (r < end) {
        const struct isa_reg *last = r;

        while (last < end && !strcmp(last->feature, r->feature))
            last++;
        str_printf(out, "<feature name=\"%s\">", r->feature);
        define_types(r, last, out);
        for (; r < last; r++) {
            str_printf(out, "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\" regnum=\"%u\"", r->name,
                       r->bits, type_of(r), (unsigned)(r - regs));
            if (r->group)
                str_printf(out, " group=\"%s\"", r->group);
            str_printf(out, "/>");
        }
        str_printf(out, "</feature>");
    }
    str_printf(out, "</target>");
}
