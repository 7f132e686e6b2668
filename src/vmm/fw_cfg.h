/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of QEMU's firmware configuration device that bare-metal test images
 * read: a selector at port 0x510, a byte of the selected item at each read of
 * port 0x511 (QEMU's docs/specs/fw_cfg).
 */
#ifndef VMM_FW_CFG_H
#define VMM_FW_CFG_H

#include <stdint.h>

#define FW_CFG_SIGNATURE	0x00	/* "QEMU" */
#define FW_CFG_ID		0x01	/* which interfaces there are: the ports */
#define FW_CFG_RAM_SIZE		0x03	/* bytes, 64-bit */
#define FW_CFG_NB_CPUS		0x05	/* 16-bit */
#define FW_CFG_MAX_CPUS		0x0f	/* 16-bit: APIC ids below this */

struct fw_cfg {
	uint64_t ram_size;
	uint16_t cpus;
	uint16_t selected;
	uint32_t offset;	/* of the next byte */
};

void fw_cfg_select(struct fw_cfg *f, uint16_t key);
/* 0 after the item's end, and where there is no such item */
uint8_t fw_cfg_read(struct fw_cfg *f);

#endif
