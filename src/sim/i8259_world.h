/* SPDX-License-Identifier: Apache-2.0 */
/* The pair of 8259 alone against i8259_spec.h: see spec_world.h. */
#ifndef SIM_I8259_WORLD_H
#define SIM_I8259_WORLD_H

#include <stddef.h>

#include "chip/i8259.h"

struct world_config;
struct world_columns;
struct step;

void i8259_world_init(const struct world_config *c, struct i8259 *pic);
unsigned int i8259_world_steps(const struct world_config *c, struct step *out);
/* Applies the step to pic, and says whether that was right. */
bool i8259_world_obeys(const struct world_config *c, struct i8259 *pic,
		       struct step s);
/* Is what pic tells of itself, and gives to any read, right? */
bool i8259_world_tells(const struct i8259 *pic);

void i8259_world_step_text(const struct world_config *c, struct step s,
			   char *buf, size_t n);
void i8259_world_columns(const struct i8259 *pic, struct world_columns *out);

#endif
