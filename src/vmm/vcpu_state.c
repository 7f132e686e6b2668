/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/vcpu_state.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define MSRS_MAX	512

#define MSR_TSC			0x10
#define MSR_MTRR_DEFAULT	0x2ff
#define MTRR_ENABLED_WRITEBACK	0x806

#define CR0_PE	(1u << 0)
#define CR0_ET	(1u << 4)
#define CR0_PG	(1u << 31)
#define CR4_PAE	(1u << 5)
#define EFER_LME	(1u << 8)
#define EFER_LMA	(1u << 10)

struct msr_list {
	struct kvm_msrs head;
	struct kvm_msr_entry entry[MSRS_MAX];
};

struct vcpu_state {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_fpu fpu;
	struct kvm_xcrs xcrs;
	struct kvm_debugregs debugregs;
	struct kvm_vcpu_events events;
	struct kvm_lapic_state lapic;
	struct kvm_mp_state mp_state;
	struct msr_list msrs;
};

/*
 * KVM_GET_MSRS stops at the first that this host cannot read, although KVM
 * listed it: drop that one and go on.
 */
static void read_msrs(int vcpu_fd, struct msr_list *list)
{
	__u32 done = 0;

	while (done < list->head.nmsrs) {
		struct msr_list rest;
		__u32 left = list->head.nmsrs - done;
		int nr;

		memset(&rest.head, 0, sizeof(rest.head));
		rest.head.nmsrs = left;
		memcpy(rest.entry, &list->entry[done],
		       left * sizeof(rest.entry[0]));
		nr = ioctl(vcpu_fd, KVM_GET_MSRS, &rest);
		if (nr < 0)
			nr = 0;
		memcpy(&list->entry[done], rest.entry,
		       (size_t)nr * sizeof(rest.entry[0]));
		done += (__u32)nr;
		if (done == list->head.nmsrs)
			break;
		list->head.nmsrs--;
		memmove(&list->entry[done], &list->entry[done + 1],
			(list->head.nmsrs - done) * sizeof(list->entry[0]));
	}
}

static int list_msrs(int kvm_fd, struct msr_list *list)
{
	struct {
		struct kvm_msr_list head;
		__u32 index[MSRS_MAX];
	} known = { .head.nmsrs = MSRS_MAX };

	if (ioctl(kvm_fd, KVM_GET_MSR_INDEX_LIST, &known))
		return -errno;
	for (__u32 i = 0; i < known.head.nmsrs; i++) {
		/* Time goes on through a reset. */
		if (known.index[i] == MSR_TSC)
			continue;
		list->entry[list->head.nmsrs++].index = known.index[i];
	}
	return 0;
}

/* As firmware leaves it: without it Linux gives up page attributes. */
static int enable_mtrr(int vcpu_fd)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry[1];
	} mtrr = {
		.head.nmsrs = 1,
		.entry[0] = { .index = MSR_MTRR_DEFAULT,
			      .data = MTRR_ENABLED_WRITEBACK },
	};

	return ioctl(vcpu_fd, KVM_SET_MSRS, &mtrr) < 0 ? -errno : 0;
}

int vcpu_state_save(int kvm_fd, int vcpu_fd, struct vcpu_state **out)
{
	struct vcpu_state *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	err = enable_mtrr(vcpu_fd);
	if (!err)
		err = list_msrs(kvm_fd, &s->msrs);
	if (!err && (ioctl(vcpu_fd, KVM_GET_REGS, &s->regs) ||
		     ioctl(vcpu_fd, KVM_GET_SREGS, &s->sregs) ||
		     ioctl(vcpu_fd, KVM_GET_FPU, &s->fpu) ||
		     ioctl(vcpu_fd, KVM_GET_DEBUGREGS, &s->debugregs) ||
		     ioctl(vcpu_fd, KVM_GET_VCPU_EVENTS, &s->events) ||
		     ioctl(vcpu_fd, KVM_GET_LAPIC, &s->lapic) ||
		     ioctl(vcpu_fd, KVM_GET_MP_STATE, &s->mp_state)))
		err = -errno;
	if (err) {
		free(s);
		return err;
	}
	/* A processor without XSAVE has none; then there is nothing to restore. */
	if (ioctl(vcpu_fd, KVM_GET_XCRS, &s->xcrs))
		s->xcrs.nr_xcrs = 0;
	read_msrs(vcpu_fd, &s->msrs);
	*out = s;
	return 0;
}

/* One by one: some are read-only here, and hold what they held anyway. */
static void write_msrs(int vcpu_fd, const struct msr_list *list)
{
	for (__u32 i = 0; i < list->head.nmsrs; i++) {
		struct {
			struct kvm_msrs head;
			struct kvm_msr_entry entry[1];
		} one = { .head.nmsrs = 1, .entry[0] = list->entry[i] };

		(void)ioctl(vcpu_fd, KVM_SET_MSRS, &one);
	}
}

int vcpu_state_restore(int vcpu_fd, const struct vcpu_state *s)
{
	/* The APIC's base first: it says how the APIC's page is to be read. */
	if (ioctl(vcpu_fd, KVM_SET_SREGS, &s->sregs) ||
	    ioctl(vcpu_fd, KVM_SET_REGS, &s->regs) ||
	    ioctl(vcpu_fd, KVM_SET_FPU, &s->fpu))
		return -errno;
	if (s->xcrs.nr_xcrs && ioctl(vcpu_fd, KVM_SET_XCRS, &s->xcrs))
		return -errno;
	write_msrs(vcpu_fd, &s->msrs);
	if (ioctl(vcpu_fd, KVM_SET_LAPIC, &s->lapic) ||
	    ioctl(vcpu_fd, KVM_SET_VCPU_EVENTS, &s->events) ||
	    ioctl(vcpu_fd, KVM_SET_DEBUGREGS, &s->debugregs) ||
	    ioctl(vcpu_fd, KVM_SET_MP_STATE, &s->mp_state))
		return -errno;
	return 0;
}

static struct kvm_segment segment(uint16_t selector, bool code, bool longmode)
{
	return (struct kvm_segment){
		.limit = 0xffffffff,
		.selector = selector,
		.type = code ? 0xb : 0x3,	/* accessed; executable, readable */
		.present = 1,
		.s = 1,
		.g = 1,
		.l = code && longmode,
		.db = !(code && longmode),
	};
}

static void enter_long(struct kvm_sregs *sregs, uint64_t cr3)
{
	sregs->cr3 = cr3;
	sregs->cr4 = CR4_PAE;
	sregs->efer |= EFER_LME | EFER_LMA;
	sregs->cr0 |= CR0_PG;
}

int vcpu_state_enter(int vcpu_fd, const struct boot_entry *entry)
{
	bool longmode = entry->mode == BOOT_LONG;
	struct kvm_segment data = segment(BOOT_DS, false, longmode);
	struct kvm_regs regs = {
		.rip = entry->rip,
		.rax = entry->rax,
		.rbx = entry->rbx,
		.rsi = entry->rsi,
		.rflags = 2,	/* the bit that is always set; IF is clear */
	};
	struct kvm_sregs sregs;

	if (ioctl(vcpu_fd, KVM_GET_SREGS, &sregs))
		return -errno;
	sregs.cs = segment(BOOT_CS, true, longmode);
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
	sregs.gdt.base = entry->gdt;
	sregs.gdt.limit = BOOT_GDT_ENTRIES * 8 - 1;
	sregs.cr0 = CR0_PE | CR0_ET;
	if (longmode)
		enter_long(&sregs, entry->cr3);
	if (ioctl(vcpu_fd, KVM_SET_SREGS, &sregs) ||
	    ioctl(vcpu_fd, KVM_SET_REGS, &regs))
		return -errno;
	return 0;
}
