/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/ring.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct trace_ring {
	trace_fn *fn;
	void *opaque;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more;
	bool stop;
	uint64_t put, taken;	/* lines ever; their difference waits */
	uint64_t lost;		/* since the reader was told */
	char line[TRACE_RING_LINES][TRACE_LINE_SIZE];
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Locked; the lock is dropped around the reader. */
static void hand_on(struct trace_ring *ring)
{
	char line[TRACE_LINE_SIZE], text[64];

	if (ring->lost) {
		snprintf(text, sizeof(text), "%llu lines were lost before this",
			 (unsigned long long)ring->lost);
		trace_line_text(line, now_ns(), "trace", -1, -1, text);
		ring->lost = 0;
	} else {
		memcpy(line, ring->line[ring->taken++ % TRACE_RING_LINES],
		       sizeof(line));
	}
	pthread_mutex_unlock(&ring->lock);
	ring->fn(ring->opaque, line);
	pthread_mutex_lock(&ring->lock);
}

static void *run(void *opaque)
{
	struct trace_ring *ring = opaque;

	pthread_mutex_lock(&ring->lock);
	while (!ring->stop || ring->taken != ring->put || ring->lost) {
		if (ring->taken != ring->put || ring->lost)
			hand_on(ring);
		else
			pthread_cond_wait(&ring->more, &ring->lock);
	}
	pthread_mutex_unlock(&ring->lock);
	return NULL;
}

int trace_ring_new(struct trace_ring **out, trace_fn *fn, void *opaque)
{
	struct trace_ring *ring = calloc(1, sizeof(*ring));
	sigset_t all, before;
	int error;

	if (!ring)
		return -ENOMEM;
	ring->fn = fn;
	ring->opaque = opaque;
	pthread_mutex_init(&ring->lock, NULL);
	pthread_cond_init(&ring->more, NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&ring->thread, NULL, run, ring);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error) {
		free(ring);
		return -error;
	}
	pthread_setname_np(ring->thread, "irqfwd-trace");
	*out = ring;
	return 0;
}

void trace_ring_free(struct trace_ring *ring)
{
	if (!ring)
		return;
	pthread_mutex_lock(&ring->lock);
	ring->stop = true;
	pthread_cond_signal(&ring->more);
	pthread_mutex_unlock(&ring->lock);
	pthread_join(ring->thread, NULL);
	pthread_cond_destroy(&ring->more);
	pthread_mutex_destroy(&ring->lock);
	free(ring);
}

/* Locked: the place for the next line, or NULL. */
static char *next(struct trace_ring *ring)
{
	if (ring->put - ring->taken == TRACE_RING_LINES) {
		ring->lost++;
		return NULL;
	}
	return ring->line[ring->put++ % TRACE_RING_LINES];
}

void trace_ring_transition(void *opaque, const struct transition *t)
{
	struct trace_ring *ring = opaque;
	char *line;

	if (trace_line_is_idle(t))
		return;
	pthread_mutex_lock(&ring->lock);
	line = next(ring);
	if (line)
		trace_line(line, t);
	pthread_cond_signal(&ring->more);
	pthread_mutex_unlock(&ring->lock);
}

void trace_ring_text(struct trace_ring *ring, const char *room, int pin,
		     int source, const char *text)
{
	char *line;

	if (!ring)
		return;
	pthread_mutex_lock(&ring->lock);
	line = next(ring);
	if (line)
		trace_line_text(line, now_ns(), room, pin, source, text);
	pthread_cond_signal(&ring->more);
	pthread_mutex_unlock(&ring->lock);
}
