/*
 * Locks that keep two programs from writing one image: bytes of the file, as QEMU takes them, so
 * that it and we respect each other. Byte 100 + p is read-locked by who uses permission p, byte 200
 * + p by who lets no other use it. Locks of open file descriptions end with the descriptor. Knows
 * no format.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "blk/driver.h"

enum { PERM_READ = 0, PERM_WRITE = 1, PERM_RESIZE = 3, PERM_COUNT = 4 };
enum { USED_AT = 100, EXCLUDED_AT = 200 };

static int set_lock(int fd, int type, off_t at)
{
    struct flock lock = {.l_type = (short)type, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};

    return fcntl(fd, F_OFD_SETLK, &lock) < 0 ? -errno : 0;
}

/* Does another hold a lock there? */
static bool held(int fd, off_t at)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};

    return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

/* A line of fdinfo: "lock:\t1: OFDLCK ADVISORY READ -1 fe:00:1234 100 100". */
static bool line_holds(const char *line, const struct stat *st, off_t at)
{
    unsigned major_id, minor_id;
    unsigned long long inode, start, end;
    char last[32];
    const char *place = strstr(line, "OFDLCK");

    if (strncmp(line, "lock:", 5) != 0 || !place ||
        sscanf(place, "OFDLCK %*s %*s %*d %x:%x:%llu %llu %31s", &major_id, &minor_id, &inode,
               &start, last) != 5)
        return false;
    end = strcmp(last, "EOF") ? strtoull(last, NULL, 10) : UINT64_MAX;
    return inode == st->st_ino && makedev(major_id, minor_id) == st->st_dev &&
           start <= (uint64_t)at && end >= (uint64_t)at;
}

static bool fdinfo_holds(const char *pid, const char *fd, const struct stat *st, off_t at)
{
    char path[300], line[256];
    bool found = false;
    FILE *in;

    snprintf(path, sizeof(path), "/proc/%.20s/fdinfo/%.20s", pid, fd);
    in = fopen(path, "re");
    if (!in)
        return false;
    while (!found && fgets(line, sizeof(line), in))
        found = line_holds(line, st, at);
    fclose(in);
    return found;
}

/* The kernel knows no process for such a lock; its descriptors do. */
static bool process_holds(const char *pid, int own_fd, const struct stat *st, off_t at)
{
    char path[64];
    bool self, found = false;
    struct dirent *d;
    DIR *dir;

    snprintf(path, sizeof(path), "/proc/%.20s/fdinfo", pid);
    dir = opendir(path);
    if (!dir)
        return false;
    self = atoi(pid) == (int)getpid();
    while (!found && (d = readdir(dir)))
        if (isdigit((unsigned char)d->d_name[0]) && !(self && atoi(d->d_name) == own_fd))
            found = fdinfo_holds(pid, d->d_name, st, at);
    closedir(dir);
    return found;
}

/* False: no process has a descriptor with it. */
static bool name_holder(int fd, off_t at, char *text, size_t size)
{
    char path[64], comm[64] = "";
    bool found = false;
    struct dirent *d;
    struct stat st;
    DIR *proc = opendir("/proc");

    snprintf(text, size, "another process");
    if (!proc || fstat(fd, &st) < 0)
        goto out;
    while (!found && (d = readdir(proc))) {
        FILE *in;

        if (!isdigit((unsigned char)d->d_name[0]) || !process_holds(d->d_name, fd, &st, at))
            continue;
        found = true;
        snprintf(path, sizeof(path), "/proc/%.20s/comm", d->d_name);
        in = fopen(path, "re");
        if (in) {
            if (fgets(comm, sizeof(comm), in))
                comm[strcspn(comm, "\n")] = '\0';
            fclose(in);
        }
        if (atoi(d->d_name) == (int)getpid())
            snprintf(text, size, "this process itself");
        else
            snprintf(text, size, "process %.20s (%s)", d->d_name, comm);
    }
out:
    if (proc)
        closedir(proc);
    return found;
}

/* The first byte whose lock stands against ours; 0: none. */
static off_t conflict(int fd, const bool *uses, const bool *excludes)
{
    for (int p = 0; p < PERM_COUNT; p++) {
        if (uses[p] && held(fd, EXCLUDED_AT + p))
            return EXCLUDED_AT + p;
        if (excludes[p] && held(fd, USED_AT + p))
            return USED_AT + p;
    }
    return 0;
}

int blk_lock_file(int fd, const char *path, bool write, bool share, struct err *e)
{
    bool uses[PERM_COUNT] = {[PERM_READ] = !share, [PERM_WRITE] = write, [PERM_RESIZE] = write};
    bool excludes[PERM_COUNT] = {[PERM_WRITE] = !share, [PERM_RESIZE] = !share};
    char who[128];
    off_t at;
    int rc = 0;

    for (int p = 0; p < PERM_COUNT && !rc; p++) {
        if (uses[p])
            rc = set_lock(fd, F_RDLCK, USED_AT + p);
        if (!rc && excludes[p])
            rc = set_lock(fd, F_RDLCK, EXCLUDED_AT + p);
    }
    if (rc == -EAGAIN || rc == -EACCES)
        return err_set(e, rc, "cannot lock %s", path);
    if (rc)
        return 0; /* the file system has no such locks */
    at = conflict(fd, uses, excludes);
    /* The kernel gives back the files of a killed process's io_uring a little after the process,
     * when its last requests have ended: a lock without an owner is worth some patience. */
    for (int i = 0; at && !name_holder(fd, at, who, sizeof(who)) && i < 300; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        at = conflict(fd, uses, excludes);
    }
    if (!at)
        return 0;
    return err_text(e, EAGAIN, "%s is locked: %s %s it%s", path, who,
                    at < EXCLUDED_AT ? "writes to" : "uses",
                    write ? "; stop that, or open it read-only with locking off"
                          : "; stop that, or turn locking off");
}
