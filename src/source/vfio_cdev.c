/* SPDX-License-Identifier: Apache-2.0 */
#include "source/vfio_cdev.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/iommufd.h>
#include <linux/vfio.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "source/error.h"
#include "source/pci_sysfs.h"

#define IOMMUFD		"/dev/iommu"

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

/* Permission may have been given for the other interface. */
static int no_permission(const char *path, unsigned int number)
{
	char group[32];

	snprintf(group, sizeof(group), "/dev/vfio/%u", number);
	if (!faccessat(AT_FDCWD, group, R_OK | W_OK, AT_EACCESS))
		return -ENOENT;
	return errorf(-EACCES, "no permission to open %s; run as root, or "
		      "give it to your user: chown $USER %s", path, path);
}

static int space_new(unsigned int number, struct vfio_dma **out)
{
	struct iommu_ioas_alloc arg = { .size = sizeof(arg) };
	int fd = open(IOMMUFD, O_RDWR | O_CLOEXEC), error;

	if (fd < 0 && errno == EACCES)
		return no_permission(IOMMUFD, number);
	if (fd < 0)
		return -ENOENT;
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

static int open_by_iommufd(struct vfio_group *group, const char *address,
			   struct vfio_dma *beside)
{
	if (!beside)
		return space_new(group->number, &group->dma);
	if (beside->ops != &iommufd_ops)
		return -ENOENT;
	vfio_dma_get(beside);
	group->dma = beside;
	return 0;
}

/* -EINVAL: a descriptor of this very device is bound already. */
static int bind_error(int error, const char *address, unsigned int number)
{
	if ((error == -EPERM || error == -EBUSY) &&
	    !pci_sysfs_group_is_viable("/sys", number))
		return pci_sysfs_group_not_viable("/sys", number);
	if (error == -EPERM)
		return errorf(error, "iommufd refuses %s: another process has "
			      "a device of its IOMMU group %u (fuser -v "
			      "/dev/vfio/devices/*), or the host's IOMMU does "
			      "not remap interrupts; enable interrupt "
			      "remapping, or, if you trust the guest: echo 1 > "
			      "/sys/module/iommufd/parameters/"
			      "allow_unsafe_interrupts", address, number);
	if (error == -EBUSY || error == -EINVAL)
		return errorf(-EBUSY, "%s or another device of its IOMMU group "
			      "%u is in use (fuser -v /dev/vfio/%u "
			      "/dev/vfio/devices/*)", address, number, number);
	return errorf(error, "iommufd refuses %s: %s; see the host's kernel "
		      "log", address, strerror(-error));
}

static int bind_to(struct vfio_group *group, int fd, const char *address)
{
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind), .iommufd = group->dma->fd,
	};
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach), .pt_id = group->dma->space,
	};

	if (ioctl(fd, VFIO_DEVICE_BIND_IOMMUFD, &bind) < 0)
		return bind_error(-errno, address, group->number);
	if (ioctl(fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach) < 0)
		return errorf(-errno, "iommufd cannot attach %s to an address "
			      "space: %m; see the host's kernel log", address);
	return 0;
}

static int open_cdev(const char *name, unsigned int number)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/vfio/devices/%s", name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 && errno == EACCES)
		return no_permission(path, number);
	return fd < 0 ? -ENOENT : fd;
}

/* The group's own descriptor: it was opened by a container. */
static bool is_container(const struct vfio_group *group)
{
	return group->fd >= 0;
}

int vfio_cdev_open(const char *address, struct vfio_dma *beside,
		   struct vfio_group **group)
{
	char name[32];
	int fd, error;

	if (pci_sysfs_cdev("/sys", address, name, sizeof(name)) < 0)
		return -ENOENT;
	error = vfio_group_get(address, beside, open_by_iommufd, group);
	if (error)
		return error;
	error = fd = is_container(*group) ? -ENOENT :
		     open_cdev(name, (*group)->number);
	if (fd < 0)
		goto put_group;
	error = bind_to(*group, fd, address);
	if (error)
		goto close_device;
	return fd;

close_device:
	close(fd);
put_group:
	vfio_group_put(*group);
	return error;
}
