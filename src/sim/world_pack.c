/* SPDX-License-Identifier: Apache-2.0 */
/*
 * States as bits.
 *
 * Of the words of struct world, a mask for each says which bits can change in a
 * world of this configuration; the others are constant, or follow from those
 * that are in.  Packing gathers the masked bits, unpacking scatters them over
 * the words of the initial state.  Both are one instruction a word where the
 * processor has BMI2, and a loop over the mask's bits where it has not.
 *
 * x86 only, as is the IOAPIC.
 */
#include <assert.h>
#include <immintrin.h>
#include <string.h>

#include "sim/world.h"

#define WORD	sizeof(uint64_t)
#define GROUPS	(DEVICES_MAX + 1)

_Static_assert(sizeof(struct world) % WORD == 0, "pad struct world");
_Static_assert(sizeof(struct world) / WORD <= WORLD_WORDS_MAX, "WORLD_WORDS_MAX");

/* ---- what can change ----------------------------------------------------------- */

/* A state is not looked at here: its fields only name places. */
struct fields {
	const struct world_config *c;
	struct world w;
	unsigned int group;
	uint64_t mask[GROUPS][WORLD_WORDS_MAX];
};

/* Fields of one device and of its pin change together: see world_configure(). */
enum { GROUP_DEVICE, GROUP_SHARED = DEVICES_MAX };

/* The field at f, by its lowest byte and which bits can be set in it. */
static void field_mask(struct fields *m, const void *f, unsigned int set)
{
	size_t at = (size_t)((const uint8_t *)f - (const uint8_t *)&m->w);
	uint64_t mask = (uint64_t)set << 8 * (at % WORD);

	assert(at < sizeof(m->w) && set <= 0xff);
	assert(!(m->mask[m->group][at / WORD] & mask));
	m->mask[m->group][at / WORD] |= mask;
}

/* Or how many, from the lowest on. */
static void field(struct fields *m, const void *f, unsigned int bits)
{
	field_mask(m, f, (1u << bits) - 1);
}

#define F(f, bits)	field(m, &(f), bits)

static void host_fields(struct fields *m, struct host_irq *h)
{
	const struct world_config *c = m->c;

	F(h->masked, 1);
	F(h->trigger, 1);
	if (c->vfio.irqchip == HOST_IRQCHIP_LATCH || c->vfio.mode == VFIO_MSI)
		F(h->chip.latched, 1);
	if (c->vfio.mode == VFIO_HWIRQ)
		F(h->chip.active, 1);
	if (c->vfio.mode == VFIO_DISINTX_MINUS ||
	    c->vfio.mode == VFIO_PLATFORM) {
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
}

static void device_fields(struct fields *m, unsigned int d)
{
	const struct world_config *c = m->c;
	struct device *dev = &m->w.device[d];

	m->group = GROUP_DEVICE + d;
	F(dev->causes, 2);
	F(dev->left, 4);
	if (c->bounces) {
		F(dev->bounces, 2);
		F(dev->dropped, 1);
	}
	if (!device_is_emulated(c, d))
		host_fields(m, &m->w.host[d]);
}

static void forward_fields(struct fields *m, struct forward *f, unsigned int d)
{
	const struct world_config *c = m->c;

	m->group = GROUP_DEVICE + d;
	F(f->phase, 3);
	F(f->stale, 1);
	if (c->cuts && !d)
		F(f->cut, 1);
	if (c->throttle) {
		F(f->refires, 3);
		F(m->w.vmm.timer[d], 1);
	}
	if (c->opens) {
		F(f->used, 1);
		if (c->irqchip == IRQCHIP_IRQFWD)
			F(m->w.vmm.slots.slot[d].kind, 3);
	}
}

static void forwarder_fields(struct fields *m)
{
	const struct world_config *c = m->c;

	for (unsigned int pin = 0; pin < c->pins; pin++) {
		struct ioapic_pin *p = &m->w.forwarder.ioapic.pin[pin];
		struct message *route = &m->w.forwarder.route[pin];

		m->group = GROUP_DEVICE + pin;
		F(p->lines, 2);
		F(p->masked, 1);
		F(p->remote_irr, 1);
		if (c->hostile) {
			F(p->level, 1);
			F(p->mode, 3);
		}
		F(route->level, 1);
		if (c->moves)
			F(route->dest, 1);
		F(m->w.vmm.route[pin], 1);
	}
	for (unsigned int d = 0; d < c->devices; d++)
		if (!device_is_emulated(c, d))
			forward_fields(m, &m->w.forwarder.forward[d], d);
}

/* What any guest may do to a chip, if hostile; else what Linux does. */
static void i8259_chip_fields(struct fields *m, struct i8259_chip *chip,
			      unsigned int inputs, bool all)
{
	if (!all) {
		field_mask(m, &chip->isr, inputs);
		field_mask(m, &chip->imr, inputs);
		if (m->c->flow == FLOW_EDGE)
			field_mask(m, &chip->latch, inputs);
		return;
	}
	F(chip->phase, 3);
	F(chip->latch, 8);
	F(chip->isr, 8);
	F(chip->imr, 8);
	F(chip->elcr, 8);
	F(chip->vector, 8);
	F(chip->lowest, 3);
	F(chip->single, 1);
	F(chip->icw4, 1);
	F(chip->auto_eoi, 1);
	F(chip->fully_nested, 1);
	F(chip->rotate_auto_eoi, 1);
	F(chip->special_mask, 1);
	F(chip->read_isr, 1);
	F(chip->poll, 1);
}

static void i8259_fields(struct fields *m, struct i8259 *pic)
{
	for (unsigned int pin = 0; pin < I8259_PINS; pin++)
		F(pic->lines[pin], 2);
	for (unsigned int i = 0; i < 2; i++)
		i8259_chip_fields(m, &pic->chip[i], 0xff, true);
}

/* The pins are not independent of each other: priority, and the cascade. */
static void pic_fields(struct fields *m)
{
	const struct world_config *c = m->c;
	struct i8259 *pic = &m->w.pic.pic;
	unsigned int inputs = 0;

	m->group = GROUP_SHARED;
	for (unsigned int pin = 0; pin < c->pins; pin++) {
		F(pic->lines[c->irq[pin]], 2);
		inputs |= 1u << c->irq[pin];
	}
	if (inputs >> I8259_CHIP_PINS)
		inputs |= 1u << I8259_CASCADE;
	for (unsigned int i = 0; i < 2; i++)
		i8259_chip_fields(m, &pic->chip[i],
				  inputs >> i * I8259_CHIP_PINS & 0xff,
				  c->hostile && c->irq[0] / I8259_CHIP_PINS == i);
	for (unsigned int d = 0; d < c->devices; d++)
		if (!device_is_emulated(c, d))
			forward_fields(m, &m->w.pic.forward[d], d);
}

/* With two pins a device's number is its pin's: derive_queue(). */
static void queued_fields(struct fields *m, struct effect *e)
{
	const struct world_config *c = m->c;

	F(e->kind, 4);
	if (c->pins > 1)
		F(e->pin, 1);
	else if (c->devices > 1)
		F(e->source, 1);
	if (c->moves)
		F(e->msg.dest, 1);
	if (c->hostile) {
		F(e->msg.level, 1);
		field_mask(m, &e->msg.mode, DELIVERY_NMI);
	}
}

static void queue_fields(struct fields *m)
{
	const struct world_config *c = m->c;
	struct vmm *vmm = &m->w.vmm;

	m->group = GROUP_SHARED;
	F(vmm->outbox.nr, 3);
	F(vmm->sampled, 2);
	for (unsigned int i = 0; i < OUTBOX_MAX; i++)
		queued_fields(m, &vmm->outbox.v[i]);
	if (c->opens)
		F(vmm->opens, 3);
}

static void kvm_pin_fields(struct fields *m, struct kvm_pin *p)
{
	enum kvm_kind kind = (enum kvm_kind)m->c->kvm;

	F(p->irq_states, 2);
	F(p->irr, 1);
	F(p->remote_irr, 1);
	F(p->mask, 1);
	if (kind == KVM_FIRST_PATCH) {
		F(p->ack_pending, 1);
		F(p->unmasking, 2);
	}
	if (kvm_has_listener(kind)) {
		F(p->believed_masked, 1);
		F(p->deferred, 1);
	}
	if (kind == KVM_MASKFD) {
		F(p->fd_eoi, 1);
		F(p->fd_mask, 1);
		F(p->fd_unmask, 1);
	}
	if (kind == KVM_MASKFD_ORDERED) {
		F(p->nr, 3);
		for (unsigned int i = 0; i < KVM_EVENTS; i++)
			F(p->event[i], 2);
	}
}

static void kvm_fields(struct fields *m)
{
	for (unsigned int pin = 0; pin < m->c->pins; pin++)
		m->group = GROUP_DEVICE + pin, kvm_pin_fields(m, &m->w.kvm.pin[pin]);
	m->group = GROUP_SHARED;
	if (m->c->kvm == KVM_FIRST_PATCH && m->c->vcpus > 1)
		F(m->w.kvm.unmasking_on, 1);
}

static void vcpu_fields(struct fields *m, struct vcpu *v)
{
	m->group = GROUP_SHARED;
	F(v->irr, m->c->pins);
	F(v->isr, m->c->pins);
	if (m->c->hostile)
		return;
	F(v->pc, 4);
	if (m->c->pins > 1)
		F(v->pin, 1);
	if (m->c->devices > 1)
		F(v->action, 1);
}

static void desc_fields(struct fields *m, struct irq_desc *desc)
{
	const struct world_config *c = m->c;

	F(desc->masked, 1);
	F(desc->in_progress, 1);
	if (flow_is_oneshot((enum flow)c->flow))
		F(desc->threads_oneshot, c->devices);
	if (c->disables || c->suspends) {
		F(desc->depth, 2);
		F(desc->pending, 1);
	}
	if (c->suspends) {
		F(desc->wakeup_armed, 1);
		F(desc->suspended, 1);
	}
}

static void guest_pin_fields(struct fields *m, struct guest_pin *g)
{
	const struct world_config *c = m->c;

	if (c->properties & PROPERTY_BIT(PROPERTY_NO_SPURIOUS)) {
		F(g->due, 1);
		F(g->given, 1);
		F(g->found, 1);
	}
	if (!c->hostile)
		desc_fields(m, &g->desc);
	if (c->moves) {
		F(g->dest, 1);
		F(g->move, 1);
	}
	if (c->boots || c->resets)
		F(g->requested, 1);
}

static void guest_fields(struct fields *m)
{
	const struct world_config *c = m->c;
	struct guest *g = &m->w.guest;

	for (unsigned int pin = 0; pin < c->pins; pin++)
		m->group = GROUP_DEVICE + pin, guest_pin_fields(m, &g->pin[pin]);
	if (flow_is_oneshot((enum flow)c->flow))
		for (unsigned int d = 0; d < c->devices; d++)
			m->group = GROUP_DEVICE + d, F(g->thread[d], 2);
	m->group = GROUP_SHARED;
	if (c->disables || c->suspends) {
		F(g->task, 3);
		F(g->disables, 3);
		F(g->suspends, 3);
	}
	if (c->moves)
		F(g->moves, 3);
	if (c->cuts)
		F(g->cuts, 3);
	if (c->resets) {
		F(g->resets, 3);
		F(m->w.vmm.resetting, 1);
	}
}

static void window_fields(struct fields *m, struct window *x)
{
	F(x->pc, 3);
	F(x->guest, 2);
	F(x->nmi, 1);
	F(x->halted, 1);
	F(x->nmis, 3);
	F(x->halts, 3);
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
	F(x->lvt0s, 3);
	F(x->lvt0_masked, 1);
	F(x->nmi_over, 2);
	F(x->nmi_saved, 1);
}

/* All that the shipped structs can hold, whatever a guest writes. */
static void ioapic_fields(struct fields *m, struct ioapic *ic)
{
	F(ic->id, 4);
	F(ic->select, 8);
	F(((uint8_t *)&ic->select)[1], 1);
	for (unsigned int i = 0; i < m->c->pins; i++) {
		struct ioapic_pin *p = &ic->pin[i];

		F(p->lines, 2);
		F(p->dest, 8);
		F(((uint8_t *)&p->dest)[1], 7);
		F(p->vector, 8);
		F(p->mode, 3);
		F(p->logical, 1);
		F(p->active_low, 1);
		F(p->remote_irr, 1);
		F(p->level, 1);
		F(p->masked, 1);
		F(p->in_service, 8);
	}
}

static void forward_spec_fields(struct fields *m, struct forward *f)
{
	F(f->cut, 1);
	F(f->phase, 3);
	F(f->stale, 1);
	F(f->refires, 7);
}

/* Slots whose forward comes and goes. */
static void slot_fields(struct fields *m, struct forward *f,
			unsigned int pin_bits)
{
	for (unsigned int s = 0; s < m->c->devices; s++, f++) {
		F(f->used, 1);
		F(f->pin, pin_bits);
		F(f->source, 1);
		F(f->policy, 2);
		F(f->throttle_after, 3);
		forward_spec_fields(m, f);
	}
}

static void wiring_fields(struct fields *m, struct forwarder *fw)
{
	for (unsigned int i = 0; i < m->c->pins; i++) {
		struct message *route = &fw->route[i];

		F(route->dest, 1);
		F(route->vector, 8);
		F(route->mode, 3);
		F(route->logical, 1);
		F(route->level, 1);
	}
	slot_fields(m, fw->forward, 1);
}

static void slots_spec_fields(struct fields *m)
{
	ioapic_fields(m, &m->w.forwarder.ioapic);
	wiring_fields(m, &m->w.forwarder);
	for (unsigned int i = 0; i < FORWARDS_MAX; i++) {
		F(m->w.vmm.slots.slot[i].kind, 3);
		F(m->w.vmm.slots.slot[i].pin, 1);
	}
}

static void outbox_spec_fields(struct fields *m)
{
	struct outbox *o = &m->w.vmm.outbox;

	F(o->nr, 3);
	F(o->open, 1);
	for (unsigned int i = 0; i < OUTBOX_MAX; i++) {
		F(o->v[i].kind, 4);
		F(o->v[i].pin, 1);
		F(o->v[i].source, 1);
		F(o->v[i].msg.vector, 1);
	}
}

#undef F

static void spec_fields(struct fields *m)
{
	m->group = GROUP_SHARED;
	if (m->c->kind == WORLD_RULES) {
		forward_spec_fields(m, &m->w.forwarder.forward[0]);
		return;
	}
	if (m->c->kind == WORLD_I8259 || m->c->kind == WORLD_PIC_WIRING) {
		i8259_fields(m, &m->w.pic.pic);
		if (m->c->kind == WORLD_PIC_WIRING)
			slot_fields(m, m->w.pic.forward, 4);
		return;
	}
	if (m->c->kind == WORLD_SLOTS) {
		slots_spec_fields(m);
		return;
	}
	if (m->c->kind == WORLD_OUTBOX) {
		outbox_spec_fields(m);
		return;
	}
	ioapic_fields(m, &m->w.forwarder.ioapic);
	if (m->c->kind == WORLD_WIRING)
		wiring_fields(m, &m->w.forwarder);
}

static void world_fields(struct fields *m)
{
	const struct world_config *c = m->c;

	if (c->kind == WORLD_WINDOW) {
		window_fields(m, &m->w.window);
		return;
	}
	if (world_is_spec(c)) {
		spec_fields(m);
		return;
	}
	for (unsigned int d = 0; d < c->devices; d++)
		device_fields(m, d);
	if (c->irqchip == IRQCHIP_IRQFWD) {
		forwarder_fields(m);
		queue_fields(m);
	} else if (c->irqchip == IRQCHIP_I8259) {
		pic_fields(m);
		queue_fields(m);
	} else {
		kvm_fields(m);
	}
	for (unsigned int v = 0; v < c->vcpus; v++)
		vcpu_fields(m, &m->w.vcpu[v]);
	guest_fields(m);
}

/* The masks of one group, and after them as many zeros as fill a word. */
static unsigned int add_group(struct world_packing *p, const uint64_t *mask,
			      bool fill)
{
	unsigned int bits = 0;

	for (unsigned int i = 0; i < WORLD_WORDS_MAX; i++) {
		if (!mask[i])
			continue;
		assert(p->nr < WORLD_MASKS_MAX);
		p->base[i] &= ~mask[i];
		p->word[p->nr] = (uint8_t)i;
		p->mask[p->nr] = mask[i];
		p->bits[p->nr] = (uint8_t)__builtin_popcountll(mask[i]);
		bits += p->bits[p->nr++];
	}
	if (!fill || bits % 64 == 0)
		return bits;
	assert(p->nr < WORLD_MASKS_MAX);
	p->bits[p->nr++] = (uint8_t)(64 - bits % 64);
	return bits + 64 - bits % 64;
}

/*
 * In worlds of two devices each has packed words of its own, and what both use
 * is in the last ones.  A step changes few of them, and most combinations
 * occur, so the explorer's store, which numbers words, takes little space.
 */
void world_configure(struct world_config *c)
{
	struct world init[WORLD_INITIAL_MAX];
	struct world_packing *p = &c->packing;
	struct fields m = { .c = c };
	unsigned int bits = 0;

	memset(p, 0, sizeof(*p));
	world_init(c, init);
	memcpy(p->base, &init[0], sizeof(init[0]));
	world_fields(&m);
	for (unsigned int g = 0; g < GROUPS; g++) {
		unsigned int from = bits / 64;

		bits += add_group(p, m.mask[g],
				  c->devices > 1 && g < GROUPS - 1);
		p->words[g] = (uint8_t)((1u << (bits + 63) / 64) -
					(1u << from));
	}
	p->size = (uint8_t)((bits + 7) / 8);
	p->fast = __builtin_cpu_supports("bmi2");
	assert((bits + 63) / 64 * WORD <= WORLD_PACKED_MAX);
}

uint8_t world_device_words(const struct world_config *c, unsigned int d)
{
	return c->packing.words[d] | c->packing.words[GROUP_SHARED];
}

unsigned int world_packed_size(const struct world_config *c)
{
	return c->packing.size;
}

/* ---- gather and scatter ----------------------------------------------------------- */

static uint64_t gather_slow(uint64_t word, uint64_t mask)
{
	uint64_t out = 0;

	for (uint64_t bit = 1; mask; bit <<= 1) {
		if (word & mask & -mask)
			out |= bit;
		mask &= mask - 1;
	}
	return out;
}

static uint64_t scatter_slow(uint64_t bits, uint64_t mask)
{
	uint64_t out = 0;

	for (; mask; bits >>= 1) {
		if (bits & 1)
			out |= mask & -mask;
		mask &= mask - 1;
	}
	return out;
}

typedef uint64_t bits_fn(uint64_t bits, uint64_t mask);

/* Writes whole words: up to the next multiple of 8 bytes. */
static inline __attribute__((always_inline)) void
pack_with(const struct world_packing *p, const struct world *w, uint8_t *out,
	  bits_fn *gather)
{
	const uint8_t *from = (const uint8_t *)w;
	uint64_t acc = 0;
	unsigned int nr = 0;

	for (unsigned int i = 0; i < p->nr; i++) {
		uint64_t word, bits;

		memcpy(&word, from + p->word[i] * WORD, WORD);
		bits = gather(word, p->mask[i]);
		acc |= bits << nr;
		nr += p->bits[i];
		if (nr < 64)
			continue;
		memcpy(out, &acc, WORD);
		out += WORD;
		nr -= 64;
		/* what did not fit; a shift by 64 is none */
		acc = nr ? bits >> (p->bits[i] - nr) : 0;
	}
	memcpy(out, &acc, nr ? WORD : 0);
}

/* in may be read up to the next multiple of 8 bytes: see world_unpack(). */
static inline __attribute__((always_inline)) void
unpack_with(const struct world_packing *p, const uint64_t *in, struct world *w,
	    bits_fn *scatter)
{
	uint8_t *to = (uint8_t *)w;
	uint64_t acc = *in++;
	unsigned int used = 0;

	for (unsigned int i = 0; i < p->nr; i++) {
		uint64_t bits = acc >> used, word;

		used += p->bits[i];
		if (used >= 64) {
			used -= 64;
			acc = *in++;
			if (used)
				bits |= acc << (p->bits[i] - used);
		}
		memcpy(&word, to + p->word[i] * WORD, WORD);
		word |= scatter(bits, p->mask[i]);
		memcpy(to + p->word[i] * WORD, &word, WORD);
	}
}

static void pack_slow(const struct world_packing *p, const struct world *w,
		      uint8_t *out)
{
	pack_with(p, w, out, gather_slow);
}

static void unpack_slow(const struct world_packing *p, const uint64_t *in,
			struct world *w)
{
	unpack_with(p, in, w, scatter_slow);
}

__attribute__((target("bmi2"))) static uint64_t gather_fast(uint64_t word,
							    uint64_t mask)
{
	return _pext_u64(word, mask);
}

__attribute__((target("bmi2"))) static uint64_t scatter_fast(uint64_t bits,
							     uint64_t mask)
{
	return _pdep_u64(bits, mask);
}

__attribute__((target("bmi2"))) static void
pack_fast(const struct world_packing *p, const struct world *w, uint8_t *out)
{
	pack_with(p, w, out, gather_fast);
}

__attribute__((target("bmi2"))) static void
unpack_fast(const struct world_packing *p, const uint64_t *in, struct world *w)
{
	unpack_with(p, in, w, scatter_fast);
}

unsigned int world_pack(const struct world_config *c, const struct world *w,
			uint8_t out[WORLD_PACKED_MAX])
{
	if (c->packing.fast)
		pack_fast(&c->packing, w, out);
	else
		pack_slow(&c->packing, w, out);
	return c->packing.size;
}

/* ---- what follows from other fields -------------------------------------------------- */

static void derive_forwarder(const struct world_config *c, struct world *w)
{
	struct forwarder *fw = &w->forwarder;

	for (unsigned int pin = 0; pin < c->pins; pin++) {
		struct ioapic_pin *p = &fw->ioapic.pin[pin];
		struct message *route = &fw->route[pin];

		p->in_service = p->remote_irr ? p->vector : 0;
		p->dest = w->guest.pin[pin].dest;
		route->vector = route->level ? p->vector : 0;
		if (!c->moves)
			route->dest = route->level ? c->dest : 0;
	}
}

/* A slot that is not used holds nothing. */
static void derive_forwards(const struct world_config *c, struct forward *f)
{
	for (unsigned int d = 0; c->opens && d < c->devices; d++)
		if (!f[d].used)
			memset(&f[d], 0, sizeof(f[d]));
}

static void derive_queued(const struct world_config *c, struct effect *e)
{
	if (e->kind == EFFECT_DELIVER) {
		if (!c->moves)
			e->msg.dest = c->dest;
	} else if (e->kind == EFFECT_ROUTE) {
		if (!c->hostile)
			e->msg.level = true;
	} else if (c->pins > 1) {
		e->source = e->pin;
	}
}

static void derive_queue(const struct world_config *c, struct vmm *vmm)
{
	vmm->outbox.open = vmm->outbox.nr > 0;
	for (unsigned int i = 0; i < vmm->outbox.nr; i++)
		derive_queued(c, &vmm->outbox.v[i]);
}

void world_unpack(const struct world_config *c, const uint8_t *in,
		  struct world *w)
{
	uint64_t copy[WORLD_PACKED_MAX / WORD + 1];

	memcpy(copy, in, c->packing.size);
	memcpy(w, c->packing.base, sizeof(*w));
	if (c->packing.fast)
		unpack_fast(&c->packing, copy, w);
	else
		unpack_slow(&c->packing, copy, w);
	if (c->kind == WORLD_FORWARD && c->irqchip == IRQCHIP_IRQFWD) {
		derive_forwarder(c, w);
		derive_forwards(c, w->forwarder.forward);
		derive_queue(c, &w->vmm);
	} else if (c->kind == WORLD_FORWARD && c->irqchip == IRQCHIP_I8259) {
		derive_forwards(c, w->pic.forward);
		derive_queue(c, &w->vmm);
	}
}
