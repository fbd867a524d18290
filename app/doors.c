/*
 * The front doors of the whole executable. A new subcommand is a line here.
 */
#include "app/app.h"

int (*const app_system_door)(const char *arch, int argc, char **argv) = app_qemu_system;

const struct app_command app_commands[] = {
    {"run", app_run, "start an operating system: a disk image or a kernel"},
    {"image", app_image, "disk images: create, info, check, convert, compare, resize, map"},
    {"ctl", app_ctl, "talk to a running machine"},
    {"exec", app_exec, "run one Linux program of another architecture"},
    {"register", app_register, "let the kernel run such programs by themselves (binfmt_misc)"},
    {"doctor", app_doctor, "say what works on this host, and how to mend what does not"},
    {"qemu-img", app_image, NULL},
    {NULL, NULL, NULL},
};
