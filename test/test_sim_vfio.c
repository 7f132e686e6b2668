/* SPDX-License-Identifier: Apache-2.0 */
/* The models of VFIO, of the host's irqchip and of KVM's IOAPIC. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/kvm.h"
#include "sim/vfio.h"

static const struct vfio_config pci_2_3 = { .mode = VFIO_PCI_2_3 };
static const struct vfio_config lazy = { .mode = VFIO_DISINTX_MINUS };
static const struct vfio_config unlazy = { .mode = VFIO_DISINTX_MINUS,
					   .unlazy = true };
static const struct vfio_config lazy_latch = { .mode = VFIO_DISINTX_MINUS,
					       .irqchip = HOST_IRQCHIP_LATCH };
static const struct vfio_config unlazy_latch = {
	.mode = VFIO_DISINTX_MINUS,
	.irqchip = HOST_IRQCHIP_LATCH,
	.unlazy = true,
};

/* Enabled, asserted and interrupted once. */
static struct host_irq fired(const struct vfio_config *c, struct device *d)
{
	struct host_irq h = { 0 };

	*d = (struct device){ .left = 3 };
	vfio_intx_enable(c, &h, d, true);
	device_assert(d);
	host_irqchip_line(&h.chip, (enum host_irqchip_kind)c->irqchip, false,
			  true);
	assert_true(vfio_irq_is_due(c, &h, d));
	assert_false(vfio_intx_handler(c, &h, d));
	assert_true(h.masked);
	assert_true(h.trigger);
	return h;
}

static void set_level(const struct vfio_config *c, struct host_irq *h,
		      struct device *d, bool high)
{
	bool before = vfio_line(c, h, d);

	d->causes = high;
	host_irqchip_line(&h->chip, (enum host_irqchip_kind)c->irqchip, before,
			  vfio_line(c, h, d));
}

static void disintx_holds_the_line(void **state)
{
	struct device d;
	struct host_irq h = fired(&pci_2_3, &d);

	assert_false(vfio_line(&pci_2_3, &h, &d));
	assert_false(vfio_irq_is_due(&pci_2_3, &h, &d));
	assert_int_equal(h.desc.depth, 0);
}

/* SEMANTICS 23: PCI 2.3 signals again without a host interrupt. */
static void unmask_of_an_asserting_device_signals_again(void **state)
{
	struct device d;
	struct host_irq h = fired(&pci_2_3, &d);

	assert_true(vfio_trigger_read(&h));
	vfio_unmask(&pci_2_3, &h, &d);
	assert_true(h.masked);
	assert_true(h.trigger);
	assert_false(vfio_irq_is_due(&pci_2_3, &h, &d));
}

static void unmask_of_a_quiet_device_opens(void **state)
{
	struct device d;
	struct host_irq h = fired(&pci_2_3, &d);

	device_ack(&d);
	vfio_trigger_read(&h);
	vfio_unmask(&pci_2_3, &h, &d);
	assert_false(h.masked);
	assert_false(h.trigger);
}

static void unmask_is_idempotent(void **state)
{
	struct device d;
	struct host_irq h = fired(&unlazy, &d);

	device_ack(&d);
	vfio_unmask(&unlazy, &h, &d);
	vfio_unmask(&unlazy, &h, &d);
	assert_int_equal(h.desc.depth, 0);
	assert_false(h.chip.masked);
}

static void lazy_costs_one_more_interrupt(void **state)
{
	struct device d;
	struct host_irq h = fired(&lazy, &d);

	assert_false(h.chip.masked);
	assert_true(vfio_irq_is_due(&lazy, &h, &d));
	assert_true(vfio_intx_handler(&lazy, &h, &d));	/* the second */
	assert_true(h.chip.masked);
	assert_false(vfio_irq_is_due(&lazy, &h, &d));
	vfio_unmask(&lazy, &h, &d);
	assert_true(vfio_irq_is_due(&lazy, &h, &d));
}

static void unlazy_masks_with_the_first(void **state)
{
	struct device d;
	struct host_irq h = fired(&unlazy, &d);

	assert_true(h.chip.masked);
	assert_false(vfio_irq_is_due(&unlazy, &h, &d));
}

/* Seed 004, step for step: lower, raise while disabled, enable: silence. */
static void a_latching_controller_loses_it_when_lazy(void **state)
{
	struct device d;
	struct host_irq h = fired(&lazy_latch, &d);

	set_level(&lazy_latch, &h, &d, false);
	set_level(&lazy_latch, &h, &d, true);
	assert_true(vfio_irq_is_due(&lazy_latch, &h, &d));
	vfio_intx_handler(&lazy_latch, &h, &d);
	vfio_trigger_read(&h);
	vfio_unmask(&lazy_latch, &h, &d);
	assert_true(device_level(&d));
	assert_false(vfio_irq_is_due(&lazy_latch, &h, &d));
}

static void a_latching_controller_keeps_it_when_masked(void **state)
{
	struct device d;
	struct host_irq h = fired(&unlazy_latch, &d);

	set_level(&unlazy_latch, &h, &d, false);
	set_level(&unlazy_latch, &h, &d, true);
	assert_false(vfio_irq_is_due(&unlazy_latch, &h, &d));
	vfio_unmask(&unlazy_latch, &h, &d);
	assert_true(vfio_irq_is_due(&unlazy_latch, &h, &d));
}

static void the_error_path_clears_the_flag(void **state)
{
	struct vfio_config leaks = unlazy;
	struct device d = { 0 };
	struct host_irq h = { 0 };

	vfio_intx_enable(&unlazy, &h, &d, false);
	assert_false(h.desc.unlazy);
	leaks.leaks_flag = true;
	vfio_intx_enable(&leaks, &h, &d, false);
	assert_true(h.desc.unlazy);
}

static void a_late_signal_is_a_step_of_its_own(void **state)
{
	struct vfio_config late = pci_2_3;
	struct device d = { .left = 1 };
	struct host_irq h = { 0 };

	late.late_signal = true;
	vfio_intx_enable(&late, &h, &d, true);
	device_assert(&d);
	vfio_intx_handler(&late, &h, &d);
	assert_true(h.masked);
	assert_true(h.signal_due);
	assert_false(h.trigger);
}

/* ---- KVM ----------------------------------------------------------------- */

static void kvm_ors_sources_and_sets_remote_irr(void **state)
{
	struct kvm_pin p = { 0 };

	assert_true(kvm_set_irq(&p, 0, true));
	assert_true(p.remote_irr);
	assert_false(kvm_set_irq(&p, 1, true));	/* in service */
	assert_false(kvm_set_irq(&p, 0, false));
	assert_true(p.irr);			/* the other source is high */
	assert_true(kvm_update_eoi_finish(&p));	/* and delivers at the EOI */
}

static void kvm_6_1_delivers_a_stale_irr_at_the_unmask(void **state)
{
	struct kvm_pin p = { .mask = true };
	bool resample;

	assert_false(kvm_set_irq(&p, 0, true));
	assert_true(kvm_write_mask(KVM_6_1, &p, false, &resample));
	assert_false(resample);
}

static void kvm_6_3_resamples_instead_but_forgets_the_others(void **state)
{
	struct kvm_pin p = { .mask = true };
	bool resample;

	kvm_set_irq(&p, 0, true);
	kvm_set_irq(&p, 1, true);
	assert_false(kvm_write_mask(KVM_6_3, &p, false, &resample));
	assert_true(resample);
	assert_false(p.irr);		/* though userspace's source is high */
	assert_int_equal(p.irq_states, 3);
}

static void the_first_patch_leaves_an_unmask_open(void **state)
{
	struct kvm_pin p = { .mask = true, .ack_pending = true };
	bool resample;

	assert_false(kvm_write_mask(KVM_FIRST_PATCH, &p, false, &resample));
	assert_false(p.mask);		/* the pin can deliver already */
	assert_int_equal(p.unmasking, 1);
}

static void a_listener_defers_by_what_it_has_read(void **state)
{
	struct kvm_pin p = { 0 };

	assert_false(kvm_listener_event(&p, KVM_EVENT_MASK));
	assert_false(kvm_listener_event(&p, KVM_EVENT_EOI));
	assert_true(kvm_listener_event(&p, KVM_EVENT_UNMASK));
	/* the EOI is read before the mask: unmasked too early */
	assert_true(kvm_listener_event(&p, KVM_EVENT_EOI));
	assert_false(kvm_listener_event(&p, KVM_EVENT_MASK));
}

static void ordered_events_come_in_order(void **state)
{
	struct kvm_pin p = { 0 };

	kvm_push_event(KVM_MASKFD_ORDERED, &p, KVM_EVENT_MASK);
	kvm_push_event(KVM_MASKFD_ORDERED, &p, KVM_EVENT_EOI);
	assert_int_equal(kvm_pop_event(&p), KVM_EVENT_MASK);
	assert_int_equal(kvm_pop_event(&p), KVM_EVENT_EOI);
	assert_int_equal(p.nr, 0);
	assert_int_equal(p.event[0], KVM_EVENT_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(disintx_holds_the_line),
		cmocka_unit_test(unmask_of_an_asserting_device_signals_again),
		cmocka_unit_test(unmask_of_a_quiet_device_opens),
		cmocka_unit_test(unmask_is_idempotent),
		cmocka_unit_test(lazy_costs_one_more_interrupt),
		cmocka_unit_test(unlazy_masks_with_the_first),
		cmocka_unit_test(a_latching_controller_loses_it_when_lazy),
		cmocka_unit_test(a_latching_controller_keeps_it_when_masked),
		cmocka_unit_test(the_error_path_clears_the_flag),
		cmocka_unit_test(a_late_signal_is_a_step_of_its_own),
		cmocka_unit_test(kvm_ors_sources_and_sets_remote_irr),
		cmocka_unit_test(kvm_6_1_delivers_a_stale_irr_at_the_unmask),
		cmocka_unit_test(kvm_6_3_resamples_instead_but_forgets_the_others),
		cmocka_unit_test(the_first_patch_leaves_an_unmask_open),
		cmocka_unit_test(a_listener_defers_by_what_it_has_read),
		cmocka_unit_test(ordered_events_come_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
