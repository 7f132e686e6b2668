/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A counterexample as text for people, and as a file that can be replayed.
 *
 * The file names steps in words, as the text does, so that a trace outlives a
 * change of the world's numbering; it is JSON, an object:
 *
 *	scenario, variant, property	names
 *	start				which initial state
 *	by_step				the last step breaks the property
 *	loop				first step of the cycle, or null
 *	steps				[{actor, step, line, host, pin, driver}]
 */
#ifndef EXPLORE_TRACE_FILE_H
#define EXPLORE_TRACE_FILE_H

#include <json-c/json.h>
#include <stdio.h>

#include "explore/path.h"
#include "explore/world_model.h"

struct trace_names {
	char scenario[40];
	char variant[40];
};

/* One aligned line for each step, and what broke at which. */
void trace_print(FILE *to, const struct model *m, const struct path *p);

/* The object that a file holds; for the caller to put. */
struct json_object *trace_json(const struct model *m, const struct path *p,
			       const struct trace_names *names);

/* 0, or -errno and a sentence in err. */
int trace_save(const char *file, const struct model *m, const struct path *p,
	       const struct trace_names *names, char *err, size_t n);
/* Only what names the world: it must be made before the steps are read. */
int trace_load_names(const char *file, struct trace_names *out, char *err,
		     size_t n);
/* -ENOENT: a step is not possible where it stands; err says which. */
int trace_load(const char *file, const struct model *m, struct path *out,
	       char *err, size_t n);

#endif
