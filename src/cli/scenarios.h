/* SPDX-License-Identifier: Apache-2.0 */
/* Where scenario files are, and what explore and sim share. */
#ifndef CLI_SCENARIOS_H
#define CLI_SCENARIOS_H

#include <getopt.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "sim/scenario.h"

/*
 * name: a path (with a '/' or ending in .json), or the name of a file in
 * $IRQFWD_SCENARIOS, the installed directory or the source's.
 */
int cli_scenario(const char *name, struct scenario *out, char *err, size_t n);

/*
 * Names of all scenarios there are, sorted; the array and what is in it are
 * malloced.  Returns how many, or -errno and a sentence in err.
 */
int cli_scenario_names(char ***out, char *err, size_t n);

/* "eoi", "unmask", "sample"; "-" where no forward of ours is in the world */
const char *cli_policy_name(const struct world_config *c);

/* "12", "64M", "4G": -1 if it is no number. */
int cli_number(const char *text, unsigned long long *out);

/*
 * Options into what opaque points to; take() looks at optarg and gives 0 or an
 * exit code.  Positive or 0: the exit code of the subcommand, which is done;
 * CLI_GO_ON: the arguments begin at optind.
 */
#define CLI_GO_ON	(-1)
int cli_options(int argc, char **argv, const struct option *options,
		const char *help, int (*take)(void *opaque, int option),
		void *opaque);

/* --policy and --variant; NULL: any. */
bool cli_is_policy(const char *text);
bool cli_chosen(const struct variant *v, const char *variant,
		const char *policy);

/* The names of these PROPERTY_BITs, behind before; nothing if there are none. */
void cli_print_properties(const char *before, uint16_t properties);
struct json_object *cli_properties_json(uint16_t properties);

void cli_print_json(struct json_object *o);

#endif
