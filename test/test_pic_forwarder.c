/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pair of 8259 and forwards together: what reaches the outside, and what the
 * processor is told.  The guest is Linux's handle_level_irq with mask_and_ack,
 * and others; "the host" is the test itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "forward/pic_forwarder.h"

#define PIN	5	/* of the master */
#define SLAVE	10	/* a pin of the slave */
#define BASE	0x30	/* of the master's vectors; the slave's follow */
#define A	0	/* a forward */
#define B	1	/* another */
#define EMULATED	2	/* a line that the VMM drives */

#define AUTO_EOI	3	/* ICW4 */
#define MANUAL_EOI	1

struct bench {
	struct pic_forwarder pf;
	struct effects out;
};

static void outb(struct bench *b, uint8_t value, uint16_t port)
{
	b->out.nr = 0;
	pic_forwarder_write(&b->pf, port, value, &b->out);
}

static void initialise(struct bench *b, uint8_t icw4)
{
	outb(b, 0x11, I8259_MASTER_COMMAND);
	outb(b, BASE, I8259_MASTER_DATA);
	outb(b, 0x04, I8259_MASTER_DATA);
	outb(b, icw4, I8259_MASTER_DATA);
	outb(b, 0x11, I8259_SLAVE_COMMAND);
	outb(b, BASE + 8, I8259_SLAVE_DATA);
	outb(b, 0x02, I8259_SLAVE_DATA);
	outb(b, icw4, I8259_SLAVE_DATA);
}

static struct bench *bench_new(enum forward_policy policy, unsigned int pin,
			       uint8_t icw4)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	pic_forwarder_init(&b->pf);
	pic_forwarder_add(&b->pf, A, pin, policy, 0);
	outb(b, 1 << PIN, I8259_MASTER_ELCR);
	outb(b, 1 << (SLAVE - 8), I8259_SLAVE_ELCR);
	initialise(b, icw4);
	return b;
}

static void trigger(struct bench *b, unsigned int source)
{
	b->out.nr = 0;
	pic_forwarder_trigger(&b->pf, source, &b->out);
}

static uint8_t intack(struct bench *b)
{
	b->out.nr = 0;
	return pic_forwarder_intack(&b->pf, &b->out);
}

static unsigned int count(const struct bench *b, enum effect_kind kind)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < b->out.nr; i++)
		nr += b->out.v[i].kind == kind;
	return nr;
}

static void eoi_specific(struct bench *b, unsigned int pin)
{
	outb(b, (uint8_t)(0x60 | (pin & 7)),
	     pin < 8 ? I8259_MASTER_COMMAND : I8259_SLAVE_COMMAND);
}

static bool output(const struct bench *b)
{
	return pic_forwarder_output(&b->pf);
}

/* mask_and_ack_8259A(), the handler, and the unmask. */
static void handle_level_irq_defers_to_the_unmask(void **state)
{
	struct bench *b = bench_new(FORWARD_UNMASK, PIN, MANUAL_EOI);

	trigger(b, A);
	assert_true(output(b));
	assert_int_equal(count(b, EFFECT_DELIVER), 0);
	assert_int_equal(intack(b), BASE + PIN);
	assert_false(output(b));
	assert_int_equal(count(b, EFFECT_ACK), 0);

	outb(b, 1 << PIN, I8259_MASTER_DATA);
	assert_int_equal(count(b, EFFECT_MASK), 1);
	assert_int_equal(count(b, EFFECT_LOWER), 0);
	eoi_specific(b, PIN);
	assert_int_equal(count(b, EFFECT_ACK), 1);
	assert_int_equal(count(b, EFFECT_LOWER), 1);
	assert_int_equal(count(b, EFFECT_DEFER), 1);
	assert_int_equal(count(b, EFFECT_RESAMPLE), 0);

	outb(b, 0, I8259_MASTER_DATA);
	assert_int_equal(count(b, EFFECT_UNMASK), 1);
	assert_int_equal(count(b, EFFECT_RESAMPLE), 1);
	assert_false(output(b));
	free(b);
	(void)state;
}

static void policy_eoi_looks_again_while_masked(void **state)
{
	struct bench *b = bench_new(FORWARD_EOI, PIN, MANUAL_EOI);

	trigger(b, A);
	intack(b);
	outb(b, 1 << PIN, I8259_MASTER_DATA);
	eoi_specific(b, PIN);
	assert_int_equal(count(b, EFFECT_RESAMPLE), 1);
	trigger(b, A);
	assert_int_equal(count(b, EFFECT_RAISE), 1);
	outb(b, 0, I8259_MASTER_DATA);
	assert_true(output(b));
	free(b);
	(void)state;
}

static void an_eoi_lowers_before_the_pin_requests_again(void **state)
{
	struct bench *b = bench_new(FORWARD_UNMASK, PIN, MANUAL_EOI);

	trigger(b, A);
	intack(b);
	outb(b, 0x20, I8259_MASTER_COMMAND);
	assert_int_equal(count(b, EFFECT_LOWER), 1);
	assert_int_equal(count(b, EFFECT_RESAMPLE), 1);
	assert_int_equal(count(b, EFFECT_SETTLE), 0);
	assert_false(output(b));
	trigger(b, A);
	assert_true(output(b));
	assert_int_equal(intack(b), BASE + PIN);
	free(b);
	(void)state;
}

static void an_eoi_of_nothing_is_not_an_ack(void **state)
{
	struct bench *b = bench_new(FORWARD_UNMASK, PIN, MANUAL_EOI);

	trigger(b, A);
	eoi_specific(b, PIN);
	assert_int_equal(b->out.nr, 0);
	outb(b, 0x20, I8259_MASTER_COMMAND);
	assert_int_equal(b->out.nr, 0);
	assert_true(output(b));
	free(b);
	(void)state;
}

static void auto_eoi_acks_in_the_inta_cycle(void **state)
{
	struct bench *b = bench_new(FORWARD_UNMASK, PIN, AUTO_EOI);

	trigger(b, A);
	assert_int_equal(intack(b), BASE + PIN);
	assert_int_equal(count(b, EFFECT_ACK), 1);
	assert_int_equal(count(b, EFFECT_LOWER), 1);
	assert_int_equal(count(b, EFFECT_RESAMPLE), 1);
	assert_false(output(b));

	/* still high; the guest masks before it can be taken */
	trigger(b, A);
	outb(b, 1 << PIN, I8259_MASTER_DATA);
	assert_int_equal(count(b, EFFECT_LOWER), 1);
	assert_int_equal(count(b, EFFECT_DEFER), 1);
	outb(b, 0, I8259_MASTER_DATA);
	assert_int_equal(count(b, EFFECT_RESAMPLE), 1);
	assert_false(output(b));
	free(b);
	(void)state;
}

static void a_poll_acks_with_auto_eoi(void **state)
{
	struct bench *b = bench_new(FORWARD_UNMASK, PIN, AUTO_EOI);

	trigger(b, A);
	outb(b, 0x0c, I8259_MASTER_COMMAND);
	assert_int_equal(b->out.nr, 0);
	assert_int_equal(pic_forwarder_read(&b->pf, I8259_MASTER_COMMAND,
					    &b->out), 0x80 | PIN);
	assert_int_equal(count(b, EFFECT_RESAMPLE), 1);
	assert_false(output(b));
	free(b);
	(void)state;
}

static void a_slave_pin_is_acked_by_the_slaves_eoi(void **state)
{
	struct bench *b = bench_new(FORWARD_UNMASK, SLAVE, MANUAL_EOI);

	trigger(b, A);
	assert_int_equal(intack(b), BASE + SLAVE);
	outb(b, 1 << (SLAVE - 8), I8259_SLAVE_DATA);
	eoi_specific(b, SLAVE);
	assert_int_equal(count(b, EFFECT_ACK), 1);
	assert_int_equal(count(b, EFFECT_DEFER), 1);
	eoi_specific(b, I8259_CASCADE);
	assert_int_equal(b->out.nr, 0);
	outb(b, 0, I8259_SLAVE_DATA);
	assert_int_equal(count(b, EFFECT_RESAMPLE), 1);
	free(b);
	(void)state;
}

static void the_masters_eoi_frees_the_cascade(void **state)
{
	struct bench *b = bench_new(FORWARD_UNMASK, SLAVE, MANUAL_EOI);

	trigger(b, A);
	intack(b);
	eoi_specific(b, SLAVE);
	assert_int_equal(count(b, EFFECT_RESAMPLE), 1);
	trigger(b, A);
	assert_false(output(b));
	eoi_specific(b, I8259_CASCADE);
	assert_true(output(b));
	free(b);
	(void)state;
}

static void the_cascades_mask_defers_the_slave(void **state)
{
	struct bench *b = bench_new(FORWARD_UNMASK, SLAVE, MANUAL_EOI);

	outb(b, 1 << I8259_CASCADE, I8259_MASTER_DATA);
	trigger(b, A);
	assert_int_equal(count(b, EFFECT_DEFER), 1);
	assert_int_equal(count(b, EFFECT_RAISE), 0);
	outb(b, 0, I8259_MASTER_DATA);
	assert_int_equal(count(b, EFFECT_RESAMPLE), 1);
	free(b);
	(void)state;
}

static void nothing_is_believed_before_the_icws(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	pic_forwarder_init(&b->pf);
	pic_forwarder_add(&b->pf, A, PIN, FORWARD_UNMASK, 0);
	outb(b, 1 << PIN, I8259_MASTER_ELCR);
	trigger(b, A);
	assert_int_equal(count(b, EFFECT_DEFER), 1);
	initialise(b, MANUAL_EOI);
	assert_false(output(b));
	outb(b, 1 << PIN, I8259_MASTER_DATA);
	outb(b, 0, I8259_MASTER_DATA);
	assert_int_equal(count(b, EFFECT_DRAIN), 1);
	trigger(b, A);
	assert_true(output(b));
	free(b);
	(void)state;
}

static void an_icw1_in_service_is_an_ack(void **state)
{
	struct bench *b = bench_new(FORWARD_UNMASK, PIN, MANUAL_EOI);

	trigger(b, A);
	intack(b);
	outb(b, 0x11, I8259_MASTER_COMMAND);
	assert_int_equal(count(b, EFFECT_ACK), 1);
	assert_int_equal(count(b, EFFECT_DEFER), 1);
	assert_int_equal(count(b, EFFECT_RESAMPLE), 0);
	outb(b, BASE, I8259_MASTER_DATA);
	outb(b, 0x04, I8259_MASTER_DATA);
	outb(b, MANUAL_EOI, I8259_MASTER_DATA);
	assert_int_equal(count(b, EFFECT_RESAMPLE), 1);
	free(b);
	(void)state;
}

/* 8 pins in service, and 15 that are masked at once: EFFECTS_MAX holds them. */
static void the_largest_event_fits(void **state)
{
	struct bench *b = bench_new(FORWARD_UNMASK, PIN, MANUAL_EOI);

	for (unsigned int s = 1; s < FORWARDS_MAX; s++)
		pic_forwarder_add(&b->pf, s, PIN, FORWARD_UNMASK, 0);
	for (unsigned int s = 0; s < FORWARDS_MAX; s++)
		trigger(b, s);
	intack(b);
	outb(b, 0x11, I8259_MASTER_COMMAND);
	assert_int_equal(count(b, EFFECT_MASK), 15);
	assert_int_equal(count(b, EFFECT_DEFER), FORWARDS_MAX);
	free(b);
	(void)state;
}

static void an_elcr_that_turns_to_edge_is_an_ack(void **state)
{
	struct bench *b = bench_new(FORWARD_UNMASK, PIN, MANUAL_EOI);

	trigger(b, A);
	intack(b);
	outb(b, 0, I8259_MASTER_ELCR);
	assert_int_equal(count(b, EFFECT_ACK), 1);
	assert_int_equal(count(b, EFFECT_RESAMPLE), 1);
	assert_false(output(b));
	free(b);
	(void)state;
}

static void a_line_that_falls_before_inta_is_spurious(void **state)
{
	struct bench *b = bench_new(FORWARD_UNMASK, PIN, MANUAL_EOI);

	trigger(b, A);
	assert_true(output(b));
	b->out.nr = 0;
	pic_forwarder_cut(&b->pf, A, true, &b->out);
	assert_int_equal(count(b, EFFECT_LOWER), 1);
	assert_int_equal(intack(b), BASE + 7);
	assert_int_equal(b->out.nr, 0);
	b->out.nr = 0;
	pic_forwarder_cut(&b->pf, A, false, &b->out);
	assert_int_equal(count(b, EFFECT_RESAMPLE), 1);
	free(b);
	(void)state;
}

static void sources_of_a_pin_are_all_resampled(void **state)
{
	struct bench *b = bench_new(FORWARD_UNMASK, PIN, MANUAL_EOI);

	pic_forwarder_add(&b->pf, B, PIN, FORWARD_UNMASK, 0);
	trigger(b, A);
	trigger(b, B);
	pic_forwarder_set_line(&b->pf, EMULATED, PIN, true);
	intack(b);
	outb(b, 0x20, I8259_MASTER_COMMAND);
	assert_int_equal(count(b, EFFECT_RESAMPLE), 2);
	assert_true(output(b));
	pic_forwarder_set_line(&b->pf, EMULATED, PIN, false);
	assert_false(output(b));
	free(b);
	(void)state;
}

static void another_pins_forward_is_not_told(void **state)
{
	struct bench *b = bench_new(FORWARD_UNMASK, PIN, MANUAL_EOI);

	pic_forwarder_add(&b->pf, B, SLAVE, FORWARD_UNMASK, 0);
	trigger(b, A);
	trigger(b, B);
	assert_int_equal(intack(b), BASE + SLAVE);
	eoi_specific(b, SLAVE);
	assert_int_equal(count(b, EFFECT_RESAMPLE), 1);
	assert_int_equal(b->pf.forward[A].phase, FORWARD_RAISED);
	eoi_specific(b, I8259_CASCADE);
	assert_int_equal(intack(b), BASE + PIN);
	free(b);
	(void)state;
}

static void an_edge_is_taken_once_and_acks_nothing(void **state)
{
	struct bench *b = bench_new(FORWARD_UNMASK, PIN, MANUAL_EOI);

	pic_forwarder_pulse(&b->pf, 1);
	assert_int_equal(intack(b), BASE + 1);
	eoi_specific(b, 1);
	assert_int_equal(b->out.nr, 0);
	assert_false(output(b));
	free(b);
	(void)state;
}

static void sample_reads_at_the_unmask(void **state)
{
	struct bench *b = bench_new(FORWARD_SAMPLE, PIN, MANUAL_EOI);

	trigger(b, A);
	intack(b);
	outb(b, 1 << PIN, I8259_MASTER_DATA);
	eoi_specific(b, PIN);
	assert_int_equal(count(b, EFFECT_SAMPLE), 0);
	outb(b, 0, I8259_MASTER_DATA);
	assert_int_equal(count(b, EFFECT_SAMPLE), 1);
	b->out.nr = 0;
	pic_forwarder_sampled(&b->pf, A, FORWARD_LEVEL_HIGH, &b->out);
	assert_int_equal(count(b, EFFECT_RESAMPLE), 0);
	assert_true(output(b));
	free(b);
	(void)state;
}

static void removal_and_reset_leave_nothing_masked(void **state)
{
	struct bench *b = bench_new(FORWARD_UNMASK, PIN, MANUAL_EOI);

	trigger(b, A);
	b->out.nr = 0;
	pic_forwarder_reset(&b->pf, &b->out);
	assert_int_equal(count(b, EFFECT_LOWER), 1);
	assert_int_equal(count(b, EFFECT_RESAMPLE), 1);
	assert_false(output(b));
	trigger(b, A);
	assert_int_equal(count(b, EFFECT_DEFER), 1);

	initialise(b, MANUAL_EOI);
	trigger(b, A);
	b->out.nr = 0;
	pic_forwarder_remove(&b->pf, A, &b->out);
	assert_int_equal(count(b, EFFECT_RESAMPLE), 1);
	assert_int_equal(b->pf.pic.lines[PIN], 0);
	pic_forwarder_add(&b->pf, A, PIN, FORWARD_UNMASK, 0);
	free(b);
	(void)state;
}

static void a_timeout_ends_a_throttle(void **state)
{
	struct bench *b = bench_new(FORWARD_UNMASK, PIN, MANUAL_EOI);

	pic_forwarder_add(&b->pf, B, PIN, FORWARD_UNMASK, 1);
	trigger(b, B);
	intack(b);
	outb(b, 0x20, I8259_MASTER_COMMAND);
	assert_int_equal(count(b, EFFECT_SAMPLE), 1);
	b->out.nr = 0;
	pic_forwarder_sampled(&b->pf, B, FORWARD_LEVEL_UNKNOWN, &b->out);
	assert_int_equal(count(b, EFFECT_THROTTLE), 1);
	b->out.nr = 0;
	pic_forwarder_timeout(&b->pf, B, &b->out);
	assert_int_equal(count(b, EFFECT_RESAMPLE), 1);
	free(b);
	(void)state;
}

static void a_signal_that_waited_is_drained(void **state)
{
	struct bench *b = bench_new(FORWARD_UNMASK, PIN, MANUAL_EOI);

	outb(b, 1 << PIN, I8259_MASTER_DATA);
	outb(b, 0, I8259_MASTER_DATA);
	assert_int_equal(count(b, EFFECT_DRAIN), 1);
	b->out.nr = 0;
	pic_forwarder_drained(&b->pf, A, true, &b->out);
	assert_int_equal(count(b, EFFECT_RESAMPLE), 1);
	free(b);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handle_level_irq_defers_to_the_unmask),
		cmocka_unit_test(policy_eoi_looks_again_while_masked),
		cmocka_unit_test(an_eoi_lowers_before_the_pin_requests_again),
		cmocka_unit_test(an_eoi_of_nothing_is_not_an_ack),
		cmocka_unit_test(auto_eoi_acks_in_the_inta_cycle),
		cmocka_unit_test(a_poll_acks_with_auto_eoi),
		cmocka_unit_test(a_slave_pin_is_acked_by_the_slaves_eoi),
		cmocka_unit_test(the_masters_eoi_frees_the_cascade),
		cmocka_unit_test(the_cascades_mask_defers_the_slave),
		cmocka_unit_test(nothing_is_believed_before_the_icws),
		cmocka_unit_test(an_icw1_in_service_is_an_ack),
		cmocka_unit_test(the_largest_event_fits),
		cmocka_unit_test(an_elcr_that_turns_to_edge_is_an_ack),
		cmocka_unit_test(a_line_that_falls_before_inta_is_spurious),
		cmocka_unit_test(sources_of_a_pin_are_all_resampled),
		cmocka_unit_test(another_pins_forward_is_not_told),
		cmocka_unit_test(an_edge_is_taken_once_and_acks_nothing),
		cmocka_unit_test(sample_reads_at_the_unmask),
		cmocka_unit_test(removal_and_reset_leave_nothing_masked),
		cmocka_unit_test(a_timeout_ends_a_throttle),
		cmocka_unit_test(a_signal_that_waited_is_drained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
