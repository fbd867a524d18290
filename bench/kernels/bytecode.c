/* Indirect jumps: an interpreter of a small stack machine, one switch. */
#include "bench.h"

enum op { PUSH, ADD, SUB, MUL, XOR, SHR, LOAD, STORE, JNZ, DUP, AND, HALT };

/* Locals: 0 counter, 1 accumulator, 2 scratch. Jumps name an offset. */
static const uint8_t program[] = {
    /*  0 */ LOAD, 1, LOAD, 0,    ADD, PUSH,  31,    MUL,   STORE, 1,
    /* 10 */ LOAD, 1, DUP,  PUSH, 7,   SHR,   XOR,   STORE, 2,
    /* 19 */ LOAD, 2, PUSH, 1,    AND, JNZ,   33,
    /* 26 */ LOAD, 2, PUSH, 3,    ADD, STORE, 2,
    /* 33 */ LOAD, 2, LOAD, 1,    ADD, STORE, 1,
    /* 40 */ LOAD, 0, PUSH, 1,    SUB, DUP,   STORE, 0,     JNZ,   0,
    /* 50 */ HALT,
};

static __attribute__((noinline)) uint64_t run(const uint8_t *code, uint64_t count)
{
    uint64_t stack[16], locals[3] = {count, 1, 0};
    uint64_t *top = stack;

    for (const uint8_t *pc = code;;) {
        switch ((enum op) * pc++) {
        case PUSH:
            *top++ = *pc++;
            break;
        case ADD:
            top--;
            top[-1] += top[0];
            break;
        case SUB:
            top--;
            top[-1] -= top[0];
            break;
        case MUL:
            top--;
            top[-1] *= top[0];
            break;
        case XOR:
            top--;
            top[-1] ^= top[0];
            break;
        case AND:
            top--;
            top[-1] &= top[0];
            break;
        case SHR:
            top--;
            top[-1] >>= top[0] & 63;
            break;
        case LOAD:
            *top++ = locals[*pc++];
            break;
        case STORE:
            locals[*pc++] = *--top;
            break;
        case DUP:
            *top = top[-1];
            top++;
            break;
        case JNZ:
            pc = *--top ? code + *pc : pc + 1;
            break;
        case HALT:
            return locals[1];
        }
    }
}

KERNEL(scale, 4000000)
{
    return result_int(run(program, scale));
}
