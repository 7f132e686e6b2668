/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pair of 8259 and the forwards on its pins: one pure state machine, the
 * sibling of struct forwarder.  It drains what chip and forwards ask of each
 * other; what is left is for the world outside, in order:
 *
 *   RESAMPLE, SAMPLE, DRAIN, THROTTLE	to a source
 *
 * There is no DELIVER: the processor asks.  Whoever feeds an event in looks at
 * pic_forwarder_output() after it; when the vCPU can take an external interrupt,
 * pic_forwarder_intack() is its INTA cycle.  Between the two the line may fall,
 * as it may on hardware; the vector is then the spurious one.
 *
 * A guest's handle_level_irq masks, EOIs, runs its handlers, unmasks.  So the ACK
 * comes while the pin is masked, and every level interrupt of a PIC is deferred
 * to its unmask, not only a oneshot one.  With automatic EOI the ACK comes in
 * the INTA cycle, before anybody could have masked: the host is asked at once,
 * and what it finds is raised again, as the bare line would.
 */
#ifndef FORWARD_PIC_FORWARDER_H
#define FORWARD_PIC_FORWARDER_H

#include "chip/i8259.h"
#include "forward/forward.h"

struct pic_forwarder {
	struct i8259 pic;
	struct forward forward[FORWARDS_MAX];
};

void pic_forwarder_init(struct pic_forwarder *pf);

/* Forwards come and go at run time.  Slots are shared with plain lines. */
void pic_forwarder_add(struct pic_forwarder *pf, unsigned int source,
		       unsigned int pin, enum forward_policy policy,
		       unsigned int throttle_after);
void pic_forwarder_remove(struct pic_forwarder *pf, unsigned int source,
			  struct effects *out);

/* down */
void pic_forwarder_trigger(struct pic_forwarder *pf, unsigned int source,
			   struct effects *out);
void pic_forwarder_sampled(struct pic_forwarder *pf, unsigned int source,
			   enum forward_level level, struct effects *out);
void pic_forwarder_drained(struct pic_forwarder *pf, unsigned int source,
			   bool signalled, struct effects *out);
void pic_forwarder_timeout(struct pic_forwarder *pf, unsigned int source,
			   struct effects *out);

/* An emulated device: a level that it alone changes, or an edge. */
void pic_forwarder_set_line(struct pic_forwarder *pf, unsigned int source,
			    unsigned int pin, bool high);
void pic_forwarder_pulse(struct pic_forwarder *pf, unsigned int pin);

/* The guest cuts a device off its line (PCI's DisINTx), or joins it again. */
void pic_forwarder_cut(struct pic_forwarder *pf, unsigned int source, bool cut,
		       struct effects *out);

/* up: INTR, the INTA cycle, and the ports of enum i8259_port */
bool pic_forwarder_output(const struct pic_forwarder *pf);
uint8_t pic_forwarder_intack(struct pic_forwarder *pf, struct effects *out);
uint8_t pic_forwarder_read(struct pic_forwarder *pf, uint16_t port,
			   struct effects *out);
void pic_forwarder_write(struct pic_forwarder *pf, uint16_t port, uint8_t value,
			 struct effects *out);
void pic_forwarder_reset(struct pic_forwarder *pf, struct effects *out);

#endif
