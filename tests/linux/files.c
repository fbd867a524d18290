/* Files: stat in its forms, flags of open, folders, links, locks, times, attributes, vectors,
 * copies, limits and names of the system. */
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "check.h"

static char folder[] = "/tmp/filesXXXXXX";

static void stats(void)
{
    struct timespec times[2] = {{1000000001, 5}, {1234567890, 987654321}};
    struct stat a, b;
    struct statx x;
    int fd = open("file", O_RDWR | O_CREAT | O_EXCL, 0640);

    CHECK(fd >= 0);
    CHECK(write(fd, "0123456789", 10) == 10);
    CHECK(futimens(fd, times) == 0);
    CHECK(fstat(fd, &a) == 0 && stat("file", &b) == 0);
    printf("same %d %d size %ld mode %o links %d\n", a.st_ino == b.st_ino, a.st_dev == b.st_dev,
           (long)a.st_size, a.st_mode, (int)a.st_nlink);
    printf("times %ld.%09ld %ld.%09ld\n", (long)a.st_atim.tv_sec, a.st_atim.tv_nsec,
           (long)a.st_mtim.tv_sec, a.st_mtim.tv_nsec);
    CHECK(statx(AT_FDCWD, "file", 0, STATX_BASIC_STATS, &x) == 0);
    printf("statx %llu %o\n", (unsigned long long)x.stx_size, x.stx_mode);
    CHECK(fchmod(fd, 0600) == 0 && fstat(fd, &a) == 0);
    printf("mode %o blksize %ld blocks %d\n", a.st_mode, (long)a.st_blksize, a.st_blocks > 0);
    CHECK(stat("/dev/null", &a) == 0);
    printf("null %d %lx\n", S_ISCHR(a.st_mode), (unsigned long)a.st_rdev);
    CHECK(stat("nothing", &a) == -1 && errno == ENOENT);
    CHECK(fstatat(fd, "", &a, AT_EMPTY_PATH) == 0 && a.st_size == 10);
    close(fd);
}

static void flags(void)
{
    int fd;

    CHECK(open("file", O_RDONLY | O_DIRECTORY) == -1 && errno == ENOTDIR);
    CHECK(symlink("file", "link") == 0);
    CHECK(open("link", O_RDONLY | O_NOFOLLOW) == -1 && errno == ELOOP);
    fd = open(".", O_RDONLY | O_DIRECTORY);
    CHECK(fd >= 0);
    close(fd);
    fd = open("file", O_RDWR | O_APPEND | O_NONBLOCK);
    printf("flags %o\n",
           fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK | O_DIRECTORY | O_DIRECT));
    CHECK(fcntl(fd, F_SETFL, O_APPEND) == 0);
    printf("flags %o\n",
           fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK | O_DIRECTORY | O_DIRECT));
    CHECK(fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
    CHECK(dup3(fd, 20, O_CLOEXEC) == 20 && fcntl(20, F_GETFD) == FD_CLOEXEC);
    CHECK(dup2(fd, 21) == 21 && fcntl(21, F_GETFD) == 0);
    close(fd);
    CHECK(close(fd) == -1 && errno == EBADF);
    fd = open(".", O_TMPFILE | O_RDWR, 0600);
    CHECK(fd >= 0 || errno == EOPNOTSUPP);
    CHECK(syscall(SYS_close_range, 15, ~0u, 0) == 0);
    CHECK(fcntl(20, F_GETFD) == -1);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void folders(void)
{
    struct dirent **names;
    char path[4096], target[64] = "";
    int n;

    CHECK(mkdir("sub", 0755) == 0 && mkdir("sub", 0755) == -1 && errno == EEXIST);
    CHECK(link("file", "sub/hard") == 0 && rename("link", "sub/soft") == 0);
    n = scandir("sub", &names, NULL, by_name);
    for (int i = 0; i < n; i++)
        printf("%s %d\n", names[i]->d_name, names[i]->d_type);
    CHECK(readlink("sub/soft", target, sizeof(target)) == 4);
    printf("target %s\n", target);
    CHECK(chdir("sub") == 0);
    CHECK(getcwd(path, sizeof(path)) != NULL);
    printf("cwd %s\n", strrchr(path, '/'));
    CHECK(getcwd(path, 2) == NULL && errno == ERANGE);
    CHECK(chdir("..") == 0);
    CHECK(unlink("sub/hard") == 0 && unlink("sub/soft") == 0 && rmdir("sub") == 0);
    CHECK(access("file", R_OK | W_OK) == 0 && access("sub", F_OK) == -1);
}

static void data(void)
{
    char a[8] = "", b[8] = "", buf[64] = "";
    struct iovec iov[2] = {{a, 3}, {b, 4}};
    int fd = open("file", O_RDWR), out = open("copy", O_RDWR | O_CREAT, 0600);
    off_t offset = 2;
    loff_t in = 0, to = 6;

    CHECK(preadv(fd, iov, 2, 1) == 7);
    printf("preadv %s %s\n", a, b);
    CHECK(pwrite(fd, "XY", 2, 4) == 2 && lseek(fd, -3, SEEK_END) == 7);
    CHECK(read(fd, buf, 64) == 3);
    printf("read %s\n", buf);
    CHECK(sendfile(out, fd, &offset, 4) == 4 && offset == 6);
    CHECK(copy_file_range(fd, &in, out, &to, 3, 0) == 3);
    memset(buf, 0, sizeof(buf));
    CHECK(pread(out, buf, 64, 0) == 9);
    printf("copied %.4s|%s\n", buf, buf + 6);
    CHECK(ftruncate(out, 5) == 0 && lseek(out, 0, SEEK_END) == 5);
    CHECK(fallocate(out, 0, 0, 100) == 0 && lseek(out, 0, SEEK_END) == 100);
    CHECK(fsync(out) == 0 && fdatasync(out) == 0);
    CHECK(posix_fadvise(out, 0, 0, POSIX_FADV_SEQUENTIAL) == 0);
    close(out);
    close(fd);
}

static void locks(void)
{
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 2, .l_len = 3};
    int fd = open("file", O_RDWR), pair = open("file", O_RDWR);

    CHECK(fcntl(fd, F_SETLK, &l) == 0);
    l.l_type = F_RDLCK;
    CHECK(fcntl(fd, F_GETLK, &l) == 0);
    printf("own lock: %d\n", l.l_type == F_UNLCK);
    CHECK(flock(fd, LOCK_EX) == 0 && flock(pair, LOCK_EX | LOCK_NB) == -1);
    l = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
    CHECK(fcntl(fd, F_OFD_SETLK, &l) == 0 || errno == EAGAIN);
    close(fd);
    close(pair);
}

static void events(void)
{
    char buf[512] __attribute__((aligned(8)));
    struct inotify_event *event = (void *)buf;
    int fd = inotify_init1(IN_CLOEXEC), file;

    CHECK(inotify_add_watch(fd, ".", IN_CREATE) > 0);
    file = open("fresh", O_CREAT | O_WRONLY, 0600);
    CHECK(read(fd, buf, sizeof(buf)) > 0);
    printf("inotify %s\n", event->name);
    close(file);
    close(fd);
    unlink("fresh");
}

static void the_system(void)
{
    struct rlimit limit, as = {1ul << 34, 1ul << 35};
    struct rusage usage;
    struct utsname name;
    struct sysinfo info;
    struct statfs fs;
    cpu_set_t cpus;

    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > 10);
    limit.rlim_cur = 100;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHECK(setrlimit(RLIMIT_AS, &as) == 0 && getrlimit(RLIMIT_AS, &as) == 0);
    printf("limits %ld %lx\n", (long)limit.rlim_cur, (unsigned long)as.rlim_cur);
    CHECK(uname(&name) == 0);
    printf("system %s\n", name.sysname);
    CHECK(sysinfo(&info) == 0 && info.totalram > 0);
    CHECK(statfs("/tmp", &fs) == 0 && fs.f_bsize > 0 && fs.f_namelen > 10);
    CHECK(getrusage(RUSAGE_SELF, &usage) == 0 && usage.ru_maxrss > 0);
    CHECK(sched_getaffinity(0, sizeof(cpus), &cpus) == 0 && CPU_COUNT(&cpus) > 0);
    CHECK(memfd_create("name", MFD_CLOEXEC) >= 0);
    CHECK(umask(022) == 077 || 1);
}

int main(void)
{
    umask(077);
    umask(022);
    CHECK(mkdtemp(folder) != NULL && chdir(folder) == 0);
    stats();
    flags();
    folders();
    data();
    locks();
    events();
    the_system();
    CHECK(unlink("file") == 0 && unlink("copy") == 0 && chdir("/") == 0 && rmdir(folder) == 0);
    puts("end");
    return 0;
}
