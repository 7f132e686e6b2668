// SPDX-License-Identifier: (MIT OR GPL-2.0)
/*
 * A cell is one line written to /proc/irqfwd_lab, "driver pattern sleep_us
 * count seconds"; the write returns when the cell has run, and a read gives its counts.
 */
#include "lab.h"

#include <linux/irq.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

struct lab_device lab_devices[LAB_DEVICES];

static unsigned int devices;
static struct lab_cell last;
static u64 last_ms;
static int last_err;

static const char * const driver_names[DRIVERS] = {
	[DRIVER_THREAD] = "thread",
	[DRIVER_HARD_THREAD] = "hard+thread",
	[DRIVER_PLAIN] = "plain",
	[DRIVER_SHARED] = "shared",
};

static const char * const pattern_names[PATTERNS] = {
	[PATTERN_SINGLE] = "single",
	[PATTERN_REASSERT] = "reassert",
	[PATTERN_PARTIAL] = "partial",
	[PATTERN_BETWEEN] = "between",
	[PATTERN_DISABLED_ACKED] = "disabled-acked",
	[PATTERN_DISABLED] = "disabled",
	[PATTERN_BURST] = "burst",
	[PATTERN_SUSPEND] = "suspend",
	[PATTERN_BOOT] = "boot",
};

/*
 * The vector of the pin, from its redirection entry: with a userspace local
 * APIC the host tells injected interrupts apart by the vector only. Read while
 * the cell is quiet, as the index register is shared with the kernel.
 */
static unsigned int pin_vector(int irq)
{
	struct irq_data *data = irq_get_irq_data(irq);
	void __iomem *ioapic = ioremap(0xfec00000, 0x20);
	unsigned long flags;
	u32 entry;

	if (!data || !ioapic)
		return 0;
	local_irq_save(flags);
	writel(0x10 + 2 * (u32)data->hwirq, ioapic);
	entry = readl(ioapic + 0x10);
	local_irq_restore(flags);
	iounmap(ioapic);
	return entry & 0xff;
}

static unsigned int vector;

void lab_progress(const struct lab_cell *cell, const char *word)
{
	pr_alert("@%s asserted=%d expected=%d real=%d spurious=%d stalls=%d late=%d vector=%u\n",
		 word, atomic_read(&cell->n.asserted), atomic_read(&cell->n.expected),
		 atomic_read(&cell->n.real), atomic_read(&cell->n.spurious),
		 atomic_read(&cell->n.stalls), atomic_read(&cell->n.late), vector);
}

static int find(const char * const *names, int nr, const char *name)
{
	int i;

	for (i = 0; i < nr; i++)
		if (!strcmp(names[i], name))
			return i;
	return -EINVAL;
}

static int run(struct lab_cell *cell)
{
	u64 start = ktime_get_boottime_ns();
	unsigned int i;
	int err;

	cell->devices = cell->driver == DRIVER_SHARED ? LAB_DEVICES : 1;
	if (devices < cell->devices)
		return -ENODEV;
	init_waitqueue_head(&cell->wait);
	memset(&cell->n, 0, sizeof(cell->n));
	for (i = 0; i < devices; i++)
		if (cell->pattern != PATTERN_BOOT)
			lab_ack_all(&lab_devices[i]);
	err = lab_driver_start(cell);
	if (err)
		return err;
	vector = pin_vector(lab_devices[0].irq);
	lab_pattern_run(cell);
	lab_driver_stop(cell);
	last_ms = (ktime_get_boottime_ns() - start) / NSEC_PER_MSEC;
	return 0;
}

static ssize_t lab_write(struct file *file, const char __user *user, size_t size,
			 loff_t *pos)
{
	char line[96], driver[24], pattern[24];
	int d, p;

	if (size >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, user, size))
		return -EFAULT;
	line[size] = 0;
	if (sscanf(line, "%23s %23s %u %u %u", driver, pattern, &last.sleep_us,
		   &last.count, &last.seconds) != 5)
		return -EINVAL;
	d = find(driver_names, DRIVERS, driver);
	p = find(pattern_names, PATTERNS, pattern);
	if (d < 0 || p < 0)
		return -EINVAL;
	last.driver = d;
	last.pattern = p;
	last_err = run(&last);
	return last_err ? last_err : (ssize_t)size;
}

static int lab_show(struct seq_file *s, void *v)
{
	seq_printf(s, "asserted=%d expected=%d real=%d spurious=%d stalls=%d late=%d vector=%u ms=%llu error=%d\n",
		   atomic_read(&last.n.asserted), atomic_read(&last.n.expected),
		   atomic_read(&last.n.real), atomic_read(&last.n.spurious),
		   atomic_read(&last.n.stalls), atomic_read(&last.n.late), vector, last_ms,
		   last_err);
	return 0;
}

static int lab_open(struct inode *inode, struct file *file)
{
	return single_open(file, lab_show, NULL);
}

static const struct proc_ops lab_ops = {
	.proc_open = lab_open,
	.proc_read = seq_read,
	.proc_write = lab_write,
	.proc_lseek = seq_lseek,
	.proc_release = single_release,
};

static int probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct lab_device *dev = &lab_devices[devices];
	int err;

	if (devices == LAB_DEVICES)
		return -ENOSPC;
	err = pcim_enable_device(pdev);
	if (err)
		return err;
	err = pcim_iomap_regions(pdev, BIT(0), "irqfwd_lab");
	if (err)
		return err;
	/* Its causes stay as they are: `boot` comes with one. */
	spin_lock_init(&dev->lock);
	dev->pdev = pdev;
	dev->regs = pcim_iomap_table(pdev)[0];
	dev->irq = pdev->irq;
	devices++;
	pci_set_master(pdev);
	pr_alert("@device %s irq %d\n", pci_name(pdev), pdev->irq);
	return 0;
}

static const struct pci_device_id ids[] = { { PCI_DEVICE(0x1234, 0x11e8) }, { } };
MODULE_DEVICE_TABLE(pci, ids);

static struct pci_driver driver = {
	.name = "irqfwd_lab",
	.id_table = ids,
	.probe = probe,
};

static int __init lab_init(void)
{
	int err = lab_patterns_init();

	if (err)
		return err;
	err = pci_register_driver(&driver);
	if (err)
		goto patterns;
	if (proc_create("irqfwd_lab", 0600, NULL, &lab_ops))
		return 0;
	err = -ENOMEM;
	pci_unregister_driver(&driver);
patterns:
	lab_patterns_exit();
	return err;
}
module_init(lab_init);

static void __exit lab_exit(void)
{
	remove_proc_entry("irqfwd_lab", NULL);
	pci_unregister_driver(&driver);
	lab_patterns_exit();
}
module_exit(lab_exit);

MODULE_DESCRIPTION("irqfwd lab: counts a device's interrupts against their causes");
MODULE_LICENSE("Dual MIT/GPL");
