/*
 * Sockets by name (os/sock.h). Must not know what is spoken over them.
 */
#include "os/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static void describe(const struct os_sock_addr *a, char *text, size_t size)
{
    if (a->path)
        snprintf(text, size, "%s", a->path);
    else
        snprintf(text, size, "%s:%s", a->host ? a->host : "", a->port ? a->port : "");
}

static int unix_address(const struct os_sock_addr *a, struct sockaddr_un *un, socklen_t *length,
                        struct err *e)
{
    size_t n = strlen(a->path);

    memset(un, 0, sizeof(*un));
    un->sun_family = AF_UNIX;
    if (n + 1 > sizeof(un->sun_path))
        return err_text(e, ENAMETOOLONG, "socket path '%s' is too long: at most %zu characters",
                        a->path, sizeof(un->sun_path) - 1);
    memcpy(un->sun_path + (a->abstract ? 1 : 0), a->path, n);
    *length = a->abstract && a->tight ? (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1)
                                      : (socklen_t)sizeof(*un);
    return 0;
}

static int look_up(const struct os_sock_addr *a, int type, bool passive, struct addrinfo **list,
                   struct err *e)
{
    struct addrinfo hints = {
        .ai_family = a->ipv4 == a->ipv6 ? AF_UNSPEC
                     : a->ipv4          ? AF_INET
                                        : AF_INET6,
        .ai_socktype = type,
        .ai_flags = passive ? AI_PASSIVE : 0,
    };
    const char *host = a->host && *a->host ? a->host : passive ? NULL : "localhost";
    char where[256];
    int rc;

    describe(a, where, sizeof(where));
    if (!a->port || !*a->port)
        return err_text(e, EINVAL, "address '%s' has no port", where);
    rc = getaddrinfo(host, a->port, &hints, list);
    if (rc)
        return err_text(e, EADDRNOTAVAIL, "address '%s': %s", where, gai_strerror(rc));
    return 0;
}

int os_sock_resolve(const struct os_sock_addr *a, int type, struct sockaddr_storage *out,
                    socklen_t *length, struct err *e)
{
    struct addrinfo *list;
    int rc;

    memset(out, 0, sizeof(*out));
    if (a->path)
        return unix_address(a, (struct sockaddr_un *)out, length, e);
    rc = look_up(a, type, false, &list, e);
    if (rc < 0)
        return rc;
    memcpy(out, list->ai_addr, list->ai_addrlen);
    *length = list->ai_addrlen;
    freeaddrinfo(list);
    return 0;
}

static int new_socket(int family, int type)
{
    return socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* Returns the descriptor or negative errno. */
static int bind_to(const struct sockaddr *sa, socklen_t length, int type)
{
    int fd = new_socket(sa->sa_family, type), one = 1, code;

    if (fd < 0)
        return -errno;
    if (sa->sa_family != AF_UNIX && type == SOCK_STREAM)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, sa, length) == 0 && (type != SOCK_STREAM || listen(fd, 8) == 0))
        return fd;
    code = errno;
    close(fd);
    return -code;
}

static int listen_unix(const struct os_sock_addr *a, int type, struct err *e)
{
    struct sockaddr_un un;
    socklen_t length;
    struct stat st;
    int rc = unix_address(a, &un, &length, e);

    if (rc < 0)
        return rc;
    if (!a->abstract && stat(a->path, &st) == 0) {
        if (!S_ISSOCK(st.st_mode))
            return err_text(e, EEXIST, "cannot listen on '%s': there is a file of that name",
                            a->path);
        unlink(a->path);
    }
    rc = bind_to((struct sockaddr *)&un, length, type);
    return rc < 0 ? err_set(e, rc, "cannot listen on '%s'", a->path) : rc;
}

static void set_port(struct sockaddr *sa, uint16_t port)
{
    if (sa->sa_family == AF_INET6)
        ((struct sockaddr_in6 *)sa)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)sa)->sin_port = htons(port);
}

static uint16_t get_port(const struct sockaddr *sa)
{
    return ntohs(sa->sa_family == AF_INET6 ? ((const struct sockaddr_in6 *)sa)->sin6_port
                                           : ((const struct sockaddr_in *)sa)->sin_port);
}

static int listen_inet(const struct os_sock_addr *a, int type, uint16_t to, struct err *e)
{
    struct addrinfo *list;
    char where[256];
    int rc = look_up(a, type, true, &list, e), fd = -EADDRNOTAVAIL;

    if (rc < 0)
        return rc;
    for (struct addrinfo *ai = list; ai && fd < 0; ai = ai->ai_next) {
        uint32_t port = get_port(ai->ai_addr), last = max_of(port, (uint32_t)to);

        do {
            set_port(ai->ai_addr, (uint16_t)port);
            fd = bind_to(ai->ai_addr, ai->ai_addrlen, type);
        } while (fd < 0 && ++port <= last);
    }
    freeaddrinfo(list);
    describe(a, where, sizeof(where));
    return fd < 0 ? err_set(e, fd, "cannot listen on '%s'", where) : fd;
}

int os_sock_listen(const struct os_sock_addr *a, int type, uint16_t to, int *fd, struct err *e)
{
    int rc = a->path ? listen_unix(a, type, e) : listen_inet(a, type, to, e);

    if (rc < 0)
        return rc;
    *fd = rc;
    return 0;
}

/* Returns the descriptor or negative errno. */
static int connect_to(const struct sockaddr *sa, socklen_t length, int type, bool wait)
{
    int fd = new_socket(sa->sa_family, type), code;
    struct pollfd p = {.fd = fd, .events = POLLOUT};

    if (fd < 0)
        return -errno;
    code = connect(fd, sa, length) < 0 ? errno : 0;
    if (code == EINPROGRESS && wait) {
        while (poll(&p, 1, -1) < 0 && errno == EINTR)
            ;
        code = os_sock_error(fd);
    }
    if (!code || (code == EINPROGRESS && !wait))
        return fd;
    close(fd);
    return -code;
}

int os_sock_connect(const struct os_sock_addr *a, int type, bool wait, int *out, struct err *e)
{
    struct addrinfo *list;
    struct sockaddr_un un;
    socklen_t length;
    char where[256];
    int fd = -EADDRNOTAVAIL, rc;

    if (a->path) {
        rc = unix_address(a, &un, &length, e);
        if (rc == 0)
            fd = connect_to((struct sockaddr *)&un, length, type, wait);
    } else {
        rc = look_up(a, type, false, &list, e);
        if (rc == 0) {
            for (struct addrinfo *ai = list; ai && fd < 0; ai = ai->ai_next)
                fd = connect_to(ai->ai_addr, ai->ai_addrlen, type, wait);
            freeaddrinfo(list);
        }
    }
    if (rc < 0)
        return rc;
    describe(a, where, sizeof(where));
    if (fd < 0)
        return err_set(e, fd, "cannot connect to '%s'", where);
    *out = fd;
    return 0;
}

int os_sock_accept(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    return fd < 0 ? -errno : fd;
}

int os_sock_accept_wait(int listener, struct err *e)
{
    struct pollfd p = {.fd = listener, .events = POLLIN};
    int fd;

    do {
        if (poll(&p, 1, -1) < 0 && errno != EINTR)
            return err_set(e, errno, "cannot wait for a connection");
        fd = os_sock_accept(listener);
    } while (fd == -EAGAIN || fd == -EINTR || fd == -ECONNABORTED);
    return fd < 0 ? err_set(e, fd, "cannot take a connection") : fd;
}

int os_sock_take(const char *number, int *fd, struct err *e)
{
    char *end;
    long n = strtol(number, &end, 10);
    int flags;

    if (!*number || *end || n < 0 || n > INT32_MAX)
        return err_text(e, EINVAL, "fd='%s': not the number of an open descriptor", number);
    flags = fcntl((int)n, F_GETFL);
    if (flags < 0)
        return err_set(e, errno, "descriptor %ld", n);
    fcntl((int)n, F_SETFL, flags | O_NONBLOCK);
    fcntl((int)n, F_SETFD, FD_CLOEXEC);
    *fd = (int)n;
    return 0;
}

int os_sock_error(int fd)
{
    socklen_t size = sizeof(int);
    int code = 0;

    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) < 0 ? errno : code;
}

void os_sock_prepare(int fd, bool nodelay)
{
    int one = 1, flags = fcntl(fd, F_GETFL);

    if (flags >= 0)
        fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    /* These fail on unix sockets, which need neither. */
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
    if (nodelay)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

void os_sock_name(int fd, char *text, size_t size)
{
    struct sockaddr_storage ss;
    socklen_t length = sizeof(ss);
    char host[64], port[16];

    snprintf(text, size, "?");
    memset(&ss, 0, sizeof(ss));
    if (getsockname(fd, (struct sockaddr *)&ss, &length) < 0)
        return;
    if (ss.ss_family == AF_UNIX) {
        const char *path = ((struct sockaddr_un *)&ss)->sun_path;

        snprintf(text, size, "%.107s", *path ? path : path + 1);
    } else if (!getnameinfo((struct sockaddr *)&ss, length, host, sizeof(host), port, sizeof(port),
                            NI_NUMERICHOST | NI_NUMERICSERV)) {
        snprintf(text, size, ss.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
    }
}
