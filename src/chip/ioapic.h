/* SPDX-License-Identifier: Apache-2.0 */
/*
 * I/O APIC (82093AA, and the EOI register of the ICH's version 0x20): a pure
 * state machine.  No lock, no clock, no allocation, no pointer.
 *
 * A pin's level is the OR of the bits that its sources drive.  A bit says
 * "asserted", not a voltage: the polarity of a redirection entry is kept for
 * the guest to read back and inverts nothing, as in every virtual IOAPIC.
 *
 * Delivery has one owner, pin_may_deliver(), and one caller, ioapic_settle().
 * Raising, and writing the low word of a redirection entry, settle by
 * themselves.  An EFFECT_ACK does not: the sources of the pin must be heard
 * first (they may lower their line), so whoever drains the ACK calls
 * ioapic_settle() afterwards.
 */
#ifndef CHIP_IOAPIC_H
#define CHIP_IOAPIC_H

#include "chip/effects.h"

#define IOAPIC_PINS_DEFAULT	24
/*
 * Pins whose entries an index of 8 bits reaches: 0x10 … 0xff, two for each.
 * Smaller in the explorer, so that it has chips on both sides of it.
 */
#ifndef IOAPIC_PINS_8_BIT
#define IOAPIC_PINS_8_BIT	120
#endif

#define IOAPIC_MMIO_SIZE	0x1000u	/* one page; registers in its first 0x50 bytes */
#define IOAPIC_VERSION_82093AA	0x11	/* no EOI register */
#define IOAPIC_VERSION_ICH	0x20	/* EOI register at 0x40 */

struct ioapic_pin {
	uint32_t lines;		/* bit n: source n asserts */
	uint16_t dest;		/* redirection entry bits 63:56, extended 55:49 above */
	uint8_t vector;		/* bits 7:0 */
	uint8_t mode;		/* bits 10:8, enum delivery_mode */
	bool logical;		/* bit 11 */
	bool active_low;	/* bit 13: kept, inverts nothing */
	bool remote_irr;	/* bit 14: accepted by a local APIC, EOI not seen */
	bool level;		/* bit 15 */
	bool masked;		/* bit 16 */
	uint8_t in_service;	/* vector as delivered, while remote_irr */
};

struct ioapic {
	uint8_t pins;		/* 1 … IOAPIC_PINS_MAX */
	uint8_t version;	/* IOAPIC_VERSION_… */
	uint8_t id;		/* bits 27:24 of register 0; 82093AA: 4 bits */
	uint16_t select;	/* IOREGSEL: 8 bits, 9 with more than 120 pins */
	struct ioapic_pin pin[IOAPIC_PINS_MAX];
};

void ioapic_init(struct ioapic *ic, unsigned int pins, uint8_t version);

/* Power-on values for all that the guest owns; lines stay as they are driven. */
void ioapic_reset(struct ioapic *ic);

/* Any offset and size that a guest can produce; bytes nobody drives read 0. */
uint64_t ioapic_read(const struct ioapic *ic, uint64_t offset, unsigned int size);
void ioapic_write(struct ioapic *ic, uint64_t offset, uint64_t value,
		  unsigned int size, struct effects *out);

/* A local APIC's EOI broadcast: matches the vector as it was delivered. */
void ioapic_eoi(struct ioapic *ic, uint8_t vector, struct effects *out);

void ioapic_raise(struct ioapic *ic, unsigned int pin, unsigned int source,
		  struct effects *out);
void ioapic_lower(struct ioapic *ic, unsigned int pin, unsigned int source);

/* An edge: delivered if the pin is edge-triggered and unmasked, else dropped. */
void ioapic_pulse(struct ioapic *ic, unsigned int pin, struct effects *out);

/* Deliver now if the pin may.  Due after each drained EFFECT_ACK. */
void ioapic_settle(struct ioapic *ic, unsigned int pin, struct effects *out);

#endif
