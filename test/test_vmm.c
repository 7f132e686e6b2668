/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's parts that need no KVM: bus, serial port, options, tables. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/acpi.h"
#include "vmm/bus.h"
#include "vmm/cpuid.h"
#include "vmm/failure.h"
#include "vmm/fw_cfg.h"
#include "vmm/options.h"
#include "vmm/serial.h"

/* ---- bus ---------------------------------------------------------------- */

struct probe {
	struct bus *bus;
	uint64_t offset, value;
	unsigned int size, calls;
};

static uint64_t probe_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct probe *p = opaque;

	p->offset = offset;
	p->size = size;
	p->calls++;
	return 0x1122334455667788;
}

static void probe_write(void *opaque, uint64_t offset, uint64_t value,
			unsigned int size)
{
	struct probe *p = opaque;

	p->offset = offset;
	p->value = value;
	p->size = size;
	p->calls++;
	/* A PCI command register does this in its own handler. */
	if (value == 0xdead)
		assert_int_equal(bus_remove(p->bus, 0x100), 0);
}

static const struct io_ops probe_ops = { probe_read, probe_write };

static void bus_finds_the_range_of_the_first_byte(void **state)
{
	struct bus bus;
	struct probe p = { .bus = &bus };

	bus_init(&bus, 0x10000);
	assert_int_equal(bus_add(&bus, 0x100, 8, &probe_ops, &p), 0);
	assert_int_equal(bus_read(&bus, 0x104, 2), 0x7788);
	assert_int_equal(p.offset, 4);
	assert_int_equal(p.size, 2);
	assert_int_equal(bus_read(&bus, 0x108, 4), 0xffffffff);
	assert_int_equal(bus_read(&bus, 0xff, 2), 0xffff);
	assert_true(bus_read(&bus, 0xff, 8) == UINT64_MAX);
	bus_write(&bus, 0x107, 0xaabbcc, 1);
	assert_int_equal(p.value, 0xcc);
	assert_int_equal(p.calls, 2);
	bus_destroy(&bus);
}

static void bus_ranges_do_not_overlap(void **state)
{
	struct bus bus;

	bus_init(&bus, 0x10000);
	assert_int_equal(bus_add(&bus, 0x100, 8, &probe_ops, NULL), 0);
	assert_int_equal(bus_add(&bus, 0x107, 1, &probe_ops, NULL), -EEXIST);
	assert_int_equal(bus_add(&bus, 0xf0, 0x11, &probe_ops, NULL), -EEXIST);
	assert_int_equal(bus_add(&bus, 0, 0x10000, &probe_ops, NULL), -EEXIST);
	assert_int_equal(bus_add(&bus, 0x108, 1, &probe_ops, NULL), 0);
	assert_int_equal(bus_add(&bus, 0xf0, 0x10, &probe_ops, NULL), 0);
	assert_int_equal(bus_add(&bus, 0xffff, 1, &probe_ops, NULL), 0);
	assert_int_equal(bus_add(&bus, 0xffff, 2, &probe_ops, NULL), -EINVAL);
	assert_int_equal(bus_add(&bus, 0x10000, 1, &probe_ops, NULL), -EINVAL);
	assert_int_equal(bus_add(&bus, 0x50, 0, &probe_ops, NULL), -EINVAL);
	assert_int_equal(bus_add(&bus, 1, UINT64_MAX, &probe_ops, NULL),
			 -EINVAL);
	bus_destroy(&bus);
}

static void bus_handler_may_remove_itself(void **state)
{
	struct bus bus;
	struct probe p = { .bus = &bus };

	bus_init(&bus, 0x10000);
	assert_int_equal(bus_add(&bus, 0x100, 8, &probe_ops, &p), 0);
	bus_write(&bus, 0x100, 0xdead, 2);
	assert_int_equal(bus_read(&bus, 0x100, 1), 0xff);
	assert_int_equal(bus_remove(&bus, 0x100), -ENOENT);
	bus_destroy(&bus);
}

static void bus_is_full_at_its_bound(void **state)
{
	struct bus bus;
	unsigned int i;

	bus_init(&bus, 0x10000);
	for (i = 0; i < BUS_RANGES_MAX; i++)
		assert_int_equal(bus_add(&bus, (i * 37) % BUS_RANGES_MAX * 16,
					 16, &probe_ops, NULL), 0);
	assert_int_equal(bus_add(&bus, i * 16, 1, &probe_ops, NULL), -ENOSPC);
	for (i = 1; i < bus.nr; i++)
		assert_true(bus.range[i - 1].base < bus.range[i].base);
	bus_destroy(&bus);
}

/* ---- serial port -------------------------------------------------------- */

struct terminal {
	char text[256];
	unsigned int length, rises;
	bool high;
};

static void terminal_output(void *opaque, uint8_t byte)
{
	struct terminal *t = opaque;

	if (t->length < sizeof(t->text) - 1)
		t->text[t->length++] = (char)byte;
}

static void terminal_line(void *opaque, bool high)
{
	struct terminal *t = opaque;

	assert_true(high != t->high);
	t->high = high;
	t->rises += high;
}

static struct serial *new_serial(struct terminal *t)
{
	const struct serial_config config = { terminal_output, terminal_line,
					      t };
	struct serial *s = serial_new(&config);

	memset(t, 0, sizeof(*t));
	assert_non_null(s);
	return s;
}

static void serial_sends(void **state)
{
	struct terminal t;
	struct serial *s = new_serial(&t);

	serial_write(s, 3, 0x80);	/* divisor latch */
	serial_write(s, 0, 'x');
	serial_write(s, 3, 0x03);
	serial_write(s, 0, 'o');
	serial_write(s, 0, 'k');
	assert_string_equal(t.text, "ok");
	assert_int_equal(serial_read(s, 5), 0x60);
	assert_int_equal(t.rises, 0);
	serial_free(s);
}

/* The IOAPIC's pin is edge-triggered: each byte sent must raise anew. */
static void serial_interrupts_when_empty(void **state)
{
	struct terminal t;
	struct serial *s = new_serial(&t);

	serial_write(s, 4, 0x08);	/* OUT2 */
	serial_write(s, 1, 0x02);
	assert_int_equal(t.rises, 1);
	assert_int_equal(serial_read(s, 2) & 0x0f, 0x02);
	assert_false(t.high);
	assert_int_equal(serial_read(s, 2) & 0x0f, 0x01);
	serial_write(s, 0, 'a');
	assert_int_equal(t.rises, 2);
	serial_write(s, 0, 'b');
	assert_int_equal(t.rises, 3);
	serial_write(s, 1, 0);
	assert_false(t.high);
	serial_free(s);
}

static void serial_receives(void **state)
{
	struct terminal t;
	struct serial *s = new_serial(&t);
	uint8_t data[SERIAL_INPUT + 10];

	memset(data, 'd', sizeof(data));
	serial_write(s, 1, 0x01);
	serial_receive(s, (const uint8_t *)"ab", 2);
	assert_false(t.high);		/* OUT2 is low */
	serial_write(s, 4, 0x08);
	assert_true(t.high);
	assert_int_equal(serial_read(s, 5) & 1, 1);
	assert_int_equal(serial_read(s, 0), 'a');
	assert_true(t.high);
	assert_int_equal(serial_read(s, 0), 'b');
	assert_false(t.high);
	assert_int_equal(serial_read(s, 5) & 1, 0);
	assert_int_equal(serial_room(s), SERIAL_INPUT);
	serial_receive(s, data, sizeof(data));
	assert_int_equal(serial_room(s), 0);
	serial_write(s, 2, 0x03);	/* clear the FIFO */
	assert_int_equal(serial_room(s), SERIAL_INPUT);
	assert_false(t.high);
	serial_free(s);
}

static void serial_is_found_by_its_loop(void **state)
{
	struct terminal t;
	struct serial *s = new_serial(&t);

	serial_write(s, 4, 0x1a);
	assert_int_equal(serial_read(s, 6) & 0xf0, 0x90);
	serial_write(s, 0, 'q');
	assert_int_equal(serial_read(s, 0), 'q');
	assert_int_equal(t.length, 0);
	serial_write(s, 7, 0x5a);
	assert_int_equal(serial_read(s, 7), 0x5a);
	serial_write(s, 2, 0x01);
	assert_int_equal(serial_read(s, 2) & 0xc0, 0xc0);
	serial_free(s);
}

/* Any write to any register: the line follows, and reset puts it down. */
static void serial_survives_anything(void **state)
{
	struct terminal t;
	struct serial *s = new_serial(&t);

	srand(1);
	for (unsigned int i = 0; i < 100000; i++) {
		unsigned int r = (unsigned int)rand();

		if (r & 0x100)
			serial_write(s, r % 8, (uint8_t)(r >> 16));
		else
			(void)serial_read(s, r % 8);
		if (r % 64 == 0)
			serial_receive(s, (const uint8_t *)"xyz", 3);
		assert_true(serial_room(s) <= SERIAL_INPUT);
	}
	serial_reset(s);
	assert_false(t.high);
	assert_int_equal(serial_room(s), SERIAL_INPUT);
	serial_free(s);
}

/* ---- fw_cfg ------------------------------------------------------------- */

static uint64_t fw_cfg_item(struct fw_cfg *f, uint16_t key, unsigned int size)
{
	uint64_t value = 0;

	fw_cfg_select(f, key);
	for (unsigned int i = 0; i < size; i++)
		value |= (uint64_t)fw_cfg_read(f) << (8 * i);
	return value;
}

static void fw_cfg_items(void **state)
{
	struct fw_cfg f = { .ram_size = 0x123456000, .cpus = 3 };

	assert_int_equal(fw_cfg_item(&f, 0x00, 4), 0x554d4551);	/* "QEMU" */
	assert_int_equal(fw_cfg_item(&f, 0x03, 8), 0x123456000);
	assert_int_equal(fw_cfg_item(&f, 0x05, 2), 3);
	assert_int_equal(fw_cfg_item(&f, 0x0f, 2), 3);
	assert_int_equal(fw_cfg_item(&f, 0x7777, 8), 0);
	for (unsigned int i = 0; i < 100; i++)
		assert_int_equal(fw_cfg_read(&f), 0);
}

/* ---- options ------------------------------------------------------------ */

static void device_option_in_full(void **state)
{
	struct device_options d;

	assert_int_equal(options_parse_device(
		"vfio-pci,host=0000:00:03.0,irq=msix,policy=sample,resample=ioctl,slot=7",
		&d), 0);
	assert_string_equal(d.host, "0000:00:03.0");
	assert_int_equal(d.irq, DEVICE_IRQ_MSIX);
	assert_int_equal(d.policy, IRQFWD_POLICY_SAMPLE);
	assert_true(d.unmask_by_ioctl);
	assert_int_equal(d.slot, 7);
}

static void device_option_defaults(void **state)
{
	struct device_options d;

	assert_int_equal(options_parse_device("vfio-pci,host=3:1f.7", &d), 0);
	assert_string_equal(d.host, "0000:03:1f.7");
	assert_int_equal(d.irq, DEVICE_IRQ_AUTO);
	assert_int_equal(d.policy, IRQFWD_POLICY_DEFAULT);
	assert_false(d.unmask_by_ioctl);
	assert_int_equal(d.slot, 0);
	assert_int_equal(options_parse_device("vfio-pci,host=ABCD:0A:00.1", &d),
			 0);
	assert_string_equal(d.host, "abcd:0a:00.1");
}

static void device_option_refused(void **state)
{
	static const char *const bad[][2] = {
		{ "", "vfio-pci" },
		{ "vfio-pci", "host=" },
		{ "vfio-pci,", "no value" },
		{ "vfio-pci,host=", "PCI address" },
		{ "vfio-pci,host", "no value" },
		{ "vfio-pci,host=eth0", "PCI address" },
		{ "vfio-pci,host=0000:00:03.0x", "PCI address" },
		{ "vfio-pci,host=0000:00:03", "PCI address" },
		{ "vfio-pci,host=00:20.0", "slots" },
		{ "vfio-pci,host=00:01.8", "functions" },
		{ "vfio-pci,host=00:01.0,irq=nmi", "auto, intx, msi, msix" },
		{ "vfio-pci,host=00:01.0,policy=none", "unmask, sample, eoi" },
		{ "vfio-pci,host=00:01.0,resample=no", "eventfd, ioctl" },
		{ "vfio-pci,host=00:01.0,slot=32", "1 to 31" },
		{ "vfio-pci,host=00:01.0,slot=0", "1 to 31" },
		{ "vfio-pci,host=00:01.0,colour=red", "colour" },
		{ "edu,host=00:01.0", "edu" },
	};
	struct device_options d;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(options_parse_device(bad[i][0], &d), -EINVAL);
		if (!strstr(failure_text(), bad[i][1]))
			fail_msg("%s: '%s' does not say '%s'", bad[i][0],
				 failure_text(), bad[i][1]);
	}
}

static void sizes(void **state)
{
	static const char *const bad[] = { "", "M", "-1", " 1", "1X", "1MB",
					   "99999999999999999999",
					   "18446744073709551615K" };
	uint64_t v;

	assert_int_equal(options_parse_size("512M", &v), 0);
	assert_int_equal(v, 512ull << 20);
	assert_int_equal(options_parse_size("4g", &v), 0);
	assert_int_equal(v, 4ull << 30);
	assert_int_equal(options_parse_size("4096", &v), 0);
	assert_int_equal(v, 4096);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(options_parse_size(bad[i], &v), -EINVAL);
}

static void counts(void **state)
{
	unsigned int v = 0;

	assert_int_equal(options_parse_count("64", 64, &v), 0);
	assert_int_equal(v, 64);
	assert_int_equal(options_parse_count("65", 64, &v), -EINVAL);
	assert_int_equal(options_parse_count("0", 64, &v), -EINVAL);
	assert_int_equal(options_parse_count("-1", 64, &v), -EINVAL);
	assert_int_equal(options_parse_count("4x", 64, &v), -EINVAL);
	assert_int_equal(v, 64);
}

/* ---- CPUID -------------------------------------------------------------- */

static struct kvm_cpuid2 *new_cpuid(void)
{
	struct kvm_cpuid2 *c = calloc(
		1, sizeof(*c) + CPUID_ENTRIES_MAX * sizeof(c->entries[0]));

	assert_non_null(c);
	c->nent = 5;
	c->entries[0] = (struct kvm_cpuid_entry2){ .function = 0, .eax = 0x1f };
	c->entries[1] = (struct kvm_cpuid_entry2){ .function = 1,
						   .ebx = 0x55aa0800 };
	c->entries[2] = (struct kvm_cpuid_entry2){ .function = 0xb,
						   .edx = 77 };
	c->entries[3] = (struct kvm_cpuid_entry2){ .function = 4,
						   .eax = 0xfc01c163 };
	c->entries[4] = (struct kvm_cpuid_entry2){ .function = 0x80000008,
						   .ecx = 0x70ff };
	return c;
}

static void cpuid_places_a_cpu(void **state)
{
	struct kvm_cpuid2 *c = new_cpuid();

	cpuid_place(c, 2, 3);
	assert_int_equal(c->nent, 7);
	assert_int_equal(c->entries[0].eax, 0x1e);
	assert_int_equal(c->entries[1].ebx, 0x02030800);
	assert_int_equal(c->entries[1].ecx & (1u << 21 | 1u << 24),
			 1u << 21 | 1u << 24);
	assert_int_equal(c->entries[1].edx & 1u << 28, 1u << 28);
	/* leaf 4, level 3: shared by the four ids that three cores need */
	assert_int_equal(c->entries[2].eax, 3u << 26 | 3u << 14 | 0x163);
	assert_int_equal(c->entries[3].ecx, 2u << 12 | 2);
	for (unsigned int i = 0; i < 3; i++) {
		const struct kvm_cpuid_entry2 *e = &c->entries[4 + i];

		assert_int_equal(e->function, 0xb);
		assert_int_equal(e->index, i);
		assert_int_equal(e->edx, 2);
	}
	assert_int_equal(c->entries[5].eax, 2);
	assert_int_equal(c->entries[5].ebx, 3);
	free(c);
}

static void cpuid_of_a_single_cpu(void **state)
{
	struct kvm_cpuid2 *c = new_cpuid();

	c->entries[1].edx = 1u << 28;
	cpuid_place(c, 0, 1);
	assert_int_equal(c->entries[1].ebx, 0x00010800);
	assert_int_equal(c->entries[1].edx, 0);
	assert_int_equal(c->entries[2].eax, 0x163);
	free(c);
}

/* ---- ACPI --------------------------------------------------------------- */

static uint8_t sum(const struct memory *mem, uint64_t gpa, uint32_t len)
{
	const uint8_t *byte = memory_at(mem, gpa, len);
	uint8_t total = 0;

	assert_non_null(byte);
	while (len--)
		total = (uint8_t)(total + *byte++);
	return total;
}

static uint32_t dword(const struct memory *mem, uint64_t gpa)
{
	uint32_t v;

	memcpy(&v, memory_at(mem, gpa, 4), 4);
	return v;
}

static void acpi_tables_lead_to_each_other(void **state)
{
	struct memory mem;
	uint64_t rsdp, xsdt, fadt, madt, dsdt;

	assert_int_equal(memory_new(&mem, 2ull << 20), 0);
	rsdp = acpi_write(&mem, 3);
	assert_memory_equal(memory_at(&mem, rsdp, 8), "RSD PTR ", 8);
	assert_int_equal(sum(&mem, rsdp, 20), 0);
	assert_int_equal(sum(&mem, rsdp, 36), 0);
	xsdt = dword(&mem, rsdp + 24);
	assert_memory_equal(memory_at(&mem, xsdt, 4), "XSDT", 4);
	assert_int_equal(sum(&mem, xsdt, dword(&mem, xsdt + 4)), 0);
	fadt = dword(&mem, xsdt + 36);
	madt = dword(&mem, xsdt + 44);
	assert_memory_equal(memory_at(&mem, fadt, 4), "FACP", 4);
	assert_int_equal(dword(&mem, fadt + 4), 268 - 24);
	assert_int_equal(sum(&mem, fadt, dword(&mem, fadt + 4)), 0);
	dsdt = dword(&mem, fadt + 40);
	assert_memory_equal(memory_at(&mem, dsdt, 4), "DSDT", 4);
	assert_int_equal(sum(&mem, dsdt, dword(&mem, dsdt + 4)), 0);
	assert_memory_equal(memory_at(&mem, madt, 4), "APIC", 4);
	assert_int_equal(sum(&mem, madt, dword(&mem, madt + 4)), 0);
	/* header and flags, IOAPIC, override, NMI, three local APICs */
	assert_int_equal(dword(&mem, madt + 4), 44 + 12 + 10 + 6 + 3 * 8);
	memory_free(&mem);
}

/* Both the table's method and the PCI bus use one formula. */
static void intx_gsis(void **state)
{
	for (unsigned int slot = 0; slot < 32; slot++)
		for (unsigned int pin = 1; pin <= 4; pin++) {
			unsigned int gsi = machine_intx_gsi(slot, pin);

			assert_in_range(gsi, 16, 23);
			assert_int_equal(gsi, 16 + ((slot + pin - 1) & 7));
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bus_finds_the_range_of_the_first_byte),
		cmocka_unit_test(bus_ranges_do_not_overlap),
		cmocka_unit_test(bus_handler_may_remove_itself),
		cmocka_unit_test(bus_is_full_at_its_bound),
		cmocka_unit_test(serial_sends),
		cmocka_unit_test(serial_interrupts_when_empty),
		cmocka_unit_test(serial_receives),
		cmocka_unit_test(serial_is_found_by_its_loop),
		cmocka_unit_test(serial_survives_anything),
		cmocka_unit_test(fw_cfg_items),
		cmocka_unit_test(device_option_in_full),
		cmocka_unit_test(device_option_defaults),
		cmocka_unit_test(device_option_refused),
		cmocka_unit_test(sizes),
		cmocka_unit_test(counts),
		cmocka_unit_test(cpuid_places_a_cpu),
		cmocka_unit_test(cpuid_of_a_single_cpu),
		cmocka_unit_test(acpi_tables_lead_to_each_other),
		cmocka_unit_test(intx_gsis),
	};

	return cmocka_run_group_tests_name("vmm", tests, NULL, NULL);
}
