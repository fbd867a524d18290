/*
 * The front doors of the static executable: user mode alone.
 */
#include "app/app.h"

int (*const app_system_door)(const char *arch, int argc, char **argv);

const struct app_command app_commands[] = {
    {"exec", app_exec, "run one Linux program of another architecture"},
    {"register", app_register, "let the kernel run such programs by themselves (binfmt_misc)"},
    {"doctor", app_doctor, "say what works on this host, and how to mend what does not"},
    {NULL, NULL, NULL},
};
