/* Fuzz target: what configures user networking, and frames with offload meta as a guest gives them.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/net_int.h"
#include "net/slirp_conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void texts(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct slirp_guestfwd guest;
    struct slirp_hostfwd host;
    struct in_addr net, mask;
    struct err e;

    memcpy(text, data, size);
    text[size] = '\0';
    (void)!slirp_parse_hostfwd(text, &host, &e);
    (void)!slirp_parse_guestfwd(text, &guest, &e);
    if (slirp_parse_net(text, &net, &mask, &e) == 0 && net.s_addr & ~mask.s_addr)
        abort();
    free(text);
}

static bool piece(void *arg, const uint8_t *frame, size_t size)
{
    *(size_t *)arg += size;
    return frame && size <= NET_FRAME_MAX;
}

/* 12 bytes of meta, then the frame: in a block of its own, so that a sanitizer sees its end. */
static void frame(const uint8_t *data, size_t size)
{
    struct net_meta m;
    size_t sum = 0;
    uint8_t *f;

    if (size < 12)
        return;
    m = (struct net_meta){.flags = data[0],
                          .gso_type = data[1],
                          .hdr_len = mem_ld16le(data + 2),
                          .gso_size = mem_ld16le(data + 4),
                          .csum_start = mem_ld16le(data + 6),
                          .csum_offset = mem_ld16le(data + 8)};
    size -= 12;
    f = malloc(size ? size : 1);
    memcpy(f, data + 12, size);
    if (size > 34 && data[10] & 1) { /* as far as IP it makes sense */
        mem_st16be(f + 12, data[10] & 2 ? 0x86dd : 0x0800);
        f[14] = data[10] & 2 ? 0x60 : 0x45;
        f[data[10] & 2 ? 20 : 23] = data[10] & 4 ? 6 : 17;
    }
    (void)net_segment(f, size, &m, piece, &sum);
    if (sum > (size + 600) * 2048)
        abort();
    net_finish_csum(f, size, &m);
    free(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    texts(data, size);
    frame(data, size);
    return 0;
}
