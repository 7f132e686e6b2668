/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a VMM adds to forward a device's INTx: six calls.  The rest is as small
 * a VMM as there can be: one vCPU in real mode, and a flat image at 0x1000.
 *
 *	example-vmm image.bin 0000:00:03.0
 *
 * It ends when the image halts with interrupts disabled or KVM says so.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <irqfwd.h>

#define MEMORY	0x100000u
#define ENTRY	0x1000u
#define PIN	11u

static void check(bool good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(1);
}

/* A failed call says what was wrong, with what, and what to do. */
static void check_irqfwd(int error)
{
	if (!error)
		return;
	fprintf(stderr, "%s\n", irqfwd_error());
	exit(1);
}

static void *make_memory(int vm)
{
	void *memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct kvm_userspace_memory_region region = {
		.memory_size = MEMORY,
		.userspace_addr = (uintptr_t)memory,
	};

	check(memory != MAP_FAILED, "mmap");
	check(!ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region), "memory");
	return memory;
}

static void load(const char *path, void *memory)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	check(fd >= 0, path);
	check(read(fd, (char *)memory + ENTRY, MEMORY - ENTRY) > 0, path);
	close(fd);
}

static struct kvm_run *make_vcpu(int vm, int kvm, int *vcpu)
{
	struct kvm_regs regs = { .rip = ENTRY, .rflags = 2 };
	struct kvm_sregs sregs;
	void *run;

	*vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	check(*vcpu >= 0, "vcpu");
	check(!ioctl(*vcpu, KVM_GET_SREGS, &sregs), "sregs");
	sregs.cs.base = sregs.cs.selector = 0;
	check(!ioctl(*vcpu, KVM_SET_SREGS, &sregs), "sregs");
	check(!ioctl(*vcpu, KVM_SET_REGS, &regs), "regs");
	run = mmap(NULL, (size_t)ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0),
		   PROT_READ | PROT_WRITE, MAP_SHARED, *vcpu, 0);
	check(run != MAP_FAILED, "run");
	return run;
}

static void mmio(struct irqfwd *fwd, struct kvm_run *run)
{
	uint64_t offset = run->mmio.phys_addr - IRQFWD_IOAPIC_BASE;

	if (offset >= IRQFWD_IOAPIC_SIZE)
		return;
	if (run->mmio.is_write)
		irqfwd_mmio_write(fwd, offset, run->mmio.data, run->mmio.len);
	else
		irqfwd_mmio_read(fwd, offset, run->mmio.data, run->mmio.len);
}

static void run_vcpu(struct irqfwd *fwd, int vcpu, struct kvm_run *run)
{
	while (ioctl(vcpu, KVM_RUN, 0) == 0) {
		if (run->exit_reason == KVM_EXIT_MMIO)
			mmio(fwd, run);
		else if (run->exit_reason == KVM_EXIT_IOAPIC_EOI)
			irqfwd_eoi(fwd, run->eoi.vector);
		else if (run->exit_reason != KVM_EXIT_IO)
			break;
	}
	printf("exit reason %u\n", run->exit_reason);
}

int main(int argc, char **argv)
{
	struct irqfwd_level_config config = { .pin = PIN };
	struct irqfwd_config chip = { 0 };
	struct irqfwd_vfio *dev;
	struct irqfwd_level *intx;
	struct irqfwd *fwd;
	struct kvm_run *run;
	void *memory;
	int kvm, vcpu;

	if (argc != 3) {
		fprintf(stderr, "usage: %s IMAGE PCI-ADDRESS\n", argv[0]);
		return 2;
	}
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	check(kvm >= 0, "/dev/kvm");
	chip.vm_fd = ioctl(kvm, KVM_CREATE_VM, 0);
	check(chip.vm_fd >= 0, "vm");
	memory = make_memory(chip.vm_fd);
	load(argv[1], memory);

	/* before any vCPU: it gives the VM its split irqchip */
	check_irqfwd(irqfwd_new(&fwd, &chip));
	check_irqfwd(irqfwd_vfio_open(argv[2], &dev));
	check_irqfwd(irqfwd_vfio_map_dma(dev, 0, memory, MEMORY));
	check_irqfwd(irqfwd_add_vfio_intx(fwd, dev, &config, &intx));

	run = make_vcpu(chip.vm_fd, kvm, &vcpu);
	run_vcpu(fwd, vcpu, run);

	irqfwd_print_stats(fwd, stdout, false);
	irqfwd_remove_level(intx);
	irqfwd_vfio_close(dev);
	irqfwd_free(fwd);
	return 0;
}
