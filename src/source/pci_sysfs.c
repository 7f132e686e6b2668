/* SPDX-License-Identifier: Apache-2.0 */
#include "source/pci_sysfs.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/pci_regs.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "source/error.h"

int pci_sysfs_address(const char *text, char address[PCI_ADDRESS_SIZE])
{
	unsigned int domain = 0, bus, slot, function;
	int end = 0;

	if (sscanf(text, "%5x:%2x:%2x.%1u%n", &domain, &bus, &slot, &function,
		   &end) != 4 || text[end]) {
		domain = 0;
		end = 0;
		if (sscanf(text, "%2x:%2x.%1u%n", &bus, &slot, &function,
			   &end) != 3 || text[end])
			end = 0;
	}
	if (!end || slot > 31 || function > 7)
		return errorf(-EINVAL, "\"%s\" is not a PCI address; write it "
			      "as 0000:00:03.0 (lspci -D lists them)", text);
	snprintf(address, PCI_ADDRESS_SIZE, "%04x:%02x:%02x.%u",
		 domain & 0xfffff, bus, slot, function);
	return 0;
}

/* The last part of a link's target; false: no such link, or no such name. */
static bool link_name(const char *path, char *name, size_t size)
{
	char target[PATH_MAX];
	ssize_t len = readlink(path, target, sizeof(target) - 1);
	const char *slash, *last;

	if (len < 0)
		return false;
	target[len] = '\0';
	slash = strrchr(target, '/');
	last = slash ? slash + 1 : target;
	if (strlen(last) >= size)
		return false;
	strcpy(name, last);
	return true;
}

static bool driver_of(const char *root, const char *address, char *driver,
		      size_t size)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/driver", root,
		 address);
	return link_name(path, driver, size);
}

/* vfio-pci, and its variants for one vendor: mlx5_vfio_pci, hisi_acc_vfio_pci… */
static bool is_vfio_driver(const char *driver)
{
	return strstr(driver, "vfio") != NULL;
}

static int not_bound(const char *address, const char *driver)
{
	char unbind[192] = "";

	if (driver)
		snprintf(unbind, sizeof(unbind),
			 "  echo %s > /sys/bus/pci/drivers/%s/unbind\n",
			 address, driver);
	return errorf(-EBUSY, "%s is bound to %s, not to vfio-pci; bind it:\n"
		      "  modprobe vfio-pci\n"
		      "  echo vfio-pci > /sys/bus/pci/devices/%s/driver_override\n"
		      "%s"
		      "  echo %s > /sys/bus/pci/drivers_probe",
		      address, driver ? driver : "no driver", address, unbind,
		      address);
}

int pci_sysfs_check_driver(const char *root, const char *address)
{
	char path[PATH_MAX], driver[64];
	int group;

	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s", root, address);
	if (access(path, F_OK) < 0)
		return errorf(-ENODEV, "there is no PCI device %s; lspci -D "
			      "lists those that there are", address);
	/* vfio-pci does not take a device without an IOMMU: no use to bind it. */
	group = pci_sysfs_group(root, address);
	if (group < 0)
		return group;
	if (!driver_of(root, address, driver, sizeof(driver)))
		return not_bound(address, NULL);
	return is_vfio_driver(driver) ? 0 : not_bound(address, driver);
}

int pci_sysfs_group(const char *root, const char *address)
{
	char path[PATH_MAX], group[16];

	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/iommu_group", root,
		 address);
	if (!link_name(path, group, sizeof(group)))
		return errorf(-ENOTSUP, "%s is behind no IOMMU, so its DMA "
			      "cannot be confined; turn VT-d or AMD-Vi on in "
			      "the firmware and boot the host with "
			      "intel_iommu=on (AMD: on by default)", address);
	return atoi(group);
}

static bool stands_in_the_way(const char *root, const char *address,
			      char *driver, size_t size)
{
	if (address[0] == '.')
		return false;
	/* Bridges, and what has no driver, are no danger to the group. */
	return driver_of(root, address, driver, size) &&
	       !is_vfio_driver(driver) && strcmp(driver, "pcieport") != 0 &&
	       strcmp(driver, "pci-stub") != 0;
}

/* "0000:02:02.0 (serial), …" of those that stand in the way; their number. */
static unsigned int list_holders(const char *root, unsigned int group,
				 char *list, size_t size)
{
	char path[PATH_MAX], driver[64];
	unsigned int found = 0;
	size_t used = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/kernel/iommu_groups/%u/devices", root,
		 group);
	dir = opendir(path);
	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		if (!stands_in_the_way(root, entry->d_name, driver,
				       sizeof(driver)) ||
		    used >= size - 1)
			continue;
		used += (size_t)snprintf(list + used, size - used, "%s%s (%s)",
					 found++ ? ", " : "", entry->d_name,
					 driver);
	}
	if (dir)
		closedir(dir);
	return found;
}

bool pci_sysfs_group_is_viable(const char *root, unsigned int group)
{
	char list[512];

	return list_holders(root, group, list, sizeof(list)) == 0;
}

int pci_sysfs_group_not_viable(const char *root, unsigned int group)
{
	char list[512] = "other devices of it";

	list_holders(root, group, list, sizeof(list));
	return errorf(-EPERM, "IOMMU group %u is not viable: host drivers hold "
		      "%s; bind every device of the group to vfio-pci, or "
		      "unbind it", group, list);
}

void pci_sysfs_irq(const char *root, const char *address, char *irq,
		   size_t size)
{
	char path[PATH_MAX];
	unsigned int number = 0;
	FILE *file;

	snprintf(irq, size, "-");
	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/irq", root,
		 address);
	file = fopen(path, "re");
	if (!file)
		return;
	if (fscanf(file, "%9u", &number) == 1 && number)
		snprintf(irq, size, "%u", number);
	fclose(file);
}

int pci_sysfs_disintx(const char *root, const char *address)
{
	char path[PATH_MAX];
	uint16_t command;
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/config", root,
		 address);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -EIO;
	got = pread(fd, &command, sizeof(command), PCI_COMMAND);
	close(fd);
	if (got != sizeof(command))
		return -EIO;
	return le16toh(command) & PCI_COMMAND_INTX_DISABLE ? 1 : 0;
}

int pci_sysfs_cdev(const char *root, const char *address, char *name,
		   size_t size)
{
	char path[PATH_MAX];
	int error = -ENOENT;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/vfio-dev", root,
		 address);
	dir = opendir(path);
	if (!dir)
		return -ENOENT;
	for (struct dirent *entry; (entry = readdir(dir));) {
		if (strncmp(entry->d_name, "vfio", 4) != 0)
			continue;
		snprintf(name, size, "%s", entry->d_name);
		error = 0;
		break;
	}
	closedir(dir);
	return error;
}
