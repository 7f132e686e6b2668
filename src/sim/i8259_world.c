/* SPDX-License-Identifier: Apache-2.0 */
/* The pair of 8259 alone, held against i8259_spec.h. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "sim/i8259_spec.h"
#include "sim/spec_same.h"
#include "sim/spec_world.h"
#include "sim/world.h"

#define LENGTH(a)	(sizeof(a) / sizeof((a)[0]))

/* Inputs: an edge and a level of the master, a level of the slave, one that is
 * an edge for ever. */
#define EDGE	1
#define LEVEL	5
#define SLAVE	10
#define CLOCK	8

enum event_kind { EVENT_WRITE, EVENT_READ, EVENT_LINE, EVENT_PULSE, EVENT_INTA,
		  EVENT_RESET, EVENT_INIT };

struct event {
	uint8_t kind;		/* enum event_kind */
	uint8_t value;		/* of a write; source | high << 1 of a line */
	uint16_t port;		/* or pin */
};

#define W(p, v)		{ EVENT_WRITE, v, p }
#define R(p)		{ EVENT_READ, 0, p }
#define RAISE(pin, s)	{ EVENT_LINE, (s) | 2, pin }
#define LOWER(pin, s)	{ EVENT_LINE, s, pin }
#define PULSE(pin)	{ EVENT_PULSE, 0, pin }
#define INTA()		{ EVENT_INTA, 0, 0 }
#define RESET()		{ EVENT_RESET, 0, 0 }
#define INIT()		{ EVENT_INIT, 0, 0 }	/* in memory that is not zero */

/* The stages of the initialisation of the master, in any order. */
static const struct event icws[] = {
	W(0x20, 0x10), W(0x20, 0x11), W(0x20, 0x12), W(0x20, 0x13),
	W(0x21, 0x30), W(0x21, 0x03), W(0x20, 0x20), W(0x4d0, 0x20), W(0x4d0, 0x00),
	W(0xa0, 0x13), W(0xa1, 0x3b), W(0xa1, 0x01),
	RAISE(LEVEL, 0), LOWER(LEVEL, 0), INTA(), RESET(), INIT(),
};

/* One chip: what its command words can say. */
static const struct event ocws[] = {
	W(0x21, 0x00), W(0x21, 0x20), W(0x21, 0xff),
	W(0x20, 0x00), W(0x20, 0x20), W(0x20, 0x40), W(0x20, 0x60),
	W(0x20, 0x80), W(0x20, 0xa0), W(0x20, 0xc0), W(0x20, 0xe0),
	W(0x20, 0x61), W(0x20, 0xc1), W(0x20, 0xe1),
	W(0x20, 0x65), W(0x20, 0xc5), W(0x20, 0xe5), W(0x20, 0xc7),
	W(0x20, 0x08), W(0x20, 0x09), W(0x20, 0x0a), W(0x20, 0x0b),
	W(0x20, 0x0c), W(0x20, 0x0e), W(0x20, 0x0f), W(0x20, 0x28),
	W(0x20, 0x48), W(0x20, 0x68), W(0x20, 0x6c),
	R(0x20), R(0x21), INTA(), PULSE(EDGE), PULSE(LEVEL),
	RAISE(LEVEL, 0), LOWER(LEVEL, 0), W(0x4d0, 0x00), W(0x4d0, 0xff),
};

/* Both chips, two sources on a pin, inputs that are not what they seem. */
static const struct event both[] = {
	W(0x21, 0x00), W(0x21, 0x04), W(0x21, 0x02), W(0xa1, 0x00),
	W(0xa1, 0x04), W(0x20, 0x20), W(0x20, 0x62), W(0xa0, 0x20),
	W(0xa0, 0x62), W(0xa0, 0x60), W(0x4d0, 0xff), W(0x4d1, 0xff),
	W(0x4d1, 0x00), W(0xa0, 0x0c), R(0xa0), R(0xa1), R(0x20), W(0x22, 0x11),
	INTA(), PULSE(2), PULSE(EDGE), PULSE(CLOCK),
	RAISE(SLAVE, 0), LOWER(SLAVE, 0), RAISE(SLAVE, 1), LOWER(SLAVE, 1),
};

struct list {
	const struct event *v;
	unsigned int nr;
};

static struct list events_of(const struct world_config *c)
{
	switch ((enum spec_accesses)c->accesses) {
	case ACCESSES_ICWS:
		return (struct list){ icws, LENGTH(icws) };
	case ACCESSES_OCWS:
		return (struct list){ ocws, LENGTH(ocws) };
	case ACCESSES_PINS:
		return (struct list){ both, LENGTH(both) };
	case ACCESSES_BYTES:
	case ACCESSES_ENTRIES:
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

_Static_assert(LENGTH(icws) <= WORLD_STEPS_MAX &&
	       LENGTH(ocws) <= WORLD_STEPS_MAX &&
	       LENGTH(both) <= WORLD_STEPS_MAX, "all events are enabled");

/* Where the ICWs are not what is looked at, they have been written. */
static void init(const struct world_config *c, struct world *w)
{
	struct i8259 *pic = &w->pic.pic;
	const struct event words[] = {
		W(0x4d0, 0x20), W(0x4d1, 0x04),
		W(0x20, 0x11), W(0x21, 0x30), W(0x21, 0x04), W(0x21, c->icw4),
		W(0xa0, 0x11), W(0xa1, 0x38), W(0xa1, 0x02), W(0xa1, c->icw4),
	};
	struct effects none;

	i8259_init(pic);
	for (size_t i = 0; c->accesses != ACCESSES_ICWS && i < LENGTH(words);
	     i++) {
		none.nr = 0;
		i8259_write(pic, words[i].port, words[i].value, &none);
	}
}

static unsigned int steps(const struct world_config *c, const struct world *w,
			  struct step *out)
{
	return spec_list_steps(events_of(c).nr, out);
}

/* ---- both, side by side ---------------------------------------------------- */

/* What a read, or the INTA cycle, gives; else 0. */
static uint8_t shipped(struct i8259 *pic, const struct event *e,
		       struct effects *out)
{
	switch ((enum event_kind)e->kind) {
	case EVENT_WRITE:
		i8259_write(pic, e->port, e->value, out);
		return 0;
	case EVENT_READ:
		return i8259_read(pic, e->port, out);
	case EVENT_LINE:
		if (e->value & 2)
			i8259_raise(pic, e->port, e->value & 1);
		else
			i8259_lower(pic, e->port, e->value & 1);
		return 0;
	case EVENT_PULSE:
		i8259_pulse(pic, e->port);
		return 0;
	case EVENT_INTA:
		return i8259_intack(pic, out);
	case EVENT_RESET:
		i8259_reset(pic);
		return 0;
	case EVENT_INIT:
		memset(pic, 0x5a, sizeof(*pic));
		i8259_init(pic);
		return 0;
	}
	return 0;
}

static uint8_t specified(struct i8259_spec *s, const struct event *e,
			 struct effects *out)
{
	switch ((enum event_kind)e->kind) {
	case EVENT_WRITE:
		i8259_spec_write(s, e->port, e->value, out);
		return 0;
	case EVENT_READ:
		return i8259_spec_read(s, e->port, out);
	case EVENT_LINE:
		i8259_spec_line(s, e->port, e->value & 1, e->value & 2);
		return 0;
	case EVENT_PULSE:
		i8259_spec_pulse(s, e->port);
		return 0;
	case EVENT_INTA:
		return i8259_spec_intack(s, out);
	case EVENT_INIT:
		memset(s, 0, sizeof(*s));
		i8259_spec_reset(s);
		return 0;
	case EVENT_RESET:
		i8259_spec_reset(s);
		return 0;
	}
	return 0;
}

static bool event_obeys(struct i8259 *pic, const struct event *e)
{
	struct effects did, should;
	struct i8259_spec is, must;
	uint8_t gave, owed;

	did.nr = should.nr = 0;
	i8259_spec_of(pic, &must);
	owed = specified(&must, e, &should);
	gave = shipped(pic, e, &did);
	i8259_spec_of(pic, &is);
	return gave == owed && spec_same_i8259(&is, &must) &&
	       spec_same_effects(&did, &should);
}

static bool obeys(const struct world_config *c, struct world *w, struct step s)
{
	return event_obeys(&w->pic.pic, event_of(c, s));
}

/* A poll changes the chip as it is read: each read has a copy of its own. */
static bool tells(const struct world *w)
{
	static const struct event reads[] = {
		R(0x20), R(0x21), R(0xa0), R(0xa1), R(0x4d0), R(0x4d1), R(0x22),
	};
	const struct i8259 *pic = &w->pic.pic;
	struct i8259_spec s;

	i8259_spec_of(pic, &s);
	if (i8259_output(pic) != i8259_spec_output(&s))
		return false;
	for (unsigned int pin = 0; pin < I8259_PINS; pin++)
		if (i8259_masked(pic, pin) != i8259_spec_masked(&s, pin) ||
		    i8259_in_service(pic, pin) !=
			    s.chip[pin / 8].in[pin % 8].serving)
			return false;
	for (size_t i = 0; i < LENGTH(reads); i++) {
		struct i8259 copy = *pic;

		if (!event_obeys(&copy, &reads[i]))
			return false;
	}
	return true;
}

/* ---- text ---------------------------------------------------------------------- */

static void step_text(const struct world_config *c, struct step s, char *buf,
		      size_t n)
{
	const struct event *e = event_of(c, s);

	switch ((enum event_kind)e->kind) {
	case EVENT_WRITE:
		snprintf(buf, n, "writes 0x%02x to port 0x%02x", e->value,
			 e->port);
		return;
	case EVENT_READ:
		snprintf(buf, n, "reads port 0x%02x", e->port);
		return;
	case EVENT_LINE:
		snprintf(buf, n, "%s: source %d of pin %u",
			 e->value & 2 ? "raise" : "lower", e->value & 1,
			 e->port);
		return;
	case EVENT_PULSE:
		snprintf(buf, n, "an edge on pin %u", e->port);
		return;
	case EVENT_INTA:
		snprintf(buf, n, "INTA");
		return;
	case EVENT_RESET:
		snprintf(buf, n, "reset");
		return;
	case EVENT_INIT:
		snprintf(buf, n, "made anew");
		return;
	}
}

static void columns(const struct world_config *c, const struct world *w,
		    struct world_columns *out)
{
	const struct i8259 *pic = &w->pic.pic;
	const struct i8259_chip *m = &pic->chip[0], *s = &pic->chip[1];

	out->line[0] = pic->lines[LEVEL] ? 'H' : 'L';
	out->line[1] = pic->lines[SLAVE] ? 'H' : 'L';
	snprintf(out->host, sizeof(out->host), "isr %02x %02x imr %02x %02x",
		 m->isr, s->isr, m->imr, s->imr);
	snprintf(out->pin, sizeof(out->pin), "%s%s",
		 i8259_output(pic) ? "INTR" : "-", m->poll ? " poll" : "");
	snprintf(out->driver, sizeof(out->driver), "stage %u %u elcr %02x %02x",
		 m->phase, s->phase, m->elcr, s->elcr);
}

const struct spec_world i8259_world = {
	.property = PROPERTY_I8259_SPEC,
	.init = init,
	.steps = steps,
	.obeys = obeys,
	.tells = tells,
	.step_text = step_text,
	.columns = columns,
};
