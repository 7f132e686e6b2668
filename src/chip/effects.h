/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a chip or a forward wants done.  Neither ever calls anybody: it appends
 * effects to a list, in the order in which they must happen, and whoever fed
 * the event in (engine, simulator, explorer) drains the list.
 */
#ifndef CHIP_EFFECTS_H
#define CHIP_EFFECTS_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Bounds of every fixed array.  The explorer compiles the same files with
 * smaller bounds, since it copies a state for each step.
 */
#ifndef IOAPIC_PINS_MAX
#define IOAPIC_PINS_MAX	240
#endif
#ifndef FORWARDS_MAX
#define FORWARDS_MAX	32	/* sources of one irqchip: a bit of a pin's lines */
#endif

/*
 * The worst event is an EOI of a vector that every pin shares; or, where the
 * IOAPIC is small, an ICW1 that acks 8 pins of an 8259 and masks 15.
 */
#define EFFECTS_MAX	(8 * IOAPIC_PINS_MAX + 4 * FORWARDS_MAX + 8 + 15)

/* Delivery modes, as redirection entries, LVT entries and MSI data code them. */
enum delivery_mode {
	DELIVERY_FIXED = 0,
	DELIVERY_LOWEST = 1,
	DELIVERY_SMI = 2,
	DELIVERY_NMI = 4,
	DELIVERY_INIT = 5,
	DELIVERY_EXTINT = 7,
};

/* An interrupt message: what a redirection entry says, and an MSI carries. */
struct message {
	uint16_t dest;		/* APIC id or logical set; 15 bits with extended destination */
	uint8_t vector;
	uint8_t mode;		/* enum delivery_mode */
	bool logical;		/* dest is a logical set, not an APIC id */
	bool level;		/* trigger mode: the EOI comes back */
};

enum effect_kind {
	/* chip: to the backend */
	EFFECT_DELIVER,		/* hand msg to the vCPUs it names */
	/* chip: to the forwards of the pin */
	EFFECT_ACK,		/* the level interrupt in service was EOIed; then ioapic_settle() */
	EFFECT_MASK,		/* the pin's mask bit was set */
	EFFECT_UNMASK,		/* the pin's mask bit was cleared */
	/* forward: to the chip */
	EFFECT_RAISE,		/* drive source's bit of pin high */
	EFFECT_LOWER,		/* drive it low */
	/* forward: to nobody, for the trace and the counters */
	EFFECT_DEFER,		/* the host stays masked until the pin is unmasked */
	/* forward: to the source */
	EFFECT_RESAMPLE,	/* unmask the host line, and so look at it again */
	EFFECT_SAMPLE,		/* read the line's level; answer forwarder_sampled() */
	EFFECT_DRAIN,		/* consume signalled triggers now; answer forwarder_drained() */
	EFFECT_THROTTLE,	/* arm the source's timer; answer forwarder_timeout() */
	/* forwarder: to the chip */
	EFFECT_SETTLE,		/* the forwards of an acked pin were heard: deliver if it may */
	/* forwarder: to the backend */
	EFFECT_ROUTE,		/* the pin's route is now msg; !msg.level: it has none */
};

struct effect {
	uint8_t kind;		/* enum effect_kind */
	uint8_t pin;
	uint8_t source;		/* slot, where the effect is to or from a forward */
	struct message msg;	/* DELIVER and ROUTE */
};

struct effects {
	unsigned int nr;
	struct effect v[EFFECTS_MAX];
};

static inline void effects_push(struct effects *out, struct effect e)
{
	assert(out->nr < EFFECTS_MAX);
	out->v[out->nr++] = e;
}

#endif
