/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the search asks of a world: its first states, and what may follow a
 * state.  A state is a fixed number of canonical bytes: two states are one if,
 * and only if, their bytes are equal.
 *
 * Both functions are pure, and called by several threads at once.
 */
#ifndef EXPLORE_MODEL_H
#define EXPLORE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#define PACKED_MAX	64	/* bytes of a state; a multiple of 8 */
#define EDGES_MAX	64	/* steps that are possible in one state */
#define STARTS_MAX	16
#define CYCLE_RULES_MAX	4
#define VIEWS_MAX	2

/* One step out of a state. */
struct edge {
	uint8_t actor, kind, arg;	/* the step, as the world names it */
	uint8_t broken;		/* safety property that the step breaks; 0: none */
	uint8_t flags;		/* bits that the cycle rules are about */
	uint8_t packed[PACKED_MAX];	/* the state after it */
};

/* Everything about one state: which property it breaks, what may follow. */
struct expansion {
	uint8_t broken;		/* property that the state breaks; 0: none */
	bool quiet;		/* of a view: see expand_view */
	unsigned int nr;
	struct edge edge[EDGES_MAX];
};

/*
 * A property about cycles.  It is broken by a cycle of steps none of which has
 * a flag of `never`, all of which have all flags of `always`, and at least one
 * of which has a flag of `some`.
 */
struct cycle_rule {
	uint8_t property;
	uint8_t never;
	uint8_t always;
	uint8_t some;
};

struct model {
	const void *world;	/* the world's own configuration */
	unsigned int size;	/* bytes of a state, 1 … PACKED_MAX */
	unsigned int (*start)(const struct model *m,
			      uint8_t out[STARTS_MAX][PACKED_MAX]);
	/* Bytes of `packed` from size on are 0, and must be in each edge's. */
	void (*expand)(const struct model *m, const uint8_t *packed,
		       struct expansion *out);
	/*
	 * A model may deal its steps out to views: sets of words of the packed
	 * state, by a mask.  A view's steps, what they break, and their flags
	 * depend on the view's words and on nothing else, and a step changes
	 * none but them.  What a state itself breaks must show in a view, too,
	 * or break in no state but those that are quiet in every view.
	 *
	 * expand_view() gets a state of which only the view's words are real.
	 * 0 views: steps cannot be told apart.
	 */
	unsigned int views;
	uint8_t view[VIEWS_MAX];
	void (*expand_view)(const struct model *m, unsigned int view,
			    const uint8_t *packed, struct expansion *out);
	unsigned int cycle_rules;
	struct cycle_rule cycle_rule[CYCLE_RULES_MAX];
};

#endif
