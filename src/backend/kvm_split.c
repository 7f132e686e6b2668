/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/kvm_split.h"

#include <errno.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ioctl.h>

/* KVM_MAX_IRQ_ROUTES on x86; KVM_CAP_IRQ_ROUTING may say less. */
#define GSIS_MAX	4096

/* Newer than the headers that this may be built with. */
#define X2APIC_DISABLE_SUPPRESS_EOI_BROADCAST	(1ULL << 3)

#define MSI_ADDRESS		0xfee00000u
#define MSI_ADDRESS_LOGICAL	(1u << 2)
#define MSI_DATA_ASSERT		(1u << 14)
#define MSI_DATA_LEVEL		(1u << 15)

struct gsi {
	bool used;		/* a pin, or allocated */
	bool routed;		/* it has an entry in the table */
	int trigger_fd;		/* attached irqfd, or -1 */
	struct kvm_irq_routing_msi msi;
};

struct kvm_split {
	struct backend backend;
	int vm_fd;
	unsigned int pins;
	unsigned int gsis;
	bool extended;		/* KVM takes APIC ids above 255 */
	kvm_split_trace_fn *trace;
	void *opaque;
	_Atomic uint64_t signal_msi, set_routing, irqfd;
	_Atomic uint64_t undelivered, external, unrouted;

	/*
	 * Guards what follows, and so keeps the tables that KVM gets in the
	 * order of the changes: the last one that KVM has is the newest.
	 */
	pthread_mutex_t lock;
	struct gsi gsi[GSIS_MAX];
	struct kvm_irq_routing *table;	/* room for gsis entries */
};

static void count(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* A message that no APIC gets to see: what the guest did, so no error. */
static void lost(struct kvm_split *ks, _Atomic uint64_t *counter,
		 const char *what, const struct message *msg, int error)
{
	count(counter);
	if (ks->trace)
		ks->trace(ks->opaque, what, msg, error);
}

/* ---- messages ----------------------------------------------------------- */

/* KVM wants bits 31:8 of the destination in the same bits of address_hi. */
static struct kvm_irq_routing_msi msi_encode(const struct message *msg)
{
	return (struct kvm_irq_routing_msi){
		.address_lo = MSI_ADDRESS | (msg->dest & 0xffu) << 12 |
			      (msg->logical ? MSI_ADDRESS_LOGICAL : 0),
		.address_hi = msg->dest & 0xff00u,
		.data = msg->vector | (msg->mode & 7u) << 8 | MSI_DATA_ASSERT |
			(msg->level ? MSI_DATA_LEVEL : 0),
	};
}

/* As a device sends it: the extended destination is in address bits 11:5. */
static struct kvm_irq_routing_msi msi_from_pci(const struct kvm_split *ks,
					       uint64_t address, uint32_t data)
{
	uint32_t lo = (uint32_t)address;
	uint32_t extended = ks->extended ? (lo & 0xfe0u) << 3 : 0;

	return (struct kvm_irq_routing_msi){
		.address_lo = lo & ~0xfe0u,
		.address_hi = extended,
		.data = data,
	};
}

/* For the trace only. */
static struct message msi_decode(const struct kvm_irq_routing_msi *msi)
{
	return (struct message){
		.dest = (uint16_t)((msi->address_lo >> 12 & 0xffu) |
				   (msi->address_hi & 0x7f00u)),
		.vector = (uint8_t)msi->data,
		.mode = msi->data >> 8 & 7u,
		.logical = msi->address_lo & MSI_ADDRESS_LOGICAL,
		.level = msi->data & MSI_DATA_LEVEL,
	};
}

/* ---- deliver ------------------------------------------------------------ */

static void signal_msi(struct kvm_split *ks,
		       const struct kvm_irq_routing_msi *msi)
{
	struct kvm_msi arg = {
		.address_lo = msi->address_lo,
		.address_hi = msi->address_hi,
		.data = msi->data,
	};
	struct message msg = msi_decode(msi);
	int taken = ioctl(ks->vm_fd, KVM_SIGNAL_MSI, &arg);

	count(&ks->signal_msi);
	/* -1: no APIC is named so; 0: those that are have it disabled. */
	if (taken <= 0)
		lost(ks, &ks->undelivered, "undelivered", &msg,
		     taken < 0 ? errno : 0);
}

static void deliver(struct backend *be, const struct message *msg)
{
	struct kvm_split *ks = (struct kvm_split *)be;
	struct kvm_irq_routing_msi msi = msi_encode(msg);

	if (msg->mode == DELIVERY_EXTINT)
		lost(ks, &ks->external, "external", msg, 0);
	else if (msg->dest > 0xff && !ks->extended)
		lost(ks, &ks->undelivered, "undelivered", msg, ERANGE);
	else
		signal_msi(ks, &msi);
}

int kvm_split_signal_msi(struct kvm_split *ks, uint64_t address, uint32_t data)
{
	struct kvm_irq_routing_msi msi = msi_from_pci(ks, address, data);

	if ((address >> 20) != MSI_ADDRESS >> 20)
		return -EINVAL;
	signal_msi(ks, &msi);
	return 0;
}

/* ---- routes ------------------------------------------------------------- */

/* The whole table, in one ioctl: KVM knows no smaller change. */
static int set_routing(struct kvm_split *ks)
{
	struct kvm_irq_routing *table = ks->table;

	table->nr = 0;
	table->flags = 0;
	for (unsigned int i = 0; i < ks->gsis; i++) {
		if (!ks->gsi[i].routed)
			continue;
		table->entries[table->nr++] = (struct kvm_irq_routing_entry){
			.gsi = i,
			.type = KVM_IRQ_ROUTING_MSI,
			.u.msi = ks->gsi[i].msi,
		};
	}
	count(&ks->set_routing);
	return ioctl(ks->vm_fd, KVM_SET_GSI_ROUTING, table) ? -errno : 0;
}

static bool same(const struct gsi *gsi, bool routed,
		 const struct kvm_irq_routing_msi *msi)
{
	if (!routed || !gsi->routed)
		return routed == gsi->routed;
	return gsi->msi.address_lo == msi->address_lo &&
	       gsi->msi.address_hi == msi->address_hi &&
	       gsi->msi.data == msi->data;
}

/* Under the lock.  A change that KVM refuses is not made. */
static int change(struct kvm_split *ks, struct gsi *gsi, bool routed,
		  const struct kvm_irq_routing_msi *msi)
{
	struct gsi before = *gsi;
	int error;

	if (same(gsi, routed, msi))
		return 0;
	gsi->routed = routed;
	gsi->msi = *msi;
	error = set_routing(ks);
	if (error)
		*gsi = before;
	return error;
}

/*
 * KVM asks of an entry only which vector comes back from which vCPU.  It must
 * be the message as delivered until its EOI is in: a table that follows the
 * redirection entry loses the exit (the forwarder decides; we only obey).
 */
static void route(struct backend *be, unsigned int pin,
		  const struct message *msg)
{
	struct kvm_split *ks = (struct kvm_split *)be;
	struct kvm_irq_routing_msi msi = msi_encode(msg);
	bool routed = msg->level && msg->mode != DELIVERY_EXTINT &&
		      (msg->dest <= 0xff || ks->extended);
	int error;

	assert(pin < ks->pins);
	pthread_mutex_lock(&ks->lock);
	error = change(ks, &ks->gsi[pin], routed, &msi);
	pthread_mutex_unlock(&ks->lock);
	if (error)
		lost(ks, &ks->unrouted, "unrouted", msg, -error);
}

/* ---- MSI forwards ------------------------------------------------------- */

/* Under the lock. */
static struct gsi *msi_gsi(struct kvm_split *ks, int gsi)
{
	assert(gsi >= (int)ks->pins && gsi < (int)ks->gsis);
	assert(ks->gsi[gsi].used);
	return &ks->gsi[gsi];
}

int kvm_split_msi_new(struct kvm_split *ks)
{
	int found = -ENOSPC;

	pthread_mutex_lock(&ks->lock);
	for (unsigned int i = ks->pins; i < ks->gsis && found < 0; i++)
		if (!ks->gsi[i].used)
			found = (int)i;
	if (found >= 0)
		ks->gsi[found] = (struct gsi){ .used = true, .trigger_fd = -1 };
	pthread_mutex_unlock(&ks->lock);
	return found;
}

int kvm_split_msi_set(struct kvm_split *ks, int gsi, uint64_t address,
		      uint32_t data)
{
	struct kvm_irq_routing_msi msi = msi_from_pci(ks, address, data);
	int error;

	pthread_mutex_lock(&ks->lock);
	error = change(ks, msi_gsi(ks, gsi), true, &msi);
	pthread_mutex_unlock(&ks->lock);
	if (error)
		count(&ks->unrouted);
	return error;
}

/* Under the lock. */
static int irqfd(struct kvm_split *ks, int gsi, int fd, uint32_t flags)
{
	struct kvm_irqfd arg = {
		.fd = (uint32_t)fd,
		.gsi = (uint32_t)gsi,
		.flags = flags,
	};

	count(&ks->irqfd);
	return ioctl(ks->vm_fd, KVM_IRQFD, &arg) ? -errno : 0;
}

int kvm_split_msi_attach(struct kvm_split *ks, int gsi, int trigger_fd)
{
	struct gsi *g;
	int error = -EALREADY;

	pthread_mutex_lock(&ks->lock);
	g = msi_gsi(ks, gsi);
	if (g->trigger_fd < 0)
		error = irqfd(ks, gsi, trigger_fd, 0);
	if (!error)
		g->trigger_fd = trigger_fd;
	pthread_mutex_unlock(&ks->lock);
	return error;
}

/* Under the lock.  Refused only if KVM dropped it itself: the eventfd is gone. */
static void detach(struct kvm_split *ks, int gsi)
{
	struct gsi *g = &ks->gsi[gsi];

	if (g->trigger_fd >= 0)
		irqfd(ks, gsi, g->trigger_fd, KVM_IRQFD_FLAG_DEASSIGN);
	g->trigger_fd = -1;
}

void kvm_split_msi_detach(struct kvm_split *ks, int gsi)
{
	pthread_mutex_lock(&ks->lock);
	msi_gsi(ks, gsi);
	detach(ks, gsi);
	pthread_mutex_unlock(&ks->lock);
}

void kvm_split_msi_free(struct kvm_split *ks, int gsi)
{
	struct gsi *g;

	pthread_mutex_lock(&ks->lock);
	g = msi_gsi(ks, gsi);
	detach(ks, gsi);
	/* A stale entry without a trigger is harmless, and goes next time. */
	if (change(ks, g, false, &g->msi))
		count(&ks->unrouted);
	g->routed = false;
	g->used = false;
	pthread_mutex_unlock(&ks->lock);
}

/* ---- the beginning and the end ------------------------------------------ */

static const struct backend_ops kvm_split_ops = {
	.deliver = deliver,
	.route = route,
};

static int enable_cap(int vm_fd, uint32_t cap, uint64_t arg)
{
	struct kvm_enable_cap enable = { .cap = cap, .args = { arg } };

	return ioctl(vm_fd, KVM_ENABLE_CAP, &enable) ? -errno : 0;
}

/* 0 where KVM does not know it; -errno where vm_fd cannot even be asked. */
static int capability(int vm_fd, unsigned long cap)
{
	int has = ioctl(vm_fd, KVM_CHECK_EXTENSION, cap);

	return has < 0 ? -errno : has;
}

static int check(int vm_fd, unsigned int pins)
{
	static const unsigned long needed[] = {
		KVM_CAP_SPLIT_IRQCHIP, KVM_CAP_SIGNAL_MSI, KVM_CAP_IRQFD,
		KVM_CAP_IRQ_ROUTING, KVM_CAP_ENABLE_CAP_VM,
	};

	if (!pins || pins > IOAPIC_PINS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		int has = capability(vm_fd, needed[i]);

		if (has < 0)
			return has == -EBADF ? -EBADF : -ENOTTY;
		if (!has)
			return -ENOTSUP;
	}
	return 0;
}

/*
 * APIC ids above 255, and 255 as an id rather than a broadcast.  Where KVM can
 * stop promising directed EOI, let it: it broadcasts all the same, and a guest
 * that EOIs at the IOAPIC as well would EOI twice.
 */
static bool enable_extended(int vm_fd)
{
	const uint64_t ids = KVM_X2APIC_API_USE_32BIT_IDS |
			     KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK;
	int has = capability(vm_fd, KVM_CAP_X2APIC_API);
	uint64_t honest = (uint64_t)has & X2APIC_DISABLE_SUPPRESS_EOI_BROADCAST;

	if (has <= 0 || ((uint64_t)has & ids) != ids)
		return false;
	return !enable_cap(vm_fd, KVM_CAP_X2APIC_API, ids | honest);
}

static struct kvm_split *allocate(int vm_fd, unsigned int pins)
{
	struct kvm_split *ks = calloc(1, sizeof(*ks));
	int routes = capability(vm_fd, KVM_CAP_IRQ_ROUTING);

	if (!ks)
		return NULL;
	ks->backend.ops = &kvm_split_ops;
	ks->vm_fd = vm_fd;
	ks->pins = pins;
	ks->gsis = routes < GSIS_MAX ? (unsigned int)routes : GSIS_MAX;
	ks->table = calloc(1, sizeof(*ks->table) +
				      ks->gsis * sizeof(*ks->table->entries));
	if (!ks->table || ks->gsis < pins) {
		free(ks->table);
		free(ks);
		return NULL;
	}
	for (unsigned int i = 0; i < ks->gsis; i++)
		ks->gsi[i] = (struct gsi){ .used = i < pins, .trigger_fd = -1 };
	pthread_mutex_init(&ks->lock, NULL);
	return ks;
}

int kvm_split_new(struct kvm_split **out, int vm_fd, unsigned int pins)
{
	struct kvm_split *ks;
	int error = check(vm_fd, pins);

	if (error)
		return error;
	ks = allocate(vm_fd, pins);
	if (!ks)
		return -ENOMEM;
	error = enable_cap(vm_fd, KVM_CAP_SPLIT_IRQCHIP, pins);
	if (error) {
		kvm_split_free(ks);
		return error;
	}
	ks->extended = enable_extended(vm_fd);
	*out = ks;
	return 0;
}

void kvm_split_free(struct kvm_split *ks)
{
	if (!ks)
		return;
	for (unsigned int i = ks->pins; i < ks->gsis; i++)
		detach(ks, (int)i);
	pthread_mutex_destroy(&ks->lock);
	free(ks->table);
	free(ks);
}

const char *kvm_split_why(int error)
{
	switch (error) {
	case -EINVAL:
		return "an IOAPIC has 1 to 240 pins: ask for a number in that "
		       "range";
	case -EBADF:
		return "vm_fd is not an open file descriptor: give the one "
		       "that KVM_CREATE_VM returned";
	case -ENOTTY:
		return "vm_fd is not a KVM virtual machine: give the one that "
		       "KVM_CREATE_VM returned";
	case -ENOTSUP:
		return "this KVM has no split irqchip (KVM_CAP_SPLIT_IRQCHIP, "
		       "KVM_CAP_SIGNAL_MSI, KVM_CAP_IRQFD and "
		       "KVM_CAP_IRQ_ROUTING are needed): use an x86 host with "
		       "Linux 4.4 or newer";
	case -EEXIST:
		return "the virtual machine has an irqchip or a vCPU already: "
		       "create the irqchip first, and only once";
	case -ENOMEM:
		return "no memory for the routing table: free some";
	default:
		return "KVM refused the split irqchip";
	}
}

struct backend *kvm_split_backend(struct kvm_split *ks)
{
	return &ks->backend;
}

void kvm_split_trace(struct kvm_split *ks, kvm_split_trace_fn *trace,
		     void *opaque)
{
	ks->trace = trace;
	ks->opaque = opaque;
}

struct kvm_split_counts kvm_split_counts(struct kvm_split *ks)
{
	return (struct kvm_split_counts){
		.signal_msi = ks->signal_msi,
		.set_routing = ks->set_routing,
		.irqfd = ks->irqfd,
		.undelivered = ks->undelivered,
		.external = ks->external,
		.unrouted = ks->unrouted,
	};
}
