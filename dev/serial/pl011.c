/*
 * The PL011 UART (ARM DDI 0183G). Owns its registers, both FIFOs and what waits for the backend.
 * Must never know which board it is on, nor what kind of backend it has.
 *
 * Bits take no time: what the guest writes goes on to a backlog as long as that has room, so the
 * transmit FIFO fills only when the host does not take output. The loop empties the backlog. Baud
 * rate, word length and DMA have no effect. The port works although UARTEN, TXE or RXE are off:
 * boards hand a port over enabled by firmware, and kernels started without firmware rely on that.
 */
#include "dev/serial.h"

#include <string.h>

#include "base/log.h"
#include "base/trace_define.h"
#include "chr/chr.h"
#include "dev/serial/trace.def"
#include "os/loop.h"

enum { FIFO = 32, BACKLOG = 4096 };

/* Offsets (section 3.2). */
enum {
    DR = 0x00,
    RSR = 0x04,
    FR = 0x18,
    ILPR = 0x20,
    IBRD = 0x24,
    FBRD = 0x28,
    LCRH = 0x2c,
    CR = 0x30,
    IFLS = 0x34,
    IMSC = 0x38,
    RIS = 0x3c,
    MIS = 0x40,
    ICR = 0x44,
    DMACR = 0x48,
    ID = 0xfe0,
};
enum { FR_CTS = 1, FR_DSR = 2, FR_DCD = 4, FR_BUSY = 8 };
enum { FR_RXFE = 0x10, FR_TXFF = 0x20, FR_RXFF = 0x40, FR_TXFE = 0x80 };
enum { INT_RX = 0x10, INT_TX = 0x20, INT_RT = 0x40, INT_FE = 0x80, INT_PE = 0x100, INT_BE = 0x200 };
enum { INT_OE = 0x400, INT_MODEM = 0x0f, INT_ALL = 0x7ff };
enum { DR_BE = 0x400, DR_OE = 0x800 };
enum { LCRH_FEN = 0x10, CR_LBE = 0x80, CR_RESET = 0x300, IFLS_RESET = 0x12 };

struct pl011 {
    struct dev dev;
    char *chardev;
    struct chr *chr;
    struct irq irq;
    struct mem_region *region;
    struct os_task task;
    bool attached;
    bool throttled; /* the backend was told that there is no room */

    uint32_t rsr, ilpr, ibrd, fbrd, lcrh, cr, ifls, imsc, ris, dmacr;
    uint16_t rx[FIFO]; /* data and its error bits */
    uint32_t rx_at, rx_count;
    uint8_t tx[FIFO];
    uint32_t tx_at, tx_count;

    uint8_t out[BACKLOG]; /* left the port, not yet taken by the backend */
    uint32_t out_at, out_count;
};

static const uint8_t id_bytes[8] = {0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1};

static struct pl011 *pl011_of(struct dev *d)
{
    return container_of(d, struct pl011, dev);
}

static unsigned depth(const struct pl011 *p)
{
    return p->lcrh & LCRH_FEN ? FIFO : 1;
}

/* Entries at which a FIFO's interrupt changes: eighths by IFLS (3.3.9). */
static unsigned trigger(const struct pl011 *p, unsigned field)
{
    static const uint8_t eighths[8] = {1, 2, 4, 6, 7, 4, 4, 4};

    return p->lcrh & LCRH_FEN ? FIFO * eighths[field & 7] / 8 : 1;
}

static void update(struct pl011 *p)
{
    trace_dev(pl011_interrupt, &p->dev, "%#x of %#x", p->ris, p->imsc);
    irq_set(&p->irq, (p->ris & p->imsc) != 0);
}

/* ---- to the backend ---- */

static void kick(struct pl011 *p)
{
    if (p->dev.env->loop)
        os_loop_post(p->dev.env->loop, &p->task);
}

/* From the FIFO into the backlog. Without a backend all is gone at once. */
static void pump(struct pl011 *p)
{
    unsigned before = p->tx_count, level = trigger(p, p->ifls);

    while (p->tx_count && (!p->chr || p->out_count < BACKLOG)) {
        if (p->chr)
            p->out[(p->out_at + p->out_count++) % BACKLOG] = p->tx[p->tx_at];
        p->tx_at = (p->tx_at + 1) % FIFO;
        p->tx_count--;
    }
    /* Passed through the trigger level downwards; a FIFO of one: became empty (2.8.3). */
    if (before != p->tx_count && (depth(p) == 1 ? !p->tx_count : p->tx_count <= level))
        p->ris |= INT_TX;
    if (p->out_count)
        kick(p);
}

/* Gives the backend what it takes. The lock is not held while it is called: it may call back. */
static void flush(struct pl011 *p)
{
    uint8_t chunk[512];
    size_t size, done;

    do {
        os_mutex_lock(&p->dev.lock);
        size = p->out_count < sizeof(chunk) ? p->out_count : sizeof(chunk);
        for (size_t i = 0; i < size; i++)
            chunk[i] = p->out[(p->out_at + i) % BACKLOG];
        os_mutex_unlock(&p->dev.lock);
        done = size ? chr_write(p->chr, chunk, size) : 0;
        if (size)
            trace_dev(pl011_output, &p->dev, "%zu of %zu bytes", done, size);
        os_mutex_lock(&p->dev.lock);
        /* Only the loop takes from the backlog, but a reset may have emptied it meanwhile. */
        if (done > p->out_count)
            done = p->out_count;
        p->out_at = (p->out_at + done) % BACKLOG;
        p->out_count -= done;
        pump(p);
        update(p);
        os_mutex_unlock(&p->dev.lock);
    } while (done);
}

static void on_loop(void *arg)
{
    struct pl011 *p = arg;
    bool ready;

    flush(p);
    os_mutex_lock(&p->dev.lock);
    ready = p->throttled && p->rx_count < depth(p);
    if (ready)
        p->throttled = false;
    os_mutex_unlock(&p->dev.lock);
    if (ready)
        chr_ready(p->chr);
}

static void writable(void *opaque)
{
    flush(opaque);
}

/* ---- from the backend ---- */

static void put_rx(struct pl011 *p, uint16_t entry)
{
    if (p->rx_count >= depth(p)) {
        p->rsr |= 8;
        p->ris |= INT_OE;
        p->rx[(p->rx_at + p->rx_count - 1) % FIFO] |= DR_OE;
        return;
    }
    p->rx[(p->rx_at + p->rx_count++) % FIFO] = entry;
    if (entry & DR_BE)
        p->ris |= INT_BE;
    if (p->rx_count >= trigger(p, p->ifls >> 3))
        p->ris |= INT_RX;
}

/* The line falls silent at once after what came, so the receive timeout has no duration. */
static void rx_silent(struct pl011 *p)
{
    if (p->rx_count && depth(p) > 1)
        p->ris |= INT_RT;
    update(p);
}

static size_t can_receive(void *opaque)
{
    struct pl011 *p = opaque;
    size_t room;

    os_mutex_lock(&p->dev.lock);
    room = p->cr & CR_LBE ? 0 : depth(p) - (p->rx_count < depth(p) ? p->rx_count : depth(p));
    if (!room)
        p->throttled = true;
    os_mutex_unlock(&p->dev.lock);
    return room;
}

static void receive(void *opaque, const uint8_t *data, size_t size)
{
    struct pl011 *p = opaque;

    trace_dev(pl011_input, &p->dev, "%zu bytes", size);
    os_mutex_lock(&p->dev.lock);
    for (size_t i = 0; i < size; i++)
        put_rx(p, data[i]);
    rx_silent(p);
    os_mutex_unlock(&p->dev.lock);
}

static void event(void *opaque, enum chr_event what)
{
    struct pl011 *p = opaque;

    if (what != CHR_BREAK)
        return;
    os_mutex_lock(&p->dev.lock);
    if (!(p->cr & CR_LBE)) {
        put_rx(p, DR_BE);
        rx_silent(p);
    }
    os_mutex_unlock(&p->dev.lock);
}

static const struct chr_ops chr_ops = {
    .can_receive = can_receive, .receive = receive, .event = event, .writable = writable};

/* ---- registers ---- */

static uint32_t read_data(struct pl011 *p)
{
    uint16_t entry;

    if (!p->rx_count)
        return 0;
    entry = p->rx[p->rx_at];
    p->rx_at = (p->rx_at + 1) % FIFO;
    p->rx_count--;
    p->rsr = entry >> 8 & 0xf;
    if (p->rx_count < trigger(p, p->ifls >> 3))
        p->ris &= ~(uint32_t)INT_RX;
    if (!p->rx_count)
        p->ris &= ~(uint32_t)INT_RT;
    if (p->throttled)
        kick(p);
    update(p);
    return entry;
}

static void write_data(struct pl011 *p, uint8_t byte)
{
    if (p->cr & CR_LBE) {
        put_rx(p, byte);
        rx_silent(p);
        p->ris |= INT_TX;
    } else if (p->tx_count < depth(p)) {
        p->ris &= ~(uint32_t)INT_TX;
        p->tx[(p->tx_at + p->tx_count++) % FIFO] = byte;
        pump(p);
    } else {
        dev_guest(&p->dev, "output to a full FIFO");
    }
    update(p);
}

static uint32_t flags(const struct pl011 *p)
{
    uint32_t fr = p->chr ? FR_CTS | FR_DSR | FR_DCD : 0;

    if (p->cr & CR_LBE) /* modem outputs come back as inputs: RTS, DTR, Out1, Out2 (3.3.8) */
        fr = (p->cr & 0x800 ? FR_CTS : 0) | (p->cr & 0x400 ? FR_DSR : 0) |
             (p->cr & 0x1000 ? FR_DCD : 0) | (p->cr & 0x2000 ? 0x100 : 0);
    fr |= p->tx_count ? FR_BUSY : FR_TXFE;
    fr |= p->tx_count >= depth(p) ? FR_TXFF : 0;
    fr |= p->rx_count ? 0 : FR_RXFE;
    fr |= p->rx_count >= depth(p) ? FR_RXFF : 0;
    return fr;
}

static uint64_t reg_read(void *opaque, uint64_t offset, unsigned size)
{
    struct pl011 *p = opaque;

    (void)size;
    if (offset >= ID && offset < ID + 32)
        return id_bytes[(offset - ID) >> 2];
    switch (offset & ~UINT64_C(3)) {
    case DR:
        return offset == DR ? read_data(p) : 0;
    case RSR:
        return p->rsr;
    case FR:
        return flags(p);
    case ILPR:
        return p->ilpr;
    case IBRD:
        return p->ibrd;
    case FBRD:
        return p->fbrd;
    case LCRH:
        return p->lcrh;
    case CR:
        return p->cr;
    case IFLS:
        return p->ifls;
    case IMSC:
        return p->imsc;
    case RIS:
        return p->ris;
    case MIS:
        return p->ris & p->imsc;
    case DMACR:
        return p->dmacr;
    default:
        return 0;
    }
}

static void write_lcrh(struct pl011 *p, uint32_t value)
{
    /* Switching the FIFOs empties them (3.3.7). */
    if ((value ^ p->lcrh) & LCRH_FEN) {
        p->rx_count = p->rx_at = 0;
        p->tx_count = p->tx_at = 0;
        p->ris &= ~(uint32_t)(INT_RX | INT_RT);
        if (p->throttled)
            kick(p);
    }
    p->lcrh = value & 0xff;
}

static void write_cr(struct pl011 *p, uint32_t value)
{
    bool opened = p->cr & CR_LBE && !(value & CR_LBE);

    p->cr = value & 0xff87;
    if (opened && p->chr)
        kick(p);
}

static void reg_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct pl011 *p = opaque;

    (void)size;
    switch (offset) {
    case DR:
        write_data(p, (uint8_t)value);
        return;
    case RSR:
        p->rsr = 0;
        break;
    case ILPR:
        p->ilpr = value & 0xff;
        break;
    case IBRD:
        p->ibrd = value & 0xffff;
        break;
    case FBRD:
        p->fbrd = value & 0x3f;
        break;
    case LCRH:
        write_lcrh(p, (uint32_t)value);
        break;
    case CR:
        write_cr(p, (uint32_t)value);
        break;
    case IFLS:
        p->ifls = value & 0x3f;
        break;
    case IMSC:
        p->imsc = value & INT_ALL;
        break;
    case ICR:
        p->ris &= ~(uint32_t)value;
        break;
    case DMACR:
        p->dmacr = value & 7;
        break;
    default:
        break; /* read-only or reserved */
    }
    update(p);
}

static const struct mem_ops reg_ops = {.read = reg_read,
                                       .write = reg_write,
                                       .max_size = 4,
                                       .on_read = &trace_point_pl011_read,
                                       .on_write = &trace_point_pl011_write};

/* ---- life ---- */

static int realize(struct dev *d, struct err *e)
{
    struct pl011 *p = pl011_of(d);
    int rc;

    if (!p->chr && p->chardev) {
        p->chr = d->env->find_chr ? d->env->find_chr(d->env->machine, p->chardev) : NULL;
        if (!p->chr)
            return err_text(e, -2, "pl011: there is no chardev \"%s\"; define it with -chardev",
                            p->chardev);
    }
    p->task.fn = on_loop;
    p->task.arg = p;
    p->region = mem_region_io("pl011", 0x1000, &reg_ops, p);
    dev_own_region(d, p->region);
    if (p->chr) {
        rc = chr_attach(p->chr, &chr_ops, p, e);
        if (rc)
            return rc;
        p->attached = true;
    }
    return 0;
}

static void reset(struct dev *d)
{
    struct pl011 *p = pl011_of(d);

    os_mutex_lock(&d->lock);
    p->rsr = p->ilpr = p->ibrd = p->fbrd = p->lcrh = p->imsc = p->ris = p->dmacr = 0;
    p->cr = CR_RESET;
    p->ifls = IFLS_RESET;
    memset(p->rx, 0, sizeof(p->rx));
    memset(p->tx, 0, sizeof(p->tx));
    p->rx_at = p->rx_count = p->tx_at = p->tx_count = 0;
    /* The backlog is outside of the port: what was sent arrives. */
    update(p);
    if (p->throttled)
        kick(p);
    os_mutex_unlock(&d->lock);
}

static void destroy(struct dev *d)
{
    struct pl011 *p = pl011_of(d);

    if (p->dev.env->loop && p->task.fn)
        os_task_cancel(p->dev.env->loop, &p->task);
    if (p->attached) {
        flush(p);
        chr_detach(p->chr, p);
    }
    if (p->region)
        mem_region_free(p->region);
}

static int loaded(struct dev *d, struct err *e)
{
    struct pl011 *p = pl011_of(d);

    if (p->rx_at >= FIFO || p->tx_at >= FIFO || p->rx_count > depth(p) || p->tx_count > depth(p))
        return err_text(e, -22, "pl011: state with impossible FIFO positions");
    p->ris &= INT_ALL;
    p->imsc &= INT_ALL;
    update(p);
    pump(p);
    return 0;
}

static const struct prop props[] = {
    {.name = "chardev",
     .type = PROP_LINK,
     .offset = offsetof(struct pl011, chardev),
     .link = "chr",
     .help = "where its bytes go and come from"},
    {0},
};

static const struct state_field state[] = {
    STATE_FIELD(STATE_U32, struct pl011, rsr),
    STATE_FIELD(STATE_U32, struct pl011, ilpr),
    STATE_FIELD(STATE_U32, struct pl011, ibrd),
    STATE_FIELD(STATE_U32, struct pl011, fbrd),
    STATE_FIELD(STATE_U32, struct pl011, lcrh),
    STATE_FIELD(STATE_U32, struct pl011, cr),
    STATE_FIELD(STATE_U32, struct pl011, ifls),
    STATE_FIELD(STATE_U32, struct pl011, imsc),
    STATE_FIELD(STATE_U32, struct pl011, ris),
    STATE_FIELD(STATE_U32, struct pl011, dmacr),
    STATE_ARRAY(STATE_U16, struct pl011, rx),
    STATE_FIELD(STATE_U32, struct pl011, rx_at),
    STATE_FIELD(STATE_U32, struct pl011, rx_count),
    STATE_ARRAY(STATE_U8, struct pl011, tx),
    STATE_FIELD(STATE_U32, struct pl011, tx_at),
    STATE_FIELD(STATE_U32, struct pl011, tx_count),
    STATE_END,
};

const struct dev_class dev_class_pl011 = {
    .name = "pl011",
    .bus = "",
    .help = "ARM PrimeCell UART",
    .size = sizeof(struct pl011),
    .props = props,
    .state = state,
    .realize = realize,
    .reset = reset,
    .destroy = destroy,
    .loaded = loaded,
};

void pl011_set_irq(struct dev *d, struct irq line)
{
    pl011_of(d)->irq = line;
}

void pl011_set_chr(struct dev *d, struct chr *c)
{
    pl011_of(d)->chr = c;
}

struct mem_region *pl011_region(struct dev *d)
{
    return pl011_of(d)->region;
}
