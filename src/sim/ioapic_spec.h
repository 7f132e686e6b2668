/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The IOAPIC a second time, as the data sheet's tables say it: registers are
 * words of bits, and a mask says which of them a guest may write.  The explorer
 * holds the shipped chip against it (spec_world.h).  Nothing here is shared with
 * src/chip/ioapic.c.
 */
#ifndef SIM_IOAPIC_SPEC_H
#define SIM_IOAPIC_SPEC_H

#include "chip/ioapic.h"

struct ioapic_spec_pin {
	uint32_t low, high;	/* the redirection entry, as a guest reads it */
	uint32_t lines;
	uint32_t served;	/* the vector that the EOI must name; 0: none */
};

struct ioapic_spec {
	uint32_t pins, version;
	uint32_t id, select;	/* registers, as a guest reads them */
	struct ioapic_spec_pin pin[IOAPIC_PINS_MAX];
};

/* What the shipped chip's state means. */
void ioapic_spec_of(const struct ioapic *ic, struct ioapic_spec *out);

uint64_t ioapic_spec_read(const struct ioapic_spec *s, uint64_t offset,
			  unsigned int size);
void ioapic_spec_write(struct ioapic_spec *s, uint64_t offset, uint64_t value,
		       unsigned int size, struct effects *out);
void ioapic_spec_eoi(struct ioapic_spec *s, uint8_t vector,
		     struct effects *out);
void ioapic_spec_line(struct ioapic_spec *s, unsigned int pin,
		      unsigned int source, bool high, struct effects *out);
void ioapic_spec_pulse(struct ioapic_spec *s, unsigned int pin,
		       struct effects *out);
void ioapic_spec_settle(struct ioapic_spec *s, unsigned int pin,
			struct effects *out);
void ioapic_spec_reset(struct ioapic_spec *s);

#endif
