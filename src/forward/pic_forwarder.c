/* SPDX-License-Identifier: Apache-2.0 */
#include "forward/pic_forwarder.h"

#include <string.h>

#include "forward/drain.h"

static struct forward_pin pin_of(const struct pic_forwarder *pf,
				 unsigned int pin)
{
	return (struct forward_pin){ i8259_masked(&pf->pic, pin),
				     i8259_in_service(&pf->pic, pin) };
}

static struct forward_pin chip_pin(const void *chip, unsigned int pin)
{
	return pin_of(chip, pin);
}

static void chip_raise(void *chip, unsigned int pin, unsigned int source,
		       struct effects *out)
{
	struct pic_forwarder *pf = chip;

	(void)out;	/* the processor asks */
	i8259_raise(&pf->pic, pin, source);
}

static void chip_lower(void *chip, unsigned int pin, unsigned int source)
{
	struct pic_forwarder *pf = chip;

	i8259_lower(&pf->pic, pin, source);
}

static const struct drain_chip i8259_chip = {
	.pin = chip_pin,
	.raise = chip_raise,
	.lower = chip_lower,
};

static void drain(struct pic_forwarder *pf, unsigned int from,
		  struct effects *out)
{
	drain_effects(&i8259_chip, pf, pf->forward, from, out);
}

static struct forward *forward_of(struct pic_forwarder *pf, unsigned int source)
{
	assert(source < FORWARDS_MAX && pf->forward[source].used);
	return &pf->forward[source];
}

void pic_forwarder_init(struct pic_forwarder *pf)
{
	memset(pf, 0, sizeof(*pf));
	i8259_init(&pf->pic);
}

void pic_forwarder_add(struct pic_forwarder *pf, unsigned int source,
		       unsigned int pin, enum forward_policy policy,
		       unsigned int throttle_after)
{
	assert(source < FORWARDS_MAX && !pf->forward[source].used);
	assert(pin < I8259_PINS && pin != I8259_CASCADE);
	forward_init(&pf->forward[source], source, pin, policy, throttle_after);
}

void pic_forwarder_remove(struct pic_forwarder *pf, unsigned int source,
			  struct effects *out)
{
	unsigned int from = out->nr;
	struct forward *f = forward_of(pf, source);

	forward_flushed(f, out);
	f->used = false;
	drain(pf, from, out);
}

void pic_forwarder_trigger(struct pic_forwarder *pf, unsigned int source,
			   struct effects *out)
{
	unsigned int from = out->nr;
	struct forward *f = forward_of(pf, source);

	forward_triggered(f, pin_of(pf, f->pin), out);
	drain(pf, from, out);
}

void pic_forwarder_sampled(struct pic_forwarder *pf, unsigned int source,
			   enum forward_level level, struct effects *out)
{
	unsigned int from = out->nr;
	struct forward *f = forward_of(pf, source);

	forward_sampled(f, pin_of(pf, f->pin), level, out);
	drain(pf, from, out);
}

void pic_forwarder_drained(struct pic_forwarder *pf, unsigned int source,
			   bool signalled, struct effects *out)
{
	forward_drained(forward_of(pf, source), signalled, out);
}

void pic_forwarder_timeout(struct pic_forwarder *pf, unsigned int source,
			   struct effects *out)
{
	forward_timed_out(forward_of(pf, source), out);
}

void pic_forwarder_set_line(struct pic_forwarder *pf, unsigned int source,
			    unsigned int pin, bool high)
{
	assert(source < FORWARDS_MAX && !pf->forward[source].used);
	if (high)
		i8259_raise(&pf->pic, pin, source);
	else
		i8259_lower(&pf->pic, pin, source);
}

void pic_forwarder_pulse(struct pic_forwarder *pf, unsigned int pin)
{
	i8259_pulse(&pf->pic, pin);
}

void pic_forwarder_cut(struct pic_forwarder *pf, unsigned int source, bool cut,
		       struct effects *out)
{
	unsigned int from = out->nr;
	struct forward *f = forward_of(pf, source);

	if (cut)
		forward_cut(f, out);
	else
		forward_joined(f, pin_of(pf, f->pin), out);
	drain(pf, from, out);
}

bool pic_forwarder_output(const struct pic_forwarder *pf)
{
	return i8259_output(&pf->pic);
}

uint8_t pic_forwarder_intack(struct pic_forwarder *pf, struct effects *out)
{
	unsigned int from = out->nr;
	uint8_t vector = i8259_intack(&pf->pic, out);

	drain(pf, from, out);
	return vector;
}

/* A poll acknowledges: with automatic EOI it acks, too. */
uint8_t pic_forwarder_read(struct pic_forwarder *pf, uint16_t port,
			   struct effects *out)
{
	unsigned int from = out->nr;
	uint8_t value = i8259_read(&pf->pic, port, out);

	drain(pf, from, out);
	return value;
}

void pic_forwarder_write(struct pic_forwarder *pf, uint16_t port, uint8_t value,
			 struct effects *out)
{
	unsigned int from = out->nr;

	i8259_write(&pf->pic, port, value, out);
	drain(pf, from, out);
}

/* The chip first: a trigger that answers the RESAMPLE must find the pin masked. */
void pic_forwarder_reset(struct pic_forwarder *pf, struct effects *out)
{
	unsigned int from = out->nr;

	i8259_reset(&pf->pic);
	for (unsigned int s = 0; s < FORWARDS_MAX; s++)
		if (pf->forward[s].used)
			forward_flushed(&pf->forward[s], out);
	drain(pf, from, out);
}
