/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's slots, held against a table: what each event does in a slot of each
 * kind; which slot is taken; what is counted.  The forwarder behind them is the
 * shipped one, and wiring_spec.h is about it.
 */
#ifndef SIM_SLOTS_SPEC_H
#define SIM_SLOTS_SPEC_H

#include <stddef.h>

#include "sim/world.h"

void slots_spec_init(const struct world_config *c, struct world *w);
unsigned int slots_spec_steps(const struct world *w, struct step *out);
/* Applies the step; does the shipped code obey? */
bool slots_spec_obeys(const struct world_config *c, struct world *w,
		      struct step s);
/* Does the state tell of itself, and count, what it should? */
bool slots_spec_tells(const struct world *w);

void slots_spec_step_text(struct step s, char *buf, size_t n);
void slots_spec_columns(const struct world *w, struct world_columns *out);

#endif
