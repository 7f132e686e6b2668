/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The IOAPIC, register by register and rule by rule.  L, E and M rows are those
 * of the table above src/chip/ioapic.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "chip/ioapic.h"
#include "effects_text.h"

#define IOREGSEL	0x00
#define IOWIN		0x10
#define EOI		0x40

#define ID		0x00
#define VERSION		0x01
#define ARBITRATION	0x02
#define LOW(pin)	(0x10u + 2 * (pin))
#define HIGH(pin)	(0x11u + 2 * (pin))

#define MASKED		0x10000u
#define LEVEL		0x08000u
#define REMOTE_IRR	0x04000u
#define ACTIVE_LOW	0x02000u
#define SEND_PENDING	0x01000u
#define LOGICAL		0x00800u
#define MODE(m)		((uint32_t)(m) << 8)

#define PIN	3u
#define OTHER	7u

static struct ioapic ic;
static struct effects out;

/* ---- what a guest does: dword accesses ---------------------------------- */

static uint32_t peek(unsigned int index)
{
	ioapic_write(&ic, IOREGSEL, index, 4, &out);
	return (uint32_t)ioapic_read(&ic, IOWIN, 4);
}

static void poke(unsigned int index, uint32_t value)
{
	ioapic_write(&ic, IOREGSEL, index, 4, &out);
	ioapic_write(&ic, IOWIN, value, 4, &out);
}

static int with_version(uint8_t version, unsigned int pins)
{
	ioapic_init(&ic, pins, version);
	out.nr = 0;
	return 0;
}

static int setup(void **state)
{
	return with_version(IOAPIC_VERSION_ICH, IOAPIC_PINS_DEFAULT);
}

/* Level, unmasked, vector 0x41; and its UNMASK is out of the way. */
static void level_pin(unsigned int pin, uint8_t vector)
{
	poke(LOW(pin), LEVEL | vector);
	assert_int_equal(out.nr, 1);
	assert_int_equal(out.v[0].kind, EFFECT_UNMASK);
	out.nr = 0;
}

static void edge_pin(unsigned int pin, uint8_t vector)
{
	poke(LOW(pin), vector);
	assert_int_equal(out.nr, 1);
	out.nr = 0;
}

static void in_service(unsigned int pin, uint8_t vector)
{
	level_pin(pin, vector);
	ioapic_raise(&ic, pin, 0, &out);
	assert_int_equal(out.nr, 1);
	assert_int_equal(out.v[0].kind, EFFECT_DELIVER);
	out.nr = 0;
	assert_true(peek(LOW(pin)) & REMOTE_IRR);
}

/* ---- registers ---------------------------------------------------------- */

static void power_on(void **state)
{
	assert_int_equal(peek(ID), 0);
	for (unsigned int i = 0; i < IOAPIC_PINS_DEFAULT; i++) {
		assert_int_equal(peek(LOW(i)), MASKED);
		assert_int_equal(peek(HIGH(i)), 0);
	}
	assert_effects(&out, "");
}

static void select_holds_8_bits(void **state)
{
	ioapic_write(&ic, IOREGSEL, 0xffffffff, 4, &out);
	assert_int_equal(ioapic_read(&ic, IOREGSEL, 4), 0xff);
	assert_int_equal(ioapic_read(&ic, IOWIN, 4), 0);
}

static void id_is_bits_27_to_24(void **state)
{
	poke(ID, 0xffffffff);
	assert_int_equal(peek(ID), 0x0f000000);
	poke(ID, 0x05000000);
	assert_int_equal(peek(ID), 0x05000000);
}

static void version_tells_pins(void **state)
{
	assert_int_equal(peek(VERSION), 0x170020);
	poke(VERSION, 0xffffffff);
	assert_int_equal(peek(VERSION), 0x170020);
	with_version(IOAPIC_VERSION_82093AA, 1);
	assert_int_equal(peek(VERSION), 0x11);
	with_version(IOAPIC_VERSION_ICH, 240);
	assert_int_equal(peek(VERSION), 0xef0020);
}

static void arbitration_follows_id(void **state)
{
	poke(ID, 0x09000000);
	poke(ARBITRATION, 0x0f000000);
	assert_int_equal(peek(ARBITRATION), 0x09000000);
}

static void unused_indices_read_0(void **state)
{
	for (unsigned int i = ARBITRATION + 1; i < LOW(0); i++) {
		poke(i, 0xffffffff);
		assert_int_equal(peek(i), 0);
	}
	for (unsigned int i = LOW(IOAPIC_PINS_DEFAULT); i < 0x100; i++) {
		poke(i, 0);
		assert_int_equal(peek(i), 0);
	}
	assert_effects(&out, "");
}

static void entry_keeps_what_is_writable(void **state)
{
	poke(LOW(PIN), 0xffffffff);
	assert_int_equal(peek(LOW(PIN)), 0xffffffff & (MASKED | LEVEL |
			 ACTIVE_LOW | LOGICAL | MODE(7) | 0xff));
	poke(HIGH(PIN), 0xffffffff);
	assert_int_equal(peek(HIGH(PIN)), 0xfffe0000);
	/* Neighbours are left alone. */
	assert_int_equal(peek(LOW(PIN - 1)), MASKED);
	assert_int_equal(peek(HIGH(PIN - 1)), 0);
	assert_int_equal(peek(LOW(PIN + 1)), MASKED);
	assert_effects(&out, "");
}

/* Fact 5: the guest reads Remote IRR and can neither set nor clear it. */
static void remote_irr_is_read_only(void **state)
{
	poke(LOW(OTHER), MASKED | LEVEL | REMOTE_IRR | SEND_PENDING);
	assert_int_equal(peek(LOW(OTHER)), MASKED | LEVEL);
	in_service(PIN, 0x41);
	poke(LOW(PIN), LEVEL | 0x41);
	assert_int_equal(peek(LOW(PIN)), LEVEL | REMOTE_IRR | 0x41);
	poke(LOW(PIN), LEVEL | MASKED | 0x41);
	assert_true(peek(LOW(PIN)) & REMOTE_IRR);
	assert_effects(&out, "mask 3");
}

/* 240 entries: the index has a ninth bit where it needs one. */
static void all_of_240_pins_are_reached(void **state)
{
	with_version(IOAPIC_VERSION_ICH, 240);
	for (unsigned int i = 0; i < 240; i++)
		poke(HIGH(i), i << 24);
	for (unsigned int i = 0; i < 240; i++) {
		assert_int_equal(ic.pin[i].dest, i);
		assert_int_equal(peek(HIGH(i)), i << 24);
	}
	level_pin(239, 0x99);
	ioapic_raise(&ic, 239, 0, &out);
	assert_effects(&out, "deliver 239:99");
}

static void select_is_9_bits_above_120_pins(void **state)
{
	with_version(IOAPIC_VERSION_ICH, 120);
	ioapic_write(&ic, IOREGSEL, 0xffff, 4, &out);
	assert_int_equal(ioapic_read(&ic, IOREGSEL, 4), 0xff);
	with_version(IOAPIC_VERSION_ICH, 121);
	ioapic_write(&ic, IOREGSEL, 0xffff, 4, &out);
	assert_int_equal(ioapic_read(&ic, IOREGSEL, 4), 0x1ff);
	/* A byte leaves the ninth bit alone. */
	ioapic_write(&ic, IOREGSEL, LOW(0), 1, &out);
	assert_int_equal(ioapic_read(&ic, IOREGSEL, 4), 0x100 | LOW(0));
}

/* ---- accesses that are not dwords --------------------------------------- */

static void select_takes_a_byte(void **state)
{
	ioapic_write(&ic, IOREGSEL, VERSION, 1, &out);
	assert_int_equal(ioapic_read(&ic, IOREGSEL, 1), VERSION);
	assert_int_equal(ioapic_read(&ic, IOWIN, 4), 0x170020);
}

static void window_reads_in_parts(void **state)
{
	poke(LOW(PIN), MASKED | LEVEL | MODE(1) | 0x41);
	assert_int_equal(ioapic_read(&ic, IOWIN, 1), 0x41);
	assert_int_equal(ioapic_read(&ic, IOWIN + 1, 1), 0x81);
	assert_int_equal(ioapic_read(&ic, IOWIN + 2, 2), 1);
	assert_int_equal(ioapic_read(&ic, IOWIN + 1, 2), 0x0181);
	assert_int_equal(ioapic_read(&ic, IOWIN + 3, 4), 0);
	assert_int_equal(ioapic_read(&ic, IOWIN, 8), MASKED | LEVEL | MODE(1) | 0x41);
	assert_int_equal(ioapic_read(&ic, IOWIN - 4, 8),
			 (uint64_t)(MASKED | LEVEL | MODE(1) | 0x41) << 32);
	assert_int_equal(ioapic_read(&ic, IOWIN - 2, 3), 0x410000);
}

static void window_write_keeps_other_bytes(void **state)
{
	poke(LOW(PIN), MASKED | LEVEL | MODE(1) | 0x41);
	ioapic_write(&ic, IOWIN, 0x42, 1, &out);
	assert_int_equal(peek(LOW(PIN)), MASKED | LEVEL | MODE(1) | 0x42);
	assert_effects(&out, "");
	/* The byte with the mask bit alone. */
	ioapic_write(&ic, IOWIN + 2, 0, 1, &out);
	assert_int_equal(peek(LOW(PIN)), LEVEL | MODE(1) | 0x42);
	assert_effects(&out, "unmask 3");
	/* Unaligned over the first half; the bytes before it are nobody's. */
	ioapic_write(&ic, IOWIN - 2, 0xa043ffff, 4, &out);
	assert_int_equal(peek(LOW(PIN)), LEVEL | ACTIVE_LOW | 0x43);
	assert_effects(&out, "");
}

static void qword_reaches_one_register(void **state)
{
	ioapic_write(&ic, IOREGSEL, 0xffffffff00000000 | LOW(PIN), 8, &out);
	assert_int_equal(ioapic_read(&ic, IOREGSEL, 8), LOW(PIN));
	ioapic_write(&ic, IOWIN, 0xffffffff00000000 | MASKED | 0x33, 8, &out);
	assert_int_equal(peek(LOW(PIN)), MASKED | 0x33);
	assert_int_equal(peek(HIGH(PIN)), 0);
}

static void short_write_ignores_value_above_size(void **state)
{
	ioapic_write(&ic, IOREGSEL, LOW(PIN), 4, &out);
	ioapic_write(&ic, IOWIN, 0xffffffffffffff55, 1, &out);
	assert_int_equal(peek(LOW(PIN)), MASKED | 0x55);
}

static void rest_of_the_page_is_nobodys(void **state)
{
	const struct ioapic before = ic;

	for (uint64_t at = 0; at < 0x2000; at++) {
		bool near = at <= IOREGSEL + 3 || (at > IOWIN - 8 && at < IOWIN + 4) ||
			    (at > EOI - 8 && at < EOI + 4);

		if (near)
			continue;
		ioapic_write(&ic, at, UINT64_MAX, 8, &out);
		assert_int_equal(ioapic_read(&ic, at, 8), 0);
	}
	/* An address before the page wraps round to the last offsets. */
	ioapic_write(&ic, UINT64_MAX - 1, UINT64_MAX, 8, &out);
	assert_int_equal(ioapic_read(&ic, UINT64_MAX - 1, 8), 0);
	assert_memory_equal(&ic, &before, sizeof(ic));
	assert_effects(&out, "");
}

/* ---- level pins --------------------------------------------------------- */

static void l1_ready_delivers(void **state)
{
	poke(HIGH(PIN), 0x05000000);
	poke(LOW(PIN), LEVEL | LOGICAL | MODE(1) | 0x41);
	assert_effects(&out, "unmask 3");
	ioapic_raise(&ic, PIN, 0, &out);
	assert_int_equal(out.v[0].msg.dest, 5);
	assert_int_equal(out.v[0].msg.mode, DELIVERY_LOWEST);
	assert_true(out.v[0].msg.logical);
	assert_true(out.v[0].msg.level);
	assert_effects(&out, "deliver 3:41");
}

/* Linux unmasks a pin whose line has been high for long. */
static void l1_unmask_of_a_high_line_delivers(void **state)
{
	poke(LOW(PIN), MASKED | LEVEL | 0x41);
	ioapic_raise(&ic, PIN, 0, &out);
	assert_effects(&out, "");
	poke(LOW(PIN), LEVEL | 0x41);
	assert_effects(&out, "unmask 3 deliver 3:41");
}

static void l2_not_ready_is_silent(void **state)
{
	poke(LOW(PIN), MASKED | LEVEL | 0x41);
	ioapic_raise(&ic, PIN, 0, &out);
	ioapic_settle(&ic, PIN, &out);
	ioapic_lower(&ic, PIN, 0);
	poke(LOW(PIN), LEVEL | 0x41);
	ioapic_settle(&ic, PIN, &out);
	assert_effects(&out, "unmask 3");
	assert_false(peek(LOW(PIN)) & REMOTE_IRR);
}

/* Delivered into the void, Remote IRR would never be cleared. */
static void l2_reserved_mode_is_silent(void **state)
{
	poke(LOW(PIN), LEVEL | MODE(3) | 0x41);
	ioapic_raise(&ic, PIN, 0, &out);
	poke(LOW(PIN), LEVEL | MODE(6) | 0x41);
	ioapic_pulse(&ic, PIN, &out);
	assert_effects(&out, "unmask 3");
	poke(LOW(PIN), LEVEL | 0x41);
	assert_effects(&out, "deliver 3:41");
}

/* Fact 7: xhyve delivered twice before any EOI. */
static void l3_line_drops_and_rises_in_service(void **state)
{
	in_service(PIN, 0x41);
	ioapic_lower(&ic, PIN, 0);
	ioapic_raise(&ic, PIN, 0, &out);
	ioapic_raise(&ic, PIN, 1, &out);
	ioapic_settle(&ic, PIN, &out);
	assert_effects(&out, "");
}

/* Fact 1: a oneshot handler masks before it EOIs; fact 5: IRR survives that. */
static void l3_mask_and_unmask_in_service(void **state)
{
	in_service(PIN, 0x41);
	poke(LOW(PIN), MASKED | LEVEL | 0x41);
	poke(LOW(PIN), LEVEL | 0x41);
	assert_true(peek(LOW(PIN)) & REMOTE_IRR);
	assert_effects(&out, "mask 3 unmask 3");
}

static void l4_rewritten_in_service(void **state)
{
	in_service(PIN, 0x41);
	poke(HIGH(PIN), 0x02000000);
	poke(LOW(PIN), LEVEL | MODE(1) | 0x52);
	assert_effects(&out, "");
	assert_true(peek(LOW(PIN)) & REMOTE_IRR);
	ioapic_eoi(&ic, 0x41, &out);
	ioapic_settle(&ic, PIN, &out);
	assert_int_equal(out.v[1].msg.dest, 2);
	assert_effects(&out, "ack 3 deliver 3:52");
}

/* The sources are heard between ACK and settle. */
static void l5_eoi_acks_and_waits_for_settle(void **state)
{
	in_service(PIN, 0x41);
	ioapic_eoi(&ic, 0x41, &out);
	assert_effects(&out, "ack 3");
	assert_false(peek(LOW(PIN)) & REMOTE_IRR);
	ioapic_settle(&ic, PIN, &out);
	assert_effects(&out, "deliver 3:41");
	ioapic_eoi(&ic, 0x41, &out);
	ioapic_lower(&ic, PIN, 0);
	ioapic_settle(&ic, PIN, &out);
	assert_effects(&out, "ack 3");
}

/* A pin that is idle again is as if nothing had been: states are compared. */
static void l5_leaves_no_trace(void **state)
{
	struct ioapic before;

	level_pin(PIN, 0x41);
	before = ic;
	ioapic_raise(&ic, PIN, 0, &out);
	ioapic_lower(&ic, PIN, 0);
	ioapic_eoi(&ic, 0x41, &out);
	assert_memory_equal(&ic, &before, sizeof(ic));
	assert_effects(&out, "deliver 3:41 ack 3");
}

/* Facts 1 and 3: EOI while masked. */
static void l5_eoi_while_masked(void **state)
{
	in_service(PIN, 0x41);
	poke(LOW(PIN), MASKED | LEVEL | 0x41);
	ioapic_eoi(&ic, 0x41, &out);
	ioapic_settle(&ic, PIN, &out);
	assert_effects(&out, "mask 3 ack 3");
	poke(LOW(PIN), LEVEL | 0x41);
	assert_effects(&out, "unmask 3 deliver 3:41");
}

/* Fact 6: every pin with the vector. */
static void l5_eoi_of_a_shared_vector(void **state)
{
	in_service(PIN, 0x41);
	in_service(OTHER, 0x41);
	in_service(OTHER + 1, 0x42);
	level_pin(OTHER + 2, 0x41);
	ioapic_eoi(&ic, 0x41, &out);
	assert_effects(&out, "ack 3 ack 7");
}

static void l6_eoi_register(void **state)
{
	in_service(PIN, 0x41);
	ioapic_write(&ic, EOI, 0x41, 4, &out);
	assert_effects(&out, "ack 3");
	assert_int_equal(ioapic_read(&ic, EOI, 4), 0);
}

static void l6_eoi_register_takes_either_vector(void **state)
{
	in_service(PIN, 0x41);
	poke(LOW(PIN), LEVEL | 0x52);
	ioapic_write(&ic, EOI, 0x52, 4, &out);
	assert_effects(&out, "ack 3");
	ioapic_settle(&ic, PIN, &out);
	poke(LOW(PIN), LEVEL | 0x63);
	ioapic_write(&ic, EOI, 0x52, 4, &out);
	assert_effects(&out, "deliver 3:52 ack 3");
}

/* Fact 10. */
static void l6_version_0x11_has_no_eoi_register(void **state)
{
	with_version(IOAPIC_VERSION_82093AA, IOAPIC_PINS_DEFAULT);
	in_service(PIN, 0x41);
	ioapic_write(&ic, EOI, 0x41, 4, &out);
	assert_effects(&out, "");
	assert_true(peek(LOW(PIN)) & REMOTE_IRR);
}

static void l6_eoi_register_by_parts(void **state)
{
	in_service(PIN, 0x00);
	/* Without its vector's byte it EOIs nothing: not vector 0 either. */
	ioapic_write(&ic, EOI + 1, 0, 1, &out);
	ioapic_write(&ic, EOI + 2, 0, 8, &out);
	assert_effects(&out, "");
	ioapic_write(&ic, EOI - 1, 0, 2, &out);
	assert_effects(&out, "ack 3");
}

/* Fact 5: the pseudo-EOI of Linux before the EOI register, as Linux writes it. */
static void l7_pseudo_eoi_acks(void **state)
{
	with_version(IOAPIC_VERSION_82093AA, IOAPIC_PINS_DEFAULT);
	in_service(PIN, 0x41);
	poke(LOW(PIN), MASKED | 0x41);
	assert_false(peek(LOW(PIN)) & REMOTE_IRR);
	assert_effects(&out, "ack 3 mask 3");
	ioapic_settle(&ic, PIN, &out);
	assert_effects(&out, "");
	poke(HIGH(PIN), 0);
	poke(LOW(PIN), LEVEL | 0x41);
	assert_effects(&out, "unmask 3 deliver 3:41");
}

/* NMI and its like have no Remote IRR, so taking one up is a switch to edge. */
static void l7_switch_to_an_edge_mode_acks(void **state)
{
	static const uint8_t modes[] = {
		DELIVERY_SMI, DELIVERY_NMI, DELIVERY_INIT, DELIVERY_EXTINT, 3, 6,
	};

	for (size_t i = 0; i < sizeof(modes); i++) {
		setup(NULL);
		in_service(PIN, 0x41);
		poke(LOW(PIN), LEVEL | MODE(modes[i]) | 0x41);
		assert_effects(&out, "ack 3");
		assert_int_equal(peek(LOW(PIN)), LEVEL | MODE(modes[i]) | 0x41);
	}
}

static void l8_other_eois_change_nothing(void **state)
{
	in_service(PIN, 0x41);
	poke(LOW(PIN), LEVEL | 0x52);
	ioapic_eoi(&ic, 0x52, &out);	/* as programmed is not as delivered */
	ioapic_eoi(&ic, 0x00, &out);
	ioapic_write(&ic, EOI, 0x00, 4, &out);
	assert_effects(&out, "");
	ioapic_eoi(&ic, 0x41, &out);
	assert_effects(&out, "ack 3");
	ioapic_eoi(&ic, 0x41, &out);	/* fact 6: gated on Remote IRR */
	ioapic_eoi(&ic, 0x00, &out);
	ioapic_write(&ic, EOI, 0x52, 4, &out);
	assert_effects(&out, "");
}

/* ---- several sources on one pin ----------------------------------------- */

static void sources_are_ored(void **state)
{
	level_pin(PIN, 0x41);
	ioapic_raise(&ic, PIN, 0, &out);
	ioapic_raise(&ic, PIN, 31, &out);
	ioapic_lower(&ic, PIN, 0);
	ioapic_eoi(&ic, 0x41, &out);
	ioapic_settle(&ic, PIN, &out);
	assert_effects(&out, "deliver 3:41 ack 3 deliver 3:41");
	ioapic_lower(&ic, PIN, 31);
	ioapic_eoi(&ic, 0x41, &out);
	ioapic_settle(&ic, PIN, &out);
	assert_effects(&out, "ack 3");
}

static void raising_twice_is_lowered_once(void **state)
{
	level_pin(PIN, 0x41);
	ioapic_raise(&ic, PIN, 2, &out);
	ioapic_raise(&ic, PIN, 2, &out);
	ioapic_lower(&ic, PIN, 2);
	ioapic_lower(&ic, PIN, 1);
	ioapic_eoi(&ic, 0x41, &out);
	ioapic_settle(&ic, PIN, &out);
	assert_effects(&out, "deliver 3:41 ack 3");
}

/* ---- edge pins ---------------------------------------------------------- */

static void e1_each_edge_delivers(void **state)
{
	edge_pin(PIN, 0x41);
	ioapic_raise(&ic, PIN, 0, &out);
	assert_false(out.v[0].msg.level);
	ioapic_lower(&ic, PIN, 0);
	ioapic_raise(&ic, PIN, 0, &out);
	ioapic_pulse(&ic, PIN, &out);
	assert_effects(&out, "deliver 3:41 deliver 3:41 deliver 3:41");
	assert_false(peek(LOW(PIN)) & REMOTE_IRR);
}

/* Whatever the trigger bit says. */
static void e1_nmi_and_its_like_are_edges(void **state)
{
	static const uint8_t modes[] = {
		DELIVERY_SMI, DELIVERY_NMI, DELIVERY_INIT, DELIVERY_EXTINT,
	};

	for (size_t i = 0; i < sizeof(modes); i++) {
		setup(NULL);
		poke(LOW(PIN), LEVEL | MODE(modes[i]) | 0x41);
		ioapic_raise(&ic, PIN, 0, &out);
		assert_int_equal(out.v[1].msg.mode, modes[i]);
		assert_false(out.v[1].msg.level);
		ioapic_settle(&ic, PIN, &out);
		ioapic_pulse(&ic, PIN, &out);
		ioapic_eoi(&ic, 0x41, &out);
		assert_effects(&out, "unmask 3 deliver 3:41 deliver 3:41");
		assert_int_equal(peek(LOW(PIN)), LEVEL | MODE(modes[i]) | 0x41);
	}
}

/* Fact 9. */
static void e2_masked_edges_are_dropped(void **state)
{
	ioapic_raise(&ic, PIN, 0, &out);
	ioapic_pulse(&ic, PIN, &out);
	poke(LOW(PIN), 0x41);
	ioapic_settle(&ic, PIN, &out);
	assert_effects(&out, "unmask 3");
}

static void e3_no_edge_while_another_source_is_high(void **state)
{
	edge_pin(PIN, 0x41);
	ioapic_raise(&ic, PIN, 0, &out);
	ioapic_raise(&ic, PIN, 1, &out);
	ioapic_raise(&ic, PIN, 0, &out);
	ioapic_lower(&ic, PIN, 0);
	ioapic_raise(&ic, PIN, 0, &out);
	assert_effects(&out, "deliver 3:41");
}

static void e4_no_edge_no_delivery(void **state)
{
	edge_pin(PIN, 0x41);
	ioapic_raise(&ic, PIN, 0, &out);
	assert_effects(&out, "deliver 3:41");
	ioapic_eoi(&ic, 0x41, &out);
	ioapic_settle(&ic, PIN, &out);
	poke(LOW(PIN), MASKED | 0x41);
	poke(LOW(PIN), 0x41);
	assert_effects(&out, "mask 3 unmask 3");
}

static void e5_edge_to_level_looks_at_the_line(void **state)
{
	edge_pin(PIN, 0x41);
	ioapic_raise(&ic, PIN, 0, &out);
	poke(LOW(PIN), LEVEL | 0x41);
	assert_effects(&out, "deliver 3:41 deliver 3:41");
	assert_true(peek(LOW(PIN)) & REMOTE_IRR);
}

static void e6_pulse_on_a_level_pin(void **state)
{
	level_pin(PIN, 0x41);
	ioapic_pulse(&ic, PIN, &out);
	assert_effects(&out, "");
	ioapic_raise(&ic, PIN, 0, &out);
	ioapic_eoi(&ic, 0x41, &out);
	ioapic_pulse(&ic, PIN, &out);	/* the settle is due, but not its job */
	assert_effects(&out, "deliver 3:41 ack 3");
}

/* ---- mask bit, messages, reset ------------------------------------------ */

static void m_mask_effects_only_on_change(void **state)
{
	poke(LOW(PIN), MASKED | 0x41);
	assert_effects(&out, "");
	poke(LOW(PIN), 0x41);
	assert_effects(&out, "unmask 3");
	poke(LOW(PIN), 0x42);
	assert_effects(&out, "");
	poke(LOW(PIN), MASKED | 0x42);
	assert_effects(&out, "mask 3");
}

/* Fact 8. A settle that is due shows whether the high word would settle. */
static void m4_high_word_never_delivers(void **state)
{
	in_service(PIN, 0x41);
	ioapic_eoi(&ic, 0x41, &out);
	assert_effects(&out, "ack 3");
	poke(HIGH(PIN), 0xff000000);
	poke(HIGH(PIN), MASKED | LEVEL | REMOTE_IRR);
	assert_int_equal(peek(LOW(PIN)), LEVEL | 0x41);
	assert_effects(&out, "");
}

/* Fact 8: the changed entry is what is delivered by. */
static void low_word_delivers_by_what_it_wrote(void **state)
{
	poke(LOW(PIN), MASKED | LEVEL | 0x41);
	ioapic_raise(&ic, PIN, 0, &out);
	poke(HIGH(PIN), 0x07000000);
	poke(LOW(PIN), LEVEL | LOGICAL | 0x66);
	assert_int_equal(out.v[1].msg.dest, 7);
	assert_true(out.v[1].msg.logical);
	assert_effects(&out, "unmask 3 deliver 3:66");
}

static void destination_is_15_bits(void **state)
{
	level_pin(PIN, 0x41);
	poke(HIGH(PIN), 0x34u << 24 | 0x12u << 17);
	ioapic_raise(&ic, PIN, 0, &out);
	assert_int_equal(out.v[0].msg.dest, 0x1234);
	assert_int_equal(peek(HIGH(PIN)), 0x34240000);
}

static void polarity_inverts_nothing(void **state)
{
	poke(LOW(PIN), LEVEL | ACTIVE_LOW | 0x41);
	assert_effects(&out, "unmask 3");
	ioapic_raise(&ic, PIN, 0, &out);
	assert_effects(&out, "deliver 3:41");
}

static void reset_keeps_lines_alone(void **state)
{
	struct ioapic expected;

	in_service(PIN, 0x41);
	poke(HIGH(PIN), 0xff000000);
	poke(ID, 0x0f000000);
	ioapic_reset(&ic);
	ioapic_init(&expected, IOAPIC_PINS_DEFAULT, IOAPIC_VERSION_ICH);
	expected.pin[PIN].lines = 1;
	assert_memory_equal(&ic, &expected, sizeof(ic));
	poke(LOW(PIN), LEVEL | 0x42);
	assert_effects(&out, "unmask 3 deliver 3:42");
}

#define T(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(power_on), T(select_holds_8_bits), T(id_is_bits_27_to_24),
		T(version_tells_pins), T(arbitration_follows_id),
		T(unused_indices_read_0), T(entry_keeps_what_is_writable),
		T(remote_irr_is_read_only), T(all_of_240_pins_are_reached),
		T(select_is_9_bits_above_120_pins), T(select_takes_a_byte),
		T(window_reads_in_parts), T(window_write_keeps_other_bytes),
		T(qword_reaches_one_register),
		T(short_write_ignores_value_above_size),
		T(rest_of_the_page_is_nobodys), T(l1_ready_delivers),
		T(l1_unmask_of_a_high_line_delivers), T(l2_not_ready_is_silent),
		T(l2_reserved_mode_is_silent),
		T(l3_line_drops_and_rises_in_service),
		T(l3_mask_and_unmask_in_service), T(l4_rewritten_in_service),
		T(l5_eoi_acks_and_waits_for_settle), T(l5_leaves_no_trace),
		T(l5_eoi_while_masked),
		T(l5_eoi_of_a_shared_vector), T(l6_eoi_register),
		T(l6_eoi_register_takes_either_vector),
		T(l6_version_0x11_has_no_eoi_register),
		T(l6_eoi_register_by_parts), T(l7_pseudo_eoi_acks),
		T(l7_switch_to_an_edge_mode_acks),
		T(l8_other_eois_change_nothing), T(sources_are_ored),
		T(raising_twice_is_lowered_once), T(e1_each_edge_delivers),
		T(e1_nmi_and_its_like_are_edges),
		T(e2_masked_edges_are_dropped),
		T(e3_no_edge_while_another_source_is_high),
		T(e4_no_edge_no_delivery), T(e5_edge_to_level_looks_at_the_line),
		T(e6_pulse_on_a_level_pin), T(m_mask_effects_only_on_change),
		T(m4_high_word_never_delivers),
		T(low_word_delivers_by_what_it_wrote),
		T(destination_is_15_bits), T(polarity_inverts_nothing),
		T(reset_keeps_lines_alone),
	};

	return cmocka_run_group_tests_name("ioapic", tests, NULL, NULL);
}
