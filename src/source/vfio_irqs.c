/* SPDX-License-Identifier: Apache-2.0 */
#include "source/vfio_irqs.h"

#include <errno.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

unsigned int vfio_irqs_count(int device, unsigned int index)
{
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = index };

	if (ioctl(device, VFIO_DEVICE_GET_IRQ_INFO, &info) < 0)
		return 0;
	return info.count;
}

int vfio_irqs_set_triggers(int device, unsigned int index, unsigned int start,
			   unsigned int nr, const int *fds)
{
	size_t size = sizeof(struct vfio_irq_set) + nr * sizeof(*fds);
	struct vfio_irq_set *set = calloc(1, size);
	int result;

	if (!set)
		return -ENOMEM;
	set->argsz = (unsigned int)size;
	set->flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
	set->index = index;
	set->start = start;
	set->count = nr;
	memcpy(set->data, fds, nr * sizeof(*fds));
	result = ioctl(device, VFIO_DEVICE_SET_IRQS, set);
	if (result < 0)
		result = -errno;
	free(set);
	return result;
}

void vfio_irqs_disable(int device, unsigned int index)
{
	struct vfio_irq_set set = {
		.argsz = sizeof(set),
		.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = index,
	};

	ioctl(device, VFIO_DEVICE_SET_IRQS, &set);
}

int vfio_irqs_set_unmask_fd(int device, unsigned int index, int fd)
{
	_Alignas(struct vfio_irq_set)
	unsigned char arg[sizeof(struct vfio_irq_set) + sizeof(fd)];
	struct vfio_irq_set *set = (struct vfio_irq_set *)arg;

	*set = (struct vfio_irq_set){
		.argsz = sizeof(arg),
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK,
		.index = index,
		.count = 1,
	};
	memcpy(set->data, &fd, sizeof(fd));
	return ioctl(device, VFIO_DEVICE_SET_IRQS, set) < 0 ? -errno : 0;
}

int vfio_irqs_unmask(int device, unsigned int index)
{
	struct vfio_irq_set set = {
		.argsz = sizeof(set),
		.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK,
		.index = index,
		.count = 1,
	};

	return ioctl(device, VFIO_DEVICE_SET_IRQS, &set) < 0 ? -errno : 0;
}
