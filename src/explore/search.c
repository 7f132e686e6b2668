/* SPDX-License-Identifier: Apache-2.0 */
#include "explore/search.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "explore/frontier.h"
#include "explore/memo.h"

#define WORKERS_MAX	64
/*
 * Found states wait here for their table slot to arrive in the cache: about as
 * many as there are memory reads in flight, times the steps that they need.
 */
#define PENDING		32	/* a power of 2 */
#define RECENT_BITS	14
#define AHEAD		4	/* states */
#define LOSSY_BYTES	((size_t)1 << 30)
/* The least that a worker may add in a round, and so what the store spares. */
#define MARGIN		(PENDING + 2 * EDGES_MAX)

struct search;

/* A found state on its way into the store. */
struct pending {
	uint64_t root;
	uint64_t home;		/* its slot, or one before it */
};

/* What one thread has of its own. */
struct worker {
	struct search *search;
	pthread_t thread;
	struct block *found;	/* being filled for the next level */
	uint64_t budget;	/* states that it may add in this round */
	uint64_t sure;		/* expansions for which the store has room */
	uint64_t states, transitions;
	struct violation violation;
	unsigned int pending_nr, pending_from;	/* a ring */
	struct pending pending[PENDING];
	/*
	 * States that were found lately, 1 added to the root: more than half of
	 * all steps lead to one of them, and need not look into the store.
	 */
	uint64_t recent[1 << RECENT_BITS];
	struct memo_reader reader;
};

struct search {
	const struct model *model;
	const struct search_options *options;
	struct store *store;
	struct memo memo;
	struct frontier frontier;
	unsigned int level;
	unsigned int nr;	/* workers */
	struct worker *worker;
	pthread_barrier_t barrier;
	_Atomic bool pause;	/* somebody needs the store to grow, or time is up */
	_Atomic bool out_of_time;
	bool done;
	int error;
	enum search_end end;
	struct violation violation;
	struct timespec started;
	double next_progress;
};

static double elapsed(const struct search *s)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - s->started.tv_sec) +
	       (double)(now.tv_nsec - s->started.tv_nsec) / 1e9;
}

/*
 * Of two violations the shorter sequence; of equally long ones the lower
 * property, then the lower bytes: a choice that no thread's speed decides.
 */
bool violation_before(const struct violation *a, const struct violation *b)
{
	unsigned int steps_a = a->level + a->by_step;
	unsigned int steps_b = b->level + b->by_step;
	int bytes;

	if (!a->property || !b->property)
		return a->property;
	if (steps_a != steps_b)
		return steps_a < steps_b;
	if (a->property != b->property)
		return a->property < b->property;
	bytes = memcmp(a->packed, b->packed, PACKED_MAX);
	if (bytes)
		return bytes < 0;
	return a->edge < b->edge;
}

static void note(struct worker *w, uint8_t property, int edge,
		 const struct parts *parts)
{
	struct violation v = {
		.property = property,
		.by_step = edge >= 0,
		.edge = (uint16_t)(edge >= 0 ? edge : 0),
		.level = w->search->level,
	};

	if (!(w->search->options->properties >> property & 1))
		return;
	memcpy(v.packed, parts->word, sizeof(v.packed));
	if (violation_before(&v, &w->violation))
		w->violation = v;
}

static bool keep(struct worker *w, uint64_t root)
{
	if (!w->found || w->found->nr == BLOCK_ROOTS) {
		if (w->found)
			frontier_give(&w->search->frontier, w->found);
		w->found = frontier_fresh(&w->search->frontier);
		if (!w->found)
			return false;
	}
	w->found->root[w->found->nr++] = root;
	return true;
}

/* Looks up the oldest of what waits. */
static void settle(struct worker *w)
{
	struct search *s = w->search;
	const struct pending *p = &w->pending[w->pending_from];

	w->pending_from = (w->pending_from + 1) % PENDING;
	w->pending_nr--;
	if (!store_add(s->store, p->root, p->home, (uint8_t)(s->level + 1)))
		return;
	w->states++;
	w->budget--;
	if (!keep(w, p->root)) {
		s->error = -ENOMEM;
		atomic_store(&s->pause, true);
	}
}

static void found(struct worker *w, uint64_t root)
{
	const struct store *store = w->search->store;
	uint64_t *recent = &w->recent[(root * 0x9e3779b97f4a7c15u) >>
				      (64 - RECENT_BITS)];
	struct pending *p;

	if (*recent == root + 1)
		return;
	*recent = root + 1;
	if (w->pending_nr == PENDING)
		settle(w);
	p = &w->pending[(w->pending_from + w->pending_nr++) % PENDING];
	p->root = root;
	p->home = store_home(store, root);
	store_prefetch(store, p->home);
}

/* Something broke at the state: what, and at which of its steps. */
static void note_all(struct worker *w, uint64_t root)
{
	const struct expansion *x = &w->reader.expansion;
	struct successors again;
	struct parts parts = { 0 };

	store_parts(w->search->store, root, &parts);
	memo_expand(&w->reader, root, &again);
	if (x->broken)
		note(w, x->broken, -1, &parts);
	for (unsigned int i = 0; i < x->nr; i++)
		if (x->edge[i].broken)
			note(w, x->edge[i].broken, (int)i, &parts);
}

static void expand(struct worker *w, uint64_t root)
{
	struct successors x;

	memo_successors(&w->reader, root, &x);
	if (x.broken)
		note_all(w, root);
	for (unsigned int i = 0; i < x.nr; i++)
		found(w, successor_root(x.next[i]));
	w->transitions += x.nr;
}

/* May the worker expand one more state before the store has to grow? */
static bool may_go_on(struct worker *w)
{
	const struct search *s = w->search;
	uint64_t room, memo;

	if (w->budget < PENDING + EDGES_MAX ||
	    atomic_load_explicit(&s->pause, memory_order_relaxed))
		return false;
	if (w->sure) {
		w->sure--;
		return true;
	}
	room = store_words_room(s->store);
	memo = memo_room(&s->memo);
	room = memo < room ? memo : room;
	w->sure = room / (EDGES_MAX * s->nr);
	return room;
}

/* Reads of the memo are under way some states before they are needed. */
static void look_ahead(const struct worker *w, const struct block *b)
{
	const struct memo *memo = &w->search->memo;

	if (b->done + 2 * AHEAD < b->nr)
		memo_prefetch_slots(memo, b->root[b->done + 2 * AHEAD]);
	if (b->done + AHEAD < b->nr)
		memo_prefetch_entries(memo, b->root[b->done + AHEAD]);
}

/* Expands blocks of the level until there are none, or the store is full. */
static void work(struct worker *w)
{
	struct search *s = w->search;
	struct block *b;

	while ((b = frontier_take(&s->frontier))) {
		while (b->done < b->nr && may_go_on(w)) {
			look_ahead(w, b);
			expand(w, b->root[b->done++]);
		}
		while (w->pending_nr)
			settle(w);
		if (b->done < b->nr) {
			frontier_return(&s->frontier, b);
			atomic_store(&s->pause, true);
			break;
		}
		frontier_spare(&s->frontier, b);
		if (s->options->seconds > 0 &&
		    elapsed(s) > s->options->seconds) {
			atomic_store(&s->out_of_time, true);
			atomic_store(&s->pause, true);
			break;
		}
	}
	w->sure = 0;
	if (w->found && w->found->nr)
		frontier_give(&s->frontier, w->found);
	else if (w->found)
		frontier_spare(&s->frontier, w->found);
	w->found = NULL;
}

/* What broke stays broken, even if a limit cuts its level short. */
static void finish(struct search *s, enum search_end end)
{
	s->end = s->violation.property ? SEARCH_BROKEN : end;
	s->done = true;
}

/* Of the states, the memo and what waits. */
static size_t total_bytes(const struct search *s)
{
	return store_bytes(s->store) + memo_bytes(&s->memo) + s->frontier.bytes;
}

static void show_progress(struct search *s)
{
	double now = elapsed(s);
	uint64_t waiting = 0;

	if (!s->options->progress || now < s->next_progress)
		return;
	s->next_progress = now + 1;
	for (const struct block *b = s->frontier.level; b; b = b->next)
		waiting += b->nr - b->done;
	fprintf(s->options->progress,
		"explore: %.0f s, %llu states, depth %u, %llu waiting, "
		"%.0f states/s, %zu MiB\n",
		now, (unsigned long long)s->store->states, s->level,
		(unsigned long long)waiting, (double)s->store->states / now,
		total_bytes(s) >> 20);
}

static void translate(struct search *s, struct block *list,
		      const struct layout *before)
{
	for (struct block *b = list; b; b = b->next)
		for (uint32_t i = 0; i < b->nr; i++)
			b->root[i] = store_translate(s->store, before,
						     b->root[i]);
}

static int grow(struct search *s)
{
	struct layout before;
	bool relaid;
	int ret = store_grow(s->store, &before, &relaid);

	if (!ret && relaid) {
		translate(s, s->frontier.level, &before);
		translate(s, s->frontier.coming, &before);
		memo_forget(&s->memo);
		for (unsigned int i = 0; i < s->nr; i++)
			memset(s->worker[i].recent, 0,
			       sizeof(s->worker[i].recent));
	}
	return ret;
}

/* The memo gets what the states leave. */
static void make_memo_room(struct search *s)
{
	size_t max = s->options->max_memory;

	if (max && total_bytes(s) + memo_bytes(&s->memo) > max)
		memo_forget(&s->memo);
	else
		memo_grow(&s->memo);
}

/* Room for what comes, or the end of the search. */
static void make_room(struct search *s)
{
	const struct search_options *o = s->options;
	struct store *store = s->store;

	if (!memo_room(&s->memo))
		make_memo_room(s);
	if (!store_full(store))
		return;
	if (store_exhausted(store) ||
	    (o->max_memory && store_grown_bytes(store) + s->frontier.bytes >
				      o->max_memory))
		finish(s, SEARCH_MAX_MEMORY);
	else if (grow(s))
		finish(s, SEARCH_MAX_MEMORY);
}

static void share_budget(struct search *s)
{
	uint64_t budget = s->store->limit - s->store->states;

	if (s->options->max_states &&
	    s->options->max_states + 1 - s->store->states < budget)
		budget = s->options->max_states + 1 - s->store->states;
	budget /= s->nr;
	for (unsigned int i = 0; i < s->nr; i++)
		s->worker[i].budget = budget > MARGIN ? budget : MARGIN;
}

/* Between rounds one worker does this, and the others wait. */
static void between_rounds(struct search *s)
{
	const struct search_options *o = s->options;
	bool level_done = !s->frontier.level;

	s->store->states = 0;
	for (unsigned int i = 0; i < s->nr; i++) {
		s->store->states += s->worker[i].states;
		if (violation_before(&s->worker[i].violation, &s->violation))
			s->violation = s->worker[i].violation;
	}
	atomic_store(&s->pause, false);
	show_progress(s);
	if (s->memo.wrong) {
		s->done = true;
	} else if (level_done && s->violation.property && !o->keep_going) {
		finish(s, SEARCH_BROKEN);
	} else if (s->error) {
		finish(s, SEARCH_MAX_MEMORY);
	} else if (level_done && !frontier_advance(&s->frontier)) {
		finish(s, SEARCH_HOLDS);
	} else if (atomic_load(&s->out_of_time)) {
		finish(s, SEARCH_TIME);
	} else if (o->max_states && s->store->states > o->max_states) {
		finish(s, SEARCH_MAX_STATES);
	} else if (o->max_memory &&
		   store_bytes(s->store) + s->frontier.bytes > o->max_memory) {
		finish(s, SEARCH_MAX_MEMORY);
	} else {
		if (o->max_memory && total_bytes(s) > o->max_memory)
			memo_forget(&s->memo);
		if (level_done)
			s->level++;
		make_room(s);
		share_budget(s);
	}
}

/* All wait for each other, and one of them does what none may do meanwhile. */
static void one_by_all(struct search *s, void (*one)(struct search *s))
{
	if (pthread_barrier_wait(&s->barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
		one(s);
	pthread_barrier_wait(&s->barrier);
}

static void move_on(struct search *s)
{
	store_move_on(s->store);
}

static void *run_worker(void *arg)
{
	struct worker *w = arg;
	struct search *s = w->search;
	unsigned int share = (unsigned int)(w - s->worker);

	while (!s->done) {
		work(w);
		one_by_all(s, between_rounds);
		while (store_moves(s->store)) {
			store_move(s->store, share, s->nr);
			one_by_all(s, move_on);
		}
	}
	return NULL;
}

static int add_starts(struct search *s)
{
	uint8_t start[STARTS_MAX][PACKED_MAX] = { 0 };
	struct worker *w = &s->worker[0];
	unsigned int nr = s->model->start(s->model, start);

	assert(nr >= 1 && nr <= STARTS_MAX);
	for (unsigned int i = 0; i < nr; i++) {
		uint64_t root = store_intern(s->store, NULL, start[i]);

		if (!store_add(s->store, root, store_home(s->store, root), 0))
			continue;
		w->states++;
		if (!keep(w, root))
			return -ENOMEM;
	}
	frontier_give(&s->frontier, w->found);
	w->found = NULL;
	frontier_advance(&s->frontier);
	s->store->states = w->states;
	share_budget(s);
	return 0;
}

unsigned int search_workers(const struct search_options *options)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (options->workers)
		return options->workers < WORKERS_MAX ? options->workers
						      : WORKERS_MAX;
	return cpus < 1 ? 1 : cpus < WORKERS_MAX ? (unsigned int)cpus
						 : WORKERS_MAX;
}

/* A thread that cannot be had ends the search before it began. */
static int run_threads(struct search *s)
{
	unsigned int started = 1;
	int ret = 0;

	if (pthread_barrier_init(&s->barrier, NULL, s->nr))
		return -EAGAIN;
	pthread_mutex_lock(&s->frontier.lock);
	for (; started < s->nr && !ret; started++)
		ret = -pthread_create(&s->worker[started].thread, NULL,
				      run_worker, &s->worker[started]);
	if (ret) {
		/* The others wait for the lock, and then for ever. */
		fprintf(stderr, "explore: no thread: %s\n", strerror(-ret));
		abort();
	}
	pthread_mutex_unlock(&s->frontier.lock);
	run_worker(&s->worker[0]);
	for (unsigned int i = 1; i < s->nr; i++)
		pthread_join(s->worker[i].thread, NULL);
	pthread_barrier_destroy(&s->barrier);
	return 0;
}

static void collect(const struct search *s, struct search_result *out)
{
	memset(out, 0, sizeof(*out));
	out->end = s->end;
	out->violation = s->violation;
	out->states = s->store->states;
	for (unsigned int i = 0; i < s->nr; i++)
		out->transitions += s->worker[i].transitions;
	out->depth = s->level;
	out->seconds = elapsed(s);
	out->bytes = total_bytes(s);
	out->views = s->model->views && !s->memo.wrong;
}

/* Half of the memory for hashes, the rest for states that wait. */
static size_t lossy_bytes(const struct search_options *o)
{
	if (!o->lossy)
		return 0;
	return o->max_memory ? o->max_memory / 2 : LOSSY_BYTES;
}

/* 1: the model's views are wrong. */
static int run_once(const struct model *m, const struct search_options *options,
		    struct store *store, struct search_result *out)
{
	struct search s = {
		.model = m,
		.options = options,
		.store = store,
		.nr = search_workers(options),
		.next_progress = 2,
	};
	int ret;

	clock_gettime(CLOCK_MONOTONIC, &s.started);
	ret = store_init(store, m->size, s.nr * MARGIN, lossy_bytes(options));
	if (ret)
		return ret;
	frontier_init(&s.frontier);
	ret = memo_init(&s.memo, m, store);
	if (ret)
		goto out;
	if (options->check_one_in)
		s.memo.check_one_in = options->check_one_in;
	s.worker = calloc(s.nr, sizeof(*s.worker));
	if (!s.worker) {
		ret = -ENOMEM;
		goto out_memo;
	}
	for (unsigned int i = 0; i < s.nr; i++) {
		s.worker[i].search = &s;
		s.worker[i].reader.memo = &s.memo;
	}
	ret = add_starts(&s);
	if (!ret)
		ret = run_threads(&s);
	if (!ret)
		collect(&s, out);
	if (!ret && s.memo.wrong)
		ret = 1;
out_memo:
	memo_free(&s.memo);
out:
	free(s.worker);
	frontier_free(&s.frontier);
	if (ret)
		store_free(store);
	return ret;
}

int search_run(const struct model *m, const struct search_options *options,
	       struct store *store, struct search_result *out)
{
	int ret = run_once(m, options, store, out);
	struct model whole = *m;

	if (ret != 1)
		return ret;
	if (options->progress)
		fprintf(options->progress,
			"explore: what one device does depends on another: "
			"again, without views\n");
	whole.views = 0;
	return run_once(&whole, options, store, out);
}
