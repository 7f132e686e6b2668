/* SPDX-License-Identifier: Apache-2.0 */
#include "explore/trace_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX	96

/* A line of the table: what was done, and the state after it. */
struct line {
	const char *actor;
	char step[TEXT_MAX];
	struct world_columns columns;
};

struct lines {
	const struct model *model;
	unsigned int nr;
	struct line *line;
};

static void describe(const struct model *m, const struct edge *e,
		     const uint8_t *packed, struct line *out)
{
	struct world w;

	memset(out, 0, sizeof(*out));
	world_model_unpack(m, packed, &w);
	world_columns(m->world, &w, &out->columns);
	out->actor = e ? world_actor_name(e->actor) : "";
	if (e)
		world_step_text(m->world,
				(struct step){ e->actor, e->kind, e->arg },
				out->step, sizeof(out->step));
	else
		snprintf(out->step, sizeof(out->step), "(start)");
}

static void take_line(void *opaque, unsigned int nr, const struct edge *e,
		      const uint8_t *packed)
{
	struct lines *l = opaque;

	describe(l->model, e, packed, &l->line[nr]);
	l->nr = nr + 1;
}

/* All lines of a path, for the caller to free; NULL: out of memory. */
static struct line *make_lines(const struct model *m, const struct path *p)
{
	struct lines l = { .model = m };

	l.line = calloc(p->nr + 1, sizeof(*l.line));
	if (l.line && path_walk(m, p, take_line, &l)) {
		free(l.line);
		return NULL;
	}
	return l.line;
}

static int width(int least, const char *text)
{
	return (int)strlen(text) > least ? (int)strlen(text) : least;
}

static void print_end(FILE *to, const struct path *p)
{
	const char *name = property_name(p->property);

	if (p->loops)
		fprintf(to, "%s broken: steps %u to %u repeat for ever\n", name,
			p->loop + 1, p->nr);
	else if (p->by_step || property_is_invariant((enum property)p->property))
		fprintf(to, "%s broken by step %u\n", name, p->nr);
	else
		fprintf(to, "%s broken after step %u: only the device, or a whim, could act now\n",
			name, p->nr);
}

void trace_print(FILE *to, const struct model *m, const struct path *p)
{
	struct line *line = make_lines(m, p);
	int actor = 5, step = 4, wire = 4, host = 4, pin = 4;

	if (!line)
		return;
	for (unsigned int i = 0; i <= p->nr; i++) {
		actor = width(actor, line[i].actor);
		step = width(step, line[i].step);
		wire = width(wire, line[i].columns.line);
		host = width(host, line[i].columns.host);
		pin = width(pin, line[i].columns.pin);
	}
	fprintf(to, "  #  %-*s  %-*s  %-*s  %-*s  %-*s  %s\n", actor, "actor",
		step, "step", wire, "line", host, "host irq", pin, "LMRS",
		"driver");
	for (unsigned int i = 0; i <= p->nr; i++) {
		const struct line *l = &line[i];

		if (p->loops && i == p->loop + 1)
			fprintf(to, "     -- from here on for ever:\n");
		fprintf(to, "%3u  %-*s  %-*s  %-*s  %-*s  %-*s  %s\n", i, actor,
			l->actor, step, l->step, wire, l->columns.line, host,
			l->columns.host, pin, l->columns.pin,
			l->columns.driver);
	}
	free(line);
	print_end(to, p);
}

static void add_text(struct json_object *to, const char *key, const char *text)
{
	json_object_object_add(to, key, json_object_new_string(text));
}

static struct json_object *line_json(const struct line *l)
{
	struct json_object *o = json_object_new_object();

	add_text(o, "actor", l->actor);
	add_text(o, "step", l->step);
	add_text(o, "line", l->columns.line);
	add_text(o, "host", l->columns.host);
	add_text(o, "pin", l->columns.pin);
	add_text(o, "driver", l->columns.driver);
	return o;
}

struct json_object *trace_json(const struct model *m, const struct path *p,
			       const struct trace_names *names)
{
	struct json_object *o = json_object_new_object();
	struct json_object *steps = json_object_new_array();
	struct line *line = make_lines(m, p);

	add_text(o, "scenario", names->scenario);
	add_text(o, "variant", names->variant);
	add_text(o, "property", property_name(p->property));
	json_object_object_add(o, "start", json_object_new_int((int)p->start));
	json_object_object_add(o, "by_step",
			       json_object_new_boolean(p->by_step));
	json_object_object_add(o, "loop", p->loops ? json_object_new_int(
							     (int)p->loop)
						   : NULL);
	for (unsigned int i = 1; line && i <= p->nr; i++)
		json_object_array_add(steps, line_json(&line[i]));
	json_object_object_add(o, "steps", steps);
	free(line);
	return o;
}

int trace_save(const char *file, const struct model *m, const struct path *p,
	       const struct trace_names *names, char *err, size_t n)
{
	struct json_object *o = trace_json(m, p, names);
	int ret = json_object_to_file_ext(file, o,
					  JSON_C_TO_STRING_PRETTY |
						  JSON_C_TO_STRING_SPACED |
						  JSON_C_TO_STRING_NOSLASHESCAPE)
			  ? -errno
			  : 0;

	if (ret)
		snprintf(err, n, "%s: cannot be written: %s", file,
			 strerror(-ret));
	json_object_put(o);
	return ret;
}

/* The member, if the file has it in that type. */
static struct json_object *member(struct json_object *o, const char *key,
				  enum json_type type)
{
	struct json_object *v;

	if (!json_object_object_get_ex(o, key, &v))
		return NULL;
	return json_object_is_type(v, type) ? v : NULL;
}

static struct json_object *load(const char *file, char *err, size_t n)
{
	struct json_object *o = access(file, R_OK) ? NULL
						   : json_object_from_file(file);

	if (access(file, R_OK))
		snprintf(err, n, "%s: %s", file, strerror(errno));
	else if (!o)
		snprintf(err, n, "%s: not JSON", file);
	else if (member(o, "scenario", json_type_string) &&
		 member(o, "variant", json_type_string) &&
		 member(o, "property", json_type_string) &&
		 member(o, "start", json_type_int) &&
		 member(o, "by_step", json_type_boolean) &&
		 member(o, "steps", json_type_array))
		return o;
	else
		snprintf(err, n, "%s: not a trace: needs scenario, variant, property, start, by_step, steps",
			 file);
	json_object_put(o);
	return NULL;
}

int trace_load_names(const char *file, struct trace_names *out, char *err,
		     size_t n)
{
	struct json_object *o = load(file, err, n);

	if (!o)
		return -EINVAL;
	snprintf(out->scenario, sizeof(out->scenario), "%s",
		 json_object_get_string(
			 member(o, "scenario", json_type_string)));
	snprintf(out->variant, sizeof(out->variant), "%s",
		 json_object_get_string(member(o, "variant", json_type_string)));
	json_object_put(o);
	return 0;
}

/* The step that is called so, among those that are possible. */
static const struct edge *find(const struct model *m, const struct expansion *x,
			       struct json_object *step)
{
	const char *actor = json_object_get_string(
		member(step, "actor", json_type_string));
	const char *text = json_object_get_string(
		member(step, "step", json_type_string));
	char buf[TEXT_MAX];

	for (unsigned int i = 0; i < x->nr && actor && text; i++) {
		const struct edge *e = &x->edge[i];

		world_step_text(m->world,
				(struct step){ e->actor, e->kind, e->arg }, buf,
				sizeof(buf));
		if (!strcmp(world_actor_name(e->actor), actor) &&
		    !strcmp(buf, text))
			return e;
	}
	return NULL;
}

static int read_steps(struct json_object *steps, const struct model *m,
		      struct path *out, char *err, size_t n)
{
	uint8_t start[STARTS_MAX][PACKED_MAX] = { 0 };
	uint8_t packed[PACKED_MAX];
	struct expansion x;
	int ret;

	if (out->start >= m->start(m, start)) {
		snprintf(err, n, "the world has no initial state %u", out->start);
		return -ENOENT;
	}
	memcpy(packed, start[out->start], sizeof(packed));
	for (size_t i = 0; i < json_object_array_length(steps); i++) {
		struct json_object *s = json_object_array_get_idx(steps, i);
		const struct edge *e;

		m->expand(m, packed, &x);
		e = find(m, &x, s);
		if (!e) {
			snprintf(err, n, "step %zu is not possible there: %s %s",
				 i + 1,
				 json_object_get_string(
					 json_object_object_get(s, "actor")),
				 json_object_get_string(
					 json_object_object_get(s, "step")));
			return -ENOENT;
		}
		ret = path_append(out, e);
		if (ret)
			return ret;
		memcpy(packed, e->packed, sizeof(packed));
	}
	return 0;
}

int trace_load(const char *file, const struct model *m, struct path *out,
	       char *err, size_t n)
{
	struct json_object *o = load(file, err, n), *loop;
	enum property property;
	int ret = -EINVAL;

	memset(out, 0, sizeof(*out));
	if (!o)
		return -EINVAL;
	if (!property_parse(json_object_get_string(
				    member(o, "property", json_type_string)),
			    &property)) {
		snprintf(err, n, "%s: property: no such property", file);
		goto out;
	}
	out->property = (uint8_t)property;
	out->by_step = json_object_get_boolean(
		member(o, "by_step", json_type_boolean));
	out->start = (unsigned int)json_object_get_int(
		member(o, "start", json_type_int));
	loop = member(o, "loop", json_type_int);
	out->loops = loop;
	out->loop = loop ? (unsigned int)json_object_get_int(loop) : 0;
	ret = read_steps(member(o, "steps", json_type_array), m, out, err, n);
	if (ret)
		path_free(out);
out:
	json_object_put(o);
	return ret;
}
