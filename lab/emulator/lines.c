/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lines DEVICE OTHER SETUPS STILL|CHANGING: does the emulated machine lose a
 * write to its IOAPIC?
 *
 * No VM and no guest: INTx of DEVICE (an edu, under vfio-pci with nointxmask=1)
 * is set up, masked and unmasked 20 times, and only then does the device assert.
 * Meanwhile the other CPU switches the memory decoder of OTHER on and off, or
 * does nothing.  A silent line that one more mask and unmask brings back was
 * unmasked by the kernel, and not by its IOAPIC.  Prints "SETUPS SILENT BACK
 * CHANGES".
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define EDU_RAISE	0x60
#define EDU_ACK		0x64
#define MASKS		20
#define CHANGE_US	700
#define WAIT_MS		300

static atomic_bool done;
static atomic_ulong changes;

static void die(const char *what)
{
	fprintf(stderr, "lines: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void sit_on(size_t cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		die("needs a host with two CPUs");
}

static int open_config(const char *address)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", address);
	fd = open(path, O_RDWR);
	if (fd < 0)
		die(path);
	return fd;
}

static void write_byte(int fd, off_t at, uint8_t value)
{
	if (pwrite(fd, &value, 1, at) != 1)
		die("write of the Command register");
}

static void *change_map(void *other)
{
	int fd = open_config(other);

	sit_on(1);
	while (!atomic_load(&done)) {
		write_byte(fd, PCI_COMMAND, PCI_COMMAND_MEMORY);
		usleep(CHANGE_US);
		write_byte(fd, PCI_COMMAND, 0);
		usleep(CHANGE_US);
		atomic_fetch_add(&changes, 2);
	}
	close(fd);
	return NULL;
}

static int open_device(const char *address)
{
	int container = open("/dev/vfio/vfio", O_RDWR);
	char path[128], link[128] = "";
	int group, device;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group",
		 address);
	if (readlink(path, link, sizeof(link) - 1) < 0)
		die(path);
	snprintf(path, sizeof(path), "/dev/vfio/%s", strrchr(link, '/') + 1);
	group = open(path, O_RDWR);
	if (container < 0 || group < 0 ||
	    ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) < 0 ||
	    ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU) < 0)
		die(path);
	device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, address);
	if (device < 0)
		die(address);
	return device;
}

static off_t region(int device, unsigned int index)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = index };

	if (ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &info) < 0)
		die("region");
	return (off_t)info.offset;
}

/* trigger: the eventfd for ACTION_TRIGGER, or -1: no data. */
static void set_irqs(int device, uint32_t action, uint32_t count, int trigger)
{
	struct {
		struct vfio_irq_set set;
		int32_t fd;
	} arg = {
		.set = {
			.argsz = sizeof(arg),
			.flags = action | (trigger < 0 ?
					   VFIO_IRQ_SET_DATA_NONE :
					   VFIO_IRQ_SET_DATA_EVENTFD),
			.index = VFIO_PCI_INTX_IRQ_INDEX,
			.count = count,
		},
		.fd = trigger,
	};

	if (ioctl(device, VFIO_DEVICE_SET_IRQS, &arg) < 0)
		die("VFIO_DEVICE_SET_IRQS");
}

static void mask_and_unmask(int device)
{
	set_irqs(device, VFIO_IRQ_SET_ACTION_MASK, 1, -1);
	set_irqs(device, VFIO_IRQ_SET_ACTION_UNMASK, 1, -1);
}

static bool fires(int trigger, int ms)
{
	struct pollfd p = { .fd = trigger, .events = POLLIN };
	uint64_t count;

	return poll(&p, 1, ms) == 1 &&
	       read(trigger, &count, sizeof(count)) == sizeof(count);
}

int main(int argc, char **argv)
{
	unsigned int setups, silent = 0, back = 0;
	volatile uint32_t *bar;
	int device, trigger;
	pthread_t changer;
	bool changing;

	if (argc != 5)
		return 2;
	setups = (unsigned int)strtoul(argv[3], NULL, 10);
	changing = !strcmp(argv[4], "changing");
	device = open_device(argv[1]);
	write_byte(device, region(device, VFIO_PCI_CONFIG_REGION_INDEX) +
		   PCI_COMMAND, PCI_COMMAND_MEMORY);
	bar = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, device,
		   region(device, VFIO_PCI_BAR0_REGION_INDEX));
	trigger = eventfd(0, EFD_NONBLOCK);
	if (bar == MAP_FAILED || trigger < 0)
		die(argv[1]);
	sit_on(0);
	if (changing)
		pthread_create(&changer, NULL, change_map, argv[2]);
	for (unsigned int i = 0; i < setups; i++) {
		set_irqs(device, VFIO_IRQ_SET_ACTION_TRIGGER, 1, trigger);
		for (int n = 0; n < MASKS; n++)
			mask_and_unmask(device);
		bar[EDU_RAISE / 4] = 1;
		if (!fires(trigger, WAIT_MS)) {
			silent++;
			mask_and_unmask(device);
			back += fires(trigger, WAIT_MS);
		}
		bar[EDU_ACK / 4] = ~0u;
		set_irqs(device, VFIO_IRQ_SET_ACTION_TRIGGER, 0, -1);
	}
	atomic_store(&done, true);
	if (changing)
		pthread_join(changer, NULL);
	printf("%u %u %u %lu\n", setups, silent, back, atomic_load(&changes));
	return 0;
}
