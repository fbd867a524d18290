/*
 * `myna doctor`: what works on this host, and the command that mends what does not. Must only look.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/app.h"
#include "base/log.h"
#include "linux/linux.h"
#include "os/code.h"
#include "os/cpu.h"

struct report {
    int problems;
};

static void good(const char *what, const char *detail)
{
    printf("  ok    %s%s%s\n", what, detail ? ": " : "", detail ? detail : "");
}

static void bad(struct report *r, const char *what, const char *mend)
{
    printf("  MEND  %s\n        %s\n", what, mend);
    r->problems++;
}

static void note(const char *what, const char *mend)
{
    printf("  note  %s\n        %s\n", what, mend);
}

static long read_number(const char *path)
{
    char text[32] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    long number = -1;

    if (fd >= 0) {
        if (read(fd, text, sizeof(text) - 1) > 0)
            number = strtol(text, NULL, 10);
        close(fd);
    }
    return number;
}

static void check_programs(struct report *r)
{
    struct linux_guest g;
    struct os_code code;
    struct err e;
    char list[256] = "";

    puts("Programs of other architectures (myna exec):");
    for (unsigned i = 0; linux_guest_info(i, &g); i++) {
        strcat(list, i ? ", " : "");
        strcat(list, g.machine);
    }
    good("architectures", list);
    if (sysconf(_SC_PAGESIZE) == 4096)
        good("pages of 4096 bytes", NULL);
    else
        bad(r, "the host's pages are not 4096 bytes", "boot a kernel with pages of 4 KB");
    if (os_code_new(&code, 1 << 20, &e) == 0) {
        good("memory for translated code", code.near ? "near" : "far (slower)");
        os_code_free(&code);
    } else {
        bad(r, e.text,
            "a security policy forbids generated code: allow memfd_create and PROT_EXEC,"
            " or use -tier 0 (slow)");
    }
    if (read_number("/proc/sys/vm/mmap_min_addr") > 65536)
        note("vm.mmap_min_addr is high: some programs want low addresses",
             "sudo sysctl vm.mmap_min_addr=65536");
    if (read_number("/proc/sys/vm/overcommit_memory") == 2)
        note("vm.overcommit_memory is 2: programs that reserve much memory (Go, Java, node) may "
             "fail",
             "sudo sysctl vm.overcommit_memory=0");
}

static void check_processor(void)
{
    struct os_cpu cpu;
    char text[512];

    os_cpu_detect(&cpu);
    os_cpu_describe(&cpu, text, sizeof(text));
    good("processor features", text);
    if (!os_cpu_has(&cpu, OS_CPU_AVX2))
        note("no AVX2: vector code of guests is slower", "nothing to do on this processor");
}

static void check_sysroot(void)
{
    const char *root = getenv("MYNA_SYSROOT");
    struct stat st;

    if (!root)
        root = getenv("QEMU_LD_PREFIX");
    if (root && stat(root, &st) == 0 && S_ISDIR(st.st_mode))
        good("libraries of the guest are looked up in", root);
    else if (root)
        note("MYNA_SYSROOT names no folder", "export MYNA_SYSROOT=/path/to/the/guest's/root");
    else
        note("no MYNA_SYSROOT: only static programs find all they need",
             "export MYNA_SYSROOT=/usr/aarch64-linux-gnu   (package libc6-arm64-cross)");
}

static void check_binfmt(void)
{
    struct linux_guest g;
    char path[128];

    puts("Running them by name (binfmt_misc):");
    if (access("/proc/sys/fs/binfmt_misc/register", F_OK) < 0) {
        note("binfmt_misc is not mounted",
             "sudo mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc");
        return;
    }
    for (unsigned i = 0; linux_guest_info(i, &g); i++) {
        snprintf(path, sizeof(path), "/proc/sys/fs/binfmt_misc/myna-%s", g.machine);
        if (access(path, F_OK) == 0)
            good("registered", g.machine);
        else
            note(g.machine, "not registered: sudo myna register --install");
    }
}

static void check_kvm(void)
{
    puts("Virtual machines (KVM):");
    if (access("/dev/kvm", R_OK | W_OK) == 0)
        good("/dev/kvm may be used", NULL);
    else if (errno == ENOENT)
        note(
            "there is no /dev/kvm: user mode does not need it",
            "enable virtualization in the firmware, then: sudo modprobe kvm_intel || sudo modprobe "
            "kvm_amd");
    else
        note("/dev/kvm is there, but not for you", "sudo usermod -aG kvm $USER, then log in again");
}

int app_doctor(int argc, char **argv)
{
    struct report r = {0};

    if (argc > 1) {
        bool wants_help = !strcmp(argv[1], "-h") || !strcmp(argv[1], "--help");

        puts(
            "Usage: myna doctor\nSays what works on this host. Exit status 1: something does not.");
        return wants_help ? 0 : 2;
    }
    check_programs(&r);
    check_processor();
    check_sysroot();
    check_binfmt();
    check_kvm();
    return r.problems ? 1 : 0;
}
