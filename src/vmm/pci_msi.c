/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/pci_msi.h"

#include <assert.h>
#include <linux/pci_regs.h>
#include <string.h>

/* ---- MSI ---------------------------------------------------------------- */

static uint32_t control(const struct pci_config *c, unsigned int cap)
{
	return pci_config_get(c, cap + PCI_MSI_FLAGS, 2);
}

static bool wide(const struct pci_config *c, unsigned int cap)
{
	return control(c, cap) & PCI_MSI_FLAGS_64BIT;
}

static unsigned int data_offset(const struct pci_config *c, unsigned int cap)
{
	return cap + (wide(c, cap) ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32);
}

/* 0: the vectors of this device cannot be masked one by one. */
static unsigned int mask_offset(const struct pci_config *c, unsigned int cap)
{
	if (!(control(c, cap) & PCI_MSI_FLAGS_MASKBIT))
		return 0;
	return cap + (wide(c, cap) ? PCI_MSI_MASK_64 : PCI_MSI_MASK_32);
}

unsigned int msi_pending_offset(const struct pci_config *c, unsigned int cap)
{
	unsigned int mask = mask_offset(c, cap);

	return mask ? mask + 4 : 0;
}

unsigned int msi_length(const struct pci_config *c, unsigned int cap)
{
	unsigned int pending = msi_pending_offset(c, cap);

	return (pending ? pending + 4 : data_offset(c, cap) + 2) - cap;
}

unsigned int msi_vectors(const struct pci_config *c, unsigned int cap)
{
	unsigned int log = (control(c, cap) & PCI_MSI_FLAGS_QMASK) >> 1;

	return 1u << (log > 5 ? 5 : log); /* 6 and 7 are reserved */
}

unsigned int msi_allowed(const struct pci_config *c, unsigned int cap)
{
	unsigned int log = (control(c, cap) & PCI_MSI_FLAGS_QSIZE) >> 4;
	unsigned int most = msi_vectors(c, cap);

	return 1u << log > most ? most : 1u << log;
}

static uint32_t vector_bits(const struct pci_config *c, unsigned int cap)
{
	unsigned int vectors = msi_vectors(c, cap);

	return vectors == 32 ? UINT32_MAX : (1u << vectors) - 1;
}

void msi_init(struct pci_config *c, unsigned int cap)
{
	const uint32_t writable = PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE;
	unsigned int mask = mask_offset(c, cap);

	pci_config_set(c, cap + PCI_MSI_FLAGS, 2, control(c, cap) & ~writable);
	pci_config_allow(c, cap + PCI_MSI_FLAGS, 2, writable);
	pci_config_set(c, cap + PCI_MSI_ADDRESS_LO, 4, 0);
	pci_config_allow(c, cap + PCI_MSI_ADDRESS_LO, 4, 0xfffffffc);
	if (wide(c, cap)) {
		pci_config_set(c, cap + PCI_MSI_ADDRESS_HI, 4, 0);
		pci_config_allow(c, cap + PCI_MSI_ADDRESS_HI, 4, UINT32_MAX);
	}
	pci_config_set(c, data_offset(c, cap), 2, 0);
	pci_config_allow(c, data_offset(c, cap), 2, 0xffff);
	if (!mask)
		return;
	pci_config_set(c, mask, 4, 0);
	pci_config_allow(c, mask, 4, vector_bits(c, cap));
	pci_config_set(c, mask + 4, 4, 0);
}

bool msi_enabled(const struct pci_config *c, unsigned int cap)
{
	return control(c, cap) & PCI_MSI_FLAGS_ENABLE;
}

/* 6.8.1.3: the device puts the vector's number into the low bits of the data.
 */
struct msi_vector msi_vector(const struct pci_config *c, unsigned int cap,
			     unsigned int vector)
{
	unsigned int mask = mask_offset(c, cap);
	struct msi_vector v = {
		.address = pci_config_get(c, cap + PCI_MSI_ADDRESS_LO, 4),
		.data = pci_config_get(c, data_offset(c, cap), 2),
	};

	assert(vector < msi_vectors(c, cap));
	if (wide(c, cap))
		v.address |=
			(uint64_t)pci_config_get(c, cap + PCI_MSI_ADDRESS_HI, 4)
			<< 32;
	v.data = (v.data & ~(msi_allowed(c, cap) - 1)) | vector;
	if (mask)
		v.masked = pci_config_get(c, mask, 4) & 1u << vector;
	return v;
}

/* ---- MSI-X -------------------------------------------------------------- */

void msix_init(struct pci_config *c, unsigned int cap)
{
	const uint32_t writable =
		PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL;

	pci_config_set(c, cap + PCI_MSIX_FLAGS, 2, control(c, cap) & ~writable);
	pci_config_allow(c, cap + PCI_MSIX_FLAGS, 2, writable);
}

bool msix_enabled(const struct pci_config *c, unsigned int cap)
{
	return control(c, cap) & PCI_MSIX_FLAGS_ENABLE;
}

bool msix_all_masked(const struct pci_config *c, unsigned int cap)
{
	return control(c, cap) & PCI_MSIX_FLAGS_MASKALL;
}

unsigned int msix_vectors(const struct pci_config *c, unsigned int cap)
{
	return (control(c, cap) & PCI_MSIX_FLAGS_QSIZE) + 1;
}

static struct msix_place place(const struct pci_config *c, unsigned int at,
			       uint64_t size)
{
	uint32_t value = pci_config_get(c, at, 4);

	return (struct msix_place){
		.bar = value & PCI_MSIX_TABLE_BIR,
		.offset = value & PCI_MSIX_TABLE_OFFSET,
		.size = size,
	};
}

struct msix_place msix_table(const struct pci_config *c, unsigned int cap)
{
	return place(c, cap + PCI_MSIX_TABLE,
		     (uint64_t)msix_vectors(c, cap) * MSIX_ENTRY_SIZE);
}

/* A bit for each vector, in whole quadwords. */
struct msix_place msix_pba(const struct pci_config *c, unsigned int cap)
{
	return place(c, cap + PCI_MSIX_PBA,
		     (msix_vectors(c, cap) + 63u) / 64u * 8u);
}

void msix_entries_reset(struct msix_entries *e)
{
	memset(e, 0, sizeof(*e));
	for (unsigned int i = 0; i < MSIX_VECTORS_MAX; i++)
		e->bytes[i][PCI_MSIX_ENTRY_VECTOR_CTRL] =
			PCI_MSIX_ENTRY_CTRL_MASKBIT;
}

/* Addresses are of whole dwords; of the control, the mask alone is kept. */
static uint8_t entry_writable(unsigned int byte)
{
	if (byte == PCI_MSIX_ENTRY_LOWER_ADDR)
		return 0xfc;
	if (byte < PCI_MSIX_ENTRY_VECTOR_CTRL)
		return 0xff;
	return byte == PCI_MSIX_ENTRY_VECTOR_CTRL ? PCI_MSIX_ENTRY_CTRL_MASKBIT
						  : 0;
}

uint64_t msix_entries_read(const struct msix_entries *e, uint64_t offset,
			   unsigned int size)
{
	uint64_t value = 0;

	assert(size <= 8 && offset + size <= sizeof(e->bytes));
	for (unsigned int i = 0; i < size; i++) {
		uint64_t at = offset + i;

		value |= (uint64_t)e->bytes[at / MSIX_ENTRY_SIZE]
					   [at % MSIX_ENTRY_SIZE]
			 << (8 * i);
	}
	return value;
}

void msix_entries_write(struct msix_entries *e, uint64_t offset,
			unsigned int size, uint64_t value)
{
	assert(size <= 8 && offset + size <= sizeof(e->bytes));
	for (unsigned int i = 0; i < size; i++) {
		uint64_t at = offset + i;

		e->bytes[at / MSIX_ENTRY_SIZE][at % MSIX_ENTRY_SIZE] =
			(uint8_t)(value >> (8 * i)) &
			entry_writable(at % MSIX_ENTRY_SIZE);
	}
}

struct msi_vector msix_vector(const struct msix_entries *e, unsigned int vector)
{
	uint64_t at = (uint64_t)vector * MSIX_ENTRY_SIZE;

	return (struct msi_vector){
		.address = msix_entries_read(e, at, 8),
		.data = (uint32_t)msix_entries_read(e, at + PCI_MSIX_ENTRY_DATA,
						    4),
		.masked = e->bytes[vector][PCI_MSIX_ENTRY_VECTOR_CTRL] &
			  PCI_MSIX_ENTRY_CTRL_MASKBIT,
	};
}
