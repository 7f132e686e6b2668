/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine: a KVM VM with memory, an irqchip, and a table that says which
 * device answers which port and which physical address.
 *
 *	0x00000000-0xbfffffff	RAM, as much as there is
 *	0xc0000000-0xfebfffff	PCI BARs
 *	0xfec00000		IOAPIC
 *	0xfee00000		local APICs
 *	0xff000000-0xff00ffff	scratch of the test device
 *	0x100000000-		the RAM that did not fit below
 *
 * Threads: handlers are called on the vCPU's thread that made the access, with
 * no lock held, so a handler may add and remove ranges, also its own.  A device
 * guards its own state.  A range that is removed can have a last access that
 * began before; whoever removes it must bear that.
 */
#ifndef VMM_MACHINE_H
#define VMM_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MACHINE_CPUS_MAX	64u

#define MACHINE_LOW_RAM_END	0xc0000000ull	/* RAM above moves to 4 GiB */
#define MACHINE_HIGH_RAM	0x100000000ull

#define MACHINE_PCI_MMIO	0xc0000000ull	/* BARs: first byte … */
#define MACHINE_PCI_MMIO_END	0xfec00000ull	/* … and the byte after the last */
#define MACHINE_PCI_IO		0xc000u
#define MACHINE_PCI_IO_END	0x10000u

struct machine;
struct irqfwd;

/* offset: from the range's base; size: 1, 2 or 4 for ports, 1 … 8 for MMIO */
struct io_ops {
	uint64_t (*read)(void *opaque, uint64_t offset, unsigned int size);
	void (*write)(void *opaque, uint64_t offset, uint64_t value,
		      unsigned int size);
};

/*
 * An access goes to the range that holds its first byte.  Where nobody
 * answers, a read gives all ones and a write is dropped, as on a PC's bus.
 * -EEXIST: overlaps a range; -ENOSPC: too many; -EINVAL: empty or past the end.
 */
int machine_add_ports(struct machine *m, uint16_t base, unsigned int len,
		      const struct io_ops *ops, void *opaque);
int machine_remove_ports(struct machine *m, uint16_t base);
int machine_add_mmio(struct machine *m, uint64_t base, uint64_t len,
		     const struct io_ops *ops, void *opaque);
int machine_remove_mmio(struct machine *m, uint64_t base);

/*
 * Maps size bytes at host into the guest at gpa (a KVM memory slot): both
 * page-aligned, readable and writable.  At any time, from any thread; memory
 * wins over an MMIO range at the same address.  machine_unmap_memory() takes
 * the gpa of a mapping; when it returns no vCPU can reach the memory.
 */
int machine_map_memory(struct machine *m, uint64_t gpa, uint64_t size,
		       void *host);
int machine_unmap_memory(struct machine *m, uint64_t gpa);

/* The guest's RAM, for DMA: fixed from the machine's start to its end. */
struct machine_ram {
	uint64_t gpa;
	uint64_t size;		/* bytes, page-aligned */
	void *host;
};

/* Returns how many regions *ram points to: 1 or 2. */
unsigned int machine_ram(const struct machine *m, const struct machine_ram **ram);

struct irqfwd *machine_irqchip(struct machine *m);
int machine_vm_fd(const struct machine *m);
unsigned int machine_cpus(const struct machine *m);

/*
 * fn is called at each reset of the guest, all vCPUs stopped, in the order of
 * registration.  -ENOSPC: too many.
 */
int machine_on_reset(struct machine *m, void (*fn)(void *opaque), void *opaque);

/* From any thread, a handler too: takes effect when the vCPUs have stopped. */
void machine_request_reset(struct machine *m);
void machine_request_poweroff(struct machine *m);

/* PCI INTx: the IOAPIC pin of slot 0 … 31 and pin 1 (INTA) … 4 (INTD). */
static inline unsigned int machine_intx_gsi(unsigned int slot, unsigned int pin)
{
	return 16 + (slot + pin - 1) % 8;
}

#endif
