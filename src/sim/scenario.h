/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scenario file: a world, and variants of it, each with the verdict that is
 * expected of it.  See docs/scenarios.md.
 */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include "sim/world.h"

#define VARIANTS_MAX	16

struct variant {
	char name[40];			/* "eoi", "unmask", "kvm-6.1", … */
	struct world_config config;
	/* PROPERTY_NONE: all of config.properties hold; else that one fails. */
	enum property expect;
	char note[160];			/* why, for people; may be empty */
};

struct scenario {
	char name[40];			/* file name without .json */
	char title[160];
	char cites[200];		/* the mail or the survey it comes from */
	unsigned int nr;
	struct variant variant[VARIANTS_MAX];
};

/*
 * 0; or -errno, and a sentence in err that names the file, the key, what was
 * found and what is allowed.
 */
int scenario_load(const char *path, struct scenario *out, char *err, size_t n);

/* The variant of that name, or NULL. */
const struct variant *scenario_variant(const struct scenario *s,
				       const char *name);

#endif
