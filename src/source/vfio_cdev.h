/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VFIO's character device for each device, with iommufd (Linux 6.6 and later;
 * Documentation/driver-api/vfio.rst, "VFIO Device cdev").  vfio_cdev_none.c
 * stands in where the kernel headers of the build have no iommufd.
 */
#ifndef SOURCE_VFIO_CDEV_H
#define SOURCE_VFIO_CDEV_H

#include "source/vfio_group.h"

/*
 * As vfio_group_open().  -ENOENT: this host, or this build, has no such
 * interface for the device, or others use its group: open the group.
 */
int vfio_cdev_open(const char *address, struct vfio_dma *beside,
		   struct vfio_group **group);

#endif
