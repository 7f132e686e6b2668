/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses, and what the sentences say, on a sysfs made of plain files. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "source/error.h"
#include "source/pci_sysfs.h"
#include "source/proc_interrupts.h"

static char root[64];

static void make(const char *path)
{
	char full[512], *slash;

	snprintf(full, sizeof(full), "%s/%s", root, path);
	for (slash = full + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(full, 0700);
		*slash = '/';
	}
	assert_true(mkdir(full, 0700) == 0 || errno == EEXIST);
}

static void make_link(const char *path, const char *target)
{
	char full[512];

	snprintf(full, sizeof(full), "%s/%s", root, path);
	assert_int_equal(symlink(target, full), 0);
}

static void make_file(const char *path, const char *text)
{
	char full[512];
	FILE *file;

	snprintf(full, sizeof(full), "%s/%s", root, path);
	file = fopen(full, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int setup(void **state)
{
	static const char devices[] = "kernel/iommu_groups/7/devices";

	strcpy(root, "/tmp/irqfwd-sysfs-XXXXXX");
	assert_non_null(mkdtemp(root));
	make("bus/pci/devices/0000:00:03.0/vfio-dev/vfio2");
	make("bus/pci/devices/0000:00:04.0");
	make("bus/pci/devices/0000:00:05.0");
	make("bus/pci/devices/0000:00:06.0");
	make(devices);
	make_link("bus/pci/devices/0000:00:03.0/driver",
		  "../../drivers/vfio-pci");
	make_link("bus/pci/devices/0000:00:04.0/driver",
		  "../../drivers/e1000e");
	make_link("bus/pci/devices/0000:00:03.0/iommu_group",
		  "../../../kernel/iommu_groups/7");
	make_link("bus/pci/devices/0000:00:04.0/iommu_group",
		  "../../../kernel/iommu_groups/7");
	make_link("bus/pci/devices/0000:00:05.0/iommu_group",
		  "../../../kernel/iommu_groups/7");
	make_link("kernel/iommu_groups/7/devices/0000:00:03.0", "x");
	make_link("kernel/iommu_groups/7/devices/0000:00:04.0", "x");
	make_link("kernel/iommu_groups/7/devices/0000:00:05.0", "x");
	make_file("bus/pci/devices/0000:00:03.0/irq", "17\n");
	make_file("bus/pci/devices/0000:00:04.0/irq", "0\n");
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", root);
	return system(command);
}

static void addresses(void **state)
{
	static const char *const bad[] = {
		"", "3.0", "00:03", "00:20.0", "00:03.8", "00:03.0x",
		"0000:00:03.0 ", "000:00:00:03.0", "zz:03.0",
	};
	char address[PCI_ADDRESS_SIZE];

	assert_int_equal(pci_sysfs_address("0000:00:03.0", address), 0);
	assert_string_equal(address, "0000:00:03.0");
	assert_int_equal(pci_sysfs_address("3b:1F.7", address), 0);
	assert_string_equal(address, "0000:3b:1f.7");
	assert_int_equal(pci_sysfs_address("10000:e1:00.0", address), 0);
	assert_string_equal(address, "10000:e1:00.0");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(pci_sysfs_address(bad[i], address), -EINVAL);
}

static void drivers(void **state)
{
	assert_int_equal(pci_sysfs_check_driver(root, "0000:00:03.0"), 0);
	assert_int_equal(pci_sysfs_check_driver(root, "0000:00:09.0"), -ENODEV);
	assert_int_equal(pci_sysfs_check_driver(root, "0000:00:04.0"), -EBUSY);
	assert_string_equal(error_text(),
		"0000:00:04.0 is bound to e1000e, not to vfio-pci; bind it:\n"
		"  modprobe vfio-pci\n"
		"  echo vfio-pci > /sys/bus/pci/devices/0000:00:04.0/"
		"driver_override\n"
		"  echo 0000:00:04.0 > /sys/bus/pci/drivers/e1000e/unbind\n"
		"  echo 0000:00:04.0 > /sys/bus/pci/drivers_probe");
	assert_int_equal(pci_sysfs_check_driver(root, "0000:00:05.0"), -EBUSY);
	assert_string_equal(error_text(),
		"0000:00:05.0 is bound to no driver, not to vfio-pci; bind it:\n"
		"  modprobe vfio-pci\n"
		"  echo vfio-pci > /sys/bus/pci/devices/0000:00:05.0/"
		"driver_override\n"
		"  echo 0000:00:05.0 > /sys/bus/pci/drivers_probe");
}

static void groups(void **state)
{
	assert_int_equal(pci_sysfs_group(root, "0000:00:03.0"), 7);
	assert_int_equal(pci_sysfs_group(root, "0000:00:06.0"), -ENOTSUP);
	assert_int_equal(pci_sysfs_check_driver(root, "0000:00:06.0"),
			 -ENOTSUP);
	assert_non_null(strstr(error_text(), "behind no IOMMU"));
	assert_int_equal(pci_sysfs_group_not_viable(root, 7), -EPERM);
	assert_non_null(strstr(error_text(),
			       "host drivers hold 0000:00:04.0 (e1000e);"));
}

static void the_rest(void **state)
{
	char text[32];

	pci_sysfs_irq(root, "0000:00:03.0", text, sizeof(text));
	assert_string_equal(text, "17");
	pci_sysfs_irq(root, "0000:00:04.0", text, sizeof(text));
	assert_string_equal(text, "-");
	assert_int_equal(pci_sysfs_cdev(root, "0000:00:03.0", text,
					sizeof(text)), 0);
	assert_string_equal(text, "vfio2");
	assert_int_equal(pci_sysfs_cdev(root, "0000:00:04.0", text,
					sizeof(text)), -ENOENT);
}

static void message_interrupts_are_counted(void **state)
{
	static const char text[] =
		"           CPU0       CPU1       \n"
		"  16:         10          4   IO-APIC  16-fasteoi   vfio-intx(0000:00:03.0)\n"
		"  40:          3         39   PCI-MSI 49152-edge      vfio-msix[0](0000:00:03.0)\n"
		"  41:          0          8   IR-PCI-MSI 49153-edge      vfio-msix[1](0000:00:03.0)\n"
		"  42:        100          0   PCI-MSI 65536-edge      vfio-msi[0](0000:00:04.0)\n"
		" NMI:          1          2   Non-maskable interrupts\n";
	char path[128];

	make_file("interrupts", text);
	snprintf(path, sizeof(path), "%s/interrupts", root);
	assert_int_equal(proc_interrupts_msi(path, "0000:00:03.0"), 50);
	assert_int_equal(proc_interrupts_msi(path, "0000:00:04.0"), 100);
	assert_int_equal(proc_interrupts_msi(path, "0000:00:05.0"), 0);
	snprintf(path, sizeof(path), "%s/none", root);
	assert_int_equal(proc_interrupts_msi(path, "0000:00:03.0"), -ENOENT);
}

/* Interrupt Disable is bit 10 of the Command register, at offset 4. */
static void interrupt_disable(void **state)
{
	make_file("bus/pci/devices/0000:00:03.0/config",
		  "\x34\x12\xe8\x11\x07\x04\x10\x01");
	make_file("bus/pci/devices/0000:00:04.0/config",
		  "\x34\x12\xe8\x11\x07\x03\x18\x04");
	make_file("bus/pci/devices/0000:00:05.0/config", "\x34\x12");
	assert_int_equal(pci_sysfs_disintx(root, "0000:00:03.0"), 1);
	assert_int_equal(pci_sysfs_disintx(root, "0000:00:04.0"), 0);
	assert_int_equal(pci_sysfs_disintx(root, "0000:00:05.0"), -EIO);
	assert_int_equal(pci_sysfs_disintx(root, "0000:00:06.0"), -EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test(drivers),
		cmocka_unit_test(groups),
		cmocka_unit_test(the_rest),
		cmocka_unit_test(message_interrupts_are_counted),
		cmocka_unit_test(interrupt_disable),
	};

	return cmocka_run_group_tests_name("pci_sysfs", tests, setup,
					   teardown);
}
