/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration mechanism 1, and a passed-through function as the guest sees
 * it.  The host's side is a struct here that writes down what it is asked for;
 * the real one is src/vmm/pci_vfio.c, and runs in the lab.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/pci_regs.h>

#include "vmm/pci_function.h"

#define SLOT	 5u
#define MEMORY	 0xc0000000ull
#define IO	 0xc000ull
#define PM	 0x40u
#define MSI	 0x50u
#define EXPRESS	 0x70u
#define MSIX	 0xb0u
#define VENDOR	 0xc8u
#define VECTORS	 5u		/* of MSI-X; MSI has 4 */
#define BAR0_SIZE 0x8000u	/* 64-bit; table in page 2, PBA in page 4 */
#define TABLE	 0x2000u
#define PBA	 0x4100u
#define BAR2_SIZE 0x20u		/* I/O */
#define BAR3_SIZE 0x100u	/* smaller than a page */

/* The device on the host: its bytes, and a line for each thing asked. */
struct fake {
	uint8_t config[PCI_CONFIG_SIZE];
	uint8_t bar[PCI_BARS][BAR0_SIZE];
	uint64_t size[PCI_BARS];
	uint32_t pending;
	bool dead;
	char log[4096];
	/* for the invariants */
	enum pci_irq irq;
	unsigned int vectors;
	uint64_t mapped[16];
	unsigned int nr_mapped;
	bool bad;
};

static struct fake fake;
static struct pci_bus bus;
static struct pci_host_bridge bridge;
static struct pci_function function;

static void __attribute__((format(printf, 1, 2))) note(const char *format, ...)
{
	size_t used = strlen(fake.log);
	va_list ap;

	va_start(ap, format);
	vsnprintf(fake.log + used, sizeof(fake.log) - used, format, ap);
	va_end(ap);
}

static int fake_config_read(void *host, unsigned int offset, void *data,
			    unsigned int size)
{
	if (fake.dead)
		return -EIO;
	memcpy(data, fake.config + offset, size);
	return 0;
}

/* What the host uses itself must never be written, nor DisINTx's byte. */
static int fake_config_write(void *host, unsigned int offset, const void *data,
			     unsigned int size)
{
	uint32_t value = 0;

	memcpy(&value, data, size);
	if (offset == PCI_COMMAND) {
		fake.bad = fake.bad || size != 1;
		note("command %x;", value);
		return 0;
	}
	note("config %x/%u=%x;", offset, size, value);
	for (unsigned int i = offset; i < offset + size; i++)
		if (i != PCI_STATUS && i != PCI_STATUS + 1 &&
		    (i < 0x48 || (i >= MSI && i < MSI + 24) ||
		     (i >= MSIX && i < MSIX + 12) ||
		     (i >= EXPRESS && i < EXPRESS + 0x32)))
			fake.bad = true;
	return 0;
}

static bool in_tables(unsigned int bar, uint64_t offset, uint64_t size)
{
	return bar == 0 && ((offset < TABLE + VECTORS * 16 &&
			     TABLE < offset + size) ||
			    (offset < PBA + 8 && PBA < offset + size));
}

static int fake_region_read(void *host, unsigned int bar, uint64_t offset,
			    void *data, unsigned int size)
{
	fake.bad = fake.bad || offset + size > fake.size[bar] ||
		   in_tables(bar, offset, size);
	if (!fake.bad)
		memcpy(data, fake.bar[bar] + offset, size);
	return fake.bad ? -EINVAL : 0;
}

static int fake_region_write(void *host, unsigned int bar, uint64_t offset,
			     const void *data, unsigned int size)
{
	fake.bad = fake.bad || offset + size > fake.size[bar] ||
		   in_tables(bar, offset, size);
	if (!fake.bad)
		memcpy(fake.bar[bar] + offset, data, size);
	return 0;
}

static uint64_t fake_region_size(void *host, unsigned int bar)
{
	return fake.size[bar];
}

static void fake_map(void *host, unsigned int bar, uint64_t offset,
		     uint64_t size, uint64_t address)
{
	note("map %u+%llx/%llx@%llx;", bar, (unsigned long long)offset,
	     (unsigned long long)size, (unsigned long long)address);
	fake.bad = fake.bad || address & 4095 || size & 4095 || !size ||
		   address < MEMORY ||
		   address + size > MEMORY + bus.window[0].size ||
		   in_tables(bar, offset, size) ||
		   fake.nr_mapped == 16;
	if (!fake.bad)
		fake.mapped[fake.nr_mapped++] = address;
}

static void fake_unmap(void *host, unsigned int bar, uint64_t address)
{
	note("unmap %u@%llx;", bar, (unsigned long long)address);
	for (unsigned int i = 0; i < fake.nr_mapped; i++)
		if (fake.mapped[i] == address) {
			fake.mapped[i] = fake.mapped[--fake.nr_mapped];
			return;
		}
	fake.bad = true;
}

static void fake_irq(void *host, enum pci_irq irq, unsigned int vectors)
{
	static const char *const name[] = { "none", "intx", "msi", "msix" };

	note(vectors ? "irq %s %u;" : "irq %s;", name[irq], vectors);
	fake.irq = irq;
	fake.vectors = vectors;
}

static void fake_vector(void *host, unsigned int vector,
			const struct msi_vector *v)
{
	note("vector %u %llx:%x%s;", vector, (unsigned long long)v->address,
	     v->data, v->masked ? " masked" : "");
	fake.bad = fake.bad || vector >= fake.vectors;
}

static bool fake_pending(void *host, unsigned int vector)
{
	fake.bad = fake.bad || vector >= fake.vectors;
	return fake.pending & 1u << vector;
}

static void fake_reset(void *host)
{
	note("reset;");
	fake.bad = fake.bad || fake.irq != PCI_IRQ_NONE || fake.nr_mapped;
}

static const struct pci_function_ops fake_ops = {
	.config_read = fake_config_read,
	.config_write = fake_config_write,
	.region_read = fake_region_read,
	.region_write = fake_region_write,
	.region_size = fake_region_size,
	.map = fake_map,
	.unmap = fake_unmap,
	.irq = fake_irq,
	.vector = fake_vector,
	.pending = fake_pending,
	.reset = fake_reset,
};

/* ---- the world of a test ------------------------------------------------ */

static void put(unsigned int offset, unsigned int size, uint32_t value)
{
	memcpy(fake.config + offset, &value, size);
}

static void build_device(void)
{
	memset(&fake, 0, sizeof(fake));
	put(PCI_VENDOR_ID, 4, 0x11e81234);
	put(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	put(PCI_STATUS, 2, PCI_STATUS_CAP_LIST | PCI_STATUS_INTERRUPT);
	put(PCI_CLASS_REVISION, 4, 0x00ff0010);
	put(PCI_HEADER_TYPE, 1, 0x80); /* says that it has more functions */
	put(PCI_BASE_ADDRESS_0, 4, 0xfe000004);
	put(PCI_BASE_ADDRESS_2, 4, 0x0000d001);
	put(PCI_BASE_ADDRESS_3, 4, 0xfd000000);
	put(PCI_ROM_ADDRESS, 4, 0xfc000001);
	put(PCI_CAPABILITY_LIST, 1, PM);
	put(PCI_INTERRUPT_LINE, 2, 0x010a);
	put(PM, 4, 0xffc30000 | EXPRESS << 8 | PCI_CAP_ID_PM);
	put(EXPRESS, 4, 0x00020000 | MSI << 8 | PCI_CAP_ID_EXP);
	/* 64-bit, maskable, 4 vectors; enabled, as a host driver left it */
	put(MSI, 4, 0x01850000 | MSIX << 8 | PCI_CAP_ID_MSI);
	put(MSI + 4, 4, 0xfee00000);
	put(MSIX, 4, 0x80000000 | (VECTORS - 1) << 16 | VENDOR << 8 |
			     PCI_CAP_ID_MSIX);
	put(MSIX + 4, 4, TABLE | 0);
	put(MSIX + 8, 4, PBA | 0);
	put(VENDOR, 4, 0xab100000 | PCI_CAP_ID_VNDR);
	put(VENDOR + 4, 4, 0x12345678);
	fake.size[0] = BAR0_SIZE;
	fake.size[2] = BAR2_SIZE;
	fake.size[3] = BAR3_SIZE;
}

static int plug(bool hide_msi, bool hide_msix)
{
	const struct pci_window memory = { .base = MEMORY, .size = 0x10000000 };
	const struct pci_window io = { .base = IO, .size = 0x1000 };
	const struct pci_function_config config = {
		.bus = &bus, .ops = &fake_ops, .host = &fake, .gsi = 20,
		.hide_msi = hide_msi, .hide_msix = hide_msix,
	};
	int err;

	pci_bus_init(&bus, &memory, &io);
	pci_host_bridge_init(&bridge);
	pci_bus_plug(&bus, 0, &bridge.dev);
	err = pci_function_init(&function, &config);
	if (err)
		return err;
	pci_function_reset(&function);
	return pci_bus_plug(&bus, SLOT, &function.dev);
}

static int start(void **state)
{
	build_device();
	return plug(false, false);
}

static int start_intx_only(void **state)
{
	build_device();
	return plug(true, true);
}

/* Whatever was asked of the host, nothing of it was wrong. */
static int end(void **state)
{
	return fake.bad ? -1 : 0;
}

static uint32_t rd(unsigned int offset, unsigned int size)
{
	pci_bus_address_write(&bus, 0x80000000 | SLOT << 11 | (offset & 0xfc));
	return pci_bus_data_read(&bus, offset & 3, size);
}

static void wr(unsigned int offset, unsigned int size, uint32_t value)
{
	pci_bus_address_write(&bus, 0x80000000 | SLOT << 11 | (offset & 0xfc));
	pci_bus_data_write(&bus, offset & 3, size, value);
}

static void forget(void)
{
	fake.log[0] = '\0';
}

#define assert_asked(text)                                \
	do {                                              \
		assert_string_equal(fake.log, text);      \
		forget();                                 \
	} while (0)

/* ---- the bus ------------------------------------------------------------ */

static void test_address_register(void **state)
{
	pci_bus_address_write(&bus, 0xffffffff);
	assert_int_equal(pci_bus_address_read(&bus), 0x80fffffc);
	/* the mechanism is off: nobody answers */
	pci_bus_address_write(&bus, SLOT << 11);
	assert_int_equal(pci_bus_data_read(&bus, 0, 4), 0xffffffff);
}

static void test_absent(void **state)
{
	/* empty slot, other function, other bus: all ones, writes are lost */
	static const uint32_t nobody[] = { 6u << 11, SLOT << 11 | 1u << 8,
					   1u << 16 | SLOT << 11 };

	for (unsigned int i = 0; i < 3; i++) {
		pci_bus_address_write(&bus, 0x80000000 | nobody[i]);
		assert_int_equal(pci_bus_data_read(&bus, 0, 4), 0xffffffff);
		assert_int_equal(pci_bus_data_read(&bus, 2, 2), 0xffff);
		assert_int_equal(pci_bus_data_read(&bus, 3, 1), 0xff);
		pci_bus_data_write(&bus, 0, 4, 0);
	}
}

static void test_host_bridge(void **state)
{
	pci_bus_address_write(&bus, 0x80000000);
	assert_int_equal(pci_bus_data_read(&bus, 0, 2), 0x8086);
	pci_bus_address_write(&bus, 0x80000008);
	assert_int_equal(pci_bus_data_read(&bus, 2, 2), 0x0600);
	pci_bus_data_write(&bus, 2, 2, 0);
	assert_int_equal(pci_bus_data_read(&bus, 2, 2), 0x0600);
}

static void test_slots(void **state)
{
	assert_int_equal(pci_bus_plug(&bus, SLOT, &function.dev), -EBUSY);
	assert_int_equal(pci_bus_plug(&bus, 32, &function.dev), -EINVAL);
	assert_int_equal(pci_bus_free_slot(&bus, 3), 3);
	assert_int_equal(pci_bus_free_slot(&bus, SLOT), SLOT + 1);
	pci_bus_unplug(&bus, SLOT);
	assert_int_equal(rd(0, 4), 0xffffffff);
}

static void test_placing(void **state)
{
	uint64_t a;

	assert_int_equal(pci_bus_place(&bus, PCI_SPACE_IO, 0x100, &a), 0);
	assert_int_equal(a % 0x100, 0);
	assert_int_equal(pci_bus_place(&bus, PCI_SPACE_IO, 0x1000, &a),
			 -ENOSPC);
	assert_int_equal(pci_bus_place(&bus, PCI_SPACE_MEMORY, 1ull << 40, &a),
			 -ENOSPC);
	assert_false(pci_bus_holds(&bus, PCI_SPACE_IO, IO + 0xff0, 0x20));
	assert_false(pci_bus_holds(&bus, PCI_SPACE_MEMORY, UINT64_MAX - 15, 16));
}

/* ---- configuration space ------------------------------------------------ */

static void test_identity(void **state)
{
	assert_int_equal(rd(PCI_VENDOR_ID, 4), 0x11e81234);
	assert_int_equal(rd(PCI_DEVICE_ID, 2), 0x11e8);
	assert_int_equal(rd(PCI_DEVICE_ID + 1, 1), 0x11);
	wr(PCI_VENDOR_ID, 4, 0);
	assert_int_equal(rd(PCI_VENDOR_ID, 4), 0x11e81234);
	/* one function, no ROM */
	assert_int_equal(rd(PCI_HEADER_TYPE, 1), 0);
	wr(PCI_ROM_ADDRESS, 4, 0xffffffff);
	assert_int_equal(rd(PCI_ROM_ADDRESS, 4), 0);
	/* what firmware would have written, and the guest's to change */
	assert_int_equal(rd(PCI_INTERRUPT_LINE, 2), 0x0114);
	wr(PCI_INTERRUPT_LINE, 2, 0x0305);
	assert_int_equal(rd(PCI_INTERRUPT_LINE, 2), 0x0105);
}

static void test_power_on(void **state)
{
	/* DMA and decoding off, then the reset, then INTx */
	assert_asked("command 0;reset;command 0;irq intx;");
	assert_int_equal(rd(PCI_COMMAND, 2), 0);
}

static void test_status(void **state)
{
	/* the host's level can be read; what it latches can be cleared */
	assert_int_equal(rd(PCI_STATUS, 2),
			 PCI_STATUS_CAP_LIST | PCI_STATUS_INTERRUPT);
	put(PCI_STATUS, 2, 0xf900 | PCI_STATUS_CAP_LIST);
	assert_int_equal(rd(PCI_STATUS, 2), 0xf910);
	forget();
	wr(PCI_COMMAND, 4, 0xf9000000);
	assert_asked("config 6/1=0;config 7/1=f9;");
}

static void test_bar_sizing(void **state)
{
	uint32_t first = rd(PCI_BASE_ADDRESS_0, 4);

	assert_int_equal(first, MEMORY | 4);
	assert_int_equal(rd(PCI_BASE_ADDRESS_1, 4), 0);
	wr(PCI_BASE_ADDRESS_0, 4, 0xffffffff);
	wr(PCI_BASE_ADDRESS_1, 4, 0xffffffff);
	assert_int_equal(rd(PCI_BASE_ADDRESS_0, 4), ~(BAR0_SIZE - 1) | 4);
	assert_int_equal(rd(PCI_BASE_ADDRESS_1, 4), 0xffffffff);
	assert_int_equal(rd(PCI_BASE_ADDRESS_2, 4), IO | 1);
	wr(PCI_BASE_ADDRESS_2, 4, 0xffffffff);
	assert_int_equal(rd(PCI_BASE_ADDRESS_2, 4), ~(BAR2_SIZE - 1) | 1);
	wr(PCI_BASE_ADDRESS_3, 4, 0xffffffff);
	assert_int_equal(rd(PCI_BASE_ADDRESS_3, 4), ~(BAR3_SIZE - 1));
	/* there is none */
	wr(PCI_BASE_ADDRESS_4, 4, 0xffffffff);
	assert_int_equal(rd(PCI_BASE_ADDRESS_4, 4), 0);
	/* byte by byte is as good */
	for (unsigned int i = 0; i < 4; i++)
		wr(PCI_BASE_ADDRESS_3 + i, 1, 0xc1 + i);
	assert_int_equal(rd(PCI_BASE_ADDRESS_3, 4), 0xc4c3c200);
}

static void test_bar_mapping(void **state)
{
	forget();
	wr(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	/* page 2 holds the table, page 4 the pending bits: trapped */
	assert_asked("command 2;map 0+0/2000@c0000000;map 0+3000/1000@c0003000;"
		     "map 0+5000/3000@c0005000;");
	wr(PCI_BASE_ADDRESS_0, 4, 0xc0100000);
	assert_asked("unmap 0@c0000000;unmap 0@c0003000;unmap 0@c0005000;"
		     "map 0+0/2000@c0100000;map 0+3000/1000@c0103000;"
		     "map 0+5000/3000@c0105000;");
	/* over RAM, or above the window: not decoded */
	wr(PCI_BASE_ADDRESS_0, 4, 0x00100000);
	assert_asked("unmap 0@c0100000;unmap 0@c0103000;unmap 0@c0105000;");
	wr(PCI_BASE_ADDRESS_0, 4, 0xc0000000);
	forget();
	wr(PCI_BASE_ADDRESS_1, 4, 1);
	assert_asked("unmap 0@c0000000;unmap 0@c0003000;unmap 0@c0005000;");
	wr(PCI_BASE_ADDRESS_1, 4, 0);
	forget();
	/* out of the guest before the host stops decoding */
	wr(PCI_COMMAND, 2, 0);
	assert_asked("unmap 0@c0000000;unmap 0@c0003000;unmap 0@c0005000;"
		     "command 0;");
}

static void test_small_bars(void **state)
{
	uint64_t small = rd(PCI_BASE_ADDRESS_3, 4);

	assert_int_equal(pci_bus_read(&bus, PCI_SPACE_IO, IO, 4), 0xffffffff);
	wr(PCI_COMMAND, 2, PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
	fake.bar[2][4] = 0x5a;
	assert_int_equal(pci_bus_read(&bus, PCI_SPACE_IO, IO + 4, 1), 0x5a);
	pci_bus_write(&bus, PCI_SPACE_IO, IO + 8, 2, 0xbeef);
	assert_int_equal(fake.bar[2][9], 0xbe);
	pci_bus_write(&bus, PCI_SPACE_MEMORY, small + 0xf8, 8,
		      0x1122334455667788);
	assert_int_equal(pci_bus_read(&bus, PCI_SPACE_MEMORY, small + 0xfc, 4),
			 0x11223344);
	/* half outside, all outside */
	assert_int_equal(pci_bus_read(&bus, PCI_SPACE_MEMORY, small + 0xfe, 4),
			 0xffffffff);
	assert_int_equal(pci_bus_read(&bus, PCI_SPACE_IO, IO + 0x20, 1), 0xff);
}

static void test_capabilities(void **state)
{
	static const uint8_t shown[] = { PM, MSI, MSIX, VENDOR };
	unsigned int at = PCI_CAPABILITY_LIST;

	for (unsigned int i = 0; i < 4; i++) {
		at = rd(at, 1);
		assert_int_equal(at, shown[i]);
		at++;
	}
	assert_int_equal(rd(at, 1), 0);
	/* hidden: not even its bytes */
	assert_int_equal(rd(EXPRESS, 4), 0);
	wr(EXPRESS, 4, 0xffffffff);
	assert_int_equal(rd(EXPRESS, 4), 0);
	/* the vendor's own, live */
	forget();
	wr(VENDOR + 4, 4, 0xcafe);
	assert_asked("config cc/4=cafe;");
	put(VENDOR + 4, 4, 0x777);
	assert_int_equal(rd(VENDOR + 4, 4), 0x777);
}

static void test_only_intx(void **state)
{
	assert_int_equal(rd(PCI_CAPABILITY_LIST, 1), PM);
	assert_int_equal(rd(PM + 1, 1), VENDOR);
	wr(MSI, 4, 0xffffffff);
	wr(MSIX, 4, 0xffffffff);
	assert_int_equal(rd(MSI, 4), 0);
	assert_int_equal(rd(MSIX, 4), 0);
	assert_int_equal(fake.irq, PCI_IRQ_INTX);
	/* the table is trapped all the same */
	forget();
	wr(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	assert_asked("command 2;map 0+0/2000@c0000000;map 0+3000/1000@c0003000;"
		     "map 0+5000/3000@c0005000;");
}

static void test_power(void **state)
{
	/* D1, D2 and PME are not offered; D3 is only a reading */
	assert_int_equal(rd(PM + 2, 2), 0x0003);
	forget();
	wr(PM + 4, 2, 3);
	assert_int_equal(rd(PM + 4, 2), 3 | PCI_PM_CTRL_NO_SOFT_RESET);
	wr(PM + 4, 2, 1);
	assert_int_equal(rd(PM + 4, 2), 3 | PCI_PM_CTRL_NO_SOFT_RESET);
	wr(PM + 4, 2, 0);
	assert_int_equal(rd(PM + 4, 2), PCI_PM_CTRL_NO_SOFT_RESET);
	assert_asked("");
}

/* ---- interrupts --------------------------------------------------------- */

static void test_disable_intx(void **state)
{
	forget();
	wr(PCI_COMMAND, 2, PCI_COMMAND_INTX_DISABLE);
	/* the bit is the guest's to read, and never the host's */
	assert_int_equal(rd(PCI_COMMAND, 2), PCI_COMMAND_INTX_DISABLE);
	assert_asked("irq none;");
	wr(PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	assert_asked("command 4;irq intx;");
}

static void test_msi(void **state)
{
	/* off, whatever the host's driver left */
	assert_int_equal(rd(MSI + 2, 2), 0x0184);
	wr(MSI + 4, 4, 0xfee01003);
	wr(MSI + 8, 4, 0x1);
	wr(MSI + 12, 2, 0x4041);
	forget();
	wr(MSI + 2, 2, 0x0001 | 1 << 4); /* 2 of 4 vectors */
	assert_asked("irq msi 2;vector 0 1fee01000:4040;vector 1 1fee01000:4041;");
	wr(MSI + 16, 4, 0xffffffff);
	assert_int_equal(rd(MSI + 16, 4), 0xf);
	assert_asked("vector 0 1fee01000:4040 masked;"
		     "vector 1 1fee01000:4041 masked;");
	fake.pending = 2;
	assert_int_equal(rd(MSI + 20, 4), 2);
	wr(MSI + 2, 2, 0);
	assert_asked("irq intx;");
	assert_int_equal(rd(MSI + 20, 4), 0);
}

static void test_msi_asks_for_too_many(void **state)
{
	forget();
	wr(MSI + 2, 1, 0x71);
	assert_int_equal(fake.vectors, 4);
	/* a byte beside the control word changes no vector's number */
	assert_int_equal(rd(MSI + 2, 2), 0x01f5);
}

static void table_write(unsigned int vector, unsigned int byte,
			unsigned int size, uint64_t value)
{
	pci_bus_write(&bus, PCI_SPACE_MEMORY,
		      MEMORY + TABLE + vector * 16 + byte, size, value);
}

static uint64_t table_read(unsigned int vector, unsigned int byte,
			   unsigned int size)
{
	return pci_bus_read(&bus, PCI_SPACE_MEMORY,
			    MEMORY + TABLE + vector * 16 + byte, size);
}

static void test_msix_table(void **state)
{
	wr(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	forget();
	assert_int_equal(table_read(4, 12, 4), 1);
	table_write(4, 0, 8, 0x00000001fee00007);
	table_write(4, 8, 8, 0xfffffffe00000099);
	assert_int_equal(table_read(4, 0, 8), 0x1fee00004);
	assert_int_equal(table_read(4, 8, 8), 0x99);
	table_write(4, 14, 2, 0xffff);
	assert_int_equal(table_read(4, 12, 4), 0);
	/* half outside: nobody's */
	table_write(4, 12, 8, UINT64_MAX);
	assert_int_equal(table_read(4, 12, 4), 0);
	assert_int_equal(table_read(4, 12, 8), UINT64_MAX);
	/* past it, in the same page: the device's */
	table_write(5, 0, 4, 0x1234);
	assert_int_equal(fake.bar[0][TABLE + 5 * 16 + 1], 0x12);
	assert_asked("");
}

static void test_msix(void **state)
{
	wr(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	table_write(1, 0, 4, 0xfee00000);
	table_write(1, 8, 4, 0x31);
	forget();
	wr(MSIX + 2, 2, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	assert_asked("irq msix 5;vector 0 0:0 masked;"
		     "vector 1 fee00000:31 masked;vector 2 0:0 masked;"
		     "vector 3 0:0 masked;vector 4 0:0 masked;");
	table_write(1, 12, 4, 0);
	assert_asked("vector 1 fee00000:31 masked;");
	wr(MSIX + 2, 2, PCI_MSIX_FLAGS_ENABLE);
	assert_asked("vector 0 0:0 masked;vector 1 fee00000:31;"
		     "vector 2 0:0 masked;vector 3 0:0 masked;"
		     "vector 4 0:0 masked;");
	table_write(1, 12, 4, 1);
	assert_asked("vector 1 fee00000:31 masked;");
	fake.pending = 0x12;
	assert_int_equal(pci_bus_read(&bus, PCI_SPACE_MEMORY, MEMORY + PBA, 8),
			 0x12);
	pci_bus_write(&bus, PCI_SPACE_MEMORY, MEMORY + PBA, 8, 0);
	assert_int_equal(rd(MSIX + 2, 2), 0x8000 | (VECTORS - 1));
	wr(MSIX + 2, 2, 0);
	assert_asked("irq intx;");
}

/* The guest's choice is one at a time; MSI-X wins (PCI 3.0 leaves it open). */
static void test_switching(void **state)
{
	forget();
	wr(PCI_COMMAND, 2, PCI_COMMAND_INTX_DISABLE);
	wr(MSI + 2, 2, PCI_MSI_FLAGS_ENABLE);
	assert_asked("irq none;irq msi 1;vector 0 0:0;");
	wr(MSIX + 2, 2, PCI_MSIX_FLAGS_ENABLE);
	assert_int_equal(fake.irq, PCI_IRQ_MSIX);
	wr(MSIX + 2, 2, 0);
	assert_int_equal(fake.irq, PCI_IRQ_MSI);
	wr(MSI + 2, 2, 0);
	assert_int_equal(fake.irq, PCI_IRQ_NONE);
	wr(PCI_COMMAND, 2, 0);
	assert_int_equal(fake.irq, PCI_IRQ_INTX);
}

/* ---- reset and unplug --------------------------------------------------- */

static void test_reset(void **state)
{
	wr(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	wr(PCI_BASE_ADDRESS_3, 4, 0xc0200000);
	table_write(2, 12, 4, 0);
	wr(MSI + 2, 2, PCI_MSI_FLAGS_ENABLE);
	forget();
	pci_bus_reset(&bus);
	assert_asked("irq none;unmap 0@c0000000;unmap 0@c0003000;"
		     "unmap 0@c0005000;command 0;reset;command 0;irq intx;");
	assert_int_equal(rd(MSI + 2, 2), 0x0184);
	assert_int_not_equal(rd(PCI_BASE_ADDRESS_3, 4), 0xc0200000);
	wr(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	assert_int_equal(table_read(2, 12, 4), 1);
}

static void test_unplug(void **state)
{
	wr(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	forget();
	pci_function_unplug(&function);
	assert_asked("irq none;unmap 0@c0000000;unmap 0@c0003000;"
		     "unmap 0@c0005000;");
	assert_int_equal(rd(PCI_VENDOR_ID, 4), 0xffffffff);
	assert_int_equal(rd(PCI_COMMAND, 1), 0xff);
	wr(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	wr(MSI + 2, 2, PCI_MSI_FLAGS_ENABLE);
	assert_int_equal(table_read(0, 0, 4), 0xffffffff);
	pci_bus_reset(&bus);
	pci_function_unplug(&function);
	assert_asked("");
}

static void test_dead_device(void **state)
{
	fake.dead = true;
	assert_int_equal(rd(PCI_STATUS, 2), 0xffff);
	assert_int_equal(rd(PCI_VENDOR_ID, 4), 0x11e81234);
}

/* ---- devices that are not quite right ----------------------------------- */

static void test_bridge_is_refused(void **state)
{
	build_device();
	put(PCI_HEADER_TYPE, 1, 1);
	assert_int_equal(plug(false, false), -ENOTSUP);
}

static void test_capability_loop(void **state)
{
	build_device();
	put(VENDOR + 1, 1, PM);
	assert_int_equal(plug(false, false), 0);
	assert_int_equal(rd(VENDOR + 1, 1), 0);
}

static void test_capability_at_the_end(void **state)
{
	build_device();
	put(PCI_CAPABILITY_LIST, 1, 0xfc);
	put(0xfc, 4, 0x00800000 | PCI_CAP_ID_MSI);
	assert_int_equal(plug(false, false), 0);
	assert_int_equal(rd(PCI_CAPABILITY_LIST, 1), 0);
	assert_int_equal(rd(PCI_STATUS, 1) & PCI_STATUS_CAP_LIST, 0);
}

static void test_table_outside(void **state)
{
	build_device();
	put(MSIX + 4, 4, (BAR0_SIZE - 16) | 0);
	assert_int_equal(plug(false, false), 0);
	assert_int_equal(function.msix, 0);
	build_device();
	put(MSIX + 8, 4, PBA | 2); /* in an I/O BAR */
	assert_int_equal(plug(false, false), 0);
	assert_int_equal(function.msix, 0);
}

static void test_no_room(void **state)
{
	build_device();
	fake.size[0] = 0x20000000;
	assert_int_equal(plug(false, false), -ENOSPC);
}

/* ---- a guest that writes anything --------------------------------------- */

static uint64_t random_state;

static uint64_t draw(uint64_t below)
{
	/* xorshift64*: enough to spread over a few hundred registers */
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (random_state * 0x2545f4914f6cdd1dull >> 16) % below;
}

static void check_invariants(void)
{
	uint32_t command = rd(PCI_COMMAND, 2);

	/* the host was asked for nothing that is its own */
	assert_false(fake.bad);
	assert_int_equal(rd(PCI_VENDOR_ID, 4), 0x11e81234);
	assert_int_equal(rd(PCI_CAPABILITY_LIST, 1), PM);
	/* what is mapped is what the command register allows */
	if (!(command & PCI_COMMAND_MEMORY))
		assert_int_equal(fake.nr_mapped, 0);
	assert_true(fake.nr_mapped == 0 || fake.nr_mapped == 3);
	/* one kind of interrupt, the one that the registers say */
	if (rd(MSIX + 2, 2) & PCI_MSIX_FLAGS_ENABLE)
		assert_int_equal(fake.irq, PCI_IRQ_MSIX);
	else if (rd(MSI + 2, 2) & PCI_MSI_FLAGS_ENABLE)
		assert_int_equal(fake.irq, PCI_IRQ_MSI);
	else if (command & PCI_COMMAND_INTX_DISABLE)
		assert_int_equal(fake.irq, PCI_IRQ_NONE);
	else
		assert_int_equal(fake.irq, PCI_IRQ_INTX);
	assert_int_equal(rd(PM + 4, 2) & 2, (rd(PM + 4, 2) & 1) << 1);
	/* the hardware's table and pending bits are as they were */
	for (unsigned int i = 0; i < VECTORS * 16; i++)
		assert_int_equal(fake.bar[0][TABLE + i], 0);
	assert_int_equal(fake.bar[0][PBA], 0);
}

static void random_write(void)
{
	static const uint8_t sizes[] = { 1, 2, 4, 8 };
	unsigned int size = sizes[draw(4)];
	uint64_t value = draw(4) ? draw(UINT64_MAX) : 0xc0000000 + draw(2) * 2;

	switch (draw(4)) {
	case 0:
		wr((unsigned int)draw(0x48), size > 4 ? 4 : size,
		   (uint32_t)value);
		break;
	case 1:
		wr((unsigned int)draw(PCI_CONFIG_SIZE), size > 4 ? 4 : size,
		   (uint32_t)value);
		break;
	case 2:
		pci_bus_write(&bus, PCI_SPACE_MEMORY,
			      function.bar[0].address + TABLE - 8 +
				      draw(VECTORS * 16 + 16),
			      size, value);
		break;
	default:
		pci_bus_read(&bus, PCI_SPACE_MEMORY,
			     function.bar[0].address + draw(BAR0_SIZE + 8),
			     size);
		break;
	}
}

static void test_random_guest(void **state)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		random_state = seed * 0x9e3779b97f4a7c15ull;
		assert_int_equal(start(NULL), 0);
		for (unsigned int i = 0; i < 5000; i++) {
			forget();
			random_write();
			if (draw(500) == 0)
				pci_bus_reset(&bus);
			check_invariants();
		}
		pci_function_unplug(&function);
		assert_int_equal(fake.nr_mapped, 0);
		assert_int_equal(fake.irq, PCI_IRQ_NONE);
		assert_false(fake.bad);
	}
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_address_register),
		CASE(test_absent),
		CASE(test_host_bridge),
		CASE(test_slots),
		CASE(test_placing),
		CASE(test_identity),
		CASE(test_power_on),
		CASE(test_status),
		CASE(test_bar_sizing),
		CASE(test_bar_mapping),
		CASE(test_small_bars),
		CASE(test_capabilities),
		cmocka_unit_test_setup_teardown(test_only_intx, start_intx_only,
						end),
		CASE(test_power),
		CASE(test_disable_intx),
		CASE(test_msi),
		CASE(test_msi_asks_for_too_many),
		CASE(test_msix_table),
		CASE(test_msix),
		CASE(test_switching),
		CASE(test_reset),
		CASE(test_unplug),
		CASE(test_dead_device),
		cmocka_unit_test(test_bridge_is_refused),
		cmocka_unit_test(test_capability_loop),
		cmocka_unit_test(test_capability_at_the_end),
		cmocka_unit_test(test_table_outside),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_random_guest),
	};

	return cmocka_run_group_tests_name("pci", tests, NULL, NULL);
}
