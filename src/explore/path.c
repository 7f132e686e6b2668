/* SPDX-License-Identifier: Apache-2.0 */
#include "explore/path.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define WORKERS_MAX	64

/* One thread's part of the store, and the best parent that it found there. */
struct scan {
	const struct model *model;
	const struct store *store;
	const uint8_t *target;
	uint8_t level;
	uint64_t from, to;	/* slots */
	pthread_t thread;
	bool threaded;
	bool found;
	uint8_t parent[PACKED_MAX];
	struct edge edge;
	struct expansion expansion;
};

/*
 * Of several parents the one whose step comes from the later actor, so that
 * what the host and the engine can do is done before the guest goes on; then
 * the one with the lower bytes.
 */
static bool better(const struct edge *e, const uint8_t *parent,
		   const struct scan *than)
{
	const struct edge *f = &than->edge;

	if (!than->found)
		return true;
	if (e->actor != f->actor)
		return e->actor > f->actor;
	if (e->kind != f->kind)
		return e->kind > f->kind;
	if (e->arg != f->arg)
		return e->arg > f->arg;
	return memcmp(parent, than->parent, PACKED_MAX) < 0;
}

static void look_at(struct scan *s, const struct parts *parts)
{
	struct expansion *x = &s->expansion;
	const uint8_t *packed = (const uint8_t *)parts->word;

	s->model->expand(s->model, packed, x);
	for (unsigned int i = 0; i < x->nr; i++) {
		if (memcmp(x->edge[i].packed, s->target, PACKED_MAX) ||
		    !better(&x->edge[i], packed, s))
			continue;
		s->found = true;
		memcpy(s->parent, packed, PACKED_MAX);
		s->edge = x->edge[i];
	}
}

static void *scan(void *arg)
{
	struct scan *s = arg;
	struct parts parts = { 0 };

	for (uint64_t i = s->from; i < s->to; i++) {
		uint64_t entry = store_entry(s->store, i);

		if (!entry || store_level(entry) != s->level)
			continue;
		store_parts(s->store, store_root(entry), &parts);
		look_at(s, &parts);
	}
	return NULL;
}

/*
 * The level before, modulo 256, holds every parent.  States 256 levels further
 * up have it too, but cannot reach the target in one step.
 */
static void find_parent(struct scan *s, unsigned int workers,
			const uint8_t *target, unsigned int level)
{
	uint64_t slots = s[0].store->slots;

	/* Threads cost more than a small table does. */
	if (slots < 1 << 16)
		workers = 1;
	for (unsigned int i = 0; i < workers; i++) {
		s[i].target = target;
		s[i].level = (uint8_t)level;
		s[i].from = slots * i / workers;
		s[i].to = slots * (i + 1) / workers;
		s[i].found = false;
		s[i].threaded = i + 1 < workers &&
				!pthread_create(&s[i].thread, NULL, scan, &s[i]);
		if (!s[i].threaded)
			scan(&s[i]);
	}
	for (unsigned int i = 0; i < workers; i++) {
		if (s[i].threaded)
			pthread_join(s[i].thread, NULL);
		if (!i || !s[i].found ||
		    !better(&s[i].edge, s[i].parent, &s[0]))
			continue;
		s[0].found = true;
		memcpy(s[0].parent, s[i].parent, PACKED_MAX);
		s[0].edge = s[i].edge;
	}
	assert(s[0].found);
}

static int find_start(const struct model *m, const uint8_t *packed,
		      unsigned int *out)
{
	uint8_t start[STARTS_MAX][PACKED_MAX] = { 0 };
	unsigned int nr = m->start(m, start);

	for (unsigned int i = 0; i < nr; i++) {
		if (!memcmp(start[i], packed, PACKED_MAX)) {
			*out = i;
			return 0;
		}
	}
	return -ENOENT;
}

static struct path_step step_of(const struct edge *e)
{
	return (struct path_step){ e->actor, e->kind, e->arg };
}

int path_to(const struct model *m, const struct store *store,
	    const uint8_t *packed, unsigned int level, unsigned int workers,
	    struct path *out)
{
	struct scan *s = calloc(workers, sizeof(*s));
	uint8_t target[PACKED_MAX];
	int ret = -ENOMEM;

	assert(workers >= 1 && workers <= WORKERS_MAX);
	memset(out, 0, sizeof(*out));
	out->nr = level;
	out->step = calloc(level + 1, sizeof(*out->step));
	if (!s || !out->step)
		goto out;
	for (unsigned int i = 0; i < workers; i++) {
		s[i].model = m;
		s[i].store = store;
	}
	memcpy(target, packed, sizeof(target));
	while (level--) {
		find_parent(s, workers, target, level);
		out->step[level] = step_of(&s[0].edge);
		memcpy(target, s[0].parent, sizeof(target));
	}
	ret = find_start(m, target, &out->start);
out:
	if (ret)
		path_free(out);
	free(s);
	return ret;
}

int path_append(struct path *p, const struct edge *e)
{
	struct path_step *step = realloc(p->step,
					 (p->nr + 1) * sizeof(*step));

	if (!step)
		return -ENOMEM;
	p->step = step;
	p->step[p->nr++] = step_of(e);
	return 0;
}

void path_free(struct path *p)
{
	free(p->step);
	memset(p, 0, sizeof(*p));
}

int path_of_violation(const struct model *m, const struct store *store,
		      const struct violation *v, unsigned int workers,
		      struct path *out)
{
	struct expansion x;
	int ret;

	ret = path_to(m, store, v->packed, v->level, workers, out);
	if (ret)
		return ret;
	out->property = v->property;
	out->by_step = v->by_step;
	if (!v->by_step)
		return 0;
	m->expand(m, v->packed, &x);
	assert(v->edge < x.nr);
	ret = path_append(out, &x.edge[v->edge]);
	if (ret)
		path_free(out);
	return ret;
}

static const struct edge *find_edge(const struct expansion *x,
				    struct path_step s)
{
	for (unsigned int i = 0; i < x->nr; i++) {
		const struct edge *e = &x->edge[i];

		if (e->actor == s.actor && e->kind == s.kind && e->arg == s.arg)
			return e;
	}
	return NULL;
}

int path_walk(const struct model *m, const struct path *p, path_visit *visit,
	      void *opaque)
{
	uint8_t start[STARTS_MAX][PACKED_MAX] = { 0 };
	uint8_t packed[PACKED_MAX];
	struct expansion x;

	if (p->start >= m->start(m, start))
		return -EINVAL;
	memcpy(packed, start[p->start], sizeof(packed));
	visit(opaque, 0, NULL, packed);
	for (unsigned int i = 0; i < p->nr; i++) {
		const struct edge *e;

		m->expand(m, packed, &x);
		e = find_edge(&x, p->step[i]);
		if (!e)
			return -EINVAL;
		memcpy(packed, e->packed, sizeof(packed));
		visit(opaque, i + 1, e, packed);
	}
	return 0;
}

/* What a walk has seen of the property that it is about. */
struct check {
	const struct path *path;
	const struct cycle_rule *rule;
	bool step_breaks;	/* the last step did */
	bool some, all;		/* of the rule, within the loop */
	uint8_t loop[PACKED_MAX], last[PACKED_MAX];
};

static void check_visit(void *opaque, unsigned int nr, const struct edge *step,
			const uint8_t *packed)
{
	struct check *c = opaque;

	c->step_breaks = step && step->broken == c->path->property;
	if (c->path->loops && nr == c->path->loop)
		memcpy(c->loop, packed, PACKED_MAX);
	memcpy(c->last, packed, PACKED_MAX);
	if (!c->rule || nr <= c->path->loop)
		return;
	c->some |= step->flags & c->rule->some;
	c->all &= !(step->flags & c->rule->never) &&
		  (step->flags & c->rule->always) == c->rule->always;
}

int path_check(const struct model *m, const struct path *p)
{
	struct check c = { .path = p, .all = true };
	struct expansion x;
	int ret;

	for (unsigned int i = 0; i < m->cycle_rules; i++)
		if (m->cycle_rule[i].property == p->property)
			c.rule = &m->cycle_rule[i];
	ret = path_walk(m, p, check_visit, &c);
	if (ret)
		return ret;
	if (p->loops)
		return c.rule && c.some && c.all && p->loop < p->nr &&
				       !memcmp(c.loop, c.last, PACKED_MAX)
			       ? 0
			       : -ENOENT;
	if (p->by_step)
		return c.step_breaks ? 0 : -ENOENT;
	m->expand(m, c.last, &x);
	return x.broken == p->property ? 0 : -ENOENT;
}
