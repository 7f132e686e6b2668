/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the host tells about a device beside its interrupts: it wants the
 * device back (VFIO_PCI_REQ_IRQ_INDEX, again every ten seconds until it has
 * it), the device reported an uncorrectable error (VFIO_PCI_ERR_IRQ_INDEX,
 * PCIe AER), or the device does not answer any more.
 */
#ifndef SOURCE_VFIO_REQUEST_H
#define SOURCE_VFIO_REQUEST_H

#include "source/loop.h"
#include "source/vfio_device.h"

enum vfio_report {
	VFIO_REPORT_REQUESTED,
	VFIO_REPORT_ERROR,
	VFIO_REPORT_GONE,	/* once, and nothing after it */
};

typedef void vfio_report_fn(void *opaque, enum vfio_report report);

struct vfio_request {
	struct vfio_device *dev;
	struct loop *loop;
	vfio_report_fn *report;
	void *opaque;
	int request_fd, error_fd, check_fd;
	int request_watch, error_watch, check_watch;
	bool gone;		/* told; the listening thread's own */
};

/*
 * report is called from the listening thread.  A device without an index is
 * not asked for it: that is no error.  -errno with a sentence.
 */
int vfio_request_open(struct vfio_request *req, struct vfio_device *dev,
		      struct loop *loop, vfio_report_fn *report, void *opaque);
void vfio_request_close(struct vfio_request *req);

/*
 * An access failed: whether the device is gone, and then that is told soon, even
 * if it should answer again.  From any thread.
 */
bool vfio_request_check(struct vfio_request *req);

#endif
