/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Breadth-first search over every interleaving of a model.
 *
 * Level by level: all states at distance n are expanded before any at n + 1,
 * and a level is finished even when something broke in it.  So the verdict, the
 * number of states and the counterexample are the same however many threads
 * work.  Limits cut a level short; then the verdict is "not finished".
 */
#ifndef EXPLORE_SEARCH_H
#define EXPLORE_SEARCH_H

#include <stdio.h>

#include "explore/model.h"
#include "explore/store.h"

struct search_options {
	unsigned int workers;	/* threads; 0: one for each CPU */
	uint64_t max_states;	/* 0: no limit */
	uint64_t max_memory;	/* bytes; 0: no limit */
	double seconds;		/* 0: no limit */
	uint32_t properties;	/* bit n: property n is looked at */
	bool keep_going;	/* past what broke, to the end */
	bool lossy;		/* keep hashes of states, not states */
	unsigned int check_one_in;	/* see memo.h; 0: MEMO_CHECK_ONE_IN */
	FILE *progress;		/* a line a second after 2 s; NULL: none */
};

enum search_end {
	SEARCH_HOLDS,		/* every reachable state was looked at */
	SEARCH_BROKEN,
	SEARCH_MAX_STATES,
	SEARCH_MAX_MEMORY,
	SEARCH_TIME,
};

/* Where a property broke: in a state, or by a step out of it. */
struct violation {
	uint8_t property;	/* 0: nothing broke */
	bool by_step;
	uint16_t edge;		/* the step's place in the expansion */
	unsigned int level;	/* of the state */
	uint8_t packed[PACKED_MAX];	/* the state */
};

struct search_result {
	enum search_end end;
	struct violation violation;
	uint64_t states;
	uint64_t transitions;
	unsigned int depth;	/* level of the farthest state */
	bool cycles_searched;
	bool views;		/* the model's views were used, and are right */
	double seconds;
	size_t bytes;		/* of memory at the end, with the widest level */
};

/* The store stays, for cycles and counterexamples.  0 or -errno. */
int search_run(const struct model *m, const struct search_options *options,
	       struct store *store, struct search_result *out);

/* Threads that options ask for. */
unsigned int search_workers(const struct search_options *options);

/* Orders violations: the first is the one to report. */
bool violation_before(const struct violation *a, const struct violation *b);

#endif
