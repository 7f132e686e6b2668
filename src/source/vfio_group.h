/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VFIO's group and container interface (Documentation/driver-api/vfio.rst), and
 * the IOMMU groups that this process has open, by whichever interface: devices
 * of one group reach the same memory, so they share it.
 */
#ifndef SOURCE_VFIO_GROUP_H
#define SOURCE_VFIO_GROUP_H

#include <sys/queue.h>

#include "source/vfio_dma.h"

struct vfio_group {
	LIST_ENTRY(vfio_group) link;
	unsigned int number, users;
	int fd;			/* -1: its devices are opened by their cdevs */
	struct vfio_dma *dma;	/* a user of it */
};

/*
 * Opens a group that this process does not have: sets fd and dma.  beside: what
 * dma must be, or NULL for a new one.
 */
typedef int vfio_group_opener(struct vfio_group *group, const char *address,
			      struct vfio_dma *beside);

/* A user's share of the group of address, which is opened if need be. */
int vfio_group_get(const char *address, struct vfio_dma *beside,
		   vfio_group_opener *opener, struct vfio_group **out);

/* The device's descriptor must be closed before. */
void vfio_group_put(struct vfio_group *group);

/*
 * beside: the container to join, or NULL for one of its own.  A device whose
 * group is open already joins that container.  Gives the device's descriptor,
 * and a user's share of *group; -errno with a sentence.
 */
int vfio_group_open(const char *address, struct vfio_dma *beside,
		    struct vfio_group **group);

#endif
