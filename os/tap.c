/*
 * Tap interfaces by /dev/net/tun. Must not know what frames are.
 */
#include "os/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int explain(int code, const char *name, struct err *e)
{
    if (code == EPERM || code == EACCES)
        return err_text(
            e, code,
            "cannot open tap interface '%s': not permitted; make it once with "
            "`sudo ip tuntap add dev %s mode tap user $USER` and `sudo ip link set %s up`",
            name, name, name);
    if (code == EBUSY)
        return err_text(e, code, "tap interface '%s' is in use by another program", name);
    return err_set(e, code, "cannot open tap interface '%s'", name);
}

int os_tap_open(struct os_tap *t, const char *name, bool vnet_hdr, struct err *e)
{
    struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    unsigned features = 0;
    int size = OS_TAP_HDR, code;

    if (name && strlen(name) >= IFNAMSIZ)
        return err_text(e, EINVAL, "tap interface name '%s' is longer than %d characters", name,
                        IFNAMSIZ - 1);
    t->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (t->fd < 0) {
        if (errno == ENOENT)
            return err_text(e, ENOENT, "no /dev/net/tun on this host: try `sudo modprobe tun`");
        return err_set(e, errno, "cannot open /dev/net/tun");
    }
    if (vnet_hdr && ioctl(t->fd, TUNGETFEATURES, &features) == 0 && features & IFF_VNET_HDR)
        ifr.ifr_flags |= IFF_VNET_HDR;
    strncpy(ifr.ifr_name, name && *name ? name : "tap%d", IFNAMSIZ - 1);
    if (ioctl(t->fd, TUNSETIFF, &ifr) < 0) {
        code = errno;
        os_tap_close(t);
        return explain(code, name && *name ? name : "tap0", e);
    }
    t->vnet_hdr = ifr.ifr_flags & IFF_VNET_HDR;
    if (t->vnet_hdr && ioctl(t->fd, TUNSETVNETHDRSZ, &size) < 0) {
        code = errno;
        os_tap_close(t);
        return err_set(e, code, "cannot set the header size of tap interface '%s'", ifr.ifr_name);
    }
    memcpy(t->name, ifr.ifr_name, sizeof(t->name));
    t->name[sizeof(t->name) - 1] = '\0';
    os_tap_offload(t, 0);
    return 0;
}

int os_tap_take(struct os_tap *t, int fd, struct err *e)
{
    struct ifreq ifr = {0};
    int size = OS_TAP_HDR, flags = fcntl(fd, F_GETFL);

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return err_set(e, errno, "tap descriptor %d", fd);
    if (ioctl(fd, TUNGETIFF, &ifr) < 0)
        return err_set(e, errno, "descriptor %d is no tap interface", fd);
    if (!(ifr.ifr_flags & IFF_TAP))
        return err_text(e, EINVAL, "descriptor %d is a tun interface, not a tap", fd);
    t->fd = fd;
    t->vnet_hdr = ifr.ifr_flags & IFF_VNET_HDR;
    if (t->vnet_hdr && ioctl(fd, TUNSETVNETHDRSZ, &size) < 0)
        return err_set(e, errno, "cannot set the header size of tap descriptor %d", fd);
    memcpy(t->name, ifr.ifr_name, sizeof(t->name));
    t->name[sizeof(t->name) - 1] = '\0';
    return 0;
}

void os_tap_offload(const struct os_tap *t, unsigned offload)
{
    unsigned long flags =
        (offload & OS_TAP_CSUM ? TUN_F_CSUM : 0ul) | (offload & OS_TAP_TSO4 ? TUN_F_TSO4 : 0ul) |
        (offload & OS_TAP_TSO6 ? TUN_F_TSO6 : 0ul) | (offload & OS_TAP_ECN ? TUN_F_TSO_ECN : 0ul) |
        (offload & OS_TAP_UFO ? TUN_F_UFO : 0ul);

    if (!t->vnet_hdr)
        return;
    /* Newer kernels may refuse what is obsolete: then without it. */
    if (ioctl(t->fd, TUNSETOFFLOAD, flags) < 0)
        (void)ioctl(t->fd, TUNSETOFFLOAD, flags & ~(unsigned long)TUN_F_UFO);
}

void os_tap_close(struct os_tap *t)
{
    if (t->fd >= 0)
        close(t->fd);
    t->fd = -1;
}
