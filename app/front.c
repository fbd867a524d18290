/*
 * Owns the meaning of user mode's options: from words to struct linux_options, and to the words
 * that start the same thing again for a guest's execve(). Must not know how a door spells its
 * options.
 */
#include "app/front.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

extern char **environ;

static void restart_word(struct front *f, const char *word)
{
    vec_push(&f->restart, mem_strdup(word));
}

void front_init(struct front *f, const char *const *door)
{
    memset(f, 0, sizeof(*f));
    f->o.execfd = -1;
    f->o.accel.tier = 2;
    while (environ[f->env_count])
        f->env_count++;
    f->env = mem_array(char *, f->env_count + 1);
    memcpy(f->env, environ, f->env_count * sizeof(char *));
    for (; *door; door++)
        restart_word(f, *door);
    if (getenv("MYNA_SYSROOT") && *getenv("MYNA_SYSROOT"))
        f->o.sysroot = getenv("MYNA_SYSROOT");
    else if (getenv("QEMU_LD_PREFIX") && *getenv("QEMU_LD_PREFIX"))
        f->o.sysroot = getenv("QEMU_LD_PREFIX");
}

static size_t find_env(const struct front *f, const char *name, size_t length)
{
    size_t i = 0;

    while (i < f->env_count && (strncmp(f->env[i], name, length) != 0 || f->env[i][length] != '='))
        i++;
    return i;
}

void front_setenv(struct front *f, const char *assignment)
{
    size_t i = find_env(f, assignment, strcspn(assignment, "="));

    if (i == f->env_count) {
        f->env = mem_realloc(f->env, (f->env_count + 2) * sizeof(char *));
        f->env[++f->env_count] = NULL;
    }
    f->env[i] = mem_strdup(assignment);
}

void front_unsetenv(struct front *f, const char *name)
{
    size_t i = find_env(f, name, strlen(name));

    if (i < f->env_count) {
        memmove(f->env + i, f->env + i + 1, (f->env_count - i) * sizeof(char *));
        f->env_count--;
    }
}

static int set_log(struct front *f, const char *value, struct err *e)
{
    int rc = app_log(value, false, e);

    f->done |= rc > 0;
    if (rc >= 0 && f->qemu && strstr(value, "nochain"))
        f->o.accel.no_link = true;
    return min_of(rc, 0);
}

static int set_tier(struct front *f, const char *value, struct err *e)
{
    if (strlen(value) != 1 || value[0] < '0' || value[0] > '2')
        return err_text(e, EINVAL, "tier %s: 0 (interpreter), 1 (quick) or 2 (all)", value);
    f->o.accel.tier = value[0] - '0';
    return 0;
}

static int set_size(const char *value, size_t *size, struct err *e)
{
    unsigned long long number;
    int ret = app_number(value, &number, e);

    if (ret == 0)
        *size = (size_t)number;
    return ret;
}

static int apply(struct front *f, int id, const char *value, struct err *e)
{
    size_t number = 0;
    int ret = 0;

    switch (id) {
    case FRONT_HELP:
        f->help = true;
        break;
    case FRONT_VERSION:
        f->version = true;
        break;
    case FRONT_SYSROOT:
        f->o.sysroot = value;
        break;
    case FRONT_STRACE:
        f->o.strace = true;
        break;
    case FRONT_SETENV:
        if (!strchr(value, '=') || value[0] == '=')
            return err_text(e, EINVAL, "-E %s: NAME=VALUE is wanted", value);
        front_setenv(f, value);
        break;
    case FRONT_UNSETENV:
        front_unsetenv(f, value);
        break;
    case FRONT_ARGV0:
        f->o.argv = mem_array(char *, 1); /* put in front by front_run() */
        ((char **)f->o.argv)[0] = (char *)value;
        break;
    case FRONT_LOG:
        ret = set_log(f, value, e);
        break;
    case FRONT_LOGFILE:
        ret = log_open(value, e);
        break;
    case FRONT_CPU:
        f->o.cpu = value;
        break;
    case FRONT_STACK:
        ret = set_size(value, &f->o.stack_size, e);
        break;
    case FRONT_RELEASE:
        f->o.release = value;
        break;
    case FRONT_TIER:
        ret = set_tier(f, value, e);
        break;
    case FRONT_CACHE:
        ret = set_size(value, &f->o.accel.cache_size, e);
        break;
    case FRONT_SINGLE_STEP:
        f->o.accel.single_step = true;
        break;
    case FRONT_NO_LINK:
        f->o.accel.no_link = true;
        break;
    case FRONT_SEED:
        ret = set_size(value, &number, e);
        f->o.accel.ra_seed = number;
        break;
    case FRONT_BACKGROUND:
        f->o.accel.background = true;
        break;
    case FRONT_HOT:
        ret = set_size(value, &number, e);
        f->o.accel.tier2_threshold = (int)number;
        break;
    case FRONT_VERBOSE:
        log_set_verbose(true);
        break;
    case FRONT_EXECFD:
        ret = set_size(value, &number, e);
        f->o.execfd = (int)number;
        break;
    case FRONT_ANY_ISA:
        f->o.isa = NULL;
        break;
    case FRONT_PAGESIZE:
        ret = set_size(value, &number, e);
        if (ret == 0 && number != 4096)
            ret = err_text(e, EINVAL, "page size %s: only 4096 is possible", value);
        break;
    default:
        break;
    }
    return ret;
}

/* What a restarted program does not inherit: its environment is edited already, its name is its
 * own. */
static bool is_inherited(int id)
{
    return id != FRONT_SETENV && id != FRONT_UNSETENV && id != FRONT_ARGV0 && id != FRONT_EXECFD &&
           id != FRONT_SYSROOT && id != FRONT_ANY_ISA;
}

int front_parse(struct front *f, const struct app_option *table, int argc, char **argv,
                struct err *e)
{
    int i = 1;

    for (; i < argc && argv[i][0] == '-'; i++) {
        const struct app_option *o;
        const char *value;
        int ret;

        if (!strcmp(argv[i], "--")) {
            i++;
            break;
        }
        o = app_option_find(table, argv[i], &value);
        if (!o)
            return app_option_unknown(e, table, argv[i]);
        if (o->argument && !value) {
            if (i + 1 >= argc)
                return err_text(e, EINVAL, "%s wants a value: %s", o->name, o->argument);
            value = argv[++i];
        }
        ret = apply(f, o->id, value, e);
        if (ret < 0)
            return ret;
        if (is_inherited(o->id)) {
            restart_word(f, o->name);
            if (value)
                restart_word(f, value);
        }
        if (f->done || f->help || f->version)
            return argc;
    }
    return i;
}

/* The rest of the words for a restart: the sysroot whatever named it, and where to. */
static void finish_restart(struct front *f)
{
    char *root = f->o.sysroot ? realpath(f->o.sysroot, NULL) : NULL;

    if (root) {
        restart_word(f, "-L");
        restart_word(f, root);
        free(root);
    }
    if (f->qemu)
        restart_word(f, "-any-isa");
    vec_push(&f->restart, NULL);
    f->o.restart = f->restart.data;
}

/* The guest may do as it likes with descriptor 2. When it is closed, the log must not end up in the
 * file that the guest opens next; with a low limit on descriptors it stays where it is. */
static void keep_log(void)
{
    struct err e;

    if (log_detach(&e) == -EBADF && log_open("/dev/null", &e) < 0)
        log_set_verbose(false);
}

int front_run(struct front *f, int argc, char **argv)
{
    struct err e;
    char *argv0 = f->o.argv ? f->o.argv[0] : argv[0];
    char **guest = mem_array(char *, argc + 1);

    for (int i = 0; i < argc; i++)
        guest[i] = argv[i];
    guest[0] = argv0;
    f->o.program = argv[0];
    f->o.argv = guest;
    f->o.envp = f->env;
    finish_restart(f);
    keep_log();
    if (linux_exec(&f->o, &e) < 0) {
        log_error("%s", e.text);
        return e.code == ENOENT ? LINUX_EXIT_NOENT : LINUX_EXIT_NOEXEC;
    }
    return 0;
}
