/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The properties, by name.  docs/properties.md defines them exactly; the code
 * that decides stands in world.c (a state or a step breaks one) and in the
 * explorer (cycles).
 */
#ifndef SIM_PROPERTY_H
#define SIM_PROPERTY_H

#include <stdbool.h>
#include <stdint.h>

enum property {
	PROPERTY_NONE,
	PROPERTY_NO_SPURIOUS,	/* a step breaks it */
	PROPERTY_NO_LOST,	/* a quiescent state breaks it */
	PROPERTY_NO_STUCK,	/* a quiescent state breaks it */
	PROPERTY_NO_STORM,	/* a cycle breaks it */
	PROPERTY_ONCE,		/* a step breaks it */
	PROPERTY_PROGRESS,	/* a cycle breaks it */
	PROPERTY_BALANCE,	/* a quiescent state breaks it */
	/* invariants: a part of the shipped code against its specification */
	PROPERTY_IOAPIC_SPEC,	/* a step, or what a state reads as */
	PROPERTY_I8259_SPEC,	/* a step, or what a state reads as */
	PROPERTY_FORWARD_SPEC,	/* a step, or what a state tells of itself */
	PROPERTY_WIRING_SPEC,	/* a step, or what is refused */
	PROPERTY_SLOTS_SPEC,	/* a step, or what a state tells of itself */
	PROPERTY_OUTBOX_SPEC,	/* a step, or what a state tells of itself */
	PROPERTY_NR,
};

#define PROPERTY_BIT(p)	((uint16_t)(1u << (p)))
#define PROPERTY_INVARIANTS	(PROPERTY_BIT(PROPERTY_IOAPIC_SPEC) | \
				 PROPERTY_BIT(PROPERTY_I8259_SPEC) | \
				 PROPERTY_BIT(PROPERTY_FORWARD_SPEC) | \
				 PROPERTY_BIT(PROPERTY_WIRING_SPEC) | \
				 PROPERTY_BIT(PROPERTY_SLOTS_SPEC) | \
				 PROPERTY_BIT(PROPERTY_OUTBOX_SPEC))

/* Is it an invariant, and not one of what a guest is promised? */
static inline bool property_is_invariant(enum property p)
{
	return p >= PROPERTY_IOAPIC_SPEC && p < PROPERTY_NR;
}

/* "no-spurious", …; "none" for PROPERTY_NONE. */
const char *property_name(enum property p);
/* Is there a property of that name?  "none" is not one. */
bool property_parse(const char *name, enum property *out);

#endif
