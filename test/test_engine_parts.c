/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the engine does around the forwarder, guard by guard: which slot an event
 * is for, what is counted, what is traced, and that no effect is carried out
 * within another.  One thread; test_engine.c is about several.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "forward/engine.h"

#define PIN		5
#define OTHER_PIN	7
#define EDGE		0x41u
#define LEVEL		0x8051u
#define OTHER_LEVEL	0x8061u
#define LOG_MAX		16

/* A source whose host line is masked as it signals. */
struct host {
	struct source src;
	bool signalled, masked, high;
	unsigned int throttled;
};

struct vmm {
	struct backend be;
	struct engine *engine;
	unsigned int delivered, routes, depth, deepest;
	int raise_within;	/* line slot to raise from within a deliver; -1: none */
	unsigned int events;
	struct {
		char event[12];
		int source, pin;
		unsigned int nr;
	} log[LOG_MAX];
};

static struct host *host_of(struct source *src)
{
	return (struct host *)((char *)src - offsetof(struct host, src));
}

static bool host_drain(struct source *src)
{
	struct host *h = host_of(src);
	bool was = h->signalled;

	h->signalled = false;
	return was;
}

static void host_resample(struct source *src)
{
	host_of(src)->masked = false;
}

static enum forward_level host_sample(struct source *src)
{
	return host_of(src)->high ? FORWARD_LEVEL_HIGH : FORWARD_LEVEL_LOW;
}

static void host_throttle(struct source *src, unsigned int us)
{
	host_of(src)->throttled = us;
}

static const struct source_ops host_ops = {
	.drain = host_drain,
	.resample = host_resample,
	.sample = host_sample,
	.throttle = host_throttle,
};

static void vmm_deliver(struct backend *be, const struct message *msg)
{
	struct vmm *v = (struct vmm *)((char *)be - offsetof(struct vmm, be));
	int slot = v->raise_within;

	v->delivered++;
	if (++v->depth > v->deepest)
		v->deepest = v->depth;
	v->raise_within = -1;
	if (slot >= 0)
		engine_set_line(v->engine, (unsigned int)slot, true);
	v->depth--;
}

static void vmm_route(struct backend *be, unsigned int pin,
		      const struct message *msg)
{
	struct vmm *v = (struct vmm *)((char *)be - offsetof(struct vmm, be));

	v->routes++;
}

static const struct backend_ops vmm_ops = {
	.deliver = vmm_deliver,
	.route = vmm_route,
};

static void vmm_trace(void *opaque, const struct transition *t)
{
	struct vmm *v = opaque;
	unsigned int i = v->events++ % LOG_MAX;

	strncpy(v->log[i].event, t->event, sizeof(v->log[i].event) - 1);
	v->log[i].source = t->source;
	v->log[i].pin = t->pin;
	v->log[i].nr = t->effects->nr;
	assert_non_null(t->after);
	assert_true(t->ns > 0);
}

static void begin(struct vmm *v)
{
	struct engine_config config = {
		.pins = 24, .version = IOAPIC_VERSION_ICH, .routed = true,
		.backend = &v->be, .trace = vmm_trace, .opaque = v,
	};

	memset(v, 0, sizeof(*v));
	v->be.ops = &vmm_ops;
	v->raise_within = -1;
	assert_int_equal(engine_new(&v->engine, &config), 0);
}

static unsigned int add_level(struct vmm *v, struct host *h, unsigned int pin,
			      enum forward_policy policy)
{
	int slot;

	*h = (struct host){ .src.ops = &host_ops };
	slot = engine_add_level(v->engine, &h->src, pin, policy);
	assert_true(slot >= 0);
	return (unsigned int)slot;
}

static void write_low(struct vmm *v, unsigned int pin, uint32_t low)
{
	engine_write(v->engine, 0x00, 0x10 + 2 * pin, 4);
	engine_write(v->engine, 0x10, low, 4);
}

static void trigger(struct vmm *v, struct host *h, unsigned int slot)
{
	h->signalled = true;
	h->masked = true;
	engine_source_ready(v->engine, slot);
}

static struct engine_stats row_of(struct vmm *v, unsigned int nr)
{
	struct engine_stats rows[FORWARDS_MAX] = { 0 };

	assert_true(engine_stats(v->engine, rows, FORWARDS_MAX) > nr);
	return rows[nr];
}

static void was_traced(struct vmm *v, const char *event, int source, int pin)
{
	unsigned int last = (v->events - 1) % LOG_MAX;

	assert_true(v->events > 0);
	assert_string_equal(v->log[last].event, event);
	assert_int_equal(v->log[last].source, source);
	assert_int_equal(v->log[last].pin, pin);
}

/* ---- beginning and end ---------------------------------------------------- */

static void bad_configurations_are_refused(void **state)
{
	struct backend be = { .ops = &vmm_ops };
	struct engine *e = NULL;
	struct engine_config good = { .pins = IOAPIC_PINS_MAX,
				      .version = IOAPIC_VERSION_82093AA,
				      .backend = &be };
	struct engine_config bad[3] = { good, good, good };

	bad[0].pins = 0;
	bad[1].pins = IOAPIC_PINS_MAX + 1;
	bad[2].version = 0x12;
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(engine_new(&e, &bad[i]), -EINVAL);
	assert_null(e);
	assert_int_equal(engine_new(&e, &good), 0);
	engine_free(e);
	good.version = IOAPIC_VERSION_ICH;
	assert_int_equal(engine_new(&e, &good), 0);
	engine_free(e);
	engine_free(NULL);
}

static void a_pin_that_is_not_there_is_refused(void **state)
{
	struct host h = { .src.ops = &host_ops };
	struct vmm v;

	begin(&v);
	assert_int_equal(engine_add_level(v.engine, &h.src, 24, FORWARD_UNMASK),
			 -EINVAL);
	assert_int_equal(engine_add_edge(v.engine, &h.src, 24), -EINVAL);
	assert_int_equal(engine_add_line(v.engine, 24), -EINVAL);
	assert_int_equal(engine_stats(v.engine, NULL, 0), 0);
	engine_free(v.engine);
}

/* ---- which slot an event is for ----------------------------------------------- */

static void an_edge_source_pulses_its_pin(void **state)
{
	struct host h = { .src.ops = &host_ops };
	struct vmm v;
	int slot;

	begin(&v);
	write_low(&v, PIN, EDGE);
	slot = engine_add_edge(v.engine, &h.src, PIN);
	engine_source_ready(v.engine, (unsigned int)slot);
	assert_int_equal(v.delivered, 0);	/* nothing was signalled */
	trigger(&v, &h, (unsigned int)slot);
	assert_int_equal(v.delivered, 1);
	was_traced(&v, "trigger", slot, PIN);
	engine_source_timeout(v.engine, (unsigned int)slot);
	engine_cut(v.engine, (unsigned int)slot, &h.src, true);
	trigger(&v, &h, (unsigned int)slot);
	assert_int_equal(v.delivered, 2);
	assert_true(row_of(&v, 0).edge);
	assert_int_equal(row_of(&v, 0).counts.triggers, 2);
	assert_int_equal(row_of(&v, 0).counts.deliveries, 2);
	engine_remove(v.engine, (unsigned int)slot);
	engine_free(v.engine);
}

static void a_line_is_raised_lowered_and_pulsed(void **state)
{
	unsigned int slot;
	struct vmm v;

	begin(&v);
	write_low(&v, PIN, LEVEL);
	write_low(&v, OTHER_PIN, EDGE);
	slot = (unsigned int)engine_add_line(v.engine, PIN);
	engine_set_line(v.engine, slot, true);
	was_traced(&v, "raise", (int)slot, PIN);
	assert_int_equal(v.delivered, 1);
	engine_set_line(v.engine, slot, false);
	was_traced(&v, "lower", (int)slot, PIN);
	engine_eoi(v.engine, LEVEL & 0xff);
	assert_int_equal(v.delivered, 1);
	engine_source_ready(v.engine, slot);
	engine_source_timeout(v.engine, slot);
	engine_set_line(v.engine, slot, true);
	engine_remove(v.engine, slot);
	was_traced(&v, "remove", (int)slot, PIN);
	engine_eoi(v.engine, LEVEL & 0xff);
	assert_int_equal(v.delivered, 2);	/* gone with its line */
	slot = (unsigned int)engine_add_line(v.engine, OTHER_PIN);
	engine_pulse_line(v.engine, slot);
	was_traced(&v, "pulse", (int)slot, OTHER_PIN);
	assert_int_equal(v.delivered, 3);
	assert_int_equal(engine_stats(v.engine, NULL, 0), 0);
	engine_remove(v.engine, slot);
	engine_free(v.engine);
}

/* What is for a plain line does nothing to a forward's slot. */
static void a_forward_is_no_line(void **state)
{
	struct host h;
	unsigned int slot;
	struct vmm v;

	begin(&v);
	write_low(&v, PIN, EDGE);
	slot = add_level(&v, &h, PIN, FORWARD_UNMASK);
	engine_pulse_line(v.engine, slot);
	engine_set_line(v.engine, slot, true);
	assert_int_equal(v.delivered, 0);
	engine_remove(v.engine, slot);
	engine_free(v.engine);
}

static void a_cut_is_for_the_slots_own_source(void **state)
{
	struct host h, stranger = { .src.ops = &host_ops };
	unsigned int slot;
	struct vmm v;

	begin(&v);
	write_low(&v, PIN, LEVEL);
	slot = add_level(&v, &h, PIN, FORWARD_UNMASK);
	engine_cut(v.engine, slot, &stranger.src, true);
	trigger(&v, &h, slot);
	assert_int_equal(v.delivered, 1);
	engine_eoi(v.engine, LEVEL & 0xff);
	engine_cut(v.engine, slot, &h.src, true);
	was_traced(&v, "cut", (int)slot, PIN);
	trigger(&v, &h, slot);
	assert_int_equal(v.delivered, 1);
	assert_true(h.masked);
	engine_cut(v.engine, slot, &h.src, false);
	was_traced(&v, "join", (int)slot, PIN);
	assert_false(h.masked);
	engine_remove(v.engine, slot);
	engine_free(v.engine);
}

/* ---- what is counted ----------------------------------------------------------- */

static void each_pin_counts_for_itself(void **state)
{
	struct host h, other;
	unsigned int slot, slot_other;
	struct vmm v;

	begin(&v);
	write_low(&v, PIN, LEVEL);
	write_low(&v, OTHER_PIN, OTHER_LEVEL);
	slot = add_level(&v, &h, PIN, FORWARD_SAMPLE);
	slot_other = add_level(&v, &other, OTHER_PIN, FORWARD_UNMASK);
	trigger(&v, &h, slot);
	assert_int_equal(row_of(&v, 0).counts.deliveries, 1);
	assert_int_equal(row_of(&v, 0).counts.eois, 0);
	assert_int_equal(row_of(&v, 1).counts.deliveries, 0);
	engine_eoi(v.engine, LEVEL & 0xff);
	assert_int_equal(row_of(&v, 0).counts.deliveries, 1);
	assert_int_equal(row_of(&v, 0).counts.eois, 1);
	assert_int_equal(row_of(&v, 0).counts.resamples, 1);
	assert_int_equal(row_of(&v, 1).counts.eois, 0);
	assert_int_equal(row_of(&v, 0).policy, FORWARD_SAMPLE);
	assert_int_equal(row_of(&v, 1).policy, FORWARD_UNMASK);
	assert_false(row_of(&v, 0).edge);
	assert_int_equal(engine_stats(v.engine, NULL, 0), 2);
	engine_remove(v.engine, slot);
	engine_remove(v.engine, slot_other);
	engine_free(v.engine);
}

/* A slot may be another's by the time that somebody asks. */
static void a_row_is_told_to_its_own_source(void **state)
{
	struct host h = { .src = { .ops = &host_ops, .name = "card",
				   .host_irq = "19" } };
	struct host stranger = { .src.ops = &host_ops };
	struct engine_stats row = { .pin = 99 };
	struct vmm v;
	int slot;

	begin(&v);
	slot = engine_add_level(v.engine, &h.src, PIN, FORWARD_UNMASK);
	assert_false(engine_stats_of(v.engine, (unsigned int)slot,
				     &stranger.src, &row));
	assert_int_equal(row.pin, 99);
	assert_true(engine_stats_of(v.engine, (unsigned int)slot, &h.src,
				    &row));
	assert_int_equal(row.pin, PIN);
	assert_string_equal(row.name, "card");
	assert_string_equal(row.host_irq, "19");
	/* the lock is free again */
	assert_int_equal(engine_stats(v.engine, NULL, 0), 1);
	engine_remove(v.engine, (unsigned int)slot);
	engine_free(v.engine);
}

/* While one forward waits, what another one does is no refire of it. */
static void a_wait_is_counted_once(void **state)
{
	struct host h, other;
	unsigned int slot, slot_other;
	struct vmm v;

	begin(&v);
	write_low(&v, PIN, LEVEL);
	write_low(&v, OTHER_PIN, OTHER_LEVEL);
	slot = add_level(&v, &h, PIN, FORWARD_SAMPLE);
	slot_other = add_level(&v, &other, OTHER_PIN, FORWARD_UNMASK);
	assert_int_equal(slot, 0);
	h.high = true;
	trigger(&v, &h, slot);
	for (unsigned int i = 0; i < FORWARD_EASE_AFTER; i++)
		engine_eoi(v.engine, LEVEL & 0xff);
	assert_int_equal(row_of(&v, 0).counts.eased, 1);
	assert_in_range(h.throttled, 1, FORWARD_EASE_MAX_US);
	trigger(&v, &other, slot_other);
	engine_eoi(v.engine, OTHER_LEVEL & 0xff);
	assert_int_equal(row_of(&v, 0).counts.eased, 1);
	assert_int_equal(row_of(&v, 0).counts.throttled, 0);
	assert_int_equal(other.throttled, 0);
	engine_remove(v.engine, slot);
	engine_remove(v.engine, slot_other);
	engine_free(v.engine);
}

/* ---- the rest -------------------------------------------------------------------- */

static void registers_and_reset_reach_the_chip(void **state)
{
	struct host h;
	unsigned int slot;
	struct vmm v;

	begin(&v);
	write_low(&v, PIN, LEVEL);
	was_traced(&v, "write", -1, -1);
	assert_int_equal(engine_read(v.engine, 0x10, 4), LEVEL);
	slot = add_level(&v, &h, PIN, FORWARD_UNMASK);
	trigger(&v, &h, slot);
	assert_true(h.masked);
	engine_reset(v.engine);
	was_traced(&v, "reset", -1, -1);
	assert_false(h.masked);
	assert_int_equal(engine_read(v.engine, 0x00, 4), 0);
	engine_remove(v.engine, slot);
	engine_free(v.engine);
}

/* An event from within an effect leaves its own to the drain under way. */
static void effects_are_not_nested(void **state)
{
	unsigned int slot, other;
	struct vmm v;

	begin(&v);
	write_low(&v, PIN, LEVEL);
	write_low(&v, OTHER_PIN, OTHER_LEVEL);
	slot = (unsigned int)engine_add_line(v.engine, PIN);
	other = (unsigned int)engine_add_line(v.engine, OTHER_PIN);
	v.raise_within = (int)other;
	engine_set_line(v.engine, slot, true);
	assert_int_equal(v.delivered, 2);
	assert_int_equal(v.routes, 2);
	assert_int_equal(v.deepest, 1);
	engine_remove(v.engine, slot);
	engine_remove(v.engine, other);
	engine_free(v.engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_configurations_are_refused),
		cmocka_unit_test(a_pin_that_is_not_there_is_refused),
		cmocka_unit_test(an_edge_source_pulses_its_pin),
		cmocka_unit_test(a_line_is_raised_lowered_and_pulsed),
		cmocka_unit_test(a_forward_is_no_line),
		cmocka_unit_test(a_cut_is_for_the_slots_own_source),
		cmocka_unit_test(each_pin_counts_for_itself),
		cmocka_unit_test(a_row_is_told_to_its_own_source),
		cmocka_unit_test(a_wait_is_counted_once),
		cmocka_unit_test(registers_and_reset_reach_the_chip),
		cmocka_unit_test(effects_are_not_nested),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
