/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pair of 8259 a second time, as the data sheet says it: each input is a
 * record of its own, and priority is a walk from the highest input down that
 * ends where something is in service.  The explorer holds the shipped chip
 * against it (i8259_world.c).  Nothing here is shared with src/chip/i8259.c.
 */
#ifndef SIM_I8259_SPEC_H
#define SIM_I8259_SPEC_H

#include "chip/i8259.h"

struct i8259_spec_input {
	uint32_t lines;
	bool latched, serving, masked, level;
};

struct i8259_spec_chip {
	struct i8259_spec_input in[8];
	uint8_t stage;		/* enum i8259_phase */
	uint8_t highest;	/* the input of the highest priority */
	uint8_t base;
	bool single, icw4, auto_eoi, nested, rotate, special_mask, read_isr, poll;
};

struct i8259_spec {
	struct i8259_spec_chip chip[2];
};

/* What the shipped chip's state means. */
void i8259_spec_of(const struct i8259 *pic, struct i8259_spec *out);

bool i8259_spec_output(const struct i8259_spec *s);
bool i8259_spec_masked(const struct i8259_spec *s, unsigned int pin);
uint8_t i8259_spec_intack(struct i8259_spec *s, struct effects *out);
void i8259_spec_line(struct i8259_spec *s, unsigned int pin,
		     unsigned int source, bool high);
void i8259_spec_pulse(struct i8259_spec *s, unsigned int pin);
uint8_t i8259_spec_read(struct i8259_spec *s, uint16_t port,
			struct effects *out);
void i8259_spec_write(struct i8259_spec *s, uint16_t port, uint8_t value,
		      struct effects *out);
void i8259_spec_reset(struct i8259_spec *s);

#endif
