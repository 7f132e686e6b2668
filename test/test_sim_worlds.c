/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every scenario that is shipped, walked at random: a state that was packed and
 * unpacked has the same steps as the one that never was, and each step leads
 * both to the same bytes.  So the bytes hold all that matters.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sim/scenario.h"

#define WALKS		40
#define WALK_STEPS	200

static char dir[512];

static struct scenario load(const char *name)
{
	static struct scenario s;
	char path[1024], err[600];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (scenario_load(path, &s, err, sizeof(err)))
		fail_msg("%s", err);
	return s;
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void same_steps(const struct step *a, unsigned int nr_a,
		       const struct step *b, unsigned int nr_b)
{
	assert_int_equal(nr_a, nr_b);
	assert_memory_equal(a, b, nr_a * sizeof(*a));
}

/* One walk; fast or slow packing. */
static void walk(const struct world_config *c, uint32_t seed)
{
	struct world init[WORLD_INITIAL_MAX], kept, packed;
	uint8_t bytes[WORLD_PACKED_MAX], again[WORLD_PACKED_MAX];
	struct step s[WORLD_STEPS_MAX], t[WORLD_STEPS_MAX];

	world_init(c, init);
	kept = init[0];
	for (unsigned int i = 0; i < WALK_STEPS; i++) {
		unsigned int nr = world_steps(c, &kept, s), n;
		struct outcome o, p;
		struct step chosen;

		n = world_pack(c, &kept, bytes);
		assert_int_equal(n, world_packed_size(c));
		world_unpack(c, bytes, &packed);
		assert_int_equal(world_pack(c, &packed, again), n);
		assert_memory_equal(bytes, again, n);
		same_steps(s, nr, t, world_steps(c, &packed, t));
		if (!nr)
			return;
		chosen = s[next_random(&seed) % nr];
		world_apply(c, &kept, chosen, &o);
		world_apply(c, &packed, chosen, &p);
		assert_int_equal(o.broken, p.broken);
		assert_int_equal(o.flags, p.flags);
		assert_int_equal(world_pack(c, &packed, again), n);
		world_pack(c, &kept, bytes);
		assert_memory_equal(bytes, again, n);
	}
}

static void walk_scenario(const char *name)
{
	struct scenario s = load(name);

	for (unsigned int v = 0; v < s.nr; v++) {
		struct world_config *c = &s.variant[v].config;

		for (uint32_t seed = 1; seed <= WALKS; seed++) {
			c->packing.fast = seed % 2 && __builtin_cpu_supports("bmi2");
			walk(c, seed * 7919);
		}
	}
}

static unsigned int for_each_scenario(void (*fn)(const char *name))
{
	DIR *d = opendir(dir);
	struct dirent *e;
	unsigned int nr = 0;

	assert_non_null(d);
	while ((e = readdir(d))) {
		size_t len = strlen(e->d_name);

		if (len < 6 || strcmp(e->d_name + len - 5, ".json"))
			continue;
		fn(e->d_name);
		nr++;
	}
	closedir(d);
	return nr;
}

static void packed_states_behave_the_same(void **state)
{
	assert_true(for_each_scenario(walk_scenario) >= 20);
}

/* The way without BMI2 and the way with it are the same function. */
static void fast_and_slow_packing_are_equal(void **state)
{
	struct scenario s = load("two-pins.json");
	struct world_config *c = &s.variant[1].config;
	struct world init[WORLD_INITIAL_MAX], w;
	uint8_t fast[WORLD_PACKED_MAX], slow[WORLD_PACKED_MAX];
	uint32_t seed = 1;

	if (!__builtin_cpu_supports("bmi2"))
		skip();
	world_init(c, init);
	w = init[0];
	for (unsigned int i = 0; i < 100; i++) {
		struct step steps[WORLD_STEPS_MAX];
		unsigned int nr = world_steps(c, &w, steps);
		struct outcome o;

		if (!nr)
			return;
		world_apply(c, &w, steps[next_random(&seed) % nr], &o);
		c->packing.fast = true;
		world_pack(c, &w, fast);
		c->packing.fast = false;
		world_pack(c, &w, slow);
		assert_memory_equal(fast, slow, world_packed_size(c));
	}
}

/* Applies the enabled step of that actor and text; returns the outcome. */
static struct outcome do_step(const struct world_config *c, struct world *w,
			      const char *actor, const char *text)
{
	struct step s[WORLD_STEPS_MAX];
	unsigned int nr = world_steps(c, w, s);
	struct outcome o;
	char buf[80];

	for (unsigned int i = 0; i < nr; i++) {
		world_step_text(c, s[i], buf, sizeof(buf));
		if (strcmp(world_actor_name(s[i].actor), actor) ||
		    strcmp(buf, text))
			continue;
		world_apply(c, w, s[i], &o);
		return o;
	}
	fail_msg("%s: \"%s\" is not enabled", actor, text);
	return (struct outcome){ 0 };
}

/* Seeds 000 and 001 tell it in this order. */
static const struct {
	const char *actor, *text;
} mails[] = {
	{ "device", "raise: a new cause" },
	{ "host", "host interrupt: automask (DisINTx)" },
	{ "irqfwd", "trigger" },
	{ "irqfwd", "set the route for the EOI" },
	{ "irqfwd", "deliver to the vCPU" },
	{ "vcpu0", "takes the interrupt" },
	{ "vcpu0", "handle_fasteoi_irq: mask" },
	{ "vcpu0", "hard handler: wakes the thread" },
	{ "vcpu0", "EOI, while masked" },
	{ "irqfwd", "resample: VFIO unmask" },	/* too early */
	{ "irqfwd", "trigger" },		/* queued while masked */
	{ "thread", "threaded handler: device ack" },
	{ "thread", "irq_finalize_oneshot: unmask" },
	{ "irqfwd", "deliver to the vCPU" },	/* with the line low */
	{ "vcpu0", "takes the interrupt" },
	{ "vcpu0", "handle_fasteoi_irq: mask" },
	{ "vcpu0", "hard handler: wakes the thread" },
	{ "vcpu0", "EOI, while masked" },
};

static void the_mails_sequence_is_spurious_with_policy_eoi(void **state)
{
	struct scenario s = load("oneshot.json");
	const struct variant *v = scenario_variant(&s, "eoi");
	struct world init[WORLD_INITIAL_MAX], w;
	struct outcome o;

	assert_non_null(v);
	world_init(&v->config, init);
	w = init[0];
	for (size_t i = 0; i < sizeof(mails) / sizeof(mails[0]); i++) {
		o = do_step(&v->config, &w, mails[i].actor, mails[i].text);
		assert_int_equal(o.broken, PROPERTY_NONE);
	}
	o = do_step(&v->config, &w, "thread", "threaded handler: device ack");
	assert_int_equal(o.broken, PROPERTY_NO_SPURIOUS);
	assert_true(o.flags & OUTCOME_HANDLER_IDLE);
}

/* The same guest with policy unmask: nothing is resampled at the EOI. */
static void policy_unmask_waits(void **state)
{
	struct scenario s = load("oneshot.json");
	const struct variant *v = scenario_variant(&s, "unmask");
	const struct world_config *c = &v->config;
	struct world init[WORLD_INITIAL_MAX], w;
	struct step steps[WORLD_STEPS_MAX];

	world_init(c, init);
	w = init[0];
	for (size_t i = 0; i < 9; i++)
		do_step(c, &w, mails[i].actor, mails[i].text);
	assert_int_equal(w.vmm.outbox.nr, 0);
	assert_int_equal(w.forwarder.forward[0].phase, FORWARD_DEFERRED);
	do_step(c, &w, "thread", "threaded handler: device ack");
	do_step(c, &w, "thread", "irq_finalize_oneshot: unmask");
	do_step(c, &w, "irqfwd", "resample: VFIO unmask");
	assert_false(w.host[0].masked);
	assert_int_equal(w.vcpu[0].irr, 0);
	/* all is quiet but the device */
	assert_true(steps_are_quiescent(steps, world_steps(c, &w, steps)));
	assert_int_equal(world_check(c, &w, true), PROPERTY_NONE);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packed_states_behave_the_same),
		cmocka_unit_test(fast_and_slow_packing_are_equal),
		cmocka_unit_test(the_mails_sequence_is_spurious_with_policy_eoi),
		cmocka_unit_test(policy_unmask_waits),
	};

	if (argc < 2) {
		fprintf(stderr, "usage: %s SCENARIO-DIRECTORY\n", argv[0]);
		return 2;
	}
	snprintf(dir, sizeof(dir), "%s", argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
