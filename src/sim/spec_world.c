/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/spec_world.h"

#include <stdio.h>
#include <string.h>

#include "sim/ioapic_spec.h"
#include "sim/world.h"

static const struct spec_world *const worlds[] = {
	[WORLD_IOAPIC] = &ioapic_world,
	[WORLD_I8259] = &i8259_world,
	[WORLD_RULES] = &rules_world,
	[WORLD_WIRING] = &wiring_world,
	[WORLD_PIC_WIRING] = &pic_wiring_world,
	[WORLD_SLOTS] = &slots_world,
	[WORLD_OUTBOX] = &outbox_world,
};

static const struct spec_world *of(const struct world_config *c)
{
	return worlds[c->kind];
}

/* ---- any of them ------------------------------------------------------------------ */

void spec_init(const struct world_config *c, struct world *w)
{
	if (of(c)->init)
		of(c)->init(c, w);
}

unsigned int spec_steps(const struct world_config *c, const struct world *w,
			struct step *out)
{
	return of(c)->steps(c, w, out);
}

void spec_apply(const struct world_config *c, struct world *w, struct step s,
		struct outcome *o)
{
	if (!of(c)->obeys(c, w, s))
		o->broken = (uint8_t)of(c)->property;
}

enum property spec_check(const struct world_config *c, const struct world *w)
{
	const struct spec_world *world = of(c);

	if (!(c->properties & PROPERTY_BIT(world->property)) || !world->tells)
		return PROPERTY_NONE;
	return world->tells(w) ? PROPERTY_NONE : world->property;
}

void spec_step_text(const struct world_config *c, struct step s, char *buf,
		    size_t n)
{
	of(c)->step_text(c, s, buf, n);
}

void spec_columns(const struct world_config *c, const struct world *w,
		  struct world_columns *out)
{
	of(c)->columns(c, w, out);
}

/* ---- what several have ------------------------------------------------------------ */

void spec_trap(struct world *w, size_t offset, const void *trap, size_t n)
{
	memcpy((uint8_t *)w + offset, trap, n);
}

void spec_trap_forward(struct world *w, size_t offset)
{
	static const struct forward no_forward = {
		.used = true, .phase = FORWARD_RAISED,
	};

	spec_trap(w, offset + sizeof(w->forwarder.forward), &no_forward,
		  sizeof(no_forward));
}

unsigned int spec_list_steps(unsigned int nr, struct step *out)
{
	for (unsigned int i = 0; i < nr; i++)
		out[i] = (struct step){ ACTOR_WHIM, 0, (uint8_t)i };
	return nr;
}

void spec_pin_columns(const struct world_config *c, const struct ioapic *ic,
		      struct world_columns *out)
{
	struct ioapic_spec s;

	ioapic_spec_of(ic, &s);
	for (unsigned int pin = 0; pin < c->pins; pin++) {
		uint32_t low = s.pin[pin].low;

		out->line[pin] = s.pin[pin].lines ? 'H' : 'L';
		snprintf(out->pin + 5 * pin, sizeof(out->pin) - 5 * pin,
			 "%s%c%c%c.", pin ? " " : "",
			 s.pin[pin].lines ? 'L' : '.', low >> 16 & 1 ? 'M' : '.',
			 low >> 14 & 1 ? 'R' : '.');
	}
}
