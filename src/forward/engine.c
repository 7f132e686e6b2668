/* SPDX-License-Identifier: Apache-2.0 */
#include "forward/engine.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* All decisions are made in the pure parts: slots, fw and outbox. */
struct engine {
	struct engine_config config;
	pthread_mutex_t lock;
	pthread_cond_t moved;	/* an effect was carried out */
	struct slots slots;
	struct source *source[FORWARDS_MAX];	/* &nobody: free, or a plain line */
	struct slot_counts counts[FORWARDS_MAX];
	struct forwarder fw;
	struct effects out;	/* of the event at hand */
	struct outbox outbox;
};

/* ---- a source where there is none ----------------------------------------- */

static bool nobody_drain(struct source *src)
{
	return false;
}

static void nobody_resample(struct source *src)
{
}

static enum forward_level nobody_sample(struct source *src)
{
	return FORWARD_LEVEL_UNKNOWN;
}

static void nobody_throttle(struct source *src, unsigned int us)
{
}

static const struct source_ops nobody_ops = {
	.drain = nobody_drain,
	.resample = nobody_resample,
	.sample = nobody_sample,
	.throttle = nobody_throttle,
};

static struct source nobody = { .ops = &nobody_ops };

/* ---- an event, and what comes of it ---------------------------------------- */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/*
 * Before an event.  A guest whose vCPUs write faster than one of them can carry
 * out what they cause waits here: the outbox is bounded.
 */
static void enter(struct engine *e)
{
	pthread_mutex_lock(&e->lock);
	while (outbox_is_full(&e->outbox))
		pthread_cond_wait(&e->moved, &e->lock);
	e->out.nr = 0;
}

/* Never blocks: a read of an eventfd. */
static bool drain_source(struct engine *e, unsigned int slot)
{
	struct source *src = e->source[slot];
	bool signalled = src->ops->drain(src);

	e->counts[slot].triggers += signalled;
	return signalled;
}

/* After an event, still locked: answers DRAINs, counts, traces and queues. */
static void settle_event(struct engine *e, const char *event, int source,
			 int pin)
{
	for (unsigned int i = 0; i < e->out.nr; i++) {
		struct effect eff = e->out.v[i];

		if (outbox_take(&e->outbox, &eff))
			forwarder_drained(&e->fw, eff.source,
					  drain_source(e, eff.source), &e->out);
		slots_count(&e->slots, &e->fw, &eff, e->counts);
	}
	if (e->config.trace)
		e->config.trace(e->config.opaque, &(struct transition){
			.ns = now_ns(), .event = event, .source = source,
			.pin = pin, .after = &e->fw, .effects = &e->out });
}

/* The lock is dropped while the source is asked. */
static void sample(struct engine *e, unsigned int slot)
{
	struct source *src = e->source[slot];
	enum forward_level level;

	pthread_mutex_unlock(&e->lock);
	level = src->ops->sample(src);
	pthread_mutex_lock(&e->lock);
	e->out.nr = 0;
	slots_sampled(&e->slots, slot, level, &e->fw, &e->out);
	settle_event(e, "sampled", (int)slot, e->slots.slot[slot].pin);
}

/* Unlocked: the calls out. */
static void call_out(struct engine *e, const struct effect *eff,
		     struct source *src, unsigned int throttle_us)
{
	struct backend *be = e->config.backend;

	if (eff->kind == EFFECT_DELIVER)
		be->ops->deliver(be, &eff->msg);
	else if (eff->kind == EFFECT_ROUTE)
		be->ops->route(be, eff->pin, &eff->msg);
	else if (eff->kind == EFFECT_RESAMPLE)
		src->ops->resample(src);
	else if (eff->kind == EFFECT_THROTTLE)
		src->ops->throttle(src, throttle_us);
}

/* Locked on entry and on return. */
static void carry_out(struct engine *e, struct effect eff)
{
	struct source *src = e->source[eff.source];
	unsigned int us = forward_throttle_us(&e->fw.forward[eff.source]);

	if (eff.kind == EFFECT_SAMPLE) {
		sample(e, eff.source);
		return;
	}
	pthread_mutex_unlock(&e->lock);
	call_out(e, &eff, src, us);
	pthread_mutex_lock(&e->lock);
}

/* Locked on entry and on return. */
static void drain(struct engine *e)
{
	const struct effect *eff = outbox_open(&e->outbox);

	while (eff) {
		carry_out(e, *eff);
		eff = outbox_done(&e->outbox);
		pthread_cond_broadcast(&e->moved);
	}
}

/* The end of an event that began with enter(). */
static void leave(struct engine *e, const char *event, int source, int pin)
{
	settle_event(e, event, source, pin);
	drain(e);
	pthread_mutex_unlock(&e->lock);
}

int engine_new(struct engine **out, const struct engine_config *config)
{
	struct engine *e;

	assert(config->backend);
	if (!forwarder_takes(config->pins, config->version))
		return -EINVAL;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->config = *config;
	pthread_mutex_init(&e->lock, NULL);
	pthread_cond_init(&e->moved, NULL);
	forwarder_init(&e->fw, config->pins, config->version, config->routed);
	for (unsigned int i = 0; i < FORWARDS_MAX; i++)
		e->source[i] = &nobody;
	*out = e;
	return 0;
}

void engine_free(struct engine *e)
{
	if (!e)
		return;
	assert(slots_next_source(&e->slots, 0) == FORWARDS_MAX);
	pthread_cond_destroy(&e->moved);
	pthread_mutex_destroy(&e->lock);
	free(e);
}

/* ---- slots --------------------------------------------------------------------- */

/* Locked; slot: or an error. */
static int seat(struct engine *e, int slot, struct source *src)
{
	if (slot >= 0) {
		e->source[slot] = src;
		e->counts[slot] = (struct slot_counts){ 0 };
	}
	return slot;
}

int engine_add_level(struct engine *e, struct source *src, unsigned int pin,
		     enum forward_policy policy)
{
	int slot;

	pthread_mutex_lock(&e->lock);
	slot = seat(e, slots_take_level(&e->slots, pin, policy,
					FORWARD_THROTTLE_AFTER, &e->fw), src);
	pthread_mutex_unlock(&e->lock);
	return slot;
}

int engine_add_edge(struct engine *e, struct source *src, unsigned int pin)
{
	int slot;

	pthread_mutex_lock(&e->lock);
	slot = seat(e, slots_take(&e->slots, SLOT_EDGE, pin, &e->fw), src);
	pthread_mutex_unlock(&e->lock);
	return slot;
}

int engine_add_line(struct engine *e, unsigned int pin)
{
	int slot;

	pthread_mutex_lock(&e->lock);
	slot = seat(e, slots_take(&e->slots, SLOT_LINE, pin, &e->fw), &nobody);
	pthread_mutex_unlock(&e->lock);
	return slot;
}

static int pin_of(const struct engine *e, unsigned int slot)
{
	return e->slots.slot[slot].pin;
}

/*
 * The flush goes through the outbox like everything else, so the host line is
 * unmasked in its turn.  The slot is free for another only when all that waited
 * for its source has been carried out.
 */
void engine_remove(struct engine *e, unsigned int slot)
{
	enter(e);
	slots_remove(&e->slots, slot, &e->fw, &e->out);
	settle_event(e, "remove", (int)slot, pin_of(e, slot));
	drain(e);
	while (outbox_holds(&e->outbox, slot))
		pthread_cond_wait(&e->moved, &e->lock);
	slots_free(&e->slots, slot);
	e->source[slot] = &nobody;
	pthread_mutex_unlock(&e->lock);
}

/* ---- events ---------------------------------------------------------------------- */

void engine_source_ready(struct engine *e, unsigned int slot)
{
	enter(e);
	slots_triggered(&e->slots, slot, drain_source(e, slot), &e->fw, &e->out);
	leave(e, "trigger", (int)slot, pin_of(e, slot));
}

void engine_source_timeout(struct engine *e, unsigned int slot)
{
	enter(e);
	slots_timed_out(&e->slots, slot, &e->fw, &e->out);
	leave(e, "timeout", (int)slot, pin_of(e, slot));
}

/* A slot may be another's by the time that somebody asks. */
void engine_cut(struct engine *e, unsigned int slot, const struct source *src,
		bool cut)
{
	enter(e);
	slots_cut(&e->slots, slot, e->source[slot] == src, cut, &e->fw, &e->out);
	leave(e, cut ? "cut" : "join", (int)slot, pin_of(e, slot));
}

void engine_set_line(struct engine *e, unsigned int slot, bool high)
{
	enter(e);
	slots_set_line(&e->slots, slot, high, &e->fw, &e->out);
	leave(e, high ? "raise" : "lower", (int)slot, pin_of(e, slot));
}

void engine_pulse_line(struct engine *e, unsigned int slot)
{
	enter(e);
	slots_pulse_line(&e->slots, slot, &e->fw, &e->out);
	leave(e, "pulse", (int)slot, pin_of(e, slot));
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

/* ---- what was seen -------------------------------------------------------------- */

static struct engine_stats row_of(const struct engine *e, unsigned int slot)
{
	const struct source *src = e->source[slot];
	struct engine_stats row = {
		.pin = e->slots.slot[slot].pin,
		.edge = e->slots.slot[slot].kind == SLOT_EDGE,
		.policy = (enum forward_policy)e->fw.forward[slot].policy,
		.counts = e->counts[slot],
	};

	memcpy(row.name, src->name, sizeof(row.name));
	memcpy(row.host_irq, src->host_irq, sizeof(row.host_irq));
	return row;
}

unsigned int engine_stats(struct engine *e, struct engine_stats *rows,
			  unsigned int max)
{
	unsigned int nr = 0;

	pthread_mutex_lock(&e->lock);
	for (unsigned int i = slots_next_source(&e->slots, 0); i < FORWARDS_MAX;
	     i = slots_next_source(&e->slots, i + 1)) {
		if (nr < max)
			rows[nr] = row_of(e, i);
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
	found = e->source[slot] == src;
	if (found)
		*row = row_of(e, slot);
	pthread_mutex_unlock(&e->lock);
	return found;
}
