/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The 8259's forwarder a second time: the shipped chip and the shipped forwards,
 * each held against a specification of its own, put together by hand.  As
 * wiring_spec.h, for struct pic_forwarder.
 */
#ifndef SIM_PIC_WIRING_H
#define SIM_PIC_WIRING_H

#include <stddef.h>

#include "forward/pic_forwarder.h"

struct world_config;
struct world_columns;
struct step;

void pic_wiring_init(const struct world_config *c, struct pic_forwarder *pf);
unsigned int pic_wiring_steps(const struct world_config *c,
			      const struct pic_forwarder *pf, struct step *out);
/* Applies the step to pf, and says whether that was right. */
bool pic_wiring_obeys(const struct world_config *c, struct pic_forwarder *pf,
		      struct step s);

void pic_wiring_step_text(struct step s, char *buf, size_t n);
void pic_wiring_columns(const struct pic_forwarder *pf,
			struct world_columns *out);

#endif
