/* SPDX-License-Identifier: Apache-2.0 */
#include "explore/store.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SLOTS_FIRST	1024u
#define NUMBER_BITS	28
#define NUMBER_MAX	((1u << NUMBER_BITS) - 1)
#define HUGE_PAGE	(2u << 20)

/*
 * Joins neighbours until two are left: 5 words give
 *
 *	     root
 *	    /    \
 *	   7      \
 *	  / \      \
 *	 5   6      4
 *	/ \ / \
 *	0 1 2 3
 */
static void build_tree(struct store *s)
{
	uint8_t row[WORDS_MAX];
	unsigned int nr = s->words;

	s->nodes = s->words;
	for (unsigned int i = 0; i < nr; i++)
		row[i] = (uint8_t)i;
	while (nr > 2) {
		unsigned int next = 0;

		for (unsigned int i = 0; i + 1 < nr; i += 2) {
			s->node[s->nodes].left = row[i];
			s->node[s->nodes].right = row[i + 1];
			row[next++] = (uint8_t)s->nodes++;
		}
		if (nr % 2)
			row[next++] = row[nr - 1];
		nr = next;
	}
	s->root[0] = row[0];
	s->root[1] = row[nr - 1];
}

/* Random reads of a large table: huge pages spare most of the TLB misses. */
static _Atomic uint64_t *table_alloc(uint64_t slots)
{
	size_t bytes = slots * sizeof(uint64_t);
	void *p;

	if (bytes < HUGE_PAGE)
		return calloc(slots, sizeof(uint64_t));
	bytes = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
	p = aligned_alloc(HUGE_PAGE, bytes);
	if (!p)
		return NULL;
	madvise(p, bytes, MADV_HUGEPAGE);
	memset(p, 0, bytes);
	return p;
}

static uint64_t limit_of(uint64_t slots)
{
	return slots / 4 * 3;
}

static int alloc_slots(struct store *s, size_t lossy)
{
	s->slots = SLOTS_FIRST;
	while (s->slots / 8 < s->margin)
		s->slots *= 2;
	if (lossy && lossy / sizeof(*s->hash) > s->slots)
		s->slots = lossy / sizeof(*s->hash);
	if (s->slots > UINT32_MAX)
		s->slots = UINT32_MAX;
	s->limit = limit_of(s->slots);
	if (lossy)
		s->hash = calloc(s->slots, sizeof(*s->hash));
	else
		s->slot = table_alloc(s->slots);
	return s->slot || s->hash ? 0 : -ENOMEM;
}

int store_init(struct store *s, unsigned int size, unsigned int margin,
	       size_t lossy)
{
	assert(size >= 1 && size <= PACKED_MAX);
	memset(s, 0, sizeof(*s));
	s->words = (size + 7) / 8;
	s->margin = margin;
	build_tree(s);
	for (unsigned int i = 0; i < s->nodes; i++)
		if (dict_init(&s->dict[i], margin))
			goto fail;
	if (!alloc_slots(s, lossy))
		return 0;
fail:
	store_free(s);
	return -ENOMEM;
}

void store_free(struct store *s)
{
	for (unsigned int i = 0; i < s->nodes; i++)
		dict_free(&s->dict[i]);
	free(s->slot);
	free(s->hash);
	memset(s, 0, sizeof(*s));
}

static uint64_t join(uint32_t left, uint32_t right)
{
	return (uint64_t)left << NUMBER_BITS | right;
}

uint64_t store_intern(struct store *s, const struct parts *near,
		      const uint8_t *packed)
{
	uint32_t number[NODES_MAX];
	bool same[NODES_MAX];

	for (unsigned int i = 0; i < s->words; i++) {
		uint64_t word;

		memcpy(&word, packed + 8 * i, sizeof(word));
		same[i] = near && word == near->word[i];
		number[i] = same[i] ? near->number[i]
				    : dict_number(&s->dict[i], word);
	}
	for (unsigned int i = s->words; i < s->nodes; i++) {
		unsigned int l = s->node[i].left, r = s->node[i].right;

		same[i] = same[l] && same[r];
		number[i] = same[i] ? near->number[i]
				    : dict_number(&s->dict[i],
						  join(number[l], number[r]));
	}
	return join(number[s->root[0]], number[s->root[1]]);
}

void store_parts(const struct store *s, uint64_t root, struct parts *out)
{
	out->number[s->root[0]] = (uint32_t)(root >> NUMBER_BITS);
	out->number[s->root[1]] = (uint32_t)(root & NUMBER_MAX);
	for (unsigned int i = s->nodes; i-- > s->words;) {
		uint64_t pair = dict_word(&s->dict[i], out->number[i]);

		out->number[s->node[i].left] = (uint32_t)(pair >> NUMBER_BITS);
		out->number[s->node[i].right] = (uint32_t)(pair & NUMBER_MAX);
	}
	for (unsigned int i = 0; i < s->words; i++)
		out->word[i] = dict_word(&s->dict[i], out->number[i]);
}

/* Keeps the order of hashes: growing moves entries, but not past each other. */
static uint64_t home(const struct store *s, uint64_t root)
{
	return ((dict_mix(root) >> 32) * s->slots) >> 32;
}

void store_prefetch(const struct store *s, uint64_t root)
{
	uint64_t i = home(s, root);

	if (s->hash)
		__builtin_prefetch((const void *)&s->hash[i]);
	else
		__builtin_prefetch((const void *)&s->slot[i]);
}

/* Bits of the root that its home does not depend on. */
static uint32_t fingerprint(uint64_t root)
{
	uint32_t f = (uint32_t)(dict_mix(root ^ 0xa5a5a5a5a5a5a5a5u) >> 32);

	return f ? f : 1;
}

static bool add_hash(struct store *s, uint64_t root)
{
	uint32_t entry = fingerprint(root);

	for (uint64_t i = home(s, root);; i = i + 1 == s->slots ? 0 : i + 1) {
		uint32_t seen = atomic_load_explicit(&s->hash[i],
						     memory_order_relaxed);

		if (!seen && atomic_compare_exchange_strong(&s->hash[i], &seen,
							    entry))
			return true;
		if (seen == entry)
			return false;
	}
}

bool store_add(struct store *s, uint64_t root, uint8_t level)
{
	uint64_t entry = root << 8 | level;

	if (s->hash)
		return add_hash(s, root);
	for (uint64_t i = home(s, root);; i = i + 1 == s->slots ? 0 : i + 1) {
		uint64_t seen = store_entry(s, i);

		if (!seen && atomic_compare_exchange_strong(&s->slot[i], &seen,
							    entry))
			return true;
		if (store_root(seen) == root)
			return false;
	}
}

uint64_t store_slot(const struct store *s, uint64_t root)
{
	for (uint64_t i = home(s, root);; i = i + 1 == s->slots ? 0 : i + 1) {
		uint64_t seen = store_entry(s, i);

		if (!seen)
			return UINT64_MAX;
		if (store_root(seen) == root)
			return i;
	}
}

bool store_full(const struct store *s)
{
	if (s->states + s->margin > s->limit)
		return true;
	for (unsigned int i = 0; i < s->nodes; i++)
		if (dict_full(&s->dict[i]))
			return true;
	return false;
}

static uint64_t grown_slots(const struct store *s)
{
	return s->slots / 2 * 3;
}

bool store_exhausted(const struct store *s)
{
	bool table_full = s->states + s->margin > s->limit;

	if (table_full && (s->hash || grown_slots(s) >> 32))
		return true;
	for (unsigned int i = 0; i < s->nodes; i++)
		if (dict_full(&s->dict[i]) &&
		    (uint64_t)s->dict[i].limit * 2 + s->margin >= NUMBER_MAX)
			return true;
	return false;
}

size_t store_bytes(const struct store *s)
{
	size_t bytes = s->slots * (s->hash ? sizeof(*s->hash) : sizeof(*s->slot));

	for (unsigned int i = 0; i < s->nodes; i++)
		bytes += dict_bytes(&s->dict[i]);
	return bytes;
}

size_t store_grown_bytes(const struct store *s)
{
	size_t bytes = store_bytes(s);

	if (s->states + s->margin > s->limit)
		bytes += grown_slots(s) * sizeof(*s->slot);
	for (unsigned int i = 0; i < s->nodes; i++)
		if (dict_full(&s->dict[i]))
			bytes += dict_grown_bytes(&s->dict[i]);
	return bytes;
}

static int grow_table(struct store *s)
{
	struct store old = *s;
	uint64_t slots = grown_slots(s);
	_Atomic uint64_t *slot = table_alloc(slots);

	if (!slot)
		return -ENOMEM;
	s->slot = slot;
	s->slots = slots;
	s->limit = limit_of(slots);
	for (uint64_t i = 0; i < old.slots; i++) {
		uint64_t entry = store_entry(&old, i);

		if (entry)
			store_add(s, store_root(entry), store_level(entry));
	}
	free(old.slot);
	return 0;
}

int store_grow(struct store *s)
{
	int ret = 0;

	while (!ret && s->states + s->margin > s->limit)
		ret = grow_table(s);
	for (unsigned int i = 0; !ret && i < s->nodes; i++)
		while (!ret && dict_full(&s->dict[i]))
			ret = dict_grow(&s->dict[i], s->margin);
	return ret;
}
