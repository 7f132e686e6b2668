/* SPDX-License-Identifier: Apache-2.0 */
#include "explore/verdict.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "explore/cycles.h"

/*
 * The cycle rules, one after the other; the first cycle found is the verdict.
 * -errno of a limit becomes the end that it stands for.
 */
static int find_cycles(const struct model *m,
		       const struct search_options *options,
		       const struct store *store, struct verdict *out)
{
	struct model seen = *m;
	struct cycles_options o = { .workers = search_workers(options),
				    .max_memory = options->max_memory };
	int ret = 0;

	if (!out->search.views)
		seen.views = 0;
	for (unsigned int i = 0; i < m->cycle_rules && !ret; i++) {
		if (options->seconds > 0 && out->seconds >= options->seconds)
			ret = -ETIME;
		o.seconds = options->seconds > 0
				    ? options->seconds - out->seconds
				    : 0;
		if (!ret)
			ret = cycles_search(&seen, store, &m->cycle_rule[i], &o,
					    &out->path, &out->seconds);
	}
	if (ret == 1) {
		out->end = SEARCH_BROKEN;
		out->property = out->path.property;
		out->has_path = true;
		return 0;
	}
	out->in_cycles = ret;
	if (ret == -ETIME)
		out->end = SEARCH_TIME;
	if (ret == -ENOMEM)
		out->end = SEARCH_MAX_MEMORY;
	return ret == -ETIME || ret == -ENOMEM ? 0 : ret;
}

/* A lossy search cannot be walked back: an exact one finds the sequence. */
static int path_after_lossy(const struct model *m,
			    const struct search_options *options,
			    struct verdict *out)
{
	struct search_options exact = *options;
	struct search_result r;
	struct store store;
	int ret;

	exact.lossy = false;
	ret = search_run(m, &exact, &store, &r);
	if (ret)
		return ret;
	out->seconds += r.seconds;
	if (r.end == SEARCH_BROKEN) {
		ret = path_of_violation(m, &store, &r.violation,
					search_workers(options), &out->path);
		out->has_path = !ret;
	}
	store_free(&store);
	return ret;
}

int verdict_find(const struct model *m, const struct search_options *options,
		 struct verdict *out)
{
	struct store store;
	int ret;

	memset(out, 0, sizeof(*out));
	ret = search_run(m, options, &store, &out->search);
	if (ret)
		return ret;
	out->end = out->search.end;
	out->seconds = out->search.seconds;
	out->property = out->search.violation.property;
	out->lossy = options->lossy;
	if (out->end == SEARCH_HOLDS && !options->lossy) {
		ret = find_cycles(m, options, &store, out);
	} else if (out->end == SEARCH_BROKEN && !options->lossy) {
		ret = path_of_violation(m, &store, &out->search.violation,
					search_workers(options), &out->path);
		out->has_path = !ret;
	}
	store_free(&store);
	if (!ret && out->end == SEARCH_BROKEN && options->lossy)
		ret = path_after_lossy(m, options, out);
	return ret;
}

void verdict_free(struct verdict *v)
{
	path_free(&v->path);
	v->has_path = false;
}

void verdict_text(const struct verdict *v, char *buf, size_t n)
{
	const char *what = v->in_cycles ? " (cycles)" : "";

	switch (v->end) {
	case SEARCH_HOLDS:
		snprintf(buf, n, v->lossy ? "holds (lossy)" : "holds");
		return;
	case SEARCH_BROKEN:
		snprintf(buf, n, "broken");
		return;
	case SEARCH_MAX_STATES:
		snprintf(buf, n, "not finished: --max-states%s", what);
		return;
	case SEARCH_MAX_MEMORY:
		snprintf(buf, n, "not finished: --max-memory%s", what);
		return;
	case SEARCH_TIME:
		snprintf(buf, n, "not finished: --time%s", what);
		return;
	}
}
