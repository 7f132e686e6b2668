/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands about simulated worlds.  argv[0] is the subcommand's name. */
#ifndef CLI_EXPLORE_H
#define CLI_EXPLORE_H

/* Exit codes of both. */
enum {
	CLI_AS_EXPECTED = 0,
	CLI_UNEXPECTED = 1,	/* a verdict is not the expected one */
	CLI_USAGE = 2,		/* options, scenario files */
	CLI_NOT_FINISHED = 3,	/* a limit was reached first */
};

int cli_explore(int argc, char **argv);
int cli_sim(int argc, char **argv);

#endif
