/* SPDX-License-Identifier: Apache-2.0 */
/* The model of kernel/irq against what kernel/irq/chip.c and manage.c do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/genirq.h"

/* Mask before the handler, EOI with the mask set, unmask after the thread. */
static void oneshot_unmasks_after_the_thread(void **state)
{
	struct irq_desc desc = { 0 };
	enum chip_op op;

	assert_int_equal(flow_enter(&desc, FLOW_ONESHOT, &op), FLOW_RUN);
	assert_int_equal(op, CHIP_MASK);
	handle_irq_event_begin(&desc);
	desc.threads_oneshot = 1;
	handle_irq_event_end(&desc);
	assert_false(flow_unmasks(&desc, FLOW_ONESHOT));
	assert_true(desc.masked);
	assert_int_equal(irq_finalize_oneshot(&desc, 0), CHIP_UNMASK);
	assert_false(desc.masked);
}

static void oneshot_without_a_thread_unmasks_at_the_end(void **state)
{
	struct irq_desc desc = { 0 };
	enum chip_op op;

	flow_enter(&desc, FLOW_ONESHOT, &op);
	assert_true(flow_unmasks(&desc, FLOW_ONESHOT));
}

static void shared_oneshot_waits_for_all_threads(void **state)
{
	struct irq_desc desc = { .masked = true, .threads_oneshot = 3 };

	assert_int_equal(irq_finalize_oneshot(&desc, 0), CHIP_NONE);
	assert_int_equal(irq_finalize_oneshot(&desc, 1), CHIP_UNMASK);
}

static void plain_fasteoi_does_not_mask(void **state)
{
	struct irq_desc desc = { 0 };
	enum chip_op op;

	assert_int_equal(flow_enter(&desc, FLOW_FASTEOI, &op), FLOW_RUN);
	assert_int_equal(op, CHIP_NONE);
	assert_false(flow_unmasks(&desc, FLOW_FASTEOI));
}

static void level_masks_before_it_looks(void **state)
{
	struct irq_desc desc = { .depth = 1 };
	enum chip_op op;

	assert_int_equal(flow_enter(&desc, FLOW_LEVEL, &op), FLOW_OUT);
	assert_int_equal(op, CHIP_MASK);
	assert_true(desc.pending);
	assert_false(flow_unmasks(&desc, FLOW_LEVEL));
}

static void disable_is_lazy(void **state)
{
	struct irq_desc desc = { 0 };
	enum chip_op op;

	assert_int_equal(disable_irq_nosync(&desc), CHIP_NONE);
	assert_int_equal(desc.depth, 1);
	/* the next interrupt masks */
	assert_int_equal(flow_enter(&desc, FLOW_FASTEOI, &op), FLOW_OUT);
	assert_int_equal(op, CHIP_MASK);
	assert_true(desc.pending);
	/* level interrupts are not resent */
	assert_int_equal(enable_irq(&desc), CHIP_UNMASK);
	assert_false(check_irq_resend(&desc, FLOW_FASTEOI));
	assert_false(desc.pending);
}

static void an_edge_while_disabled_is_resent(void **state)
{
	struct irq_desc desc = { 0 };
	enum chip_op op;

	disable_irq_nosync(&desc);
	assert_int_equal(flow_enter(&desc, FLOW_EDGE, &op), FLOW_OUT);
	assert_int_equal(op, CHIP_MASK);
	assert_int_equal(enable_irq(&desc), CHIP_UNMASK);
	assert_true(check_irq_resend(&desc, FLOW_EDGE));
	assert_false(check_irq_resend(&desc, FLOW_EDGE));
}

static void enable_after_a_lazy_disable_leaves_the_chip_alone(void **state)
{
	struct irq_desc desc = { 0 };

	disable_irq_nosync(&desc);
	assert_int_equal(enable_irq(&desc), CHIP_NONE);
}

static void unlazy_masks_at_once(void **state)
{
	struct irq_desc desc = { .unlazy = true };

	assert_int_equal(disable_irq_nosync(&desc), CHIP_MASK);
	assert_int_equal(enable_irq(&desc), CHIP_UNMASK);
}

static void disable_nests(void **state)
{
	struct irq_desc desc = { .unlazy = true };

	assert_int_equal(disable_irq_nosync(&desc), CHIP_MASK);
	assert_int_equal(disable_irq_nosync(&desc), CHIP_NONE);
	assert_int_equal(enable_irq(&desc), CHIP_NONE);
	assert_int_equal(enable_irq(&desc), CHIP_UNMASK);
}

static void a_second_cpu_does_not_run_the_actions(void **state)
{
	struct irq_desc desc = { .in_progress = true };
	enum chip_op op;

	assert_int_equal(flow_enter(&desc, FLOW_FASTEOI, &op), FLOW_OUT);
	assert_int_equal(op, CHIP_NONE);
}

static void a_wakeup_interrupt_disables_and_resume_enables(void **state)
{
	struct irq_desc desc = { 0 };
	enum chip_op op;

	suspend_device_irq(&desc);
	assert_int_equal(flow_enter(&desc, FLOW_ONESHOT, &op), FLOW_WAKEUP);
	assert_int_equal(desc.depth, 1);
	/* the line is still high: the next one masks */
	assert_int_equal(flow_enter(&desc, FLOW_ONESHOT, &op), FLOW_OUT);
	assert_int_equal(op, CHIP_MASK);
	assert_int_equal(resume_irq(&desc), CHIP_UNMASK);
	assert_int_equal(desc.depth, 0);
}

static void resume_without_a_wakeup_disarms(void **state)
{
	struct irq_desc desc = { 0 };

	suspend_device_irq(&desc);
	assert_int_equal(resume_irq(&desc), CHIP_NONE);
	assert_false(desc.wakeup_armed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(oneshot_unmasks_after_the_thread),
		cmocka_unit_test(oneshot_without_a_thread_unmasks_at_the_end),
		cmocka_unit_test(shared_oneshot_waits_for_all_threads),
		cmocka_unit_test(plain_fasteoi_does_not_mask),
		cmocka_unit_test(level_masks_before_it_looks),
		cmocka_unit_test(disable_is_lazy),
		cmocka_unit_test(an_edge_while_disabled_is_resent),
		cmocka_unit_test(enable_after_a_lazy_disable_leaves_the_chip_alone),
		cmocka_unit_test(unlazy_masks_at_once),
		cmocka_unit_test(disable_nests),
		cmocka_unit_test(a_second_cpu_does_not_run_the_actions),
		cmocka_unit_test(a_wakeup_interrupt_disables_and_resume_enables),
		cmocka_unit_test(resume_without_a_wakeup_disarms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
