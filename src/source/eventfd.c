/* SPDX-License-Identifier: Apache-2.0 */
#include "source/eventfd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "source/error.h"

/* An eventfd only refuses one signal more than 2^64 - 2 that nobody took. */
static void resample(struct source *src)
{
	struct eventfd_source *es = (struct eventfd_source *)input_of(src);
	uint64_t one = 1;

	if (write(es->resample_fd, &one, sizeof(one)) < 0)
		return;
}

static enum forward_level sample(struct source *src)
{
	return FORWARD_LEVEL_UNKNOWN;
}

static const struct source_ops eventfd_ops = {
	.drain = input_drain,
	.resample = resample,
	.sample = sample,
	.throttle = input_throttle,
};

/*
 * The engine reads under its lock, so the descriptor must not block; and a
 * pipe or socket by mistake would never be empty.
 */
static int prepare(int fd, const char *name, const char *role)
{
	char path[32], target[64];
	ssize_t len;
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return errorf(-EBADF, "%s: %s descriptor %d is not open", name,
			      role, fd);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	len = readlink(path, target, sizeof(target) - 1);
	target[len < 0 ? 0 : len] = '\0';
	if (len >= 0 && strcmp(target, "anon_inode:[eventfd]") != 0)
		return errorf(-EINVAL, "%s: %s descriptor %d is %s; give the "
			      "result of eventfd(2)", name, role, fd, target);
	if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return errorf(-errno, "%s: %s descriptor %d cannot be made "
			      "non-blocking: %m", name, role, fd);
	return 0;
}

int eventfd_source_open_level(struct eventfd_source *es,
			      const struct input_config *config, int trigger_fd,
			      int resample_fd)
{
	int error;

	memset(es, 0, sizeof(*es));
	es->input.source.ops = &eventfd_ops;
	es->resample_fd = resample_fd;
	error = prepare(trigger_fd, config->name, "trigger");
	if (!error)
		error = prepare(resample_fd, config->name, "resample");
	if (!error)
		error = input_attach_level(&es->input, config, trigger_fd);
	return error;
}

int eventfd_source_open_edge(struct eventfd_source *es,
			     const struct input_config *config, int trigger_fd)
{
	int error;

	memset(es, 0, sizeof(*es));
	es->input.source.ops = &eventfd_ops;
	es->resample_fd = -1;
	error = prepare(trigger_fd, config->name, "trigger");
	if (!error)
		error = input_attach_edge(&es->input, config, trigger_fd);
	return error;
}

void eventfd_source_close(struct eventfd_source *es)
{
	input_detach(&es->input);
}
