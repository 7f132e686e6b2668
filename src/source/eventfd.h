/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sources behind a pair of eventfds: a device that the VMM emulates in another
 * thread, or that another process serves.
 *
 * Level: the server signals trigger_fd when its line rises and keeps quiet
 * until resample_fd is signalled; then it signals again if the line is high
 * still.  It is VFIO's automask and unmask, kept by somebody else.
 */
#ifndef SOURCE_EVENTFD_H
#define SOURCE_EVENTFD_H

#include "source/input.h"

struct eventfd_source {
	struct input input;	/* first */
	int resample_fd;	/* borrowed; level only */
};

/*
 * The descriptors stay the caller's, and become non-blocking.  -EINVAL: not an
 * eventfd; otherwise as input_attach_level().  Each with a sentence.
 */
int eventfd_source_open_level(struct eventfd_source *es,
			      const struct input_config *config, int trigger_fd,
			      int resample_fd);
int eventfd_source_open_edge(struct eventfd_source *es,
			     const struct input_config *config, int trigger_fd);
void eventfd_source_close(struct eventfd_source *es);

#endif
