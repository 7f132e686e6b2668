/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/streams.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * A stream that the caller closed would be the next file that is opened, and a
 * guest's output would go into it.  Its number is taken by a file that fails as
 * the closed stream would: in the wrong direction.
 */
static void occupy(int fd, int wrong_direction)
{
	if (fcntl(fd, F_GETFD) >= 0)
		return;
	if (open("/dev/null", wrong_direction) != fd)
		_exit(CLI_STREAMS_FAILED);
}

/* Not where a reader has had enough (irqfwd … | head): then nothing is missed. */
static void check_output(void)
{
	bool failed = ferror(stdout);	/* long ago: the reason is gone */
	bool full = fflush(stdout) != 0;

	if (!failed && (!full || errno == EPIPE))
		return;
	fprintf(stderr, "irqfwd: cannot write all of standard output%s%s%s\n",
		full ? " (" : "", full ? strerror(errno) : "", full ? ")" : "");
	_exit(CLI_STREAMS_FAILED);
}

void cli_streams(void)
{
	occupy(STDIN_FILENO, O_WRONLY);
	occupy(STDOUT_FILENO, O_RDONLY);
	occupy(STDERR_FILENO, O_RDONLY);
	atexit(check_output);
}
