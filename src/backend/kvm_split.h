/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backend: KVM with a split irqchip.  Local APICs are KVM's, the IOAPIC is
 * ours (KVM API 4.76 KVM_CAP_SPLIT_IRQCHIP and 7.5).
 *
 * down	deliver	KVM_SIGNAL_MSI of the message
 * up	EOI	KVM_EXIT_IOAPIC_EOI, which KVM derives from the GSI routing
 *		table alone; so route keeps that table in step
 *
 * GSIs below the number of pins are the IOAPIC's, one for each pin: an entry
 * of type MSI with trigger level, or none.  GSIs from there on are MSI
 * forwards: KVM injects those itself from a KVM_IRQFD, without any exit.
 *
 * Every function may be called from any thread at any time, except that
 * kvm_split_free() is the last call.  None blocks on a device.
 */
#ifndef BACKEND_KVM_SPLIT_H
#define BACKEND_KVM_SPLIT_H

#include "forward/engine.h"

struct kvm_split;

/* System calls made, and what KVM would not take, since the beginning. */
struct kvm_split_counts {
	uint64_t signal_msi;	/* KVM_SIGNAL_MSI */
	uint64_t set_routing;	/* KVM_SET_GSI_ROUTING */
	uint64_t irqfd;		/* KVM_IRQFD */
	uint64_t undelivered;	/* no local APIC took the message */
	uint64_t external;	/* ExtINT: dropped, see kvm_split_backend() */
	uint64_t unrouted;	/* KVM refused the routing table */
};

/* A message that went nowhere; error: positive errno, 0: no APIC took it. */
typedef void kvm_split_trace_fn(void *opaque, const char *what,
				const struct message *msg, int error);

/*
 * Gives the VM its split irqchip, with pins GSIs reserved (1 …
 * IOAPIC_PINS_MAX), and APIC ids above 255 where KVM has them.  vm_fd stays the
 * caller's, has no irqchip yet and no vCPU.  Errors: kvm_split_why().
 */
int kvm_split_new(struct kvm_split **out, int vm_fd, unsigned int pins);

/* Detaches what is attached.  The VM keeps its irqchip. */
void kvm_split_free(struct kvm_split *ks);

/* The sentence for an error of kvm_split_new(). */
const char *kvm_split_why(int error);

/*
 * deliver	of a message that no local APIC accepts is the guest's doing, or
 *		its shutdown: counted and traced, never an error.
 *		ExtINT is an INTA cycle, not a message: the vector comes from an
 *		8259, and KVM ignores the mode in KVM_SIGNAL_MSI.  There is no
 *		8259 behind this backend, so it is counted, traced and dropped.
 * route	at most one ioctl, none if nothing changes.
 */
struct backend *kvm_split_backend(struct kvm_split *ks);

/* Called from any thread, without a lock held.  Set before deliveries begin. */
void kvm_split_trace(struct kvm_split *ks, kvm_split_trace_fn *trace,
		     void *opaque);

struct kvm_split_counts kvm_split_counts(struct kvm_split *ks);

/* ---- MSI ----------------------------------------------------------------
 * address and data as PCI defines them; bits 11:5 of the address are bits 14:8
 * of the destination (the extended destination id of the MSI format).
 */

/* Sends one now.  0 also if no APIC took it: counted and traced. */
int kvm_split_signal_msi(struct kvm_split *ks, uint64_t address, uint32_t data);

/* A GSI for one vector, with neither message nor trigger.  -ENOSPC: none left. */
int kvm_split_msi_new(struct kvm_split *ks);

/* Gives the GSI its message: one ioctl, none if it has the same already. */
int kvm_split_msi_set(struct kvm_split *ks, int gsi, uint64_t address,
		      uint32_t data);

/*
 * Each signal of the eventfd is from now on an interrupt, injected by KVM; a
 * count that it already holds is one too.  -EALREADY: the GSI has a trigger;
 * -EBUSY: the eventfd is attached elsewhere.
 */
int kvm_split_msi_attach(struct kvm_split *ks, int gsi, int trigger_fd);

/* On return KVM reads the eventfd no more: signals stay in its count. */
void kvm_split_msi_detach(struct kvm_split *ks, int gsi);

/* Detaches, takes the message away, gives the GSI back. */
void kvm_split_msi_free(struct kvm_split *ks, int gsi);

#endif
