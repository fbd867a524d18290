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

static const struct app_command own[] = {
    {"help", help, "this text"},
    {"version", version, "the version"},
    {"--help", help, NULL},
    {"-h", help, NULL},
    {"--version", version, NULL},
    {"-version", version, NULL},
    {"-V", version, NULL},
    {NULL, NULL, NULL},
};
static const struct app_command *const tables[] = {app_commands, own};

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
    for (size_t t = 0; t < array_size(tables); t++)
        for (const struct app_command *c = tables[t]; c->name; c++)
            if (c->help)
                printf("  %-10s %s\n", c->name, c->help);
    puts("\n`myna COMMAND -h` says more. Called as qemu-ARCH or qemu-system-ARCH, or by `myna qemu-ARCH ...`,\n"
         "it takes the options of QEMU's emulators of that name.");
    return 0;
}

static int unknown(const char *word)
{
    const char *names[32] = {NULL};
    size_t count = 0;
    struct err e;

    for (size_t t = 0; t < array_size(tables); t++)
        for (const struct app_command *c = tables[t]; c->name; c++)
            if (c->help && count < array_size(names) - 1)
                names[count++] = c->name;
    app_unknown(&e, "command", word, names);
    log_error("%s; `myna help` lists them", e.text);
    return 2;
}

/* A subcommand that has a name of its own ("qemu-img"). */
static const struct app_command *command_of(const char *path)
{
    const char *name = strrchr(path, '/');

    name = name ? name + 1 : path;
    for (const struct app_command *c = app_commands; c->name; c++)
        if (!strncmp(name, "qemu-", 5) && !strcmp(c->name, name))
            return c;
    return NULL;
}

/* What follows "qemu-" in the name of a user-mode emulator, or NULL. "-static" is Debian's suffix.
 */
static const char *qemu_arch(const char *path, char *arch, size_t size)
{
    const char *name = strrchr(path, '/');
    size_t length;

    name = name ? name + 1 : path;
    if (strncmp(name, "qemu-", 5) != 0 || !strncmp(name, "qemu-system-", 12) || command_of(name))
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

/* What follows "qemu-system-" in the name of a machine emulator, or NULL. */
static const char *system_arch(const char *path)
{
    const char *name = strrchr(path, '/');

    name = name ? name + 1 : path;
    return app_system_door && !strncmp(name, "qemu-system-", 12) ? name + 12 : NULL;
}

int main(int argc, char **argv)
{
    char buf[64];
    const char *arch = argc > 0 ? qemu_arch(argv[0], buf, sizeof(buf)) : NULL;

    if (argc > 2 && getauxval(AT_FLAGS) & FLAG_PRESERVE_ARGV0)
        return app_binfmt(arch, argc, argv);
    if (arch)
        return app_qemu_user(arch, argc, argv);
    if (argc > 0 && system_arch(argv[0]))
        return app_system_door(system_arch(argv[0]), argc, argv);
    if (argc > 0 && command_of(argv[0]))
        return command_of(argv[0])->run(argc, argv);
    if (argc < 2) {
        help(0, NULL);
        return 2;
    }
    arch = qemu_arch(argv[1], buf, sizeof(buf));
    if (arch && !strchr(argv[1], '/'))
        return app_qemu_user(arch, argc - 1, argv + 1);
    if (system_arch(argv[1]) && !strchr(argv[1], '/'))
        return app_system_door(system_arch(argv[1]), argc - 1, argv + 1);
    for (size_t t = 0; t < array_size(tables); t++)
        for (const struct app_command *c = tables[t]; c->name; c++)
            if (!strcmp(argv[1], c->name))
                return c->run(argc - 1, argv + 1);
    return unknown(argv[1]);
}
