/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model of a host interrupt under VFIO: the host's irqchip input, its
 * descriptor, VFIO's context and the trigger eventfd.
 *
 * Atomic are: vfio_intx_handler() with the flow around it (the host CPU has
 * interrupts off; VFIO's irqlock is inside), and each unmask (irqlock).  The
 * trigger is signalled in the same step, or in one of its own where the world
 * says "signal": "late": VFIO drops irqlock before eventfd_signal(), and another
 * CPU can run between them for as long as an NMI or the hypervisor below holds
 * the first one up.
 */
#ifndef SIM_VFIO_H
#define SIM_VFIO_H

#include "sim/device.h"
#include "sim/genirq.h"
#include "sim/host_irqchip.h"

enum vfio_mode {
	VFIO_PCI_2_3,		/* masks by DisINTx in the Command register */
	VFIO_DISINTX_MINUS,	/* nointxmask=1: disable_irq_nosync() */
	VFIO_PLATFORM,		/* vfio_automasked_irq_handler(): the same */
	VFIO_HWIRQ,		/* GIC: no mask; the physical interrupt stays active */
	VFIO_MSI,		/* edges: vfio_msihandler() signals, and masks nothing */
};

struct host_irq {
	struct host_irqchip chip;
	struct irq_desc desc;
	bool open;		/* vfio_intx_enable() succeeded */
	bool masked;		/* ctx->masked; HWIRQ: the guest holds it active */
	bool signal_due;	/* decided to signal, not signalled yet */
	bool trigger;		/* the eventfd's count is not 0 */
	bool fired;		/* ghost: interrupted since the device last changed */
};

struct vfio_config {
	uint8_t mode;		/* enum vfio_mode */
	uint8_t irqchip;	/* enum host_irqchip_kind */
	bool unlazy;		/* IRQ_DISABLE_UNLAZY where there is no DisINTx */
	bool looks;		/* our source reads the level before it unmasks: DISINTX_MINUS */
	bool late_signal;
	bool leaks_flag;	/* the error path of enable forgets the flag */
};

/* The level that the host irqchip sees. */
bool vfio_line(const struct vfio_config *c, const struct host_irq *h,
	       const struct device *d);

/* Would the host CPU take an interrupt now? */
bool vfio_irq_is_due(const struct vfio_config *c, const struct host_irq *h,
		     const struct device *d);

/* The flow handler with vfio_intx_handler() in it.  Returns: fired already. */
bool vfio_intx_handler(const struct vfio_config *c, struct host_irq *h,
		       struct device *d);

/* vfio_pci_intx_unmask_handler(), enable_irq() or the GIC's deactivation. */
void vfio_unmask(const struct vfio_config *c, struct host_irq *h,
		 struct device *d);

/* vfio_intx_enable(); ok: request_irq() succeeds. */
void vfio_intx_enable(const struct vfio_config *c, struct host_irq *h,
		      struct device *d, bool ok);
void vfio_intx_disable(const struct vfio_config *c, struct host_irq *h);

/* eventfd_read() */
static inline bool vfio_trigger_read(struct host_irq *h)
{
	bool was = h->trigger;

	h->trigger = false;
	return was;
}

#endif
