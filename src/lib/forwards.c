/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/internal.h"
#include "source/error.h"
#include "source/eventfd.h"
#include "source/vfio_intx.h"
#include "source/vfio_request.h"

/*
 * A forward of a VFIO device can be closed by the listening thread, when the
 * device disappears, and by irqfwd_remove_level(), at the same time.  Whoever
 * takes it out of LEVEL_OPEN closes it.
 *
 *   phase     event                        next      who closes
 *   -------   --------------------------   -------   --------------------
 *   OPENING   all is set up                OPEN      -
 *   OPENING   device gone                  CLOSED    add, which then fails
 *   OPEN      device gone                  CLOSED    the listening thread
 *   OPEN      close, remove                CLOSED    close, remove
 *   CLOSED    close, remove                CLOSED    -
 */
enum level_phase { LEVEL_OPENING, LEVEL_OPEN, LEVEL_CLOSED };

enum level_kind { LEVEL_EVENTFD, LEVEL_INTX };

struct irqfwd_level {
	struct object object;	/* first */
	enum level_kind kind;
	atomic_int phase;	/* enum level_phase */
	union {
		struct eventfd_source eventfd;
		struct vfio_intx intx;
	};
	struct vfio_request request;	/* LEVEL_INTX only */
	bool closed;		/* irqfwd_close_level() was called */
	struct gone gone;
	void (*event)(void *opaque, enum irqfwd_event event);
	void *opaque;
};

struct irqfwd_edge {
	struct object object;	/* first */
	struct eventfd_source eventfd;
};

static bool leave_phase(struct irqfwd_level *level, enum level_phase from,
			enum level_phase to)
{
	int expected = (int)from;

	return atomic_compare_exchange_strong(&level->phase, &expected,
					      (int)to);
}

static void trace_added(struct irqfwd *fwd, const struct input *in,
			unsigned int pin, const char *policy)
{
	char text[160];

	if (!fwd->trace)
		return;
	snprintf(text, sizeof(text), "add %s, host irq %s, policy %s",
		 in->source.name, in->source.host_irq, policy);
	trace_ring_text(fwd->trace, "forward", (int)pin, in->slot, text);
}

static int policy_of(enum irqfwd_policy policy, enum forward_policy *out)
{
	switch (policy) {
	case IRQFWD_POLICY_DEFAULT:
	case IRQFWD_POLICY_UNMASK:
		*out = FORWARD_UNMASK;
		return 0;
	case IRQFWD_POLICY_SAMPLE:
		*out = FORWARD_SAMPLE;
		return 0;
	case IRQFWD_POLICY_EOI:
		*out = FORWARD_EOI;
		return 0;
	}
	return errorf(-EINVAL, "there is no policy %d; take one of enum "
		      "irqfwd_policy", (int)policy);
}

static int level_new(struct irqfwd *fwd, enum level_kind kind,
		     const struct irqfwd_level_config *config,
		     const char *name, struct input_config *input,
		     struct irqfwd_level **out)
{
	struct irqfwd_level *level;
	int error;

	*input = (struct input_config){
		.engine = fwd->engine,
		.loop = fwd->loop,
		.name = config->name ? config->name : name,
		.pin = config->pin,
	};
	error = policy_of(config->policy, &input->policy);
	if (error)
		return error;
	level = calloc(1, sizeof(*level));
	if (!level)
		return errorf(-ENOMEM, "no memory for a forward");
	level->kind = kind;
	level->object.fwd = fwd;	/* report() may come before object_add() */
	level->event = config->event;
	level->opaque = config->opaque;
	atomic_init(&level->phase, LEVEL_OPENING);
	*out = level;
	return 0;
}

/* The suspect's own access failed, so the device may be gone. */
static bool suspect(void *opaque)
{
	struct irqfwd_level *level = opaque;

	return vfio_request_check(&level->request);
}

static enum irqfwd_event event_of(enum vfio_report report)
{
	switch (report) {
	case VFIO_REPORT_REQUESTED:
		return IRQFWD_REMOVE_REQUESTED;
	case VFIO_REPORT_ERROR:
		return IRQFWD_DEVICE_ERROR;
	case VFIO_REPORT_GONE:
		return IRQFWD_DEVICE_GONE;
	}
	abort();
}

static struct input *input_of_level(struct irqfwd_level *level)
{
	return level->kind == LEVEL_INTX ? &level->intx.input :
					   &level->eventfd.input;
}

/* Gives all back but the counters.  Whoever took it out of LEVEL_OPEN. */
static void close_source(struct irqfwd_level *level)
{
	struct input *in = input_of_level(level);
	struct irqfwd *fwd = level->object.fwd;
	struct engine_stats last;
	struct irqfwd_stats row;

	if (!engine_stats_of(fwd->engine, (unsigned int)in->slot, &in->source,
			     &last))
		abort();
	row = stats_row(&last);
	if (level->kind == LEVEL_INTX)
		vfio_intx_close(&level->intx);
	else
		eventfd_source_close(&level->eventfd);
	pthread_mutex_lock(&fwd->lock);
	gone_list(fwd, &level->gone, &row);
	pthread_mutex_unlock(&fwd->lock);
}

/* On the listening thread. */
static void report(void *opaque, enum vfio_report what)
{
	struct irqfwd_level *level = opaque;

	if (what == VFIO_REPORT_GONE) {
		if (leave_phase(level, LEVEL_OPEN, LEVEL_CLOSED))
			close_source(level);
		else if (!leave_phase(level, LEVEL_OPENING, LEVEL_CLOSED))
			return;
	}
	if (level->event)
		level->event(level->opaque, event_of(what));
}

void irqfwd_close_level(struct irqfwd_level *level)
{
	if (level->closed)
		return;
	level->closed = true;
	if (leave_phase(level, LEVEL_OPEN, LEVEL_CLOSED))
		close_source(level);
	/* Waits for report(): it may be closing at this moment. */
	if (level->kind == LEVEL_INTX)
		vfio_request_close(&level->request);
}

static void remove_level(struct object *object)
{
	struct irqfwd_level *level = (struct irqfwd_level *)object;

	irqfwd_close_level(level);
	pthread_mutex_lock(&object->fwd->lock);
	gone_forget(&level->gone);
	pthread_mutex_unlock(&object->fwd->lock);
	object_forget(object);
	free(level);
}

/* The request first: the source may suspect its device as soon as it is open. */
static int open_intx(struct irqfwd_level *level, struct vfio_device *dev,
		     const struct vfio_intx_config *config)
{
	int error;

	error = vfio_request_open(&level->request, dev, config->input.loop,
				  report, level);
	if (error)
		return error;
	error = vfio_intx_open(&level->intx, dev, config);
	if (error)
		goto close_request;
	if (!leave_phase(level, LEVEL_OPENING, LEVEL_OPEN)) {
		error = errorf(-ENODEV, "%s disappeared", dev->address);
		vfio_intx_close(&level->intx);
		goto close_request;
	}
	return 0;

close_request:
	vfio_request_close(&level->request);
	return error;
}

int irqfwd_add_vfio_intx(struct irqfwd *fwd, struct irqfwd_vfio *dev,
			 const struct irqfwd_level_config *config,
			 struct irqfwd_level **out)
{
	struct vfio_intx_config intx = {
		.unmask_by_ioctl = config->unmask_by_ioctl,
		.suspect = suspect,
	};
	struct irqfwd_level *level = NULL;
	int error;

	error = level_new(fwd, LEVEL_INTX, config, dev->dev.address,
			  &intx.input, &level);
	if (error)
		return error;
	assert(level);
	intx.opaque = level;
	error = open_intx(level, &dev->dev, &intx);
	if (error) {
		free(level);
		return error;
	}
	trace_added(fwd, &level->intx.input, config->pin,
		    policy_name(intx.input.policy));
	object_add(fwd, &level->object, remove_level);
	*out = level;
	return 0;
}

int irqfwd_add_eventfd_level(struct irqfwd *fwd, int trigger_fd,
			     int resample_fd,
			     const struct irqfwd_level_config *config,
			     struct irqfwd_level **out)
{
	struct input_config input;
	struct irqfwd_level *level = NULL;
	int error;

	error = level_new(fwd, LEVEL_EVENTFD, config, "eventfd", &input,
			  &level);
	if (error)
		return error;
	assert(level);
	error = eventfd_source_open_level(&level->eventfd, &input, trigger_fd,
					  resample_fd);
	if (error) {
		free(level);
		return error;
	}
	leave_phase(level, LEVEL_OPENING, LEVEL_OPEN);
	trace_added(fwd, &level->eventfd.input, config->pin,
		    policy_name(input.policy));
	object_add(fwd, &level->object, remove_level);
	*out = level;
	return 0;
}

void irqfwd_remove_level(struct irqfwd_level *level)
{
	if (level)
		remove_level(&level->object);
}

/* A device that is gone has left its slot: the engine looks whose it is. */
void irqfwd_level_cut(struct irqfwd_level *level, bool cut)
{
	struct input *in = input_of_level(level);

	engine_cut(in->engine, (unsigned int)in->slot, &in->source, cut);
}

static void remove_edge(struct object *object)
{
	struct irqfwd_edge *edge = (struct irqfwd_edge *)object;

	object_forget(object);
	eventfd_source_close(&edge->eventfd);
	free(edge);
}

int irqfwd_add_eventfd_edge(struct irqfwd *fwd, int trigger_fd,
			    const char *name, unsigned int pin,
			    struct irqfwd_edge **out)
{
	struct input_config input = {
		.engine = fwd->engine,
		.loop = fwd->loop,
		.name = name ? name : "eventfd",
		.pin = pin,
	};
	struct irqfwd_edge *edge = calloc(1, sizeof(*edge));
	int error;

	if (!edge)
		return errorf(-ENOMEM, "no memory for a forward");
	error = eventfd_source_open_edge(&edge->eventfd, &input, trigger_fd);
	if (error) {
		free(edge);
		return error;
	}
	trace_added(fwd, &edge->eventfd.input, pin, "edge");
	object_add(fwd, &edge->object, remove_edge);
	*out = edge;
	return 0;
}

void irqfwd_remove_edge(struct irqfwd_edge *edge)
{
	if (edge)
		remove_edge(&edge->object);
}
