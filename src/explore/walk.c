/* SPDX-License-Identifier: Apache-2.0 */
#include "explore/walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "explore/dict.h"

#define ANY_LENGTH_MAX	150	/* steps: pieces of every length are tried */

/* Counts, and mixes the count: any seed is as good as any other. */
static uint64_t draw(uint64_t *state)
{
	*state += 0x9e3779b97f4a7c15u;
	return dict_mix(*state);
}

uint64_t walk_seed(uint64_t seed, unsigned int nr)
{
	return seed + nr;
}

static uint64_t digest_of(uint64_t digest, const uint8_t *packed)
{
	for (unsigned int i = 0; i < PACKED_MAX; i += 8) {
		uint64_t word;

		memcpy(&word, packed + i, sizeof(word));
		digest = dict_mix(digest ^ word) + i;
	}
	return digest;
}

int walk_run(const struct model *m, uint64_t seed, unsigned int steps,
	     struct walk_result *out)
{
	uint8_t start[STARTS_MAX][PACKED_MAX] = { 0 };
	unsigned int starts = m->start(m, start);
	uint64_t random = dict_mix(seed ^ 0x5851f42d4c957f2du);
	uint8_t packed[PACKED_MAX];
	struct expansion x;
	int ret = 0;

	memset(out, 0, sizeof(*out));
	out->path.start = (unsigned int)(draw(&random) % starts);
	memcpy(packed, start[out->path.start], sizeof(packed));
	for (unsigned int i = 0; !ret; i++) {
		const struct edge *e;

		out->digest = digest_of(out->digest, packed);
		m->expand(m, packed, &x);
		out->property = x.broken;
		out->ended = !x.nr;
		if (x.broken || !x.nr || i == steps)
			break;
		e = &x.edge[draw(&random) % x.nr];
		ret = path_append(&out->path, e);
		out->steps++;
		out->property = e->broken;
		out->path.by_step = e->broken;
		if (e->broken)
			break;
		memcpy(packed, e->packed, sizeof(packed));
	}
	out->path.property = out->property;
	if (ret || !out->property)
		path_free(&out->path);
	return ret;
}

/* The path without `nr` steps from `at` on, if it still breaks the property. */
static bool without(const struct model *m, struct path *p, unsigned int at,
		    unsigned int nr, struct path_step *spare)
{
	struct path shorter = *p;

	if (at + nr > p->nr)
		return false;
	memcpy(spare, p->step, at * sizeof(*spare));
	memcpy(spare + at, p->step + at + nr,
	       (p->nr - at - nr) * sizeof(*spare));
	shorter.step = spare;
	shorter.nr = p->nr - nr;
	if (path_check(m, &shorter))
		return false;
	memcpy(p->step, spare, shorter.nr * sizeof(*spare));
	p->nr = shorter.nr;
	return true;
}

/* A piece of nr steps, wherever one can be taken out. */
static bool without_any(const struct model *m, struct path *p, unsigned int nr,
			struct path_step *spare)
{
	bool any = false;

	for (unsigned int at = 0; at + nr <= p->nr;)
		if (without(m, p, at, nr, spare))
			any = true;
		else
			at++;
	return any;
}

/* A round that the guest makes once too often is of any length. */
static void shrink_by_any_length(const struct model *m, struct path *p,
				 struct path_step *spare)
{
	unsigned int nr = p->nr;

	while (nr > 1 && p->nr <= ANY_LENGTH_MAX)
		nr = without_any(m, p, nr - 1, spare) ? p->nr : nr - 1;
}

unsigned int walk_shrink(const struct model *m, struct path *p)
{
	unsigned int before = p->nr;
	struct path_step *spare = calloc(p->nr + 1, sizeof(*spare));

	if (!spare || p->loops) {
		free(spare);
		return 0;
	}
	/* Long pieces first; a success may make an earlier piece superfluous. */
	for (unsigned int nr = p->nr / 2; nr >= 1;)
		if (!without_any(m, p, nr, spare))
			nr /= 2;
	shrink_by_any_length(m, p, spare);
	free(spare);
	return before - p->nr;
}
