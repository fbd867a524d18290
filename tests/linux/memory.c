/* mmap and its kin, the break, and what /proc/self/maps tells. */
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define PAGE 4096ul
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

static int perms(void *at, char *out)
{
    FILE *f = fopen("/proc/self/maps", "r");
    unsigned long start, end;
    char line[512];
    int found = 0;

    strcpy(out, "none");
    while (f && fgets(line, sizeof(line), f))
        if (sscanf(line, "%lx-%lx %7s", &start, &end, out) == 3 && (unsigned long)at >= start &&
            (unsigned long)at < end) {
            found = 1;
            break;
        }
    if (!found)
        strcpy(out, "none");
    if (f)
        fclose(f);
    return found;
}

static void show(const char *what, void *at)
{
    char p[8];

    perms(at, p);
    printf("%s: %s\n", what, p);
}

static void remap(void)
{
    char *a = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *b;

    strcpy(a, "moved");
    b = mremap(a, 4 * PAGE, 64 * PAGE, MREMAP_MAYMOVE);
    CHECK(b != MAP_FAILED);
    printf("mremap: %s\n", b);
    b[63 * PAGE] = 1;
    CHECK(mremap(b, 64 * PAGE, 2 * PAGE, 0) == b);
    CHECK(msync(b, 4 * PAGE, MS_SYNC) == -1 && errno == ENOMEM);
    a = mmap(NULL, 8 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(mremap(b, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, a + PAGE) == a + PAGE);
    printf("fixed: %s\n", a + PAGE);
    CHECK(mremap(b, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED && errno == EFAULT);
    munmap(a, 8 * PAGE);
    CHECK(mremap((void *)1, PAGE, PAGE, 0) == MAP_FAILED && errno == EINVAL);
}

static void files(void)
{
    char name[] = "/tmp/memoryXXXXXX";
    int fd = mkstemp(name);
    char *shared, *private;

    CHECK(ftruncate(fd, 3 * PAGE) == 0);
    shared = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    private = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, PAGE);
    strcpy(shared + PAGE, "from shared");
    printf("private sees: %s\n", private);
    strcpy(private, "own copy");
    printf("shared has: %s\n", shared + PAGE);
    CHECK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 100) == MAP_FAILED && errno == EINVAL);
    CHECK(mmap(NULL, 0, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED && errno == EINVAL);
    CHECK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, 12345, 0) == MAP_FAILED && errno == EBADF);
    unlink(name);
    close(fd);
    show("file", shared);
}

static void fixed(void)
{
    char *a = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *b;

    memset(a, 7, 16 * PAGE);
    b = mmap(a + 4 * PAGE, 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    CHECK(b == a + 4 * PAGE);
    printf("fixed: %d %d %d\n", a[4 * PAGE - 1], a[4 * PAGE], a[6 * PAGE]);
    b = mmap(a, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    CHECK(b == MAP_FAILED && errno == EEXIST);
    CHECK(munmap(a + 8 * PAGE, PAGE) == 0);
    b = mmap(a + 8 * PAGE, PAGE, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    CHECK(b == a + 8 * PAGE);
    CHECK(munmap(a + 3 * PAGE, PAGE) == 0);
    b = mmap(a + 3 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); /* a hint */
    printf("hint taken: %d\n", b == a + 3 * PAGE);
    show("first", a);
    show("read-only", a + 4 * PAGE);
    CHECK(mprotect(a, 2 * PAGE, PROT_NONE) == 0);
    show("none", a);
    CHECK(mprotect(a + PAGE, PAGE, PROT_READ | PROT_EXEC) == 0);
    show("code", a + PAGE);
    CHECK(munmap(a, 16 * PAGE) == 0);
    show("gone", a);
    CHECK(mprotect(a, PAGE, PROT_READ) == -1 && errno == ENOMEM);
    CHECK(munmap(a + 1, PAGE) == -1 && errno == EINVAL);
    CHECK(munmap(a, 16 * PAGE) == 0);
}

static void advice(void)
{
    char *a = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned char vec[4];

    a[0] = a[PAGE] = 9;
    CHECK(madvise(a, PAGE, MADV_DONTNEED) == 0);
    printf("dontneed: %d %d\n", a[0], a[PAGE]);
    CHECK(mincore(a, 4 * PAGE, vec) == 0);
    printf("mincore: %d %d\n", vec[1] & 1, vec[3] & 1);
    munmap(a + 2 * PAGE, PAGE);
    CHECK(madvise(a, 4 * PAGE, MADV_DONTNEED) == -1 && errno == ENOMEM);
    printf("dontneed: %d\n", a[PAGE]);
    CHECK(mlock(a, PAGE) == 0);
    CHECK(munlock(a, PAGE) == 0);
}

static void shm(void)
{
    int id = shmget(IPC_PRIVATE, 3 * PAGE, IPC_CREAT | 0600);
    char *a = shmat(id, NULL, 0), *b = shmat(id, NULL, SHM_RDONLY);
    struct shmid_ds ds;

    CHECK(a != (void *)-1 && b != (void *)-1);
    strcpy(a + PAGE, "shm");
    printf("shm: %s\n", b + PAGE);
    CHECK(shmctl(id, IPC_STAT, &ds) == 0);
    printf("size %lu attached %lu\n", (unsigned long)ds.shm_segsz, (unsigned long)ds.shm_nattch);
    CHECK(shmctl(id, IPC_RMID, NULL) == 0);
    CHECK(shmdt(a) == 0 && shmdt(b) == 0);
    CHECK(shmdt(a) == -1 && errno == EINVAL);
}

int main(void)
{
    char *start = sbrk(0), *big;

    CHECK(sbrk(5 * 4096 + 12) == start);
    memset(start, 1, 5 * 4096 + 12);
    CHECK(brk(start) == 0);
    CHECK(sbrk(0) == start);
    show("stack", &start);
    fixed();
    remap();
    files();
    advice();
    shm();
    big = mmap(NULL, 1ul << 36, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(big != MAP_FAILED);
    CHECK(mprotect(big + (1ul << 35), PAGE, PROT_READ | PROT_WRITE) == 0);
    big[1ul << 35] = 3;
    CHECK(munmap(big, 1ul << 36) == 0);
    CHECK(mmap(NULL, 1ul << 60, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED &&
          errno == ENOMEM);
    CHECK(mmap((void *)(1ul << 50), PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
               0) == MAP_FAILED);
    puts("end");
    return 0;
}
