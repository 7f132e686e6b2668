/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's outbox, held against what a list of effects is. */
#include <stdio.h>
#include <string.h>

#include "sim/spec_same.h"
#include "sim/spec_world.h"
#include "sim/world.h"

enum event {
	EVENT_TAKE,		/* which of the effects */
	EVENT_OPEN,
	EVENT_DONE,
};

/* Every kind, and more than one of those that wait. */
static const struct effect effects[] = {
	{ .kind = EFFECT_DELIVER, .pin = 1, .msg.vector = 1 },
	{ .kind = EFFECT_ROUTE },
	{ .kind = EFFECT_RESAMPLE },
	{ .kind = EFFECT_RESAMPLE, .source = 1 },
	{ .kind = EFFECT_SAMPLE, .source = 1 },
	{ .kind = EFFECT_THROTTLE },
	{ .kind = EFFECT_DRAIN },
	{ .kind = EFFECT_ACK },
	{ .kind = EFFECT_MASK },
	{ .kind = EFFECT_UNMASK },
	{ .kind = EFFECT_RAISE },
	{ .kind = EFFECT_LOWER },
	{ .kind = EFFECT_DEFER },
	{ .kind = EFFECT_SETTLE },
};

static const char *const names[] = {
	"DELIVER", "ROUTE", "RESAMPLE of source 0", "RESAMPLE of source 1",
	"SAMPLE of source 1", "THROTTLE of source 0", "DRAIN", "ACK", "MASK",
	"UNMASK", "RAISE", "LOWER", "DEFER", "SETTLE",
};

#define EFFECTS		(sizeof(effects) / sizeof(effects[0]))
#define NOBODY		(FORWARDS_MAX)	/* whose an effect for the backend is */

_Static_assert(EFFECTS == sizeof(names) / sizeof(names[0]), "a name each");

/* ---- events ------------------------------------------------------------------- */

/* An event waits while the outbox is full; an answer does not, and has room. */
static unsigned int steps(const struct world_config *c, const struct world *w,
			  struct step *out)
{
	const struct outbox *o = &w->vmm.outbox;
	unsigned int nr = 0;

	for (unsigned int i = 0; o->nr <= OUTBOX_ROOM && i < EFFECTS; i++)
		out[nr++] = (struct step){ ACTOR_ENGINE, EVENT_TAKE, (uint8_t)i };
	out[nr++] = (struct step){ ACTOR_ENGINE, EVENT_OPEN, 0 };
	if (o->open)
		out[nr++] = (struct step){ ACTOR_ENGINE, EVENT_DONE, 0 };
	return nr;
}

/* What a step answered: yes or no, and an effect or none. */
struct answer {
	bool yes;
	struct effect effect;
};

static struct answer an_effect(const struct effect *e)
{
	return e ? (struct answer){ true, *e } : (struct answer){ false, { 0 } };
}

static struct answer shipped(struct outbox *o, struct step s)
{
	if (s.kind == EVENT_TAKE)
		return (struct answer){ outbox_take(o, &effects[s.arg]), { 0 } };
	return an_effect(s.kind == EVENT_OPEN ? outbox_open(o) : outbox_done(o));
}

/* ---- a list -------------------------------------------------------------------- */

static unsigned int source_of(const struct effect *e)
{
	switch ((enum effect_kind)e->kind) {
	case EFFECT_RESAMPLE:
	case EFFECT_SAMPLE:
	case EFFECT_THROTTLE:
		return e->source;
	case EFFECT_DELIVER:
	case EFFECT_ROUTE:
		return NOBODY;
	case EFFECT_ACK:
	case EFFECT_MASK:
	case EFFECT_UNMASK:
	case EFFECT_RAISE:
	case EFFECT_LOWER:
	case EFFECT_DEFER:
	case EFFECT_DRAIN:
	case EFFECT_SETTLE:
		break;
	}
	return NOBODY + 1;	/* it never waits */
}

/* Taken off at its front: a copy of the rest. */
static struct answer by_list(struct outbox *o, struct step s)
{
	struct outbox rest = { .nr = 0 };
	bool mine = s.kind == EVENT_DONE || !o->open;

	if (s.kind == EVENT_TAKE) {
		const struct effect *e = &effects[s.arg];

		if (source_of(e) <= NOBODY)
			o->v[o->nr++] = *e;
		return (struct answer){ e->kind == EFFECT_DRAIN, { 0 } };
	}
	for (unsigned int i = s.kind == EVENT_DONE; i < o->nr; i++)
		rest.v[rest.nr++] = o->v[i];
	rest.open = o->nr > (s.kind == EVENT_DONE ? 1u : 0u);
	*o = rest;
	return an_effect(mine && rest.nr ? &rest.v[0] : NULL);
}

static bool same_outbox(const struct outbox *a, const struct outbox *b)
{
	if (a->nr != b->nr || a->open != b->open)
		return false;
	for (unsigned int i = 0; i < a->nr; i++)
		if (!spec_same_effect(&a->v[i], &b->v[i]))
			return false;
	return true;
}

static bool obeys(const struct world_config *c, struct world *w, struct step s)
{
	struct outbox *o = &w->vmm.outbox;
	struct outbox must = *o;
	struct answer should = by_list(&must, s);
	struct answer did = shipped(o, s);
	bool same = same_outbox(o, &must);

	/* equal states compare equal: behind the last one stands nothing */
	memset(&o->v[o->nr], 0, (OUTBOX_MAX - o->nr) * sizeof(o->v[0]));
	return same && did.yes == should.yes &&
	       spec_same_effect(&did.effect, &should.effect);
}

static bool tells(const struct world *w)
{
	const struct outbox *o = &w->vmm.outbox;
	unsigned int waiting[NOBODY + 1] = { 0 };
	struct outbox trap = *o;

	for (unsigned int i = 0; i < o->nr; i++)
		waiting[source_of(&o->v[i])]++;
	for (unsigned int s = 0; s < FORWARDS_MAX; s++) {
		/* what stands behind the last one is nobody's */
		trap.v[o->nr] = (struct effect){ .kind = EFFECT_RESAMPLE,
						 .source = (uint8_t)s };
		if (outbox_holds(&trap, s) != (waiting[s] > 0))
			return false;
	}
	return outbox_is_full(o) == (o->nr >= OUTBOX_ROOM + 1);
}

/* ---- text ------------------------------------------------------------------------ */

static void step_text(const struct world_config *c, struct step s, char *buf,
		      size_t n)
{
	if (s.kind == EVENT_TAKE)
		snprintf(buf, n, "takes %s", names[s.arg]);
	else
		snprintf(buf, n, "%s", s.kind == EVENT_OPEN ?
				 "a thread begins to empty it" :
				 "the first one is carried out");
}

static void columns(const struct world_config *c, const struct world *w,
		    struct world_columns *out)
{
	const struct outbox *o = &w->vmm.outbox;

	snprintf(out->driver, sizeof(out->driver), "%s, %u wait",
		 o->open ? "open" : "closed", o->nr);
}

const struct spec_world outbox_world = {
	.property = PROPERTY_OUTBOX_SPEC,
	.steps = steps,
	.obeys = obeys,
	.tells = tells,
	.step_text = step_text,
	.columns = columns,
};
