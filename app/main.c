/*
 * The executable: finds the front door by the name it is called by or by the first word. Must not
 * know options.
 */
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>

#include "app/app.h"
#include "base/log.h"
#include "ir/isa.h"

/* The kernel says so in AT_FLAGS when binfmt_misc called and put the guest's argv[0] behind the
 * path. */
#define FLAG_PRESERVE_ARGV0 1ul

static int help(int argc, char **argv);
static int version(int argc, char **argv);

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help; /* NULL: not shown */
} commands[] = {
    {"exec", app_exec, "run one Linux program of another architecture"},
    {"register", app_register, "let the kernel run such programs by themselves (binfmt_misc)"},
    {"doctor", app_doctor, "say what works on this host, and how to mend what does not"},
    {"help", help, "this text"},
    {"version", version, "the version"},
    {"--help", help, NULL},
    {"-h", help, NULL},
    {"--version", version, NULL},
    {"-version", version, NULL},
    {"-V", version, NULL},
};

static int version(int argc, char **argv)
{
    (void)argc, (void)argv;
    printf("myna %s\n", MYNA_VERSION);
    return 0;
}

static int help(int argc, char **argv)
{
    (void)argc, (void)argv;
    puts("Usage: myna COMMAND ...\n"
         "Runs software built for another computer.\n");
    for (size_t i = 0; i < array_size(commands); i++)
        if (commands[i].help)
            printf("  %-10s %s\n", commands[i].name, commands[i].help);
    puts("\n`myna COMMAND -h` says more. Called as qemu-ARCH, or `myna qemu-ARCH ...`, it takes\n"
         "the options of QEMU's user-mode emulators.");
    return 0;
}

static int unknown(const char *word)
{
    const char *names[array_size(commands) + 1] = {NULL};
    size_t count = 0;
    struct err e;

    for (size_t i = 0; i < array_size(commands); i++)
        if (commands[i].help)
            names[count++] = commands[i].name;
    app_unknown(&e, "command", word, names);
    log_error("%s; `myna help` lists them", e.text);
    return 2;
}

/* What follows "qemu-" in the name of a user-mode emulator, or NULL. "-static" is Debian's suffix.
 */
static const char *qemu_arch(const char *path, char *arch, size_t size)
{
    const char *name = strrchr(path, '/');
    size_t length;

    name = name ? name + 1 : path;
    if (strncmp(name, "qemu-", 5) != 0 || !strncmp(name, "qemu-system-", 12))
        return NULL;
    snprintf(arch, size, "%s", name + 5);
    length = strlen(arch);
    if (length > 7 && !strcmp(arch + length - 7, "-static"))
        arch[length - 7] = '\0';
    length = strlen(arch);
    if (length > 7 && !strcmp(arch + length - 7, "-binfmt"))
        arch[length - 7] = '\0';
    return arch;
}

int main(int argc, char **argv)
{
    char buf[64];
    const char *arch = argc > 0 ? qemu_arch(argv[0], buf, sizeof(buf)) : NULL;

    if (argc > 2 && getauxval(AT_FLAGS) & FLAG_PRESERVE_ARGV0)
        return app_binfmt(arch, argc, argv);
    if (arch)
        return app_qemu_user(arch, argc, argv);
    if (argc < 2) {
        help(0, NULL);
        return 2;
    }
    arch = qemu_arch(argv[1], buf, sizeof(buf));
    if (arch && !strchr(argv[1], '/'))
        return app_qemu_user(arch, argc - 1, argv + 1);
    for (size_t i = 0; i < array_size(commands); i++)
        if (!strcmp(argv[1], commands[i].name))
            return commands[i].run(argc - 1, argv + 1);
    return unknown(argv[1]);
}
