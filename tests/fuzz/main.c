/* Runs a fuzz target without a fuzzer: on files, or on random inputs from fixed seeds.
 *
 * TARGET [--runs N] [--first N] [--seconds N] [FILE...]
 *
 * Input number i is made from i alone. Inputs run in child processes by the hundred; when one dies,
 * the number of the input is found and printed with the command that repeats it. Knows no target.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BATCH = 100 };

static uint64_t next(uint64_t *seed)
{
    uint64_t v = *seed += UINT64_C(0x9e3779b97f4a7c15);

    v = (v ^ v >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    v = (v ^ v >> 27) * UINT64_C(0x94d049bb133111eb);
    return v ^ v >> 31;
}

/* Mostly short; sometimes from a few bytes only, which parsers find more meaning in. */
static void one(unsigned long number)
{
    static const char text[] = "abno019.,,,===:{}[]\"\\ \n-+e_xTrue";
    uint64_t seed = number * UINT64_C(0x632be59bd9b4e019);
    size_t size = next(&seed) % ((size_t)16 << next(&seed) % 9);
    uint8_t *data = malloc(size ? size : 1);
    unsigned style = (unsigned)(next(&seed) % 4);

    for (size_t i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)next(&seed);

        data[i] = style == 0   ? (uint8_t)text[byte % (sizeof(text) - 1)]
                  : style == 1 ? byte & 0x1f
                               : byte;
    }
    LLVMFuzzerTestOneInput(data, size);
    free(data);
}

static int range(unsigned long first, unsigned long count)
{
    int status = 0;
    pid_t child;

    fflush(NULL);
    child = fork();
    if (child == 0) {
        for (unsigned long i = 0; i < count; i++)
            one(first + i);
        exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) < 0) {
        perror("fork");
        exit(2);
    }
    return status;
}

static int file(const char *path)
{
    FILE *in = fopen(path, "rb");
    uint8_t *data = malloc(1 << 20);
    size_t size;

    if (!in) {
        perror(path);
        return 2;
    }
    size = fread(data, 1, 1 << 20, in);
    fclose(in);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 0;
}

int main(int argc, char **argv)
{
    unsigned long first = 1, runs = 1000, done = 0, seconds = 0;
    time_t end;
    int at = 1, rc = 0;

    for (; at + 1 < argc && strncmp(argv[at], "--", 2) == 0; at += 2) {
        unsigned long n = strtoul(argv[at + 1], NULL, 0);

        if (strcmp(argv[at], "--first") == 0)
            first = n;
        else if (strcmp(argv[at], "--runs") == 0)
            runs = n;
        else if (strcmp(argv[at], "--seconds") == 0)
            seconds = n;
    }
    if (at < argc) {
        for (; at < argc && !rc; at++)
            rc = file(argv[at]);
        return rc;
    }
    end = time(NULL) + (time_t)seconds;
    while (seconds ? time(NULL) < end : done < runs) {
        unsigned long count = !seconds && runs - done < BATCH ? runs - done : BATCH;

        if (range(first + done, count)) {
            unsigned long bad = first + done;

            while (bad < first + done + count - 1 && !range(bad, 1))
                bad++;
            printf("FAILED; again: %s --first %lu --runs 1\n", argv[0], bad);
            return 1;
        }
        done += count;
    }
    printf("%lu inputs from number %lu on\n", done, first);
    return 0;
}
