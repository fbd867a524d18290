/* virtconsole and virtserialport: one port of a virtio-serial, between its two queues and a chr.
 * Everything runs on the loop; ring work is locked by the virtio-serial's lock. Knows nothing of
 * control messages.
 */
#include "base/trace.h"
#include "dev/virtio/console_int.h"
#include "dev/virtio/trace.def"

enum { AT_ONCE = 4096 };

extern const struct dev_class dev_class_virtconsole, dev_class_virtserialport;
extern const struct dev_class dev_class_virtio_serial_device, dev_class_virtio_serial_pci;

static struct virtio_port *port_of(struct dev *d)
{
    return container_of(d, struct virtio_port, dev);
}

static struct os_mutex *lock_of(struct virtio_port *p)
{
    return &p->serial->v.pci.dev.lock;
}

static struct virtio_queue *queue_of(struct virtio_port *p, bool output)
{
    return &p->serial->v.queues[serial_queue((unsigned)p->number, output)];
}

/* Drivers without MULTIPORT have port 0 alone, always open. */
static bool guest_listens(const struct virtio_port *p)
{
    return p->serial->guest_open[p->number] || !virtio_has(&p->serial->v, SERIAL_F_MULTIPORT);
}

/* ---- output: driver to backend ---- */

/* Bytes from `at` of the request on; false: the backend is full, *at says how far it went. */
static bool write_out(struct virtio_port *p, const struct virtio_chain *c, uint32_t *at)
{
    size_t skip = *at;

    for (uint32_t i = 0; i < c->nout; i++) {
        const struct iovec *iov = &c->iov[i];
        size_t want, done;

        if (skip >= iov->iov_len) {
            skip -= iov->iov_len;
            continue;
        }
        want = iov->iov_len - skip;
        done = p->chr ? chr_write(p->chr, (const char *)iov->iov_base + skip, want) : want;
        trace_dev(virtio_serial_output, &p->serial->v.pci.dev, "port %u: %zu of %zu",
                  (unsigned)p->number, done, want);
        *at += (uint32_t)done;
        if (done < want)
            return false;
        skip = 0;
    }
    return true;
}

/* The next request and how far it went before; NULL: none. *more: some came while kicks were off.
 */
static struct virtio_chain *take_output(struct virtio_port *p, uint32_t *at, bool *more)
{
    struct virtio_queue *q = queue_of(p, true);
    struct virtio_chain *c;

    os_mutex_lock(lock_of(p));
    virtio_kicks(q, false);
    c = virtio_pop(q);
    *more = c || virtio_kicks(q, true);
    *at = p->serial->sent[p->number];
    os_mutex_unlock(lock_of(p));
    return c;
}

/* A reset meanwhile has forgotten the request, and `sent` is of another one. */
static void end_output(struct virtio_port *p, struct virtio_chain *c, bool whole, uint32_t at)
{
    struct virtio_queue *q = c->q;

    os_mutex_lock(lock_of(p));
    if (c->epoch == q->epoch)
        p->serial->sent[p->number] = whole ? 0 : at;
    if (whole) {
        virtio_put(c, 0);
        virtio_publish(q);
    } else {
        virtio_unpop(c);
    }
    os_mutex_unlock(lock_of(p));
}

void port_output(struct virtio_port *p)
{
    bool more = true;
    unsigned budget;

    if (!p->serial)
        return;
    for (budget = 2 * queue_of(p, true)->max; more && budget; budget--) {
        uint32_t at;
        struct virtio_chain *c = take_output(p, &at, &more);
        bool whole;

        if (!c)
            continue;
        whole = c->out_size > UINT32_MAX || write_out(p, c, &at);
        end_output(p, c, whole, at);
        if (!whole)
            return; /* writable() comes back to it */
    }
    if (more)
        virtio_poke(queue_of(p, true));
}

static void chr_is_writable(void *opaque)
{
    port_output(opaque);
}

void port_emergency(struct virtio_serial *s)
{
    uint8_t text[sizeof(s->emergency)];
    uint32_t n;

    os_mutex_lock(&s->v.pci.dev.lock);
    n = s->emergencies;
    memcpy(text, s->emergency, sizeof(text));
    s->emergencies = 0;
    os_mutex_unlock(&s->v.pci.dev.lock);
    if (n && s->ports[0] && s->ports[0]->chr)
        chr_write(s->ports[0]->chr, text, n);
}

/* ---- input: backend to driver ---- */

static size_t chr_can_receive(void *opaque)
{
    struct virtio_port *p = opaque;
    struct virtio_chain *c = NULL;
    struct virtio_queue *q;
    size_t room = 0;

    if (!p->serial)
        return 0;
    q = queue_of(p, false);
    os_mutex_lock(lock_of(p));
    if (guest_listens(p)) {
        do {
            c = virtio_pop(q);
        } while (!c && virtio_kicks(q, true));
    }
    if (c) {
        room = (size_t)min_of(c->in_size, (uint64_t)AT_ONCE);
        virtio_unpop(c);
    }
    os_mutex_unlock(lock_of(p));
    return room;
}

static void chr_receive(void *opaque, const uint8_t *data, size_t size)
{
    struct virtio_port *p = opaque;
    struct virtio_chain *c;
    struct virtio_queue *q;

    if (!p->serial)
        return;
    q = queue_of(p, false);
    os_mutex_lock(lock_of(p));
    while (size && (c = virtio_pop(q))) {
        size_t n = virtio_iov_set(c->iov + c->nout, c->nin, 0, data, size);

        virtio_put(c, n);
        data += n;
        size -= n;
        if (!n)
            break;
    }
    virtio_publish(q);
    os_mutex_unlock(lock_of(p));
}

void port_input_ready(struct virtio_port *p)
{
    if (p->chr)
        chr_ready(p->chr);
}

static void chr_event(void *opaque, enum chr_event event)
{
    struct virtio_port *p = opaque;
    struct virtio_serial *s = p->serial;

    if (!s || (event != CHR_OPENED && event != CHR_CLOSED))
        return;
    os_mutex_lock(lock_of(p));
    if (s->host_open[p->number] != (event == CHR_OPENED)) {
        s->host_open[p->number] = event == CHR_OPENED;
        if (s->ready && !(s->tell[p->number] & TELL_ADD)) {
            s->tell[p->number] |= TELL_OPEN;
            serial_flush_control(s);
        }
    }
    os_mutex_unlock(lock_of(p));
}

static const struct chr_ops port_chr_ops = {.can_receive = chr_can_receive,
                                            .receive = chr_receive,
                                            .event = chr_event,
                                            .writable = chr_is_writable};

/* ---- life ---- */

struct search {
    const char *id;
    struct virtio_serial *found;
};

static void look(void *arg, struct dev *d)
{
    struct search *s = arg;
    size_t n = s->id ? strcspn(s->id, ".") : 0;

    if ((d->cls == &dev_class_virtio_serial_device || d->cls == &dev_class_virtio_serial_pci) &&
        d->realized && (!s->id || (d->id && strlen(d->id) == n && !strncmp(d->id, s->id, n))))
        s->found = serial_of(virtio_of(d));
}

int virtio_serial_plug(struct dev *root, struct dev *d, struct err *e)
{
    struct virtio_port *p = port_of(d);
    struct search search = {.id = p->bus_name};
    struct virtio_serial *s;

    dev_each(root, look, &search);
    s = search.found;
    if (!s && p->bus_name)
        return err_text(e, ENOENT, "%s: no virtio-serial device has the id of bus=%s", d->cls->name,
                        p->bus_name);
    if (!s)
        return err_text(e, ENOENT,
                        "%s needs a virtio-serial device before it: -device virtio-serial-pci",
                        d->cls->name);
    p->console = d->cls == &dev_class_virtconsole;
    if (p->number < 0) {
        /* Port 0 is for a console: drivers without MULTIPORT use it as one. */
        p->number = p->console ? 0 : 1;
        while (p->number < s->max_ports && s->ports[p->number])
            p->number++;
    }
    if (p->number >= s->max_ports)
        return err_text(e, ENOSPC,
                        "%s: virtio-serial has %u ports, none is left for it; raise max_ports",
                        d->cls->name, s->max_ports);
    if (s->ports[p->number])
        return err_text(e, EBUSY, "%s: port nr=%lld is taken", d->cls->name, (long long)p->number);
    p->serial = s;
    s->ports[p->number] = p;
    return 0;
}

static int port_realize(struct dev *d, struct err *e)
{
    struct virtio_port *p = port_of(d);
    int rc;

    if (!p->serial)
        return err_text(e, EINVAL, "%s needs a virtio-serial device", d->cls->name);
    if (!p->chardev)
        return 0;
    p->chr = d->env->find_chr(d->env->machine, p->chardev);
    if (!p->chr)
        return err_text(e, ENOENT, "%s: no -chardev has the id '%s'", d->cls->name, p->chardev);
    rc = chr_attach(p->chr, &port_chr_ops, p, e);
    if (rc) {
        p->chr = NULL;
        return rc;
    }
    p->serial->host_open[p->number] = chr_connected(p->chr);
    return 0;
}

static void port_destroy(struct dev *d)
{
    struct virtio_port *p = port_of(d);

    if (p->chr)
        chr_detach(p->chr, p);
    p->chr = NULL;
    if (p->serial) {
        os_mutex_lock(lock_of(p));
        p->serial->ports[p->number] = NULL;
        p->serial->tell[p->number] = p->serial->ready ? TELL_REMOVE : 0;
        serial_flush_control(p->serial);
        os_mutex_unlock(lock_of(p));
    }
}

#define P(member) .offset = offsetof(struct virtio_port, member)
static const struct prop port_props[] = {
    {.name = "chardev", .type = PROP_LINK, P(chardev), .link = "chr", .help = "where its bytes go"},
    {.name = "name",
     .type = PROP_STR,
     P(name),
     .help = "as the guest finds it in /dev/virtio-ports"},
    {.name = "nr",
     .type = PROP_I64,
     P(number),
     .def = -1,
     .min = (uint64_t)-1,
     .max = PORTS_MAX - 1,
     .help = "port number (-1: the next)"},
    {.name = "bus",
     .type = PROP_STR,
     P(bus_name),
     .help = "virtio-serial device: its id and .0 (the last one)"},
    {0},
};

#define PORT_CLASS                                                                   \
    .bus = "virtio-serial", .size = sizeof(struct virtio_port), .props = port_props, \
    .realize = port_realize, .destroy = port_destroy

const struct dev_class dev_class_virtconsole = {
    .name = "virtconsole",
    .help = "console on a virtio-serial device",
    PORT_CLASS,
};

const struct dev_class dev_class_virtserialport = {
    .name = "virtserialport",
    .help = "named port on a virtio-serial device",
    PORT_CLASS,
};
