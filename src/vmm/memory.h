/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's RAM: one piece below the PCI hole, the rest from 4 GiB on. */
#ifndef VMM_MEMORY_H
#define VMM_MEMORY_H

#include "vmm/machine.h"

#define MEMORY_PAGE		4096u
#define MEMORY_SIZE_MIN		(2ull << 20)
#define MEMORY_SIZE_MAX		(512ull << 30)

/* What firmware would have left below 1 MiB. */
#define MEMORY_EBDA		0x9fc00ull	/* conventional memory ends here */
#define MEMORY_BIOS		0xe0000ull	/* ACPI tables, to 1 MiB */
#define MEMORY_BIOS_END		0x100000ull

struct memory {
	unsigned int nr;
	struct machine_ram ram[2];
};

/* One entry of the map that the guest is told; type as e820 has it. */
enum memory_type { MEMORY_USABLE = 1, MEMORY_RESERVED = 2 };

struct memory_range {
	uint64_t base;
	uint64_t size;
	enum memory_type type;
};

#define MEMORY_RANGES_MAX	8

/* Where RAM of this size lies, with nothing behind it yet. */
void memory_layout(struct memory *mem, uint64_t size);

/* size: bytes, a multiple of the page.  -EINVAL, -ENOMEM with failure(). */
int memory_new(struct memory *mem, uint64_t size);
void memory_free(struct memory *mem);

uint64_t memory_size(const struct memory *mem);

/* The host's view of len bytes at gpa, or NULL if not all of them are RAM. */
void *memory_at(const struct memory *mem, uint64_t gpa, uint64_t len);

/* Returns how many ranges it filled in, sorted. */
unsigned int memory_map(const struct memory *mem,
			struct memory_range out[MEMORY_RANGES_MAX]);

#endif
