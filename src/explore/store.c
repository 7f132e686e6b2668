/* SPDX-License-Identifier: Apache-2.0 */
#include "explore/store.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "explore/pages.h"

#define SLOTS_FIRST	1024u
#define ROOT_BITS	56
#define NUMBER_BITS	(ROOT_BITS / 2)
#define FEW		8192u	/* slots: not worth sharing out */

static void set_widths(struct layout *l)
{
	unsigned int shift = 0;

	for (unsigned int i = 0; i < l->nr; i++) {
		l->shift[i] = (uint8_t)shift;
		shift += l->width[i];
	}
	assert(shift <= ROOT_BITS);
}

/* Numbers of the words side by side, an equal share of bits for each. */
static void lay_flat(struct store *s)
{
	struct layout *l = &s->layout;
	unsigned int share = ROOT_BITS / s->words;

	l->nr = (uint8_t)s->words;
	for (unsigned int i = 0; i < s->words; i++) {
		l->node[i] = (uint8_t)i;
		l->width[i] = (uint8_t)(share < NUMBER_BITS ? share
							    : NUMBER_BITS);
	}
	set_widths(l);
	s->nodes = s->words;
}

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
static int lay_tree(struct store *s)
{
	struct layout *l = &s->layout;
	uint8_t row[WORDS_MAX];
	unsigned int nr = s->words;

	for (unsigned int i = 0; i < nr; i++)
		row[i] = (uint8_t)i;
	while (nr > 2) {
		unsigned int next = 0;

		for (unsigned int i = 0; i + 1 < nr; i += 2) {
			if (dict_init(&s->dict[s->nodes], s->margin))
				return -ENOMEM;
			s->node[s->nodes].left = row[i];
			s->node[s->nodes].right = row[i + 1];
			row[next++] = (uint8_t)s->nodes++;
		}
		if (nr % 2)
			row[next++] = row[nr - 1];
		nr = next;
	}
	l->nr = (uint8_t)nr;
	for (unsigned int i = 0; i < nr; i++) {
		l->node[i] = row[i];
		l->width[i] = NUMBER_BITS;
	}
	set_widths(l);
	return 0;
}

static size_t table_bytes(uint64_t slots)
{
	return slots * sizeof(uint64_t);
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
		s->slot = pages_alloc(table_bytes(s->slots));
	return s->slot || s->hash ? 0 : -ENOMEM;
}

int store_init(struct store *s, unsigned int size, unsigned int margin,
	       size_t lossy)
{
	assert(size >= 1 && size <= PACKED_MAX);
	memset(s, 0, sizeof(*s));
	s->words = (size + 7) / 8;
	s->margin = margin;
	lay_flat(s);
	for (unsigned int i = 0; i < s->nodes; i++)
		if (dict_init(&s->dict[i], margin))
			goto fail;
	/* Hashes are of roots: the layout must be one that stays. */
	if (lossy && s->words > 2 && lay_tree(s))
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
	pages_free((void *)s->slot, table_bytes(s->slots));
	free(s->aside);
	free(s->hash);
	memset(s, 0, sizeof(*s));
}

static uint64_t join(uint32_t left, uint32_t right)
{
	return (uint64_t)left << NUMBER_BITS | right;
}

static uint64_t root_of(const struct layout *l, const uint32_t *number)
{
	uint64_t root = 0;

	for (unsigned int i = 0; i < l->nr; i++)
		root |= (uint64_t)number[l->node[i]] << l->shift[i];
	return root;
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
		/* without near nothing is the same */
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
		number[i] = same[i] ? near->number[i]
				    : dict_number(&s->dict[i],
						  join(number[l], number[r]));
	}
	return root_of(&s->layout, number);
}

/* nodes: how many there were when the layout was in use */
static void numbers_of(const struct store *s, const struct layout *l,
		       unsigned int nodes, uint64_t root, uint32_t *number)
{
	for (unsigned int i = 0; i < l->nr; i++)
		number[l->node[i]] = (uint32_t)(root >> l->shift[i] &
						((1ull << l->width[i]) - 1));
	for (unsigned int i = nodes; i-- > s->words;) {
		uint64_t pair = dict_word(&s->dict[i], number[i]);

		number[s->node[i].left] = (uint32_t)(pair >> NUMBER_BITS);
		number[s->node[i].right] =
			(uint32_t)(pair & ((1u << NUMBER_BITS) - 1));
	}
}

void store_parts(const struct store *s, uint64_t root, struct parts *out)
{
	numbers_of(s, &s->layout, s->nodes, root, out->number);
	for (unsigned int i = 0; i < s->words; i++)
		out->word[i] = dict_word(&s->dict[i], out->number[i]);
}

uint64_t store_bits(const struct store *s, unsigned int words)
{
	const struct layout *l = &s->layout;
	uint64_t bits = 0;

	for (unsigned int i = 0; i < l->nr; i++)
		if (words >> i & 1)
			bits |= ((1ull << l->width[i]) - 1) << l->shift[i];
	return bits;
}

void store_view_parts(const struct store *s, uint64_t bits, unsigned int words,
		      struct parts *out)
{
	assert(store_is_flat(s));
	numbers_of(s, &s->layout, s->nodes, bits, out->number);
	for (unsigned int i = 0; i < s->words; i++)
		if (words >> i & 1)
			out->word[i] = dict_word(&s->dict[i], out->number[i]);
}

uint64_t store_intern_view(struct store *s, const struct parts *near,
			   unsigned int words, const uint8_t *packed)
{
	const struct layout *l = &s->layout;
	uint64_t bits = 0;

	for (unsigned int i = 0; i < s->words; i++) {
		uint64_t word, number;

		if (!(words >> i & 1))
			continue;
		memcpy(&word, packed + 8 * i, sizeof(word));
		number = word == near->word[i] ? near->number[i]
					       : dict_number(&s->dict[i], word);
		bits |= number << l->shift[i];
	}
	return bits;
}

/* Only a flat layout is ever left. */
uint64_t store_translate(struct store *s, const struct layout *before,
			 uint64_t root)
{
	uint32_t number[NODES_MAX];

	numbers_of(s, before, s->words, root, number);
	for (unsigned int i = s->words; i < s->nodes; i++)
		number[i] = dict_number(&s->dict[i],
					join(number[s->node[i].left],
					     number[s->node[i].right]));
	return root_of(&s->layout, number);
}

/* Bits of the root that its home does not depend on. */
static uint32_t fingerprint(uint64_t root)
{
	uint32_t f = (uint32_t)(dict_mix(root ^ 0xa5a5a5a5a5a5a5a5u) >> 32);

	return f ? f : 1;
}

static bool add_hash(struct store *s, uint64_t root, uint64_t home)
{
	uint32_t entry = fingerprint(root);

	for (uint64_t i = home;; i = i + 1 == s->slots ? 0 : i + 1) {
		uint32_t seen = atomic_load_explicit(&s->hash[i],
						     memory_order_relaxed);

		if (!seen && atomic_compare_exchange_strong(&s->hash[i], &seen,
							    entry))
			return true;
		if (seen == entry)
			return false;
	}
}

bool store_add(struct store *s, uint64_t root, uint64_t home, uint8_t level)
{
	uint64_t entry = root << 8 | level;

	if (s->hash)
		return add_hash(s, root, home);
	for (uint64_t i = home;; i = i + 1 == s->slots ? 0 : i + 1) {
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
	for (uint64_t i = store_home(s, root);; i = i + 1 == s->slots ? 0 : i + 1) {
		uint64_t seen = store_entry(s, i);

		if (!seen)
			return UINT64_MAX;
		if (store_root(seen) == root)
			return i;
	}
}

static bool table_full(const struct store *s)
{
	return s->states + s->margin > s->limit;
}

/* Bits for the numbers that there are, and that may come before a next look. */
static unsigned int bits_needed(const struct store *s, unsigned int node)
{
	uint64_t most = (uint64_t)s->dict[node].nr + s->margin / 2;
	unsigned int bits = 1;

	while (most >> bits)
		bits++;
	return bits;
}

/* Is a number about to need more bits than it has? */
static bool layout_full(const struct store *s)
{
	for (unsigned int i = 0; i < s->layout.nr; i++)
		if (bits_needed(s, s->layout.node[i]) > s->layout.width[i])
			return true;
	return false;
}

uint64_t store_words_room(const struct store *s)
{
	uint64_t room = UINT64_MAX;

	for (unsigned int i = 0; i < s->nodes; i++) {
		const struct dict *d = &s->dict[i];
		uint64_t left = dict_full(d) ? 0 : d->limit - d->nr;

		room = left < room ? left : room;
	}
	for (unsigned int i = 0; i < s->layout.nr; i++) {
		uint64_t most = s->dict[s->layout.node[i]].nr + s->margin / 2;
		uint64_t fit = 1ull << s->layout.width[i];
		uint64_t left = most < fit ? fit - most : 0;

		room = left < room ? left : room;
	}
	return room;
}

bool store_full(const struct store *s)
{
	return table_full(s) || !store_words_room(s);
}

static uint64_t grown_slots(const struct store *s)
{
	return s->slots / 2 * 3;
}

static bool is_tree(const struct store *s)
{
	return s->nodes > s->words || s->words <= 2;
}

bool store_exhausted(const struct store *s)
{
	if (table_full(s) && (s->hash || grown_slots(s) >> 32))
		return true;
	return is_tree(s) && layout_full(s);
}

size_t store_bytes(const struct store *s)
{
	size_t bytes = s->slots * (s->hash ? sizeof(*s->hash)
					   : sizeof(*s->slot));

	for (unsigned int i = 0; i < s->nodes; i++)
		bytes += dict_bytes(&s->dict[i]);
	return bytes;
}

size_t store_grown_bytes(const struct store *s)
{
	size_t bytes = store_bytes(s);

	if (table_full(s))
		bytes += (grown_slots(s) - s->slots) * sizeof(*s->slot);
	if (layout_full(s))
		bytes += s->slots * sizeof(*s->slot);
	for (unsigned int i = 0; i < s->nodes; i++)
		if (dict_full(&s->dict[i]))
			bytes += dict_grown_bytes(&s->dict[i]);
	return bytes;
}

static void add_again(struct store *s, uint64_t root, uint8_t level)
{
	store_add(s, root, store_home(s, root), level);
}

/* All entries, their roots made again, into a new table. */
static int translate_table(struct store *s, const struct layout *before)
{
	struct store old = *s;
	_Atomic uint64_t *slot = pages_alloc(table_bytes(s->slots));

	if (!slot)
		return -ENOMEM;
	s->slot = slot;
	for (uint64_t i = 0; i < old.slots; i++) {
		uint64_t entry = store_entry(&old, i);

		if (!entry)
			continue;
		for (unsigned int k = s->words; k < s->nodes; k++)
			if (dict_full(&s->dict[k]) &&
			    dict_grow(&s->dict[k], s->margin))
				return -ENOMEM;
		add_again(s, store_translate(s, before, store_root(entry)),
			  store_level(entry));
	}
	pages_free((void *)old.slot, table_bytes(old.slots));
	return 0;
}

/*
 * A table grows in place.  Entries keep the order of their hashes, so the upper
 * third of it moves to what was added, the next stretch to where the upper third
 * was, and so on: where a stretch goes nothing is left.  Workers share each
 * stretch.  The few that would have to leave the piece that their share goes to
 * (they stood far behind their home) wait aside until all are gone, as do the
 * first FEW slots, which entries from the end may have wrapped into.
 */
static uint64_t moved(const struct store *s, uint64_t slot)
{
	return slot * s->slots / s->old_slots;
}

static void set_aside(struct store *s, uint64_t entry)
{
	uint64_t i = atomic_fetch_add(&s->asides, 1);

	assert(i < s->aside_room);
	s->aside[i] = entry;
}

static int begin_move(struct store *s)
{
	uint64_t slots = grown_slots(s);
	_Atomic uint64_t *slot;

	/* ten a share, where one would be normal */
	/* a handful at each end of a share, and there are few stretches */
	s->aside_room = FEW + 256 * (uint64_t)s->margin;
	s->aside = calloc(s->aside_room, sizeof(*s->aside));
	slot = s->aside ? pages_grow((void *)s->slot, table_bytes(s->slots),
				     table_bytes(slots))
			: NULL;
	if (!slot) {
		free(s->aside);
		s->aside = NULL;
		return -ENOMEM;
	}
	s->asides = 0;
	s->slot = slot;
	s->old_slots = s->slots;
	s->slots = slots;
	s->limit = limit_of(slots);
	s->move_from = s->old_slots;
	store_move_on(s);
	return 0;
}

/* Puts an entry at its home or behind it, in [from, to); false: no room. */
static bool put_within(struct store *s, uint64_t from, uint64_t to,
		       uint64_t entry)
{
	uint64_t i = store_home(s, store_root(entry));

	if (i < from)
		return false;
	while (i < to && store_entry(s, i))
		i++;
	if (i >= to)
		return false;
	atomic_store_explicit(&s->slot[i], entry, memory_order_relaxed);
	return true;
}

void store_move(struct store *s, unsigned int share, unsigned int shares)
{
	uint64_t nr = s->move_to - s->move_from;
	uint64_t from = s->move_from + nr * share / shares;
	uint64_t to = s->move_from + nr * (share + 1) / shares;
	uint64_t first = moved(s, from), end = moved(s, to);

	for (uint64_t i = from; i < to; i++) {
		uint64_t entry = store_entry(s, i);

		if (!entry)
			continue;
		atomic_store_explicit(&s->slot[i], 0, memory_order_relaxed);
		if (!put_within(s, first, end, entry))
			set_aside(s, entry);
	}
}

void store_move_on(struct store *s)
{
	s->move_to = s->move_from;
	if (s->move_to > FEW) {
		/* the most that goes to where nothing is left */
		s->move_from = s->move_to * s->old_slots / s->slots + 1;
		assert(moved(s, s->move_from) >= s->move_to);
		return;
	}
	for (uint64_t i = 0; i < s->move_to; i++) {
		uint64_t entry = store_entry(s, i);

		atomic_store_explicit(&s->slot[i], 0, memory_order_relaxed);
		if (entry)
			set_aside(s, entry);
	}
	for (uint64_t i = 0; i < s->asides; i++)
		add_again(s, store_root(s->aside[i]),
			  store_level(s->aside[i]));
	free(s->aside);
	s->aside = NULL;
}

/*
 * Every number gets what it needs, and what is left over is dealt out in turn.
 * Too little for all: pairs.
 */
static int lay_again(struct store *s)
{
	struct layout *l = &s->layout;
	unsigned int sum = 0;

	for (unsigned int i = 0; i < l->nr; i++) {
		l->width[i] = (uint8_t)bits_needed(s, l->node[i]);
		sum += l->width[i];
	}
	if (sum > ROOT_BITS)
		return lay_tree(s);
	for (unsigned int i = 0; sum < ROOT_BITS; i = (i + 1) % l->nr, sum++)
		l->width[i]++;
	for (unsigned int i = 0; i < l->nr; i++)
		if (l->width[i] > NUMBER_BITS)
			l->width[i] = NUMBER_BITS;
	set_widths(l);
	return 0;
}

int store_grow(struct store *s, struct layout *before, bool *relaid)
{
	int ret = 0;

	*before = s->layout;
	*relaid = layout_full(s);
	for (unsigned int i = 0; !ret && i < s->nodes; i++)
		while (!ret && dict_full(&s->dict[i]))
			ret = dict_grow(&s->dict[i], s->margin);
	if (!ret && *relaid)
		ret = lay_again(s);
	if (!ret && *relaid)
		ret = translate_table(s, before);
	if (!ret && table_full(s))
		ret = begin_move(s);
	return ret;
}
