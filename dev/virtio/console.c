/* virtio-serial (VIRTIO 1.2, 5.3): the device, its control messages and which ports are open. Data
 * is console_port.c's.
 *
 * Messages to the driver are not queued: each port has bits for what it still has to tell, sent as
 * control buffers come.
 */
#include "dev/virtio/console_int.h"

#include "base/log.h"
#include "base/trace.h"
#include "dev/virtio/trace.def"

enum { CONTROL_IN = 2, CONTROL_OUT = 3, DATA_SIZE = 128, CONTROL_SIZE = 32 };
enum {
    DEVICE_READY = 0,
    PORT_ADD = 1,
    PORT_REMOVE = 2,
    PORT_READY = 3,
    CONSOLE_PORT = 4,
    PORT_OPEN = 6,
    PORT_NAME = 7
};
enum { C_MAX_PORTS = 4, C_EMERGENCY = 8, C_SIZE = 12, MESSAGE = 8, NAME_MAX_LENGTH = 256 };

/* ---- control messages ---- */

/* The next thing that port n has to tell; its length in `to`. */
static size_t next_message(struct virtio_serial *s, unsigned n, uint8_t *to)
{
    static const uint16_t events[] = {PORT_ADD, CONSOLE_PORT, PORT_NAME, PORT_OPEN, PORT_REMOVE};
    unsigned bit = bits_ctz32(s->tell[n]);
    const struct virtio_port *p = s->ports[n];
    size_t length = MESSAGE;

    s->tell[n] &= (uint8_t) ~(1u << bit);
    mem_st32le(to, n);
    mem_st16le(to + 4, events[bit]);
    mem_st16le(to + 6, events[bit] == PORT_OPEN ? s->host_open[n] : 1);
    if (events[bit] == PORT_NAME && p && p->name) {
        size_t name = min_of(strlen(p->name), (size_t)NAME_MAX_LENGTH - 1) + 1;

        memcpy(to + MESSAGE, p->name, name - 1);
        to[MESSAGE + name - 1] = 0;
        length += name;
    }
    return length;
}

void serial_flush_control(struct virtio_serial *s)
{
    struct virtio_queue *q = &s->v.queues[CONTROL_IN];
    uint8_t message[MESSAGE + NAME_MAX_LENGTH];

    if (!s->ready)
        return;
    for (unsigned n = 0; n < PORTS_MAX; n++) {
        while (s->tell[n]) {
            struct virtio_chain *c = virtio_pop(q);

            if (!c) {
                if (virtio_kicks(q, true))
                    continue;
                goto out;
            }
            virtio_put(c, virtio_iov_set(c->iov + c->nout, c->nin, 0, message,
                                         next_message(s, n, message)));
        }
    }
out:
    virtio_publish(q);
}

static void port_is_ready(struct virtio_serial *s, unsigned n, bool good)
{
    struct virtio_port *p = s->ports[n];

    if (!good) {
        dev_guest(&s->v.pci.dev, "the driver could not make port %u", n);
        return;
    }
    s->tell[n] |= (uint8_t)((p->console ? TELL_CONSOLE : 0) | (p->name ? TELL_NAME : 0) |
                            (s->host_open[n] ? TELL_OPEN : 0));
}

/* Returns a port that can take input now; PORTS_MAX: none. */
static unsigned control(struct virtio_serial *s, const struct virtio_chain *c)
{
    uint8_t message[MESSAGE];
    unsigned n, value;

    if (virtio_iov_get(c->iov, c->nout, 0, message, MESSAGE) != MESSAGE)
        return PORTS_MAX;
    n = mem_ld32le(message);
    value = mem_ld16le(message + 6);
    trace_dev(virtio_serial_control, &s->v.pci.dev, "port %u: event %u, value %u", n,
              mem_ld16le(message + 4), value);
    if (mem_ld16le(message + 4) == DEVICE_READY) {
        s->ready = value;
        for (unsigned i = 0; i < PORTS_MAX; i++)
            s->tell[i] = s->ports[i] && value ? TELL_ADD : 0;
        return PORTS_MAX;
    }
    if (n >= PORTS_MAX || !s->ports[n])
        return PORTS_MAX;
    if (mem_ld16le(message + 4) == PORT_READY)
        port_is_ready(s, n, value);
    if (mem_ld16le(message + 4) != PORT_OPEN)
        return PORTS_MAX;
    s->guest_open[n] = value;
    return value ? n : PORTS_MAX;
}

static void kick_control(struct virtio_serial *s, struct virtio_queue *q)
{
    uint32_t opened = 0;
    unsigned budget = q->max;
    struct virtio_chain *c;

    os_mutex_lock(&s->v.pci.dev.lock);
    while (budget-- && (c = virtio_pop(q))) {
        unsigned n = control(s, c);

        if (n < PORTS_MAX)
            opened |= 1u << n;
        virtio_put(c, 0);
    }
    virtio_publish(q);
    if (virtio_kicks(q, true))
        virtio_poke(q);
    serial_flush_control(s);
    os_mutex_unlock(&s->v.pci.dev.lock);
    for (unsigned n = 0; n < PORTS_MAX; n++) {
        if (opened & 1u << n)
            port_input_ready(s->ports[n]);
    }
}

static void serial_kick(struct virtio *v, struct virtio_queue *q)
{
    struct virtio_serial *s = serial_of(v);
    unsigned n = q->index < 2 ? 0 : q->index / 2 - 1;

    if (q->index == CONTROL_OUT) {
        kick_control(s, q);
    } else if (q->index == CONTROL_IN) {
        os_mutex_lock(&v->pci.dev.lock);
        serial_flush_control(s);
        os_mutex_unlock(&v->pci.dev.lock);
    } else if (n < PORTS_MAX && s->ports[n]) {
        if (q->index & 1)
            port_output(s->ports[n]);
        else
            port_input_ready(s->ports[n]);
    }
}

/* ---- the rest ---- */

static void serial_config_write(struct virtio *v, unsigned at, unsigned size, uint64_t value)
{
    struct virtio_serial *s = serial_of(v);

    (void)size;
    if (at != C_EMERGENCY || !s->emergency_write || s->emergencies == sizeof(s->emergency))
        return;
    s->emergency[s->emergencies++] = (uint8_t)value;
    if (v->pci.dev.env->loop)
        os_loop_post(v->pci.dev.env->loop, &v->changed_task);
}

static void serial_changed(struct virtio *v)
{
    struct virtio_serial *s = serial_of(v);

    port_emergency(s);
    for (unsigned n = 0; n < PORTS_MAX; n++) {
        if (s->ports[n])
            port_input_ready(s->ports[n]);
    }
}

static int serial_realize(struct virtio *v, struct err *e)
{
    struct virtio_serial *s = serial_of(v);

    if (!s->max_ports || s->max_ports > PORTS_MAX)
        return err_text(e, EINVAL, "%s: max_ports=%u is not from 1 to %u", v->pci.dev.cls->name,
                        s->max_ports, PORTS_MAX);
    v->offered |= SERIAL_F_MULTIPORT | (s->emergency_write ? SERIAL_F_EMERGENCY : 0);
    virtio_queues_set(v, 2 * s->max_ports + 2, DATA_SIZE);
    v->queues[CONTROL_IN].max = v->queues[CONTROL_OUT].max = CONTROL_SIZE;
    mem_st32le(v->config + C_MAX_PORTS, s->max_ports);
    v->config_size = C_SIZE;
    return 0;
}

static void serial_destroy(struct virtio *v)
{
    struct virtio_serial *s = serial_of(v);

    for (unsigned n = 0; n < PORTS_MAX; n++) {
        if (s->ports[n])
            s->ports[n]->serial = NULL;
        s->ports[n] = NULL;
    }
}

static void serial_reset(struct virtio *v)
{
    struct virtio_serial *s = serial_of(v);

    s->ready = false;
    memset(s->tell, 0, sizeof(s->tell));
    memset(s->guest_open, 0, sizeof(s->guest_open));
    memset(s->sent, 0, sizeof(s->sent));
    s->emergencies = 0;
}

static int serial_loaded(struct virtio *v, struct err *e)
{
    struct virtio_serial *s = serial_of(v);

    if (s->emergencies > sizeof(s->emergency))
        return err_text(e, EINVAL, "virtio-serial: %u saved characters", s->emergencies);
    for (unsigned n = 0; n < PORTS_MAX; n++) {
        bool connected = s->ports[n] && s->ports[n]->chr && chr_connected(s->ports[n]->chr);

        s->tell[n] &= s->ports[n] ? 0x1f : 0;
        /* The host's side may be another one now. */
        if (s->host_open[n] != connected && s->ports[n])
            s->tell[n] |= TELL_OPEN;
        s->host_open[n] = connected;
        if (s->sent[n] && n < s->max_ports) /* the backend's room does not matter now: try again */
            virtio_poke(&v->queues[serial_queue(n, true)]);
    }
    return 0;
}

static const struct virtio_type serial_type = {
    .name = "virtio-serial",
    .id = 3,
    .legacy_pci_id = 0x1003,
    .class_code = 0x078000,
    .realize = serial_realize,
    .destroy = serial_destroy,
    .kick = serial_kick,
    .changed = serial_changed,
    .config_write = serial_config_write,
    .reset = serial_reset,
    .loaded = serial_loaded,
};

#define S(member) .offset = offsetof(struct virtio_serial, member)
#define SERIAL_PROPS                                                                \
    {.name = "max_ports",                                                           \
     .type = PROP_U32,                                                              \
     S(max_ports),                                                                  \
     .def = PORTS_MAX,                                                              \
     .help = "ports, at most 31"},                                                  \
    {                                                                               \
        .name = "emergency-write", .type = PROP_BOOL, S(emergency_write), .def = 1, \
        .help = "offer single characters without queues"                            \
    }
static const struct prop device_props[] = {SERIAL_PROPS, VIRTIO_PROPS, VIRTIO_DEVICE_PROPS, {0}};
static const struct prop pci_props[] = {
    SERIAL_PROPS, PCI_PROPS, VIRTIO_PROPS, VIRTIO_PCI_PROPS, {0}};

#define SERIAL_STATE                                               \
    STATE_FIELD(STATE_BOOL, struct virtio_serial, ready),          \
        STATE_ARRAY(STATE_U8, struct virtio_serial, tell),         \
        STATE_ARRAY(STATE_BOOL, struct virtio_serial, guest_open), \
        STATE_ARRAY(STATE_BOOL, struct virtio_serial, host_open),  \
        STATE_ARRAY(STATE_U32, struct virtio_serial, sent),        \
        STATE_ARRAY(STATE_U8, struct virtio_serial, emergency),    \
        STATE_FIELD(STATE_U32, struct virtio_serial, emergencies)
static const struct state_field device_state[] = {
    STATE_NESTED(struct virtio_serial, v, virtio_state), SERIAL_STATE, STATE_END};
static const struct state_field pci_state[] = {
    STATE_NESTED(struct virtio_serial, v, virtio_pci_state), SERIAL_STATE, STATE_END};

VIRTIO_REALIZE(serial_type)

const struct dev_class dev_class_virtio_serial_device = {
    .name = "virtio-serial-device",
    .bus = "virtio",
    .help = "virtio bus of consoles and ports in a virtio-mmio slot",
    VIRTIO_CLASS(struct virtio_serial, device_props, device_state, device_realize),
};

static const char *const pci_aliases[] = {"virtio-serial", "virtio-serial-pci-non-transitional",
                                          NULL};

const struct dev_class dev_class_virtio_serial_pci = {
    .name = "virtio-serial-pci",
    .aliases = pci_aliases,
    .bus = "pci",
    .help = "virtio bus of consoles and ports on PCI",
    VIRTIO_CLASS(struct virtio_serial, pci_props, pci_state, pci_realize),
};
