/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guards that no world of the explorer and no other test reaches; the mutants
 * (test/mutants/) found them missing.  Each test names its mutant.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "forward/forwarder.h"

#define PIN	5
#define SOURCE	3
#define ENTRY_LEVEL_UNMASKED	0x8041u
#define ENTRY_HIGH(pin)	(0x11u + 2 * (pin))
#define ENTRY_LOW(pin)	(0x10u + 2 * (pin))

static const struct forward_pin unmasked;

static unsigned int count(const struct effects *out, enum effect_kind kind)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < out->nr; i++)
		nr += out->v[i].kind == kind;
	return nr;
}

/* drained-when-not-quiet */
static void test_drained_while_raised(void **state)
{
	struct effects out = { .nr = 0 };
	struct forward f;

	forward_init(&f, SOURCE, PIN, FORWARD_UNMASK, 0);
	forward_triggered(&f, unmasked, &out);
	assert_int_equal(f.phase, FORWARD_RAISED);
	out.nr = 0;
	forward_drained(&f, true, &out);
	assert_int_equal(f.phase, FORWARD_RAISED);
	assert_int_equal(out.nr, 0);
}

/* flush-keeps-refires: a device that starts anew is not throttled for its past */
static void test_flush_forgets_refires(void **state)
{
	struct effects out = { .nr = 0 };
	struct forward f;

	forward_init(&f, SOURCE, PIN, FORWARD_UNMASK, 2);
	for (int i = 0; i < 2; i++) {
		forward_triggered(&f, unmasked, &out);
		forward_flushed(&f, &out);
	}
	forward_triggered(&f, unmasked, &out);
	out.nr = 0;
	forward_acked(&f, unmasked, &out);
	assert_int_equal(count(&out, EFFECT_SAMPLE), 0);
	assert_int_equal(count(&out, EFFECT_RESAMPLE), 1);
}

static void write_register(struct forwarder *fw, uint32_t index, uint32_t value,
			   struct effects *out)
{
	forwarder_write(fw, 0x00, index, 4, out);
	forwarder_write(fw, 0x10, value, 4, out);
}

/* route-when-not-wanted: a backend without routes hears of none */
static void test_no_route_unless_routed(void **state)
{
	for (int routed = 0; routed < 2; routed++) {
		struct effects out = { .nr = 0 };
		struct forwarder fw;

		forwarder_init(&fw, 24, IOAPIC_VERSION_ICH, routed);
		forwarder_add(&fw, SOURCE, PIN, FORWARD_UNMASK, 0);
		write_register(&fw, ENTRY_HIGH(PIN), 0x01000000, &out);
		write_register(&fw, ENTRY_LOW(PIN), ENTRY_LEVEL_UNMASKED, &out);
		out.nr = 0;
		forwarder_trigger(&fw, SOURCE, &out);
		assert_int_equal(count(&out, EFFECT_DELIVER), 1);
		assert_int_equal(count(&out, EFFECT_ROUTE), routed);
	}
}

static struct message route_of(const struct effects *out)
{
	for (unsigned int i = 0; i < out->nr; i++)
		if (out->v[i].kind == EFFECT_ROUTE)
			return out->v[i].msg;
	return (struct message){ .dest = UINT16_MAX };
}

/* route-message-differs-only: a new destination alone needs a new route */
static void test_route_follows_destination(void **state)
{
	struct effects out = { .nr = 0 };
	struct forwarder fw;

	forwarder_init(&fw, 24, IOAPIC_VERSION_ICH, true);
	forwarder_add(&fw, SOURCE, PIN, FORWARD_UNMASK, 0);
	write_register(&fw, ENTRY_LOW(PIN), ENTRY_LEVEL_UNMASKED, &out);
	for (uint16_t dest = 1; dest <= 2; dest++) {
		write_register(&fw, ENTRY_HIGH(PIN), (uint32_t)dest << 24, &out);
		out.nr = 0;
		forwarder_trigger(&fw, SOURCE, &out);
		assert_int_equal(route_of(&out).dest, dest);
		forwarder_eoi(&fw, 0x41, &out);
	}
}

/* unused-forward-told: a source that was removed is not drained */
static void test_removed_is_not_drained(void **state)
{
	struct effects out = { .nr = 0 };
	struct forwarder fw;

	forwarder_init(&fw, 24, IOAPIC_VERSION_ICH, false);
	forwarder_add(&fw, SOURCE, PIN, FORWARD_UNMASK, 0);
	write_register(&fw, ENTRY_LOW(PIN), ENTRY_LEVEL_UNMASKED, &out);
	assert_int_equal(count(&out, EFFECT_DRAIN), 1);
	write_register(&fw, ENTRY_LOW(PIN), 0x18041, &out);
	forwarder_remove(&fw, SOURCE, &out);
	out.nr = 0;
	write_register(&fw, ENTRY_LOW(PIN), ENTRY_LEVEL_UNMASKED, &out);
	assert_int_equal(count(&out, EFFECT_UNMASK), 1);
	assert_int_equal(count(&out, EFFECT_DRAIN), 0);
}

/* sampled-high-not-counted: a line that is read high again and again */
static void test_sampled_high_is_throttled(void **state)
{
	struct effects out = { .nr = 0 };
	struct forward f;

	forward_init(&f, SOURCE, PIN, FORWARD_SAMPLE, 3);
	forward_triggered(&f, unmasked, &out);
	for (int i = 0; i < 2; i++) {
		forward_acked(&f, unmasked, &out);
		forward_sampled(&f, unmasked, FORWARD_LEVEL_HIGH, &out);
		assert_int_equal(f.phase, FORWARD_RAISED);
	}
	forward_acked(&f, unmasked, &out);
	forward_sampled(&f, unmasked, FORWARD_LEVEL_HIGH, &out);
	assert_int_equal(f.phase, FORWARD_THROTTLED);
	assert_int_equal(count(&out, EFFECT_THROTTLE), 1);
}

/* unmask-leaves-level-fresh: what was read before an unmask is read again */
static void test_level_read_before_unmask(void **state)
{
	struct effects out = { .nr = 0 };
	struct forward f;

	forward_init(&f, SOURCE, PIN, FORWARD_SAMPLE, 0);
	forward_triggered(&f, unmasked, &out);
	forward_acked(&f, unmasked, &out);
	assert_int_equal(f.phase, FORWARD_SAMPLING);
	forward_unmasked(&f, &out);
	out.nr = 0;
	forward_sampled(&f, unmasked, FORWARD_LEVEL_HIGH, &out);
	assert_int_equal(count(&out, EFFECT_RAISE), 0);
	assert_int_equal(count(&out, EFFECT_SAMPLE), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drained_while_raised),
		cmocka_unit_test(test_flush_forgets_refires),
		cmocka_unit_test(test_no_route_unless_routed),
		cmocka_unit_test(test_route_follows_destination),
		cmocka_unit_test(test_removed_is_not_drained),
		cmocka_unit_test(test_sampled_high_is_throttled),
		cmocka_unit_test(test_level_read_before_unmask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
