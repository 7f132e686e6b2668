/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The states of a level that wait to be expanded, as roots, in blocks: workers
 * take and give whole blocks.
 */
#ifndef EXPLORE_FRONTIER_H
#define EXPLORE_FRONTIER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLOCK_ROOTS	510

struct block {
	struct block *next;
	uint32_t nr;
	uint32_t done;		/* roots that have been expanded */
	uint64_t root[BLOCK_ROOTS];
};

struct frontier {
	pthread_mutex_t lock;
	struct block *level;	/* to expand */
	struct block *coming;	/* found, for the next level */
	struct block *spare;
	size_t bytes;		/* of all blocks there are */
};

void frontier_init(struct frontier *f);
void frontier_free(struct frontier *f);

/* NULL: no block waits. */
struct block *frontier_take(struct frontier *f);
/* A block that is not done goes back. */
void frontier_return(struct frontier *f, struct block *b);
void frontier_spare(struct frontier *f, struct block *b);
/* An empty block to fill; NULL: out of memory. */
struct block *frontier_fresh(struct frontier *f);
void frontier_give(struct frontier *f, struct block *b);

/* The level is done: what was found is the next one.  False: nothing was. */
bool frontier_advance(struct frontier *f);

#endif
