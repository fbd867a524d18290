/*
 * qemu-system-ARCH: QEMU's options for machines, each turned into a piece of the configuration tree. Owns their names
 * and forms; what a piece means is decided below.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/system.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/conf.h"
#include "core/dev.h"
#include "ir/isa.h"
#include "machine/machine.h"

enum option {
    O_MACHINE, O_CPU, O_SMP, O_MEMORY, O_KERNEL, O_INITRD, O_APPEND, O_DTB, O_BIOS, O_DRIVE, O_BLOCKDEV, O_DISK,
    O_CDROM, O_DEVICE, O_NETDEV, O_NIC, O_NET, O_SERIAL, O_CHARDEV, O_MONITOR, O_QMP, O_MON, O_DISPLAY, O_NOGRAPHIC,
    O_NODEFAULTS, O_NO_REBOOT, O_NO_SHUTDOWN, O_SNAPSHOT, O_S, O_START_PAUSED, O_GDB, O_LOG, O_LOGFILE, O_NAME, O_RTC,
    O_ACCEL, O_KVM, O_PIDFILE, O_FSDEV, O_VIRTFS, O_OBJECT, O_UUID, O_GLOBAL, O_HELP, O_VERSION, O_IGNORED, O_IGNORED_ARG,
    O_PFLASH, O_VGA, O_TRACE,
};

static const struct app_option options[] = {
    {"-M", "TYPE[,PROP=VALUE...]", O_MACHINE, "the board; help lists them"},
    {"-machine", "TYPE[,...]", O_MACHINE, NULL},
    {"-cpu", "MODEL[,PROP=VALUE...]", O_CPU, "the processor; help lists them"},
    {"-accel", "tcg|kvm[,...]", O_ACCEL, "how the processor's code runs"},
    {"-enable-kvm", NULL, O_KVM, NULL},
    {"-smp", "N", O_SMP, "processors"},
    {"-m", "SIZE", O_MEMORY, "RAM, in megabytes without a suffix"},
    {"-kernel", "FILE", O_KERNEL, "start this kernel directly"},
    {"-initrd", "FILE", O_INITRD, "its initial RAM disk"},
    {"-append", "TEXT", O_APPEND, "its command line"},
    {"-dtb", "FILE", O_DTB, "device tree to use instead of the board's"},
    {"-bios", "FILE", O_BIOS, "firmware"},
    {"-pflash", "FILE", O_PFLASH, "image of the next flash bank"},
    {"-drive", "file=PATH[,if=virtio|pflash|none][,...]", O_DRIVE, "a disk: backend and device"},
    {"-blockdev", "DRIVER,node-name=ID,...", O_BLOCKDEV, "a disk's backend"},
    {"-hda", "FILE", O_DISK, "a disk"},
    {"-hdb", "FILE", O_DISK, NULL},
    {"-cdrom", "FILE", O_CDROM, "a read-only disk"},
    {"-snapshot", NULL, O_SNAPSHOT, "writes to disks are lost at the end"},
    {"-device", "DRIVER[,PROP=VALUE...]", O_DEVICE, "a device; help lists them, DRIVER,help its properties"},
    {"-netdev", "user|tap|socket|stream|dgram,id=ID[,...]", O_NETDEV, "a network backend"},
    {"-nic", "TYPE[,model=DRIVER][,...]", O_NIC, "backend and card in one; none: no network"},
    {"-net", "none", O_NET, NULL},
    {"-serial", "stdio|mon:stdio|pty|unix:PATH|tcp:...|file:PATH|none", O_SERIAL, "where the next serial port goes"},
    {"-chardev", "BACKEND,id=ID[,...]", O_CHARDEV, "a character backend"},
    {"-monitor", "...", O_MONITOR, "where the monitor is"},
    {"-qmp", "unix:PATH,server=on,wait=off", O_QMP, "a control socket"},
    {"-qmp-pretty", "...", O_QMP, NULL},
    {"-mon", "[chardev=]ID[,mode=control|readline]", O_MON, "a monitor on a character backend"},
    {"-display", "none", O_DISPLAY, "no window"},
    {"-nographic", NULL, O_NOGRAPHIC, "serial port and monitor on this terminal"},
    {"-nodefaults", NULL, O_NODEFAULTS, "no network or console that was not asked for"},
    {"-fsdev", "local,id=ID,path=DIR,security_model=...", O_FSDEV, "a folder to share"},
    {"-virtfs", "local,path=DIR,mount_tag=TAG,security_model=...", O_VIRTFS, "the same with its device"},
    {"-object", "TYPE,id=ID[,...]", O_OBJECT, "filter-dump (captures a network), rng-random"},
    {"-no-reboot", NULL, O_NO_REBOOT, "a reset ends the machine"},
    {"-no-shutdown", NULL, O_NO_SHUTDOWN, "a power-off stops it only"},
    {"-S", NULL, O_START_PAUSED, "wait for the debugger or the monitor"},
    {"-s", NULL, O_S, "GDB server on tcp::1234"},
    {"-gdb", "tcp::PORT|unix:PATH", O_GDB, "GDB server"},
    {"-rtc", "base=utc|localtime|DATE[,clock=...]", O_RTC, "the real-time clock"},
    {"-name", "NAME", O_NAME, "what the machine is called"},
    {"-uuid", "UUID", O_UUID, "the machine's UUID"},
    {"-pidfile", "FILE", O_PIDFILE, "write the process id there"},
    {"-global", "DRIVER.PROP=VALUE", O_GLOBAL, "a property of all devices of a driver (also driver=,property=,value=, or JSON)"},
    {"-d", "CATEGORIES", O_LOG, "log these; help lists them"},
    {"-trace", "[enable=]PATTERN[,events=FILE][,file=FILE]", O_TRACE, "trace points of devices, such as virtio_blk*; help lists them"},
    {"-D", "FILE", O_LOGFILE, "log into a file"},
    {"-vga", "none", O_VGA, NULL},
    {"-parallel", "none", O_IGNORED_ARG, NULL},
    {"-boot", "ORDER", O_IGNORED_ARG, NULL},
    {"-msg", "OPTIONS", O_IGNORED_ARG, NULL},
    {"-sandbox", "OPTIONS", O_IGNORED_ARG, NULL},
    {"-no-user-config", NULL, O_IGNORED, NULL},
    {"-no-acpi", NULL, O_IGNORED, NULL},
    {"-usb", NULL, O_IGNORED, NULL},
    {"-h", NULL, O_HELP, "this help"},
    {"-help", NULL, O_HELP, NULL},
    {"-version", NULL, O_VERSION, "the version"},
    {NULL, NULL, 0, NULL},
};

static bool wants_list(const char *text)
{
    return !strcmp(text, "help") || !strcmp(text, "?");
}

/* ---- lists ---- */

static int list_boards(const char *arch)
{
    puts("Machines:");
    for (const struct board *const *b = board_registry; *b; b++)
        if (!arch || !strcmp((*b)->isa, arch))
            printf("  %-12s %s\n", (*b)->name, (*b)->help);
    return 0;
}

static int list_models(const char *arch)
{
    const struct isa *isa = isa_find(arch ? arch : "arm64");

    puts("Processors:");
    for (const struct isa_model *m = isa && isa->sys ? isa->sys->models : NULL; m && m->name; m++)
        printf("  %-16s %s\n", m->name, m->help ? m->help : "");
    return 0;
}

static int list_devices(void)
{
    puts("Devices:");
    for (const struct dev_class *const *c = dev_class_registry; *c; c++)
        if (*(*c)->bus)
            printf("  %-24s bus %-8s %s\n", (*c)->name, (*c)->bus, (*c)->help ? (*c)->help : "");
    return 0;
}

/* "DRIVER,help" */
static bool list_properties(const char *text)
{
    const char *comma = strchr(text, ',');
    const struct dev_class *cls;
    struct str out = {0};
    char name[64];

    if (!comma || !wants_list(comma + 1))
        return false;
    snprintf(name, sizeof(name), "%.*s", (int)(comma - text), text);
    cls = dev_class_find(name);
    if (!cls)
        return false;
    printf("%s: %s\n", cls->name, cls->help ? cls->help : "");
    if (cls->props)
        prop_help(cls->props, &out);
    fputs(str_text(&out), stdout);
    str_free(&out);
    return true;
}

/* ---- options with a form of their own ---- */

static int set_machine(struct system *s, const char *text, struct err *e)
{
    json_t *m, *old = system_dict(s, "machine"), *accel;
    int rc = conf_parse(&m, text, "type", e);

    if (rc)
        return err_prefix(e, "-machine");
    accel = json_object_get(m, "accel");
    if (accel)
        json_object_set(system_dict(s, "accel"), "type", accel);
    json_object_del(m, "accel");
    json_object_update(old, m);
    json_decref(m);
    return 0;
}

/* Of the topology only the number matters: N, cpus=N, or sockets x cores x threads. */
static int set_smp(struct system *s, const char *text, struct err *e)
{
    static const char *const known[] = {"cpus", "maxcpus", "sockets", "dies", "clusters", "cores", "threads", NULL};
    unsigned long long n = 1;
    json_t *o;
    const char *key;
    json_t *value;
    int rc = conf_parse(&o, text, "cpus", e);

    if (rc)
        return err_prefix(e, "-smp");
    json_object_foreach(o, key, value) {
        unsigned long long number = 0;
        bool good = false;

        for (const char *const *k = known; *k; k++)
            good |= !strcmp(*k, key);
        if (!good)
            rc = app_unknown(e, "-smp option", key, known);
        else
            rc = app_number(json_string_value(value), &number, e);
        if (rc)
            break;
        if (!json_object_get(o, "cpus") && strcmp(key, "maxcpus") != 0)
            n *= number;
    }
    if (!rc && json_object_get(o, "cpus"))
        rc = app_number(json_string_value(json_object_get(o, "cpus")), &n, e);
    if (!rc)
        json_object_set_new(s->conf, "smp", json_integer((json_int_t)n));
    json_decref(o);
    return rc;
}

static int set_memory(struct system *s, const char *text, struct err *e)
{
    uint64_t size;
    json_t *o;
    int rc = conf_parse(&o, text, "size", e);

    if (!rc)
        rc = prop_parse_size(json_string_value(json_object_get(o, "size")), 1 << 20, &size, e);
    if (!rc)
        json_object_set_new(s->conf, "memory", json_integer((json_int_t)size));
    json_decref(o);
    return rc ? err_prefix(e, "-m") : 0;
}

static int set_accel(struct system *s, const char *text, struct err *e)
{
    static const char *const known[] = {"tcg", "dbt", "kvm", NULL};
    json_t *o, *accel = system_dict(s, "accel");
    const char *type;
    int rc = conf_parse(&o, text, "type", e);

    if (rc)
        return err_prefix(e, "-accel");
    type = json_string_value(json_object_get(o, "type"));
    for (const char *const *k = known; *k; k++)
        if (type && !strcmp(*k, type)) {
            json_object_update(accel, o);
            json_decref(o);
            return 0;
        }
    rc = app_unknown(e, "accelerator", type ? type : "", known);
    json_decref(o);
    return rc;
}

static int set_mon(struct system *s, const char *text, struct err *e)
{
    json_t *o;
    int rc = conf_parse(&o, text, "chardev", e);

    if (rc)
        return err_prefix(e, "-mon");
    s->have_monitor = true;
    if (!json_object_get(o, "mode"))
        json_object_set_new(o, "mode", json_string("readline"));
    json_array_append_new(s->monitors, o);
    return 0;
}

static int set_object(struct system *s, const char *text, struct err *e)
{
    json_t *o;
    const char *type;
    int rc = conf_parse(&o, text, "qom-type", e);

    if (rc)
        return err_prefix(e, "-object");
    type = json_string_value(json_object_get(o, "qom-type"));
    if (type && !strcmp(type, "filter-dump"))
        json_array_append(s->captures, o);
    else if (!type || (strcmp(type, "rng-random") != 0 && strcmp(type, "rng-builtin") != 0 && strcmp(type, "iothread") != 0))
        rc = err_text(e, EINVAL, "-object: no type '%s' here: filter-dump, rng-random, rng-builtin or iothread",
                      type ? type : "");
    json_decref(o);
    return rc;
}

static int set_display(const char *text, struct err *e)
{
    if (!strcmp(text, "none") || !strncmp(text, "none,", 5))
        return 0;
    return err_text(e, EINVAL, "no display '%s' yet: this machine has a serial console (-nographic, or -display none)",
                    text);
}

static int set_name(struct system *s, const char *text, struct err *e)
{
    json_t *o;
    const char *name;
    int rc = conf_parse(&o, text, "guest", e);

    if (rc)
        return err_prefix(e, "-name");
    name = json_string_value(json_object_get(o, "guest"));
    if (name)
        json_object_set_new(s->conf, "name", json_string(name));
    json_decref(o);
    return 0;
}

static int set_rtc(struct system *s, const char *text, struct err *e)
{
    json_t *o;
    int rc = conf_parse(&o, text, "base", e);

    if (rc)
        return err_prefix(e, "-rtc");
    json_object_update(system_dict(s, "rtc"), o);
    json_decref(o);
    return 0;
}

static int set_text(struct system *s, const char *key, const char *text)
{
    json_object_set_new(s->conf, key, json_string(text));
    return 0;
}

static int set_flag(struct system *s, const char *key)
{
    json_object_set_new(s->conf, key, json_true());
    return 0;
}

static int act(struct system *s, enum option id, const char *text, struct err *e)
{
    switch (id) {
    case O_MACHINE: return wants_list(text) ? exit(list_boards(s->arch)), 0 : set_machine(s, text, e);
    case O_CPU: return wants_list(text) ? exit(list_models(s->arch)), 0 : set_text(s, "cpu", text);
    case O_SMP: return set_smp(s, text, e);
    case O_MEMORY: return set_memory(s, text, e);
    case O_KERNEL: return set_text(s, "kernel", text);
    case O_INITRD: return set_text(s, "initrd", text);
    case O_APPEND: return set_text(s, "append", text);
    case O_DTB: return set_text(s, "dtb", text);
    case O_BIOS: return set_text(s, "bios", text);
    case O_DRIVE: return system_drive(s, text, e);
    case O_BLOCKDEV: return system_blockdev(s, text, e);
    case O_DISK: return system_disk(s, text, NULL, e);
    case O_CDROM: return system_disk(s, text, "media=cdrom", e);
    case O_PFLASH: return system_disk(s, text, "if=pflash", e);
    case O_DEVICE:
        if (wants_list(text))
            exit(list_devices());
        if (list_properties(text))
            exit(0);
        return system_device(s, text, e);
    case O_NETDEV: return system_netdev(s, text, e);
    case O_NIC: return system_nic(s, text, e);
    case O_NET:
        if (!strcmp(text, "none"))
            return system_nic(s, text, e);
        return err_text(e, EINVAL, "-net is of old: use -nic %s, or -netdev with -device", text);
    case O_SERIAL: return system_serial(s, text, e);
    case O_CHARDEV: return system_chardev(s, text, e);
    case O_MONITOR: return system_monitor(s, text, "readline", e);
    case O_QMP: return system_monitor(s, text, "control", e);
    case O_MON: return set_mon(s, text, e);
    case O_DISPLAY: return set_display(text, e);
    case O_VGA: return strcmp(text, "none") ? set_display(text, e) : 0;
    case O_NOGRAPHIC: s->nographic = true; return 0;
    case O_NODEFAULTS: s->nodefaults = true; return 0;
    case O_NO_REBOOT: return set_flag(s, "no-reboot");
    case O_NO_SHUTDOWN: return set_flag(s, "no-shutdown");
    case O_SNAPSHOT: s->snapshot = true; return 0;
    case O_S:
        free(s->gdb);
        s->gdb = mem_strdup("tcp::1234");
        return 0;
    case O_GDB:
        free(s->gdb);
        s->gdb = mem_strdup(text);
        return 0;
    case O_START_PAUSED: return set_flag(s, "start-paused");
    case O_LOG: return system_log(text, e);
    case O_TRACE: return system_trace(text, e);
    case O_LOGFILE: return log_open(text, e);
    case O_NAME: return set_name(s, text, e);
    case O_UUID: return set_text(s, "uuid", text);
    case O_RTC: return set_rtc(s, text, e);
    case O_ACCEL: return set_accel(s, text, e);
    case O_KVM: return set_accel(s, "kvm", e);
    case O_PIDFILE:
        free(s->pidfile);
        s->pidfile = mem_strdup(text);
        return 0;
    case O_FSDEV: return system_virtfs(s, text, false, e);
    case O_VIRTFS: return system_virtfs(s, text, true, e);
    case O_OBJECT: return set_object(s, text, e);
    case O_GLOBAL: return system_global(s, text, e);
    default: return 0;
    }
}

/* Options that decide how others are read come first: -snapshot concerns all disks. */
static int read_options(struct system *s, int argc, char **argv, struct err *e)
{
    for (int pass = 0; pass < 2; pass++)
        for (int i = 1; i < argc; i++) {
            const char *value;
            const struct app_option *o;

            if (argv[i][0] != '-' || !argv[i][1]) {
                int rc = pass ? system_disk(s, argv[i], NULL, e) : 0; /* a disk image alone */

                if (rc)
                    return rc;
                continue;
            }
            o = app_option_find(options, argv[i], &value);
            if (!o)
                return app_option_unknown(e, options, argv[i]);
            if (o->argument && !value) {
                if (i + 1 == argc)
                    return err_text(e, EINVAL, "option %s needs %s behind it", o->name, o->argument);
                value = argv[++i];
            }
            if ((o->id == O_SNAPSHOT) != (pass == 0))
                continue;
            if (o->id == O_HELP || o->id == O_VERSION)
                return o->id;
            if (act(s, (enum option)o->id, value, e))
                return -EINVAL;
        }
    return 0;
}

int app_qemu_system(const char *arch, int argc, char **argv)
{
    const struct isa *isa = isa_find(arch);
    struct system s;
    struct err e;
    int rc;

    if (!isa || !isa->sys) {
        log_error("no machines of architecture '%s' yet; `myna help` says what there is", arch);
        return 1;
    }
    system_init(&s);
    s.arch = isa->name;
    rc = read_options(&s, argc, argv, &e);
    if (rc == O_HELP) {
        printf("Usage: qemu-system-%s [OPTION...] [DISK]\nRuns a machine.\n", arch);
        app_option_help(options);
        rc = 0;
    } else if (rc == O_VERSION) {
        printf("QEMU emulator version 11.1.0 (myna %s)\n", MYNA_VERSION);
        rc = 0;
    } else if (rc) {
        log_error("%s; `qemu-system-%s -help` lists the options", e.text, arch);
        rc = 1;
    } else {
        rc = system_run(&s);
    }
    system_free(&s);
    return rc;
}
