/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passthrough, with a file in memory for the device and fakes of the machine
 * and of the library that write down what they are asked for.  The fakes say
 * nothing about KVM or VFIO: those run in the lab.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <pthread.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "irqfwd.h"
#include "vmm/machine.h"
#include "vmm/options.h"
#include "vmm/pci_root.h"

#define BAR0_SIZE 0x4000u
#define MSI	  0x40u
#define BAR0	  0xc0000000ull

struct range {
	uint64_t base;
	const struct io_ops *ops;
	void *opaque;
};

struct machine {
	struct range port[8], mmio[4];
	unsigned int ports, mmios;
	void (*reset)(void *opaque);
	void *reset_opaque;
	struct {
		uint64_t gpa, size;
		uint8_t *host;
	} memory[8];
	unsigned int memories;
};

struct irqfwd_vfio {
	int fd;
	uint8_t config[PCI_CFG_SPACE_SIZE];
};

struct irqfwd_level {
	bool cut, closed;
	struct irqfwd_level_config config;
};

struct irqfwd_msi {
	unsigned int enabled;
	bool closed;
};

/* What the host is like, and what it was asked for. */
static struct {
	uint8_t pin;
	bool has_msi;
	int open_error, intx_error;
	unsigned int msi_limit;	/* vectors that the host can give */
	unsigned int opened, levels, msis, dma, resets;
	struct irqfwd_level *level;
	struct irqfwd_vfio *device, *beside;
	unsigned int pins[2];
} host;

static struct machine machine;
static struct pci_root *root;

/* ---- the machine -------------------------------------------------------- */

static int add(struct range *list, unsigned int *nr, uint64_t base,
	       const struct io_ops *ops, void *opaque)
{
	list[(*nr)++] = (struct range){ base, ops, opaque };
	return 0;
}

int machine_add_ports(struct machine *m, uint16_t base, unsigned int len,
		      const struct io_ops *ops, void *opaque)
{
	return add(m->port, &m->ports, base, ops, opaque);
}

int machine_add_mmio(struct machine *m, uint64_t base, uint64_t len,
		     const struct io_ops *ops, void *opaque)
{
	return add(m->mmio, &m->mmios, base, ops, opaque);
}

int machine_remove_ports(struct machine *m, uint16_t base)
{
	m->ports--;
	return 0;
}

int machine_remove_mmio(struct machine *m, uint64_t base)
{
	m->mmios--;
	return 0;
}

int machine_map_memory(struct machine *m, uint64_t gpa, uint64_t size,
		       void *address)
{
	unsigned int i = m->memories++;

	assert_in_range(m->memories, 1, 8);
	m->memory[i].gpa = gpa;
	m->memory[i].size = size;
	m->memory[i].host = address;
	return 0;
}

int machine_unmap_memory(struct machine *m, uint64_t gpa)
{
	for (unsigned int i = 0; i < m->memories; i++)
		if (m->memory[i].gpa == gpa) {
			m->memory[i] = m->memory[--m->memories];
			return 0;
		}
	return -ENOENT;
}

unsigned int machine_ram(const struct machine *m, const struct machine_ram **ram)
{
	static const struct machine_ram regions[2];

	*ram = regions;
	return 2;
}

struct irqfwd *machine_irqchip(struct machine *m)
{
	return NULL;
}

int machine_on_reset(struct machine *m, void (*fn)(void *opaque), void *opaque)
{
	m->reset = fn;
	m->reset_opaque = opaque;
	return 0;
}

/* ---- the library -------------------------------------------------------- */

const char *irqfwd_error(void)
{
	return "the fake refuses";
}

int irqfwd_vfio_open_beside(const char *address, struct irqfwd_vfio *beside,
			    struct irqfwd_vfio **out)
{
	struct irqfwd_vfio *dev;

	host.beside = beside;
	if (host.open_error)
		return host.open_error;
	dev = calloc(1, sizeof(*dev));
	dev->fd = memfd_create("device", MFD_CLOEXEC);
	assert_int_equal(ftruncate(dev->fd, BAR0_SIZE), 0);
	dev->config[PCI_VENDOR_ID] = 0x34;
	dev->config[PCI_INTERRUPT_PIN] = host.pin;
	if (host.has_msi) {
		dev->config[PCI_STATUS] = PCI_STATUS_CAP_LIST;
		dev->config[PCI_CAPABILITY_LIST] = MSI;
		dev->config[MSI] = PCI_CAP_ID_MSI;
		dev->config[MSI + PCI_MSI_FLAGS] = 0x0a; /* 32 vectors */
	}
	host.opened++;
	host.device = dev;
	*out = dev;
	return 0;
}

void irqfwd_vfio_close(struct irqfwd_vfio *dev)
{
	close(dev->fd);
	free(dev);
	host.opened--;
}

int irqfwd_vfio_fd(const struct irqfwd_vfio *dev)
{
	return dev->fd;
}

int irqfwd_vfio_region(struct irqfwd_vfio *dev, unsigned int index,
		       struct irqfwd_vfio_region *out)
{
	*out = (struct irqfwd_vfio_region){
		.size = index ? 0 : BAR0_SIZE,
		.can_read = true, .can_write = true, .can_map = true,
	};
	return 0;
}

int irqfwd_vfio_config_read(struct irqfwd_vfio *dev, unsigned int offset,
			    void *data, unsigned int len)
{
	memcpy(data, dev->config + offset, len);
	return 0;
}

int irqfwd_vfio_config_write(struct irqfwd_vfio *dev, unsigned int offset,
			     const void *data, unsigned int len)
{
	memcpy(dev->config + offset, data, len);
	return 0;
}

int irqfwd_vfio_map_dma(struct irqfwd_vfio *dev, uint64_t iova, void *vaddr,
			uint64_t size)
{
	host.dma++;
	return 0;
}

int irqfwd_vfio_reset(struct irqfwd_vfio *dev)
{
	host.resets++;
	return -ENOTTY;
}

int irqfwd_add_vfio_intx(struct irqfwd *fwd, struct irqfwd_vfio *dev,
			 const struct irqfwd_level_config *config,
			 struct irqfwd_level **out)
{
	if (host.intx_error)
		return host.intx_error;
	*out = calloc(1, sizeof(**out));
	(*out)->config = *config;
	host.level = *out;
	if (host.levels < 2)
		host.pins[host.levels] = config->pin;
	host.levels++;
	return 0;
}

void irqfwd_level_cut(struct irqfwd_level *level, bool cut)
{
	level->cut = cut;
}

void irqfwd_close_level(struct irqfwd_level *level)
{
	host.levels -= !level->closed;
	level->closed = true;
}

void irqfwd_remove_level(struct irqfwd_level *level)
{
	if (level)
		irqfwd_close_level(level);
	free(level);
}

int irqfwd_add_vfio_msi(struct irqfwd *fwd, struct irqfwd_vfio *dev,
			enum irqfwd_msi_kind kind, const char *name,
			struct irqfwd_msi **out)
{
	*out = calloc(1, sizeof(**out));
	host.msis++;
	return 0;
}

unsigned int irqfwd_msi_vectors(const struct irqfwd_msi *msi)
{
	return 32;
}

int irqfwd_msi_enable(struct irqfwd_msi *msi, unsigned int nr)
{
	assert_true(!host.levels || host.level->cut);
	if (nr > host.msi_limit)
		return -ENOSPC;
	msi->enabled = nr;
	return 0;
}

int irqfwd_msi_set(struct irqfwd_msi *msi, unsigned int vector,
		   uint64_t address, uint32_t data, bool masked)
{
	return 0;
}

bool irqfwd_msi_pending(struct irqfwd_msi *msi, unsigned int vector)
{
	return false;
}

void irqfwd_close_msi(struct irqfwd_msi *msi)
{
	assert_int_equal(msi->enabled, 0);
	host.msis -= !msi->closed;
	msi->closed = true;
}

void irqfwd_remove_msi(struct irqfwd_msi *msi)
{
	if (msi)
		irqfwd_close_msi(msi);
	free(msi);
}

/* ---- the guest ---------------------------------------------------------- */

static const struct range *at_port(uint64_t port)
{
	const struct range *best = NULL;

	for (unsigned int i = 0; i < machine.ports; i++)
		if (machine.port[i].base <= port &&
		    (!best || machine.port[i].base > best->base))
			best = &machine.port[i];
	assert_non_null(best);
	return best;
}

static void out(uint64_t port, unsigned int size, uint32_t value)
{
	const struct range *r = at_port(port);

	r->ops->write(r->opaque, port - r->base, value, size);
}

static uint32_t in(uint64_t port, unsigned int size)
{
	const struct range *r = at_port(port);

	return (uint32_t)r->ops->read(r->opaque, port - r->base, size);
}

static void config_write(unsigned int slot, unsigned int offset,
			 unsigned int size, uint32_t value)
{
	out(0xcf8, 4, 0x80000000 | slot << 11 | (offset & 0xfc));
	out(0xcfc + (offset & 3), size, value);
}

static uint32_t config_read(unsigned int slot, unsigned int offset,
			    unsigned int size)
{
	out(0xcf8, 4, 0x80000000 | slot << 11 | (offset & 0xfc));
	return in(0xcfc + (offset & 3), size);
}

static uint64_t memory_read(uint64_t address, unsigned int size)
{
	const struct range *r = &machine.mmio[0];

	return r->ops->read(r->opaque, address - r->base, size);
}

static int plug(unsigned int slot, enum device_irq irq)
{
	const struct device_options options = {
		.host = "0000:00:03.0", .irq = irq, .slot = slot,
	};

	return pci_root_add(root, &options);
}

static int start(void **state)
{
	memset(&host, 0, sizeof(host));
	memset(&machine, 0, sizeof(machine));
	host.pin = 1;
	host.has_msi = true;
	host.msi_limit = 32;
	return pci_root_new(&root, &machine);
}

static int end(void **state)
{
	pci_root_free(root);
	assert_int_equal(host.opened, 0);
	assert_int_equal(host.levels, 0);
	assert_int_equal(host.msis, 0);
	assert_int_equal(machine.memories, 0);
	assert_int_equal(machine.ports, 0);
	assert_int_equal(machine.mmios, 0);
	return 0;
}

/* ---- the tests ---------------------------------------------------------- */

static void test_ports(void **state)
{
	/* bytes beside the address register are other devices' */
	out(0xcf8, 4, 0x80000000);
	out(0xcf8, 1, 0xff);
	assert_int_equal(in(0xcf8, 4), 0x80000000);
	assert_int_equal(in(0xcfc, 2), 0x8086);
	assert_int_equal(memory_read(BAR0, 4), 0xffffffff);
}

static void test_slots(void **state)
{
	const struct irqfwd_vfio *first;

	assert_int_equal(plug(0, DEVICE_IRQ_AUTO), 0);
	assert_int_equal(config_read(3, PCI_VENDOR_ID, 1), 0x34);
	first = host.device;
	assert_int_equal(plug(0, DEVICE_IRQ_AUTO), 0);
	assert_ptr_equal(host.beside, first);
	assert_int_equal(config_read(4, PCI_VENDOR_ID, 1), 0x34);
	assert_int_equal(plug(4, DEVICE_IRQ_AUTO), -EBUSY);
	assert_int_equal(plug(32, DEVICE_IRQ_AUTO), -ENOSPC);
	assert_int_equal(host.opened, 2);
	assert_int_equal(host.dma, 4);
}

static void test_shared_pin(void **state)
{
	assert_int_equal(plug(3, DEVICE_IRQ_INTX), 0);
	assert_int_equal(plug(11, DEVICE_IRQ_INTX), 0);
	assert_int_equal(host.pins[0], machine_intx_gsi(3, 1));
	assert_int_equal(host.pins[1], host.pins[0]);
	assert_int_equal(config_read(11, PCI_INTERRUPT_LINE, 1), host.pins[0]);
}

static void test_mapping(void **state)
{
	uint8_t byte = 0;

	assert_int_equal(plug(3, DEVICE_IRQ_AUTO), 0);
	config_write(3, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	assert_int_equal(machine.memories, 1);
	assert_int_equal(machine.memory[0].gpa, BAR0);
	assert_int_equal(machine.memory[0].size, BAR0_SIZE);
	/* the guest's bytes are the device's */
	machine.memory[0].host[5] = 0x77;
	assert_int_equal(pread(host.device->fd, &byte, 1, 5), 1);
	assert_int_equal(byte, 0x77);
	/* moved: the same pages elsewhere */
	config_write(3, PCI_BASE_ADDRESS_0, 4, BAR0 + 0x10000);
	assert_int_equal(machine.memories, 1);
	assert_int_equal(machine.memory[0].gpa, BAR0 + 0x10000);
	assert_int_equal(machine.memory[0].host[5], 0x77);
	/* what goes through the handler gets there too */
	assert_int_equal(memory_read(BAR0 + 0x10005, 1), 0x77);
}

/* The forward of INTx stays, and is cut off while the guest does without. */
static void test_kinds(void **state)
{
	assert_int_equal(plug(3, DEVICE_IRQ_AUTO), 0);
	assert_int_equal(host.levels, 1);
	assert_false(host.level->cut);
	config_write(3, MSI + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE);
	assert_true(host.level->cut);
	assert_int_equal(host.msis, 1);
	config_write(3, MSI + PCI_MSI_FLAGS, 2, 0);
	assert_false(host.level->cut);
	config_write(3, PCI_COMMAND, 2, PCI_COMMAND_INTX_DISABLE);
	assert_true(host.level->cut);
	config_write(3, PCI_COMMAND, 2, 0);
	assert_false(host.level->cut);
	assert_int_equal(host.levels, 1);
}

static void test_fewer_vectors(void **state)
{
	host.msi_limit = 9;
	assert_int_equal(plug(3, DEVICE_IRQ_MSI), 0);
	config_write(3, MSI + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE | 5 << 4);
	assert_int_equal(host.msis, 1);
	assert_int_equal(config_read(3, MSI + PCI_MSI_FLAGS, 2) & 1, 1);
}

static void test_asked_for_what_is_not(void **state)
{
	assert_int_equal(plug(3, DEVICE_IRQ_MSIX), -ENODEV);
	host.has_msi = false;
	assert_int_equal(plug(3, DEVICE_IRQ_MSI), -ENODEV);
	host.pin = 0;
	assert_int_equal(plug(3, DEVICE_IRQ_INTX), -ENODEV);
	assert_int_equal(host.opened, 0);
	/* by itself it is fine: a device may do without interrupts */
	assert_int_equal(plug(3, DEVICE_IRQ_AUTO), 0);
	assert_int_equal(host.levels, 0);
}

static void test_refused(void **state)
{
	host.open_error = -EBUSY;
	assert_int_equal(plug(3, DEVICE_IRQ_AUTO), -EBUSY);
	host.open_error = 0;
	host.intx_error = -EBUSY;
	assert_int_equal(plug(3, DEVICE_IRQ_INTX), -EBUSY);
	assert_int_equal(host.opened, 0);
	/* a guest begins with INTx: only irq=msi does without */
	assert_int_equal(plug(3, DEVICE_IRQ_AUTO), -EBUSY);
	assert_int_equal(plug(3, DEVICE_IRQ_MSI), 0);
}

static void test_reset(void **state)
{
	assert_int_equal(plug(3, DEVICE_IRQ_AUTO), 0);
	assert_int_equal(host.resets, 1);
	config_write(3, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	machine.reset(machine.reset_opaque);
	assert_int_equal(host.resets, 2);
	assert_int_equal(machine.memories, 0);
	assert_int_equal(host.levels, 1);
	assert_int_equal(config_read(3, PCI_COMMAND, 2), 0);
}

static bool unplugged(unsigned int slot)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (int i = 0; i < 5000; i++) {
		if (config_read(slot, PCI_VENDOR_ID, 4) == 0xffffffff)
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

static void *ask_back(void *opaque)
{
	const struct irqfwd_level_config *config = opaque;

	config->event(config->opaque, IRQFWD_REMOVE_REQUESTED);
	return NULL;
}

static void test_host_wants_it_back(void **state)
{
	struct irqfwd_level_config config;
	pthread_t listener;

	assert_int_equal(plug(4, DEVICE_IRQ_AUTO), 0);
	assert_int_equal(plug(3, DEVICE_IRQ_AUTO), 0);
	config_write(3, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	config = host.level->config;
	pthread_create(&listener, NULL, ask_back, &config);
	assert_true(unplugged(3));
	pthread_join(listener, NULL);
	assert_int_equal(machine.memories, 0);
	assert_int_equal(host.opened, 1);
	assert_int_equal(host.levels, 1);
	/* the guest goes on, with its other device */
	config_write(3, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	assert_int_equal(memory_read(BAR0, 4), 0xffffffff);
	machine.reset(machine.reset_opaque);
	assert_int_equal(config_read(4, PCI_VENDOR_ID, 1), 0x34);
	assert_int_equal(config_read(3, PCI_VENDOR_ID, 1), 0xff);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_ports),
		CASE(test_slots),
		CASE(test_shared_pin),
		CASE(test_mapping),
		CASE(test_kinds),
		CASE(test_fewer_vectors),
		CASE(test_asked_for_what_is_not),
		CASE(test_refused),
		CASE(test_reset),
		CASE(test_host_wants_it_back),
	};

	return cmocka_run_group_tests_name("pci_root", tests, NULL, NULL);
}
