/* SPDX-License-Identifier: Apache-2.0 */
#include "source/vfio_intx.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "source/error.h"
#include "source/vfio_irqs.h"

static struct vfio_intx *intx_of(struct source *src)
{
	return (struct vfio_intx *)input_of(src);
}

/* An access failed. */
static void suspect(struct vfio_intx *x)
{
	if (x->suspect(x->opaque))
		atomic_store(&x->gone, true);
}

/*
 * Interrupt Status says what the device asserts, masked or not (PCI 3.0,
 * 6.2.3).  Devices older than PCI 2.3 leave it 0: read as low it costs them the
 * read and nothing else, since low means that the host looks again.
 */
static enum forward_level sample(struct source *src)
{
	struct vfio_intx *x = intx_of(src);
	uint16_t status;
	ssize_t got = pread(x->dev->fd, &status, sizeof(status),
			    (off_t)(x->dev->config_offset + PCI_STATUS));

	if (got != sizeof(status) || status == 0xffff) {
		suspect(x);
		return FORWARD_LEVEL_UNKNOWN;
	}
	return status & PCI_STATUS_INTERRUPT ? FORWARD_LEVEL_HIGH
					     : FORWARD_LEVEL_LOW;
}

static void signal_fd(int fd)
{
	uint64_t one = 1;

	/* EAGAIN: the count is full, and so it is signalled */
	if (write(fd, &one, sizeof(one)) < 0)
		return;
}

/*
 * Called from vCPU threads.  The eventfd way takes no lock that VFIO holds
 * while it sleeps; the ioctl waits for others that set up interrupts.  Of a
 * device that is gone VFIO would read ones, and so find its line high.
 */
static void resample(struct source *src)
{
	struct vfio_intx *x = intx_of(src);

	if (atomic_load(&x->looks) && sample(src) == FORWARD_LEVEL_HIGH) {
		signal_fd(x->trigger_fd);
	} else if (atomic_load(&x->gone)) {
		return;
	} else if (!atomic_load(&x->unmask_by_ioctl)) {
		signal_fd(x->unmask_fd);
	} else if (vfio_irqs_unmask(x->dev->fd, VFIO_PCI_INTX_IRQ_INDEX) ==
		   -ENODEV) {
		suspect(x);
	}
}

static const struct source_ops intx_ops = {
	.drain = input_drain,
	.resample = resample,
	.sample = sample,
	.throttle = input_throttle,
};

static int enable_error(const struct vfio_intx *x, int error)
{
	const char *address = x->dev->address;
	const char *irq = x->input.source.host_irq;

	if (error == -EBUSY)
		return errorf(error, "INTx of %s: host interrupt %s is shared "
			      "with another driver, and VFIO cannot mask %s by "
			      "itself (older than PCI 2.3, or vfio-pci has "
			      "nointxmask=1); unbind the other devices of "
			      "interrupt %s (/proc/interrupts names their "
			      "drivers), or use MSI", address, irq, address,
			      irq);
	if (error == -ENODEV || error == -ENOTCONN)
		return errorf(-ENODEV, "INTx of %s is not connected to the "
			      "host's interrupt controller; use MSI", address);
	return errorf(error, "cannot enable INTx of %s: %s", address,
		      strerror(-error));
}

static int eventfd_error(const struct vfio_intx *x)
{
	return errorf(-errno, "INTx of %s: cannot make an eventfd: %m; raise "
		      "the limit of open files", x->dev->address);
}

/* What was signalled before is void. */
static void forget(int eventfd)
{
	uint64_t count;

	if (read(eventfd, &count, sizeof(count)) < 0)
		return;
}

/* Locked. */
static int set_trigger(struct vfio_intx *x, int fd)
{
	return vfio_irqs_set_triggers(x->dev->fd, VFIO_PCI_INTX_IRQ_INDEX, 0, 1,
				      &fd);
}

static bool is_signalled(int eventfd)
{
	struct pollfd fd = { .fd = eventfd, .events = POLLIN };

	return poll(&fd, 1, 0) == 1;
}

/*
 * Locked; masks INTx, whose trigger is `first`.  True: unmask it.  False: it
 * fired meanwhile, and is as after any trigger, or fresh and not enabled.
 *
 * Where VFIO disables the host's interrupt a mask may meet the handler of one
 * that has just come: each of them disables it, one unmask enables it, and from
 * then on the line is dead, though VFIO calls it unmasked.  So the mask is
 * believed only if no handler ran: to set the trigger again waits for one that
 * does, and none begins after the mask.  Else INTx begins anew.
 */
static bool mask_first(struct vfio_intx *x, int first)
{
	int fd = x->dev->fd;
	int by_device;

	if (vfio_irqs_mask(fd, VFIO_PCI_INTX_IRQ_INDEX) < 0)
		return false;
	by_device = pci_sysfs_disintx("/sys", x->dev->address);
	atomic_store(&x->looks, x->may_look && by_device == 0);
	set_trigger(x, first);
	if (!is_signalled(first))
		return true;
	if (by_device != 1) {
		vfio_irqs_disable(fd, VFIO_PCI_INTX_IRQ_INDEX);
		forget(first);
	}
	return false;
}

/*
 * Locked.  Masks and unmasks once, for two reasons.  VFIO does not tell how it
 * masks, but the device does.  And a line that is high before the host's irqchip
 * has its pin set up may be latched nowhere (QEMU's IOAPIC forgets it), and then
 * never fires: as VFIO unmasks it looks at the line itself.
 *
 * Until then `first` is the trigger, which nobody else reads.
 */
static int enable_trigger(struct vfio_intx *x, int first)
{
	int error = set_trigger(x, first);
	bool unmask;

	if (error)
		return error;
	unmask = mask_first(x, first);
	error = set_trigger(x, x->trigger_fd);
	if (error) {
		vfio_irqs_disable(x->dev->fd, VFIO_PCI_INTX_IRQ_INDEX);
		return error;
	}
	if (unmask)
		vfio_irqs_unmask(x->dev->fd, VFIO_PCI_INTX_IRQ_INDEX);
	/* Before the mask, or since a guest's unmask by ioctl that came between. */
	if (is_signalled(first))
		signal_fd(x->trigger_fd);
	return 0;
}

/*
 * Locked.  The trigger first: VFIO has an unmask eventfd only for an enabled
 * INTx.  An unmask that is requested between the two stays in the count, and
 * VFIO takes it as it attaches.
 */
static int enable(struct vfio_intx *x)
{
	int first = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	int fd = x->dev->fd;
	int error;

	if (first < 0)
		return eventfd_error(x);
	/* Older kernels leave unmasks in the count, and act on it as they attach. */
	forget(x->unmask_fd);
	error = enable_trigger(x, first);
	close(first);
	if (error)
		return enable_error(x, error);
	x->enabled = true;
	if (!atomic_load(&x->unmask_by_ioctl) &&
	    vfio_irqs_set_unmask_fd(fd, VFIO_PCI_INTX_IRQ_INDEX,
				    x->unmask_fd) < 0) {
		atomic_store(&x->unmask_by_ioctl, true);
		/* What was requested meanwhile; idempotent. */
		vfio_irqs_unmask(fd, VFIO_PCI_INTX_IRQ_INDEX);
	}
	return 0;
}

/* Locked. */
static void disable(struct vfio_intx *x)
{
	if (x->enabled)
		vfio_irqs_disable(x->dev->fd, VFIO_PCI_INTX_IRQ_INDEX);
	x->enabled = false;
}

void vfio_intx_suspend(struct vfio_intx *x)
{
	disable(x);
}

int vfio_intx_resume(struct vfio_intx *x)
{
	return x->enabled ? 0 : enable(x);
}

/* The device's INTx is x's from now on, and enabled unless MSI is. */
static int claim(struct vfio_intx *x)
{
	struct vfio_device *dev = x->dev;
	int error = 0;

	pthread_mutex_lock(&dev->irq_lock);
	if (dev->intx)
		error = errorf(-EEXIST, "INTx of %s is forwarded already; "
			       "remove that forward first", dev->address);
	else if (!dev->msi_enabled)
		error = enable(x);
	if (!error)
		dev->intx = x;
	pthread_mutex_unlock(&dev->irq_lock);
	return error;
}

static void unclaim(struct vfio_intx *x)
{
	pthread_mutex_lock(&x->dev->irq_lock);
	disable(x);
	x->dev->intx = NULL;
	pthread_mutex_unlock(&x->dev->irq_lock);
}

static int open_eventfds(struct vfio_intx *x)
{
	int error;

	x->trigger_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (x->trigger_fd < 0)
		return eventfd_error(x);
	x->unmask_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (x->unmask_fd >= 0)
		return 0;
	error = eventfd_error(x);
	close(x->trigger_fd);
	return error;
}

static void close_eventfds(struct vfio_intx *x)
{
	close(x->unmask_fd);
	close(x->trigger_fd);
}

/*
 * Enabled before it is attached: nobody asks for an unmask yet, and a trigger
 * that comes between waits in the eventfd's count.
 */
int vfio_intx_open(struct vfio_intx *x, struct vfio_device *dev,
		   const struct vfio_intx_config *config)
{
	int error;

	memset(x, 0, sizeof(*x));
	x->dev = dev;
	x->suspect = config->suspect;
	x->opaque = config->opaque;
	x->input.source.ops = &intx_ops;
	atomic_init(&x->unmask_by_ioctl, config->unmask_by_ioctl);
	atomic_init(&x->looks, false);
	atomic_init(&x->gone, false);
	x->may_look = config->input.policy == FORWARD_UNMASK;
	pci_sysfs_irq("/sys", dev->address, x->input.source.host_irq,
		      sizeof(x->input.source.host_irq));
	if (!vfio_irqs_count(dev->fd, VFIO_PCI_INTX_IRQ_INDEX))
		return errorf(-ENODEV, "%s has no INTx; use MSI or MSI-X",
			      dev->address);
	error = open_eventfds(x);
	if (error)
		return error;
	error = claim(x);
	if (error)
		goto close_eventfds;
	error = input_attach_level(&x->input, &config->input, x->trigger_fd);
	if (error)
		goto unclaim;
	return 0;

unclaim:
	unclaim(x);
close_eventfds:
	close_eventfds(x);
	return error;
}

/* Detaching flushes, so the last unmask comes before INTx is disabled. */
void vfio_intx_close(struct vfio_intx *x)
{
	input_detach(&x->input);
	unclaim(x);
	close_eventfds(x);
}
