/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tiny machine: real KVM, the bare-metal guest of guest.S, and an emulated
 * level-triggered device whose interrupts go through host masking as VFIO's
 * do.  The irqchip is one of several (irqchip.h); all else is the same, so a
 * scenario written once runs on each of them.
 *
 * One thread does everything: a guest step runs the vCPU until it asks for the
 * next command.  What happens elsewhere (the library's listening thread, KVM's
 * work queues) is waited for with machine_take() and machine_none().
 */
#ifndef CONFORMANCE_MACHINE_H
#define CONFORMANCE_MACHINE_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest.h"

#define CPUS		2
#define DEVICES		2
#define PIN		20	/* above 15: KVM's own PIC is not on it */
#define VECTOR		0x41
#define OTHER_VECTOR	0x52

#define ENTRY_LOGICAL	(1u << 11)
#define ENTRY_LEVEL	(1u << 15)
#define ENTRY_MASKED	(1u << 16)
#define ENTRY_REMOTE_IRR	(1u << 14)

struct irqchip;

enum machine_exit { EXIT_COMMAND, EXIT_MMIO, EXIT_EOI, EXIT_IO, EXIT_OTHER,
		    EXIT_NR };

/*
 * A true level: the line is high while any cause is set.  trigger and resample
 * are what VFIO's eventfds are: it signals once, keeps quiet (automask) until
 * it is asked to look again, and signals again if the line is still high.
 */
struct device {
	uint16_t causes;
	bool automasked;
	int trigger_fd, resample_fd;
	unsigned int host_irqs;	/* signals sent: host interrupts taken */
	unsigned int resamples;
	unsigned int acks;	/* device acks, by the guest's OUT */
};

struct vcpu {
	int fd;
	struct kvm_run *run;
	volatile uint32_t *mail;
	uint8_t in_service[16];	/* vectors taken and not EOIed, innermost last */
	unsigned int depth;
};

struct machine {
	const struct irqchip *irqchip;
	void *chip;		/* the irqchip's own */
	int kvm_fd, vm_fd;
	size_t run_size;
	struct kvm_coalesced_mmio_ring *ring;	/* NULL: nothing is coalesced */
	uint8_t *ram;
	struct vcpu vcpu[CPUS];
	struct device device[DEVICES];
	uint64_t exits[EXIT_NR];	/* atomic: another thread may look */
	/*
	 * This KVM EOIs by itself as it injects (a software backend does).  The
	 * EOI exit that comes of it is held until the guest's own EOI: when it
	 * comes is then ours, that it comes is KVM's still.
	 */
	bool eois_by_itself;
	int held[256];	/* exits held; -1: the guest's EOI was first */
	unsigned int handled;	/* handlers entered, on all vCPUs */
	char why[160];		/* what broke the machine, or empty */
};

/* 0, or -errno with m->why. */
int machine_init(struct machine *m, const struct irqchip *irqchip);
void machine_destroy(struct machine *m);

/* Is there a KVM that can do this?  Else why not. */
bool machine_possible(const struct irqchip *irqchip, const char **why);

/* ---- the device and its host -------------------------------------------- */
void device_assert(struct machine *m, unsigned int device, uint16_t causes);
/* Looks at the resample eventfds, as the host's kernel would. */
void device_listen(struct machine *m);

/* ---- guest steps, on a vCPU; each is one instruction of the guest ------- */
void guest_store(struct machine *m, unsigned int cpu, uint32_t address,
		 uint32_t value);
uint32_t guest_load(struct machine *m, unsigned int cpu, uint32_t address);
void guest_window(struct machine *m, unsigned int cpu);
void guest_return(struct machine *m, unsigned int cpu);
void guest_device_ack(struct machine *m, unsigned int cpu, unsigned int device,
		      uint16_t causes);

/* ---- what a guest does in one go ---------------------------------------- */
void guest_eoi(struct machine *m, unsigned int cpu);
void guest_ioapic_write(struct machine *m, unsigned int cpu, uint8_t index,
			uint32_t value);
uint32_t guest_ioapic_read(struct machine *m, unsigned int cpu, uint8_t index);
/* Redirection entry: the low word alone, or both with the high word first. */
void guest_entry(struct machine *m, unsigned int cpu, unsigned int pin,
		 uint32_t low);
uint32_t guest_entry_read(struct machine *m, unsigned int cpu,
			  unsigned int pin);
void guest_dest(struct machine *m, unsigned int cpu, unsigned int pin,
		uint8_t apic_id);

/* Opens the window until a handler is entered: its vector, 0 if none came. */
unsigned int machine_take(struct machine *m, unsigned int cpu);
/* The same, for a moment only, where none is expected. */
unsigned int machine_none(struct machine *m, unsigned int cpu);
/* Why this machine's KVM cannot be the reference; NULL if it can. */
const char *machine_unfit(const struct machine *m);
/* Lets the other threads do what they have to do; no window. */
void machine_settle(struct machine *m);

/* One exit to userspace and back; false: interrupted by a signal. */
bool machine_run(struct machine *m, unsigned int cpu, enum machine_exit *why);

#endif
