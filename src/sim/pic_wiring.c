/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The 8259's forwarder a second time: the shipped chip and the shipped forwards,
 * each held against a specification of its own, put together by hand.  As
 * wiring_spec.c, for struct pic_forwarder.
 */
#include <stdio.h>
#include <string.h>

#include "sim/i8259_spec.h"
#include "sim/spec_same.h"
#include "sim/spec_world.h"
#include "sim/world.h"

#define LENGTH(a)	(sizeof(a) / sizeof((a)[0]))

enum event {
	EVENT_TRIGGER,		/* source */
	EVENT_SAMPLED,		/* source | level << 1 */
	EVENT_DRAINED,		/* source | signalled << 1 */
	EVENT_TIMEOUT,		/* source */
	EVENT_CUT,		/* source | cut << 1 */
	EVENT_REMOVE,		/* source */
	EVENT_ADD,		/* source */
	EVENT_LINE,		/* source | high << 1 */
	EVENT_PULSE,		/* source, for its pin */
	EVENT_WRITE,		/* number */
	EVENT_POLL,		/* a read of the master's command port */
	EVENT_INTA,
	EVENT_RESET,
	EVENT_INIT,		/* in memory that is not zero */
};

static const struct {
	uint16_t port;
	uint8_t value;
} writes[] = {
	{ 0x21, 0x00 }, { 0x21, 0x20 }, { 0x21, 0x04 }, { 0x20, 0x20 },
	{ 0xa0, 0x20 }, { 0x20, 0x11 }, { 0x20, 0x0c }, { 0x4d0, 0x00 },
	{ 0x4d0, 0x20 },
};

/* ---- events ------------------------------------------------------------------- */

static unsigned int pin_of(const struct world_config *c, unsigned int s)
{
	return c->irq[pin_of_device(c, s)];
}

static void add(struct step *out, unsigned int *nr, enum actor actor,
		enum event kind, unsigned int arg)
{
	assert(*nr < WORLD_STEPS_MAX);
	out[(*nr)++] = (struct step){ (uint8_t)actor, (uint8_t)kind,
				      (uint8_t)arg };
}

static void forward_steps(const struct world_config *c, const struct forward *f,
			  unsigned int s, struct step *out, unsigned int *nr)
{
	bool samples = c->policy == FORWARD_SAMPLE || c->throttle;

	add(out, nr, ACTOR_ENGINE, EVENT_TRIGGER, s);
	for (unsigned int l = 0; samples && l <= FORWARD_LEVEL_UNKNOWN; l++)
		add(out, nr, ACTOR_ENGINE, EVENT_SAMPLED, s | l << 1);
	add(out, nr, ACTOR_ENGINE, EVENT_DRAINED, s);
	add(out, nr, ACTOR_ENGINE, EVENT_DRAINED, s | 2);
	if (c->throttle)
		add(out, nr, ACTOR_TIMER, EVENT_TIMEOUT, s);
	add(out, nr, ACTOR_WHIM, EVENT_CUT, s | (f->cut ? 0u : 2u));
	add(out, nr, ACTOR_VMM, EVENT_REMOVE, s);
}

static unsigned int steps(const struct world_config *c, const struct world *w,
			  struct step *out)
{
	const struct pic_forwarder *pf = &w->pic;
	unsigned int nr = 0;

	for (unsigned int s = 0; s < c->devices; s++) {
		bool high = pf->pic.lines[pin_of(c, s)] >> s & 1;

		if (pf->forward[s].used) {
			forward_steps(c, &pf->forward[s], s, out, &nr);
			continue;
		}
		if (!high)
			add(out, &nr, ACTOR_VMM, EVENT_ADD, s);
		add(out, &nr, ACTOR_DEVICE, EVENT_LINE, s | (high ? 0u : 2u));
	}
	for (unsigned int i = 0; i < LENGTH(writes); i++)
		add(out, &nr, ACTOR_WHIM, EVENT_WRITE, i);
	add(out, &nr, ACTOR_DEVICE, EVENT_PULSE, 0);
	add(out, &nr, ACTOR_WHIM, EVENT_POLL, 0);
	add(out, &nr, ACTOR_VCPU0, EVENT_INTA, 0);
	add(out, &nr, ACTOR_VMM, EVENT_RESET, 0);
	add(out, &nr, ACTOR_VMM, EVENT_INIT, 0);
	return nr;
}

static void add_forward(const struct world_config *c, struct pic_forwarder *pf,
			unsigned int s)
{
	pic_forwarder_add(pf, s, pin_of(c, s), (enum forward_policy)c->policy,
			  c->throttle);
}

/* The pair initialised, pin 5 and the slave's level. */
static void init(const struct world_config *c, struct world *w)
{
	struct pic_forwarder *pf = &w->pic;
	const struct {
		uint16_t port;
		uint8_t value;
	} words[] = {
		{ 0x4d0, 0x20 }, { 0x4d1, 0xde },
		{ 0x20, 0x11 }, { 0x21, 0x30 }, { 0x21, 0x04 }, { 0x21, c->icw4 },
		{ 0xa0, 0x11 }, { 0xa1, 0x38 }, { 0xa1, 0x02 }, { 0xa1, 0x01 },
	};
	struct effects none;

	pic_forwarder_init(pf);
	for (unsigned int s = 0; s < c->devices; s++)
		add_forward(c, pf, s);
	for (size_t i = 0; i < LENGTH(words); i++) {
		none.nr = 0;
		pic_forwarder_write(pf, words[i].port, words[i].value, &none);
	}
	spec_trap_forward(w, offsetof(struct world, pic.forward));
}

/* ---- the shipped forwarder ------------------------------------------------------- */

/* What a read, or the INTA cycle, gives; else 0. */
static uint8_t shipped(const struct world_config *c, struct pic_forwarder *pf,
		       struct step e, struct effects *out)
{
	unsigned int s = e.arg & 1, rest = e.arg >> 1;

	switch ((enum event)e.kind) {
	case EVENT_TRIGGER:
		pic_forwarder_trigger(pf, s, out);
		return 0;
	case EVENT_SAMPLED:
		pic_forwarder_sampled(pf, s, (enum forward_level)rest, out);
		return 0;
	case EVENT_DRAINED:
		pic_forwarder_drained(pf, s, rest, out);
		return 0;
	case EVENT_TIMEOUT:
		pic_forwarder_timeout(pf, s, out);
		return 0;
	case EVENT_CUT:
		pic_forwarder_cut(pf, s, rest, out);
		return 0;
	case EVENT_REMOVE:
		pic_forwarder_remove(pf, s, out);
		return 0;
	case EVENT_ADD:
		add_forward(c, pf, s);
		return 0;
	case EVENT_LINE:
		pic_forwarder_set_line(pf, s, pin_of(c, s), rest);
		return 0;
	case EVENT_PULSE:
		pic_forwarder_pulse(pf, pin_of(c, s));
		return 0;
	case EVENT_WRITE:
		pic_forwarder_write(pf, writes[e.arg].port,
				    writes[e.arg].value, out);
		return 0;
	case EVENT_POLL:
		return pic_forwarder_read(pf, I8259_MASTER_COMMAND, out);
	case EVENT_INTA:
		return pic_forwarder_intack(pf, out);
	case EVENT_RESET:
		pic_forwarder_reset(pf, out);
		return 0;
	case EVENT_INIT:
		memset(pf, 0x5a, sizeof(*pf));
		pic_forwarder_init(pf);
		return 0;
	}
	return 0;
}

/* ---- the parts, by hand ------------------------------------------------------------ */

static struct forward_pin facts(const struct pic_forwarder *pf, unsigned int pin)
{
	struct i8259_spec s;

	i8259_spec_of(&pf->pic, &s);
	return (struct forward_pin){
		.masked = i8259_spec_masked(&s, pin),
		.in_service = s.chip[pin / 8].in[pin % 8].serving,
	};
}

/* What a forward says: to its line at once, to its source in the end. */
static void obey_forward(struct pic_forwarder *pf, const struct effects *said,
			 struct effects *out)
{
	for (unsigned int i = 0; i < said->nr; i++) {
		const struct effect *e = &said->v[i];

		if (e->kind == EFFECT_RAISE)
			i8259_raise(&pf->pic, e->pin, e->source);
		else if (e->kind == EFFECT_LOWER)
			i8259_lower(&pf->pic, e->pin, e->source);
		else if (e->kind != EFFECT_DEFER)
			effects_push(out, *e);
	}
}

/* What the chip says, to each forward of the pin, and what that one answers. */
static void obey_chip(struct pic_forwarder *pf, const struct effects *said,
		      struct effects *out)
{
	for (unsigned int i = 0; i < 2 * said->nr; i++) {
		const struct effect *e = &said->v[i / 2];
		struct forward *f = &pf->forward[i % 2];
		struct effects answer;

		answer.nr = 0;
		if (!f->used || f->pin != e->pin)
			continue;
		if (e->kind == EFFECT_ACK)
			forward_acked(f, facts(pf, f->pin), &answer);
		if (e->kind == EFFECT_MASK)
			forward_masked(f, facts(pf, f->pin), &answer);
		if (e->kind == EFFECT_UNMASK)
			forward_unmasked(f, &answer);
		obey_forward(pf, &answer, out);
	}
}

_Static_assert(FORWARDS_MAX == 2, "obey_chip(): the forwards of a pin");

/* Down: one forward hears it. */
static bool by_forward(struct pic_forwarder *pf, struct step e,
		       struct effects *said)
{
	unsigned int rest = e.arg >> 1;
	struct forward *f = &pf->forward[e.arg & 1];
	struct forward_pin pin = facts(pf, f->pin);

	switch ((enum event)e.kind) {
	case EVENT_TRIGGER:
		forward_triggered(f, pin, said);
		return true;
	case EVENT_SAMPLED:
		forward_sampled(f, pin, (enum forward_level)rest, said);
		return true;
	case EVENT_DRAINED:
		forward_drained(f, rest, said);
		return true;
	case EVENT_TIMEOUT:
		forward_timed_out(f, said);
		return true;
	case EVENT_CUT:
		if (rest)
			forward_cut(f, said);
		else
			forward_joined(f, pin, said);
		return true;
	case EVENT_REMOVE:
		forward_flushed(f, said);
		f->used = false;
		return true;
	case EVENT_ADD:
	case EVENT_LINE:
	case EVENT_PULSE:
	case EVENT_WRITE:
	case EVENT_POLL:
	case EVENT_INTA:
	case EVENT_RESET:
	case EVENT_INIT:
		break;
	}
	return false;
}

static void reset(struct pic_forwarder *pf, struct effects *out)
{
	struct effects said;

	i8259_reset(&pf->pic);
	for (unsigned int s = 0; s < FORWARDS_MAX; s++) {
		said.nr = 0;
		if (pf->forward[s].used)
			forward_flushed(&pf->forward[s], &said);
		obey_forward(pf, &said, out);
	}
}

static uint8_t by_hand(const struct world_config *c, struct pic_forwarder *pf,
		       struct step e, struct effects *out)
{
	unsigned int s = e.arg & 1, pin = pin_of(c, s);
	struct effects said;
	uint8_t value = 0;

	said.nr = 0;
	if (by_forward(pf, e, &said)) {
		obey_forward(pf, &said, out);
		return 0;
	}
	if (e.kind == EVENT_ADD)
		forward_init(&pf->forward[s], s, pin,
			     (enum forward_policy)c->policy, c->throttle);
	else if (e.kind == EVENT_LINE && e.arg >> 1)
		i8259_raise(&pf->pic, pin, s);
	else if (e.kind == EVENT_LINE)
		i8259_lower(&pf->pic, pin, s);
	else if (e.kind == EVENT_PULSE)
		i8259_pulse(&pf->pic, pin);
	else if (e.kind == EVENT_WRITE)
		i8259_write(&pf->pic, writes[e.arg].port, writes[e.arg].value,
			    &said);
	else if (e.kind == EVENT_POLL)
		value = i8259_read(&pf->pic, I8259_MASTER_COMMAND, &said);
	else if (e.kind == EVENT_INTA)
		value = i8259_intack(&pf->pic, &said);
	else if (e.kind == EVENT_RESET)
		reset(pf, out);
	else
		memset(pf, 0, sizeof(*pf));
	obey_chip(pf, &said, out);
	return value;
}

/* ---- side by side -------------------------------------------------------------------- */

/* Those to source s that leave the forwarder, in order. */
static void outside(const struct effects *from, unsigned int s,
		    struct effects *to)
{
	to->nr = 0;
	for (unsigned int i = 0; i < from->nr; i++) {
		unsigned int kind = from->v[i].kind;

		if (from->v[i].source == s &&
		    (kind == EFFECT_RESAMPLE || kind == EFFECT_SAMPLE ||
		     kind == EFFECT_DRAIN || kind == EFFECT_THROTTLE))
			effects_push(to, from->v[i]);
	}
}

static bool same_state(const struct pic_forwarder *a,
		       const struct pic_forwarder *b)
{
	struct i8259_spec x, y;

	i8259_spec_of(&a->pic, &x);
	i8259_spec_of(&b->pic, &y);
	if (!spec_same_i8259(&x, &y))
		return false;
	for (unsigned int s = 0; s < FORWARDS_MAX; s++)
		if (!spec_same_forward(&a->forward[s], &b->forward[s]))
			return false;
	return pic_forwarder_output(a) == i8259_spec_output(&y);
}

static bool obeys(const struct world_config *c, struct world *w, struct step e)
{
	struct pic_forwarder *pf = &w->pic;
	struct pic_forwarder must = *pf;
	struct effects did, should;
	bool good;

	did.nr = should.nr = 0;
	good = by_hand(c, &must, e, &should) == shipped(c, pf, e, &did) &&
	       same_state(pf, &must);
	for (unsigned int s = 0; s < FORWARDS_MAX; s++) {
		struct effects is, owed;

		outside(&did, s, &is);
		outside(&should, s, &owed);
		good = good && spec_same_effects(&is, &owed);
		/* an unused slot holds nothing */
		if (!pf->forward[s].used)
			memset(&pf->forward[s], 0, sizeof(pf->forward[s]));
	}
	return good;
}

/* ---- text ------------------------------------------------------------------------------ */

static void step_text(const struct world_config *c, struct step e, char *buf,
		      size_t n)
{
	static const char *const names[] = {
		[EVENT_TRIGGER] = "trigger", [EVENT_SAMPLED] = "sampled",
		[EVENT_DRAINED] = "drained", [EVENT_TIMEOUT] = "timeout",
		[EVENT_CUT] = "cut off, or joined", [EVENT_REMOVE] = "removed",
		[EVENT_ADD] = "added",	     [EVENT_LINE] = "a plain line",
		[EVENT_PULSE] = "an edge",   [EVENT_WRITE] = "",
		[EVENT_POLL] = "reads port 0x20", [EVENT_INTA] = "INTA",
		[EVENT_RESET] = "reset",     [EVENT_INIT] = "made anew",
	};

	if (e.kind == EVENT_WRITE)
		snprintf(buf, n, "writes 0x%02x to port 0x%02x",
			 writes[e.arg].value, writes[e.arg].port);
	else if (e.kind < EVENT_PULSE)
		snprintf(buf, n, "source %d: %s%s", e.arg & 1, names[e.kind],
			 e.arg >> 1 == 0   ? ""
			 : e.arg >> 1 == 1 ? " (1)"
					   : " (2)");
	else
		snprintf(buf, n, "%s", names[e.kind]);
}

static void columns(const struct world_config *c, const struct world *w,
		    struct world_columns *out)
{
	const struct pic_forwarder *pf = &w->pic;
	static const char *const phases[] = { "quiet", "raised", "deferred",
					      "sampling", "throttled" };
	const struct i8259_chip *m = &pf->pic.chip[0];

	for (unsigned int s = 0; s < FORWARDS_MAX; s++)
		out->line[s] = pf->pic.lines[5] >> s & 1 ? 'H' : 'L';
	snprintf(out->host, sizeof(out->host), "isr %02x imr %02x stage %u",
		 m->isr, m->imr, m->phase);
	snprintf(out->pin, sizeof(out->pin), "%s",
		 pic_forwarder_output(pf) ? "INTR" : "-");
	snprintf(out->driver, sizeof(out->driver), "%s %s",
		 pf->forward[0].used ? phases[pf->forward[0].phase] : "-",
		 pf->forward[1].used ? phases[pf->forward[1].phase] : "-");
}

const struct spec_world pic_wiring_world = {
	.property = PROPERTY_WIRING_SPEC,
	.init = init,
	.steps = steps,
	.obeys = obeys,
	.step_text = step_text,
	.columns = columns,
};
