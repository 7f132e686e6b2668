/* SPDX-License-Identifier: Apache-2.0 */
#include "source/vfio_request.h"

#include <errno.h>
#include <linux/vfio.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "source/error.h"
#include "source/vfio_irqs.h"

static bool take(int fd)
{
	uint64_t count;

	return read(fd, &count, sizeof(count)) == sizeof(count);
}

/* A device that was pulled out is told once, whoever noticed it first. */
static void tell(struct vfio_request *req, enum vfio_report report)
{
	if (req->gone)
		return;
	if (vfio_device_is_gone(req->dev))
		report = VFIO_REPORT_GONE;
	req->gone = report == VFIO_REPORT_GONE;
	req->report(req->opaque, report);
}

static void requested(void *opaque)
{
	struct vfio_request *req = opaque;

	if (take(req->request_fd))
		tell(req, VFIO_REPORT_REQUESTED);
}

static void failed(void *opaque)
{
	struct vfio_request *req = opaque;

	if (take(req->error_fd))
		tell(req, VFIO_REPORT_ERROR);
}

static void check(void *opaque)
{
	struct vfio_request *req = opaque;

	if (take(req->check_fd))
		tell(req, VFIO_REPORT_GONE);
}

/* index: -1 for an eventfd that only we signal. */
static int open_one(struct vfio_request *req, int index, loop_fn *fn, int *fd,
		    int *watch)
{
	int error;

	*fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (*fd < 0)
		return errorf(-errno, "%s: cannot make an eventfd: %m; raise "
			      "the limit of open files", req->dev->address);
	*watch = loop_add(req->loop, *fd, fn, req);
	if (*watch < 0)
		return *watch;
	if (index < 0 || !vfio_irqs_count(req->dev->fd, (unsigned int)index))
		return 0;
	error = vfio_irqs_set_triggers(req->dev->fd, (unsigned int)index, 0, 1,
				       fd);
	if (error)
		return errorf(error, "%s: VFIO does not tell us of removal and "
			      "errors: %s", req->dev->address,
			      strerror(-error));
	return 0;
}

static void close_one(struct vfio_request *req, int index, int fd, int watch)
{
	if (index >= 0 && vfio_irqs_count(req->dev->fd, (unsigned int)index))
		vfio_irqs_disable(req->dev->fd, (unsigned int)index);
	if (watch >= 0)
		loop_remove(req->loop, watch);
	if (fd >= 0)
		close(fd);
}

int vfio_request_open(struct vfio_request *req, struct vfio_device *dev,
		      struct loop *loop, vfio_report_fn *report, void *opaque)
{
	int error;

	*req = (struct vfio_request){
		.dev = dev, .loop = loop, .report = report, .opaque = opaque,
		.request_fd = -1, .error_fd = -1, .check_fd = -1,
		.request_watch = -1, .error_watch = -1, .check_watch = -1,
	};
	error = open_one(req, -1, check, &req->check_fd, &req->check_watch);
	if (!error)
		error = open_one(req, VFIO_PCI_REQ_IRQ_INDEX, requested,
				 &req->request_fd, &req->request_watch);
	if (!error)
		error = open_one(req, VFIO_PCI_ERR_IRQ_INDEX, failed,
				 &req->error_fd, &req->error_watch);
	if (error)
		vfio_request_close(req);
	return error;
}

void vfio_request_close(struct vfio_request *req)
{
	close_one(req, VFIO_PCI_ERR_IRQ_INDEX, req->error_fd, req->error_watch);
	close_one(req, VFIO_PCI_REQ_IRQ_INDEX, req->request_fd,
		  req->request_watch);
	close_one(req, -1, req->check_fd, req->check_watch);
}

bool vfio_request_check(struct vfio_request *req)
{
	uint64_t one = 1;

	if (!vfio_device_is_gone(req->dev))
		return false;
	/* EAGAIN: the count is full, and so it is signalled */
	return write(req->check_fd, &one, sizeof(one)) == sizeof(one) ||
	       errno == EAGAIN;
}
