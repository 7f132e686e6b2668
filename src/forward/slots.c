/* SPDX-License-Identifier: Apache-2.0 */
#include "forward/slots.h"

#include <errno.h>

static bool is(const struct slots *s, unsigned int slot, enum slot_kind kind)
{
	assert(slot < FORWARDS_MAX);
	return s->slot[slot].kind == kind;
}

/* ---- coming and going -------------------------------------------------------- */

int slots_take(struct slots *s, enum slot_kind kind, unsigned int pin,
	       const struct forwarder *fw)
{
	if (pin >= fw->ioapic.pins)
		return -EINVAL;
	for (unsigned int i = 0; i < FORWARDS_MAX; i++) {
		if (s->slot[i].kind != SLOT_FREE)
			continue;
		s->slot[i] = (struct slot){ (uint8_t)kind, (uint8_t)pin };
		return (int)i;
	}
	return -ENOSPC;
}

int slots_take_level(struct slots *s, unsigned int pin,
		     enum forward_policy policy, unsigned int throttle_after,
		     struct forwarder *fw)
{
	int slot = slots_take(s, SLOT_LEVEL, pin, fw);

	if (slot >= 0)
		forwarder_add(fw, (unsigned int)slot, pin, policy,
			      throttle_after);
	return slot;
}

void slots_remove(struct slots *s, unsigned int slot, struct forwarder *fw,
		  struct effects *out)
{
	assert(!is(s, slot, SLOT_FREE) && !is(s, slot, SLOT_LEAVING));
	if (is(s, slot, SLOT_LEVEL))
		forwarder_remove(fw, slot, out);
	forwarder_set_line(fw, slot, s->slot[slot].pin, false, out);
	s->slot[slot].kind = SLOT_LEAVING;
}

void slots_free(struct slots *s, unsigned int slot)
{
	assert(is(s, slot, SLOT_LEAVING));
	s->slot[slot] = (struct slot){ SLOT_FREE, 0 };
}

unsigned int slots_next_source(const struct slots *s, unsigned int from)
{
	while (from < FORWARDS_MAX && !is(s, from, SLOT_LEVEL) &&
	       !is(s, from, SLOT_EDGE))
		from++;
	return from;
}

/* ---- events ------------------------------------------------------------------- */

void slots_triggered(const struct slots *s, unsigned int slot, bool signalled,
		     struct forwarder *fw, struct effects *out)
{
	if (!signalled)
		return;
	if (is(s, slot, SLOT_LEVEL))
		forwarder_trigger(fw, slot, out);
	if (is(s, slot, SLOT_EDGE))
		forwarder_pulse(fw, s->slot[slot].pin, out);
}

void slots_sampled(const struct slots *s, unsigned int slot,
		   enum forward_level level, struct forwarder *fw,
		   struct effects *out)
{
	if (is(s, slot, SLOT_LEVEL))
		forwarder_sampled(fw, slot, level, out);
}

void slots_timed_out(const struct slots *s, unsigned int slot,
		     struct forwarder *fw, struct effects *out)
{
	if (is(s, slot, SLOT_LEVEL))
		forwarder_timeout(fw, slot, out);
}

void slots_cut(const struct slots *s, unsigned int slot, bool own, bool cut,
	       struct forwarder *fw, struct effects *out)
{
	if (own && is(s, slot, SLOT_LEVEL))
		forwarder_cut(fw, slot, cut, out);
}

void slots_set_line(const struct slots *s, unsigned int slot, bool high,
		    struct forwarder *fw, struct effects *out)
{
	if (is(s, slot, SLOT_LINE))
		forwarder_set_line(fw, slot, s->slot[slot].pin, high, out);
}

void slots_pulse_line(const struct slots *s, unsigned int slot,
		      struct forwarder *fw, struct effects *out)
{
	if (is(s, slot, SLOT_LINE))
		forwarder_pulse(fw, s->slot[slot].pin, out);
}

/* ---- counts ------------------------------------------------------------------- */

/* The timer also runs to see a line stay quiet; that delays nothing. */
static void count_throttle(const struct forward *f, struct slot_counts *counts)
{
	if (f->phase != FORWARD_THROTTLED)
		return;
	if (forward_storms(f))
		counts->throttled++;
	else
		counts->eased++;
}

static void count_pin(const struct slots *s, const struct effect *e,
		      struct slot_counts *counts)
{
	for (unsigned int i = slots_next_source(s, 0); i < FORWARDS_MAX;
	     i = slots_next_source(s, i + 1)) {
		if (s->slot[i].pin != e->pin)
			continue;
		if (e->kind == EFFECT_DELIVER)
			counts[i].deliveries++;
		else
			counts[i].eois++;
	}
}

void slots_count(const struct slots *s, const struct forwarder *fw,
		 const struct effect *e, struct slot_counts *counts)
{
	switch ((enum effect_kind)e->kind) {
	case EFFECT_MASK:
	case EFFECT_UNMASK:
	case EFFECT_RAISE:
	case EFFECT_LOWER:
	case EFFECT_SAMPLE:
	case EFFECT_DRAIN:
	case EFFECT_SETTLE:
	case EFFECT_ROUTE:
		return;
	case EFFECT_DELIVER:
	case EFFECT_ACK:
		count_pin(s, e, counts);
		return;
	case EFFECT_DEFER:
		counts[e->source].deferred++;
		return;
	case EFFECT_RESAMPLE:
		counts[e->source].resamples++;
		return;
	case EFFECT_THROTTLE:
		count_throttle(&fw->forward[e->source], &counts[e->source]);
	}
}
