/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pair of 8259A that a PC has, with the edge/level registers (ELCR) of the
 * PIIX and later: a pure state machine.  No lock, no clock, no allocation, no
 * pointer.
 *
 * Pins 0 … 7 are the master's, 8 … 15 the slave's.  Pin 2 is the cascade: the
 * slave's output is soldered to it, so a source that drives it drives nothing.
 * A pin's level is the OR of the bits that its sources drive.
 *
 * It emits ACK, MASK and UNMASK for its pins, and no DELIVER: the processor
 * asks.  i8259_output() is the INTR line; when the processor takes the
 * interrupt, i8259_intack() is its INTA cycle.
 */
#ifndef CHIP_I8259_H
#define CHIP_I8259_H

#include "chip/effects.h"

#define I8259_PINS		16
#define I8259_CASCADE		2
#define I8259_CHIP_PINS		8

enum i8259_port {
	I8259_MASTER_COMMAND = 0x20,
	I8259_MASTER_DATA = 0x21,
	I8259_SLAVE_COMMAND = 0xa0,
	I8259_SLAVE_DATA = 0xa1,
	I8259_MASTER_ELCR = 0x4d0,
	I8259_SLAVE_ELCR = 0x4d1,
};

/* Which command word the data port takes next. */
enum i8259_phase {
	I8259_POWER_ON,		/* OCW1; requests nothing until it is initialised */
	I8259_ICW2,
	I8259_ICW3,
	I8259_ICW4,
	I8259_READY,		/* OCW1 */
};

struct i8259_chip {
	uint8_t phase;		/* enum i8259_phase */
	uint8_t latch;		/* edges that came and were not acknowledged */
	uint8_t isr;		/* in service: acknowledged, not EOIed */
	uint8_t imr;		/* OCW1 */
	uint8_t elcr;		/* bit n: input n is level-triggered */
	uint8_t vector;		/* ICW2, bits 7:3 */
	uint8_t lowest;		/* input of the lowest priority; 7 when not rotated */
	bool single;		/* ICW1: no ICW3 follows */
	bool icw4;		/* ICW1: an ICW4 follows */
	bool auto_eoi;		/* ICW4 */
	bool fully_nested;	/* ICW4: special fully nested mode */
	bool rotate_auto_eoi;	/* OCW2 */
	bool special_mask;	/* OCW3 */
	bool read_isr;		/* OCW3: the command port reads ISR, not IRR */
	bool poll;		/* OCW3: the next read acknowledges */
};

struct i8259 {
	uint32_t lines[I8259_PINS];	/* bit n: source n asserts */
	struct i8259_chip chip[2];	/* master, slave */
};

void i8259_init(struct i8259 *pic);

/* Power-on values for all that the guest owns; lines stay as they are driven. */
void i8259_reset(struct i8259 *pic);

void i8259_raise(struct i8259 *pic, unsigned int pin, unsigned int source);
void i8259_lower(struct i8259 *pic, unsigned int pin, unsigned int source);

/* An edge: latched if the pin is edge-triggered, masked or not; else dropped. */
void i8259_pulse(struct i8259 *pic, unsigned int pin);

/* INTR: a request is waiting for the processor. */
bool i8259_output(const struct i8259 *pic);

/*
 * The INTA cycle: returns the vector, and puts its input in service.  With no
 * request left it is the master's spurious vector, and nothing is in service.
 */
uint8_t i8259_intack(struct i8259 *pic, struct effects *out);

/* Bytes at the ports of enum i8259_port; others read 0xff and ignore writes. */
uint8_t i8259_read(struct i8259 *pic, uint16_t port, struct effects *out);
void i8259_write(struct i8259 *pic, uint16_t port, uint8_t value,
		 struct effects *out);

/* Cannot be acknowledged whatever its line: IMR, the cascade's IMR, or ICWs due. */
bool i8259_masked(const struct i8259 *pic, unsigned int pin);
bool i8259_in_service(const struct i8259 *pic, unsigned int pin);

#endif
