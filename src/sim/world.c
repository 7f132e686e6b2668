/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/world.h"

#include <string.h>

#include "sim/guest.h"
#include "sim/spec_world.h"
#include "sim/steps.h"
#include "sim/virq.h"
#include "sim/virq_pic.h"

/* ---- the beginning --------------------------------------------------------- */

static void init_devices(const struct world_config *c, struct world *w)
{
	for (unsigned int d = 0; d < c->devices; d++) {
		struct host_irq *h = &w->host[d];

		w->device[d].edge = c->flow == FLOW_EDGE;
		w->device[d].left = c->assertions;
		w->device[d].bounces = c->bounces;
		if (c->asserting)
			device_assert(&w->device[d]);
		if (!device_is_emulated(c, d))
			vfio_intx_enable(&c->vfio, h, &w->device[d], true);
		else if (c->asserting)
			virq_set_line(c, w, true);
	}
}

unsigned int world_init(const struct world_config *c,
			struct world out[WORLD_INITIAL_MAX])
{
	struct world *w = &out[0];

	memset(w, 0, sizeof(*w));
	if (c->kind == WORLD_WINDOW) {
		window_init(c, w);
		return 1;
	}
	if (world_is_spec(c)) {
		spec_init(c, w);
		return 1;
	}
	virq_init(c, w);
	init_devices(c, w);
	for (unsigned int pin = 0; pin < c->pins; pin++) {
		struct guest_pin *g = &w->guest.pin[pin];

		g->requested = !c->boots;
		g->desc.masked = c->boots;
	}
	w->guest.disables = c->disables;
	w->guest.suspends = c->suspends;
	w->guest.moves = c->moves;
	w->guest.cuts = c->cuts;
	w->guest.resets = c->resets;
	w->vmm.opens = c->opens;
	guest_update_due(c, w);
	return 1;
}

/* ---- the steps that are enabled --------------------------------------------- */

struct list {
	struct step *v;
	unsigned int nr;
};

static void add(struct list *l, enum actor actor, enum step_kind kind,
		unsigned int arg)
{
	assert(l->nr < WORLD_STEPS_MAX);
	l->v[l->nr++] = (struct step){ (uint8_t)actor, (uint8_t)kind,
				       (uint8_t)arg };
}

static bool queue_is_full(const struct world *w)
{
	return outbox_is_full(&w->vmm.outbox);
}

static void device_steps(const struct world_config *c, const struct world *w,
			 unsigned int d, struct list *l)
{
	const struct device *dev = &w->device[d];
	const struct host_irq *h = &w->host[d];

	if (dev->left && dev->causes < c->causes &&
	    !(device_is_emulated(c, d) && queue_is_full(w)))
		add(l, ACTOR_DEVICE, STEP_ASSERT, d);
	if (dev->causes && (dev->bounces || dev->dropped) &&
	    !(device_is_emulated(c, d) && queue_is_full(w)))
		add(l, ACTOR_DEVICE, STEP_BOUNCE, d);
	if (device_is_emulated(c, d))
		return;
	if (vfio_irq_is_due(&c->vfio, h, dev))
		add(l, ACTOR_HOST, STEP_HOST_IRQ, d);
	if (h->signal_due)
		add(l, ACTOR_HOST, STEP_SIGNAL, d);
	if (h->trigger && !queue_is_full(w))
		add(l, c->irqchip == IRQCHIP_KVM ? ACTOR_KVM : ACTOR_ENGINE,
		    STEP_TRIGGER, d);
	if (w->vmm.timer[d] && !queue_is_full(w))
		add(l, ACTOR_TIMER, STEP_TIMEOUT, d);
}

static void listener_steps(const struct world *w, unsigned int pin,
			   struct list *l)
{
	const struct kvm_pin *p = &w->kvm.pin[pin];

	if (p->fd_mask)
		add(l, ACTOR_HOST, STEP_LISTEN, pin | KVM_EVENT_MASK << 1);
	if (p->fd_unmask)
		add(l, ACTOR_HOST, STEP_LISTEN, pin | KVM_EVENT_UNMASK << 1);
	if (p->fd_eoi)
		add(l, ACTOR_HOST, STEP_LISTEN, pin | KVM_EVENT_EOI << 1);
	if (p->nr)
		add(l, ACTOR_HOST, STEP_LISTEN, pin);
}

static void vcpu_steps(const struct world_config *c, const struct world *w,
		       unsigned int v, struct list *l)
{
	enum actor actor = (enum actor)(ACTOR_VCPU0 + v);

	if (c->irqchip == IRQCHIP_I8259 && w->vcpu[v].irr &&
	    w->vcpu[v].pc == VCPU_IDLE)
		add(l, actor, STEP_INTACK, v);
	for (unsigned int pin = 0; pin < c->pins; pin++) {
		if (c->irqchip != IRQCHIP_I8259 && vcpu_may_take(c, w, v, pin))
			add(l, actor, STEP_TAKE, v | pin << 1);
		if (virq_unmask_is_open(c, w, pin) && w->kvm.unmasking_on == v)
			add(l, actor, STEP_UNMASK_MORE,
			    pin | (unsigned int)w->kvm.pin[pin].unmasking << 1);
	}
	if (!c->hostile && vcpu_may_step(c, w, v))
		add(l, actor, STEP_VCPU,
		    v | (unsigned int)w->vcpu[v].pc << 1 |
			    (unsigned int)w->vcpu[v].pin << 5 |
			    (unsigned int)w->vcpu[v].action << 6);
}

/* Everything that this guest may do to its irqchip, at any time. */
static void hostile_steps(const struct world_config *c, const struct world *w,
			  struct list *l)
{
	if (c->irqchip == IRQCHIP_I8259) {
		for (unsigned int i = 0; i < virq_pic_accesses(c); i++)
			add(l, ACTOR_WHIM, STEP_HOSTILE_PORT, i);
		return;
	}
	for (unsigned int pin = 0; pin < c->pins; pin++) {
		for (unsigned int low = 0; low < 4; low++)
			add(l, ACTOR_WHIM, STEP_HOSTILE_WRITE, pin | low << 1);
		for (unsigned int mode = 1; mode < HOSTILE_MODES; mode++)
			add(l, ACTOR_WHIM, STEP_HOSTILE_WRITE,
			    pin | 1u << 2 | mode << 3);
		add(l, ACTOR_WHIM, STEP_HOSTILE_REGISTER, pin);
		for (unsigned int v = 0; v < c->vcpus; v++)
			if (w->vcpu[v].isr & 1u << pin)
				add(l, ACTOR_WHIM, STEP_HOSTILE_EOI,
				    v | pin << 1);
	}
}

static void guest_steps(const struct world_config *c, const struct world *w,
			struct list *l)
{
	const struct guest *g = &w->guest;

	for (unsigned int d = 0; d < c->devices; d++)
		if (g->thread[d] && thread_may_step(c, w, d))
			add(l, ACTOR_THREAD, STEP_THREAD,
			    d | (unsigned int)g->thread[d] << 1);
	if (g->task && task_may_step(c, w))
		add(l, ACTOR_THREAD, STEP_TASK, g->task);
	if (g->task && task_may_poll(c, w))
		add(l, ACTOR_THREAD, STEP_POLL, 0);
}

/* The boot code runs on it, when nothing else does. */
static bool vcpu0_may_run(const struct world_config *c, const struct world *w)
{
	return w->vcpu[0].pc == VCPU_IDLE;
}

static void whim_steps(const struct world_config *c, const struct world *w,
		       struct list *l)
{
	const struct guest *g = &w->guest;

	bool boots = c->boots || c->resets;

	for (unsigned int pin = 0; boots && pin < c->pins; pin++)
		if (!g->pin[pin].requested && vcpu0_may_run(c, w))
			add(l, ACTOR_WHIM, STEP_REQUEST, pin);
	for (unsigned int d = 0; boots && c->polls && d < c->devices; d++)
		if (!g->pin[pin_of_device(c, d)].requested &&
		    w->device[d].causes)
			add(l, ACTOR_WHIM, STEP_PROBE, d);
	if (g->disables && guest_task_is_idle(c, w))
		add(l, ACTOR_WHIM, STEP_DISABLE, 0);
	if (g->suspends && guest_task_is_idle(c, w))
		add(l, ACTOR_WHIM, STEP_SUSPEND, 0);
	if (g->task == TASK_ARMED && w->vcpu[0].pc == VCPU_IDLE)
		add(l, ACTOR_WHIM, STEP_RESUME, 0);
	for (unsigned int pin = 0; g->moves && pin < c->pins; pin++)
		if (!g->pin[pin].move)
			add(l, ACTOR_WHIM, STEP_MOVE, pin);
	if (world_forward(c, w, 0)->cut)
		add(l, ACTOR_WHIM, STEP_CUT, 0);
	else if (g->cuts)
		add(l, ACTOR_WHIM, STEP_CUT, 1);
	if (g->resets)
		add(l, ACTOR_WHIM, STEP_RESET, 0);
	if (c->hostile)
		hostile_steps(c, w, l);
}

/* VFIO's interrupt is closed and opened again, on device 0. */
static void open_steps(const struct world_config *c, const struct world *w,
		       struct list *l)
{
	const struct vmm *vmm = &w->vmm;

	if (virq_is_closing(c, w, 0)) {
		if (!outbox_holds(&vmm->outbox, 0))
			add(l, ACTOR_VMM, STEP_CLOSED, 0);
		return;
	}
	if (!vmm->opens)
		return;
	if (w->host[0].open) {
		add(l, ACTOR_WHIM, STEP_CLOSE, 0);
	} else {
		add(l, ACTOR_WHIM, STEP_OPEN, 1);
		add(l, ACTOR_WHIM, STEP_OPEN, 0);
	}
}

static unsigned int effect_arg(const struct vmm *vmm)
{
	const struct effect *e = &vmm->outbox.v[0];
	bool to_backend = e->kind == EFFECT_DELIVER || e->kind == EFFECT_ROUTE;

	return e->kind | (to_backend ? e->pin : e->source) * 1u << 4 |
	       (vmm->sampled ? 1u : 0u) << 7;
}

unsigned int world_steps(const struct world_config *c, const struct world *w,
			 struct step out[WORLD_STEPS_MAX])
{
	struct list l = { out, 0 };

	if (c->kind == WORLD_WINDOW)
		return window_steps(c, w, out);
	if (world_is_spec(c))
		return spec_steps(c, w, out);
	for (unsigned int d = 0; d < c->devices; d++)
		device_steps(c, w, d, &l);
	if (w->vmm.outbox.nr)
		add(&l, ACTOR_ENGINE, STEP_EFFECT, effect_arg(&w->vmm));
	if (c->irqchip == IRQCHIP_KVM)
		for (unsigned int pin = 0; pin < c->pins; pin++)
			listener_steps(w, pin, &l);
	if (c->irqchip == IRQCHIP_I8259 && !w->vcpu[0].irr &&
	    !w->vmm.resetting && pic_forwarder_output(&w->pic))
		add(&l, ACTOR_VMM, STEP_INTR, 0);
	if (w->vmm.resetting && !w->vmm.outbox.nr)
		add(&l, ACTOR_VMM, STEP_RESET_DONE, 0);
	if (queue_is_full(w) || w->vmm.resetting)
		return l.nr;
	for (unsigned int v = 0; v < c->vcpus; v++)
		vcpu_steps(c, w, v, &l);
	guest_steps(c, w, &l);
	whim_steps(c, w, &l);
	if (c->opens)
		open_steps(c, w, &l);
	return l.nr;
}

/* ---- steps ------------------------------------------------------------------ */

/* The device's side changed in step: the host irqchip and the VMM see it. */
static void device_changes(const struct world_config *c, struct world *w,
			   unsigned int d, void (*change)(struct device *dev))
{
	struct device *dev = &w->device[d];
	struct host_irq *h = &w->host[d];
	bool before = vfio_line(&c->vfio, h, dev);

	change(dev);
	if (dev->edge) {
		h->chip.latched = true;
		return;
	}
	if (device_is_emulated(c, d))
		virq_set_line(c, w, device_level(dev));
	else
		host_irqchip_line(&h->chip,
				  (enum host_irqchip_kind)c->vfio.irqchip,
				  before, vfio_line(&c->vfio, h, dev));
}

static void host_irq(const struct world_config *c, struct world *w,
		     unsigned int d, struct outcome *o)
{
	bool again = vfio_intx_handler(&c->vfio, &w->host[d], &w->device[d]);

	o->flags |= OUTCOME_HOST_IRQ;
	if (again && c->properties & PROPERTY_BIT(PROPERTY_ONCE))
		o->broken = PROPERTY_ONCE;
}

static void listen(const struct world_config *c, struct world *w,
		   unsigned int pin, enum kvm_event event)
{
	struct kvm_pin *p = &w->kvm.pin[pin];

	if (event == KVM_EVENT_NONE)
		event = kvm_pop_event(p);
	else if (event == KVM_EVENT_MASK)
		p->fd_mask = false;
	else if (event == KVM_EVENT_UNMASK)
		p->fd_unmask = false;
	else
		p->fd_eoi = false;
	virq_listen(c, w, pin, event);
}

static void hostile_eoi(const struct world_config *c, struct world *w,
			unsigned int v, unsigned int pin)
{
	w->vcpu[v].pc = VCPU_IDLE;
	w->vcpu[v].pin = 0;
	virq_eoi(c, w, pin, v);
}

static void open_again(const struct world_config *c, struct world *w, bool ok)
{
	w->vmm.opens--;
	vfio_intx_enable(&c->vfio, &w->host[0], &w->device[0], ok);
	if (ok)
		virq_add(c, w, 0);
}

static void apply_down(const struct world_config *c, struct world *w,
		       struct step s, struct outcome *o)
{
	unsigned int arg = s.arg;

	switch (s.kind) {
	case STEP_ASSERT:
		w->host[arg].fired = false;
		device_changes(c, w, arg, device_assert);
		o->flags |= OUTCOME_PROGRESS;
		return;
	case STEP_BOUNCE:
		device_changes(c, w, arg, device_bounce);
		o->flags |= OUTCOME_PROGRESS;
		return;
	case STEP_HOST_IRQ:
		host_irq(c, w, arg, o);
		return;
	case STEP_SIGNAL:
		w->host[arg].signal_due = false;
		w->host[arg].trigger = true;
		return;
	case STEP_TRIGGER:
		/* counts as the host's: PCI 2.3 signals without an interrupt */
		o->flags |= OUTCOME_HOST_IRQ;
		virq_trigger(c, w, arg);
		return;
	case STEP_EFFECT:
		virq_effect(c, w);
		return;
	case STEP_TIMEOUT:
		o->flags |= OUTCOME_PROGRESS;
		virq_timeout(c, w, arg);
		return;
	case STEP_LISTEN:
		listen(c, w, arg & 1, (enum kvm_event)(arg >> 1));
		return;
	case STEP_INTR:
		w->vcpu[arg].irr = 1;
		return;
	}
}

static void apply_guest(const struct world_config *c, struct world *w,
			struct step s, struct outcome *o)
{
	unsigned int arg = s.arg;

	switch (s.kind) {
	case STEP_TAKE:
		vcpu_take(c, w, arg & 1, arg >> 1, o);
		if (c->hostile)
			w->vcpu[arg & 1].pc = VCPU_IDLE;
		return;
	case STEP_INTACK:
		vcpu_intack(c, w, arg, o);
		return;
	case STEP_VCPU:
		vcpu_step(c, w, arg & 1, o);
		return;
	case STEP_UNMASK_MORE:
		virq_unmask_continue(c, w, arg & 1);
		return;
	case STEP_THREAD:
		thread_step(c, w, arg & 1, o);
		return;
	case STEP_TASK:
		task_step(c, w, o);
		return;
	case STEP_POLL:
		task_poll(c, w, o);
		return;
	}
}

static void apply_whim(const struct world_config *c, struct world *w,
		       struct step s)
{
	unsigned int arg = s.arg;

	switch (s.kind) {
	case STEP_REQUEST:
		guest_request(c, w, arg);
		return;
	case STEP_PROBE:
		guest_device_ack(c, w, arg);
		return;
	case STEP_DISABLE:
		guest_disable(c, w);
		return;
	case STEP_SUSPEND:
		guest_suspend(c, w);
		return;
	case STEP_RESUME:
		guest_resume(c, w);
		return;
	case STEP_MOVE:
		guest_move(c, w, arg);
		return;
	case STEP_HOSTILE_WRITE:
		virq_hostile_write(c, w, arg & 1, arg & 2, arg & 4, arg >> 3);
		return;
	case STEP_HOSTILE_REGISTER:
		virq_eoi_register(c, w, arg);
		return;
	case STEP_HOSTILE_EOI:
		hostile_eoi(c, w, arg & 1, arg >> 1);
		return;
	case STEP_HOSTILE_PORT:
		virq_pic_access(c, w, arg);
		return;
	case STEP_CUT:
		w->guest.cuts = (uint8_t)(w->guest.cuts - arg);
		virq_cut(c, w, 0, arg);
		return;
	case STEP_RESET:
		w->guest.resets--;
		w->vmm.resetting = true;
		virq_reset(c, w);
		return;
	case STEP_RESET_DONE:
		w->vmm.resetting = false;
		guest_reset(c, w);
		return;
	case STEP_CLOSE:
		virq_remove(c, w, 0);
		return;
	case STEP_CLOSED:
		virq_removed(c, w, 0);
		vfio_intx_disable(&c->vfio, &w->host[0]);
		return;
	case STEP_OPEN:
		open_again(c, w, arg);
		return;
	}
}

void world_apply(const struct world_config *c, struct world *w, struct step s,
		 struct outcome *o)
{
	*o = (struct outcome){ 0 };
	if (c->kind == WORLD_WINDOW)
		window_apply(c, w, s, o);
	else if (world_is_spec(c))
		spec_apply(c, w, s, o);
	else if (s.kind < STEP_FIRST_GUEST)
		apply_down(c, w, s, o);
	else if (s.kind < STEP_FIRST_WHIM)
		apply_guest(c, w, s, o);
	else
		apply_whim(c, w, s);
	if (c->kind == WORLD_FORWARD)
		guest_update_due(c, w);
	if (!(c->properties & PROPERTY_BIT(o->broken)))
		o->broken = PROPERTY_NONE;
}

/* ---- whose step it is --------------------------------------------------------- */

/* Can a step on one pin depend on another pin, inside of the irqchip? */
static bool pins_are_independent(const struct world_config *c)
{
	switch ((enum world_irqchip)c->irqchip) {
	case IRQCHIP_IRQFWD:
		return true;
	case IRQCHIP_KVM:
		/* an unmask under way holds up all that its vCPU does */
		return c->kvm != KVM_FIRST_PATCH;
	case IRQCHIP_I8259:
		/* priority, and the cascade */
		return false;
	}
	return false;
}

/* A reset is about all devices at once. */
bool world_is_separable(const struct world_config *c)
{
	return c->kind == WORLD_FORWARD && pins_are_independent(c) &&
	       c->devices > 1 && c->pins == c->devices && !c->resets;
}

unsigned int world_step_device(struct step s)
{
	switch ((enum step_kind)s.kind) {
	case STEP_ASSERT:
	case STEP_BOUNCE:
	case STEP_HOST_IRQ:
	case STEP_SIGNAL:
	case STEP_TRIGGER:
	case STEP_TIMEOUT:
	case STEP_REQUEST:
	case STEP_PROBE:
	case STEP_MOVE:
	case STEP_HOSTILE_REGISTER:
		return s.arg;
	case STEP_LISTEN:
	case STEP_UNMASK_MORE:
	case STEP_THREAD:
	case STEP_HOSTILE_WRITE:
		return s.arg & 1;
	case STEP_TAKE:
	case STEP_HOSTILE_EOI:
		return s.arg >> 1;
	case STEP_EFFECT:
		return s.arg >> 4 & 7;
	case STEP_VCPU:
		return s.arg >> 5 & 1;
	/* the driver's task, DisINTx and VFIO's interrupt: the first one's */
	case STEP_TASK:
	case STEP_POLL:
	case STEP_DISABLE:
	case STEP_SUSPEND:
	case STEP_RESUME:
	case STEP_CUT:
	case STEP_CLOSE:
	case STEP_CLOSED:
	case STEP_OPEN:
	/* not in a world that is separable */
	case STEP_RESET:
	case STEP_RESET_DONE:
	case STEP_INTR:
	case STEP_INTACK:
	case STEP_HOSTILE_PORT:
	case STEP_NR:
		return 0;
	}
	return 0;
}

/* ---- properties of states ----------------------------------------------------- */

bool world_quiescent(const struct world_config *c, const struct world *w)
{
	struct step s[WORLD_STEPS_MAX];

	return steps_are_quiescent(s, world_steps(c, w, s));
}

/* The guest has enabled and unmasked the pin of device d. */
static bool guest_listens(const struct world_config *c, const struct world *w,
			  unsigned int d)
{
	unsigned int pin = pin_of_device(c, d);
	const struct guest_pin *g = &w->guest.pin[pin];

	return g->requested && !g->desc.depth && !world_forward(c, w, d)->cut &&
	       !virq_bits(c, w, pin).masked;
}

static bool is_unbalanced(const struct world_config *c, const struct world *w)
{
	for (unsigned int d = 0; d < c->devices; d++) {
		const struct host_irq *h = &w->host[d];

		if (!h->open && (h->desc.unlazy || h->desc.depth || h->masked))
			return true;
	}
	return false;
}

enum property world_check(const struct world_config *c, const struct world *w,
			  bool quiescent)
{
	if (world_is_spec(c))
		return spec_check(c, w);
	if (!quiescent)
		return PROPERTY_NONE;
	if (c->kind == WORLD_WINDOW)
		return c->properties & PROPERTY_BIT(PROPERTY_NO_LOST) &&
				       window_is_lost(w)
			       ? PROPERTY_NO_LOST
			       : PROPERTY_NONE;
	for (unsigned int d = 0; d < c->devices; d++) {
		bool real = !device_is_emulated(c, d);

		if (!guest_listens(c, w, d) || (real && !w->host[d].open))
			continue;
		if (c->properties & PROPERTY_BIT(PROPERTY_NO_LOST) &&
		    (device_level(&w->device[d]) ||
		     (w->device[d].edge && w->device[d].causes)))
			return PROPERTY_NO_LOST;
		if (c->properties & PROPERTY_BIT(PROPERTY_NO_STUCK) && real &&
		    w->host[d].masked)
			return PROPERTY_NO_STUCK;
	}
	if (c->properties & PROPERTY_BIT(PROPERTY_BALANCE) &&
	    is_unbalanced(c, w))
		return PROPERTY_BALANCE;
	return PROPERTY_NONE;
}

bool world_guest_has_interrupt(const struct world_config *c,
			       const struct world *w)
{
	if (c->kind == WORLD_WINDOW)
		return window_has_interrupt(w);
	if (world_is_spec(c))
		return false;
	for (unsigned int v = 0; v < c->vcpus; v++)
		if (w->vcpu[v].irr)
			return true;
	return false;
}
