// SPDX-License-Identifier: (MIT OR GPL-2.0)
/*
 * The four kinds of handler. Each run of a handler is a call: real when the
 * device shows a cause, spurious when it shows none.
 */
#include "lab.h"

#include <linux/delay.h>
#include <linux/irq.h>

static struct lab_cell *running;

/* Adds causes and counts them; a call is owed for each rise of the line. */
static void raise_locked(struct lab_cell *cell, struct lab_device *dev, u32 causes)
{
	writel(causes, dev->regs + EDU_RAISE);
	atomic_add(hweight32(causes), &cell->n.asserted);
}

void lab_assert(struct lab_cell *cell, struct lab_device *dev, u32 causes)
{
	unsigned long flags;

	spin_lock_irqsave(&dev->lock, flags);
	/*
	 * A burst coalesces: the calls owed are the rises of the line, as each
	 * call acks all it finds. Nobody else writes the device meanwhile, so
	 * that a status of 0 here is a rise.
	 */
	if (cell->pattern == PATTERN_BURST && !readl(dev->regs + EDU_STATUS))
		atomic_inc(&cell->n.expected);
	raise_locked(cell, dev, causes);
	spin_unlock_irqrestore(&dev->lock, flags);
}

void lab_ack_all(struct lab_device *dev)
{
	unsigned long flags;

	spin_lock_irqsave(&dev->lock, flags);
	writel(readl(dev->regs + EDU_STATUS), dev->regs + EDU_ACK);
	spin_unlock_irqrestore(&dev->lock, flags);
}

static struct lab_device *other(struct lab_device *dev)
{
	return dev == &lab_devices[0] ? &lab_devices[1] : &lab_devices[0];
}

/*
 * `between`: the new cause comes when the hard handler has run and the thread
 * has not acked. On a shared line it is the other device's cause.
 */
static void react_between(struct lab_cell *cell, struct lab_device *dev)
{
	if (cell->pattern != PATTERN_BETWEEN || !dev->react)
		return;
	dev->react = false;
	lab_assert(cell, cell->devices > 1 ? other(dev) : dev, CAUSE_SECOND);
}

/* The device ack of one call, and what the pattern does right after it. */
static void ack_call(struct lab_cell *cell, struct lab_device *dev)
{
	unsigned long flags;
	u32 causes;

	spin_lock_irqsave(&dev->lock, flags);
	causes = readl(dev->regs + EDU_STATUS);
	if (cell->pattern == PATTERN_PARTIAL)
		causes &= -causes;
	writel(causes, dev->regs + EDU_ACK);
	if (cell->pattern == PATTERN_REASSERT && dev->react) {
		dev->react = false;
		raise_locked(cell, dev, CAUSE_SECOND);
	}
	spin_unlock_irqrestore(&dev->lock, flags);
	atomic_inc(&cell->n.real);
}

/*
 * `suspend`: the thread of a wakeup interrupt is still at work when the kernel
 * arms the wakeups, so that what its unmask lets through aborts the suspend.
 */
static void wait_armed(struct lab_device *dev)
{
	struct irq_data *data = irq_get_irq_data(dev->irq);
	int i;

	for (i = 0; i < 100 && data && !irqd_is_wakeup_armed(data); i++)
		usleep_range(1000, 2000);
}

static irqreturn_t call_thread(int irq, void *arg)
{
	struct lab_device *dev = arg;
	struct lab_cell *cell = running;

	if (cell->driver == DRIVER_THREAD)
		react_between(cell, dev);
	if (!readl(dev->regs + EDU_STATUS)) {
		atomic_inc(&cell->n.spurious);
		return IRQ_NONE;
	}
	if (cell->driver == DRIVER_SHARED)
		react_between(cell, dev);
	WRITE_ONCE(dev->in_thread, true);
	wake_up_all(&cell->wait);
	if (cell->sleep_us)
		usleep_range(cell->sleep_us, cell->sleep_us + cell->sleep_us / 16 + 20);
	if (cell->pattern == PATTERN_SUSPEND && dev->react) {
		dev->react = false;
		wait_armed(dev);
	}
	ack_call(cell, dev);
	WRITE_ONCE(dev->in_thread, false);
	wake_up_all(&cell->wait);
	return IRQ_HANDLED;
}

static irqreturn_t call_hard(int irq, void *arg)
{
	react_between(running, arg);
	return IRQ_WAKE_THREAD;
}

static irqreturn_t call_plain(int irq, void *arg)
{
	struct lab_device *dev = arg;
	struct lab_cell *cell = running;

	if (!readl(dev->regs + EDU_STATUS)) {
		atomic_inc(&cell->n.spurious);
		return IRQ_NONE;
	}
	ack_call(cell, dev);
	wake_up_all(&cell->wait);
	return IRQ_HANDLED;
}

/*
 * On a shared line a handler whose device is quiet is no fault; an interrupt
 * for which neither device has a cause is. genirq calls the handlers in the
 * order in which they were requested, so the last one knows.
 */
static irqreturn_t call_shared(int irq, void *arg)
{
	struct lab_device *dev = arg;

	dev->seen = readl(dev->regs + EDU_STATUS);
	if (dev == &lab_devices[LAB_DEVICES - 1] && !dev->seen && !other(dev)->seen)
		atomic_inc(&running->n.spurious);
	return dev->seen ? IRQ_WAKE_THREAD : IRQ_NONE;
}

static int request(struct lab_cell *cell, struct lab_device *dev)
{
	switch (cell->driver) {
	case DRIVER_THREAD:
		return request_threaded_irq(dev->irq, NULL, call_thread,
					    IRQF_ONESHOT, "lab", dev);
	case DRIVER_HARD_THREAD:
		return request_threaded_irq(dev->irq, call_hard, call_thread,
					    IRQF_ONESHOT, "lab", dev);
	case DRIVER_PLAIN:
		return request_irq(dev->irq, call_plain, 0, "lab", dev);
	case DRIVER_SHARED:
		return request_threaded_irq(dev->irq, call_shared, call_thread,
					    IRQF_ONESHOT | IRQF_SHARED, "lab", dev);
	case DRIVERS:
		break;
	}
	return -EINVAL;
}

int lab_driver_start(struct lab_cell *cell)
{
	unsigned int i;
	int err;

	running = cell;
	for (i = 0; i < cell->devices; i++) {
		lab_devices[i].seen = false;
		lab_devices[i].react = false;
		err = request(cell, &lab_devices[i]);
		if (err)
			goto undo;
	}
	return 0;
undo:
	while (i--)
		free_irq(lab_devices[i].irq, &lab_devices[i]);
	return err;
}

void lab_driver_stop(struct lab_cell *cell)
{
	unsigned int i;

	for (i = 0; i < cell->devices; i++)
		free_irq(lab_devices[i].irq, &lab_devices[i]);
}
