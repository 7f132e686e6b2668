/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/genirq.h"

#include <assert.h>

static enum chip_op mask_irq(struct irq_desc *desc)
{
	if (desc->masked)
		return CHIP_NONE;
	desc->masked = true;
	return CHIP_MASK;
}

static enum chip_op unmask_irq(struct irq_desc *desc)
{
	if (!desc->masked)
		return CHIP_NONE;
	desc->masked = false;
	return CHIP_UNMASK;
}

enum chip_op disable_irq_nosync(struct irq_desc *desc)
{
	assert(desc->depth < 3);
	if (desc->depth++)
		return CHIP_NONE;
	return desc->unlazy ? mask_irq(desc) : CHIP_NONE;
}

enum chip_op enable_irq(struct irq_desc *desc)
{
	assert(desc->depth);
	if (--desc->depth)
		return CHIP_NONE;
	return unmask_irq(desc);
}

bool check_irq_resend(struct irq_desc *desc, enum flow flow)
{
	bool resend = desc->pending && !desc->depth && flow == FLOW_EDGE;

	if (!desc->depth)
		desc->pending = false;
	return resend;
}

/* irq_pm_check_wakeup() */
static bool pm_check_wakeup(struct irq_desc *desc)
{
	if (!desc->wakeup_armed)
		return false;
	desc->wakeup_armed = false;
	desc->suspended = true;
	desc->pending = true;
	desc->depth++;		/* irq_disable() is lazy here: no chip access */
	return true;
}

enum flow_entry flow_enter(struct irq_desc *desc, enum flow flow,
			   enum chip_op *op)
{
	/* handle_level_irq masks and acks before it looks at anything. */
	*op = flow == FLOW_LEVEL ? mask_irq(desc) : CHIP_NONE;
	if (pm_check_wakeup(desc))
		return FLOW_WAKEUP;
	if (desc->in_progress)
		return FLOW_OUT;
	if (desc->depth) {
		desc->pending = true;
		if (flow != FLOW_LEVEL)
			*op = mask_irq(desc);
		return FLOW_OUT;
	}
	if (flow_is_oneshot(flow))
		*op = mask_irq(desc);
	return FLOW_RUN;
}

void handle_irq_event_begin(struct irq_desc *desc)
{
	desc->pending = false;
	desc->in_progress = true;
}

void handle_irq_event_end(struct irq_desc *desc)
{
	desc->in_progress = false;
}

bool flow_unmasks(const struct irq_desc *desc, enum flow flow)
{
	if (flow == FLOW_FASTEOI || flow == FLOW_EDGE)
		return false;
	return !desc->depth && desc->masked && !desc->threads_oneshot;
}

enum chip_op irq_finalize_oneshot(struct irq_desc *desc, unsigned int action)
{
	desc->threads_oneshot &= (uint8_t)~(1u << action);
	if (desc->threads_oneshot || desc->depth)
		return CHIP_NONE;
	return unmask_irq(desc);
}

void suspend_device_irq(struct irq_desc *desc)
{
	desc->wakeup_armed = true;
}

enum chip_op resume_irq(struct irq_desc *desc)
{
	desc->wakeup_armed = false;
	if (!desc->suspended)
		return CHIP_NONE;
	desc->suspended = false;
	return enable_irq(desc);
}
