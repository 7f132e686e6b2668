/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An input n.  REQUESTS is derived: a level input requests while its line is
 * high, an edge input while its latch is set, the cascade while the slave's
 * output is high.
 *
 *   row  event                              then                    emits
 *   ---  ---------------------------------  ----------------------  ---------
 *   R1   edge input: OR of lines rises,     latch set, also when    -
 *        or a pulse                         masked
 *   R2   edge input: lowered                latch stays             -
 *   R3   level input: raise, lower, pulse   the line alone counts   -
 *   R4   INTA or poll, n is next            isr set, latch clear    -
 *   R5   INTA, none is next                 spurious: vector 7      -
 *   R6   as R4 with auto EOI                isr stays clear         ACK if level
 *   R7   EOI of n, in service               isr clear               ACK if level
 *   R8   EOI of n, not in service           -                       -
 *   R9   ICW1                               isr and latch clear     ACK if level
 *   R10  ELCR: level to edge in service     isr stays, latch clear  ACK
 *
 * R2: hardware wants an edge's line to stay high until INTA, else the interrupt
 * is spurious.  Virtual devices pulse, and a pulse has no width; KVM and QEMU
 * keep the latch too.
 * R10: no EOI of an edge input acks, so this is the last chance to tell the
 * sources that wait: the IOAPIC's switch to edge does the same.
 *
 * Which input is next, if any:
 *
 *   row  rule
 *   ---  --------------------------------------------------------------------
 *   P1   of those that request and are not masked, the first after `lowest`
 *   P2   unless one in service has a priority as high or higher
 *   P3   special mask mode: one in service that is masked holds nobody back
 *   P4   special fully nested mode, master: the cascade does not hold back
 *        itself, so that the slave can nest
 *   P5   a chip before its last ICW has no next
 *
 * MASK and UNMASK: a pin is masked by IMR, by P5, and by the cascade's mask if
 * it is the slave's.
 *
 *   row  event                              emits, after any ACK
 *   ---  ---------------------------------  ---------------------------------
 *   M1   masked now, was not                MASK
 *   M2   not masked now, was                UNMASK
 */
#include "chip/i8259.h"

#include <string.h>

#define MASTER	0u
#define SLAVE	1u
#define NONE	8u		/* no input; behind all others in priority */

#define BIT(n)	(1u << (n))

/* Timer, keyboard, cascade, real-time clock and FPU are edges (82371AB). */
#define ELCR_MASTER	0xf8u
#define ELCR_SLAVE	0xdeu

#define ICW1		BIT(4)
#define ICW1_IC4	BIT(0)
#define ICW1_SNGL	BIT(1)
#define ICW2_VECTOR	0xf8u
#define ICW4_AEOI	BIT(1)
#define ICW4_SFNM	BIT(4)

#define OCW3		BIT(3)
#define OCW3_RIS	BIT(0)
#define OCW3_RR		BIT(1)
#define OCW3_POLL	BIT(2)
#define OCW3_SMM	BIT(5)
#define OCW3_ESMM	BIT(6)

#define POLL_REQUEST	BIT(7)
#define SPURIOUS	7u

/* OCW2 bits 7:5: R, SL and EOI. */
enum ocw2 {
	OCW2_ROTATE_AUTO_CLEAR = 0,
	OCW2_EOI = 1,
	OCW2_NOTHING = 2,
	OCW2_SPECIFIC_EOI = 3,
	OCW2_ROTATE_AUTO_SET = 4,
	OCW2_ROTATE_EOI = 5,
	OCW2_SET_PRIORITY = 6,
	OCW2_ROTATE_SPECIFIC_EOI = 7,
};

/* ---- requests and priority ---------------------------------------------- */

static bool input_is_level(const struct i8259_chip *chip, unsigned int n)
{
	return chip->elcr & BIT(n);
}

/* 0 is the highest priority. */
static unsigned int rank(const struct i8259_chip *chip, unsigned int n)
{
	return n == NONE ? NONE : (n - chip->lowest - 1u) % I8259_CHIP_PINS;
}

static unsigned int highest(const struct i8259_chip *chip, unsigned int set)
{
	for (unsigned int i = 1; i <= I8259_CHIP_PINS; i++) {
		unsigned int n = (chip->lowest + i) % I8259_CHIP_PINS;

		if (set & BIT(n))
			return n;
	}
	return NONE;
}

static unsigned int chip_next(const struct i8259 *pic, unsigned int c);

/* IRR: what requests, masked or not. */
static uint8_t chip_requests(const struct i8259 *pic, unsigned int c)
{
	const struct i8259_chip *chip = &pic->chip[c];
	unsigned int irr = chip->latch;

	for (unsigned int n = 0; n < I8259_CHIP_PINS; n++) {
		if (input_is_level(chip, n) &&
		    pic->lines[c * I8259_CHIP_PINS + n])
			irr |= BIT(n);
	}
	if (c == MASTER && chip_next(pic, SLAVE) != NONE)
		irr |= BIT(I8259_CASCADE);
	return (uint8_t)irr;
}

/* In service, and so holding others back (P3). */
static unsigned int chip_blocking(const struct i8259_chip *chip)
{
	return chip->special_mask ? chip->isr & ~chip->imr & 0xffu : chip->isr;
}

/* The only owner of the question which input is acknowledged next, if any. */
static unsigned int chip_next(const struct i8259 *pic, unsigned int c)
{
	const struct i8259_chip *chip = &pic->chip[c];
	unsigned int n, blocking;

	if (chip->phase != I8259_READY)
		return NONE;
	n = highest(chip, chip_requests(pic, c) & ~(unsigned int)chip->imr);
	blocking = highest(chip, chip_blocking(chip));
	if (rank(chip, n) < rank(chip, blocking))
		return n;
	if (c == MASTER && chip->fully_nested && n == I8259_CASCADE &&
	    n == blocking)
		return n;
	return NONE;
}

bool i8259_output(const struct i8259 *pic)
{
	return chip_next(pic, MASTER) != NONE;
}

bool i8259_masked(const struct i8259 *pic, unsigned int pin)
{
	const struct i8259_chip *master = &pic->chip[MASTER];
	const struct i8259_chip *chip = &pic->chip[pin / I8259_CHIP_PINS];

	assert(pin < I8259_PINS);
	if (chip->phase != I8259_READY || master->phase != I8259_READY)
		return true;
	return (chip->imr & BIT(pin % I8259_CHIP_PINS)) ||
	       (chip != master && (master->imr & BIT(I8259_CASCADE)));
}

bool i8259_in_service(const struct i8259 *pic, unsigned int pin)
{
	assert(pin < I8259_PINS);
	return pic->chip[pin / I8259_CHIP_PINS].isr &
	       BIT(pin % I8259_CHIP_PINS);
}

/* ---- sources ------------------------------------------------------------ */

static void latch_edge(struct i8259 *pic, unsigned int pin)
{
	struct i8259_chip *chip = &pic->chip[pin / I8259_CHIP_PINS];
	unsigned int n = pin % I8259_CHIP_PINS;

	if (!input_is_level(chip, n) && pin != I8259_CASCADE)
		chip->latch |= (uint8_t)BIT(n);
}

void i8259_raise(struct i8259 *pic, unsigned int pin, unsigned int source)
{
	bool rises;

	assert(pin < I8259_PINS && source < FORWARDS_MAX);
	rises = !pic->lines[pin];
	pic->lines[pin] |= 1u << source;
	if (rises)
		latch_edge(pic, pin);
}

void i8259_lower(struct i8259 *pic, unsigned int pin, unsigned int source)
{
	assert(pin < I8259_PINS && source < FORWARDS_MAX);
	pic->lines[pin] &= ~(1u << source);
}

void i8259_pulse(struct i8259 *pic, unsigned int pin)
{
	assert(pin < I8259_PINS);
	latch_edge(pic, pin);
}

/* ---- acknowledge and EOI ------------------------------------------------ */

static void push(struct effects *out, enum effect_kind kind, unsigned int pin)
{
	effects_push(out, (struct effect){
		.kind = (uint8_t)kind, .pin = (uint8_t)pin });
}

static void input_ack(const struct i8259 *pic, unsigned int c, unsigned int n,
		      struct effects *out)
{
	if (input_is_level(&pic->chip[c], n))
		push(out, EFFECT_ACK, c * I8259_CHIP_PINS + n);
}

static void chip_eoi(struct i8259 *pic, unsigned int c, unsigned int n,
		     struct effects *out)
{
	struct i8259_chip *chip = &pic->chip[c];

	if (!(chip->isr & BIT(n)))
		return;
	chip->isr &= (uint8_t)~BIT(n);
	input_ack(pic, c, n, out);
}

/* What INTA and the read after a poll command do to the input that is next. */
static void chip_acknowledge(struct i8259 *pic, unsigned int c, unsigned int n,
			     struct effects *out)
{
	struct i8259_chip *chip = &pic->chip[c];

	chip->latch &= (uint8_t)~BIT(n);
	if (!chip->auto_eoi) {
		chip->isr |= (uint8_t)BIT(n);
		return;
	}
	if (chip->rotate_auto_eoi)
		chip->lowest = (uint8_t)n;
	input_ack(pic, c, n, out);
}

uint8_t i8259_intack(struct i8259 *pic, struct effects *out)
{
	unsigned int n = chip_next(pic, MASTER);
	unsigned int c = MASTER;

	if (n == NONE)
		return pic->chip[MASTER].vector | SPURIOUS;
	if (n == I8259_CASCADE) {
		chip_acknowledge(pic, MASTER, n, out);
		c = SLAVE;
		n = chip_next(pic, SLAVE);
		assert(n != NONE);	/* its output made the master request */
	}
	chip_acknowledge(pic, c, n, out);
	return (uint8_t)(pic->chip[c].vector | n);
}

/* ---- command words ------------------------------------------------------ */

/* LTIM means nothing here: ELCR replaces it (82371AB). */
static void write_icw1(struct i8259 *pic, unsigned int c, uint8_t value,
		       struct effects *out)
{
	struct i8259_chip *chip = &pic->chip[c];
	uint8_t level_in_service = chip->isr & chip->elcr;

	*chip = (struct i8259_chip){
		.phase = I8259_ICW2,
		.elcr = chip->elcr,
		.lowest = I8259_CHIP_PINS - 1,
		.single = value & ICW1_SNGL,
		.icw4 = value & ICW1_IC4,
	};
	for (unsigned int n = 0; n < I8259_CHIP_PINS; n++) {
		if (level_in_service & BIT(n))
			push(out, EFFECT_ACK, c * I8259_CHIP_PINS + n);
	}
}

static enum i8259_phase phase_after_icw3(const struct i8259_chip *chip)
{
	return chip->icw4 ? I8259_ICW4 : I8259_READY;
}

/* ICW2 to 4, and OCW1. */
static void write_data(struct i8259_chip *chip, uint8_t value)
{
	switch ((enum i8259_phase)chip->phase) {
	case I8259_POWER_ON:
	case I8259_READY:
		/* Linux looks for a PIC by IMR before it initialises one. */
		chip->imr = value;
		return;
	case I8259_ICW2:
		chip->vector = value & ICW2_VECTOR;
		chip->phase = (uint8_t)(chip->single ? phase_after_icw3(chip) :
					I8259_ICW3);
		return;
	case I8259_ICW3:
		/* Who is whose slave is soldered: nothing to keep. */
		chip->phase = (uint8_t)phase_after_icw3(chip);
		return;
	case I8259_ICW4:
		/* Buffers and the 8085 do not exist here. */
		chip->auto_eoi = value & ICW4_AEOI;
		chip->fully_nested = value & ICW4_SFNM;
		chip->phase = I8259_READY;
		return;
	}
}

/* One in service that special mask mode passes over is not the one meant. */
static unsigned int non_specific(const struct i8259_chip *chip)
{
	return highest(chip, chip_blocking(chip));
}

static void write_ocw2(struct i8259 *pic, unsigned int c, uint8_t value,
		       struct effects *out)
{
	struct i8259_chip *chip = &pic->chip[c];
	unsigned int n = value & 7;

	switch ((enum ocw2)(value >> 5)) {
	case OCW2_ROTATE_AUTO_CLEAR:
	case OCW2_ROTATE_AUTO_SET:
		chip->rotate_auto_eoi = value >> 5 == OCW2_ROTATE_AUTO_SET;
		return;
	case OCW2_NOTHING:
		return;
	case OCW2_EOI:
		n = non_specific(chip);
		if (n != NONE)
			chip_eoi(pic, c, n, out);
		return;
	case OCW2_SPECIFIC_EOI:
		chip_eoi(pic, c, n, out);
		return;
	case OCW2_ROTATE_EOI:
		n = non_specific(chip);
		if (n == NONE)
			return;
		chip_eoi(pic, c, n, out);
		chip->lowest = (uint8_t)n;
		return;
	case OCW2_SET_PRIORITY:
		chip->lowest = (uint8_t)n;
		return;
	case OCW2_ROTATE_SPECIFIC_EOI:
		chip_eoi(pic, c, n, out);
		chip->lowest = (uint8_t)n;
		return;
	}
}

static void write_ocw3(struct i8259_chip *chip, uint8_t value)
{
	if (value & OCW3_ESMM)
		chip->special_mask = value & OCW3_SMM;
	/* A poll command overrides a read command in the same word. */
	chip->poll = value & OCW3_POLL;
	if ((value & OCW3_RR) && !chip->poll)
		chip->read_isr = value & OCW3_RIS;
}

static void write_elcr(struct i8259 *pic, unsigned int c, uint8_t value,
		       struct effects *out)
{
	struct i8259_chip *chip = &pic->chip[c];
	uint8_t was = chip->elcr;

	chip->elcr = (uint8_t)(value & (c == MASTER ? ELCR_MASTER : ELCR_SLAVE));
	/* A level input has no latch, and an edge is a change yet to come. */
	chip->latch &= (uint8_t)~(was ^ chip->elcr);
	for (unsigned int n = 0; n < I8259_CHIP_PINS; n++) {
		if (was & ~chip->elcr & chip->isr & BIT(n))
			push(out, EFFECT_ACK, c * I8259_CHIP_PINS + n);
	}
}

/* ---- ports -------------------------------------------------------------- */

static void write_command(struct i8259 *pic, unsigned int c, uint8_t value,
			  struct effects *out)
{
	if (value & ICW1)
		write_icw1(pic, c, value, out);
	else if (value & OCW3)
		write_ocw3(&pic->chip[c], value);
	else
		write_ocw2(pic, c, value, out);
}

static uint16_t masks(const struct i8259 *pic)
{
	unsigned int set = 0;

	for (unsigned int pin = 0; pin < I8259_PINS; pin++) {
		if (pin != I8259_CASCADE && i8259_masked(pic, pin))
			set |= BIT(pin);
	}
	return (uint16_t)set;
}

static void tell_masks(const struct i8259 *pic, unsigned int before,
		       struct effects *out)
{
	unsigned int now = masks(pic);

	for (unsigned int pin = 0; pin < I8259_PINS; pin++) {
		if ((before ^ now) & BIT(pin))
			push(out, now & BIT(pin) ? EFFECT_MASK : EFFECT_UNMASK,
			     pin);
	}
}

void i8259_write(struct i8259 *pic, uint16_t port, uint8_t value,
		 struct effects *out)
{
	unsigned int before = masks(pic);

	switch (port) {
	case I8259_MASTER_COMMAND:
		write_command(pic, MASTER, value, out);
		break;
	case I8259_SLAVE_COMMAND:
		write_command(pic, SLAVE, value, out);
		break;
	case I8259_MASTER_DATA:
		write_data(&pic->chip[MASTER], value);
		break;
	case I8259_SLAVE_DATA:
		write_data(&pic->chip[SLAVE], value);
		break;
	case I8259_MASTER_ELCR:
		write_elcr(pic, MASTER, value, out);
		break;
	case I8259_SLAVE_ELCR:
		write_elcr(pic, SLAVE, value, out);
		break;
	}
	tell_masks(pic, before, out);
}

/* Either port answers a poll: the word is for the next read, whatever it is. */
static uint8_t read_poll(struct i8259 *pic, unsigned int c, struct effects *out)
{
	unsigned int n = chip_next(pic, c);

	pic->chip[c].poll = false;
	if (n == NONE)
		return SPURIOUS;
	chip_acknowledge(pic, c, n, out);
	return (uint8_t)(POLL_REQUEST | n);
}

static uint8_t read_command(struct i8259 *pic, unsigned int c,
			    struct effects *out)
{
	if (pic->chip[c].poll)
		return read_poll(pic, c, out);
	return pic->chip[c].read_isr ? pic->chip[c].isr : chip_requests(pic, c);
}

static uint8_t read_data(struct i8259 *pic, unsigned int c, struct effects *out)
{
	return pic->chip[c].poll ? read_poll(pic, c, out) : pic->chip[c].imr;
}

uint8_t i8259_read(struct i8259 *pic, uint16_t port, struct effects *out)
{
	switch (port) {
	case I8259_MASTER_COMMAND:
		return read_command(pic, MASTER, out);
	case I8259_SLAVE_COMMAND:
		return read_command(pic, SLAVE, out);
	case I8259_MASTER_DATA:
		return read_data(pic, MASTER, out);
	case I8259_SLAVE_DATA:
		return read_data(pic, SLAVE, out);
	case I8259_MASTER_ELCR:
		return pic->chip[MASTER].elcr;
	case I8259_SLAVE_ELCR:
		return pic->chip[SLAVE].elcr;
	}
	return 0xff;
}

/* ---- life --------------------------------------------------------------- */

void i8259_init(struct i8259 *pic)
{
	memset(pic, 0, sizeof(*pic));
	i8259_reset(pic);
}

/* Zero is POWER_ON; all that is not 0 then is set by ICWs before it matters. */
void i8259_reset(struct i8259 *pic)
{
	memset(pic->chip, 0, sizeof(pic->chip));
}
