/* Private to virtio-serial: console.c (the device and its control queues), console_port.c (ports).
 */
#ifndef MYNA_DEV_VIRTIO_CONSOLE_INT_H
#define MYNA_DEV_VIRTIO_CONSOLE_INT_H

#include "chr/chr.h"
#include "dev/virtio/class.h"

enum { PORTS_MAX = 31 };

/* What a port still has to tell the driver, in this order. */
enum { TELL_ADD = 1, TELL_CONSOLE = 2, TELL_NAME = 4, TELL_OPEN = 8, TELL_REMOVE = 16 };

struct virtio_port;

struct virtio_serial {
    struct virtio v; /* first */
    uint32_t max_ports;
    bool emergency_write;
    /* ---- ---- */
    struct virtio_port *ports[PORTS_MAX]; /* by number */
    /* ---- locked ---- */
    bool ready;              /* the driver said so */
    uint8_t tell[PORTS_MAX]; /* TELL_* */
    bool guest_open[PORTS_MAX];
    bool host_open[PORTS_MAX];
    uint32_t sent[PORTS_MAX]; /* bytes of the request at hand that the backend took already */
    uint8_t emergency[64];    /* characters for port 0, until the loop writes them */
    uint32_t emergencies;
};

struct virtio_port {
    struct dev dev; /* first */
    char *chardev, *name, *bus_name;
    int64_t number;
    /* ---- */
    struct virtio_serial *serial; /* NULL: not plugged, or it is gone */
    bool console;
    struct chr *chr; /* NULL: none */
};

static inline struct virtio_serial *serial_of(struct virtio *v)
{
    return container_of(v, struct virtio_serial, v);
}

#define SERIAL_F_MULTIPORT VIRTIO_BIT(1)
#define SERIAL_F_EMERGENCY VIRTIO_BIT(2)

/* Queues of port n: 0 and 1 for port 0, 2 and 3 are control, then pairs. */
static inline unsigned serial_queue(unsigned port, bool output)
{
    return (port ? 2 * port + 2 : 0) + output;
}

/* console.c; locked */
void serial_flush_control(struct virtio_serial *s);
/* console_port.c; on the loop, not locked */
void port_input_ready(struct virtio_port *p);
void port_output(struct virtio_port *p);
void port_emergency(struct virtio_serial *s);
#endif
