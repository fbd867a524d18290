/*
 * Owns the making of the process: options to a loaded program whose first thread runs.
 * Must not parse a command line (app/ does).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/exec.h"

enum { HEAD_SIZE = 256, SCRIPT_DEPTH = 5 };

const struct lx_guest *const lx_guests[] = {&lx_guest_arm64, &lx_guest_riscv64, NULL};

bool linux_guest_info(unsigned i, struct linux_guest *g)
{
    if (i >= array_size(lx_guests) - 1)
        return false;
    memset(g, 0, sizeof(*g));
    g->isa = lx_guests[i]->isa;
    g->machine = lx_guests[i]->machine;
    g->elf_machine = lx_guests[i]->elf_machine;
    memcpy(g->magic, "\177ELF\2\1\1", 7); /* 64 bits, little-endian, version */
    memset(g->mask, 0xff, sizeof(g->mask));
    g->mask[7] = 0; /* OS ABI: programs that use GNU extensions say 3 */
    g->magic[16] = 2;
    g->mask[16] = 0xfe; /* ET_EXEC or ET_DYN */
    g->magic[18] = (unsigned char)g->elf_machine;
    g->magic[19] = (unsigned char)(g->elf_machine >> 8);
    return true;
}

static const struct lx_guest *find_guest(const struct isa *isa)
{
    for (unsigned i = 0; lx_guests[i]; i++)
        if (!strcmp(lx_guests[i]->isa, isa->name))
            return lx_guests[i];
    return NULL;
}

static int open_program(const struct lx_proc *p, const char *name, char *path, struct err *e)
{
    char buf[LX_PATH_MAX];
    struct stat st;
    int fd;

    snprintf(path, LX_PATH_MAX, "%s", lx_path_host(p, name, buf));
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set(e, errno, "cannot run %s", name);
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        close(fd);
        return err_text(e, EISDIR, "cannot run %s: it is a folder", name);
    }
    return fd;
}

/* Programs without execute permission run too, as qemu-user does: only folders do not. */
struct opened {
    char path[LX_PATH_MAX];
    char names[SCRIPT_DEPTH][2][HEAD_SIZE + 1];
    struct exec_vector argv;
};

static void put_words(struct opened *o, const char *interp, const char *arg, const char *script)
{
    if (o->argv.len == 0)
        vec_push(&o->argv, (char *)interp);
    o->argv.data[0] = (char *)interp;
    vec_insert(&o->argv, 1, (char *)script);
    if (*arg)
        vec_insert(&o->argv, 1, (char *)arg);
}

/* Opens the program, through #! lines. */
static int resolve(const struct lx_proc *p, struct opened *o, struct err *e)
{
    const char *name = p->o->program;
    uint8_t head[HEAD_SIZE + 1];
    ssize_t got;
    int fd = p->o->execfd;

    snprintf(o->path, sizeof(o->path), "%s", name);
    for (int depth = 0; depth <= SCRIPT_DEPTH; depth++) {
        if (fd < 0 || depth > 0)
            fd = open_program(p, name, o->path, e);
        if (fd < 0)
            return fd;
        got = pread(fd, head, HEAD_SIZE, 0);
        head[max_of(got, (ssize_t)0)] = '\0';
        switch (lx_exec_kind(head, (size_t)max_of(got, (ssize_t)0))) {
        case LX_PROGRAM_SCRIPT:
            if (depth == SCRIPT_DEPTH || !lx_exec_script((const char *)head, (size_t)got,
                                                         o->names[depth][0], o->names[depth][1])) {
                close(fd);
                return err_text(e, ENOEXEC, "%s: the #! line makes no sense", name);
            }
            put_words(o, o->names[depth][0], o->names[depth][1], name);
            name = o->names[depth][0];
            close(fd);
            break;
        default:
            return fd;
        }
    }
    return err_text(e, ELOOP, "%s: scripts nest too deep", name);
}

static int find_isa(struct lx_proc *p, int fd, const char *path, struct err *e)
{
    uint8_t head[64];
    uint16_t machine;
    int bits, big;
    char buf[32];
    ssize_t got = pread(fd, head, sizeof(head), 0);

    if (got <= 0 || !elf_identify(head, (size_t)got, &machine, &bits, &big))
        return err_text(e, ENOEXEC, "%s is neither an ELF program nor a script", path);
    p->isa = p->o->isa ? p->o->isa : isa_find_elf(machine, bits, big);
    p->guest = p->isa ? find_guest(p->isa) : NULL;
    if (!p->guest)
        return err_text(e, ENOEXEC, "%s is a %d-bit %s program%s", path, bits,
                        elf_machine_name(machine, buf),
                        machine == 62 || machine == 3
                            ? " for this computer: run it without myna"
                            : ", which this build cannot run (`myna doctor` lists what it can)");
    return 0;
}

static size_t fetch(void *opaque, uint64_t pc, void *buf, size_t size)
{
    return lx_mem_fetch(opaque, pc, buf, size);
}

static void set_names(struct lx_proc *p, const char *path, int fd)
{
    char link[32], real[PATH_MAX];
    const char *base;
    ssize_t length;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    length = readlink(link, real, sizeof(real) - 1);
    if (length > 0)
        real[length] = '\0';
    else if (!realpath(path, real))
        snprintf(real, sizeof(real), "%s", path);
    p->exe_host = mem_strdup(real);
    lx_path_guest(p, real);
    p->exe = mem_strdup(real);
    base = strrchr(real, '/');
    prctl(PR_SET_NAME, base ? base + 1 : real);
}

/* A descriptor of this executable for execve(), which works without /proc and in a chroot. */
static int open_self(void)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), high;

    if (fd < 0)
        return -1;
    high = lx_fd_raise(fd);
    return high >= 0 ? high : fd;
}

static int init_proc(struct lx_proc *p, const struct linux_options *o, struct err *e)
{
    pthread_mutexattr_t attr;
    char *root;

    p->o = o;
    p->strace = o->strace;
    lx_map_init(&p->map);
    pthread_mutexattr_init(&attr);
    pthread_mutex_init(&p->sighand.lock, &attr);
    pthread_mutexattr_destroy(&attr);
    p->nthreads = 1;
    p->personality = (uint32_t)personality(0xffffffff);
    if (o->sysroot && *o->sysroot) {
        root = realpath(o->sysroot, NULL);
        if (!root)
            return err_set(e, errno, "sysroot %s", o->sysroot);
        if (strcmp(root, "/") != 0)
            p->sysroot = root;
        else
            free(root);
    }
    return 0;
}

static struct lx_thread *first_thread(struct lx_proc *p, const struct lx_program *prog, uint64_t sp,
                                      struct err *e)
{
    struct accel_code_source source = {fetch, p};
    struct lx_thread *t = lx_thread_new(p, cpu_new(p->isa));

    t->tid = gettid();
    if (lx_signal_init(t, e) < 0 || accel_new(&p->accel, p->isa, &p->o->accel, &source, e) < 0 ||
        accel_attach(p->accel, t->cpu, e) < 0)
        return NULL;
    p->guest->start(t, prog->entry, sp);
    return t;
}

int linux_exec(const struct linux_options *o, struct err *e)
{
    struct lx_program *prog = mem_new(struct lx_program);
    struct lx_proc *p = mem_new(struct lx_proc);
    struct opened *opened = mem_new(struct opened);
    struct lx_thread *t;
    uint64_t sp;
    int fd, ret;

    ret = init_proc(p, o, e);
    if (ret < 0)
        return ret;
    for (char *const *word = o->argv; *word; word++)
        vec_push(&opened->argv, *word);
    fd = resolve(p, opened, e);
    if (fd < 0)
        return fd;
    vec_push(&opened->argv, NULL);
    ret = find_isa(p, fd, opened->path, e);
    if (ret == 0)
        ret = p->guest->init(p, e);
    if (ret < 0)
        return ret;
    set_names(p, opened->path, fd);
    prog->path = opened->path;
    prog->argv = opened->argv.data;
    prog->envp = o->envp;
    prog->secure = getauxval(AT_SECURE) != 0;
    ret = lx_load(p, prog, fd, e);
    close(fd);
    if (ret == 0) {
        p->self_fd = open_self();
        ret = lx_stack_make(p, prog, &sp, e);
    }
    if (ret < 0)
        return ret;
    t = first_thread(p, prog, sp, e);
    if (!t)
        return -e->code;
    free(prog);
    vec_free(&opened->argv);
    free(opened);
    lx_loop(t);
    lx_thread_finish(t);
    return 0;
}
