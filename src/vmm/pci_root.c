/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/pci_root.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vmm/machine.h"
#include "vmm/options.h"
#include "vmm/pci.h"
#include "vmm/pci_vfio.h"

#define FIRST_SLOT 3u /* 1 and 2 are where PCs have their own */

struct pci_root {
	struct machine *machine;
	struct pci_bus bus;
	struct pci_host_bridge bridge;
	struct pci_vfio *device[PCI_SLOTS]; /* under the bus lock */
	pthread_mutex_t changing; /* devices come and go one at a time */
	pthread_t thread;
	bool thread_runs;
	atomic_bool stop;
	int wake; /* eventfd: a device has news, or stop */
};

/* ---- ports and addresses ------------------------------------------------ */

/* Only a dword reaches the register; the bytes around are other devices'. */
static uint64_t address_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct pci_root *root = opaque;

	if (offset || size != 4)
		return UINT64_MAX;
	return pci_bus_address_read(&root->bus);
}

static void address_write(void *opaque, uint64_t offset, uint64_t value,
			  unsigned int size)
{
	struct pci_root *root = opaque;

	if (!offset && size == 4)
		pci_bus_address_write(&root->bus, (uint32_t)value);
}

static const struct io_ops address_ops = { address_read, address_write };

static uint64_t data_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct pci_root *root = opaque;

	return pci_bus_data_read(&root->bus, (unsigned int)offset, size);
}

static void data_write(void *opaque, uint64_t offset, uint64_t value,
		       unsigned int size)
{
	struct pci_root *root = opaque;

	pci_bus_data_write(&root->bus, (unsigned int)offset, size,
			   (uint32_t)value);
}

static const struct io_ops data_ops = { data_read, data_write };

static uint64_t io_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct pci_root *root = opaque;

	return pci_bus_read(&root->bus, PCI_SPACE_IO, MACHINE_PCI_IO + offset,
			    size);
}

static void io_write(void *opaque, uint64_t offset, uint64_t value,
		     unsigned int size)
{
	struct pci_root *root = opaque;

	pci_bus_write(&root->bus, PCI_SPACE_IO, MACHINE_PCI_IO + offset, size,
		      value);
}

static const struct io_ops port_ops = { io_read, io_write };

static uint64_t memory_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct pci_root *root = opaque;

	return pci_bus_read(&root->bus, PCI_SPACE_MEMORY,
			    MACHINE_PCI_MMIO + offset, size);
}

static void memory_write(void *opaque, uint64_t offset, uint64_t value,
			 unsigned int size)
{
	struct pci_root *root = opaque;

	pci_bus_write(&root->bus, PCI_SPACE_MEMORY, MACHINE_PCI_MMIO + offset,
		      size, value);
}

static const struct io_ops memory_ops = { memory_read, memory_write };

static int claim(struct pci_root *root)
{
	struct machine *m = root->machine;
	int err;

	err = machine_add_ports(m, 0xcf8, 1, &address_ops, root);
	if (!err)
		err = machine_add_ports(m, 0xcfc, 4, &data_ops, root);
	if (!err)
		err = machine_add_ports(m, MACHINE_PCI_IO,
					MACHINE_PCI_IO_END - MACHINE_PCI_IO,
					&port_ops, root);
	if (!err)
		err = machine_add_mmio(m, MACHINE_PCI_MMIO,
				       MACHINE_PCI_MMIO_END - MACHINE_PCI_MMIO,
				       &memory_ops, root);
	return err;
}

/* ---- giving a device back ----------------------------------------------- */

/* Waits for wake or a device.  The list is read anew each time. */
static bool wait_for_news(struct pci_root *root)
{
	struct pollfd fd[PCI_SLOTS + 1] = {
		{ .fd = root->wake, .events = POLLIN },
	};
	nfds_t nr = 1;
	uint64_t count;

	pthread_mutex_lock(&root->bus.lock);
	for (unsigned int i = 0; i < PCI_SLOTS; i++)
		if (root->device[i])
			fd[nr++] = (struct pollfd){
				.fd = root->device[i]->news_fd,
				.events = POLLIN,
			};
	pthread_mutex_unlock(&root->bus.lock);
	if (poll(fd, nr, -1) < 0)
		return errno == EINTR;
	if (fd[0].revents &&
	    read(root->wake, &count, sizeof(count)) != (ssize_t)sizeof(count))
		return false;
	return true;
}

/*
 * The struct stays until the end, so that a vCPU that has just found the device
 * in its slot reads all ones from it.
 */
static void *listen_for_news(void *opaque)
{
	struct pci_root *root = opaque;

	while (!atomic_load(&root->stop) && wait_for_news(root)) {
		pthread_mutex_lock(&root->changing);
		pthread_mutex_lock(&root->bus.lock);
		for (unsigned int i = 0; i < PCI_SLOTS; i++)
			if (root->device[i] &&
			    pci_vfio_take_news(root->device[i]))
				pci_vfio_release(root->device[i]);
		pthread_mutex_unlock(&root->bus.lock);
		pthread_mutex_unlock(&root->changing);
	}
	return NULL;
}

static bool wake(struct pci_root *root)
{
	const uint64_t one = 1;

	return write(root->wake, &one, sizeof(one)) == (ssize_t)sizeof(one);
}

/* ---- the root ----------------------------------------------------------- */

static void reset(void *opaque)
{
	struct pci_root *root = opaque;

	pci_bus_reset(&root->bus);
}

int pci_root_new(struct pci_root **out, struct machine *m)
{
	const struct pci_window memory = {
		.base = MACHINE_PCI_MMIO,
		.size = MACHINE_PCI_MMIO_END - MACHINE_PCI_MMIO,
	};
	const struct pci_window io = {
		.base = MACHINE_PCI_IO,
		.size = MACHINE_PCI_IO_END - MACHINE_PCI_IO,
	};
	struct pci_root *root = calloc(1, sizeof(*root));
	int err;

	if (!root)
		return -ENOMEM;
	root->machine = m;
	pthread_mutex_init(&root->changing, NULL);
	pci_bus_init(&root->bus, &memory, &io);
	pci_host_bridge_init(&root->bridge);
	pci_bus_plug(&root->bus, 0, &root->bridge.dev);
	root->wake = eventfd(0, EFD_CLOEXEC);
	err = root->wake < 0 ? -errno : 0;
	if (!err)
		err = claim(root);
	if (!err)
		err = machine_on_reset(m, reset, root);
	if (!err)
		err = -pthread_create(&root->thread, NULL, listen_for_news,
				      root);
	if (err) {
		pci_root_free(root);
		return err;
	}
	root->thread_runs = true;
	*out = root;
	return 0;
}

void pci_root_free(struct pci_root *root)
{
	atomic_store(&root->stop, true);
	if (root->thread_runs && wake(root))
		pthread_join(root->thread, NULL);
	machine_remove_ports(root->machine, 0xcf8);
	machine_remove_ports(root->machine, 0xcfc);
	machine_remove_ports(root->machine, MACHINE_PCI_IO);
	machine_remove_mmio(root->machine, MACHINE_PCI_MMIO);
	for (unsigned int i = 0; i < PCI_SLOTS; i++)
		if (root->device[i])
			pci_vfio_close(root->device[i]);
	if (root->wake >= 0)
		close(root->wake);
	pthread_mutex_destroy(&root->bus.lock);
	pthread_mutex_destroy(&root->changing);
	free(root);
}

static const struct pci_vfio *any_device(const struct pci_root *root)
{
	for (unsigned int i = 0; i < PCI_SLOTS; i++)
		if (root->device[i] && root->device[i]->vfio)
			return root->device[i];
	return NULL;
}

static int plug(struct pci_root *root, unsigned int slot,
		const struct device_options *options)
{
	struct pci_vfio *v;
	int err;

	err = pci_vfio_open(&v, root->machine, &root->bus, slot, options,
			    any_device(root));
	if (err)
		return err;
	pthread_mutex_lock(&root->bus.lock);
	root->device[slot] = v;
	pthread_mutex_unlock(&root->bus.lock);
	wake(root); /* to listen to this one too */
	return 0;
}

int pci_root_add(struct pci_root *root, const struct device_options *options)
{
	int slot = (int)options->slot;
	int err;

	pthread_mutex_lock(&root->changing);
	if (!slot)
		slot = pci_bus_free_slot(&root->bus, FIRST_SLOT);
	if (slot < 0 || slot >= (int)PCI_SLOTS) {
		fprintf(stderr,
			"irqfwd: device %s: no PCI slot for it: 1 … 31, each "
			"once\n",
			options->host);
		err = -ENOSPC;
	} else if (pci_bus_free_slot(&root->bus, (unsigned int)slot) != slot) {
		fprintf(stderr,
			"irqfwd: device %s: slot %d is taken; leave slot= out "
			"for the next free one\n",
			options->host, slot);
		err = -EBUSY;
	} else {
		err = plug(root, (unsigned int)slot, options);
	}
	pthread_mutex_unlock(&root->changing);
	return err;
}
