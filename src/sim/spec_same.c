/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/spec_same.h"

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
