/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Large tables that are read at random: memory from the kernel, of zeros, in
 * huge pages where it has them, which spares most of the TLB misses.
 */
#ifndef EXPLORE_PAGES_H
#define EXPLORE_PAGES_H

#include <stddef.h>

/* NULL: there is none. */
void *pages_alloc(size_t bytes);
/*
 * Longer, with zeros behind: the kernel moves the pages, and clears only new
 * ones.  NULL: there is none, and p is as it was.
 */
void *pages_grow(void *p, size_t old_bytes, size_t bytes);
void pages_free(void *p, size_t bytes);

#endif
