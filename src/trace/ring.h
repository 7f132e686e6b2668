/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines on their way to whoever wants them.  They are made under the engine's
 * lock, where nobody may be called; a thread of the ring hands them on.  A
 * reader that is too slow loses lines, and is told how many.
 */
#ifndef TRACE_RING_H
#define TRACE_RING_H

#include "trace/line.h"

#define TRACE_RING_LINES	4096

struct trace_ring;

typedef void trace_fn(void *opaque, const char *line);

/* -ENOMEM, -EAGAIN: no thread */
int trace_ring_new(struct trace_ring **out, trace_fn *fn, void *opaque);

/* Hands on what is left. */
void trace_ring_free(struct trace_ring *ring);

/* engine_config.trace; opaque is the ring */
void trace_ring_transition(void *opaque, const struct transition *t);
void trace_ring_text(struct trace_ring *ring, const char *room, int pin,
		     int source, const char *text);

#endif
