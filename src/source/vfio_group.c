/* SPDX-License-Identifier: Apache-2.0 */
#include "source/vfio_group.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "source/error.h"
#include "source/pci_sysfs.h"

#define CONTAINER	"/dev/vfio/vfio"

/* Every open group of this process, and their users. */
static LIST_HEAD(, vfio_group) groups = LIST_HEAD_INITIALIZER(groups);
static pthread_mutex_t groups_lock = PTHREAD_MUTEX_INITIALIZER;

static int map(struct vfio_dma *dma, uint64_t iova, void *vaddr, uint64_t size)
{
	struct vfio_iommu_type1_dma_map arg = {
		.argsz = sizeof(arg),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)vaddr,
		.iova = iova,
		.size = size,
	};

	return ioctl(dma->fd, VFIO_IOMMU_MAP_DMA, &arg) < 0 ? -errno : 0;
}

static int unmap(struct vfio_dma *dma, uint64_t iova, uint64_t size)
{
	struct vfio_iommu_type1_dma_unmap arg = {
		.argsz = sizeof(arg), .iova = iova, .size = size,
	};

	return ioctl(dma->fd, VFIO_IOMMU_UNMAP_DMA, &arg) < 0 ? -errno : 0;
}

static const struct vfio_dma_ops container_ops = { map, unmap };

static int open_error(const char *path, const char *address)
{
	if (errno == ENOENT)
		return errorf(-ENODEV, "%s is missing; load the module: "
			      "modprobe vfio-pci", path);
	if (errno == EACCES || errno == EPERM)
		return errorf(-EACCES, "no permission to open %s; run as root, "
			      "or give it to your user: chown $USER %s", path,
			      path);
	if (errno == EBUSY)
		return errorf(-EBUSY, "%s of %s is in use; another process has "
			      "the device (fuser -v %s)", path, address, path);
	return errorf(-errno, "cannot open %s: %m", path);
}

static int container_new(const char *address, struct vfio_dma **out)
{
	int fd = open(CONTAINER, O_RDWR | O_CLOEXEC), version;

	if (fd < 0)
		return open_error(CONTAINER, address);
	version = ioctl(fd, VFIO_GET_API_VERSION);
	if (version != VFIO_API_VERSION) {
		close(fd);
		return errorf(-ENOTSUP, "%s speaks version %d of VFIO, we "
			      "speak %d", CONTAINER, version, VFIO_API_VERSION);
	}
	return vfio_dma_new(out, &container_ops, fd);
}

static int set_iommu(int container)
{
	static const int types[] = { VFIO_TYPE1v2_IOMMU, VFIO_TYPE1_IOMMU };

	for (unsigned int i = 0; i < 2; i++) {
		if (ioctl(container, VFIO_CHECK_EXTENSION, types[i]) <= 0)
			continue;
		if (ioctl(container, VFIO_SET_IOMMU, types[i]) == 0)
			return 0;
		return -errno;
	}
	return -ENOTSUP;
}

static int join_error(int error, unsigned int number)
{
	if (error == -EPERM)
		return errorf(error, "the host's IOMMU does not remap "
			      "interrupts, so VFIO refuses group %u; enable "
			      "interrupt remapping, or, if you trust the "
			      "guest: echo 1 > /sys/module/vfio_iommu_type1/"
			      "parameters/allow_unsafe_interrupts", number);
	if (error == -ENOTSUP || error == -ENODEV)
		return errorf(-ENOTSUP, "VFIO has no IOMMU driver for group "
			      "%u; load it: modprobe vfio_iommu_type1", number);
	return errorf(error, "cannot put group %u into the container: %s",
		      number, strerror(-error));
}

/* first: the container has no group yet, and so no type. */
static int join(int group, unsigned int number, struct vfio_dma *dma,
		bool first)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	int error;

	if (ioctl(group, VFIO_GROUP_GET_STATUS, &status) < 0)
		return errorf(-errno, "cannot ask for the status of group %u: "
			      "%m", number);
	if (!(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		return pci_sysfs_group_not_viable("/sys", number);
	if (ioctl(group, VFIO_GROUP_SET_CONTAINER, &dma->fd) < 0)
		return join_error(-errno, number);
	error = first ? set_iommu(dma->fd) : 0;
	if (error) {
		ioctl(group, VFIO_GROUP_UNSET_CONTAINER);
		return join_error(error, number);
	}
	return 0;
}

/* Opens /dev/vfio/<number>. */
static int open_group(const char *address, unsigned int number)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/dev/vfio/%u", number);
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? open_error(path, address) : fd;
}

static int dma_get(const char *address, struct vfio_dma *beside,
		   struct vfio_dma **dma)
{
	if (!beside)
		return container_new(address, dma);
	if (beside->ops != &container_ops)
		return errorf(-EBUSY, "%s cannot be opened by its cdev, so it "
			      "cannot share an address space of iommufd; open "
			      "it by itself", address);
	vfio_dma_get(beside);
	*dma = beside;
	return 0;
}

static int open_by_container(struct vfio_group *group, const char *address,
			     struct vfio_dma *beside)
{
	int error = dma_get(address, beside, &group->dma);

	if (error)
		return error;
	error = group->fd = open_group(address, group->number);
	if (error < 0)
		goto put_dma;
	error = join(group->fd, group->number, group->dma, !beside);
	if (error)
		goto close_group;
	return 0;

close_group:
	close(group->fd);
put_dma:
	vfio_dma_put(group->dma);
	return error;
}

/* Locked. */
static int group_new(const char *address, unsigned int number,
		     struct vfio_dma *beside, vfio_group_opener *opener,
		     struct vfio_group **out)
{
	struct vfio_group *group = calloc(1, sizeof(*group));
	int error;

	if (!group)
		return errorf(-ENOMEM, "no memory for a VFIO group");
	*group = (struct vfio_group){ .number = number, .users = 1, .fd = -1 };
	error = opener(group, address, beside);
	if (error) {
		free(group);
		return error;
	}
	assert(group->dma);
	LIST_INSERT_HEAD(&groups, group, link);
	*out = group;
	return 0;
}

/* Locked. */
static int group_get(const char *address, unsigned int number,
		     struct vfio_dma *beside, vfio_group_opener *opener,
		     struct vfio_group **out)
{
	struct vfio_group *group;

	LIST_FOREACH(group, &groups, link) {
		if (group->number != number)
			continue;
		if (beside && beside != group->dma)
			return errorf(-EBUSY, "IOMMU group %u of %s is in "
				      "another container; all devices of a "
				      "group go to one", number, address);
		group->users++;
		*out = group;
		return 0;
	}
	return group_new(address, number, beside, opener, out);
}

int vfio_group_get(const char *address, struct vfio_dma *beside,
		   vfio_group_opener *opener, struct vfio_group **out)
{
	int number = pci_sysfs_group("/sys", address), error;

	if (number < 0)
		return number;
	pthread_mutex_lock(&groups_lock);
	error = group_get(address, (unsigned int)number, beside, opener, out);
	pthread_mutex_unlock(&groups_lock);
	return error;
}

void vfio_group_put(struct vfio_group *group)
{
	pthread_mutex_lock(&groups_lock);
	if (--group->users == 0) {
		LIST_REMOVE(group, link);
		if (group->fd >= 0)
			close(group->fd);
		vfio_dma_put(group->dma);
		free(group);
	}
	pthread_mutex_unlock(&groups_lock);
}

static int device_fd(struct vfio_group *group, const char *address)
{
	int fd;

	if (group->fd < 0)
		return errorf(-EBUSY, "IOMMU group %u of %s is in use by its "
			      "cdevs, and %s has none", group->number, address,
			      address);
	fd = ioctl(group->fd, VFIO_GROUP_GET_DEVICE_FD, address);
	if (fd < 0)
		return errorf(-errno, "VFIO does not give %s away: %m; see "
			      "the host's kernel log", address);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fd;
}

int vfio_group_open(const char *address, struct vfio_dma *beside,
		    struct vfio_group **group)
{
	int error = vfio_group_get(address, beside, open_by_container, group),
	    fd;

	if (error)
		return error;
	fd = device_fd(*group, address);
	if (fd < 0)
		vfio_group_put(*group);
	return fd;
}
