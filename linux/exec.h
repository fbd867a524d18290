/* What kind of program a file is, and its #! line: shared by execve and by the first start. */
#ifndef MYNA_LINUX_EXEC_H
#define MYNA_LINUX_EXEC_H

#include "base/vec.h"
#include "linux/lx.h"

struct exec_vector {
    char **data;
    size_t len, cap;
};

enum lx_program_kind {
    LX_PROGRAM_GUEST,  /* runs here */
    LX_PROGRAM_NATIVE, /* the host's own */
    LX_PROGRAM_SCRIPT,
    LX_PROGRAM_OTHER,
};

/* From the file's first bytes. */
enum lx_program_kind lx_exec_kind(const uint8_t *head, size_t size);

/* Splits "#! interpreter argument"; both buffers are as large as the head, which is terminated.
 * False: there is none. */
bool lx_exec_script(const char *head, size_t size, char *interp, char *arg);

#endif
