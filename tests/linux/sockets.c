/* Sockets of three families, messages with descriptors and credentials, poll, select, epoll,
 * eventfd, signalfd. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "check.h"

static void *client(void *arg)
{
    struct sockaddr_in to = *(struct sockaddr_in *)arg;
    int s = socket(AF_INET, SOCK_STREAM, 0);
    char buf[64] = "";

    CHECK(connect(s, (struct sockaddr *)&to, sizeof(to)) == 0);
    CHECK(send(s, "ping", 4, 0) == 4);
    CHECK(recv(s, buf, sizeof(buf), 0) == 4);
    printf("client got %s\n", buf);
    close(s);
    return NULL;
}

static void tcp(void)
{
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1, c, value;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);
    char buf[64] = "";
    pthread_t t;

    CHECK(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0);
    CHECK(bind(s, (struct sockaddr *)&at, sizeof(at)) == 0);
    CHECK(listen(s, 5) == 0);
    CHECK(getsockname(s, (struct sockaddr *)&at, &size) == 0);
    pthread_create(&t, NULL, client, &at);
    c = accept4(s, NULL, NULL, SOCK_CLOEXEC);
    CHECK(c >= 0);
    CHECK(recv(c, buf, sizeof(buf), 0) == 4);
    printf("server got %s\n", buf);
    CHECK(setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0);
    size = sizeof(value);
    CHECK(getsockopt(c, SOL_SOCKET, SO_TYPE, &value, &size) == 0);
    printf("type %d\n", value == SOCK_STREAM);
    CHECK(send(c, "pong", 4, MSG_NOSIGNAL) == 4);
    pthread_join(t, NULL);
    CHECK(recv(c, buf, sizeof(buf), 0) == 0);
    close(c);
    close(s);
}

static void pass_descriptor(void)
{
    union {
        char buf[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
        struct cmsghdr align;
    } control;
    char data[8] = "msg", got[8] = "";
    struct iovec iov = {data, 4};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    struct cmsghdr *c;
    int pair[2], pipes[2], fd, one = 1;

    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0 && pipe(pipes) == 0);
    CHECK(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)) == 0);
    m.msg_control = control.buf;
    m.msg_controllen = CMSG_SPACE(sizeof(int));
    c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &pipes[1], sizeof(int));
    CHECK(sendmsg(pair[0], &m, 0) == 4);
    iov.iov_base = got;
    m.msg_controllen = sizeof(control.buf);
    CHECK(recvmsg(pair[1], &m, MSG_CMSG_CLOEXEC) == 4);
    for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
        if (c->cmsg_type == SCM_CREDENTIALS) {
            printf("credentials: %d\n", ((struct ucred *)CMSG_DATA(c))->pid == getpid());
        } else if (c->cmsg_type == SCM_RIGHTS) {
            memcpy(&fd, CMSG_DATA(c), sizeof(fd));
            CHECK(write(fd, "via", 4) == 4);
            CHECK(read(pipes[0], got, 4) == 4);
            printf("descriptor: %s cloexec %d\n", got, fcntl(fd, F_GETFD) & FD_CLOEXEC);
        }
    }
}

static void many(void)
{
    struct mmsghdr out[3], in[3];
    struct iovec iov[6];
    char bufs[6][16];
    int pair[2];

    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
    memset(out, 0, sizeof(out));
    memset(in, 0, sizeof(in));
    for (int i = 0; i < 3; i++) {
        snprintf(bufs[i], 16, "number %d", i);
        iov[i] = (struct iovec){bufs[i], 9};
        iov[i + 3] = (struct iovec){bufs[i + 3], 16};
        out[i].msg_hdr.msg_iov = &iov[i];
        in[i].msg_hdr.msg_iov = &iov[i + 3];
        out[i].msg_hdr.msg_iovlen = in[i].msg_hdr.msg_iovlen = 1;
    }
    CHECK(sendmmsg(pair[0], out, 3, 0) == 3);
    CHECK(recvmmsg(pair[1], in, 3, 0, NULL) == 3);
    printf("many: %s %s %u\n", bufs[3], bufs[5], in[2].msg_len);
}

static void waiting(void)
{
    int pipes[2], e = epoll_create1(EPOLL_CLOEXEC), ev = eventfd(3, EFD_NONBLOCK), n = 0;
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 0x123456789abcdefull}, got[4];
    struct pollfd fds[2];
    struct timeval none = {0, 0};
    struct timespec ts = {0, 1000000};
    unsigned long long value = 0;
    fd_set set;

    CHECK(pipe2(pipes, O_NONBLOCK | O_CLOEXEC) == 0);
    CHECK(epoll_ctl(e, EPOLL_CTL_ADD, pipes[0], &event) == 0);
    event.data.u64 = 7;
    CHECK(epoll_ctl(e, EPOLL_CTL_ADD, ev, &event) == 0);
    n = epoll_wait(e, got, 4, 0);
    printf("epoll: %d data %llx\n", n, (unsigned long long)got[0].data.u64);
    CHECK(write(pipes[1], "abc", 3) == 3);
    n = epoll_wait(e, got, 4, -1);
    printf("epoll: %d sum %llx\n", n,
           (unsigned long long)got[0].data.u64 + (unsigned long long)got[1].data.u64);
    CHECK(read(ev, &value, 8) == 8);
    printf("eventfd: %llu\n", value);
    CHECK(ioctl(pipes[0], FIONREAD, &n) == 0);
    printf("readable: %d\n", n);
    fds[0] = (struct pollfd){pipes[0], POLLIN, 0};
    fds[1] = (struct pollfd){ev, POLLIN, 0};
    n = poll(fds, 2, 100);
    printf("poll: %d %d %d\n", n, fds[0].revents, fds[1].revents);
    FD_ZERO(&set);
    FD_SET(pipes[0], &set);
    FD_SET(ev, &set);
    n = select(pipes[0] + ev + 1, &set, NULL, NULL, &none);
    printf("select: %d %d\n", n, FD_ISSET(pipes[0], &set) != 0);
    fds[0].fd = -1;
    printf("ppoll: %d\n", ppoll(fds, 2, &ts, NULL));
    CHECK((fcntl(pipes[0], F_GETFL) & O_NONBLOCK) != 0);
}

static void signals(void)
{
    struct signalfd_siginfo info;
    sigset_t set;
    int fd;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    fd = signalfd(-1, &set, SFD_CLOEXEC);
    CHECK(sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 9}) == 0);
    CHECK(read(fd, &info, sizeof(info)) == sizeof(info));
    printf("signalfd: %d value %d\n", info.ssi_signo == SIGUSR1, info.ssi_int);
}

int main(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int s = socket(AF_UNIX, SOCK_STREAM, 0);

    tcp();
    pass_descriptor();
    many();
    waiting();
    signals();
    memcpy(at.sun_path, "\0abstract-test", 14);
    CHECK(bind(s, (struct sockaddr *)&at, sizeof(sa_family_t) + 14) == 0 || errno == EADDRINUSE);
    CHECK(socket(12345, SOCK_STREAM, 0) == -1 && errno == EAFNOSUPPORT);
    CHECK(connect(s, NULL, 100) == -1);
    puts("end");
    return 0;
}
