/* SPDX-License-Identifier: Apache-2.0 */
#include "source/vfio_device.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "source/error.h"
#include "source/vfio_cdev.h"
#include "source/vfio_intx.h"

/* By its cdev, or else by its group. */
static int open_fd(struct vfio_device *dev, struct vfio_device *beside)
{
	struct vfio_dma *dma = beside ? beside->group->dma : NULL;
	int fd = vfio_cdev_open(dev->address, dma, &dev->group);

	return fd == -ENOENT ? vfio_group_open(dev->address, dma, &dev->group)
			     : fd;
}

static int read_info(struct vfio_device *dev)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	struct vfio_region config;
	int error;

	if (ioctl(dev->fd, VFIO_DEVICE_GET_INFO, &info) < 0)
		return errorf(-errno, "VFIO says nothing about %s: %m",
			      dev->address);
	if (!(info.flags & VFIO_DEVICE_FLAGS_PCI))
		return errorf(-ENODEV, "%s is not a PCI device of VFIO; bind "
			      "it to vfio-pci", dev->address);
	dev->can_reset = info.flags & VFIO_DEVICE_FLAGS_RESET;
	error = vfio_device_region(dev, VFIO_PCI_CONFIG_REGION_INDEX, &config);
	dev->config_offset = config.offset;
	return error;
}

static void release(struct vfio_device *dev)
{
	close(dev->fd);
	vfio_group_put(dev->group);
}

int vfio_device_open(struct vfio_device *dev, const char *address,
		     struct vfio_device *beside)
{
	int error;

	memset(dev, 0, sizeof(*dev));
	error = pci_sysfs_address(address, dev->address);
	if (!error)
		error = pci_sysfs_check_driver("/sys", dev->address);
	if (error)
		return error;
	error = dev->fd = open_fd(dev, beside);
	if (error < 0)
		return error;
	error = read_info(dev);
	if (error) {
		release(dev);
		return error;
	}
	pthread_mutex_init(&dev->irq_lock, NULL);
	return 0;
}

void vfio_device_close(struct vfio_device *dev)
{
	release(dev);
	pthread_mutex_destroy(&dev->irq_lock);
}

int vfio_device_region(struct vfio_device *dev, unsigned int index,
		       struct vfio_region *out)
{
	struct vfio_region_info info = {
		.argsz = sizeof(info), .index = index,
	};

	memset(out, 0, sizeof(*out));
	if (ioctl(dev->fd, VFIO_DEVICE_GET_REGION_INFO, &info) < 0)
		return errorf(-errno, "%s has no region %u: %m", dev->address,
			      index);
	*out = (struct vfio_region){
		.offset = info.offset,
		.size = info.size,
		.can_read = info.flags & VFIO_REGION_INFO_FLAG_READ,
		.can_write = info.flags & VFIO_REGION_INFO_FLAG_WRITE,
		.can_map = info.flags & VFIO_REGION_INFO_FLAG_MMAP,
	};
	return 0;
}

int vfio_device_config_read(struct vfio_device *dev, unsigned int offset,
			    void *data, unsigned int len)
{
	ssize_t got = pread(dev->fd, data, len,
			    (off_t)(dev->config_offset + offset));

	if (got == (ssize_t)len)
		return 0;
	return errorf(got < 0 ? -errno : -EIO, "%s: cannot read %u bytes at "
		      "0x%x of configuration space", dev->address, len,
		      offset);
}

int vfio_device_config_write(struct vfio_device *dev, unsigned int offset,
			     const void *data, unsigned int len)
{
	ssize_t put = pwrite(dev->fd, data, len,
			     (off_t)(dev->config_offset + offset));

	if (put == (ssize_t)len)
		return 0;
	return errorf(put < 0 ? -errno : -EIO, "%s: cannot write %u bytes at "
		      "0x%x of configuration space", dev->address, len,
		      offset);
}

/*
 * The kernel saves the Command register, resets, and writes it back.  An unmask
 * between the two would be undone behind VFIO's back, which then takes the line
 * for unmasked for ever: so INTx is not there meanwhile, and begins afresh.
 */
int vfio_device_reset(struct vfio_device *dev)
{
	bool suspended;
	int error = 0;

	if (!dev->can_reset)
		return errorf(-ENOTTY, "%s cannot be reset by itself: no FLR, "
			      "no power management reset, not alone on its bus",
			      dev->address);
	pthread_mutex_lock(&dev->irq_lock);
	suspended = dev->intx && !dev->msi_enabled;
	if (suspended)
		vfio_intx_suspend(dev->intx);
	if (ioctl(dev->fd, VFIO_DEVICE_RESET) < 0)
		error = errorf(-errno, "cannot reset %s: %m", dev->address);
	if (suspended && vfio_intx_resume(dev->intx) && !error)
		error = errorf(-EIO, "%s: no INTx after its reset",
			       dev->address);
	pthread_mutex_unlock(&dev->irq_lock);
	return error;
}

/* The ids would not do: VFIO answers those itself (virtual functions lack them). */
bool vfio_device_is_gone(const struct vfio_device *dev)
{
	uint32_t class_revision = 0;
	ssize_t got = pread(dev->fd, &class_revision, sizeof(class_revision),
			    (off_t)(dev->config_offset + PCI_CLASS_REVISION));

	return got < 0 ? errno == ENODEV : class_revision == UINT32_MAX;
}
