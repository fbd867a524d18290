/*
 * Frames of a port in a pcap file (the classic format, link type Ethernet). Owns the file.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/net_int.h"

enum { PCAP_MAGIC = 0xa1b2c3d4, PCAP_ETHERNET = 1 };

struct net_capture {
    FILE *file;
    char *path;
    uint32_t max_len;
};

int net_port_capture(struct net_port *p, const char *path, uint32_t max_len, struct err *e)
{
    struct net_capture *c;
    uint8_t head[24] = {0};
    FILE *file = fopen(path, "wbe");

    if (!file)
        return err_set(e, errno, "cannot write the capture '%s'", path);
    max_len = max_len ? max_len : 65536;
    mem_st32le(head, PCAP_MAGIC);
    mem_st16le(head + 4, 2);
    mem_st16le(head + 6, 4);
    mem_st32le(head + 16, max_len);
    mem_st32le(head + 20, PCAP_ETHERNET);
    fwrite(head, sizeof(head), 1, file);
    fflush(file);
    c = mem_new(struct net_capture);
    c->file = file;
    c->path = mem_strdup(path);
    c->max_len = max_len;
    net_capture_free(p->capture);
    p->capture = c;
    return 0;
}

void net_capture_frame(struct net_capture *c, const struct iovec *iov, int niov)
{
    size_t size = net_iov_size(iov, niov), left;
    struct timespec now;
    uint8_t head[16];

    if (!c->file)
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    left = min_of(size, (size_t)c->max_len);
    mem_st32le(head, (uint32_t)now.tv_sec);
    mem_st32le(head + 4, (uint32_t)(now.tv_nsec / 1000));
    mem_st32le(head + 8, (uint32_t)left);
    mem_st32le(head + 12, (uint32_t)size);
    fwrite(head, sizeof(head), 1, c->file);
    for (int i = 0; i < niov && left; i++) {
        size_t n = min_of(left, iov[i].iov_len);

        fwrite(iov[i].iov_base, 1, n, c->file);
        left -= n;
    }
    /* Whole frames in the file at any time: it is read while the machine runs. */
    if (fflush(c->file)) {
        log_warn("cannot write the capture '%s' any more: %m", c->path);
        fclose(c->file);
        c->file = NULL;
    }
}

void net_capture_free(struct net_capture *c)
{
    if (!c)
        return;
    if (c->file)
        fclose(c->file);
    free(c->path);
    free(c);
}
