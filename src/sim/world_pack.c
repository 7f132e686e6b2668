/* SPDX-License-Identifier: Apache-2.0 */
/*
 * States as bits.  One list of fields serves both directions, and holds only
 * what can change in a world of this configuration: what is left out is either
 * constant, and put back by unpack, or a function of what is in.
 */
#include <assert.h>
#include <string.h>

#include "sim/world.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))

#define VECTOR(pin)	((uint8_t)(0x41 + 0x10 * (pin)))

struct bits {
	uint64_t acc;
	unsigned int nr;	/* bits in acc: to be written, or read and not used */
	uint8_t *at;
};

/* Little-endian machines only; so are the others that KVM's IOAPIC has. */
ALWAYS_INLINE void field(struct bits *b, void *f, unsigned int n, bool packing)
{
	uint8_t *v = f;		/* bool and uint8_t */

	if (packing) {
		b->acc |= (uint64_t)*v << b->nr;
		b->nr += n;
		if (b->nr >= 32) {
			uint32_t word = (uint32_t)b->acc;

			memcpy(b->at, &word, 4);
			b->at += 4;
			b->acc >>= 32;
			b->nr -= 32;
		}
		return;
	}
	if (b->nr < n) {
		uint32_t word;

		memcpy(&word, b->at, 4);
		b->at += 4;
		b->acc |= (uint64_t)word << b->nr;
		b->nr += 32;
	}
	*v = (uint8_t)(b->acc & ((1u << n) - 1));
	b->acc >>= n;
	b->nr -= n;
}

#define F(f, n)	field(b, &(f), n, packing)

ALWAYS_INLINE void device_fields(const struct world_config *c, struct world *w,
				 unsigned int d, struct bits *b, bool packing)
{
	struct device *dev = &w->device[d];
	struct host_irq *h = &w->host[d];
	bool disables = c->vfio.mode != VFIO_PCI_2_3;

	F(dev->causes, 2);
	F(dev->left, 4);
	if (c->bounces) {
		F(dev->bounces, 2);
		F(dev->dropped, 1);
	}
	if (device_is_emulated(c, d))
		return;
	F(h->masked, 1);
	F(h->trigger, 1);
	if (c->vfio.irqchip == HOST_IRQCHIP_LATCH)
		F(h->chip.latched, 1);
	if (disables) {
		F(h->chip.masked, 1);
		F(h->desc.depth, 1);
		F(h->desc.masked, 1);
		F(h->desc.pending, 1);
	}
	if (c->vfio.late_signal)
		F(h->signal_due, 1);
	if (c->opens) {
		F(h->open, 1);
		F(h->desc.unlazy, 1);
	}
	if (c->properties & PROPERTY_BIT(PROPERTY_ONCE))
		F(h->fired, 1);
	if (c->throttle)
		F(w->vmm.timer[d], 1);
}

ALWAYS_INLINE void forward_fields(const struct world_config *c, struct world *w,
				  unsigned int d, struct bits *b, bool packing)
{
	struct forward *f = &w->forwarder.forward[d];
	uint8_t refires = (uint8_t)f->refires;

	if (device_is_emulated(c, d))
		return;
	F(f->phase, 3);
	if (c->throttle) {
		F(refires, 3);
		f->refires = refires;
	}
	if (c->opens)
		F(f->used, 1);
}

ALWAYS_INLINE void forwarder_fields(const struct world_config *c,
				    struct world *w, struct bits *b,
				    bool packing)
{
	for (unsigned int pin = 0; pin < c->pins; pin++) {
		struct ioapic_pin *p = &w->forwarder.ioapic.pin[pin];
		struct message *r = &w->forwarder.route[pin];
		uint8_t lines = (uint8_t)p->lines;
		uint8_t dest = (uint8_t)r->dest;

		F(lines, 2);
		p->lines = lines;
		F(p->masked, 1);
		F(p->remote_irr, 1);
		if (c->hostile)
			F(p->level, 1);
		F(r->level, 1);
		F(w->vmm.route[pin], 1);
		if (c->moves) {
			F(dest, 1);
			r->dest = dest;
		} else if (!packing) {
			r->dest = r->level ? c->dest : 0;
		}
	}
	for (unsigned int d = 0; d < c->devices; d++)
		forward_fields(c, w, d, b, packing);
}

ALWAYS_INLINE void queue_fields(const struct world_config *c, struct world *w,
				struct bits *b, bool packing)
{
	struct vmm *vmm = &w->vmm;

	F(vmm->nr, 3);
	if (c->policy == FORWARD_SAMPLE || c->throttle)
		F(vmm->sampled, 2);
	for (unsigned int i = 0; i < c->queue; i++) {
		F(vmm->queue[i].kind, 4);
		if (c->devices > 1)
			F(vmm->queue[i].slot, 1);
		if (c->moves)
			F(vmm->queue[i].dest, 1);
		if (c->hostile)
			F(vmm->queue[i].level, 1);
	}
	if (c->opens) {
		F(vmm->closing, 1);
		F(vmm->opens, 3);
	}
}

ALWAYS_INLINE void kvm_fields(const struct world_config *c, struct world *w,
			      struct bits *b, bool packing)
{
	for (unsigned int pin = 0; pin < c->pins; pin++) {
		struct kvm_pin *p = &w->kvm.pin[pin];

		F(p->irq_states, 2);
		F(p->irr, 1);
		F(p->remote_irr, 1);
		F(p->mask, 1);
		if (c->kvm == KVM_FIRST_PATCH) {
			F(p->ack_pending, 1);
			F(p->unmasking, 2);
		}
		if (kvm_has_listener((enum kvm_kind)c->kvm)) {
			F(p->believed_masked, 1);
			F(p->deferred, 1);
		}
		if (c->kvm == KVM_MASKFD) {
			F(p->fd_eoi, 1);
			F(p->fd_mask, 1);
			F(p->fd_unmask, 1);
		}
		if (c->kvm == KVM_MASKFD_ORDERED) {
			F(p->nr, 3);
			for (unsigned int i = 0; i < KVM_EVENTS; i++)
				F(p->event[i], 2);
		}
	}
	if (c->kvm == KVM_FIRST_PATCH && c->vcpus > 1)
		F(w->kvm.unmasking_on, 1);
}

ALWAYS_INLINE void vcpu_fields(const struct world_config *c, struct vcpu *v,
			       struct bits *b, bool packing)
{
	F(v->irr, c->pins);
	F(v->isr, c->pins);
	if (c->hostile)
		return;
	F(v->pc, 4);
	if (c->pins > 1)
		F(v->pin, 1);
	if (c->devices > 1)
		F(v->action, 1);
}

ALWAYS_INLINE void guest_pin_fields(const struct world_config *c,
				    struct guest_pin *g, struct bits *b,
				    bool packing)
{
	bool judges = c->properties & PROPERTY_BIT(PROPERTY_NO_SPURIOUS);

	if (judges) {
		F(g->due, 1);
		F(g->given, 1);
		F(g->found, 1);
	}
	if (c->hostile)
		return;
	F(g->desc.masked, 1);
	F(g->desc.in_progress, 1);
	if (flow_is_oneshot((enum flow)c->flow))
		F(g->desc.threads_oneshot, c->devices);
	if (c->disables || c->suspends) {
		F(g->desc.depth, 2);
		F(g->desc.pending, 1);
	}
	if (c->suspends) {
		F(g->desc.wakeup_armed, 1);
		F(g->desc.suspended, 1);
	}
	if (c->moves) {
		F(g->dest, 1);
		F(g->move, 1);
	}
	if (c->boots)
		F(g->requested, 1);
}

ALWAYS_INLINE void guest_fields(const struct world_config *c, struct guest *g,
				struct bits *b, bool packing)
{
	for (unsigned int pin = 0; pin < c->pins; pin++) {
		guest_pin_fields(c, &g->pin[pin], b, packing);
		if (!packing && !c->moves)
			g->pin[pin].dest = c->dest;
	}
	if (flow_is_oneshot((enum flow)c->flow))
		for (unsigned int d = 0; d < c->devices; d++)
			F(g->thread[d], 2);
	if (c->disables || c->suspends) {
		F(g->task, 3);
		F(g->disables, 3);
		F(g->suspends, 3);
	}
	if (c->moves)
		F(g->moves, 3);
}

ALWAYS_INLINE void forward_world_fields(const struct world_config *c,
					struct world *w, struct bits *b,
					bool packing)
{
	for (unsigned int d = 0; d < c->devices; d++)
		device_fields(c, w, d, b, packing);
	if (c->irqchip == IRQCHIP_IRQFWD) {
		forwarder_fields(c, w, b, packing);
		queue_fields(c, w, b, packing);
	} else {
		kvm_fields(c, w, b, packing);
	}
	for (unsigned int v = 0; v < c->vcpus; v++)
		vcpu_fields(c, &w->vcpu[v], b, packing);
	guest_fields(c, &w->guest, b, packing);
}

ALWAYS_INLINE void window_fields(struct window *x, struct bits *b, bool packing)
{
	F(x->pc, 2);
	F(x->guest, 2);
	F(x->interrupts, 1);
	F(x->saved, 1);
	F(x->external, 1);
	F(x->local, 1);
	F(x->stash, 1);
	F(x->injected, 1);
	F(x->exception, 1);
	F(x->request, 1);
	F(x->armed, 1);
	F(x->external_left, 3);
	F(x->local_left, 3);
	F(x->clis, 3);
	F(x->exceptions, 3);
	F(x->exits, 3);
}

ALWAYS_INLINE void world_fields(const struct world_config *c, struct world *w,
				struct bits *b, bool packing)
{
	if (c->kind == WORLD_WINDOW)
		window_fields(&w->window, b, packing);
	else
		forward_world_fields(c, w, b, packing);
}

#undef F

unsigned int world_pack(const struct world_config *c, const struct world *w,
			uint8_t out[WORLD_PACKED_MAX])
{
	struct world copy = *w;
	struct bits b = { .at = out };
	unsigned int size;

	world_fields(c, &copy, &b, true);
	memcpy(b.at, &b.acc, 4);
	size = (unsigned int)(b.at - out) + (b.nr + 7) / 8;
	assert(size + 4 <= WORLD_PACKED_MAX);
	return size;
}

unsigned int world_packed_size(const struct world_config *c)
{
	struct world w[WORLD_INITIAL_MAX];
	uint8_t out[WORLD_PACKED_MAX];

	world_init(c, w);
	return world_pack(c, &w[0], out);
}

/* What a configuration makes constant, or what follows from other fields. */
static void unpack_forwarder(const struct world_config *c, struct world *w)
{
	struct forwarder *fw = &w->forwarder;

	fw->routed = true;
	fw->ioapic.pins = c->pins;
	fw->ioapic.version = IOAPIC_VERSION_ICH;
	for (unsigned int pin = 0; pin < c->pins; pin++) {
		struct ioapic_pin *p = &fw->ioapic.pin[pin];

		p->vector = VECTOR(pin);
		p->in_service = p->remote_irr ? VECTOR(pin) : 0;
		p->dest = w->guest.pin[pin].dest;
		if (!c->hostile)
			p->level = true;
		if (fw->route[pin].level)
			fw->route[pin].vector = VECTOR(pin);
	}
	for (unsigned int d = 0; d < c->devices; d++) {
		struct forward *f = &fw->forward[d];

		if (device_is_emulated(c, d))
			continue;
		if (!c->opens)
			f->used = true;
		if (!f->used)
			continue;
		f->pin = (uint8_t)pin_of_device(c, d);
		f->source = (uint8_t)d;
		f->policy = c->policy;
		f->throttle_after = c->throttle;
	}
}

static void unpack_constants(const struct world_config *c, struct world *w)
{
	for (unsigned int d = 0; d < c->devices; d++) {
		if (device_is_emulated(c, d) || c->opens)
			continue;
		w->host[d].open = true;
		w->host[d].desc.unlazy = c->vfio.unlazy &&
					 c->vfio.mode == VFIO_DISINTX_MINUS;
	}
	for (unsigned int pin = 0; pin < c->pins; pin++)
		if (!c->boots)
			w->guest.pin[pin].requested = true;
	/* The route's level is known without a guest that changes it. */
	for (unsigned int i = 0; i < w->vmm.nr; i++) {
		struct queued *q = &w->vmm.queue[i];

		if (!c->hostile)
			q->level = q->kind == EFFECT_ROUTE;
		if (!c->moves && q->kind == EFFECT_DELIVER)
			q->dest = c->dest;
	}
}

void world_unpack(const struct world_config *c, const uint8_t *in,
		  struct world *w)
{
	uint8_t copy[WORLD_PACKED_MAX];
	struct bits b = { .at = copy };

	memcpy(copy, in, c->packed);
	memset(w, 0, sizeof(*w));
	world_fields(c, w, &b, false);
	if (c->kind == WORLD_WINDOW)
		return;
	if (c->irqchip == IRQCHIP_IRQFWD)
		unpack_forwarder(c, w);
	unpack_constants(c, w);
}
