/* SPDX-License-Identifier: Apache-2.0 */
/* ACPI tables: which CPUs, which IOAPIC, which power management registers. */
#ifndef VMM_ACPI_H
#define VMM_ACPI_H

#include "vmm/memory.h"

/* Writes them at MEMORY_BIOS; returns the address of the RSDP. */
uint64_t acpi_write(const struct memory *mem, unsigned int cpus);

#endif
