/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's interrupt controller, one input.
 *
 *   REASSERT	x86 IOAPIC: a level that is high and unmasked interrupts, after
 *		each EOI and each unmask again.
 *   LATCH	ppc64 XICS/XIVE: a rising edge is latched, also while masked; once
 *		it was delivered, a level that stays high says nothing more.
 *   GIC	an SPI: pending is the level; enabled and not active, it interrupts.
 *		Taking it makes it active; the deactivation lets it go again.
 *
 * Taking the interrupt and its EOI are one step, since the host's flow handler
 * runs to its end with interrupts off.  An interrupt that was accepted by a
 * local APIC before its line fell is not modelled: the input is looked at as
 * the interrupt is taken.
 */
#ifndef SIM_HOST_IRQCHIP_H
#define SIM_HOST_IRQCHIP_H

#include <stdbool.h>
#include <stdint.h>

enum host_irqchip_kind {
	HOST_IRQCHIP_REASSERT,
	HOST_IRQCHIP_LATCH,
	HOST_IRQCHIP_GIC,
};

struct host_irqchip {
	bool masked;		/* GIC: not enabled */
	bool latched;		/* LATCH, and edges on any */
	bool active;		/* GIC, while somebody holds the interrupt */
};

/* The level of the input has changed, or not. */
static inline void host_irqchip_line(struct host_irqchip *chip,
				     enum host_irqchip_kind kind, bool before,
				     bool after)
{
	if (kind == HOST_IRQCHIP_LATCH && before != after)
		chip->latched = after;
}

static inline bool host_irqchip_interrupts(const struct host_irqchip *chip,
					   enum host_irqchip_kind kind,
					   bool line)
{
	if (chip->masked || chip->active)
		return false;
	return kind == HOST_IRQCHIP_LATCH ? chip->latched : line;
}

#endif
