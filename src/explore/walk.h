/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random walks through a model, for worlds too large to exhaust.  A seed says
 * everything: the same one gives the same walk.  A walk looks at steps and
 * states; it says nothing about cycles.
 */
#ifndef EXPLORE_WALK_H
#define EXPLORE_WALK_H

#include "explore/path.h"

struct walk_result {
	uint64_t steps;		/* taken */
	uint64_t digest;	/* of all states, in order */
	bool ended;		/* nothing could follow the last state */
	uint8_t property;	/* that broke; 0: none */
	struct path path;	/* what was walked, if it broke one */
};

/* 0 or -errno; path_free(&out->path) afterwards. */
int walk_run(const struct model *m, uint64_t seed, unsigned int steps,
	     struct walk_result *out);

/* The seed of run nr (0 …) of a series: the first has the series' own. */
uint64_t walk_seed(uint64_t seed, unsigned int nr);

/*
 * A shorter path that still breaks the same property: steps are left out as
 * long as the rest can be walked and breaks it.  Returns how many went.
 */
unsigned int walk_shrink(const struct model *m, struct path *p);

#endif
