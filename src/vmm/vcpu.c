/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/vcpu.h"

#include <errno.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "irqfwd.h"
#include "vmm/bus.h"
#include "vmm/cpuid.h"
#include "vmm/failure.h"
#include "vmm/vcpu_state.h"

struct vcpu {
	struct machine *machine;
	unsigned int index;
	int fd;
	struct kvm_run *run;
	size_t run_size;
	struct vcpu_state *power_on;
	pthread_t thread;
	bool running;		/* the thread is there, and not joined */
	_Atomic uint64_t exits[MACHINE_EXITS];
};

/* ---- making one --------------------------------------------------------- */

static int set_cpuid(struct vcpu *cpu, unsigned int cpus)
{
	struct kvm_cpuid2 *cpuid = calloc(
		1, sizeof(*cpuid) +
			   CPUID_ENTRIES_MAX * sizeof(cpuid->entries[0]));
	int err = 0;

	if (!cpuid)
		return -ENOMEM;
	cpuid->nent = CPUID_ENTRIES_MAX;
	if (ioctl(machine_kvm_fd(cpu->machine), KVM_GET_SUPPORTED_CPUID, cpuid))
		err = -errno;
	if (!err) {
		cpuid_place(cpuid, cpu->index, cpus);
		if (ioctl(cpu->fd, KVM_SET_CPUID2, cpuid))
			err = -errno;
	}
	free(cpuid);
	return err;
}

static int map_run(struct vcpu *cpu)
{
	int size = ioctl(machine_kvm_fd(cpu->machine), KVM_GET_VCPU_MMAP_SIZE,
			 0);
	void *run;

	if (size < 0)
		return -errno;
	run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED,
		   cpu->fd, 0);
	if (run == MAP_FAILED)
		return -errno;
	cpu->run = run;
	cpu->run_size = (size_t)size;
	return 0;
}

static int build(struct vcpu *cpu, unsigned int cpus)
{
	int err;

	cpu->fd = ioctl(machine_vm_fd(cpu->machine), KVM_CREATE_VCPU,
			(unsigned long)cpu->index);
	if (cpu->fd < 0)
		return -errno;
	err = map_run(cpu);
	if (!err)
		err = set_cpuid(cpu, cpus);
	if (!err)
		err = vcpu_state_save(machine_kvm_fd(cpu->machine), cpu->fd,
				      &cpu->power_on);
	return err;
}

int vcpu_new(struct vcpu **out, struct machine *m, unsigned int index,
	     unsigned int cpus)
{
	struct vcpu *cpu = calloc(1, sizeof(*cpu));
	int err;

	if (!cpu)
		return failure(ENOMEM, "no memory");
	cpu->machine = m;
	cpu->index = index;
	cpu->fd = -1;
	err = build(cpu, cpus);
	if (err) {
		vcpu_free(cpu);
		return failure(-err, "KVM makes no vCPU %u (%s)", index,
			       strerror(-err));
	}
	*out = cpu;
	return 0;
}

void vcpu_free(struct vcpu *cpu)
{
	if (!cpu)
		return;
	if (cpu->run)
		munmap(cpu->run, cpu->run_size);
	if (cpu->fd >= 0)
		close(cpu->fd);
	free(cpu->power_on);
	free(cpu);
}

struct kvm_run *vcpu_run(struct vcpu *cpu)
{
	return cpu->run;
}

int vcpu_boot(struct vcpu *cpu, const struct boot_entry *entry)
{
	int err = vcpu_state_enter(cpu->fd, entry);

	if (err)
		return failure(-err, "KVM refuses vCPU %u's registers (%s)",
			       cpu->index, strerror(-err));
	return 0;
}

int vcpu_reset(struct vcpu *cpu)
{
	int err;

	/* Lets KVM end an access that the last exit began, and no more. */
	cpu->run->immediate_exit = 1;
	(void)ioctl(cpu->fd, KVM_RUN, 0);
	cpu->run->immediate_exit = 0;
	err = vcpu_state_restore(cpu->fd, cpu->power_on);
	if (err)
		return failure(-err, "KVM does not reset vCPU %u (%s)",
			       cpu->index, strerror(-err));
	return 0;
}

/* ---- exits -------------------------------------------------------------- */

static uint64_t load(const void *from, unsigned int size)
{
	uint64_t value = 0;

	memcpy(&value, from, size);
	return value;
}

static void exit_port(struct vcpu *cpu)
{
	struct kvm_run *run = cpu->run;
	struct bus *ports = machine_ports(cpu->machine);
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	unsigned int size = run->io.size;

	/* More than one: a string instruction. */
	for (uint32_t i = 0; i < run->io.count; i++, data += size) {
		if (run->io.direction == KVM_EXIT_IO_OUT) {
			bus_write(ports, run->io.port, load(data, size), size);
		} else {
			uint64_t value = bus_read(ports, run->io.port, size);

			memcpy(data, &value, size);
		}
	}
}

static void exit_mmio(struct vcpu *cpu)
{
	struct kvm_run *run = cpu->run;
	struct bus *mmio = machine_mmio(cpu->machine);
	unsigned int size = run->mmio.len;

	if (size < 1 || size > 8)
		return;
	if (run->mmio.is_write) {
		bus_write(mmio, run->mmio.phys_addr,
			  load(run->mmio.data, size), size);
	} else {
		uint64_t value = bus_read(mmio, run->mmio.phys_addr, size);

		memcpy(run->mmio.data, &value, size);
	}
}

/* what: a sentence's end, with what KVM says of it */
__attribute__((format(printf, 2, 3)))
static void exit_failed(struct vcpu *cpu, const char *what, ...)
{
	struct kvm_regs regs = { 0 };
	char text[256];
	va_list args;

	va_start(args, what);
	vsnprintf(text, sizeof(text), what, args);
	va_end(args);
	(void)ioctl(cpu->fd, KVM_GET_REGS, &regs);
	machine_request_failure(cpu->machine, "vCPU %u stopped at rip %#llx: %s",
				cpu->index, regs.rip, text);
}

static void exit_event(struct vcpu *cpu)
{
	switch (cpu->run->system_event.type) {
	case KVM_SYSTEM_EVENT_SHUTDOWN:
		machine_request_poweroff(cpu->machine);
		break;
	case KVM_SYSTEM_EVENT_RESET:
		machine_request_reset(cpu->machine);
		break;
	default:
		exit_failed(cpu, "the guest crashed (system event %u)",
			    cpu->run->system_event.type);
	}
}

static void exit_handle(struct vcpu *cpu)
{
	struct kvm_run *run = cpu->run;

	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		exit_port(cpu);
		break;
	case KVM_EXIT_MMIO:
		exit_mmio(cpu);
		break;
	case KVM_EXIT_IOAPIC_EOI:
		irqfwd_eoi(machine_irqchip(cpu->machine), run->eoi.vector);
		break;
	case KVM_EXIT_INTR:
	case KVM_EXIT_IRQ_WINDOW_OPEN:
		break;
	case KVM_EXIT_SYSTEM_EVENT:
		exit_event(cpu);
		break;
	case KVM_EXIT_SHUTDOWN:
		exit_failed(cpu, "triple fault: the guest could not handle an exception; its console may say which");
		break;
	case KVM_EXIT_FAIL_ENTRY:
		exit_failed(cpu, "the processor refused to enter the guest (hardware reason %#llx); the host's kernel log may say more",
			    run->fail_entry.hardware_entry_failure_reason);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		exit_failed(cpu, "KVM could not go on (internal error %u); a host without hardware virtualisation runs small bare-metal guests only",
			    run->internal.suberror);
		break;
	default:
		exit_failed(cpu, "KVM says what irqfwd does not know (exit reason %u)",
			    run->exit_reason);
	}
}

static void count(struct vcpu *cpu, unsigned int reason)
{
	if (reason >= MACHINE_EXITS)
		reason = MACHINE_EXITS - 1;
	atomic_fetch_add_explicit(&cpu->exits[reason], 1, memory_order_relaxed);
}

/* ---- the thread --------------------------------------------------------- */

static void *vcpu_thread(void *arg)
{
	struct vcpu *cpu = arg;

	while (machine_requested(cpu->machine) == MACHINE_RUNS) {
		if (ioctl(cpu->fd, KVM_RUN, 0) == 0) {
			machine_drain(cpu->machine);
			count(cpu, cpu->run->exit_reason);
			exit_handle(cpu);
		} else if (errno == EINTR) {
			count(cpu, KVM_EXIT_INTR);
		} else if (errno != EAGAIN) {
			/* EAGAIN: INIT or SIPI came for one that waited. */
			exit_failed(cpu, "KVM_RUN: %s", strerror(errno));
		}
	}
	return NULL;
}

static int kick_signal(void)
{
	return SIGRTMIN;
}

static void kicked(int signal)
{
	/* Nothing: it only has to interrupt KVM_RUN. */
}

int vcpu_start(struct vcpu *cpu)
{
	const struct sigaction action = { .sa_handler = kicked };
	char name[16];
	int err;

	sigaction(kick_signal(), &action, NULL);
	cpu->run->immediate_exit = 0;
	err = pthread_create(&cpu->thread, NULL, vcpu_thread, cpu);
	if (err)
		return failure(err, "no thread for vCPU %u (%s)", cpu->index,
			       strerror(err));
	cpu->running = true;
	snprintf(name, sizeof(name), "vcpu%u", cpu->index);
	pthread_setname_np(cpu->thread, name);
	return 0;
}

/*
 * immediate_exit closes the gap between the thread's look at the request and
 * KVM_RUN: a signal that comes there would be spent before the guest is entered.
 */
void vcpu_kick(struct vcpu *cpu)
{
	if (!cpu->running)
		return;
	cpu->run->immediate_exit = 1;
	pthread_kill(cpu->thread, kick_signal());
}

void vcpu_join(struct vcpu *cpu)
{
	if (!cpu->running)
		return;
	pthread_join(cpu->thread, NULL);
	cpu->running = false;
}

void vcpu_exits(const struct vcpu *cpu, uint64_t counts[MACHINE_EXITS])
{
	for (unsigned int i = 0; i < MACHINE_EXITS; i++)
		counts[i] += atomic_load_explicit(&cpu->exits[i],
						  memory_order_relaxed);
}

const char *machine_exit_name(unsigned int reason)
{
	static const char *const name[MACHINE_EXITS] = {
		[KVM_EXIT_EXCEPTION] = "exception",
		[KVM_EXIT_IO] = "io",
		[KVM_EXIT_HYPERCALL] = "hypercall",
		[KVM_EXIT_DEBUG] = "debug",
		[KVM_EXIT_HLT] = "hlt",
		[KVM_EXIT_MMIO] = "mmio",
		[KVM_EXIT_IRQ_WINDOW_OPEN] = "irq_window_open",
		[KVM_EXIT_SHUTDOWN] = "shutdown",
		[KVM_EXIT_FAIL_ENTRY] = "fail_entry",
		[KVM_EXIT_INTR] = "intr",
		[KVM_EXIT_INTERNAL_ERROR] = "internal_error",
		[KVM_EXIT_SYSTEM_EVENT] = "system_event",
		[KVM_EXIT_IOAPIC_EOI] = "ioapic_eoi",
	};

	return reason < MACHINE_EXITS ? name[reason] : NULL;
}
