/* What a program sees of itself: /proc/self, the auxiliary vector, its stack, its names. */
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "check.h"

extern char **environ;

static void auxv(void)
{
    unsigned long file[128] = {0};
    int fd = open("/proc/self/auxv", O_RDONLY), found = 0;
    ssize_t got = read(fd, file, sizeof(file));

    for (ssize_t i = 0; i + 1 < got / (ssize_t)sizeof(long); i += 2)
        if (file[i] == AT_PHDR)
            found = file[i + 1] == getauxval(AT_PHDR);
    printf("auxv %d page %lu\n", found, getauxval(AT_PAGESZ));
    CHECK(getauxval(AT_RANDOM) != 0 && getauxval(AT_ENTRY) != 0 && getauxval(AT_HWCAP) != 0);
    CHECK(getauxval(AT_UID) == getuid() && getauxval(AT_SECURE) == 0);
    CHECK(getauxval(AT_EXECFN) && strstr((char *)getauxval(AT_EXECFN), "self"));
    CHECK(((ElfW(Phdr) *)getauxval(AT_PHDR))->p_type != PT_NULL);
    close(fd);
}

static void command_line(int argc, char **argv)
{
    char text[4096], *at = text;
    int fd = open("/proc/self/cmdline", O_RDONLY);
    ssize_t got = read(fd, text, sizeof(text));

    for (int i = 0; i < argc && at < text + got; i++) {
        CHECK(!strcmp(at, argv[i]));
        at += strlen(at) + 1;
    }
    printf("cmdline %d\n", at == text + got);
    close(fd);
}

static void maps(void)
{
    FILE *f = fopen("/proc/self/maps", "r");
    unsigned long start, end, here = (unsigned long)&start, last = 0;
    char line[1024], perm[8];
    int stack = 0, code = 0, order = 1, foreign = 0, heap = 0;
    void *block = malloc(100);

    while (fgets(line, sizeof(line), f)) {
        CHECK(sscanf(line, "%lx-%lx %7s", &start, &end, perm) == 3);
        order &= start >= last;
        last = end;
        if (strstr(line, "[stack]"))
            stack = here >= start && here < end;
        if (perm[2] == 'x' && (unsigned long)maps >= start && (unsigned long)maps < end)
            code = strstr(line, "self") != NULL;
        if (strstr(line, "[heap]"))
            heap = (unsigned long)block >= start && (unsigned long)block < end;
        foreign |= strstr(line, "/myna") != NULL;
    }
    printf("maps: order %d stack %d code %d heap %d foreign %d\n", order, stack, code, heap,
           foreign);
    fclose(f);
}

static void stat_file(void)
{
    char text[2048] = "", *at;
    volatile unsigned hot = 0;
    int fd, field = 3;
    unsigned long here = (unsigned long)&field;

    while (hot < 1000000) /* a translator may start threads of its own now */
        hot++;
    fd = open("/proc/self/stat", O_RDONLY);
    CHECK(read(fd, text, sizeof(text) - 1) > 0);
    close(fd);
    CHECK(atoi(text) == getpid());
    at = strrchr(text, ')') + 2;
    for (; field < 20; field++)
        at = strchr(at, ' ') + 1;
    printf("threads: %ld\n", strtol(at, NULL, 10));
    for (; field < 28; field++) /* field 28 is where the stack starts */
        at = strchr(at, ' ') + 1;
    printf("stack start: %d\n",
           strtoul(at, NULL, 10) > here && strtoul(at, NULL, 10) - here < 1 << 20);
}

static void stack_size(void)
{
    pthread_attr_t attr;
    size_t size;
    void *low;

    CHECK(pthread_getattr_np(pthread_self(), &attr) == 0);
    CHECK(pthread_attr_getstack(&attr, &low, &size) == 0);
    printf("stack holds a variable: %d\n",
           (char *)&attr > (char *)low && (char *)&attr < (char *)low + size);
}

int main(int argc, char **argv)
{
    char exe[512] = "", exe2[512] = "", link[64], cpu[32] = "";
    struct utsname u;
    FILE *f;

    CHECK(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
    snprintf(link, sizeof(link), "/proc/%d/exe", (int)getpid());
    CHECK(readlink(link, exe2, sizeof(exe2) - 1) > 0);
    printf("exe %s %d\n", strrchr(exe, '/'), !strcmp(exe, exe2));
    CHECK(access("/proc/self/exe", X_OK) == 0);
    auxv();
    command_line(argc, argv);
    maps();
    stat_file();
    stack_size();
    CHECK(uname(&u) == 0);
    f = fopen("/proc/cpuinfo", "r");
    CHECK(fgets(cpu, sizeof(cpu), f) != NULL);
    printf("cpuinfo %.9s\n", cpu);
    CHECK(getenv("PATH") != NULL);
    CHECK((unsigned long)environ > (unsigned long)argv);
    return argc;
}
