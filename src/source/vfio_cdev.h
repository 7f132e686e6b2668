/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VFIO's character device for each device, with iommufd (Linux 6.6 and later;
 * Documentation/driver-api/vfio.rst, "VFIO Device cdev").  vfio_cdev_none.c
 * stands in where the kernel headers of the build have no iommufd.
 */
#ifndef SOURCE_VFIO_CDEV_H
#define SOURCE_VFIO_CDEV_H

#include "source/vfio_dma.h"

/*
 * beside: the address space to join, or NULL for one of its own.  Gives the
 * device's descriptor and a user's share of *dma.  -ENOENT: this host, or this
 * build, has no such interface for the device: take its group.
 */
int vfio_cdev_open(const char *address, struct vfio_dma *beside,
		   struct vfio_dma **dma);

#endif
