/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An IOAPIC, the forwards on its pins, and the routes that a backend holds for
 * them: one pure state machine.  It drains what chip and forwards ask of each
 * other; what is left is for the world outside, in order:
 *
 *   DELIVER, ROUTE			to the backend
 *   RESAMPLE, SAMPLE, DRAIN, THROTTLE	to a source
 *
 * RAISE, LOWER, ACK, SETTLE, MASK, UNMASK and DEFER are done by then.  They stay
 * in the list for the trace and the counters.
 *
 * Routes (KVM split irqchip): a level delivery comes back as an EOI exit only
 * if the routing table has the same message.  A pin's route changes just before
 * a delivery that differs from it and at no other time.  So it cannot change
 * while an interrupt is in service, whatever the guest does to the entry, and a
 * mask leaves it alone.
 */
#ifndef FORWARD_FORWARDER_H
#define FORWARD_FORWARDER_H

#include "chip/ioapic.h"
#include "forward/forward.h"

struct forwarder {
	bool routed;		/* the backend wants EFFECT_ROUTE */
	struct ioapic ioapic;
	struct message route[IOAPIC_PINS_MAX];	/* !level: none */
	struct forward forward[FORWARDS_MAX];
};

/* Is there an IOAPIC with so many pins, and of that version? */
bool forwarder_takes(unsigned int pins, uint8_t version);
void forwarder_init(struct forwarder *fw, unsigned int pins, uint8_t version,
		    bool routed);

/* Forwards come and go at run time.  Slots are shared with plain lines. */
void forwarder_add(struct forwarder *fw, unsigned int source, unsigned int pin,
		   enum forward_policy policy, unsigned int throttle_after);
void forwarder_remove(struct forwarder *fw, unsigned int source,
		      struct effects *out);

/* down */
void forwarder_trigger(struct forwarder *fw, unsigned int source,
		       struct effects *out);
void forwarder_sampled(struct forwarder *fw, unsigned int source,
		       enum forward_level level, struct effects *out);
void forwarder_drained(struct forwarder *fw, unsigned int source,
		       bool signalled, struct effects *out);
void forwarder_timeout(struct forwarder *fw, unsigned int source,
		       struct effects *out);

/* An emulated device: a level that it alone changes, or an edge. */
void forwarder_set_line(struct forwarder *fw, unsigned int source,
			unsigned int pin, bool high, struct effects *out);
void forwarder_pulse(struct forwarder *fw, unsigned int pin,
		     struct effects *out);

/* The guest cuts a device off its line (PCI's DisINTx), or joins it again. */
void forwarder_cut(struct forwarder *fw, unsigned int source, bool cut,
		   struct effects *out);

/* up */
uint64_t forwarder_read(const struct forwarder *fw, uint64_t offset,
			unsigned int size);
void forwarder_write(struct forwarder *fw, uint64_t offset, uint64_t value,
		     unsigned int size, struct effects *out);
void forwarder_eoi(struct forwarder *fw, uint8_t vector, struct effects *out);
void forwarder_reset(struct forwarder *fw, struct effects *out);

#endif
