/* An interrupt line: where a device's output goes. A plain value that the board fills; an unconnected
 * line (all zero) goes nowhere. Lines are levels; an edge is a 1 followed by a 0. Any thread; the receiver
 * (interrupt controller, vCPU) locks itself. Receivers never call back into the sender.
 */
#ifndef MYNA_CORE_IRQ_H
#define MYNA_CORE_IRQ_H

#include <stddef.h>
#include <stdint.h>

struct irq {
    void (*set)(void *opaque, unsigned n, int level);
    void *opaque;
    unsigned n;
};

static inline void irq_set(const struct irq *line, int level)
{
    if (line->set)
        line->set(line->opaque, line->n, level);
}

static inline void irq_pulse(const struct irq *line)
{
    irq_set(line, 1);
    irq_set(line, 0);
}

/* A message-signalled interrupt's way to the interrupt controller: device = requester id (PCI: bus, device, function). */
struct msi_target {
    void (*send)(void *opaque, uint32_t device, uint64_t address, uint32_t data);
    void *opaque;
};
#endif
