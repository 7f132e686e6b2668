/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The forwarder a second time: the shipped chip and the shipped forwards, each
 * held against a specification of its own, put together by hand.  What one of
 * them asks of another is done at once and to its end, where the forwarder works
 * through one list; both must come to the same.
 *
 * Effects are compared in order where an order means something: those to the
 * backend for each pin, those to a source for each source.
 */
#include <stdio.h>
#include <string.h>

#include "sim/ioapic_spec.h"
#include "sim/spec_same.h"
#include "sim/spec_world.h"
#include "sim/world.h"

enum wiring_event {
	EVENT_TRIGGER,		/* source */
	EVENT_SAMPLED,		/* source | level << 1 */
	EVENT_DRAINED,		/* source */
	EVENT_TIMEOUT,		/* source */
	EVENT_CUT,		/* source | cut << 1 */
	EVENT_REMOVE,		/* source */
	EVENT_ADD,		/* source | pin << 1 */
	EVENT_INIT,
	EVENT_LINE,		/* source | pin << 1 | high << 2 */
	EVENT_PULSE,		/* pin */
	EVENT_LOW,		/* pin | entry << 1 */
	EVENT_HIGH,		/* pin | dest << 1 */
	EVENT_EOI,		/* vector */
	EVENT_RESET,
};

/* Low words.  With ACCESSES_PINS the first two only. */
static const uint32_t entries[] = {
	0x08041, 0x18041, 0x00041, 0x08051, 0x08141, 0x08841, 0x08000,
};

#define ENTRIES		(sizeof(entries) / sizeof(entries[0]))
#define ENTRIES_PLAIN	2
#define LINES_SOURCE	(FORWARDS_MAX - 1)	/* of a plain line, too */

/* ---- events ------------------------------------------------------------------- */

static void add(struct step *out, unsigned int *nr, enum actor actor,
		enum wiring_event kind, unsigned int arg)
{
	assert(*nr < WORLD_STEPS_MAX);
	out[(*nr)++] = (struct step){ (uint8_t)actor, (uint8_t)kind,
				      (uint8_t)arg };
}

static void forward_steps(const struct world_config *c,
			  const struct forwarder *fw, unsigned int s,
			  struct step *out, unsigned int *nr)
{
	add(out, nr, ACTOR_ENGINE, EVENT_TRIGGER, s);
	for (unsigned int level = 0; level <= FORWARD_LEVEL_UNKNOWN; level++)
		if (c->policy == FORWARD_SAMPLE || c->throttle)
			add(out, nr, ACTOR_ENGINE, EVENT_SAMPLED,
			    s | level << 1);
	add(out, nr, ACTOR_ENGINE, EVENT_DRAINED, s);
	if (c->throttle)
		add(out, nr, ACTOR_TIMER, EVENT_TIMEOUT, s);
	add(out, nr, ACTOR_WHIM, EVENT_CUT,
	    s | (fw->forward[s].cut ? 0u : 1u) << 1);
	add(out, nr, ACTOR_VMM, EVENT_REMOVE, s);
}

/* A slot without a forward: one is added, or a plain line has it. */
static void slot_steps(const struct world_config *c, const struct forwarder *fw,
		       unsigned int s, struct step *out, unsigned int *nr)
{
	unsigned int mine = pin_of_device(c, s);
	bool high = fw->ioapic.pin[mine].lines >> s & 1;

	for (unsigned int pin = 0; !high && pin < c->pins; pin++)
		add(out, nr, ACTOR_VMM, EVENT_ADD, s | pin << 1);
	if (s == LINES_SOURCE)
		add(out, nr, ACTOR_DEVICE, EVENT_LINE,
		    s | mine << 1 | (high ? 0u : 1u) << 2);
}

static void guest_steps(const struct world_config *c, struct step *out,
			unsigned int *nr)
{
	bool plain = c->accesses == ACCESSES_PINS;

	for (unsigned int pin = 0; pin < c->pins; pin++) {
		for (unsigned int i = 0; i < (plain ? ENTRIES_PLAIN : ENTRIES);
		     i++)
			add(out, nr, ACTOR_WHIM, EVENT_LOW, pin | i << 1);
		for (unsigned int dest = 0; !plain && dest < 2; dest++)
			add(out, nr, ACTOR_WHIM, EVENT_HIGH, pin | dest << 1);
		add(out, nr, ACTOR_DEVICE, EVENT_PULSE, pin);
	}
	add(out, nr, ACTOR_WHIM, EVENT_EOI, 0x41);
	if (!plain) {
		add(out, nr, ACTOR_WHIM, EVENT_EOI, 0x51);
		add(out, nr, ACTOR_WHIM, EVENT_EOI, 0x00);
	}
	add(out, nr, ACTOR_VMM, EVENT_INIT, 0);
	add(out, nr, ACTOR_WHIM, EVENT_RESET, 0);
}

static unsigned int steps(const struct world_config *c, const struct world *w,
			  struct step *out)
{
	const struct forwarder *fw = &w->forwarder;
	unsigned int nr = 0;

	for (unsigned int s = 0; s < c->devices; s++) {
		if (fw->forward[s].used)
			forward_steps(c, fw, s, out, &nr);
		else
			slot_steps(c, fw, s, out, &nr);
	}
	guest_steps(c, out, &nr);
	return nr;
}

static void init(const struct world_config *c, struct world *w)
{
	struct forwarder *fw = &w->forwarder;

	forwarder_init(fw, c->pins, c->version, c->routed);
	for (unsigned int s = 0; s < c->devices; s++)
		forwarder_add(fw, s, pin_of_device(c, s),
			      (enum forward_policy)c->policy, c->throttle);
	spec_trap_forward(w, offsetof(struct world, forwarder.forward));
}

/* ---- the shipped forwarder ------------------------------------------------------- */

static void write_entry(struct forwarder *fw, unsigned int index,
			uint32_t value, struct effects *out)
{
	forwarder_write(fw, 0x00, index, 4, out);
	forwarder_write(fw, 0x10, value, 4, out);
}

/* The memory that a forwarder is made in is not zero. */
static void init_anew(const struct world_config *c, struct forwarder *fw)
{
	memset(fw, 0x01, sizeof(*fw));
	forwarder_init(fw, c->pins, c->version, c->routed);
}

static void shipped(const struct world_config *c, struct forwarder *fw,
		    struct step e, struct effects *out)
{
	unsigned int s = e.arg & 1, rest = e.arg >> 1;

	switch ((enum wiring_event)e.kind) {
	case EVENT_TRIGGER:
		forwarder_trigger(fw, s, out);
		return;
	case EVENT_SAMPLED:
		forwarder_sampled(fw, s, (enum forward_level)rest, out);
		return;
	case EVENT_DRAINED:
		forwarder_drained(fw, s, true, out);
		return;
	case EVENT_TIMEOUT:
		forwarder_timeout(fw, s, out);
		return;
	case EVENT_CUT:
		forwarder_cut(fw, s, rest, out);
		return;
	case EVENT_REMOVE:
		forwarder_remove(fw, s, out);
		return;
	case EVENT_ADD:
		forwarder_add(fw, s, rest, (enum forward_policy)c->policy,
			      c->throttle);
		return;
	case EVENT_INIT:
		init_anew(c, fw);
		return;
	case EVENT_LINE:
		forwarder_set_line(fw, s, rest & 1, rest >> 1, out);
		return;
	case EVENT_PULSE:
		forwarder_pulse(fw, s, out);
		return;
	case EVENT_LOW:
		write_entry(fw, 0x10 + 2 * s, entries[rest], out);
		return;
	case EVENT_HIGH:
		write_entry(fw, 0x11 + 2 * s, rest << 24, out);
		return;
	case EVENT_EOI:
		forwarder_eoi(fw, e.arg, out);
		return;
	case EVENT_RESET:
		forwarder_reset(fw, out);
		return;
	}
}

/* ---- its parts, put together by hand ----------------------------------------------- */

static struct forward_pin pin_facts(const struct forwarder *fw,
				    unsigned int pin)
{
	const struct ioapic_pin *p = &fw->ioapic.pin[pin];

	return (struct forward_pin){ .masked = p->masked,
				     .in_service = p->remote_irr };
}

static void chip_said(struct forwarder *fw, const struct effects *said,
		      struct effects *out);

static void forward_said(struct forwarder *fw, const struct effects *said,
			 struct effects *out)
{
	for (unsigned int i = 0; i < said->nr; i++) {
		struct effect e = said->v[i];
		struct effects chip = { .nr = 0 };

		effects_push(out, e);
		if (e.kind == EFFECT_LOWER)
			ioapic_lower(&fw->ioapic, e.pin, e.source);
		if (e.kind == EFFECT_RAISE)
			ioapic_raise(&fw->ioapic, e.pin, e.source, &chip);
		chip_said(fw, &chip, out);
	}
}

/* The backend's route is the message of the last level delivery, or none. */
static void deliver(struct forwarder *fw, const struct effect *e,
		    struct effects *out)
{
	struct message want = { 0 };

	if (e->msg.level)
		want = e->msg;
	if (fw->routed && !spec_same_message(&fw->route[e->pin], &want)) {
		fw->route[e->pin] = want;
		effects_push(out, (struct effect){ .kind = EFFECT_ROUTE,
						   .pin = e->pin,
						   .msg = want });
	}
	effects_push(out, *e);
}

static void tell(struct forwarder *fw, unsigned int s, const struct effect *e,
		 struct effects *out)
{
	struct forward *f = &fw->forward[s];
	struct effects said = { .nr = 0 };

	if (!f->used || f->pin != e->pin)
		return;
	if (e->kind == EFFECT_ACK)
		forward_acked(f, pin_facts(fw, f->pin), &said);
	if (e->kind == EFFECT_MASK)
		forward_masked(f, pin_facts(fw, f->pin), &said);
	if (e->kind == EFFECT_UNMASK)
		forward_unmasked(f, &said);
	forward_said(fw, &said, out);
}

static void chip_said(struct forwarder *fw, const struct effects *said,
		      struct effects *out)
{
	for (unsigned int i = 0; i < said->nr; i++) {
		struct effects more = { .nr = 0 };
		struct effect e = said->v[i];

		if (e.kind == EFFECT_DELIVER) {
			deliver(fw, &e, out);
			continue;
		}
		effects_push(out, e);
		for (unsigned int s = 0; s < FORWARDS_MAX; s++)
			tell(fw, s, &e, out);
		if (e.kind != EFFECT_ACK)
			continue;
		effects_push(out, (struct effect){ .kind = EFFECT_SETTLE,
						   .pin = e.pin });
		ioapic_settle(&fw->ioapic, e.pin, &more);
		chip_said(fw, &more, out);
	}
}

/* An event of a forward: what it says, and what becomes of that. */
static void forward_event(const struct world_config *c, struct forwarder *fw,
			  struct step e, struct effects *out)
{
	unsigned int s = e.arg & 1, rest = e.arg >> 1;
	struct forward *f = &fw->forward[s];
	struct effects said = { .nr = 0 };

	if (e.kind == EVENT_TRIGGER)
		forward_triggered(f, pin_facts(fw, f->pin), &said);
	if (e.kind == EVENT_SAMPLED)
		forward_sampled(f, pin_facts(fw, f->pin),
				(enum forward_level)rest, &said);
	if (e.kind == EVENT_DRAINED)
		forward_drained(f, true, &said);
	if (e.kind == EVENT_TIMEOUT)
		forward_timed_out(f, &said);
	if (e.kind == EVENT_CUT && rest)
		forward_cut(f, &said);
	if (e.kind == EVENT_CUT && !rest)
		forward_joined(f, pin_facts(fw, f->pin), &said);
	if (e.kind == EVENT_REMOVE) {
		forward_flushed(f, &said);
		f->used = false;
	}
	if (e.kind == EVENT_ADD)
		forward_init(f, s, rest, (enum forward_policy)c->policy,
			     c->throttle);
	if (e.kind == EVENT_INIT) {
		memset(fw, 0, sizeof(*fw));
		fw->routed = c->routed;
		ioapic_init(&fw->ioapic, c->pins, c->version);
	}
	forward_said(fw, &said, out);
}

static void chip_write(struct forwarder *fw, unsigned int index, uint32_t value,
		       struct effects *said)
{
	ioapic_write(&fw->ioapic, 0x00, index, 4, said);
	ioapic_write(&fw->ioapic, 0x10, value, 4, said);
}

static void chip_event(struct forwarder *fw, struct step e, struct effects *out)
{
	unsigned int n = e.arg & 1, rest = e.arg >> 1;
	struct effects said = { .nr = 0 };

	if (e.kind == EVENT_LINE && rest >> 1)
		ioapic_raise(&fw->ioapic, rest & 1, n, &said);
	if (e.kind == EVENT_LINE && !(rest >> 1))
		ioapic_lower(&fw->ioapic, rest & 1, n);
	if (e.kind == EVENT_PULSE)
		ioapic_pulse(&fw->ioapic, n, &said);
	if (e.kind == EVENT_LOW)
		chip_write(fw, 0x10 + 2 * n, entries[rest], &said);
	if (e.kind == EVENT_HIGH)
		chip_write(fw, 0x11 + 2 * n, rest << 24, &said);
	if (e.kind == EVENT_EOI)
		ioapic_eoi(&fw->ioapic, e.arg, &said);
	if (e.kind == EVENT_RESET)
		ioapic_reset(&fw->ioapic);
	chip_said(fw, &said, out);
}

/* Reset: the chip first, so that whoever is flushed finds the pins masked. */
static void by_hand(const struct world_config *c, struct forwarder *fw,
		    struct step e, struct effects *out)
{
	if (e.kind < EVENT_LINE) {
		forward_event(c, fw, e, out);
		return;
	}
	chip_event(fw, e, out);
	for (unsigned int s = 0; e.kind == EVENT_RESET && s < FORWARDS_MAX; s++) {
		struct effects said = { .nr = 0 };

		if (fw->forward[s].used)
			forward_flushed(&fw->forward[s], &said);
		forward_said(fw, &said, out);
	}
}

/* ---- the comparison ------------------------------------------------------------------ */

/* Effects of one class and key must be the same, in the same order. */
static unsigned int class_of(const struct effect *e)
{
	switch ((enum effect_kind)e->kind) {
	case EFFECT_DELIVER:
	case EFFECT_ROUTE:
		return 0x00u | e->pin;
	case EFFECT_ACK:
	case EFFECT_MASK:
	case EFFECT_UNMASK:
		return 0x10u | e->pin;
	case EFFECT_SETTLE:
		return 0x20u | e->pin;
	case EFFECT_RAISE:
	case EFFECT_LOWER:
	case EFFECT_DEFER:
	case EFFECT_RESAMPLE:
	case EFFECT_SAMPLE:
	case EFFECT_DRAIN:
	case EFFECT_THROTTLE:
		return 0x30u | e->source;
	}
	return 0x40;
}

/* The nr-th effect of that class, or NULL. */
static const struct effect *nth_of(const struct effects *l, unsigned int class,
				   unsigned int nr)
{
	for (unsigned int i = 0; i < l->nr; i++)
		if (class_of(&l->v[i]) == class && !nr--)
			return &l->v[i];
	return NULL;
}

static bool same_effects(const struct effects *a, const struct effects *b)
{
	if (a->nr != b->nr)
		return false;
	for (unsigned int i = 0; i < a->nr; i++) {
		unsigned int class = class_of(&a->v[i]), nr = 0;
		const struct effect *other;

		for (unsigned int k = 0; k < i; k++)
			nr += class_of(&a->v[k]) == class;
		other = nth_of(b, class, nr);
		if (!other || !spec_same_effect(&a->v[i], other))
			return false;
	}
	return true;
}

static bool obeys(const struct world_config *c, struct world *w, struct step s)
{
	struct forwarder *fw = &w->forwarder;
	struct effects did = { .nr = 0 }, should = { .nr = 0 };
	struct forwarder must = *fw;

	by_hand(c, &must, s, &should);
	shipped(c, fw, s, &did);
	fw->ioapic.select = 0;
	must.ioapic.select = 0;
	return spec_same_forwarder(fw, &must) && same_effects(&did, &should);
}

/* Any number of pins that fits, and two versions. */
static bool tells(const struct world *w)
{
	for (unsigned int pins = 0; pins <= IOAPIC_PINS_MAX + 1; pins++)
		for (unsigned int version = 0; version <= 0xff; version++) {
			bool should = (version == 0x11 || version == 0x20) &&
				      pins != 0 && pins <= IOAPIC_PINS_MAX;

			if (forwarder_takes(pins, (uint8_t)version) != should)
				return false;
		}
	return true;
}

/* ---- text ------------------------------------------------------------------------------ */

static void step_text(const struct world_config *c, struct step e, char *buf,
		      size_t n)
{
	static const char *const levels[] = { "low", "high", "unknown" };
	unsigned int arg = e.arg, s = arg & 1, rest = arg >> 1;

	switch ((enum wiring_event)e.kind) {
	case EVENT_SAMPLED:
		snprintf(buf, n, "source %u: its level is %s", s, levels[rest]);
		return;
	case EVENT_ADD:
		snprintf(buf, n, "source %u: added on pin %u", s, rest);
		return;
	case EVENT_LINE:
		snprintf(buf, n, "%s: source %u of pin %u",
			 rest >> 1 ? "raise" : "lower", s, rest & 1);
		return;
	case EVENT_LOW:
		snprintf(buf, n, "writes pin %u: 0x%08x", s, entries[rest]);
		return;
	case EVENT_HIGH:
		snprintf(buf, n, "writes pin %u: destination %u", s, rest);
		return;
	case EVENT_EOI:
		snprintf(buf, n, "EOI of vector 0x%02x", arg);
		return;
	case EVENT_CUT:
		snprintf(buf, n, "source %u: %s", s, rest ? "cut" : "joined");
		return;
	case EVENT_PULSE:
		snprintf(buf, n, "an edge on pin %u", s);
		return;
	case EVENT_RESET:
		snprintf(buf, n, "reset");
		return;
	case EVENT_INIT:
		snprintf(buf, n, "begins anew, without sources");
		return;
	case EVENT_TRIGGER:
		snprintf(buf, n, "source %u: trigger", s);
		return;
	case EVENT_DRAINED:
		snprintf(buf, n, "source %u: drained, was signalled", s);
		return;
	case EVENT_TIMEOUT:
		snprintf(buf, n, "source %u: timeout", s);
		return;
	case EVENT_REMOVE:
		snprintf(buf, n, "source %u: removed", s);
		return;
	}
}

static void columns(const struct world_config *c, const struct world *w,
		    struct world_columns *out)
{
	static const char *const phases[] = { "quiet", "raised", "deferred",
					      "sampling", "throttled" };
	const struct forwarder *fw = &w->forwarder;
	size_t at = 0;

	spec_pin_columns(c, &fw->ioapic, out);
	for (unsigned int s = 0; s < FORWARDS_MAX; s++) {
		const struct forward *f = &fw->forward[s];

		if (f->used && at < sizeof(out->driver))
			at += (size_t)snprintf(out->driver + at,
					       sizeof(out->driver) - at,
					       "%s%s%s%s", s ? " " : "",
					       phases[f->phase],
					       f->cut ? "+cut" : "",
					       f->stale ? "+stale" : "");
	}
	snprintf(out->host, sizeof(out->host), "route %02x/%02x",
		 fw->route[0].vector,
		 fw->route[IOAPIC_PINS_MAX - 1].vector);
}

const struct spec_world wiring_world = {
	.property = PROPERTY_WIRING_SPEC,
	.init = init,
	.steps = steps,
	.obeys = obeys,
	.tells = tells,
	.step_text = step_text,
	.columns = columns,
};
