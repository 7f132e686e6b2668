/* SPDX-License-Identifier: Apache-2.0 */
/* What `irqfwd run` was asked for, as its parts need it. */
#ifndef VMM_OPTIONS_H
#define VMM_OPTIONS_H

#include <stdbool.h>

#include "irqfwd.h"

enum device_irq {
	DEVICE_IRQ_AUTO,	/* all that the device has; the guest chooses */
	DEVICE_IRQ_INTX,	/* MSI and MSI-X capabilities hidden */
	DEVICE_IRQ_MSI,		/* MSI-X capability hidden */
	DEVICE_IRQ_MSIX,	/* MSI capability hidden */
};

/* One --device vfio-pci,… */
struct device_options {
	char host[16];			/* "0000:00:03.0" */
	enum device_irq irq;
	enum irqfwd_policy policy;	/* of its INTx */
	unsigned int slot;		/* in the guest, 1 … 31; 0: the next free one */
};

#endif
