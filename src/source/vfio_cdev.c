/* SPDX-License-Identifier: Apache-2.0 */
#include "source/vfio_cdev.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/iommufd.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "source/error.h"
#include "source/pci_sysfs.h"

static int map(struct vfio_dma *dma, uint64_t iova, void *vaddr, uint64_t size)
{
	struct iommu_ioas_map arg = {
		.size = sizeof(arg),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.ioas_id = dma->space,
		.user_va = (uintptr_t)vaddr,
		.length = size,
		.iova = iova,
	};

	return ioctl(dma->fd, IOMMU_IOAS_MAP, &arg) < 0 ? -errno : 0;
}

static int unmap(struct vfio_dma *dma, uint64_t iova, uint64_t size)
{
	struct iommu_ioas_unmap arg = {
		.size = sizeof(arg), .ioas_id = dma->space, .iova = iova,
		.length = size,
	};

	return ioctl(dma->fd, IOMMU_IOAS_UNMAP, &arg) < 0 ? -errno : 0;
}

static const struct vfio_dma_ops iommufd_ops = { map, unmap };

static int space_new(struct vfio_dma **out)
{
	struct iommu_ioas_alloc arg = { .size = sizeof(arg) };
	int fd = open("/dev/iommu", O_RDWR | O_CLOEXEC), error;

	if (fd < 0 && errno == EACCES)
		return errorf(-EACCES, "no permission to open /dev/iommu; run "
			      "as root, or give it to your user");
	if (fd < 0)
		return errorf(-ENOENT, "/dev/iommu: %m");
	error = vfio_dma_new(out, &iommufd_ops, fd);
	if (error)
		return error;
	if (ioctl(fd, IOMMU_IOAS_ALLOC, &arg) < 0) {
		error = errorf(-errno, "iommufd has no address space to give: "
			       "%m");
		vfio_dma_put(*out);
		return error;
	}
	(*out)->space = arg.out_ioas_id;
	return 0;
}

/* A container of the group interface cannot be joined from here. */
static int space_get(struct vfio_dma *beside, struct vfio_dma **dma)
{
	if (!beside)
		return space_new(dma);
	if (beside->ops != &iommufd_ops)
		return -ENOENT;
	vfio_dma_get(beside);
	*dma = beside;
	return 0;
}

static int bind_error(const char *address)
{
	if (errno == EPERM)
		return errorf(-EPERM, "iommufd refuses %s: a device of its "
			      "group is held by a host driver, or the IOMMU "
			      "does not remap interrupts (then, if you trust "
			      "the guest: modprobe iommufd "
			      "allow_unsafe_interrupts=1)", address);
	if (errno == ENODEV || errno == EOPNOTSUPP)
		return errorf(-ENOTSUP, "%s is behind no IOMMU: %m; turn it "
			      "on in the firmware and on the host's command "
			      "line", address);
	return errorf(-errno, "iommufd refuses %s: %m", address);
}

static int bind(int fd, const char *address, struct vfio_dma *dma)
{
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind), .iommufd = dma->fd,
	};
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach), .pt_id = dma->space,
	};

	if (ioctl(fd, VFIO_DEVICE_BIND_IOMMUFD, &bind) < 0 ||
	    ioctl(fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach) < 0)
		return bind_error(address);
	return 0;
}

static int open_cdev(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0 && errno == EACCES)
		return errorf(-EACCES, "no permission to open %s; run as "
			      "root, or give it to your user", path);
	if (fd < 0 && errno == EBUSY)
		return errorf(-EBUSY, "%s is in use by another process", path);
	return fd < 0 ? errorf(-ENOENT, "%s: %m", path) : fd;
}

int vfio_cdev_open(const char *address, struct vfio_dma *beside,
		   struct vfio_dma **dma)
{
	char name[32], path[64];
	int fd, error;

	if (pci_sysfs_cdev("/sys", address, name, sizeof(name)) < 0)
		return -ENOENT;
	snprintf(path, sizeof(path), "/dev/vfio/devices/%s", name);
	fd = open_cdev(path);
	if (fd < 0)
		return fd;
	error = space_get(beside, dma);
	if (error)
		goto close_device;
	error = bind(fd, address, *dma);
	if (error)
		goto put_dma;
	return fd;

put_dma:
	vfio_dma_put(*dma);
close_device:
	close(fd);
	return error;
}
