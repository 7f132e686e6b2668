/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/internal.h"
#include "source/error.h"

static int target_add(void *opaque)
{
	return kvm_split_msi_new(opaque);
}

static int target_set(void *opaque, int handle, uint64_t address,
		      uint32_t data)
{
	return kvm_split_msi_set(opaque, handle, address, data);
}

static int target_attach(void *opaque, int handle, int trigger_fd)
{
	return kvm_split_msi_attach(opaque, handle, trigger_fd);
}

static void target_detach(void *opaque, int handle)
{
	kvm_split_msi_detach(opaque, handle);
}

static void target_remove(void *opaque, int handle)
{
	kvm_split_msi_free(opaque, handle);
}

void irqfwd_close_msi(struct irqfwd_msi *msi)
{
	struct irqfwd *fwd = msi->object.fwd;
	struct irqfwd_stats row;

	if (msi->gone.listed)
		return;
	/* Disabled first, so that the count is the last. */
	vfio_msi_enable(&msi->vectors, 0);
	row = stats_msi_row(msi);
	pthread_mutex_lock(&fwd->lock);
	LIST_REMOVE(msi, link);
	gone_list(fwd, &msi->gone, &row);
	pthread_mutex_unlock(&fwd->lock);
	vfio_msi_close(&msi->vectors);
}

static void remove_msi(struct object *object)
{
	struct irqfwd_msi *msi = (struct irqfwd_msi *)object;

	irqfwd_close_msi(msi);
	pthread_mutex_lock(&object->fwd->lock);
	gone_forget(&msi->gone);
	pthread_mutex_unlock(&object->fwd->lock);
	object_forget(object);
	free(msi);
}

int irqfwd_add_vfio_msi(struct irqfwd *fwd, struct irqfwd_vfio *dev,
			enum irqfwd_msi_kind kind, const char *name,
			struct irqfwd_msi **out)
{
	const struct vfio_msi_target target = {
		.opaque = fwd->split,
		.add = target_add,
		.set = target_set,
		.attach = target_attach,
		.detach = target_detach,
		.remove = target_remove,
	};
	struct irqfwd_msi *msi = calloc(1, sizeof(*msi));
	int error;

	if (!msi)
		return errorf(-ENOMEM, "no memory for a forward");
	snprintf(msi->name, sizeof(msi->name), "%s",
		 name ? name : dev->dev.address);
	error = vfio_msi_open(&msi->vectors, &dev->dev, kind == IRQFWD_MSIX,
			      &target);
	if (error) {
		free(msi);
		return error;
	}
	pthread_mutex_lock(&fwd->lock);
	LIST_INSERT_HEAD(&fwd->msis, msi, link);
	pthread_mutex_unlock(&fwd->lock);
	object_add(fwd, &msi->object, remove_msi);
	*out = msi;
	return 0;
}

unsigned int irqfwd_msi_vectors(const struct irqfwd_msi *msi)
{
	return msi->vectors.nr;
}

int irqfwd_msi_enable(struct irqfwd_msi *msi, unsigned int nr)
{
	return vfio_msi_enable(&msi->vectors, nr);
}

int irqfwd_msi_set(struct irqfwd_msi *msi, unsigned int vector,
		   uint64_t address, uint32_t data, bool masked)
{
	return vfio_msi_set(&msi->vectors, vector, address, data, masked);
}

bool irqfwd_msi_pending(struct irqfwd_msi *msi, unsigned int vector)
{
	return vfio_msi_pending(&msi->vectors, vector);
}

void irqfwd_remove_msi(struct irqfwd_msi *msi)
{
	if (msi)
		remove_msi(&msi->object);
}
