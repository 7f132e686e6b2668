// SPDX-License-Identifier: (MIT OR GPL-2.0)
/*
 * The patterns of assertions. A round asserts, waits for the calls that it
 * owes, and then waits a little longer, so that a call without a cause comes
 * while its round is still the current one.
 *
 *   pattern          causes per round   calls owed per round
 *   single           1                  1
 *   reassert         2                  2   the line falls and rises
 *   partial          2                  2   the line never falls between
 *   between          2                  1   one ack covers both (shared: 2)
 *   disabled-acked   1                  0
 *   disabled         1                  1
 *   burst            1                  as often as the line rose
 *   suspend          2                  2   before the suspend, and its wakeup
 *   boot             1 (not by us)      1
 */
#include "lab.h"

#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/irq.h>
#include <linux/jiffies.h>
#include <linux/platform_device.h>
#include <linux/suspend.h>

#define STALL_MS	1500	/* a call this late did not come */
#define POKE_MS		300	/* a CPU that runs has answered by then */
#define SLICE_MS	30	/* most that a machine standing still takes off it */
#define SETTLE_US	2000	/* for a call that nobody owes */
#define ARRIVE_MS	100	/* for an interrupt that must not be handled yet */
#define SUSPEND_MS	300	/* until the wakeup that is owed */
#define SUSPEND_TRIES	3
#define STALLS_MAX	8	/* then the cell ends early */

static struct lab_cell *suspending;
static struct hrtimer wakeup;
static bool woken;		/* the wakeup's assertion has been made */
static struct platform_device *sleeper;

static bool answered(struct lab_cell *cell)
{
	/* What stalled is lost for good: a round owes its own calls only. */
	return atomic_read(&cell->n.real) + atomic_read(&cell->n.stalls) >=
	       atomic_read(&cell->n.expected);
}

static void settle(unsigned int us)
{
	usleep_range(us, us + 200);
}

/*
 * An emulated machine that is starved stands still for seconds. Its clock does
 * not, so as it goes on a timeout is over, and the call was never late.
 */
static bool comes_in_time(struct lab_cell *cell)
{
	int ms;

	for (ms = 0; ms < STALL_MS; ms += SLICE_MS)
		if (wait_event_timeout(cell->wait, answered(cell), msecs_to_jiffies(SLICE_MS)))
			return true;
	return false;
}

/* Of an interrupt that has come genirq keeps the line masked for the thread. */
static bool taken(struct lab_cell *cell)
{
	unsigned int i;

	for (i = 0; i < cell->devices; i++) {
		struct irq_data *data = irq_get_irq_data(lab_devices[i].irq);

		if (data && irqd_irq_masked(data))
			return true;
	}
	return false;
}

static void poke(void *unused)
{
}

/*
 * The interrupt has come, and its thread does not end. If all CPUs answer at once, none
 * hangs in the VMM, and no call is missing: what the thread waits for is the guest's own.
 * An emulated host may lose a timer (docs/lab.md); any other interrupt of that CPU, such
 * as this poke, brings it back.
 */
static bool comes_late(struct lab_cell *cell)
{
	ktime_t asked = ktime_get();
	bool in_thread = READ_ONCE(lab_devices[0].in_thread) || READ_ONCE(lab_devices[1].in_thread);
	s64 ms;

	on_each_cpu(poke, NULL, 1);
	ms = ktime_ms_delta(ktime_get(), asked);
	pr_alert("@note a call is late: its thread %s; all CPUs answer within %lld ms\n",
		 in_thread ? "sleeps" : "has not begun", ms);
	if (ms > POKE_MS || !comes_in_time(cell))
		return false;
	atomic_inc(&cell->n.late);
	return true;
}

static bool comes(struct lab_cell *cell)
{
	return comes_in_time(cell) || (taken(cell) && comes_late(cell));
}

/* Waits for what is owed; quiets the devices if it does not come. */
static void await(struct lab_cell *cell)
{
	unsigned int i;
	int missing;

	if (comes(cell))
		return;
	missing = atomic_read(&cell->n.expected) - atomic_read(&cell->n.real) -
		  atomic_read(&cell->n.stalls);
	if (missing <= 0)
		return;
	atomic_add(missing, &cell->n.stalls);
	for (i = 0; i < cell->devices; i++)
		lab_ack_all(&lab_devices[i]);
	settle(SETTLE_US);
	lab_progress(cell, "stall");
}

static void round_simple(struct lab_cell *cell, struct lab_device *dev,
			 u32 causes, int owed)
{
	unsigned int i;

	for (i = 0; i < cell->devices; i++)
		lab_devices[i].react = &lab_devices[i] == dev;
	atomic_add(owed, &cell->n.expected);
	lab_assert(cell, dev, causes);
	await(cell);
}

/*
 * disable_irq() is lazy: the chip is masked by the interrupt that comes while
 * it is disabled. So that is when it has arrived, however long it took.
 */
static void await_arrival(struct lab_device *dev)
{
	struct irq_data *data = irq_get_irq_data(dev->irq);
	int i;

	for (i = 0; i < ARRIVE_MS && data && !irqd_irq_masked(data); i++)
		usleep_range(1000, 1200);
	settle(SETTLE_US);
}

static void round_disabled(struct lab_cell *cell, struct lab_device *dev, bool acked)
{
	disable_irq(dev->irq);
	lab_assert(cell, dev, CAUSE_FIRST);
	await_arrival(dev);
	if (acked)
		lab_ack_all(dev);
	else
		atomic_inc(&cell->n.expected);
	enable_irq(dev->irq);
	await(cell);
}

/*
 * No waiting for answers, but gaps of 0 to twice a handler's run, so that the
 * assertions fall into every part of one.
 */
static void round_burst(struct lab_cell *cell, struct lab_device *dev, unsigned int i)
{
	unsigned int gap = (i * 37) % 200 * (1 + cell->sleep_us / 100);

	lab_assert(cell, dev, CAUSE_FIRST);
	if (gap < 200)
		udelay(gap);
	else
		usleep_range(gap, gap + 50);
	if (i + 1 == cell->count)
		await(cell);
}

static enum hrtimer_restart assert_wakeup(struct hrtimer *timer)
{
	struct lab_device *dev = &lab_devices[0];
	struct irq_data *data = irq_get_irq_data(dev->irq);
	struct lab_cell *cell = suspending;

	/*
	 * Too early on a slow machine: a cause that is handled before the
	 * wakeups are armed wakes nobody up, and the system would sleep on.
	 */
	if (!data || !irqd_is_wakeup_armed(data) || READ_ONCE(dev->in_thread) ||
	    !answered(cell)) {
		hrtimer_forward_now(timer, ms_to_ktime(SUSPEND_MS));
		return HRTIMER_RESTART;
	}
	WRITE_ONCE(woken, true);
	atomic_inc(&cell->n.expected);
	lab_assert(cell, dev, CAUSE_FIRST);
	return HRTIMER_NORESTART;
}

/*
 * Runs just before the kernel disarms the devices' interrupts and arms the
 * wakeups. The call for this assertion has begun when it returns, and ends
 * when the wakeups are armed.
 */
static int sleeper_suspend_late(struct device *dev)
{
	struct lab_device *edu = &lab_devices[0];
	struct lab_cell *cell = suspending;

	if (!cell)
		return 0;
	atomic_inc(&cell->n.expected);
	edu->react = true;
	lab_assert(cell, edu, CAUSE_FIRST);
	wait_event_timeout(cell->wait, READ_ONCE(edu->in_thread) || answered(cell),
			   msecs_to_jiffies(STALL_MS));
	hrtimer_start(&wakeup, ms_to_ktime(SUSPEND_MS), HRTIMER_MODE_REL);
	return 0;
}

static const struct dev_pm_ops sleeper_pm = {
	.suspend_late = sleeper_suspend_late,
};

static struct platform_driver sleeper_driver = {
	.driver = { .name = "irqfwd-lab-sleeper", .pm = &sleeper_pm },
};

/*
 * Suspends to idle. The wakeup is the device's own assertion; a suspend that
 * ends before it was ended by an interrupt without a cause, and such an
 * interrupt shows itself to the system and not to a handler: it counts as a
 * spurious call.
 */
static void round_suspend(struct lab_cell *cell, struct lab_device *dev)
{
	int err;

	suspending = cell;
	woken = false;
	enable_irq_wake(dev->irq);
	err = pm_suspend(PM_SUSPEND_TO_IDLE);
	suspending = NULL;
	disable_irq_wake(dev->irq);
	/* A timer that has not fired makes no assertion any more. */
	hrtimer_cancel(&wakeup);
	if (!READ_ONCE(woken))
		atomic_inc(&cell->n.spurious);
	await(cell);
	if (err)
		pr_alert("@note suspend returned %d, woken %d\n", err, woken);
}

/* Asserted from outside before we came: nothing to do but to wait. */
static void round_boot(struct lab_cell *cell)
{
	atomic_inc(&cell->n.asserted);
	atomic_inc(&cell->n.expected);
	await(cell);
}

static void round_run(struct lab_cell *cell, unsigned int i)
{
	struct lab_device *dev = &lab_devices[i % cell->devices];

	switch (cell->pattern) {
	case PATTERN_SINGLE:
		return round_simple(cell, dev, CAUSE_FIRST, 1);
	case PATTERN_REASSERT:
		return round_simple(cell, dev, CAUSE_FIRST, 2);
	case PATTERN_PARTIAL:
		return round_simple(cell, dev, CAUSE_FIRST | CAUSE_SECOND, 2);
	case PATTERN_BETWEEN:
		return round_simple(cell, dev, CAUSE_FIRST, cell->devices);
	case PATTERN_DISABLED_ACKED:
		return round_disabled(cell, dev, true);
	case PATTERN_DISABLED:
		return round_disabled(cell, dev, false);
	case PATTERN_BURST:
		return round_burst(cell, dev, i);
	case PATTERN_SUSPEND:
		return round_suspend(cell, &lab_devices[0]);
	case PATTERN_BOOT:
		return round_boot(cell);
	case PATTERNS:
		break;
	}
}

void lab_pattern_run(struct lab_cell *cell)
{
	unsigned long end = jiffies + cell->seconds * HZ;
	unsigned long report = jiffies + 2 * HZ;
	unsigned int i;

	for (i = 0; i < cell->count; i++) {
		round_run(cell, i);
		if (cell->pattern != PATTERN_BURST)
			settle(SETTLE_US);
		if (time_after(jiffies, report)) {
			lab_progress(cell, "progress");
			report = jiffies + 2 * HZ;
		}
		if (atomic_read(&cell->n.stalls) >= STALLS_MAX || time_after(jiffies, end))
			break;
	}
	settle(2 * SETTLE_US + cell->sleep_us);
}

int lab_patterns_init(void)
{
	int err = platform_driver_register(&sleeper_driver);

	if (err)
		return err;
	hrtimer_init(&wakeup, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	wakeup.function = assert_wakeup;
	sleeper = platform_device_register_simple("irqfwd-lab-sleeper", -1, NULL, 0);
	if (IS_ERR(sleeper)) {
		platform_driver_unregister(&sleeper_driver);
		return PTR_ERR(sleeper);
	}
	return 0;
}

void lab_patterns_exit(void)
{
	platform_device_unregister(sleeper);
	platform_driver_unregister(&sleeper_driver);
}
