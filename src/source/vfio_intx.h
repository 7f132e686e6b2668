/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A PCI device's INTx through VFIO: a level source.
 *
 * VFIO masks the host line as it signals the trigger (automask) and unmasks it
 * on our request: a write to an eventfd that the kernel acts on within the
 * write, or an ioctl.  Either looks at the line again: if it is still high the
 * trigger is signalled once more, without a host interrupt where the device
 * is masked through its Command register (PCI 2.3), with one where the host
 * interrupt is disabled (nointxmask=1, or an older device).  There, policy
 * unmask does what VFIO does for PCI 2.3: it reads the level before, and for a
 * high line leaves the host masked and signals the trigger itself.
 *
 * However it ends, the host line is given back: close disables INTx, and the
 * kernel does the same when the process dies, as it closes the device.
 */
#ifndef SOURCE_VFIO_INTX_H
#define SOURCE_VFIO_INTX_H

#include <stdatomic.h>

#include "source/input.h"
#include "source/vfio_device.h"

struct vfio_intx {
	struct input input;	/* first */
	struct vfio_device *dev;
	int trigger_fd, unmask_fd;
	atomic_bool unmask_by_ioctl;
	bool may_look;		/* policy unmask: sample looks anyhow, eoi never */
	atomic_bool looks;	/* before it unmasks: the host would fire again */
	atomic_bool gone;	/* the device: nothing is unmasked any more */
	bool enabled;		/* in VFIO; guarded by dev->irq_lock */
	/* An access failed: is it gone?  Called from any thread. */
	bool (*suspect)(void *opaque);
	void *opaque;
};

struct vfio_intx_config {
	struct input_config input;
	bool unmask_by_ioctl;
	bool (*suspect)(void *opaque);
	void *opaque;
};

/*
 * -ENODEV: the device has no INTx; -EEXIST: its INTx is forwarded already;
 * -EBUSY: the host interrupt is shared and the device cannot be masked by
 * itself.  Each with a sentence.
 */
int vfio_intx_open(struct vfio_intx *x, struct vfio_device *dev,
		   const struct vfio_intx_config *config);
void vfio_intx_close(struct vfio_intx *x);

/*
 * Around MSI and MSI-X, with dev->irq_lock held.  A line that is raised then
 * is answered by the guest as usual.
 */
void vfio_intx_suspend(struct vfio_intx *x);
int vfio_intx_resume(struct vfio_intx *x);

#endif
