/* SPDX-License-Identifier: Apache-2.0 */
#include "toy_worlds.h"

#include <string.h>

static const struct toy *toy_of(const struct model *m)
{
	return m->world;
}

static unsigned int start_zero(const struct model *m,
			       uint8_t out[STARTS_MAX][PACKED_MAX])
{
	memset(out[0], 0, PACKED_MAX);
	return 1;
}

static struct edge *add(struct expansion *out, const uint8_t *packed,
			unsigned int actor, unsigned int kind)
{
	struct edge *e = &out->edge[out->nr++];

	memset(e, 0, sizeof(*e));
	e->actor = (uint8_t)actor;
	e->kind = (uint8_t)kind;
	memcpy(e->packed, packed, PACKED_MAX);
	return e;
}

static void count(const struct model *m, const uint8_t *packed,
		  unsigned int from, unsigned int to, bool stops,
		  struct expansion *out)
{
	const struct toy *t = toy_of(m);

	out->nr = 0;
	out->broken = 0;
	out->quiet = false;
	for (unsigned int i = from; i < to; i++) {
		struct edge *e;

		if (stops && i == t->nr - 1 && packed[0] == 1)
			continue;
		e = add(out, packed, i, 0);
		e->packed[i] = (uint8_t)((packed[i] + 1u) % t->modulo);
		if (!e->packed[i])
			e->flags = TOY_PROGRESS;
	}
}

static void counters_expand(const struct model *m, const uint8_t *packed,
			    struct expansion *out)
{
	count(m, packed, 0, toy_of(m)->nr, false, out);
}

static void counters_expand_view(const struct model *m, unsigned int view,
				 const uint8_t *packed, struct expansion *out)
{
	if (view)
		count(m, packed, 8, toy_of(m)->nr, false, out);
	else
		count(m, packed, 0, 8, false, out);
}

static void lying_expand(const struct model *m, const uint8_t *packed,
			 struct expansion *out)
{
	count(m, packed, 0, toy_of(m)->nr, true, out);
}

struct model toy_counters(const struct toy *t)
{
	return (struct model){
		.world = t,
		.size = t->nr,
		.start = start_zero,
		.expand = counters_expand,
		.cycle_rules = 1,
		.cycle_rule = { { .property = TOY_PROPERTY_CYCLE,
				  .never = TOY_PROGRESS,
				  .some = 0xff } },
	};
}

struct model toy_counters_in_views(const struct toy *t)
{
	struct model m = toy_counters(t);

	m.views = 2;
	m.view[0] = 1;
	m.view[1] = 0xfe;
	m.expand_view = counters_expand_view;
	return m;
}

struct model toy_counters_lying(const struct toy *t)
{
	struct model m = toy_counters_in_views(t);

	m.expand = lying_expand;
	return m;
}

enum { THINKS, HAS_FIRST, EATS };

/* Does philosopher i hold the fork on his left (side 0) or right (side 1)? */
static bool holds(const struct toy *t, const uint8_t *packed, unsigned int i,
		  unsigned int side, bool last_is_right)
{
	bool right_first = last_is_right && i == t->nr - 1;

	return packed[i] == EATS ||
	       (packed[i] == HAS_FIRST && side == right_first);
}

static bool fork_free(const struct toy *t, const uint8_t *packed,
		      unsigned int i, unsigned int side, bool last_is_right)
{
	unsigned int other = (side ? i + 1 : i + t->nr - 1) % t->nr;

	return !holds(t, packed, other, !side, last_is_right);
}

static void philosophers(const struct model *m, const uint8_t *packed,
			 struct expansion *out, bool last_is_right)
{
	const struct toy *t = toy_of(m);

	out->nr = 0;
	for (unsigned int i = 0; i < t->nr; i++) {
		bool right_first = last_is_right && i == t->nr - 1;
		unsigned int side = packed[i] == THINKS ? right_first
							: !right_first;

		if (packed[i] == EATS)
			add(out, packed, i, 2)->packed[i] = THINKS;
		else if (fork_free(t, packed, i, side, last_is_right))
			add(out, packed, i, packed[i])->packed[i]++;
	}
	out->broken = out->nr ? 0 : TOY_PROPERTY_STATE;
}

static void left_expand(const struct model *m, const uint8_t *packed,
			struct expansion *out)
{
	philosophers(m, packed, out, false);
}

static void right_expand(const struct model *m, const uint8_t *packed,
			 struct expansion *out)
{
	philosophers(m, packed, out, true);
}

struct model toy_philosophers(const struct toy *t)
{
	return (struct model){ .world = t, .size = t->nr,
			       .start = start_zero, .expand = left_expand };
}

struct model toy_philosophers_right(const struct toy *t)
{
	return (struct model){ .world = t, .size = t->nr,
			       .start = start_zero, .expand = right_expand };
}

/* Byte 0: the rung; byte 1: the place in a cycle that hangs off it. */
static void ladder_expand(const struct model *m, const uint8_t *packed,
			  struct expansion *out)
{
	const struct toy *t = toy_of(m);
	struct edge *e;

	out->nr = 0;
	out->broken = 0;
	if (packed[0] < t->nr && !packed[1]) {
		e = add(out, packed, 0, 0);
		e->packed[0]++;
		if (e->packed[0] == t->nr)
			e->broken = TOY_PROPERTY_STEP;
	}
	if (packed[0] == t->nr) {
		e = add(out, packed, 1, packed[1]);
		e->packed[1] = (uint8_t)((packed[1] + 1) % 3);
		e->flags = packed[1] == 1 ? TOY_NOISE : 0;
	}
	if (packed[0] == 2) {
		e = add(out, packed, 2, packed[1]);
		e->packed[1] = (uint8_t)((packed[1] + 1) % 2);
		e->flags = packed[1] ? TOY_NOISE : TOY_PROGRESS;
	}
}

struct model toy_ladder(const struct toy *t)
{
	return (struct model){
		.world = t,
		.size = 2,
		.start = start_zero,
		.expand = ladder_expand,
		.cycle_rules = 2,
		.cycle_rule = { { .property = TOY_PROPERTY_CYCLE,
				  .never = TOY_PROGRESS,
				  .some = TOY_NOISE },
				{ .property = TOY_PROPERTY_OTHER_CYCLE,
				  .always = TOY_NOISE,
				  .some = TOY_NOISE } },
	};
}
