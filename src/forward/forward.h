/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A forward ties a level-triggered host interrupt to a pin.  It knows whether
 * the host line is masked, and decides when the host is asked to look again.
 * Pure: it sees events and appends effects.
 *
 * The host masks its line as it triggers (automask).  So after a trigger the
 * level is unknown until the host is asked: a raised line is a message, and it
 * is lowered as soon as the guest has answered it.
 */
#ifndef FORWARD_FORWARD_H
#define FORWARD_FORWARD_H

#include "chip/effects.h"

enum forward_policy {
	FORWARD_EOI,		/* resample at the EOI: the fault, for comparison */
	FORWARD_UNMASK,		/* at the EOI if unmasked then, else at the unmask */
	FORWARD_SAMPLE,		/* as UNMASK, but read the level first where it can be */
};

enum forward_phase {
	FORWARD_QUIET,		/* host unmasked, our line low: a trigger may come */
	FORWARD_RAISED,		/* host masked, our line high */
	FORWARD_DEFERRED,	/* host masked, our line low: resample at the unmask */
	FORWARD_SAMPLING,	/* host masked, our line low: level asked for */
	FORWARD_THROTTLED,	/* host masked, our line low: resample at the timeout */
};

enum forward_level {
	FORWARD_LEVEL_LOW,
	FORWARD_LEVEL_HIGH,
	FORWARD_LEVEL_UNKNOWN,	/* this source cannot be read */
};

/*
 * Refires without a quiet line: from the first count on each waits a little, so
 * that the guest's threads get to run; from the second on the guest is taken to
 * storm (KVM's IOAPIC begins to delay at the same count).
 */
#define FORWARD_EASE_AFTER	16
#define FORWARD_EASE_MAX_US	250
#define FORWARD_THROTTLE_AFTER	10000
#define FORWARD_THROTTLE_US	10000

struct forward {
	bool used;		/* the slot holds a forward */
	bool cut;		/* the guest cut the device off the line: DisINTx */
	uint8_t pin;
	uint8_t source;		/* slot, and bit of the pin's lines */
	uint8_t policy;		/* enum forward_policy */
	uint8_t phase;		/* enum forward_phase */
	bool stale;		/* SAMPLING: the pin moved on since the level was asked for */
	uint16_t throttle_after;	/* refires without a quiet line; 0: never */
	uint16_t refires;	/* triggers since the line was last seen low */
};

/* What the forward must know of its pin at the moment of an event. */
struct forward_pin {
	bool masked;
	bool in_service;	/* delivered, EOI not seen */
};

/* How long the timer that THROTTLE asks for runs. */
unsigned int forward_throttle_us(const struct forward *f);
/* So many refires that only a guest that never quiets its device explains them. */
bool forward_storms(const struct forward *f);

void forward_init(struct forward *f, unsigned int source, unsigned int pin,
		  enum forward_policy policy, unsigned int throttle_after);

/* down: what the source reports */
void forward_triggered(struct forward *f, struct forward_pin pin,
		       struct effects *out);
void forward_sampled(struct forward *f, struct forward_pin pin,
		     enum forward_level level, struct effects *out);
void forward_drained(struct forward *f, bool signalled, struct effects *out);
void forward_timed_out(struct forward *f, struct effects *out);

/* up: what the guest did to the pin */
void forward_acked(struct forward *f, struct forward_pin pin,
		   struct effects *out);
void forward_masked(struct forward *f, struct forward_pin pin,
		    struct effects *out);
void forward_unmasked(struct forward *f, struct effects *out);

/* up: what the guest did at the device itself; a flush leaves it so */
void forward_cut(struct forward *f, struct effects *out);
void forward_joined(struct forward *f, struct forward_pin pin,
		    struct effects *out);

/* Reset, removal, shutdown: nothing stays raised or masked. */
void forward_flushed(struct forward *f, struct effects *out);

#endif
