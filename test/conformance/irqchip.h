/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The irqchips that the tiny machine can have.  A new backend is a new one of
 * these; the scenarios stay as they are.
 */
#ifndef CONFORMANCE_IRQCHIP_H
#define CONFORMANCE_IRQCHIP_H

#include "irqfwd.h"
#include "machine.h"

struct irqchip {
	const char *name;
	long capability;	/* KVM_CAP_… that it needs */
	bool coalesced;		/* KVM keeps writes of IOREGSEL until the next exit */
	bool ours;		/* irqfwd; else KVM's own, a peer to compare with */

	int (*create)(struct machine *m);
	void (*destroy)(struct machine *m);
	/* Level forward of device on pin; policy means nothing to a peer. */
	int (*forward)(struct machine *m, unsigned int device, unsigned int pin,
		       enum irqfwd_policy policy);
	void (*unforward)(struct machine *m, unsigned int device);
	/* Edge forward of a device's trigger. */
	int (*forward_edge)(struct machine *m, unsigned int device,
			    unsigned int pin);
	/* A level that the VMM itself drives. */
	void (*line)(struct machine *m, unsigned int pin, bool high);
	void (*signal_msi)(struct machine *m, uint64_t address, uint32_t data);
	/* NULL where KVM handles it. */
	void (*reset)(struct machine *m);
	void (*read)(struct machine *m, uint64_t offset, void *data,
		     unsigned int len);
	void (*write)(struct machine *m, uint64_t offset, const void *data,
		      unsigned int len);
	void (*eoi)(struct machine *m, uint8_t vector);
};

extern const struct irqchip irqchip_kernel;	/* KVM's IOAPIC, irqfd and resample */
extern const struct irqchip irqchip_split;	/* irqfwd on KVM_CAP_SPLIT_IRQCHIP */
extern const struct irqchip irqchip_coalesced;	/* the same, IOREGSEL coalesced */

#endif
