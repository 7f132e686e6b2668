/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/vfio.h"

bool vfio_line(const struct vfio_config *c, const struct host_irq *h,
	       const struct device *d)
{
	if (c->mode == VFIO_PCI_2_3 && h->masked)
		return false;	/* DisINTx holds the pin back */
	return device_level(d);
}

bool vfio_irq_is_due(const struct vfio_config *c, const struct host_irq *h,
		     const struct device *d)
{
	if (!h->open)
		return false;
	if (c->mode == VFIO_MSI)
		return h->chip.latched;
	return host_irqchip_interrupts(&h->chip,
				       (enum host_irqchip_kind)c->irqchip,
				       vfio_line(c, h, d));
}

static void chip_op(struct host_irq *h, enum chip_op op)
{
	if (op == CHIP_MASK)
		h->chip.masked = true;
	else if (op == CHIP_UNMASK)
		h->chip.masked = false;
}

static void set_disintx(const struct vfio_config *c, struct host_irq *h,
			struct device *d, bool masked)
{
	bool before = vfio_line(c, h, d);

	h->masked = masked;
	host_irqchip_line(&h->chip, (enum host_irqchip_kind)c->irqchip, before,
			  vfio_line(c, h, d));
}

static void signal_trigger(const struct vfio_config *c, struct host_irq *h)
{
	if (c->late_signal)
		h->signal_due = true;
	else
		h->trigger = true;
}

bool vfio_intx_handler(const struct vfio_config *c, struct host_irq *h,
		       struct device *d)
{
	bool again = h->fired;
	enum chip_op op;

	h->fired = true;
	h->chip.latched = false;
	if (flow_enter(&h->desc, FLOW_FASTEOI, &op) != FLOW_RUN) {
		chip_op(h, op);
		return again;
	}
	switch ((enum vfio_mode)c->mode) {
	case VFIO_PCI_2_3:
		/* pci_check_and_mask_intx(): not ours if the status bit is 0 */
		if (!device_level(d))
			return again;
		set_disintx(c, h, d, true);
		break;
	case VFIO_DISINTX_MINUS:
	case VFIO_PLATFORM:
		chip_op(h, disable_irq_nosync(&h->desc));
		h->masked = true;
		break;
	case VFIO_HWIRQ:
		/* EOImode 1: priority drop only */
		h->chip.active = true;
		h->masked = true;
		break;
	case VFIO_MSI:
		break;
	}
	signal_trigger(c, h);
	return again;
}

void vfio_unmask(const struct vfio_config *c, struct host_irq *h,
		 struct device *d)
{
	if (!h->open || !h->masked)
		return;		/* idempotent */
	switch ((enum vfio_mode)c->mode) {
	case VFIO_PCI_2_3:
		/* pci_check_and_unmask_intx(): signals again, stays masked */
		if (device_level(d))
			signal_trigger(c, h);
		else
			set_disintx(c, h, d, false);
		return;
	case VFIO_DISINTX_MINUS:
	case VFIO_PLATFORM:
		h->masked = false;
		chip_op(h, enable_irq(&h->desc));
		check_irq_resend(&h->desc, FLOW_FASTEOI);
		return;
	case VFIO_HWIRQ:
		h->chip.active = false;
		h->masked = false;
		return;
	case VFIO_MSI:
		return;
	}
}

void vfio_intx_enable(const struct vfio_config *c, struct host_irq *h,
		      struct device *d, bool ok)
{
	bool flags = c->unlazy && c->mode == VFIO_DISINTX_MINUS;

	if (flags)
		h->desc.unlazy = true;
	if (!ok) {
		/* the seed's patch returns here without clearing it */
		if (flags && !c->leaks_flag)
			h->desc.unlazy = false;
		return;
	}
	h->open = true;
	/* irq_startup(): the line is looked at, whatever was before */
	h->chip.latched = device_level(d);
}

void vfio_intx_disable(const struct vfio_config *c, struct host_irq *h)
{
	/* free_irq() shuts the interrupt down; the next start begins afresh. */
	*h = (struct host_irq){ 0 };
}
