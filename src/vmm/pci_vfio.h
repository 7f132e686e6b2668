/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passthrough: the host's side of a pci_function, on the public header of
 * irqfwd.  BARs and DMA go past us; configuration space, MSI-X tables and small
 * BARs come through pci_function.c; interrupts go through irqfwd.
 */
#ifndef VMM_PCI_VFIO_H
#define VMM_PCI_VFIO_H

#include <stdatomic.h>

#include "irqfwd.h"
#include "vmm/machine.h"
#include "vmm/options.h"
#include "vmm/pci_function.h"

/* Pages of a BAR that the guest has to itself: before, between, after tables. */
#define PCI_VFIO_RUNS (3 * PCI_BARS)

struct pci_vfio_run {
	void *host;		/* NULL: the entry is free */
	unsigned int bar;
	uint64_t offset;
	uint64_t size;
	bool in_guest;		/* at address */
	uint64_t address;
};

struct pci_vfio {
	struct pci_function function;
	struct machine *machine;
	struct irqfwd_vfio *vfio;
	struct irqfwd_vfio_region region[PCI_BARS];
	struct pci_vfio_run run[PCI_VFIO_RUNS];
	char name[32];			/* "0000:00:03.0", for messages */
	enum irqfwd_policy policy;
	bool unmask_by_ioctl;
	unsigned int slot;
	struct irqfwd_level *intx;	/* NULL: not forwarded yet */
	struct irqfwd_msi *msi[2];	/* by enum irqfwd_msi_kind; NULL: not yet */
	struct irqfwd_msi *active;	/* the one that the guest has enabled */
	int irq_error;			/* of the last irq(): 0 or -errno, told */
	bool told_vectors;		/* fewer than the device has */
	/*
	 * An eventfd: the host wants the device back, or it is gone.  VFIO
	 * signals it by itself where INTx is not forwarded.
	 */
	int news_fd;
	atomic_bool gone;
};

/*
 * Opens the device and plugs it into slot.  beside: another of the guest's, to
 * share what DMA is mapped for, or NULL.  The caller holds no lock.  Errors
 * as irqfwd_vfio_open(), and -ENODEV: not the interrupt that was asked for;
 * said on stderr.
 */
int pci_vfio_open(struct pci_vfio **out, struct machine *m,
		  struct pci_bus *bus, unsigned int slot,
		  const struct device_options *options,
		  const struct pci_vfio *beside);
/*
 * The host wants the device back, or it is gone: says so, and that the caller
 * should release it.  After news_fd has become readable.
 */
bool pci_vfio_take_news(struct pci_vfio *v);
/* The bus lock is held.  The guest reads all ones from now on. */
void pci_vfio_release(struct pci_vfio *v);
void pci_vfio_close(struct pci_vfio *v);

#endif
