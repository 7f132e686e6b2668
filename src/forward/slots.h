/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's slots: what has a line into the forwarder, and so what an event
 * of it does there.  An event may come late, for a slot that is leaving or is
 * somebody else's by now: it does nothing then.  Pure.
 */
#ifndef FORWARD_SLOTS_H
#define FORWARD_SLOTS_H

#include "forward/forwarder.h"

enum slot_kind {
	SLOT_FREE,
	SLOT_LEVEL,	/* a source with a forward */
	SLOT_EDGE,	/* a source without */
	SLOT_LINE,	/* an emulated device: no source */
	SLOT_LEAVING,	/* removed, and something for it may still wait outside */
};

struct slot {
	uint8_t kind;		/* enum slot_kind */
	uint8_t pin;
};

struct slots {
	struct slot slot[FORWARDS_MAX];
};

/* What a slot has seen since it was taken. */
struct slot_counts {
	uint64_t triggers, deliveries, eois, deferred, resamples, eased, throttled;
};

/* The first free slot is now of that kind; -ENOSPC: none is, -EINVAL: no such pin. */
int slots_take(struct slots *s, enum slot_kind kind, unsigned int pin,
	       const struct forwarder *fw);
/* Likewise, as a forward. */
int slots_take_level(struct slots *s, unsigned int pin,
		     enum forward_policy policy, unsigned int throttle_after,
		     struct forwarder *fw);
/* Flushes it, and makes it LEAVING; then, when nothing waits for it, FREE. */
void slots_remove(struct slots *s, unsigned int slot, struct forwarder *fw,
		  struct effects *out);
void slots_free(struct slots *s, unsigned int slot);

/* The first slot with a source (LEVEL, EDGE), at or after from; FORWARDS_MAX: none. */
unsigned int slots_next_source(const struct slots *s, unsigned int from);

/* signalled: there was something in the source's trigger, and it has been read. */
void slots_triggered(const struct slots *s, unsigned int slot, bool signalled,
		     struct forwarder *fw, struct effects *out);
void slots_sampled(const struct slots *s, unsigned int slot,
		   enum forward_level level, struct forwarder *fw,
		   struct effects *out);
void slots_timed_out(const struct slots *s, unsigned int slot,
		     struct forwarder *fw, struct effects *out);
/* own: whoever cuts it has the slot still. */
void slots_cut(const struct slots *s, unsigned int slot, bool own, bool cut,
	       struct forwarder *fw, struct effects *out);
void slots_set_line(const struct slots *s, unsigned int slot, bool high,
		    struct forwarder *fw, struct effects *out);
void slots_pulse_line(const struct slots *s, unsigned int slot,
		      struct forwarder *fw, struct effects *out);

/* An effect in the counts of the slots that it concerns: FORWARDS_MAX of them. */
void slots_count(const struct slots *s, const struct forwarder *fw,
		 const struct effect *e, struct slot_counts *counts);

#endif
