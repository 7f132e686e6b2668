/* SPDX-License-Identifier: Apache-2.0 */
#include "explore/memo.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_FIRST	512u
#define CHUNK_FIRST	512u	/* words */
#define CHUNK_MAX	8192u

/* Of one content of a view's words: all steps of the view. */
struct memo_entry {
	uint64_t bits;		/* the words' numbers, where roots have them */
	uint8_t nr;
	bool quiet, broken;
	uint64_t next[];	/* bits after a step, and below them its flags */
};

struct memo_chunk {
	struct memo_chunk *next;
	unsigned int words, used;
	uint64_t word[];
};

/* ---- the tables, while nobody reads ----------------------------------------- */

/* The upper bits of a product depend on all bits of its factors. */
static uint64_t home(const struct memo_table *t, uint64_t bits)
{
	return (bits * 0x9e3779b97f4a7c15u) >> t->shift;
}

static int table_init(struct memo_table *t, uint64_t slots)
{
	t->slot = calloc(slots, sizeof(*t->slot));
	t->slots = slots;
	t->shift = (uint8_t)(64 - __builtin_ctzll(slots));
	t->nr = 0;
	return t->slot ? 0 : -ENOMEM;
}

static int table_grow(struct memo_table *t)
{
	struct memo_table old = *t;

	if (table_init(t, 2 * old.slots)) {
		*t = old;
		return -ENOMEM;
	}
	for (uint64_t k = 0; k < old.slots; k++) {
		struct memo_entry *e = old.slot[k];
		uint64_t i;

		if (!e)
			continue;
		for (i = home(t, e->bits); t->slot[i];)
			i = (i + 1) & (t->slots - 1);
		t->slot[i] = e;
		t->nr++;
	}
	free(old.slot);
	return 0;
}

void memo_forget(struct memo *memo)
{
	for (unsigned int v = 0; v < memo->model->views; v++) {
		struct memo_table *t = &memo->table[v];

		memset((void *)t->slot, 0, t->slots * sizeof(*t->slot));
		t->nr = 0;
		t->bits = store_bits(memo->store, memo->model->view[v]);
	}
	while (memo->chunk) {
		struct memo_chunk *next = memo->chunk->next;

		free(memo->chunk);
		memo->chunk = next;
	}
	memo->bytes = 0;
	memo->forgotten++;
	memo->usable = memo->model->views && store_is_flat(memo->store);
}

int memo_init(struct memo *memo, const struct model *m, struct store *s)
{
	uint8_t start[STARTS_MAX][PACKED_MAX] = { 0 };

	memset(memo, 0, sizeof(*memo));
	memo->model = m;
	memo->store = s;
	memo->check_one_in = MEMO_CHECK_ONE_IN;
	pthread_mutex_init(&memo->lock, NULL);
	m->start(m, start);
	memcpy(memo->start, start[0], sizeof(memo->start));
	for (unsigned int v = 0; v < m->views; v++) {
		if (table_init(&memo->table[v], SLOTS_FIRST)) {
			memo_free(memo);
			return -ENOMEM;
		}
	}
	memo_forget(memo);
	return 0;
}

void memo_free(struct memo *memo)
{
	for (unsigned int v = 0; v < memo->model->views; v++)
		free(memo->table[v].slot);
	while (memo->chunk) {
		struct memo_chunk *next = memo->chunk->next;

		free(memo->chunk);
		memo->chunk = next;
	}
	pthread_mutex_destroy(&memo->lock);
}

/* Half of the slots stay free, also for what workers add after that. */
static uint64_t table_room(const struct memo_table *t)
{
	return t->nr < t->slots / 2 ? t->slots / 2 - t->nr : 0;
}

uint64_t memo_room(const struct memo *memo)
{
	uint64_t room = UINT64_MAX;

	for (unsigned int v = 0; v < memo->model->views; v++) {
		uint64_t left = table_room(&memo->table[v]);

		room = left < room ? left : room;
	}
	return room;
}

void memo_grow(struct memo *memo)
{
	for (unsigned int v = 0; v < memo->model->views; v++)
		if (!table_room(&memo->table[v]) &&
		    table_grow(&memo->table[v]))
			memo_forget(memo);
}

size_t memo_bytes(const struct memo *memo)
{
	size_t bytes = memo->bytes;

	for (unsigned int v = 0; v < memo->model->views; v++)
		bytes += memo->table[v].slots * sizeof(*memo->table[v].slot);
	return bytes;
}

/* ---- working out, and remembering --------------------------------------------- */

/* A reader's next chunk is twice as large as its last. */
static struct memo_chunk *fresh_chunk(struct memo *memo, unsigned int words)
{
	size_t bytes = sizeof(struct memo_chunk) + words * sizeof(uint64_t);
	struct memo_chunk *c = malloc(bytes);

	if (!c)
		return NULL;
	c->words = words;
	c->used = 0;
	pthread_mutex_lock(&memo->lock);
	c->next = memo->chunk;
	memo->chunk = c;
	memo->bytes += bytes;
	pthread_mutex_unlock(&memo->lock);
	return c;
}

/* Room for an entry of that many steps, in the reader's chunk; NULL: none. */
static struct memo_entry *take(struct memo_reader *r, unsigned int nr)
{
	unsigned int words = (unsigned int)(sizeof(struct memo_entry) / 8) + nr;
	struct memo_chunk *c = r->chunk;
	bool gone = !c || r->forgotten != r->memo->forgotten;

	if (gone || c->used + words > c->words) {
		unsigned int size = gone ? CHUNK_FIRST : 2 * c->words;

		c = fresh_chunk(r->memo, size < CHUNK_MAX ? size : CHUNK_MAX);
		if (!c)
			return NULL;
		r->chunk = c;
		r->forgotten = r->memo->forgotten;
	}
	c->used += words;
	return (struct memo_entry *)&c->word[c->used - words];
}

static struct memo_entry *work_out(struct memo_reader *r, unsigned int v,
				   uint64_t bits)
{
	struct memo *memo = r->memo;
	const struct model *m = memo->model;
	struct expansion *x = &r->expansion;
	struct parts parts;
	struct memo_entry *e;

	memcpy(parts.word, memo->start, sizeof(parts.word));
	store_view_parts(memo->store, bits, m->view[v], &parts);
	m->expand_view(m, v, (const uint8_t *)parts.word, x);
	assert(x->nr <= EDGES_MAX);
	e = take(r, x->nr);
	if (!e)
		return NULL;
	e->bits = bits;
	e->nr = (uint8_t)x->nr;
	e->quiet = x->quiet;
	e->broken = x->broken;
	for (unsigned int i = 0; i < x->nr; i++) {
		uint64_t next = store_intern_view(memo->store, &parts,
						  m->view[v],
						  x->edge[i].packed);

		e->next[i] = next << 8 | x->edge[i].flags;
		e->broken |= x->edge[i].broken != 0;
	}
	return e;
}

/* Of two threads with the same entry one's is forgotten. */
static const struct memo_entry *remember(struct memo_table *t,
					 struct memo_entry *e)
{
	for (uint64_t i = home(t, e->bits);; i = (i + 1) & (t->slots - 1)) {
		struct memo_entry *seen = NULL;

		if (atomic_compare_exchange_strong(&t->slot[i], &seen, e)) {
			atomic_fetch_add(&t->nr, 1);
			return e;
		}
		if (seen->bits == e->bits)
			return seen;
	}
}

static inline const struct memo_entry *
look_up(struct memo_reader *r, unsigned int v, uint64_t root)
{
	struct memo_table *t = &r->memo->table[v];
	uint64_t bits = root & t->bits;
	struct memo_entry *e;

	for (uint64_t i = home(t, bits);; i = (i + 1) & (t->slots - 1)) {
		e = atomic_load_explicit(&t->slot[i], memory_order_acquire);
		if (!e)
			break;
		if (e->bits == bits)
			return e;
	}
	e = work_out(r, v, bits);
	return e ? remember(t, e) : NULL;
}

/* ---- successors ---------------------------------------------------------------- */

void memo_expand(struct memo_reader *r, uint64_t root, struct successors *out)
{
	struct store *s = r->memo->store;
	const struct model *m = r->memo->model;
	struct expansion *x = &r->expansion;
	struct parts parts = { 0 };

	store_parts(s, root, &parts);
	m->expand(m, (const uint8_t *)parts.word, x);
	assert(x->nr <= EDGES_MAX);
	out->nr = x->nr;
	out->broken = x->broken;
	for (unsigned int i = 0; i < x->nr; i++) {
		out->next[i] = store_intern(s, &parts, x->edge[i].packed) << 8 |
			       x->edge[i].flags;
		out->broken |= x->edge[i].broken != 0;
	}
}

static void sort(uint64_t *v, unsigned int nr)
{
	for (unsigned int i = 1; i < nr; i++) {
		uint64_t x = v[i];
		unsigned int k = i;

		for (; k && v[k - 1] > x; k--)
			v[k] = v[k - 1];
		v[k] = x;
	}
}

/* Is it what the state expanded as a whole gives? */
static bool is_right(struct memo_reader *r, uint64_t root,
		     const struct successors *out)
{
	struct successors views = *out, whole;

	memo_expand(r, root, &whole);
	if (views.broken != whole.broken || views.nr != whole.nr)
		return false;
	sort(views.next, views.nr);
	sort(whole.next, whole.nr);
	return !memcmp(views.next, whole.next,
		       whole.nr * sizeof(whole.next[0]));
}

static bool shall_check(struct memo_reader *r, uint64_t root)
{
	if (r->checked < CHECKED_FIRST) {
		r->checked++;
		return true;
	}
	return !(dict_mix(root) % r->memo->check_one_in);
}

/* By views; false: memory is short. */
static bool by_views(struct memo_reader *r, uint64_t root,
		     struct successors *out)
{
	const struct memo *memo = r->memo;
	bool quiet = true;

	out->nr = 0;
	out->broken = false;
	for (unsigned int v = 0; v < memo->model->views; v++) {
		const struct memo_entry *e = look_up(r, v, root);
		uint64_t rest = (root & ~memo->table[v].bits) << 8;

		if (!e)
			return false;
		assert(out->nr + e->nr <= EDGES_MAX);
		for (unsigned int i = 0; i < e->nr; i++)
			out->next[out->nr + i] = rest | e->next[i];
		out->nr += e->nr;
		out->broken |= e->broken;
		quiet &= e->quiet;
	}
	/* What breaks in a quiet state can be told only from all of it. */
	if (quiet)
		memo_expand(r, root, out);
	return true;
}

void memo_prefetch_slots(const struct memo *memo, uint64_t root)
{
	for (unsigned int v = 0; memo->usable && v < memo->model->views; v++) {
		const struct memo_table *t = &memo->table[v];

		__builtin_prefetch((const void *)&t->slot[home(t, root & t->bits)]);
	}
}

void memo_prefetch_entries(const struct memo *memo, uint64_t root)
{
	for (unsigned int v = 0; memo->usable && v < memo->model->views; v++) {
		const struct memo_table *t = &memo->table[v];

		__builtin_prefetch(atomic_load_explicit(
			&t->slot[home(t, root & t->bits)],
			memory_order_relaxed));
	}
}

void memo_successors(struct memo_reader *r, uint64_t root,
		     struct successors *out)
{
	if (!r->memo->usable || !by_views(r, root, out))
		memo_expand(r, root, out);
	else if (shall_check(r, root) && !is_right(r, root, out))
		atomic_store(&r->memo->wrong, true);
}
