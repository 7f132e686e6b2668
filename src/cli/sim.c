/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/explore.h"

#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/scenarios.h"
#include "explore/trace_file.h"
#include "explore/walk.h"
#include "explore/world_model.h"

static const char help[] =
"usage: irqfwd sim SCENARIO [options]\n"
"\n"
"Walks through a simulated world at random, for worlds too large to exhaust\n"
"(irqfwd explore).  A seed says everything: the same seed, the same walks.\n"
"\n"
"  --seed N      first run's seed; the next run's is one higher; default 1\n"
"  --steps N     steps of a run at most; default 10000\n"
"  --runs N      runs of each variant; default 100\n"
"  --policy P    variants whose forward has this policy: eoi, unmask, sample\n"
"  --variant V   this variant only\n"
"  --trace       print the walk of a failing run as it was, not shortened\n"
"  --save FILE   write the failing sequence, shortened, to be replayed by\n"
"                irqfwd explore --replay\n"
"  --json        results as JSON\n"
"  --help        this text\n"
"\n"
"Exit: 0 a variant that is expected to break broke, and no other one did; 1\n"
"else; 2 bad usage or bad file.  Cycles (no-storm, progress) are for explore.\n";

struct options {
	unsigned long long seed, steps, runs;
	const char *policy, *variant, *save;
	bool trace, json;
};

enum { OPT_SEED = 256, OPT_STEPS, OPT_RUNS, OPT_POLICY, OPT_VARIANT,
       OPT_TRACE, OPT_SAVE, OPT_JSON };

static const struct option long_options[] = {
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "steps", required_argument, NULL, OPT_STEPS },
	{ "runs", required_argument, NULL, OPT_RUNS },
	{ "policy", required_argument, NULL, OPT_POLICY },
	{ "variant", required_argument, NULL, OPT_VARIANT },
	{ "trace", no_argument, NULL, OPT_TRACE },
	{ "save", required_argument, NULL, OPT_SAVE },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

/* A series of runs of one variant. */
struct series {
	unsigned long long runs;	/* done, with the failing one */
	uint64_t steps, digest;
	uint64_t seed;			/* of the failing run */
	struct walk_result failed;	/* failed.property 0: none did */
};

static int take_option(void *opaque, int option)
{
	struct options *o = opaque;
	unsigned long long *number = NULL;

	switch (option) {
	case OPT_SEED:
		number = &o->seed;
		break;
	case OPT_STEPS:
		number = &o->steps;
		break;
	case OPT_RUNS:
		number = &o->runs;
		break;
	case OPT_POLICY:
		if (!cli_is_policy(optarg)) {
			fprintf(stderr, "irqfwd sim: --policy is eoi, unmask or sample, not: %s\n",
				optarg);
			return CLI_USAGE;
		}
		o->policy = optarg;
		return 0;
	case OPT_VARIANT:
		o->variant = optarg;
		return 0;
	case OPT_TRACE:
		o->trace = true;
		return 0;
	case OPT_SAVE:
		o->save = optarg;
		return 0;
	case OPT_JSON:
		o->json = true;
		return 0;
	}
	if (number && !cli_number(optarg, number) &&
	    (option == OPT_SEED || (*number && *number <= UINT_MAX)))
		return 0;
	if (number)
		fprintf(stderr, "irqfwd sim: not a number%s: %s\n",
			option == OPT_SEED ? "" : " above 0 and below 4G",
			optarg);
	else
		fprintf(stderr, "irqfwd sim: --help shows the options\n");
	return CLI_USAGE;
}

static int run_series(const struct options *o, const struct model *m,
		      struct series *out)
{
	memset(out, 0, sizeof(*out));
	for (unsigned long long i = 0; i < o->runs; i++) {
		struct walk_result r;
		uint64_t seed = walk_seed(o->seed, (unsigned int)i);
		int ret = walk_run(m, seed, (unsigned int)o->steps, &r);

		if (ret)
			return ret;
		out->runs++;
		out->steps += r.steps;
		out->digest = out->digest * 31 + r.digest;
		if (!r.property)
			continue;
		out->seed = seed;
		out->failed = r;
		return 0;
	}
	return 0;
}

/* Only a walk can tell: cycles are not looked at here. */
static bool as_expected(const struct variant *v, const struct series *s)
{
	if (v->expect == PROPERTY_NO_STORM || v->expect == PROPERTY_PROGRESS)
		return !s->failed.property;
	return (enum property)s->failed.property == v->expect;
}

static uint16_t not_looked_at(const struct variant *v)
{
	return v->config.properties & world_cycle_properties();
}

static struct json_object *series_json(const struct scenario *sc,
				       const struct variant *v,
				       const struct series *s)
{
	struct json_object *o = json_object_new_object();
	char digest[24];

	snprintf(digest, sizeof(digest), "%016llx",
		 (unsigned long long)s->digest);
	json_object_object_add(o, "scenario", json_object_new_string(sc->name));
	json_object_object_add(o, "variant", json_object_new_string(v->name));
	json_object_object_add(o, "runs",
			       json_object_new_int64((int64_t)s->runs));
	json_object_object_add(o, "steps",
			       json_object_new_int64((int64_t)s->steps));
	json_object_object_add(o, "digest", json_object_new_string(digest));
	json_object_object_add(o, "broken", s->failed.property ?
		json_object_new_string(property_name(
			(enum property)s->failed.property)) : NULL);
	if (s->failed.property)
		json_object_object_add(o, "seed",
				       json_object_new_int64((int64_t)s->seed));
	json_object_object_add(o, "not_looked_at",
			       cli_properties_json(not_looked_at(v)));
	json_object_object_add(o, "as_expected",
			       json_object_new_boolean(as_expected(v, s)));
	return o;
}

static void print_series(const struct options *o, const struct scenario *sc,
			 const struct variant *v, struct series *s)
{
	struct model m = world_model(&v->config);
	unsigned int gone;

	printf("%s, %s: %llu runs, %llu steps, digest %016llx: ", sc->name,
	       v->name, s->runs, (unsigned long long)s->steps,
	       (unsigned long long)s->digest);
	if (!s->failed.property) {
		printf("nothing broke%s",
		       as_expected(v, s) ? "" : " (EXPECTED to)");
		cli_print_properties("; not looked at:", not_looked_at(v));
		printf("\n");
		return;
	}
	printf("breaks %s%s\n",
	       property_name((enum property)s->failed.property),
	       as_expected(v, s) ? "" : " (NOT EXPECTED)");
	printf("again: irqfwd sim %s --variant %s --seed %llu --steps %llu --runs 1\n",
	       sc->name, v->name, (unsigned long long)s->seed, o->steps);
	if (!o->trace) {
		gone = walk_shrink(&m, &s->failed.path);
		printf("shortened by %u steps:\n", gone);
	}
	trace_print(stdout, &m, &s->failed.path);
}

static int save(const struct options *o, const struct scenario *sc,
		const struct variant *v, struct series *s)
{
	struct model m = world_model(&v->config);
	struct trace_names names;
	char err[256];

	if (!o->save || !s->failed.property)
		return 0;
	walk_shrink(&m, &s->failed.path);
	snprintf(names.scenario, sizeof(names.scenario), "%s", sc->name);
	snprintf(names.variant, sizeof(names.variant), "%s", v->name);
	if (!trace_save(o->save, &m, &s->failed.path, &names, err, sizeof(err)))
		return 0;
	fprintf(stderr, "irqfwd sim: %s\n", err);
	return CLI_USAGE;
}

static int sim_variant(const struct options *o, const struct scenario *sc,
		       const struct variant *v, struct json_object *rows)
{
	struct model m = world_model(&v->config);
	struct series s;
	int code, ret = run_series(o, &m, &s);

	if (ret) {
		fprintf(stderr, "irqfwd sim: %s\n", strerror(-ret));
		return CLI_USAGE;
	}
	if (o->json)
		json_object_array_add(rows, series_json(sc, v, &s));
	else
		print_series(o, sc, v, &s);
	code = save(o, sc, v, &s);
	if (!code)
		code = as_expected(v, &s) ? CLI_AS_EXPECTED : CLI_UNEXPECTED;
	path_free(&s.failed.path);
	return code;
}

static int sim(const struct options *o, const char *name)
{
	struct json_object *rows = json_object_new_array();
	int code = CLI_AS_EXPECTED;
	unsigned int nr = 0;
	struct scenario sc;
	char err[512];

	if (cli_scenario(name, &sc, err, sizeof(err))) {
		fprintf(stderr, "irqfwd sim: bad scenario: %s\n", err);
		code = CLI_USAGE;
	}
	for (unsigned int i = 0; i < sc.nr && code != CLI_USAGE; i++) {
		const struct variant *v = &sc.variant[i];
		int ret;

		if (!cli_chosen(v, o->variant, o->policy))
			continue;
		nr++;
		ret = sim_variant(o, &sc, v, rows);
		code = ret > code ? ret : code;
	}
	if (code != CLI_USAGE && !nr) {
		fprintf(stderr, "irqfwd sim: %s has no such variant; irqfwd explore --list %s shows them\n",
			name, name);
		code = CLI_USAGE;
	}
	if (o->json && code != CLI_USAGE)
		cli_print_json(rows);
	json_object_put(rows);
	return code;
}

int cli_sim(int argc, char **argv)
{
	struct options o = { .seed = 1, .steps = 10000, .runs = 100 };
	int code = cli_options(argc, argv, long_options, help, take_option,
			       &o);

	if (code != CLI_GO_ON)
		return code;
	if (optind + 1 != argc) {
		fputs(help, stderr);
		return CLI_USAGE;
	}
	return sim(&o, argv[optind]);
}
