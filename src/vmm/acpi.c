/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/acpi.h"

#include <assert.h>
#include <string.h>

#include "irqfwd.h"
#include "vmm/platform.h"

/* dsdt_aml_code[], which iasl made of dsdt.asl */
#include "dsdt.hex"

/*
 * ACPI 6.x, chapter 5.2; revisions as early as the guests allow.  Structures
 * are packed, and named as the specification names their fields.
 */
struct acpi_header {
	char signature[4];
	uint32_t length;
	uint8_t revision;
	uint8_t checksum;
	char oem_id[6];
	char oem_table_id[8];
	uint32_t oem_revision;
	char creator_id[4];
	uint32_t creator_revision;
} __attribute__((packed));

struct acpi_rsdp {
	char signature[8];
	uint8_t checksum;	/* of the first 20 bytes */
	char oem_id[6];
	uint8_t revision;
	uint32_t rsdt_address;
	uint32_t length;
	uint64_t xsdt_address;
	uint8_t extended_checksum;
	uint8_t reserved[3];
} __attribute__((packed));

struct acpi_address {
	uint8_t space;		/* 1: I/O ports */
	uint8_t bit_width;
	uint8_t bit_offset;
	uint8_t access_size;	/* 1: byte, 2: word, 3: dword */
	uint64_t address;
} __attribute__((packed));

struct acpi_fadt {
	struct acpi_header header;
	uint32_t firmware_ctrl;
	uint32_t dsdt;
	uint8_t reserved0;
	uint8_t preferred_pm_profile;
	uint16_t sci_int;
	uint32_t smi_cmd;
	uint8_t acpi_enable, acpi_disable, s4bios_req, pstate_cnt;
	uint32_t pm1a_evt_blk, pm1b_evt_blk;
	uint32_t pm1a_cnt_blk, pm1b_cnt_blk;
	uint32_t pm2_cnt_blk;
	uint32_t pm_tmr_blk;
	uint32_t gpe0_blk, gpe1_blk;
	uint8_t pm1_evt_len, pm1_cnt_len, pm2_cnt_len, pm_tmr_len;
	uint8_t gpe0_blk_len, gpe1_blk_len, gpe1_base;
	uint8_t cst_cnt;
	uint16_t p_lvl2_lat, p_lvl3_lat;
	uint16_t flush_size, flush_stride;
	uint8_t duty_offset, duty_width;
	uint8_t day_alrm, mon_alrm, century;
	uint16_t iapc_boot_arch;
	uint8_t reserved1;
	uint32_t flags;
	struct acpi_address reset_reg;
	uint8_t reset_value;
	uint16_t arm_boot_arch;
	uint8_t minor_version;
	uint64_t x_firmware_ctrl, x_dsdt;
	struct acpi_address x_pm1a_evt_blk, x_pm1b_evt_blk;
	struct acpi_address x_pm1a_cnt_blk, x_pm1b_cnt_blk;
	struct acpi_address x_pm2_cnt_blk, x_pm_tmr_blk;
	struct acpi_address x_gpe0_blk, x_gpe1_blk;
} __attribute__((packed));

#define FADT_WBINVD		(1u << 0)
#define FADT_PROC_C1		(1u << 2)
#define FADT_SLP_BUTTON		(1u << 5)	/* no fixed sleep button */
#define FADT_TMR_VAL_EXT	(1u << 8)	/* the timer has 32 bits */
#define FADT_RESET_REG_SUP	(1u << 10)
#define BOOT_ARCH_LEGACY	(1u << 0)
#define BOOT_ARCH_NO_VGA	(1u << 2)

struct acpi_facs {
	char signature[4];
	uint32_t length;
	uint32_t hardware_signature, waking_vector, global_lock, flags;
	uint64_t x_waking_vector;
	uint8_t version;
	uint8_t reserved[31];
} __attribute__((packed));

struct madt_lapic {
	uint8_t type, length;
	uint8_t processor, apic_id;
	uint32_t flags;
} __attribute__((packed));

struct madt_ioapic {
	uint8_t type, length;
	uint8_t id, reserved;
	uint32_t address, gsi_base;
} __attribute__((packed));

struct madt_override {
	uint8_t type, length;
	uint8_t bus, source;
	uint32_t gsi;
	uint16_t flags;
} __attribute__((packed));

struct madt_lapic_nmi {
	uint8_t type, length;
	uint8_t processor;	/* 255: all */
	uint16_t flags;
	uint8_t lint;
} __attribute__((packed));

struct acpi_madt {
	struct acpi_header header;
	uint32_t lapic_address;
	uint32_t flags;
	struct madt_ioapic ioapic;
	struct madt_override sci;
	struct madt_lapic_nmi nmi;
	struct madt_lapic lapic[MACHINE_CPUS_MAX];
} __attribute__((packed));

/*
 * Says that there are 8259s, though there are none that could interrupt: Linux
 * looks for them otherwise, finds nothing, and then has no ISA interrupts.
 */
#define MADT_PCAT_COMPAT	1u
#define MADT_ENABLED		1u
#define MADT_LEVEL_HIGH		0x000du

struct acpi_xsdt {
	struct acpi_header header;
	uint64_t table[2];
} __attribute__((packed));

/* The tables as they lie in the guest's memory. */
struct tables {
	struct acpi_rsdp rsdp;
	struct acpi_facs facs __attribute__((aligned(64)));
	struct acpi_xsdt xsdt __attribute__((aligned(16)));
	struct acpi_fadt fadt __attribute__((aligned(16)));
	struct acpi_madt madt __attribute__((aligned(16)));
	uint8_t dsdt[sizeof(dsdt_aml_code)] __attribute__((aligned(16)));
};

_Static_assert(sizeof(struct tables) <= MEMORY_BIOS_END - MEMORY_BIOS,
	       "the tables do not fit below 1 MiB");

#define GPA(member)	(MEMORY_BIOS + offsetof(struct tables, member))

static uint8_t checksum(const void *data, size_t len)
{
	const uint8_t *byte = data;
	unsigned int sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += byte[i];
	return (uint8_t)-sum;
}

/* The last thing done to a table. */
static void seal(struct acpi_header *h, const char *signature, uint8_t revision,
		 size_t length)
{
	memcpy(h->signature, signature, 4);
	memcpy(h->oem_id, "IRQFWD", 6);
	memcpy(h->oem_table_id, "MACHINE ", 8);
	memcpy(h->creator_id, "IRQF", 4);
	h->length = (uint32_t)length;
	h->revision = revision;
	h->oem_revision = 1;
	h->creator_revision = 1;
	h->checksum = 0;
	h->checksum = checksum(h, length);
}

static struct acpi_address port(uint16_t address, unsigned int bytes)
{
	return (struct acpi_address){
		.space = 1,
		.bit_width = (uint8_t)(8 * bytes),
		.access_size = (uint8_t)(bytes == 4 ? 3 : bytes),
		.address = address,
	};
}

static void write_fadt(struct acpi_fadt *f)
{
	f->firmware_ctrl = (uint32_t)GPA(facs);
	f->dsdt = (uint32_t)GPA(dsdt);
	f->x_dsdt = GPA(dsdt);
	f->sci_int = PLATFORM_SCI;
	f->pm1a_evt_blk = PLATFORM_PM1_EVENT;
	f->pm1_evt_len = 4;
	f->x_pm1a_evt_blk = port(PLATFORM_PM1_EVENT, 4);
	/* Status and enable halves are words, whatever the block's width. */
	f->x_pm1a_evt_blk.access_size = 2;
	f->pm1a_cnt_blk = PLATFORM_PM1_CONTROL;
	f->pm1_cnt_len = 2;
	f->x_pm1a_cnt_blk = port(PLATFORM_PM1_CONTROL, 2);
	f->pm_tmr_blk = PLATFORM_PM_TIMER;
	f->pm_tmr_len = 4;
	f->x_pm_tmr_blk = port(PLATFORM_PM_TIMER, 4);
	/* No C2, no C3: latencies above the limits that the chapter gives. */
	f->p_lvl2_lat = 101;
	f->p_lvl3_lat = 1001;
	f->century = PLATFORM_RTC_CENTURY;
	f->iapc_boot_arch = BOOT_ARCH_LEGACY | BOOT_ARCH_NO_VGA;
	f->flags = FADT_WBINVD | FADT_PROC_C1 | FADT_SLP_BUTTON |
		   FADT_TMR_VAL_EXT | FADT_RESET_REG_SUP;
	f->reset_reg = port(PLATFORM_RESET_PORT, 1);
	f->reset_value = PLATFORM_RESET_VALUE;
	seal(&f->header, "FACP", 5, sizeof(*f));
}

static void write_madt(struct acpi_madt *m, unsigned int cpus)
{
	m->lapic_address = 0xfee00000;
	m->flags = MADT_PCAT_COMPAT;
	m->ioapic = (struct madt_ioapic){
		.type = 1,
		.length = sizeof(m->ioapic),
		.address = IRQFWD_IOAPIC_BASE,
	};
	m->sci = (struct madt_override){
		.type = 2,
		.length = sizeof(m->sci),
		.source = PLATFORM_SCI,
		.gsi = PLATFORM_SCI,
		.flags = MADT_LEVEL_HIGH,
	};
	m->nmi = (struct madt_lapic_nmi){
		.type = 4,
		.length = sizeof(m->nmi),
		.processor = 0xff,
		.lint = 1,
	};
	for (unsigned int i = 0; i < cpus; i++)
		m->lapic[i] = (struct madt_lapic){
			.length = sizeof(m->lapic[0]),
			.processor = (uint8_t)i,
			.apic_id = (uint8_t)i,
			.flags = MADT_ENABLED,
		};
	seal(&m->header, "APIC", 3,
	     offsetof(struct acpi_madt, lapic) + cpus * sizeof(m->lapic[0]));
}

static void write_rsdp(struct acpi_rsdp *r)
{
	memcpy(r->signature, "RSD PTR ", 8);
	memcpy(r->oem_id, "IRQFWD", 6);
	r->revision = 2;
	r->length = sizeof(*r);
	r->xsdt_address = GPA(xsdt);
	r->checksum = checksum(r, 20);
	r->extended_checksum = checksum(r, sizeof(*r));
}

uint64_t acpi_write(const struct memory *mem, unsigned int cpus)
{
	struct tables *t = memory_at(mem, MEMORY_BIOS, sizeof(*t));

	assert(t && cpus <= MACHINE_CPUS_MAX);
	memset(t, 0, sizeof(*t));
	memcpy(t->facs.signature, "FACS", 4);
	t->facs.length = sizeof(t->facs);
	t->facs.version = 2;
	memcpy(t->dsdt, dsdt_aml_code, sizeof(dsdt_aml_code));
	write_fadt(&t->fadt);
	write_madt(&t->madt, cpus);
	t->xsdt.table[0] = GPA(fadt);
	t->xsdt.table[1] = GPA(madt);
	seal(&t->xsdt.header, "XSDT", 1, sizeof(t->xsdt));
	write_rsdp(&t->rsdp);
	return GPA(rsdp);
}
