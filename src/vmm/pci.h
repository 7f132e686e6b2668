/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A PCI bus without bridges: bus 0, 32 slots of one function each, reached
 * through configuration mechanism 1, with a host bridge in slot 0.  It knows
 * nothing of the machine; pci_machine.c ties it to ports and addresses.
 *
 * Threads: one lock guards the bus and everything in its slots.  pci_bus_*()
 * takes it; a device's ops are called with it held.
 */
#ifndef VMM_PCI_H
#define VMM_PCI_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define PCI_SLOTS	32u
#define PCI_CONFIG_SIZE 256u

enum pci_space { PCI_SPACE_MEMORY, PCI_SPACE_IO };
#define PCI_SPACES 2

/* Bytes that the guest reads, and the bits of them that it may change. */
struct pci_config {
	uint8_t value[PCI_CONFIG_SIZE];
	uint8_t writable[PCI_CONFIG_SIZE];
};

/* offset + size <= PCI_CONFIG_SIZE; size: 1, 2 or 4; little-endian */
uint32_t pci_config_get(const struct pci_config *c, unsigned int offset,
			unsigned int size);
/* What the device itself says, and what a guest's write leaves of it. */
void pci_config_set(struct pci_config *c, unsigned int offset,
		    unsigned int size, uint32_t value);
void pci_config_allow(struct pci_config *c, unsigned int offset,
		      unsigned int size, uint32_t bits);
void pci_config_write(struct pci_config *c, unsigned int offset,
		      unsigned int size, uint32_t value);

struct pci_device;

struct pci_device_ops {
	/* An access inside one dword: (offset & 3) + size <= 4. */
	uint32_t (*config_read)(struct pci_device *dev, unsigned int offset,
				unsigned int size);
	void (*config_write)(struct pci_device *dev, unsigned int offset,
			     unsigned int size, uint32_t value);
	/* false: the device does not decode this address now */
	bool (*read)(struct pci_device *dev, enum pci_space space,
		     uint64_t address, unsigned int size, uint64_t *value);
	bool (*write)(struct pci_device *dev, enum pci_space space,
		      uint64_t address, unsigned int size, uint64_t value);
	void (*reset)(struct pci_device *dev);
};

/* Embedded in each kind of device; the bus only borrows it. */
struct pci_device {
	const struct pci_device_ops *ops;
};

/* Where BARs may be: what the guest puts elsewhere is not decoded. */
struct pci_window {
	uint64_t base;
	uint64_t size;
	uint64_t used;		/* bytes handed out by pci_bus_place() */
};

struct pci_bus {
	pthread_mutex_t lock;
	uint32_t address;	/* the register at port 0xcf8 */
	struct pci_device *slot[PCI_SLOTS];	/* NULL: empty */
	struct pci_window window[PCI_SPACES];
};

void pci_bus_init(struct pci_bus *bus, const struct pci_window *memory,
		  const struct pci_window *io);

/* -EBUSY: the slot is taken; -EINVAL: no such slot */
int pci_bus_plug(struct pci_bus *bus, unsigned int slot,
		 struct pci_device *dev);
void pci_bus_unplug(struct pci_bus *bus, unsigned int slot);
/* The first free slot from first on; -ENOSPC when there is none. */
int pci_bus_free_slot(struct pci_bus *bus, unsigned int first);

/*
 * Room for a BAR of size bytes (a power of two) at a multiple of its size.
 * -ENOSPC: the window is full.
 */
int pci_bus_place(struct pci_bus *bus, enum pci_space space, uint64_t size,
		  uint64_t *address);
bool pci_bus_holds(const struct pci_bus *bus, enum pci_space space,
		   uint64_t address, uint64_t size);

/* Port 0xcf8 as a dword, and ports 0xcfc … 0xcff (offset 0 … 3). */
uint32_t pci_bus_address_read(struct pci_bus *bus);
void pci_bus_address_write(struct pci_bus *bus, uint32_t value);
uint32_t pci_bus_data_read(struct pci_bus *bus, unsigned int offset,
			   unsigned int size);
void pci_bus_data_write(struct pci_bus *bus, unsigned int offset,
			unsigned int size, uint32_t value);

/* An access to a window; all ones where no device decodes it. */
uint64_t pci_bus_read(struct pci_bus *bus, enum pci_space space,
		      uint64_t address, unsigned int size);
void pci_bus_write(struct pci_bus *bus, enum pci_space space, uint64_t address,
		   unsigned int size, uint64_t value);

void pci_bus_reset(struct pci_bus *bus);

/* Slot 0: says that this is a PC, does nothing. */
struct pci_host_bridge {
	struct pci_device dev;
	struct pci_config config;
};

void pci_host_bridge_init(struct pci_host_bridge *bridge);

#endif
