/* SPDX-License-Identifier: Apache-2.0 */
/* How the boot CPU begins: what a boot protocol asks of it. */
#ifndef VMM_BOOT_H
#define VMM_BOOT_H

#include <stdint.h>

enum boot_mode {
	BOOT_LONG,	/* 64-bit, paging on, flat segments */
	BOOT_PROTECTED,	/* 32-bit, paging off, flat segments */
};

struct boot_entry {
	enum boot_mode mode;
	uint64_t rip, rax, rbx, rsi;
	uint64_t cr3;		/* long mode only */
	uint64_t gdt;		/* address of a boot_gdt */
};

/* The selectors are those that Linux asks for. */
#define BOOT_CS	0x10
#define BOOT_DS	0x18
#define BOOT_GDT_ENTRIES	4

#endif
