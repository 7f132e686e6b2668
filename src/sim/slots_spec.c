/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's slots, held against a table: what each event does in a slot of each
 * kind; which slot is taken; what is counted.  The forwarder behind them is the
 * shipped one, and wiring_spec.c is about it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sim/spec_same.h"
#include "sim/spec_world.h"
#include "sim/world.h"

enum event {
	EVENT_TRIGGER,		/* slot | signalled << 1 */
	EVENT_SAMPLED,		/* slot | level << 1 */
	EVENT_TIMEOUT,		/* slot */
	EVENT_CUT,		/* slot | cut << 1 | own << 2 */
	EVENT_LINE,		/* slot | high << 1 */
	EVENT_PULSE,		/* slot */
	EVENT_REMOVE,		/* slot */
	EVENT_NR_OF_SLOTS,
	/* these find their slot themselves, or have none */
	EVENT_FREE,		/* slot */
	EVENT_TAKE,		/* pin | kind << 2 */
	EVENT_EOI,
};

enum does {
	NOTHING,
	TRIGGER,
	SAMPLED,
	TIMEOUT,
	CUT,
	LINE,
	PULSE,
	REMOVE,			/* the forward */
	LOWER,			/* the line */
};

#define KINDS	(SLOT_LEAVING + 1)

static const uint8_t does[EVENT_NR_OF_SLOTS][KINDS] = {
	[EVENT_TRIGGER] = { [SLOT_LEVEL] = TRIGGER, [SLOT_EDGE] = PULSE },
	[EVENT_SAMPLED] = { [SLOT_LEVEL] = SAMPLED },
	[EVENT_TIMEOUT] = { [SLOT_LEVEL] = TIMEOUT },
	[EVENT_CUT] = { [SLOT_LEVEL] = CUT },
	[EVENT_LINE] = { [SLOT_LINE] = LINE },
	[EVENT_PULSE] = { [SLOT_LINE] = PULSE },
	[EVENT_REMOVE] = { [SLOT_LEVEL] = REMOVE, [SLOT_LINE] = LOWER },
};

#define VECTOR_LEVEL	0x41u
#define ENTRY_LEVEL	0x08041u	/* pin 0 */
#define ENTRY_EDGE	0x00051u	/* pin 1 */
#define THROTTLE_AFTER	3

/* ---- events ------------------------------------------------------------------- */

static void write_entry(struct forwarder *fw, unsigned int pin, uint32_t low)
{
	struct effects out = { .nr = 0 };

	forwarder_write(fw, 0x00, 0x10 + 2 * pin, 4, &out);
	forwarder_write(fw, 0x10, low, 4, &out);
	forwarder_write(fw, 0x00, 0, 4, &out);
}

static void init(const struct world_config *c, struct world *w)
{
	forwarder_init(&w->forwarder, c->pins, c->version, false);
	write_entry(&w->forwarder, 0, ENTRY_LEVEL);
	if (c->pins > 1)
		write_entry(&w->forwarder, 1, ENTRY_EDGE);
}

static void add(struct step *out, unsigned int *nr, enum event kind,
		unsigned int arg)
{
	assert(*nr < WORLD_STEPS_MAX);
	out[(*nr)++] = (struct step){ ACTOR_ENGINE, (uint8_t)kind, (uint8_t)arg };
}

static void slot_steps(const struct world *w, unsigned int slot,
		       struct step *out, unsigned int *nr)
{
	enum slot_kind kind = (enum slot_kind)w->vmm.slots.slot[slot].kind;

	for (unsigned int level = 0; level <= FORWARD_LEVEL_UNKNOWN; level++)
		add(out, nr, EVENT_SAMPLED, slot | level << 1);
	for (unsigned int yes = 0; yes < 2; yes++) {
		add(out, nr, EVENT_TRIGGER, slot | yes << 1);
		add(out, nr, EVENT_CUT, slot | yes << 1 | 1 << 2);
		add(out, nr, EVENT_CUT, slot | yes << 1);
		add(out, nr, EVENT_LINE, slot | yes << 1);
	}
	add(out, nr, EVENT_TIMEOUT, slot);
	add(out, nr, EVENT_PULSE, slot);
	if (kind == SLOT_LEAVING)
		add(out, nr, EVENT_FREE, slot);
	else if (kind != SLOT_FREE)
		add(out, nr, EVENT_REMOVE, slot);
}

/* Of the pins one more than there are. */
static unsigned int steps(const struct world_config *c, const struct world *w,
			  struct step *out)
{
	unsigned int nr = 0;

	for (unsigned int slot = 0; slot < FORWARDS_MAX; slot++)
		slot_steps(w, slot, out, &nr);
	for (unsigned int kind = SLOT_LEVEL; kind <= SLOT_LINE; kind++)
		for (unsigned int pin = 0; pin <= w->forwarder.ioapic.pins; pin++)
			add(out, &nr, EVENT_TAKE, pin | kind << 2);
	add(out, &nr, EVENT_EOI, 0);
	return nr;
}

/* ---- the shipped slots ----------------------------------------------------------- */

static int take(const struct world_config *c, struct slots *s, unsigned int arg,
		struct forwarder *fw)
{
	enum slot_kind kind = (enum slot_kind)(arg >> 2);

	if (kind == SLOT_LEVEL)
		return slots_take_level(s, arg & 3,
					(enum forward_policy)c->policy,
					c->throttle, fw);
	return slots_take(s, kind, arg & 3, fw);
}

static int shipped(const struct world_config *c, struct slots *s,
		   struct forwarder *fw, struct step e, struct effects *out)
{
	unsigned int slot = e.arg & 1, rest = e.arg >> 1;

	switch ((enum event)e.kind) {
	case EVENT_TRIGGER:
		slots_triggered(s, slot, rest, fw, out);
		return 0;
	case EVENT_SAMPLED:
		slots_sampled(s, slot, (enum forward_level)rest, fw, out);
		return 0;
	case EVENT_TIMEOUT:
		slots_timed_out(s, slot, fw, out);
		return 0;
	case EVENT_CUT:
		slots_cut(s, slot, rest >> 1, rest & 1, fw, out);
		return 0;
	case EVENT_LINE:
		slots_set_line(s, slot, rest, fw, out);
		return 0;
	case EVENT_PULSE:
		slots_pulse_line(s, slot, fw, out);
		return 0;
	case EVENT_REMOVE:
		slots_remove(s, slot, fw, out);
		return 0;
	case EVENT_FREE:
		slots_free(s, slot);
		return 0;
	case EVENT_TAKE:
		return take(c, s, e.arg, fw);
	case EVENT_EOI:
		forwarder_eoi(fw, VECTOR_LEVEL, out);
		return 0;
	case EVENT_NR_OF_SLOTS:
		return 0;
	}
	return 0;
}

/* ---- by the table ------------------------------------------------------------------ */

static void event_of_slot(const struct slot *s, unsigned int slot,
			  struct forwarder *fw, struct step e,
			  struct effects *out)
{
	unsigned int rest = e.arg >> 1;

	if (e.kind == EVENT_TRIGGER && !rest)
		return;
	if (e.kind == EVENT_CUT && rest < 2)
		return;
	switch ((enum does)does[e.kind][s->kind]) {
	case NOTHING:
		return;
	case TRIGGER:
		forwarder_trigger(fw, slot, out);
		return;
	case SAMPLED:
		forwarder_sampled(fw, slot, (enum forward_level)rest, out);
		return;
	case TIMEOUT:
		forwarder_timeout(fw, slot, out);
		return;
	case CUT:
		forwarder_cut(fw, slot, rest == 3, out);
		return;
	case LINE:
		forwarder_set_line(fw, slot, s->pin, rest, out);
		return;
	case PULSE:
		forwarder_pulse(fw, s->pin, out);
		return;
	case REMOVE:
		forwarder_remove(fw, slot, out);
		return;
	case LOWER:
		forwarder_set_line(fw, slot, s->pin, false, out);
		return;
	}
}

/* The lowest of the free ones. */
static int taken(const struct world_config *c, struct slots *s,
		 unsigned int arg, struct forwarder *fw)
{
	unsigned int pin = arg & 3, kind = arg >> 2;
	int slot = -ENOSPC;

	for (unsigned int i = FORWARDS_MAX; i-- > 0;)
		if (s->slot[i].kind == SLOT_FREE)
			slot = (int)i;
	if (pin >= c->pins)
		slot = -EINVAL;
	if (slot < 0)
		return slot;
	s->slot[slot].kind = (uint8_t)kind;
	s->slot[slot].pin = (uint8_t)pin;
	if (kind == SLOT_LEVEL)
		forwarder_add(fw, (unsigned int)slot, pin,
			      (enum forward_policy)c->policy, c->throttle);
	return slot;
}

static int by_table(const struct world_config *c, struct slots *s,
		    struct forwarder *fw, struct step e, struct effects *out)
{
	unsigned int slot = e.arg & 1;

	if (e.kind == EVENT_TAKE)
		return taken(c, s, e.arg, fw);
	if (e.kind == EVENT_EOI)
		forwarder_eoi(fw, VECTOR_LEVEL, out);
	if (e.kind < EVENT_NR_OF_SLOTS)
		event_of_slot(&s->slot[slot], slot, fw, e, out);
	if (e.kind == EVENT_REMOVE)
		s->slot[slot].kind = SLOT_LEAVING;
	if (e.kind == EVENT_FREE)
		memset(&s->slot[slot], 0, sizeof(s->slot[slot]));
	return 0;
}

static bool same_slots(const struct slots *a, const struct slots *b)
{
	for (unsigned int i = 0; i < FORWARDS_MAX; i++)
		if (a->slot[i].kind != b->slot[i].kind ||
		    a->slot[i].pin != b->slot[i].pin)
			return false;
	return true;
}

static bool obeys(const struct world_config *c, struct world *w, struct step s)
{
	struct effects did = { .nr = 0 }, should = { .nr = 0 };
	struct forwarder must_fw = w->forwarder;
	struct slots must = w->vmm.slots;
	int wanted = by_table(c, &must, &must_fw, s, &should);
	int got = shipped(c, &w->vmm.slots, &w->forwarder, s, &did);

	return wanted == got && same_slots(&w->vmm.slots, &must) &&
	       spec_same_forwarder(&w->forwarder, &must_fw) &&
	       spec_same_effects(&did, &should);
}

/* ---- what is counted --------------------------------------------------------------- */

static bool has_source(const struct slot *s)
{
	return s->kind == SLOT_LEVEL || s->kind == SLOT_EDGE;
}

/* The counter of one slot that an effect moves, or NULL. */
static uint64_t *counter_of(const struct slots *s, unsigned int slot,
			    const struct forward *f, const struct effect *e,
			    struct slot_counts *counts)
{
	bool of_pin = has_source(&s->slot[slot]) && s->slot[slot].pin == e->pin;
	bool mine = e->source == slot;

	if (e->kind == EFFECT_DELIVER && of_pin)
		return &counts->deliveries;
	if (e->kind == EFFECT_ACK && of_pin)
		return &counts->eois;
	if (e->kind == EFFECT_DEFER && mine)
		return &counts->deferred;
	if (e->kind == EFFECT_RESAMPLE && mine)
		return &counts->resamples;
	if (e->kind == EFFECT_THROTTLE && mine && f->phase == FORWARD_THROTTLED)
		return f->refires < THROTTLE_AFTER ? &counts->eased
						   : &counts->throttled;
	return NULL;
}

static bool same_counts(const struct slot_counts *a, const struct slot_counts *b)
{
	return a->triggers == b->triggers && a->deliveries == b->deliveries &&
	       a->eois == b->eois && a->deferred == b->deferred &&
	       a->resamples == b->resamples && a->eased == b->eased &&
	       a->throttled == b->throttled;
}

static bool counts_of(const struct slots *s, const struct forwarder *fw,
		      const struct effect *e)
{
	struct slot_counts did[FORWARDS_MAX] = { 0 }, should[FORWARDS_MAX] = { 0 };

	slots_count(s, fw, e, did);
	for (unsigned int i = 0; i < FORWARDS_MAX; i++) {
		uint64_t *counter = counter_of(s, i, &fw->forward[i], e,
					       &should[i]);

		if (counter)
			++*counter;
		if (!same_counts(&did[i], &should[i]))
			return false;
	}
	return true;
}

/* Each effect, with the forwards in each phase, before a storm and in one. */
static bool counts_tell(const struct slots *s)
{
	struct forwarder fw = { 0 };

	for (unsigned int phase = 0; phase <= FORWARD_THROTTLED; phase++) {
		fw.forward[0] = (struct forward){ .used = true,
			.phase = (uint8_t)phase, .refires = THROTTLE_AFTER - 1,
			.throttle_after = THROTTLE_AFTER };
		fw.forward[1] = fw.forward[0];
		fw.forward[1].refires = THROTTLE_AFTER;
		for (unsigned int kind = 0; kind <= EFFECT_ROUTE; kind++) {
			for (unsigned int i = 0; i < 4; i++)
				if (!counts_of(s, &fw, &(struct effect){
						.kind = (uint8_t)kind,
						.pin = i & 1,
						.source = (uint8_t)(i >> 1) }))
					return false;
		}
	}
	return true;
}

static bool tells(const struct world *w)
{
	const struct slots *s = &w->vmm.slots;
	unsigned int next = FORWARDS_MAX;

	for (unsigned int from = FORWARDS_MAX + 1; from-- > 0;) {
		if (from < FORWARDS_MAX && has_source(&s->slot[from]))
			next = from;
		if (slots_next_source(s, from) != next)
			return false;
	}
	return counts_tell(s);
}

/* ---- text ------------------------------------------------------------------------------ */

static const char *const kind_names[KINDS] = {
	[SLOT_FREE] = "free",
	[SLOT_LEVEL] = "level",
	[SLOT_EDGE] = "edge",
	[SLOT_LINE] = "line",
	[SLOT_LEAVING] = "leaving",
};

static void step_text(const struct world_config *c, struct step s, char *buf,
		      size_t n)
{
	static const char *const levels[] = { "low", "high", "unknown" };
	unsigned int slot = s.arg & 1, rest = s.arg >> 1;

	switch ((enum event)s.kind) {
	case EVENT_TRIGGER:
		snprintf(buf, n, "slot %u: ready, %s", slot,
			 rest ? "signalled" : "not signalled");
		return;
	case EVENT_SAMPLED:
		snprintf(buf, n, "slot %u: its level is %s", slot, levels[rest]);
		return;
	case EVENT_TIMEOUT:
		snprintf(buf, n, "slot %u: timeout", slot);
		return;
	case EVENT_CUT:
		snprintf(buf, n, "slot %u: %s%s", slot,
			 rest & 1 ? "cut" : "joined", rest < 2 ? " by another" : "");
		return;
	case EVENT_LINE:
		snprintf(buf, n, "slot %u: %s", slot, rest ? "raise" : "lower");
		return;
	case EVENT_PULSE:
		snprintf(buf, n, "slot %u: an edge", slot);
		return;
	case EVENT_REMOVE:
		snprintf(buf, n, "slot %u: removed", slot);
		return;
	case EVENT_FREE:
		snprintf(buf, n, "slot %u: nothing waits for it", slot);
		return;
	case EVENT_TAKE:
		snprintf(buf, n, "a slot is taken: %s, pin %u",
			 kind_names[s.arg >> 2], s.arg & 3);
		return;
	case EVENT_EOI:
		snprintf(buf, n, "EOI of vector 0x%02x", VECTOR_LEVEL);
		return;
	case EVENT_NR_OF_SLOTS:
		return;
	}
}

static void columns(const struct world_config *c, const struct world *w,
		    struct world_columns *out)
{
	const struct slot *s = w->vmm.slots.slot;

	spec_pin_columns(c, &w->forwarder.ioapic, out);
	snprintf(out->driver, sizeof(out->driver), "%s:%u %s:%u",
		 kind_names[s[0].kind], s[0].pin, kind_names[s[1].kind],
		 s[1].pin);
}

const struct spec_world slots_world = {
	.property = PROPERTY_SLOTS_SPEC,
	.init = init,
	.steps = steps,
	.obeys = obeys,
	.tells = tells,
	.step_text = step_text,
	.columns = columns,
};
