/* SPDX-License-Identifier: Apache-2.0 */
/* Effects as a line of text, so that a failing test shows what was emitted. */
#ifndef TEST_EFFECTS_TEXT_H
#define TEST_EFFECTS_TEXT_H

#include <stddef.h>

#include "chip/effects.h"

/*
 * "deliver 3:41 ack 3": kind and pin, and the vector (hex) of a delivery, in
 * order; "" for none.  Returns text, which is cut at size.
 */
const char *effects_text(const struct effects *e, char *text, size_t size);

/* Fails the running cmocka test unless the text is this; then empties e. */
#define assert_effects(e, expected) \
	assert_effects_at((e), (expected), __FILE__, __LINE__)
void assert_effects_at(struct effects *e, const char *expected,
		       const char *file, int line);

#endif
