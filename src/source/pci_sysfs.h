/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What sysfs says about a PCI device, and the sentences for what it says.
 * root is "/sys"; tests give a directory of their own.
 */
#ifndef SOURCE_PCI_SYSFS_H
#define SOURCE_PCI_SYSFS_H

#include <stdbool.h>
#include <stddef.h>

#define PCI_ADDRESS_SIZE	16	/* "0000:00:03.0", with room for wide domains */

/* "00:03.0" becomes "0000:00:03.0"; -EINVAL: not an address. */
int pci_sysfs_address(const char *text, char address[PCI_ADDRESS_SIZE]);

/* -ENODEV: no such device; -ENOTSUP: no IOMMU; -EBUSY: not VFIO's driver. */
int pci_sysfs_check_driver(const char *root, const char *address);

/* The number of its IOMMU group; -ENOTSUP: no IOMMU. */
int pci_sysfs_group(const char *root, const char *address);

/* No host driver holds a device of the group. */
bool pci_sysfs_group_is_viable(const char *root, unsigned int group);

/* Fails with -EPERM, and names the group's devices that stand in the way. */
int pci_sysfs_group_not_viable(const char *root, unsigned int group);

/* The host interrupt's number as text, "-" if there is none. */
void pci_sysfs_irq(const char *root, const char *address, char *irq,
		   size_t size);

/*
 * The Command register's Interrupt Disable as the device has it, where VFIO
 * shows the VMM's own; -EIO: it cannot be read.
 */
int pci_sysfs_disintx(const char *root, const char *address);

/* "vfio3": its character device's name; -ENOENT: the host has none. */
int pci_sysfs_cdev(const char *root, const char *address, char *name,
		   size_t size);

#endif
