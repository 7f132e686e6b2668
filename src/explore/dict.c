/* SPDX-License-Identifier: Apache-2.0 */
#include "explore/dict.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_FIRST	1024u

/* Keeps the order of hashes, so any number of slots will do. */
static uint32_t home(const struct dict *d, uint64_t word)
{
	return (uint32_t)(((dict_mix(word) >> 32) * d->slots) >> 32);
}

static uint32_t limit_of(uint32_t slots)
{
	return slots / 2;
}

static size_t words_of(uint32_t slots, unsigned int margin)
{
	return (size_t)limit_of(slots) + margin + 1;
}

int dict_init(struct dict *d, unsigned int margin)
{
	memset(d, 0, sizeof(*d));
	/* The margin must fit into the free half of the slots. */
	d->slots = SLOTS_FIRST;
	while (d->slots / 4 < margin)
		d->slots *= 2;
	d->limit = limit_of(d->slots);
	d->word = malloc(words_of(d->slots, margin) * sizeof(*d->word));
	d->slot = calloc(d->slots, sizeof(*d->slot));
	if (!d->word || !d->slot) {
		dict_free(d);
		return -ENOMEM;
	}
	return 0;
}

void dict_free(struct dict *d)
{
	free(d->word);
	free(d->slot);
	memset(d, 0, sizeof(*d));
}

uint32_t dict_find(const struct dict *d, uint64_t word)
{
	for (uint32_t i = home(d, word);; i = i + 1 == d->slots ? 0 : i + 1) {
		uint32_t n = atomic_load_explicit(&d->slot[i],
						  memory_order_acquire);

		if (!n || d->word[n] == word)
			return n;
	}
}

uint32_t dict_number(struct dict *d, uint64_t word)
{
	uint32_t fresh = 0;

	for (uint32_t i = home(d, word);; i = i + 1 == d->slots ? 0 : i + 1) {
		uint32_t n = atomic_load_explicit(&d->slot[i],
						  memory_order_acquire);

		if (!n) {
			/*
			 * Two threads with the same new word: one loses the
			 * slot, takes the other's number, and its own is never
			 * used.
			 */
			if (!fresh) {
				fresh = atomic_fetch_add(&d->nr, 1) + 1;
				d->word[fresh] = word;
			}
			if (atomic_compare_exchange_strong(&d->slot[i], &n,
							   fresh))
				return fresh;
		}
		if (d->word[n] == word)
			return n;
	}
}

static uint32_t grown_slots(const struct dict *d)
{
	return d->slots * 2;
}

size_t dict_bytes(const struct dict *d)
{
	return d->slots * sizeof(*d->slot) +
	       words_of(d->slots, 0) * sizeof(*d->word);
}

size_t dict_grown_bytes(const struct dict *d)
{
	return 2 * dict_bytes(d);
}

int dict_grow(struct dict *d, unsigned int margin)
{
	uint32_t slots = grown_slots(d);
	_Atomic uint32_t *slot = calloc(slots, sizeof(*slot));
	uint64_t *word = realloc(d->word, words_of(slots, margin) *
						  sizeof(*word));

	if (word)
		d->word = word;
	if (!word || !slot) {
		free(slot);
		return -ENOMEM;
	}
	/* Only numbers that won a slot are in use: walk the old slots. */
	_Atomic uint32_t *old = d->slot;
	uint32_t old_slots = d->slots;

	d->slot = slot;
	d->slots = slots;
	d->limit = limit_of(slots);
	for (uint32_t k = 0; k < old_slots; k++) {
		uint32_t n = atomic_load_explicit(&old[k],
						  memory_order_relaxed);
		uint32_t i;

		if (!n)
			continue;
		for (i = home(d, d->word[n]); slot[i];)
			i = i + 1 == slots ? 0 : i + 1;
		atomic_store_explicit(&slot[i], n, memory_order_relaxed);
	}
	free(old);
	assert(!dict_full(d));
	return 0;
}
