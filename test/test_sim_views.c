/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Separable worlds: the steps of a device depend on nothing of the other one.
 * Each world is searched with every state expanded both ways: from its views,
 * and as a whole (explore/memo.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "explore/search.h"
#include "explore/world_model.h"
#include "sim/scenario.h"

static char dir[512];

/* Two devices on two pins, as the policy unmask has them. */
static struct world_config two_pins(void)
{
	static struct scenario s;
	char path[1024], err[600];
	struct world_config c;

	snprintf(path, sizeof(path), "%s/two-pins.json", dir);
	if (scenario_load(path, &s, err, sizeof(err)))
		fail_msg("%s", err);
	c = scenario_variant(&s, "unmask")->config;
	assert_int_equal(c.devices, 2);
	assert_int_equal(c.pins, 2);
	c.vcpus = 1;
	c.disables = 0;
	return c;
}

/* Whatever breaks in it: the whole space is searched. */
static void views_are_exact(struct world_config c)
{
	struct search_options o = { .workers = 2, .keep_going = true,
				    .check_one_in = 1,
				    .max_states = STATES_MAX };
	struct search_result r;
	struct model m;
	struct store store;

	world_configure(&c);
	assert_true(world_is_separable(&c));
	m = world_model(&c);
	assert_int_equal(m.views, 2);
	assert_int_equal(search_run(&m, &o, &store, &r), 0);
	assert_true(r.views);
	assert_true(r.states > 100);
	store_free(&store);
}

static void test_policies(void **state)
{
	struct world_config c = two_pins();

	for (unsigned int p = FORWARD_EOI; p <= FORWARD_SAMPLE; p++) {
		c.policy = (uint8_t)p;
		views_are_exact(c);
	}
	c.throttle = 2;
	views_are_exact(c);
}

static void test_flows(void **state)
{
	struct world_config c = two_pins();

	for (unsigned int f = FLOW_FASTEOI; f <= FLOW_EDGE; f++) {
		c.flow = (uint8_t)f;
		c.vfio.mode = f == FLOW_EDGE ? VFIO_MSI : VFIO_PCI_2_3;
		views_are_exact(c);
	}
}

static void test_hosts(void **state)
{
	for (unsigned int mode = VFIO_PCI_2_3; mode <= VFIO_PLATFORM; mode++) {
		struct world_config c = two_pins();

		c.vfio.mode = (uint8_t)mode;
		c.properties |= PROPERTY_BIT(PROPERTY_ONCE);
		c.bounces = 1;
		views_are_exact(c);
		c.bounces = 0;
		c.vfio.late_signal = true;
		views_are_exact(c);
		c.vfio.irqchip = HOST_IRQCHIP_LATCH;
		views_are_exact(c);
	}
}

static void test_kvm(void **state)
{
	for (unsigned int kind = KVM_6_1; kind <= KVM_HWIRQ; kind++) {
		struct world_config c = two_pins();

		c.irqchip = IRQCHIP_KVM;
		c.kvm = (uint8_t)kind;
		if (kind == KVM_HWIRQ)
			c.vfio.mode = VFIO_HWIRQ;
		if (kind == KVM_FIRST_PATCH)
			assert_false(world_is_separable(&c));
		else
			views_are_exact(c);
	}
}

static void test_driver(void **state)
{
	struct world_config c = two_pins();

	c.disables = 1;
	c.suspends = 1;
	views_are_exact(c);
	c.polls = true;
	c.boots = true;
	views_are_exact(c);
}

static void test_vcpus(void **state)
{
	struct world_config c = two_pins();

	c.vcpus = 2;
	views_are_exact(c);
	c.moves = 1;
	views_are_exact(c);
	c.moves_at_once = true;
	c.fault = VMM_FAULT_ROUTE_ENTRY;
	views_are_exact(c);
}

static void test_whims(void **state)
{
	struct world_config c = two_pins();

	c.cuts = 1;
	views_are_exact(c);
	c.cuts = 0;
	c.opens = 1;
	views_are_exact(c);
	c.opens = 0;
	c.emulated = true;
	c.asserting = true;
	views_are_exact(c);
	c.emulated = false;
	c.hostile = true;
	c.throttle = 2;
	views_are_exact(c);
	c.resets = 1;
	assert_false(world_is_separable(&c));
}

static void test_not_separable(void **state)
{
	struct world_config c = two_pins();

	c.pins = 1;
	assert_false(world_is_separable(&c));
	c.pins = 2;
	assert_true(world_is_separable(&c));
	c.irqchip = IRQCHIP_I8259;
	assert_false(world_is_separable(&c));
	c.irqchip = IRQCHIP_IRQFWD;
	c.kind = WORLD_WINDOW;
	assert_false(world_is_separable(&c));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_flows),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_kvm),
		cmocka_unit_test(test_driver),
		cmocka_unit_test(test_vcpus),
		cmocka_unit_test(test_whims),
		cmocka_unit_test(test_not_separable),
	};

	if (argc < 2)
		return 2;
	snprintf(dir, sizeof(dir), "%s", argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
