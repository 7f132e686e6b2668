/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pair of 8259A, command word by command word.  R, P and M rows are those of
 * the tables above src/chip/i8259.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "chip/i8259.h"
#include "effects_text.h"

#define CMD	I8259_MASTER_COMMAND
#define DATA	I8259_MASTER_DATA
#define CMD2	I8259_SLAVE_COMMAND
#define DATA2	I8259_SLAVE_DATA

#define BASE	0x30
#define BASE2	0x38

#define ICW1		0x11	/* cascaded, ICW4 follows */
#define ICW4		0x01
#define ICW4_AEOI	0x03
#define ICW4_SFNM	0x11

#define EOI		0x20
#define SPECIFIC_EOI	0x60
#define ROTATE_EOI	0xa0
#define ROTATE_SPECIFIC	0xe0
#define SET_PRIORITY	0xc0
#define ROTATE_AUTO	0x80
#define ROTATE_AUTO_OFF	0x00
#define READ_IRR	0x0a
#define READ_ISR	0x0b
#define POLL		0x0c
#define SMM_ON		0x68
#define SMM_OFF		0x48

static struct i8259 pic;
static struct effects out;

static void put(uint16_t port, unsigned int value)
{
	i8259_write(&pic, port, (uint8_t)value, &out);
}

static unsigned int get(uint16_t port)
{
	return i8259_read(&pic, port, &out);
}

static unsigned int intack(void)
{
	return i8259_intack(&pic, &out);
}

/* As firmware and Linux do it; every input unmasked at the end. */
static void initialise(unsigned int icw4_master, unsigned int icw4_slave)
{
	put(CMD, ICW1);
	put(DATA, BASE);
	put(DATA, 0x04);
	put(DATA, icw4_master);
	put(CMD2, ICW1);
	put(DATA2, BASE2);
	put(DATA2, 0x02);
	put(DATA2, icw4_slave);
	out.nr = 0;
}

static int setup(void **state)
{
	i8259_init(&pic);
	out.nr = 0;
	initialise(ICW4, ICW4);
	return 0;
}

/* Inputs 5 and 11 as PCI has them. */
static int setup_level(void **state)
{
	setup(state);
	put(I8259_MASTER_ELCR, 1u << 5);
	put(I8259_SLAVE_ELCR, 1u << (11 - 8));
	assert_int_equal(out.nr, 0);
	return 0;
}

static unsigned int isr(uint16_t command)
{
	put(command, READ_ISR);
	return get(command);
}

static unsigned int irr(uint16_t command)
{
	put(command, READ_IRR);
	return get(command);
}

/* ---- initialisation ----------------------------------------------------- */

/* P5: what was never initialised says nothing, but IMR can be probed. */
static void power_on(void **state)
{
	i8259_init(&pic);
	i8259_raise(&pic, 1, 0);
	assert_false(i8259_output(&pic));
	assert_true(i8259_masked(&pic, 1));
	put(DATA, 0xfb);
	assert_int_equal(get(DATA), 0xfb);
	put(DATA, 0);
	assert_int_equal(get(DATA), 0);
	assert_false(i8259_output(&pic));
	assert_effects(&out, "");
}

/* P5, M2: the whole of both sequences, and not a word before. */
static void unmasked_by_the_last_icw(void **state)
{
	i8259_init(&pic);
	out.nr = 0;
	put(CMD, ICW1);
	put(DATA, BASE);
	put(DATA, 0x04);
	assert_effects(&out, "");
	put(DATA, ICW4);
	assert_effects(&out, "unmask 0 unmask 1 unmask 3 unmask 4 unmask 5 "
			     "unmask 6 unmask 7");
	put(CMD2, ICW1);
	put(DATA2, BASE2);
	put(DATA2, 0x02);
	assert_true(i8259_masked(&pic, 8));
	put(DATA2, ICW4);
	assert_effects(&out, "unmask 8 unmask 9 unmask 10 unmask 11 unmask 12 "
			     "unmask 13 unmask 14 unmask 15");
}

static void icw1_says_which_icws_follow(void **state)
{
	/* No ICW4: READY after ICW3; and single: after ICW2. */
	put(CMD, 0x10);
	put(DATA, 0x50);
	put(DATA, 0x04);
	put(DATA, 0xa5);
	assert_int_equal(get(DATA), 0xa5);
	put(CMD, 0x12);
	put(DATA, 0x50);
	put(DATA, 0x5a);
	assert_int_equal(get(DATA), 0x5a);
	put(CMD, 0x13);
	put(DATA, 0x57);
	put(DATA, ICW4);
	put(DATA, 0x0f);
	assert_int_equal(get(DATA), 0x0f);
	/* ICW2 keeps bits 7:3. */
	i8259_raise(&pic, 4, 0);
	assert_int_equal(intack(), 0x54);
}

/* Modes, priority, IMR and the register to read go back to their start. */
static void icw1_clears(void **state)
{
	put(DATA, 0xff);
	put(CMD, SET_PRIORITY | 3);
	put(CMD, SMM_ON);
	put(CMD, READ_ISR);
	put(CMD, ROTATE_AUTO);
	put(CMD, POLL);
	initialise(ICW4, ICW4);
	assert_int_equal(get(DATA), 0);
	assert_int_equal(pic.chip[0].lowest, 7);
	assert_false(pic.chip[0].special_mask);
	assert_false(pic.chip[0].read_isr);
	assert_false(pic.chip[0].rotate_auto_eoi);
	assert_false(pic.chip[0].poll);
}

/* R9: the edge is gone; the line has to fall and rise again. */
static void r9_icw1_clears_edges(void **state)
{
	i8259_raise(&pic, 1, 0);
	initialise(ICW4, ICW4);
	assert_false(i8259_output(&pic));
	i8259_raise(&pic, 1, 0);
	assert_false(i8259_output(&pic));
	i8259_lower(&pic, 1, 0);
	i8259_raise(&pic, 1, 0);
	assert_true(i8259_output(&pic));
}

static void r9_icw1_acks_a_level_in_service(void **state)
{
	i8259_raise(&pic, 11, 0);
	assert_int_equal(intack(), BASE2 + 3);
	put(CMD2, ICW1);
	assert_effects(&out, "ack 11 mask 8 mask 9 mask 10 mask 11 mask 12 "
			     "mask 13 mask 14 mask 15");
	assert_int_equal(isr(CMD2), 0);
}

/* A master that is being initialised takes nothing from the slave either. */
static void p5_master_being_initialised(void **state)
{
	put(CMD, ICW1);
	assert_effects(&out, "mask 0 mask 1 mask 3 mask 4 mask 5 mask 6 mask 7 "
			     "mask 8 mask 9 mask 10 mask 11 mask 12 mask 13 "
			     "mask 14 mask 15");
	i8259_pulse(&pic, 9);
	assert_false(i8259_output(&pic));
}

/* ---- requests ----------------------------------------------------------- */

static void r1_r4_edge(void **state)
{
	i8259_raise(&pic, 3, 0);
	assert_true(i8259_output(&pic));
	assert_int_equal(irr(CMD), 1u << 3);
	assert_int_equal(intack(), BASE + 3);
	assert_int_equal(irr(CMD), 0);
	assert_int_equal(isr(CMD), 1u << 3);
	assert_true(i8259_in_service(&pic, 3));
	put(CMD, EOI);
	assert_false(i8259_output(&pic));	/* the line is high still */
	i8259_raise(&pic, 3, 1);	/* OR of the lines: no edge */
	assert_false(i8259_output(&pic));
	i8259_pulse(&pic, 3);
	assert_int_equal(intack(), BASE + 3);
	assert_effects(&out, "");
}

/* Unlike the IOAPIC's, an edge that comes while masked is kept. */
static void r1_edge_while_masked(void **state)
{
	put(DATA, 1u << 3);
	i8259_pulse(&pic, 3);
	assert_int_equal(irr(CMD), 1u << 3);
	assert_false(i8259_output(&pic));
	put(DATA, 0);
	assert_true(i8259_output(&pic));
	assert_effects(&out, "mask 3 unmask 3");
}

static void r2_edge_outlives_the_line(void **state)
{
	i8259_raise(&pic, 3, 0);
	i8259_lower(&pic, 3, 0);
	assert_int_equal(intack(), BASE + 3);
}

static void r3_level_is_the_or_of_the_lines(void **state)
{
	i8259_raise(&pic, 5, 0);
	i8259_raise(&pic, 5, 31);
	i8259_lower(&pic, 5, 0);
	assert_true(i8259_output(&pic));
	i8259_lower(&pic, 5, 31);
	assert_false(i8259_output(&pic));
	i8259_pulse(&pic, 5);
	assert_false(i8259_output(&pic));
	assert_int_equal(irr(CMD), 0);
}

/* The line was lowered between INTR and INTA. */
static void r5_spurious(void **state)
{
	i8259_raise(&pic, 5, 0);
	i8259_lower(&pic, 5, 0);
	assert_int_equal(intack(), BASE + 7);
	assert_int_equal(isr(CMD), 0);
	assert_effects(&out, "");
}

static void r4_slave(void **state)
{
	i8259_raise(&pic, 12, 0);
	assert_int_equal(irr(CMD), 1u << 2);
	assert_int_equal(intack(), BASE2 + 4);
	assert_int_equal(isr(CMD), 1u << 2);
	assert_int_equal(isr(CMD2), 1u << 4);
}

static void cascade_is_soldered(void **state)
{
	i8259_raise(&pic, 2, 0);
	i8259_pulse(&pic, 2);
	assert_false(i8259_output(&pic));
	put(I8259_MASTER_ELCR, 0xff);
	assert_false(i8259_output(&pic));
}

/* ---- EOI ---------------------------------------------------------------- */

static void r7_eoi_acks_levels_only(void **state)
{
	i8259_raise(&pic, 5, 0);
	i8259_raise(&pic, 3, 0);
	assert_int_equal(intack(), BASE + 3);
	put(CMD, EOI);
	assert_effects(&out, "");
	assert_int_equal(intack(), BASE + 5);
	put(CMD, EOI);
	assert_effects(&out, "ack 5");
	assert_true(i8259_output(&pic));	/* the line is high still */
}

/* As Linux EOIs: the slave's input, then the master's cascade. */
static void r7_specific_eoi_of_both(void **state)
{
	i8259_raise(&pic, 11, 0);
	assert_int_equal(intack(), BASE2 + 3);
	i8259_lower(&pic, 11, 0);
	put(CMD2, SPECIFIC_EOI | 3);
	assert_effects(&out, "ack 11");
	put(CMD, SPECIFIC_EOI | 2);
	assert_effects(&out, "");
	assert_int_equal(isr(CMD) | isr(CMD2), 0);
}

static void r8_eoi_of_nothing(void **state)
{
	i8259_raise(&pic, 5, 0);
	put(CMD, EOI);
	put(CMD, SPECIFIC_EOI | 5);
	put(CMD, ROTATE_EOI);
	assert_effects(&out, "");
	assert_int_equal(pic.chip[0].lowest, 7);
	assert_true(i8259_output(&pic));
}

/* Fact 2: masked and EOIed before the handler. */
static void handle_level_irq(void **state)
{
	i8259_raise(&pic, 5, 0);
	assert_int_equal(intack(), BASE + 5);
	put(DATA, 1u << 5);
	put(CMD, SPECIFIC_EOI | 5);
	assert_effects(&out, "mask 5 ack 5");
	assert_false(i8259_output(&pic));
	i8259_lower(&pic, 5, 0);
	put(DATA, 0);
	assert_effects(&out, "unmask 5");
	assert_false(i8259_output(&pic));
}

static void r6_auto_eoi(void **state)
{
	initialise(ICW4_AEOI, ICW4_AEOI);
	i8259_raise(&pic, 11, 0);
	assert_int_equal(intack(), BASE2 + 3);
	assert_effects(&out, "ack 11");
	assert_int_equal(isr(CMD) | isr(CMD2), 0);
	assert_true(i8259_output(&pic));
}

static void auto_eoi_rotates(void **state)
{
	initialise(ICW4_AEOI, ICW4);
	put(CMD, ROTATE_AUTO);
	i8259_pulse(&pic, 0);
	assert_int_equal(intack(), BASE + 0);
	i8259_pulse(&pic, 0);
	i8259_pulse(&pic, 1);
	assert_int_equal(intack(), BASE + 1);
	put(CMD, ROTATE_AUTO_OFF);
	i8259_pulse(&pic, 1);
	assert_int_equal(intack(), BASE + 0);
	assert_int_equal(pic.chip[0].lowest, 1);
}

/* ---- priority ----------------------------------------------------------- */

static void p1_p2_fully_nested(void **state)
{
	i8259_pulse(&pic, 4);
	assert_int_equal(intack(), BASE + 4);
	i8259_pulse(&pic, 4);
	i8259_pulse(&pic, 6);
	assert_false(i8259_output(&pic));
	i8259_pulse(&pic, 1);
	assert_int_equal(intack(), BASE + 1);
	/* The non-specific EOI ends the one of the highest priority. */
	put(CMD, EOI);
	assert_int_equal(isr(CMD), 1u << 4);
	put(CMD, EOI);
	assert_int_equal(intack(), BASE + 4);
	put(CMD, EOI);
	assert_int_equal(intack(), BASE + 6);
}

static void p1_set_priority(void **state)
{
	put(CMD, SET_PRIORITY | 4);
	for (unsigned int n = 0; n < 8; n++) {
		if (n != 2)
			i8259_pulse(&pic, n);
	}
	for (unsigned int i = 1; i <= 8; i++) {
		unsigned int n = (4 + i) % 8;

		if (n == 2)
			continue;
		assert_int_equal(intack(), BASE + n);
		put(CMD, EOI);
	}
	assert_false(i8259_output(&pic));
}

static void p1_rotate_on_eoi(void **state)
{
	i8259_pulse(&pic, 3);
	assert_int_equal(intack(), BASE + 3);
	put(CMD, ROTATE_EOI);
	i8259_pulse(&pic, 3);
	i8259_pulse(&pic, 4);
	assert_int_equal(intack(), BASE + 4);
	put(CMD, ROTATE_SPECIFIC | 4);
	assert_int_equal(isr(CMD), 0);
	assert_int_equal(pic.chip[0].lowest, 4);
}

static void ocw2_without_a_command(void **state)
{
	const struct i8259 before = pic;

	put(CMD, 0x40 | 5);
	assert_memory_equal(&pic, &before, sizeof(pic));
}

static void p3_special_mask(void **state)
{
	i8259_pulse(&pic, 3);
	assert_int_equal(intack(), BASE + 3);
	i8259_pulse(&pic, 6);
	put(DATA, 1u << 3);
	assert_false(i8259_output(&pic));
	put(CMD, SMM_ON);
	assert_true(i8259_output(&pic));
	put(CMD, READ_IRR);	/* ESMM clear: the mode stays */
	assert_int_equal(intack(), BASE + 6);
	/* A non-specific EOI passes over the one that is masked. */
	put(CMD, EOI);
	assert_int_equal(isr(CMD), 1u << 3);
	put(CMD, EOI);
	assert_int_equal(isr(CMD), 1u << 3);
	put(CMD, SMM_OFF);
	put(CMD, EOI);
	assert_int_equal(isr(CMD), 0);
}

/* OCW3 without RR is about something else: the register to be read stays. */
static void ocw3_without_rr_keeps_the_register(void **state)
{
	i8259_pulse(&pic, 3);
	assert_int_equal(intack(), BASE + 3);
	put(CMD, READ_ISR);
	put(CMD, SMM_ON);
	assert_int_equal(get(CMD), 1u << 3);
}

static void p4_special_fully_nested(void **state)
{
	i8259_pulse(&pic, 12);
	assert_int_equal(intack(), BASE2 + 4);
	i8259_pulse(&pic, 9);
	assert_false(i8259_output(&pic));

	i8259_init(&pic);
	initialise(ICW4_SFNM, ICW4);
	i8259_pulse(&pic, 12);
	assert_int_equal(intack(), BASE2 + 4);
	i8259_pulse(&pic, 4);
	i8259_pulse(&pic, 13);
	assert_false(i8259_output(&pic));
	/* It passes itself by, and nobody of a higher priority. */
	i8259_pulse(&pic, 0);
	assert_int_equal(intack(), BASE + 0);
	i8259_pulse(&pic, 9);
	assert_false(i8259_output(&pic));
	put(CMD, EOI);
	assert_int_equal(intack(), BASE2 + 1);
}

/* ---- poll --------------------------------------------------------------- */

static void poll_acknowledges(void **state)
{
	i8259_raise(&pic, 5, 0);
	put(CMD, POLL);
	assert_int_equal(get(CMD), 0x85);
	assert_int_equal(isr(CMD), 1u << 5);
	put(CMD, POLL);
	assert_int_equal(get(DATA), 0x07);	/* nothing; and on either port */
	assert_int_equal(get(DATA), 0x00);	/* one read only */
	put(CMD, EOI);
	assert_effects(&out, "ack 5");
}

static void poll_of_each_chip(void **state)
{
	i8259_pulse(&pic, 14);
	put(CMD, POLL);
	assert_int_equal(get(CMD), 0x82);
	put(CMD2, POLL);
	assert_int_equal(get(CMD2), 0x86);
	assert_int_equal(isr(CMD), 1u << 2);
	assert_int_equal(isr(CMD2), 1u << 6);
}

static void poll_overrides_a_read_command(void **state)
{
	put(CMD, READ_IRR);
	i8259_pulse(&pic, 1);
	put(CMD, POLL | 0x03);
	assert_int_equal(get(CMD), 0x81);
	assert_int_equal(get(CMD), 0);	/* IRR, as before */
}

/* ---- ELCR --------------------------------------------------------------- */

static void elcr_has_inputs_that_are_always_edges(void **state)
{
	put(I8259_MASTER_ELCR, 0xff);
	put(I8259_SLAVE_ELCR, 0xff);
	assert_int_equal(get(I8259_MASTER_ELCR), 0xf8);
	assert_int_equal(get(I8259_SLAVE_ELCR), 0xde);
	assert_effects(&out, "");
}

static void r10_level_to_edge_in_service(void **state)
{
	i8259_raise(&pic, 5, 0);
	assert_int_equal(intack(), BASE + 5);
	put(I8259_MASTER_ELCR, 0);
	assert_effects(&out, "ack 5");
	put(CMD, EOI);
	assert_effects(&out, "");
	assert_false(i8259_output(&pic));
}

static void elcr_change_takes_the_line_as_it_is(void **state)
{
	i8259_raise(&pic, 3, 0);
	i8259_lower(&pic, 3, 0);
	put(I8259_MASTER_ELCR, 1u << 3);
	assert_false(i8259_output(&pic));
	i8259_raise(&pic, 3, 0);
	assert_true(i8259_output(&pic));
	put(I8259_MASTER_ELCR, 0);
	assert_false(i8259_output(&pic));
}

/* ---- masks, ports, reset ------------------------------------------------ */

static void m1_m2_imr(void **state)
{
	put(DATA, 0x29);
	assert_effects(&out, "mask 0 mask 3 mask 5");
	put(DATA, 0x21);
	assert_effects(&out, "unmask 3");
	put(DATA2, 0x80);
	assert_effects(&out, "mask 15");
	assert_int_equal(get(DATA), 0x21);
	assert_int_equal(get(DATA2), 0x80);
}

/* The cascade's mask masks every pin of the slave that is not masked already. */
static void m1_m2_cascade(void **state)
{
	put(DATA2, 0xf0);
	out.nr = 0;
	put(DATA, 1u << 2);
	assert_effects(&out, "mask 8 mask 9 mask 10 mask 11");
	i8259_raise(&pic, 11, 0);
	assert_false(i8259_output(&pic));
	put(DATA, 0);
	assert_effects(&out, "unmask 8 unmask 9 unmask 10 unmask 11");
	assert_true(i8259_output(&pic));
}

static void other_ports_are_not_ours(void **state)
{
	const struct i8259 before = pic;

	put(0x22, 0x11);
	put(0x4d2, 0xff);
	assert_int_equal(get(0x22), 0xff);
	assert_memory_equal(&pic, &before, sizeof(pic));
}

static void reset_keeps_lines_alone(void **state)
{
	struct i8259 expected;

	i8259_raise(&pic, 5, 4);
	intack();
	i8259_reset(&pic);
	i8259_init(&expected);
	expected.lines[5] = 1u << 4;
	assert_memory_equal(&pic, &expected, sizeof(pic));
}

/* ---- a guest that writes anything --------------------------------------- */

static uint64_t fuzz_state = 1;

static uint32_t fuzz_random(uint32_t below)
{
	fuzz_state ^= fuzz_state >> 12;
	fuzz_state ^= fuzz_state << 25;
	fuzz_state ^= fuzz_state >> 27;
	return (uint32_t)((fuzz_state * 0x2545f4914f6cdd1d) >> 32) % below;
}

static const uint16_t fuzz_ports[] = {
	CMD, DATA, CMD2, DATA2, I8259_MASTER_ELCR, I8259_SLAVE_ELCR,
};

/* The pin that INTA took: its isr bit is new, or its latch gone, or it acked. */
static void fuzz_intack(void)
{
	struct i8259 before = pic;
	bool output = i8259_output(&pic);
	unsigned int vector = intack();
	unsigned int c = vector >= BASE2, pin = c * 8 + (vector & 7);

	if (!output) {
		assert_int_equal(vector & 7, 7);
		assert_memory_equal(&pic, &before, sizeof(pic));
		return;
	}
	assert_int_equal(vector & ~7u, c ? BASE2 : BASE);
	assert_false(i8259_masked(&before, pin));
	assert_false(i8259_in_service(&before, pin));
	assert_true(before.lines[pin] ||
		    before.chip[c].latch >> (pin & 7) & 1);
	assert_true(i8259_in_service(&pic, pin) != pic.chip[c].auto_eoi);
}

/* Whole ICW sequences: half a one would keep everything masked for long. */
static void fuzz_initialise(void)
{
	static const uint8_t icw4[] = { ICW4, ICW4, ICW4_AEOI, ICW4_SFNM };

	put(CMD, ICW1);
	put(DATA, BASE);
	put(DATA, 0x04);
	put(DATA, icw4[fuzz_random(4)]);
	put(CMD2, ICW1);
	put(DATA2, BASE2);
	put(DATA2, 0x02);
	put(DATA2, icw4[fuzz_random(4)]);
}

static void fuzz_step(void)
{
	unsigned int pin = fuzz_random(I8259_PINS);
	uint16_t port = fuzz_ports[fuzz_random(6)];

	switch (fuzz_random(8)) {
	case 0:
		i8259_raise(&pic, pin, fuzz_random(2));
		break;
	case 1:
		i8259_lower(&pic, pin, fuzz_random(2));
		break;
	case 2:
		i8259_pulse(&pic, pin);
		break;
	case 3:
	case 4:
		fuzz_intack();
		break;
	case 5:
		get(port);
		break;
	case 6:
		/* Any word but an ICW1, which has a way of its own. */
		put(port, fuzz_random(256) & (port == CMD || port == CMD2 ?
					      0xef : 0xff));
		break;
	case 7:
		if (fuzz_random(8) == 0)
			fuzz_initialise();
		else
			put(fuzz_random(2) ? CMD : CMD2, EOI);
		break;
	}
}

/* In order, each with its cause: an ACK ends a level in service, masks change. */
static void fuzz_check(const struct i8259 *before)
{
	bool masked[I8259_PINS];

	for (unsigned int i = 0; i < I8259_PINS; i++)
		masked[i] = i8259_masked(before, i);
	for (unsigned int i = 0; i < out.nr; i++) {
		unsigned int pin = out.v[i].pin;
		bool was_level = before->chip[pin / 8].elcr >> pin % 8 & 1;

		switch (out.v[i].kind) {
		case EFFECT_ACK:
			assert_true(was_level);
			assert_true(i8259_in_service(before, pin) ||
				    before->chip[pin / 8].auto_eoi);
			break;
		case EFFECT_MASK:
		case EFFECT_UNMASK:
			assert_int_equal(masked[pin],
					 out.v[i].kind == EFFECT_UNMASK);
			masked[pin] = out.v[i].kind == EFFECT_MASK;
			break;
		default:
			fail();
		}
	}
	for (unsigned int i = 0; i < I8259_PINS; i++) {
		if (i != I8259_CASCADE)
			assert_int_equal(masked[i], i8259_masked(&pic, i));
	}
}

/* A level that left service said so: nobody waits for an EOI that is over. */
static void fuzz_check_acks(const struct i8259 *before)
{
	for (unsigned int pin = 0; pin < I8259_PINS; pin++) {
		const struct i8259_chip *chip = &before->chip[pin / 8];
		unsigned int acks = 0;

		for (unsigned int i = 0; i < out.nr; i++)
			acks += out.v[i].kind == EFFECT_ACK &&
				out.v[i].pin == pin;
		if (i8259_in_service(before, pin) && chip->elcr >> pin % 8 & 1 &&
		    !(pic.chip[pin / 8].elcr >> pin % 8 & 1 &&
		      i8259_in_service(&pic, pin)))
			assert_int_equal(acks, 1);
	}
}

static void guest_writes_anything(void **state)
{
	for (unsigned int i = 0; i < 300000; i++) {
		const struct i8259 before = pic;

		out.nr = 0;
		fuzz_step();
		fuzz_check(&before);
		fuzz_check_acks(&before);
	}
}

#define T(name) cmocka_unit_test_setup(name, setup)
#define L(name) cmocka_unit_test_setup(name, setup_level)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(power_on), T(unmasked_by_the_last_icw),
		T(icw1_says_which_icws_follow), T(icw1_clears),
		T(r9_icw1_clears_edges), L(r9_icw1_acks_a_level_in_service),
		T(p5_master_being_initialised), T(r1_r4_edge), T(r1_edge_while_masked),
		T(r2_edge_outlives_the_line),
		L(r3_level_is_the_or_of_the_lines), L(r5_spurious),
		T(r4_slave), T(cascade_is_soldered),
		L(r7_eoi_acks_levels_only), L(r7_specific_eoi_of_both),
		L(r8_eoi_of_nothing), L(handle_level_irq), L(r6_auto_eoi),
		T(auto_eoi_rotates), T(p1_p2_fully_nested), T(p1_set_priority),
		T(p1_rotate_on_eoi), T(ocw2_without_a_command),
		T(p3_special_mask), T(ocw3_without_rr_keeps_the_register),
		T(p4_special_fully_nested),
		L(poll_acknowledges), T(poll_of_each_chip),
		T(poll_overrides_a_read_command),
		T(elcr_has_inputs_that_are_always_edges),
		L(r10_level_to_edge_in_service),
		T(elcr_change_takes_the_line_as_it_is), T(m1_m2_imr),
		L(m1_m2_cascade), T(other_ports_are_not_ours),
		L(reset_keeps_lines_alone), L(guest_writes_anything),
	};

	return cmocka_run_group_tests_name("i8259", tests, NULL, NULL);
}
