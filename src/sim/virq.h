/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything between a source's trigger and the guest's registers: our engine
 * around the shipped forwarder, or the model of KVM.
 *
 * Our engine: an event and the effects inside the forwarder are one step (the
 * engine's lock); a DRAIN is answered in it.  Effects for the outside wait in the
 * shipped outbox, and are carried out in order, each in a step of its own, whoever
 * carries them out.  A SAMPLE is two steps: the level is read without the lock, and answered
 * under it.
 */
#ifndef SIM_VIRQ_H
#define SIM_VIRQ_H

#include "sim/world_state.h"

void virq_init(const struct world_config *c, struct world *w);

/* The pin's line, mask and Remote IRR as the guest's chip has them. */
struct virq_bits {
	bool line, masked, remote_irr;
};
struct virq_bits virq_bits(const struct world_config *c, const struct world *w,
			   unsigned int pin);

/* ---- the guest's accesses; vcpu is the one that exits ---- */

/* A write of the low word. */
void virq_write_mask(const struct world_config *c, struct world *w,
		     unsigned int pin, bool masked, unsigned int vcpu);
/* A write of the high word. */
void virq_write_dest(const struct world_config *c, struct world *w,
		     unsigned int pin, unsigned int dest);
/*
 * The EOI of pin's vector at vcpu's local APIC.  Returns the pc at which the
 * rest of it goes on, or VCPU_IDLE when it is complete.
 */
enum vcpu_pc virq_eoi(const struct world_config *c, struct world *w,
		      unsigned int pin, unsigned int vcpu);
enum vcpu_pc virq_eoi_continue(const struct world_config *c, struct world *w,
			       unsigned int pin, enum vcpu_pc pc);
/* A hostile guest: the low word with any trigger mode, and enum hostile_mode. */
void virq_hostile_write(const struct world_config *c, struct world *w,
			unsigned int pin, bool masked, bool level,
			unsigned int mode);
/* pin's vector to the IOAPIC's EOI register. */
void virq_eoi_register(const struct world_config *c, struct world *w,
		       unsigned int pin);

/* Is an unmask of pin still under way (KVM's first patch)? */
static inline bool virq_unmask_is_open(const struct world_config *c,
				       const struct world *w, unsigned int pin)
{
	return c->irqchip == IRQCHIP_KVM && w->kvm.pin[pin].unmasking;
}
void virq_unmask_continue(const struct world_config *c, struct world *w,
			  unsigned int pin);

/* ---- the way down ---- */

/* The trigger of device d was signalled: our thread, or KVM's inject work. */
void virq_trigger(const struct world_config *c, struct world *w, unsigned int d);
/* Carries out the first effect that waits. */
void virq_effect(const struct world_config *c, struct world *w);
void virq_timeout(const struct world_config *c, struct world *w, unsigned int d);
/* The emulated device's level changed. */
void virq_set_line(const struct world_config *c, struct world *w, bool level);
void virq_listen(const struct world_config *c, struct world *w, unsigned int pin,
		 enum kvm_event event);

/* The guest's DisINTx bit of device d. */
void virq_cut(const struct world_config *c, struct world *w, unsigned int d,
	      bool cut);
/* engine_reset(), and the firmware's masked entries after it. */
void virq_reset(const struct world_config *c, struct world *w);

/* The end of an event of our engine: settle_event() and drain(). */
void virq_settle(const struct world_config *c, struct world *w,
		 struct effects *out);

/* Removed, and VFIO not closed yet; when nothing waits for it, it can be. */
void virq_remove(const struct world_config *c, struct world *w, unsigned int d);
bool virq_is_closing(const struct world_config *c, const struct world *w,
		     unsigned int d);
void virq_removed(const struct world_config *c, struct world *w, unsigned int d);
void virq_add(const struct world_config *c, struct world *w, unsigned int d);

#endif
