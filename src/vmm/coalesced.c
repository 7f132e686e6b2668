/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/coalesced.h"

#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

void coalesced_init(struct coalesced *c)
{
	c->ring = NULL;
	pthread_mutex_init(&c->lock, NULL);
}

void coalesced_destroy(struct coalesced *c)
{
	pthread_mutex_destroy(&c->lock);
}

void coalesced_register(struct coalesced *c, int vm_fd, struct kvm_run *run,
			uint64_t addr)
{
	struct kvm_coalesced_mmio_zone zone = { .addr = addr, .size = 4 };
	/* How many pages the ring lies behind run; 0: this KVM has none. */
	int pages = ioctl(vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_COALESCED_MMIO);

	if (pages <= 0 || ioctl(vm_fd, KVM_REGISTER_COALESCED_MMIO, &zone))
		return;
	c->ring = (void *)((char *)run + pages * sysconf(_SC_PAGESIZE));
}

static uint32_t ring_size(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t room = page - sizeof(struct kvm_coalesced_mmio_ring);

	return (uint32_t)(room / sizeof(struct kvm_coalesced_mmio));
}

/* KVM moves last; first is moved only here, and after the write is done. */
static bool is_empty(const struct kvm_coalesced_mmio_ring *ring)
{
	return __atomic_load_n(&ring->first, __ATOMIC_ACQUIRE) ==
	       __atomic_load_n(&ring->last, __ATOMIC_ACQUIRE);
}

void coalesced_drain(struct coalesced *c, struct bus *mmio)
{
	struct kvm_coalesced_mmio_ring *ring = c->ring;

	if (!ring || is_empty(ring))
		return;
	pthread_mutex_lock(&c->lock);
	while (!is_empty(ring)) {
		const struct kvm_coalesced_mmio *w =
			&ring->coalesced_mmio[ring->first];
		uint64_t value = 0;

		/* len is KVM's, 1 … 8; never more than data holds */
		memcpy(&value, w->data, w->len <= 8 ? w->len : 8);
		bus_write(mmio, w->phys_addr, value, w->len <= 8 ? w->len : 8);
		__atomic_store_n(&ring->first, (ring->first + 1) % ring_size(),
				 __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&c->lock);
}
