/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/loader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/failure.h"

static int read_all(struct blob *blob, int fd, const char *what)
{
	size_t done = 0;

	while (done < blob->size) {
		ssize_t nr = read(fd, blob->data + done, blob->size - done);

		if (nr < 0 && errno == EINTR)
			continue;
		if (nr < 0)
			return failure(errno, "cannot read %s %s (%s)", what,
				       blob->name, strerror(errno));
		if (nr == 0)
			return failure(EIO, "%s %s became shorter while it was read",
				       what, blob->name);
		done += (size_t)nr;
	}
	return 0;
}

static int read_open(struct blob *blob, int fd, const char *what)
{
	struct stat st;
	int err;

	if (fstat(fd, &st))
		return failure(errno, "cannot look at %s %s (%s)", what,
			       blob->name, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return failure(EINVAL, "%s %s is not a regular file", what,
			       blob->name);
	blob->size = (size_t)st.st_size;
	blob->data = malloc(blob->size + 1);
	if (!blob->data)
		return failure(ENOMEM, "no memory to read %s %s", what,
			       blob->name);
	err = read_all(blob, fd, what);
	if (err) {
		free(blob->data);
		blob->data = NULL;
	}
	return err;
}

int blob_read(struct blob *blob, const char *name, const char *what)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC), err;

	memset(blob, 0, sizeof(*blob));
	blob->name = name;
	if (fd < 0)
		return failure(errno, "cannot open %s %s (%s)", what, name,
			       strerror(errno));
	err = read_open(blob, fd, what);
	close(fd);
	return err;
}

void loader_write_gdt(const struct memory *mem, bool longmode)
{
	/* base 0, limit 4 GiB; accessed; code: readable, data: writable */
	const uint64_t gdt[BOOT_GDT_ENTRIES] = {
		[BOOT_CS / 8] = longmode ? 0x00af9b000000ffffull :
					   0x00cf9b000000ffffull,
		[BOOT_DS / 8] = 0x00cf93000000ffffull,
	};

	memcpy(memory_at(mem, LOADER_GDT, sizeof(gdt)), gdt, sizeof(gdt));
}

static int load_linux(const struct memory *mem, struct kernel_blobs in,
		      uint64_t acpi_rsdp, struct boot_entry *entry)
{
	if (in.env.data)
		return failure(EINVAL,
			       "--env goes with a multiboot kernel, and %s is Linux: give its parameters with --append",
			       in.kernel.name);
	if (!in.append)
		in.append = "console=ttyS0";
	return linux_load(mem, &in, acpi_rsdp, entry);
}

static int load_multiboot(const struct memory *mem, struct kernel_blobs in,
			  struct boot_entry *entry)
{
	if (!in.append)
		in.append = "";
	return multiboot_load(mem, &in, entry);
}

int loader_load_blobs(const struct memory *mem, const struct kernel_blobs *in,
		      uint64_t acpi_rsdp, struct boot_entry *entry)
{
	if (linux_is_kernel(&in->kernel))
		return load_linux(mem, *in, acpi_rsdp, entry);
	if (multiboot_is_kernel(&in->kernel))
		return load_multiboot(mem, *in, entry);
	return failure(ENOEXEC,
		       "%s is not a kernel that can be booted: --kernel takes a Linux bzImage (such as /boot/vmlinuz-*) or a multiboot 1 ELF32 image",
		       in->kernel.name);
}

int loader_load(const struct memory *mem, const struct kernel_files *files,
		uint64_t acpi_rsdp, struct boot_entry *entry)
{
	struct kernel_blobs in = { .append = files->append };
	int err = blob_read(&in.kernel, files->kernel, "kernel");

	if (!err && files->initrd)
		err = blob_read(&in.initrd, files->initrd, "initrd");
	if (!err && files->env)
		err = blob_read(&in.env, files->env, "env file");
	if (!err)
		err = loader_load_blobs(mem, &in, acpi_rsdp, entry);
	free(in.kernel.data);
	free(in.initrd.data);
	free(in.env.data);
	return err;
}
