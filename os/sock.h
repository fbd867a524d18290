/*
 * Sockets by name: unix and internet, listening and connecting. Descriptors are non-blocking and
 * closed on exec.
 */
#ifndef OS_SOCK_H
#define OS_SOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/attr.h"
#include "base/err.h"

struct os_sock_addr {
    const char *path;        /* unix; otherwise NULL */
    const char *host, *port; /* internet; host NULL or "": any (listen), this host (connect) */
    bool ipv4, ipv6;         /* only this version; none or both: either */
    bool abstract, tight;    /* unix: no file; without zeros behind the name */
};

/* type: SOCK_STREAM or SOCK_DGRAM (then bound only). A unix socket's file that is there is
 * replaced. to: tries ports up to this one; 0: just one. */
int must_check os_sock_listen(const struct os_sock_addr *a, int type, uint16_t to, int *fd,
                              struct err *e);
/* wait false: the connection may still be in the making when it returns (writable then, and
 * os_sock_error). */
int must_check os_sock_connect(const struct os_sock_addr *a, int type, bool wait, int *fd,
                               struct err *e);
int os_sock_accept(int listener); /* does not wait; the descriptor or negative errno */
/* Waits. The descriptor or negative errno. */
int must_check os_sock_accept_wait(int listener, struct err *e);
/* An inherited descriptor by its number in text. */
int must_check os_sock_take(const char *number, int *fd, struct err *e);
int os_sock_error(int fd); /* positive errno of a connection in the making, 0: made */
void os_sock_prepare(int fd, bool nodelay); /* a fresh connection: flags, keep-alive */
/* "127.0.0.1:1234", "[::1]:1234" or the path. */
void os_sock_name(int fd, char *text, size_t size);
/* As an address of the family and type for sendto(); false: does not resolve. */
int must_check os_sock_resolve(const struct os_sock_addr *a, int type, struct sockaddr_storage *out,
                               socklen_t *length, struct err *e);

#endif
