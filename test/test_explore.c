/* SPDX-License-Identifier: Apache-2.0 */
/* The search, on worlds whose size and faults are known beforehand. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "explore/cycles.h"
#include "explore/path.h"
#include "explore/search.h"
#include "toy_worlds.h"

#define ALL	UINT32_MAX

/* Larger worlds are left out where a sanitizer watches every access. */
#ifndef STATES_MAX
#define STATES_MAX	2000000
#endif

static struct search_result run(const struct model *m, unsigned int workers,
				struct store *store)
{
	struct search_options o = { .workers = workers, .properties = ALL };
	struct search_result r;

	assert_int_equal(search_run(m, &o, store, &r), 0);
	return r;
}

static uint64_t power(uint64_t base, unsigned int exponent)
{
	return exponent ? base * power(base, exponent - 1) : 1;
}

static uint64_t pell_lucas(unsigned int n)
{
	return n == 0 ? 2 : n == 1 ? 2
				   : 2 * pell_lucas(n - 1) + pell_lucas(n - 2);
}

static void test_counters(void **state)
{
	/* From one word of a state to five, and so every shape of the tree. */
	static const struct toy toys[] = { { 1, 200 }, { 3, 10 }, { 6, 5 },
					   { 9, 3 },   { 17, 2 }, { 12, 3 },
					   { 20, 2 },  { 33, 1 } };

	for (unsigned int i = 0; i < sizeof(toys) / sizeof(toys[0]); i++) {
		struct model m = toy_counters(&toys[i]);
		uint64_t states = power(toys[i].modulo, toys[i].nr);
		struct search_result r;
		struct store store;

		if (states > STATES_MAX)
			continue;
		r = run(&m, 1, &store);
		assert_int_equal(r.end, SEARCH_HOLDS);
		assert_int_equal(r.states, states);
		assert_int_equal(r.transitions, states * toys[i].nr);
		assert_int_equal(r.depth, toys[i].nr * (toys[i].modulo - 1));
		store_free(&store);
	}
}

/* The same numbers as without views, and with pairs, where they do not fit. */
static void test_views(void **state)
{
	static const struct toy toys[] = { { 9, 3 }, { 12, 3 },
					   { 17, 2 }, { 20, 2 } };

	for (unsigned int i = 0; i < sizeof(toys) / sizeof(toys[0]); i++) {
		struct model m = toy_counters_in_views(&toys[i]);
		struct search_options o = { .workers = 2, .properties = ALL,
					    .check_one_in = 1 + i };
		uint64_t states = power(toys[i].modulo, toys[i].nr);
		struct search_result r;
		struct store store;

		if (states > STATES_MAX)
			continue;
		assert_int_equal(search_run(&m, &o, &store, &r), 0);
		assert_int_equal(r.states, states);
		assert_int_equal(r.transitions, states * toys[i].nr);
		assert_int_equal(r.depth, toys[i].nr * (toys[i].modulo - 1));
		assert_true(r.views);
		store_free(&store);
	}
}

/* A view that looks beyond its words is found out, and not relied on. */
static void test_lying_view(void **state)
{
	struct toy t = { 12, 3 };
	struct model m = toy_counters_lying(&t), whole = m;
	struct search_result views, direct;
	struct store store;

	whole.views = 0;
	views = run(&m, 2, &store);
	store_free(&store);
	direct = run(&whole, 2, &store);
	store_free(&store);
	assert_false(views.views);
	assert_int_equal(views.end, SEARCH_HOLDS);
	assert_int_equal(views.states, direct.states);
	assert_int_equal(views.transitions, direct.transitions);
	assert_int_equal(views.depth, direct.depth);
	assert_true(direct.transitions < direct.states * t.nr);
}

static void test_philosophers(void **state)
{
	for (unsigned int n = 2; n <= 14; n++) {
		struct toy t = { .nr = n };
		struct model m = toy_philosophers(&t);
		struct search_options o = { .workers = 2 };
		struct search_result r;
		struct store store;

		/* Property 1 not looked at: the whole space. */
		assert_int_equal(search_run(&m, &o, &store, &r), 0);
		assert_int_equal(r.end, SEARCH_HOLDS);
		assert_int_equal(r.states, pell_lucas(n));
		store_free(&store);
	}
}

static void test_right_philosopher_holds(void **state)
{
	struct toy t = { .nr = 10 };
	struct model m = toy_philosophers_right(&t);
	struct store store;
	struct search_result r = run(&m, 2, &store);

	assert_int_equal(r.end, SEARCH_HOLDS);
	store_free(&store);
}

static void test_deadlock_shortest(void **state)
{
	for (unsigned int n = 2; n <= 12; n++) {
		struct toy t = { .nr = n };
		struct model m = toy_philosophers(&t);
		struct store store;
		struct search_result r = run(&m, 2, &store);
		struct path p;

		assert_int_equal(r.end, SEARCH_BROKEN);
		assert_int_equal(r.violation.property, TOY_PROPERTY_STATE);
		assert_int_equal(r.depth, n);
		assert_int_equal(path_of_violation(&m, &store, &r.violation, 2,
						   &p), 0);
		assert_int_equal(p.nr, n);
		assert_false(p.by_step);
		assert_int_equal(path_check(&m, &p), 0);
		path_free(&p);
		store_free(&store);
	}
}

static void test_step_breaks(void **state)
{
	struct toy t = { .nr = 44 };
	struct model m = toy_ladder(&t);
	struct store store;
	struct search_result r = run(&m, 1, &store);
	struct path p;

	assert_int_equal(r.end, SEARCH_BROKEN);
	assert_true(r.violation.by_step);
	assert_int_equal(r.violation.level, t.nr - 1);
	assert_int_equal(path_of_violation(&m, &store, &r.violation, 1, &p), 0);
	assert_int_equal(p.nr, t.nr);
	assert_int_equal(path_check(&m, &p), 0);
	/* One step less shows nothing. */
	p.nr--;
	assert_int_equal(path_check(&m, &p), -ENOENT);
	/* A step that is not possible there is not walked. */
	p.step[0].actor = 9;
	assert_int_equal(path_check(&m, &p), -EINVAL);
	path_free(&p);
	store_free(&store);
}

/* Levels are kept modulo 256: a longer way back must not get lost. */
static void test_path_beyond_256(void **state)
{
	struct toy t = { 2, 250 };
	struct model m = toy_counters(&t);
	struct store store;
	struct search_result r = run(&m, 2, &store);
	uint8_t far[PACKED_MAX] = { 249, 249 };
	struct path p;

	assert_int_equal(r.states, 62500);
	assert_int_equal(r.depth, 498);
	assert_int_equal(path_to(&m, &store, far, 498, 2, &p), 0);
	assert_int_equal(p.nr, 498);
	path_free(&p);
	store_free(&store);
}

/* Same verdict, same numbers, same sequence, whoever is faster. */
static void test_parallel_is_sequential(void **state)
{
	struct toy t = { .nr = 13 };
	struct model m = toy_philosophers(&t);
	struct search_result first = { 0 };
	struct path path = { 0 };

	for (unsigned int workers = 1; workers <= 5; workers++) {
		struct store store;
		struct search_result r = run(&m, workers, &store);
		struct path p;

		assert_int_equal(path_of_violation(&m, &store, &r.violation,
						   workers, &p), 0);
		if (workers == 1) {
			first = r;
			path = p;
		} else {
			assert_int_equal(r.end, first.end);
			assert_int_equal(r.states, first.states);
			assert_int_equal(r.transitions, first.transitions);
			assert_int_equal(r.depth, first.depth);
			assert_int_equal(p.nr, path.nr);
			assert_memory_equal(p.step, path.step,
					    p.nr * sizeof(*p.step));
			path_free(&p);
		}
		store_free(&store);
	}
	path_free(&path);
}

static int lasso(const struct model *m, unsigned int rule, struct path *out)
{
	struct search_options o = { .workers = 1 };
	struct cycles_options c = { .workers = 1 };
	struct search_result r;
	struct store store;
	double seconds = 0;
	int ret;

	assert_int_equal(search_run(m, &o, &store, &r), 0);
	assert_int_equal(r.end, SEARCH_HOLDS);
	ret = cycles_search(m, &store, &m->cycle_rule[rule], &c, out,
			    &seconds);
	store_free(&store);
	return ret;
}

static void test_lasso_found(void **state)
{
	struct toy t = { .nr = 7 };
	struct model m = toy_ladder(&t);
	struct path p;

	/* The cycle on rung 2 makes progress; the one at the end does not. */
	assert_int_equal(lasso(&m, 0, &p), 1);
	assert_int_equal(p.property, TOY_PROPERTY_CYCLE);
	assert_true(p.loops);
	/* Seven rungs, and one step to where the noise begins. */
	assert_int_equal(p.loop, 8);
	assert_int_equal(p.nr, 11);
	assert_int_equal(path_check(&m, &p), 0);
	path_free(&p);
}

static void test_no_lasso(void **state)
{
	struct toy t = { .nr = 7 };
	struct toy counters = { 4, 6 };
	struct model m = toy_ladder(&t);
	struct model n = toy_counters(&counters);
	struct path p;

	/* No cycle is noise all along; every cycle of counters wraps. */
	assert_int_equal(lasso(&m, 1, &p), 0);
	assert_int_equal(lasso(&n, 0, &p), 0);
}

static void test_whole_space_is_a_cycle(void **state)
{
	struct toy t = { 4, 6 };
	struct model m = toy_counters(&t);
	struct path p;

	m.cycle_rule[0].never = 0;
	m.cycle_rule[0].some = TOY_PROGRESS;
	assert_int_equal(lasso(&m, 0, &p), 1);
	/* Nearest wrap: five steps up, the wrap closes the cycle of six. */
	assert_int_equal(p.loop, 5);
	assert_int_equal(p.nr, 11);
	assert_int_equal(path_check(&m, &p), 0);
	path_free(&p);
}

static void test_max_states(void **state)
{
	struct toy t = { STATES_MAX < 1000000 ? 5 : 6, 10 };
	struct model m = toy_counters(&t);
	struct search_options o = { .workers = 2, .properties = ALL,
				    .max_states = 5000 };
	struct search_result r;
	struct store store;

	assert_int_equal(search_run(&m, &o, &store, &r), 0);
	assert_int_equal(r.end, SEARCH_MAX_STATES);
	assert_true(r.states >= 5000);
	assert_true(r.states < 5000 + 2 * 200);
	store_free(&store);
	/* A limit that is just enough is enough. */
	o.max_states = power(t.modulo, t.nr);
	assert_int_equal(search_run(&m, &o, &store, &r), 0);
	assert_int_equal(r.end, SEARCH_HOLDS);
	assert_int_equal(r.states, o.max_states);
	store_free(&store);
}

static void test_max_memory(void **state)
{
	struct toy t = { 6, 10 };
	struct model m = toy_counters(&t);
	struct search_options o = { .workers = 2, .properties = ALL,
				    .max_memory = 1 << 20 };
	struct search_result r;
	struct store store;

	assert_int_equal(search_run(&m, &o, &store, &r), 0);
	assert_int_equal(r.end, SEARCH_MAX_MEMORY);
	assert_true(r.bytes <= 1 << 20);
	assert_true(r.states < 1000000);
	store_free(&store);
}

static void test_time(void **state)
{
	struct toy t = { 10, 10 };
	struct model m = toy_counters(&t);
	struct search_options o = { .workers = 2, .properties = ALL,
				    .seconds = 0.2 };
	struct search_result r;
	struct store store;

	assert_int_equal(search_run(&m, &o, &store, &r), 0);
	assert_int_equal(r.end, SEARCH_TIME);
	assert_true(r.states > 0);
	store_free(&store);
}

static void test_lossy(void **state)
{
	struct toy t = { .nr = 14 };
	struct model m = toy_philosophers(&t);
	struct search_options o = { .workers = 2, .lossy = true,
				    .max_memory = 8 << 20 };
	struct search_result r;
	struct store store;

	assert_int_equal(search_run(&m, &o, &store, &r), 0);
	assert_int_equal(r.end, SEARCH_HOLDS);
	/* About 2^-40 of them may be missing: of 228,486, none. */
	assert_int_equal(r.states, pell_lucas(14));
	store_free(&store);
	/* A table of hashes does not grow. */
	o.max_memory = 100000;
	assert_int_equal(search_run(&m, &o, &store, &r), 0);
	assert_int_equal(r.end, SEARCH_MAX_MEMORY);
	store_free(&store);
}

/* Exact, in less than the 30 bytes a state that the issue of it allows. */
static void test_bytes_per_state(void **state)
{
	struct toy t = { .nr = STATES_MAX < 1000000 ? 14 : 16 };
	struct model m = toy_philosophers(&t);
	struct search_options o = { .workers = 2 };
	struct search_result r;
	struct store store;

	assert_int_equal(search_run(&m, &o, &store, &r), 0);
	assert_int_equal(r.states, pell_lucas(t.nr));
	assert_true(r.bytes / r.states < 30);
	store_free(&store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counters),
		cmocka_unit_test(test_views),
		cmocka_unit_test(test_lying_view),
		cmocka_unit_test(test_philosophers),
		cmocka_unit_test(test_right_philosopher_holds),
		cmocka_unit_test(test_deadlock_shortest),
		cmocka_unit_test(test_step_breaks),
		cmocka_unit_test(test_path_beyond_256),
		cmocka_unit_test(test_parallel_is_sequential),
		cmocka_unit_test(test_lasso_found),
		cmocka_unit_test(test_no_lasso),
		cmocka_unit_test(test_whole_space_is_a_cycle),
		cmocka_unit_test(test_max_states),
		cmocka_unit_test(test_max_memory),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_lossy),
		cmocka_unit_test(test_bytes_per_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
