/*
 * A tap interface of the host as backend. Owns the interface and its scripts; the offload header is
 * that of virtio, so frames pass unfinished in both directions.
 */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/net_int.h"
#include "os/sock.h"
#include "os/tap.h"

enum { BATCH = 64, IOV_LIMIT = 256 };
#define DEFAULT_SCRIPT "/etc/qemu-ifup"

struct tap {
    struct net_port *p;
    struct os_tap t;
    struct os_watch *watch;
    uint8_t *buf;
    bool opened, stopped, blocked;
    char *ifname, *script, *downscript, *fd;
    int vnet_hdr; /* PROP_AUTO */
};

static void rewatch(struct tap *t)
{
    os_watch_set(t->watch, (t->stopped ? 0u : OS_READABLE) | (t->blocked ? OS_WRITABLE : 0u));
}

/* struct virtio_net_hdr (VIRTIO 1.2, 5.1.6), in the host's own byte order as tap has it. */
static void put_header(uint8_t *h, const struct net_meta *m)
{
    memset(h, 0, OS_TAP_HDR);
    h[0] = m->flags & NET_NEEDS_CSUM;
    h[1] = m->gso_type;
    memcpy(h + 2, &m->hdr_len, 2);
    memcpy(h + 4, &m->gso_size, 2);
    memcpy(h + 6, &m->csum_start, 2);
    memcpy(h + 8, &m->csum_offset, 2);
}

static void get_header(const uint8_t *h, struct net_meta *m)
{
    m->flags = h[0] & (NET_NEEDS_CSUM | NET_DATA_VALID);
    m->gso_type = h[1];
    memcpy(&m->hdr_len, h + 2, 2);
    memcpy(&m->gso_size, h + 4, 2);
    memcpy(&m->csum_start, h + 6, 2);
    memcpy(&m->csum_offset, h + 8, 2);
}

static void on_events(void *arg, unsigned events)
{
    struct tap *t = arg;
    size_t skip = t->t.vnet_hdr ? OS_TAP_HDR : 0;

    if (events & OS_WRITABLE && t->blocked) {
        t->blocked = false;
        net_port_room(t->p);
    }
    for (int i = 0; i < BATCH && events & OS_READABLE && !t->stopped; i++) {
        ssize_t n = read(t->t.fd, t->buf, OS_TAP_HDR + NET_FRAME_MAX);
        struct net_meta meta = {0};
        struct iovec iov;

        if (n <= (ssize_t)skip)
            break;
        if (skip)
            get_header(t->buf, &meta);
        iov = (struct iovec){t->buf + skip, (size_t)n - skip};
        t->stopped = !net_port_deliver(t->p, &iov, 1, &meta);
    }
    rewatch(t);
}

static bool tap_send(struct net_port *p, const struct iovec *iov, int niov,
                     const struct net_meta *meta)
{
    struct tap *t = p->priv;
    struct iovec all[IOV_LIMIT + 1];
    uint8_t header[OS_TAP_HDR];
    int n = 0;

    if (t->t.vnet_hdr) {
        put_header(header, meta);
        all[n++] = (struct iovec){header, sizeof(header)};
    }
    if (niov <= IOV_LIMIT) {
        memcpy(all + n, iov, sizeof(*iov) * (size_t)niov);
        n += niov;
    } else {
        all[n].iov_base = p->work;
        all[n++].iov_len = net_gather(iov, niov, p->work, NET_FRAME_MAX);
    }
    if (writev(t->t.fd, all, n) < 0 && errno == EAGAIN) {
        t->blocked = true;
        rewatch(t);
        return false;
    }
    return true; /* another error, an interface that is down: lost, as on a wire */
}

static void tap_resume(struct net_port *p)
{
    struct tap *t = p->priv;

    if (!t->stopped)
        return;
    t->stopped = false;
    rewatch(t);
}

static void tap_offload(struct net_port *p)
{
    struct tap *t = p->priv;

    _Static_assert((int)OS_TAP_CSUM == NET_OFF_CSUM && (int)OS_TAP_TSO4 == NET_OFF_TSO4 &&
                       (int)OS_TAP_TSO6 == NET_OFF_TSO6 && (int)OS_TAP_ECN == NET_OFF_ECN &&
                       (int)OS_TAP_UFO == NET_OFF_UFO,
                   "one numbering");
    if (t->opened)
        os_tap_offload(&t->t, p->offload & ~(unsigned)NET_OFF_USO);
}

/* Runs `script IFNAME` and waits. */
static int run_script(const char *script, const char *ifname, struct err *e)
{
    char *const argv[] = {(char *)script, (char *)ifname, NULL};
    extern char **environ;
    int status, code;
    pid_t pid;

    code = posix_spawn(&pid, script, NULL, NULL, argv, environ);
    if (code)
        return err_set(e, code, "cannot run '%s'; script=no runs none", script);
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return err_set(e, errno, "waiting for '%s'", script);
    if (!WIFEXITED(status) || WEXITSTATUS(status))
        return err_text(e, EIO, "'%s %s' failed; script=no runs none", script, ifname);
    return 0;
}

static int tap_open(struct net_port *p, struct err *e)
{
    struct tap *t = p->priv;
    int rc, fd;

    t->p = p;
    t->t.fd = -1;
    if (t->fd) {
        rc = os_sock_take(t->fd, &fd, e);
        if (rc == 0)
            rc = os_tap_take(&t->t, fd, e);
    } else {
        rc = os_tap_open(&t->t, t->ifname, t->vnet_hdr != 2, e);
    }
    if (rc < 0)
        return rc;
    t->opened = true;
    if (t->vnet_hdr == 1 && !t->t.vnet_hdr)
        return err_text(e, ENOTSUP, "tap interface '%s' has no vnet_hdr", t->t.name);
    /* The peer's default script, where an administrator has made it. */
    if (!t->fd && !t->script && access(DEFAULT_SCRIPT, X_OK) == 0)
        t->script = mem_strdup(DEFAULT_SCRIPT);
    if (!t->fd && t->script && strcmp(t->script, "no") != 0 && *t->script) {
        rc = run_script(t->script, t->t.name, e);
        if (rc < 0)
            return rc;
    }
    p->takes =
        t->t.vnet_hdr ? NET_OFF_CSUM | NET_OFF_TSO4 | NET_OFF_TSO6 | NET_OFF_ECN | NET_OFF_UFO : 0;
    t->buf = mem_alloc(OS_TAP_HDR + NET_FRAME_MAX);
    t->watch = os_watch_new(p->loop, t->t.fd, on_events, t);
    if (!t->watch)
        return err_set(e, errno, "tap interface '%s'", t->t.name);
    rewatch(t);
    return 0;
}

static void tap_close(struct net_port *p)
{
    struct tap *t = p->priv;
    struct err e;

    if (t->watch)
        os_watch_free(t->watch);
    if (t->opened && !t->fd && t->downscript && strcmp(t->downscript, "no") != 0 &&
        *t->downscript && run_script(t->downscript, t->t.name, &e) < 0)
        log_warn("netdev '%s': %s", p->id, e.text);
    os_tap_close(&t->t);
    free(t->buf);
}

static void tap_info(struct net_port *p, char *text, size_t size)
{
    struct tap *t = p->priv;

    snprintf(text, size, "ifname=%s,vnet_hdr=%s", t->t.name, t->t.vnet_hdr ? "on" : "off");
}

static const struct prop tap_props[] = {
    {.name = "ifname",
     .type = PROP_STR,
     .offset = offsetof(struct tap, ifname),
     .help = "interface; made when there is none of that name"},
    {.name = "script",
     .type = PROP_STR,
     .offset = offsetof(struct tap, script),
     .help = "program run with the interface's name when it is open (" DEFAULT_SCRIPT
             " where that exists), or no"},
    {.name = "downscript",
     .type = PROP_STR,
     .offset = offsetof(struct tap, downscript),
     .help = "program run at the end, or no"},
    {.name = "fd",
     .type = PROP_STR,
     .offset = offsetof(struct tap, fd),
     .help = "number of a tap descriptor that was inherited"},
    {.name = "vnet_hdr",
     .type = PROP_AUTO,
     .offset = offsetof(struct tap, vnet_hdr),
     .help = "frames may pass with checksums and segmentation left to do"},
    {0},
};

const struct net_backend net_tap = {
    .name = "tap",
    .help = "an interface of the host",
    .size = sizeof(struct tap),
    .props = tap_props,
    .open = tap_open,
    .close = tap_close,
    .send = tap_send,
    .resume = tap_resume,
    .offload = tap_offload,
    .info = tap_info,
};
