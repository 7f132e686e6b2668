/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that is found out about one model: search, then cycles. */
#ifndef EXPLORE_VERDICT_H
#define EXPLORE_VERDICT_H

#include "explore/path.h"
#include "explore/search.h"

struct verdict {
	enum search_end end;
	uint8_t property;	/* that broke; 0: none */
	bool in_cycles;		/* a limit was reached while looking for cycles */
	bool lossy;
	struct search_result search;
	double seconds;		/* search and cycles */
	bool has_path;		/* lossy: the sequence may not fit into memory */
	struct path path;	/* the counterexample */
};

/* 0 or -errno.  verdict_free() afterwards. */
int verdict_find(const struct model *m, const struct search_options *options,
		 struct verdict *out);
void verdict_free(struct verdict *v);

/* "holds", "broken", "not finished: more than --max-states", … */
void verdict_text(const struct verdict *v, char *buf, size_t n);

#endif
