/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/machine.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "irqfwd.h"
#include "vmm/bus.h"
#include "vmm/coalesced.h"
#include "vmm/failure.h"
#include "vmm/vcpu.h"
#include "vmm/vm.h"

#define SLOTS_MAX	128	/* memory slots, RAM and BARs */
#define RESETS_MAX	32

/* Intel processors without "unrestricted guest" need these four pages. */
#define KVM_IDENTITY_PAGE	0xfffbc000ull
#define KVM_TSS_PAGES		0xfffbd000ull

struct slot {
	bool used;
	uint64_t gpa;
};

struct reset_hook {
	void (*fn)(void *opaque);
	void *opaque;
};

struct machine {
	int kvm_fd;
	int vm_fd;
	int request_fd;
	struct memory memory;
	struct irqfwd *irqchip;
	struct bus ports;
	struct bus mmio;
	struct coalesced coalesced;

	pthread_mutex_t slot_lock;
	struct slot slot[SLOTS_MAX];

	unsigned int resets;
	struct reset_hook reset[RESETS_MAX];

	unsigned int cpus;
	struct vcpu *cpu[MACHINE_CPUS_MAX];

	pthread_mutex_t request_lock;	/* guards the writing of what follows */
	_Atomic enum machine_request request;
	int exit_code;
	char failure[512];
};

/* ---- ranges ------------------------------------------------------------- */

int machine_add_ports(struct machine *m, uint16_t base, unsigned int len,
		      const struct io_ops *ops, void *opaque)
{
	return bus_add(&m->ports, base, len, ops, opaque);
}

int machine_remove_ports(struct machine *m, uint16_t base)
{
	return bus_remove(&m->ports, base);
}

int machine_add_mmio(struct machine *m, uint64_t base, uint64_t len,
		     const struct io_ops *ops, void *opaque)
{
	return bus_add(&m->mmio, base, len, ops, opaque);
}

int machine_remove_mmio(struct machine *m, uint64_t base)
{
	return bus_remove(&m->mmio, base);
}

/* ---- memory slots ------------------------------------------------------- */

/* size 0 removes what the slot maps. */
static int set_slot(struct machine *m, unsigned int slot, uint64_t gpa,
		    uint64_t size, void *host)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)host,
	};

	return ioctl(m->vm_fd, KVM_SET_USER_MEMORY_REGION, &region) ? -errno : 0;
}

int machine_map_memory(struct machine *m, uint64_t gpa, uint64_t size,
		       void *host)
{
	unsigned int free = SLOTS_MAX;
	int err = -ENOSPC;

	pthread_mutex_lock(&m->slot_lock);
	for (unsigned int i = SLOTS_MAX; i-- > 0;)
		if (!m->slot[i].used)
			free = i;
	if (free < SLOTS_MAX)
		err = set_slot(m, free, gpa, size, host);
	if (!err)
		m->slot[free] = (struct slot){ true, gpa };
	pthread_mutex_unlock(&m->slot_lock);
	return err;
}

int machine_unmap_memory(struct machine *m, uint64_t gpa)
{
	int err = -ENOENT;

	pthread_mutex_lock(&m->slot_lock);
	for (unsigned int i = 0; i < SLOTS_MAX; i++) {
		if (!m->slot[i].used || m->slot[i].gpa != gpa)
			continue;
		err = set_slot(m, i, gpa, 0, NULL);
		if (!err)
			m->slot[i].used = false;
		break;
	}
	pthread_mutex_unlock(&m->slot_lock);
	return err;
}

/* ---- requests ----------------------------------------------------------- */

static bool request_begin(struct machine *m)
{
	pthread_mutex_lock(&m->request_lock);
	if (atomic_load(&m->request) == MACHINE_RUNS)
		return true;
	pthread_mutex_unlock(&m->request_lock);
	return false;
}

static void request_end(struct machine *m, enum machine_request request)
{
	const uint64_t one = 1;

	atomic_store(&m->request, request);
	pthread_mutex_unlock(&m->request_lock);
	/* An eventfd that nobody reads between two resets cannot be full. */
	if (write(m->request_fd, &one, sizeof(one)) != sizeof(one))
		abort();
}

static void request(struct machine *m, enum machine_request request)
{
	if (request_begin(m))
		request_end(m, request);
}

void machine_request_reset(struct machine *m)
{
	request(m, MACHINE_RESET);
}

void machine_request_poweroff(struct machine *m)
{
	request(m, MACHINE_POWEROFF);
}

void machine_request_stop(struct machine *m)
{
	request(m, MACHINE_STOP);
}

void machine_request_exit(struct machine *m, int code)
{
	if (!request_begin(m))
		return;
	m->exit_code = code;
	request_end(m, MACHINE_EXIT);
}

void machine_request_failure(struct machine *m, const char *format, ...)
{
	va_list args;

	if (!request_begin(m))
		return;
	va_start(args, format);
	vsnprintf(m->failure, sizeof(m->failure), format, args);
	va_end(args);
	request_end(m, MACHINE_FAILED);
}

int machine_request_fd(const struct machine *m)
{
	return m->request_fd;
}

enum machine_request machine_requested(struct machine *m)
{
	return atomic_load(&m->request);
}

int machine_exit_code(const struct machine *m)
{
	return m->exit_code;
}

const char *machine_failure(const struct machine *m)
{
	return m->failure;
}

/* ---- the IOAPIC's page -------------------------------------------------- */

static uint64_t ioapic_page_read(void *opaque, uint64_t offset,
				 unsigned int size)
{
	uint64_t value = 0;

	irqfwd_mmio_read(opaque, offset, &value, size);
	return value;
}

static void ioapic_page_write(void *opaque, uint64_t offset, uint64_t value,
			      unsigned int size)
{
	irqfwd_mmio_write(opaque, offset, &value, size);
}

static const struct io_ops ioapic_page_ops = {
	.read = ioapic_page_read,
	.write = ioapic_page_write,
};

/* ---- birth and death ---------------------------------------------------- */

static int open_kvm(struct machine *m)
{
	int version;

	m->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (m->kvm_fd < 0 && (errno == EACCES || errno == EPERM))
		return failure(errno,
			       "no permission for /dev/kvm: run as root, or add this user to the group kvm");
	if (m->kvm_fd < 0)
		return failure(errno,
			       "cannot open /dev/kvm (%s): load the module kvm-intel or kvm-amd, and see that virtualisation is enabled in the firmware or in the hypervisor around this machine",
			       strerror(errno));
	version = ioctl(m->kvm_fd, KVM_GET_API_VERSION, 0);
	if (version != KVM_API_VERSION)
		return failure(ENOTSUP,
			       "/dev/kvm speaks version %d of its interface and irqfwd version %d: use Linux 2.6.22 or newer",
			       version, KVM_API_VERSION);
	return 0;
}

static int open_vm(struct machine *m)
{
	const uint64_t identity = KVM_IDENTITY_PAGE;

	m->vm_fd = ioctl(m->kvm_fd, KVM_CREATE_VM, 0);
	if (m->vm_fd < 0)
		return failure(errno, "KVM makes no virtual machine (%s)",
			       strerror(errno));
	if (ioctl(m->vm_fd, KVM_SET_IDENTITY_MAP_ADDR, &identity) ||
	    ioctl(m->vm_fd, KVM_SET_TSS_ADDR, KVM_TSS_PAGES))
		return failure(errno, "KVM refuses its own pages (%s)",
			       strerror(errno));
	return 0;
}

static int add_ram(struct machine *m, uint64_t size)
{
	int err = memory_new(&m->memory, size);

	for (unsigned int i = 0; !err && i < m->memory.nr; i++) {
		const struct machine_ram *ram = &m->memory.ram[i];

		err = machine_map_memory(m, ram->gpa, ram->size, ram->host);
		if (err)
			failure(-err, "KVM refuses the guest's memory (%s)",
				strerror(-err));
	}
	return err;
}

static int add_irqchip(struct machine *m, const struct machine_config *config)
{
	const struct irqfwd_config chip = {
		.vm_fd = m->vm_fd,
		.pins = config->pins,
		.trace = config->trace,
		.opaque = config->opaque,
	};
	int err = irqfwd_new(&m->irqchip, &chip);

	if (err)
		return failure(-err, "%s", irqfwd_error());
	err = machine_add_mmio(m, IRQFWD_IOAPIC_BASE, IRQFWD_IOAPIC_SIZE,
			       &ioapic_page_ops, m->irqchip);
	assert(!err);
	return 0;
}

/* All of them before the first runs: INIT and SIPI reach only those there are. */
static int add_cpus(struct machine *m, unsigned int cpus)
{
	int max = ioctl(m->kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS);

	if (cpus < 1 || cpus > MACHINE_CPUS_MAX ||
	    (max > 0 && cpus > (unsigned int)max))
		return failure(EINVAL,
			       "a guest with %u CPUs cannot be built: --cpus takes 1 to %d here",
			       cpus, max > 0 && max < (int)MACHINE_CPUS_MAX ?
					     max : (int)MACHINE_CPUS_MAX);
	for (; m->cpus < cpus; m->cpus++) {
		int err = vcpu_new(&m->cpu[m->cpus], m, m->cpus, cpus);

		if (err)
			return err;
	}
	return 0;
}

static int build(struct machine *m, const struct machine_config *config)
{
	int err = open_kvm(m);

	if (!err)
		err = open_vm(m);
	if (!err)
		err = add_ram(m, config->memory);
	if (!err)
		err = add_irqchip(m, config);
	if (!err)
		err = add_cpus(m, config->cpus);
	if (!err)
		coalesced_register(&m->coalesced, m->vm_fd, vcpu_run(m->cpu[0]),
				   IRQFWD_IOAPIC_BASE);
	return err;
}

int machine_new(struct machine **out, const struct machine_config *config)
{
	struct machine *m = calloc(1, sizeof(*m));
	int err;

	if (!m)
		return failure(ENOMEM, "no memory");
	m->kvm_fd = m->vm_fd = -1;
	bus_init(&m->ports, 0x10000);
	bus_init(&m->mmio, UINT64_MAX);
	coalesced_init(&m->coalesced);
	pthread_mutex_init(&m->slot_lock, NULL);
	pthread_mutex_init(&m->request_lock, NULL);
	m->request_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (m->request_fd < 0)
		err = failure(errno, "no event descriptor (%s)",
			      strerror(errno));
	else
		err = build(m, config);
	if (err) {
		machine_free(m);
		return err;
	}
	*out = m;
	return 0;
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

void machine_free(struct machine *m)
{
	if (!m)
		return;
	for (unsigned int i = 0; i < m->cpus; i++)
		vcpu_free(m->cpu[i]);
	if (m->irqchip)
		irqfwd_free(m->irqchip);
	close_if_open(m->vm_fd);
	memory_free(&m->memory);
	close_if_open(m->kvm_fd);
	close_if_open(m->request_fd);
	bus_destroy(&m->ports);
	bus_destroy(&m->mmio);
	coalesced_destroy(&m->coalesced);
	pthread_mutex_destroy(&m->slot_lock);
	pthread_mutex_destroy(&m->request_lock);
	free(m);
}

/* ---- running ------------------------------------------------------------ */

int machine_boot(struct machine *m, const struct boot_entry *entry)
{
	return vcpu_boot(m->cpu[0], entry);
}

int machine_start(struct machine *m)
{
	for (unsigned int i = 0; i < m->cpus; i++) {
		int err = vcpu_start(m->cpu[i]);

		if (!err)
			continue;
		machine_request_failure(m, "%s", failure_text());
		machine_stop(m);
		return err;
	}
	return 0;
}

/* A request is there, or is made here: every vCPU sees it and leaves. */
void machine_stop(struct machine *m)
{
	machine_request_stop(m);
	for (unsigned int i = 0; i < m->cpus; i++)
		vcpu_kick(m->cpu[i]);
	for (unsigned int i = 0; i < m->cpus; i++)
		vcpu_join(m->cpu[i]);
}

int machine_on_reset(struct machine *m, void (*fn)(void *opaque), void *opaque)
{
	if (m->resets == RESETS_MAX)
		return -ENOSPC;
	m->reset[m->resets++] = (struct reset_hook){ fn, opaque };
	return 0;
}

int machine_reset(struct machine *m)
{
	uint64_t count;

	/*
	 * vCPUs first: KVM may owe one of them the end of an access, and a
	 * device must not see it after its reset.
	 */
	for (unsigned int i = 0; i < m->cpus; i++) {
		int err = vcpu_reset(m->cpu[i]);

		if (err)
			return err;
	}
	machine_drain(m);
	for (unsigned int i = 0; i < m->resets; i++)
		m->reset[i].fn(m->reset[i].opaque);
	irqfwd_reset(m->irqchip);
	if (read(m->request_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return failure(errno, "event descriptor: %s", strerror(errno));
	atomic_store(&m->request, MACHINE_RUNS);
	return 0;
}

void machine_exits(struct machine *m, uint64_t counts[MACHINE_EXITS])
{
	memset(counts, 0, MACHINE_EXITS * sizeof(counts[0]));
	for (unsigned int i = 0; i < m->cpus; i++)
		vcpu_exits(m->cpu[i], counts);
}

/* ---- what it is made of ------------------------------------------------- */

unsigned int machine_ram(const struct machine *m, const struct machine_ram **ram)
{
	*ram = m->memory.ram;
	return m->memory.nr;
}

struct irqfwd *machine_irqchip(struct machine *m)
{
	return m->irqchip;
}

int machine_vm_fd(const struct machine *m)
{
	return m->vm_fd;
}

int machine_kvm_fd(const struct machine *m)
{
	return m->kvm_fd;
}

unsigned int machine_cpus(const struct machine *m)
{
	return m->cpus;
}

const struct memory *machine_memory(const struct machine *m)
{
	return &m->memory;
}

struct bus *machine_ports(struct machine *m)
{
	return &m->ports;
}

void machine_drain(struct machine *m)
{
	coalesced_drain(&m->coalesced, &m->mmio);
}

struct bus *machine_mmio(struct machine *m)
{
	return &m->mmio;
}
