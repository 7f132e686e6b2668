/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/scenarios.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/explore.h"

#define SUFFIX	".json"

/* The first of these that exists is used. */
static const char *scenario_dir(void)
{
	static const char *const dirs[] = { SCENARIO_SOURCE_DIR,
					    SCENARIO_DATA_DIR };
	const char *chosen = getenv("IRQFWD_SCENARIOS");

	if (chosen && *chosen)
		return chosen;
	for (unsigned int i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		if (!access(dirs[i], R_OK | X_OK))
			return dirs[i];
	return SCENARIO_DATA_DIR;
}

static bool has_suffix(const char *name)
{
	size_t n = strlen(name), s = strlen(SUFFIX);

	return n > s && !strcmp(name + n - s, SUFFIX);
}

int cli_scenario(const char *name, struct scenario *out, char *err, size_t n)
{
	char path[4096];

	if (strchr(name, '/') || has_suffix(name))
		return scenario_load(name, out, err, n);
	snprintf(path, sizeof(path), "%s/%s" SUFFIX, scenario_dir(), name);
	if (access(path, F_OK)) {
		snprintf(err, n, "%s: no such scenario in %s; --list shows them, a path names a file of your own",
			 name, scenario_dir());
		return -ENOENT;
	}
	return scenario_load(path, out, err, n);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int cli_scenario_names(char ***out, char *err, size_t n)
{
	DIR *dir = opendir(scenario_dir());
	char **names = NULL;
	struct dirent *e;
	int nr = 0;

	if (!dir) {
		snprintf(err, n, "%s: %s; IRQFWD_SCENARIOS names another directory",
			 scenario_dir(), strerror(errno));
		return -ENOENT;
	}
	while ((e = readdir(dir))) {
		char **more;

		if (!has_suffix(e->d_name))
			continue;
		more = realloc(names, ((size_t)nr + 1) * sizeof(*names));
		if (!more)
			break;
		names = more;
		names[nr] = strndup(e->d_name,
				    strlen(e->d_name) - strlen(SUFFIX));
		if (names[nr])
			nr++;
	}
	closedir(dir);
	if (nr)
		qsort(names, (size_t)nr, sizeof(*names), by_name);
	*out = names;
	return nr;
}

const char *cli_policy_name(const struct world_config *c)
{
	static const char *const names[] = {
		[FORWARD_EOI] = "eoi",
		[FORWARD_UNMASK] = "unmask",
		[FORWARD_SAMPLE] = "sample",
	};

	if (c->kind != WORLD_FORWARD || c->irqchip == IRQCHIP_KVM)
		return "-";
	return c->policy <= FORWARD_SAMPLE ? names[c->policy] : "?";
}

int cli_number(const char *text, unsigned long long *out)
{
	char *end;
	unsigned int shift = 0;

	errno = 0;
	*out = strtoull(text, &end, 0);
	if (end == text || errno || *text == '-')
		return -1;
	switch (*end) {
	case 'G':
		shift = 30;
		break;
	case 'M':
		shift = 20;
		break;
	case 'K':
		shift = 10;
		break;
	}
	if (shift)
		end++;
	if (*end || *out > ULLONG_MAX >> shift)
		return -1;
	*out <<= shift;
	return 0;
}

int cli_options(int argc, char **argv, const struct option *options,
		const char *help, int (*take)(void *opaque, int option),
		void *opaque)
{
	int option, code;

	optind = 1;
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			return CLI_AS_EXPECTED;
		}
		code = take(opaque, option);
		if (code)
			return code;
	}
	return CLI_GO_ON;
}

bool cli_is_policy(const char *text)
{
	return !strcmp(text, "eoi") || !strcmp(text, "unmask") ||
	       !strcmp(text, "sample");
}

bool cli_chosen(const struct variant *v, const char *variant,
		const char *policy)
{
	if (variant && strcmp(variant, v->name))
		return false;
	return !policy || !strcmp(policy, cli_policy_name(&v->config));
}

void cli_print_properties(const char *before, uint16_t properties)
{
	if (properties)
		printf("%s", before);
	for (int p = PROPERTY_NONE + 1; p < PROPERTY_NR; p++)
		if (properties & PROPERTY_BIT(p))
			printf(" %s", property_name((enum property)p));
}

struct json_object *cli_properties_json(uint16_t properties)
{
	struct json_object *list = json_object_new_array();

	for (int p = PROPERTY_NONE + 1; p < PROPERTY_NR; p++)
		if (properties & PROPERTY_BIT(p))
			json_object_array_add(list, json_object_new_string(
						property_name((enum property)p)));
	return list;
}

void cli_print_json(struct json_object *o)
{
	printf("%s\n", json_object_to_json_string_ext(
			       o, JSON_C_TO_STRING_PRETTY |
					  JSON_C_TO_STRING_SPACED |
					  JSON_C_TO_STRING_NOSLASHESCAPE));
}
