/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/kvm.h"

#include <assert.h>

bool kvm_ioapic_service(struct kvm_pin *p)
{
	if (p->mask || p->remote_irr)
		return false;
	p->remote_irr = true;
	return true;
}

bool kvm_set_irq(struct kvm_pin *p, unsigned int source, bool level)
{
	if (level)
		p->irq_states |= (uint8_t)(1u << source);
	else
		p->irq_states &= (uint8_t)~(1u << source);
	p->irr = p->irq_states;
	return p->irr && kvm_ioapic_service(p);
}

bool kvm_update_eoi_finish(struct kvm_pin *p)
{
	p->remote_irr = false;
	return !p->mask && p->irr && kvm_ioapic_service(p);
}

bool kvm_write_mask(enum kvm_kind kind, struct kvm_pin *p, bool mask,
		    bool *resample)
{
	bool before = p->mask;

	*resample = false;
	p->mask = mask;
	if (before != mask)
		kvm_push_event(kind, p,
			       mask ? KVM_EVENT_MASK : KVM_EVENT_UNMASK);
	if (kind == KVM_FIRST_PATCH && before && !mask && p->ack_pending) {
		p->unmasking = 1;
		return false;	/* the rest follows with the lock dropped */
	}
	if (!p->irr || p->mask || p->remote_irr)
		return false;
	if (kind == KVM_6_3) {
		/* kvm_notify_irqfd_resampler(): the pin's irr is outdated */
		p->irr = false;
		*resample = true;
		return false;
	}
	return kvm_ioapic_service(p);
}

void kvm_push_event(enum kvm_kind kind, struct kvm_pin *p, enum kvm_event event)
{
	if (kind == KVM_MASKFD_ORDERED) {
		assert(p->nr < KVM_EVENTS);
		p->event[p->nr++] = (uint8_t)event;
		return;
	}
	if (kind != KVM_MASKFD)
		return;
	p->fd_eoi |= event == KVM_EVENT_EOI;
	p->fd_mask |= event == KVM_EVENT_MASK;
	p->fd_unmask |= event == KVM_EVENT_UNMASK;
}

enum kvm_event kvm_pop_event(struct kvm_pin *p)
{
	enum kvm_event event = (enum kvm_event)p->event[0];

	assert(p->nr);
	p->nr--;
	for (unsigned int i = 0; i + 1 < KVM_EVENTS; i++)
		p->event[i] = p->event[i + 1];
	p->event[KVM_EVENTS - 1] = KVM_EVENT_NONE;
	return event;
}

/* Returns whether the host is to be unmasked now. */
bool kvm_listener_event(struct kvm_pin *p, enum kvm_event event)
{
	bool unmask = false;

	switch (event) {
	case KVM_EVENT_NONE:
		break;
	case KVM_EVENT_EOI:
		if (p->believed_masked)
			p->deferred = true;
		else
			unmask = true;
		break;
	case KVM_EVENT_MASK:
		p->believed_masked = true;
		break;
	case KVM_EVENT_UNMASK:
		p->believed_masked = false;
		unmask = p->deferred;
		p->deferred = false;
		break;
	}
	return unmask;
}
