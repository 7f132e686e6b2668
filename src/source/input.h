/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every source with a trigger eventfd shares: its slot in the engine, its
 * watch in the loop, and the timer of the throttle.
 *
 *	attach	slot, then watches: a trigger finds its slot
 *	detach	watches, then slot: nothing triggers a slot that is gone; the
 *		engine flushes, so the source's resample is called a last time
 */
#ifndef SOURCE_INPUT_H
#define SOURCE_INPUT_H

#include "forward/engine.h"
#include "source/loop.h"

struct input {
	struct source source;	/* first: what the engine holds */
	struct engine *engine;
	struct loop *loop;
	int slot;
	int trigger_fd;		/* borrowed, non-blocking */
	int timer_fd;		/* -1: an edge is never throttled */
	int trigger_watch, timer_watch;
};

struct input_config {
	struct engine *engine;
	struct loop *loop;
	const char *name;
	unsigned int pin;
	enum forward_policy policy;	/* level only */
};

/*
 * in->source.ops and host_irq are the caller's to fill before.  A count that
 * trigger_fd already holds is taken.  -errno with a sentence.
 */
int input_attach_level(struct input *in, const struct input_config *config,
		       int trigger_fd);
int input_attach_edge(struct input *in, const struct input_config *config,
		      int trigger_fd);
void input_detach(struct input *in);

/* source_ops.drain and .throttle */
bool input_drain(struct source *src);
void input_throttle(struct source *src, unsigned int us);

static inline struct input *input_of(struct source *src)
{
	return (struct input *)src;
}

#endif
