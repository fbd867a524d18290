/* See solo.h. */
#include "solo.h"

#include <stdio.h>
#include <stdlib.h>
#include <xmmintrin.h>

enum { CODE_SIZE = 1 << 20, STACK_SIZE = 1 << 16 };

static const uint16_t pin_int[] = {TI_X0, TI_X1, TI_X2, TI_W0, TI_X7, TI_X3, TI_X4, TI_X5, TI_X6};
static const uint16_t pin_vec[] = {TI_V0, TI_V1, TI_D0, TI_V2, TI_V3, TI_D1};

static void must(int rc, const struct err *e)
{
    if (!rc)
        return;
    fprintf(stderr, "%s\n", e->text);
    abort();
}

/* nan_rule 4 bits, rm 3, default_nan 1, ftz 2, daz 2, int_rule 3, box32 1. */
uint32_t solo_key(const struct ir_fpenv *env)
{
    return env->nan_rule | (uint32_t)env->rm << 4 | (uint32_t)env->default_nan << 7 |
           (uint32_t)env->ftz << 8 | (uint32_t)env->daz << 10 | (uint32_t)env->int_rule << 12 |
           (uint32_t)env->box32 << 15;
}

static void solo_fpenv(uint32_t key, struct ir_fpenv *env)
{
    *env = (struct ir_fpenv){
        .nan_rule = key & 15,
        .rm = key >> 4 & 7,
        .default_nan = key >> 7 & 1,
        .ftz = key >> 8 & 3,
        .daz = key >> 10 & 3,
        .int_rule = key >> 12 & 7,
        .box32 = key >> 15 & 1,
    };
    if (env->rm == IR_RM_DYN)
        env->rm = IR_RM_NEAREST;
}

void solo_init(struct solo *h, const char *without, unsigned pins)
{
    struct os_cpu host;
    struct err e = {0};

    *h = (struct solo){.isa = isa_test};
    h->isa.fpenv = solo_fpenv;
    h->isa.pin_int = pin_int;
    h->isa.pin_vec = pin_vec;
    h->isa.npin_int = (uint8_t)(pins < 9 ? pins : 9);
    h->isa.npin_vec = (uint8_t)(pins < 6 ? pins : 6);
    os_cpu_detect(&host);
    if (without)
        must(os_cpu_without(&host, without, &e), &e);
    must(os_code_new(&h->code, CODE_SIZE, &e), &e);
    must(cg_new(&h->cg, &h->isa, &host, h->code.rw, (uint64_t)(uintptr_t)h->code.rx, &e), &e);
    h->work = cg_work_new(&h->cg);
    h->cpu = cpu_new(&h->isa);
    h->stack = aligned_alloc(64, STACK_SIZE);
    if (!h->stack)
        abort();
}

void solo_free(struct solo *h)
{
    cg_work_free(h->work);
    cpu_free(h->cpu);
    os_code_free(&h->code);
    free(h->stack);
}

int solo_compile(struct solo *h, const struct ir_unit *u, const struct cg_opts *o)
{
    uint8_t *at = h->code.rw + CG_STUBS_SIZE;

    return cg_compile(h->work, u, o, at, (uint64_t)(uintptr_t)os_code_rx(&h->code, at),
                      CODE_SIZE - CG_STUBS_SIZE, &h->result);
}

enum cpu_exit solo_run(struct solo *h)
{
    struct cpu *c = h->cpu;
    uint64_t *base = (uint64_t *)(void *)(h->stack + STACK_SIZE - 64);
    int (*enter)(struct cpu *, uint64_t) =
        (int (*)(struct cpu *, uint64_t))(uintptr_t)h->cg.stubs.enter;
    struct ir_fpenv env;

    base[0] = 0;
    base[1] = UINT64_MAX;
    c->jit_sp_base = c->jit_sp = (uint64_t)(uintptr_t)base;
    solo_fpenv(c->key, &env);
    c->mxcsr_guest = cg_fp_control(&env);
    c->mxcsr_host = _mm_getcsr() & ~0x3fu;
    int reason = enter(c, (uint64_t)(uintptr_t)h->code.rx + CG_STUBS_SIZE + h->result.entry);

    h->isa.fp_status_add(c, cg_fp_status(c->mxcsr_guest));
    return (enum cpu_exit)reason;
}
