/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shipped pair of 8259 with its forwards (struct pic_forwarder), and how
 * Linux drives it: init_8259A(), mask_and_ack_8259A(), enable_8259A_irq().  The
 * engine around it is that of virq.h.
 *
 * INTR and INTA are two steps: the VMM sees INTR and asks the vCPU to leave the
 * guest; the INTA cycle comes when the vCPU can take an external interrupt.  A
 * line may fall in between, and the vector be the spurious one.
 *
 * Pin n of a world is the input irq[n] of the pair.
 */
#ifndef SIM_VIRQ_PIC_H
#define SIM_VIRQ_PIC_H

#include "sim/virq.h"

/* The ICWs, and IMR as a booting guest leaves it; forwards are there or not. */
void virq_pic_init(const struct world_config *c, struct world *w, bool masked);
void virq_pic_reset(const struct world_config *c, struct world *w);

struct virq_bits virq_pic_bits(const struct world_config *c,
			       const struct world *w, unsigned int pin);
void virq_pic_write_mask(const struct world_config *c, struct world *w,
			 unsigned int pin, bool masked);
/* A specific EOI; for the slave's inputs the cascade's is one more access. */
enum vcpu_pc virq_pic_eoi(const struct world_config *c, struct world *w,
			  unsigned int pin);
void virq_pic_eoi_cascade(const struct world_config *c, struct world *w);

/*
 * The INTA cycle.  The pin that the vector says, or PINS_MAX: no pin of this
 * world; a guest looks at ISR then and EOIs nevertheless, as Linux does.
 */
unsigned int virq_pic_intack(const struct world_config *c, struct world *w);

/* A hostile guest's accesses, by number. */
unsigned int virq_pic_accesses(const struct world_config *c);
void virq_pic_access(const struct world_config *c, struct world *w,
		     unsigned int nr);
void virq_pic_access_text(const struct world_config *c, unsigned int nr,
			  char *buf, unsigned long n);

#endif
