/* SPDX-License-Identifier: Apache-2.0 */
#include "forward/drain.h"

#include <assert.h>

/* Tells the forwards of a pin what the guest did to it. */
static void tell_forwards(struct forward *forward, struct forward_pin pin,
			  const struct effect *e, struct effects *out)
{
	for (unsigned int s = 0; s < FORWARDS_MAX; s++) {
		struct forward *f = &forward[s];

		if (!f->used || f->pin != e->pin)
			continue;
		if (e->kind == EFFECT_ACK)
			forward_acked(f, pin, out);
		else if (e->kind == EFFECT_MASK)
			forward_masked(f, pin, out);
		else
			forward_unmasked(f, out);
	}
}

/*
 * SETTLE stands behind the LOWERs with which the forwards answer an ACK: a line
 * that is not to be believed any more must be low before the pin may deliver
 * again.
 */
void drain_effects(const struct drain_chip *ops, void *chip,
		   struct forward *forward, unsigned int from,
		   struct effects *out)
{
	for (unsigned int i = from; i < out->nr; i++) {
		struct effect e = out->v[i];

		switch ((enum effect_kind)e.kind) {
		case EFFECT_DELIVER:
			ops->deliver(chip, i, out);
			break;
		case EFFECT_ACK:
			tell_forwards(forward, ops->pin(chip, e.pin), &e, out);
			if (ops->settle)
				effects_push(out, (struct effect){
					.kind = EFFECT_SETTLE, .pin = e.pin });
			break;
		case EFFECT_MASK:
		case EFFECT_UNMASK:
			tell_forwards(forward, ops->pin(chip, e.pin), &e, out);
			break;
		case EFFECT_SETTLE:
			assert(ops->settle);	/* only we ask for it, above */
			ops->settle(chip, e.pin, out);
			break;
		case EFFECT_RAISE:
			ops->raise(chip, e.pin, e.source, out);
			break;
		case EFFECT_LOWER:
			ops->lower(chip, e.pin, e.source);
			break;
		case EFFECT_DEFER:
		case EFFECT_RESAMPLE:
		case EFFECT_SAMPLE:
		case EFFECT_DRAIN:
		case EFFECT_THROTTLE:
		case EFFECT_ROUTE:
			break;
		}
	}
}
