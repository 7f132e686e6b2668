/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VFIO's group and container interface (Documentation/driver-api/vfio.rst).
 * A group can be opened once in a system, so devices of one group share it.
 */
#ifndef SOURCE_VFIO_GROUP_H
#define SOURCE_VFIO_GROUP_H

#include "source/vfio_dma.h"

struct vfio_group;

/*
 * beside: the container to join, or NULL for one of its own.  A device whose
 * group is open already joins that container.  Gives the device's descriptor,
 * a user's share of *dma and of *group; -errno with a sentence.
 */
int vfio_group_open(const char *address, struct vfio_dma *beside,
		    struct vfio_group **group, struct vfio_dma **dma);

/* The device's descriptor must be closed before. */
void vfio_group_put(struct vfio_group *group);

#endif
