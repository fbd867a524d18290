/*
 * Tap interfaces of the host: Ethernet frames in and out of its network stack.
 */
#ifndef OS_TAP_H
#define OS_TAP_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"

enum { OS_TAP_HDR = 12 }; /* bytes of virtio_net_hdr_mrg_rxbuf before each frame, with vnet_hdr */
enum { OS_TAP_CSUM = 1, OS_TAP_TSO4 = 2, OS_TAP_TSO6 = 4, OS_TAP_ECN = 8, OS_TAP_UFO = 16 };

struct os_tap {
    int fd;        /* non-blocking */
    bool vnet_hdr; /* frames carry OS_TAP_HDR bytes of virtio header */
    char name[16];
};

/* Opens interface `name` (NULL or "": the kernel chooses "tapN"), which may exist already
 * (`ip tuntap add`). *vnet_hdr in t asks for it and tells whether it was had. */
int must_check os_tap_open(struct os_tap *t, const char *name, bool vnet_hdr, struct err *e);
/* An open tap descriptor that somebody else made (libvirt); takes it. */
int must_check os_tap_take(struct os_tap *t, int fd, struct err *e);
/* What the reader takes unfinished: OS_TAP_* */
void os_tap_offload(const struct os_tap *t, unsigned offload);
void os_tap_close(struct os_tap *t);

#endif
