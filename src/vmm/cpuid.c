/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/cpuid.h"

#include <assert.h>
#include <stdbool.h>

/*
 * One package, a core for each vCPU, one thread a core; the APIC id is the
 * index.  Guests that find anything else here start with warnings, or put
 * their CPUs in the wrong place.
 */

#define LEAF1_ECX_X2APIC	(1u << 21)
#define LEAF1_ECX_TSC_DEADLINE	(1u << 24)
#define LEAF1_ECX_HYPERVISOR	(1u << 31)
#define LEAF1_EDX_HTT		(1u << 28)

#define LEVEL_SMT	1u
#define LEVEL_CORE	2u

/* Bits of an APIC id that tell cpus cores apart. */
static unsigned int id_bits(unsigned int cpus)
{
	unsigned int bits = 0;

	while ((1u << bits) < cpus)
		bits++;
	return bits;
}

static void place_leaf1(struct kvm_cpuid_entry2 *e, unsigned int index,
			unsigned int cpus)
{
	e->ebx = (e->ebx & 0x0000ffff) | index << 24 | cpus << 16;
	/* KVM leaves these two to whoever makes the irqchip. */
	e->ecx |= LEAF1_ECX_X2APIC | LEAF1_ECX_TSC_DEADLINE |
		  LEAF1_ECX_HYPERVISOR;
	if (cpus > 1)
		e->edx |= LEAF1_EDX_HTT;
	else
		e->edx &= ~LEAF1_EDX_HTT;
}

/* Leaf 4 and AMD's 0x8000001d: the last level is shared, the others are not. */
static void place_cache(struct kvm_cpuid_entry2 *e, unsigned int cpus)
{
	unsigned int type = e->eax & 0x1f, level = e->eax >> 5 & 7;
	unsigned int span = (1u << id_bits(cpus)) - 1;

	if (type == 0)
		return;
	e->eax &= 0x00003fff;
	if (level >= 3)
		e->eax |= span << 14;
	if (e->function == 4)
		e->eax |= (span > 63 ? 63 : span) << 26;
}

static void place_entry(struct kvm_cpuid_entry2 *e, unsigned int index,
			unsigned int cpus)
{
	switch (e->function) {
	case 1:
		place_leaf1(e, index, cpus);
		break;
	case 4:
	case 0x8000001d:
		place_cache(e, cpus);
		break;
	case 0x80000008:
		e->ecx = (e->ecx & ~0xf0ffu) | id_bits(cpus) << 12 | (cpus - 1);
		break;
	case 0x8000001e:
		e->eax = index;
		e->ebx = index;
		e->ecx = 0;
		break;
	}
}

static void append(struct kvm_cpuid2 *cpuid, struct kvm_cpuid_entry2 e)
{
	assert(cpuid->nent < CPUID_ENTRIES_MAX);
	cpuid->entries[cpuid->nent++] = e;
}

/* Leaf 0xb as KVM gives it is the host's. */
static void place_topology(struct kvm_cpuid2 *cpuid, unsigned int index,
			   unsigned int cpus)
{
	const __u32 level[3] = { LEVEL_SMT, LEVEL_CORE, 0 };
	const __u32 shift[3] = { 0, id_bits(cpus), 0 };
	const __u32 count[3] = { 1, cpus, 0 };

	for (__u32 i = 0; i < 3; i++)
		append(cpuid, (struct kvm_cpuid_entry2){
				      .function = 0xb,
				      .index = i,
				      .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
				      .eax = shift[i],
				      .ebx = count[i],
				      .ecx = level[i] << 8 | i,
				      .edx = index,
			      });
}

void cpuid_place(struct kvm_cpuid2 *cpuid, unsigned int index,
		 unsigned int cpus)
{
	bool topology = false;
	__u32 kept = 0;

	for (__u32 i = 0; i < cpuid->nent; i++) {
		struct kvm_cpuid_entry2 e = cpuid->entries[i];

		if (e.function == 0xb || e.function == 0x1f)
			continue;
		if (e.function == 0 && e.eax >= 0xb) {
			topology = true;
			/* 0x1f would be looked at first, and is not there. */
			if (e.eax >= 0x1f)
				e.eax = 0x1e;
		}
		place_entry(&e, index, cpus);
		cpuid->entries[kept++] = e;
	}
	cpuid->nent = kept;
	if (topology && cpuid->nent + 3 <= CPUID_ENTRIES_MAX)
		place_topology(cpuid, index, cpus);
}
