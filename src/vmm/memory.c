/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/memory.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "vmm/failure.h"

void memory_layout(struct memory *mem, uint64_t size)
{
	uint64_t low = size < MACHINE_LOW_RAM_END ? size : MACHINE_LOW_RAM_END;

	memset(mem, 0, sizeof(*mem));
	mem->nr = 1;
	mem->ram[0].size = low;
	if (size > low) {
		mem->nr = 2;
		mem->ram[1].gpa = MACHINE_HIGH_RAM;
		mem->ram[1].size = size - low;
	}
}

static int region_new(struct machine_ram *ram)
{
	void *host = mmap(NULL, ram->size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (host == MAP_FAILED)
		return failure(errno,
			       "cannot get %" PRIu64 " MiB for the guest's memory (%s): ask for less with --mem",
			       ram->size >> 20, strerror(errno));
	/* Fewer nested page faults; not worth a word where it is refused. */
	(void)madvise(host, ram->size, MADV_HUGEPAGE);
	ram->host = host;
	return 0;
}

int memory_new(struct memory *mem, uint64_t size)
{
	if (size < MEMORY_SIZE_MIN || size > MEMORY_SIZE_MAX ||
	    size % MEMORY_PAGE != 0)
		return failure(EINVAL,
			       "a guest of %" PRIu64 " bytes of memory cannot be built: --mem takes 2M to 512G, in steps of 4K",
			       size);
	memory_layout(mem, size);
	for (unsigned int i = 0; i < mem->nr; i++) {
		int err = region_new(&mem->ram[i]);

		if (err) {
			memory_free(mem);
			return err;
		}
	}
	return 0;
}

void memory_free(struct memory *mem)
{
	for (unsigned int i = 0; i < mem->nr; i++)
		if (mem->ram[i].host)
			munmap(mem->ram[i].host, mem->ram[i].size);
	memset(mem, 0, sizeof(*mem));
}

uint64_t memory_size(const struct memory *mem)
{
	uint64_t size = 0;

	for (unsigned int i = 0; i < mem->nr; i++)
		size += mem->ram[i].size;
	return size;
}

void *memory_at(const struct memory *mem, uint64_t gpa, uint64_t len)
{
	for (unsigned int i = 0; i < mem->nr; i++) {
		const struct machine_ram *r = &mem->ram[i];

		if (gpa >= r->gpa && gpa - r->gpa <= r->size &&
		    len <= r->size - (gpa - r->gpa))
			return (uint8_t *)r->host + (gpa - r->gpa);
	}
	return NULL;
}

unsigned int memory_map(const struct memory *mem,
			struct memory_range out[MEMORY_RANGES_MAX])
{
	unsigned int nr = 0;

	out[nr++] = (struct memory_range){ 0, MEMORY_EBDA, MEMORY_USABLE };
	out[nr++] = (struct memory_range){ MEMORY_EBDA, 0xa0000 - MEMORY_EBDA,
					   MEMORY_RESERVED };
	out[nr++] = (struct memory_range){ MEMORY_BIOS,
					   MEMORY_BIOS_END - MEMORY_BIOS,
					   MEMORY_RESERVED };
	out[nr++] = (struct memory_range){ MEMORY_BIOS_END,
					   mem->ram[0].size - MEMORY_BIOS_END,
					   MEMORY_USABLE };
	if (mem->nr == 2)
		out[nr++] = (struct memory_range){ mem->ram[1].gpa,
						   mem->ram[1].size,
						   MEMORY_USABLE };
	return nr;
}
