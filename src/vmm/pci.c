/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/pci.h"

#include <assert.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>

/* PCI 3.0, 3.2.2.3.2: the register at 0xcf8 */
#define ADDRESS_ENABLE	 0x80000000u
#define ADDRESS_WRITABLE 0x80fffffcu

static uint32_t size_mask(unsigned int size)
{
	return size >= 4 ? UINT32_MAX : (1u << (8 * size)) - 1;
}

static uint64_t all_ones(unsigned int size)
{
	return size >= 8 ? UINT64_MAX : (1ull << (8 * size)) - 1;
}

/* ---- bytes with write masks --------------------------------------------- */

uint32_t pci_config_get(const struct pci_config *c, unsigned int offset,
			unsigned int size)
{
	uint32_t value = 0;

	assert(size <= 4 && offset + size <= PCI_CONFIG_SIZE);
	for (unsigned int i = 0; i < size; i++)
		value |= (uint32_t)c->value[offset + i] << (8 * i);
	return value;
}

void pci_config_set(struct pci_config *c, unsigned int offset,
		    unsigned int size, uint32_t value)
{
	assert(size <= 4 && offset + size <= PCI_CONFIG_SIZE);
	for (unsigned int i = 0; i < size; i++)
		c->value[offset + i] = (uint8_t)(value >> (8 * i));
}

void pci_config_allow(struct pci_config *c, unsigned int offset,
		      unsigned int size, uint32_t bits)
{
	assert(size <= 4 && offset + size <= PCI_CONFIG_SIZE);
	for (unsigned int i = 0; i < size; i++)
		c->writable[offset + i] = (uint8_t)(bits >> (8 * i));
}

void pci_config_write(struct pci_config *c, unsigned int offset,
		      unsigned int size, uint32_t value)
{
	assert(size <= 4 && offset + size <= PCI_CONFIG_SIZE);
	for (unsigned int i = 0; i < size; i++) {
		uint8_t *byte = &c->value[offset + i];
		uint8_t writable = c->writable[offset + i];

		*byte = (uint8_t)((*byte & ~writable) |
				  ((value >> (8 * i)) & writable));
	}
}

/* ---- slots and windows -------------------------------------------------- */

void pci_bus_init(struct pci_bus *bus, const struct pci_window *memory,
		  const struct pci_window *io)
{
	memset(bus, 0, sizeof(*bus));
	pthread_mutex_init(&bus->lock, NULL);
	bus->window[PCI_SPACE_MEMORY] = *memory;
	bus->window[PCI_SPACE_IO] = *io;
}

int pci_bus_plug(struct pci_bus *bus, unsigned int slot, struct pci_device *dev)
{
	int err = 0;

	if (slot >= PCI_SLOTS)
		return -EINVAL;
	pthread_mutex_lock(&bus->lock);
	if (bus->slot[slot])
		err = -EBUSY;
	else
		bus->slot[slot] = dev;
	pthread_mutex_unlock(&bus->lock);
	return err;
}

void pci_bus_unplug(struct pci_bus *bus, unsigned int slot)
{
	assert(slot < PCI_SLOTS);
	pthread_mutex_lock(&bus->lock);
	bus->slot[slot] = NULL;
	pthread_mutex_unlock(&bus->lock);
}

int pci_bus_free_slot(struct pci_bus *bus, unsigned int first)
{
	int found = -ENOSPC;

	pthread_mutex_lock(&bus->lock);
	for (unsigned int i = first; i < PCI_SLOTS && found < 0; i++)
		if (!bus->slot[i])
			found = (int)i;
	pthread_mutex_unlock(&bus->lock);
	return found;
}

int pci_bus_place(struct pci_bus *bus, enum pci_space space, uint64_t size,
		  uint64_t *address)
{
	struct pci_window *w = &bus->window[space];
	uint64_t at = (w->base + w->used + size - 1) & ~(size - 1);

	assert(size && !(size & (size - 1)));
	if (size > w->size || at - w->base > w->size - size)
		return -ENOSPC;
	w->used = at - w->base + size;
	*address = at;
	return 0;
}

bool pci_bus_holds(const struct pci_bus *bus, enum pci_space space,
		   uint64_t address, uint64_t size)
{
	const struct pci_window *w = &bus->window[space];

	return address >= w->base && size <= w->size &&
	       address - w->base <= w->size - size;
}

/* ---- configuration mechanism 1 ------------------------------------------ */

/* NULL: bus, slot or function without a device, or the mechanism is off. */
static struct pci_device *addressed(const struct pci_bus *bus)
{
	if (!(bus->address & ADDRESS_ENABLE))
		return NULL;
	if (bus->address & 0x00ff0700) /* another bus, or function 1 … 7 */
		return NULL;
	return bus->slot[(bus->address >> 11) & 0x1f];
}

uint32_t pci_bus_address_read(struct pci_bus *bus)
{
	uint32_t value;

	pthread_mutex_lock(&bus->lock);
	value = bus->address;
	pthread_mutex_unlock(&bus->lock);
	return value;
}

void pci_bus_address_write(struct pci_bus *bus, uint32_t value)
{
	pthread_mutex_lock(&bus->lock);
	bus->address = value & ADDRESS_WRITABLE;
	pthread_mutex_unlock(&bus->lock);
}

/* What of an access falls beyond 0xcff is not the mechanism's. */
static unsigned int clip(unsigned int offset, unsigned int size)
{
	return offset + size > 4 ? 4 - offset : size;
}

uint32_t pci_bus_data_read(struct pci_bus *bus, unsigned int offset,
			   unsigned int size)
{
	uint32_t value = size_mask(size);
	struct pci_device *dev;

	assert(offset < 4 && size >= 1 && size <= 4);
	pthread_mutex_lock(&bus->lock);
	dev = addressed(bus);
	if (dev) {
		unsigned int reg = (bus->address & 0xfc) + offset;
		unsigned int inside = clip(offset, size);

		value &= ~size_mask(inside);
		value |= dev->ops->config_read(dev, reg, inside) &
			 size_mask(inside);
	}
	pthread_mutex_unlock(&bus->lock);
	return value;
}

void pci_bus_data_write(struct pci_bus *bus, unsigned int offset,
			unsigned int size, uint32_t value)
{
	struct pci_device *dev;

	assert(offset < 4 && size >= 1 && size <= 4);
	pthread_mutex_lock(&bus->lock);
	dev = addressed(bus);
	if (dev) {
		unsigned int inside = clip(offset, size);

		dev->ops->config_write(dev, (bus->address & 0xfc) + offset,
				       inside, value & size_mask(inside));
	}
	pthread_mutex_unlock(&bus->lock);
}

/* ---- windows ------------------------------------------------------------ */

uint64_t pci_bus_read(struct pci_bus *bus, enum pci_space space,
		      uint64_t address, unsigned int size)
{
	uint64_t value = all_ones(size);

	pthread_mutex_lock(&bus->lock);
	for (unsigned int i = 0; i < PCI_SLOTS; i++) {
		struct pci_device *dev = bus->slot[i];

		if (dev && dev->ops->read(dev, space, address, size, &value))
			break;
	}
	pthread_mutex_unlock(&bus->lock);
	return value & all_ones(size);
}

void pci_bus_write(struct pci_bus *bus, enum pci_space space, uint64_t address,
		   unsigned int size, uint64_t value)
{
	pthread_mutex_lock(&bus->lock);
	for (unsigned int i = 0; i < PCI_SLOTS; i++) {
		struct pci_device *dev = bus->slot[i];

		if (dev && dev->ops->write(dev, space, address, size, value))
			break;
	}
	pthread_mutex_unlock(&bus->lock);
}

void pci_bus_reset(struct pci_bus *bus)
{
	pthread_mutex_lock(&bus->lock);
	bus->address = 0;
	for (unsigned int i = 0; i < PCI_SLOTS; i++)
		if (bus->slot[i])
			bus->slot[i]->ops->reset(bus->slot[i]);
	pthread_mutex_unlock(&bus->lock);
}

/* ---- host bridge -------------------------------------------------------- */

static uint32_t bridge_config_read(struct pci_device *dev, unsigned int offset,
				   unsigned int size)
{
	struct pci_host_bridge *b = (struct pci_host_bridge *)dev;

	return pci_config_get(&b->config, offset, size);
}

static void bridge_config_write(struct pci_device *dev, unsigned int offset,
				unsigned int size, uint32_t value)
{
	struct pci_host_bridge *b = (struct pci_host_bridge *)dev;

	pci_config_write(&b->config, offset, size, value);
}

static bool bridge_read(struct pci_device *dev, enum pci_space space,
			uint64_t address, unsigned int size, uint64_t *value)
{
	return false;
}

static bool bridge_write(struct pci_device *dev, enum pci_space space,
			 uint64_t address, unsigned int size, uint64_t value)
{
	return false;
}

/* The values at power-on: memory decode and bus mastering cannot be cleared. */
static void bridge_reset(struct pci_device *dev)
{
	struct pci_host_bridge *b = (struct pci_host_bridge *)dev;

	memset(&b->config, 0, sizeof(b->config));
	pci_config_set(&b->config, PCI_VENDOR_ID, 2, 0x8086);
	pci_config_set(&b->config, PCI_DEVICE_ID, 2, 0x0d57);
	pci_config_set(&b->config, PCI_COMMAND, 2,
		       PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	/* class 0x0600: Linux believes mechanism 1 when it finds this one */
	pci_config_set(&b->config, PCI_CLASS_DEVICE, 2, 0x0600);
	pci_config_allow(&b->config, PCI_CACHE_LINE_SIZE, 2, 0xffff);
}

static const struct pci_device_ops bridge_ops = {
	.config_read = bridge_config_read,
	.config_write = bridge_config_write,
	.read = bridge_read,
	.write = bridge_write,
	.reset = bridge_reset,
};

void pci_host_bridge_init(struct pci_host_bridge *bridge)
{
	bridge->dev.ops = &bridge_ops;
	bridge_reset(&bridge->dev);
}
