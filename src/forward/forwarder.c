/* SPDX-License-Identifier: Apache-2.0 */
#include "forward/forwarder.h"

#include <string.h>

#include "forward/drain.h"

static struct forward_pin pin_of(const struct forwarder *fw, unsigned int pin)
{
	const struct ioapic_pin *p = &fw->ioapic.pin[pin];

	return (struct forward_pin){ p->masked, p->remote_irr };
}

static bool same_message(const struct message *a, const struct message *b)
{
	return a->dest == b->dest && a->vector == b->vector &&
	       a->mode == b->mode && a->logical == b->logical &&
	       a->level == b->level;
}

/*
 * A delivery that the backend's route does not match turns into the ROUTE, and
 * stands behind it in the list.  Edges need no route, but one that is left over
 * from a level interrupt would bring EOI exits for nothing.
 */
static void route_before(struct forwarder *fw, unsigned int i,
			 struct effects *out)
{
	struct effect deliver = out->v[i];
	struct message *route = &fw->route[deliver.pin];
	bool stale = deliver.msg.level ? !same_message(route, &deliver.msg)
				       : route->level;

	if (!fw->routed || !stale)
		return;
	*route = deliver.msg.level ? deliver.msg : (struct message){ 0 };
	out->v[i].kind = EFFECT_ROUTE;
	out->v[i].msg = *route;
	effects_push(out, deliver);
}

static struct forward_pin chip_pin(const void *chip, unsigned int pin)
{
	return pin_of(chip, pin);
}

static void chip_raise(void *chip, unsigned int pin, unsigned int source,
		       struct effects *out)
{
	struct forwarder *fw = chip;

	ioapic_raise(&fw->ioapic, pin, source, out);
}

static void chip_lower(void *chip, unsigned int pin, unsigned int source)
{
	struct forwarder *fw = chip;

	ioapic_lower(&fw->ioapic, pin, source);
}

static void chip_settle(void *chip, unsigned int pin, struct effects *out)
{
	struct forwarder *fw = chip;

	ioapic_settle(&fw->ioapic, pin, out);
}

static void chip_deliver(void *chip, unsigned int i, struct effects *out)
{
	route_before(chip, i, out);
}

static const struct drain_chip ioapic_chip = {
	.pin = chip_pin,
	.raise = chip_raise,
	.lower = chip_lower,
	.settle = chip_settle,
	.deliver = chip_deliver,
};

static void drain(struct forwarder *fw, unsigned int from, struct effects *out)
{
	drain_effects(&ioapic_chip, fw, fw->forward, from, out);
}

bool forwarder_takes(unsigned int pins, uint8_t version)
{
	return pins > 0 && pins <= IOAPIC_PINS_MAX &&
	       (version == IOAPIC_VERSION_82093AA ||
		version == IOAPIC_VERSION_ICH);
}

void forwarder_init(struct forwarder *fw, unsigned int pins, uint8_t version,
		    bool routed)
{
	memset(fw, 0, sizeof(*fw));
	fw->routed = routed;
	ioapic_init(&fw->ioapic, pins, version);
}

void forwarder_add(struct forwarder *fw, unsigned int source, unsigned int pin,
		   enum forward_policy policy, unsigned int throttle_after)
{
	assert(source < FORWARDS_MAX && !fw->forward[source].used);
	assert(pin < fw->ioapic.pins);
	forward_init(&fw->forward[source], source, pin, policy, throttle_after);
}

static struct forward *forward_of(struct forwarder *fw, unsigned int source)
{
	assert(source < FORWARDS_MAX && fw->forward[source].used);
	return &fw->forward[source];
}

void forwarder_remove(struct forwarder *fw, unsigned int source,
		      struct effects *out)
{
	unsigned int from = out->nr;
	struct forward *f = forward_of(fw, source);

	forward_flushed(f, out);
	f->used = false;
	drain(fw, from, out);
}

void forwarder_trigger(struct forwarder *fw, unsigned int source,
		       struct effects *out)
{
	unsigned int from = out->nr;
	struct forward *f = forward_of(fw, source);

	forward_triggered(f, pin_of(fw, f->pin), out);
	drain(fw, from, out);
}

void forwarder_sampled(struct forwarder *fw, unsigned int source,
		       enum forward_level level, struct effects *out)
{
	unsigned int from = out->nr;
	struct forward *f = forward_of(fw, source);

	forward_sampled(f, pin_of(fw, f->pin), level, out);
	drain(fw, from, out);
}

void forwarder_drained(struct forwarder *fw, unsigned int source,
		       bool signalled, struct effects *out)
{
	forward_drained(forward_of(fw, source), signalled, out);
}

void forwarder_timeout(struct forwarder *fw, unsigned int source,
		       struct effects *out)
{
	forward_timed_out(forward_of(fw, source), out);
}

void forwarder_cut(struct forwarder *fw, unsigned int source, bool cut,
		   struct effects *out)
{
	unsigned int from = out->nr;
	struct forward *f = forward_of(fw, source);

	if (cut)
		forward_cut(f, out);
	else
		forward_joined(f, pin_of(fw, f->pin), out);
	drain(fw, from, out);
}

void forwarder_set_line(struct forwarder *fw, unsigned int source,
			unsigned int pin, bool high, struct effects *out)
{
	unsigned int from = out->nr;

	assert(source < FORWARDS_MAX && !fw->forward[source].used);
	if (high)
		ioapic_raise(&fw->ioapic, pin, source, out);
	else
		ioapic_lower(&fw->ioapic, pin, source);
	drain(fw, from, out);
}

void forwarder_pulse(struct forwarder *fw, unsigned int pin,
		     struct effects *out)
{
	unsigned int from = out->nr;

	ioapic_pulse(&fw->ioapic, pin, out);
	drain(fw, from, out);
}

uint64_t forwarder_read(const struct forwarder *fw, uint64_t offset,
			unsigned int size)
{
	return ioapic_read(&fw->ioapic, offset, size);
}

void forwarder_write(struct forwarder *fw, uint64_t offset, uint64_t value,
		     unsigned int size, struct effects *out)
{
	unsigned int from = out->nr;

	ioapic_write(&fw->ioapic, offset, value, size, out);
	drain(fw, from, out);
}

void forwarder_eoi(struct forwarder *fw, uint8_t vector, struct effects *out)
{
	unsigned int from = out->nr;

	ioapic_eoi(&fw->ioapic, vector, out);
	drain(fw, from, out);
}

/*
 * The chip goes first: what it had in service is gone with the local APICs, and
 * a trigger that answers the RESAMPLE must find the pin masked.
 */
void forwarder_reset(struct forwarder *fw, struct effects *out)
{
	unsigned int from = out->nr;

	ioapic_reset(&fw->ioapic);
	for (unsigned int s = 0; s < FORWARDS_MAX; s++)
		if (fw->forward[s].used)
			forward_flushed(&fw->forward[s], out);
	drain(fw, from, out);
}
