/* SPDX-License-Identifier: Apache-2.0 */
/*
 * irqfwd-explore: the subcommands explore and sim alone.  Mutants are built
 * with it: it needs nothing of the host but the C library.
 */
#include <stdio.h>
#include <string.h>

#include "cli/explore.h"
#include "cli/streams.h"

int main(int argc, char **argv)
{
	cli_streams();
	if (argc > 1 && !strcmp(argv[1], "explore"))
		return cli_explore(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "sim"))
		return cli_sim(argc - 1, argv + 1);
	fprintf(stderr, "usage: irqfwd-explore explore|sim …; each has --help\n");
	return CLI_USAGE;
}
