/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counterexamples: from a state in the store back to a start.
 *
 * A parent is not stored: it is looked for among the states of the level
 * before, whose successors are made again.  Of several parents the choice is
 * fixed, so the sequence does not depend on the threads.
 */
#ifndef EXPLORE_PATH_H
#define EXPLORE_PATH_H

#include "explore/model.h"
#include "explore/search.h"
#include "explore/store.h"

struct path_step {
	uint8_t actor, kind, arg;
};

/* A sequence of steps, and, for a cycle, where it begins to repeat. */
struct path {
	uint8_t property;	/* that it breaks */
	bool by_step;		/* the last step breaks it, not the last state */
	bool loops;
	unsigned int start;	/* which of the model's starts */
	unsigned int loop;	/* loops: the first step of the cycle */
	unsigned int nr;
	struct path_step *step;	/* malloced */
};

/* Shortest way to the state `packed`, found at `level`.  0 or -errno. */
int path_to(const struct model *m, const struct store *store,
	    const uint8_t *packed, unsigned int level, unsigned int workers,
	    struct path *out);
int path_append(struct path *p, const struct edge *e);
void path_free(struct path *p);

/* Shortest sequence that shows the violation. */
int path_of_violation(const struct model *m, const struct store *store,
		      const struct violation *v, unsigned int workers,
		      struct path *out);

/*
 * Walks the path, and calls visit for the start (step NULL) and for the state
 * after each step.  -EINVAL: a step is not possible where it stands.
 */
typedef void path_visit(void *opaque, unsigned int nr, const struct edge *step,
			const uint8_t *packed);
int path_walk(const struct model *m, const struct path *p, path_visit *visit,
	      void *opaque);

/*
 * Does the path, walked, break p->property where it says?  -EINVAL: a step is
 * not possible; -ENOENT: nothing breaks.
 */
int path_check(const struct model *m, const struct path *p);

#endif
