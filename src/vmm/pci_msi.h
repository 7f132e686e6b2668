/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registers of the MSI and MSI-X capabilities as a guest sees them.  Pure:
 * what is enabled and masked is read off the bytes, nothing is kept beside.
 * PCI 3.0, 6.8.1 (MSI) and 6.8.2 (MSI-X).
 */
#ifndef VMM_PCI_MSI_H
#define VMM_PCI_MSI_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/pci.h"

#define MSIX_VECTORS_MAX 2048u
#define MSIX_ENTRY_SIZE	 16u

/* What one vector sends, if it may. */
struct msi_vector {
	uint64_t address;
	uint32_t data;
	bool masked;
};

/* cap: the capability's offset; the bytes hold what the device has. */
unsigned int msi_length(const struct pci_config *c, unsigned int cap);
/* Disabled, without a message, with the bits writable that a guest may set. */
void msi_init(struct pci_config *c, unsigned int cap);
bool msi_enabled(const struct pci_config *c, unsigned int cap);
/* The most that the device can send, and what the guest has allowed it. */
unsigned int msi_vectors(const struct pci_config *c, unsigned int cap);
unsigned int msi_allowed(const struct pci_config *c, unsigned int cap);
struct msi_vector msi_vector(const struct pci_config *c, unsigned int cap,
			     unsigned int vector);
/* Offset of the dword of pending bits; 0: there is none. */
unsigned int msi_pending_offset(const struct pci_config *c, unsigned int cap);

/* Where a table stands in the device: bytes of a BAR. */
struct msix_place {
	unsigned int bar;
	uint64_t offset;
	uint64_t size;
};

#define MSIX_LENGTH 12u

void msix_init(struct pci_config *c, unsigned int cap);
bool msix_enabled(const struct pci_config *c, unsigned int cap);
bool msix_all_masked(const struct pci_config *c, unsigned int cap);
unsigned int msix_vectors(const struct pci_config *c, unsigned int cap);
struct msix_place msix_table(const struct pci_config *c, unsigned int cap);
struct msix_place msix_pba(const struct pci_config *c, unsigned int cap);

/* The table, as bytes: what a guest may read and write of any size. */
struct msix_entries {
	uint8_t bytes[MSIX_VECTORS_MAX][MSIX_ENTRY_SIZE];
};

/* Power-on: everything masked. */
void msix_entries_reset(struct msix_entries *e);
/* Inside vectors entries: offset + size <= vectors * MSIX_ENTRY_SIZE. */
uint64_t msix_entries_read(const struct msix_entries *e, uint64_t offset,
			   unsigned int size);
void msix_entries_write(struct msix_entries *e, uint64_t offset,
			unsigned int size, uint64_t value);
/* Without regard to the mask of the whole function. */
struct msi_vector msix_vector(const struct msix_entries *e,
			      unsigned int vector);

#endif
