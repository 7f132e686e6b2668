/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A forward a second time, as the rows of a table: in these phases, on this
 * event, if these facts are so, it goes there, and says that.  The explorer holds
 * the shipped one against it (spec_world.h).
 */
#ifndef SIM_FORWARD_SPEC_H
#define SIM_FORWARD_SPEC_H

#include <stddef.h>

#include "forward/forward.h"

struct world_config;
struct world_columns;
struct step;

void forward_spec_init(const struct world_config *c, struct forward *f);
unsigned int forward_spec_steps(struct step *out);
/* Applies the step to f, and says whether that was right. */
bool forward_spec_obeys(const struct world_config *c, struct forward *f,
			struct step s);
/* Is what f tells of itself, without an event, right? */
bool forward_spec_tells(const struct forward *f);

void forward_spec_step_text(struct step s, char *buf, size_t n);
void forward_spec_columns(const struct forward *f, struct world_columns *out);

#endif
