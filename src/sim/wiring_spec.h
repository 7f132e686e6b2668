/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The forwarder a second time: the shipped chip and the shipped forwards, each
 * held against a specification of its own, put together by hand.  What one of
 * them asks of another is done at once and to its end, where the forwarder works
 * through one list; both must come to the same.
 *
 * Effects are compared in order where an order means something: those to the
 * backend for each pin, those to a source for each source.
 */
#ifndef SIM_WIRING_SPEC_H
#define SIM_WIRING_SPEC_H

#include <stddef.h>

#include "forward/forwarder.h"

struct world_config;
struct world_columns;
struct step;

void wiring_init(const struct world_config *c, struct forwarder *fw);
unsigned int wiring_steps(const struct world_config *c,
			  const struct forwarder *fw, struct step *out);
/* Applies the step to fw, and says whether that was right. */
bool wiring_obeys(const struct world_config *c, struct forwarder *fw,
		  struct step s);

/* Is there a forwarder for just the chips that there are? */
bool wiring_tells(void);
/* Field by field. */
bool wiring_same_state(const struct forwarder *a, const struct forwarder *b);

void wiring_step_text(struct step s, char *buf, size_t n);
void wiring_columns(const struct forwarder *fw, struct world_columns *out);

#endif
