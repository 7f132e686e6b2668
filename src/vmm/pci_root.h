/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine's PCI: the bus at its ports and addresses, the devices that are
 * passed through, and the thread that gives one back when the host asks.
 */
#ifndef VMM_PCI_ROOT_H
#define VMM_PCI_ROOT_H

struct machine;
struct device_options;
struct pci_root;

/* After the machine has RAM and an irqchip; registers the reset hook too. */
int pci_root_new(struct pci_root **out, struct machine *m);
/* The vCPUs have stopped, or have not started. */
void pci_root_free(struct pci_root *root);

/*
 * Errors as irqfwd_vfio_open(), and -EBUSY: the slot is taken; -ENOSPC: no slot
 * or no room; -ENODEV: not the interrupt that was asked for.  The reason is
 * said on stderr.
 */
int pci_root_add(struct pci_root *root, const struct device_options *options);

#endif
