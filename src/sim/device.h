/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A level-triggered device: its line is high while it has a cause that no
 * driver has acked.  A bouncing one drops its line for a moment now and then
 * although the cause stays.  An edge-triggered one sends a pulse or a message
 * for each cause, and has no level.
 */
#ifndef SIM_DEVICE_H
#define SIM_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

struct device {
	uint8_t causes;		/* not acked yet */
	uint8_t left;		/* assertions still to come */
	uint8_t bounces;	/* drops still to come */
	bool dropped;		/* the line is low for a moment */
	bool edge;		/* constant */
};

static inline bool device_level(const struct device *d)
{
	return d->causes && !d->dropped && !d->edge;
}

/* One more cause. */
static inline void device_assert(struct device *d)
{
	d->left--;
	d->causes++;
}

/*
 * A driver reads the status and acks one cause that it saw.  Read and ack are
 * one step: a cause that comes between them is one that comes after both.
 * Returns whether there was a cause.
 */
static inline bool device_ack(struct device *d)
{
	if (!d->causes)
		return false;
	d->causes--;
	if (!d->causes)
		d->dropped = false;
	return true;
}

/* An edge says nothing of how many: the driver acks all that it finds. */
static inline bool device_ack_all(struct device *d)
{
	bool any = d->causes;

	d->causes = 0;
	return any;
}

static inline void device_bounce(struct device *d)
{
	if (!d->dropped)
		d->bounces--;
	d->dropped = !d->dropped;
}

#endif
