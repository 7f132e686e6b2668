/* SPDX-License-Identifier: Apache-2.0 */
/* For builds against kernel headers older than iommufd's. */
#include <errno.h>

#include "source/error.h"
#include "source/vfio_cdev.h"

int vfio_cdev_open(const char *address, struct vfio_dma *beside,
		   struct vfio_group **group)
{
	return errorf(-ENOENT, "%s: built without iommufd; build against "
		      "kernel headers of 6.6 or newer", address);
}
