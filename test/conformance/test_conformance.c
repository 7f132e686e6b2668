/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the scenarios on each irqchip, and prints a row for each. */
#include "scenarios.h"

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cmocka.h>

#define SCENARIOS_MAX	64

struct test {
	const struct scenario *scenario;
	const struct irqchip *irqchip;
	struct machine machine;
	bool running;
};

static const struct irqchip *const irqchips[] = {
	&irqchip_kernel,
	&irqchip_split,
	&irqchip_coalesced,
};
#define IRQCHIPS	(sizeof(irqchips) / sizeof(irqchips[0]))

/* ---- running them ------------------------------------------------------- */

/* KVM's IOAPIC resamples at the unmask since Linux 6.3. */
static bool kernel_is_old(void)
{
	struct utsname name;
	unsigned int major = 0, minor = 0;

	uname(&name);
	sscanf(name.release, "%u.%u", &major, &minor);
	return major < 6 || (major == 6 && minor < 3);
}

static const struct expected *expectation(const struct test *t)
{
	if (t->irqchip->ours)
		return &t->scenario->ours;
	return kernel_is_old() ? &t->scenario->old_kernel :
				 &t->scenario->kernel;
}

static int start(void **state)
{
	struct test *t = *state;
	int error = machine_init(&t->machine, t->irqchip);

	t->running = !error;
	if (error)
		printf("# %s\n", t->machine.why);
	return error;
}

static void print_row(const struct test *t)
{
	const struct machine *m = &t->machine;

	printf("# %-7s %-23s handled %3u  host irqs %2u  resamples %2u  "
	       "exits: mmio %3llu eoi %2llu %s\n",
	       t->irqchip->name, t->scenario->name, m->handled,
	       m->device[0].host_irqs + m->device[1].host_irqs,
	       m->device[0].resamples + m->device[1].resamples,
	       (unsigned long long)m->exits[EXIT_MMIO],
	       (unsigned long long)m->exits[EXIT_EOI], m->why);
}

/* The row is printed whatever came of it. */
static int stop(void **state)
{
	struct test *t = *state;
	struct machine *m = &t->machine;

	if (!t->running)
		return 0;
	print_row(t);
	machine_destroy(m);
	return 0;
}

static void run(void **state)
{
	struct test *t = *state;
	struct machine *m = &t->machine;
	const struct expected *e = expectation(t);
	unsigned int host_irqs;

	scenario_forward(m, 0, t->scenario->policy);
	t->scenario->body(m);
	scenario_serve_the_rest(m);
	assert_string_equal(m->why, "");
	host_irqs = m->device[0].host_irqs + m->device[1].host_irqs;
	if (e->handled != ANY)
		assert_int_equal(m->handled, e->handled);
	if (e->host_irqs != ANY)
		assert_int_equal(host_irqs, e->host_irqs);
	if (!t->irqchip->ours)
		return;
	assert_false(m->device[0].causes);	/* nobody waits for the guest */
	machine_settle(m);
	assert_false(m->device[0].automasked);	/* nothing is left masked */
}

/* A peer must be the real thing; ours can be told how this KVM is odd. */
static bool can_run(const struct irqchip *irqchip, const char **why)
{
	struct machine m;

	if (!machine_possible(irqchip, why))
		return false;
	if (machine_init(&m, irqchip)) {
		printf("# %s\n", m.why);
		return true;	/* and fail */
	}
	*why = machine_unfit(&m);
	machine_destroy(&m);
	if (*why && irqchip->ours)
		printf("# %s: its EOI exits are held until the guest's EOI\n",
		       *why);
	return !*why || irqchip->ours;
}

static size_t collect(const struct irqchip *irqchip, struct CMUnitTest *tests,
		      struct test *states)
{
	size_t nr = 0;

	for (size_t s = 0; s < scenarios_nr; s++) {
		assert(nr < SCENARIOS_MAX);
		if (scenarios[s].ours_only && !irqchip->ours)
			continue;
		states[nr] = (struct test){
			.scenario = &scenarios[s],
			.irqchip = irqchip,
		};
		tests[nr] = (struct CMUnitTest){
			.name = scenarios[s].name,
			.test_func = run,
			.setup_func = start,
			.teardown_func = stop,
			.initial_state = &states[nr],
		};
		nr++;
	}
	return nr;
}

static int run_irqchip(const struct irqchip *irqchip)
{
	static struct CMUnitTest tests[SCENARIOS_MAX];
	static struct test states[SCENARIOS_MAX];
	size_t nr = collect(irqchip, tests, states);
	const char *why;

	if (!can_run(irqchip, &why)) {
		printf("1..0 # SKIP %s: %s\n", irqchip->name, why);
		return 0;
	}
	return _cmocka_run_group_tests(irqchip->name, tests, nr, NULL, NULL);
}

/* Arguments: an irqchip, or all; and a pattern of scenarios. */
int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "all";
	int failed = 0;
	bool known = false;

	alarm(140);	/* a guest that hangs must not hang the tests */
	if (argc > 2)
		cmocka_set_test_filter(argv[2]);
	for (size_t c = 0; c < IRQCHIPS; c++) {
		if (strcmp(name, "all") && strcmp(name, irqchips[c]->name))
			continue;
		known = true;
		failed += run_irqchip(irqchips[c]);
	}
	if (!known)
		fprintf(stderr, "no irqchip %s: kernel, split, coalesced or all\n", name);
	return known ? failed : 2;
}
