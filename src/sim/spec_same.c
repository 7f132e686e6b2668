/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/spec_same.h"

#include <string.h>

#include "sim/ioapic_spec.h"

bool spec_same_message(const struct message *a, const struct message *b)
{
	return a->dest == b->dest && a->vector == b->vector &&
	       a->mode == b->mode && a->logical == b->logical &&
	       a->level == b->level;
}

bool spec_same_effect(const struct effect *a, const struct effect *b)
{
	return a->kind == b->kind && a->pin == b->pin &&
	       a->source == b->source && spec_same_message(&a->msg, &b->msg);
}

bool spec_same_effects(const struct effects *a, const struct effects *b)
{
	if (a->nr != b->nr)
		return false;
	for (unsigned int i = 0; i < a->nr; i++)
		if (!spec_same_effect(&a->v[i], &b->v[i]))
			return false;
	return true;
}

bool spec_same_forward(const struct forward *a, const struct forward *b)
{
	return a->used == b->used && a->cut == b->cut && a->pin == b->pin &&
	       a->source == b->source && a->policy == b->policy &&
	       a->phase == b->phase && a->stale == b->stale &&
	       a->throttle_after == b->throttle_after &&
	       a->refires == b->refires;
}

static bool same_input(const struct i8259_spec_input *a,
		       const struct i8259_spec_input *b)
{
	return a->lines == b->lines && a->latched == b->latched &&
	       a->serving == b->serving && a->masked == b->masked &&
	       a->level == b->level;
}

static bool same_chip(const struct i8259_spec_chip *a,
		      const struct i8259_spec_chip *b)
{
	for (unsigned int i = 0; i < 8; i++)
		if (!same_input(&a->in[i], &b->in[i]))
			return false;
	return a->stage == b->stage && a->highest == b->highest &&
	       a->base == b->base && a->single == b->single &&
	       a->icw4 == b->icw4 && a->auto_eoi == b->auto_eoi &&
	       a->nested == b->nested && a->rotate == b->rotate &&
	       a->special_mask == b->special_mask &&
	       a->read_isr == b->read_isr && a->poll == b->poll;
}

bool spec_same_i8259(const struct i8259_spec *a, const struct i8259_spec *b)
{
	return same_chip(&a->chip[0], &b->chip[0]) &&
	       same_chip(&a->chip[1], &b->chip[1]);
}

bool spec_same_forwarder(const struct forwarder *a, const struct forwarder *b)
{
	struct ioapic_spec x, y;

	ioapic_spec_of(&a->ioapic, &x);
	ioapic_spec_of(&b->ioapic, &y);
	if (memcmp(&x, &y, sizeof(x)) || a->routed != b->routed)
		return false;
	for (unsigned int i = 0; i < IOAPIC_PINS_MAX; i++)
		if (!spec_same_message(&a->route[i], &b->route[i]))
			return false;
	for (unsigned int i = 0; i < FORWARDS_MAX; i++)
		if (!spec_same_forward(&a->forward[i], &b->forward[i]))
			return false;
	return true;
}
