/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libirqfwd: forwards a host device's interrupts into a KVM guest so that the
 * guest sees each of them exactly once.
 *
 * In short:
 *
 *	irqfwd_new()		a virtual IOAPIC on a KVM_CAP_SPLIT_IRQCHIP VM
 *	irqfwd_add_vfio_intx()	a forward: a VFIO device's INTx tied to a pin
 *	irqfwd_mmio_write()	from KVM_EXIT_MMIO at the IOAPIC's page
 *	irqfwd_eoi()		from KVM_EXIT_IOAPIC_EOI
 *	irqfwd_free()		everything unmasked, everything given back
 *
 * Errors: functions that return int return 0 or a negative errno, change
 * nothing when they fail, and leave a sentence in irqfwd_error() that says what
 * was wrong, with what, and what to do.
 *
 * Threads: every function may be called from any thread at any time, except
 * that irqfwd_free() must be the last call and a removed object is gone.  Calls
 * from vCPU threads never wait for a device.
 */
#ifndef IRQFWD_H
#define IRQFWD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define IRQFWD_IOAPIC_BASE	0xfec00000u	/* usual guest physical address */
#define IRQFWD_IOAPIC_SIZE	0x1000u

struct irqfwd;			/* one virtual irqchip and what is tied to it */
struct irqfwd_level;		/* a forward of a level-triggered interrupt */
struct irqfwd_edge;		/* a forward of an edge-triggered interrupt */
struct irqfwd_msi;		/* a forward of a device's MSI or MSI-X vectors */
struct irqfwd_line;		/* a pin input that the VMM itself drives */
struct irqfwd_vfio;		/* an open VFIO device */

/* The sentence for this thread's last failure; never NULL. */
const char *irqfwd_error(void);
const char *irqfwd_version(void);

/* ---- the irqchip -------------------------------------------------------- */

struct irqfwd_config {
	int vm_fd;		/* KVM VM, without an irqchip yet, before any vCPU */
	unsigned int pins;	/* 1 … 240; 0: 24 */
	unsigned int version;	/* 0x11 or 0x20; 0: 0x20 */
	/*
	 * Called for each transition, in order, from a thread of its own; one
	 * line of text without newline (docs/trace.md).  NULL: no trace.
	 */
	void (*trace)(void *opaque, const char *line);
	void *opaque;
};

/*
 * Enables the split irqchip on vm_fd and starts the thread that listens to the
 * sources.  -EEXIST: the VM has an irqchip; -ENOTSUP: no split irqchip here.
 */
int irqfwd_new(struct irqfwd **out, const struct irqfwd_config *config);
void irqfwd_free(struct irqfwd *fwd);

/* offset: 0 … IRQFWD_IOAPIC_SIZE - 1 from the page; len: 1, 2, 4 or 8 bytes */
void irqfwd_mmio_read(struct irqfwd *fwd, uint64_t offset, void *data,
		      unsigned int len);
void irqfwd_mmio_write(struct irqfwd *fwd, uint64_t offset, const void *data,
		       unsigned int len);
void irqfwd_eoi(struct irqfwd *fwd, uint8_t vector);

/* The machine is reset: entries go to power-on values, deferred acks are flushed. */
void irqfwd_reset(struct irqfwd *fwd);

/* An MSI that the VMM's own devices send; address and data as PCI defines them. */
int irqfwd_signal_msi(struct irqfwd *fwd, uint64_t address, uint32_t data);

/* ---- level forwards ----------------------------------------------------- */

enum irqfwd_policy {
	IRQFWD_POLICY_DEFAULT = 0,	/* unmask */
	IRQFWD_POLICY_UNMASK,	/* resample at the EOI, or at the unmask if the pin is masked then */
	IRQFWD_POLICY_SAMPLE,	/* the same, reading the line's level where the source can */
	IRQFWD_POLICY_EOI,	/* always at the EOI: wrong for oneshot handlers, to compare */
};

enum irqfwd_event {
	IRQFWD_REMOVE_REQUESTED,	/* the host wants the device back, again each 10 s until it has it */
	IRQFWD_DEVICE_GONE,	/* the device disappeared; the forward is closed, as by irqfwd_close_level() */
	IRQFWD_DEVICE_ERROR,	/* it reported an uncorrectable error; the forward goes on */
};

struct irqfwd_level_config {
	const char *name;	/* for tables and traces; copied */
	unsigned int pin;	/* 0 … pins - 1 */
	enum irqfwd_policy policy;
	/* Called from the listening thread; may not free or remove. NULL: ignored. */
	void (*event)(void *opaque, enum irqfwd_event event);
	void *opaque;
	/* VFIO only: unmask by ioctl instead of by eventfd, to compare. */
	bool unmask_by_ioctl;
};

/*
 * -ENODEV: no INTx on this device; -EEXIST: it is forwarded already; -EBUSY:
 * its host interrupt is shared and it cannot be masked by itself; -EINVAL: no
 * such pin; -ENOSPC: 32 inputs are in use.  While MSI or MSI-X is enabled, INTx
 * is suspended, as on the bare device.
 */
int irqfwd_add_vfio_intx(struct irqfwd *fwd, struct irqfwd_vfio *dev,
			 const struct irqfwd_level_config *config,
			 struct irqfwd_level **out);

/*
 * A level source served elsewhere (an emulated device, another process): it
 * signals trigger_fd when it asserts, then keeps quiet until resample_fd is
 * signalled, and signals trigger_fd again if it asserts still.  Both are
 * eventfds without EFD_SEMAPHORE; they stay the caller's, open until the
 * forward is removed, and become non-blocking.
 */
int irqfwd_add_eventfd_level(struct irqfwd *fwd, int trigger_fd, int resample_fd,
			     const struct irqfwd_level_config *config,
			     struct irqfwd_level **out);
void irqfwd_remove_level(struct irqfwd_level *level);

/*
 * All but the counters is given back: the device may be closed, and the row of
 * irqfwd_stats() stays as it is, marked as gone, until the forward is removed.
 */
void irqfwd_close_level(struct irqfwd_level *level);

/*
 * The guest cut the device off its line (Interrupt Disable in the Command
 * register), or joined it again.  The VMM keeps that bit to itself: the host
 * masks with the real one.  A forward begins joined, and a reset of the irqchip
 * leaves it as it is.
 */
void irqfwd_level_cut(struct irqfwd_level *level, bool cut);

/* An edge source: each signal of trigger_fd is a pulse on the pin. */
int irqfwd_add_eventfd_edge(struct irqfwd *fwd, int trigger_fd,
			    const char *name, unsigned int pin,
			    struct irqfwd_edge **out);
void irqfwd_remove_edge(struct irqfwd_edge *edge);

/* A device emulated by the VMM in the same process. */
int irqfwd_add_line(struct irqfwd *fwd, const char *name, unsigned int pin,
		    struct irqfwd_line **out);
void irqfwd_line_set(struct irqfwd_line *line, bool high);
void irqfwd_line_pulse(struct irqfwd_line *line);
void irqfwd_remove_line(struct irqfwd_line *line);

/* ---- MSI and MSI-X forwards --------------------------------------------- */

enum irqfwd_msi_kind { IRQFWD_MSI, IRQFWD_MSIX };

/* Vectors start masked, with no message.  nr: vectors the device has. */
int irqfwd_add_vfio_msi(struct irqfwd *fwd, struct irqfwd_vfio *dev,
			enum irqfwd_msi_kind kind, const char *name,
			struct irqfwd_msi **out);
unsigned int irqfwd_msi_vectors(const struct irqfwd_msi *msi);

/* The guest enabled the capability with nr vectors (1 …), or disabled it (0). */
int irqfwd_msi_enable(struct irqfwd_msi *msi, unsigned int nr);

/* The guest wrote vector's message or mask. */
int irqfwd_msi_set(struct irqfwd_msi *msi, unsigned int vector,
		   uint64_t address, uint32_t data, bool masked);

/* A masked vector has an interrupt waiting: the pending bit the guest reads. */
bool irqfwd_msi_pending(struct irqfwd_msi *msi, unsigned int vector);
void irqfwd_remove_msi(struct irqfwd_msi *msi);

/* As irqfwd_close_level().  Afterwards it may only be removed. */
void irqfwd_close_msi(struct irqfwd_msi *msi);

/* ---- VFIO --------------------------------------------------------------- */

struct irqfwd_vfio_region {
	uint64_t offset;	/* in the device's file descriptor */
	uint64_t size;		/* bytes; 0: the device has no such region */
	bool can_read, can_write, can_map;
};

/*
 * address: "0000:00:03.0".  Uses the device's cdev and iommufd where the host
 * has them, else its group.  -ENODEV: no such device; -EBUSY: not bound to
 * vfio-pci, or in use; -EPERM: group not viable, or interrupts not remapped;
 * -ENOTSUP: no IOMMU; -EACCES: permission.
 */
int irqfwd_vfio_open(const char *address, struct irqfwd_vfio **out);

/*
 * The same, sharing the container of beside: what is mapped for one is visible
 * to both, and mapping it for both costs nothing more.  Devices of one IOMMU
 * group always share.  Only for devices of the same guest.
 */
int irqfwd_vfio_open_beside(const char *address, struct irqfwd_vfio *beside,
			    struct irqfwd_vfio **out);

/* After the forwards of the device were closed or removed. */
void irqfwd_vfio_close(struct irqfwd_vfio *dev);
int irqfwd_vfio_fd(const struct irqfwd_vfio *dev);
int irqfwd_vfio_region(struct irqfwd_vfio *dev, unsigned int index,
		       struct irqfwd_vfio_region *out);
int irqfwd_vfio_config_read(struct irqfwd_vfio *dev, unsigned int offset,
			    void *data, unsigned int len);
int irqfwd_vfio_config_write(struct irqfwd_vfio *dev, unsigned int offset,
			     const void *data, unsigned int len);
/* Makes size bytes at vaddr visible to the device at iova; page-aligned. */
int irqfwd_vfio_map_dma(struct irqfwd_vfio *dev, uint64_t iova, void *vaddr,
			uint64_t size);
/* Takes back what was mapped with the same iova and size. */
int irqfwd_vfio_unmap_dma(struct irqfwd_vfio *dev, uint64_t iova,
			  uint64_t size);
/* -ENOTTY: the device cannot be reset. */
int irqfwd_vfio_reset(struct irqfwd_vfio *dev);

/* ---- what happened ------------------------------------------------------ */

#define IRQFWD_UNKNOWN	UINT64_MAX

struct irqfwd_stats {
	char name[64];		/* of the forward */
	char host_irq[16];	/* host interrupt number, or "-" */
	unsigned int pin;
	const char *policy;	/* "unmask", "sample", "eoi", "edge", "msi" */
	bool gone;		/* closed: the device left, the counts stay */
	/*
	 * "msi" has no pin, and of the counts only triggers: KVM injects without
	 * telling anybody, so they are the host's interrupts for the vectors in
	 * /proc/interrupts; IRQFWD_UNKNOWN where that cannot be read.
	 */
	uint64_t triggers;	/* signals taken from the source */
	uint64_t deliveries;	/* interrupts handed to a vCPU for the pin */
	uint64_t eois;		/* EOIs of the pin's level interrupts */
	uint64_t deferred;	/* resamples put off until the unmask */
	uint64_t resamples;	/* requests to the host to look again */
	uint64_t eased;		/* resamples delayed shortly: 16 refires and more */
	uint64_t throttled;	/* resamples delayed for a storm: 10,000 and more */
};

/* Fills at most max rows; returns how many forwards there are. */
unsigned int irqfwd_stats(struct irqfwd *fwd, struct irqfwd_stats *rows,
			  unsigned int max);

/* One table, a row a forward; or the same as a JSON array. */
void irqfwd_print_stats(struct irqfwd *fwd, FILE *to, bool json);

#ifdef __cplusplus
}
#endif

#endif
