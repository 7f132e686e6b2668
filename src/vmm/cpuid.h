/* SPDX-License-Identifier: Apache-2.0 */
/* What CPUID tells a vCPU: what KVM can do, and where the vCPU sits. */
#ifndef VMM_CPUID_H
#define VMM_CPUID_H

#include <linux/kvm.h>

#define CPUID_ENTRIES_MAX	256

/* Turns KVM's supported CPUID into that of vCPU index of cpus. */
void cpuid_place(struct kvm_cpuid2 *cpuid, unsigned int index,
		 unsigned int cpus);

#endif
