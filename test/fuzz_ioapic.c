/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that a guest can do to its IOAPIC while real sources are forwarded
 * through it, against a model of the host: lines, automask, eventfds.  An input
 * is a program, a few bytes for each step; what must hold is checked after each.
 *
 *   F1  a level pin is never delivered twice without an ACK between
 *   F2  a masked pin never delivers
 *   F3  MASK and UNMASK alternate; an ACK follows a level DELIVER
 *   F4  a read changes nothing
 *   F5  a host line that is masked is known: its forward is not quiet, or its
 *       trigger has not been read yet
 *   F6  a forward's line on the pin is high exactly while it is RAISED
 *   F7  a device that asserts to a pin that would take it, is in service or on
 *       its way
 *   F8  a level DELIVER has the route that the backend was told, and that route
 *       does not change while the interrupt is in service
 *   F9  after a reset every forward is quiet, and so by F5 no host line masked
 *       but for a trigger that has not been read
 *  F10  removed: its host line is not masked, its line on the pin is low
 *  F11  an EOI acks each pin that has the vector in service, and no other
 *  F12  without a quiet line, a source is believed THROTTLE_AFTER times and
 *       then once for each timeout, which unmasks the host; a sample or timeout
 *       that a forward waits for was asked for
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forward/forwarder.h"

#define PINS		24
#define SOURCES		6	/* the last one is a line that the VMM drives */
#define LINE		(SOURCES - 1)
#define STEPS_MAX	2000
#define THROTTLE_AFTER	3

#define REQUIRE(what, fact) \
	do { \
		if (!(what)) \
			broken(#what, fact); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A host line: what VFIO and the device know. */
struct host {
	bool high;		/* the device asserts */
	bool masked;		/* automask */
	bool signalled;		/* the eventfd was written and not read */
	bool asked;		/* SAMPLE: an answer is due */
	bool armed;		/* THROTTLE: a timeout is due */
	unsigned int believed;	/* raised since the line was last seen low … */
	unsigned int timeouts;	/* … and the timeouts since then */
};

struct pin_watch {
	bool masked;
	bool owed;		/* level delivered, ACK outstanding */
	uint8_t vector;		/* … of this */
	struct message route;
};

static struct forwarder fw;
static struct effects out;
static struct host host[SOURCES];
static struct pin_watch watch[PINS];
static const uint8_t *input;
static size_t input_left;

static const uint8_t pin_of_source[SOURCES] = { 3, 4, 4, 5, 4, 4 };
static const uint8_t policy_of_source[LINE] = {
	FORWARD_UNMASK, FORWARD_UNMASK, FORWARD_SAMPLE, FORWARD_EOI,
	FORWARD_SAMPLE,
};

static void broken(const char *what, const char *fact)
{
	fprintf(stderr, "fuzz_ioapic: %s does not hold: %s\n", fact, what);
	abort();
}

static uint64_t take(unsigned int bytes)
{
	uint64_t value = 0;

	while (bytes-- && input_left) {
		value = value << 8 | *input++;
		input_left--;
	}
	return value;
}

/* ---- the host ----------------------------------------------------------- */

static void host_look(struct host *h)
{
	if (!h->high || h->masked)
		return;
	h->masked = true;
	h->signalled = true;
}

static bool host_read_trigger(struct host *h)
{
	bool signalled = h->signalled;

	h->signalled = false;
	return signalled;
}

/* ---- effects ------------------------------------------------------------ */

static bool same_route(const struct message *a, const struct message *b)
{
	return a->dest == b->dest && a->vector == b->vector &&
	       a->mode == b->mode && a->logical == b->logical &&
	       a->level == b->level;
}

static void see_deliver(const struct effect *e)
{
	struct pin_watch *p = &watch[e->pin];

	REQUIRE(!p->masked, "F2");
	REQUIRE(!e->msg.level || !p->owed, "F1");
	REQUIRE(same_route(&p->route, &e->msg) || !e->msg.level, "F8");
	REQUIRE(e->msg.level || !p->route.level, "F8");
	p->owed = e->msg.level;
	p->vector = e->msg.vector;
}

static void see_raise(const struct effect *e)
{
	struct host *h = &host[e->source];

	h->believed++;
	REQUIRE(h->believed <= THROTTLE_AFTER + h->timeouts, "F12");
}

static void see_to_source(const struct effect *e)
{
	struct host *h = &host[e->source];

	switch ((enum effect_kind)e->kind) {
	case EFFECT_RESAMPLE:
		h->masked = false;
		host_look(h);
		break;
	case EFFECT_SAMPLE:
		h->asked = true;
		break;
	case EFFECT_THROTTLE:
		h->armed = true;
		break;
	case EFFECT_DRAIN:
		forwarder_drained(&fw, e->source, host_read_trigger(h), &out);
		break;
	default:
		abort();
	}
}

static void see_effects(void)
{
	for (unsigned int i = 0; i < out.nr; i++) {
		/* A copy: answering a DRAIN appends. */
		const struct effect e = out.v[i];
		struct pin_watch *p = &watch[e.pin];

		switch ((enum effect_kind)e.kind) {
		case EFFECT_DELIVER:
			see_deliver(&e);
			break;
		case EFFECT_ACK:
			REQUIRE(p->owed, "F3");
			p->owed = false;
			break;
		case EFFECT_MASK:
		case EFFECT_UNMASK:
			REQUIRE(p->masked == (e.kind == EFFECT_UNMASK), "F3");
			p->masked = e.kind == EFFECT_MASK;
			break;
		case EFFECT_ROUTE:
			REQUIRE(!p->owed, "F8");
			p->route = e.msg;
			break;
		case EFFECT_RESAMPLE:
		case EFFECT_SAMPLE:
		case EFFECT_THROTTLE:
		case EFFECT_DRAIN:
			see_to_source(&e);
			break;
		case EFFECT_RAISE:
			see_raise(&e);
			break;
		case EFFECT_LOWER:
		case EFFECT_DEFER:
		case EFFECT_SETTLE:
			break;
		}
	}
	out.nr = 0;
}

/* ---- what holds between events ------------------------------------------ */

static bool pin_takes_level(const struct ioapic_pin *p)
{
	return p->level && !p->masked && p->mode <= DELIVERY_LOWEST;
}

static void check_source(unsigned int source)
{
	const struct forward *f = &fw.forward[source];
	const struct ioapic_pin *p = &fw.ioapic.pin[pin_of_source[source]];
	const struct host *h = &host[source];
	bool line = p->lines >> source & 1;

	if (!f->used) {
		REQUIRE(!line, "F10");
		REQUIRE(!h->masked || h->signalled, "F10");
		return;
	}
	REQUIRE(!h->masked || h->signalled || f->phase != FORWARD_QUIET, "F5");
	REQUIRE(line == (f->phase == FORWARD_RAISED), "F6");
	REQUIRE(f->phase != FORWARD_SAMPLING || h->asked, "F12");
	REQUIRE(f->phase != FORWARD_THROTTLED || h->armed, "F12");
	if (!h->high || !pin_takes_level(p) || p->remote_irr)
		return;
	REQUIRE(h->signalled || f->phase == FORWARD_SAMPLING ||
		f->phase == FORWARD_THROTTLED, "F7");
}

static void check(void)
{
	for (unsigned int i = 0; i < PINS; i++) {
		const struct ioapic_pin *p = &fw.ioapic.pin[i];

		REQUIRE(p->masked == watch[i].masked, "F3");
		REQUIRE(p->remote_irr == watch[i].owed, "F1");
		REQUIRE(!pin_takes_level(p) || !p->lines || p->remote_irr, "F7");
	}
	for (unsigned int s = 0; s < LINE; s++)
		check_source(s);
}

/* ---- events ------------------------------------------------------------- */

static void guest_write_dword(unsigned int index, uint32_t value)
{
	forwarder_write(&fw, 0x00, index, 4, &out);
	see_effects();
	forwarder_write(&fw, 0x10, value, 4, &out);
}

/* A likely low word, so that deep states are reached soon. */
static void guest_configure(void)
{
	unsigned int pin = pin_of_source[take(1) % SOURCES];
	unsigned int choice = (unsigned int)take(1);
	uint32_t value = 0x40 + (choice & 3);

	if (choice & 0x0c)
		value |= 1u << 15;
	if (choice & 0x10)
		value |= 1u << 16;
	if (choice >> 5 == 7)
		value |= (uint32_t)(take(1) & 7) << 8;
	guest_write_dword(0x10 + 2 * pin, value);
}

static void guest_read(void)
{
	static struct forwarder before;
	uint64_t offset = take(2) & 0x1fff;

	memcpy(&before, &fw, sizeof(fw));	/* with its padding */
	forwarder_read(&fw, offset, 1 + (unsigned int)take(1) % 8);
	/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison) */
	REQUIRE(memcmp(&before, &fw, sizeof(fw)) == 0, "F4");
}

static void guest_reset(void)
{
	forwarder_reset(&fw, &out);
	for (unsigned int i = 0; i < PINS; i++) {
		/* The chip says nothing: the reset is its own news. */
		watch[i].masked = true;
		watch[i].owed = false;
	}
	see_effects();
	for (unsigned int s = 0; s < LINE; s++) {
		host[s].believed = host[s].timeouts = 0;
		REQUIRE(!fw.forward[s].used ||
			fw.forward[s].phase == FORWARD_QUIET, "F9");
	}
}

static void guest_eoi(uint8_t vector)
{
	bool expected[PINS], acked[PINS] = { 0 };

	for (unsigned int i = 0; i < PINS; i++)
		expected[i] = watch[i].owed && watch[i].vector == vector;
	forwarder_eoi(&fw, vector, &out);
	for (unsigned int i = 0; i < out.nr; i++) {
		if (out.v[i].kind == EFFECT_ACK)
			acked[out.v[i].pin] = true;
	}
	REQUIRE(memcmp(expected, acked, sizeof(acked)) == 0, "F11");
}

static void guest_event(unsigned int what)
{
	uint64_t offset;
	unsigned int size;

	switch (what % 6) {
	case 0:
		offset = take(2) & 0x1fff;
		size = 1 + (unsigned int)take(1) % 8;
		forwarder_write(&fw, offset, take(8), size, &out);
		break;
	case 1:
		offset = take(1) & 0xff;
		guest_write_dword((unsigned int)offset, (uint32_t)take(4));
		break;
	case 2:
		guest_configure();
		break;
	case 3:
		guest_eoi((uint8_t)(0x40 + take(1) % 4));
		break;
	case 4:
		/* The EOI register, or an EOI of anything. */
		if (take(1) & 1)
			forwarder_write(&fw, 0x40, take(1), 4, &out);
		else
			guest_eoi((uint8_t)take(1));
		break;
	case 5:
		guest_read();
		break;
	}
}

static void source_sampled(unsigned int s, bool readable)
{
	struct host *h = &host[s];
	enum forward_level level = FORWARD_LEVEL_UNKNOWN;

	if (readable)
		level = h->high ? FORWARD_LEVEL_HIGH : FORWARD_LEVEL_LOW;
	if (level == FORWARD_LEVEL_LOW)
		h->believed = h->timeouts = 0;
	h->asked = false;
	forwarder_sampled(&fw, s, level, &out);
}

static void source_timed_out(unsigned int s)
{
	struct host *h = &host[s];
	bool throttled = fw.forward[s].phase == FORWARD_THROTTLED;

	h->armed = false;
	h->timeouts++;
	if (fw.forward[s].phase == FORWARD_QUIET)
		h->believed = h->timeouts = 0;
	forwarder_timeout(&fw, s, &out);
	see_effects();
	REQUIRE(!throttled || !h->masked || h->signalled, "F12");
}

static void source_answer(unsigned int s, unsigned int what)
{
	struct host *h = &host[s];

	if (what % 3 == 0 && host_read_trigger(h))
		forwarder_trigger(&fw, s, &out);
	else if (what % 3 == 1 && h->asked)
		source_sampled(s, what & 0x80);
	else if (what % 3 == 2 && h->armed)
		source_timed_out(s);
}

/* A trigger that was signalled and not read goes with the descriptor. */
static void source_remove_or_add(unsigned int s)
{
	struct host *h = &host[s];

	if (fw.forward[s].used) {
		forwarder_remove(&fw, s, &out);
		see_effects();
		REQUIRE(!h->masked || h->signalled, "F10");
		*h = (struct host){ .high = h->high };
		return;
	}
	forwarder_add(&fw, s, pin_of_source[s], policy_of_source[s],
			      THROTTLE_AFTER);
	host_look(h);
}

static void step(void)
{
	unsigned int op = (unsigned int)take(1);
	unsigned int s = (unsigned int)take(1) % SOURCES;
	unsigned int argument = op >> 4;

	switch (op % 16) {
	case 0:
		/* Seldom, or nothing that takes long ever comes about. */
		if (argument == 0)
			guest_reset();
		else if (argument == 1 && s != LINE)
			source_remove_or_add(s);
		break;
	case 1:
		guest_eoi((uint8_t)(0x40 + argument % 4));
		break;
	case 2:
	case 3:
	case 4:
		host[s].high = !host[s].high;
		if (s == LINE)
			forwarder_set_line(&fw, s, pin_of_source[s],
					   host[s].high, &out);
		else if (fw.forward[s].used)
			host_look(&host[s]);
		break;
	case 5:
		forwarder_pulse(&fw, pin_of_source[s], &out);
		break;
	case 6:
	case 7:
	case 8:
	case 9:
		if (s != LINE && fw.forward[s].used)
			source_answer(s, argument | (op & 0x80));
		break;
	default:
		guest_event(argument ^ op);
	}
	see_effects();
	check();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	input = data;
	input_left = size;
	forwarder_init(&fw, PINS, IOAPIC_VERSION_ICH, true);
	memset(host, 0, sizeof(host));
	memset(watch, 0, sizeof(watch));
	out.nr = 0;
	for (unsigned int i = 0; i < PINS; i++)
		watch[i].masked = true;
	for (unsigned int s = 0; s < LINE; s++)
		forwarder_add(&fw, s, pin_of_source[s], policy_of_source[s],
			      THROTTLE_AFTER);
	for (unsigned int i = 0; i < STEPS_MAX && input_left; i++)
		step();
	return 0;
}
