/* SPDX-License-Identifier: Apache-2.0 */
#include "explore/pages.h"

#include <sys/mman.h>

#define HUGE_PAGE	((size_t)2 << 20)

static size_t rounded(size_t bytes)
{
	return (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
}

/* A small table is not worth a huge page. */
static void *ask_for_huge(void *p, size_t bytes)
{
	if (p == MAP_FAILED)
		return NULL;
	if (bytes >= HUGE_PAGE)
		madvise(p, rounded(bytes), MADV_HUGEPAGE);
	return p;
}

void *pages_alloc(size_t bytes)
{
	return ask_for_huge(mmap(NULL, rounded(bytes), PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
			    bytes);
}

void *pages_grow(void *p, size_t old_bytes, size_t bytes)
{
	return ask_for_huge(mremap(p, rounded(old_bytes), rounded(bytes),
				   MREMAP_MAYMOVE),
			    bytes);
}

void pages_free(void *p, size_t bytes)
{
	if (p)
		munmap(p, rounded(bytes));
}
