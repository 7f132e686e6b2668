/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/virq.h"

#include <string.h>

#include "sim/steps.h"
#include "sim/virq_pic.h"

#define VECTOR(pin)	((uint8_t)(0x41 + 0x10 * (pin)))
#define PIN(vector)	(((vector) - 0x41u) / 0x10u)

#define ENTRY_LEVEL	(1u << 15)
#define ENTRY_MASKED	(1u << 16)
#define ENTRY_DEST	24
#define ENTRY_MODE	8

/* irqfd's source is one for all irqfds of a VM; the other is userspace's. */
#define SOURCE_RESAMPLE	0
#define SOURCE_USER	1

/* ---- our engine ---------------------------------------------------------- */

/* A source of a pin that is resampled by this broken VMM, and others not. */
static bool is_forgotten(const struct world_config *c, const struct effect *e)
{
	return c->fault == VMM_FAULT_ONE_RESAMPLE &&
	       e->kind == EFFECT_RESAMPLE && e->source;
}

static bool is_pic(const struct world_config *c)
{
	return c->irqchip == IRQCHIP_I8259;
}

static void answer_drain(const struct world_config *c, struct world *w,
			 unsigned int d, struct effects *out)
{
	bool signalled = vfio_trigger_read(&w->host[d]);

	if (is_pic(c))
		pic_forwarder_drained(&w->pic, d, signalled, out);
	else
		forwarder_drained(&w->forwarder, d, signalled, out);
}

static void answer_sample(const struct world_config *c, struct world *w,
			  unsigned int d, enum forward_level level,
			  struct effects *out)
{
	if (!is_pic(c))
		slots_sampled(&w->vmm.slots, d, level, &w->forwarder, out);
	else if (w->pic.forward[d].used)
		pic_forwarder_sampled(&w->pic, d, level, out);
}

/* States that differ only in what virq_effect() does not look at are one. */
static struct effect simplified(const struct world_config *c,
				const struct effect *e)
{
	struct effect s = { .kind = e->kind, .pin = e->pin };

	if (e->kind == EFFECT_ROUTE) {
		s.msg.level = e->msg.level;
	} else if (e->kind == EFFECT_DELIVER) {
		s.msg.dest = e->msg.dest;
		s.msg.mode = e->msg.mode == DELIVERY_NMI ? DELIVERY_NMI : 0;
	} else {
		s.source = e->source;
		s.pin = (uint8_t)pin_of_device(c, e->source);
	}
	return s;
}

static void misroute(struct world *w, const struct effect *e)
{
	if (e->kind == EFFECT_MASK)
		w->vmm.route[e->pin] = false;
	if (e->kind == EFFECT_UNMASK)
		w->vmm.route[e->pin] = true;
}

void virq_settle(const struct world_config *c, struct world *w,
		 struct effects *out)
{
	for (unsigned int i = 0; i < out->nr; i++) {
		struct effect e = simplified(c, &out->v[i]);

		if (is_forgotten(c, &e))
			continue;
		if (outbox_take(&w->vmm.outbox, &e))
			answer_drain(c, w, e.source, out);
		if (c->fault == VMM_FAULT_ROUTE)
			misroute(w, &e);
	}
	outbox_open(&w->vmm.outbox);
}

/* The first effect has been carried out. */
static void done(struct vmm *vmm)
{
	outbox_done(&vmm->outbox);
	vmm->outbox.v[vmm->outbox.nr] = (struct effect){ 0 };
	vmm->sampled = 0;
}

/* PCI Status bit 3, masked or not */
static void read_level(struct world *w, unsigned int d)
{
	w->vmm.sampled = device_level(&w->device[d]) ? 2 : 1;
}

/* As resample() in source/vfio_intx.c. */
static void resample(const struct world_config *c, struct world *w,
		     unsigned int d)
{
	if (c->vfio.looks && !w->vmm.sampled) {
		read_level(w, d);
		return;
	}
	if (w->vmm.sampled == 2)
		w->host[d].trigger = true;
	else
		vfio_unmask(&c->vfio, &w->host[d], &w->device[d]);
	done(&w->vmm);
}

static void sample(const struct world_config *c, struct world *w,
		   unsigned int d)
{
	struct effects out;

	if (!w->vmm.sampled) {
		read_level(w, d);
		return;
	}
	out.nr = 0;
	answer_sample(c, w, d, w->vmm.sampled == 2 ? FORWARD_LEVEL_HIGH
						   : FORWARD_LEVEL_LOW, &out);
	virq_settle(c, w, &out);
	done(&w->vmm);
}

static void deliver(struct world *w, const struct effect *e)
{
	/* an NMI is taken at once: no irr, no EOI */
	if (e->msg.mode != DELIVERY_NMI)
		w->vcpu[e->msg.dest].irr |= (uint8_t)(1u << e->pin);
}

void virq_effect(const struct world_config *c, struct world *w)
{
	struct vmm *vmm = &w->vmm;
	struct effect e = vmm->outbox.v[0];

	if (e.kind == EFFECT_SAMPLE) {
		sample(c, w, e.source);
		return;
	}
	if (e.kind == EFFECT_RESAMPLE) {
		resample(c, w, e.source);
		return;
	}
	if (e.kind == EFFECT_DELIVER)
		deliver(w, &e);
	else if (e.kind == EFFECT_ROUTE)
		vmm->route[e.pin] = e.msg.level;
	else if (e.kind == EFFECT_THROTTLE)
		vmm->timer[e.source] = true;
	done(vmm);
}

void virq_timeout(const struct world_config *c, struct world *w, unsigned int d)
{
	struct effects out = { .nr = 0 };

	w->vmm.timer[d] = false;
	if (!is_pic(c))
		slots_timed_out(&w->vmm.slots, d, &w->forwarder, &out);
	else if (w->pic.forward[d].used)
		pic_forwarder_timeout(&w->pic, d, &out);
	virq_settle(c, w, &out);
}

/* ---- both ------------------------------------------------------------------ */

static enum kvm_kind kvm_kind(const struct world_config *c)
{
	return (enum kvm_kind)c->kvm;
}

static void kvm_deliver(struct world *w, unsigned int pin)
{
	w->vcpu[w->guest.pin[pin].dest].irr |= (uint8_t)(1u << pin);
}

static void kvm_unmask_sources(const struct world_config *c, struct world *w,
			       unsigned int pin)
{
	for (unsigned int d = 0; d < c->devices; d++)
		if (pin_of_device(c, d) == pin && !device_is_emulated(c, d))
			vfio_unmask(&c->vfio, &w->host[d], &w->device[d]);
}

/* Slot d is device d's: they come in order, and the first free one is taken. */
static void take_slot(const struct world_config *c, struct world *w,
		      unsigned int d)
{
	struct slots *s = &w->vmm.slots;
	unsigned int pin = pin_of_device(c, d);
	int slot;

	if (device_is_emulated(c, d))
		slot = slots_take(s, SLOT_LINE, pin, &w->forwarder);
	else if (c->flow == FLOW_EDGE)
		slot = slots_take(s, SLOT_EDGE, pin, &w->forwarder);
	else
		slot = slots_take_level(s, pin, (enum forward_policy)c->policy,
					c->throttle, &w->forwarder);
	assert(slot == (int)d);
}

void virq_add(const struct world_config *c, struct world *w, unsigned int d)
{
	if (!is_pic(c))
		take_slot(c, w, d);
	else if (!device_is_emulated(c, d) && c->flow != FLOW_EDGE)
		pic_forwarder_add(&w->pic, d, c->irq[pin_of_device(c, d)],
				  (enum forward_policy)c->policy, c->throttle);
}

void virq_remove(const struct world_config *c, struct world *w, unsigned int d)
{
	struct forward *f = is_pic(c) ? &w->pic.forward[d]
				      : &w->forwarder.forward[d];
	struct effects out;

	out.nr = 0;
	if (is_pic(c))
		pic_forwarder_remove(&w->pic, d, &out);
	else
		slots_remove(&w->vmm.slots, d, &w->forwarder, &out);
	virq_settle(c, w, &out);
	/* equal states compare equal: a forward that is not used holds nothing */
	memset(f, 0, sizeof(*f));
}

bool virq_is_closing(const struct world_config *c, const struct world *w,
		     unsigned int d)
{
	return is_pic(c) ? w->host[d].open && !w->pic.forward[d].used
			 : w->vmm.slots.slot[d].kind == SLOT_LEAVING;
}

void virq_removed(const struct world_config *c, struct world *w, unsigned int d)
{
	if (!is_pic(c))
		slots_free(&w->vmm.slots, d);
}

void virq_cut(const struct world_config *c, struct world *w, unsigned int d,
	      bool cut)
{
	struct effects out;

	out.nr = 0;
	if (is_pic(c))
		pic_forwarder_cut(&w->pic, d, cut, &out);
	else
		slots_cut(&w->vmm.slots, d, true, cut, &w->forwarder, &out);
	virq_settle(c, w, &out);
}

/* Entries as a guest leaves them at boot: level, and masked. */
static void init_entries(const struct world_config *c, struct world *w,
			 bool masked)
{
	for (unsigned int pin = 0; pin < c->pins; pin++) {
		struct ioapic_pin *p = &w->forwarder.ioapic.pin[pin];

		w->kvm.pin[pin].mask = masked;
		w->guest.pin[pin].dest = c->dest;
		p->dest = c->dest;
		p->vector = VECTOR(pin);
		p->level = c->flow != FLOW_EDGE;
		p->masked = masked;
	}
}

void virq_init(const struct world_config *c, struct world *w)
{
	if (is_pic(c)) {
		pic_forwarder_init(&w->pic);
		virq_pic_init(c, w, c->boots);
	} else {
		forwarder_init(&w->forwarder, c->pins, IOAPIC_VERSION_ICH, true);
		init_entries(c, w, c->boots);
	}
	for (unsigned int d = 0; c->irqchip != IRQCHIP_KVM && d < c->devices; d++)
		virq_add(c, w, d);
}

void virq_reset(const struct world_config *c, struct world *w)
{
	struct effects out;

	if (is_pic(c)) {
		virq_pic_reset(c, w);
		return;
	}
	out.nr = 0;
	forwarder_reset(&w->forwarder, &out);
	virq_settle(c, w, &out);
	init_entries(c, w, true);
}

struct virq_bits virq_bits(const struct world_config *c, const struct world *w,
			   unsigned int pin)
{
	const struct ioapic_pin *p = &w->forwarder.ioapic.pin[pin];
	const struct kvm_pin *k = &w->kvm.pin[pin];

	if (c->irqchip == IRQCHIP_IRQFWD)
		return (struct virq_bits){ p->lines, p->masked, p->remote_irr };
	if (is_pic(c))
		return virq_pic_bits(c, w, pin);
	return (struct virq_bits){ k->irr, k->mask, k->remote_irr };
}

/* ---- the guest's accesses -------------------------------------------------- */

static void write_register(const struct world_config *c, struct world *w,
			   unsigned int index, uint32_t value)
{
	struct effects out;

	out.nr = 0;
	/* The guest's ioapic_lock covers IOREGSEL and IOWIN: one step. */
	forwarder_write(&w->forwarder, 0x00, index, 4, &out);
	forwarder_write(&w->forwarder, 0x10, value, 4, &out);
	w->forwarder.ioapic.select = 0;
	virq_settle(c, w, &out);
}

void virq_hostile_write(const struct world_config *c, struct world *w,
			unsigned int pin, bool masked, bool level,
			unsigned int mode)
{
	static const uint32_t modes[HOSTILE_MODES] = {
		[HOSTILE_FIXED] = DELIVERY_FIXED << ENTRY_MODE,
		[HOSTILE_RESERVED] = 3u << ENTRY_MODE,
		[HOSTILE_NMI] = DELIVERY_NMI << ENTRY_MODE,
	};

	write_register(c, w, 0x10 + 2 * pin,
		       VECTOR(pin) | modes[mode] | (level ? ENTRY_LEVEL : 0) |
			       (masked ? ENTRY_MASKED : 0));
}

void virq_eoi_register(const struct world_config *c, struct world *w,
		       unsigned int pin)
{
	struct effects out;

	out.nr = 0;
	forwarder_write(&w->forwarder, 0x40, VECTOR(pin), 4, &out);
	virq_settle(c, w, &out);
}

/* RETIRE: the physical line is sampled, and a queued interrupt taken back. */
static void retire(const struct world_config *c, struct world *w,
		   unsigned int pin)
{
	struct kvm_pin *p = &w->kvm.pin[pin];
	bool low = true;

	for (unsigned int d = 0; d < c->devices; d++)
		if (pin_of_device(c, d) == pin && device_level(&w->device[d]))
			low = false;
	if (!low)
		return;
	p->irq_states = 0;
	p->irr = false;
	kvm_unmask_sources(c, w, pin);
}

static void kvm_guest_write_mask(const struct world_config *c, struct world *w,
				 unsigned int pin, bool masked,
				 unsigned int vcpu)
{
	struct kvm_pin *p = &w->kvm.pin[pin];
	bool resample;

	if (c->kvm == KVM_RETIRE_UNMASK && !masked)
		retire(c, w, pin);
	if (kvm_write_mask(kvm_kind(c), p, masked, &resample))
		kvm_deliver(w, pin);
	if (resample)
		kvm_unmask_sources(c, w, pin);
	if (p->unmasking)
		w->kvm.unmasking_on = (uint8_t)vcpu;
}

void virq_write_mask(const struct world_config *c, struct world *w,
		     unsigned int pin, bool masked, unsigned int vcpu)
{
	if (c->irqchip == IRQCHIP_IRQFWD)
		virq_hostile_write(c, w, pin, masked, c->flow != FLOW_EDGE,
				   HOSTILE_FIXED);
	else if (is_pic(c))
		virq_pic_write_mask(c, w, pin, masked);
	else
		kvm_guest_write_mask(c, w, pin, masked, vcpu);
}

void virq_write_dest(const struct world_config *c, struct world *w,
		     unsigned int pin, unsigned int dest)
{
	w->guest.pin[pin].dest = (uint8_t)dest;
	if (c->irqchip == IRQCHIP_IRQFWD)
		write_register(c, w, 0x11 + 2 * pin, dest << ENTRY_DEST);
	/* The table has the new message, and the EOI of the old one no entry. */
	if (c->fault == VMM_FAULT_ROUTE_ENTRY && virq_bits(c, w, pin).remote_irr)
		w->vmm.route[pin] = false;
}

/* FIRST_PATCH: the ack notifiers that the EOI owes, after the unmask. */
void virq_unmask_continue(const struct world_config *c, struct world *w,
			  unsigned int pin)
{
	struct kvm_pin *p = &w->kvm.pin[pin];

	if (p->unmasking == 1) {
		if (kvm_set_irq(p, SOURCE_RESAMPLE, false))
			kvm_deliver(w, pin);
		p->unmasking = 2;
	} else if (p->unmasking == 2) {
		kvm_unmask_sources(c, w, pin);
		p->unmasking = 3;
	} else {
		p->unmasking = 0;
		w->kvm.unmasking_on = 0;
		p->ack_pending = false;
		if (p->irr && kvm_ioapic_service(p))
			kvm_deliver(w, pin);
	}
}

static enum vcpu_pc kvm_eoi(const struct world_config *c, struct world *w,
			    unsigned int pin)
{
	struct kvm_pin *p = &w->kvm.pin[pin];

	switch (kvm_kind(c)) {
	case KVM_FIRST_PATCH:
		if (!p->mask)
			break;
		p->ack_pending = true;
		if (kvm_update_eoi_finish(p))
			kvm_deliver(w, pin);
		return VCPU_IDLE;
	case KVM_RETIRE_EOI:
	case KVM_RETIRE_UNMASK:
		retire(c, w, pin);
		if (kvm_update_eoi_finish(p))
			kvm_deliver(w, pin);
		return VCPU_IDLE;
	case KVM_HWIRQ:
		/* no exit: the list register takes the level down with it */
		if (kvm_set_irq(p, SOURCE_RESAMPLE, false))
			kvm_deliver(w, pin);
		kvm_unmask_sources(c, w, pin);
		if (kvm_update_eoi_finish(p))
			kvm_deliver(w, pin);
		return VCPU_IDLE;
	case KVM_6_1:
	case KVM_6_3:
	case KVM_MASKFD:
	case KVM_MASKFD_ORDERED:
		break;
	}
	if (kvm_set_irq(p, SOURCE_RESAMPLE, false))
		kvm_deliver(w, pin);
	return VCPU_EOI_RESAMPLE;
}

enum vcpu_pc virq_eoi(const struct world_config *c, struct world *w,
		      unsigned int pin, unsigned int vcpu)
{
	struct effects out;

	w->vcpu[vcpu].isr &= (uint8_t)~(1u << pin);
	if (c->irqchip == IRQCHIP_KVM)
		return kvm_eoi(c, w, pin);
	if (is_pic(c))
		return virq_pic_eoi(c, w, pin);
	/*
	 * The exit, and engine_eoi() before the vCPU enters again, are one step:
	 * nobody but this vCPU can see the local APIC between them.
	 */
	if (w->vmm.route[pin]) {
		out.nr = 0;
		forwarder_eoi(&w->forwarder, VECTOR(pin), &out);
		virq_settle(c, w, &out);
	}
	return VCPU_IDLE;
}

enum vcpu_pc virq_eoi_continue(const struct world_config *c, struct world *w,
			       unsigned int pin, enum vcpu_pc pc)
{
	struct kvm_pin *p = &w->kvm.pin[pin];

	if (is_pic(c)) {
		virq_pic_eoi_cascade(c, w);
		return VCPU_IDLE;
	}
	if (pc == VCPU_EOI_RESAMPLE) {
		if (kvm_has_listener(kvm_kind(c)))
			kvm_push_event(kvm_kind(c), p, KVM_EVENT_EOI);
		else
			kvm_unmask_sources(c, w, pin);
		return VCPU_EOI_FINISH;
	}
	if (kvm_update_eoi_finish(p))
		kvm_deliver(w, pin);
	return VCPU_IDLE;
}

/* ---- the way down ---------------------------------------------------------- */

/* The work that irqfd_wakeup() schedules: the eventfd's count stands for it. */
static void irqfd_inject(const struct world_config *c, struct world *w,
			 unsigned int d)
{
	unsigned int pin = pin_of_device(c, d);

	if (kvm_set_irq(&w->kvm.pin[pin], SOURCE_RESAMPLE, true))
		kvm_deliver(w, pin);
}

/* The fault of a VMM that believes a masked pin to need nothing. */
static bool drops(const struct world_config *c, const struct world *w,
		  unsigned int d)
{
	return c->fault == VMM_FAULT_DROP &&
	       w->forwarder.ioapic.pin[pin_of_device(c, d)].masked;
}

static void pic_trigger(const struct world_config *c, struct world *w,
			unsigned int d, struct effects *out)
{
	if (c->flow == FLOW_EDGE)
		pic_forwarder_pulse(&w->pic, c->irq[pin_of_device(c, d)]);
	else if (w->pic.forward[d].used)
		pic_forwarder_trigger(&w->pic, d, out);
}

void virq_trigger(const struct world_config *c, struct world *w, unsigned int d)
{
	bool signalled = vfio_trigger_read(&w->host[d]);
	struct effects out;

	if (c->irqchip == IRQCHIP_KVM) {
		irqfd_inject(c, w, d);
		return;
	}
	out.nr = 0;
	if (is_pic(c))
		pic_trigger(c, w, d, &out);
	else if (!drops(c, w, d))
		slots_triggered(&w->vmm.slots, d, signalled, &w->forwarder,
				&out);
	virq_settle(c, w, &out);
}

void virq_set_line(const struct world_config *c, struct world *w, bool level)
{
	unsigned int d = c->devices - 1u;
	unsigned int pin = pin_of_device(c, d);
	struct effects out;

	if (c->irqchip == IRQCHIP_KVM) {
		if (kvm_set_irq(&w->kvm.pin[pin], SOURCE_USER, level))
			kvm_deliver(w, pin);
		return;
	}
	if (is_pic(c)) {
		pic_forwarder_set_line(&w->pic, d, c->irq[pin], level);
		return;
	}
	out.nr = 0;
	slots_set_line(&w->vmm.slots, d, level, &w->forwarder, &out);
	virq_settle(c, w, &out);
}

void virq_listen(const struct world_config *c, struct world *w, unsigned int pin,
		 enum kvm_event event)
{
	if (kvm_listener_event(&w->kvm.pin[pin], event))
		kvm_unmask_sources(c, w, pin);
}
