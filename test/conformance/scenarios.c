/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest sees of an irqchip, through the real /dev/kvm.  Each scenario is
 * one script of guest steps and device events, run on every irqchip: KVM's own
 * is the reference for what hardware would do, and for what it gets wrong.
 *
 * A scenario counts handlers entered, and host interrupts taken.  A handler
 * that finds no cause is what this library is about: it would be one more.
 */
#include "scenarios.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/eventfd.h>

#include <cmocka.h>

#define LEVEL		(VECTOR | ENTRY_LEVEL)

/* ---- pieces of scripts -------------------------------------------------- */

/* The pin as a guest sets it up, for VECTOR at vCPU 0. */
static void set_up(struct machine *m)
{
	guest_dest(m, 0, PIN, 0);
	guest_entry(m, 0, PIN, LEVEL);
}

void scenario_forward(struct machine *m, unsigned int device,
		      enum irqfwd_policy policy)
{
	assert_int_equal(m->irqchip->forward(m, device, PIN, policy), 0);
}

static void take(struct machine *m, unsigned int cpu, unsigned int vector)
{
	assert_int_equal(machine_take(m, cpu), vector);
}

/* The end of a plain handler: EOI, and out. */
static void leave(struct machine *m, unsigned int cpu)
{
	guest_eoi(m, cpu);
	guest_return(m, cpu);
}

/* A oneshot hard handler: mask, EOI, out; and time for what goes wrong then. */
static void hard_handler(struct machine *m)
{
	take(m, 0, VECTOR);
	guest_entry(m, 0, PIN, LEVEL | ENTRY_MASKED);
	leave(m, 0);
	machine_settle(m);
}

/* A plain handler that acks these causes of device 0. */
static void plain_handler(struct machine *m, uint16_t causes)
{
	take(m, 0, VECTOR);
	guest_device_ack(m, 0, 0, causes);
	leave(m, 0);
}

/* Whatever else comes is entered, EOIed and left: one handler too many each. */
void scenario_serve_the_rest(struct machine *m)
{
	for (unsigned int turn = 0; turn < 20; turn++) {
		unsigned int before = m->handled;

		for (unsigned int cpu = 0; cpu < CPUS; cpu++)
			if (machine_none(m, cpu))
				leave(m, cpu);
		if (m->handled == before)
			return;
	}
}

/* ---- level, plain handler ----------------------------------------------- */

static void plain(struct machine *m)
{
	set_up(m);
	for (int i = 0; i < 3; i++) {
		device_assert(m, 0, 1);
		plain_handler(m, 1);
		machine_settle(m);
	}
}

/* SEMANTICS 5: Remote IRR from the delivery to the EOI, readable. */
static void remote_irr(struct machine *m)
{
	set_up(m);
	device_assert(m, 0, 1);
	take(m, 0, VECTOR);
	assert_true(guest_entry_read(m, 0, PIN) & ENTRY_REMOTE_IRR);
	guest_entry(m, 0, PIN, LEVEL | ENTRY_MASKED);
	assert_true(guest_entry_read(m, 0, PIN) & ENTRY_REMOTE_IRR);
	guest_device_ack(m, 0, 0, 1);
	leave(m, 0);
	assert_false(guest_entry_read(m, 0, PIN) & ENTRY_REMOTE_IRR);
	guest_entry(m, 0, PIN, LEVEL);
}

/* A new cause right after the device ack, before the EOI. */
static void reassert(struct machine *m)
{
	set_up(m);
	device_assert(m, 0, 1);
	take(m, 0, VECTOR);
	guest_device_ack(m, 0, 0, 1);
	device_assert(m, 0, 1);
	leave(m, 0);
	plain_handler(m, 1);
}

/* Two causes, one acked per call: the line never drops. */
static void partial(struct machine *m)
{
	set_up(m);
	device_assert(m, 0, 3);
	plain_handler(m, 1);
	plain_handler(m, 2);
}

/* ---- level, oneshot ----------------------------------------------------- */

static void oneshot(struct machine *m)
{
	set_up(m);
	device_assert(m, 0, 1);
	hard_handler(m);
	guest_device_ack(m, 0, 0, 1);
	guest_entry(m, 0, PIN, LEVEL);
}

static void oneshot_reassert(struct machine *m)
{
	set_up(m);
	device_assert(m, 0, 1);
	hard_handler(m);
	guest_device_ack(m, 0, 0, 1);
	device_assert(m, 0, 1);
	guest_entry(m, 0, PIN, LEVEL);
	plain_handler(m, 1);
}

static void oneshot_partial(struct machine *m)
{
	set_up(m);
	device_assert(m, 0, 3);
	hard_handler(m);
	guest_device_ack(m, 0, 0, 1);
	guest_entry(m, 0, PIN, LEVEL);
	plain_handler(m, 2);
}

/* ---- triggers while masked ---------------------------------------------- */

static void masked_and_acked(struct machine *m)
{
	set_up(m);
	guest_entry(m, 0, PIN, LEVEL | ENTRY_MASKED);
	device_assert(m, 0, 1);
	machine_settle(m);
	guest_device_ack(m, 0, 0, 1);
	guest_entry(m, 0, PIN, LEVEL);
}

static void masked_and_high(struct machine *m)
{
	set_up(m);
	guest_entry(m, 0, PIN, LEVEL | ENTRY_MASKED);
	device_assert(m, 0, 1);
	machine_settle(m);
	guest_entry(m, 0, PIN, LEVEL);
	plain_handler(m, 1);
}

/* ---- a shared pin ------------------------------------------------------- */

static void shared_emulated(struct machine *m)
{
	set_up(m);
	device_assert(m, 0, 1);
	take(m, 0, VECTOR);
	m->irqchip->line(m, PIN, true);
	guest_device_ack(m, 0, 0, 1);
	leave(m, 0);
	take(m, 0, VECTOR);	/* the emulated device is high still */
	m->irqchip->line(m, PIN, false);
	leave(m, 0);
}

/* The device is acked while masked; the emulated one is owed its interrupt. */
static void shared_emulated_masked(struct machine *m)
{
	set_up(m);
	guest_entry(m, 0, PIN, LEVEL | ENTRY_MASKED);
	device_assert(m, 0, 1);
	m->irqchip->line(m, PIN, true);
	machine_settle(m);
	guest_device_ack(m, 0, 0, 1);
	guest_entry(m, 0, PIN, LEVEL);
	machine_settle(m);
	if (machine_none(m, 0)) {
		m->irqchip->line(m, PIN, false);
		leave(m, 0);
	}
}

/* Two pins with one vector: an EOI ends both. */
static void same_vector(struct machine *m)
{
	assert_int_equal(m->irqchip->forward(m, 1, PIN + 1, 0), 0);
	set_up(m);
	guest_dest(m, 0, PIN + 1, 0);
	guest_entry(m, 0, PIN + 1, LEVEL);
	device_assert(m, 0, 1);
	device_assert(m, 1, 1);
	machine_settle(m);
	take(m, 0, VECTOR);	/* the local APIC has made them one */
	guest_device_ack(m, 0, 0, 1);
	guest_device_ack(m, 0, 1, 1);
	leave(m, 0);
	machine_settle(m);
	assert_false(m->device[1].automasked);
	device_assert(m, 0, 1);
	plain_handler(m, 1);
}

/* Two devices, and a handler that serves one at a time. */
static void shared_devices(struct machine *m)
{
	scenario_forward(m, 1, IRQFWD_POLICY_UNMASK);
	set_up(m);
	device_assert(m, 0, 1);
	take(m, 0, VECTOR);
	device_assert(m, 1, 1);
	machine_settle(m);
	guest_device_ack(m, 0, 0, 1);
	leave(m, 0);
	take(m, 0, VECTOR);
	guest_device_ack(m, 0, 1, 1);
	leave(m, 0);
	machine_settle(m);
	device_assert(m, 1, 1);	/* neither is stuck */
	take(m, 0, VECTOR);
	guest_device_ack(m, 0, 1, 1);
	leave(m, 0);
	device_assert(m, 0, 1);
	plain_handler(m, 1);
}

/* ---- reconfigured while in service -------------------------------------- */

/* The EOI comes while masked, for a vector that the entry no longer has. */
static void vector_while_masked(struct machine *m)
{
	set_up(m);
	device_assert(m, 0, 1);
	take(m, 0, VECTOR);
	guest_entry(m, 0, PIN, OTHER_VECTOR | ENTRY_LEVEL | ENTRY_MASKED);
	leave(m, 0);
	guest_device_ack(m, 0, 0, 1);
	guest_entry(m, 0, PIN, OTHER_VECTOR | ENTRY_LEVEL);
	machine_settle(m);
	device_assert(m, 0, 1);
	take(m, 0, OTHER_VECTOR);
	guest_device_ack(m, 0, 0, 1);
	leave(m, 0);
}

static void vector_in_service(struct machine *m)
{
	set_up(m);
	device_assert(m, 0, 1);
	take(m, 0, VECTOR);
	guest_entry(m, 0, PIN, OTHER_VECTOR | ENTRY_LEVEL);
	guest_device_ack(m, 0, 0, 1);
	leave(m, 0);
	machine_settle(m);
	device_assert(m, 0, 1);
	take(m, 0, OTHER_VECTOR);
	guest_device_ack(m, 0, 0, 1);
	leave(m, 0);
}

static void destination_in_service(struct machine *m)
{
	set_up(m);
	device_assert(m, 0, 1);
	take(m, 0, VECTOR);
	guest_dest(m, 0, PIN, 1);
	guest_device_ack(m, 0, 0, 1);
	leave(m, 0);
	machine_settle(m);
	device_assert(m, 0, 1);
	take(m, 1, VECTOR);
	guest_device_ack(m, 1, 0, 1);
	leave(m, 1);
}

/* Linux on a chip without an EOI register: edge and back clears Remote IRR. */
static void pseudo_eoi(struct machine *m)
{
	set_up(m);
	device_assert(m, 0, 1);
	take(m, 0, VECTOR);
	guest_device_ack(m, 0, 0, 1);
	guest_entry(m, 0, PIN, VECTOR | ENTRY_MASKED);
	guest_entry(m, 0, PIN, LEVEL | ENTRY_MASKED);
	assert_false(guest_entry_read(m, 0, PIN) & ENTRY_REMOTE_IRR);
	guest_entry(m, 0, PIN, LEVEL);
	leave(m, 0);
	machine_settle(m);
	device_assert(m, 0, 1);
	plain_handler(m, 1);
}

/* To an APIC that is not there: no EOI will ever come, until the pseudo-EOI. */
static void nobody_there(struct machine *m)
{
	set_up(m);
	guest_dest(m, 0, PIN, 0x55);
	device_assert(m, 0, 1);
	assert_int_equal(machine_none(m, 0), 0);
	guest_dest(m, 0, PIN, 0);
	guest_entry(m, 0, PIN, VECTOR | ENTRY_MASKED);
	guest_entry(m, 0, PIN, LEVEL);
	plain_handler(m, 1);
}

/* Version 0x20 and later: the EOI by a write to the IOAPIC. */
static void eoi_register(struct machine *m)
{
	set_up(m);
	device_assert(m, 0, 1);
	take(m, 0, VECTOR);
	guest_device_ack(m, 0, 0, 1);
	guest_store(m, 0, IOAPIC_EOI_REGISTER, VECTOR);
	assert_false(guest_entry_read(m, 0, PIN) & ENTRY_REMOTE_IRR);
	leave(m, 0);	/* the second EOI finds nothing to end */
	machine_settle(m);
	device_assert(m, 0, 1);
	plain_handler(m, 1);
}

/* ---- two vCPUs ---------------------------------------------------------- */

static void second_vcpu(struct machine *m)
{
	set_up(m);
	guest_dest(m, 0, PIN, 1);
	device_assert(m, 0, 1);
	take(m, 1, VECTOR);
	assert_int_equal(machine_none(m, 0), 0);
	guest_device_ack(m, 1, 0, 1);
	leave(m, 1);
	machine_settle(m);
	guest_dest(m, 1, PIN, 0);
	device_assert(m, 0, 1);
	plain_handler(m, 1);
}

/* By a logical set instead of an APIC id: the EOI comes back all the same. */
static void logical_destination(struct machine *m)
{
	guest_store(m, 0, APIC_LOGICAL, 1u << 24);
	guest_store(m, 1, APIC_LOGICAL, 2u << 24);
	guest_dest(m, 0, PIN, 2);
	guest_entry(m, 0, PIN, LEVEL | ENTRY_LOGICAL);
	for (int i = 0; i < 2; i++) {
		device_assert(m, 0, 1);
		take(m, 1, VECTOR);
		guest_device_ack(m, 1, 0, 1);
		leave(m, 1);
		machine_settle(m);
	}
}

/* An affinity change: mask, EOI, new destination, unmask; no ack is owed. */
static void affinity_change(struct machine *m)
{
	set_up(m);
	device_assert(m, 0, 1);
	take(m, 0, VECTOR);
	guest_device_ack(m, 0, 0, 1);
	guest_entry(m, 0, PIN, LEVEL | ENTRY_MASKED);
	guest_eoi(m, 0);
	guest_dest(m, 0, PIN, 1);
	guest_entry(m, 0, PIN, LEVEL);
	guest_return(m, 0);
	machine_settle(m);
	device_assert(m, 0, 1);
	take(m, 1, VECTOR);
	guest_device_ack(m, 1, 0, 1);
	leave(m, 1);
}

/* Hard handler on one, thread and unmask on the other. */
static void oneshot_across_vcpus(struct machine *m)
{
	set_up(m);
	device_assert(m, 0, 1);
	hard_handler(m);
	guest_device_ack(m, 1, 0, 1);
	guest_entry(m, 1, PIN, LEVEL);
}

/* Broadcast: both take it and both EOI; the first EOI is the one. */
static void broadcast(struct machine *m)
{
	set_up(m);
	guest_dest(m, 0, PIN, 0xff);
	device_assert(m, 0, 1);
	take(m, 0, VECTOR);
	take(m, 1, VECTOR);
	guest_device_ack(m, 1, 0, 1);
	leave(m, 1);
	leave(m, 0);
}

/* ---- edge --------------------------------------------------------------- */

static void pulse(struct machine *m)
{
	assert_int_equal(eventfd_write(m->device[1].trigger_fd, 1), 0);
	machine_settle(m);
}

static void edge(struct machine *m)
{
	assert_int_equal(m->irqchip->forward_edge(m, 1, PIN + 1), 0);
	guest_dest(m, 0, PIN + 1, 0);
	guest_entry(m, 0, PIN + 1, OTHER_VECTOR);
	for (int i = 0; i < 3; i++) {
		pulse(m);
		take(m, 0, OTHER_VECTOR);
		leave(m, 0);
	}
	pulse(m);
	take(m, 0, OTHER_VECTOR);
	pulse(m);	/* a second edge while the first is in service: kept */
	leave(m, 0);
	take(m, 0, OTHER_VECTOR);
	leave(m, 0);
}

static void edge_masked(struct machine *m)
{
	assert_int_equal(m->irqchip->forward_edge(m, 1, PIN + 1), 0);
	guest_dest(m, 0, PIN + 1, 0);
	guest_entry(m, 0, PIN + 1, OTHER_VECTOR | ENTRY_MASKED);
	pulse(m);
	guest_entry(m, 0, PIN + 1, OTHER_VECTOR);
	assert_int_equal(machine_none(m, 0), 0);	/* dropped */
	pulse(m);
	take(m, 0, OTHER_VECTOR);
	leave(m, 0);
}

/* An MSI of the VMM's own, beside the level interrupt of a pin. */
static void signalled_msi(struct machine *m)
{
	set_up(m);
	m->irqchip->signal_msi(m, APIC_BASE, OTHER_VECTOR);
	take(m, 0, OTHER_VECTOR);
	leave(m, 0);
	m->irqchip->signal_msi(m, APIC_BASE | 1u << 12, OTHER_VECTOR);
	take(m, 1, OTHER_VECTOR);
	leave(m, 1);
	device_assert(m, 0, 1);
	plain_handler(m, 1);
}

/* ---- reset, removal, misbehaviour --------------------------------------- */

/* In the middle of a deferred ack: afterwards the host's line is usable. */
static void reset_deferred(struct machine *m)
{
	set_up(m);
	device_assert(m, 0, 1);
	hard_handler(m);
	m->irqchip->reset(m);
	machine_settle(m);
	assert_true(guest_entry_read(m, 0, PIN) & ENTRY_MASKED);
	set_up(m);
	plain_handler(m, 1);
	machine_settle(m);
	device_assert(m, 0, 1);
	plain_handler(m, 1);
}

/* Taken away in service, and given back: what it signalled is still there. */
static void removed_in_service(struct machine *m)
{
	set_up(m);
	device_assert(m, 0, 1);
	take(m, 0, VECTOR);
	m->irqchip->unforward(m, 0);
	device_listen(m);
	leave(m, 0);
	assert_int_equal(machine_none(m, 0), 0);
	scenario_forward(m, 0, IRQFWD_POLICY_UNMASK);
	plain_handler(m, 1);
}

/* Removed while its ack is deferred: the host's line must not stay masked. */
static void removed_deferred(struct machine *m)
{
	set_up(m);
	device_assert(m, 0, 1);
	hard_handler(m);
	guest_device_ack(m, 0, 0, 1);
	m->irqchip->unforward(m, 0);
	device_listen(m);
	assert_false(m->device[0].automasked);
}

/* EOIs of nothing, and anything at all written to any register. */
static void hostile(struct machine *m)
{
	uint32_t seed = 1;

	set_up(m);
	for (int i = 0; i < 400; i++) {
		uint32_t low;

		seed = seed * 1664525 + 1013904223;
		low = (seed >> 8 & 0x1a8ff) | 0x20;	/* fixed, any vector */
		if (seed >> 30 == 0)
			device_assert(m, 0, 1);
		else if (seed >> 30 == 1)
			guest_entry(m, 0, PIN, low);
		else if (seed >> 30 == 2)
			guest_ioapic_write(m, 0, (uint8_t)(seed >> 8), low);
		else
			guest_eoi(m, 0);
		guest_window(m, 0);
		if (m->vcpu[0].mail[MAIL_DEPTH / 4])
			guest_return(m, 0);	/* perhaps without an EOI */
	}
	for (int i = 0; i < 16; i++)
		guest_eoi(m, 0);
	guest_device_ack(m, 0, 0, 0xffff);
	m->irqchip->reset(m);
	machine_settle(m);
	set_up(m);
	scenario_serve_the_rest(m);
	m->handled = m->device[0].host_irqs = 0;
	device_assert(m, 0, 1);
	plain_handler(m, 1);
}

/* ---- the table ---------------------------------------------------------- */

const struct scenario scenarios[] = {
	{ "plain", plain, 0, { 3, 3 }, { 3, 3 }, { 3, 3 }, false },
	{ "remote-irr", remote_irr, 0, { 1, 1 }, { 1, 1 }, { 1, 1 }, false },
	{ "reassert", reassert, 0, { 2, 2 }, { 2, 2 }, { 2, 2 }, false },
	{ "partial", partial, 0, { 2, 2 }, { 2, 2 }, { 2, 2 }, false },
	{ "oneshot", oneshot, 0, { 1, 1 }, { 1, 2 }, { 2, 2 }, false },
	/* proves that this test can fail */
	{ "oneshot-eoi", oneshot, IRQFWD_POLICY_EOI, { 2, 2 }, { 0 }, { 0 },
	  true },
	{ "oneshot-sample", oneshot, IRQFWD_POLICY_SAMPLE, { 1, 1 }, { 0 },
	  { 0 }, true },
	{ "oneshot-reassert", oneshot_reassert, 0, { 2, 2 }, { 2, 3 },
	  { 2, ANY }, false },
	{ "oneshot-partial", oneshot_partial, 0, { 2, 2 }, { 2, 3 },
	  { 2, ANY }, false },
	{ "masked-and-acked", masked_and_acked, 0, { 0, 1 }, { 0, 1 },
	  { 1, 1 }, false },
	{ "masked-and-high", masked_and_high, 0, { 1, 2 }, { 1, 2 },
	  { 1, 1 }, false },
	{ "shared-emulated", shared_emulated, 0, { 2, 1 }, { 2, 1 },
	  { 2, 1 }, false },
	/* 6.12 loses it: its resample on unmask forgets the other source */
	{ "shared-emulated-masked", shared_emulated_masked, 0, { 1, 1 },
	  { ANY, ANY }, { 1, 1 }, false },
	{ "same-vector", same_vector, 0, { 2, 3 }, { 2, 3 }, { 2, 3 }, false },
	{ "shared-devices", shared_devices, 0, { 4, 5 }, { 4, 5 },
	  { 4, 5 }, false },
	{ "vector-while-masked", vector_while_masked, 0, { 2, 2 }, { 0 },
	  { 0 }, true },
	{ "vector-in-service", vector_in_service, 0, { 2, 2 }, { 0 }, { 0 },
	  true },
	{ "destination-in-service", destination_in_service, 0, { 2, 2 },
	  { 0 }, { 0 }, true },
	{ "pseudo-eoi", pseudo_eoi, 0, { 2, 2 }, { 0 }, { 0 }, true },
	{ "nobody-there", nobody_there, 0, { 1, 2 }, { 0 }, { 0 }, true },
	{ "eoi-register", eoi_register, 0, { 2, 2 }, { 0 }, { 0 }, true },
	{ "second-vcpu", second_vcpu, 0, { 2, 2 }, { 2, 2 }, { 2, 2 }, false },
	{ "logical-destination", logical_destination, 0, { 2, 2 }, { 2, 2 },
	  { 2, 2 }, false },
	{ "affinity-change", affinity_change, 0, { 2, 2 }, { 2, 2 }, { 2, 2 },
	  false },
	{ "oneshot-across-vcpus", oneshot_across_vcpus, 0, { 1, 1 }, { 1, 2 },
	  { 2, 2 }, false },
	{ "broadcast", broadcast, 0, { 2, 1 }, { 2, 1 }, { 2, 1 }, false },
	{ "edge", edge, 0, { 5, 0 }, { 5, 0 }, { 5, 0 }, false },
	{ "edge-masked", edge_masked, 0, { 1, 0 }, { 1, 0 }, { 1, 0 }, false },
	{ "signalled-msi", signalled_msi, 0, { 3, 1 }, { 3, 1 }, { 3, 1 },
	  false },
	{ "reset-deferred", reset_deferred, 0, { 3, 4 }, { 0 }, { 0 }, true },
	{ "removed-in-service", removed_in_service, 0, { 2, ANY }, { 0 },
	  { 0 }, true },
	{ "removed-deferred", removed_deferred, 0, { 1, 1 }, { 0 }, { 0 },
	  true },
	{ "hostile", hostile, 0, { 1, 1 }, { 0 }, { 0 }, true },
};

const size_t scenarios_nr = sizeof(scenarios) / sizeof(scenarios[0]);
