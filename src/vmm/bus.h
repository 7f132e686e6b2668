/* SPDX-License-Identifier: Apache-2.0 */
/* Which device answers which address: one table for ports, one for MMIO. */
#ifndef VMM_BUS_H
#define VMM_BUS_H

#include <pthread.h>

#include "vmm/machine.h"

#define BUS_RANGES_MAX	128

struct bus_range {
	uint64_t base;
	uint64_t len;
	const struct io_ops *ops;
	void *opaque;
};

struct bus {
	pthread_rwlock_t lock;
	uint64_t end;		/* the address after the last one */
	unsigned int nr;
	struct bus_range range[BUS_RANGES_MAX];	/* sorted by base */
};

/* end: the address after the last one, 0x10000 for ports */
void bus_init(struct bus *bus, uint64_t end);
void bus_destroy(struct bus *bus);

/* As machine_add_ports(). */
int bus_add(struct bus *bus, uint64_t base, uint64_t len,
	    const struct io_ops *ops, void *opaque);
/* -ENOENT: no range begins there */
int bus_remove(struct bus *bus, uint64_t base);

/* size: 1 … 8 */
uint64_t bus_read(struct bus *bus, uint64_t addr, unsigned int size);
void bus_write(struct bus *bus, uint64_t addr, uint64_t value,
	       unsigned int size);

#endif
