/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/bus.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

void bus_init(struct bus *bus, uint64_t end)
{
	memset(bus, 0, sizeof(*bus));
	pthread_rwlock_init(&bus->lock, NULL);
	bus->end = end;
}

void bus_destroy(struct bus *bus)
{
	pthread_rwlock_destroy(&bus->lock);
}

/* The first range that ends after addr, or bus->nr. */
static unsigned int first_after(const struct bus *bus, uint64_t addr)
{
	unsigned int lo = 0, hi = bus->nr;

	while (lo < hi) {
		unsigned int mid = (lo + hi) / 2;
		const struct bus_range *r = &bus->range[mid];

		if (r->base + (r->len - 1) < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static int add_locked(struct bus *bus, const struct bus_range *new)
{
	unsigned int at = first_after(bus, new->base);

	if (at < bus->nr && bus->range[at].base <= new->base + (new->len - 1))
		return -EEXIST;
	if (bus->nr == BUS_RANGES_MAX)
		return -ENOSPC;
	memmove(&bus->range[at + 1], &bus->range[at],
		(bus->nr - at) * sizeof(bus->range[0]));
	bus->range[at] = *new;
	bus->nr++;
	return 0;
}

int bus_add(struct bus *bus, uint64_t base, uint64_t len,
	    const struct io_ops *ops, void *opaque)
{
	struct bus_range new = { base, len, ops, opaque };
	int err;

	if (len == 0 || base >= bus->end || len > bus->end - base)
		return -EINVAL;
	pthread_rwlock_wrlock(&bus->lock);
	err = add_locked(bus, &new);
	pthread_rwlock_unlock(&bus->lock);
	return err;
}

int bus_remove(struct bus *bus, uint64_t base)
{
	unsigned int at;
	int err = -ENOENT;

	pthread_rwlock_wrlock(&bus->lock);
	at = first_after(bus, base);
	if (at < bus->nr && bus->range[at].base == base) {
		bus->nr--;
		memmove(&bus->range[at], &bus->range[at + 1],
			(bus->nr - at) * sizeof(bus->range[0]));
		err = 0;
	}
	pthread_rwlock_unlock(&bus->lock);
	return err;
}

/*
 * A copy, so that the handler runs without the lock: a write to a PCI command
 * register adds and removes ranges from inside its own handler.
 */
static bool find(struct bus *bus, uint64_t addr, struct bus_range *out)
{
	unsigned int at;
	bool found;

	pthread_rwlock_rdlock(&bus->lock);
	at = first_after(bus, addr);
	found = at < bus->nr && bus->range[at].base <= addr;
	if (found)
		*out = bus->range[at];
	pthread_rwlock_unlock(&bus->lock);
	return found;
}

static uint64_t ones(unsigned int size)
{
	return size >= 8 ? UINT64_MAX : (1ull << (8 * size)) - 1;
}

uint64_t bus_read(struct bus *bus, uint64_t addr, unsigned int size)
{
	struct bus_range r;

	assert(size >= 1 && size <= 8);
	if (!find(bus, addr, &r))
		return ones(size);
	return r.ops->read(r.opaque, addr - r.base, size) & ones(size);
}

void bus_write(struct bus *bus, uint64_t addr, uint64_t value,
	       unsigned int size)
{
	struct bus_range r;

	assert(size >= 1 && size <= 8);
	if (find(bus, addr, &r))
		r.ops->write(r.opaque, addr - r.base, value & ones(size), size);
}
