/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/pci_function.h"

#include <assert.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>

#define PAGE 4096ull
/* More cannot stand in 192 bytes: such a list is a loop. */
#define CAPABILITIES 48

#define COMMAND_WRITABLE                                                  \
	(PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |       \
	 PCI_COMMAND_INVALIDATE | PCI_COMMAND_PARITY | PCI_COMMAND_SERR | \
	 PCI_COMMAND_INTX_DISABLE)

static bool overlaps(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a < b + b_size && b < a + a_size;
}

static uint64_t ones(unsigned int size)
{
	return size >= 8 ? UINT64_MAX : (1ull << (8 * size)) - 1;
}

/* ---- what the guest has set --------------------------------------------- */

static uint32_t guest_command(const struct pci_function *f)
{
	return pci_config_get(&f->config, PCI_COMMAND, 2);
}

unsigned int pci_function_pin(const struct pci_function *f)
{
	return f->config.value[PCI_INTERRUPT_PIN];
}

/* The only place that says which kind of interrupt the guest has chosen. */
static enum pci_irq chosen_irq(const struct pci_function *f)
{
	if (f->msix && msix_enabled(&f->config, f->msix))
		return PCI_IRQ_MSIX;
	if (f->msi && msi_enabled(&f->config, f->msi))
		return PCI_IRQ_MSI;
	if (pci_function_pin(f) &&
	    !(guest_command(f) & PCI_COMMAND_INTX_DISABLE))
		return PCI_IRQ_INTX;
	return PCI_IRQ_NONE;
}

static unsigned int chosen_vectors(const struct pci_function *f)
{
	switch (chosen_irq(f)) {
	case PCI_IRQ_MSIX:
		return msix_vectors(&f->config, f->msix);
	case PCI_IRQ_MSI:
		return msi_allowed(&f->config, f->msi);
	case PCI_IRQ_NONE:
	case PCI_IRQ_INTX:
		break;
	}
	return 0;
}

static struct msi_vector chosen_vector(const struct pci_function *f,
				       unsigned int vector)
{
	struct msi_vector v;

	if (f->irq == PCI_IRQ_MSI)
		return msi_vector(&f->config, f->msi, vector);
	v = msix_vector(&f->entries, vector);
	v.masked = v.masked || msix_all_masked(&f->config, f->msix);
	return v;
}

static uint64_t bar_address(const struct pci_function *f, unsigned int i)
{
	const struct pci_bar *bar = &f->bar[i];
	unsigned int at = PCI_BASE_ADDRESS_0 + 4 * i;
	uint64_t address = pci_config_get(&f->config, at, 4);

	if (bar->wide)
		address |= (uint64_t)pci_config_get(&f->config, at + 4, 4)
			   << 32;
	return address & ~(bar->size - 1);
}

/* The only place that says whether the guest reaches a BAR. */
static bool bar_decodes(const struct pci_function *f, unsigned int i)
{
	const struct pci_bar *bar = &f->bar[i];
	uint32_t enable = bar->io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY;

	return bar->size && guest_command(f) & enable &&
	       pci_bus_holds(f->bus, bar->io ? PCI_SPACE_IO : PCI_SPACE_MEMORY,
			     bar_address(f, i), bar->size);
}

/* ---- BARs --------------------------------------------------------------- */

static bool trapped(const struct msix_place *p, unsigned int bar, uint64_t page)
{
	return p->size && p->bar == bar &&
	       overlaps(p->offset, p->size, page, PAGE);
}

/* The next run of pages from *from that the guest may have to itself. */
static bool direct_run(const struct pci_function *f, unsigned int bar,
		       uint64_t *from, uint64_t *size)
{
	uint64_t end = f->bar[bar].size;
	uint64_t at = *from;

	if (f->bar[bar].io || end < PAGE)
		return false;
	while (at < end &&
	       (trapped(&f->table, bar, at) || trapped(&f->pba, bar, at)))
		at += PAGE;
	*from = at;
	while (at < end && !trapped(&f->table, bar, at) &&
	       !trapped(&f->pba, bar, at))
		at += PAGE;
	*size = at - *from;
	return *size;
}

static void unmap_bar(struct pci_function *f, unsigned int i)
{
	struct pci_bar *bar = &f->bar[i];
	uint64_t from = 0;
	uint64_t size;

	for (; direct_run(f, i, &from, &size); from += size)
		f->ops->unmap(f->host, i, bar->address + from);
	bar->decoded = false;
}

static void map_bar(struct pci_function *f, unsigned int i)
{
	struct pci_bar *bar = &f->bar[i];
	uint64_t from = 0;
	uint64_t size;

	bar->address = bar_address(f, i);
	bar->decoded = true;
	for (; direct_run(f, i, &from, &size); from += size)
		f->ops->map(f->host, i, from, size, bar->address + from);
}

/*
 * The low byte alone.  VFIO reads, changes and writes what it is given, without
 * a lock: with the high byte it would race with its own interrupt handler's
 * DisINTx, and the host line would be unmasked for good with nobody to ack it.
 * Of the high byte, SERR stays between the guest and us.
 */
static void tell_command(struct pci_function *f)
{
	uint8_t command = (uint8_t)guest_command(f);

	if (command == f->host_command)
		return;
	f->host_command = command;
	f->ops->config_write(f->host, PCI_COMMAND, &command, 1);
}

/*
 * The host takes the mapping away as it disables decoding, and a vCPU that then
 * touches it dies.  So: out of the guest first, into the guest last.
 */
static void update_bars(struct pci_function *f)
{
	for (unsigned int i = 0; i < PCI_BARS; i++)
		if (f->bar[i].decoded &&
		    (!bar_decodes(f, i) ||
		     f->bar[i].address != bar_address(f, i)))
			unmap_bar(f, i);
	tell_command(f);
	for (unsigned int i = 0; i < PCI_BARS; i++)
		if (!f->bar[i].decoded && bar_decodes(f, i))
			map_bar(f, i);
}

/* ---- interrupts --------------------------------------------------------- */

static void tell_vectors(struct pci_function *f, unsigned int first,
			 unsigned int end)
{
	for (unsigned int i = first; i < end && i < f->vectors; i++) {
		struct msi_vector v = chosen_vector(f, i);

		f->ops->vector(f->host, i, &v);
	}
}

static void tell_irq(struct pci_function *f, enum pci_irq irq,
		     unsigned int vectors)
{
	if (irq == f->irq && vectors == f->vectors)
		return;
	f->irq = irq;
	f->vectors = vectors;
	f->ops->irq(f->host, irq, vectors);
}

static void update_irq(struct pci_function *f)
{
	tell_irq(f, chosen_irq(f), chosen_vectors(f));
	tell_vectors(f, 0, f->vectors);
}

/* ---- configuration space ------------------------------------------------ */

/*
 * Status is the host's, but for the bit that says that there are capabilities:
 * what we show may be none.
 */
static uint8_t with_status(const struct pci_function *f, uint8_t byte)
{
	return (uint8_t)((byte & ~PCI_STATUS_CAP_LIST) |
			 f->config.value[PCI_STATUS]);
}

static uint32_t pending_bits(struct pci_function *f, unsigned int first,
			     unsigned int count)
{
	uint32_t bits = 0;

	for (unsigned int i = 0; i < count && first + i < f->vectors; i++)
		if (f->ops->pending(f->host, first + i))
			bits |= 1u << i;
	return bits;
}

/* The pending bits of MSI are nobody's bytes: asked for at each read. */
static void refresh_pending(struct pci_function *f, unsigned int offset,
			    unsigned int size)
{
	unsigned int at;

	if (!f->msi)
		return;
	at = msi_pending_offset(&f->config, f->msi);
	if (at && overlaps(offset, size, at, 4))
		pci_config_set(&f->config, at, 4,
			       f->irq == PCI_IRQ_MSI ? pending_bits(f, 0, 32)
						     : 0);
}

static uint32_t config_read(struct pci_device *dev, unsigned int offset,
			    unsigned int size)
{
	struct pci_function *f = (struct pci_function *)dev;
	uint8_t bytes[4] = { 0xff, 0xff, 0xff, 0xff };
	uint32_t value = 0;
	bool ask = false;

	if (f->gone)
		return (uint32_t)ones(size);
	for (unsigned int i = 0; i < size; i++)
		ask = ask || f->live[offset + i];
	if (ask && f->ops->config_read(f->host, offset, bytes, size))
		memset(bytes, 0xff, sizeof(bytes));
	refresh_pending(f, offset, size);
	for (unsigned int i = 0; i < size; i++) {
		uint8_t byte = f->config.value[offset + i];

		if (f->live[offset + i])
			byte = offset + i == PCI_STATUS
				       ? with_status(f, bytes[i])
				       : bytes[i];
		value |= (uint32_t)byte << (8 * i);
	}
	return value;
}

static void write_live(struct pci_function *f, unsigned int offset,
		       unsigned int size, uint32_t value)
{
	uint8_t bytes[4];
	unsigned int live = 0;

	for (unsigned int i = 0; i < size; i++) {
		bytes[i] = (uint8_t)(value >> (8 * i));
		live += f->live[offset + i];
	}
	if (live == size) {
		f->ops->config_write(f->host, offset, bytes, size);
		return;
	}
	for (unsigned int i = 0; i < size; i++)
		if (f->live[offset + i])
			f->ops->config_write(f->host, offset + i, &bytes[i], 1);
}

/* D1 and D2 are not offered: the write is without effect (PM 1.2, 3.2.4). */
static bool is_power_state(const struct pci_function *f, unsigned int offset,
			   uint32_t value)
{
	unsigned int state;

	if (!f->pm || offset != f->pm + PCI_PM_CTRL)
		return true;
	state = value & PCI_PM_CTRL_STATE_MASK;
	return state == 0 || state == 3;
}

static bool touches(unsigned int offset, unsigned int size, unsigned int cap,
		    unsigned int length)
{
	return cap && overlaps(offset, size, cap, length);
}

static void config_write(struct pci_device *dev, unsigned int offset,
			 unsigned int size, uint32_t value)
{
	struct pci_function *f = (struct pci_function *)dev;

	if (f->gone || !is_power_state(f, offset, value))
		return;
	write_live(f, offset, size, value);
	pci_config_write(&f->config, offset, size, value);
	if (offset < PCI_CARDBUS_CIS)
		update_bars(f);
	if (touches(offset, size, PCI_COMMAND, 2) ||
	    touches(offset, size, f->msi,
		    f->msi ? msi_length(&f->config, f->msi) : 0) ||
	    touches(offset, size, f->msix, MSIX_LENGTH))
		update_irq(f);
}

/* ---- accesses to what is not mapped ------------------------------------- */

/* The BAR that decodes the address, or PCI_BARS. */
static unsigned int find_bar(const struct pci_function *f, enum pci_space space,
			     uint64_t address)
{
	for (unsigned int i = 0; i < PCI_BARS; i++) {
		const struct pci_bar *bar = &f->bar[i];

		if (bar->decoded && bar->io == (space == PCI_SPACE_IO) &&
		    address >= bar->address &&
		    address - bar->address < bar->size)
			return i;
	}
	return PCI_BARS;
}

static bool within(const struct msix_place *p, unsigned int bar,
		   uint64_t offset, unsigned int size)
{
	return p->size && p->bar == bar && offset >= p->offset &&
	       offset - p->offset + size <= p->size;
}

/* An access that is half inside a table is nobody's: never the hardware's. */
static bool astride(const struct msix_place *p, unsigned int bar,
		    uint64_t offset, unsigned int size)
{
	return p->size && p->bar == bar &&
	       overlaps(p->offset, p->size, offset, size) &&
	       !within(p, bar, offset, size);
}

static uint64_t pba_read(struct pci_function *f, uint64_t offset,
			 unsigned int size)
{
	uint64_t value = 0;

	if (f->irq != PCI_IRQ_MSIX)
		return 0;
	for (unsigned int i = 0; i < size; i++)
		value |= (uint64_t)pending_bits(
				 f, (unsigned int)(offset + i) * 8, 8)
			 << (8 * i);
	return value;
}

/* Where an access goes, and how far into it. */
enum place { PLACE_NONE, PLACE_LOST, PLACE_TABLE, PLACE_PBA, PLACE_HOST };

struct target {
	enum place place;
	unsigned int bar;
	uint64_t offset;	/* in the table, the pending bits or the BAR */
};

static struct target find_target(const struct pci_function *f,
				 enum pci_space space, uint64_t address,
				 unsigned int size)
{
	struct target t = { .bar = find_bar(f, space, address) };

	if (f->gone || t.bar == PCI_BARS)
		return t;
	t.offset = address - f->bar[t.bar].address;
	if (t.offset + size > f->bar[t.bar].size ||
	    astride(&f->table, t.bar, t.offset, size) ||
	    astride(&f->pba, t.bar, t.offset, size)) {
		t.place = PLACE_LOST;
	} else if (within(&f->table, t.bar, t.offset, size)) {
		t.place = PLACE_TABLE;
		t.offset -= f->table.offset;
	} else if (within(&f->pba, t.bar, t.offset, size)) {
		t.place = PLACE_PBA;
		t.offset -= f->pba.offset;
	} else {
		t.place = PLACE_HOST;
	}
	return t;
}

static bool function_read(struct pci_device *dev, enum pci_space space,
			  uint64_t address, unsigned int size, uint64_t *value)
{
	struct pci_function *f = (struct pci_function *)dev;
	struct target t = find_target(f, space, address, size);
	uint64_t got = 0;

	switch (t.place) {
	case PLACE_NONE:
		return false;
	case PLACE_LOST:
		*value = ones(size);
		break;
	case PLACE_TABLE:
		*value = msix_entries_read(&f->entries, t.offset, size);
		break;
	case PLACE_PBA:
		*value = pba_read(f, t.offset, size);
		break;
	case PLACE_HOST:
		*value = f->ops->region_read(f->host, t.bar, t.offset, &got,
					     size) ? ones(size) : got;
		break;
	}
	return true;
}

static void table_write(struct pci_function *f, uint64_t offset,
			unsigned int size, uint64_t value)
{
	unsigned int first = (unsigned int)(offset / MSIX_ENTRY_SIZE);
	unsigned int last = (unsigned int)((offset + size - 1) /
					   MSIX_ENTRY_SIZE);

	msix_entries_write(&f->entries, offset, size, value);
	if (f->irq == PCI_IRQ_MSIX)
		tell_vectors(f, first, last + 1);
}

static bool function_write(struct pci_device *dev, enum pci_space space,
			   uint64_t address, unsigned int size, uint64_t value)
{
	struct pci_function *f = (struct pci_function *)dev;
	struct target t = find_target(f, space, address, size);

	switch (t.place) {
	case PLACE_NONE:
		return false;
	case PLACE_LOST:
	case PLACE_PBA:		/* read-only */
		break;
	case PLACE_TABLE:
		table_write(f, t.offset, size, value);
		break;
	case PLACE_HOST:
		f->ops->region_write(f->host, t.bar, t.offset, &value, size);
		break;
	}
	return true;
}

/* ---- building it -------------------------------------------------------- */

static unsigned int capability_length(const struct pci_config *c,
				      unsigned int cap)
{
	switch (c->value[cap]) {
	case PCI_CAP_ID_PM:
		return PCI_PM_SIZEOF;
	case PCI_CAP_ID_MSI:
		return msi_length(c, cap);
	case PCI_CAP_ID_MSIX:
		return MSIX_LENGTH;
	case PCI_CAP_ID_VNDR:
		return c->value[cap + 2];
	case PCI_CAP_ID_EXP:
		return PCI_CAP_EXP_ENDPOINT_SIZEOF_V2;
	case PCI_CAP_ID_VPD:
	case PCI_CAP_ID_SSVID:
		return 8;
	case PCI_CAP_ID_AF:
		return PCI_CAP_AF_SIZEOF;
	default:
		return 2; /* of others we know the header alone */
	}
}

/* Always in D0, whatever the guest writes: only its own reading changes. */
static void init_pm(struct pci_function *f, unsigned int cap)
{
	struct pci_config *c = &f->config;
	uint32_t pmc = pci_config_get(c, cap + PCI_PM_PMC, 2);

	pci_config_set(c, cap + PCI_PM_PMC, 2,
		       pmc & (PCI_PM_CAP_VER_MASK | PCI_PM_CAP_DSI));
	pci_config_set(c, cap + PCI_PM_CTRL, 4, PCI_PM_CTRL_NO_SOFT_RESET);
	pci_config_allow(c, cap + PCI_PM_CTRL, 2, PCI_PM_CTRL_STATE_MASK);
	f->pm = cap;
}

/* A table that is not wholly in a memory BAR is no table. */
static bool place_is_sane(const struct pci_function *f,
			  const struct msix_place *p)
{
	return p->bar < PCI_BARS && f->bar[p->bar].size && !f->bar[p->bar].io &&
	       p->offset + p->size <= f->bar[p->bar].size;
}

static bool init_msix(struct pci_function *f, unsigned int cap, bool hide)
{
	struct msix_place table = msix_table(&f->config, cap);
	struct msix_place pba = msix_pba(&f->config, cap);

	if (f->table.size || !place_is_sane(f, &table) ||
	    !place_is_sane(f, &pba))
		return false;
	f->table = table;
	f->pba = pba;
	if (hide)
		return false;
	msix_init(&f->config, cap);
	f->msix = cap;
	return true;
}

/* Returns whether the guest is shown the capability. */
static bool init_capability(struct pci_function *f, unsigned int cap,
			    const struct pci_function_config *config)
{
	switch (f->config.value[cap]) {
	case PCI_CAP_ID_PM:
		if (f->pm)
			return false;
		init_pm(f, cap);
		return true;
	case PCI_CAP_ID_MSI:
		if (f->msi || config->hide_msi)
			return false;
		msi_init(&f->config, cap);
		f->msi = cap;
		return true;
	case PCI_CAP_ID_MSIX:
		return init_msix(f, cap, config->hide_msix);
	case PCI_CAP_ID_VNDR:
	case PCI_CAP_ID_SSVID:
		return true;
	default:
		return false;
	}
}

/*
 * Relinks the list over what is hidden.  A shown vendor capability stays the
 * host's behind its header: virtio has registers there.
 */
static void init_capabilities(struct pci_function *f,
			      const struct pci_function_config *config)
{
	struct pci_config *c = &f->config;
	unsigned int link = PCI_CAPABILITY_LIST;
	unsigned int cap = c->value[link] & ~3u;

	c->value[link] = 0;
	if (!(c->value[PCI_STATUS] & PCI_STATUS_CAP_LIST))
		cap = 0;
	for (int i = 0; i < CAPABILITIES && cap >= PCI_STD_HEADER_SIZEOF; i++) {
		unsigned int next = c->value[cap + 1] & ~3u;
		unsigned int length = capability_length(c, cap);
		bool raw = c->value[cap] == PCI_CAP_ID_VNDR;

		bool fits = cap + length <= PCI_CONFIG_SIZE;

		if (!fits)
			length = PCI_CONFIG_SIZE - cap;
		for (unsigned int j = 0; j < length; j++)
			f->live[cap + j] = raw && j >= 2;
		if (fits && init_capability(f, cap, config)) {
			c->value[link] = (uint8_t)cap;
			link = cap + 1;
			c->value[link] = 0;
		} else {
			memset(&c->value[cap], 0, length);
		}
		cap = next;
	}
	c->value[PCI_STATUS] =
		c->value[PCI_CAPABILITY_LIST] ? PCI_STATUS_CAP_LIST : 0;
}

/* Flags from the host's BAR, size from its region; placed as firmware would. */
static int init_bar(struct pci_function *f, unsigned int i)
{
	unsigned int at = PCI_BASE_ADDRESS_0 + 4 * i;
	struct pci_bar *bar = &f->bar[i];
	uint32_t flags = pci_config_get(&f->config, at, 4);
	uint64_t size = f->ops->region_size(f->host, i);
	uint64_t address;
	int err;

	pci_config_set(&f->config, at, 4, 0);
	if (!size || size & (size - 1))
		return 0; /* none, or none that a BAR can describe */
	bar->io = flags & PCI_BASE_ADDRESS_SPACE_IO;
	bar->wide = !bar->io && i + 1 < PCI_BARS &&
		    (flags & PCI_BASE_ADDRESS_MEM_TYPE_MASK) ==
			    PCI_BASE_ADDRESS_MEM_TYPE_64;
	bar->size = size;
	err = pci_bus_place(f->bus, bar->io ? PCI_SPACE_IO : PCI_SPACE_MEMORY,
			    size, &address);
	if (err)
		return err;
	flags &= bar->io ? 1u : bar->wide ? 0xfu : 0x9u;
	pci_config_set(&f->config, at, 4, (uint32_t)address | flags);
	pci_config_allow(&f->config, at, 4, (uint32_t) ~(size - 1) & ~0xfu);
	if (bar->io)
		pci_config_allow(&f->config, at, 4,
				 (uint32_t) ~(size - 1) & ~3u);
	if (!bar->wide)
		return 0;
	pci_config_set(&f->config, at + 4, 4, (uint32_t)(address >> 32));
	pci_config_allow(&f->config, at + 4, 4, (uint32_t)(~(size - 1) >> 32));
	return 0;
}

static int init_bars(struct pci_function *f)
{
	for (unsigned int i = 0; i < PCI_BARS; i++) {
		int err = init_bar(f, i);

		if (err)
			return err;
		if (f->bar[i].wide)
			i++;
	}
	return 0;
}

static void init_header(struct pci_function *f,
			const struct pci_function_config *config)
{
	struct pci_config *c = &f->config;

	pci_config_set(c, PCI_COMMAND, 2, 0);
	pci_config_allow(c, PCI_COMMAND, 2, COMMAND_WRITABLE);
	f->live[PCI_STATUS] = true;
	f->live[PCI_STATUS + 1] = true;
	pci_config_allow(c, PCI_CACHE_LINE_SIZE, 2, 0xffff);
	c->value[PCI_HEADER_TYPE] =
		0; /* one function, whatever the host's has */
	c->value[PCI_BIST] = 0;
	pci_config_set(c, PCI_CARDBUS_CIS, 4, 0);
	pci_config_set(c, PCI_ROM_ADDRESS, 4, 0);
	pci_config_set(c, PCI_CAPABILITY_LIST + 1, 3, 0);
	pci_config_set(c, 0x38, 4, 0);
	c->value[PCI_INTERRUPT_LINE] = config->gsi;
	c->writable[PCI_INTERRUPT_LINE] = 0xff;
	if (config->hide_intx || c->value[PCI_INTERRUPT_PIN] > 4)
		c->value[PCI_INTERRUPT_PIN] = 0;
}

static const struct pci_device_ops function_ops;

int pci_function_init(struct pci_function *f,
		      const struct pci_function_config *config)
{
	int err;

	memset(f, 0, sizeof(*f));
	f->dev.ops = &function_ops;
	f->bus = config->bus;
	f->ops = config->ops;
	f->host = config->host;
	f->host_command = UINT32_MAX;
	for (unsigned int i = 0; i < PCI_CONFIG_SIZE; i += 4) {
		err = f->ops->config_read(f->host, i, &f->config.value[i], 4);
		if (err)
			return err;
		memset(&f->live[i], i >= PCI_STD_HEADER_SIZEOF, 4);
	}
	if (f->config.value[PCI_HEADER_TYPE] & 0x7f)
		return -ENOTSUP;
	err = init_bars(f);
	if (err)
		return err;
	init_capabilities(f, config);
	init_header(f, config);
	f->power_on = f->config;
	msix_entries_reset(&f->entries);
	return 0;
}

/* ---- reset and unplug --------------------------------------------------- */

static void quiesce(struct pci_function *f)
{
	tell_irq(f, PCI_IRQ_NONE, 0);
	for (unsigned int i = 0; i < PCI_BARS; i++)
		if (f->bar[i].decoded)
			unmap_bar(f, i);
}

void pci_function_reset(struct pci_function *f)
{
	if (f->gone)
		return;
	quiesce(f);
	f->config = f->power_on;
	msix_entries_reset(&f->entries);
	update_bars(f); /* decoding and bus mastering off before the reset */
	f->ops->reset(f->host);
	f->host_command = UINT32_MAX;
	update_bars(f);
	update_irq(f);
}

static void function_reset(struct pci_device *dev)
{
	pci_function_reset((struct pci_function *)dev);
}

void pci_function_unplug(struct pci_function *f)
{
	if (f->gone)
		return;
	quiesce(f);
	f->gone = true;
}

static const struct pci_device_ops function_ops = {
	.config_read = config_read,
	.config_write = config_write,
	.read = function_read,
	.write = function_write,
	.reset = function_reset,
};
