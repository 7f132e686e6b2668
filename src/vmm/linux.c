/* SPDX-License-Identifier: Apache-2.0 */
#include <asm/bootparam.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "vmm/failure.h"
#include "vmm/loader.h"

#define HEADER_OFFSET	0x1f1u
#define HEADER_MAGIC	0x53726448u	/* "HdrS" */
#define BOOT_FLAG	0xaa55u
#define ENTRY_64	0x200u	/* from the load address */
#define SECTOR		512ull
#define LOADER_UNKNOWN	0xff	/* type_of_loader without an assigned number */

#define PTE_PRESENT	(1ull << 0)
#define PTE_WRITE	(1ull << 1)
#define PTE_LARGE	(1ull << 7)

/* What of the file goes where. */
struct plan {
	struct setup_header hdr;
	const uint8_t *code;
	uint64_t code_size;
	uint64_t load;
	uint64_t initrd;	/* 0: none */
};

static bool read_header(const struct blob *kernel, struct setup_header *hdr)
{
	if (kernel->size < HEADER_OFFSET + sizeof(*hdr))
		return false;
	memcpy(hdr, kernel->data + HEADER_OFFSET, sizeof(*hdr));
	return hdr->boot_flag == BOOT_FLAG && hdr->header == HEADER_MAGIC;
}

bool linux_is_kernel(const struct blob *kernel)
{
	struct setup_header hdr;

	return read_header(kernel, &hdr);
}

static int check_header(const struct blob *kernel, struct plan *p)
{
	uint64_t setup;

	if (p->hdr.version < 0x020c || !(p->hdr.xloadflags & XLF_KERNEL_64))
		return failure(ENOEXEC,
			       "%s is a Linux kernel without a 64-bit entry (boot protocol %u.%02u): use a 64-bit one, 3.8 or newer",
			       kernel->name, p->hdr.version >> 8,
			       p->hdr.version & 0xff);
	setup = ((p->hdr.setup_sects ? p->hdr.setup_sects : 4u) + 1u) * SECTOR;
	if (kernel->size < setup ||
	    kernel->size - setup < (uint64_t)p->hdr.syssize * 16)
		return failure(ENOEXEC,
			       "%s is cut short: it holds %zu bytes and its header speaks of %" PRIu64,
			       kernel->name, kernel->size,
			       setup + (uint64_t)p->hdr.syssize * 16);
	p->code = kernel->data + setup;
	p->code_size = kernel->size - setup;
	return 0;
}

/* The kernel unpacks itself within init_size bytes of where it prefers to be. */
static int place(const struct memory *mem, const struct kernel_blobs *in,
		 struct plan *p)
{
	uint64_t top = mem->ram[0].size, end, initrd = in->initrd.size;
	uint64_t need = p->hdr.init_size > p->code_size ? p->hdr.init_size :
							  p->code_size;

	p->load = p->hdr.pref_address;
	if (p->load < MEMORY_BIOS_END || p->load >= MACHINE_LOW_RAM_END)
		return failure(ENOEXEC,
			       "%s asks to be loaded at %#" PRIx64 ", where this machine has no memory",
			       in->kernel.name, p->load);
	end = p->load + need;
	if (top > (uint64_t)p->hdr.initrd_addr_max + 1)
		top = (uint64_t)p->hdr.initrd_addr_max + 1;
	if (end > mem->ram[0].size || (initrd && end + initrd + MEMORY_PAGE > top))
		return failure(ENOMEM,
			       "memory too small for %s%s: it takes %" PRIu64 " MiB to start, give more with --mem",
			       in->kernel.name, initrd ? " and its initrd" : "",
			       (end + initrd + MEMORY_PAGE + (1 << 20) - 1) >> 20);
	if (initrd)
		p->initrd = (top - initrd) & ~(uint64_t)(MEMORY_PAGE - 1);
	return 0;
}

static int write_cmdline(const struct memory *mem, const struct kernel_blobs *in,
			 const struct plan *p)
{
	size_t len = strlen(in->append);

	if (len > p->hdr.cmdline_size || len >= LOADER_CMDLINE_MAX)
		return failure(E2BIG,
			       "the command line is %zu bytes long and this kernel takes %u: shorten --append",
			       len, p->hdr.cmdline_size);
	memcpy(memory_at(mem, LOADER_CMDLINE, len + 1), in->append, len + 1);
	return 0;
}

static void write_zero_page(const struct memory *mem,
			    const struct kernel_blobs *in, const struct plan *p,
			    uint64_t acpi_rsdp)
{
	struct boot_params *bp = memory_at(mem, LOADER_INFO, sizeof(*bp));
	struct memory_range map[MEMORY_RANGES_MAX];
	unsigned int nr = memory_map(mem, map);
	/* The header ends where its own jump over it leads. */
	size_t header = 0x202u + in->kernel.data[0x201] - HEADER_OFFSET;

	if (header > sizeof(bp->hdr))
		header = sizeof(bp->hdr);
	memset(bp, 0, sizeof(*bp));
	memcpy(&bp->hdr, &p->hdr, header);
	bp->hdr.type_of_loader = LOADER_UNKNOWN;
	bp->hdr.cmd_line_ptr = (uint32_t)LOADER_CMDLINE;
	bp->hdr.ramdisk_image = (uint32_t)p->initrd;
	bp->hdr.ramdisk_size = (uint32_t)in->initrd.size;
	bp->acpi_rsdp_addr = acpi_rsdp;
	bp->e820_entries = (uint8_t)nr;
	for (unsigned int i = 0; i < nr; i++)
		bp->e820_table[i] = (struct boot_e820_entry){
			.addr = map[i].base,
			.size = map[i].size,
			.type = map[i].type,
		};
}

#define TABLES_SIZE	(6ull * MEMORY_PAGE)

/* Identity for the low 4 GiB, in pages of 2 MiB: one PML4, one PDPT, four PDs. */
static uint64_t write_page_tables(const struct memory *mem)
{
	uint64_t *pml4 = memory_at(mem, LOADER_PAGE_TABLES, TABLES_SIZE);
	uint64_t *pdpt = pml4 + 512, *pd = pml4 + 1024;
	uint64_t base = LOADER_PAGE_TABLES;

	memset(pml4, 0, TABLES_SIZE);
	pml4[0] = (base + MEMORY_PAGE) | PTE_PRESENT | PTE_WRITE;
	for (uint64_t i = 0; i < 4; i++)
		pdpt[i] = (base + (2 + i) * MEMORY_PAGE) | PTE_PRESENT |
			  PTE_WRITE;
	for (uint64_t i = 0; i < 4u * 512u; i++)
		pd[i] = i << 21 | PTE_PRESENT | PTE_WRITE | PTE_LARGE;
	return base;
}

int linux_load(const struct memory *mem, const struct kernel_blobs *in,
	       uint64_t acpi_rsdp, struct boot_entry *entry)
{
	struct plan p = { 0 };
	int err;

	if (!read_header(&in->kernel, &p.hdr))
		return failure(ENOEXEC, "%s is not a Linux kernel",
			       in->kernel.name);
	err = check_header(&in->kernel, &p);
	if (!err)
		err = place(mem, in, &p);
	if (!err)
		err = write_cmdline(mem, in, &p);
	if (err)
		return err;
	memcpy(memory_at(mem, p.load, p.code_size), p.code, p.code_size);
	if (p.initrd)
		memcpy(memory_at(mem, p.initrd, in->initrd.size),
		       in->initrd.data, in->initrd.size);
	write_zero_page(mem, in, &p, acpi_rsdp);
	loader_write_gdt(mem, true);
	*entry = (struct boot_entry){
		.mode = BOOT_LONG,
		.rip = p.load + ENTRY_64,
		.rsi = LOADER_INFO,
		.cr3 = write_page_tables(mem),
		.gdt = LOADER_GDT,
	};
	return 0;
}
