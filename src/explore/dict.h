/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A dictionary of 64-bit words: each gets a small number, and gives it back.
 * Numbers begin at 1.  Lookups and insertions are lock-free; growing is not,
 * and is done while nobody else uses the dictionary.
 */
#ifndef EXPLORE_DICT_H
#define EXPLORE_DICT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dict {
	uint64_t *word;		/* by number; [0] is unused */
	_Atomic uint32_t *slot;	/* open addressing: numbers, 0 is empty */
	uint32_t slots;
	uint32_t limit;		/* numbers given before it wants to grow */
	_Atomic uint32_t nr;	/* highest number given */
};

/* margin: insertions that may still come after dict_full() says so */
int dict_init(struct dict *d, unsigned int margin);
void dict_free(struct dict *d);

/* The word's number, given now if it had none. */
uint32_t dict_number(struct dict *d, uint64_t word);
/* 0: has none */
uint32_t dict_find(const struct dict *d, uint64_t word);

static inline uint64_t dict_word(const struct dict *d, uint32_t number)
{
	return d->word[number];
}

static inline bool dict_full(const struct dict *d)
{
	return atomic_load_explicit(&d->nr, memory_order_relaxed) >= d->limit;
}

/* Bytes that it would take after growing. */
size_t dict_grown_bytes(const struct dict *d);
size_t dict_bytes(const struct dict *d);
int dict_grow(struct dict *d, unsigned int margin);

/* Spreads every bit of a word over all bits. */
static inline uint64_t dict_mix(uint64_t x)
{
	x ^= x >> 32;
	x *= 0x9e3779b97f4a7c15u;
	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9u;
	x ^= x >> 32;
	return x;
}

#endif
