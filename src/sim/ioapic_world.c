/* SPDX-License-Identifier: Apache-2.0 */
/* The IOAPIC alone, held against ioapic_spec.h. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "sim/ioapic_spec.h"
#include "sim/spec_same.h"
#include "sim/spec_world.h"
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

/* ---- the world ---------------------------------------------------------------- */

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

static void init(const struct world_config *c, struct world *w)
{
	init_chip(&w->forwarder.ioapic, c->pins, c->version);
	spec_trap(w, offsetof(struct world, forwarder.ioapic.pin) +
			     sizeof(w->forwarder.ioapic.pin),
		  &no_pin, sizeof(no_pin));
}

static unsigned int steps(const struct world_config *c, const struct world *w,
			  struct step *out)
{
	return spec_list_steps(events_of(c).nr, out);
}

/* ---- both, side by side ---------------------------------------------------- */

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

static bool obeys(const struct world_config *c, struct world *w, struct step s)
{
	const struct event *e = event_of(c, s);
	struct ioapic *ic = &w->forwarder.ioapic;
	struct effects did = { .nr = 0 }, should = { .nr = 0 };
	struct ioapic_spec is, must;

	ioapic_spec_of(ic, &must);
	spec_event(&must, e, &should);
	chip_event(ic, e, &did);
	ioapic_spec_of(ic, &is);
	return !memcmp(&is, &must, sizeof(is)) && spec_same_effects(&did, &should);
}

/* Every byte near a register, and longer reads across their edges. */
static bool tells(const struct world *w)
{
	const struct ioapic *ic = &w->forwarder.ioapic;
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

/* ---- text -------------------------------------------------------------------- */

static void step_text(const struct world_config *c, struct step s, char *buf,
		      size_t n)
{
	const struct event *e = event_of(c, s);
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

/* Of the pins, all that they hold. */
static void columns(const struct world_config *c, const struct world *w,
		    struct world_columns *out)
{
	struct ioapic_spec s;
	size_t at = 0;

	spec_pin_columns(c, &w->forwarder.ioapic, out);
	ioapic_spec_of(&w->forwarder.ioapic, &s);
	snprintf(out->host, sizeof(out->host), "id %08x sel %02x", s.id,
		 s.select);
	for (unsigned int pin = 0; pin < c->pins; pin++)
		if (at < sizeof(out->driver))
			at += (size_t)snprintf(out->driver + at,
					       sizeof(out->driver) - at,
					       "%s%x:%05x", pin ? " " : "",
					       s.pin[pin].high >> 17,
					       s.pin[pin].low);
}

const struct spec_world ioapic_world = {
	.property = PROPERTY_IOAPIC_SPEC,
	.init = init,
	.steps = steps,
	.obeys = obeys,
	.tells = tells,
	.step_text = step_text,
	.columns = columns,
};
