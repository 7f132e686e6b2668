/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Worlds in which a part of the shipped code stands alone, and is held against
 * a specification at each step: whatever state it has reached, whatever comes
 * next, both must come to the same state and to the same effects; and whatever
 * a guest reads must be what the specification says.
 *
 * No device, no host and no guest is modelled: anything may come at any time.
 * So what is compared is more than a well-behaved guest could ever see.
 *
 *   IOAPIC	the chip against ioapic_spec.h, by the accesses of a list
 *   I8259	the pair of chips against i8259_spec.h, likewise
 *   RULES	one forward against forward_spec.h, by all that can happen to one
 *   WIRING	the forwarder against its parts, put together by hand
 *   PIC_WIRING	the 8259's forwarder, likewise
 *   SLOTS	the engine's slots against a table
 *   OUTBOX	the engine's outbox against a list
 */
#ifndef SIM_SPEC_WORLD_H
#define SIM_SPEC_WORLD_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/property.h"

struct ioapic;
struct world;
struct world_config;
struct world_columns;
struct step;
struct outcome;

/* Which accesses a world has; each list reaches other guards. */
enum spec_accesses {
	ACCESSES_BYTES,		/* any length at any offset: the page, the index, IDs */
	ACCESSES_ENTRIES,	/* one pin: each mode, two sources, pulses, EOIs */
	ACCESSES_PINS,		/* two pins that share a vector, or do not; both 8259 */
	ACCESSES_ICWS,		/* 8259: the stages of its initialisation */
	ACCESSES_OCWS,		/* 8259: the commands of one chip */
};

/* What one of these worlds is made of. */
struct spec_world {
	enum property property;	/* that the code and its specification agree */
	/* NULL: nothing is set up, all is zero. */
	void (*init)(const struct world_config *c, struct world *w);
	unsigned int (*steps)(const struct world_config *c,
			      const struct world *w, struct step *out);
	/* Applies the step; does the shipped code obey? */
	bool (*obeys)(const struct world_config *c, struct world *w,
		      struct step s);
	/* Does the state tell of itself what it should?  NULL: it tells nothing. */
	bool (*tells)(const struct world *w);
	void (*step_text)(const struct world_config *c, struct step s,
			  char *buf, size_t n);
	void (*columns)(const struct world_config *c, const struct world *w,
			struct world_columns *out);
};

extern const struct spec_world ioapic_world, i8259_world, rules_world,
	wiring_world, pic_wiring_world, slots_world, outbox_world;

void spec_init(const struct world_config *c, struct world *w);
unsigned int spec_steps(const struct world_config *c, const struct world *w,
			struct step *out);
void spec_apply(const struct world_config *c, struct world *w, struct step s,
		struct outcome *o);
/* Does the guest read something else than the specification says? */
enum property spec_check(const struct world_config *c, const struct world *w);

void spec_step_text(const struct world_config *c, struct step s, char *buf,
		    size_t n);
void spec_columns(const struct world_config *c, const struct world *w,
		  struct world_columns *out);

/*
 * What stands behind an array is not zero: nobody may look there.  offset: in
 * struct world, of what is behind it; of the array of forwards.
 */
void spec_trap(struct world *w, size_t offset, const void *trap, size_t n);
void spec_trap_forward(struct world *w, size_t offset);

/* The steps of a list of nr events, each of which may come at any time. */
unsigned int spec_list_steps(unsigned int nr, struct step *out);

/* The columns of an IOAPIC's pins. */
void spec_pin_columns(const struct world_config *c, const struct ioapic *ic,
		      struct world_columns *out);

#endif
