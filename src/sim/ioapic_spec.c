/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/ioapic_spec.h"

#include <string.h>

/* Redirection entry, low word: 82093AA, 3.2.4. */
#define LOW_VECTOR	0x000000ffu
#define LOW_MODE(low)	((low) >> 8 & 7u)
#define LOW_LOGICAL	0x00000800u
#define LOW_POLARITY	0x00002000u
#define LOW_REMOTE_IRR	0x00004000u
#define LOW_TRIGGER	0x00008000u
#define LOW_MASK	0x00010000u

/* What a guest may write: not delivery status, not Remote IRR, not reserved. */
#define LOW_WRITABLE	0x0001afffu
#define HIGH_WRITABLE	0xfffe0000u	/* destination, and its extension */
#define ID_WRITABLE	0x0f000000u
#define SELECT_FEW_PINS		0x000000ffu
#define SELECT_MANY_PINS	0x000001ffu	/* more than 8 bits reach */

#define FIRST_ENTRY	0x10u
#define PAGE_SIZE	0x1000u

static uint32_t low_of(const struct ioapic_pin *p)
{
	uint32_t low = p->vector | (uint32_t)p->mode << 8;

	low |= p->logical * LOW_LOGICAL;
	low |= p->active_low * LOW_POLARITY;
	low |= p->remote_irr * LOW_REMOTE_IRR;
	low |= p->level * LOW_TRIGGER;
	low |= p->masked * LOW_MASK;
	return low;
}

/* All pins that the array has: no event may touch one that the chip has not. */
void ioapic_spec_of(const struct ioapic *ic, struct ioapic_spec *out)
{
	memset(out, 0, sizeof(*out));
	out->pins = ic->pins;
	out->version = ic->version;
	out->id = (uint32_t)ic->id << 24;
	out->select = ic->select;
	for (unsigned int i = 0; i < IOAPIC_PINS_MAX; i++) {
		const struct ioapic_pin *p = &ic->pin[i];

		out->pin[i].low = low_of(p);
		out->pin[i].high = (p->dest & 0xffu) << 24 |
				   (uint32_t)(p->dest >> 8) << 17;
		out->pin[i].lines = p->lines;
		out->pin[i].served = p->in_service;
	}
}

/* ---- delivery ------------------------------------------------------------ */

/* Only fixed and lowest priority can be level-triggered. */
static bool is_level(uint32_t low)
{
	return low & LOW_TRIGGER && LOW_MODE(low) < 2;
}

static struct message message_of(const struct ioapic_spec_pin *p)
{
	return (struct message){
		.dest = (uint16_t)(p->high >> 24 | (p->high >> 17 & 0x7f) << 8),
		.vector = p->low & LOW_VECTOR,
		.mode = (uint8_t)LOW_MODE(p->low),
		.logical = p->low & LOW_LOGICAL,
		.level = is_level(p->low),
	};
}

static void push(struct effects *out, enum effect_kind kind, unsigned int pin)
{
	effects_push(out, (struct effect){ .kind = (uint8_t)kind,
					   .pin = (uint8_t)pin });
}

static void deliver(struct ioapic_spec *s, unsigned int pin,
		    struct effects *out)
{
	struct ioapic_spec_pin *p = &s->pin[pin];

	effects_push(out, (struct effect){ .kind = EFFECT_DELIVER,
					   .pin = (uint8_t)pin,
					   .msg = message_of(p) });
	if (!is_level(p->low))
		return;
	p->low |= LOW_REMOTE_IRR;
	p->served = p->low & LOW_VECTOR;
}

/* An edge counts once, on an edge pin; a level for as long as it is there. */
static void attempt(struct ioapic_spec *s, unsigned int pin, bool edge,
		    struct effects *out)
{
	const struct ioapic_spec_pin *p = &s->pin[pin];
	unsigned int mode = LOW_MODE(p->low);
	bool wants = is_level(p->low) ? p->lines && !(p->low & LOW_REMOTE_IRR)
				      : edge;

	if (wants && !(p->low & LOW_MASK) && mode != 3 && mode != 6)
		deliver(s, pin, out);
}

void ioapic_spec_settle(struct ioapic_spec *s, unsigned int pin,
			struct effects *out)
{
	attempt(s, pin, false, out);
}

void ioapic_spec_line(struct ioapic_spec *s, unsigned int pin,
		      unsigned int source, bool high, struct effects *out)
{
	uint32_t before = s->pin[pin].lines;

	if (!high) {
		s->pin[pin].lines = before & ~(1u << source);
		return;
	}
	s->pin[pin].lines = before | 1u << source;
	attempt(s, pin, before == 0, out);
}

void ioapic_spec_pulse(struct ioapic_spec *s, unsigned int pin,
		       struct effects *out)
{
	if (!is_level(s->pin[pin].low))
		attempt(s, pin, true, out);
}

/* ---- the way back ---------------------------------------------------------- */

static void ack(struct ioapic_spec *s, unsigned int pin, struct effects *out)
{
	s->pin[pin].low &= ~LOW_REMOTE_IRR;
	s->pin[pin].served = 0;
	push(out, EFFECT_ACK, pin);
}

void ioapic_spec_eoi(struct ioapic_spec *s, uint8_t vector,
		     struct effects *out)
{
	for (unsigned int i = 0; i < s->pins; i++)
		if (s->pin[i].low & LOW_REMOTE_IRR &&
		    s->pin[i].served == vector)
			ack(s, i, out);
}

/* The vector as it was delivered, or as the entry has it. */
static void eoi_register(struct ioapic_spec *s, uint32_t vector,
			 struct effects *out)
{
	for (unsigned int i = 0; i < s->pins; i++) {
		uint32_t low = s->pin[i].low;

		if (low & LOW_REMOTE_IRR && (s->pin[i].served == vector ||
					     (low & LOW_VECTOR) == vector))
			ack(s, i, out);
	}
}

/* ---- registers --------------------------------------------------------------- */

static uint32_t merge(uint32_t old, uint32_t value, uint32_t mask)
{
	return (old & ~mask) | (value & mask);
}

static uint32_t indexed_read(const struct ioapic_spec *s)
{
	uint32_t nr = s->select - FIRST_ENTRY;

	if (s->select == 0 || s->select == 2)
		return s->id;	/* and arbitration, loaded with it */
	if (s->select == 1)
		return (s->pins - 1) << 16 | s->version;
	if (s->select < FIRST_ENTRY || nr / 2 >= s->pins)
		return 0;
	return nr % 2 ? s->pin[nr / 2].high : s->pin[nr / 2].low;
}

static void low_written(struct ioapic_spec *s, unsigned int pin, uint32_t new,
			struct effects *out)
{
	uint32_t old = s->pin[pin].low;

	s->pin[pin].low = new;
	if (new & LOW_REMOTE_IRR && !is_level(new))
		ack(s, pin, out);
	if (new & ~old & LOW_MASK)
		push(out, EFFECT_MASK, pin);
	if (old & ~new & LOW_MASK)
		push(out, EFFECT_UNMASK, pin);
	attempt(s, pin, false, out);
}

static void indexed_write(struct ioapic_spec *s, uint32_t value, uint32_t mask,
			  struct effects *out)
{
	uint32_t nr = s->select - FIRST_ENTRY;
	struct ioapic_spec_pin *p = &s->pin[nr / 2 % IOAPIC_PINS_MAX];

	if (s->select == 0)
		s->id = merge(s->id, value, mask & ID_WRITABLE);
	else if (s->select < FIRST_ENTRY || nr / 2 >= s->pins)
		return;
	else if (nr % 2)
		p->high = merge(p->high, value, mask & HIGH_WRITABLE);
	else
		low_written(s, nr / 2,
			    merge(p->low, value, mask & LOW_WRITABLE), out);
}

/* ---- the page ------------------------------------------------------------------ */

/* A page's byte belongs to one of three registers of four bytes, or to none. */
static uint32_t page_read(const struct ioapic_spec *s, uint64_t at)
{
	unsigned int shift = at % 4 * 8;

	if (at / 4 == 0)
		return s->select >> shift & 0xff;
	if (at / 4 == 4)
		return indexed_read(s) >> shift & 0xff;
	return 0;
}

uint64_t ioapic_spec_read(const struct ioapic_spec *s, uint64_t offset,
			  unsigned int size)
{
	uint64_t value = 0;

	for (unsigned int i = size; i--;)
		value = value << 8 |
			(offset < PAGE_SIZE ? page_read(s, offset + i) : 0);
	return value;
}

/* The bytes of an access that fall into the register at base. */
static uint32_t bytes_at(uint64_t base, uint64_t offset, uint64_t value,
			 unsigned int size, uint32_t *mask)
{
	uint32_t word = 0;

	*mask = 0;
	for (unsigned int b = 0; b < 4; b++) {
		uint64_t i = base + b - offset;

		if (base + b < offset || i >= size)
			continue;
		word |= (uint32_t)(value >> 8 * i & 0xff) << 8 * b;
		*mask |= 0xffu << 8 * b;
	}
	return word;
}

void ioapic_spec_write(struct ioapic_spec *s, uint64_t offset, uint64_t value,
		       unsigned int size, struct effects *out)
{
	uint32_t select = s->pins > IOAPIC_PINS_8_BIT ? SELECT_MANY_PINS
						      : SELECT_FEW_PINS;
	uint32_t word, mask;

	if (offset >= PAGE_SIZE)
		return;
	word = bytes_at(0x00, offset, value, size, &mask);
	s->select = merge(s->select, word, mask & select);
	word = bytes_at(0x10, offset, value, size, &mask);
	if (mask)
		indexed_write(s, word, mask, out);
	word = bytes_at(0x40, offset, value, size, &mask);
	if (mask & 0xff && s->version >= 0x20)
		eoi_register(s, word & 0xff, out);
}

void ioapic_spec_reset(struct ioapic_spec *s)
{
	s->id = 0;
	s->select = 0;
	for (unsigned int i = 0; i < s->pins; i++)
		s->pin[i] = (struct ioapic_spec_pin){
			.low = LOW_MASK, .lines = s->pin[i].lines };
}
