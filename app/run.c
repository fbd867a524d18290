/*
 * `myna run WHAT`: starts an operating system with defaults that work. Owns the guessing: of the architecture, and of
 * what a file is.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/system.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "blk/blk.h"
#include "core/prop.h"
#include "machine/machine.h"

enum option { R_HELP, R_INITRD, R_APPEND, R_CPUS, R_MEMORY, R_ARCH, R_DISK, R_FORWARD, R_SHARE, R_SNAPSHOT, R_NO_NET,
              R_NAME, R_FIRMWARE, R_CPU, R_LOG, R_LOGFILE, R_GDB, R_PAUSED, R_DEVICE, R_TIER,
              R_TRACE, R_VARIABLES, R_UUID };

static const struct app_option options[] = {
    {"--initrd", "FILE", R_INITRD, "initial RAM disk of a kernel"},
    {"--append", "TEXT", R_APPEND, "the kernel's command line, added to console=..."},
    {"--disk", "FILE", R_DISK, "one more disk"},
    {"--cpus", "N", R_CPUS, "processors; default: 2"},
    {"--memory", "SIZE", R_MEMORY, "RAM; default: 1G"},
    {"--forward", "[HOST:]PORT:GUESTPORT", R_FORWARD, "let the host's port reach the guest's"},
    {"--share", "FOLDER", R_SHARE, "share a folder (9p, tag `share`)"},
    {"--no-network", NULL, R_NO_NET, "no network"},
    {"--snapshot", NULL, R_SNAPSHOT, "writes to disks are lost at the end"},
    {"--firmware", "FILE", R_FIRMWARE, "firmware; default for disks: Debian's EDK2"},
    {"--variables", "FILE", R_VARIABLES, "what the firmware keeps; default for disks: DISK.efivars beside it; none: forget"},
    {"--arch", "NAME", R_ARCH, "architecture, where the file does not tell"},
    {"--cpu", "MODEL", R_CPU, "processor model"},
    {"--device", "DRIVER,...", R_DEVICE, "one more device"},
    {"--name", "NAME", R_NAME, "what `myna ctl` calls the machine"},
    {"--uuid", "UUID", R_UUID, "the machine's UUID, as firmware tells it to the guest"},
    {"--gdb", "PORT", R_GDB, "GDB server"},
    {"--paused", NULL, R_PAUSED, "wait for the debugger or `myna ctl NAME cont`"},
    {"--tier", "N", R_TIER, "0: interpret, 1: translate quickly, 2: optimise hot code (default)"},
    {"-d", "CATEGORIES", R_LOG, "log these; -d list shows them"},
    {"--trace", "PATTERN", R_TRACE, "trace points of devices, such as 'virtio_blk*'; --trace help lists them"},
    {"-D", "FILE", R_LOGFILE, "log into a file"},
    {"-h", NULL, R_HELP, "this help"},
    {NULL, NULL, 0, NULL},
};

static const char *const firmware_places[] = {
    "/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd",
    "/usr/share/edk2/aarch64/QEMU_EFI.fd", NULL};

enum what { IS_DISK, IS_KERNEL };
enum { FLASH_BANK = 64 << 20 };

/* An arm64 kernel, packed or not, or else a disk. */
static int look(const char *path, enum what *what, struct err *e)
{
    unsigned char head[64] = {0};
    FILE *f = fopen(path, "re");

    if (!f)
        return err_set(e, errno, "cannot open '%s'", path);
    if (!fread(head, 1, sizeof(head), f)) {
        fclose(f);
        return err_text(e, EINVAL, "'%s' is empty", path);
    }
    fclose(f);
    *what = IS_DISK;
    if (!memcmp(head + 0x38, "ARM\x64", 4) || !memcmp(head, "\x1f\x8b", 2) ||
        (!memcmp(head, "MZ", 2) && !memcmp(head + 4, "zimg", 4)))
        *what = IS_KERNEL;
    return 0;
}

struct choice { /* what the words said, until it is put together */
    const char *what, *firmware, *variables, *append;
    struct str forwards;
    bool network;
};

static int add_firmware(struct system *s, const char *path, struct err *e)
{
    for (const char *const *p = firmware_places; !path && *p; p++)
        if (!access(*p, R_OK))
            path = *p;
    if (!path)
        return err_text(e, ENOENT, "a disk needs firmware to start it: `apt-get install qemu-efi-aarch64`, or --firmware FILE");
    json_object_set_new(s->conf, "bios", json_string(path));
    return 0;
}

/* Makes the file when it is not there: a flash bank as it is delivered. Firmware formats it. */
static int make_variables(const char *path, struct err *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    int rc = 0;

    if (fd < 0)
        return errno == EEXIST ? 0 : err_set(e, errno, "cannot make '%s'", path);
    if (ftruncate(fd, FLASH_BANK)) {
        rc = err_set(e, errno, "cannot make '%s'", path);
        unlink(path);
    }
    close(fd);
    return rc;
}

/* Firmware's variables (boot entries, keys) in the second flash bank. The file stands beside the disk, because it belongs to
 * what is installed there, and moves with it; where none can be made the machine starts without. Firmware of the
 * user's choice may keep something else there: only in a file that is named. */
static int add_variables(struct system *s, const struct choice *c, struct err *e)
{
    struct str path = {0};
    struct stat disk;
    int rc = 0;

    if (c->variables ? !strcmp(c->variables, "none") : c->firmware || stat(c->what, &disk) || !S_ISREG(disk.st_mode))
        return 0;
    str_printf(&path, c->variables ? "%s" : "%s.efivars", c->variables ? c->variables : c->what);
    if (!s->snapshot || c->variables)
        rc = make_variables(str_text(&path), e);
    if (!rc && access(str_text(&path), F_OK))
        rc = s->snapshot && !c->variables ? 1 : err_set(e, errno, "cannot open '%s'", str_text(&path));
    if (rc < 0 && !c->variables)
        log_warn("the firmware's variables are not kept: %s; --variables FILE names another place", e->text);
    if (rc) {
        str_free(&path);
        return c->variables ? rc : 0;
    }
    if (access(str_text(&path), W_OK)) {
        log_warn("changes of the firmware's variables are not kept: '%s' cannot be written", str_text(&path));
        rc = system_disk(s, str_text(&path), "if=pflash,unit=1,format=raw,snapshot=on", e);
    } else {
        rc = system_disk(s, str_text(&path), "if=pflash,unit=1,format=raw", e);
    }
    str_free(&path);
    return rc;
}

/* "2222:22" or "127.0.0.1:2222:22" */
static int add_forward(struct choice *c, const char *text, struct err *e)
{
    const char *last = strrchr(text, ':');
    size_t head = last ? (size_t)(last - text) : 0;
    const char *host = memchr(text, ':', head) ? "" : "127.0.0.1:";

    if (!last || !head || !last[1])
        return err_text(e, EINVAL, "--forward %s: it is PORT:GUESTPORT, such as 2222:22", text);
    str_printf(&c->forwards, ",hostfwd=tcp:%s%.*s-:%s", host, (int)head, text, last + 1);
    return 0;
}

static int act(struct system *s, struct choice *c, enum option id, const char *v, struct err *e)
{
    unsigned long long n;
    uint64_t size;
    struct str text = {0};
    int rc = 0;

    switch (id) {
    case R_INITRD: json_object_set_new(s->conf, "initrd", json_string(v)); break;
    case R_APPEND: c->append = v; break;
    case R_DISK: return system_disk(s, v, "if=virtio,discard=unmap", e);
    case R_CPUS:
        rc = app_number(v, &n, e);
        json_object_set_new(s->conf, "smp", json_integer((json_int_t)n));
        break;
    case R_MEMORY:
        rc = prop_parse_size(v, 1 << 20, &size, e);
        json_object_set_new(s->conf, "memory", json_integer((json_int_t)size));
        break;
    case R_FORWARD: return add_forward(c, v, e);
    case R_SHARE:
        str_printf(&text, "local,mount_tag=share,security_model=none,path=%s", v);
        rc = system_virtfs(s, str_text(&text), true, e);
        str_free(&text);
        break;
    case R_NO_NET: c->network = false; break;
    case R_SNAPSHOT: s->snapshot = true; break;
    case R_FIRMWARE: c->firmware = v; break;
    case R_VARIABLES: c->variables = v; break;
    case R_ARCH: s->arch = v; break;
    case R_CPU: json_object_set_new(s->conf, "cpu", json_string(v)); break;
    case R_DEVICE: return system_device(s, v, e);
    case R_NAME: json_object_set_new(s->conf, "name", json_string(v)); break;
    case R_UUID: json_object_set_new(s->conf, "uuid", json_string(v)); break;
    case R_GDB:
        str_printf(&text, strchr(v, ':') ? "%s" : "tcp::%s", v);
        free(s->gdb);
        s->gdb = mem_strdup(str_text(&text));
        str_free(&text);
        break;
    case R_PAUSED: json_object_set_new(s->conf, "start-paused", json_true()); break;
    case R_TIER:
        rc = app_number(v, &n, e);
        json_object_set_new(system_dict(s, "accel"), "tier", json_integer((json_int_t)n));
        break;
    case R_LOG:
        return system_log(v, e);
    case R_TRACE: return system_trace(v, e);
    case R_LOGFILE: return log_open(v, e);
    case R_HELP: break;
    }
    return rc;
}

static int put_together(struct system *s, struct choice *c, struct err *e)
{
    struct str text = {0};
    enum what what = IS_DISK;
    int rc = look(c->what, &what, e);

    if (rc)
        return rc;
    json_object_set_new(system_dict(s, "machine"), "type", json_string("virt"));
    if (!json_object_get(s->conf, "smp"))
        json_object_set_new(s->conf, "smp", json_integer(2));
    if (what == IS_KERNEL) {
        json_object_set_new(s->conf, "kernel", json_string(c->what));
        str_printf(&text, "console=ttyAMA0%s%s", c->append ? " " : "", c->append ? c->append : "");
        json_object_set_new(s->conf, "append", json_string(str_text(&text)));
        str_clear(&text);
    } else {
        if (c->append)
            rc = err_text(e, EINVAL, "--append is for kernels; '%s' is a disk, whose boot loader has the command line",
                          c->what);
        if (!rc)
            rc = system_disk(s, c->what, "if=virtio,discard=unmap", e);
        if (!rc)
            rc = add_firmware(s, c->firmware, e);
        if (!rc)
            rc = add_variables(s, c, e);
    }
    if (!rc && c->network) {
        str_printf(&text, "user%s", str_text(&c->forwards));
        rc = system_nic(s, str_text(&text), e);
    }
    str_free(&text);
    s->no_net |= !c->network;
    s->nographic = true;
    return rc;
}

/* 0: run it; 1: only the help was wanted. */
static int read_words(struct system *s, struct choice *c, int argc, char **argv, struct err *e)
{
    for (int i = 1; i < argc; i++) {
        const char *value;
        const struct app_option *o;

        if (argv[i][0] != '-') {
            if (c->what)
                return err_text(e, EINVAL, "one thing to run at a time: '%s' or '%s' (more disks: --disk)", c->what,
                                argv[i]);
            c->what = argv[i];
            continue;
        }
        o = app_option_find(options, argv[i], &value);
        if (!o)
            return app_option_unknown(e, options, argv[i]);
        if (o->id == R_HELP)
            return 1;
        if (o->argument && !value) {
            if (i + 1 == argc)
                return err_text(e, EINVAL, "option %s needs %s behind it", o->name, o->argument);
            value = argv[++i];
        }
        if (act(s, c, (enum option)o->id, value, e))
            return -EINVAL;
    }
    if (!c->what)
        return err_text(e, EINVAL, "nothing to run: give a disk image or a kernel");
    return put_together(s, c, e);
}

int app_run(int argc, char **argv)
{
    struct choice c = {.network = true};
    struct system s;
    struct err e;
    int rc;

    system_init(&s);
    rc = read_words(&s, &c, argc, argv, &e);
    if (rc < 0) {
        log_error("%s; `myna run -h` lists the options", e.text);
        rc = 2;
    } else if (rc == 1) {
        puts("Usage: myna run [OPTION...] WHAT\n"
             "Starts an operating system: a disk image, or a kernel. Ctrl-A x ends it, Ctrl-A h helps.\n");
        app_option_help(options);
        rc = 0;
    } else {
        rc = system_run(&s);
    }
    str_free(&c.forwards);
    system_free(&s);
    return rc;
}
