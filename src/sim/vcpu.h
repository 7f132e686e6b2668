/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vCPU that takes external interrupts from userspace: KVM's loop around guest
 * entries, the interrupt window, and the VMM's loop around KVM_RUN (seed 002).
 * A world of its own: no device is forwarded in it.
 *
 * Atomic are: what the VMM does between two KVM_RUNs, one pass from the loop's
 * head into the guest (interrupts are off), one exit and the decision whether
 * userspace is told, and one instruction of the guest that matters here.
 *
 *   USER    the VMM: KVM_INTERRUPT if it may, request_interrupt_window if not
 *   ENTER   vcpu_enter_guest(): inject_pending_event(), the window is armed
 *   GUEST   the guest runs
 *   EXIT    vcpu_run(): back to ENTER, or to USER, or halted
 *   HALTED  vcpu_block(): until there is something to run for
 *
 * A local APIC in the kernel takes ExtINT only while LVT0 is unmasked and in that
 * mode; a guest's write of LVT0 is an exit that ends in the kernel.  An NMI comes
 * in any handler but its own.
 */
#ifndef SIM_VCPU_H
#define SIM_VCPU_H

#include <stdbool.h>
#include <stdint.h>

struct world;
struct world_config;
struct step;
struct outcome;

enum window_predicate {
	WINDOW_OLD,		/* has the APIC an interrupt? then not ready */
	WINDOW_NEW,		/* is there a place to stash one? */
	WINDOW_STRICT,		/* and nothing else to be injected first */
};

struct window_config {
	uint8_t predicate;	/* enum window_predicate: kvm_vcpu_ready_for_interrupt_injection() */
	bool user_apic;		/* the local APIC is in userspace: KVM_INTERRUPT queues at once */
	bool apicv;		/* hardware delivers what the local APIC holds */
	bool ignores_if;	/* the VMM looks at neither if_flag nor ready_for_… */
	uint8_t external;	/* external interrupts to come */
	uint8_t local;		/* local APIC interrupts to come */
	uint8_t clis;		/* times that the guest may disable interrupts */
	uint8_t exceptions;
	uint8_t exits;		/* exits for other reasons */
	uint8_t nmis;		/* NMIs to come */
	uint8_t halts;		/* times that the guest may halt */
	uint8_t lvt0s;		/* times that it may mask or unmask LVT0 */
};

enum window_pc {
	WINDOW_USER,
	WINDOW_ENTER,
	WINDOW_GUEST,
	WINDOW_EXIT,
	WINDOW_HALTED,
};

enum window_guest {
	GUEST_MAIN,
	GUEST_HANDLER,		/* of an interrupt */
	GUEST_EXCEPTION,	/* in the handler of an exception */
	GUEST_NMI,		/* in the handler of an NMI */
};

struct window {
	uint8_t pc;		/* enum window_pc */
	uint8_t guest;		/* enum window_guest */
	bool interrupts;	/* EFLAGS.IF */
	bool saved;		/* EFLAGS.IF to which the handler returns */
	bool external;		/* the PIC has one for us; the VMM knows */
	bool local;		/* the in-kernel local APIC has one */
	bool stash;		/* pending_external_vector */
	bool injected;		/* interrupt.injected */
	bool exception;		/* exception.pending */
	bool request;		/* run->request_interrupt_window */
	bool nmi;		/* nmi_pending */
	bool halted;		/* mp_state */
	bool lvt0_masked;	/* ExtINT is not accepted */
	uint8_t nmi_over;	/* enum window_guest: what the NMI has interrupted */
	bool nmi_saved;		/* and EFLAGS.IF there */
	bool armed;		/* the guest exits as soon as the window opens */
	uint8_t external_left, local_left, clis, exceptions, exits;
	uint8_t nmis, halts, lvt0s;
};

void window_init(const struct world_config *c, struct world *w);
unsigned int window_steps(const struct world_config *c, const struct world *w,
			  struct step *out);
void window_apply(const struct world_config *c, struct world *w, struct step s,
		  struct outcome *o);
bool window_has_interrupt(const struct world *w);
/* A quiescent state: was an interrupt left behind? */
bool window_is_lost(const struct world *w);
void window_step_text(struct step s, char *buf, unsigned long n);

#endif
