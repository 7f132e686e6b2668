/* SPDX-License-Identifier: Apache-2.0 */
/* What the loader puts into memory, and what it refuses. */
#include <asm/bootparam.h>
#include <elf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "vmm/failure.h"
#include "vmm/loader.h"

#define MIB (1ull << 20)
#define RSDP 0xe0000ull
#define SETUP_SECTS 3u
#define CODE_SIZE 0x2000u
#define IMAGE_SIZE ((SETUP_SECTS + 1) * 512 + CODE_SIZE)

/* ---- a kernel that fits in a test --------------------------------------- */

static struct setup_header *header_of(uint8_t *image)
{
	return (struct setup_header *)(image + 0x1f1);
}

/* Says of itself what Debian's kernels say, but for its size. */
static void make_linux(uint8_t image[IMAGE_SIZE])
{
	struct setup_header *h = header_of(image);

	memset(image, 0, IMAGE_SIZE);
	memset(image + IMAGE_SIZE - CODE_SIZE, 0xc3, CODE_SIZE);
	h->setup_sects = SETUP_SECTS;
	h->syssize = CODE_SIZE / 16;
	h->boot_flag = 0xaa55;
	h->jump = 0x6aeb; /* over the header, to 0x26c */
	h->header = 0x53726448;
	h->version = 0x020f;
	h->initrd_addr_max = 0x7fffffff;
	h->cmdline_size = 2047;
	h->xloadflags = XLF_KERNEL_64;
	h->pref_address = 16 * MIB;
	h->init_size = 8 * MIB;
}

struct fixture {
	struct memory mem;
	uint8_t image[IMAGE_SIZE];
	struct kernel_blobs in;
	struct boot_entry entry;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f || memory_new(&f->mem, 64 * MIB))
		return -1;
	make_linux(f->image);
	f->in.kernel = (struct blob){ "test", f->image, sizeof(f->image) };
	f->in.append = "a=1";
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	memory_free(&f->mem);
	free(f);
	return 0;
}

static int load(struct fixture *f)
{
	return loader_load_blobs(&f->mem, &f->in, RSDP, &f->entry);
}

static void assert_refused(struct fixture *f, int err, const char *why)
{
	assert_int_equal(load(f), err);
	if (!strstr(failure_text(), why))
		fail_msg("'%s' does not say '%s'", failure_text(), why);
}

/* ---- Linux -------------------------------------------------------------- */

static void linux_enters_in_long_mode(void **state)
{
	struct fixture *f = *state;
	const uint64_t *pml4, *pdpt, *pd;

	assert_int_equal(load(f), 0);
	assert_int_equal(f->entry.mode, BOOT_LONG);
	assert_int_equal(f->entry.rip, 16 * MIB + 0x200);
	assert_int_equal(f->entry.rsi, LOADER_INFO);
	assert_memory_equal(memory_at(&f->mem, 16 * MIB, CODE_SIZE),
			    f->image + IMAGE_SIZE - CODE_SIZE, CODE_SIZE);
	/* 0xfec00000, walked through the page tables */
	pml4 = memory_at(&f->mem, f->entry.cr3, 4096);
	pdpt = memory_at(&f->mem, pml4[0] & ~0xfffull, 4096);
	pd = memory_at(&f->mem, pdpt[3] & ~0xfffull, 4096);
	assert_int_equal(pd[0xfec00000u >> 21 & 511], 0xfec00000u | 0x83);
}

static void linux_finds_its_parameters(void **state)
{
	struct fixture *f = *state;
	const struct boot_params *bp;

	assert_int_equal(load(f), 0);
	bp = memory_at(&f->mem, LOADER_INFO, sizeof(*bp));
	assert_int_equal(bp->hdr.type_of_loader, 0xff);
	assert_int_equal(bp->acpi_rsdp_addr, RSDP);
	assert_int_equal(bp->hdr.ramdisk_size, 0);
	assert_string_equal(memory_at(&f->mem, bp->hdr.cmd_line_ptr, 4), "a=1");
	assert_int_equal(bp->e820_entries, 4);
	assert_int_equal(bp->e820_table[3].addr, MIB);
	assert_int_equal(bp->e820_table[3].size, 63 * MIB);
}

static void linux_speaks_on_the_serial_port(void **state)
{
	struct fixture *f = *state;

	f->in.append = NULL;
	assert_int_equal(load(f), 0);
	assert_string_equal(memory_at(&f->mem, LOADER_CMDLINE, 16),
			    "console=ttyS0");
}

static void linux_initrd_lies_at_the_top(void **state)
{
	struct fixture *f = *state;
	static uint8_t initrd[5000] = "initrd";
	const struct boot_params *bp;

	f->in.initrd = (struct blob){ "initrd", initrd, sizeof(initrd) };
	assert_int_equal(load(f), 0);
	bp = memory_at(&f->mem, LOADER_INFO, sizeof(*bp));
	assert_int_equal(bp->hdr.ramdisk_size, sizeof(initrd));
	assert_int_equal(bp->hdr.ramdisk_image, 64 * MIB - 8192);
	assert_memory_equal(memory_at(&f->mem, bp->hdr.ramdisk_image, 5000),
			    initrd, sizeof(initrd));
}

static void linux_too_little_memory(void **state)
{
	struct fixture *f = *state;
	static uint8_t initrd[1];

	header_of(f->image)->init_size = 48 * MIB;
	assert_int_equal(load(f), 0);
	f->in.initrd = (struct blob){ "initrd", initrd, sizeof(initrd) };
	assert_refused(f, -ENOMEM, "memory too small for test and its initrd");
	assert_refused(f, -ENOMEM, "65 MiB");
	f->in.initrd = (struct blob){ 0 };
	header_of(f->image)->init_size = 48 * MIB + 1;
	assert_refused(f, -ENOMEM, "memory too small for test");
	header_of(f->image)->init_size = UINT32_MAX;
	assert_refused(f, -ENOMEM, "--mem");
}

static void linux_without_64_bit_entry(void **state)
{
	struct fixture *f = *state;

	header_of(f->image)->xloadflags = 0;
	assert_refused(f, -ENOEXEC, "64-bit");
	make_linux(f->image);
	header_of(f->image)->version = 0x0204;
	assert_refused(f, -ENOEXEC, "2.04");
}

static void linux_loaded_where_no_memory_is(void **state)
{
	struct fixture *f = *state;
	static const uint64_t nowhere[] = { 0, 0x7000, 0xfee00000ull,
					    0x100000000ull, UINT64_MAX };

	for (size_t i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++) {
		header_of(f->image)->pref_address = nowhere[i];
		assert_refused(f, -ENOEXEC, "asks to be loaded");
	}
}

static void linux_command_line_has_an_end(void **state)
{
	struct fixture *f = *state;
	char line[2049];

	memset(line, 'x', sizeof(line));
	line[2048] = 0;
	f->in.append = line;
	assert_refused(f, -E2BIG, "2048 bytes");
	line[2047] = 0;
	assert_int_equal(load(f), 0);
	/* A kernel that claims to take more than there is room for. */
	header_of(f->image)->cmdline_size = UINT32_MAX;
	assert_int_equal(load(f), 0);
}

static void linux_takes_no_env(void **state)
{
	struct fixture *f = *state;
	static uint8_t env[1];

	f->in.env = (struct blob){ "env", env, 1 };
	assert_refused(f, -EINVAL, "--append");
}

/* Cut anywhere, it is refused, and nothing beyond the file's end is read. */
static void every_truncation_is_refused(void **state)
{
	struct fixture *f = *state;

	for (size_t size = 0; size < IMAGE_SIZE; size += 7) {
		uint8_t *exact = malloc(size ? size : 1);

		assert_non_null(exact);
		memcpy(exact, f->image, size);
		f->in.kernel = (struct blob){ "test", exact, size };
		assert_refused(f, -ENOEXEC, "test");
		free(exact);
	}
}

static void what_is_no_kernel_is_refused(void **state)
{
	struct fixture *f = *state;

	memset(f->image, 0, IMAGE_SIZE);
	assert_refused(f, -ENOEXEC, "is not a kernel");
}

/* ---- multiboot ---------------------------------------------------------- */

#define MB_HEADER 0x80u
#define MB_CODE 0x100u

static void make_multiboot(struct fixture *f)
{
	const uint32_t header[3] = { 0x1badb002, 3, -(0x1badb002u + 3u) };
	Elf32_Ehdr elf = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, 1 },
		.e_type = ET_EXEC,
		.e_machine = EM_386,
		.e_entry = 0x100010,
		.e_phoff = sizeof(elf),
		.e_phentsize = sizeof(Elf32_Phdr),
		.e_phnum = 1,
	};
	Elf32_Phdr ph = {
		.p_type = PT_LOAD,
		.p_offset = MB_CODE,
		.p_paddr = 0x100000,
		.p_filesz = 0x40,
		.p_memsz = 0x2000,
	};

	memset(f->image, 0x90, IMAGE_SIZE);
	memcpy(f->image, &elf, sizeof(elf));
	memcpy(f->image + sizeof(elf), &ph, sizeof(ph));
	memcpy(f->image + MB_HEADER, header, sizeof(header));
	f->in.kernel.name = "mb";
}

static Elf32_Phdr *segment_of(struct fixture *f)
{
	return (Elf32_Phdr *)(f->image + sizeof(Elf32_Ehdr));
}

static uint32_t info(struct fixture *f, unsigned int offset)
{
	return *(uint32_t *)memory_at(&f->mem, LOADER_INFO + offset, 4);
}

static void multiboot_enters_in_protected_mode(void **state)
{
	struct fixture *f = *state;
	uint8_t *at = memory_at(&f->mem, 0x100000, 0x2000);

	make_multiboot(f);
	memset(at, 0xee, 0x2000);
	assert_int_equal(load(f), 0);
	assert_int_equal(f->entry.mode, BOOT_PROTECTED);
	assert_int_equal(f->entry.rip, 0x100010);
	assert_int_equal(f->entry.rax, 0x2badb002);
	assert_int_equal(f->entry.rbx, LOADER_INFO);
	assert_int_equal(at[0x3f], 0x90);
	assert_int_equal(at[0x40], 0);
	assert_int_equal(at[0x1fff], 0);
}

static void multiboot_information(void **state)
{
	struct fixture *f = *state;
	static uint8_t env[] = { 'N', '=', '1' };
	uint32_t module, map;

	make_multiboot(f);
	f->in.env = (struct blob){ "env", env, sizeof(env) };
	assert_int_equal(load(f), 0);
	assert_int_equal(info(f, 0), 1 | 4 | 8 | 64);
	assert_int_equal(info(f, 8), 63 * 1024);	/* mem_upper */
	assert_string_equal(memory_at(&f->mem, info(f, 16), 8), "mb a=1");
	assert_int_equal(info(f, 20), 1);
	module = *(uint32_t *)memory_at(&f->mem, info(f, 24), 4);
	assert_int_equal(module, 0x102000);
	assert_memory_equal(memory_at(&f->mem, module, 4), "N=1\0", 4);
	map = info(f, 48);
	assert_int_equal(info(f, 44), 4 * 24);
	assert_int_equal(*(uint32_t *)memory_at(&f->mem, map, 4), 20);
}

static void multiboot_bad_segments(void **state)
{
	struct fixture *f = *state;

	make_multiboot(f);
	segment_of(f)->p_filesz = IMAGE_SIZE;
	segment_of(f)->p_memsz = IMAGE_SIZE;
	assert_refused(f, -ENOEXEC, "cut short");
	make_multiboot(f);
	segment_of(f)->p_offset = UINT32_MAX;
	assert_refused(f, -ENOEXEC, "cut short");
	make_multiboot(f);
	segment_of(f)->p_paddr = 0x7000;
	assert_refused(f, -ENOEXEC, "below 1 MiB");
	make_multiboot(f);
	segment_of(f)->p_paddr = 0xffffffff;
	assert_refused(f, -ENOMEM, "--mem");
	make_multiboot(f);
	segment_of(f)->p_memsz = 0x10; /* less than in the file */
	assert_refused(f, -ENOEXEC, "cut short");
	make_multiboot(f);
	((Elf32_Ehdr *)f->image)->e_phnum = 0xffff;
	assert_refused(f, -ENOEXEC, "program headers");
	make_multiboot(f);
	segment_of(f)->p_type = PT_NOTE;
	assert_refused(f, -ENOEXEC, "no segment");
}

static void multiboot_elf64_is_refused(void **state)
{
	struct fixture *f = *state;

	make_multiboot(f);
	f->image[EI_CLASS] = ELFCLASS64;
	assert_refused(f, -ENOEXEC, "objcopy");
}

/* Any word of the headers may be anything: refused or loaded, never a crash. */
static void garbage_in_the_headers(void **state)
{
	struct fixture *f = *state;
	static const uint32_t odd[] = { 0, 1, 0x7fffffff, 0x80000000u,
					0xffffffffu, 0x100000, 0xfff };
	unsigned int refused = 0;

	for (unsigned int at = 4; at < 0x80; at += 2) {
		for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
			make_multiboot(f);
			memcpy(f->image + at, &odd[i], 4);
			refused += load(f) != 0;
			make_linux(f->image);
			memcpy(f->image + 0x1f1 + at - 4, &odd[i], 4);
			refused += load(f) != 0;
		}
	}
	assert_true(refused > 50);
}

/* ---- files and memory --------------------------------------------------- */

static void files_that_cannot_be_read(void **state)
{
	struct fixture *f = *state;
	struct kernel_files files = { .kernel = "/nonexistent" };

	assert_int_equal(loader_load(&f->mem, &files, RSDP, &f->entry), -ENOENT);
	assert_non_null(strstr(failure_text(), "/nonexistent"));
	files.kernel = "/";
	assert_int_equal(loader_load(&f->mem, &files, RSDP, &f->entry), -EINVAL);
	assert_non_null(strstr(failure_text(), "regular file"));
}

static void file_is_read(void **state)
{
	struct fixture *f = *state;
	char name[] = "/tmp/irqfwd-test-XXXXXX";
	int fd = mkstemp(name);
	struct kernel_files files = { .kernel = name };

	assert_true(fd >= 0);
	assert_int_equal(write(fd, f->image, IMAGE_SIZE), IMAGE_SIZE);
	close(fd);
	assert_int_equal(loader_load(&f->mem, &files, RSDP, &f->entry), 0);
	unlink(name);
}

static void memory_is_split_around_the_hole(void **state)
{
	struct memory mem;
	struct memory_range map[MEMORY_RANGES_MAX];

	memory_layout(&mem, 4096 * MIB);
	assert_int_equal(mem.nr, 2);
	assert_int_equal(mem.ram[0].size, 3072 * MIB);
	assert_int_equal(mem.ram[1].gpa, 4096 * MIB);
	assert_int_equal(mem.ram[1].size, 1024 * MIB);
	assert_int_equal(memory_size(&mem), 4096 * MIB);
	assert_int_equal(memory_map(&mem, map), 5);
	assert_int_equal(map[4].base, 4096 * MIB);
	for (unsigned int i = 1; i < 5; i++)
		assert_true(map[i].base >= map[i - 1].base + map[i - 1].size);
	memory_layout(&mem, 3072 * MIB);
	assert_int_equal(mem.nr, 1);
	assert_int_equal(memory_map(&mem, map), 4);
}

static void memory_has_bounds(void **state)
{
	struct fixture *f = *state;
	struct memory mem;

	assert_non_null(memory_at(&f->mem, 0, 64 * MIB));
	assert_null(memory_at(&f->mem, 0, 64 * MIB + 1));
	assert_null(memory_at(&f->mem, 64 * MIB, 1));
	assert_null(memory_at(&f->mem, UINT64_MAX, 2));
	assert_null(memory_at(&f->mem, 1, UINT64_MAX));
	assert_int_equal(memory_new(&mem, MIB), -EINVAL);
	assert_int_equal(memory_new(&mem, 16 * MIB + 1), -EINVAL);
	assert_int_equal(memory_new(&mem, UINT64_MAX), -EINVAL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(linux_enters_in_long_mode),
		CASE(linux_finds_its_parameters),
		CASE(linux_speaks_on_the_serial_port),
		CASE(linux_initrd_lies_at_the_top),
		CASE(linux_too_little_memory),
		CASE(linux_without_64_bit_entry),
		CASE(linux_loaded_where_no_memory_is),
		CASE(linux_command_line_has_an_end),
		CASE(linux_takes_no_env),
		CASE(every_truncation_is_refused),
		CASE(what_is_no_kernel_is_refused),
		CASE(multiboot_enters_in_protected_mode),
		CASE(multiboot_information),
		CASE(multiboot_bad_segments),
		CASE(multiboot_elf64_is_refused),
		CASE(garbage_in_the_headers),
		CASE(files_that_cannot_be_read),
		CASE(file_is_read),
		CASE(memory_is_split_around_the_hole),
		CASE(memory_has_bounds),
	};

	return cmocka_run_group_tests_name("loader", tests, NULL, NULL);
}
