/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/scenario.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int scenario_load(const char *path, struct scenario *out, char *err, size_t n)
{
	memset(out, 0, sizeof(*out));
	snprintf(out->name, sizeof(out->name), "tiny");
	out->nr = 1;
	out->variant[0] = (struct variant){
		.name = "tiny",
		.config = { .properties = PROPERTY_BIT(PROPERTY_NO_LOST),
			    .assertions = 3 },
	};
	return 0;
}

const struct variant *scenario_variant(const struct scenario *s,
				       const char *name)
{
	for (unsigned int i = 0; i < s->nr; i++)
		if (!strcmp(s->variant[i].name, name))
			return &s->variant[i];
	return NULL;
}
