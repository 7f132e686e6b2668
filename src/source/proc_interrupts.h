/* SPDX-License-Identifier: Apache-2.0 */
/* What the host's kernel counts of a device's message interrupts. */
#ifndef SOURCE_PROC_INTERRUPTS_H
#define SOURCE_PROC_INTERRUPTS_H

#include <stdint.h>

/*
 * Interrupts that VFIO has taken for the MSI or MSI-X vectors that it has of
 * the device now, on all CPUs, since it has them.  path: /proc/interrupts.
 * -errno if it cannot be read.
 */
int64_t proc_interrupts_msi(const char *path, const char *address);

#endif
