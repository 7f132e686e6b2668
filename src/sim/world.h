/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A world: devices, the host that they interrupt, the code that forwards their
 * interrupts, and the guest.  A state is a plain struct; a step changes it.
 *
 * The forwarding code in it is the shipped one: struct forwarder, compiled
 * again with small bounds.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/property.h"
#include "sim/world_state.h"

#define WORLD_PACKED_MAX	48	/* bytes of the largest state */
#define WORLD_STEPS_MAX		64	/* steps enabled in one state */
#define WORLD_INITIAL_MAX	16	/* initial states of one world */

/*
 * Who acts.  The first two need not act: a state in which nobody else can is
 * quiescent.
 */
enum actor {
	ACTOR_DEVICE,		/* asserts, bounces */
	ACTOR_WHIM,		/* what a guest or an administrator may do, or not */
	ACTOR_HOST,		/* host CPU: interrupt flow, VFIO, its work queues */
	ACTOR_ENGINE,		/* our threads: triggers, effects */
	ACTOR_KVM,		/* KVM's work queues */
	ACTOR_VMM,		/* another VMM's main loop */
	ACTOR_TIMER,
	ACTOR_VCPU0,
	ACTOR_VCPU1,
	ACTOR_THREAD,		/* guest: threads of oneshot interrupts, driver tasks */
	ACTOR_NR,
};

/* One atomic step.  kind and arg belong to world.c. */
struct step {
	uint8_t actor;		/* enum actor */
	uint8_t kind;
	uint8_t arg;
};

/* What happened in a step; for safety, and for the labels of cycles. */
enum outcome_flag {
	OUTCOME_HOST_IRQ = 1 << 0,	/* the host took an interrupt, or signalled a trigger without one */
	OUTCOME_PROGRESS = 1 << 1,	/* a device or a guest driver made progress, or time passed */
	OUTCOME_TOOK = 1 << 2,		/* the guest took an interrupt */
	OUTCOME_HANDLER_REAL = 1 << 3,	/* a guest handler ran and found a cause */
	OUTCOME_HANDLER_IDLE = 1 << 4,	/* a guest handler ran and found none */
};

struct outcome {
	uint8_t broken;		/* enum property, by this step */
	uint8_t flags;		/* enum outcome_flag */
};

/* Fills in what a configuration derives from the rest.  scenario_load() did. */
void world_configure(struct world_config *c);

/* The initial states; returns how many. */
unsigned int world_init(const struct world_config *c,
			struct world out[WORLD_INITIAL_MAX]);

/* The enabled steps, always in the same order; returns how many. */
unsigned int world_steps(const struct world_config *c, const struct world *w,
			 struct step out[WORLD_STEPS_MAX]);

/* The step must be enabled.  Deterministic. */
void world_apply(const struct world_config *c, struct world *w, struct step s,
		 struct outcome *o);

/*
 * Equal states have equal bytes, and the other way round.  Returns the length,
 * which is the same for all states of a world: world_packed_size().
 */
unsigned int world_pack(const struct world_config *c, const struct world *w,
			uint8_t out[WORLD_PACKED_MAX]);
void world_unpack(const struct world_config *c, const uint8_t *in,
		  struct world *w);
unsigned int world_packed_size(const struct world_config *c);

/*
 * In a separable world each step belongs to one device: it looks at, and
 * changes, only that device with its host interrupt, its forward and its pin,
 * and what all share (the queue, the vCPUs, the driver's task).  So it depends
 * on those words of a packed state alone, a bit each.
 */
bool world_is_separable(const struct world_config *c);
unsigned int world_step_device(struct step s);
uint8_t world_device_words(const struct world_config *c, unsigned int d);

/* Could only the device or a whim act?  The second form needs the steps only. */
bool world_quiescent(const struct world_config *c, const struct world *w);

static inline bool steps_are_quiescent(const struct step *s, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		if (s[i].actor > ACTOR_WHIM)
			return false;
	return true;
}

/* The property that this state breaks, among c->properties. */
enum property world_check(const struct world_config *c, const struct world *w,
			  bool quiescent);

/* For cycles: has the guest an interrupt to take in this state? */
bool world_guest_has_interrupt(const struct world_config *c,
			       const struct world *w);

/* ---- text: a line of a counterexample ------------------------------------ */

const char *world_actor_name(uint8_t actor);

/* "takes the interrupt", "writes the mask bit", …; without the actor. */
void world_step_text(const struct world_config *c, struct step s, char *buf,
		     size_t n);

struct world_columns {
	char line[8];		/* level on each device's line: "H", "L" */
	char host[24];		/* host interrupt: masked by whom, eventfds */
	char pin[16];		/* per pin L M R S: line, masked, Remote IRR, service pending */
	char driver[32];	/* guest flow and driver */
};

void world_columns(const struct world_config *c, const struct world *w,
		   struct world_columns *out);

#endif
