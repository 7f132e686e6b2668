/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/property.h"

#include <string.h>

static const char *const names[PROPERTY_NR] = {
	[PROPERTY_NONE] = "none",
	[PROPERTY_NO_SPURIOUS] = "no-spurious",
	[PROPERTY_NO_LOST] = "no-lost",
	[PROPERTY_NO_STUCK] = "no-stuck",
	[PROPERTY_NO_STORM] = "no-storm",
	[PROPERTY_ONCE] = "once",
	[PROPERTY_PROGRESS] = "progress",
	[PROPERTY_BALANCE] = "balance",
	[PROPERTY_IOAPIC_SPEC] = "ioapic-spec",
	[PROPERTY_I8259_SPEC] = "i8259-spec",
	[PROPERTY_FORWARD_SPEC] = "forward-spec",
	[PROPERTY_WIRING_SPEC] = "wiring-spec",
	[PROPERTY_SLOTS_SPEC] = "slots-spec",
	[PROPERTY_OUTBOX_SPEC] = "outbox-spec",
};

const char *property_name(enum property p)
{
	return p < PROPERTY_NR ? names[p] : "?";
}

bool property_parse(const char *name, enum property *out)
{
	for (unsigned int i = PROPERTY_NONE + 1; i < PROPERTY_NR; i++) {
		if (strcmp(name, names[i]))
			continue;
		*out = (enum property)i;
		return true;
	}
	return false;
}
