/* SPDX-License-Identifier: Apache-2.0 */
#include "source/vfio_intx.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
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

/* What was requested before is void. */
static void forget_unmasks(struct vfio_intx *x)
{
	uint64_t count;

	if (read(x->unmask_fd, &count, sizeof(count)) < 0)
		return;
}

/*
 * Locked.  DisINTx as VFIO shows it: where VFIO masks by the device the device's
 * own follows.  Its byte alone is written: the other one is the VMM's.
 */
static int set_disintx(struct vfio_intx *x, bool set)
{
	const unsigned int high = PCI_COMMAND + 1;
	const uint8_t bit = PCI_COMMAND_INTX_DISABLE >> 8;
	uint8_t command;
	int error = vfio_device_config_read(x->dev, high, &command, 1);

	if (error)
		return error;
	command = set ? command | bit : command & (uint8_t)~bit;
	return vfio_device_config_write(x->dev, high, &command, 1);
}

/*
 * Locked.  VFIO does not tell whether it masks by the device, but DisINTx that
 * is set before INTx is enabled does.
 *
 * If so, INTx begins masked, and VFIO looks at the line as it unmasks: one that
 * was high before the host's irqchip had its pin set up may be latched nowhere
 * (QEMU's IOAPIC forgets it), and would never fire.
 *
 * Else it must not be masked now: a mask may meet the handler of an interrupt
 * that has just come.  Each of them disables the host's interrupt, one unmask
 * enables it, and the line is dead though VFIO calls it unmasked.
 */
static int enable_trigger(struct vfio_intx *x)
{
	int error = set_disintx(x, true);
	int by_device;

	if (error)
		return error;
	by_device = pci_sysfs_disintx("/sys", x->dev->address);
	atomic_store(&x->looks, x->may_look && by_device == 0);
	if (by_device != 1)
		error = set_disintx(x, false);
	if (!error)
		error = vfio_irqs_set_triggers(x->dev->fd,
					       VFIO_PCI_INTX_IRQ_INDEX, 0, 1,
					       &x->trigger_fd);
	if (by_device == 1 && set_disintx(x, false) && !error) {
		vfio_irqs_disable(x->dev->fd, VFIO_PCI_INTX_IRQ_INDEX);
		error = -EIO;	/* else masked, and nobody would know */
	}
	return error;
}

/*
 * Locked.  The trigger first: VFIO has an unmask eventfd only for an enabled
 * INTx.  An unmask that is requested between the two stays in the count, and
 * VFIO takes it as it attaches.
 */
static int enable(struct vfio_intx *x)
{
	int fd = x->dev->fd;
	int error;

	/* Older kernels leave unmasks in the count, and act on it as they attach. */
	forget_unmasks(x);
	error = enable_trigger(x);
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
