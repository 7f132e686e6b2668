/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "lib/internal.h"
#include "source/error.h"

int irqfwd_vfio_open_beside(const char *address, struct irqfwd_vfio *beside,
			    struct irqfwd_vfio **out)
{
	struct irqfwd_vfio *dev = calloc(1, sizeof(*dev));
	int error;

	if (!dev)
		return errorf(-ENOMEM, "no memory for a device");
	error = vfio_device_open(&dev->dev, address,
				 beside ? &beside->dev : NULL);
	if (error) {
		free(dev);
		return error;
	}
	*out = dev;
	return 0;
}

int irqfwd_vfio_open(const char *address, struct irqfwd_vfio **out)
{
	return irqfwd_vfio_open_beside(address, NULL, out);
}

void irqfwd_vfio_close(struct irqfwd_vfio *dev)
{
	if (!dev)
		return;
	vfio_device_close(&dev->dev);
	free(dev);
}

int irqfwd_vfio_fd(const struct irqfwd_vfio *dev)
{
	return dev->dev.fd;
}

int irqfwd_vfio_region(struct irqfwd_vfio *dev, unsigned int index,
		       struct irqfwd_vfio_region *out)
{
	struct vfio_region region;
	int error = vfio_device_region(&dev->dev, index, &region);

	*out = (struct irqfwd_vfio_region){
		.offset = region.offset,
		.size = region.size,
		.can_read = region.can_read,
		.can_write = region.can_write,
		.can_map = region.can_map,
	};
	return error;
}

int irqfwd_vfio_config_read(struct irqfwd_vfio *dev, unsigned int offset,
			    void *data, unsigned int len)
{
	return vfio_device_config_read(&dev->dev, offset, data, len);
}

int irqfwd_vfio_config_write(struct irqfwd_vfio *dev, unsigned int offset,
			     const void *data, unsigned int len)
{
	return vfio_device_config_write(&dev->dev, offset, data, len);
}

int irqfwd_vfio_map_dma(struct irqfwd_vfio *dev, uint64_t iova, void *vaddr,
			uint64_t size)
{
	return vfio_dma_map(dev->dev.group->dma, iova, vaddr, size);
}

int irqfwd_vfio_unmap_dma(struct irqfwd_vfio *dev, uint64_t iova,
			  uint64_t size)
{
	return vfio_dma_unmap(dev->dev.group->dma, iova, size);
}

int irqfwd_vfio_reset(struct irqfwd_vfio *dev)
{
	return vfio_device_reset(&dev->dev);
}
