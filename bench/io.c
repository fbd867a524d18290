/* In the guest of bench/io.py: how fast a disk and a network are. Static, for arm64.
 *
 *   io disk DEVICE seconds    sequential and 4 KB random reads and writes past the cache, MB/s
 *   io net ADDRESS PORT MB    receives, then sends so much, MB/s */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 1 << 20, SMALL = 4096 };

static unsigned char buffer[BLOCK] __attribute__((aligned(4096)));

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void disk(const char *device, double seconds)
{
    int fd = open(device, O_RDWR | O_DIRECT);
    uint64_t x = 88172645463325252u;
    if (fd < 0)
        fail(device);
    uint64_t size = (uint64_t)lseek(fd, 0, SEEK_END);
    for (int kind = 0; kind < 4; kind++) {
        size_t n = kind < 2 ? BLOCK : SMALL;
        double start = now(), end;
        uint64_t at = 0, done = 0;
        do {
            x ^= x << 13, x ^= x >> 7, x ^= x << 17;
            at = kind < 2 ? (at + n) % (size / n * n) : x % (size / n) * n;
            ssize_t r = kind & 1 ? pwrite(fd, buffer, n, (off_t)at) : pread(fd, buffer, n, (off_t)at);
            if (r != (ssize_t)n)
                fail(kind & 1 ? "write" : "read");
            done += n;
            end = now();
        } while (end - start < seconds);
        static const char *const names[] = {"seqread", "seqwrite", "randread", "randwrite"};
        printf("MYNA: %s %.1f\n", names[kind], (double)done / (end - start) / 1e6);
    }
    close(fd);
}

static void net(const char *address, int port, uint64_t bytes)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || inet_pton(AF_INET, address, &a.sin_addr) != 1 || connect(fd, (void *)&a, sizeof a))
        fail("connect");
    double start = now();
    for (uint64_t left = bytes; left;) {
        ssize_t r = read(fd, buffer, left < BLOCK ? left : BLOCK);
        if (r <= 0)
            fail("receive");
        left -= (uint64_t)r;
    }
    printf("MYNA: receive %.1f\n", (double)bytes / (now() - start) / 1e6);
    start = now();
    for (uint64_t left = bytes; left;) {
        ssize_t r = write(fd, buffer, left < BLOCK ? left : BLOCK);
        if (r <= 0)
            fail("send");
        left -= (uint64_t)r;
    }
    if (read(fd, buffer, 1) != 1) /* the host has it all */
        fail("answer");
    printf("MYNA: send %.1f\n", (double)bytes / (now() - start) / 1e6);
    close(fd);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 4 && !strcmp(argv[1], "disk"))
        disk(argv[2], atof(argv[3]));
    else if (argc == 5 && !strcmp(argv[1], "net"))
        net(argv[2], atoi(argv[3]), strtoull(argv[4], NULL, 0) << 20);
    else
        return 1;
    return 0;
}
