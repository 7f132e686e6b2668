/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The set of visited states, exact, in 8 bytes of table each.
 *
 * A state's bytes are cut into words of 8.  Each word position has a dictionary
 * that numbers the words seen there.  The numbers side by side, in 56 bits, are
 * the state's root; equal roots are equal states: nothing is lost.  The table
 * holds a root in a slot of 64 bits, with the low 8 bits of the level (distance
 * from the start) at which it was found.
 *
 * How many bits each number gets changes as the dictionaries grow: all roots
 * are then made again (store_grow()).  Numbers that do not fit side by side any
 * more are joined in pairs, which are words again and are numbered by further
 * dictionaries, up to the last pair.  So worlds do best whose words change
 * independently of each other: a device each, say.
 *
 * Lossy, on demand: the table holds 32-bit hashes of roots.  With the slot's
 * place that is a hash of some 55 to 60 bits: two states with the same one are
 * taken for one.  No state can be read back from such a table.
 *
 * store_intern() and store_add() are lock-free; store_grow() is not.
 */
#ifndef EXPLORE_STORE_H
#define EXPLORE_STORE_H

#include "explore/dict.h"
#include "explore/model.h"

#define WORDS_MAX	(PACKED_MAX / 8)
#define NODES_MAX	(2 * WORDS_MAX)

/* How a root is made of numbers. */
struct layout {
	uint8_t nr;		/* numbers in it */
	uint8_t node[WORDS_MAX];	/* whose numbers */
	uint8_t width[WORDS_MAX];	/* bits of each */
	uint8_t shift[WORDS_MAX];
};

struct store {
	unsigned int words;	/* of a state */
	unsigned int nodes;	/* below the root; words, unless there are pairs */
	unsigned int margin;	/* what workers may add after store_full() */
	struct {
		uint8_t left, right;	/* nodes that an inner node joins */
	} node[NODES_MAX];	/* [0 … words) are the words themselves */
	struct dict dict[NODES_MAX];
	struct layout layout;
	_Atomic uint64_t *slot;
	_Atomic uint32_t *hash;	/* lossy: instead of slot */
	uint64_t slots;
	uint64_t limit;		/* states before it wants to grow */
	uint64_t states;	/* kept by the search, between rounds */
	/* While the table grows: */
	uint64_t old_slots;
	uint64_t move_from, move_to;	/* old slots to move now */
	uint64_t *aside;	/* entries that wait; NULL: it does not grow */
	uint64_t aside_room;
	_Atomic uint64_t asides;
};

/* A state taken apart; its neighbours differ in few nodes. */
struct parts {
	uint64_t word[WORDS_MAX];
	uint32_t number[NODES_MAX];
};

/* lossy: bytes of a table of hashes, which does not grow; 0: exact */
int store_init(struct store *s, unsigned int size, unsigned int margin,
	       size_t lossy);
void store_free(struct store *s);

/* The root of the state `packed`; near: a neighbour, or NULL. */
uint64_t store_intern(struct store *s, const struct parts *near,
		      const uint8_t *packed);
/* From a root to the bytes of the state. */
void store_parts(const struct store *s, uint64_t root, struct parts *out);

/* Are the numbers of the words side by side in a root? */
static inline bool store_is_flat(const struct store *s)
{
	return s->nodes == s->words;
}

/*
 * Some words of a state, by a mask over them, in a store that is flat: the bits
 * that they take in a root; the words from those bits, and the bits from the
 * words, where near is what store_view_parts() gave.
 */
uint64_t store_bits(const struct store *s, unsigned int words);
void store_view_parts(const struct store *s, uint64_t bits, unsigned int words,
		      struct parts *out);
uint64_t store_intern_view(struct store *s, const struct parts *near,
			   unsigned int words, const uint8_t *packed);

/*
 * The slot at which the search for a root begins.  Keeps the order of hashes:
 * growing moves entries, but not past each other.
 */
static inline uint64_t store_home(const struct store *s, uint64_t root)
{
	return ((dict_mix(root) >> 32) * s->slots) >> 32;
}

static inline void store_prefetch(const struct store *s, uint64_t home)
{
	if (s->hash)
		__builtin_prefetch((const void *)&s->hash[home]);
	else
		__builtin_prefetch((const void *)&s->slot[home]);
}

/* Takes the state in: true if it is new. */
bool store_add(struct store *s, uint64_t root, uint64_t home, uint8_t level);

/* Slot of a state that is in it, or UINT64_MAX. */
uint64_t store_slot(const struct store *s, uint64_t root);

static inline uint64_t store_root(uint64_t entry)
{
	return entry >> 8;
}

static inline uint8_t store_level(uint64_t entry)
{
	return (uint8_t)entry;
}

/* 0: the slot is empty */
static inline uint64_t store_entry(const struct store *s, uint64_t slot)
{
	return atomic_load_explicit(&s->slot[slot], memory_order_relaxed);
}

/* Words that may come before the numbers need room; 0: it is time. */
uint64_t store_words_room(const struct store *s);

bool store_full(const struct store *s);
/* Roots are numbers of 28 bits: beyond that the store cannot grow. */
bool store_exhausted(const struct store *s);
size_t store_bytes(const struct store *s);
/* The most that it takes while it grows. */
size_t store_grown_bytes(const struct store *s);
/* before: the layout that roots were made by until now, if relaid. */
int store_grow(struct store *s, struct layout *before, bool *relaid);
/*
 * The rest of growing, by all workers: while it moves each moves its share, and
 * when all have done so, one goes on to what is to be moved next.
 */
static inline bool store_moves(const struct store *s)
{
	return s->aside;
}
void store_move(struct store *s, unsigned int share, unsigned int shares);
void store_move_on(struct store *s);
/* A root that was made by another layout. */
uint64_t store_translate(struct store *s, const struct layout *before,
			 uint64_t root);

#endif
