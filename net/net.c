/*
 * Network ports: the table of backends, and the way of frames between backend and device, with what
 * one end cannot do finished in between. Must not know how a backend moves a frame.
 */
#include "net/net.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/nearest.h"
#include "base/str.h"
#include "base/trace_define.h"
#include "net/net_int.h"
#include "net/trace.def"

enum { QUEUE_MAX = 8 << 20, QUEUE_STOP = 256 << 10 };

static const struct net_backend *const backends[] = {&net_user, &net_tap, &net_socket, &net_stream,
                                                     &net_dgram};

struct net_frame {
    struct net_frame *next;
    struct net_meta meta;
    size_t size;
    uint8_t data[];
};

static const struct net_backend *find(const json_t *conf, struct err *e)
{
    const char *names[array_size(backends) + 1] = {NULL};
    const char *name = json_string_value(json_object_get(conf, "type"));
    struct str list = {0};

    for (size_t i = 0; i < array_size(backends); i++) {
        if (name && !strcmp(name, backends[i]->name)) {
            str_free(&list);
            return backends[i];
        }
        names[i] = backends[i]->name;
        str_printf(&list, "%s%s", i ? ", " : "", names[i]);
    }
    if (!name)
        err_text(e, EINVAL, "a netdev needs a type: %s", str_text(&list));
    else
        nearest_unknown(e, "netdev", name, prop_nearest(name, names), str_text(&list));
    str_free(&list);
    return NULL;
}

static void flatten(json_t *into, const char *prefix, const json_t *from, int depth)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)from, key, value)
    {
        struct str name = {0};

        str_printf(&name, "%s%s%s", prefix, *prefix ? "." : "", key);
        if (json_is_object(value) && depth < 4)
            flatten(into, str_text(&name), value, depth + 1);
        else
            json_object_set(into, str_text(&name), value);
        str_free(&name);
    }
}

json_t *net_conf_flatten(const json_t *conf)
{
    json_t *flat = json_object();

    flatten(flat, "", conf, 0);
    return flat;
}

/* Options that may be given many times come as one text when given once. */
static void make_lists(const struct prop *props, json_t *conf)
{
    for (; props->name; props++) {
        json_t *value = props->type == PROP_LIST ? json_object_get(conf, props->name) : NULL;

        if (json_is_string(value))
            json_object_set_new(conf, props->name, json_pack("[O]", value));
    }
}

int net_backend_new(struct net_port **out, struct os_loop *loop, const json_t *conf, struct err *e)
{
    static const char *const skip[] = {"type", "id", NULL};
    const struct net_backend *be = find(conf, e);
    const char *id = json_string_value(json_object_get(conf, "id"));
    struct net_port *p;
    json_t *flat;
    int rc;

    if (!be)
        return -EINVAL;
    p = mem_new(struct net_port);
    p->be = be;
    p->priv = mem_zalloc(be->size);
    p->loop = loop;
    p->id = mem_strdup(id ? id : "");
    p->up = true;
    p->takes = be->takes;
    p->work = mem_alloc(NET_FRAME_MAX);
    flat = net_conf_flatten(conf);
    make_lists(be->props, flat);
    prop_defaults(be->props, p->priv);
    rc = prop_apply(be->props, p->priv, flat, be->name, skip, e);
    json_decref(flat);
    if (rc == 0)
        rc = be->open(p, e);
    if (rc < 0) {
        if (id)
            err_prefix(e, "netdev '%s'", id);
        net_port_free(p);
        return rc;
    }
    *out = p;
    return 0;
}

static unsigned needs(const struct net_meta *meta);

/* Frames that wait for the device and are more than it takes now (it was reset). */
static void drop_unfit(struct net_port *p)
{
    struct net_frame **at = &p->first;

    p->last = NULL;
    while (*at) {
        struct net_frame *f = *at;

        if (needs(&f->meta) & ~p->offload) {
            *at = f->next;
            trace_at(net_drop, p->id, "%zu bytes: the device, reset, does not take it as it is",
                     (size_t)f->size);
            p->queued -= f->size + sizeof(*f);
            p->dropped++;
            free(f);
        } else {
            p->last = f;
            at = &f->next;
        }
    }
}

static void drop_queue(struct net_port *p)
{
    while (p->first) {
        struct net_frame *f = p->first;

        p->first = f->next;
        free(f);
    }
    p->last = NULL;
    p->queued = 0;
}

void net_port_free(struct net_port *p)
{
    if (!p)
        return;
    if (p->be->close)
        p->be->close(p);
    drop_queue(p);
    net_capture_free(p->capture);
    prop_free(p->be->props, p->priv);
    free(p->priv);
    free(p->work);
    free(p->id);
    free(p);
}

const char *net_port_id(const struct net_port *p)
{
    return p->id;
}

/* ---- the device's side ---- */

int net_port_attach(struct net_port *p, const struct net_ops *ops, void *opaque, struct err *e)
{
    if (p->ops)
        return err_text(e, EBUSY, "netdev '%s' has a network card already", p->id);
    p->ops = ops;
    p->opaque = opaque;
    if (!p->up && ops->link)
        ops->link(opaque, false);
    return 0;
}

void net_port_detach(struct net_port *p)
{
    p->ops = NULL;
    p->opaque = NULL;
    p->owed_ready = false;
    net_port_set_offload(p, 0);
    drop_queue(p);
    if (p->be->resume)
        p->be->resume(p);
}

void net_port_set_offload(struct net_port *p, unsigned offload)
{
    p->offload = offload;
    if (!p->flushing)
        drop_unfit(p);
    if (p->be->offload)
        p->be->offload(p);
}

unsigned net_port_can(const struct net_port *p)
{
    (void)p;
    /* What the backend does not take is finished in net_port_send(), cheaper than by a guest. */
    return NET_OFF_CSUM | NET_OFF_TSO4 | NET_OFF_TSO6 | NET_OFF_ECN | NET_OFF_UFO | NET_OFF_USO;
}

void net_port_set_link(struct net_port *p, bool up)
{
    if (p->up == up)
        return;
    trace_at(net_link, p->id, "%s", up ? "up" : "down");
    p->up = up;
    if (p->ops && p->ops->link)
        p->ops->link(p->opaque, up);
}

size_t net_iov_size(const struct iovec *iov, int niov)
{
    size_t size = 0;

    for (int i = 0; i < niov; i++)
        size += iov[i].iov_len;
    return size;
}

size_t net_gather(const struct iovec *iov, int niov, uint8_t *to, size_t max)
{
    size_t size = 0;

    for (int i = 0; i < niov; i++) {
        if (iov[i].iov_len > max - size)
            return 0;
        memcpy(to + size, iov[i].iov_base, iov[i].iov_len);
        size += iov[i].iov_len;
    }
    return size;
}

static unsigned needs(const struct net_meta *meta)
{
    unsigned bits = meta->flags & NET_NEEDS_CSUM ? NET_OFF_CSUM : 0;

    switch (meta->gso_type & ~(unsigned)NET_GSO_ECN) {
    case NET_GSO_NONE:
        break;
    case NET_GSO_TCPV4:
        bits |= NET_OFF_TSO4;
        break;
    case NET_GSO_TCPV6:
        bits |= NET_OFF_TSO6;
        break;
    case NET_GSO_UDP:
        bits |= NET_OFF_UFO;
        break;
    default:
        bits |= NET_OFF_USO;
        break;
    }
    if (meta->gso_type & NET_GSO_ECN)
        bits |= NET_OFF_ECN;
    return bits;
}

static const struct net_meta nothing;

static bool send_piece(void *arg, const uint8_t *frame, size_t size)
{
    struct net_port *p = arg;
    struct iovec iov = {(void *)frame, size};

    /* Pieces that do not fit now are lost, as on a wire; the first has gone, so the frame is not
     * tried again. */
    if (!p->be->send(p, &iov, 1, &nothing)) {
        trace_at(net_drop, p->id, "%zu bytes: the backend is full", size);
        p->owed_ready = true;
        p->dropped++;
    }
    return true;
}

static bool send_unfinished(struct net_port *p, const struct iovec *iov, int niov,
                            const struct net_meta *meta)
{
    size_t size = net_gather(iov, niov, p->work, NET_FRAME_MAX);
    struct iovec whole = {p->work, size};

    if (!size)
        return true;
    if (meta->gso_type != NET_GSO_NONE) {
        if (!net_segment(p->work, size, meta, send_piece, p))
            p->dropped++;
        return true;
    }
    net_finish_csum(p->work, size, meta);
    return p->be->send(p, &whole, 1, &nothing);
}

bool net_port_send(struct net_port *p, const struct iovec *iov, int niov,
                   const struct net_meta *meta)
{
    size_t size = net_iov_size(iov, niov);
    bool ok;

    if (!p->up || size < NET_ETH_HEADER || size > NET_FRAME_MAX)
        return true;
    if (!meta)
        meta = &nothing;
    if (needs(meta) & ~p->takes)
        ok = send_unfinished(p, iov, niov, meta);
    else
        ok = p->be->send(p, iov, niov, meta);
    trace_at(net_send, p->id, "%zu bytes, kind %u%s", size, meta->gso_type,
             ok ? "" : ": the backend is full");
    if (!ok) {
        p->owed_ready = true;
        return false;
    }
    p->sent++;
    if (p->capture)
        net_capture_frame(p->capture, iov, niov);
    return true;
}

void net_port_room(struct net_port *p)
{
    if (!p->owed_ready)
        return;
    p->owed_ready = false;
    if (p->ops && p->ops->ready)
        p->ops->ready(p->opaque);
}

/* ---- the backend's side ---- */

bool net_port_congested(const struct net_port *p)
{
    return p->queued >= QUEUE_STOP;
}

static void enqueue(struct net_port *p, const struct iovec *iov, int niov,
                    const struct net_meta *meta)
{
    size_t size = net_iov_size(iov, niov);
    struct net_frame *f;

    if (p->queued + size > QUEUE_MAX) {
        trace_at(net_drop, p->id, "%zu bytes: the guest takes too little", size);
        p->dropped++;
        return;
    }
    f = mem_alloc(sizeof(*f) + size);
    f->next = NULL;
    f->meta = *meta;
    f->size = net_gather(iov, niov, f->data, size);
    if (p->last)
        p->last->next = f;
    else
        p->first = f;
    p->last = f;
    p->queued += size + sizeof(*f);
    trace_at(net_queue, p->id, "%zu bytes, %zu wait", size, (size_t)p->queued);
}

static void give(struct net_port *p, const struct iovec *iov, int niov, const struct net_meta *meta)
{
    struct net_meta m = *meta;

    if (!p->ops)
        return;
    if (!(p->offload & NET_OFF_CSUM))
        m.flags &= (uint8_t)~NET_DATA_VALID;
    if (p->first || !p->ops->receive(p->opaque, iov, niov, &m))
        enqueue(p, iov, niov, &m);
}

static bool give_piece(void *arg, const uint8_t *frame, size_t size)
{
    struct iovec iov = {(void *)frame, size};

    give(arg, &iov, 1, &nothing);
    return true;
}

bool net_port_deliver(struct net_port *p, const struct iovec *iov, int niov,
                      const struct net_meta *meta)
{
    size_t size = net_iov_size(iov, niov);
    struct iovec whole;

    if (!p->ops || !p->up || size < NET_ETH_HEADER || size > NET_FRAME_MAX)
        return true;
    trace_at(net_receive, p->id, "%zu bytes, kind %u", size, meta->gso_type);
    p->received++;
    if (p->capture)
        net_capture_frame(p->capture, iov, niov);
    if (!(needs(meta) & ~p->offload)) {
        give(p, iov, niov, meta);
    } else {
        size = net_gather(iov, niov, p->work, NET_FRAME_MAX);
        whole = (struct iovec){p->work, size};
        if (meta->gso_type != NET_GSO_NONE) {
            if (!net_segment(p->work, size, meta, give_piece, p))
                p->dropped++;
        } else {
            net_finish_csum(p->work, size, meta);
            give(p, &whole, 1, &nothing);
        }
    }
    return !net_port_congested(p);
}

void net_port_ready(struct net_port *p)
{
    if (p->flushing)
        return;
    p->flushing = true;
    while (p->first && p->ops) {
        struct net_frame *f = p->first;
        struct iovec iov = {f->data, f->size};

        if (!p->ops->receive(p->opaque, &iov, 1, &f->meta))
            break;
        if (p->first != f)
            break; /* detached meanwhile: the queue is gone */
        p->first = f->next;
        if (!p->first)
            p->last = NULL;
        p->queued -= f->size + sizeof(*f);
        free(f);
    }
    p->flushing = false;
    if (!net_port_congested(p) && p->be->resume)
        p->be->resume(p);
}

void net_port_info(const struct net_port *p, json_t *into)
{
    char text[256] = "";

    if (p->be->info)
        p->be->info((struct net_port *)p, text, sizeof(text));
    json_object_set_new(into, "id", json_string(p->id));
    json_object_set_new(into, "type", json_string(p->be->name));
    json_object_set_new(into, "info", json_string(text));
    json_object_set_new(into, "link", json_boolean(p->up));
    json_object_set_new(into, "sent", json_integer((json_int_t)p->sent));
    json_object_set_new(into, "received", json_integer((json_int_t)p->received));
    json_object_set_new(into, "dropped", json_integer((json_int_t)p->dropped));
}
