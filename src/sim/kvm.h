/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model of KVM's in-kernel IOAPIC with irqfd and resampling, in the versions
 * that the thread is about, for comparison.  Level pins only.
 *
 * Atomic is what ioapic->lock covers.  KVM drops it around ack notifiers, so an
 * EOI takes three steps (notify, resamplefd, finish), and so does an unmask
 * under the first patch.  VFIO's unmask handler runs inside eventfd_signal().
 */
#ifndef SIM_KVM_H
#define SIM_KVM_H

#include <stdbool.h>
#include <stdint.h>

enum kvm_kind {
	KVM_6_1,		/* resamples at the EOI */
	KVM_6_3,		/* and again at an unmask with irr set */
	KVM_FIRST_PATCH,	/* ack_pending, cleared after the lock was dropped */
	KVM_MASKFD,		/* EOI, mask and unmask as three eventfds; VFIO decides */
	KVM_MASKFD_ORDERED,	/* the same events through one queue */
	KVM_RETIRE_EOI,		/* at the EOI the line is sampled, irr retired if low */
	KVM_RETIRE_UNMASK,	/* at the EOI and at the unmask */
	KVM_HWIRQ,		/* the EOI deactivates the physical interrupt: no exit */
};

#define KVM_PINS	2
#define KVM_EVENTS	4	/* mask, unmask and EOI events on their way */

enum kvm_event { KVM_EVENT_NONE, KVM_EVENT_EOI, KVM_EVENT_MASK, KVM_EVENT_UNMASK };

struct kvm_pin {
	uint8_t irq_states;	/* bit 0: irqfds (resample source), bit 1: userspace */
	bool irr;
	bool remote_irr;
	bool mask;
	bool ack_pending;	/* FIRST_PATCH */
	uint8_t unmasking;	/* FIRST_PATCH: step of the unmask under way, 0: none */
	/* MASKFD: what whoever listens believes, and what is signalled */
	bool fd_eoi, fd_mask, fd_unmask;
	bool believed_masked, deferred;
	uint8_t nr;		/* ORDERED: events queued */
	uint8_t event[KVM_EVENTS];
};

struct kvm {
	struct kvm_pin pin[KVM_PINS];
	uint8_t unmasking_on;	/* vCPU that does the unmask under way */
};

/* All return whether the pin is delivered to a vCPU now. */
bool kvm_set_irq(struct kvm_pin *p, unsigned int source, bool level);
bool kvm_ioapic_service(struct kvm_pin *p);
/* kvm_ioapic_update_eoi_one() after the notifiers. */
bool kvm_update_eoi_finish(struct kvm_pin *p);

/*
 * ioapic_write_indirect() of the mask bit, without what needs VFIO: *resample
 * says that the resamplefd is signalled in the same step.
 */
bool kvm_write_mask(enum kvm_kind kind, struct kvm_pin *p, bool mask,
		    bool *resample);

/* What the listener of maskfd, unmaskfd and resamplefd does with one event. */
bool kvm_listener_event(struct kvm_pin *p, enum kvm_event event);
void kvm_push_event(enum kvm_kind kind, struct kvm_pin *p, enum kvm_event event);
enum kvm_event kvm_pop_event(struct kvm_pin *p);

static inline bool kvm_has_listener(enum kvm_kind kind)
{
	return kind == KVM_MASKFD || kind == KVM_MASKFD_ORDERED;
}

#endif
