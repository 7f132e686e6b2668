/* SPDX-License-Identifier: Apache-2.0 */
/* A vCPU and its thread. */
#ifndef VMM_VCPU_H
#define VMM_VCPU_H

#include "vmm/vm.h"

struct kvm_run;
struct vcpu;

/* Index 0 is the boot CPU; the index is also its APIC id.  Uses failure(). */
int vcpu_new(struct vcpu **out, struct machine *m, unsigned int index,
	     unsigned int cpus);
void vcpu_free(struct vcpu *cpu);

/* What it shares with KVM, and behind it the ring of kept writes. */
struct kvm_run *vcpu_run(struct vcpu *cpu);

/* Not while its thread runs. */
int vcpu_boot(struct vcpu *cpu, const struct boot_entry *entry);
int vcpu_reset(struct vcpu *cpu);

int vcpu_start(struct vcpu *cpu);
/* Out of the guest soon; then vcpu_join() waits for it. */
void vcpu_kick(struct vcpu *cpu);
void vcpu_join(struct vcpu *cpu);

/* Adds its counts; while it runs, those of a moment ago. */
void vcpu_exits(const struct vcpu *cpu, uint64_t counts[MACHINE_EXITS]);

#endif
