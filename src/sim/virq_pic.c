/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/virq_pic.h"

#include <stdio.h>

#define VECTORS		0x30u	/* ISA_IRQ_VECTOR(0) */
#define ICW1_INIT	0x11u
#define ICW4_AUTO_EOI	0x02u
#define OCW2_SPECIFIC	0x60u
#define OCW3_READ_IRR	0x0au
#define OCW3_READ_ISR	0x0bu

static unsigned int irq_of(const struct world_config *c, unsigned int pin)
{
	return c->irq[pin];
}

static uint16_t command_of(unsigned int irq)
{
	return irq < I8259_CHIP_PINS ? I8259_MASTER_COMMAND
				     : I8259_SLAVE_COMMAND;
}

static uint16_t data_of(unsigned int irq)
{
	return irq < I8259_CHIP_PINS ? I8259_MASTER_DATA : I8259_SLAVE_DATA;
}

static void outb(const struct world_config *c, struct world *w,
		 unsigned int value, uint16_t port)
{
	struct effects out;

	out.nr = 0;
	pic_forwarder_write(&w->pic, port, (uint8_t)value, &out);
	virq_settle(c, w, &out);
}

static uint8_t inb(const struct world_config *c, struct world *w, uint16_t port)
{
	struct effects out;
	uint8_t value;

	out.nr = 0;
	value = pic_forwarder_read(&w->pic, port, &out);
	virq_settle(c, w, &out);
	return value;
}

/* A bit for each input that is a pin of this world. */
static unsigned int inputs(const struct world_config *c)
{
	unsigned int set = 0;

	for (unsigned int pin = 0; pin < c->pins; pin++)
		set |= 1u << irq_of(c, pin);
	return set;
}

static void init_8259A(const struct world_config *c, struct world *w,
		       unsigned int mask)
{
	unsigned int slaves = 1u << I8259_CASCADE;

	outb(c, w, 0xff, I8259_MASTER_DATA);
	outb(c, w, ICW1_INIT, I8259_MASTER_COMMAND);
	outb(c, w, VECTORS, I8259_MASTER_DATA);
	outb(c, w, slaves, I8259_MASTER_DATA);
	outb(c, w, c->icw4, I8259_MASTER_DATA);
	outb(c, w, ICW1_INIT, I8259_SLAVE_COMMAND);
	outb(c, w, VECTORS + I8259_CHIP_PINS, I8259_SLAVE_DATA);
	outb(c, w, I8259_CASCADE, I8259_SLAVE_DATA);
	/* the slave's EOI is never automatic: Linux */
	outb(c, w, c->icw4 & ~ICW4_AUTO_EOI, I8259_SLAVE_DATA);
	outb(c, w, mask & ~slaves & 0xffu, I8259_MASTER_DATA);
	outb(c, w, mask >> 8, I8259_SLAVE_DATA);
}

void virq_pic_init(const struct world_config *c, struct world *w, bool masked)
{
	unsigned int level = c->flow == FLOW_EDGE ? 0 : inputs(c);

	/* the firmware's */
	outb(c, w, level & 0xffu, I8259_MASTER_ELCR);
	outb(c, w, level >> 8, I8259_SLAVE_ELCR);
	init_8259A(c, w, masked ? 0xffffu : 0xffffu & ~inputs(c));
}

void virq_pic_reset(const struct world_config *c, struct world *w)
{
	struct effects out;

	out.nr = 0;
	pic_forwarder_reset(&w->pic, &out);
	virq_settle(c, w, &out);
	virq_pic_init(c, w, true);
}

struct virq_bits virq_pic_bits(const struct world_config *c,
			       const struct world *w, unsigned int pin)
{
	unsigned int irq = irq_of(c, pin);

	return (struct virq_bits){ w->pic.pic.lines[irq],
				   i8259_masked(&w->pic.pic, irq),
				   i8259_in_service(&w->pic.pic, irq) };
}

/* The guest's cached_irq_mask is what IMR holds: nobody else writes it. */
void virq_pic_write_mask(const struct world_config *c, struct world *w,
			 unsigned int pin, bool masked)
{
	unsigned int irq = irq_of(c, pin);
	unsigned int bit = 1u << irq % I8259_CHIP_PINS;
	unsigned int imr = inb(c, w, data_of(irq));

	outb(c, w, masked ? imr | bit : imr & ~bit, data_of(irq));
}

static bool is_auto_eoi(const struct world_config *c)
{
	return c->icw4 & ICW4_AUTO_EOI;
}

enum vcpu_pc virq_pic_eoi(const struct world_config *c, struct world *w,
			  unsigned int pin)
{
	unsigned int irq = irq_of(c, pin);

	if (irq < I8259_CHIP_PINS && is_auto_eoi(c))
		return VCPU_IDLE;
	outb(c, w, OCW2_SPECIFIC | irq % I8259_CHIP_PINS, command_of(irq));
	if (irq < I8259_CHIP_PINS || is_auto_eoi(c))
		return VCPU_IDLE;
	return VCPU_EOI_FINISH;
}

void virq_pic_eoi_cascade(const struct world_config *c, struct world *w)
{
	outb(c, w, OCW2_SPECIFIC | I8259_CASCADE, I8259_MASTER_COMMAND);
}

/* i8259A_irq_real(), and the EOI that Linux sends even so. */
static void spurious_8259A_irq(const struct world_config *c, struct world *w,
			       unsigned int irq)
{
	outb(c, w, OCW3_READ_ISR, command_of(irq));
	inb(c, w, command_of(irq));
	outb(c, w, OCW3_READ_IRR, command_of(irq));
	outb(c, w, OCW2_SPECIFIC | irq % I8259_CHIP_PINS, command_of(irq));
	if (irq >= I8259_CHIP_PINS)
		virq_pic_eoi_cascade(c, w);
}

unsigned int virq_pic_intack(const struct world_config *c, struct world *w)
{
	struct effects out;
	unsigned int irq;

	out.nr = 0;
	irq = pic_forwarder_intack(&w->pic, &out) - VECTORS;
	virq_settle(c, w, &out);
	if (c->hostile)
		return PINS_MAX;
	for (unsigned int pin = 0; pin < c->pins; pin++)
		if (irq_of(c, pin) == irq)
			return pin;
	if (irq < I8259_PINS)
		spurious_8259A_irq(c, w, irq);
	return PINS_MAX;
}

/* ---- a hostile guest --------------------------------------------------------- */

enum { READ = 0x100, PIN = 0x200 };	/* a read; with the input's number */

static const struct {
	uint16_t value;
	uint8_t data;		/* the data port; 2: ELCR */
	const char *text;
} accesses[] = {
	{ 0x00, 1, "OCW1, or an ICW: 0x00" },
	{ 0xff, 1, "OCW1, or an ICW: 0xff" },
	{ 0x20, 0, "OCW2: EOI" },
	{ OCW2_SPECIFIC | PIN, 0, "OCW2: specific EOI" },
	{ 0x0c, 0, "OCW3: poll" },
	{ READ, 0, "reads the command port" },
	{ ICW1_INIT, 0, "ICW1" },
	{ 0x00, 2, "ELCR: edges" },
	{ 0xff, 2, "ELCR: levels" },
};

unsigned int virq_pic_accesses(const struct world_config *c)
{
	return c->hostile ? sizeof(accesses) / sizeof(accesses[0]) : 0;
}

/* All are to the chip that has pin 0. */
void virq_pic_access(const struct world_config *c, struct world *w,
		     unsigned int nr)
{
	unsigned int irq = irq_of(c, 0);
	unsigned int value = accesses[nr].value;
	uint16_t port = accesses[nr].data ? data_of(irq) : command_of(irq);

	if (accesses[nr].data == 2)
		port = irq < I8259_CHIP_PINS ? I8259_MASTER_ELCR
					     : I8259_SLAVE_ELCR;
	if (value & READ)
		inb(c, w, port);
	else if (value & PIN)
		outb(c, w, (value & 0xffu) | irq % I8259_CHIP_PINS, port);
	else
		outb(c, w, value, port);
}

void virq_pic_access_text(const struct world_config *c, unsigned int nr,
			  char *buf, unsigned long n)
{
	snprintf(buf, n, "%s: %s",
		 irq_of(c, 0) < I8259_CHIP_PINS ? "master" : "slave",
		 accesses[nr].text);
}
