/* SPDX-License-Identifier: Apache-2.0 */
#include "source/vfio_dma.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "source/error.h"

/* Of every vfio_dma's users: opening and closing devices is rare. */
static pthread_mutex_t users_lock = PTHREAD_MUTEX_INITIALIZER;

int vfio_dma_new(struct vfio_dma **out, const struct vfio_dma_ops *ops, int fd)
{
	struct vfio_dma *dma = calloc(1, sizeof(*dma));

	if (!dma) {
		close(fd);
		return errorf(-ENOMEM, "no memory for a VFIO container");
	}
	dma->ops = ops;
	dma->fd = fd;
	dma->users = 1;
	pthread_mutex_init(&dma->lock, NULL);
	*out = dma;
	return 0;
}

void vfio_dma_get(struct vfio_dma *dma)
{
	pthread_mutex_lock(&users_lock);
	dma->users++;
	pthread_mutex_unlock(&users_lock);
}

void vfio_dma_put(struct vfio_dma *dma)
{
	unsigned int left;

	pthread_mutex_lock(&users_lock);
	left = --dma->users;
	pthread_mutex_unlock(&users_lock);
	if (left)
		return;
	close(dma->fd);
	pthread_mutex_destroy(&dma->lock);
	free(dma->mapping);
	free(dma);
}

static struct vfio_mapping *find(struct vfio_dma *dma, uint64_t iova,
				 uint64_t size)
{
	for (size_t i = 0; i < dma->nr; i++)
		if (dma->mapping[i].iova == iova && dma->mapping[i].size == size)
			return &dma->mapping[i];
	return NULL;
}

static int map_error(int error, uint64_t iova, uint64_t size)
{
	if (error == -ENOMEM)
		return errorf(error, "cannot pin 0x%" PRIx64 " bytes of guest "
			      "memory for DMA: the limit of locked memory; "
			      "raise it (ulimit -l unlimited) or run as root",
			      size);
	if (error == -EEXIST)
		return errorf(error, "DMA addresses 0x%" PRIx64 "+0x%" PRIx64
			      " overlap a mapping that is there; unmap it first",
			      iova, size);
	if (error == -EINVAL)
		return errorf(error, "cannot map DMA addresses 0x%" PRIx64
			      "+0x%" PRIx64 "; address, size and memory must "
			      "be page-aligned and outside what the IOMMU "
			      "reserves", iova, size);
	return errorf(error, "cannot map DMA addresses 0x%" PRIx64 "+0x%" PRIx64
		      ": %s", iova, size, strerror(-error));
}

/* Locked. */
static int map_new(struct vfio_dma *dma, uint64_t iova, void *vaddr,
		   uint64_t size)
{
	struct vfio_mapping *grown;
	int error;

	grown = realloc(dma->mapping, (dma->nr + 1) * sizeof(*grown));
	if (!grown)
		return errorf(-ENOMEM, "no memory to note a DMA mapping");
	dma->mapping = grown;
	error = dma->ops->map(dma, iova, vaddr, size);
	if (error)
		return map_error(error, iova, size);
	dma->mapping[dma->nr++] = (struct vfio_mapping){ iova, size, vaddr, 1 };
	return 0;
}

int vfio_dma_map(struct vfio_dma *dma, uint64_t iova, void *vaddr,
		 uint64_t size)
{
	struct vfio_mapping *m;
	int error = 0;

	pthread_mutex_lock(&dma->lock);
	m = find(dma, iova, size);
	if (m && m->vaddr == vaddr)
		m->users++;
	else
		error = map_new(dma, iova, vaddr, size);
	pthread_mutex_unlock(&dma->lock);
	return error;
}

/* Locked. */
static int unmap_last(struct vfio_dma *dma, struct vfio_mapping *m)
{
	int error = dma->ops->unmap(dma, m->iova, m->size);

	if (error)
		return errorf(error, "cannot unmap DMA addresses 0x%" PRIx64
			      ": %s", m->iova, strerror(-error));
	*m = dma->mapping[--dma->nr];
	return 0;
}

int vfio_dma_unmap(struct vfio_dma *dma, uint64_t iova, uint64_t size)
{
	struct vfio_mapping *m;
	int error = 0;

	pthread_mutex_lock(&dma->lock);
	m = find(dma, iova, size);
	if (!m)
		error = errorf(-ENOENT, "DMA addresses 0x%" PRIx64 "+0x%" PRIx64
			       " were not mapped as one; unmap what was mapped",
			       iova, size);
	else if (m->users > 1)
		m->users--;
	else
		error = unmap_last(dma, m);
	pthread_mutex_unlock(&dma->lock);
	return error;
}
