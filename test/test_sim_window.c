/* SPDX-License-Identifier: Apache-2.0 */
/* The model of KVM's injection, the interrupt window, and the VMM around it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sim/world.h"

static struct world_config split(enum window_predicate predicate)
{
	struct world_config c = {
		.kind = WORLD_WINDOW,
		.properties = PROPERTY_BIT(PROPERTY_NO_SPURIOUS),
		.window = { .predicate = (uint8_t)predicate, .apicv = true,
			    .external = 1, .local = 1, .clis = 1,
			    .exceptions = 1, .exits = 2, .nmis = 1,
			    .halts = 1 },
	};

	world_configure(&c);
	return c;
}

static struct world begin(const struct world_config *c)
{
	struct world init[WORLD_INITIAL_MAX];

	assert_int_equal(world_init(c, init), 1);
	return init[0];
}

/* Is the step of that text enabled?  Then it is done. */
static bool try_step(const struct world_config *c, struct world *w,
		     const char *text, struct outcome *o)
{
	struct step s[WORLD_STEPS_MAX];
	unsigned int nr = world_steps(c, w, s);
	char buf[80];

	for (unsigned int i = 0; i < nr; i++) {
		world_step_text(c, s[i], buf, sizeof(buf));
		if (strcmp(buf, text))
			continue;
		world_apply(c, w, s[i], o);
		return true;
	}
	return false;
}

static struct outcome do_step(const struct world_config *c, struct world *w,
			      const char *text)
{
	struct outcome o;

	if (!try_step(c, w, text, &o))
		fail_msg("\"%s\" is not enabled", text);
	return o;
}

#define EXTERNAL	"raise: the PIC has an external interrupt"
#define LOCAL		"raise: the local APIC has an interrupt"
#define RUN		"KVM_INTERRUPT if it may; KVM_RUN"
#define ENTER		"vcpu_enter_guest: inject, arm the window"
#define WINDOW		"interrupt-window exit"
#define TOLD		"vcpu_run: is userspace told?"
#define KICK		"kick: the vCPU exits"

/* Up to the point where userspace has asked for a window, with IF clear. */
static struct world asks_for_a_window(const struct world_config *c)
{
	struct world w = begin(c);

	do_step(c, &w, RUN);
	do_step(c, &w, ENTER);
	do_step(c, &w, "cli");
	do_step(c, &w, EXTERNAL);
	do_step(c, &w, LOCAL);
	do_step(c, &w, KICK);
	do_step(c, &w, RUN);
	assert_true(w.window.request);
	do_step(c, &w, ENTER);
	assert_true(w.window.armed);
	do_step(c, &w, "sti");
	return w;
}

/* Seed 002: the exits go on and userspace is never told. */
static void the_old_predicate_goes_round(void **state)
{
	struct world_config c = split(WINDOW_OLD);
	struct world w = asks_for_a_window(&c), first = w;
	struct outcome o;

	assert_false(try_step(&c, &w, "takes the local APIC's interrupt", &o));
	do_step(&c, &w, WINDOW);
	do_step(&c, &w, TOLD);
	do_step(&c, &w, ENTER);
	assert_memory_equal(&w.window, &first.window, sizeof(w.window));
	assert_true(world_guest_has_interrupt(&c, &w));
}

static void the_new_predicate_tells_userspace(void **state)
{
	struct world_config c = split(WINDOW_NEW);
	struct world w = asks_for_a_window(&c);
	struct outcome o;

	do_step(&c, &w, WINDOW);
	do_step(&c, &w, TOLD);
	assert_int_equal(w.window.pc, WINDOW_USER);
	do_step(&c, &w, RUN);
	assert_true(w.window.stash);
	o = do_step(&c, &w, ENTER);
	assert_true(o.flags & OUTCOME_TOOK);
	assert_int_equal(w.window.guest, GUEST_HANDLER);
	/* the local APIC's comes after the handler */
	do_step(&c, &w, "iret");
	do_step(&c, &w, "takes the local APIC's interrupt");
}

/* A split irqchip stashes whatever IF is, and injects when it is set. */
static void a_stash_waits_for_if(void **state)
{
	struct world_config c = split(WINDOW_NEW);
	struct world w = begin(&c);
	struct outcome o;

	w.window.stash = true;
	w.window.interrupts = false;
	w.window.pc = WINDOW_ENTER;
	o = do_step(&c, &w, ENTER);
	assert_false(o.flags & OUTCOME_TOOK);
	assert_true(w.window.armed);
}

/* A userspace APIC's vector is queued at once, and set at the next entry. */
static void a_userspace_apic_must_honour_if(void **state)
{
	struct world_config c = split(WINDOW_NEW);
	struct world w = begin(&c);
	struct outcome o;

	c.window.user_apic = true;
	c.window.ignores_if = true;
	w.window.interrupts = false;
	w.window.external = true;
	do_step(&c, &w, RUN);
	assert_true(w.window.injected);
	o = do_step(&c, &w, ENTER);
	assert_int_equal(o.broken, PROPERTY_NO_SPURIOUS);
}

static void an_exception_goes_first(void **state)
{
	struct world_config c = split(WINDOW_NEW);
	struct world w = begin(&c);

	c.window.user_apic = true;
	w.window.injected = true;
	w.window.exception = true;
	w.window.pc = WINDOW_ENTER;
	do_step(&c, &w, ENTER);
	assert_int_equal(w.window.guest, GUEST_EXCEPTION);
	assert_true(w.window.injected);
	assert_true(w.window.armed);
}

static void a_queued_interrupt_goes_before_an_nmi(void **state)
{
	struct world_config c = split(WINDOW_NEW);
	struct world w = begin(&c);

	c.window.user_apic = true;
	w.window.injected = true;
	w.window.nmi = true;
	w.window.pc = WINDOW_ENTER;
	do_step(&c, &w, ENTER);
	assert_int_equal(w.window.guest, GUEST_HANDLER);
	assert_true(w.window.nmi);
}

static void a_halted_vcpu_wakes_for_an_interrupt(void **state)
{
	struct world_config c = split(WINDOW_NEW);
	struct world w = begin(&c);
	struct outcome o;

	do_step(&c, &w, RUN);
	do_step(&c, &w, ENTER);
	do_step(&c, &w, "hlt");
	do_step(&c, &w, TOLD);
	assert_int_equal(w.window.pc, WINDOW_HALTED);
	assert_false(try_step(&c, &w, "vcpu_block ends", &o));
	do_step(&c, &w, LOCAL);
	do_step(&c, &w, "vcpu_block ends");
	do_step(&c, &w, ENTER);
	do_step(&c, &w, "takes the local APIC's interrupt");
	assert_false(w.window.halted);
}

/* Hardware holds a second NMI back until the first one's IRET, and no more. */
static void an_nmi_comes_within_a_handler(void **state)
{
	struct world_config c = split(WINDOW_NEW);
	struct world w = begin(&c);

	w.window.guest = GUEST_HANDLER;
	w.window.saved = true;
	w.window.interrupts = false;
	w.window.nmi = true;
	w.window.pc = WINDOW_ENTER;
	do_step(&c, &w, ENTER);
	assert_int_equal(w.window.guest, GUEST_NMI);
	w.window.nmi = true;
	w.window.pc = WINDOW_ENTER;
	do_step(&c, &w, ENTER);
	assert_true(w.window.nmi);
	do_step(&c, &w, "iret");
	assert_int_equal(w.window.guest, GUEST_HANDLER);
	assert_false(w.window.interrupts);
	w.window.nmi = false;
	do_step(&c, &w, "iret");
	assert_int_equal(w.window.guest, GUEST_MAIN);
	assert_true(w.window.interrupts);
}

/* The window stays requested, since no write of LVT0 exits to userspace. */
static void an_unmasked_lvt0_is_told(void **state)
{
	struct world_config c = split(WINDOW_NEW);
	struct world w = begin(&c);

	c.window.lvt0s = 2;
	w.window.lvt0s = 2;
	do_step(&c, &w, RUN);
	do_step(&c, &w, ENTER);
	do_step(&c, &w, "masks LVT0");
	do_step(&c, &w, TOLD);
	do_step(&c, &w, ENTER);
	do_step(&c, &w, EXTERNAL);
	do_step(&c, &w, KICK);
	do_step(&c, &w, RUN);
	assert_false(w.window.stash);
	assert_true(w.window.request);
	do_step(&c, &w, ENTER);
	assert_false(w.window.armed);
	do_step(&c, &w, "unmasks LVT0");
	do_step(&c, &w, TOLD);
	assert_int_equal(w.window.pc, WINDOW_USER);
	do_step(&c, &w, RUN);
	assert_true(w.window.stash);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_old_predicate_goes_round),
		cmocka_unit_test(the_new_predicate_tells_userspace),
		cmocka_unit_test(a_stash_waits_for_if),
		cmocka_unit_test(a_userspace_apic_must_honour_if),
		cmocka_unit_test(an_exception_goes_first),
		cmocka_unit_test(a_queued_interrupt_goes_before_an_nmi),
		cmocka_unit_test(a_halted_vcpu_wakes_for_an_interrupt),
		cmocka_unit_test(an_nmi_comes_within_a_handler),
		cmocka_unit_test(an_unmasked_lvt0_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
