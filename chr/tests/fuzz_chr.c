/* Fuzz target: the short forms of character devices, telnet, and the keys of a shared stream. */
#include <stdlib.h>
#include <string.h>

#include "chr/chr_int.h"
#include "chr/telnet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void legacy(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    json_t *conf;
    struct err e;

    memcpy(text, data, size);
    text[size] = '\0';
    if (chr_parse_legacy(text, &conf, &e) == 0)
        json_decref(conf);
    else if (conf)
        abort();
    free(text);
}

static void telnet(const uint8_t *data, size_t size)
{
    struct telnet t = {0};
    uint8_t *copy = malloc(size ? size : 1);
    unsigned breaks = 0;

    memcpy(copy, data, size);
    if (telnet_decode(&t, copy, size, &breaks) + breaks > size)
        abort();
    free(copy);
}

struct front {
    size_t room;
};

static size_t can_receive(void *opaque)
{
    return ((struct front *)opaque)->room;
}

static void receive(void *opaque, const uint8_t *data, size_t size)
{
    struct front *f = opaque;

    if (size > f->room || !data)
        abort();
    f->room -= size;
}

static void mux(const uint8_t *data, size_t size)
{
    static const struct chr_ops ops = {.can_receive = can_receive, .receive = receive};
    struct front a = {.room = size / 3}, b = {.room = size / 5};
    json_t *conf = json_pack("{s:s,s:b}", "backend", "ringbuf", "mux", 1);
    struct os_loop *loop;
    struct chr *c;
    struct err e;

    if (os_loop_new(&loop, &e) < 0 || chr_new(&c, loop, conf, &e) < 0 ||
        chr_attach(c, &ops, &a, &e) < 0 || chr_attach(c, &ops, &b, &e) < 0)
        abort();
    while (size) {
        size_t n = chr_in_room(c);

        n = n < size ? n : size;
        if (!n)
            break;
        chr_in(c, data, n);
        data += n;
        size -= n;
    }
    a.room = b.room = SIZE_MAX;
    chr_ready(c);
    chr_free(c);
    os_loop_free(loop);
    json_decref(conf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    legacy(data, size);
    telnet(data, size);
    mux(data, size);
    return 0;
}
