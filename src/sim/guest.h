/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest: Linux's flows on its vCPUs, the threads of oneshot interrupts, and
 * a driver that now and then disables its interrupt, suspends, or moves it.
 *
 * A step is one register access, or one section under desc->lock with the one
 * register access in it.  Threads and tasks run on vCPU 0, when it is not in an
 * interrupt or in the middle of an exit.
 */
#ifndef SIM_GUEST_H
#define SIM_GUEST_H

#include "sim/world.h"

/* After each step: the ghosts that say what bare hardware would have done. */
void guest_update_due(const struct world_config *c, struct world *w);

/* vCPU v */
bool vcpu_may_take(const struct world_config *c, const struct world *w,
		   unsigned int v, unsigned int pin);
void vcpu_take(const struct world_config *c, struct world *w, unsigned int v,
	       unsigned int pin, struct outcome *o);
/* The INTA cycle of a vCPU that has seen a PIC's INTR. */
void vcpu_intack(const struct world_config *c, struct world *w, unsigned int v,
		 struct outcome *o);
bool vcpu_may_step(const struct world_config *c, const struct world *w,
		   unsigned int v);
void vcpu_step(const struct world_config *c, struct world *w, unsigned int v,
	       struct outcome *o);

/* threads of oneshot interrupts, one for each device */
bool thread_may_step(const struct world_config *c, const struct world *w,
		     unsigned int d);
void thread_step(const struct world_config *c, struct world *w, unsigned int d,
		 struct outcome *o);

/* the driver's tasks */
bool task_may_step(const struct world_config *c, const struct world *w);
void task_step(const struct world_config *c, struct world *w,
	       struct outcome *o);
/* TASK_DISABLED: the driver polls the device first. */
bool task_may_poll(const struct world_config *c, const struct world *w);
void task_poll(const struct world_config *c, struct world *w,
	       struct outcome *o);

/* whims: may be done when the guest is otherwise idle */
bool guest_task_is_idle(const struct world_config *c, const struct world *w);
void guest_request(const struct world_config *c, struct world *w,
		   unsigned int pin);
void guest_disable(const struct world_config *c, struct world *w);
void guest_suspend(const struct world_config *c, struct world *w);
void guest_resume(const struct world_config *c, struct world *w);
void guest_move(const struct world_config *c, struct world *w,
		unsigned int pin);

void guest_reset(const struct world_config *c, struct world *w);

/* The level that device d drives on its pin: none while it is cut off. */
static inline bool guest_line(const struct world_config *c,
			      const struct world *w, unsigned int d)
{
	return device_level(&w->device[d]) && !world_forward(c, w, d)->cut;
}

/* a driver acks one cause of device d; was there one? */
bool guest_device_ack(const struct world_config *c, struct world *w,
		      unsigned int d);

#endif
