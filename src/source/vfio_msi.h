/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device's MSI or MSI-X vectors through VFIO.  An unmasked vector's eventfd
 * goes straight to the backend, which injects without waking anybody here.  A
 * masked one keeps its signals in the eventfd's count: that is its pending bit,
 * and the backend finds the count when the vector is unmasked.
 *
 *   enabled   mask bit   host vector   eventfd goes to
 *   -------   --------   -----------   ---------------
 *   no        any        none          -
 *   yes       clear      armed         the backend
 *   yes       set        as it was     nobody: pending
 *
 * MSI-X vectors are armed when they are first unmasked, since drivers enable
 * whole tables and use a part; until then the device keeps them pending itself.
 * An MSI without mask bits cannot wait: MSI vectors are armed at once.
 */
#ifndef SOURCE_VFIO_MSI_H
#define SOURCE_VFIO_MSI_H

#include <stdbool.h>
#include <stdint.h>

#include "source/vfio_device.h"

/* Where the vectors go: a backend's message interrupts, each with a handle. */
struct vfio_msi_target {
	void *opaque;
	int (*add)(void *opaque);	/* handle or -errno */
	int (*set)(void *opaque, int handle, uint64_t address, uint32_t data);
	int (*attach)(void *opaque, int handle, int trigger_fd);
	void (*detach)(void *opaque, int handle);
	void (*remove)(void *opaque, int handle);	/* detaches as well */
};

struct vfio_msi_vector {
	uint64_t address;
	uint32_t data;
	bool masked;		/* what the guest set: kept while disabled */
	bool armed;		/* trigger_fd and handle are there */
	bool attached;		/* the backend reads trigger_fd */
	int trigger_fd, handle;
};

struct vfio_msi {
	struct vfio_device *dev;	/* its irq_lock guards all below */
	struct vfio_msi_target target;
	unsigned int index;	/* VFIO_PCI_MSI_… or VFIO_PCI_MSIX_IRQ_INDEX */
	unsigned int nr;	/* vectors that the device has */
	unsigned int enabled;	/* vectors that are enabled, 0: none */
	int64_t host_irqs;	/* of vectors given back, or -errno: not known */
	struct vfio_msi_vector *vector;
};

/* msix: MSI-X instead of MSI.  -ENODEV: the device has none. */
int vfio_msi_open(struct vfio_msi *m, struct vfio_device *dev, bool msix,
		  const struct vfio_msi_target *target);
void vfio_msi_close(struct vfio_msi *m);

/* 0 disables.  -ENOSPC: the host cannot give as many; -EBUSY: the other kind. */
int vfio_msi_enable(struct vfio_msi *m, unsigned int nr);
int vfio_msi_set(struct vfio_msi *m, unsigned int vector, uint64_t address,
		 uint32_t data, bool masked);
bool vfio_msi_pending(struct vfio_msi *m, unsigned int vector);

/*
 * Host interrupts for the vectors since open, as the host's kernel counts them:
 * one for each message of the device.  -errno: the host does not tell.
 */
int64_t vfio_msi_host_irqs(struct vfio_msi *m);

#endif
