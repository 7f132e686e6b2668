/* SPDX-License-Identifier: Apache-2.0 */
#include "effects_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *const kind_name[] = {
	[EFFECT_DELIVER] = "deliver",
	[EFFECT_ACK] = "ack",
	[EFFECT_MASK] = "mask",
	[EFFECT_UNMASK] = "unmask",
	[EFFECT_RAISE] = "raise",
	[EFFECT_LOWER] = "lower",
	[EFFECT_DEFER] = "defer",
	[EFFECT_RESAMPLE] = "resample",
	[EFFECT_SAMPLE] = "sample",
	[EFFECT_DRAIN] = "drain",
	[EFFECT_THROTTLE] = "throttle",
	[EFFECT_SETTLE] = "settle",
	[EFFECT_ROUTE] = "route",
};

const char *effects_text(const struct effects *e, char *text, size_t size)
{
	FILE *f = fmemopen(text, size, "w");

	if (!f)
		return "(fmemopen failed)";
	for (unsigned int i = 0; i < e->nr; i++) {
		const struct effect *v = &e->v[i];

		fprintf(f, "%s%s %u", i ? " " : "", kind_name[v->kind], v->pin);
		if (v->kind == EFFECT_DELIVER || v->kind == EFFECT_ROUTE)
			fprintf(f, ":%02x", v->msg.vector);
	}
	fputc('\0', f);
	fclose(f);
	text[size - 1] = '\0';
	return text;
}

void assert_effects_at(struct effects *e, const char *expected,
		       const char *file, int line)
{
	char text[1024];

	effects_text(e, text, sizeof(text));
	if (strcmp(text, expected) != 0) {
		print_error("emitted: \"%s\"\nexpected: \"%s\"\n", text, expected);
		_fail(file, line);
	}
	e->nr = 0;
}
