/* SPDX-License-Identifier: Apache-2.0 */
#include "forward/engine.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/*
 * Room for the worst event, and as much again for the answers to samples that
 * arrive while the queue is being drained.
 */
#define QUEUE_MAX	(4 * EFFECTS_MAX)
#define QUEUE_ROOM	(2 * EFFECTS_MAX)

enum slot_kind { SLOT_FREE, SLOT_LEVEL, SLOT_EDGE, SLOT_LINE, SLOT_LEAVING };

struct slot {
	enum slot_kind kind;
	unsigned int pin;
	struct source *src;	/* LEVEL, EDGE and, until drained, LEAVING */
	struct engine_stats stats;
};

struct engine {
	struct engine_config config;
	pthread_mutex_t lock;
	pthread_cond_t moved;	/* an effect was carried out; only if waiters */
	unsigned int waiters;
	bool draining;		/* a thread is carrying out effects */
	uint64_t queued;	/* effects ever queued, and ever carried out: */
	uint64_t done;		/* their difference stands in the queue */
	struct slot slot[FORWARDS_MAX];
	struct forwarder fw;
	struct effects out;	/* of the event at hand */
	struct effect queue[QUEUE_MAX];
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void wait_for_move(struct engine *e)
{
	e->waiters++;
	pthread_cond_wait(&e->moved, &e->lock);
	e->waiters--;
}

/*
 * Before an event.  A guest whose vCPUs write faster than one of them can carry
 * out what they cause waits here: the queue is bounded.
 */
static void enter(struct engine *e)
{
	pthread_mutex_lock(&e->lock);
	while (e->queued - e->done > QUEUE_ROOM)
		wait_for_move(e);
	e->out.nr = 0;
}

static bool has_source(const struct slot *s)
{
	return s->kind == SLOT_LEVEL || s->kind == SLOT_EDGE;
}

static void count_pin(struct engine *e, const struct effect *eff)
{
	for (unsigned int i = 0; i < FORWARDS_MAX; i++) {
		struct slot *s = &e->slot[i];

		if (!has_source(s) || s->pin != eff->pin)
			continue;
		if (eff->kind == EFFECT_DELIVER)
			s->stats.deliveries++;
		else
			s->stats.eois++;
	}
}

/* The timer also runs to see a line stay quiet; that delays nothing. */
static void count_throttle(const struct forward *f, struct engine_stats *stats)
{
	if (f->phase != FORWARD_THROTTLED)
		return;
	if (forward_storms(f))
		stats->throttled++;
	else
		stats->eased++;
}

static void count(struct engine *e, const struct effect *eff)
{
	struct engine_stats *stats = &e->slot[eff->source].stats;

	if (eff->kind == EFFECT_DELIVER || eff->kind == EFFECT_ACK)
		count_pin(e, eff);
	else if (eff->kind == EFFECT_DEFER)
		stats->deferred++;
	else if (eff->kind == EFFECT_RESAMPLE)
		stats->resamples++;
	else if (eff->kind == EFFECT_THROTTLE)
		count_throttle(&e->fw.forward[eff->source], stats);
}

static bool is_for_outside(const struct effect *eff)
{
	switch ((enum effect_kind)eff->kind) {
	case EFFECT_DELIVER:
	case EFFECT_ROUTE:
	case EFFECT_RESAMPLE:
	case EFFECT_SAMPLE:
	case EFFECT_THROTTLE:
		return true;
	case EFFECT_DRAIN:	/* answered at once */
	case EFFECT_ACK:
	case EFFECT_MASK:
	case EFFECT_UNMASK:
	case EFFECT_RAISE:
	case EFFECT_LOWER:
	case EFFECT_DEFER:
	case EFFECT_SETTLE:
		return false;
	}
	return false;
}

static bool drain_source(struct slot *s)
{
	bool signalled = s->src->ops->drain(s->src);

	if (signalled)
		s->stats.triggers++;
	return signalled;
}

/* After an event, still locked: answers DRAINs, counts, traces and queues. */
static void settle_event(struct engine *e, const char *event, int source,
			 int pin)
{
	for (unsigned int i = 0; i < e->out.nr; i++) {
		struct effect eff = e->out.v[i];

		if (eff.kind == EFFECT_DRAIN)
			forwarder_drained(&e->fw, eff.source,
					  drain_source(&e->slot[eff.source]),
					  &e->out);
		count(e, &eff);
		if (is_for_outside(&eff)) {
			assert(e->queued - e->done < QUEUE_MAX);
			e->queue[e->queued++ % QUEUE_MAX] = eff;
		}
	}
	if (e->config.trace)
		e->config.trace(e->config.opaque, &(struct transition){
			.ns = now_ns(), .event = event, .source = source,
			.pin = pin, .after = &e->fw, .effects = &e->out });
}

/* Locked; the lock is dropped around the source's own call. */
static void sample(struct engine *e, unsigned int slot)
{
	struct source *src = e->slot[slot].src;
	enum forward_level level;

	pthread_mutex_unlock(&e->lock);
	level = src->ops->sample(src);
	pthread_mutex_lock(&e->lock);
	if (e->slot[slot].kind != SLOT_LEVEL)
		return;
	e->out.nr = 0;
	forwarder_sampled(&e->fw, slot, level, &e->out);
	settle_event(e, "sampled", (int)slot, (int)e->slot[slot].pin);
}

/* Unlocked: the calls out. */
static void call_out(struct engine *e, const struct effect *eff,
		     unsigned int throttle_us)
{
	struct backend *be = e->config.backend;
	struct source *src = e->slot[eff->source].src;

	if (eff->kind == EFFECT_DELIVER)
		be->ops->deliver(be, &eff->msg);
	else if (eff->kind == EFFECT_ROUTE)
		be->ops->route(be, eff->pin, &eff->msg);
	else if (eff->kind == EFFECT_RESAMPLE)
		src->ops->resample(src);
	else if (eff->kind == EFFECT_THROTTLE)
		src->ops->throttle(src, throttle_us);
}

/*
 * Locked on entry and on return.  A sample needs a slot that is still there:
 * one that is leaving was flushed, and no longer cares.
 */
static void drain(struct engine *e)
{
	if (e->draining)
		return;
	e->draining = true;
	while (e->done != e->queued) {
		struct effect eff = e->queue[e->done % QUEUE_MAX];

		if (eff.kind != EFFECT_SAMPLE) {
			unsigned int us = forward_throttle_us(
				&e->fw.forward[eff.source]);

			pthread_mutex_unlock(&e->lock);
			call_out(e, &eff, us);
			pthread_mutex_lock(&e->lock);
		} else if (e->slot[eff.source].kind == SLOT_LEVEL) {
			sample(e, eff.source);
		}
		e->done++;
		if (e->waiters)
			pthread_cond_broadcast(&e->moved);
	}
	e->draining = false;
}

static void leave(struct engine *e, const char *event, int source, int pin)
{
	settle_event(e, event, source, pin);
	drain(e);
	pthread_mutex_unlock(&e->lock);
}

int engine_new(struct engine **out, const struct engine_config *config)
{
	struct engine *e;

	if (!config->pins || config->pins > IOAPIC_PINS_MAX || !config->backend)
		return -EINVAL;
	if (config->version != IOAPIC_VERSION_82093AA &&
	    config->version != IOAPIC_VERSION_ICH)
		return -EINVAL;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->config = *config;
	pthread_mutex_init(&e->lock, NULL);
	pthread_cond_init(&e->moved, NULL);
	forwarder_init(&e->fw, config->pins, config->version, config->routed);
	*out = e;
	return 0;
}

void engine_free(struct engine *e)
{
	if (!e)
		return;
	for (unsigned int i = 0; i < FORWARDS_MAX; i++)
		assert(!has_source(&e->slot[i]));
	pthread_cond_destroy(&e->moved);
	pthread_mutex_destroy(&e->lock);
	free(e);
}

/* Locked. */
static int take_slot(struct engine *e, enum slot_kind kind, struct source *src,
		     unsigned int pin)
{
	if (pin >= e->config.pins)
		return -EINVAL;
	for (unsigned int i = 0; i < FORWARDS_MAX; i++) {
		struct slot *s = &e->slot[i];

		if (s->kind != SLOT_FREE)
			continue;
		*s = (struct slot){ .kind = kind, .pin = pin, .src = src };
		s->stats.pin = pin;
		s->stats.edge = kind == SLOT_EDGE;
		if (src) {
			memcpy(s->stats.name, src->name, sizeof(src->name));
			memcpy(s->stats.host_irq, src->host_irq,
			       sizeof(src->host_irq));
		}
		return (int)i;
	}
	return -ENOSPC;
}

int engine_add_level(struct engine *e, struct source *src, unsigned int pin,
		     enum forward_policy policy)
{
	int slot;

	pthread_mutex_lock(&e->lock);
	slot = take_slot(e, SLOT_LEVEL, src, pin);
	if (slot >= 0) {
		forwarder_add(&e->fw, (unsigned int)slot, pin, policy,
			      FORWARD_THROTTLE_AFTER);
		e->slot[slot].stats.policy = policy;
	}
	pthread_mutex_unlock(&e->lock);
	return slot;
}

int engine_add_edge(struct engine *e, struct source *src, unsigned int pin)
{
	int slot;

	pthread_mutex_lock(&e->lock);
	slot = take_slot(e, SLOT_EDGE, src, pin);
	pthread_mutex_unlock(&e->lock);
	return slot;
}

int engine_add_line(struct engine *e, unsigned int pin)
{
	int slot;

	pthread_mutex_lock(&e->lock);
	slot = take_slot(e, SLOT_LINE, NULL, pin);
	pthread_mutex_unlock(&e->lock);
	return slot;
}

/*
 * The flush goes through the queue like everything else, so the host line is
 * unmasked in its turn.  The slot is free for another only when all that was
 * queued for it has been carried out.
 */
void engine_remove(struct engine *e, unsigned int slot)
{
	struct slot *s = &e->slot[slot];
	uint64_t last;

	assert(slot < FORWARDS_MAX);
	enter(e);
	assert(s->kind != SLOT_FREE && s->kind != SLOT_LEAVING);
	if (s->kind == SLOT_LEVEL)
		forwarder_remove(&e->fw, slot, &e->out);
	else if (s->kind == SLOT_LINE)
		forwarder_set_line(&e->fw, slot, s->pin, false, &e->out);
	s->kind = SLOT_LEAVING;
	settle_event(e, "remove", (int)slot, (int)s->pin);
	drain(e);
	last = e->queued;
	while (e->done < last)
		wait_for_move(e);
	s->kind = SLOT_FREE;
	s->src = NULL;
	pthread_mutex_unlock(&e->lock);
}

void engine_source_ready(struct engine *e, unsigned int slot)
{
	struct slot *s = &e->slot[slot];

	enter(e);
	if (has_source(s) && drain_source(s)) {
		if (s->kind == SLOT_LEVEL)
			forwarder_trigger(&e->fw, slot, &e->out);
		else
			forwarder_pulse(&e->fw, s->pin, &e->out);
	}
	leave(e, "trigger", (int)slot, (int)s->pin);
}

void engine_source_timeout(struct engine *e, unsigned int slot)
{
	struct slot *s = &e->slot[slot];

	enter(e);
	if (s->kind == SLOT_LEVEL)
		forwarder_timeout(&e->fw, slot, &e->out);
	leave(e, "timeout", (int)slot, (int)s->pin);
}

void engine_cut(struct engine *e, unsigned int slot, const struct source *src,
		bool cut)
{
	struct slot *s = &e->slot[slot];

	assert(slot < FORWARDS_MAX);
	enter(e);
	if (s->kind == SLOT_LEVEL && s->src == src)
		forwarder_cut(&e->fw, slot, cut, &e->out);
	leave(e, cut ? "cut" : "join", (int)slot, (int)s->pin);
}

void engine_set_line(struct engine *e, unsigned int slot, bool high)
{
	struct slot *s = &e->slot[slot];

	enter(e);
	if (s->kind == SLOT_LINE)
		forwarder_set_line(&e->fw, slot, s->pin, high, &e->out);
	leave(e, high ? "raise" : "lower", (int)slot, (int)s->pin);
}

void engine_pulse_line(struct engine *e, unsigned int slot)
{
	struct slot *s = &e->slot[slot];

	enter(e);
	if (s->kind == SLOT_LINE)
		forwarder_pulse(&e->fw, s->pin, &e->out);
	leave(e, "pulse", (int)slot, (int)s->pin);
}

uint64_t engine_read(struct engine *e, uint64_t offset, unsigned int size)
{
	uint64_t value;

	pthread_mutex_lock(&e->lock);
	value = forwarder_read(&e->fw, offset, size);
	pthread_mutex_unlock(&e->lock);
	return value;
}

void engine_write(struct engine *e, uint64_t offset, uint64_t value,
		  unsigned int size)
{
	enter(e);
	forwarder_write(&e->fw, offset, value, size, &e->out);
	leave(e, "write", -1, -1);
}

void engine_eoi(struct engine *e, uint8_t vector)
{
	enter(e);
	forwarder_eoi(&e->fw, vector, &e->out);
	leave(e, "eoi", -1, -1);
}

void engine_reset(struct engine *e)
{
	enter(e);
	forwarder_reset(&e->fw, &e->out);
	leave(e, "reset", -1, -1);
}

unsigned int engine_stats(struct engine *e, struct engine_stats *rows,
			  unsigned int max)
{
	unsigned int nr = 0;

	pthread_mutex_lock(&e->lock);
	for (unsigned int i = 0; i < FORWARDS_MAX; i++) {
		if (!has_source(&e->slot[i]))
			continue;
		if (nr < max)
			rows[nr] = e->slot[i].stats;
		nr++;
	}
	pthread_mutex_unlock(&e->lock);
	return nr;
}

bool engine_stats_of(struct engine *e, unsigned int slot,
		     const struct source *src, struct engine_stats *row)
{
	bool found;

	pthread_mutex_lock(&e->lock);
	found = e->slot[slot].src == src;
	if (found)
		*row = e->slot[slot].stats;
	pthread_mutex_unlock(&e->lock);
	return found;
}
