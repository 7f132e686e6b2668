/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What events ask of the world outside, waiting in order to be carried out: one
 * at a time, by one thread at a time.  Pure; whoever has it guards it by a lock
 * and carries out the first one without the lock.
 */
#ifndef FORWARD_OUTBOX_H
#define FORWARD_OUTBOX_H

#include "chip/effects.h"

/*
 * Room for the worst event, and as much again for the answers to samples that
 * arrive while the outbox is being emptied.
 */
#ifndef OUTBOX_MAX
#define OUTBOX_MAX	(4 * EFFECTS_MAX)
#define OUTBOX_ROOM	(2 * EFFECTS_MAX)
#endif

struct outbox {
	unsigned int nr;
	bool open;		/* a thread is emptying it */
	struct effect v[OUTBOX_MAX];
};

/* With more than OUTBOX_ROOM in it, an event of the guest or of a source waits. */
bool outbox_is_full(const struct outbox *o);

/*
 * Takes an effect of an event, if it is for the world outside.  True if it has
 * to be answered at once instead, in the same event: DRAIN.
 */
bool outbox_take(struct outbox *o, const struct effect *e);

/* Does something for this source wait, or is it just being carried out? */
bool outbox_holds(const struct outbox *o, unsigned int source);

/*
 * Begins to empty it: the first effect, to be carried out; NULL if there is none,
 * or if another thread is at it, which will come to all that is in.
 */
const struct effect *outbox_open(struct outbox *o);
/* It has been carried out: the next one.  NULL: there is none, and it is closed. */
const struct effect *outbox_done(struct outbox *o);

#endif
