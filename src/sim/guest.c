/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/guest.h"

#include <string.h>

#include "sim/virq.h"
#include "sim/virq_pic.h"

static enum flow flow_of(const struct world_config *c)
{
	return (enum flow)c->flow;
}

static bool pin_line(const struct world_config *c, const struct world *w,
		     unsigned int pin)
{
	for (unsigned int d = 0; d < c->devices; d++)
		if (pin_of_device(c, d) == pin && guest_line(c, w, d))
			return true;
	return false;
}

static bool pin_in_service(const struct world_config *c, const struct world *w,
			   unsigned int pin)
{
	for (unsigned int v = 0; v < c->vcpus; v++)
		if (w->vcpu[v].isr & 1u << pin)
			return true;
	return false;
}

void guest_update_due(const struct world_config *c, struct world *w)
{
	for (unsigned int pin = 0; pin < c->pins; pin++) {
		struct guest_pin *g = &w->guest.pin[pin];

		if (!g->due && pin_line(c, w, pin) &&
		    !virq_bits(c, w, pin).masked && !pin_in_service(c, w, pin))
			g->due = true;
	}
}

bool guest_device_ack(const struct world_config *c, struct world *w,
		      unsigned int d)
{
	struct device *dev = &w->device[d];
	struct host_irq *h = &w->host[d];
	bool before = vfio_line(&c->vfio, h, dev);

	if (dev->edge)
		return device_ack_all(dev);
	if (!device_ack(dev))
		return false;
	h->fired = false;
	host_irqchip_line(&h->chip, (enum host_irqchip_kind)c->vfio.irqchip,
			  before, vfio_line(&c->vfio, h, dev));
	/* The VMM emulates the device in the exit of the same access. */
	if (device_is_emulated(c, d))
		virq_set_line(c, w, device_level(dev));
	return true;
}

/* ---- handlers -------------------------------------------------------------- */

static void note_handler(struct guest_pin *g, bool real, struct outcome *o)
{
	if (real) {
		g->found = true;
		o->flags |= OUTCOME_HANDLER_REAL | OUTCOME_PROGRESS;
	} else {
		o->flags |= OUTCOME_HANDLER_IDLE;
	}
}

/* The last handler of a call has run: was the call given for a reason? */
static void judge_call(struct guest_pin *g, struct outcome *o)
{
	if (!g->found && !g->given)
		o->broken = PROPERTY_NO_SPURIOUS;
	g->found = false;
	g->given = false;
}

static bool is_last_action(const struct world_config *c, unsigned int d)
{
	unsigned int pin = pin_of_device(c, d);

	for (unsigned int i = d + 1; i < c->devices; i++)
		if (pin_of_device(c, i) == pin)
			return false;
	return true;
}

/* All handlers of the call have run, those in threads too. */
static bool call_is_over(const struct world_config *c, const struct world *w,
			 unsigned int pin)
{
	if (w->guest.pin[pin].desc.in_progress)
		return false;
	for (unsigned int d = 0; d < c->devices; d++)
		if (pin_of_device(c, d) == pin &&
		    w->guest.thread[d] == THREAD_WOKEN)
			return false;
	return true;
}

/* ---- vCPUs ----------------------------------------------------------------- */

static bool is_in_exit(const struct world_config *c, const struct world *w,
		       unsigned int v)
{
	for (unsigned int pin = 0; pin < c->pins; pin++)
		if (virq_unmask_is_open(c, w, pin) && w->kvm.unmasking_on == v)
			return true;
	return false;
}

/* desc->lock is held across an unmask, and so across its exit. */
static bool desc_is_locked(const struct world_config *c, const struct world *w,
			   unsigned int pin)
{
	return !c->no_desc_lock && virq_unmask_is_open(c, w, pin);
}

bool vcpu_may_take(const struct world_config *c, const struct world *w,
		   unsigned int v, unsigned int pin)
{
	const struct vcpu *cpu = &w->vcpu[v];

	return cpu->pc == VCPU_IDLE && cpu->irr & 1u << pin &&
	       !(cpu->isr >> pin) && !is_in_exit(c, w, v);
}

void vcpu_take(const struct world_config *c, struct world *w, unsigned int v,
	       unsigned int pin, struct outcome *o)
{
	struct guest_pin *g = &w->guest.pin[pin];
	struct vcpu *cpu = &w->vcpu[v];

	cpu->irr &= (uint8_t)~(1u << pin);
	cpu->isr |= (uint8_t)(1u << pin);
	cpu->pc = VCPU_ENTRY;
	cpu->pin = (uint8_t)pin;
	g->given = g->due;
	g->due = false;
	g->found = false;
	o->flags |= OUTCOME_TOOK;
}

void vcpu_intack(const struct world_config *c, struct world *w, unsigned int v,
		 struct outcome *o)
{
	unsigned int pin = virq_pic_intack(c, w);

	w->vcpu[v].irr = 0;
	o->flags |= OUTCOME_TOOK;
	if (pin == PINS_MAX)
		return;
	vcpu_take(c, w, v, pin, o);
	/* Automatic EOI: bare hardware may deliver again at once. */
	if (!virq_bits(c, w, pin).remote_irr)
		w->vcpu[v].isr = 0;
}

bool vcpu_may_step(const struct world_config *c, const struct world *w,
		   unsigned int v)
{
	const struct vcpu *cpu = &w->vcpu[v];

	switch ((enum vcpu_pc)cpu->pc) {
	case VCPU_IDLE:
	case VCPU_PC_NR:
		return false;
	case VCPU_ENTRY:
	case VCPU_UNMASK:
		return !desc_is_locked(c, w, cpu->pin) && !is_in_exit(c, w, v);
	case VCPU_LEVEL_EOI:
	case VCPU_ACTION:
	case VCPU_MOVE_MASK:
	case VCPU_EOI:
	case VCPU_EOI_RESAMPLE:
	case VCPU_EOI_FINISH:
		return true;
	}
	return false;
}

static void apply_op(const struct world_config *c, struct world *w,
		     unsigned int v, unsigned int pin, enum chip_op op)
{
	if (op != CHIP_NONE)
		virq_write_mask(c, w, pin, op == CHIP_MASK, v);
}

/* The flow is over, or has one unmask to go. */
static void after_eoi(const struct world_config *c, struct world *w,
		      unsigned int v)
{
	struct vcpu *cpu = &w->vcpu[v];
	struct guest_pin *g = &w->guest.pin[cpu->pin];
	enum vcpu_pc next = VCPU_IDLE;

	if (flow_of(c) == FLOW_LEVEL || flow_of(c) == FLOW_EDGE)
		next = g->desc.in_progress ? VCPU_ACTION : VCPU_IDLE;
	else if ((g->move && g->desc.masked) ||
		 flow_unmasks(&g->desc, flow_of(c)))
		next = VCPU_UNMASK;
	cpu->pc = (uint8_t)next;
	if (next == VCPU_IDLE)
		cpu->pin = 0;
}

static void vcpu_entry(const struct world_config *c, struct world *w,
		       unsigned int v, struct outcome *o)
{
	struct vcpu *cpu = &w->vcpu[v];
	struct guest_pin *g = &w->guest.pin[cpu->pin];
	enum flow_entry entry;
	enum chip_op op;

	entry = flow_enter(&g->desc, flow_of(c), &op);
	if (entry == FLOW_RUN) {
		handle_irq_event_begin(&g->desc);
		cpu->action = 0;
		while (pin_of_device(c, cpu->action) != cpu->pin)
			cpu->action++;
	} else if (entry == FLOW_WAKEUP) {
		/* The wakeup is an outcome of its own: suspend is aborted. */
		note_handler(g, pin_line(c, w, cpu->pin), o);
		judge_call(g, o);
		w->guest.task = TASK_ABORTED;
	}
	if (flow_of(c) == FLOW_LEVEL || flow_of(c) == FLOW_EDGE)
		cpu->pc = VCPU_LEVEL_EOI;
	else
		cpu->pc = entry == FLOW_RUN ? VCPU_ACTION : VCPU_EOI;
	if (entry != FLOW_RUN)
		g->given = false;
	apply_op(c, w, v, cpu->pin, op);
}

static void after_actions(const struct world_config *c, struct world *w,
			  unsigned int v, struct outcome *o)
{
	struct vcpu *cpu = &w->vcpu[v];
	struct guest_pin *g = &w->guest.pin[cpu->pin];

	handle_irq_event_end(&g->desc);
	cpu->action = 0;
	if (call_is_over(c, w, cpu->pin))
		judge_call(g, o);
	if (flow_of(c) == FLOW_LEVEL || flow_of(c) == FLOW_EDGE) {
		cpu->pc = flow_unmasks(&g->desc, flow_of(c)) ? VCPU_UNMASK
							     : VCPU_IDLE;
		if (cpu->pc == VCPU_IDLE)
			cpu->pin = 0;
	} else if (flow_of(c) == FLOW_EOI_THREADED && g->desc.threads_oneshot) {
		cpu->pc = VCPU_IDLE;
		cpu->pin = 0;
	} else {
		cpu->pc = g->move && !g->desc.masked ? VCPU_MOVE_MASK
						     : VCPU_EOI;
	}
}

/* One hard handler: acks its device, or wakes its thread. */
static void vcpu_action(const struct world_config *c, struct world *w,
			unsigned int v, struct outcome *o)
{
	struct vcpu *cpu = &w->vcpu[v];
	struct guest_pin *g = &w->guest.pin[cpu->pin];
	unsigned int d = cpu->action;
	bool last = is_last_action(c, d);

	if (!flow_is_oneshot(flow_of(c))) {
		note_handler(g, guest_device_ack(c, w, d), o);
	} else if (!c->hard_check || w->device[d].causes) {
		g->desc.threads_oneshot |= (uint8_t)(1u << d);
		w->guest.thread[d] = THREAD_WOKEN;
	} else {
		o->flags |= OUTCOME_HANDLER_IDLE;
	}
	if (last)
		after_actions(c, w, v, o);
	else
		cpu->action = (uint8_t)(d + 1);
}

static void vcpu_unmask(const struct world_config *c, struct world *w,
			unsigned int v)
{
	struct vcpu *cpu = &w->vcpu[v];
	struct guest_pin *g = &w->guest.pin[cpu->pin];
	unsigned int pin = cpu->pin;

	cpu->pc = VCPU_IDLE;
	cpu->pin = 0;
	if (g->move) {
		/* irq_move_masked_irq(): the high word, then the mask bit */
		g->move = false;
		virq_write_dest(c, w, pin, !g->dest);
		if (g->desc.depth)
			return;
	}
	g->desc.masked = false;
	virq_write_mask(c, w, pin, false, v);
}

void vcpu_step(const struct world_config *c, struct world *w, unsigned int v,
	       struct outcome *o)
{
	struct vcpu *cpu = &w->vcpu[v];
	enum vcpu_pc pc = (enum vcpu_pc)cpu->pc;

	switch (pc) {
	case VCPU_IDLE:
	case VCPU_PC_NR:
		assert(0);
		return;
	case VCPU_ENTRY:
		vcpu_entry(c, w, v, o);
		return;
	case VCPU_ACTION:
		vcpu_action(c, w, v, o);
		return;
	case VCPU_MOVE_MASK:
		w->guest.pin[cpu->pin].desc.masked = true;
		cpu->pc = VCPU_EOI;
		virq_write_mask(c, w, cpu->pin, true, v);
		return;
	case VCPU_LEVEL_EOI:
	case VCPU_EOI:
		cpu->pc = (uint8_t)virq_eoi(c, w, cpu->pin, v);
		break;
	case VCPU_EOI_RESAMPLE:
	case VCPU_EOI_FINISH:
		cpu->pc = (uint8_t)virq_eoi_continue(c, w, cpu->pin, pc);
		break;
	case VCPU_UNMASK:
		vcpu_unmask(c, w, v);
		return;
	}
	if (cpu->pc == VCPU_IDLE)
		after_eoi(c, w, v);
}

/* ---- threads --------------------------------------------------------------- */

static bool vcpu0_is_free(const struct world_config *c, const struct world *w)
{
	return w->vcpu[0].pc == VCPU_IDLE && !is_in_exit(c, w, 0);
}

bool thread_may_step(const struct world_config *c, const struct world *w,
		     unsigned int d)
{
	unsigned int pin = pin_of_device(c, d);

	if (!vcpu0_is_free(c, w))
		return false;
	switch ((enum thread_state)w->guest.thread[d]) {
	case THREAD_IDLE:
		return false;
	case THREAD_WOKEN:
	case THREAD_EOI:
		return true;
	case THREAD_FINAL:
		return !desc_is_locked(c, w, pin) &&
		       !w->guest.pin[pin].desc.in_progress;
	}
	return false;
}

void thread_step(const struct world_config *c, struct world *w, unsigned int d,
		 struct outcome *o)
{
	unsigned int pin = pin_of_device(c, d);
	struct guest_pin *g = &w->guest.pin[pin];
	uint8_t *state = &w->guest.thread[d];
	enum vcpu_pc pc;

	switch ((enum thread_state)*state) {
	case THREAD_IDLE:
		assert(0);
		return;
	case THREAD_WOKEN:
		note_handler(g, guest_device_ack(c, w, d), o);
		*state = THREAD_FINAL;
		if (!call_is_over(c, w, pin))
			return;
		judge_call(g, o);
		if (flow_of(c) == FLOW_EOI_THREADED)
			*state = THREAD_EOI;
		return;
	case THREAD_EOI:
		*state = THREAD_FINAL;
		pc = virq_eoi(c, w, pin, 0);
		w->vcpu[0].pc = (uint8_t)pc;
		w->vcpu[0].pin = pc == VCPU_IDLE ? 0 : (uint8_t)pin;
		return;
	case THREAD_FINAL:
		*state = THREAD_IDLE;
		apply_op(c, w, 0, pin, irq_finalize_oneshot(&g->desc, d));
		return;
	}
}

/* ---- the driver's tasks, on pin 0 ------------------------------------------ */

/* synchronize_irq(): no handler and no thread of the interrupt runs. */
static bool is_synchronized(const struct world_config *c, const struct world *w)
{
	if (w->guest.pin[0].desc.in_progress)
		return false;
	for (unsigned int d = 0; d < c->devices; d++)
		if (pin_of_device(c, d) == 0 && w->guest.thread[d])
			return false;
	return true;
}

bool guest_task_is_idle(const struct world_config *c, const struct world *w)
{
	return w->guest.task == TASK_IDLE && vcpu0_is_free(c, w) &&
	       w->guest.pin[0].requested && !desc_is_locked(c, w, 0);
}

bool task_may_step(const struct world_config *c, const struct world *w)
{
	if (!vcpu0_is_free(c, w) || desc_is_locked(c, w, 0))
		return false;
	switch ((enum task_state)w->guest.task) {
	case TASK_IDLE:
	case TASK_ARMED:
		return false;
	case TASK_SYNC:
	case TASK_SUSPEND_SYNC:
		return is_synchronized(c, w);
	case TASK_DISABLED:
		return !c->polls;
	case TASK_ENABLE:
	case TASK_ABORTED:
		return true;
	}
	return false;
}

/* apic_retrigger_irq(): the vector is sent to this vCPU itself. */
static void resend(const struct world_config *c, struct world *w)
{
	if (check_irq_resend(&w->guest.pin[0].desc, flow_of(c)))
		w->vcpu[0].irr |= 1;
}

void task_step(const struct world_config *c, struct world *w, struct outcome *o)
{
	struct irq_desc *desc = &w->guest.pin[0].desc;

	switch ((enum task_state)w->guest.task) {
	case TASK_IDLE:
	case TASK_ARMED:
		assert(0);
		return;
	case TASK_SYNC:
		w->guest.task = TASK_DISABLED;
		return;
	case TASK_SUSPEND_SYNC:
		w->guest.task = TASK_ARMED;
		return;
	case TASK_DISABLED:
	case TASK_ENABLE:
		w->guest.task = TASK_IDLE;
		apply_op(c, w, 0, 0, enable_irq(desc));
		resend(c, w);
		return;
	case TASK_ABORTED:
		guest_resume(c, w);
		return;
	}
}

bool task_may_poll(const struct world_config *c, const struct world *w)
{
	return c->polls && w->guest.task == TASK_DISABLED &&
	       vcpu0_is_free(c, w);
}

void task_poll(const struct world_config *c, struct world *w, struct outcome *o)
{
	w->guest.task = TASK_ENABLE;
	if (guest_device_ack(c, w, 0))
		o->flags |= OUTCOME_PROGRESS;
}

void guest_request(const struct world_config *c, struct world *w,
		   unsigned int pin)
{
	struct guest_pin *g = &w->guest.pin[pin];

	g->requested = true;
	g->desc.masked = false;
	virq_write_mask(c, w, pin, false, 0);
}

void guest_disable(const struct world_config *c, struct world *w)
{
	w->guest.disables--;
	w->guest.task = TASK_SYNC;
	apply_op(c, w, 0, 0, disable_irq_nosync(&w->guest.pin[0].desc));
}

void guest_suspend(const struct world_config *c, struct world *w)
{
	w->guest.suspends--;
	w->guest.task = TASK_SUSPEND_SYNC;
	suspend_device_irq(&w->guest.pin[0].desc);
}

void guest_resume(const struct world_config *c, struct world *w)
{
	w->guest.task = TASK_IDLE;
	apply_op(c, w, 0, 0, resume_irq(&w->guest.pin[0].desc));
	resend(c, w);
}

/* The vCPUs and the guest's memory begin anew; the device goes on. */
void guest_reset(const struct world_config *c, struct world *w)
{
	struct guest *g = &w->guest;

	memset(w->vcpu, 0, sizeof(w->vcpu));
	memset(g->thread, 0, sizeof(g->thread));
	g->task = TASK_IDLE;
	for (unsigned int pin = 0; pin < c->pins; pin++)
		g->pin[pin] = (struct guest_pin){ .desc.masked = true,
						  .dest = c->dest };
}

void guest_move(const struct world_config *c, struct world *w, unsigned int pin)
{
	w->guest.moves--;
	if (c->moves_at_once) {
		virq_write_dest(c, w, pin, !w->guest.pin[pin].dest);
		return;
	}
	w->guest.pin[pin].move = true;
}
