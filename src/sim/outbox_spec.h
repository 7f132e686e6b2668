/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's outbox, held against what a list of effects is. */
#ifndef SIM_OUTBOX_SPEC_H
#define SIM_OUTBOX_SPEC_H

#include <stddef.h>

#include "sim/world.h"

unsigned int outbox_spec_steps(const struct outbox *o, struct step *out);
/* Applies the step; does the shipped code obey? */
bool outbox_spec_obeys(struct outbox *o, struct step s);
/* Does the state tell of itself what it should? */
bool outbox_spec_tells(const struct outbox *o);

void outbox_spec_step_text(struct step s, char *buf, size_t n);
void outbox_spec_columns(const struct outbox *o, struct world_columns *out);

#endif
