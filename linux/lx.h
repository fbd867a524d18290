/*
 * The private contract of linux/: process, thread, personality, and what the files offer each
 * other.
 *
 * One struct lx_proc per process, one struct lx_thread per guest thread. A thread's fields are its
 * own but where said. Handlers of system calls return a value or a negative errno (of the host,
 * whose numbers the guests here share), or one of the LX_E codes below that never reach a guest.
 */
#ifndef MYNA_LINUX_LX_H
#define MYNA_LINUX_LX_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "accel/accel.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/log.h"
#include "core/cpu.h"
#include "linux/elf.h"
#include "linux/linux.h"
#include "linux/map.h"

enum {
    LX_ERESTARTSYS = 512, /* interrupted: restart if the handler has SA_RESTART, else EINTR */
    LX_NO_RESULT = 4200,  /* the handler has set the guest's registers itself */
    LX_ENOTIMPL = 4201,   /* answered with ENOSYS, and logged */
};
#define LX_PATH_MAX 4096
#define LX_NSIG     64

struct lx_proc;
struct lx_thread;

typedef int64_t lx_handler_fn(struct lx_thread *t, uint64_t *a);

/* A system call as all guests share it. */
struct lx_syscall {
    const char *name;
    const char *args;  /* a letter an argument: see strace.c; 'F' is a path that is translated */
    lx_handler_fn *fn; /* NULL: straight to the host */
    int host;          /* its number there, -1: the host has none */
    unsigned flags;
};
enum { LX_S_BLOCKS = 1 /* may sleep: signals interrupt it */ };

enum lx_syscall_id {
#define S(name, ...) LX_SYS_##name,
#define H(name, ...) LX_SYS_##name,
#include "linux/syscalls.def"
#undef S
#undef H
    LX_SYS_COUNT
};
extern const struct lx_syscall lx_syscalls[LX_SYS_COUNT];

struct lx_sigaction {
    uint64_t handler, flags, restorer, mask;
};
struct lx_sighand {
    pthread_mutex_t lock;
    struct lx_sigaction act[LX_NSIG + 1];
};

/* The kernel's siginfo_t, 128 bytes on every 64-bit guest. */
struct lx_siginfo {
    union {
        siginfo_t host;
        unsigned char raw[128];
    };
};

struct lx_altstack {
    uint64_t sp, size;
    int32_t flags;
};

/* What user mode must know of an isa: one const struct per guest, in its own file. */
struct lx_guest {
    const char *isa;
    const char *machine;
    const char *platform; /* AT_PLATFORM */
    uint16_t elf_machine;
    uint8_t insn_size;       /* of the system call instruction */
    uint8_t has_restorer;    /* struct sigaction has sa_restorer */
    const uint16_t *numbers; /* guest's number -> lx_syscall_id + 1, 0: none */
    unsigned nnumbers;
    uint32_t minsigstksz;    /* AT_MINSIGSTKSZ */
    uint32_t altstack_min;   /* the least that sigaltstack() takes */
    uint32_t const *sigcode; /* instructions of the signal return code */
    unsigned nsigcode;
    /* Turns the CPU model of the options into p->features. */
    int (*init)(struct lx_proc *p, struct err *e);
    void (*hwcap)(const struct lx_proc *p, uint64_t hwcap[2]);
    uint64_t (*syscall_nr)(struct lx_thread *t);
    void (*syscall_args)(struct lx_thread *t, uint64_t a[6]);
    void (*set_result)(struct lx_thread *t, int64_t value);
    void (*start)(struct lx_thread *t, uint64_t pc, uint64_t sp);
    uint64_t (*get_sp)(struct lx_thread *t);
    void (*set_sp)(struct lx_thread *t, uint64_t sp);
    void (*set_tls)(struct lx_thread *t, uint64_t tls);
    /* Builds the frame and enters the handler; -EFAULT: the stack is not writable. */
    int (*frame)(struct lx_thread *t, int sig, const struct lx_siginfo *info,
                 const struct lx_sigaction *act, uint64_t mask);
    /* Restores what frame() saved and gives the mask; -EFAULT: it is not readable or not valid. */
    int (*sigreturn)(struct lx_thread *t, uint64_t *mask);
    /* Flags of open(): between guest and host. */
    int (*oflags_in)(int flags);
    int (*oflags_out)(int flags);
    void (*cpuinfo)(const struct lx_proc *p, int ncpu, int fd);
    int64_t (*prctl)(struct lx_thread *t, uint64_t *a); /* those of the architecture; -EINVAL */
    lx_handler_fn *arch_syscall;       /* numbers 244..259, a[6] is the number; may be NULL */
    void (*dump)(struct lx_thread *t); /* registers into the log */
};
extern const struct lx_guest lx_guest_arm64, lx_guest_riscv64;
extern const struct lx_guest *const lx_guests[]; /* NULL-terminated */

struct lx_proc {
    const struct lx_guest *guest;
    const struct isa *isa;
    struct accel *accel;
    const struct linux_options *o;
    struct lx_map map;
    struct lx_sighand sighand;
    char *sysroot;  /* real path without trailing slash, or NULL */
    char *exe;      /* what /proc/self/exe shows */
    char *exe_host; /* where that file is on the host */
    int self_fd;    /* this executable, kept from the guest */
    bool strace;
    uint64_t brk_start, brk; /* under map.lock */
    uint64_t stack_low, stack_top, stack_start;
    uint64_t code_start, code_end, data_start, data_end;
    uint64_t arg_start, arg_end, env_start, env_end;
    uint64_t sigcode; /* where the signal return code is */
    uint64_t auxv_data[2 * 32];
    unsigned auxv_count;        /* 64-bit words */
    uint64_t rlimit_fake[2][2]; /* RLIMIT_AS, RLIMIT_DATA as the guest set them */
    bool rlimit_set[2];
    uint32_t personality;
    uint64_t features; /* of the emulated processor; the isa's numbers */
    pthread_mutex_t fork_lock;
    _Atomic int nthreads;
};

struct lx_thread {
    struct lx_proc *p;
    struct cpu *cpu;
    struct lx_sighand *sighand; /* p->sighand, or a copy in a vfork child */
    int tid;
    /* Signals: see signal.c. Written by the host handler of this thread too. */
    _Atomic int pending; /* number of the caught signal, 0: none */
    struct lx_siginfo pending_info;
    uint64_t sigmask;  /* the guest's; its bit 0 is signal 1 */
    uint64_t deferred; /* synchronous kinds that came from kill() while blocked */
    struct lx_siginfo deferred_info[5];
    struct lx_altstack altstack;
    bool restart; /* the system call may be restarted */
    bool exiting; /* the thread ends when the system call returns */
    int exit_status;
    void *host_altstack;
    uint64_t clear_child_tid, robust_list;
    uint64_t fault_address, fault_esr; /* for the frame of a synchronous signal */
    bool vfork_child;
    struct lx_path_buf {
        char text[LX_PATH_MAX], host[LX_PATH_MAX];
    } path[2];
};

/* The thread that runs here: signal handlers have no other way to know. */
extern __thread struct lx_thread *lx_self;

/* ---- loop.c ---- */
/* Runs the guest until its thread ends (t->exiting). */
void lx_loop(struct lx_thread *t);
/* ---- table.c ---- */
int64_t lx_syscall(struct lx_thread *t, uint64_t nr, uint64_t a[7]);

/* ---- host.c: system calls of the host ---- */
/* Does nothing and returns -LX_ERESTARTSYS when a signal is pending; closes the race between
 * looking and sleeping. */
int64_t lx_host_blocking(struct lx_thread *t, long nr, uint64_t a0, uint64_t a1, uint64_t a2,
                         uint64_t a3, uint64_t a4, uint64_t a5);
/* The result or a negative errno; errno is left alone. */
int64_t lx_host(long nr, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
                uint64_t a5);
#define LX_HOST_(nr, a, b, c, d, e, f, ...)                                                \
    lx_host(nr, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d), (uint64_t)(e), \
            (uint64_t)(f))
#define LX_HOST(nr, ...) LX_HOST_(nr, ##__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)
#define LX_BLOCKING_(t, nr, a, b, c, d, e, f, ...)                                      \
    lx_host_blocking(t, nr, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d), \
                     (uint64_t)(e), (uint64_t)(f))
#define LX_BLOCKING(t, nr, ...) LX_BLOCKING_(t, nr, ##__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)
/* For the host's signal handler: mends a program counter inside one of the guarded ranges. */
bool lx_host_fix_pc(uint64_t *pc, bool fault);
/* Guest memory: 0 or -EFAULT. */
int lx_get(void *to, uint64_t from, size_t size);
int lx_put(uint64_t to, const void *from, size_t size);
size_t lx_get_some(void *to, uint64_t from, size_t size); /* bytes up to the first that faults */
/* A guest string: its length, -EFAULT, or -ENAMETOOLONG. */
int64_t lx_get_string(char *to, uint64_t from, size_t size);
#define lx_get_obj(object, from) lx_get(&(object), from, sizeof(object))
#define lx_put_obj(to, object)   lx_put(to, &(object), sizeof(object))

/* ---- load.c, stack.c ---- */
struct lx_program {
    struct elf_image elf, interp;
    uint64_t base, interp_base; /* added to the addresses of the file */
    uint64_t entry;             /* where the processor starts */
    char *path;                 /* on the host */
    int argc;
    char **argv; /* after #! lines */
    char *const *envp;
    int secure;
};
int lx_load(struct lx_proc *p, struct lx_program *prog, int fd, struct err *e) must_check;
int lx_stack_make(struct lx_proc *p, struct lx_program *prog, uint64_t *sp,
                  struct err *e) must_check;

/* ---- memory.c: the guest's mappings on the host, and their record ---- */
void lx_mem_lock(struct lx_proc *p);
void lx_mem_unlock(struct lx_proc *p); /* also tells the accelerator what code changed */
/* As mmap(2), never over the program's own memory: the address or -errno. With the lock held. */
int64_t lx_mem_map(struct lx_proc *p, uint64_t addr, uint64_t len, int prot, int flags, int fd,
                   uint64_t offset);
int64_t lx_mem_unmap(struct lx_proc *p, uint64_t addr, uint64_t len);
/* Copies guest code from pc on, as far as it may be executed and its pages exist (a file may be shorter
 * than its mapping): how many of the `size` bytes that are. Locks; any thread. */
size_t lx_mem_fetch(struct lx_proc *p, uint64_t pc, void *buf, size_t size);

/* ---- path.c, procfs.c ---- */
/* Reads the guest's path and says where it is on the host: -errno or 0, *out in t->path[which]
 * (and what the guest said in t->path[which].text). A last symbolic link is not followed. */
int lx_path(struct lx_thread *t, uint64_t guest, int which, const char **out);
/* The same for a path that is known, links followed within the sysroot: returns `path` or buf. */
const char *lx_path_host(const struct lx_proc *p, const char *path, char *buf);
/* Takes the sysroot off the front of a host path, in place. */
void lx_path_guest(const struct lx_proc *p, char *path);
/* What a path under /proc means for this process: the rest after "/proc/self/", or NULL. */
const char *lx_proc_self(const char *path);
/* A descriptor of a made-up file, -errno, or 1: the host's own will do. */
int lx_proc_open(struct lx_thread *t, const char *path, int flags);
/* The length of the link, -errno, or 0: the host's own will do. */
int64_t lx_proc_readlink(struct lx_thread *t, const char *path, char *buf, size_t size);

/* ---- signal.c ---- */
#define LX_SIG_BIT(sig) (UINT64_C(1) << ((sig)-1))
int lx_signal_init(struct lx_thread *t, struct err *e) must_check; /* main thread */
int lx_signal_thread_init(struct lx_thread *t);                    /* others; signals are blocked */
void lx_signal_thread_exit(struct lx_thread *t);
void lx_signal_deliver(struct lx_thread *t);
void lx_signal_set_mask(struct lx_thread *t, uint64_t mask);
uint64_t lx_signal_block_all(void); /* returns the host's old mask */
void lx_signal_host_mask(uint64_t mask);
uint64_t lx_signal_host_bits(uint64_t guest); /* what of a mask the host may block */
/* A fault of the guest's own instruction: delivered at once, kills when blocked or ignored. */
void lx_signal_fault(struct lx_thread *t, int sig, int code, uint64_t addr, uint64_t esr);
int lx_signal_action(struct lx_thread *t, int sig, const struct lx_sigaction *new,
                     struct lx_sigaction *old);
no_return void lx_signal_die(int sig);
/* Where a handler's frame starts, given the stack pointer. */
uint64_t lx_signal_stack(const struct lx_thread *t, const struct lx_sigaction *act, uint64_t sp);
void lx_signal_before_exec(struct lx_thread *t, bool undo);

/* ---- thread.c ---- */
struct lx_thread *lx_thread_new(struct lx_proc *p, struct cpu *cpu);
no_return void lx_group_exit(int code);
/* After lx_loop(): what the kernel does when a thread goes away. */
void lx_thread_finish(struct lx_thread *t);

/* ---- strace.c ---- */
struct str;
void lx_strace_enter(struct lx_thread *t, const struct lx_syscall *s, const uint64_t *a,
                     struct str *out);
void lx_strace_leave(struct lx_thread *t, const struct lx_syscall *s, const uint64_t *a, int64_t r,
                     struct str *out);
const char *lx_signal_name(int sig, char buf[16]);

/* ---- fd.c ---- */
bool lx_fd_is_ours(const struct lx_proc *p, int fd);
int lx_fd_raise(int fd); /* to a high number, closed on exec */

/* Handlers of the table. */
#define S(name, ...)
#define H(name, args, flags) lx_handler_fn lx_sys_##name;
#include "linux/syscalls.def"
#undef S
#undef H

#endif
