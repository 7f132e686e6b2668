/* SPDX-License-Identifier: Apache-2.0 */
/* A simulated world, as the search sees it. */
#ifndef EXPLORE_WORLD_MODEL_H
#define EXPLORE_WORLD_MODEL_H

#include "explore/model.h"
#include "sim/world.h"

/* Flags of edges: enum outcome_flag, and these two. */
#define EDGE_WAITING	(1u << 6)	/* before the step the guest had an interrupt to take */
#define EDGE_VCPU	(1u << 7)	/* a vCPU's step */

/* c is borrowed. */
struct model world_model(const struct world_config *c);

/* PROPERTY_BITs of what a cycle breaks: no step and no state tells. */
uint16_t world_cycle_properties(void);

/* The world in a state's bytes. */
void world_model_unpack(const struct model *m, const uint8_t *packed,
			struct world *out);

#endif
