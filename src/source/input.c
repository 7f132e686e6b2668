/* SPDX-License-Identifier: Apache-2.0 */
#include "source/input.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "source/error.h"

static void trigger_ready(void *opaque)
{
	struct input *in = opaque;

	engine_source_ready(in->engine, (unsigned int)in->slot);
}

static void timer_ready(void *opaque)
{
	struct input *in = opaque;
	uint64_t expirations;

	/* Armed again since: then it is not due yet. */
	if (read(in->timer_fd, &expirations, sizeof(expirations)) < 0)
		return;
	engine_source_timeout(in->engine, (unsigned int)in->slot);
}

/* Signals that came together are one: an eventfd is a count, not a queue. */
bool input_drain(struct source *src)
{
	uint64_t count;

	return read(input_of(src)->trigger_fd, &count, sizeof(count)) ==
	       sizeof(count);
}

void input_throttle(struct source *src, unsigned int us)
{
	const struct itimerspec once = { .it_value = {
		.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000l } };

	timerfd_settime(input_of(src)->timer_fd, 0, &once, NULL);
}

static int slot_error(const struct input_config *config, int error)
{
	if (error == -EINVAL)
		return errorf(error, "%s: the irqchip has no pin %u; it has "
			      "as many as irqfwd_config.pins says",
			      config->name, config->pin);
	return errorf(error, "%s: all %d inputs of the irqchip are in use; "
		      "remove a forward or a line", config->name,
		      FORWARDS_MAX);
}

static void take_config(struct input *in, const struct input_config *config,
			int trigger_fd)
{
	in->engine = config->engine;
	in->loop = config->loop;
	in->trigger_fd = trigger_fd;
	in->timer_fd = in->timer_watch = -1;
	snprintf(in->source.name, sizeof(in->source.name), "%s", config->name);
	if (!in->source.host_irq[0])
		strcpy(in->source.host_irq, "-");
}

static int open_timer(struct input *in)
{
	in->timer_fd = timerfd_create(CLOCK_MONOTONIC,
				      TFD_NONBLOCK | TFD_CLOEXEC);
	if (in->timer_fd < 0)
		return errorf(-errno, "%s: cannot make a timer: %m; raise the "
			      "limit of open files", in->source.name);
	return 0;
}

int input_attach_level(struct input *in, const struct input_config *config,
		       int trigger_fd)
{
	int error;

	take_config(in, config, trigger_fd);
	error = open_timer(in);
	if (error)
		return error;
	in->slot = engine_add_level(in->engine, &in->source, config->pin,
				    config->policy);
	if (in->slot < 0) {
		error = slot_error(config, in->slot);
		goto close_timer;
	}
	error = in->timer_watch = loop_add(in->loop, in->timer_fd, timer_ready,
					   in);
	if (error < 0)
		goto remove_slot;
	error = in->trigger_watch = loop_add(in->loop, trigger_fd,
					     trigger_ready, in);
	if (error < 0)
		goto remove_timer;
	return 0;

remove_timer:
	loop_remove(in->loop, in->timer_watch);
remove_slot:
	engine_remove(in->engine, (unsigned int)in->slot);
close_timer:
	close(in->timer_fd);
	return error;
}

int input_attach_edge(struct input *in, const struct input_config *config,
		      int trigger_fd)
{
	take_config(in, config, trigger_fd);
	in->slot = engine_add_edge(in->engine, &in->source, config->pin);
	if (in->slot < 0)
		return slot_error(config, in->slot);
	in->trigger_watch = loop_add(in->loop, trigger_fd, trigger_ready, in);
	if (in->trigger_watch < 0) {
		engine_remove(in->engine, (unsigned int)in->slot);
		return in->trigger_watch;
	}
	return 0;
}

void input_detach(struct input *in)
{
	loop_remove(in->loop, in->trigger_watch);
	if (in->timer_watch >= 0)
		loop_remove(in->loop, in->timer_watch);
	engine_remove(in->engine, (unsigned int)in->slot);
	if (in->timer_fd >= 0)
		close(in->timer_fd);
}
