/*
 * Reads the texts of -netdev user (slirp_conf.h). Must not know libslirp.
 */
#include "net/slirp_conf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_MAX = 256 };

/* Copies up to `stop` (which is skipped) or fails. */
static const char *take(const char *at, char stop, char *word)
{
    const char *end = strchr(at, stop);

    if (!end || end - at >= WORD_MAX)
        return NULL;
    memcpy(word, at, (size_t)(end - at));
    word[end - at] = '\0';
    return end + 1;
}

static bool port_number(const char *text, bool zero_ok, uint16_t *out)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end || n > 65535 || (!n && !zero_ok))
        return false;
    *out = (uint16_t)n;
    return true;
}

static bool address(const char *text, struct in_addr *out)
{
    out->s_addr = 0;
    if (!strcmp(text, "localhost"))
        text = "127.0.0.1";
    return !*text || inet_pton(AF_INET, text, out) == 1;
}

static bool protocol(const char *word, bool *udp)
{
    *udp = !strcmp(word, "udp");
    return *udp || !*word || !strcmp(word, "tcp");
}

int slirp_parse_hostfwd(const char *text, struct slirp_hostfwd *out, struct err *e)
{
    char word[WORD_MAX];
    const char *at = take(text, ':', word);

    if (!at || !protocol(word, &out->udp))
        goto bad;
    at = take(at, ':', word);
    if (!at || !address(word, &out->host))
        goto bad;
    at = take(at, '-', word);
    if (!at || !port_number(word, true, &out->host_port))
        goto bad;
    at = take(at, ':', word);
    if (!at || !address(word, &out->guest) || !port_number(at, false, &out->guest_port))
        goto bad;
    return 0;
bad:
    return err_text(
        e, EINVAL,
        "hostfwd='%s': the form is tcp:HOSTADDRESS:PORT-GUESTADDRESS:PORT, both addresses "
        "may be empty: tcp::2222-:22",
        text);
}

int slirp_parse_guestfwd(const char *text, struct slirp_guestfwd *out, struct err *e)
{
    static const struct {
        const char *prefix;
        enum slirp_guestfwd_kind kind;
    } kinds[] = {{"cmd:", SLIRP_FWD_CMD}, {"tcp:", SLIRP_FWD_TCP}, {"unix:", SLIRP_FWD_UNIX}};
    char word[WORD_MAX];
    const char *at = take(text, ':', word);
    bool udp;

    if (!at || !protocol(word, &udp) || udp)
        goto bad;
    at = take(at, ':', word);
    if (!at || !*word || !address(word, &out->server))
        goto bad;
    at = take(at, '-', word);
    if (!at || !port_number(word, false, &out->port))
        goto bad;
    for (size_t i = 0; i < array_size(kinds); i++)
        if (!strncmp(at, kinds[i].prefix, strlen(kinds[i].prefix))) {
            out->kind = kinds[i].kind;
            out->target = at + strlen(kinds[i].prefix);
            if (*out->target)
                return 0;
        }
bad:
    return err_text(e, EINVAL,
                    "guestfwd='%s': the form is tcp:ADDRESS:PORT-cmd:COMMAND, ...-tcp:HOST:PORT or "
                    "...-unix:PATH",
                    text);
}

int slirp_parse_net(const char *text, struct in_addr *net, struct in_addr *mask, struct err *e)
{
    char word[WORD_MAX];
    const char *rest = take(text, '/', word);
    uint32_t bits, host;
    char *end;

    if (inet_pton(AF_INET, rest ? word : text, net) != 1)
        goto bad;
    host = ntohl(net->s_addr);
    if (!rest) {
        bits = !(host & 0x80000000u)                 ? 8
               : (host & 0xfff00000u) == 0xac100000u ? 12
               : (host & 0xffff0000u) == 0xc0a80000u ? 16
               : (host & 0xc0000000u) == 0x80000000u ? 16
                                                     : 24;
    } else if (strchr(rest, '.')) {
        if (inet_pton(AF_INET, rest, mask) != 1 ||
            (~ntohl(mask->s_addr) & (~ntohl(mask->s_addr) + 1)))
            goto bad;
        bits = (uint32_t)__builtin_popcount(mask->s_addr);
    } else {
        bits = (uint32_t)strtoul(rest, &end, 10);
        if (*end || end == rest)
            goto bad;
    }
    if (bits < 4 || bits > 29)
        goto bad;
    mask->s_addr = htonl(~0u << (32 - bits));
    net->s_addr &= mask->s_addr;
    return 0;
bad:
    return err_text(e, EINVAL, "net='%s': the form is ADDRESS/BITS with 4 to 29 bits: 10.0.2.0/24",
                    text);
}

int slirp_parse_address(const char *what, const char *text, struct in_addr net, struct in_addr mask,
                        struct in_addr *out, struct err *e)
{
    char in[INET_ADDRSTRLEN];

    if (inet_pton(AF_INET, text, out) != 1)
        return err_text(e, EINVAL, "%s='%s' is no IPv4 address", what, text);
    /* "0.0.0.5" is the fifth of the net. */
    if (!(out->s_addr & mask.s_addr))
        out->s_addr |= net.s_addr;
    if ((out->s_addr & mask.s_addr) != net.s_addr)
        return err_text(e, EINVAL, "%s='%s' is outside of the guest's network %s", what, text,
                        inet_ntop(AF_INET, &net, in, sizeof(in)));
    return 0;
}
