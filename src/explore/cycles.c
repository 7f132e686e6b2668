/* SPDX-License-Identifier: Apache-2.0 */
#include "explore/cycles.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "explore/memo.h"
#include "explore/pages.h"

#define CLOSED	UINT32_MAX	/* the state's component is complete */

/* A growing array of 32-bit words; slots are below 2^32. */
struct vec {
	uint32_t *v;
	size_t nr, room;
};

/* A state on the depth-first path, and which of its successors are left. */
struct frame {
	uint32_t slot;
	uint32_t left;		/* successors of it at the end of `next` */
};

/* What Tarjan's algorithm keeps of a state. */
struct mark {
	uint32_t order;		/* when it was reached; 0: not yet; or CLOSED */
	uint32_t low;		/* closed: its component */
};

struct cycles {
	const struct model *model;
	struct store *store;
	const struct cycle_rule *rule;
	const struct cycles_options *options;
	struct mark *mark;	/* by slot */
	uint32_t reached, components;
	struct frame *frame;
	size_t frames, frames_room;
	struct vec open;	/* reached, component not complete */
	struct vec next;	/* successors of the path's states to go to */
	struct vec some;	/* pairs of slots: steps that the rule looks for */
	struct timespec started;
	struct memo memo;
	struct memo_reader reader;
};

static int push(struct vec *v, uint32_t value)
{
	if (v->nr == v->room) {
		size_t room = v->room ? 2 * v->room : 1024;
		uint32_t *p = realloc(v->v, room * sizeof(*p));

		if (!p)
			return -ENOMEM;
		v->v = p;
		v->room = room;
	}
	v->v[v->nr++] = value;
	return 0;
}

static bool allowed(const struct cycle_rule *r, uint8_t flags)
{
	return !(flags & r->never) && (flags & r->always) == r->always;
}

/* Bytes of the state in a slot. */
static void unpack(const struct cycles *c, uint32_t slot, struct parts *out)
{
	uint64_t entry = store_entry(c->store, slot);

	memset(out->word, 0, sizeof(out->word));
	store_parts(c->store, store_root(entry), out);
}

/*
 * The slots that the rule lets the state go to, and whether by a step that the
 * rule looks for.  Roots first, so that the slots are in the cache when they
 * are looked at.
 */
static unsigned int choose(const struct cycles *c, const struct successors *x,
			   uint32_t to[EDGES_MAX], bool some[EDGES_MAX])
{
	uint64_t root[EDGES_MAX];
	unsigned int nr = 0;

	for (unsigned int i = 0; i < x->nr; i++) {
		uint8_t flags = successor_flags(x->next[i]);

		if (!allowed(c->rule, flags))
			continue;
		root[nr] = successor_root(x->next[i]);
		store_prefetch(c->store, store_home(c->store, root[nr]));
		some[nr++] = flags & c->rule->some;
	}
	for (unsigned int i = 0; i < nr; i++) {
		uint64_t s = store_slot(c->store, root[i]);

		assert(s < CLOSED);
		to[i] = (uint32_t)s;
		__builtin_prefetch(&c->mark[s]);
	}
	return nr;
}

/* In no order: for questions whose answer does not depend on one. */
static unsigned int successors(struct cycles *c, uint32_t slot,
			       uint32_t to[EDGES_MAX], bool some[EDGES_MAX])
{
	struct successors x;

	if (!memo_room(&c->memo))
		memo_grow(&c->memo);
	memo_successors(&c->reader, store_root(store_entry(c->store, slot)),
			&x);
	return choose(c, &x, to, some);
}

/* In the model's order: for what is shown. */
static unsigned int in_order(struct cycles *c, uint32_t slot,
			     uint32_t to[EDGES_MAX], bool some[EDGES_MAX])
{
	struct successors x;

	memo_expand(&c->reader, store_root(store_entry(c->store, slot)), &x);
	return choose(c, &x, to, some);
}

/* Reaches a state: onto the path with all that it can go to. */
static int enter(struct cycles *c, uint32_t slot)
{
	uint32_t to[EDGES_MAX];
	bool some[EDGES_MAX];
	unsigned int nr = successors(c, slot, to, some);
	int ret = push(&c->open, slot);

	if (c->frames == c->frames_room) {
		size_t room = c->frames_room ? 2 * c->frames_room : 1024;
		struct frame *f = realloc(c->frame, room * sizeof(*f));

		if (!f)
			return -ENOMEM;
		c->frame = f;
		c->frames_room = room;
	}
	c->frame[c->frames++] = (struct frame){ slot, nr };
	c->mark[slot].order = c->mark[slot].low = ++c->reached;
	for (unsigned int i = 0; i < nr && !ret; i++) {
		ret = push(&c->next, to[i]);
		if (some[i] && !ret)
			ret = push(&c->some, slot);
		if (some[i] && !ret)
			ret = push(&c->some, to[i]);
	}
	return ret;
}

static void lower(struct cycles *c, uint32_t slot, uint32_t low)
{
	if (low < c->mark[slot].low)
		c->mark[slot].low = low;
}

/* Leaves a state whose successors are done; it may complete a component. */
static void leave(struct cycles *c)
{
	uint32_t slot = c->frame[--c->frames].slot;
	uint32_t member;

	if (c->frames)
		lower(c, c->frame[c->frames - 1].slot, c->mark[slot].low);
	if (c->mark[slot].low != c->mark[slot].order)
		return;
	c->components++;
	do {
		member = c->open.v[--c->open.nr];
		c->mark[member].order = CLOSED;
		c->mark[member].low = c->components;
	} while (member != slot);
}

static double elapsed(const struct cycles *c)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - c->started.tv_sec) +
	       (double)(now.tv_nsec - c->started.tv_nsec) / 1e9;
}

static int too_much(const struct cycles *c)
{
	const struct cycles_options *o = c->options;
	size_t bytes;

	if (c->reached % 4096)
		return 0;
	if (o->seconds > 0 && elapsed(c) > o->seconds)
		return -ETIME;
	bytes = store_bytes(c->store) + memo_bytes(&c->memo) +
		sizeof(*c->mark) * c->store->slots +
		4 * (c->open.room + c->next.room + c->some.room) +
		c->frames_room * sizeof(*c->frame);
	return o->max_memory && bytes > o->max_memory ? -ENOMEM : 0;
}

/* Everything that can be reached from one state. */
static int visit_from(struct cycles *c, uint32_t slot)
{
	int ret = enter(c, slot);

	while (c->frames && !ret) {
		struct frame *f = &c->frame[c->frames - 1];
		uint32_t to;

		if (!f->left) {
			leave(c);
			continue;
		}
		f->left--;
		to = c->next.v[--c->next.nr];
		if (!c->mark[to].order) {
			ret = enter(c, to);
			if (!ret)
				ret = too_much(c);
		} else if (c->mark[to].order != CLOSED) {
			lower(c, f->slot, c->mark[to].order);
		}
	}
	return ret;
}

/* The first of a state's steps that the rule looks for and that lie on a cycle. */
static uint32_t first_some(struct cycles *c, uint32_t from)
{
	uint32_t to[EDGES_MAX];
	bool some[EDGES_MAX];
	unsigned int nr = in_order(c, from, to, some);

	for (unsigned int i = 0; i < nr; i++)
		if (some[i] && c->mark[to[i]].low == c->mark[from].low)
			return to[i];
	assert(0);
	return 0;
}

/*
 * Of all steps that the rule looks for and that lie on a cycle, the one to
 * show: nearest to the start, then lowest bytes.
 */
static bool pick(struct cycles *c, uint32_t *from, uint32_t *to,
		 unsigned int level[])
{
	struct parts best, parts;
	bool found = false;

	for (size_t i = 0; i < c->some.nr; i += 2) {
		uint32_t u = c->some.v[i], v = c->some.v[i + 1];

		if (c->mark[u].low != c->mark[v].low)
			continue;
		if (found && level[u] > level[*from])
			continue;
		unpack(c, u, &parts);
		if (found && level[u] == level[*from] &&
		    memcmp(parts.word, best.word, sizeof(best.word)) >= 0)
			continue;
		found = true;
		best = parts;
		*from = u;
	}
	if (found)
		*to = first_some(c, *from);
	return found;
}

/*
 * Levels, not modulo 256: a search over the stored states.  Only needed once a
 * cycle is known to be there.
 */
static int count_levels(struct cycles *c, unsigned int *level)
{
	static const struct cycle_rule any;
	const struct cycle_rule *rule = c->rule;
	uint8_t start[STARTS_MAX][PACKED_MAX] = { 0 };
	unsigned int starts = c->model->start(c->model, start);
	struct vec queue = { 0 };
	uint32_t to[EDGES_MAX];
	bool some[EDGES_MAX];
	int ret = 0;

	c->rule = &any;
	for (unsigned int i = 0; i < starts && !ret; i++) {
		uint64_t slot = store_slot(
			c->store, store_intern(c->store, NULL, start[i]));

		if (level[slot])
			continue;
		level[slot] = 1;
		ret = push(&queue, (uint32_t)slot);
	}
	for (size_t at = 0; at < queue.nr && !ret; at++) {
		unsigned int nr = successors(c, queue.v[at], to, some);

		for (unsigned int i = 0; i < nr && !ret; i++) {
			if (level[to[i]])
				continue;
			level[to[i]] = level[queue.v[at]] + 1;
			ret = push(&queue, to[i]);
		}
	}
	free(queue.v);
	c->rule = rule;
	return ret;
}

/* Appends the step from one slot to another that the rule allows. */
static int append(struct cycles *c, struct path *p, uint32_t from, uint32_t to,
		  uint8_t flags)
{
	struct expansion *x = &c->reader.expansion;
	struct parts a, b;

	unpack(c, from, &a);
	unpack(c, to, &b);
	c->model->expand(c->model, (const uint8_t *)a.word, x);
	for (unsigned int i = 0; i < x->nr; i++) {
		const struct edge *e = &x->edge[i];

		if (allowed(c->rule, e->flags) && (!flags || e->flags & flags) &&
		    !memcmp(e->packed, b.word, PACKED_MAX))
			return path_append(p, e);
	}
	assert(0);
	return -EINVAL;
}

/* Shortest way within the component back from `from` to `to`. */
static int close_cycle(struct cycles *c, struct path *p, uint32_t from,
		       uint32_t to)
{
	/* Backwards from the end would need predecessors: keep parents. */
	uint32_t *parent = calloc(c->store->slots, sizeof(*parent));
	struct vec queue = { 0 }, way = { 0 };
	uint32_t next[EDGES_MAX];
	bool some[EDGES_MAX];
	int ret = parent ? push(&queue, from) : -ENOMEM;

	if (!ret)
		parent[from] = from + 1;
	for (size_t at = 0; at < queue.nr && !ret && !parent[to]; at++) {
		unsigned int nr = in_order(c, queue.v[at], next, some);

		for (unsigned int i = 0; i < nr && !ret; i++) {
			if (parent[next[i]] ||
			    c->mark[next[i]].low != c->mark[from].low)
				continue;
			parent[next[i]] = queue.v[at] + 1;
			ret = push(&queue, next[i]);
		}
	}
	for (uint32_t at = to; !ret && at != from; at = parent[at] - 1)
		ret = push(&way, at);
	for (uint32_t at = from; !ret && way.nr; at = way.v[way.nr])
		ret = append(c, p, at, way.v[--way.nr], 0);
	free(parent);
	free(queue.v);
	free(way.v);
	return ret;
}

static int make_lasso(struct cycles *c, struct path *out)
{
	unsigned int *level = calloc(c->store->slots, sizeof(*level));
	struct parts parts;
	uint32_t from = 0, to = 0;
	int ret = level ? count_levels(c, level) : -ENOMEM;
	bool found = !ret && pick(c, &from, &to, level);

	if (found) {
		unpack(c, from, &parts);
		ret = path_to(c->model, c->store, (const uint8_t *)parts.word,
			      level[from] - 1, c->options->workers, out);
	}
	free(level);
	if (!found || ret)
		return ret;
	out->property = c->rule->property;
	out->loops = true;
	out->loop = out->nr;
	ret = append(c, out, from, to, c->rule->some);
	if (!ret)
		ret = close_cycle(c, out, to, from);
	if (ret)
		path_free(out);
	return ret ? ret : 1;
}

static bool any_cycle(const struct cycles *c)
{
	for (size_t i = 0; i < c->some.nr; i += 2)
		if (c->mark[c->some.v[i]].low == c->mark[c->some.v[i + 1]].low)
			return true;
	return false;
}

int cycles_search(const struct model *m, const struct store *store,
		  const struct cycle_rule *rule,
		  const struct cycles_options *options, struct path *out,
		  double *seconds)
{
	/* Interning finds every state of a finished search: it adds none. */
	struct cycles c = { .model = m, .store = (struct store *)store,
			    .rule = rule, .options = options };
	int ret = 0;

	clock_gettime(CLOCK_MONOTONIC, &c.started);
	if (options->max_memory &&
	    store_bytes(store) + sizeof(*c.mark) * store->slots >
		    options->max_memory)
		return -ENOMEM;
	ret = memo_init(&c.memo, m, c.store);
	if (ret)
		return ret;
	c.reader.memo = &c.memo;
	c.reader.checked = CHECKED_FIRST;
	c.mark = pages_alloc(store->slots * sizeof(*c.mark));
	if (!c.mark)
		ret = -ENOMEM;
	for (uint64_t i = 0; i < store->slots && !ret; i++)
		if (store_entry(store, i) && !c.mark[i].order)
			ret = visit_from(&c, (uint32_t)i);
	/* the search has gone through the same states, and was right */
	assert(!c.memo.wrong);
	if (!ret && any_cycle(&c))
		ret = make_lasso(&c, out);
	*seconds += elapsed(&c);
	memo_free(&c.memo);
	pages_free(c.mark, store->slots * sizeof(*c.mark));
	free(c.frame);
	free(c.open.v);
	free(c.next.v);
	free(c.some.v);
	return ret;
}
