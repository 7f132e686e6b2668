/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/vcpu.h"

#include <stdio.h>

#include "sim/world.h"

enum window_step {
	STEP_EXTERNAL,		/* the PIC raises its output */
	STEP_LOCAL,		/* the local APIC accepts an interrupt */
	STEP_NMI,		/* an NMI becomes pending */
	STEP_USER,
	STEP_ENTER,
	STEP_EXIT,
	STEP_KICK,		/* the VMM or KVM makes the vCPU exit */
	STEP_WAKE,		/* vcpu_block() ends */
	STEP_WINDOW,		/* interrupt-window exit */
	STEP_APICV,		/* virtual interrupt delivery */
	STEP_CLI,
	STEP_STI,
	STEP_IRET,
	STEP_FAULT,		/* an intercepted exception: queued in the exit */
	STEP_OTHER,		/* an exit for another reason */
	STEP_HLT,
	STEP_LVT0,		/* 1: it is unmasked */
};

#define STEP_FIRST_OF_GUEST	STEP_WINDOW

void window_init(const struct world_config *c, struct world *w)
{
	const struct window_config *k = &c->window;

	w->window = (struct window){
		.pc = WINDOW_USER,
		.interrupts = true,
		.external_left = k->external,
		.local_left = k->local,
		.clis = k->clis,
		.exceptions = k->exceptions,
		.exits = k->exits,
		.nmis = k->nmis,
		.halts = k->halts,
		.lvt0s = k->lvt0s,
	};
}

/* kvm_cpu_accept_dm_intr(): a place for what userspace gives us */
static bool has_place(const struct window_config *k, const struct window *x)
{
	return k->user_apic ? !x->injected : !x->stash && !x->lvt0_masked;
}

/* kvm_cpu_has_extint(): kvm_apic_accept_pic_intr() is asked again */
static bool has_extint(const struct window *x)
{
	return x->stash && !x->lvt0_masked;
}

/* kvm_vcpu_ready_for_interrupt_injection() */
static bool is_ready(const struct window_config *k, const struct window *x)
{
	if (!x->interrupts)
		return false;
	switch ((enum window_predicate)k->predicate) {
	case WINDOW_OLD:
		/* !kvm_cpu_has_interrupt() && !kvm_event_needs_reinjection() */
		return !x->local && !x->stash && !x->injected &&
		       !x->lvt0_masked;
	case WINDOW_NEW:
		return has_place(k, x);
	case WINDOW_STRICT:
		return has_place(k, x) && !x->exception;
	}
	return false;
}

/* What vcpu_enter_guest() asks before it arms the window. */
static bool wants_window(const struct window_config *k, const struct window *x)
{
	/* The old predicate asked only whether ExtINT is accepted. */
	return x->request &&
	       (k->predicate == WINDOW_OLD ? !x->lvt0_masked
					   : has_place(k, x));
}

static bool may_inject(const struct window_config *k, const struct window *x)
{
	if (k->ignores_if)
		return has_place(k, x);
	return is_ready(k, x);
}

/* ---- the steps that are enabled ---------------------------------------------- */

static void guest_steps(const struct window_config *k, const struct window *x,
			struct step *out, unsigned int *nr)
{
	bool kernel_kick = (x->local && !k->apicv && !x->armed) ||
			   (x->nmi && x->guest != GUEST_NMI);

	if (x->armed && x->interrupts) {
		/* before anything else, virtual interrupt delivery included */
		out[(*nr)++] = (struct step){ ACTOR_VCPU0, STEP_WINDOW, 0 };
		return;
	}
	if ((x->external && !x->request) || kernel_kick)
		out[(*nr)++] = (struct step){ ACTOR_KVM, STEP_KICK,
					      !kernel_kick };
	if (k->apicv && x->local && x->interrupts) {
		out[(*nr)++] = (struct step){ ACTOR_VCPU0, STEP_APICV, 0 };
		return;
	}
	if (x->guest != GUEST_MAIN)
		out[(*nr)++] = (struct step){ ACTOR_VCPU0, STEP_IRET, 0 };
	else if (!x->interrupts)
		out[(*nr)++] = (struct step){ ACTOR_VCPU0, STEP_STI, 0 };
	else if (x->clis)
		out[(*nr)++] = (struct step){ ACTOR_WHIM, STEP_CLI, 0 };
	if (x->halts && x->guest == GUEST_MAIN && x->interrupts)
		out[(*nr)++] = (struct step){ ACTOR_WHIM, STEP_HLT, 0 };
	if (x->exceptions && x->guest == GUEST_MAIN)
		out[(*nr)++] = (struct step){ ACTOR_WHIM, STEP_FAULT, 0 };
	if (x->lvt0s && x->guest == GUEST_MAIN)
		out[(*nr)++] = (struct step){ ACTOR_WHIM, STEP_LVT0,
					      x->lvt0_masked };
	if (x->exits)
		out[(*nr)++] = (struct step){ ACTOR_WHIM, STEP_OTHER, 0 };
}

/* kvm_arch_vcpu_runnable() */
static bool is_runnable(const struct window *x)
{
	return !x->halted || x->local || has_extint(x) || x->injected ||
	       x->nmi;
}

unsigned int window_steps(const struct world_config *c, const struct world *w,
			  struct step *out)
{
	const struct window *x = &w->window;
	unsigned int nr = 0;

	if (x->external_left && !x->external)
		out[nr++] = (struct step){ ACTOR_DEVICE, STEP_EXTERNAL, 0 };
	if (x->local_left && !x->local)
		out[nr++] = (struct step){ ACTOR_DEVICE, STEP_LOCAL, 0 };
	if (x->nmis && !x->nmi)
		out[nr++] = (struct step){ ACTOR_DEVICE, STEP_NMI, 0 };
	switch ((enum window_pc)x->pc) {
	case WINDOW_HALTED:
		if (is_runnable(x))
			out[nr++] = (struct step){ ACTOR_KVM, STEP_WAKE, 0 };
		else if (x->external && !x->request)
			out[nr++] = (struct step){ ACTOR_VMM, STEP_KICK, 1 };
		break;
	case WINDOW_USER:
		out[nr++] = (struct step){ ACTOR_VMM, STEP_USER, 0 };
		break;
	case WINDOW_ENTER:
		out[nr++] = (struct step){ ACTOR_KVM, STEP_ENTER, 0 };
		break;
	case WINDOW_GUEST:
		guest_steps(&c->window, x, out, &nr);
		break;
	case WINDOW_EXIT:
		out[nr++] = (struct step){ ACTOR_KVM, STEP_EXIT, 0 };
		/* the VMM's signal ends KVM_RUN here, if it is in time */
		if (x->external && !x->request)
			out[nr++] = (struct step){ ACTOR_VMM, STEP_KICK, 1 };
		break;
	}
	return nr;
}

/* ---- steps -------------------------------------------------------------------- */

/* The guest goes on in a handler; a halt is over. */
static void divert(struct window *x, enum window_guest to)
{
	if (to == GUEST_NMI) {
		x->nmi_over = x->guest;
		x->nmi_saved = x->interrupts;
	} else {
		x->saved = x->interrupts;
	}
	x->interrupts = false;
	x->guest = (uint8_t)to;
	x->halted = false;
}

/*
 * The guest is given an interrupt.  With IF clear no processor takes one: that
 * is a vector out of nowhere (VMX refuses the entry, a software backend obeys).
 */
static void take(struct window *x, struct outcome *o)
{
	if (!x->interrupts)
		o->broken = PROPERTY_NO_SPURIOUS;
	divert(x, GUEST_HANDLER);
	o->flags |= OUTCOME_TOOK | OUTCOME_PROGRESS;
}

static void user(const struct window_config *k, struct window *x)
{
	if (x->external && may_inject(k, x)) {
		x->external = false;
		if (k->user_apic)
			x->injected = true;
		else
			x->stash = true;
	}
	x->request = x->external;
	x->pc = is_runnable(x) ? WINDOW_ENTER : WINDOW_HALTED;
}

/* inject_pending_event(), then the window */
static void enter(const struct window_config *k, struct window *x,
		  struct outcome *o)
{
	x->pc = WINDOW_GUEST;
	if (x->exception) {
		x->exception = false;
		divert(x, GUEST_EXCEPTION);
	} else if (x->injected) {
		x->injected = false;
		take(x, o);
	} else if (x->nmi && x->guest != GUEST_NMI) {
		x->nmi = false;
		divert(x, GUEST_NMI);
	} else if (has_extint(x) && x->interrupts) {
		x->stash = false;
		take(x, o);
	} else if (x->local && !k->apicv && x->interrupts) {
		x->local = false;
		take(x, o);
	}
	/* kvm_cpu_has_injectable_intr(), or the window that userspace wants */
	x->armed = has_extint(x) || x->injected || (x->local && !k->apicv) ||
		   wants_window(k, x);
}

static void leave(struct window *x, enum window_pc pc)
{
	x->armed = false;
	x->pc = (uint8_t)pc;
}

static void iret(struct window *x)
{
	if (x->guest == GUEST_NMI) {
		x->interrupts = x->nmi_saved;
		x->guest = x->nmi_over;
		x->nmi_saved = false;
		x->nmi_over = GUEST_MAIN;
		return;
	}
	x->interrupts = x->saved;
	x->saved = false;
	x->guest = GUEST_MAIN;
}

/* What comes from outside, and the loops of VMM and KVM. */
static void apply_host(const struct window_config *k, struct window *x,
		       struct step s, struct outcome *o)
{
	switch (s.kind) {
	case STEP_EXTERNAL:
		x->external_left--;
		x->external = true;
		o->flags |= OUTCOME_PROGRESS;
		return;
	case STEP_LOCAL:
		x->local_left--;
		x->local = true;
		o->flags |= OUTCOME_PROGRESS;
		return;
	case STEP_NMI:
		x->nmis--;
		x->nmi = true;
		o->flags |= OUTCOME_PROGRESS;
		return;
	case STEP_USER:
		user(k, x);
		return;
	case STEP_ENTER:
		enter(k, x, o);
		return;
	case STEP_EXIT:
		if (x->request && is_ready(k, x))
			leave(x, WINDOW_USER);
		else
			leave(x, is_runnable(x) ? WINDOW_ENTER : WINDOW_HALTED);
		return;
	case STEP_KICK:
		leave(x, s.arg ? WINDOW_USER : WINDOW_ENTER);
		return;
	case STEP_WAKE:
		leave(x, WINDOW_ENTER);
		return;
	}
}

static void apply_guest(struct window *x, struct step s, struct outcome *o)
{
	switch (s.kind) {
	case STEP_WINDOW:
		leave(x, WINDOW_EXIT);
		return;
	case STEP_APICV:
		x->local = false;
		take(x, o);
		return;
	case STEP_CLI:
		x->clis--;
		x->interrupts = false;
		return;
	case STEP_STI:
		x->interrupts = true;
		return;
	case STEP_IRET:
		iret(x);
		return;
	case STEP_FAULT:
		x->exceptions--;
		x->exception = true;
		leave(x, WINDOW_EXIT);
		return;
	case STEP_LVT0:
		x->lvt0s--;
		x->lvt0_masked = !x->lvt0_masked;
		leave(x, WINDOW_EXIT);
		return;
	case STEP_OTHER:
		x->exits--;
		leave(x, WINDOW_EXIT);
		return;
	case STEP_HLT:
		x->halts--;
		x->halted = true;
		leave(x, WINDOW_EXIT);
		return;
	}
}

void window_apply(const struct world_config *c, struct world *w, struct step s,
		  struct outcome *o)
{
	if (s.kind < STEP_FIRST_OF_GUEST)
		apply_host(&c->window, &w->window, s, o);
	else
		apply_guest(&w->window, s, o);
}

bool window_has_interrupt(const struct world *w)
{
	const struct window *x = &w->window;

	return ((x->external || x->stash) && !x->lvt0_masked) || x->local ||
	       x->injected;
}

bool window_is_lost(const struct world *w)
{
	return w->window.interrupts && window_has_interrupt(w);
}

void window_step_text(struct step s, char *buf, unsigned long n)
{
	static const char *const names[] = {
		[STEP_EXTERNAL] = "raise: the PIC has an external interrupt",
		[STEP_LOCAL] = "raise: the local APIC has an interrupt",
		[STEP_USER] = "KVM_INTERRUPT if it may; KVM_RUN",
		[STEP_ENTER] = "vcpu_enter_guest: inject, arm the window",
		[STEP_EXIT] = "vcpu_run: is userspace told?",
		[STEP_KICK] = "kick: the vCPU exits",
		[STEP_WINDOW] = "interrupt-window exit",
		[STEP_APICV] = "takes the local APIC's interrupt",
		[STEP_CLI] = "cli",
		[STEP_STI] = "sti",
		[STEP_IRET] = "iret",
		[STEP_FAULT] = "an exception is intercepted and queued",
		[STEP_OTHER] = "an exit for another reason",
		[STEP_NMI] = "raise: an NMI",
		[STEP_HLT] = "hlt",
		[STEP_LVT0] = "masks LVT0",
		[STEP_WAKE] = "vcpu_block ends",
	};

	snprintf(buf, n, "%s", s.kind == STEP_LVT0 && s.arg ? "unmasks LVT0"
							    : names[s.kind]);
}
