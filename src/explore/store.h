/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The set of visited states, exact, in 8 bytes of table each.
 *
 * A state's bytes are cut into words of 8.  Each word position has a dictionary
 * that numbers the words seen there; pairs of numbers are words again, and are
 * numbered by the dictionaries above, up to the last pair.  That pair, the
 * root, is the state: two numbers of 28 bits, in a table of 64-bit slots, with
 * the low 8 bits of the level (distance from the start) at which it was found.
 * Equal roots are equal states: nothing is lost.
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

struct store {
	unsigned int words;	/* of a state */
	unsigned int nodes;	/* below the root */
	unsigned int margin;	/* what workers may add after store_full() */
	struct {
		uint8_t left, right;	/* nodes that an inner node joins */
	} node[NODES_MAX];	/* [0 … words) are the words themselves */
	struct dict dict[NODES_MAX];
	uint8_t root[2];	/* nodes that the root joins; equal: only one */
	_Atomic uint64_t *slot;
	_Atomic uint32_t *hash;	/* lossy: instead of slot */
	uint64_t slots;
	uint64_t limit;		/* states before it wants to grow */
	uint64_t states;	/* kept by the search, between rounds */
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

/* Takes the state in: true if it is new. */
bool store_add(struct store *s, uint64_t root, uint8_t level);
void store_prefetch(const struct store *s, uint64_t root);

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

bool store_full(const struct store *s);
/* Roots are numbers of 28 bits: beyond that the store cannot grow. */
bool store_exhausted(const struct store *s);
size_t store_bytes(const struct store *s);
/* The most that it takes while it grows. */
size_t store_grown_bytes(const struct store *s);
int store_grow(struct store *s);

#endif
