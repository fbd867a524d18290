/*
 * What the guests share that use the kernel's generic ABI for new 64-bit architectures: numbers,
 * struct stat, struct epoll_event, struct semid64_ds. Layouts: Linux, include/uapi/asm-generic/.
 */
#ifndef MYNA_LINUX_GENERIC_H
#define MYNA_LINUX_GENERIC_H

#include <stdint.h>

enum { LX_GENERIC_NUMBERS = 450 };
extern const uint16_t lx_generic_numbers[LX_GENERIC_NUMBERS];

struct lx_stat {
    uint64_t st_dev, st_ino;
    uint32_t st_mode, st_nlink, st_uid, st_gid;
    uint64_t st_rdev, pad1;
    int64_t st_size;
    int32_t st_blksize, pad2;
    int64_t st_blocks;
    int64_t atime_sec;
    uint64_t atime_nsec;
    int64_t mtime_sec;
    uint64_t mtime_nsec;
    int64_t ctime_sec;
    uint64_t ctime_nsec;
    uint32_t unused[2];
};
_Static_assert(sizeof(struct lx_stat) == 128, "struct stat of asm-generic");

/* Not packed, unlike the host's. */
struct lx_epoll_event {
    uint32_t events, pad;
    uint64_t data;
};

struct lx_ipc_perm {
    int32_t key;
    uint32_t uid, gid, cuid, cgid, mode;
    uint16_t seq, pad;
    uint32_t pad1;
    uint64_t unused[2];
};
_Static_assert(sizeof(struct lx_ipc_perm) == 48, "struct ipc64_perm");

struct lx_semid {
    struct lx_ipc_perm perm;
    int64_t otime, ctime;
    uint64_t nsems, unused[2];
};

/* ucontext up to the registers: 176 bytes with its padding. */
struct lx_stack_t {
    uint64_t sp;
    int32_t flags, pad;
    uint64_t size;
};
struct lx_ucontext_head {
    uint64_t flags, link;
    struct lx_stack_t stack;
    uint64_t sigmask;
    uint8_t unused[120];
    uint8_t pad[8];
};
_Static_assert(sizeof(struct lx_ucontext_head) == 176, "registers follow at 176");

/* How every signal frame begins; the registers follow. */
struct lx_frame_head {
    uint8_t info[128];
    struct lx_ucontext_head uc;
};

struct lx_thread;
struct lx_siginfo;
/* signal.c: fills it for a handler, with `mask` to come back to; takes back what its handler left
 * there. */
void lx_frame_head_save(struct lx_thread *t, struct lx_frame_head *h, uint64_t sp,
                        const struct lx_siginfo *info, uint64_t mask);
void lx_frame_head_restore(struct lx_thread *t, const struct lx_frame_head *h, uint64_t *mask);

#endif
