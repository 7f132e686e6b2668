/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "cli/explore.h"
#include "cli/streams.h"
#include "irqfwd.h"

#define EXIT_USAGE	2

static const struct subcommand {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} subcommands[] = {
	{ "run", cmd_run, "run a guest, with devices passed through" },
	{ "explore", cli_explore, "run scenarios through every interleaving" },
	{ "sim", cli_sim, "run scenarios at random, from a seed" },
};

static void usage(FILE *to)
{
	fputs("Usage: irqfwd SUBCOMMAND [ARGUMENT...]\n"
	      "Forwards the interrupts of host devices into KVM guests, each exactly once.\n"
	      "\n",
	      to);
	for (size_t i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]);
	     i++)
		fprintf(to, "  %-10s %s\n", subcommands[i].name,
			subcommands[i].help);
	fputs("\n"
	      "irqfwd SUBCOMMAND --help tells what each takes; irqfwd --version, which this is.\n",
	      to);
}

int main(int argc, char **argv)
{
	cli_streams();
	if (argc < 2) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		usage(stdout);
		return 0;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		printf("irqfwd %s\n", irqfwd_version());
		return 0;
	}
	for (size_t i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]);
	     i++)
		if (strcmp(argv[1], subcommands[i].name) == 0)
			return subcommands[i].run(argc - 1, argv + 1);
	fprintf(stderr,
		"irqfwd: there is no subcommand '%s': irqfwd --help lists them\n",
		argv[1]);
	return EXIT_USAGE;
}
