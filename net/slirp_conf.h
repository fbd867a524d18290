/*
 * Private to net/: the texts that configure user networking, read into what libslirp takes.
 */
#ifndef MYNA_NET_SLIRP_CONF_H
#define MYNA_NET_SLIRP_CONF_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

/* "tcp:[HOST]:PORT-[GUEST]:PORT"; "udp:..."; no word before the first colon is tcp. guest.s_addr 0:
 * the first address that DHCP gives. */
struct slirp_hostfwd {
    bool udp;
    struct in_addr host, guest;
    uint16_t host_port, guest_port;
};
int must_check slirp_parse_hostfwd(const char *text, struct slirp_hostfwd *out, struct err *e);

/* "tcp:SERVER:PORT-cmd:COMMAND", "-tcp:HOST:PORT", "-unix:PATH" */
enum slirp_guestfwd_kind { SLIRP_FWD_CMD, SLIRP_FWD_TCP, SLIRP_FWD_UNIX };
struct slirp_guestfwd {
    struct in_addr server;
    uint16_t port;
    enum slirp_guestfwd_kind kind;
    const char *target; /* within the text */
};
int must_check slirp_parse_guestfwd(const char *text, struct slirp_guestfwd *out, struct err *e);

/* "10.0.2.0/24", "10.0.2.0/255.255.255.0", "10.0.2.0" (by its class) */
int must_check slirp_parse_net(const char *text, struct in_addr *net, struct in_addr *mask,
                               struct err *e);
/* An address inside the net. */
int must_check slirp_parse_address(const char *what, const char *text, struct in_addr net,
                                   struct in_addr mask, struct in_addr *out, struct err *e);

#endif
