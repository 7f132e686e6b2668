/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host device as the guest sees it: configuration space, BARs and MSI-X
 * table.  What the guest changes there becomes calls of ops, the host's side of
 * the device (pci_vfio.c; a fake in the test):
 *
 *	guest					ops
 *	------------------------------------	-----------------------------
 *	Command decode, BAR			unmap(), command(), map()
 *	DisINTx, MSI or MSI-X enable		irq()
 *	message, mask				vector()
 *	status, vendor capability, other bytes	config_read(), config_write()
 *	BAR bytes that are not mapped		region_read(), region_write()
 *
 * Bits of the guest never reach the host's registers where the host uses them
 * itself: DisINTx, BARs, MSI and MSI-X, power state.
 */
#ifndef VMM_PCI_FUNCTION_H
#define VMM_PCI_FUNCTION_H

#include "vmm/pci.h"
#include "vmm/pci_msi.h"

#define PCI_BARS 6u

/* How the guest has the device interrupt it; exactly one at a time. */
enum pci_irq {
	PCI_IRQ_NONE,	/* DisINTx, or no pin */
	PCI_IRQ_INTX,
	PCI_IRQ_MSI,
	PCI_IRQ_MSIX,
};

struct pci_function_ops {
	/* All return 0 or a negative errno. */
	int (*config_read)(void *host, unsigned int offset, void *data,
			   unsigned int size);
	int (*config_write)(void *host, unsigned int offset, const void *data,
			    unsigned int size);
	int (*region_read)(void *host, unsigned int bar, uint64_t offset,
			   void *data, unsigned int size);
	int (*region_write)(void *host, unsigned int bar, uint64_t offset,
			    const void *data, unsigned int size);
	/* Bytes of the BAR; 0: none. */
	uint64_t (*region_size)(void *host, unsigned int bar);
	/*
	 * [offset, offset + size) of the BAR stands at address in the guest
	 * from now on, or does no longer.  Whole pages without a trapped byte.
	 * A map() that fails leaves the bytes to region_read/write().
	 */
	void (*map)(void *host, unsigned int bar, uint64_t offset,
		    uint64_t size, uint64_t address);
	void (*unmap)(void *host, unsigned int bar, uint64_t address);
	/* Replaces what was before.  vectors: of MSI or MSI-X, else 0. */
	void (*irq)(void *host, enum pci_irq irq, unsigned int vectors);
	/* Only while MSI or MSI-X is on, vector < vectors. */
	void (*vector)(void *host, unsigned int vector,
		       const struct msi_vector *v);
	bool (*pending)(void *host, unsigned int vector);
	/* The guest is reset; irq() and unmap() have been called. */
	void (*reset)(void *host);
};

struct pci_function_config {
	struct pci_bus *bus;	/* for the windows */
	const struct pci_function_ops *ops;
	void *host;
	uint8_t gsi;		/* what firmware would write as Interrupt Line */
	bool hide_intx, hide_msi, hide_msix;
};

struct pci_bar {
	uint64_t size;		/* 0: none, or the high half of the one before */
	bool io;
	bool wide;		/* 64-bit */
	bool decoded;		/* the guest reaches it at address */
	uint64_t address;
};

struct pci_function {
	struct pci_device dev;
	struct pci_bus *bus;
	const struct pci_function_ops *ops;
	void *host;
	struct pci_config config;
	struct pci_config power_on;	/* config after a reset */
	bool live[PCI_CONFIG_SIZE];	/* the byte is the host's, both ways */
	struct pci_bar bar[PCI_BARS];
	unsigned int pm, msi, msix;	/* capabilities; 0: not shown */
	/* Trapped also when the capability is hidden: never the guest's. */
	struct msix_place table, pba;	/* size 0: no MSI-X */
	struct msix_entries entries;
	enum pci_irq irq;		/* what the host was told last … */
	unsigned int vectors;		/* … */
	uint32_t host_command;		/* …; UINT32_MAX: nothing yet */
	bool gone;			/* unplugged: reads give all ones */
};

/*
 * -ENOTSUP: not a type 0 header; -ENOSPC: no room for a BAR; else what
 * config_read() returned.  The caller holds the bus lock in all of these, or
 * is alone.
 */
int pci_function_init(struct pci_function *f,
		      const struct pci_function_config *config);
/* Power-on state; also the way to start. */
void pci_function_reset(struct pci_function *f);
/* Takes everything back from the host's side; after that no op is called. */
void pci_function_unplug(struct pci_function *f);
/* Interrupt Pin as the guest sees it: 0 none, 1 INTA … 4 INTD. */
unsigned int pci_function_pin(const struct pci_function *f);

#endif
