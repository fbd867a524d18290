/*
 * Owns the three pieces of code that a signal may interrupt and must be able to mend: sleeping
 * system calls, and copies to and from guest memory. Everything is x86-64; another host adds its
 * own file. Must not know what the calls are for.
 */
#include "linux/lx.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The handler moves a thread that is between `start` and `call` to `abort`, one whose copy faulted
 * to the copy's own exit. */
extern char lx_sc_start[], lx_sc_call[], lx_sc_abort[];
extern char lx_copy_start[], lx_copy_end[], lx_copy_fault[];

/* long lx_sc(_Atomic int *pending, long nr, const uint64_t args[6]) */
extern long lx_sc(_Atomic int *pending, long nr, const uint64_t *args);
/* size_t lx_copy(void *to, const void *from, size_t size): bytes left, 0: all done */
extern size_t lx_copy(void *to, const void *from, size_t size);

__asm__(".text\n"
        ".globl lx_sc\n"
        ".type lx_sc, @function\n"
        "lx_sc:\n"
        "    .cfi_startproc\n"
        "    push %rbx\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    .cfi_rel_offset %rbx, 0\n"
        "    mov %rdi, %rbx\n"
        "    mov %rsi, %rax\n"
        "    mov %rdx, %r11\n"
        "    mov 0(%r11), %rdi\n"
        "    mov 8(%r11), %rsi\n"
        "    mov 16(%r11), %rdx\n"
        "    mov 24(%r11), %r10\n"
        "    mov 32(%r11), %r8\n"
        "    mov 40(%r11), %r9\n"
        "lx_sc_start:\n"
        "    cmpl $0, (%rbx)\n"
        "    jne lx_sc_abort\n"
        "lx_sc_call:\n"
        "    syscall\n"
        "    pop %rbx\n"
        "    .cfi_remember_state\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    .cfi_restore %rbx\n"
        "    ret\n"
        "    .cfi_restore_state\n"
        "lx_sc_abort:\n"
        "    mov $-512, %rax\n"
        "    pop %rbx\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    .cfi_restore %rbx\n"
        "    ret\n"
        "    .cfi_endproc\n"
        ".size lx_sc, .-lx_sc\n"
        ".globl lx_copy\n"
        ".type lx_copy, @function\n"
        "lx_copy:\n"
        "    .cfi_startproc\n"
        "    mov %rdx, %rcx\n"
        "lx_copy_start:\n"
        "    rep movsb\n"
        "lx_copy_end:\n"
        "lx_copy_fault:\n"
        "    mov %rcx, %rax\n"
        "    ret\n"
        "    .cfi_endproc\n"
        ".size lx_copy, .-lx_copy\n");

_Static_assert(LX_ERESTARTSYS == 512, "lx_sc_abort returns it");

int64_t lx_host_blocking(struct lx_thread *t, long nr, uint64_t a0, uint64_t a1, uint64_t a2,
                         uint64_t a3, uint64_t a4, uint64_t a5)
{
    const uint64_t args[6] = {a0, a1, a2, a3, a4, a5};

    return lx_sc(&t->pending, nr, args);
}

int64_t lx_host(long nr, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
                uint64_t a5)
{
    register uint64_t r10 __asm__("r10") = a3;
    register uint64_t r8 __asm__("r8") = a4;
    register uint64_t r9 __asm__("r9") = a5;
    int64_t result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"(nr), "D"(a0), "S"(a1), "d"(a2), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

bool lx_host_fix_pc(uint64_t *pc, bool fault)
{
    if (fault) {
        if (*pc < (uint64_t)lx_copy_start || *pc >= (uint64_t)lx_copy_end)
            return false;
        *pc = (uint64_t)lx_copy_fault; /* rcx says how much is left */
        return true;
    }
    if (*pc < (uint64_t)lx_sc_start || *pc > (uint64_t)lx_sc_call)
        return false;
    *pc = (uint64_t)lx_sc_abort;
    return true;
}

int lx_get(void *to, uint64_t from, size_t size)
{
    return lx_copy(to, (const void *)from, size) ? -EFAULT : 0;
}

size_t lx_get_some(void *to, uint64_t from, size_t size)
{
    return size - lx_copy(to, (const void *)from, size);
}

int lx_put(uint64_t to, const void *from, size_t size)
{
    return lx_copy((void *)to, from, size) ? -EFAULT : 0;
}

int64_t lx_get_string(char *to, uint64_t from, size_t size)
{
    size_t done = 0;

    while (done < size) {
        size_t chunk = LX_PAGE_SIZE - ((from + done) & LX_PAGE_MASK), got;
        const char *end;

        chunk = min_of(chunk, (size_t)128);
        chunk = min_of(chunk, size - done);
        got = chunk - lx_copy(to + done, (const void *)(from + done), chunk);
        end = memchr(to + done, '\0', got);
        if (end)
            return end - to;
        if (got < chunk)
            return -EFAULT;
        done += chunk;
    }
    return -ENAMETOOLONG;
}
