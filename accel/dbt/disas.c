/* Disassembly for `-d in_asm,out_asm`. */
#include "accel/dbt/disas.h"

#include <stdio.h>
#include <string.h>

#include "accel/dbt/dbt.h"
#include "base/log.h"

#ifdef HAVE_CAPSTONE
#include <capstone/capstone.h>

static void dump(int arch, int mode, const uint8_t *code, uint64_t pc, size_t size, const char *title)
{
    csh h;
    cs_insn *insn;
    char line[256];
    if (cs_open((cs_arch)arch, (cs_mode)mode, &h) != CS_ERR_OK)
        return;
    cs_option(h, CS_OPT_SKIPDATA, CS_OPT_ON);
    size_t n = cs_disasm(h, code, size, pc, 0, &insn);
    int k = snprintf(line, sizeof line, "---- %s\n", title);
    log_write(line, (size_t)k);
    for (size_t i = 0; i < n; i++) {
        k = snprintf(line, sizeof line, "%12lx  %s %s\n", (unsigned long)insn[i].address, insn[i].mnemonic, insn[i].op_str);
        log_write(line, (size_t)k);
    }
    cs_free(insn, n);
    cs_close(&h);
}

void disas_host(const uint8_t *code, uint64_t rx, size_t size)
{
    dump(CS_ARCH_X86, CS_MODE_64, code, rx, size, "host code");
}
#else
static void dump(int arch, int mode, const uint8_t *code, uint64_t pc, size_t size, const char *title)
{
    char line[128];
    (void)arch, (void)mode;
    int k = snprintf(line, sizeof line, "---- %s (built without capstone)\n", title);
    log_write(line, (size_t)k);
    for (size_t i = 0; i < size; i += 16) {
        k = snprintf(line, sizeof line, "%12lx ", (unsigned long)(pc + i));
        for (size_t j = i; j < size && j < i + 16; j++)
            k += snprintf(line + k, sizeof line - (size_t)k, " %02x", code[j]);
        line[k++] = '\n';
        log_write(line, (size_t)k);
    }
}

void disas_host(const uint8_t *code, uint64_t rx, size_t size) { dump(0, 0, code, rx, size, "host code"); }
#endif

void disas_guest(struct accel *a, uint64_t pc, size_t size)
{
    size_t avail;
    const uint8_t *p = a->src.fetch(a->src.opaque, pc, &avail);
    if (p)
        dump(a->isa->cs_arch, a->isa->cs_mode, p, pc, size < avail ? size : avail, "guest code");
}
