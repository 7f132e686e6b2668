/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/fw_cfg.h"

#include <string.h>

void fw_cfg_select(struct fw_cfg *f, uint16_t key)
{
	f->selected = key;
	f->offset = 0;
}

/* Items are little-endian, as this machine is. */
uint8_t fw_cfg_read(struct fw_cfg *f)
{
	uint8_t item[8] = { 0 };
	const uint32_t id = 1;

	switch (f->selected) {
	case FW_CFG_SIGNATURE:
		memcpy(item, "QEMU", 4);
		break;
	case FW_CFG_ID:
		memcpy(item, &id, sizeof(id));
		break;
	case FW_CFG_RAM_SIZE:
		memcpy(item, &f->ram_size, sizeof(f->ram_size));
		break;
	case FW_CFG_NB_CPUS:
	case FW_CFG_MAX_CPUS:
		memcpy(item, &f->cpus, sizeof(f->cpus));
		break;
	}
	return f->offset < sizeof(item) ? item[f->offset++] : 0;
}
