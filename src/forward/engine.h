/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine: feeds events into a forwarder and drains its effects.
 *
 * One lock guards slots, forwarder and outbox, which make all decisions; here is
 * what they cannot have: threads and calls.  Effects are carried out in order, by one
 * thread at a time, without the lock; only DRAIN, a read that never blocks, is
 * answered under it.  A thread that finds another one draining leaves its
 * effects to it and goes on: nothing needs to wait, since whatever must come
 * before a delivery stands before it in the queue.
 */
#ifndef FORWARD_ENGINE_H
#define FORWARD_ENGINE_H

#include <stdio.h>

#include "forward/outbox.h"
#include "forward/slots.h"

struct engine;
struct source;
struct backend;

/* What the engine asks of a source (src/source/). */
struct source_ops {
	/* Consumes what was signalled: was there anything?  Never blocks. */
	bool (*drain)(struct source *src);
	/* Unmasks the host line; the host signals again if it is still high. */
	void (*resample)(struct source *src);
	enum forward_level (*sample)(struct source *src);
	/* Calls engine_source_timeout() once, us from now; replaces an earlier one. */
	void (*throttle)(struct source *src, unsigned int us);
};

/* Embedded in each kind of source; the engine only borrows it. */
struct source {
	const struct source_ops *ops;
	char name[64];
	char host_irq[16];	/* number, or "-" */
};

/* What the engine asks of a backend (src/backend/). */
struct backend_ops {
	void (*deliver)(struct backend *be, const struct message *msg);
	/* The pin's level interrupts are msg from now on; !msg->level: none. */
	void (*route)(struct backend *be, unsigned int pin,
		      const struct message *msg);
};

struct backend {
	const struct backend_ops *ops;
};

/* What a forward has seen since it was added. */
struct engine_stats {
	char name[64];
	char host_irq[16];
	unsigned int pin;
	bool edge;		/* then there is no policy */
	enum forward_policy policy;
	struct slot_counts counts;
};

/* One transition: an event and the effects that it had.  See docs/trace.md. */
struct transition {
	uint64_t ns;		/* CLOCK_MONOTONIC */
	const char *event;	/* "trigger", "write", "eoi", … */
	int source;		/* slot, or -1 */
	int pin;		/* or -1 */
	const struct forwarder *after;	/* valid during the call; locked */
	const struct effects *effects;
};

struct engine_config {
	unsigned int pins;
	uint8_t version;
	bool routed;
	struct backend *backend;	/* borrowed */
	/* Called under the lock: must not block and not call back. */
	void (*trace)(void *opaque, const struct transition *t);
	void *opaque;
};

int engine_new(struct engine **out, const struct engine_config *config);
/* All sources must have been removed. */
void engine_free(struct engine *e);

/* Slots, 0 … FORWARDS_MAX - 1; -ENOSPC when all are in use, -EINVAL: no such pin. */
int engine_add_level(struct engine *e, struct source *src, unsigned int pin,
		     enum forward_policy policy);
int engine_add_edge(struct engine *e, struct source *src, unsigned int pin);
int engine_add_line(struct engine *e, unsigned int pin);

/*
 * Flushes and frees the slot.  When it returns, no thread is in one of the
 * source's ops, and none will be.  Not from inside an op.
 */
void engine_remove(struct engine *e, unsigned int slot);

/* The source's trigger is readable: drains it under the lock. */
void engine_source_ready(struct engine *e, unsigned int slot);
void engine_source_timeout(struct engine *e, unsigned int slot);

/* Nothing happens if the slot is not src's any more. */
void engine_cut(struct engine *e, unsigned int slot, const struct source *src,
		bool cut);

void engine_set_line(struct engine *e, unsigned int slot, bool high);
void engine_pulse_line(struct engine *e, unsigned int slot);

uint64_t engine_read(struct engine *e, uint64_t offset, unsigned int size);
void engine_write(struct engine *e, uint64_t offset, uint64_t value,
		  unsigned int size);
void engine_eoi(struct engine *e, uint8_t vector);
void engine_reset(struct engine *e);

/* Rows of level and edge forwards, at most max; returns how many there are. */
unsigned int engine_stats(struct engine *e, struct engine_stats *rows,
			  unsigned int max);
/* One row; false if the slot is not src's any more. */
bool engine_stats_of(struct engine *e, unsigned int slot,
		     const struct source *src, struct engine_stats *row);

#endif
