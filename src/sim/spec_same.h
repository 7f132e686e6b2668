/* SPDX-License-Identifier: Apache-2.0 */
/* Field by field, since padding says nothing. */
#ifndef SIM_SPEC_SAME_H
#define SIM_SPEC_SAME_H

#include "forward/forwarder.h"
#include "sim/i8259_spec.h"

bool spec_same_message(const struct message *a, const struct message *b);
bool spec_same_effect(const struct effect *a, const struct effect *b);
/* The same effects in the same order. */
bool spec_same_effects(const struct effects *a, const struct effects *b);
bool spec_same_forward(const struct forward *a, const struct forward *b);
bool spec_same_forwarder(const struct forwarder *a,
			 const struct forwarder *b);
bool spec_same_i8259(const struct i8259_spec *a, const struct i8259_spec *b);

#endif
