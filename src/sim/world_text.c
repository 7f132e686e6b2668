/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "sim/guest.h"
#include "sim/spec_world.h"
#include "sim/steps.h"
#include "sim/virq.h"
#include "sim/virq_pic.h"
#include "sim/world.h"

const char *world_actor_name(uint8_t actor)
{
	static const char *const names[ACTOR_NR] = {
		[ACTOR_DEVICE] = "device", [ACTOR_WHIM] = "guest",
		[ACTOR_HOST] = "host",	   [ACTOR_ENGINE] = "irqfwd",
		[ACTOR_KVM] = "kvm",	   [ACTOR_VMM] = "vmm",
		[ACTOR_TIMER] = "timer",   [ACTOR_VCPU0] = "vcpu0",
		[ACTOR_VCPU1] = "vcpu1",   [ACTOR_THREAD] = "thread",
	};

	return actor < ACTOR_NR ? names[actor] : "?";
}

/* ---- steps ------------------------------------------------------------------ */

static const char *of_device(const struct world_config *c, unsigned int d)
{
	if (c->devices == 1)
		return "";
	return d ? " (device 1)" : " (device 0)";
}

static const char *of_pin(const struct world_config *c, unsigned int pin)
{
	if (c->pins == 1)
		return "";
	return pin ? " (pin 1)" : " (pin 0)";
}

static const char *host_irq_text(const struct world_config *c)
{
	switch ((enum vfio_mode)c->vfio.mode) {
	case VFIO_PCI_2_3:
		return "host interrupt: automask (DisINTx)";
	case VFIO_DISINTX_MINUS:
	case VFIO_PLATFORM:
		return "host interrupt: automask (disable_irq)";
	case VFIO_MSI:
		return "host interrupt: signal the trigger";
	case VFIO_HWIRQ:
		return "host interrupt: stays active";
	}
	return "?";
}

static const char *resample_text(const struct world_config *c, bool sampled)
{
	if (!c->vfio.looks)
		return "resample: VFIO unmask";
	return sampled ? "resample: VFIO unmask, or signalled again"
		       : "resample: read the level";
}

static const char *effect_text(const struct world_config *c, unsigned int arg)
{
	switch ((enum effect_kind)(arg & 0xf)) {
	case EFFECT_DELIVER:
		return "deliver to the vCPU";
	case EFFECT_ROUTE:
		return "set the route for the EOI";
	case EFFECT_RESAMPLE:
		return resample_text(c, arg >> 7);
	case EFFECT_SAMPLE:
		return arg >> 7 ? "answer the sample" : "read the level";
	case EFFECT_THROTTLE:
		return "arm the throttle's timer";
	case EFFECT_ACK:
	case EFFECT_MASK:
	case EFFECT_UNMASK:
	case EFFECT_RAISE:
	case EFFECT_LOWER:
	case EFFECT_DEFER:
	case EFFECT_DRAIN:
	case EFFECT_SETTLE:
		break;
	}
	return "?";
}

static const char *vcpu_text(const struct world_config *c, unsigned int pc)
{
	bool oneshot = flow_is_oneshot((enum flow)c->flow);

	switch ((enum vcpu_pc)pc) {
	case VCPU_ENTRY:
		if (oneshot)
			return "handle_fasteoi_irq: mask";
		if (c->flow == FLOW_EDGE)
			return "handle_edge_irq";
		return c->flow == FLOW_LEVEL ? "handle_level_irq: mask"
					     : "handle_fasteoi_irq";
	case VCPU_LEVEL_EOI:
		return "EOI before the handler";
	case VCPU_ACTION:
		return oneshot ? "hard handler: wakes the thread"
			       : "hard handler: device ack";
	case VCPU_MOVE_MASK:
		return "affinity change: mask";
	case VCPU_EOI:
		return oneshot ? "EOI, while masked" : "EOI";
	case VCPU_EOI_RESAMPLE:
		return "in the EOI exit: resamplefd, VFIO unmask";
	case VCPU_EOI_FINISH:
		if (c->irqchip == IRQCHIP_I8259)
			return "EOI of the cascade";
		return "in the EOI exit: Remote IRR cleared";
	case VCPU_UNMASK:
		return "unmask";
	case VCPU_IDLE:
	case VCPU_PC_NR:
		break;
	}
	return "?";
}

static const char *thread_text(unsigned int state)
{
	static const char *const names[] = {
		[THREAD_WOKEN] = "threaded handler: device ack",
		[THREAD_EOI] = "EOI after the thread",
		[THREAD_FINAL] = "irq_finalize_oneshot: unmask",
	};

	return names[state];
}

static const char *task_text(unsigned int state)
{
	static const char *const names[] = {
		[TASK_SYNC] = "disable_irq returns",
		[TASK_DISABLED] = "enable_irq",
		[TASK_ENABLE] = "enable_irq",
		[TASK_SUSPEND_SYNC] = "suspend: wakeup is armed",
		[TASK_ABORTED] = "suspend aborted: resume",
	};

	return names[state];
}

static const char *listen_text(unsigned int event)
{
	static const char *const names[] = {
		[KVM_EVENT_NONE] = "reads the next event",
		[KVM_EVENT_EOI] = "reads resamplefd",
		[KVM_EVENT_MASK] = "reads maskfd",
		[KVM_EVENT_UNMASK] = "reads unmaskfd",
	};

	return names[event];
}

static void down_text(const struct world_config *c, struct step s, char *buf,
		      size_t n)
{
	const char *what = "?";
	unsigned int d = s.arg & 1;

	switch (s.kind) {
	case STEP_ASSERT:
		what = "raise: a new cause";
		break;
	case STEP_BOUNCE:
		what = "the line bounces";
		break;
	case STEP_HOST_IRQ:
		what = host_irq_text(c);
		break;
	case STEP_SIGNAL:
		what = "signal the trigger";
		break;
	case STEP_TRIGGER:
		what = c->irqchip == IRQCHIP_KVM ? "irqfd inject work"
						 : "trigger";
		break;
	case STEP_EFFECT:
		what = effect_text(c, s.arg);
		d = s.arg >> 4 & 1;
		break;
	case STEP_TIMEOUT:
		what = "timeout";
		break;
	case STEP_LISTEN:
		what = listen_text(s.arg >> 1);
		break;
	case STEP_INTR:
		what = "INTR is seen: the vCPU is kicked";
		break;
	}
	snprintf(buf, n, "%s%s", what, of_device(c, d));
}

static void guest_text(const struct world_config *c, struct step s, char *buf,
		       size_t n)
{
	unsigned int arg = s.arg;

	switch (s.kind) {
	case STEP_TAKE:
		snprintf(buf, n, "takes the interrupt%s", of_pin(c, arg >> 1));
		return;
	case STEP_INTACK:
		snprintf(buf, n, "INTA: takes what the PIC has");
		return;
	case STEP_VCPU:
		if ((arg >> 1 & 0xf) == VCPU_ACTION)
			snprintf(buf, n, "%s%s", vcpu_text(c, VCPU_ACTION),
				 of_device(c, arg >> 6));
		else
			snprintf(buf, n, "%s%s", vcpu_text(c, arg >> 1 & 0xf),
				 of_pin(c, arg >> 5 & 1));
		return;
	case STEP_UNMASK_MORE:
		snprintf(buf, n, "in the unmask exit: %s",
			 arg >> 1 == 1	 ? "irq line lowered"
			 : arg >> 1 == 2 ? "resamplefd, VFIO unmask"
					 : "ack_pending cleared");
		return;
	case STEP_THREAD:
		snprintf(buf, n, "%s%s", thread_text(arg >> 1),
			 of_device(c, arg & 1));
		return;
	case STEP_TASK:
		snprintf(buf, n, "%s", task_text(arg));
		return;
	case STEP_POLL:
		snprintf(buf, n, "driver polls: device ack");
		return;
	}
}

static void whim_text(const struct world_config *c, struct step s, char *buf,
		      size_t n)
{
	static const char *const modes[HOSTILE_MODES] = {
		[HOSTILE_FIXED] = "",
		[HOSTILE_RESERVED] = ", a reserved mode",
		[HOSTILE_NMI] = ", as an NMI",
	};
	static const char *const names[] = {
		[STEP_REQUEST] = "request_irq: unmask",
		[STEP_PROBE] = "probe quiets the device: device ack",
		[STEP_DISABLE] = "disable_irq",
		[STEP_SUSPEND] = "suspend begins",
		[STEP_RESUME] = "resume",
		[STEP_MOVE] = "affinity is to change",
		[STEP_RESET] = "the machine is reset: the chip first",
		[STEP_RESET_DONE] = "and then the vCPUs",
		[STEP_CLOSE] = "the forward is removed",
		[STEP_CLOSED] = "vfio_intx_disable",
	};
	unsigned int arg = s.arg;

	if (s.kind == STEP_HOSTILE_WRITE)
		snprintf(buf, n, "writes the entry: %s, %s%s%s",
			 arg & 2 ? "masked" : "unmasked",
			 arg & 4 ? "level" : "edge", modes[arg >> 3],
			 of_pin(c, arg & 1));
	else if (s.kind == STEP_HOSTILE_REGISTER)
		snprintf(buf, n, "EOI register%s", of_pin(c, arg));
	else if (s.kind == STEP_HOSTILE_EOI)
		snprintf(buf, n, "EOI%s", of_pin(c, arg >> 1));
	else if (s.kind == STEP_HOSTILE_PORT)
		virq_pic_access_text(c, arg, buf, n);
	else if (s.kind == STEP_CUT)
		snprintf(buf, n, "%s",
			 arg ? "sets DisINTx: cut off" : "clears DisINTx: joined");
	else if (s.kind == STEP_OPEN)
		snprintf(buf, n, "vfio_intx_enable: request_irq %s",
			 arg ? "succeeds" : "fails");
	else
		snprintf(buf, n, "%s", names[s.kind]);
}

void world_step_text(const struct world_config *c, struct step s, char *buf,
		     size_t n)
{
	if (c->kind == WORLD_WINDOW)
		window_step_text(s, buf, n);
	else if (world_is_spec(c))
		spec_step_text(c, s, buf, n);
	else if (s.kind < STEP_FIRST_GUEST)
		down_text(c, s, buf, n);
	else if (s.kind < STEP_FIRST_WHIM)
		guest_text(c, s, buf, n);
	else
		whim_text(c, s, buf, n);
}

/* ---- columns ----------------------------------------------------------------- */

struct text {
	char *at;
	size_t left;
};

static void put(struct text *t, const char *s)
{
	int n = snprintf(t->at, t->left, "%s", s);

	if (n < 0 || (size_t)n >= t->left)
		return;
	t->at += n;
	t->left -= (size_t)n;
}

static void host_column(const struct world_config *c, const struct world *w,
			struct text *t)
{
	for (unsigned int d = 0; d < c->devices; d++) {
		const struct host_irq *h = &w->host[d];

		if (d)
			put(t, "/");
		if (device_is_emulated(c, d)) {
			put(t, "none");
			continue;
		}
		put(t, !h->open ? "closed" : h->masked ? "masked" : "open");
		if (h->trigger)
			put(t, "+trig");
	}
}

static void pin_column(const struct world_config *c, const struct world *w,
		       struct text *t)
{
	for (unsigned int pin = 0; pin < c->pins; pin++) {
		struct virq_bits bits = virq_bits(c, w, pin);
		bool pending = false;
		char lmrs[5] = "....";

		for (unsigned int v = 0; v < c->vcpus; v++)
			pending |= c->irqchip == IRQCHIP_I8259
					   ? w->vcpu[v].irr
					   : w->vcpu[v].irr >> pin & 1;
		if (bits.line)
			lmrs[0] = 'L';
		if (bits.masked)
			lmrs[1] = 'M';
		if (bits.remote_irr)
			lmrs[2] = 'R';
		if (pending)
			lmrs[3] = 'S';
		if (pin)
			put(t, " ");
		put(t, lmrs);
	}
}

static void driver_column(const struct world_config *c, const struct world *w,
			  struct text *t)
{
	static const char *const pcs[VCPU_PC_NR] = {
		[VCPU_ENTRY] = "entry",	       [VCPU_LEVEL_EOI] = "masked",
		[VCPU_ACTION] = "hard",	       [VCPU_MOVE_MASK] = "move",
		[VCPU_EOI] = "eoi",	       [VCPU_EOI_RESAMPLE] = "eoi.2",
		[VCPU_EOI_FINISH] = "eoi.3",   [VCPU_UNMASK] = "unmask",
	};
	static const char *const threads[] = { "", "woken", "eoi", "acked" };
	static const char *const tasks[] = { "",	 "sync",  "disabled",
					     "polled",	 "sync",  "armed",
					     "aborted" };
	bool first = true;

	for (unsigned int v = 0; v < c->vcpus; v++) {
		if (w->vcpu[v].pc == VCPU_IDLE)
			continue;
		put(t, first ? "irq:" : " irq:");
		put(t, pcs[w->vcpu[v].pc]);
		first = false;
	}
	for (unsigned int d = 0; d < c->devices; d++) {
		if (!w->guest.thread[d])
			continue;
		put(t, first ? "thread:" : " thread:");
		put(t, threads[w->guest.thread[d]]);
		first = false;
	}
	if (w->guest.task) {
		put(t, first ? "" : " ");
		put(t, tasks[w->guest.task]);
		first = false;
	}
	if (first)
		put(t, "-");
}

static void window_columns(const struct window *x, struct world_columns *out)
{
	static const char *const pcs[] = { "user", "enter", "guest", "exit",
					   "halted" };
	static const char *const guests[] = { "main", "handler", "exception",
					      "nmi" };
	struct text host = { out->host, sizeof(out->host) };
	struct text pin = { out->pin, sizeof(out->pin) };
	struct text driver = { out->driver, sizeof(out->driver) };

	out->line[0] = x->external ? 'H' : 'L';
	out->line[1] = x->local ? 'H' : 'L';
	put(&host, pcs[x->pc]);
	put(&host, x->request ? "+req" : "");
	put(&host, x->armed ? "+armed" : "");
	put(&host, x->lvt0_masked ? "+lvt0" : "");
	put(&pin, x->stash ? "stash" : "");
	put(&pin, x->injected ? "queued" : "");
	put(&pin, x->exception ? "+exc" : "");
	put(&pin, x->nmi ? "+nmi" : "");
	put(&driver, guests[x->guest]);
	put(&driver, x->interrupts ? " IF=1" : " IF=0");
	put(&driver, x->halted ? " halted" : "");
}

void world_columns(const struct world_config *c, const struct world *w,
		   struct world_columns *out)
{
	struct text host = { out->host, sizeof(out->host) };
	struct text pin = { out->pin, sizeof(out->pin) };
	struct text driver = { out->driver, sizeof(out->driver) };

	memset(out, 0, sizeof(*out));
	if (c->kind == WORLD_WINDOW) {
		window_columns(&w->window, out);
		return;
	}
	if (world_is_spec(c)) {
		spec_columns(c, w, out);
		return;
	}
	for (unsigned int d = 0; d < c->devices; d++)
		out->line[d] = device_level(&w->device[d]) ? 'H' : 'L';
	host_column(c, w, &host);
	pin_column(c, w, &pin);
	driver_column(c, w, &driver);
}
