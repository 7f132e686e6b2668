/* SPDX-License-Identifier: Apache-2.0 */
#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "vmm/failure.h"
#include "vmm/loader.h"

#define HEADER_MAGIC	0x1badb002u
#define HEADER_SEARCH	8192u	/* it stands in the file's first bytes */
#define LOADED_MAGIC	0x2badb002u	/* what the kernel finds in EAX */

#define INFO_MEMORY	(1u << 0)
#define INFO_CMDLINE	(1u << 2)
#define INFO_MODULES	(1u << 3)
#define INFO_MAP	(1u << 6)

/* Information as the kernel finds it at EBX; the specification's chapter 3.3. */
struct info {
	uint32_t flags;
	uint32_t mem_lower, mem_upper;	/* KiB */
	uint32_t boot_device;
	uint32_t cmdline;
	uint32_t mods_count, mods_addr;
	uint32_t syms[4];
	uint32_t mmap_length, mmap_addr;
	uint32_t rest[16];
};

struct module {
	uint32_t start, end;
	uint32_t string;
	uint32_t reserved;
};

struct map_entry {
	uint32_t size;		/* of what follows */
	uint64_t base, length;
	uint32_t type;
} __attribute__((packed));

/* One page at LOADER_INFO. */
struct info_page {
	struct info info;
	struct module module[2];
	struct map_entry map[MEMORY_RANGES_MAX];
};

static uint32_t word(const struct blob *b, size_t offset)
{
	uint32_t value;

	memcpy(&value, b->data + offset, sizeof(value));
	return value;
}

bool multiboot_is_kernel(const struct blob *kernel)
{
	for (size_t at = 0; at + 12 <= kernel->size && at < HEADER_SEARCH;
	     at += 4) {
		if (word(kernel, at) == HEADER_MAGIC &&
		    word(kernel, at) + word(kernel, at + 4) +
				    word(kernel, at + 8) == 0)
			return true;
	}
	return false;
}

static int read_elf(const struct blob *kernel, Elf32_Ehdr *elf)
{
	if (kernel->size < sizeof(*elf))
		return failure(ENOEXEC, "%s is too short for an ELF image",
			       kernel->name);
	memcpy(elf, kernel->data, sizeof(*elf));
	if (memcmp(elf->e_ident, ELFMAG, SELFMAG) != 0 ||
	    elf->e_ident[EI_CLASS] != ELFCLASS32 || elf->e_machine != EM_386)
		return failure(ENOEXEC,
			       "%s has a multiboot header and is not an ELF32 image for i386: convert it (objcopy -O elf32-i386)",
			       kernel->name);
	if (elf->e_phentsize != sizeof(Elf32_Phdr) ||
	    elf->e_phoff > kernel->size ||
	    (kernel->size - elf->e_phoff) / sizeof(Elf32_Phdr) < elf->e_phnum)
		return failure(ENOEXEC,
			       "%s is cut short: its program headers are not there",
			       kernel->name);
	return 0;
}

/* Low memory is the loader's: the information must outlive the kernel's start. */
static int load_segment(const struct memory *mem, const struct blob *kernel,
			const Elf32_Phdr *ph, uint64_t *end)
{
	uint8_t *to = memory_at(mem, ph->p_paddr, ph->p_memsz);

	if (ph->p_filesz > ph->p_memsz || ph->p_offset > kernel->size ||
	    kernel->size - ph->p_offset < ph->p_filesz)
		return failure(ENOEXEC, "%s is cut short: a segment is not there",
			       kernel->name);
	if (ph->p_paddr < MEMORY_BIOS_END)
		return failure(ENOEXEC,
			       "%s wants to be loaded at %#x, below 1 MiB, where it would overwrite what it is told: link it at 1 MiB or above",
			       kernel->name, ph->p_paddr);
	if (!to)
		return failure(ENOMEM,
			       "memory too small for %s: it takes %" PRIu64 " MiB, give more with --mem",
			       kernel->name,
			       ((uint64_t)ph->p_paddr + ph->p_memsz +
				(1 << 20) - 1) >> 20);
	memcpy(to, kernel->data + ph->p_offset, ph->p_filesz);
	memset(to + ph->p_filesz, 0, ph->p_memsz - ph->p_filesz);
	if ((uint64_t)ph->p_paddr + ph->p_memsz > *end)
		*end = (uint64_t)ph->p_paddr + ph->p_memsz;
	return 0;
}

static int load_segments(const struct memory *mem, const struct blob *kernel,
			 const Elf32_Ehdr *elf, uint64_t *end)
{
	for (unsigned int i = 0; i < elf->e_phnum; i++) {
		Elf32_Phdr ph;
		int err;

		memcpy(&ph, kernel->data + elf->e_phoff + i * sizeof(ph),
		       sizeof(ph));
		if (ph.p_type != PT_LOAD || ph.p_memsz == 0)
			continue;
		err = load_segment(mem, kernel, &ph, end);
		if (err)
			return err;
	}
	if (*end == 0)
		return failure(ENOEXEC, "%s has no segment to load",
			       kernel->name);
	return 0;
}

/* From the first page after *end on; a module that is not there is skipped. */
static int add_module(const struct memory *mem, const struct blob *blob,
		      struct info_page *page, uint64_t *end)
{
	uint64_t at = (*end + MEMORY_PAGE - 1) & ~(uint64_t)(MEMORY_PAGE - 1);
	uint8_t *to = memory_at(mem, at, blob->size + 1);

	if (!blob->data)
		return 0;
	if (!to)
		return failure(ENOMEM,
			       "memory too small for %s behind the kernel: give more with --mem",
			       blob->name);
	memcpy(to, blob->data, blob->size);
	/* Text that is read as a string ends, too. */
	to[blob->size] = 0;
	page->module[page->info.mods_count++] = (struct module){
		.start = (uint32_t)at,
		.end = (uint32_t)(at + blob->size),
	};
	*end = at + blob->size + 1;
	return 0;
}

static void write_map(const struct memory *mem, struct info_page *page)
{
	struct memory_range map[MEMORY_RANGES_MAX];
	unsigned int nr = memory_map(mem, map);

	for (unsigned int i = 0; i < nr; i++)
		page->map[i] = (struct map_entry){
			.size = sizeof(page->map[0]) - sizeof(page->map[0].size),
			.base = map[i].base,
			.length = map[i].size,
			.type = map[i].type,
		};
	page->info.mmap_length = (uint32_t)(nr * sizeof(page->map[0]));
	page->info.mmap_addr =
		(uint32_t)(LOADER_INFO + offsetof(struct info_page, map));
	page->info.mem_lower = (uint32_t)(MEMORY_EBDA >> 10);
	page->info.mem_upper =
		(uint32_t)((mem->ram[0].size - MEMORY_BIOS_END) >> 10);
}

/* The first word is the program's own name, as boot loaders have it. */
static int write_cmdline(const struct memory *mem, const struct kernel_blobs *in)
{
	size_t name = strlen(in->kernel.name), args = strlen(in->append);
	char *to = memory_at(mem, LOADER_CMDLINE, LOADER_CMDLINE_MAX);

	if (name + args + 2 > LOADER_CMDLINE_MAX)
		return failure(E2BIG,
			       "the command line is %zu bytes long, of at most %u: shorten --append",
			       name + args + 2, LOADER_CMDLINE_MAX);
	memcpy(to, in->kernel.name, name);
	to[name] = args ? ' ' : 0;
	memcpy(to + name + 1, in->append, args + 1);
	return 0;
}

int multiboot_load(const struct memory *mem, const struct kernel_blobs *in,
		   struct boot_entry *entry)
{
	struct info_page *page = memory_at(mem, LOADER_INFO, sizeof(*page));
	uint64_t end = 0;
	Elf32_Ehdr elf = { 0 };
	int err = read_elf(&in->kernel, &elf);

	if (err)
		return err;
	memset(page, 0, sizeof(*page));
	err = load_segments(mem, &in->kernel, &elf, &end);
	if (!err)
		err = add_module(mem, &in->env, page, &end);
	if (!err)
		err = add_module(mem, &in->initrd, page, &end);
	if (!err)
		err = write_cmdline(mem, in);
	if (err)
		return err;
	page->info.flags = INFO_MEMORY | INFO_CMDLINE | INFO_MODULES | INFO_MAP;
	page->info.cmdline = (uint32_t)LOADER_CMDLINE;
	page->info.mods_addr =
		(uint32_t)(LOADER_INFO + offsetof(struct info_page, module));
	write_map(mem, page);
	loader_write_gdt(mem, false);
	*entry = (struct boot_entry){
		.mode = BOOT_PROTECTED,
		.rip = elf.e_entry,
		.rax = LOADED_MAGIC,
		.rbx = LOADER_INFO,
		.gdt = LOADER_GDT,
	};
	return 0;
}
