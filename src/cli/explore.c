/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/explore.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/scenarios.h"
#include "explore/trace_file.h"
#include "explore/verdict.h"
#include "explore/world_model.h"

#define DEFAULT_MEMORY	(4ull << 30)

static const char help[] =
"usage: irqfwd explore SCENARIO… [options]\n"
"       irqfwd explore --all [options]\n"
"       irqfwd explore --replay FILE [--variant V]\n"
"       irqfwd explore --list [SCENARIO…]\n"
"\n"
"Runs the forwarding code through every interleaving of a simulated world, and\n"
"prints what each variant of the scenario breaks, as the shortest sequence of\n"
"steps, or that it holds.  SCENARIO is a name (--list) or a file.\n"
"\n"
"  --policy P       variants whose forward has this policy: eoi, unmask, sample\n"
"  --variant V      this variant only\n"
"  --property NAME  look at this property only (may be repeated)\n"
"  --all            every scenario, as a table\n"
"  --list           names of the scenarios and their variants\n"
"  --json           the same as JSON\n"
"  --save FILE      write the counterexample (for one variant)\n"
"  --replay FILE    walk a saved counterexample again, in its variant or in V\n"
"  --max-states N   stop after N states\n"
"  --max-memory N   stop at N bytes (K, M, G); default 4G\n"
"  --time S         stop after S seconds, for each variant\n"
"  --workers N      threads; default: one for each CPU\n"
"  --lossy          keep hashes of states: less memory, may miss states, and\n"
"                   does not look for cycles (no-storm, progress)\n"
"  --keep-going     look at all states, even if something broke\n"
"  --quiet          no progress lines\n"
"  --help           this text\n"
"\n"
"Exit: 0 every verdict is the expected one, 1 one is not, 2 bad usage or bad\n"
"file, 3 a limit was reached first, or what is expected is about cycles and the\n"
"search was lossy.\n";

struct options {
	struct search_options search;
	const char *policy, *variant, *save, *replay;
	uint16_t properties;	/* 0: those of the scenario */
	bool all, list, json;
};

enum {
	OPT_POLICY = 256, OPT_VARIANT, OPT_PROPERTY, OPT_ALL, OPT_LIST,
	OPT_JSON, OPT_SAVE, OPT_REPLAY, OPT_MAX_STATES, OPT_MAX_MEMORY,
	OPT_TIME, OPT_WORKERS, OPT_LOSSY, OPT_KEEP_GOING,
	OPT_QUIET,
};

static const struct option long_options[] = {
	{ "policy", required_argument, NULL, OPT_POLICY },
	{ "variant", required_argument, NULL, OPT_VARIANT },
	{ "property", required_argument, NULL, OPT_PROPERTY },
	{ "all", no_argument, NULL, OPT_ALL },
	{ "list", no_argument, NULL, OPT_LIST },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "save", required_argument, NULL, OPT_SAVE },
	{ "replay", required_argument, NULL, OPT_REPLAY },
	{ "max-states", required_argument, NULL, OPT_MAX_STATES },
	{ "max-memory", required_argument, NULL, OPT_MAX_MEMORY },
	{ "time", required_argument, NULL, OPT_TIME },
	{ "workers", required_argument, NULL, OPT_WORKERS },
	{ "lossy", no_argument, NULL, OPT_LOSSY },
	{ "keep-going", no_argument, NULL, OPT_KEEP_GOING },
	{ "quiet", no_argument, NULL, OPT_QUIET },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

/* One variant, and what was found out about it. */
struct row {
	const struct scenario *scenario;
	struct variant variant;
	bool expect_known;	/* --property may leave nothing to expect */
	struct verdict verdict;
};

static int complain(const char *what, const char *value)
{
	fprintf(stderr, "irqfwd explore: %s: %s\n", what, value);
	return CLI_USAGE;
}

static int take_property(struct options *o, const char *name)
{
	enum property p;

	if (property_parse(name, &p)) {
		o->properties |= PROPERTY_BIT(p);
		return 0;
	}
	fprintf(stderr, "irqfwd explore: --property %s: no such property; there are:",
		name);
	for (int i = PROPERTY_NONE + 1; i < PROPERTY_NR; i++)
		fprintf(stderr, " %s", property_name((enum property)i));
	fprintf(stderr, "\n");
	return CLI_USAGE;
}

static int take_limit(struct options *o, int option, const char *value)
{
	unsigned long long number;
	char *end;

	if (option == OPT_TIME) {
		o->search.seconds = strtod(value, &end);
		if (*end || o->search.seconds <= 0)
			return complain("--time takes seconds, not", value);
		return 0;
	}
	if (cli_number(value, &number) || !number)
		return complain("not a number above 0", value);
	if (option == OPT_MAX_STATES)
		o->search.max_states = number;
	else if (option == OPT_MAX_MEMORY)
		o->search.max_memory = number;
	else
		o->search.workers = (unsigned int)number;
	return 0;
}

static int take_option(void *opaque, int option)
{
	struct options *o = opaque;

	switch (option) {
	case OPT_POLICY:
		if (!cli_is_policy(optarg))
			return complain("--policy is eoi, unmask or sample, not",
					optarg);
		o->policy = optarg;
		return 0;
	case OPT_VARIANT:
		o->variant = optarg;
		return 0;
	case OPT_PROPERTY:
		return take_property(o, optarg);
	case OPT_ALL:
		o->all = true;
		return 0;
	case OPT_LIST:
		o->list = true;
		return 0;
	case OPT_JSON:
		o->json = true;
		return 0;
	case OPT_SAVE:
		o->save = optarg;
		return 0;
	case OPT_REPLAY:
		o->replay = optarg;
		return 0;
	case OPT_LOSSY:
		o->search.lossy = true;
		return 0;
	case OPT_KEEP_GOING:
		o->search.keep_going = true;
		return 0;
	case OPT_QUIET:
		o->search.progress = NULL;
		return 0;
	case OPT_MAX_STATES:
	case OPT_MAX_MEMORY:
	case OPT_TIME:
	case OPT_WORKERS:
		return take_limit(o, option, optarg);
	}
	fprintf(stderr, "irqfwd explore: --help shows the options\n");
	return CLI_USAGE;
}

/* ---- what was found ------------------------------------------------------ */

/* PROPERTY_BITs of the variant's properties that a lossy search leaves out. */
static uint16_t not_looked_at(const struct row *r)
{
	if (!r->verdict.lossy)
		return 0;
	return r->variant.config.properties & world_cycle_properties();
}

/* Nothing broke, but what was to be found out was not looked at. */
static bool left_out(const struct row *r)
{
	uint16_t out = not_looked_at(r);

	return r->verdict.end == SEARCH_HOLDS && out &&
	       (out == r->variant.config.properties ||
		(r->expect_known && r->variant.expect != PROPERTY_NONE &&
		 out & PROPERTY_BIT(r->variant.expect)));
}

static bool finished(const struct row *r)
{
	return (r->verdict.end == SEARCH_HOLDS && !left_out(r)) ||
	       r->verdict.end == SEARCH_BROKEN;
}

static bool as_expected(const struct row *r)
{
	if (r->verdict.end != SEARCH_BROKEN)
		return finished(r) &&
		       (!r->expect_known || r->variant.expect == PROPERTY_NONE);
	return r->expect_known &&
	       (enum property)r->verdict.property == r->variant.expect;
}

static int exit_code(const struct row *r)
{
	if (!finished(r))
		return CLI_NOT_FINISHED;
	return as_expected(r) ? CLI_AS_EXPECTED : CLI_UNEXPECTED;
}

/* "holds", or the property that broke, or why it was not finished. */
static void short_verdict(const struct row *r, char *buf, size_t n)
{
	if (r->verdict.end == SEARCH_BROKEN)
		snprintf(buf, n, "%s",
			 property_name((enum property)r->verdict.property));
	else if (left_out(r))
		snprintf(buf, n, "not finished: --lossy (cycles)");
	else
		verdict_text(&r->verdict, buf, n);
}

static const char *expected_text(const struct row *r)
{
	if (!r->expect_known)
		return "-";
	return r->variant.expect == PROPERTY_NONE
		       ? "holds"
		       : property_name(r->variant.expect);
}

static double bytes_per_state(const struct row *r)
{
	const struct search_result *s = &r->verdict.search;

	return s->states ? (double)s->bytes / (double)s->states : 0;
}

static void names_of(const struct row *r, struct trace_names *out)
{
	snprintf(out->scenario, sizeof(out->scenario), "%s", r->scenario->name);
	snprintf(out->variant, sizeof(out->variant), "%s", r->variant.name);
}

static struct json_object *row_json(const struct row *r, bool with_trace)
{
	const struct search_result *s = &r->verdict.search;
	struct json_object *o = json_object_new_object();
	struct model m = world_model(&r->variant.config);
	struct trace_names names;
	char verdict[80];

	short_verdict(r, verdict, sizeof(verdict));
	json_object_object_add(o, "scenario",
			       json_object_new_string(r->scenario->name));
	json_object_object_add(o, "variant",
			       json_object_new_string(r->variant.name));
	json_object_object_add(o, "policy", json_object_new_string(
				cli_policy_name(&r->variant.config)));
	json_object_object_add(o, "verdict", json_object_new_string(verdict));
	json_object_object_add(o, "expected",
			       json_object_new_string(expected_text(r)));
	json_object_object_add(o, "as_expected",
			       json_object_new_boolean(as_expected(r)));
	json_object_object_add(o, "finished",
			       json_object_new_boolean(finished(r)));
	json_object_object_add(o, "lossy",
			       json_object_new_boolean(r->verdict.lossy));
	json_object_object_add(o, "not_looked_at",
			       cli_properties_json(not_looked_at(r)));
	json_object_object_add(o, "states",
			       json_object_new_int64((int64_t)s->states));
	json_object_object_add(o, "transitions",
			       json_object_new_int64((int64_t)s->transitions));
	json_object_object_add(o, "depth", json_object_new_int64(s->depth));
	json_object_object_add(o, "steps", json_object_new_int64(
				r->verdict.has_path ? r->verdict.path.nr : 0));
	json_object_object_add(o, "search_seconds",
			       json_object_new_double(s->seconds));
	json_object_object_add(o, "seconds",
			       json_object_new_double(r->verdict.seconds));
	json_object_object_add(o, "bytes_per_state",
			       json_object_new_double(bytes_per_state(r)));
	names_of(r, &names);
	if (with_trace && r->verdict.has_path)
		json_object_object_add(o, "trace",
				       trace_json(&m, &r->verdict.path, &names));
	return o;
}

static void print_numbers(const struct row *r)
{
	const struct search_result *s = &r->verdict.search;

	printf("%llu states, %llu transitions, depth %u, %.2f s, %.1f bytes/state\n",
	       (unsigned long long)s->states,
	       (unsigned long long)s->transitions, s->depth,
	       r->verdict.seconds, bytes_per_state(r));
}

/* Of a lossy search: hashes that fall together hide a state. */
static void print_holds(const struct row *r)
{
	uint16_t out = not_looked_at(r);

	printf(r->verdict.lossy ? "holds in every interleaving, if no state was missed (lossy):"
				: "holds in every interleaving:");
	cli_print_properties("", r->variant.config.properties & (uint16_t)~out);
	cli_print_properties("; not looked at:", out);
	printf("\n");
}

static void print_row(const struct row *r)
{
	struct model m = world_model(&r->variant.config);
	char verdict[80];

	short_verdict(r, verdict, sizeof(verdict));
	printf("%s, %s: ", r->scenario->name, r->variant.name);
	if (r->verdict.end == SEARCH_BROKEN) {
		printf("breaks %s%s\n", verdict,
		       as_expected(r) ? ", as expected" : "");
		if (r->verdict.has_path)
			trace_print(stdout, &m, &r->verdict.path);
		else
			printf("(lossy, and the sequence does not fit into --max-memory)\n");
	} else if (finished(r)) {
		print_holds(r);
	} else {
		printf("%s; nothing broke as far as it went", verdict);
		cli_print_properties("; not looked at:", not_looked_at(r));
		printf("\n");
	}
	if (finished(r) && !as_expected(r))
		printf("EXPECTED: %s\n", expected_text(r));
	print_numbers(r);
}

static void print_table_head(void)
{
	printf("%-18s %-16s %-7s %-14s %-12s %11s %12s %6s %7s %7s\n",
	       "scenario", "variant", "policy", "verdict", "expected", "states",
	       "transitions", "depth", "time", "bytes/s");
}

static void print_table_row(const struct row *r)
{
	const struct search_result *s = &r->verdict.search;
	char verdict[80];

	short_verdict(r, verdict, sizeof(verdict));
	printf("%-18s %-16s %-7s %-14s %-12s %11llu %12llu %6u %6.2fs %7.1f",
	       r->scenario->name, r->variant.name,
	       cli_policy_name(&r->variant.config), verdict, expected_text(r),
	       (unsigned long long)s->states,
	       (unsigned long long)s->transitions, s->depth,
	       r->verdict.seconds, bytes_per_state(r));
	cli_print_properties("  not looked at:", not_looked_at(r));
	printf("%s\n", as_expected(r) ? "" : "  <- NOT AS EXPECTED");
	fflush(stdout);
}

/* ---- what is to be done -------------------------------------------------- */

static int explore(const struct options *o, struct row *r)
{
	struct model m;
	int ret;

	r->expect_known = true;
	if (o->properties) {
		r->variant.config.properties = o->properties;
		world_configure(&r->variant.config);
		r->expect_known = r->variant.expect == PROPERTY_NONE ||
				  o->properties &
					  PROPERTY_BIT(r->variant.expect);
	}
	m = world_model(&r->variant.config);
	ret = verdict_find(&m, &o->search, &r->verdict);
	if (ret)
		fprintf(stderr, "irqfwd explore: %s, %s: %s\n",
			r->scenario->name, r->variant.name, strerror(-ret));
	return ret;
}

static int save(const struct options *o, const struct row *r,
		unsigned int *saved)
{
	struct model m = world_model(&r->variant.config);
	struct trace_names names;
	char err[256];

	if (!o->save || !r->verdict.has_path)
		return 0;
	if ((*saved)++)
		return complain("--save: more than one variant breaks, the first one is saved; choose with --variant",
				o->save);
	names_of(r, &names);
	if (!trace_save(o->save, &m, &r->verdict.path, &names, err, sizeof(err)))
		return 0;
	fprintf(stderr, "irqfwd explore: %s\n", err);
	return CLI_USAGE;
}

/* The worse of two exit codes: bad usage, unexpected, not finished, fine. */
static int worse(int a, int b)
{
	static const int rank[] = { [CLI_AS_EXPECTED] = 0, [CLI_UNEXPECTED] = 2,
				    [CLI_USAGE] = 3, [CLI_NOT_FINISHED] = 1 };

	return rank[a] > rank[b] ? a : b;
}

/* So far, over all scenarios of a run. */
struct done {
	unsigned int printed, saved;
};

static int explore_scenario(const struct options *o, const char *name,
			    struct json_object *rows, struct done *done)
{
	struct scenario s;
	char err[512];
	int code = CLI_AS_EXPECTED;
	unsigned int nr = 0;

	if (cli_scenario(name, &s, err, sizeof(err)))
		return complain("bad scenario", err);
	for (unsigned int i = 0; i < s.nr; i++) {
		struct row r = { .scenario = &s, .variant = s.variant[i] };

		if (!cli_chosen(&s.variant[i], o->variant, o->policy))
			continue;
		nr++;
		if (explore(o, &r))
			return CLI_USAGE;
		if (o->json)
			json_object_array_add(rows, row_json(&r, !o->all));
		else if (o->all)
			print_table_row(&r);
		else
			printf("%s", done->printed++ ? "\n" : ""),
				print_row(&r);
		code = worse(code, exit_code(&r));
		code = worse(code, save(o, &r, &done->saved));
		verdict_free(&r.verdict);
	}
	if (nr || o->all)
		return code;
	fprintf(stderr, "irqfwd explore: %s has no such variant; it has:", name);
	for (unsigned int i = 0; i < s.nr; i++)
		fprintf(stderr, " %s", s.variant[i].name);
	fprintf(stderr, "\n");
	return CLI_USAGE;
}

static int explore_named(const struct options *o, char **names, int nr)
{
	struct json_object *rows = json_object_new_array();
	struct done done = { 0 };
	int code = CLI_AS_EXPECTED;

	if (o->all && !o->json)
		print_table_head();
	for (int i = 0; i < nr; i++)
		code = worse(code, explore_scenario(o, names[i], rows,
						    &done));
	if (o->json)
		cli_print_json(rows);
	json_object_put(rows);
	return code;
}

static int list(char **names, int nr)
{
	int code = CLI_AS_EXPECTED;

	for (int i = 0; i < nr; i++) {
		struct scenario s;
		char err[512];

		if (cli_scenario(names[i], &s, err, sizeof(err))) {
			code = complain("bad scenario", err);
			continue;
		}
		printf("%s: %s\n", s.name, s.title);
		for (unsigned int k = 0; k < s.nr; k++)
			printf("    %-20s %-12s %s\n", s.variant[k].name,
			       s.variant[k].expect == PROPERTY_NONE
				       ? "holds"
				       : property_name(s.variant[k].expect),
			       s.variant[k].note);
	}
	return code;
}

static int on_all(const struct options *o)
{
	char **names = NULL;
	char err[512];
	int nr = cli_scenario_names(&names, err, sizeof(err));
	int code;

	if (nr < 0)
		return complain("no scenarios", err);
	code = o->list ? list(names, nr) : explore_named(o, names, nr);
	for (int i = 0; i < nr; i++)
		free(names[i]);
	free(names);
	return code;
}

/* The world a trace is about: its own, or another variant of the scenario. */
static int replay_world(const struct options *o, struct scenario *s,
			const struct variant **v, struct trace_names *names)
{
	char err[512];

	if (trace_load_names(o->replay, names, err, sizeof(err)))
		return complain("bad trace", err);
	if (cli_scenario(names->scenario, s, err, sizeof(err)))
		return complain("bad scenario", err);
	if (o->variant)
		snprintf(names->variant, sizeof(names->variant), "%s",
			 o->variant);
	*v = scenario_variant(s, names->variant);
	return *v ? 0 : complain("the scenario has no such variant",
				 names->variant);
}

static int replay(const struct options *o)
{
	const struct variant *v = NULL;
	struct world_config config;
	struct trace_names names;
	struct scenario s;
	struct model m;
	struct path p;
	char err[512];
	int ret = replay_world(o, &s, &v, &names);

	if (ret)
		return ret;
	config = v->config;
	config.properties = UINT16_MAX;
	world_configure(&config);
	m = world_model(&config);
	ret = trace_load(o->replay, &m, &p, err, sizeof(err));
	if (ret) {
		fprintf(stderr, "irqfwd explore: %s, %s: %s\n", names.scenario,
			names.variant, err);
		return ret == -ENOENT ? CLI_UNEXPECTED : CLI_USAGE;
	}
	config.properties = PROPERTY_BIT(p.property);
	world_configure(&config);
	m = world_model(&config);
	ret = path_check(&m, &p);
	if (o->json) {
		struct json_object *t = trace_json(&m, &p, &names);

		json_object_object_add(t, "broken",
				       json_object_new_boolean(!ret));
		cli_print_json(t);
		json_object_put(t);
	} else {
		trace_print(stdout, &m, &p);
		if (ret)
			printf("%s, %s: walked, but nothing broke\n",
			       names.scenario, names.variant);
	}
	path_free(&p);
	return ret ? CLI_UNEXPECTED : CLI_AS_EXPECTED;
}

int cli_explore(int argc, char **argv)
{
	struct options o = {
		.search = { .max_memory = DEFAULT_MEMORY,
			    .properties = UINT32_MAX,
			    .progress = stderr },
	};
	int code = cli_options(argc, argv, long_options, help, take_option,
			       &o);

	if (code != CLI_GO_ON)
		return code;
	if (o.replay)
		return replay(&o);
	if (o.all || (o.list && optind == argc))
		return on_all(&o);
	if (optind == argc) {
		fputs(help, stderr);
		return CLI_USAGE;
	}
	if (o.list)
		return list(argv + optind, argc - optind);
	return explore_named(&o, argv + optind, argc - optind);
}
