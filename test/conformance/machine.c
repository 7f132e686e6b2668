/* SPDX-License-Identifier: Apache-2.0 */
#include "machine.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "irqchip.h"

#define TAKE_MS		2000	/* an interrupt that is owed comes by then */
#define NONE_MS		15	/* one that is not would have come by then */

#define PROBE_VECTOR	0x71

extern const uint8_t guest_start[], guest_stubs[], guest_end[];

static void broken(struct machine *m, const char *format, ...)
{
	va_list args;

	if (m->why[0])
		return;		/* the first fault is the one to tell */
	va_start(args, format);
	vsnprintf(m->why, sizeof(m->why), format, args);
	va_end(args);
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* ---- building it -------------------------------------------------------- */

static int load_guest(struct machine *m)
{
	struct kvm_userspace_memory_region region = {
		.memory_size = GUEST_RAM,
	};
	size_t stubs = (size_t)(guest_stubs - guest_start);

	m->ram = mmap(NULL, GUEST_RAM, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (m->ram == MAP_FAILED)
		return -ENOMEM;
	memcpy(m->ram + GUEST_BASE, guest_start,
	       (size_t)(guest_end - guest_start));
	for (size_t v = 0; v < 256; v++) {
		uint32_t entry = (uint32_t)(GUEST_BASE + stubs + 8 * v);

		memcpy(m->ram + 4 * v, &entry, sizeof(entry));
	}
	region.userspace_addr = (uintptr_t)m->ram;
	return ioctl(m->vm_fd, KVM_SET_USER_MEMORY_REGION, &region) ? -errno : 0;
}

/* Real mode, except that data reaches 4 GiB. */
static int set_registers(struct vcpu *v, unsigned int cpu)
{
	struct kvm_regs regs = {
		.rip = GUEST_BASE,
		.rsp = GUEST_STACK(cpu),
		.rbx = GUEST_MAIL(cpu),
		.rflags = 2,
	};
	struct kvm_sregs sregs;

	if (ioctl(v->fd, KVM_GET_SREGS, &sregs))
		return -errno;
	sregs.cs.base = sregs.cs.selector = 0;
	sregs.ds.base = sregs.ds.selector = 0;
	sregs.ds.limit = 0xffffffff;
	sregs.ds.g = 1;
	sregs.es = sregs.ss = sregs.ds;
	if (ioctl(v->fd, KVM_SET_SREGS, &sregs) ||
	    ioctl(v->fd, KVM_SET_REGS, &regs))
		return -errno;
	return 0;
}

static int create_vcpu(struct machine *m, unsigned int cpu)
{
	struct kvm_mp_state runnable = { KVM_MP_STATE_RUNNABLE };
	struct vcpu *v = &m->vcpu[cpu];

	v->mail = (volatile uint32_t *)(void *)(m->ram + GUEST_MAIL(cpu));
	v->fd = ioctl(m->vm_fd, KVM_CREATE_VCPU, cpu);
	if (v->fd < 0)
		return -errno;
	v->run = mmap(NULL, m->run_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		      v->fd, 0);
	if (v->run == MAP_FAILED) {
		v->run = NULL;
		return -errno;
	}
	if (ioctl(v->fd, KVM_SET_MP_STATE, &runnable))
		return -errno;
	return set_registers(v, cpu);
}

static int create_vm(struct machine *m)
{
	int size;

	m->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (m->kvm_fd < 0)
		return -errno;
	size = ioctl(m->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	m->vm_fd = ioctl(m->kvm_fd, KVM_CREATE_VM, 0);
	if (size < 0 || m->vm_fd < 0)
		return -errno;
	m->run_size = (size_t)size;
	return load_guest(m);
}

/* An interrupt from itself: is it in service when its handler runs? */
static void probe_eoi(struct machine *m)
{
	guest_store(m, 0, APIC_COMMAND, APIC_COMMAND_SELF | PROBE_VECTOR);
	if (machine_take(m, 0) != PROBE_VECTOR) {
		broken(m, "the guest cannot interrupt itself");
		return;
	}
	m->eois_by_itself = !(guest_load(m, 0, APIC_IN_SERVICE(PROBE_VECTOR)) &
			      1u << PROBE_VECTOR % 32);
	guest_eoi(m, 0);
	guest_return(m, 0);
	m->handled = 0;
	memset(m->exits, 0, sizeof(m->exits));
}

const char *machine_unfit(const struct machine *m)
{
	return m->eois_by_itself ? "this KVM EOIs as it injects" : NULL;
}

/*
 * A guest writes IOREGSEL before each access of a register, and alone it has
 * no effect: KVM may keep it until the exit that the access makes.
 */
static int coalesce(struct machine *m)
{
	struct kvm_coalesced_mmio_zone zone = {
		.addr = IOAPIC_SELECT,
		.size = 4,
	};
	int page = ioctl(m->vm_fd, KVM_CHECK_EXTENSION,
			 KVM_CAP_COALESCED_MMIO);

	if (page <= 0)
		return -ENOTSUP;
	if (ioctl(m->vm_fd, KVM_REGISTER_COALESCED_MMIO, &zone))
		return -errno;
	m->ring = (void *)((uint8_t *)m->vcpu[0].run +
			   page * sysconf(_SC_PAGESIZE));
	return 0;
}

int machine_init(struct machine *m, const struct irqchip *irqchip)
{
	int error;

	memset(m, 0, sizeof(*m));
	m->irqchip = irqchip;
	m->kvm_fd = m->vm_fd = m->vcpu[0].fd = m->vcpu[1].fd = -1;
	for (unsigned int i = 0; i < DEVICES; i++) {
		m->device[i].trigger_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		m->device[i].resample_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	}
	error = create_vm(m);
	if (!error)
		error = irqchip->create(m);
	for (unsigned int i = 0; i < CPUS && !error; i++)
		error = create_vcpu(m, i);
	if (!error && irqchip->coalesced)
		error = coalesce(m);
	if (error) {
		broken(m, "the machine cannot be made: %s", strerror(-error));
		machine_destroy(m);
		return error;
	}
	for (unsigned int i = 0; i < CPUS; i++)
		guest_store(m, i, APIC_SPURIOUS, 0x1ff);	/* enable */
	probe_eoi(m);
	return 0;
}

void machine_destroy(struct machine *m)
{
	if (m->chip)
		m->irqchip->destroy(m);
	for (unsigned int i = 0; i < CPUS; i++) {
		if (m->vcpu[i].run)
			munmap(m->vcpu[i].run, m->run_size);
		if (m->vcpu[i].fd >= 0)
			close(m->vcpu[i].fd);
	}
	if (m->vm_fd >= 0)
		close(m->vm_fd);
	if (m->kvm_fd >= 0)
		close(m->kvm_fd);
	if (m->ram && m->ram != MAP_FAILED)
		munmap(m->ram, GUEST_RAM);
	for (unsigned int i = 0; i < DEVICES; i++) {
		close(m->device[i].trigger_fd);
		close(m->device[i].resample_fd);
	}
}

bool machine_possible(const struct irqchip *irqchip, const char **why)
{
	static char text[128];
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC), has;

	*why = text;
	if (fd < 0) {
		snprintf(text, sizeof(text), "no usable /dev/kvm: %s",
			 strerror(errno));
		return false;
	}
	has = ioctl(fd, KVM_CHECK_EXTENSION, irqchip->capability);
	close(fd);
	snprintf(text, sizeof(text), "this KVM has no irqchip of the kind %s",
		 irqchip->name);
	return has > 0;
}

/* ---- the device and its host -------------------------------------------- */

/* VFIO's handler: automask, then signal. */
static void host_interrupt(struct device *d)
{
	if (!d->causes || d->automasked)
		return;
	d->automasked = true;
	d->host_irqs++;
	eventfd_write(d->trigger_fd, 1);
}

void device_assert(struct machine *m, unsigned int device, uint16_t causes)
{
	m->device[device].causes |= causes;
	host_interrupt(&m->device[device]);
}

void device_listen(struct machine *m)
{
	for (unsigned int i = 0; i < DEVICES; i++) {
		struct device *d = &m->device[i];
		uint64_t count;

		if (eventfd_read(d->resample_fd, &count))
			continue;
		d->resamples++;
		d->automasked = false;
		host_interrupt(d);
	}
}

static void device_ack(struct machine *m, uint32_t value)
{
	struct device *d = &m->device[value >> 16 & 1];

	d->causes &= (uint16_t)~value;
	d->acks++;
}

/* ---- running it --------------------------------------------------------- */

/* The guest's own EOI has come, of an interrupt that KVM EOIed before. */
static void release_eoi(struct machine *m, uint8_t vector)
{
	if (m->held[vector] <= 0)
		return;
	m->held[vector]--;
	m->irqchip->eoi(m, vector);
}

/* Without an exit before it, the OUT after the EOI comes before KVM's exit. */
static void announce_eoi(struct machine *m, uint8_t vector)
{
	if (m->held[vector] > 0)
		release_eoi(m, vector);
	else
		m->held[vector] = -1;
}

static void handle_eoi(struct machine *m, uint8_t vector)
{
	m->held[vector]++;
	if (!m->eois_by_itself || !m->held[vector]) {
		m->held[vector] = 0;
		m->irqchip->eoi(m, vector);
	}
}

static enum machine_exit handle_io(struct machine *m, struct kvm_run *run)
{
	uint32_t value;

	if (run->io.port == PORT_COMMAND)
		return EXIT_COMMAND;
	/* The data page has room for four bytes, whatever the OUT's size. */
	memcpy(&value, (uint8_t *)run + run->io.data_offset, sizeof(value));
	if (run->io.port == PORT_DEVICE)
		device_ack(m, value);
	else if (run->io.port == PORT_EOI)
		announce_eoi(m, VECTOR);
	return EXIT_IO;
}

static enum machine_exit handle_mmio(struct machine *m, struct kvm_run *run)
{
	uint64_t offset = run->mmio.phys_addr - IRQFWD_IOAPIC_BASE;

	if (offset >= IRQFWD_IOAPIC_SIZE || !m->irqchip->write)
		broken(m, "the guest reached for address 0x%llx",
		       (unsigned long long)run->mmio.phys_addr);
	else if (run->mmio.is_write)
		m->irqchip->write(m, offset, run->mmio.data, run->mmio.len);
	else
		m->irqchip->read(m, offset, run->mmio.data, run->mmio.len);
	return EXIT_MMIO;
}

/* What was kept comes before the exit at hand. */
static void drain_coalesced(struct machine *m)
{
	struct kvm_coalesced_mmio_ring *ring = m->ring;
	size_t max = ((size_t)sysconf(_SC_PAGESIZE) - sizeof(*ring)) /
		     sizeof(ring->coalesced_mmio[0]);

	while (ring->first != __atomic_load_n(&ring->last, __ATOMIC_ACQUIRE)) {
		struct kvm_coalesced_mmio *w = &ring->coalesced_mmio[ring->first];

		m->irqchip->write(m, w->phys_addr - IRQFWD_IOAPIC_BASE, w->data,
				  w->len);
		__atomic_store_n(&ring->first,
				 (uint32_t)((ring->first + 1) % max),
				 __ATOMIC_RELEASE);
	}
}

static enum machine_exit handle(struct machine *m, struct kvm_run *run)
{
	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		return handle_io(m, run);
	case KVM_EXIT_MMIO:
		return handle_mmio(m, run);
	case KVM_EXIT_IOAPIC_EOI:
		handle_eoi(m, run->eoi.vector);
		return EXIT_EOI;
	default:
		broken(m, "the guest left with exit reason %u",
		       run->exit_reason);
		return EXIT_OTHER;
	}
}

bool machine_run(struct machine *m, unsigned int cpu, enum machine_exit *why)
{
	struct kvm_run *run = m->vcpu[cpu].run;

	if (ioctl(m->vcpu[cpu].fd, KVM_RUN, 0)) {
		if (errno == EINTR)
			return false;
		broken(m, "KVM_RUN: %s", strerror(errno));
		*why = EXIT_OTHER;
		return true;
	}
	if (m->ring)
		drain_coalesced(m);
	*why = handle(m, run);
	__atomic_fetch_add(&m->exits[*why], 1, __ATOMIC_RELAXED);
	return true;
}

/* The guest stands at its IN: hand it a command, run it up to the next IN. */
static void command(struct machine *m, unsigned int cpu, uint32_t op,
		    uint32_t a, uint32_t b)
{
	volatile uint32_t *mail = m->vcpu[cpu].mail;
	enum machine_exit why = EXIT_OTHER;

	mail[MAIL_OP / 4] = op;
	mail[MAIL_A / 4] = a;
	mail[MAIL_B / 4] = b;
	while (!m->why[0] && why != EXIT_COMMAND) {
		machine_run(m, cpu, &why);
		device_listen(m);
	}
}

/* ---- guest steps -------------------------------------------------------- */

/* The first command of a vCPU runs it to its first IN and is not seen yet. */
static void step(struct machine *m, unsigned int cpu, uint32_t op, uint32_t a,
		 uint32_t b)
{
	const volatile uint32_t *mail = m->vcpu[cpu].mail;
	uint32_t before = mail[MAIL_HANDLED / 4];

	if (!m->vcpu[cpu].run->exit_reason)
		command(m, cpu, OP_WINDOW, 0, 0);
	command(m, cpu, op, a, b);
	if (mail[MAIL_HANDLED / 4] == before)
		return;
	m->handled++;
	assert(m->vcpu[cpu].depth < sizeof(m->vcpu[cpu].in_service));
	m->vcpu[cpu].in_service[m->vcpu[cpu].depth++] =
		(uint8_t)mail[MAIL_VECTOR / 4];
}

void guest_store(struct machine *m, unsigned int cpu, uint32_t address,
		 uint32_t value)
{
	step(m, cpu, OP_STORE, address, value);
}

uint32_t guest_load(struct machine *m, unsigned int cpu, uint32_t address)
{
	step(m, cpu, OP_LOAD, address, 0);
	return m->vcpu[cpu].mail[MAIL_RESULT / 4];
}

void guest_window(struct machine *m, unsigned int cpu)
{
	step(m, cpu, OP_WINDOW, 0, 0);
}

void guest_return(struct machine *m, unsigned int cpu)
{
	step(m, cpu, OP_RETURN, 0, 0);
}

void guest_device_ack(struct machine *m, unsigned int cpu, unsigned int device,
		      uint16_t causes)
{
	step(m, cpu, OP_OUT, PORT_DEVICE, device << 16 | causes);
}

void guest_eoi(struct machine *m, unsigned int cpu)
{
	struct vcpu *v = &m->vcpu[cpu];

	guest_store(m, cpu, APIC_EOI, 0);
	if (v->depth)
		release_eoi(m, v->in_service[--v->depth]);
	device_listen(m);
}

void guest_ioapic_write(struct machine *m, unsigned int cpu, uint8_t index,
			uint32_t value)
{
	guest_store(m, cpu, IOAPIC_SELECT, index);
	guest_store(m, cpu, IOAPIC_WINDOW, value);
}

uint32_t guest_ioapic_read(struct machine *m, unsigned int cpu, uint8_t index)
{
	guest_store(m, cpu, IOAPIC_SELECT, index);
	return guest_load(m, cpu, IOAPIC_WINDOW);
}

void guest_entry(struct machine *m, unsigned int cpu, unsigned int pin,
		 uint32_t low)
{
	guest_ioapic_write(m, cpu, (uint8_t)(0x10 + 2 * pin), low);
}

uint32_t guest_entry_read(struct machine *m, unsigned int cpu, unsigned int pin)
{
	return guest_ioapic_read(m, cpu, (uint8_t)(0x10 + 2 * pin));
}

void guest_dest(struct machine *m, unsigned int cpu, unsigned int pin,
		uint8_t apic_id)
{
	guest_ioapic_write(m, cpu, (uint8_t)(0x11 + 2 * pin),
			   (uint32_t)apic_id << 24);
}

/* ---- waiting ------------------------------------------------------------ */

static unsigned int take_within(struct machine *m, unsigned int cpu,
				uint64_t ms)
{
	uint64_t end = now_ms() + ms;
	unsigned int before = m->handled;

	do {
		guest_window(m, cpu);
		if (m->handled != before)
			return m->vcpu[cpu].mail[MAIL_VECTOR / 4];
		poll(NULL, 0, 1);	/* one CPU may have to do it all */
	} while (!m->why[0] && now_ms() < end);
	return 0;
}

unsigned int machine_take(struct machine *m, unsigned int cpu)
{
	return take_within(m, cpu, TAKE_MS);
}

unsigned int machine_none(struct machine *m, unsigned int cpu)
{
	return take_within(m, cpu, NONE_MS);
}

void machine_settle(struct machine *m)
{
	uint64_t end = now_ms() + NONE_MS;

	do {
		device_listen(m);
		poll(NULL, 0, 1);
	} while (now_ms() < end);
}
