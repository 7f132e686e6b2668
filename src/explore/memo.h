/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What follows a state: the roots of its successors.
 *
 * Where a model has views (model.h), the steps of a view are worked out once for
 * each content of its words, and remembered.  The successors of all states that
 * look the same there are then made by exchanging the view's numbers in their
 * roots: nothing is unpacked, run, packed or numbered.
 *
 * A view's steps are worked out with the start state's words outside of it, so
 * whatever thread came first, they are the same.  That the code does not look
 * beyond the view is not taken for granted, since it is code that is searched
 * for faults: a reader expands its first CHECKED_FIRST states as a whole too,
 * and after that one in check_one_in.  If that differs the memo is wrong, and
 * whoever uses it has to begin again without.
 *
 * Models without views, and stores that do not keep their numbers side by side,
 * are expanded state by state.
 *
 * memo_successors() is called by several threads at once, each with a reader of
 * its own; what is not about a reader, while nobody reads.
 */
#ifndef EXPLORE_MEMO_H
#define EXPLORE_MEMO_H

#include <pthread.h>

#include "explore/store.h"

#define CHECKED_FIRST		65536u
#define MEMO_CHECK_ONE_IN	256

struct memo_entry;
struct memo_chunk;

/* The entries of one view. */
struct memo_table {
	uint64_t bits;		/* of a root, that the view's numbers take */
	_Atomic(struct memo_entry *) *slot;	/* open addressing */
	uint64_t slots;		/* a power of 2 */
	uint8_t shift;		/* 64 less its logarithm */
	_Atomic uint64_t nr;
};

struct memo {
	const struct model *model;
	struct store *store;
	bool usable;		/* the model and the layout allow it */
	_Atomic bool wrong;	/* a step depends on more than its view */
	struct memo_table table[VIEWS_MAX];
	uint64_t start[WORDS_MAX];	/* what stands outside a view */
	unsigned int check_one_in;
	unsigned int forgotten;	/* how often */
	pthread_mutex_t lock;	/* of the chunks */
	struct memo_chunk *chunk;	/* where the entries are */
	size_t bytes;		/* of them */
};

/* What a thread has of its own: { .memo = … } is a fresh one. */
struct memo_reader {
	struct memo *memo;
	struct memo_chunk *chunk;	/* being filled */
	unsigned int forgotten;	/* by then; the chunk may be gone */
	unsigned int checked;	/* states, of the first ones */
	struct expansion expansion;
};

struct successors {
	unsigned int nr;
	bool broken;		/* by the state or by a step: expand it to see */
	uint64_t next[EDGES_MAX];	/* root, and below it the step's flags */
};

static inline uint64_t successor_root(uint64_t next)
{
	return next >> 8;
}

static inline uint8_t successor_flags(uint64_t next)
{
	return (uint8_t)next;
}

int memo_init(struct memo *memo, const struct model *m, struct store *s);
void memo_free(struct memo *memo);

/* In no order.  Adds words to the store, as store_intern() does. */
void memo_successors(struct memo_reader *r, uint64_t root,
		     struct successors *out);
/* Ask for what memo_successors() will read; first the one, then the other. */
void memo_prefetch_slots(const struct memo *memo, uint64_t root);
void memo_prefetch_entries(const struct memo *memo, uint64_t root);
/* In the order of the model's expansion, which is in r then. */
void memo_expand(struct memo_reader *r, uint64_t root, struct successors *out);

/* Entries that may come before it wants to grow; 0: it is time. */
uint64_t memo_room(const struct memo *memo);
/* Makes room; if there is none to be had, everything is forgotten. */
void memo_grow(struct memo *memo);
/* It is only a memo.  Due when the store's roots were made again. */
void memo_forget(struct memo *memo);
size_t memo_bytes(const struct memo *memo);

#endif
