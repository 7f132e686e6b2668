/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A PCI device that VFIO gives us: its descriptor, what it has, its
 * configuration space and its DMA.  Functions give -errno with a sentence and
 * may be called from any thread; close is the last.
 */
#ifndef SOURCE_VFIO_DEVICE_H
#define SOURCE_VFIO_DEVICE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "source/pci_sysfs.h"
#include "source/vfio_group.h"

struct vfio_intx;

struct vfio_device {
	char address[PCI_ADDRESS_SIZE];
	int fd;
	bool can_reset;
	uint64_t config_offset;	/* of configuration space in fd */
	struct vfio_group *group;	/* and what its DMA reaches */
	/*
	 * VFIO enables one kind of interrupt at a time.  While MSI or MSI-X is
	 * enabled, INTx is suspended, as on the bare device.
	 */
	pthread_mutex_t irq_lock;
	struct vfio_intx *intx;	/* attached, or NULL */
	bool msi_enabled;
};

struct vfio_region {
	uint64_t offset, size;
	bool can_read, can_write, can_map;
};

/* beside: a device whose container to share, or NULL for one of its own. */
int vfio_device_open(struct vfio_device *dev, const char *address,
		     struct vfio_device *beside);
void vfio_device_close(struct vfio_device *dev);

int vfio_device_region(struct vfio_device *dev, unsigned int index,
		       struct vfio_region *out);
int vfio_device_config_read(struct vfio_device *dev, unsigned int offset,
			    void *data, unsigned int len);
int vfio_device_config_write(struct vfio_device *dev, unsigned int offset,
			     const void *data, unsigned int len);

/* -ENOTTY: the device cannot be reset. */
int vfio_device_reset(struct vfio_device *dev);

/* Reads of a device that was pulled out give all ones. */
bool vfio_device_is_gone(const struct vfio_device *dev);

#endif
