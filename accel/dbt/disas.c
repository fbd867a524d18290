/* Disassembly for `-d in_asm,out_asm`.
 *
 * Capstone is opened when it is first needed: linked in, its tables would cost every start of the program
 * 80 000 relocations. A static executable cannot open it and shows bytes. */
#include "accel/dbt/disas.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "accel/dbt/dbt.h"
#include "base/log.h"

static void dump_bytes(const uint8_t *code, uint64_t pc, size_t size, const char *title)
{
    char line[128];
    int k = snprintf(line, sizeof line, "---- %s (no capstone here)\n", title);
    log_write(line, (size_t)k);
    for (size_t i = 0; i < size; i += 16) {
        k = snprintf(line, sizeof line, "%12lx ", (unsigned long)(pc + i));
        for (size_t j = i; j < size && j < i + 16; j++)
            k += snprintf(line + k, sizeof line - (size_t)k, " %02x", code[j]);
        line[k++] = '\n';
        log_write(line, (size_t)k);
    }
}

#ifdef HAVE_CAPSTONE
#include <capstone/capstone.h>

/* Weak, so that a static executable links without the dynamic linker in it. */
#pragma weak dlopen
#pragma weak dlsym

struct capstone {
    __typeof__(cs_open) *open;
    __typeof__(cs_close) *close;
    __typeof__(cs_option) *option;
    __typeof__(cs_disasm) *disasm;
    __typeof__(cs_free) *free;
};

static bool find_capstone(struct capstone *cs)
{
    char name[32];
    snprintf(name, sizeof name, "libcapstone.so.%d", CS_API_MAJOR);
    void *lib = dlopen && dlsym ? dlopen(name, RTLD_LAZY) : NULL; /* found at once the second time */
    if (!lib)
        return false;
    cs->open = (__typeof__(cs->open))dlsym(lib, "cs_open");
    cs->close = (__typeof__(cs->close))dlsym(lib, "cs_close");
    cs->option = (__typeof__(cs->option))dlsym(lib, "cs_option");
    cs->disasm = (__typeof__(cs->disasm))dlsym(lib, "cs_disasm");
    cs->free = (__typeof__(cs->free))dlsym(lib, "cs_free");
    return cs->open && cs->close && cs->option && cs->disasm && cs->free;
}

static void dump(int arch, int mode, const uint8_t *code, uint64_t pc, size_t size, const char *title)
{
    struct capstone cs;
    csh h;
    cs_insn *insn;
    char line[256];
    if (!find_capstone(&cs) || cs.open((cs_arch)arch, (cs_mode)mode, &h) != CS_ERR_OK) {
        dump_bytes(code, pc, size, title);
        return;
    }
    cs.option(h, CS_OPT_SKIPDATA, CS_OPT_ON);
    size_t n = cs.disasm(h, code, size, pc, 0, &insn);
    int k = snprintf(line, sizeof line, "---- %s\n", title);
    log_write(line, (size_t)k);
    for (size_t i = 0; i < n; i++) {
        k = snprintf(line, sizeof line, "%12lx  %s %s\n", (unsigned long)insn[i].address, insn[i].mnemonic, insn[i].op_str);
        log_write(line, (size_t)k);
    }
    cs.free(insn, n);
    cs.close(&h);
}

void disas_host(const uint8_t *code, uint64_t rx, size_t size)
{
    dump(CS_ARCH_X86, CS_MODE_64, code, rx, size, "host code");
}
#else
static void dump(int arch, int mode, const uint8_t *code, uint64_t pc, size_t size, const char *title)
{
    (void)arch, (void)mode;
    dump_bytes(code, pc, size, title);
}

void disas_host(const uint8_t *code, uint64_t rx, size_t size) { dump(0, 0, code, rx, size, "host code"); }
#endif

void disas_guest(struct accel *a, const struct dbt_code *from, uint64_t pc, size_t size)
{
    uint8_t code[1024]; /* 64 instructions of any isa */
    size_t got = dbt_front_bytes(a, from, pc, code, size < sizeof code ? size : sizeof code);
    if (got)
        dump(a->isa->cs_arch, a->isa->cs_mode, code, pc, got, "guest code");
}
