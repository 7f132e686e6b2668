/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VFIO_DEVICE_GET_IRQ_INFO and VFIO_DEVICE_SET_IRQS, one function for each use
 * (linux/vfio.h).  index: VFIO_PCI_…_IRQ_INDEX.  0 or -errno, no sentence: the
 * caller knows what for.
 */
#ifndef SOURCE_VFIO_IRQS_H
#define SOURCE_VFIO_IRQS_H

/* How many interrupts the index has: 0 where the device lacks it. */
unsigned int vfio_irqs_count(int device, unsigned int index);

/*
 * Enables interrupts start … start + nr - 1, each with its eventfd (-1: none).
 * Positive: MSI and MSI-X only, that many the host could give.
 */
int vfio_irqs_set_triggers(int device, unsigned int index, unsigned int start,
			   unsigned int nr, const int *fds);

/* Disables the whole index: host interrupts are freed, and so unmasked. */
void vfio_irqs_disable(int device, unsigned int index);

/* INTx: a signal of fd unmasks, without a system call other than the write. */
int vfio_irqs_set_unmask_fd(int device, unsigned int index, int fd);
int vfio_irqs_unmask(int device, unsigned int index);

#endif
