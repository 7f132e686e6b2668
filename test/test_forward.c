/* SPDX-License-Identifier: Apache-2.0 */
/* The forward's table, row by row (src/forward/forward.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "forward/forward.h"

#define PIN	3
#define SLOT	1

static const struct forward_pin open_pin = { false, false };
static const struct forward_pin masked_pin = { true, false };
static const struct forward_pin serviced_pin = { false, true };
static const struct forward_pin masked_serviced_pin = { true, true };

static struct forward in_phase(unsigned int policy, unsigned int phase)
{
	struct forward f;

	forward_init(&f, SLOT, PIN, (enum forward_policy)policy, 3);
	f.phase = (uint8_t)phase;
	return f;
}

#define expect_effects(out, ...) do {					\
	const enum effect_kind want_[] = { __VA_ARGS__ };		\
	assert_int_equal((out)->nr, sizeof(want_) / sizeof(want_[0]));	\
	for (unsigned int i_ = 0; i_ < (out)->nr; i_++) {		\
		assert_int_equal((out)->v[i_].kind, want_[i_]);		\
		assert_int_equal((out)->v[i_].pin, PIN);		\
		assert_int_equal((out)->v[i_].source, SLOT);		\
	}								\
	(out)->nr = 0;							\
} while (0)

#define expect_none(out)	assert_int_equal((out)->nr, 0)

static void row_1_trigger_unmasked(void **state)
{
	for (unsigned int policy = FORWARD_EOI; policy <= FORWARD_SAMPLE; policy++) {
		struct forward f = in_phase(policy, FORWARD_QUIET);
		struct effects out = { 0 };

		forward_triggered(&f, open_pin, &out);
		assert_int_equal(f.phase, FORWARD_RAISED);
		expect_effects(&out, EFFECT_RAISE);
	}
}

static void row_2_trigger_masked_is_not_believed(void **state)
{
	struct forward f = in_phase(FORWARD_UNMASK, FORWARD_QUIET);
	struct effects out = { 0 };

	forward_triggered(&f, masked_pin, &out);
	assert_int_equal(f.phase, FORWARD_DEFERRED);
	expect_effects(&out, EFFECT_DEFER);

	f = in_phase(FORWARD_SAMPLE, FORWARD_QUIET);
	forward_triggered(&f, masked_serviced_pin, &out);
	assert_int_equal(f.phase, FORWARD_DEFERRED);
	expect_effects(&out, EFFECT_DEFER);
}

static void row_2_policy_eoi_believes(void **state)
{
	struct forward f = in_phase(FORWARD_EOI, FORWARD_QUIET);
	struct effects out = { 0 };

	forward_triggered(&f, masked_pin, &out);
	assert_int_equal(f.phase, FORWARD_RAISED);
	expect_effects(&out, EFFECT_RAISE);
}

static void row_3_trigger_when_host_is_masked(void **state)
{
	static const enum forward_phase phases[] = {
		FORWARD_RAISED, FORWARD_DEFERRED, FORWARD_SAMPLING,
		FORWARD_THROTTLED,
	};

	for (unsigned int i = 0; i < 4; i++) {
		struct forward f = in_phase(FORWARD_UNMASK, phases[i]);
		struct effects out = { 0 };

		forward_triggered(&f, open_pin, &out);
		assert_int_equal(f.phase, phases[i]);
		expect_none(&out);
	}
}

static void row_4_ack_unmasked(void **state)
{
	struct forward f = in_phase(FORWARD_UNMASK, FORWARD_RAISED);
	struct effects out = { 0 };

	forward_acked(&f, open_pin, &out);
	assert_int_equal(f.phase, FORWARD_QUIET);
	expect_effects(&out, EFFECT_LOWER, EFFECT_RESAMPLE);

	f = in_phase(FORWARD_SAMPLE, FORWARD_RAISED);
	forward_acked(&f, open_pin, &out);
	assert_int_equal(f.phase, FORWARD_SAMPLING);
	expect_effects(&out, EFFECT_LOWER, EFFECT_SAMPLE);
}

static void row_5_ack_masked(void **state)
{
	for (unsigned int policy = FORWARD_UNMASK; policy <= FORWARD_SAMPLE; policy++) {
		struct forward f = in_phase(policy, FORWARD_RAISED);
		struct effects out = { 0 };

		forward_acked(&f, masked_pin, &out);
		assert_int_equal(f.phase, FORWARD_DEFERRED);
		expect_effects(&out, EFFECT_LOWER, EFFECT_DEFER);
	}
}

static void row_5_policy_eoi_looks_at_once(void **state)
{
	struct forward f = in_phase(FORWARD_EOI, FORWARD_RAISED);
	struct effects out = { 0 };

	forward_acked(&f, masked_pin, &out);
	assert_int_equal(f.phase, FORWARD_QUIET);
	expect_effects(&out, EFFECT_LOWER, EFFECT_RESAMPLE);
}

static void an_ack_is_for_raised_lines_only(void **state)
{
	static const enum forward_phase phases[] = {
		FORWARD_DEFERRED, FORWARD_SAMPLING, FORWARD_THROTTLED,
	};

	for (unsigned int i = 0; i < 3; i++) {
		struct forward f = in_phase(FORWARD_UNMASK, phases[i]);
		struct effects out = { 0 };

		forward_acked(&f, open_pin, &out);
		assert_int_equal(f.phase, phases[i]);
		expect_none(&out);
	}
}

/* A neighbour on the pin was served; our own trigger may be on its way. */
static void row_9_ack_of_a_shared_pin(void **state)
{
	struct forward f = in_phase(FORWARD_UNMASK, FORWARD_QUIET);
	struct effects out = { 0 };

	forward_acked(&f, masked_pin, &out);
	expect_none(&out);	/* the unmask will drain */

	forward_acked(&f, open_pin, &out);
	assert_int_equal(f.phase, FORWARD_QUIET);
	assert_int_equal(out.nr, 1);
	assert_int_equal(out.v[0].kind, EFFECT_DRAIN);
}

static void rows_6_and_7_mask_while_raised(void **state)
{
	struct forward f = in_phase(FORWARD_UNMASK, FORWARD_RAISED);
	struct effects out = { 0 };

	forward_masked(&f, masked_serviced_pin, &out);
	assert_int_equal(f.phase, FORWARD_RAISED);
	expect_none(&out);

	forward_masked(&f, masked_pin, &out);
	assert_int_equal(f.phase, FORWARD_DEFERRED);
	expect_effects(&out, EFFECT_LOWER, EFFECT_DEFER);

	f = in_phase(FORWARD_EOI, FORWARD_RAISED);
	forward_masked(&f, masked_pin, &out);
	assert_int_equal(f.phase, FORWARD_RAISED);
	expect_none(&out);
}

static void row_8_unmask_when_deferred(void **state)
{
	struct forward f = in_phase(FORWARD_UNMASK, FORWARD_DEFERRED);
	struct effects out = { 0 };

	forward_unmasked(&f, &out);
	assert_int_equal(f.phase, FORWARD_QUIET);
	expect_effects(&out, EFFECT_RESAMPLE);

	f = in_phase(FORWARD_SAMPLE, FORWARD_DEFERRED);
	forward_unmasked(&f, &out);
	assert_int_equal(f.phase, FORWARD_SAMPLING);
	expect_effects(&out, EFFECT_SAMPLE);
}

static void rows_9_and_10_unmask_when_quiet(void **state)
{
	struct forward f = in_phase(FORWARD_UNMASK, FORWARD_QUIET);
	struct effects out = { 0 };

	forward_unmasked(&f, &out);
	expect_effects(&out, EFFECT_DRAIN);
	forward_drained(&f, false, &out);
	assert_int_equal(f.phase, FORWARD_QUIET);
	expect_none(&out);
	forward_drained(&f, true, &out);
	assert_int_equal(f.phase, FORWARD_QUIET);
	expect_effects(&out, EFFECT_RESAMPLE);

	f = in_phase(FORWARD_EOI, FORWARD_QUIET);
	forward_unmasked(&f, &out);
	expect_none(&out);
}

static void row_11_sampled_low(void **state)
{
	struct forward f = in_phase(FORWARD_SAMPLE, FORWARD_SAMPLING);
	struct effects out = { 0 };

	f.refires = 2;
	forward_sampled(&f, open_pin, FORWARD_LEVEL_LOW, &out);
	assert_int_equal(f.phase, FORWARD_QUIET);
	assert_int_equal(f.refires, 0);
	expect_effects(&out, EFFECT_RESAMPLE);
}

static void rows_12_and_13_sampled_high(void **state)
{
	struct forward f = in_phase(FORWARD_SAMPLE, FORWARD_SAMPLING);
	struct effects out = { 0 };

	forward_sampled(&f, serviced_pin, FORWARD_LEVEL_HIGH, &out);
	assert_int_equal(f.phase, FORWARD_RAISED);
	expect_effects(&out, EFFECT_RAISE);

	f = in_phase(FORWARD_SAMPLE, FORWARD_SAMPLING);
	forward_sampled(&f, masked_pin, FORWARD_LEVEL_HIGH, &out);
	assert_int_equal(f.phase, FORWARD_DEFERRED);
	expect_effects(&out, EFFECT_DEFER);
}

static void row_15_sampled_unknown(void **state)
{
	struct forward f = in_phase(FORWARD_SAMPLE, FORWARD_SAMPLING);
	struct effects out = { 0 };

	forward_sampled(&f, open_pin, FORWARD_LEVEL_UNKNOWN, &out);
	assert_int_equal(f.phase, FORWARD_QUIET);
	expect_effects(&out, EFFECT_RESAMPLE);

	f = in_phase(FORWARD_UNMASK, FORWARD_SAMPLING);
	f.refires = 3;
	forward_sampled(&f, open_pin, FORWARD_LEVEL_UNKNOWN, &out);
	assert_int_equal(f.phase, FORWARD_THROTTLED);
	expect_effects(&out, EFFECT_THROTTLE);
}

static void a_sample_that_was_overtaken_by_a_flush(void **state)
{
	struct forward f = in_phase(FORWARD_SAMPLE, FORWARD_QUIET);
	struct effects out = { 0 };

	forward_sampled(&f, open_pin, FORWARD_LEVEL_HIGH, &out);
	assert_int_equal(f.phase, FORWARD_QUIET);
	expect_none(&out);
}

/* Raised and acked without a quiet line until the throttle takes hold. */
static void refire(struct forward *f, struct effects *out)
{
	forward_triggered(f, open_pin, out);
	assert_int_equal(f->phase, FORWARD_RAISED);
	forward_acked(f, open_pin, out);
	out->nr = 0;
}

static void rows_14_and_16_a_storm_is_throttled(void **state)
{
	struct forward f = in_phase(FORWARD_UNMASK, FORWARD_QUIET);
	struct effects out = { 0 };

	refire(&f, &out);
	refire(&f, &out);
	assert_int_equal(f.phase, FORWARD_QUIET);
	refire(&f, &out);
	assert_int_equal(f.phase, FORWARD_SAMPLING);
	forward_sampled(&f, open_pin, FORWARD_LEVEL_HIGH, &out);
	assert_int_equal(f.phase, FORWARD_THROTTLED);
	expect_effects(&out, EFFECT_THROTTLE);
	forward_timed_out(&f, &out);
	assert_int_equal(f.phase, FORWARD_QUIET);
	expect_effects(&out, EFFECT_RESAMPLE, EFFECT_THROTTLE);

	/* Still storming: throttled at the very next ack. */
	refire(&f, &out);
	assert_int_equal(f.phase, FORWARD_SAMPLING);
	/* The first quiet moment lifts it. */
	forward_sampled(&f, open_pin, FORWARD_LEVEL_LOW, &out);
	assert_int_equal(f.refires, 0);
	expect_effects(&out, EFFECT_RESAMPLE);
}

static void row_17_a_silent_timeout_lifts_the_throttle(void **state)
{
	struct forward f = in_phase(FORWARD_UNMASK, FORWARD_QUIET);
	struct effects out = { 0 };

	f.refires = 3;
	forward_timed_out(&f, &out);
	assert_int_equal(f.refires, 0);
	expect_none(&out);

	f = in_phase(FORWARD_UNMASK, FORWARD_RAISED);
	f.refires = 3;
	forward_timed_out(&f, &out);
	assert_int_equal(f.refires, 3);
	expect_none(&out);
}

static void row_18_flush(void **state)
{
	struct forward f = in_phase(FORWARD_UNMASK, FORWARD_RAISED);
	struct effects out = { 0 };

	forward_flushed(&f, &out);
	assert_int_equal(f.phase, FORWARD_QUIET);
	expect_effects(&out, EFFECT_LOWER, EFFECT_RESAMPLE);

	for (unsigned int phase = FORWARD_DEFERRED; phase <= FORWARD_THROTTLED; phase++) {
		f = in_phase(FORWARD_UNMASK, phase);
		forward_flushed(&f, &out);
		assert_int_equal(f.phase, FORWARD_QUIET);
		expect_effects(&out, EFFECT_RESAMPLE);
	}

	f = in_phase(FORWARD_UNMASK, FORWARD_QUIET);
	forward_flushed(&f, &out);
	expect_none(&out);
}

/* scenarios/shared.json: another source delivered while the level was read. */
static void row_22_an_answer_older_than_the_eoi(void **state)
{
	struct forward f = in_phase(FORWARD_SAMPLE, FORWARD_SAMPLING);
	struct effects out = { 0 };

	forward_acked(&f, open_pin, &out);
	expect_none(&out);
	forward_sampled(&f, open_pin, FORWARD_LEVEL_HIGH, &out);
	assert_int_equal(f.phase, FORWARD_SAMPLING);
	assert_int_equal(out.nr, 1);
	assert_int_equal(out.v[0].kind, EFFECT_SAMPLE);

	/* The second answer is fresh. */
	out.nr = 0;
	forward_sampled(&f, open_pin, FORWARD_LEVEL_HIGH, &out);
	assert_int_equal(f.phase, FORWARD_RAISED);

	/* A low is never too old: the host looks itself. */
	f = in_phase(FORWARD_SAMPLE, FORWARD_SAMPLING);
	out.nr = 0;
	forward_unmasked(&f, &out);
	forward_sampled(&f, open_pin, FORWARD_LEVEL_LOW, &out);
	assert_int_equal(f.phase, FORWARD_QUIET);
	assert_int_equal(out.v[0].kind, EFFECT_RESAMPLE);
}

/*
 * scenarios/hostile.json: mask, trigger, unmask, resample, and again.  No ack
 * and no raised line, but a host interrupt each time.
 */
static void masking_and_unmasking_is_throttled_too(void **state)
{
	struct forward f;
	struct effects out = { 0 };

	forward_init(&f, 0, 0, FORWARD_UNMASK, 3);
	for (unsigned int i = 0; i < 3; i++) {
		forward_triggered(&f, masked_pin, &out);
		out.nr = 0;
		forward_unmasked(&f, &out);
	}
	assert_int_equal(out.v[0].kind, EFFECT_SAMPLE);
	forward_sampled(&f, open_pin, FORWARD_LEVEL_HIGH, &out);
	assert_int_equal(f.phase, FORWARD_THROTTLED);
}

static void row_19_cut_while_raised(void **state)
{
	for (unsigned int policy = FORWARD_EOI; policy <= FORWARD_SAMPLE; policy++) {
		struct forward f = in_phase(policy, FORWARD_RAISED);
		struct effects out = { 0 };

		forward_cut(&f, &out);
		assert_int_equal(f.phase, FORWARD_DEFERRED);
		expect_effects(&out, EFFECT_LOWER, EFFECT_DEFER);
		/* what was in service ends; the pin's mask comes and goes */
		forward_acked(&f, open_pin, &out);
		forward_masked(&f, masked_pin, &out);
		forward_unmasked(&f, &out);
		assert_int_equal(f.phase, FORWARD_DEFERRED);
		expect_none(&out);
	}
}

static void a_trigger_while_cut_is_not_believed(void **state)
{
	for (unsigned int policy = FORWARD_EOI; policy <= FORWARD_SAMPLE; policy++) {
		struct forward f = in_phase(policy, FORWARD_QUIET);
		struct effects out = { 0 };

		forward_cut(&f, &out);
		expect_none(&out);
		forward_acked(&f, open_pin, &out);
		forward_unmasked(&f, &out);
		expect_none(&out);
		forward_triggered(&f, open_pin, &out);
		assert_int_equal(f.phase, FORWARD_DEFERRED);
		expect_effects(&out, EFFECT_DEFER);
	}
}

static void rows_20_and_21_join(void **state)
{
	struct forward f = in_phase(FORWARD_UNMASK, FORWARD_DEFERRED);
	struct effects out = { 0 };

	f.cut = true;
	forward_joined(&f, masked_pin, &out);
	assert_int_equal(f.phase, FORWARD_DEFERRED);
	expect_none(&out);

	f.cut = true;
	forward_joined(&f, open_pin, &out);
	assert_int_equal(f.phase, FORWARD_QUIET);
	expect_effects(&out, EFFECT_RESAMPLE);

	f.cut = true;
	forward_joined(&f, open_pin, &out);
	expect_effects(&out, EFFECT_DRAIN);

	f = in_phase(FORWARD_EOI, FORWARD_DEFERRED);
	f.cut = true;
	forward_joined(&f, masked_pin, &out);
	expect_effects(&out, EFFECT_RESAMPLE);
}

static void a_flush_leaves_the_cut(void **state)
{
	struct forward f = in_phase(FORWARD_UNMASK, FORWARD_DEFERRED);
	struct effects out = { 0 };

	f.cut = true;
	forward_flushed(&f, &out);
	assert_true(f.cut);
	expect_effects(&out, EFFECT_RESAMPLE);
}

/*
 * A threaded handler that is not oneshot: nothing masks, so every look finds
 * the line high until the guest's thread gets to run.
 */
static void row_14_a_line_that_stays_high_waits_a_little(void **state)
{
	struct forward f;
	struct effects out = { 0 };

	forward_init(&f, SLOT, PIN, FORWARD_SAMPLE, FORWARD_THROTTLE_AFTER);
	forward_triggered(&f, open_pin, &out);
	for (unsigned int i = 1; i < FORWARD_EASE_AFTER; i++) {
		forward_acked(&f, open_pin, &out);
		forward_sampled(&f, open_pin, FORWARD_LEVEL_HIGH, &out);
		assert_int_equal(f.phase, FORWARD_RAISED);
	}
	forward_acked(&f, open_pin, &out);
	out.nr = 0;
	forward_sampled(&f, open_pin, FORWARD_LEVEL_HIGH, &out);
	assert_int_equal(f.phase, FORWARD_THROTTLED);
	expect_effects(&out, EFFECT_THROTTLE);
	assert_false(forward_storms(&f));
	assert_int_equal(forward_throttle_us(&f), 4 * FORWARD_EASE_AFTER);

	/* Then it is asked of the host, whatever the policy, and believed. */
	forward_timed_out(&f, &out);
	expect_effects(&out, EFFECT_RESAMPLE, EFFECT_THROTTLE);
	assert_int_equal(forward_throttle_us(&f), FORWARD_THROTTLE_US);
	forward_triggered(&f, open_pin, &out);
	assert_int_equal(f.phase, FORWARD_RAISED);

	/* Seen low once, it is believed at once again. */
	forward_acked(&f, open_pin, &out);
	forward_sampled(&f, open_pin, FORWARD_LEVEL_LOW, &out);
	forward_triggered(&f, open_pin, &out);
	forward_acked(&f, open_pin, &out);
	forward_sampled(&f, open_pin, FORWARD_LEVEL_HIGH, &out);
	assert_int_equal(f.phase, FORWARD_RAISED);
}

static void the_wait_grows_until_it_is_a_storm(void **state)
{
	struct forward f = in_phase(FORWARD_UNMASK, FORWARD_THROTTLED);

	f.throttle_after = FORWARD_THROTTLE_AFTER;
	f.refires = 40;
	assert_int_equal(forward_throttle_us(&f), 160);
	f.refires = FORWARD_THROTTLE_AFTER - 1;
	assert_int_equal(forward_throttle_us(&f), FORWARD_EASE_MAX_US);
	assert_false(forward_storms(&f));
	f.refires = FORWARD_THROTTLE_AFTER;
	assert_int_equal(forward_throttle_us(&f), FORWARD_THROTTLE_US);
	assert_true(forward_storms(&f));
	f.throttle_after = 0;
	assert_false(forward_storms(&f));
}

/* Each of its triggers may have been for a line that was low in between. */
static void row_15_an_unreadable_line_waits_for_a_storm_only(void **state)
{
	struct forward f = in_phase(FORWARD_UNMASK, FORWARD_SAMPLING);
	struct effects out = { 0 };

	f.throttle_after = FORWARD_THROTTLE_AFTER;
	f.refires = FORWARD_EASE_AFTER;
	forward_sampled(&f, open_pin, FORWARD_LEVEL_UNKNOWN, &out);
	assert_int_equal(f.phase, FORWARD_QUIET);
	expect_effects(&out, EFFECT_RESAMPLE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(row_1_trigger_unmasked),
		cmocka_unit_test(row_2_trigger_masked_is_not_believed),
		cmocka_unit_test(row_2_policy_eoi_believes),
		cmocka_unit_test(row_3_trigger_when_host_is_masked),
		cmocka_unit_test(row_4_ack_unmasked),
		cmocka_unit_test(row_5_ack_masked),
		cmocka_unit_test(row_5_policy_eoi_looks_at_once),
		cmocka_unit_test(an_ack_is_for_raised_lines_only),
		cmocka_unit_test(row_9_ack_of_a_shared_pin),
		cmocka_unit_test(masking_and_unmasking_is_throttled_too),
		cmocka_unit_test(row_22_an_answer_older_than_the_eoi),
		cmocka_unit_test(rows_6_and_7_mask_while_raised),
		cmocka_unit_test(row_8_unmask_when_deferred),
		cmocka_unit_test(rows_9_and_10_unmask_when_quiet),
		cmocka_unit_test(row_11_sampled_low),
		cmocka_unit_test(rows_12_and_13_sampled_high),
		cmocka_unit_test(row_15_sampled_unknown),
		cmocka_unit_test(a_sample_that_was_overtaken_by_a_flush),
		cmocka_unit_test(rows_14_and_16_a_storm_is_throttled),
		cmocka_unit_test(row_17_a_silent_timeout_lifts_the_throttle),
		cmocka_unit_test(row_18_flush),
		cmocka_unit_test(row_14_a_line_that_stays_high_waits_a_little),
		cmocka_unit_test(the_wait_grows_until_it_is_a_storm),
		cmocka_unit_test(row_15_an_unreadable_line_waits_for_a_storm_only),
		cmocka_unit_test(row_19_cut_while_raised),
		cmocka_unit_test(a_trigger_while_cut_is_not_believed),
		cmocka_unit_test(rows_20_and_21_join),
		cmocka_unit_test(a_flush_leaves_the_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
