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

static bool is_nmi(const struct effect *e)
{
	return e->kind == EFFECT_DELIVER && e->msg.mode == DELIVERY_NMI;
}

static void enqueue(struct world *w, const struct effect *e)
{
	struct vmm *vmm = &w->vmm;
	bool to_backend = e->kind == EFFECT_DELIVER || e->kind == EFFECT_ROUTE;

	assert(vmm->nr < QUEUE_MAX);
	vmm->queue[vmm->nr++] = (struct queued){
		.kind = e->kind,
		.slot = to_backend ? e->pin : e->source,
		.dest = e->kind == EFFECT_DELIVER ? (uint8_t)e->msg.dest : 0,
		.level = e->kind == EFFECT_ROUTE ? e->msg.level : is_nmi(e),
	};
}

/* A source of a pin that is resampled by this broken VMM, and others not. */
static bool is_forgotten(const struct world_config *c, const struct effect *e)
{
	return c->fault == VMM_FAULT_ONE_RESAMPLE && e->source;
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
	if (is_pic(c))
		pic_forwarder_sampled(&w->pic, d, level, out);
	else
		forwarder_sampled(&w->forwarder, d, level, out);
}

/* As settle_event() in forward/engine.c. */
void virq_settle(const struct world_config *c, struct world *w,
		 struct effects *out)
{
	for (unsigned int i = 0; i < out->nr; i++) {
		struct effect e = out->v[i];

		switch ((enum effect_kind)e.kind) {
		case EFFECT_DRAIN:
			answer_drain(c, w, e.source, out);
			break;
		case EFFECT_RESAMPLE:
			if (!is_forgotten(c, &e))
				enqueue(w, &e);
			break;
		case EFFECT_DELIVER:
		case EFFECT_ROUTE:
		case EFFECT_SAMPLE:
		case EFFECT_THROTTLE:
			enqueue(w, &e);
			break;
		case EFFECT_MASK:
			if (c->fault == VMM_FAULT_ROUTE)
				w->vmm.route[e.pin] = false;
			break;
		case EFFECT_UNMASK:
			if (c->fault == VMM_FAULT_ROUTE)
				w->vmm.route[e.pin] = true;
			break;
		case EFFECT_ACK:
		case EFFECT_RAISE:
		case EFFECT_LOWER:
		case EFFECT_DEFER:
		case EFFECT_SETTLE:
			break;
		}
	}
}

static void pop(struct vmm *vmm)
{
	vmm->nr--;
	for (unsigned int i = 0; i < vmm->nr; i++)
		vmm->queue[i] = vmm->queue[i + 1];
	vmm->queue[vmm->nr] = (struct queued){ 0 };
	vmm->sampled = 0;
}

/* PCI Status bit 3, masked or not */
static void read_level(struct world *w)
{
	unsigned int d = w->vmm.queue[0].slot;

	w->vmm.sampled = device_level(&w->device[d]) ? 2 : 1;
}

/* As resample() in source/vfio_intx.c. */
static void resample(const struct world_config *c, struct world *w)
{
	unsigned int d = w->vmm.queue[0].slot;
	bool high = w->vmm.sampled == 2;

	if (c->vfio.looks && !w->vmm.sampled) {
		read_level(w);
		return;
	}
	pop(&w->vmm);
	if (high)
		w->host[d].trigger = true;
	else
		vfio_unmask(&c->vfio, &w->host[d], &w->device[d]);
}

static void sample(const struct world_config *c, struct world *w)
{
	struct vmm *vmm = &w->vmm;
	unsigned int d = vmm->queue[0].slot;
	struct effects out;
	unsigned int level;

	if (!vmm->sampled) {
		read_level(w);
		return;
	}
	level = vmm->sampled - 1u;
	pop(vmm);
	if (!world_forward(c, w, d)->used)
		return;
	out.nr = 0;
	answer_sample(c, w, d, level ? FORWARD_LEVEL_HIGH : FORWARD_LEVEL_LOW,
		      &out);
	virq_settle(c, w, &out);
}

void virq_effect(const struct world_config *c, struct world *w)
{
	struct vmm *vmm = &w->vmm;
	struct queued q = vmm->queue[0];

	if (q.kind == EFFECT_SAMPLE) {
		sample(c, w);
		return;
	}
	if (q.kind == EFFECT_RESAMPLE) {
		resample(c, w);
		return;
	}
	pop(vmm);
	if (q.kind == EFFECT_DELIVER && q.level)
		return;		/* taken at once; no irr, no EOI */
	if (q.kind == EFFECT_DELIVER)
		w->vcpu[q.dest].irr |= (uint8_t)(1u << q.slot);
	else if (q.kind == EFFECT_ROUTE)
		vmm->route[q.slot] = q.level;
	else if (q.kind == EFFECT_THROTTLE)
		vmm->timer[q.slot] = true;
}

void virq_timeout(const struct world_config *c, struct world *w, unsigned int d)
{
	struct effects out = { .nr = 0 };

	w->vmm.timer[d] = false;
	if (world_forward(c, w, d)->used && is_pic(c))
		pic_forwarder_timeout(&w->pic, d, &out);
	else if (world_forward(c, w, d)->used)
		forwarder_timeout(&w->forwarder, d, &out);
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

void virq_add(const struct world_config *c, struct world *w, unsigned int d)
{
	unsigned int pin = pin_of_device(c, d);
	enum forward_policy policy = (enum forward_policy)c->policy;

	if (is_pic(c))
		pic_forwarder_add(&w->pic, d, c->irq[pin], policy, c->throttle);
	else
		forwarder_add(&w->forwarder, d, pin, policy, c->throttle);
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
		forwarder_remove(&w->forwarder, d, &out);
	virq_settle(c, w, &out);
	/* equal states compare equal: a slot that is not used holds nothing */
	memset(f, 0, sizeof(*f));
}

void virq_cut(const struct world_config *c, struct world *w, unsigned int d,
	      bool cut)
{
	struct effects out;

	out.nr = 0;
	if (is_pic(c))
		pic_forwarder_cut(&w->pic, d, cut, &out);
	else
		forwarder_cut(&w->forwarder, d, cut, &out);
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
	for (unsigned int d = 0; d < c->devices; d++)
		if (!device_is_emulated(c, d) &&
		    c->irqchip != IRQCHIP_KVM && c->flow != FLOW_EDGE)
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

static void pulse(const struct world_config *c, struct world *w,
		  unsigned int pin, struct effects *out)
{
	if (is_pic(c))
		pic_forwarder_pulse(&w->pic, c->irq[pin]);
	else
		forwarder_pulse(&w->forwarder, pin, out);
}

void virq_trigger(const struct world_config *c, struct world *w, unsigned int d)
{
	struct forwarder *fw = &w->forwarder;
	unsigned int pin = pin_of_device(c, d);
	struct effects out;

	vfio_trigger_read(&w->host[d]);
	if (c->irqchip == IRQCHIP_KVM) {
		irqfd_inject(c, w, d);
		return;
	}
	out.nr = 0;
	if (c->flow == FLOW_EDGE)
		pulse(c, w, pin, &out);
	else if (!world_forward(c, w, d)->used ||
		 (c->fault == VMM_FAULT_DROP && fw->ioapic.pin[pin].masked))
		return;
	else if (is_pic(c))
		pic_forwarder_trigger(&w->pic, d, &out);
	else
		forwarder_trigger(fw, d, &out);
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
	forwarder_set_line(&w->forwarder, d, pin, level, &out);
	virq_settle(c, w, &out);
}

void virq_listen(const struct world_config *c, struct world *w, unsigned int pin,
		 enum kvm_event event)
{
	if (kvm_listener_event(&w->kvm.pin[pin], event))
		kvm_unmask_sources(c, w, pin);
}
