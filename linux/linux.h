/*
 * User mode: runs one Linux program of another architecture in this process.
 *
 * The guest's addresses are the host's, its threads are host threads, its process is this process;
 * its system calls are served by the host's kernel. The caller is a front door (app/): it fills the
 * options and calls linux_exec() once, from the main thread, before it has started any other.
 */
#ifndef MYNA_LINUX_LINUX_H
#define MYNA_LINUX_LINUX_H

#include <stdbool.h>
#include <stddef.h>

#include "accel/accel.h"
#include "base/err.h"

struct linux_options {
    const char *program;   /* path as the user gave it; searched in the sysroot when absolute */
    char *const *argv;     /* of the guest, argv[0] first, NULL-terminated */
    char *const *envp;     /* of the guest, NULL-terminated */
    const char *sysroot;   /* absolute paths are looked up here first; NULL: none */
    const char *cpu;       /* CPU model; NULL: the best there is */
    const char *release;   /* what uname says instead of the host's release; NULL: the host's */
    const struct isa *isa; /* demanded by the front door's name; NULL: whatever the ELF file says */
    size_t stack_size;     /* of the main thread; 0: the resource limit */
    int execfd;            /* an open descriptor of the program, or -1 */
    bool strace;
    struct accel_opts accel;
    /* Arguments that start this front door with the same options again, NULL-terminated, without
     * program and guest arguments: what execve() of a foreign program runs /proc/self/exe with. */
    char *const *restart;
};

/* What a shell reports for a program that could not be started. */
enum { LINUX_EXIT_NOEXEC = 126, LINUX_EXIT_NOENT = 127 };

/* Runs the program. When the guest ends, so does this process, in the same way (exit status or
 * signal): the call returns only when the program could not be started, with the reason in e. */
int linux_exec(const struct linux_options *o, struct err *e) must_check;

/* The personalities of this build, for `register` and `doctor`: the i-th or NULL. */
struct linux_guest {
    const char *isa;     /* struct isa's name */
    const char *machine; /* what uname says */
    unsigned elf_machine;
    unsigned char magic[20], mask[20]; /* binfmt_misc's match of an ELF header */
};
bool linux_guest_info(unsigned i, struct linux_guest *g);

#endif
