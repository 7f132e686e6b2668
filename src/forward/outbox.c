/* SPDX-License-Identifier: Apache-2.0 */
#include "forward/outbox.h"

#include <string.h>

bool outbox_is_full(const struct outbox *o)
{
	return o->nr > OUTBOX_ROOM;
}

bool outbox_take(struct outbox *o, const struct effect *e)
{
	switch ((enum effect_kind)e->kind) {
	case EFFECT_DELIVER:
	case EFFECT_ROUTE:
	case EFFECT_RESAMPLE:
	case EFFECT_SAMPLE:
	case EFFECT_THROTTLE:
		assert(o->nr < OUTBOX_MAX);
		o->v[o->nr++] = *e;
		return false;
	case EFFECT_DRAIN:
		return true;
	case EFFECT_ACK:
	case EFFECT_MASK:
	case EFFECT_UNMASK:
	case EFFECT_RAISE:
	case EFFECT_LOWER:
	case EFFECT_DEFER:
	case EFFECT_SETTLE:
		return false;
	}
	return false;
}

static bool is_for_source(const struct effect *e)
{
	return e->kind == EFFECT_RESAMPLE || e->kind == EFFECT_SAMPLE ||
	       e->kind == EFFECT_THROTTLE;
}

bool outbox_holds(const struct outbox *o, unsigned int source)
{
	for (unsigned int i = 0; i < o->nr; i++)
		if (is_for_source(&o->v[i]) && o->v[i].source == source)
			return true;
	return false;
}

static const struct effect *first(struct outbox *o)
{
	o->open = o->nr > 0;
	return o->open ? &o->v[0] : NULL;
}

const struct effect *outbox_open(struct outbox *o)
{
	return o->open ? NULL : first(o);
}

/*
 * The others move up: there are one or two.  A hostile guest can make thousands
 * wait, and then pays with its own time, which is less than a call out takes.
 */
const struct effect *outbox_done(struct outbox *o)
{
	assert(o->open && o->nr > 0);
	o->nr--;
	memmove(o->v, o->v + 1, o->nr * sizeof(o->v[0]));
	return first(o);
}
