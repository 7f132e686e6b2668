/* SPDX-License-Identifier: Apache-2.0 */
/* Worlds whose number of states is known, to test the search with. */
#ifndef TOY_WORLDS_H
#define TOY_WORLDS_H

#include "explore/model.h"

struct toy {
	unsigned int nr;	/* counters, philosophers, ring places */
	unsigned int modulo;	/* counters */
};

enum {
	TOY_PROPERTY_STATE = 1,	/* a state breaks it */
	TOY_PROPERTY_STEP = 2,	/* a step breaks it */
	TOY_PROPERTY_CYCLE = 3,
	TOY_PROPERTY_OTHER_CYCLE = 4,
};

enum { TOY_NOISE = 1, TOY_PROGRESS = 2 };

/*
 * nr counters modulo `modulo`, each step increments one: modulo^nr states,
 * nr times as many transitions, farthest state nr * (modulo - 1) away.
 * The wrap is TOY_PROGRESS.  Nothing breaks.
 */
struct model toy_counters(const struct toy *t);

/*
 * The same with two views: the counters of the first word, and the others.  No
 * step is quiet.
 */
struct model toy_counters_in_views(const struct toy *t);

/* And the last counter, in the second view, stops while the first one is 1. */
struct model toy_counters_lying(const struct toy *t);

/*
 * nr philosophers, left fork first: (1 + sqrt 2)^nr + (1 - sqrt 2)^nr states
 * (Pell-Lucas).  All with one fork is a deadlock: TOY_PROPERTY_STATE, nr steps
 * from the start.
 */
struct model toy_philosophers(const struct toy *t);

/* The same, and the last one takes the right fork first: no deadlock. */
struct model toy_philosophers_right(const struct toy *t);

/*
 * A ladder of nr rungs, each a step; from the last one a cycle of three steps,
 * the second of which is TOY_NOISE.  On rung 2 a cycle of two with TOY_PROGRESS
 * in it.  The step onto the last rung breaks TOY_PROPERTY_STEP.
 */
struct model toy_ladder(const struct toy *t);

#endif
