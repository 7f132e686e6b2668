/* SPDX-License-Identifier: Apache-2.0 */
/* The machine as those see it who build and run it; devices see machine.h. */
#ifndef VMM_VM_H
#define VMM_VM_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/boot.h"
#include "vmm/machine.h"
#include "vmm/memory.h"

struct bus;

struct machine_config {
	unsigned int cpus;	/* 1 … MACHINE_CPUS_MAX */
	uint64_t memory;	/* bytes */
	unsigned int pins;	/* of the IOAPIC; 0: 24 */
	/* As struct irqfwd_config. */
	void (*trace)(void *opaque, const char *line);
	void *opaque;
};

/* What the machine has been asked for; the first request wins. */
enum machine_request {
	MACHINE_RUNS,
	MACHINE_RESET,		/* by the guest */
	MACHINE_POWEROFF,	/* by the guest */
	MACHINE_EXIT,		/* by the guest, through the test device: with a code */
	MACHINE_STOP,		/* by the user */
	MACHINE_FAILED,		/* a vCPU cannot go on: with a sentence */
};

/* KVM, the irqchip and all vCPUs, which do not run yet.  Uses failure(). */
int machine_new(struct machine **out, const struct machine_config *config);
void machine_free(struct machine *m);

const struct memory *machine_memory(const struct machine *m);
int machine_kvm_fd(const struct machine *m);
struct bus *machine_ports(struct machine *m);
struct bus *machine_mmio(struct machine *m);
/* Writes that KVM kept, before an exit is handled: coalesced.h. */
void machine_drain(struct machine *m);

/* The boot CPU will begin there, the others wait for INIT and SIPI. */
int machine_boot(struct machine *m, const struct boot_entry *entry);

/* Starts a thread for each vCPU, and waits until none of them runs. */
int machine_start(struct machine *m);
void machine_stop(struct machine *m);

/*
 * Stopped, and asked to reset: devices, irqchip and vCPUs are as at power-on.
 * machine_boot() comes next.
 */
int machine_reset(struct machine *m);

/* Readable as soon as there is a request. */
int machine_request_fd(const struct machine *m);
enum machine_request machine_requested(struct machine *m);
int machine_exit_code(const struct machine *m);
const char *machine_failure(const struct machine *m);

void machine_request_exit(struct machine *m, int code);
void machine_request_stop(struct machine *m);
void machine_request_failure(struct machine *m, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* KVM exits to userspace since the start, by KVM's number of the reason. */
#define MACHINE_EXITS	64
void machine_exits(struct machine *m, uint64_t counts[MACHINE_EXITS]);
/* KVM's name in lower case; NULL: none that this program knows */
const char *machine_exit_name(unsigned int reason);

#endif
