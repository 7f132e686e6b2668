/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts a kernel into guest memory.  Two formats, recognised by their content:
 * Linux bzImage (64-bit boot protocol, Documentation/arch/x86/boot.rst) and
 * multiboot 1 with an ELF32 image (the multiboot specification 0.6.96).
 *
 * Low memory while the kernel starts:
 *	0x00500	GDT
 *	0x07000	zero page, or multiboot information
 *	0x09000	page tables, six pages
 *	0x20000	command line
 */
#ifndef VMM_LOADER_H
#define VMM_LOADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/boot.h"
#include "vmm/memory.h"

#define LOADER_GDT		0x500ull
#define LOADER_INFO		0x7000ull
#define LOADER_PAGE_TABLES	0x9000ull
#define LOADER_CMDLINE		0x20000ull
#define LOADER_CMDLINE_MAX	0x10000u	/* with its end */

/* A file, or NULL data if there is none. */
struct blob {
	const char *name;
	uint8_t *data;
	size_t size;
};

struct kernel_files {
	const char *kernel;	/* paths; NULL: none */
	const char *initrd;	/* Linux: the initramfs; multiboot: also a module */
	const char *env;	/* multiboot: the first module */
	const char *append;	/* command line */
};

/* All of these use failure(). */
int loader_load(const struct memory *mem, const struct kernel_files *files,
		uint64_t acpi_rsdp, struct boot_entry *entry);

/* The same with the files' content at hand. */
struct kernel_blobs {
	struct blob kernel, initrd, env;
	const char *append;	/* NULL: Linux gets console=ttyS0 */
};

int loader_load_blobs(const struct memory *mem, const struct kernel_blobs *in,
		      uint64_t acpi_rsdp, struct boot_entry *entry);

/* name stays the caller's; free blob->data. */
int blob_read(struct blob *blob, const char *name, const char *what);

/* The two formats; in->append is not NULL here. */
bool linux_is_kernel(const struct blob *kernel);
int linux_load(const struct memory *mem, const struct kernel_blobs *in,
	       uint64_t acpi_rsdp, struct boot_entry *entry);

bool multiboot_is_kernel(const struct blob *kernel);
int multiboot_load(const struct memory *mem, const struct kernel_blobs *in,
		   struct boot_entry *entry);

/* Flat code and data segments at BOOT_CS and BOOT_DS. */
void loader_write_gdt(const struct memory *mem, bool longmode);

#endif
