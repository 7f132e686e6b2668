/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chip and forwards together: what reaches the outside, in which order.  The
 * guest flows are those of SEMANTICS 1 to 3; "the host" is the test itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "forward/forwarder.h"

#define PIN	5
#define VECTOR	0x61
#define A	0	/* a forward */
#define B	1	/* another, on the same pin */
#define EMULATED	2	/* a line that the VMM drives */

#define LOW_WORD(pin)	(0x10u + 2 * (pin))
#define LEVEL		(1u << 15)
#define MASKED		(1u << 16)
#define REMOTE_IRR	(1u << 14)

struct bench {
	struct forwarder fw;
	struct effects out;
};

static void write_low(struct bench *b, uint32_t value)
{
	b->out.nr = 0;
	forwarder_write(&b->fw, 0x00, LOW_WORD(PIN), 4, &b->out);
	forwarder_write(&b->fw, 0x10, value, 4, &b->out);
}

static uint32_t read_low(struct bench *b)
{
	struct effects none = { 0 };

	forwarder_write(&b->fw, 0x00, LOW_WORD(PIN), 4, &none);
	return (uint32_t)forwarder_read(&b->fw, 0x10, 4);
}

static void guest_mask(struct bench *b)
{
	write_low(b, VECTOR | LEVEL | MASKED);
}

static void guest_unmask(struct bench *b)
{
	write_low(b, VECTOR | LEVEL);
}

static void guest_eoi(struct bench *b, uint8_t vector)
{
	b->out.nr = 0;
	forwarder_eoi(&b->fw, vector, &b->out);
}

static void trigger(struct bench *b, unsigned int source)
{
	b->out.nr = 0;
	forwarder_trigger(&b->fw, source, &b->out);
}

static unsigned int count(const struct bench *b, enum effect_kind kind)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < b->out.nr; i++)
		nr += b->out.v[i].kind == kind;
	return nr;
}

static unsigned int place(const struct bench *b, enum effect_kind kind)
{
	for (unsigned int i = 0; i < b->out.nr; i++)
		if (b->out.v[i].kind == kind)
			return i;
	fail_msg("effect %d is missing", (int)kind);
	return 0;
}

static struct bench *bench_new(enum forward_policy policy, bool routed)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	forwarder_init(&b->fw, 24, IOAPIC_VERSION_ICH, routed);
	forwarder_add(&b->fw, A, PIN, policy, 0);
	guest_unmask(b);
	return b;
}

static void a_plain_level_interrupt(void **state)
{
	struct bench *b = bench_new(FORWARD_UNMASK, false);

	trigger(b, A);
	assert_int_equal(count(b, EFFECT_DELIVER), 1);
	assert_int_equal(b->out.v[place(b, EFFECT_DELIVER)].msg.vector, VECTOR);
	assert_true(b->out.v[place(b, EFFECT_DELIVER)].msg.level);
	assert_true(read_low(b) & REMOTE_IRR);

	guest_eoi(b, VECTOR);
	assert_int_equal(count(b, EFFECT_RESAMPLE), 1);
	assert_int_equal(count(b, EFFECT_DELIVER), 0);
	assert_false(read_low(b) & REMOTE_IRR);
	free(b);
}

/* SEMANTICS 1: mask, hard handler, EOI while masked, thread, unmask. */
static void a_oneshot_interrupt_is_resampled_at_the_unmask(void **state)
{
	struct bench *b = bench_new(FORWARD_UNMASK, false);

	trigger(b, A);
	guest_mask(b);
	guest_eoi(b, VECTOR);
	assert_int_equal(count(b, EFFECT_DEFER), 1);
	assert_int_equal(count(b, EFFECT_RESAMPLE), 0);
	guest_unmask(b);
	assert_int_equal(count(b, EFFECT_RESAMPLE), 1);
	assert_int_equal(count(b, EFFECT_DELIVER), 0);
	free(b);
}

/* The fault: the host is asked at the EOI, fires, and its trigger is kept. */
static void policy_eoi_gives_a_spurious_interrupt(void **state)
{
	struct bench *b = bench_new(FORWARD_EOI, false);

	trigger(b, A);
	guest_mask(b);
	guest_eoi(b, VECTOR);
	assert_int_equal(count(b, EFFECT_RESAMPLE), 1);
	trigger(b, A);		/* the device asserts still */
	assert_int_equal(count(b, EFFECT_DELIVER), 0);
	guest_unmask(b);	/* after the device ack */
	assert_int_equal(count(b, EFFECT_DELIVER), 1);
	free(b);
}

static void a_trigger_while_masked_is_looked_at_again(void **state)
{
	struct bench *b = bench_new(FORWARD_UNMASK, false);

	guest_mask(b);
	trigger(b, A);
	assert_int_equal(count(b, EFFECT_RAISE), 0);
	guest_unmask(b);
	assert_int_equal(count(b, EFFECT_DELIVER), 0);
	assert_int_equal(count(b, EFFECT_RESAMPLE), 1);
	trigger(b, A);		/* asserted still: now it is believed */
	assert_int_equal(count(b, EFFECT_DELIVER), 1);
	free(b);
}

static void policy_sample_reads_the_level_at_the_unmask(void **state)
{
	struct bench *b = bench_new(FORWARD_SAMPLE, false);

	trigger(b, A);
	guest_mask(b);
	guest_eoi(b, VECTOR);
	guest_unmask(b);
	assert_int_equal(count(b, EFFECT_SAMPLE), 1);
	assert_int_equal(count(b, EFFECT_RESAMPLE), 0);

	b->out.nr = 0;
	forwarder_sampled(&b->fw, A, FORWARD_LEVEL_HIGH, &b->out);
	assert_int_equal(count(b, EFFECT_DELIVER), 1);
	assert_int_equal(count(b, EFFECT_RESAMPLE), 0);

	guest_eoi(b, VECTOR);
	b->out.nr = 0;
	forwarder_sampled(&b->fw, A, FORWARD_LEVEL_LOW, &b->out);
	assert_int_equal(count(b, EFFECT_DELIVER), 0);
	assert_int_equal(count(b, EFFECT_RESAMPLE), 1);
	free(b);
}

/* SEMANTICS 20: every source with a raised line is resampled. */
static void two_forwards_share_a_pin(void **state)
{
	struct bench *b = bench_new(FORWARD_UNMASK, false);

	forwarder_add(&b->fw, B, PIN, FORWARD_UNMASK, 0);
	trigger(b, A);
	trigger(b, B);
	assert_int_equal(count(b, EFFECT_DELIVER), 0);	/* in service */
	guest_eoi(b, VECTOR);
	assert_int_equal(count(b, EFFECT_RESAMPLE), 2);
	assert_int_equal(count(b, EFFECT_DELIVER), 0);
	free(b);
}

/* KVM's resample on unmask loses this one until it asserts again. */
static void an_emulated_device_keeps_its_level(void **state)
{
	struct bench *b = bench_new(FORWARD_UNMASK, false);

	trigger(b, A);
	b->out.nr = 0;
	forwarder_set_line(&b->fw, EMULATED, PIN, true, &b->out);
	guest_eoi(b, VECTOR);
	assert_int_equal(count(b, EFFECT_RESAMPLE), 1);
	assert_int_equal(count(b, EFFECT_DELIVER), 1);
	/* The settling came after the forward had lowered its line. */
	assert_true(place(b, EFFECT_LOWER) < place(b, EFFECT_DELIVER));

	b->out.nr = 0;
	forwarder_set_line(&b->fw, EMULATED, PIN, false, &b->out);
	guest_eoi(b, VECTOR);
	assert_int_equal(count(b, EFFECT_DELIVER), 0);
	free(b);
}

static void a_level_pin_is_routed_before_its_first_delivery(void **state)
{
	struct bench *b = bench_new(FORWARD_UNMASK, true);

	trigger(b, A);
	assert_int_equal(count(b, EFFECT_ROUTE), 1);
	assert_true(place(b, EFFECT_ROUTE) < place(b, EFFECT_DELIVER));
	guest_eoi(b, VECTOR);
	trigger(b, A);
	assert_int_equal(count(b, EFFECT_ROUTE), 0);
	assert_int_equal(count(b, EFFECT_DELIVER), 1);
	free(b);
}

/* SEMANTICS 12: neither a mask nor a new vector touches the route in service. */
static void a_route_stays_until_its_eoi_is_in(void **state)
{
	struct bench *b = bench_new(FORWARD_UNMASK, true);

	trigger(b, A);
	guest_mask(b);
	assert_int_equal(count(b, EFFECT_ROUTE), 0);
	write_low(b, (VECTOR + 1) | LEVEL);
	assert_int_equal(count(b, EFFECT_ROUTE), 0);
	assert_int_equal(b->fw.route[PIN].vector, VECTOR);

	guest_eoi(b, VECTOR);	/* as it was delivered */
	assert_int_equal(count(b, EFFECT_RESAMPLE), 1);
	trigger(b, A);
	assert_int_equal(count(b, EFFECT_ROUTE), 1);
	assert_int_equal(b->fw.route[PIN].vector, VECTOR + 1);
	assert_int_equal(b->out.v[place(b, EFFECT_DELIVER)].msg.vector,
			 VECTOR + 1);
	free(b);
}

static void an_edge_delivery_gives_the_level_route_back(void **state)
{
	struct bench *b = bench_new(FORWARD_UNMASK, true);

	trigger(b, A);
	guest_eoi(b, VECTOR);
	write_low(b, VECTOR);	/* edge */
	b->out.nr = 0;
	forwarder_pulse(&b->fw, PIN, &b->out);
	assert_int_equal(count(b, EFFECT_ROUTE), 1);
	assert_false(b->out.v[place(b, EFFECT_ROUTE)].msg.level);
	assert_true(place(b, EFFECT_ROUTE) < place(b, EFFECT_DELIVER));
	free(b);
}

/* SEMANTICS 5: older Linux ends an interrupt by switching to edge and back. */
static void the_pseudo_eoi_is_an_ack(void **state)
{
	struct bench *b = bench_new(FORWARD_UNMASK, false);

	trigger(b, A);
	write_low(b, VECTOR | MASKED);
	assert_int_equal(count(b, EFFECT_ACK), 1);
	assert_int_equal(count(b, EFFECT_DEFER), 1);
	guest_mask(b);
	guest_unmask(b);
	assert_int_equal(count(b, EFFECT_RESAMPLE), 1);
	assert_int_equal(count(b, EFFECT_DELIVER), 0);
	free(b);
}

/* A line raised for an edge pin must not turn into a level interrupt later. */
static void a_line_raised_while_edge_is_not_believed_after_a_mask(void **state)
{
	struct bench *b = bench_new(FORWARD_UNMASK, false);

	write_low(b, VECTOR);
	trigger(b, A);
	assert_int_equal(count(b, EFFECT_DELIVER), 1);
	guest_mask(b);
	assert_int_equal(count(b, EFFECT_LOWER), 1);
	guest_unmask(b);
	assert_int_equal(count(b, EFFECT_DELIVER), 0);
	assert_int_equal(count(b, EFFECT_RESAMPLE), 1);
	free(b);
}

/* SEMANTICS 3: a deferred ack must not outlive the guest that owes it. */
static void a_reset_flushes_deferred_acks(void **state)
{
	struct bench *b = bench_new(FORWARD_UNMASK, false);

	trigger(b, A);
	guest_mask(b);
	guest_eoi(b, VECTOR);
	b->out.nr = 0;
	forwarder_reset(&b->fw, &b->out);
	assert_int_equal(count(b, EFFECT_RESAMPLE), 1);
	assert_true(read_low(b) & MASKED);

	trigger(b, A);		/* the device asserts on: wait for the new guest */
	assert_int_equal(count(b, EFFECT_DELIVER), 0);
	guest_unmask(b);
	assert_int_equal(count(b, EFFECT_RESAMPLE), 1);
	free(b);
}

static void a_removed_forward_leaves_nothing_masked_or_raised(void **state)
{
	struct bench *b = bench_new(FORWARD_UNMASK, false);

	trigger(b, A);
	b->out.nr = 0;
	forwarder_remove(&b->fw, A, &b->out);
	assert_int_equal(count(b, EFFECT_RESAMPLE), 1);
	assert_int_equal(b->fw.ioapic.pin[PIN].lines, 0);
	guest_eoi(b, VECTOR);
	assert_int_equal(count(b, EFFECT_DELIVER), 0);
	assert_int_equal(count(b, EFFECT_RESAMPLE), 0);
	free(b);
}

static void a_guest_that_never_quiets_its_device_is_throttled(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	unsigned int deliveries = 0;

	assert_non_null(b);
	forwarder_init(&b->fw, 24, IOAPIC_VERSION_ICH, false);
	forwarder_add(&b->fw, A, PIN, FORWARD_UNMASK, FORWARD_THROTTLE_AFTER);
	guest_unmask(b);
	while (!count(b, EFFECT_SAMPLE)) {
		trigger(b, A);
		deliveries += count(b, EFFECT_DELIVER);
		guest_eoi(b, VECTOR);
	}
	assert_int_equal(deliveries, FORWARD_EASE_AFTER);
	b->out.nr = 0;
	forwarder_sampled(&b->fw, A, FORWARD_LEVEL_HIGH, &b->out);
	assert_int_equal(count(b, EFFECT_THROTTLE), 1);
	assert_int_equal(count(b, EFFECT_RESAMPLE), 0);
	free(b);
}

/* Every pin with the vector is EOIed at once: the largest list of effects. */
static void an_eoi_of_every_pin_fits(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	forwarder_init(&b->fw, IOAPIC_PINS_MAX, IOAPIC_VERSION_ICH, true);
	for (unsigned int pin = 0; pin < IOAPIC_PINS_MAX; pin++) {
		b->out.nr = 0;
		forwarder_write(&b->fw, 0, LOW_WORD(pin), 4, &b->out);
		forwarder_write(&b->fw, 0x10, VECTOR | LEVEL, 4, &b->out);
		forwarder_set_line(&b->fw, 31, pin, true, &b->out);
		/* A new vector in service: the EOI routes each pin anew. */
		forwarder_write(&b->fw, 0x10, (VECTOR + 1) | LEVEL, 4, &b->out);
	}
	for (unsigned int s = 0; s < FORWARDS_MAX - 1; s++) {
		forwarder_add(&b->fw, s, s, FORWARD_UNMASK, 0);
		trigger(b, s);
	}
	guest_eoi(b, VECTOR);
	assert_int_equal(count(b, EFFECT_ACK), IOAPIC_PINS_MAX);
	assert_int_equal(count(b, EFFECT_ROUTE), IOAPIC_PINS_MAX);
	assert_int_equal(count(b, EFFECT_DELIVER), IOAPIC_PINS_MAX);
	assert_int_equal(count(b, EFFECT_RESAMPLE), FORWARDS_MAX - 1);
	free(b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_level_interrupt),
		cmocka_unit_test(a_oneshot_interrupt_is_resampled_at_the_unmask),
		cmocka_unit_test(policy_eoi_gives_a_spurious_interrupt),
		cmocka_unit_test(a_trigger_while_masked_is_looked_at_again),
		cmocka_unit_test(policy_sample_reads_the_level_at_the_unmask),
		cmocka_unit_test(two_forwards_share_a_pin),
		cmocka_unit_test(an_emulated_device_keeps_its_level),
		cmocka_unit_test(a_level_pin_is_routed_before_its_first_delivery),
		cmocka_unit_test(a_route_stays_until_its_eoi_is_in),
		cmocka_unit_test(an_edge_delivery_gives_the_level_route_back),
		cmocka_unit_test(the_pseudo_eoi_is_an_ack),
		cmocka_unit_test(a_line_raised_while_edge_is_not_believed_after_a_mask),
		cmocka_unit_test(a_reset_flushes_deferred_acks),
		cmocka_unit_test(a_removed_forward_leaves_nothing_masked_or_raised),
		cmocka_unit_test(a_guest_that_never_quiets_its_device_is_throttled),
		cmocka_unit_test(an_eoi_of_every_pin_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
