/* Runs the guest programs of tests/diff in this process by the IR interpreter, and tells which
 * words are instructions. It knows two system calls, write and exit: what those programs need.
 *
 *   interp_exec [--opt] ISA PROGRAM         runs it; the interpreter sees IR after the quick passes
 *   interp_exec --classify ISA <words       a byte a 32-bit word: 0 goes on, 1 ends a block, 2
 * undefined
 *
 * Guest addresses are host addresses: the program's segments are mapped where they ask to be, which
 * is below anything this executable uses. */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ir/build.h"
#include "ir/isa.h"

#define CACHE      4096
#define MOST_INSNS 64
#define STACK      (1 << 20)

struct cached {
    uint64_t pc;
    uint32_t key;
    struct ir_unit u;
};

struct runner {
    const struct isa *isa;
    bool opt;
    struct cached *cache;
    uint16_t number, arg[3], sp; /* offsets in the state */
};

static void die(const char *what)
{
    perror(what);
    exit(2);
}

static uint16_t slot_offset(const struct isa *isa, const char *name)
{
    for (unsigned i = 0; i < isa->nslots; i++)
        if (strcmp(isa->slots[i].name, name) == 0)
            return isa->slots[i].offset;
    fprintf(stderr, "no register %s\n", name);
    exit(2);
}

static void find_registers(struct runner *r)
{
    bool riscv = r->isa->elf_machine == EM_RISCV;
    unsigned first = riscv ? 10 : 0;
    char name[8];

    r->number = slot_offset(r->isa, riscv ? "x17" : "x8");
    r->sp = slot_offset(r->isa, riscv ? "x2" : "sp");
    for (unsigned i = 0; i < 3; i++) {
        snprintf(name, sizeof(name), "x%u", first + i);
        r->arg[i] = slot_offset(r->isa, name);
    }
}

/* Lifts the block at pc; reads guest code directly. */
static void lift(const struct runner *r, struct ir_unit *u, uint64_t pc, uint32_t key)
{
    struct isa_insn i = {.pc = pc, .avail = 8};
    enum isa_lift how = ISA_NEXT;

    ir_unit_reset(u, r->isa, key);
    r->isa->fpenv(key, &u->fp);
    ir_block_begin(u, pc);
    for (unsigned n = 0; n < MOST_INSNS && how == ISA_NEXT; n++) {
        uint32_t mark = u->nins;

        i.bytes = (const uint8_t *)(uintptr_t)i.pc;
        ir_emit(u, IR_INSN, IR_VOID, 0, IR_NONE, (uint32_t)i.pc, (uint32_t)(i.pc >> 32));
        how = r->isa->lift(u, &i);
        u->ins[mark].aux = (uint16_t)i.length;
        i.pc += i.length;
    }
    if (how == ISA_NEXT)
        ir_jmp(u, i.pc);
    ir_block_finish(u);
    if (r->opt)
        ir_opt_quick(u);
}

static const struct ir_unit *block(struct runner *r, uint64_t pc, uint32_t key)
{
    struct cached *c = &r->cache[(pc >> 1) % CACHE];

    if (c->pc != pc || c->key != key) {
        lift(r, &c->u, pc, key);
        c->pc = pc;
        c->key = key;
    }
    return &c->u;
}

static uint64_t *reg(struct cpu *c, uint16_t offset)
{
    return (uint64_t *)(void *)(c->state + offset);
}

static void system_call(const struct runner *r, struct cpu *c)
{
    uint64_t *a0 = reg(c, r->arg[0]);

    switch (*reg(c, r->number)) {
    case 64:
        *a0 = (uint64_t)write((int)*a0, (const void *)(uintptr_t)*reg(c, r->arg[1]),
                              *reg(c, r->arg[2]));
        return;
    case 93:
        exit((int)*a0);
    default:
        fprintf(stderr, "system call %llu\n", (unsigned long long)*reg(c, r->number));
        exit(2);
    }
}

static void run(struct runner *r, uint64_t entry)
{
    struct cpu *c = cpu_new(r->isa);
    char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (stack == MAP_FAILED)
        die("mmap");
    c->pc = entry;
    *reg(c, r->sp) = (uint64_t)(uintptr_t)stack + STACK - 256; /* argc 0, no environment */
    for (;;) {
        int reason = ir_interp(block(r, c->pc, c->key), c);

        switch (reason) {
        case CPU_EXIT_NONE:
        case CPU_EXIT_ISYNC:
        case CPU_EXIT_YIELD:
            break;
        case CPU_EXIT_SYSCALL:
            system_call(r, c);
            break;
        default:
            fprintf(stderr, "exit %d at %#llx\n", reason, (unsigned long long)c->pc);
            exit(3);
        }
    }
}

static uint64_t load(const char *path)
{
    int fd = open(path, O_RDONLY);
    Elf64_Ehdr eh;
    Elf64_Phdr ph;

    if (fd < 0 || pread(fd, &eh, sizeof(eh), 0) != sizeof(eh))
        die(path);
    for (unsigned i = 0; i < eh.e_phnum; i++) {
        if (pread(fd, &ph, sizeof(ph), (off_t)(eh.e_phoff + i * sizeof(ph))) != sizeof(ph))
            die(path);
        if (ph.p_type != PT_LOAD)
            continue;
        char *at = (char *)(uintptr_t)ph.p_vaddr;
        char *page = (char *)(uintptr_t)(ph.p_vaddr & ~(uint64_t)4095);
        if (mmap(page, ph.p_memsz + (size_t)(at - page), PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != page)
            die("mmap");
        for (size_t got = 0; got < ph.p_filesz;) {
            ssize_t n = pread(fd, at + got, ph.p_filesz - got, (off_t)(ph.p_offset + got));
            if (n <= 0)
                die(path);
            got += (size_t)n;
        }
    }
    close(fd);
    return eh.e_entry;
}

static void classify(struct runner *r)
{
    uint32_t words[2] = {0, 0};
    struct ir_unit u;

    ir_unit_init(&u);
    while (fread(words, 4, 1, stdin) == 1) {
        struct isa_insn i = {
            .pc = UINT64_C(0x400000), .bytes = (const uint8_t *)words, .avail = sizeof(words)};

        ir_unit_reset(&u, r->isa, 0);
        r->isa->fpenv(0, &u.fp);
        ir_block_begin(&u, i.pc);
        enum isa_lift how = r->isa->lift(&u, &i);
        putchar(how == ISA_NEXT ? 0 : how == ISA_END ? 1 : 2);
    }
    ir_unit_free(&u);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct runner r = {.opt = false};
    bool words = false;
    int at = 1;

    for (; at < argc && strncmp(argv[at], "--", 2) == 0; at++) {
        words |= strcmp(argv[at], "--classify") == 0;
        r.opt |= strcmp(argv[at], "--opt") == 0;
    }
    r.isa = at < argc ? isa_find(argv[at]) : NULL;
    if (!r.isa || (!words && at + 1 >= argc)) {
        fprintf(stderr, "usage: interp_exec [--opt] ISA PROGRAM | --classify ISA\n");
        return 2;
    }
    if (words) {
        classify(&r);
        return 0;
    }
    find_registers(&r);
    r.cache = calloc(CACHE, sizeof(*r.cache));
    if (!r.cache)
        die("calloc");
    run(&r, load(argv[at + 1]));
}
