/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a chip and the forwards on its pins ask of each other, carried out in
 * order.  The one drain of all chips: forwarder.c ties it to the IOAPIC,
 * pic_forwarder.c to the pair of 8259.
 */
#ifndef FORWARD_DRAIN_H
#define FORWARD_DRAIN_H

#include "forward/forward.h"

/* What the drain asks of a chip.  A constant for each kind, in no state. */
struct drain_chip {
	struct forward_pin (*pin)(const void *chip, unsigned int pin);
	void (*raise)(void *chip, unsigned int pin, unsigned int source,
		      struct effects *out);
	void (*lower)(void *chip, unsigned int pin, unsigned int source);
	/* The next two are NULL where the processor asks for what is due. */
	void (*settle)(void *chip, unsigned int pin, struct effects *out);
	/* The DELIVER at out->v[i] is about to reach the backend. */
	void (*deliver)(void *chip, unsigned int i, struct effects *out);
};

/*
 * Carries out the effects from the one at from on, and those that they bring.
 * forward: FORWARDS_MAX of them.
 */
void drain_effects(const struct drain_chip *ops, void *chip,
		   struct forward *forward, unsigned int from,
		   struct effects *out);

#endif
