/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/i8259_spec.h"

#include <string.h>

#define NOBODY		(-1)
#define CASCADE		2
#define HAS(byte, bit)	((byte) >> (bit) & 1)

/* All of both structs: a difference anywhere is one. */
void i8259_spec_of(const struct i8259 *pic, struct i8259_spec *out)
{
	memset(out, 0, sizeof(*out));
	for (unsigned int pin = 0; pin < 16; pin++) {
		const struct i8259_chip *from = &pic->chip[pin / 8];
		struct i8259_spec_input *in = &out->chip[pin / 8].in[pin % 8];

		in->lines = pic->lines[pin];
		in->latched = HAS(from->latch, pin % 8);
		in->serving = HAS(from->isr, pin % 8);
		in->masked = HAS(from->imr, pin % 8);
		in->level = HAS(from->elcr, pin % 8);
	}
	for (unsigned int c = 0; c < 2; c++) {
		const struct i8259_chip *from = &pic->chip[c];
		struct i8259_spec_chip *chip = &out->chip[c];

		chip->stage = from->phase;
		chip->highest = (uint8_t)((from->lowest + 1) % 8);
		chip->base = from->vector;
		chip->single = from->single;
		chip->icw4 = from->icw4;
		chip->auto_eoi = from->auto_eoi;
		chip->nested = from->fully_nested;
		chip->rotate = from->rotate_auto_eoi;
		chip->special_mask = from->special_mask;
		chip->read_isr = from->read_isr;
		chip->poll = from->poll;
	}
}

/* ---- who is next ---------------------------------------------------------- */

static int next(const struct i8259_spec *s, unsigned int c);

static bool requests(const struct i8259_spec *s, unsigned int c, int n)
{
	const struct i8259_spec_input *in = &s->chip[c].in[n];

	if (c == 0 && n == CASCADE)
		return next(s, 1) != NOBODY;
	return in->level ? in->lines != 0 : in->latched;
}

/* In special mask mode, an input that is masked holds nobody back. */
static bool holds_back(const struct i8259_spec_chip *chip, int n)
{
	return chip->in[n].serving &&
	       !(chip->special_mask && chip->in[n].masked);
}

/* From the highest priority down, to the first that requests or holds back. */
static int next(const struct i8259_spec *s, unsigned int c)
{
	const struct i8259_spec_chip *chip = &s->chip[c];

	for (int i = 0; chip->stage == I8259_READY && i < 8; i++) {
		int n = (chip->highest + i) % 8;
		bool wants = requests(s, c, n) && !chip->in[n].masked;
		bool slave = c == 0 && n == CASCADE;

		if (holds_back(chip, n) && !(slave && chip->nested))
			return NOBODY;
		if (wants)
			return n;
		if (holds_back(chip, n))
			return NOBODY;
	}
	return NOBODY;
}

bool i8259_spec_output(const struct i8259_spec *s)
{
	return next(s, 0) != NOBODY;
}

bool i8259_spec_masked(const struct i8259_spec *s, unsigned int pin)
{
	bool via_cascade = pin >= 8 && s->chip[0].in[CASCADE].masked;

	return s->chip[0].stage != I8259_READY ||
	       s->chip[pin / 8].stage != I8259_READY || via_cascade ||
	       s->chip[pin / 8].in[pin % 8].masked;
}

/* ---- acknowledge and end ---------------------------------------------------- */

static void tell(struct effects *out, enum effect_kind kind, unsigned int pin)
{
	effects_push(out, (struct effect){ .kind = (uint8_t)kind,
					   .pin = (uint8_t)pin });
}

static void over(const struct i8259_spec *s, unsigned int c, int n,
		 struct effects *out)
{
	if (s->chip[c].in[n].level)
		tell(out, EFFECT_ACK, c * 8 + (unsigned int)n);
}

static void acknowledge(struct i8259_spec *s, unsigned int c, int n,
			struct effects *out)
{
	struct i8259_spec_chip *chip = &s->chip[c];

	chip->in[n].latched = false;
	if (chip->auto_eoi && chip->rotate)
		chip->highest = (uint8_t)((n + 1) % 8);
	if (chip->auto_eoi)
		over(s, c, n, out);
	else
		chip->in[n].serving = true;
}

uint8_t i8259_spec_intack(struct i8259_spec *s, struct effects *out)
{
	int n = next(s, 0), m = next(s, 1);

	if (n == NOBODY)
		return s->chip[0].base | 7;
	acknowledge(s, 0, n, out);
	if (n != CASCADE)
		return (uint8_t)(s->chip[0].base | n);
	acknowledge(s, 1, m, out);
	return (uint8_t)(s->chip[1].base | m);
}

static void end(struct i8259_spec *s, unsigned int c, int n, struct effects *out)
{
	bool was = s->chip[c].in[n].serving;

	s->chip[c].in[n].serving = false;
	if (was)
		over(s, c, n, out);
}

/* ---- lines -------------------------------------------------------------------- */

/* What is soldered to the cascade's input is the slave. */
void i8259_spec_pulse(struct i8259_spec *s, unsigned int pin)
{
	struct i8259_spec_input *in = &s->chip[pin / 8].in[pin % 8];

	in->latched |= !in->level && pin != CASCADE;
}

void i8259_spec_line(struct i8259_spec *s, unsigned int pin,
		     unsigned int source, bool high)
{
	struct i8259_spec_input *in = &s->chip[pin / 8].in[pin % 8];
	uint32_t before = in->lines;

	in->lines = high ? before | 1u << source : before & ~(1u << source);
	if (!before && in->lines)
		i8259_spec_pulse(s, pin);
}

/* ---- command words ------------------------------------------------------------- */

static void icw1(struct i8259_spec *s, unsigned int c, uint8_t value,
		 struct effects *out)
{
	struct i8259_spec_chip *chip = &s->chip[c];
	struct i8259_spec_chip fresh = { .stage = I8259_ICW2 };

	fresh.icw4 = HAS(value, 0);
	fresh.single = HAS(value, 1);
	for (int n = 0; n < 8; n++) {
		end(s, c, n, out);
		fresh.in[n].lines = chip->in[n].lines;
		fresh.in[n].level = chip->in[n].level;
	}
	*chip = fresh;
}

/* R rotates, SL names an input, EOI ends one: 8259A, operation command word 2. */
static void ocw2(struct i8259_spec *s, unsigned int c, uint8_t value,
		 struct effects *out)
{
	struct i8259_spec_chip *chip = &s->chip[c];
	bool r = HAS(value, 7), sl = HAS(value, 6), eoi = HAS(value, 5);
	int n = NOBODY;

	if (!sl && !eoi) {
		chip->rotate = r;
		return;
	}
	if (sl)
		n = value & 7;
	for (int i = 0; i < 8 && n == NOBODY; i++)
		if (holds_back(chip, (chip->highest + i) % 8))
			n = (chip->highest + i) % 8;
	if (n == NOBODY)
		return;
	if (eoi)
		end(s, c, n, out);
	if (r)
		chip->highest = (uint8_t)((n + 1) % 8);
}

static void ocw3(struct i8259_spec_chip *chip, uint8_t value)
{
	bool poll = HAS(value, 2);

	chip->special_mask = HAS(value, 6) ? HAS(value, 5) : chip->special_mask;
	chip->read_isr = HAS(value, 1) && !poll ? HAS(value, 0)
						: chip->read_isr;
	chip->poll = poll;
}

/* The stages are passed in order; ICW1 said which of them there are. */
static void data_word(struct i8259_spec_chip *chip, uint8_t value)
{
	bool done = false;

	if (chip->stage == I8259_POWER_ON || chip->stage == I8259_READY) {
		for (int n = 0; n < 8; n++)
			chip->in[n].masked = HAS(value, n);
		return;
	}
	if (chip->stage == I8259_ICW2) {
		chip->base = value & 0xf8;
		chip->stage = chip->single ? I8259_ICW4 : I8259_ICW3;
		done = chip->single && !chip->icw4;
	} else if (chip->stage == I8259_ICW3) {
		chip->stage = I8259_ICW4;
		done = !chip->icw4;
	} else {
		chip->auto_eoi = HAS(value, 1);
		chip->nested = HAS(value, 4);
		done = true;
	}
	if (done)
		chip->stage = I8259_READY;
}

/* Five inputs of a PC are edges for ever. */
static bool is_fixed(unsigned int pin)
{
	return pin < 3 || pin == 8 || pin == 13;
}

static void elcr(struct i8259_spec *s, unsigned int c, uint8_t value,
		 struct effects *out)
{
	for (unsigned int n = 0; n < 8; n++) {
		struct i8259_spec_input *in = &s->chip[c].in[n];
		bool level = HAS(value, n) && !is_fixed(c * 8 + n);

		if (level == in->level)
			continue;
		in->latched = false;
		in->level = level;
		if (in->serving && !level)
			tell(out, EFFECT_ACK, c * 8 + n);
	}
}

/* ---- ports ----------------------------------------------------------------------- */

static void written(struct i8259_spec *s, uint16_t port, uint8_t value,
		    struct effects *out)
{
	unsigned int c = port == 0xa0 || port == 0xa1 || port == 0x4d1;

	if (port == 0x4d0 || port == 0x4d1)
		elcr(s, c, value, out);
	else if (port == 0x21 || port == 0xa1)
		data_word(&s->chip[c], value);
	else if (port != 0x20 && port != 0xa0)
		return;
	else if (HAS(value, 4))
		icw1(s, c, value, out);
	else if (HAS(value, 3))
		ocw3(&s->chip[c], value);
	else
		ocw2(s, c, value, out);
}

void i8259_spec_write(struct i8259_spec *s, uint16_t port, uint8_t value,
		      struct effects *out)
{
	struct i8259_spec before = *s;

	written(s, port, value, out);
	for (unsigned int pin = 0; pin < 16; pin++) {
		bool was = i8259_spec_masked(&before, pin);
		bool is = i8259_spec_masked(s, pin);

		if (pin != CASCADE && was != is)
			tell(out, is ? EFFECT_MASK : EFFECT_UNMASK, pin);
	}
}

static uint8_t poll(struct i8259_spec *s, unsigned int c, struct effects *out)
{
	int n = next(s, c);

	s->chip[c].poll = false;
	if (n == NOBODY)
		return 7;
	acknowledge(s, c, n, out);
	return (uint8_t)(0x80 | n);
}

/* Either port answers a poll. */
uint8_t i8259_spec_read(struct i8259_spec *s, uint16_t port, struct effects *out)
{
	unsigned int c = port == 0xa0 || port == 0xa1 || port == 0x4d1;
	const struct i8259_spec_chip *chip = &s->chip[c];
	bool data = port == 0x21 || port == 0xa1;
	bool command = port == 0x20 || port == 0xa0;
	unsigned int value = 0;

	if (!data && !command && port != 0x4d0 && port != 0x4d1)
		return 0xff;
	if ((data || command) && chip->poll)
		return poll(s, c, out);
	for (int n = 0; n < 8; n++) {
		const struct i8259_spec_input *in = &chip->in[n];
		bool bit = in->level;

		if (data)
			bit = in->masked;
		else if (command)
			bit = chip->read_isr ? in->serving : requests(s, c, n);
		value |= (unsigned int)bit << n;
	}
	return (uint8_t)value;
}

/* Power-on: only the lines are what they were. */
void i8259_spec_reset(struct i8259_spec *s)
{
	for (unsigned int pin = 0; pin < 16; pin++)
		s->chip[pin / 8].in[pin % 8] = (struct i8259_spec_input){
			.lines = s->chip[pin / 8].in[pin % 8].lines };
	for (unsigned int c = 0; c < 2; c++) {
		struct i8259_spec_chip off = { .highest = 1 };

		memcpy(off.in, s->chip[c].in, sizeof(off.in));
		s->chip[c] = off;
	}
}
