/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/spec_world.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "sim/forward_spec.h"
#include "sim/i8259_world.h"
#include "sim/ioapic_spec.h"
#include "sim/outbox_spec.h"
#include "sim/pic_wiring.h"
#include "sim/slots_spec.h"
#include "sim/spec_same.h"
#include "sim/wiring_spec.h"
#include "sim/world.h"

#define LENGTH(a)	(sizeof(a) / sizeof((a)[0]))

enum event_kind {
	EVENT_WRITE,		/* size bytes of value at offset */
	EVENT_ENTRY,		/* IOREGSEL = offset, IOWIN = value, as dwords */
	EVENT_RAISE,		/* source n of pin */
	EVENT_LOWER,
	EVENT_PULSE,		/* pin */
	EVENT_EOI,		/* value */
	EVENT_SETTLE,		/* pin */
	EVENT_RESET,
	EVENT_INIT,
};

struct event {
	uint8_t kind;		/* enum event_kind */
	uint8_t size, pin, source;
	uint64_t offset, value;
};

#define WRITE(at, bytes, what) \
	{ .kind = EVENT_WRITE, .size = (bytes), .offset = (at), .value = (what) }
#define ENTRY(index, what) \
	{ .kind = EVENT_ENTRY, .offset = (index), .value = (what) }
#define RAISE(p, s)	{ .kind = EVENT_RAISE, .pin = (p), .source = (s) }
#define LOWER(p, s)	{ .kind = EVENT_LOWER, .pin = (p), .source = (s) }
#define PULSE(p)	{ .kind = EVENT_PULSE, .pin = (p) }
#define EOI(vector)	{ .kind = EVENT_EOI, .value = (vector) }
#define SETTLE(p)	{ .kind = EVENT_SETTLE, .pin = (p) }
#define RESET()		{ .kind = EVENT_RESET }
#define INIT()		{ .kind = EVENT_INIT }

/* Of one pin.  Registers that are there, that are read-only, that are not. */
static const struct event bytes[] = {
	WRITE(0x00, 1, 0x00), WRITE(0x00, 1, 0x01), WRITE(0x00, 1, 0x02),
	WRITE(0x00, 1, 0x03), WRITE(0x00, 2, 0xff10), WRITE(0x00, 4, 0x111),
	WRITE(0x00, 8, 0xff00000012), WRITE(0x01, 1, 0x01),
	WRITE(0x02, 4, 0xffffffff), WRITE(0x00, 1, 0x14),
	WRITE(0x10, 1, 0x41), WRITE(0x11, 1, 0x80), WRITE(0x11, 1, 0x00),
	WRITE(0x12, 1, 0x01), WRITE(0x12, 1, 0xfe), WRITE(0x13, 1, 0xff),
	WRITE(0x10, 2, 0x8041), WRITE(0x12, 2, 0x0001),
	WRITE(0x0f, 2, 0x41ff), WRITE(0x11, 4, 0xff000080),
	WRITE(0x13, 2, 0xff00), WRITE(0x14, 4, 0xffffffff),
	WRITE(0x10, 4, 0xffffffff), WRITE(0x10, 4, 0x00008041),
	WRITE(0x0c, 8, 0x0000800000000000),
	WRITE(0x40, 1, 0x41), WRITE(0x40, 4, 0xffffff00),
	WRITE(0x41, 1, 0x41), WRITE(0x3f, 2, 0x41ff), WRITE(0x3d, 8, 0x41),
	WRITE(0x20, 4, 0x41), WRITE(0xffd, 8, 0x1041),
	WRITE(0x1000, 4, 0x10), WRITE(0x1010, 4, 0x41),
	WRITE(UINT64_MAX, 4, 0x10ff), WRITE(UINT64_MAX - 3, 8, 0x1000000000),
	RAISE(0, 0), LOWER(0, 0), EOI(0x41), EOI(0x00), RESET(), INIT(),
};

/* Of one pin: what an entry can say, and when. */
static const struct event entries[] = {
	ENTRY(0x10, 0x00041), ENTRY(0x10, 0x08041), ENTRY(0x10, 0x00141),
	ENTRY(0x10, 0x08141), ENTRY(0x10, 0x00241), ENTRY(0x10, 0x08241),
	ENTRY(0x10, 0x00341), ENTRY(0x10, 0x08341), ENTRY(0x10, 0x08441),
	ENTRY(0x10, 0x08541), ENTRY(0x10, 0x00641), ENTRY(0x10, 0x08641),
	ENTRY(0x10, 0x08741), ENTRY(0x10, 0x08051), ENTRY(0x10, 0x00051),
	ENTRY(0x10, 0x18041), ENTRY(0x10, 0x10041), ENTRY(0x10, 0x18051),
	ENTRY(0x10, 0x08841), ENTRY(0x10, 0x0a041), ENTRY(0x10, 0x0d041),
	ENTRY(0x10, 0x1d041), ENTRY(0x10, 0xfffe8041),
	ENTRY(0x11, 0x01000000), ENTRY(0x11, 0xffffffff),
	ENTRY(0x12, 0x08041), ENTRY(0x13, 0x01000000),
	WRITE(0x40, 4, 0x41), WRITE(0x40, 4, 0x51), WRITE(0x40, 4, 0x61),
	RAISE(0, 0), RAISE(0, 1), LOWER(0, 0), LOWER(0, 1), PULSE(0),
	EOI(0x41), EOI(0x51), EOI(0x61), SETTLE(0), RESET(),
};

static const struct event two_pins[] = {
	ENTRY(0x10, 0x08041), ENTRY(0x10, 0x18041), ENTRY(0x10, 0x00041),
	ENTRY(0x10, 0x08051), ENTRY(0x11, 0x01000000),
	ENTRY(0x12, 0x08041), ENTRY(0x12, 0x18041), ENTRY(0x12, 0x00041),
	ENTRY(0x12, 0x08051), ENTRY(0x13, 0x01000000),
	ENTRY(0x14, 0x08041), ENTRY(0x15, 0x01000000),
	WRITE(0x00, 4, 0x312), WRITE(0x40, 4, 0x41), WRITE(0x40, 4, 0x51),
	RAISE(0, 0), LOWER(0, 0), RAISE(1, 1), LOWER(1, 1),
	PULSE(0), PULSE(1), EOI(0x41), EOI(0x51), SETTLE(0), SETTLE(1),
	RESET(),
};

struct list {
	const struct event *v;
	unsigned int nr;
};

static struct list events_of(const struct world_config *c)
{
	switch ((enum spec_accesses)c->accesses) {
	case ACCESSES_BYTES:
		return (struct list){ bytes, LENGTH(bytes) };
	case ACCESSES_ENTRIES:
		return (struct list){ entries, LENGTH(entries) };
	case ACCESSES_PINS:
		return (struct list){ two_pins, LENGTH(two_pins) };
	case ACCESSES_ICWS:
	case ACCESSES_OCWS:
		break;
	}
	return (struct list){ NULL, 0 };
}

static const struct event *event_of(const struct world_config *c,
				    struct step s)
{
	struct list events = events_of(c);

	assert(s.arg < events.nr);
	return &events.v[s.arg];
}

_Static_assert(LENGTH(bytes) <= WORLD_STEPS_MAX &&
	       LENGTH(entries) <= WORLD_STEPS_MAX &&
	       LENGTH(two_pins) <= WORLD_STEPS_MAX, "all events are enabled");

/* ---- the chip ----------------------------------------------------------------- */

/*
 * What a chip must not touch: a pin that it has not, with an interrupt in
 * service.  Behind the last that the array has, another one seems to stand.
 */
static const struct ioapic_pin no_pin = {
	.lines = 1, .dest = 1, .vector = 0x41, .remote_irr = true,
	.level = true, .in_service = 0x41,
};

/* The memory that a chip is made in is not zero. */
static void init_chip(struct ioapic *ic, unsigned int pins, uint8_t version)
{
	memset(ic, 0x01, sizeof(*ic));
	ioapic_init(ic, pins, version);
	for (unsigned int i = pins; i < IOAPIC_PINS_MAX; i++)
		ic->pin[i] = no_pin;
}

static void chip_event(struct ioapic *ic, const struct event *e,
		       struct effects *out)
{
	switch ((enum event_kind)e->kind) {
	case EVENT_WRITE:
		ioapic_write(ic, e->offset, e->value, e->size, out);
		return;
	case EVENT_ENTRY:
		ioapic_write(ic, 0x00, e->offset, 4, out);
		ioapic_write(ic, 0x10, e->value, 4, out);
		ioapic_write(ic, 0x00, 0, 4, out);
		return;
	case EVENT_RAISE:
		ioapic_raise(ic, e->pin, e->source, out);
		return;
	case EVENT_LOWER:
		ioapic_lower(ic, e->pin, e->source);
		return;
	case EVENT_PULSE:
		ioapic_pulse(ic, e->pin, out);
		return;
	case EVENT_EOI:
		ioapic_eoi(ic, (uint8_t)e->value, out);
		return;
	case EVENT_SETTLE:
		ioapic_settle(ic, e->pin, out);
		return;
	case EVENT_RESET:
		ioapic_reset(ic);
		return;
	case EVENT_INIT:
		init_chip(ic, ic->pins, ic->version);
		return;
	}
}

static void spec_event(struct ioapic_spec *s, const struct event *e,
		       struct effects *out)
{
	switch ((enum event_kind)e->kind) {
	case EVENT_WRITE:
		ioapic_spec_write(s, e->offset, e->value, e->size, out);
		return;
	case EVENT_ENTRY:
		ioapic_spec_write(s, 0x00, e->offset, 4, out);
		ioapic_spec_write(s, 0x10, e->value, 4, out);
		ioapic_spec_write(s, 0x00, 0, 4, out);
		return;
	case EVENT_RAISE:
	case EVENT_LOWER:
		ioapic_spec_line(s, e->pin, e->source, e->kind == EVENT_RAISE,
				 out);
		return;
	case EVENT_PULSE:
		ioapic_spec_pulse(s, e->pin, out);
		return;
	case EVENT_EOI:
		ioapic_spec_eoi(s, (uint8_t)e->value, out);
		return;
	case EVENT_SETTLE:
		ioapic_spec_settle(s, e->pin, out);
		return;
	case EVENT_INIT:
		for (unsigned int i = 0; i < s->pins; i++)
			s->pin[i].lines = 0;
		ioapic_spec_reset(s);
		return;
	case EVENT_RESET:
		ioapic_spec_reset(s);
		return;
	}
}

static bool chip_obeys(struct ioapic *ic, const struct event *e)
{
	struct effects did = { .nr = 0 }, should = { .nr = 0 };
	struct ioapic_spec is, must;

	ioapic_spec_of(ic, &must);
	spec_event(&must, e, &should);
	chip_event(ic, e, &did);
	ioapic_spec_of(ic, &is);
	return !memcmp(&is, &must, sizeof(is)) && spec_same_effects(&did, &should);
}

/* Every byte near a register, and longer reads across their edges. */
static bool reads_obey(const struct ioapic *ic)
{
	static const struct {
		uint64_t offset;
		unsigned int size;
	} wide[] = {
		{ 0x00, 4 }, { 0x00, 8 }, { 0x01, 2 }, { 0x0e, 4 }, { 0x10, 4 },
		{ 0x0c, 8 }, { 0x11, 4 }, { 0x13, 2 }, { 0x40, 4 }, { 0x3d, 8 },
		{ 0xffc, 8 }, { 0x1000, 4 }, { 0x1010, 4 }, { UINT64_MAX, 4 },
		{ UINT64_MAX - 3, 8 },
	};
	struct ioapic_spec s;

	ioapic_spec_of(ic, &s);
	for (uint64_t at = 0; at < 0x18; at++)
		if (ioapic_read(ic, at, 1) != ioapic_spec_read(&s, at, 1))
			return false;
	for (size_t i = 0; i < LENGTH(wide); i++)
		if (ioapic_read(ic, wide[i].offset, wide[i].size) !=
		    ioapic_spec_read(&s, wide[i].offset, wide[i].size))
			return false;
	return true;
}

/* ---- all of them ------------------------------------------------------------------ */

static struct forward *lone_forward(struct world *w)
{
	return &w->forwarder.forward[0];
}

/* What stands behind an array is not zero: nobody may look there. */
static void set_trap(struct world *w, size_t offset, const void *trap, size_t n)
{
	memcpy((uint8_t *)w + offset, trap, n);
}

static void trap_behind_pins(struct world *w)
{
	set_trap(w, offsetof(struct world, forwarder.ioapic.pin) +
			    sizeof(w->forwarder.ioapic.pin),
		 &no_pin, sizeof(no_pin));
}

static void trap_behind_forwards(struct world *w, size_t offset)
{
	static const struct forward no_forward = {
		.used = true, .phase = FORWARD_RAISED,
	};

	set_trap(w, offset + sizeof(w->forwarder.forward), &no_forward,
		 sizeof(no_forward));
}

void spec_init(const struct world_config *c, struct world *w)
{
	if (c->kind == WORLD_WIRING) {
		wiring_init(c, &w->forwarder);
		trap_behind_forwards(w, offsetof(struct world, forwarder.forward));
	} else if (c->kind == WORLD_PIC_WIRING) {
		pic_wiring_init(c, &w->pic);
		trap_behind_forwards(w, offsetof(struct world, pic.forward));
	} else if (c->kind == WORLD_SLOTS) {
		slots_spec_init(c, w);
	} else if (c->kind == WORLD_RULES) {
		forward_spec_init(c, lone_forward(w));
	} else if (c->kind == WORLD_I8259) {
		i8259_world_init(c, &w->pic.pic);
	} else if (c->kind == WORLD_IOAPIC) {
		init_chip(&w->forwarder.ioapic, c->pins, c->version);
		trap_behind_pins(w);
	}
}

unsigned int spec_steps(const struct world_config *c, const struct world *w,
			struct step *out)
{
	unsigned int nr = events_of(c).nr;

	if (c->kind == WORLD_WIRING)
		return wiring_steps(c, &w->forwarder, out);
	if (c->kind == WORLD_PIC_WIRING)
		return pic_wiring_steps(c, &w->pic, out);
	if (c->kind == WORLD_SLOTS)
		return slots_spec_steps(w, out);
	if (c->kind == WORLD_OUTBOX)
		return outbox_spec_steps(&w->vmm.outbox, out);
	if (c->kind == WORLD_RULES)
		return forward_spec_steps(out);
	if (c->kind == WORLD_I8259)
		return i8259_world_steps(c, out);
	for (unsigned int i = 0; i < nr; i++)
		out[i] = (struct step){ ACTOR_WHIM, 0, (uint8_t)i };
	return nr;
}

void spec_apply(const struct world_config *c, struct world *w, struct step s,
		struct outcome *o)
{
	if (c->kind == WORLD_WIRING) {
		if (!wiring_obeys(c, &w->forwarder, s))
			o->broken = PROPERTY_WIRING_SPEC;
	} else if (c->kind == WORLD_PIC_WIRING) {
		if (!pic_wiring_obeys(c, &w->pic, s))
			o->broken = PROPERTY_WIRING_SPEC;
	} else if (c->kind == WORLD_SLOTS) {
		if (!slots_spec_obeys(c, w, s))
			o->broken = PROPERTY_SLOTS_SPEC;
	} else if (c->kind == WORLD_OUTBOX) {
		if (!outbox_spec_obeys(&w->vmm.outbox, s))
			o->broken = PROPERTY_OUTBOX_SPEC;
	} else if (c->kind == WORLD_RULES) {
		if (!forward_spec_obeys(c, lone_forward(w), s))
			o->broken = PROPERTY_FORWARD_SPEC;
	} else if (c->kind == WORLD_I8259) {
		if (!i8259_world_obeys(c, &w->pic.pic, s))
			o->broken = PROPERTY_I8259_SPEC;
	} else if (!chip_obeys(&w->forwarder.ioapic, event_of(c, s))) {
		o->broken = PROPERTY_IOAPIC_SPEC;
	}
}

enum property spec_check(const struct world_config *c, const struct world *w)
{
	enum property broken = PROPERTY_NONE;

	if (c->kind == WORLD_IOAPIC && !reads_obey(&w->forwarder.ioapic))
		broken = PROPERTY_IOAPIC_SPEC;
	if (c->kind == WORLD_RULES &&
	    !forward_spec_tells(&w->forwarder.forward[0]))
		broken = PROPERTY_FORWARD_SPEC;
	if (c->kind == WORLD_I8259 && !i8259_world_tells(&w->pic.pic))
		broken = PROPERTY_I8259_SPEC;
	if (c->kind == WORLD_WIRING && !wiring_tells())
		broken = PROPERTY_WIRING_SPEC;
	if (c->kind == WORLD_SLOTS && !slots_spec_tells(w))
		broken = PROPERTY_SLOTS_SPEC;
	if (c->kind == WORLD_OUTBOX && !outbox_spec_tells(&w->vmm.outbox))
		broken = PROPERTY_OUTBOX_SPEC;
	return c->properties & PROPERTY_BIT(broken) ? broken : PROPERTY_NONE;
}

/* ---- text --------------------------------------------------------------------------- */

static void event_text(const struct event *e, char *buf, size_t n)
{
	unsigned long long offset = e->offset, value = e->value;

	switch ((enum event_kind)e->kind) {
	case EVENT_WRITE:
		snprintf(buf, n, "writes %u bytes at 0x%02llx: 0x%0*llx",
			 e->size, offset, 2 * e->size, value);
		return;
	case EVENT_ENTRY:
		snprintf(buf, n, "writes register 0x%02llx: 0x%08llx", offset,
			 value);
		return;
	case EVENT_RAISE:
		snprintf(buf, n, "raise: source %u of pin %u", e->source,
			 e->pin);
		return;
	case EVENT_LOWER:
		snprintf(buf, n, "lower: source %u of pin %u", e->source,
			 e->pin);
		return;
	case EVENT_PULSE:
		snprintf(buf, n, "an edge on pin %u", e->pin);
		return;
	case EVENT_EOI:
		snprintf(buf, n, "EOI of vector 0x%02llx", value);
		return;
	case EVENT_SETTLE:
		snprintf(buf, n, "settle pin %u", e->pin);
		return;
	case EVENT_RESET:
		snprintf(buf, n, "reset");
		return;
	case EVENT_INIT:
		snprintf(buf, n, "begins anew");
		return;
	}
}

void spec_step_text(const struct world_config *c, struct step s, char *buf,
		    size_t n)
{
	if (c->kind == WORLD_WIRING)
		wiring_step_text(s, buf, n);
	else if (c->kind == WORLD_RULES)
		forward_spec_step_text(s, buf, n);
	else if (c->kind == WORLD_PIC_WIRING)
		pic_wiring_step_text(s, buf, n);
	else if (c->kind == WORLD_SLOTS)
		slots_spec_step_text(s, buf, n);
	else if (c->kind == WORLD_OUTBOX)
		outbox_spec_step_text(s, buf, n);
	else if (c->kind == WORLD_I8259)
		i8259_world_step_text(c, s, buf, n);
	else
		event_text(event_of(c, s), buf, n);
}

/* The IOAPIC, and in an IOAPIC's own world all that it holds. */
static void ioapic_columns(const struct world_config *c,
			   const struct ioapic *ic, struct world_columns *out)
{
	struct ioapic_spec s;
	size_t at = 0;

	ioapic_spec_of(ic, &s);
	if (c->kind == WORLD_IOAPIC)
		snprintf(out->host, sizeof(out->host), "id %08x sel %02x", s.id,
			 s.select);
	for (unsigned int pin = 0; pin < c->pins; pin++) {
		uint32_t low = s.pin[pin].low;

		out->line[pin] = s.pin[pin].lines ? 'H' : 'L';
		snprintf(out->pin + 5 * pin, sizeof(out->pin) - 5 * pin,
			 "%s%c%c%c.", pin ? " " : "",
			 s.pin[pin].lines ? 'L' : '.', low >> 16 & 1 ? 'M' : '.',
			 low >> 14 & 1 ? 'R' : '.');
		if (c->kind == WORLD_IOAPIC && at < sizeof(out->driver))
			at += (size_t)snprintf(out->driver + at,
					       sizeof(out->driver) - at,
					       "%s%x:%05x", pin ? " " : "",
					       s.pin[pin].high >> 17, low);
	}
}

void spec_columns(const struct world_config *c, const struct world *w,
		  struct world_columns *out)
{
	const struct forwarder *fw = &w->forwarder;

	if (c->kind == WORLD_RULES) {
		forward_spec_columns(&fw->forward[0], out);
	} else if (c->kind == WORLD_PIC_WIRING) {
		pic_wiring_columns(&w->pic, out);
	} else if (c->kind == WORLD_I8259) {
		i8259_world_columns(&w->pic.pic, out);
	} else if (c->kind == WORLD_OUTBOX) {
		outbox_spec_columns(&w->vmm.outbox, out);
	} else {
		ioapic_columns(c, &fw->ioapic, out);
		if (c->kind == WORLD_WIRING)
			wiring_columns(fw, out);
		if (c->kind == WORLD_SLOTS)
			slots_spec_columns(w, out);
	}
}
