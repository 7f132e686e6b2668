/* SPDX-License-Identifier: Apache-2.0 */
#include "explore/world_model.h"

#include <assert.h>
#include <string.h>

_Static_assert(WORLD_PACKED_MAX <= PACKED_MAX, "a world fits");
_Static_assert(WORLD_STEPS_MAX <= EDGES_MAX, "its steps fit");
_Static_assert(WORLD_INITIAL_MAX <= STARTS_MAX, "its starts fit");
_Static_assert(DEVICES_MAX <= VIEWS_MAX, "a view for each device");
_Static_assert(OUTCOME_HANDLER_IDLE < EDGE_WAITING, "flags have bits of their own");

static void pack(const struct world_config *c, const struct world *w,
		 uint8_t out[PACKED_MAX])
{
	/* The packer writes whole words of zeros and ones: the rest is ours. */
	memset(out, 0, PACKED_MAX);
	world_pack(c, w, out);
}

static unsigned int start(const struct model *m,
			  uint8_t out[STARTS_MAX][PACKED_MAX])
{
	struct world w[WORLD_INITIAL_MAX];
	unsigned int nr = world_init(m->world, w);

	for (unsigned int i = 0; i < nr; i++)
		pack(m->world, &w[i], out[i]);
	return nr;
}

/* The states after out->nr steps, of w. */
static void follow(const struct model *m, const struct world *w,
		   const struct step *steps, struct expansion *out)
{
	const struct world_config *c = m->world;
	uint8_t waiting = 0;

	if (m->cycle_rules && world_guest_has_interrupt(c, w))
		waiting = EDGE_WAITING;
	for (unsigned int i = 0; i < out->nr; i++) {
		struct edge *e = &out->edge[i];
		struct world next = *w;
		struct outcome o;

		world_apply(c, &next, steps[i], &o);
		e->actor = steps[i].actor;
		e->kind = steps[i].kind;
		e->arg = steps[i].arg;
		e->broken = o.broken;
		e->flags = o.flags | waiting;
		if (steps[i].actor == ACTOR_VCPU0 ||
		    steps[i].actor == ACTOR_VCPU1)
			e->flags |= EDGE_VCPU;
		pack(c, &next, e->packed);
	}
}

static void expand(const struct model *m, const uint8_t *packed,
		   struct expansion *out)
{
	const struct world_config *c = m->world;
	struct step steps[WORLD_STEPS_MAX];
	struct world w;

	world_unpack(c, packed, &w);
	out->nr = world_steps(c, &w, steps);
	out->quiet = steps_are_quiescent(steps, out->nr);
	out->broken = (uint8_t)world_check(c, &w, out->quiet);
	follow(m, &w, steps, out);
}

/* The steps of one device and of what belongs to it. */
static void expand_view(const struct model *m, unsigned int view,
			const uint8_t *packed, struct expansion *out)
{
	const struct world_config *c = m->world;
	struct step steps[WORLD_STEPS_MAX];
	struct world w;
	unsigned int nr;

	world_unpack(c, packed, &w);
	nr = world_steps(c, &w, steps);
	out->nr = 0;
	for (unsigned int i = 0; i < nr; i++)
		if (world_step_device(steps[i]) == view)
			steps[out->nr++] = steps[i];
	out->quiet = steps_are_quiescent(steps, out->nr);
	out->broken = (uint8_t)world_check(c, &w, false);
	follow(m, &w, steps, out);
}

/*
 * no-storm: host interrupts for ever, and nothing that a device or a guest
 * driver does in between.  progress: a vCPU runs for ever, and always has an
 * interrupt to take, and never takes one.
 */
static const struct cycle_rule rules[] = {
	{ .property = PROPERTY_NO_STORM,
	  .never = OUTCOME_PROGRESS,
	  .some = OUTCOME_HOST_IRQ },
	{ .property = PROPERTY_PROGRESS,
	  .never = OUTCOME_TOOK,
	  .always = EDGE_WAITING,
	  .some = EDGE_VCPU },
};

struct model world_model(const struct world_config *c)
{
	struct model m = {
		.world = c,
		.size = world_packed_size(c),
		.start = start,
		.expand = expand,
		.expand_view = expand_view,
	};

	if (world_is_separable(c)) {
		m.views = c->devices;
		for (unsigned int d = 0; d < m.views; d++)
			m.view[d] = world_device_words(c, d);
	}

	for (unsigned int i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (c->properties & PROPERTY_BIT(rules[i].property))
			m.cycle_rule[m.cycle_rules++] = rules[i];
	return m;
}

uint16_t world_cycle_properties(void)
{
	uint16_t properties = 0;

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		properties |= PROPERTY_BIT(rules[i].property);
	return properties;
}

void world_model_unpack(const struct model *m, const uint8_t *packed,
			struct world *out)
{
	world_unpack(m->world, packed, out);
}
