/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/pci_vfio.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static void __attribute__((format(printf, 2, 3)))
say(const struct pci_vfio *v, const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	fprintf(stderr, "irqfwd: device %s: %s\n", v->name, text);
}

/* ---- registers ---------------------------------------------------------- */

static int host_config_read(void *host, unsigned int offset, void *data,
			    unsigned int size)
{
	struct pci_vfio *v = host;

	return irqfwd_vfio_config_read(v->vfio, offset, data, size);
}

static int host_config_write(void *host, unsigned int offset, const void *data,
			     unsigned int size)
{
	struct pci_vfio *v = host;

	return irqfwd_vfio_config_write(v->vfio, offset, data, size);
}

static int host_region_read(void *host, unsigned int bar, uint64_t offset,
			    void *data, unsigned int size)
{
	struct pci_vfio *v = host;
	const struct irqfwd_vfio_region *r = &v->region[bar];

	if (!r->can_read || offset + size > r->size)
		return -EINVAL;
	if (pread(irqfwd_vfio_fd(v->vfio), data, size,
		  (off_t)(r->offset + offset)) != (ssize_t)size)
		return -EIO;
	return 0;
}

static int host_region_write(void *host, unsigned int bar, uint64_t offset,
			     const void *data, unsigned int size)
{
	struct pci_vfio *v = host;
	const struct irqfwd_vfio_region *r = &v->region[bar];

	if (!r->can_write || offset + size > r->size)
		return -EINVAL;
	if (pwrite(irqfwd_vfio_fd(v->vfio), data, size,
		   (off_t)(r->offset + offset)) != (ssize_t)size)
		return -EIO;
	return 0;
}

static uint64_t host_region_size(void *host, unsigned int bar)
{
	struct pci_vfio *v = host;

	return v->region[bar].size;
}

/* ---- mappings ----------------------------------------------------------- */

/* The run's pages in our own address space: mapped once, kept to the end. */
static struct pci_vfio_run *find_run(struct pci_vfio *v, unsigned int bar,
				     uint64_t offset, uint64_t size)
{
	const struct irqfwd_vfio_region *r = &v->region[bar];
	struct pci_vfio_run *run = v->run;
	void *host;

	for (; run->host; run++)
		if (run->bar == bar && run->offset == offset)
			return run;
	host = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
		    irqfwd_vfio_fd(v->vfio), (off_t)(r->offset + offset));
	if (host == MAP_FAILED)
		return NULL;
	*run = (struct pci_vfio_run){
		.host = host,
		.bar = bar,
		.offset = offset,
		.size = size,
	};
	return run;
}

/* What cannot be mapped is trapped: slower, and right. */
static void host_map(void *host, unsigned int bar, uint64_t offset,
		     uint64_t size, uint64_t address)
{
	struct pci_vfio *v = host;
	struct pci_vfio_run *run;

	if (!v->region[bar].can_map)
		return;
	run = find_run(v, bar, offset, size);
	if (!run)
		return;
	if (machine_map_memory(v->machine, address, size, run->host))
		return; /* a guest that puts one BAR over another */
	run->in_guest = true;
	run->address = address;
}

static void host_unmap(void *host, unsigned int bar, uint64_t address)
{
	struct pci_vfio *v = host;

	for (unsigned int i = 0; i < PCI_VFIO_RUNS; i++) {
		struct pci_vfio_run *run = &v->run[i];

		if (!run->in_guest || run->bar != bar ||
		    run->address != address)
			continue;
		machine_unmap_memory(v->machine, address);
		run->in_guest = false;
	}
}

/* ---- interrupts --------------------------------------------------------- */

/* From the listening thread: may not take the bus lock, nor remove. */
static void tell_news(void *opaque, enum irqfwd_event event)
{
	struct pci_vfio *v = opaque;
	const uint64_t one = 1;

	switch (event) {
	case IRQFWD_DEVICE_ERROR:
		say(v, "it reports an uncorrectable error; the guest keeps it");
		return;
	case IRQFWD_DEVICE_GONE:
		atomic_store(&v->gone, true);
		break;
	case IRQFWD_REMOVE_REQUESTED:
		break;
	}
	if (write(v->news_fd, &one, sizeof(one)) != (ssize_t)sizeof(one))
		return; /* the counter is full: it is readable already */
}

/*
 * With a forward of INTx the library listens to the host's requests; else we
 * do.  Too old a VFIO has no such index: then only its log says it.
 */
static void listen_to_host(const struct pci_vfio *v)
{
	uint32_t buffer[(sizeof(struct vfio_irq_set) + sizeof(int32_t)) / 4];
	struct vfio_irq_set *set = (struct vfio_irq_set *)buffer;

	*set = (struct vfio_irq_set){
		.argsz = sizeof(buffer),
		.flags =
			VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = VFIO_PCI_REQ_IRQ_INDEX,
		.count = 1,
	};
	memcpy(set->data, &v->news_fd, sizeof(v->news_fd));
	ioctl(irqfwd_vfio_fd(v->vfio), VFIO_DEVICE_SET_IRQS, set);
}

bool pci_vfio_take_news(struct pci_vfio *v)
{
	uint64_t count;

	if (read(v->news_fd, &count, sizeof(count)) != (ssize_t)sizeof(count))
		return false;
	if (!v->vfio)
		return false;
	say(v, "%s: unplugged from the guest",
	    atomic_load(&v->gone) ? "it is gone" : "the host wants it back");
	return true;
}

static unsigned int gsi_of(const struct pci_vfio *v, unsigned int pin)
{
	return machine_intx_gsi(v->slot, pin ? pin : 1);
}

static int start_intx(struct pci_vfio *v)
{
	const struct irqfwd_level_config config = {
		.name = v->name,
		.pin = gsi_of(v, pci_function_pin(&v->function)),
		.policy = v->policy,
		.unmask_by_ioctl = v->unmask_by_ioctl,
		.event = tell_news,
		.opaque = v,
	};

	return irqfwd_add_vfio_intx(machine_irqchip(v->machine), v->vfio,
				    &config, &v->intx);
}

/*
 * A host that has not that many vectors to give may have fewer: drivers ask for
 * one for each CPU and are content with the first.
 */
static int start_msi(struct pci_vfio *v, enum irqfwd_msi_kind kind,
		     unsigned int vectors)
{
	unsigned int nr = vectors;
	int err = 0;

	if (!v->msi[kind])
		err = irqfwd_add_vfio_msi(machine_irqchip(v->machine), v->vfio,
					  kind, v->name, &v->msi[kind]);
	if (err)
		return err;
	do {
		err = irqfwd_msi_enable(v->msi[kind], nr);
	} while (err && (nr /= 2));
	if (err)
		return err;
	v->active = v->msi[kind];
	if (nr < vectors && !v->told_vectors)
		say(v, "the host gives %u of %u vectors", nr, vectors);
	v->told_vectors = v->told_vectors || nr < vectors;
	return 0;
}

static void stop_msi(struct pci_vfio *v)
{
	if (v->active)
		irqfwd_msi_enable(v->active, 0);
	v->active = NULL;
}

/*
 * The forward of INTx stays, cut off, while the guest uses another kind or
 * none: Linux tries DisINTx on every device that it finds, and a forward that
 * came and went would free the host's interrupt each time.
 */
static void host_irq(void *host, enum pci_irq irq, unsigned int vectors)
{
	struct pci_vfio *v = host;
	int err = 0;

	if (v->intx && irq != PCI_IRQ_INTX)
		irqfwd_level_cut(v->intx, true);
	stop_msi(v);
	switch (irq) {
	case PCI_IRQ_NONE:
		break;
	case PCI_IRQ_INTX:
		if (v->intx)
			irqfwd_level_cut(v->intx, false);
		else
			err = start_intx(v);
		break;
	case PCI_IRQ_MSI:
		err = start_msi(v, IRQFWD_MSI, vectors);
		break;
	case PCI_IRQ_MSIX:
		err = start_msi(v, IRQFWD_MSIX, vectors);
		break;
	}
	/* Once: a guest that tries again and again would fill the log. */
	if (err && err != v->irq_error)
		say(v, "no interrupts: %s", irqfwd_error());
	if (!v->intx)
		listen_to_host(v);
	if (irq != PCI_IRQ_NONE)
		v->irq_error = err;
}

static void host_vector(void *host, unsigned int vector,
			const struct msi_vector *m)
{
	struct pci_vfio *v = host;

	if (v->active && vector < irqfwd_msi_vectors(v->active))
		irqfwd_msi_set(v->active, vector, m->address, m->data,
			       m->masked);
}

static bool host_pending(void *host, unsigned int vector)
{
	struct pci_vfio *v = host;

	return v->active && vector < irqfwd_msi_vectors(v->active) &&
	       irqfwd_msi_pending(v->active, vector);
}

static void host_reset(void *host)
{
	struct pci_vfio *v = host;
	int err = irqfwd_vfio_reset(v->vfio);

	/* Its driver resets it by other means: many devices have no reset. */
	if (err && err != -ENOTTY)
		say(v, "reset: %s", irqfwd_error());
}

static const struct pci_function_ops vfio_ops = {
	.config_read = host_config_read,
	.config_write = host_config_write,
	.region_read = host_region_read,
	.region_write = host_region_write,
	.region_size = host_region_size,
	.map = host_map,
	.unmap = host_unmap,
	.irq = host_irq,
	.vector = host_vector,
	.pending = host_pending,
	.reset = host_reset,
};

/* ---- opening and closing ------------------------------------------------ */

static int open_regions(struct pci_vfio *v)
{
	for (unsigned int i = 0; i < PCI_BARS; i++) {
		int err = irqfwd_vfio_region(v->vfio, i, &v->region[i]);

		if (err)
			return err;
	}
	return 0;
}

static int open_dma(struct pci_vfio *v)
{
	const struct machine_ram *ram;
	unsigned int nr = machine_ram(v->machine, &ram);

	for (unsigned int i = 0; i < nr; i++) {
		int err = irqfwd_vfio_map_dma(v->vfio, ram[i].gpa, ram[i].host,
					      ram[i].size);

		if (err)
			return err;
	}
	return 0;
}

/* What the user asked for by name must be there. */
static int check_irq(const struct pci_vfio *v, enum device_irq irq)
{
	const struct pci_function *f = &v->function;

	switch (irq) {
	case DEVICE_IRQ_AUTO:
		/* INTx is what a guest begins with: irq=msi does without. */
		return v->irq_error;
	case DEVICE_IRQ_INTX:
		if (!pci_function_pin(f))
			say(v, "irq=intx: it has no interrupt pin");
		else if (!v->irq_error)
			return 0;
		return v->irq_error ? v->irq_error : -ENODEV;
	case DEVICE_IRQ_MSI:
		if (f->msi)
			return 0;
		say(v, "irq=msi: it has no MSI capability; try irq=intx");
		return -ENODEV;
	case DEVICE_IRQ_MSIX:
		if (f->msix)
			return 0;
		say(v, "irq=msix: it has no MSI-X capability; try irq=msi or "
		       "irq=intx");
		return -ENODEV;
	}
	return -EINVAL;
}

static int open_function(struct pci_vfio *v, struct pci_bus *bus,
			 enum device_irq irq)
{
	struct pci_function_config config = {
		.bus = bus,
		.ops = &vfio_ops,
		.host = v,
		.hide_msi = irq == DEVICE_IRQ_INTX || irq == DEVICE_IRQ_MSIX,
		.hide_msix = irq == DEVICE_IRQ_INTX || irq == DEVICE_IRQ_MSI,
	};
	uint8_t pin = 1;
	int err;

	err = irqfwd_vfio_config_read(v->vfio, PCI_INTERRUPT_PIN, &pin, 1);
	if (err)
		return err;
	config.gsi = (uint8_t)gsi_of(v, pin);
	err = pci_function_init(&v->function, &config);
	if (err == -ENOTSUP)
		say(v, "a bridge; only plain devices can be passed through");
	else if (err == -ENOSPC)
		say(v, "its BARs do not fit below 4 GiB");
	return err;
}

static int start(struct pci_vfio *v, struct pci_bus *bus, enum device_irq irq)
{
	int err;

	pthread_mutex_lock(&bus->lock);
	pci_function_reset(&v->function);
	err = check_irq(v, irq);
	pthread_mutex_unlock(&bus->lock);
	if (err)
		return err;
	return pci_bus_plug(bus, v->slot, &v->function.dev);
}

static int open_device(struct pci_vfio *v, const struct pci_vfio *beside)
{
	int err = irqfwd_vfio_open_beside(v->name, beside ? beside->vfio : NULL,
					  &v->vfio);

	if (!err)
		err = open_regions(v);
	if (!err)
		err = open_dma(v);
	if (err)
		say(v, "%s", irqfwd_error());
	return err;
}

int pci_vfio_open(struct pci_vfio **out, struct machine *m, struct pci_bus *bus,
		  unsigned int slot, const struct device_options *options,
		  const struct pci_vfio *beside)
{
	struct pci_vfio *v = calloc(1, sizeof(*v));
	int err;

	if (!v)
		return -ENOMEM;
	v->machine = m;
	v->slot = slot;
	v->news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	v->policy = options->policy;
	v->unmask_by_ioctl = options->unmask_by_ioctl;
	snprintf(v->name, sizeof(v->name), "%s", options->host);
	err = v->news_fd < 0 ? -errno : open_device(v, beside);
	if (err)
		goto close;
	err = open_function(v, bus, options->irq);
	if (!err)
		err = start(v, bus, options->irq);
	if (err)
		goto close;
	*out = v;
	return 0;
close:
	pci_vfio_close(v);
	return err;
}

void pci_vfio_release(struct pci_vfio *v)
{
	if (v->function.ops)
		pci_function_unplug(&v->function);
	/* The counters stay: for the table at the end of the run. */
	if (v->intx)
		irqfwd_close_level(v->intx);
	for (unsigned int i = 0; i < 2; i++)
		if (v->msi[i])
			irqfwd_close_msi(v->msi[i]);
	v->active = NULL;
	/* a mapping keeps the device's file, and so the host's unbind waits */
	for (unsigned int i = 0; i < PCI_VFIO_RUNS; i++) {
		if (v->run[i].host)
			munmap(v->run[i].host, v->run[i].size);
		v->run[i].host = NULL;
	}
	if (v->vfio)
		irqfwd_vfio_close(v->vfio);
	v->vfio = NULL;
}

void pci_vfio_close(struct pci_vfio *v)
{
	pci_vfio_release(v);
	irqfwd_remove_level(v->intx);
	for (unsigned int i = 0; i < 2; i++)
		irqfwd_remove_msi(v->msi[i]);
	if (v->news_fd >= 0)
		close(v->news_fd);
	free(v);
}
