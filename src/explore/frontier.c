/* SPDX-License-Identifier: Apache-2.0 */
#include "explore/frontier.h"

#include <stdlib.h>
#include <string.h>

void frontier_init(struct frontier *f)
{
	memset(f, 0, sizeof(*f));
	pthread_mutex_init(&f->lock, NULL);
}

static void free_list(struct block *b)
{
	while (b) {
		struct block *next = b->next;

		free(b);
		b = next;
	}
}

void frontier_free(struct frontier *f)
{
	free_list(f->level);
	free_list(f->coming);
	free_list(f->spare);
	pthread_mutex_destroy(&f->lock);
}

static struct block *pop(struct frontier *f, struct block **list)
{
	struct block *b;

	pthread_mutex_lock(&f->lock);
	b = *list;
	if (b)
		*list = b->next;
	pthread_mutex_unlock(&f->lock);
	return b;
}

static void push(struct frontier *f, struct block **list, struct block *b)
{
	pthread_mutex_lock(&f->lock);
	b->next = *list;
	*list = b;
	pthread_mutex_unlock(&f->lock);
}

struct block *frontier_take(struct frontier *f)
{
	return pop(f, &f->level);
}

void frontier_return(struct frontier *f, struct block *b)
{
	push(f, &f->level, b);
}

void frontier_spare(struct frontier *f, struct block *b)
{
	push(f, &f->spare, b);
}

void frontier_give(struct frontier *f, struct block *b)
{
	push(f, &f->coming, b);
}

struct block *frontier_fresh(struct frontier *f)
{
	struct block *b = pop(f, &f->spare);

	if (!b) {
		b = malloc(sizeof(*b));
		if (!b)
			return NULL;
		pthread_mutex_lock(&f->lock);
		f->bytes += sizeof(*b);
		pthread_mutex_unlock(&f->lock);
	}
	b->next = NULL;
	b->nr = 0;
	b->done = 0;
	return b;
}

bool frontier_advance(struct frontier *f)
{
	f->level = f->coming;
	f->coming = NULL;
	return f->level;
}
