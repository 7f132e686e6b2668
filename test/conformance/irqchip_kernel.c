/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KVM's own IOAPIC with irqfd and resamplefd, as other VMMs use it: a peer to
 * compare with.  KVM's default routes map GSI n to pin n.
 */
#include "irqchip.h"

#include <errno.h>
#include <sys/ioctl.h>

struct kernel_chip {
	bool forwarded[DEVICES];
	unsigned int pin[DEVICES];
};

static int create(struct machine *m)
{
	static struct kernel_chip chip;

	chip = (struct kernel_chip){ 0 };
	if (ioctl(m->vm_fd, KVM_CREATE_IRQCHIP, 0))
		return -errno;
	m->chip = &chip;
	return 0;
}

static int irqfd(struct machine *m, unsigned int device, unsigned int pin,
		 uint32_t flags)
{
	struct kvm_irqfd arg = {
		.fd = (uint32_t)m->device[device].trigger_fd,
		.resamplefd = (uint32_t)m->device[device].resample_fd,
		.gsi = pin,
		.flags = flags,
	};

	return ioctl(m->vm_fd, KVM_IRQFD, &arg) ? -errno : 0;
}

static int forward(struct machine *m, unsigned int device, unsigned int pin,
		   enum irqfwd_policy policy)
{
	struct kernel_chip *chip = m->chip;
	int error = irqfd(m, device, pin, KVM_IRQFD_FLAG_RESAMPLE);

	if (error)
		return error;
	chip->forwarded[device] = true;
	chip->pin[device] = pin;
	return 0;
}

static int forward_edge(struct machine *m, unsigned int device,
			unsigned int pin)
{
	struct kernel_chip *chip = m->chip;

	chip->forwarded[device] = true;
	chip->pin[device] = pin;
	return irqfd(m, device, pin, 0);
}

static void unforward(struct machine *m, unsigned int device)
{
	struct kernel_chip *chip = m->chip;

	if (chip->forwarded[device])
		irqfd(m, device, chip->pin[device], KVM_IRQFD_FLAG_DEASSIGN);
	chip->forwarded[device] = false;
}

static void line(struct machine *m, unsigned int pin, bool high)
{
	struct kvm_irq_level arg = { .irq = pin, .level = high };

	ioctl(m->vm_fd, KVM_IRQ_LINE, &arg);
}

static void signal_msi(struct machine *m, uint64_t address, uint32_t data)
{
	struct kvm_msi msi = { .address_lo = (uint32_t)address, .data = data };

	ioctl(m->vm_fd, KVM_SIGNAL_MSI, &msi);
}

static void destroy(struct machine *m)
{
	for (unsigned int i = 0; i < DEVICES; i++)
		unforward(m, i);
}

const struct irqchip irqchip_kernel = {
	.name = "kernel",
	.capability = KVM_CAP_IRQCHIP,
	.create = create,
	.destroy = destroy,
	.forward = forward,
	.unforward = unforward,
	.forward_edge = forward_edge,
	.line = line,
	.signal_msi = signal_msi,
};
