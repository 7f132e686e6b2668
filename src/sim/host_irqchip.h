/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's interrupt controller, one input.
 *
 *   REASSERT	x86 IOAPIC, GIC: a level that is high and unmasked interrupts,
 *		after each EOI and each unmask again.
 *   LATCH	ppc64 XICS/XIVE: a rising edge is latched, also while masked; once
 *		it was delivered, a level that stays high says nothing more.
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

enum host_irqchip_kind { HOST_IRQCHIP_REASSERT, HOST_IRQCHIP_LATCH };

struct host_irqchip {
	bool masked;
	bool latched;		/* LATCH only */
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
	if (chip->masked)
		return false;
	return kind == HOST_IRQCHIP_LATCH ? chip->latched : line;
}

#endif
