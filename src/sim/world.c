/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/world.h"

#include <stdio.h>
#include <string.h>

enum { RAISE, HOST_IRQ, GUEST_ACK, GUEST_UNMASK };

unsigned int world_init(const struct world_config *c,
			struct world out[WORLD_INITIAL_MAX])
{
	out[0] = (struct world){ .left = c->assertions };
	return 1;
}

unsigned int world_steps(const struct world_config *c, const struct world *w,
			 struct step out[WORLD_STEPS_MAX])
{
	unsigned int nr = 0;

	if (w->left && !w->line)
		out[nr++] = (struct step){ ACTOR_DEVICE, RAISE, 0 };
	if (w->line && !w->masked)
		out[nr++] = (struct step){ ACTOR_HOST, HOST_IRQ, 0 };
	if (w->pending && w->line)
		out[nr++] = (struct step){ ACTOR_VCPU0, GUEST_ACK, 0 };
	if (w->pending && !w->line)
		out[nr++] = (struct step){ ACTOR_VCPU0, GUEST_UNMASK, 0 };
	return nr;
}

void world_apply(const struct world_config *c, struct world *w, struct step s,
		 struct outcome *o)
{
	*o = (struct outcome){ 0 };
	switch (s.kind) {
	case RAISE:
		w->left--;
		w->line = true;
		o->flags = OUTCOME_PROGRESS;
		break;
	case HOST_IRQ:
		w->masked = w->pending = true;
		o->flags = OUTCOME_HOST_IRQ;
		break;
	case GUEST_ACK:
		w->line = false;
		o->flags = OUTCOME_PROGRESS | OUTCOME_HANDLER_REAL;
		break;
	case GUEST_UNMASK:
		w->masked = w->pending = false;
		break;
	}
}

unsigned int world_packed_size(const struct world_config *c)
{
	return 1;
}

unsigned int world_pack(const struct world_config *c, const struct world *w,
			uint8_t out[WORLD_PACKED_MAX])
{
	out[0] = (uint8_t)(w->left << 3 | w->line << 2 | w->masked << 1 |
			   w->pending);
	return 1;
}

void world_unpack(const struct world_config *c, const uint8_t *in,
		  struct world *w)
{
	*w = (struct world){ in[0] >> 3, in[0] >> 2 & 1, in[0] >> 1 & 1,
			     in[0] & 1 };
}

bool world_quiescent(const struct world_config *c, const struct world *w)
{
	struct step s[WORLD_STEPS_MAX];

	return steps_are_quiescent(s, world_steps(c, w, s));
}

enum property world_check(const struct world_config *c, const struct world *w,
			  bool quiescent)
{
	return quiescent && w->line ? PROPERTY_NO_LOST : PROPERTY_NONE;
}

bool world_guest_has_interrupt(const struct world_config *c,
			       const struct world *w)
{
	return w->pending;
}

const char *world_actor_name(uint8_t actor)
{
	static const char *const names[ACTOR_NR] = {
		"device", "whim", "host", "engine", "kvm", "vmm", "timer",
		"vcpu0", "vcpu1", "thread",
	};

	return actor < ACTOR_NR ? names[actor] : "?";
}

void world_step_text(const struct world_config *c, struct step s, char *buf,
		     size_t n)
{
	static const char *const names[] = { "asserts", "takes the interrupt",
					     "device ack", "unmasks" };

	snprintf(buf, n, "%s", names[s.kind]);
}

void world_columns(const struct world_config *c, const struct world *w,
		   struct world_columns *out)
{
	memset(out, 0, sizeof(*out));
	strcpy(out->line, w->line ? "H" : "L");
	strcpy(out->host, w->masked ? "masked" : "-");
	strcpy(out->pin, w->pending ? "L..." : "....");
	strcpy(out->driver, "-");
}
