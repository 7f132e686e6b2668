/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The IOAPIC under every sequence of events to a depth, and under a guest that
 * writes anything anywhere.  What must hold is judged from the effects alone,
 * by a watcher that does not share code with the chip:
 *
 *   W1  no two DELIVERs of a level pin without an ACK between
 *   W2  a masked pin never delivers
 *   W3  MASK and UNMASK alternate, and are what the entry reads back
 *   W4  an ACK follows a level DELIVER, once
 *   W5  a level pin that is high, unmasked and not in service does not wait
 *   W6  a level DELIVER has a line that is high; an edge DELIVER has an edge
 *   W7  a read changes nothing
 *   W8  Remote IRR reads 1 exactly between level DELIVER and ACK
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "chip/ioapic.h"

#define MASKED		0x10000u
#define LEVEL		0x08000u
#define REMOTE_IRR	0x04000u
#define LOW(pin)	(0x10u + 2 * (pin))

static uint32_t peek(struct ioapic *ic, unsigned int index)
{
	struct effects none = { 0 };
	uint16_t select = ic->select;
	uint32_t value;

	ioapic_write(ic, 0x00, index, 4, &none);
	value = (uint32_t)ioapic_read(ic, 0x10, 4);
	ic->select = select;
	assert_int_equal(none.nr, 0);
	return value;
}

/* ---- the watcher -------------------------------------------------------- */

struct watch {
	bool masked;
	bool owed;		/* level delivered, ACK outstanding */
};

/* What is wrong with these effects of one event, or NULL. */
static const char *watch_effects(struct watch *w, const struct effects *out)
{
	for (unsigned int i = 0; i < out->nr; i++) {
		const struct effect *e = &out->v[i];
		struct watch *p = &w[e->pin];

		switch (e->kind) {
		case EFFECT_DELIVER:
			if (p->masked)
				return "W2: a masked pin delivered";
			if (e->msg.level && p->owed)
				return "W1: delivered twice before an ACK";
			p->owed = p->owed || e->msg.level;
			break;
		case EFFECT_ACK:
			if (!p->owed)
				return "W4: ACK of nothing";
			p->owed = false;
			break;
		case EFFECT_MASK:
		case EFFECT_UNMASK:
			if (p->masked == (e->kind == EFFECT_MASK))
				return "W3: mask bit did not change";
			p->masked = e->kind == EFFECT_MASK;
			break;
		default:
			return "an effect that is not a chip's";
		}
	}
	return NULL;
}

/* ---- every sequence ----------------------------------------------------- */

#define PIN	0u		/* the watch of a world is one pin's */
#define VECTOR	0x41u
#ifndef DEPTH			/* less under a sanitizer */
#define DEPTH	7
#endif

enum event {
	EV_RAISE_0, EV_LOWER_0, EV_RAISE_1, EV_LOWER_1, EV_PULSE, EV_EOI,
	EV_MASK, EV_UNMASK, EV_TO_EDGE, EV_TO_LEVEL, EV_NR
};

static const char *const event_name[] = {
	[EV_RAISE_0] = "raise 0", [EV_LOWER_0] = "lower 0",
	[EV_RAISE_1] = "raise 1", [EV_LOWER_1] = "lower 1",
	[EV_PULSE] = "pulse", [EV_EOI] = "eoi",
	[EV_MASK] = "mask", [EV_UNMASK] = "unmask",
	[EV_TO_EDGE] = "to edge", [EV_TO_LEVEL] = "to level",
};

/* What the world around the chip knows, besides the watcher. */
struct world {
	bool line[2];
	bool level;
	struct watch watch;
};

static struct ioapic seq_ic;
static struct effects seq_out;
static enum event seq[DEPTH];
static unsigned long seq_runs;

static void write_low(const struct world *w, bool masked)
{
	ioapic_write(&seq_ic, 0x10, (masked ? MASKED : 0) |
		     (w->level ? LEVEL : 0) | VECTOR, 4, &seq_out);
}

static void set_line(struct world *w, unsigned int source, bool high)
{
	w->line[source] = high;
	if (high)
		ioapic_raise(&seq_ic, PIN, source, &seq_out);
	else
		ioapic_lower(&seq_ic, PIN, source);
}

static void step(struct world *w, enum event ev)
{
	switch (ev) {
	case EV_RAISE_0:	set_line(w, 0, true);	break;
	case EV_LOWER_0:	set_line(w, 0, false);	break;
	case EV_RAISE_1:	set_line(w, 1, true);	break;
	case EV_LOWER_1:	set_line(w, 1, false);	break;
	case EV_PULSE:	ioapic_pulse(&seq_ic, PIN, &seq_out);	break;
	case EV_EOI:	ioapic_eoi(&seq_ic, VECTOR, &seq_out);	break;
	case EV_MASK:	write_low(w, true);	break;
	case EV_UNMASK:	write_low(w, false);	break;
	case EV_TO_EDGE:
	case EV_TO_LEVEL:
		w->level = ev == EV_TO_LEVEL;
		write_low(w, w->watch.masked);
		break;
	case EV_NR:	assert_true(false);
	}
}

static unsigned int count(const struct effects *out, enum effect_kind kind)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < out->nr; i++)
		nr += out->v[i].kind == kind;
	return nr;
}

/* One event, and the settle that an ACK asks for.  Returns what broke. */
static const char *run_event(struct world *w, enum event ev)
{
	const struct ioapic_pin *p = &seq_ic.pin[PIN];
	bool was_high = w->line[0] || w->line[1];
	bool high, edge;
	const char *why;

	seq_out.nr = 0;
	step(w, ev);
	high = w->line[0] || w->line[1];
	edge = ev == EV_PULSE || (high && !was_high);
	if (count(&seq_out, EFFECT_ACK) && count(&seq_out, EFFECT_DELIVER))
		return "settled by itself after an ACK";
	if (count(&seq_out, EFFECT_ACK))
		ioapic_settle(&seq_ic, PIN, &seq_out);
	why = watch_effects(&w->watch, &seq_out);
	if (why)
		return why;
	if (w->level && high && !w->watch.masked && !w->watch.owed)
		return "W5: an asserted line was lost";
	if (!w->level && edge && !w->watch.masked &&
	    !count(&seq_out, EFFECT_DELIVER))
		return "W5: an edge was lost";
	if (count(&seq_out, EFFECT_DELIVER) && !(w->level ? high : edge))
		return "W6: delivered without a cause";
	if (p->remote_irr != w->watch.owed)
		return "W8: Remote IRR";
	if (p->masked != w->watch.masked)
		return "W3: mask bit";
	return NULL;
}

static void every_sequence(const struct world *before, unsigned int depth)
{
	const struct ioapic_pin saved = seq_ic.pin[PIN];

	for (unsigned int ev = 0; ev < EV_NR; ev++) {
		struct world w = *before;
		const char *why;

		seq[depth] = (enum event)ev;
		seq_runs++;
		why = run_event(&w, (enum event)ev);
		if (why) {
			print_error("%s, after:\n", why);
			for (unsigned int i = 0; i <= depth; i++)
				print_error("  %s\n", event_name[seq[i]]);
			fail();
		}
		if (depth + 1 < DEPTH)
			every_sequence(&w, depth + 1);
		seq_ic.pin[PIN] = saved;
	}
}

static void two_sources_every_sequence(void **state)
{
	struct world w = { .level = true, .watch.masked = true };
	unsigned long all = 0;

	ioapic_init(&seq_ic, IOAPIC_PINS_DEFAULT, IOAPIC_VERSION_ICH);
	ioapic_write(&seq_ic, 0x00, LOW(PIN), 4, &seq_out);
	seq_out.nr = 0;
	write_low(&w, true);
	assert_int_equal(seq_out.nr, 0);
	seq_runs = 0;
	every_sequence(&w, 0);
	/* 10 + 10^2 + … + 10^DEPTH: none was left out. */
	for (unsigned int i = 0; i < DEPTH; i++)
		all = (all + 1) * EV_NR;
	assert_int_equal(seq_runs, all);
}

/* ---- a guest that writes anything --------------------------------------- */

#define FUZZ_STEPS	400000u

/* xorshift64*: the same numbers everywhere, from a seed that a failure names. */
static uint64_t fuzz_state;

static uint32_t fuzz_random(uint32_t below)
{
	fuzz_state ^= fuzz_state >> 12;
	fuzz_state ^= fuzz_state << 25;
	fuzz_state ^= fuzz_state >> 27;
	return (uint32_t)((fuzz_state * 0x2545f4914f6cdd1d) >> 32) % below;
}

static uint64_t fuzz_value(void)
{
	/* Few vectors, so that pins share them and EOIs find them. */
	uint64_t value = 0x40 + fuzz_random(4);

	if (!fuzz_random(4))
		return (uint64_t)fuzz_random(UINT32_MAX) << 32 |
		       fuzz_random(UINT32_MAX);
	if (fuzz_random(4))
		value |= LEVEL;
	if (!fuzz_random(3))
		value |= MASKED;
	if (!fuzz_random(6))
		value |= (uint64_t)fuzz_random(8) << 8;
	return value;
}

static void fuzz_write(struct ioapic *ic, struct effects *out)
{
	static const uint8_t registers[] = { 0x00, 0x10, 0x10, 0x40 };
	unsigned int size = 1 + fuzz_random(8);
	uint64_t offset;

	if (fuzz_random(2))
		ioapic_write(ic, 0x00, fuzz_random(0x220), 4, out);
	if (fuzz_random(4)) {
		offset = registers[fuzz_random(sizeof(registers))];
		if (fuzz_random(2))
			size = 4;
		if (!fuzz_random(4))
			offset += fuzz_random(8);
	} else {
		offset = fuzz_random(0x1010);
	}
	ioapic_write(ic, offset, fuzz_value(), size, out);
}

static void fuzz_read(struct ioapic *ic)
{
	static struct ioapic before;
	uint64_t offset = fuzz_random(2) ? fuzz_random(0x60) : fuzz_random(0x1010);

	memcpy(&before, ic, sizeof(before));	/* with its padding */
	ioapic_read(ic, offset, 1 + fuzz_random(8));
	/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison) */
	if (memcmp(&before, ic, sizeof(before)) != 0)
		fail_msg("W7: a read of 0x%x changed the chip", (unsigned int)offset);
}

static void fuzz_event(struct ioapic *ic, struct effects *out)
{
	unsigned int pin = fuzz_random(ic->pins);
	unsigned int source = fuzz_random(FORWARDS_MAX);

	switch (fuzz_random(8)) {
	case 0:
		ioapic_raise(ic, pin, source, out);
		break;
	case 1:
		/* Usually one that is high. */
		if (ic->pin[pin].lines && fuzz_random(4))
			source = (unsigned int)__builtin_ctz(ic->pin[pin].lines);
		ioapic_lower(ic, pin, source);
		break;
	case 2:
		ioapic_pulse(ic, pin, out);
		break;
	case 3:
		ioapic_eoi(ic, (uint8_t)fuzz_value(), out);
		break;
	case 4:
		fuzz_read(ic);
		break;
	default:
		fuzz_write(ic, out);
	}
}

static void fuzz_check(struct ioapic *ic, struct watch *watch, struct effects *out,
		       unsigned int nr)
{
	const char *why;

	for (unsigned int i = 0, acks = out->nr; i < acks; i++) {
		if (out->v[i].kind == EFFECT_ACK)
			ioapic_settle(ic, out->v[i].pin, out);
	}
	why = watch_effects(watch, out);
	if (why)
		fail_msg("step %u: %s", nr, why);
	for (unsigned int i = 0; i < ic->pins; i++) {
		const struct ioapic_pin *p = &ic->pin[i];
		uint32_t low = peek(ic, LOW(i));

		if (!(low & MASKED) != !watch[i].masked)
			fail_msg("step %u: W3: pin %u", nr, i);
		if (!(low & REMOTE_IRR) != !watch[i].owed)
			fail_msg("step %u: W8: pin %u", nr, i);
		if ((low & LEVEL) && (low >> 8 & 7) <= DELIVERY_LOWEST &&
		    p->lines && !watch[i].masked && !watch[i].owed)
			fail_msg("step %u: W5: pin %u", nr, i);
	}
}

static void fuzz(unsigned int pins, uint8_t version, uint64_t seed)
{
	static struct ioapic ic;
	static struct effects out;
	struct watch watch[IOAPIC_PINS_MAX];

	fuzz_state = seed;
	for (unsigned int i = 0; i < IOAPIC_PINS_MAX; i++)
		watch[i] = (struct watch){ .masked = true };
	ioapic_init(&ic, pins, version);
	for (unsigned int nr = 0; nr < FUZZ_STEPS / pins; nr++) {
		out.nr = 0;
		fuzz_event(&ic, &out);
		fuzz_check(&ic, watch, &out, nr);
	}
}

/* FUZZ_SEED=N replays one; else a fixed set, so that a run is reproducible. */
static void guest_writes_anything(void **state)
{
	static const unsigned int pins[] = { 1, 4, 24, 120, 240 };
	const char *given = getenv("FUZZ_SEED");
	uint64_t first = given ? strtoull(given, NULL, 0) : 1;
	uint64_t last = given ? first : 4;

	for (uint64_t seed = first; seed <= last; seed++) {
		for (size_t i = 0; i < sizeof(pins) / sizeof(pins[0]); i++) {
			print_message("# seed %llu, %u pins\n",
				      (unsigned long long)seed, pins[i]);
			fuzz(pins[i], seed & 1 ? IOAPIC_VERSION_ICH :
			     IOAPIC_VERSION_82093AA, seed | 1ull << 32);
		}
	}
}

/* The worst event there is: an EOI of a vector that every pin shares. */
static void worst_event_fits(void **state)
{
	static struct ioapic ic;
	static struct effects out;

	ioapic_init(&ic, IOAPIC_PINS_MAX, IOAPIC_VERSION_ICH);
	for (unsigned int i = 0; i < IOAPIC_PINS_MAX; i++) {
		ioapic_write(&ic, 0x00, LOW(i), 4, &out);
		ioapic_write(&ic, 0x10, LEVEL | 0x41, 4, &out);
		ioapic_raise(&ic, i, 0, &out);
		out.nr = 0;
	}
	ioapic_eoi(&ic, 0x41, &out);
	assert_int_equal(out.nr, IOAPIC_PINS_MAX);
	for (unsigned int i = 0; i < IOAPIC_PINS_MAX; i++)
		ioapic_settle(&ic, i, &out);
	assert_int_equal(out.nr, 2 * IOAPIC_PINS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_sources_every_sequence),
		cmocka_unit_test(guest_writes_anything),
		cmocka_unit_test(worst_event_fits),
	};

	return cmocka_run_group_tests_name("ioapic_sequences", tests, NULL, NULL);
}
