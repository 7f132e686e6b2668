/* SPDX-License-Identifier: Apache-2.0 */
/* What a world consists of: its configuration and its state. */
#ifndef SIM_WORLD_STATE_H
#define SIM_WORLD_STATE_H

#include <stdbool.h>
#include <stdint.h>

struct world_config {
	uint16_t properties;	/* PROPERTY_BIT()s to check */
	uint8_t assertions;
};

struct world {
	uint8_t left;
	bool line, masked, pending;
};

#endif
