/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes that mean nothing alone: KVM keeps them in a ring, and they are
 * carried out at the next exit of any vCPU, before that exit (KVM API 4.116
 * KVM_(UN)REGISTER_COALESCED_MMIO).  Used for IOREGSEL, which a guest writes
 * before each access of an IOAPIC register: half of the exits of a mask.
 */
#ifndef VMM_COALESCED_H
#define VMM_COALESCED_H

#include <linux/kvm.h>
#include <pthread.h>

#include "vmm/bus.h"

struct coalesced {
	struct kvm_coalesced_mmio_ring *ring;	/* NULL: nothing is kept */
	pthread_mutex_t lock;
};

void coalesced_init(struct coalesced *c);
void coalesced_destroy(struct coalesced *c);

/*
 * From now on KVM keeps 4-byte and smaller writes there.  run: of any vCPU; it
 * must stay mapped while vCPUs run.  Where KVM cannot, each write exits as ever.
 */
void coalesced_register(struct coalesced *c, int vm_fd, struct kvm_run *run,
			uint64_t addr);

/*
 * After KVM_RUN and before its exit is handled, from any vCPU's thread.  On
 * return everything that this vCPU wrote before has reached the bus.
 */
void coalesced_drain(struct coalesced *c, struct bus *mmio);

#endif
