/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A forward a second time, as the rows of a table: in these phases, on this
 * event, if these facts are so, it goes there, and says that.  The explorer holds
 * the shipped one against it (spec_world.h).
 */
#include <stdio.h>

#include "sim/spec_same.h"
#include "sim/spec_world.h"
#include "sim/world.h"

/* Not 0: what forward_init() is told must arrive. */
#define SOURCE	(FORWARDS_MAX - 1)
#define PIN	(IOAPIC_PINS_MAX - 1)

enum event {
	EVENT_TRIGGER,
	EVENT_LOW,		/* answers to SAMPLE */
	EVENT_HIGH,
	EVENT_UNKNOWN,
	EVENT_DRAINED,		/* there was a signal */
	EVENT_NOT_DRAINED,	/* there was none */
	EVENT_TIMEOUT,
	EVENT_ACK,
	EVENT_MASK,
	EVENT_UNMASK,
	EVENT_CUT,
	EVENT_JOIN,
	EVENT_FLUSH,
	EVENT_INIT,
	EVENT_NR,
};

/* Facts at the moment of an event. */
enum fact {
	HELD = 1 << 0,		/* the guest's masking holds us back */
	SERVICE = 1 << 1,	/* the pin has an interrupt in service */
	MASKED = 1 << 2,	/* the pin is masked */
	STALE = 1 << 3,		/* the pin moved on since the level was asked for */
	WAITS = 1 << 4,		/* the next refire has to wait */
	STORM = 1 << 5,		/* so long that it is a storm */
	BELIEVES = 1 << 6,	/* policy eoi */
};

enum next {
	KEEP = -1,		/* the phase stays */
	LOOK = -2,		/* look again: by a sample, or by a resample */
};

enum refires { AS_IS, ONE_MORE, NONE };
enum level { FRESH, GROWS_STALE, UNCHANGED };

#define QUIET		(1u << FORWARD_QUIET)
#define RAISED		(1u << FORWARD_RAISED)
#define DEFERRED	(1u << FORWARD_DEFERRED)
#define SAMPLING	(1u << FORWARD_SAMPLING)
#define THROTTLED	(1u << FORWARD_THROTTLED)
#define ANY		(QUIET | RAISED | DEFERRED | SAMPLING | THROTTLED)

#define SAYS_MAX	2
#define NOTHING		255

struct row {
	uint8_t event;		/* enum event */
	uint8_t phases;		/* a bit each */
	uint8_t is, is_not;	/* facts that must be so, and must not */
	int8_t next;		/* enum forward_phase or enum next */
	uint8_t refires;	/* enum refires */
	uint8_t level;		/* enum level: what becomes of STALE */
	uint8_t nr;		/* effects, LOOK's own apart */
	uint8_t says[SAYS_MAX];
};

#define SAYS1(a)	1, { a }
#define SAYS2(a, b)	2, { a, b }
#define SAYS0		0, { NOTHING }

/* The first row that fits holds; where none does, nothing happens. */
static const struct row rows[] = {
	{ EVENT_TRIGGER, QUIET, HELD, 0, FORWARD_DEFERRED, ONE_MORE, UNCHANGED, SAYS1(EFFECT_DEFER) },
	{ EVENT_TRIGGER, QUIET, 0, HELD, FORWARD_RAISED, ONE_MORE, UNCHANGED, SAYS1(EFFECT_RAISE) },

	{ EVENT_LOW, SAMPLING, 0, 0, FORWARD_QUIET, NONE, FRESH, SAYS1(EFFECT_RESAMPLE) },
	{ EVENT_HIGH, SAMPLING, STALE, 0, KEEP, AS_IS, FRESH, SAYS1(EFFECT_SAMPLE) },
	{ EVENT_HIGH, SAMPLING, WAITS, STALE, FORWARD_THROTTLED, AS_IS, FRESH, SAYS1(EFFECT_THROTTLE) },
	{ EVENT_HIGH, SAMPLING, HELD, STALE | WAITS, FORWARD_DEFERRED, ONE_MORE, FRESH, SAYS1(EFFECT_DEFER) },
	{ EVENT_HIGH, SAMPLING, 0, STALE | WAITS | HELD, FORWARD_RAISED, ONE_MORE, FRESH, SAYS1(EFFECT_RAISE) },
	{ EVENT_UNKNOWN, SAMPLING, STORM, 0, FORWARD_THROTTLED, AS_IS, FRESH, SAYS1(EFFECT_THROTTLE) },
	{ EVENT_UNKNOWN, SAMPLING, 0, STORM, FORWARD_QUIET, AS_IS, FRESH, SAYS1(EFFECT_RESAMPLE) },

	{ EVENT_DRAINED, QUIET, 0, 0, LOOK, ONE_MORE, UNCHANGED, SAYS0 },
	{ EVENT_TIMEOUT, THROTTLED, 0, 0, FORWARD_QUIET, AS_IS, UNCHANGED, SAYS2(EFFECT_RESAMPLE, EFFECT_THROTTLE) },
	{ EVENT_TIMEOUT, QUIET, 0, 0, KEEP, NONE, UNCHANGED, SAYS0 },

	{ EVENT_ACK, QUIET, 0, HELD | BELIEVES, KEEP, AS_IS, UNCHANGED, SAYS1(EFFECT_DRAIN) },
	{ EVENT_ACK, SAMPLING, 0, MASKED, KEEP, AS_IS, GROWS_STALE, SAYS0 },
	{ EVENT_ACK, RAISED, HELD, 0, FORWARD_DEFERRED, AS_IS, UNCHANGED, SAYS2(EFFECT_LOWER, EFFECT_DEFER) },
	{ EVENT_ACK, RAISED, 0, HELD, LOOK, AS_IS, UNCHANGED, SAYS1(EFFECT_LOWER) },
	{ EVENT_MASK, RAISED, HELD, SERVICE, FORWARD_DEFERRED, AS_IS, UNCHANGED, SAYS2(EFFECT_LOWER, EFFECT_DEFER) },

	{ EVENT_UNMASK, DEFERRED, 0, HELD, LOOK, AS_IS, UNCHANGED, SAYS0 },
	{ EVENT_UNMASK, SAMPLING, 0, HELD, KEEP, AS_IS, GROWS_STALE, SAYS0 },
	{ EVENT_UNMASK, QUIET, 0, HELD | BELIEVES, KEEP, AS_IS, UNCHANGED, SAYS1(EFFECT_DRAIN) },
	{ EVENT_JOIN, DEFERRED, 0, HELD, LOOK, AS_IS, UNCHANGED, SAYS0 },
	{ EVENT_JOIN, SAMPLING, 0, HELD, KEEP, AS_IS, GROWS_STALE, SAYS0 },
	{ EVENT_JOIN, QUIET, 0, HELD | BELIEVES, KEEP, AS_IS, UNCHANGED, SAYS1(EFFECT_DRAIN) },
	{ EVENT_CUT, RAISED, 0, 0, FORWARD_DEFERRED, AS_IS, UNCHANGED, SAYS2(EFFECT_LOWER, EFFECT_DEFER) },

	{ EVENT_FLUSH, RAISED, 0, 0, FORWARD_QUIET, NONE, FRESH, SAYS2(EFFECT_LOWER, EFFECT_RESAMPLE) },
	{ EVENT_FLUSH, ANY & ~QUIET, 0, 0, FORWARD_QUIET, NONE, FRESH, SAYS1(EFFECT_RESAMPLE) },
	{ EVENT_FLUSH, QUIET, 0, 0, KEEP, NONE, FRESH, SAYS0 },
};

#define ROWS	(sizeof(rows) / sizeof(rows[0]))

/* ---- the table's meaning ------------------------------------------------------ */

static bool storms(const struct forward *f)
{
	return f->throttle_after > 0 && f->refires == f->throttle_after;
}

static unsigned int facts_of(const struct forward *f, struct forward_pin pin)
{
	bool believes = f->policy == FORWARD_EOI;
	bool waits = storms(f) || f->refires >= FORWARD_EASE_AFTER;
	unsigned int facts = 0;

	facts |= f->cut || (pin.masked && !believes) ? HELD : 0;
	facts |= pin.in_service ? SERVICE : 0;
	facts |= pin.masked ? MASKED : 0;
	facts |= f->stale ? STALE : 0;
	facts |= waits ? WAITS : 0;
	facts |= storms(f) ? STORM : 0;
	facts |= believes ? BELIEVES : 0;
	return facts;
}

static void say(const struct forward *f, unsigned int kind, struct effects *out)
{
	effects_push(out, (struct effect){ .kind = (uint8_t)kind,
					   .pin = f->pin,
					   .source = f->source });
}

static void go(struct forward *f, const struct row *r, struct effects *out)
{
	unsigned int counted = f->refires + 1u;

	for (unsigned int i = 0; i < r->nr; i++)
		say(f, r->says[i], out);
	if (r->refires == NONE)
		f->refires = 0;
	if (r->refires == ONE_MORE)
		f->refires = counted < f->throttle_after ? (uint16_t)counted
							 : f->throttle_after;
	if (r->level != UNCHANGED)
		f->stale = r->level == GROWS_STALE;
	if (r->next >= 0)
		f->phase = (uint8_t)r->next;
	if (r->next != LOOK)
		return;
	/* a level is asked for where it can be read, or has to be waited for */
	if (f->policy == FORWARD_SAMPLE ||
	    facts_of(f, (struct forward_pin){ 0 }) & WAITS) {
		f->phase = FORWARD_SAMPLING;
		f->stale = false;
		say(f, EFFECT_SAMPLE, out);
	} else {
		f->phase = FORWARD_QUIET;
		say(f, EFFECT_RESAMPLE, out);
	}
}

static void by_table(const struct world_config *c, struct forward *f,
		     enum event e, struct forward_pin pin, struct effects *out)
{
	unsigned int facts;

	if (e == EVENT_CUT || e == EVENT_JOIN)
		f->cut = e == EVENT_CUT;
	if (e == EVENT_INIT) {
		*f = (struct forward){ 0 };
		f->used = true;
		f->pin = PIN;
		f->source = SOURCE;
		f->policy = c->policy;
		f->throttle_after = c->throttle;
		return;
	}
	facts = facts_of(f, pin);
	for (size_t i = 0; i < ROWS; i++) {
		const struct row *r = &rows[i];

		if (r->event == e && r->phases >> f->phase & 1 &&
		    (facts & r->is) == r->is && !(facts & r->is_not)) {
			go(f, r, out);
			return;
		}
	}
}

/* ---- the shipped forward -------------------------------------------------------- */

static void shipped(const struct world_config *c, struct forward *f,
		    enum event e, struct forward_pin pin, struct effects *out)
{
	switch (e) {
	case EVENT_TRIGGER:
		forward_triggered(f, pin, out);
		return;
	case EVENT_LOW:
		forward_sampled(f, pin, FORWARD_LEVEL_LOW, out);
		return;
	case EVENT_HIGH:
		forward_sampled(f, pin, FORWARD_LEVEL_HIGH, out);
		return;
	case EVENT_UNKNOWN:
		forward_sampled(f, pin, FORWARD_LEVEL_UNKNOWN, out);
		return;
	case EVENT_DRAINED:
	case EVENT_NOT_DRAINED:
		forward_drained(f, e == EVENT_DRAINED, out);
		return;
	case EVENT_TIMEOUT:
		forward_timed_out(f, out);
		return;
	case EVENT_ACK:
		forward_acked(f, pin, out);
		return;
	case EVENT_MASK:
		forward_masked(f, pin, out);
		return;
	case EVENT_UNMASK:
		forward_unmasked(f, out);
		return;
	case EVENT_CUT:
		forward_cut(f, out);
		return;
	case EVENT_JOIN:
		forward_joined(f, pin, out);
		return;
	case EVENT_FLUSH:
		forward_flushed(f, out);
		return;
	case EVENT_INIT:
		forward_init(f, SOURCE, PIN, (enum forward_policy)c->policy,
			     c->throttle);
		return;
	case EVENT_NR:
		return;
	}
}

/* The one forward of the world. */
static const struct forward *forward_of(const struct world *w)
{
	return &w->forwarder.forward[0];
}

static void init(const struct world_config *c, struct world *w)
{
	shipped(c, &w->forwarder.forward[0], EVENT_INIT, (struct forward_pin){ 0 }, NULL);
}

/* arg: masked | in service << 1; what an event says of its pin is kept to. */
static unsigned int steps(const struct world_config *c, const struct world *w,
			  struct step *out)
{
	unsigned int nr = 0;

	for (unsigned int e = 0; e < EVENT_NR; e++) {
		unsigned int first = e == EVENT_MASK ? 1 : 0;
		unsigned int step = e == EVENT_MASK || e == EVENT_UNMASK ? 2 : 1;

		if (e == EVENT_DRAINED || e == EVENT_NOT_DRAINED ||
		    e == EVENT_TIMEOUT || e == EVENT_CUT || e >= EVENT_FLUSH)
			step = 4;
		for (unsigned int pin = first; pin < 4; pin += step)
			out[nr++] = (struct step){ ACTOR_ENGINE, (uint8_t)e,
						   (uint8_t)pin };
	}
	return nr;
}

static bool obeys(const struct world_config *c, struct world *w, struct step s)
{
	struct forward *f = &w->forwarder.forward[0];
	struct forward_pin pin = { s.arg & 1, s.arg >> 1 };
	struct effects did = { .nr = 0 }, should = { .nr = 0 };
	struct forward must = *f;

	by_table(c, &must, (enum event)s.kind, pin, &should);
	shipped(c, f, (enum event)s.kind, pin, &did);
	return spec_same_effects(&did, &should) && spec_same_forward(f, &must);
}

/*
 * A refire that waits, waits 4 us for each that was before it, and 250 at most;
 * in a storm, and where a silence is measured, it is 10 ms.
 */
static bool tells(const struct world *w)
{
	const struct forward *f = forward_of(w);
	unsigned int us = 10000;

	if (f->phase == FORWARD_THROTTLED && !storms(f))
		us = f->refires <= 62 ? f->refires * 4u : 250;
	return forward_throttle_us(f) == us && forward_storms(f) == storms(f);
}

/* ---- text ----------------------------------------------------------------------- */

static void step_text(const struct world_config *c, struct step s, char *buf,
		      size_t n)
{
	static const char *const names[EVENT_NR] = {
		[EVENT_TRIGGER] = "trigger",
		[EVENT_LOW] = "the level is low",
		[EVENT_HIGH] = "the level is high",
		[EVENT_UNKNOWN] = "the level is unknown",
		[EVENT_DRAINED] = "drained: there was a signal",
		[EVENT_NOT_DRAINED] = "drained: there was none",
		[EVENT_TIMEOUT] = "timeout",
		[EVENT_ACK] = "ack",
		[EVENT_MASK] = "mask",
		[EVENT_UNMASK] = "unmask",
		[EVENT_CUT] = "cut",
		[EVENT_JOIN] = "joined",
		[EVENT_FLUSH] = "flush",
		[EVENT_INIT] = "added",
	};

	snprintf(buf, n, "%s%s%s", names[s.kind],
		 s.arg & 1 ? ", masked" : "", s.arg & 2 ? ", in service" : "");
}

static void columns(const struct world_config *c, const struct world *w,
		    struct world_columns *out)
{
	const struct forward *f = forward_of(w);
	static const char *const phases[] = { "quiet", "raised", "deferred",
					      "sampling", "throttled" };

	out->line[0] = f->phase == FORWARD_RAISED ? 'H' : 'L';
	snprintf(out->host, sizeof(out->host), "%s",
		 f->phase == FORWARD_QUIET ? "open" : "masked");
	snprintf(out->driver, sizeof(out->driver), "%s%s%s %u refires",
		 phases[f->phase], f->cut ? "+cut" : "",
		 f->stale ? "+stale" : "", f->refires);
}

const struct spec_world rules_world = {
	.property = PROPERTY_FORWARD_SPEC,
	.init = init,
	.steps = steps,
	.obeys = obeys,
	.tells = tells,
	.step_text = step_text,
	.columns = columns,
};
