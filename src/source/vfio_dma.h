/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device's DMA can reach: a VFIO container, or an I/O address space of
 * iommufd.  Several devices may share one; a mapping that two of them ask for
 * is made once.
 */
#ifndef SOURCE_VFIO_DMA_H
#define SOURCE_VFIO_DMA_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

struct vfio_dma;

struct vfio_dma_ops {
	/* 0 or -errno */
	int (*map)(struct vfio_dma *dma, uint64_t iova, void *vaddr,
		   uint64_t size);
	int (*unmap)(struct vfio_dma *dma, uint64_t iova, uint64_t size);
};

struct vfio_mapping {
	uint64_t iova, size;
	void *vaddr;
	unsigned int users;	/* map calls not yet undone */
};

struct vfio_dma {
	const struct vfio_dma_ops *ops;
	int fd;			/* of the container or of iommufd; owned */
	uint32_t space;		/* iommufd: id of the I/O address space */
	unsigned int users;	/* devices and groups; guarded by their owner */
	pthread_mutex_t lock;	/* of the mappings */
	struct vfio_mapping *mapping;
	size_t nr;
};

/* Takes fd over, also when it fails.  One user. */
int vfio_dma_new(struct vfio_dma **out, const struct vfio_dma_ops *ops, int fd);
void vfio_dma_get(struct vfio_dma *dma);

/* The last user's closes fd, and so takes every mapping away. */
void vfio_dma_put(struct vfio_dma *dma);

/* -errno with a sentence. */
int vfio_dma_map(struct vfio_dma *dma, uint64_t iova, void *vaddr,
		 uint64_t size);
int vfio_dma_unmap(struct vfio_dma *dma, uint64_t iova, uint64_t size);

#endif
