/* Lifts every word of files of raw arm64 code (objcopy -O binary -j .text); each must verify. Prints
 * the words that are undefined here: for assemble.py, and to survey real programs. */
#include <stdio.h>
#include <stdlib.h>

#include "isa/arm64/tests/unit.h"

const struct isa *const isa_registry[] = {&isa_arm64, NULL};

int main(int argc, char **argv)
{
    unsigned long words = 0, undefined = 0, ops = 0;
    struct ir_unit u;

    ir_unit_init(&u);
    for (int i = 1; i < argc; i++) {
        FILE *in = fopen(argv[i], "rb");
        uint32_t word;

        if (!in)
            return 2;
        for (uint64_t at = 0; fread(&word, 4, 1, in) == 1; at += 4, words++) {
            struct err e;

            if (unit_lift(&u, 0, 0x400000 + at, &word, 1) == ISA_UNDEF) {
                undefined++;
                printf("%08x\n", word);
            } else if (ir_verify(&u, &e)) {
                printf("bad %08x: %s\n", word, e.text);
                return 1;
            }
            ops += u.nins;
        }
        fclose(in);
    }
    fprintf(stderr, "%lu words, %lu undefined, %.2f IR instructions a word\n", words, undefined,
            words ? (double)ops / (double)words : 0);
    ir_unit_free(&u);
    return 0;
}
