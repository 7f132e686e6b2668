/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model of Linux's kernel/irq: one interrupt descriptor.  The same model
 * serves the host, whose flow runs in one step, and the guest, whose flow runs
 * in one step for each register access.  What its chip must do comes back as a
 * value; nothing is called.
 *
 * Each function is one section under desc->lock.
 */
#ifndef SIM_GENIRQ_H
#define SIM_GENIRQ_H

#include <stdbool.h>
#include <stdint.h>

enum flow {
	FLOW_FASTEOI,		/* handle_fasteoi_irq, acked in the hard handler */
	FLOW_LEVEL,		/* handle_level_irq: mask and EOI before the handler */
	FLOW_ONESHOT,		/* handle_fasteoi_irq, IRQF_ONESHOT: acked in the thread */
	FLOW_EOI_THREADED,	/* the same, IRQCHIP_EOI_THREADED: EOI after the thread */
	FLOW_EDGE,		/* handle_edge_irq: EOI before the handler, no mask */
};

enum chip_op { CHIP_NONE, CHIP_MASK, CHIP_UNMASK };

struct irq_desc {
	uint8_t depth;		/* disable depth */
	bool masked;		/* IRQD_IRQ_MASKED */
	bool pending;		/* IRQS_PENDING */
	bool unlazy;		/* IRQ_DISABLE_UNLAZY */
	bool in_progress;	/* IRQD_IRQ_INPROGRESS */
	bool wakeup_armed;	/* IRQD_WAKEUP_ARMED */
	bool suspended;		/* IRQS_SUSPENDED */
	uint8_t threads_oneshot;	/* bit per action whose thread is owed */
};

enum chip_op disable_irq_nosync(struct irq_desc *desc);
enum chip_op enable_irq(struct irq_desc *desc);
/*
 * Due after enable_irq(): shall the interrupt be triggered again?  Level
 * interrupts are not: their line speaks for itself.
 */
bool check_irq_resend(struct irq_desc *desc, enum flow flow);

enum flow_entry {
	FLOW_RUN,		/* run the actions */
	FLOW_OUT,		/* do not; the EOI is still due */
	FLOW_WAKEUP,		/* as OUT; the interrupt aborts the suspend */
};

/* The head of the flow handler, up to handle_irq_event(). */
enum flow_entry flow_enter(struct irq_desc *desc, enum flow flow,
			   enum chip_op *op);
void handle_irq_event_begin(struct irq_desc *desc);
void handle_irq_event_end(struct irq_desc *desc);

static inline bool flow_is_oneshot(enum flow flow)
{
	return flow == FLOW_ONESHOT || flow == FLOW_EOI_THREADED;
}

/* cond_unmask_irq(), cond_unmask_eoi_irq(): is the unmask due at the end? */
bool flow_unmasks(const struct irq_desc *desc, enum flow flow);

/* irq_finalize_oneshot() for one action. */
enum chip_op irq_finalize_oneshot(struct irq_desc *desc, unsigned int action);

/* suspend_device_irq() of a wakeup source, and resume_irq(). */
void suspend_device_irq(struct irq_desc *desc);
enum chip_op resume_irq(struct irq_desc *desc);

#endif
