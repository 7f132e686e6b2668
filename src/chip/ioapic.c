/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pin is level-triggered if its trigger mode says so and its delivery mode is
 * fixed or lowest priority; NMI, SMI, INIT and ExtINT are edges whatever the
 * trigger bit says (82093AA, 3.2.4, delivery mode), and so have no Remote IRR.
 *
 * Level pin.  IN-SERVICE is remote_irr; "ready" is: a line is high, the mask bit
 * is clear, the delivery mode is not a reserved one.
 *
 *   row  state        event                          next         emits
 *   ---  -----------  -----------------------------  -----------  -----------
 *   L1   IDLE         ready (raise, low word,        IN-SERVICE   DELIVER
 *                     settle)
 *   L2   IDLE         raise, lower, low word,        IDLE         -
 *                     settle: not ready
 *   L3   IN-SERVICE   raise, lower, settle; mask     IN-SERVICE   - (M1, M2)
 *                     bit written
 *   L4   IN-SERVICE   vector, destination or mode    IN-SERVICE   -
 *                     rewritten, level still
 *   L5   IN-SERVICE   EOI of the delivered vector    IDLE         ACK
 *   L6   IN-SERVICE   EOI register, the programmed   IDLE         ACK
 *                     vector
 *   L7   IN-SERVICE   rewritten to edge              edge         ACK
 *   L8   any          EOI of another vector; any     same         -
 *                     EOI when IDLE
 *
 * Only L5, L6 and L7 leave IN-SERVICE.  Were lowering the line enough, a line
 * that drops and rises while the guest is in its handler would be delivered
 * twice.  After ACK the pin may be ready again: its sources are heard first,
 * then the caller settles (L1).
 *
 * Edge pin.  It has no state; an edge is the OR of the lines rising, or a pulse.
 *
 *   row  event                                       emits
 *   ---  ------------------------------------------  -----------
 *   E1   edge, unmasked                              DELIVER
 *   E2   edge, masked: dropped, as hardware and KVM  -
 *   E3   raise of a source, another one is high      -
 *   E4   unmasked, settled, EOIed: no edge           -
 *   E5   becomes level, and is ready                 as L1
 *   E6   pulse on a level pin: not an edge           -
 *
 * Mask bit, on either kind, before a DELIVER and after an ACK of the same write:
 *
 *   M1   low word sets it                            MASK
 *   M2   low word clears it                          UNMASK
 *   M3   low word leaves it                          -
 *   M4   high word                                   -, and never DELIVER
 */
#include "chip/ioapic.h"

#include <stddef.h>
#include <string.h>

#define REGISTER_BYTES	4u

#define IOREGSEL	0x00u
#define IOWIN		0x10u
#define EOI		0x40u

#define INDEX_ID		0x00u
#define INDEX_VERSION		0x01u
#define INDEX_ARBITRATION	0x02u
#define INDEX_ENTRIES		0x10u
#define INDEX_PER_ENTRY		2u

#define ID_SHIFT		24
#define ID_MASK			0x0fu
#define VERSION_PINS_SHIFT	16

#define ENTRY_VECTOR		0x000000ffu
#define ENTRY_MODE		0x00000700u
#define ENTRY_MODE_SHIFT	8
#define ENTRY_LOGICAL		(1u << 11)
/* Bit 12, send pending, reads 0: a message has left when the write returns. */
#define ENTRY_ACTIVE_LOW	(1u << 13)
#define ENTRY_REMOTE_IRR	(1u << 14)
#define ENTRY_LEVEL		(1u << 15)
#define ENTRY_MASKED		(1u << 16)

/* High word: destination 7:0 in bits 31:24, its extension 14:8 in bits 23:17. */
#define ENTRY_DEST_SHIFT	24
#define ENTRY_EXTENDED_SHIFT	17
#define ENTRY_EXTENDED_MASK	0x7fu

/* ---- delivery ----------------------------------------------------------- */

static bool mode_is_reserved(uint8_t mode)
{
	return mode == 3 || mode == 6;
}

static bool pin_is_level(const struct ioapic_pin *p)
{
	return p->level &&
	       (p->mode == DELIVERY_FIXED || p->mode == DELIVERY_LOWEST);
}

/*
 * The only owner of the question.  edge: one arrived just now.
 *
 * A reserved delivery mode sends nothing: set Remote IRR for a message that no
 * local APIC accepts, and no EOI would ever clear it.
 */
static bool pin_may_deliver(const struct ioapic_pin *p, bool edge)
{
	if (p->masked || mode_is_reserved(p->mode))
		return false;
	if (!pin_is_level(p))
		return edge;
	return p->lines && !p->remote_irr;
}

static void settle(struct ioapic *ic, unsigned int pin, bool edge,
		   struct effects *out)
{
	struct ioapic_pin *p = &ic->pin[pin];
	bool level = pin_is_level(p);

	if (!pin_may_deliver(p, edge))
		return;
	if (level) {
		p->remote_irr = true;
		p->in_service = p->vector;
	}
	effects_push(out, (struct effect){
		.kind = EFFECT_DELIVER,
		.pin = (uint8_t)pin,
		.msg = {
			.dest = p->dest,
			.vector = p->vector,
			.mode = p->mode,
			.logical = p->logical,
			.level = level,
		},
	});
}

void ioapic_settle(struct ioapic *ic, unsigned int pin, struct effects *out)
{
	assert(pin < ic->pins);
	settle(ic, pin, false, out);
}

void ioapic_raise(struct ioapic *ic, unsigned int pin, unsigned int source,
		  struct effects *out)
{
	struct ioapic_pin *p = &ic->pin[pin];
	bool rises;

	assert(pin < ic->pins && source < FORWARDS_MAX);
	rises = !p->lines;
	p->lines |= 1u << source;
	settle(ic, pin, rises, out);
}

void ioapic_lower(struct ioapic *ic, unsigned int pin, unsigned int source)
{
	assert(pin < ic->pins && source < FORWARDS_MAX);
	ic->pin[pin].lines &= ~(1u << source);
}

void ioapic_pulse(struct ioapic *ic, unsigned int pin, struct effects *out)
{
	assert(pin < ic->pins);
	/* E6: a level pin may deliver for its lines, never for a pulse. */
	if (!pin_is_level(&ic->pin[pin]))
		settle(ic, pin, true, out);
}

/* ---- the way back ------------------------------------------------------- */

/* Remote IRR falls.  Settling is left to whoever drains the ACK. */
static void pin_ack(struct ioapic *ic, unsigned int pin, struct effects *out)
{
	struct ioapic_pin *p = &ic->pin[pin];

	p->remote_irr = false;
	p->in_service = 0;	/* equal states compare equal */
	effects_push(out, (struct effect){
		.kind = EFFECT_ACK, .pin = (uint8_t)pin });
}

/*
 * The message says which interrupt was consumed, so the vector is compared as
 * it was delivered: a guest that moves an interrupt while it is in service
 * still EOIs the old vector.
 */
void ioapic_eoi(struct ioapic *ic, uint8_t vector, struct effects *out)
{
	for (unsigned int i = 0; i < ic->pins; i++) {
		if (ic->pin[i].remote_irr && ic->pin[i].in_service == vector)
			pin_ack(ic, i, out);
	}
}

/*
 * The EOI register is written by a driver that reads the vector from the
 * redirection entry, or remembers the one it was called with.  Hardware knows
 * the entry only; a guest that moved the interrupt and writes the old vector
 * would hang there.  Either is taken.
 */
static void eoi_register(struct ioapic *ic, uint8_t vector, struct effects *out)
{
	for (unsigned int i = 0; i < ic->pins; i++) {
		const struct ioapic_pin *p = &ic->pin[i];

		if (p->remote_irr &&
		    (p->in_service == vector || p->vector == vector))
			pin_ack(ic, i, out);
	}
}

/* ---- redirection entries ------------------------------------------------ */

static uint32_t entry_low(const struct ioapic_pin *p)
{
	return p->vector |
	       (uint32_t)p->mode << ENTRY_MODE_SHIFT |
	       (p->logical ? ENTRY_LOGICAL : 0) |
	       (p->active_low ? ENTRY_ACTIVE_LOW : 0) |
	       (p->remote_irr ? ENTRY_REMOTE_IRR : 0) |
	       (p->level ? ENTRY_LEVEL : 0) |
	       (p->masked ? ENTRY_MASKED : 0);
}

static uint32_t entry_high(const struct ioapic_pin *p)
{
	uint32_t low = p->dest & 0xffu;
	uint32_t extended = (uint32_t)p->dest >> 8;

	return low << ENTRY_DEST_SHIFT | extended << ENTRY_EXTENDED_SHIFT;
}

static void write_low(struct ioapic *ic, unsigned int pin, uint32_t value,
		      struct effects *out)
{
	struct ioapic_pin *p = &ic->pin[pin];
	bool was_masked = p->masked;

	p->vector = value & ENTRY_VECTOR;
	p->mode = (uint8_t)((value & ENTRY_MODE) >> ENTRY_MODE_SHIFT);
	p->logical = value & ENTRY_LOGICAL;
	p->active_low = value & ENTRY_ACTIVE_LOW;
	p->level = value & ENTRY_LEVEL;
	p->masked = value & ENTRY_MASKED;

	/*
	 * L7: Linux before the EOI register masks the entry and makes it edge,
	 * then writes it back, to end an interrupt whose EOI was lost: its
	 * pseudo-EOI.  The source waits for it as for any other.
	 */
	if (p->remote_irr && !pin_is_level(p))
		pin_ack(ic, pin, out);
	if (p->masked != was_masked)
		effects_push(out, (struct effect){
			.kind = p->masked ? EFFECT_MASK : EFFECT_UNMASK,
			.pin = (uint8_t)pin });
	/* After L7 this does nothing, since the pin is edge: the ACK is first. */
	settle(ic, pin, false, out);
}

/* M4: no settle.  The next delivery goes to the new destination. */
static void write_high(struct ioapic *ic, unsigned int pin, uint32_t value)
{
	uint32_t low = value >> ENTRY_DEST_SHIFT;
	uint32_t extended = value >> ENTRY_EXTENDED_SHIFT & ENTRY_EXTENDED_MASK;

	ic->pin[pin].dest = (uint16_t)(extended << 8 | low);
}

/* ---- registers behind IOREGSEL and IOWIN -------------------------------- */

static uint32_t read_id(const struct ioapic *ic, unsigned int index)
{
	return (uint32_t)ic->id << ID_SHIFT;
}

static void write_id(struct ioapic *ic, unsigned int index, uint32_t value,
		     struct effects *out)
{
	ic->id = value >> ID_SHIFT & ID_MASK;
}

static uint32_t read_version(const struct ioapic *ic, unsigned int index)
{
	return (uint32_t)(ic->pins - 1) << VERSION_PINS_SHIFT | ic->version;
}

/* Loaded with the ID; there is no APIC bus on which priorities would rotate. */
static uint32_t read_arbitration(const struct ioapic *ic, unsigned int index)
{
	return read_id(ic, INDEX_ID);
}

static uint32_t read_entry(const struct ioapic *ic, unsigned int index)
{
	unsigned int pin = (index - INDEX_ENTRIES) / INDEX_PER_ENTRY;

	if (pin >= ic->pins)
		return 0;
	return index & 1 ? entry_high(&ic->pin[pin]) : entry_low(&ic->pin[pin]);
}

static void write_entry(struct ioapic *ic, unsigned int index, uint32_t value,
			struct effects *out)
{
	unsigned int pin = (index - INDEX_ENTRIES) / INDEX_PER_ENTRY;

	if (pin >= ic->pins)
		return;
	if (index & 1)
		write_high(ic, pin, value);
	else
		write_low(ic, pin, value, out);
}

struct indexed_register {
	unsigned int first, last;
	uint32_t (*read)(const struct ioapic *ic, unsigned int index);
	/* NULL: read-only */
	void (*write)(struct ioapic *ic, unsigned int index, uint32_t value,
		      struct effects *out);
};

static const struct indexed_register indexed_registers[] = {
	{ INDEX_ID, INDEX_ID, read_id, write_id },
	{ INDEX_VERSION, INDEX_VERSION, read_version, NULL },
	{ INDEX_ARBITRATION, INDEX_ARBITRATION, read_arbitration, NULL },
	{ INDEX_ENTRIES, UINT16_MAX, read_entry, write_entry },
};

static const struct indexed_register *indexed_find(unsigned int index)
{
	const struct indexed_register *r = indexed_registers;
	size_t nr = sizeof(indexed_registers) / sizeof(*r);

	for (size_t i = 0; i < nr; i++, r++) {
		if (index >= r->first && index <= r->last)
			return r;
	}
	return NULL;
}

/* ---- the page ----------------------------------------------------------- */

/*
 * 82093AA and ICH have an index of 8 bits, which reaches 120 entries, while the
 * version register allows for 240.  Guests write the index as a dword (Linux:
 * 0x10 + 2 * pin, whatever the pin), so a chip with more than 120 pins has one
 * bit more, which would be reserved otherwise.
 */
static uint32_t select_mask(const struct ioapic *ic)
{
	return ic->pins > IOAPIC_PINS_8_BIT ? 0x1ff : 0xff;
}

static uint32_t read_select(const struct ioapic *ic)
{
	return ic->select;
}

static void write_select(struct ioapic *ic, uint32_t value, uint32_t written,
			 struct effects *out)
{
	ic->select = (uint16_t)(((ic->select & ~written) | value) &
				select_mask(ic));
}

static uint32_t read_window(const struct ioapic *ic)
{
	const struct indexed_register *r = indexed_find(ic->select);

	return r ? r->read(ic, ic->select) : 0;
}

static void write_window(struct ioapic *ic, uint32_t value, uint32_t written,
			 struct effects *out)
{
	const struct indexed_register *r = indexed_find(ic->select);

	if (r && r->write)
		r->write(ic, ic->select,
			 (r->read(ic, ic->select) & ~written) | value, out);
}

static uint32_t read_eoi(const struct ioapic *ic)
{
	return 0;	/* write-only */
}

static void write_eoi(struct ioapic *ic, uint32_t value, uint32_t written,
		      struct effects *out)
{
	/* A write that does not reach the vector's byte EOIs nothing, not 0. */
	if (ic->version >= IOAPIC_VERSION_ICH && (written & ENTRY_VECTOR))
		eoi_register(ic, value & ENTRY_VECTOR, out);
}

struct page_register {
	uint64_t offset;
	uint32_t (*read)(const struct ioapic *ic);
	/* written: ones in the bytes that the write reaches; value: 0 elsewhere */
	void (*write)(struct ioapic *ic, uint32_t value, uint32_t written,
		      struct effects *out);
};

static const struct page_register page_registers[] = {
	{ IOREGSEL, read_select, write_select },
	{ IOWIN, read_window, write_window },
	{ EOI, read_eoi, write_eoi },
};

#define PAGE_REGISTERS	(sizeof(page_registers) / sizeof(page_registers[0]))

/*
 * Specified are a byte or dword at IOREGSEL and dwords elsewhere, and guests
 * keep to that.  Everything else is taken as a bus with byte enables takes it:
 * each byte goes where its address says, bytes of a register that are not
 * written keep their value, and bytes at no register read 0 and are dropped.
 * So a byte, a word, a qword and an unaligned or split access need no rule of
 * their own.  (KVM extends short writes with zeros, which would clear a mask
 * bit that the guest did not write; QEMU and bhyve drop them.)
 *
 * Registers are further apart than an access is long: one reaches one at most,
 * and has its effect once.
 */
static uint32_t byte_of(uint64_t value, uint64_t nr)
{
	return (uint32_t)(value >> (8 * nr)) & 0xff;
}

static bool access_is_valid(uint64_t offset, unsigned int size)
{
	assert(size >= 1 && size <= sizeof(uint64_t));
	return offset < IOAPIC_MMIO_SIZE;
}

uint64_t ioapic_read(const struct ioapic *ic, uint64_t offset, unsigned int size)
{
	uint64_t value = 0;

	if (!access_is_valid(offset, size))
		return 0;
	for (size_t r = 0; r < PAGE_REGISTERS; r++) {
		uint32_t word = page_registers[r].read(ic);

		for (unsigned int i = 0; i < size; i++) {
			uint64_t at = offset + i - page_registers[r].offset;

			if (at < REGISTER_BYTES)
				value |= (uint64_t)byte_of(word, at) << (8 * i);
		}
	}
	return value;
}

void ioapic_write(struct ioapic *ic, uint64_t offset, uint64_t value,
		  unsigned int size, struct effects *out)
{
	if (!access_is_valid(offset, size))
		return;
	for (size_t r = 0; r < PAGE_REGISTERS; r++) {
		uint32_t word = 0, written = 0;

		for (unsigned int i = 0; i < size; i++) {
			uint64_t at = offset + i - page_registers[r].offset;

			if (at >= REGISTER_BYTES)
				continue;
			word |= byte_of(value, i) << (8 * at);
			written |= 0xffu << (8 * at);
		}
		if (written)
			page_registers[r].write(ic, word, written, out);
	}
}

/* ---- life --------------------------------------------------------------- */

void ioapic_init(struct ioapic *ic, unsigned int pins, uint8_t version)
{
	assert(pins >= 1 && pins <= IOAPIC_PINS_MAX);
	assert(version == IOAPIC_VERSION_82093AA ||
	       version == IOAPIC_VERSION_ICH);
	memset(ic, 0, sizeof(*ic));
	ic->pins = (uint8_t)pins;
	ic->version = version;
	ioapic_reset(ic);
}

void ioapic_reset(struct ioapic *ic)
{
	ic->id = 0;
	ic->select = 0;
	for (unsigned int i = 0; i < ic->pins; i++) {
		struct ioapic_pin *p = &ic->pin[i];
		uint32_t lines = p->lines;

		memset(p, 0, sizeof(*p));
		p->lines = lines;
		p->masked = true;
	}
}
