/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cycles that break a property, in the graph that a finished search left in its
 * store.  Successors are made again, not stored; strongly connected components
 * (Tarjan, without recursion) of the steps that the rule allows.
 *
 * Fairness: none is assumed.  A cycle counts if it can be gone through for ever
 * with the steps that are in it, whoever else could have acted meanwhile.
 */
#ifndef EXPLORE_CYCLES_H
#define EXPLORE_CYCLES_H

#include "explore/path.h"

struct cycles_options {
	unsigned int workers;
	uint64_t max_memory;	/* bytes, with the store; 0: no limit */
	double seconds;		/* 0: no limit */
};

/*
 * 1: out is the lasso that breaks the rule, its prefix the shortest one to any
 * such cycle.  0: there is none.  -ENOMEM: more than max_memory; -ETIME; other
 * -errno.  seconds: what it took is added.
 */
int cycles_search(const struct model *m, const struct store *store,
		  const struct cycle_rule *rule,
		  const struct cycles_options *options, struct path *out,
		  double *seconds);

#endif
