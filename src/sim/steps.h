/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of steps of a forwarding world, and how their arg is coded. */
#ifndef SIM_STEPS_H
#define SIM_STEPS_H

/* What else a hostile guest writes than a driver would: delivery modes. */
enum hostile_mode { HOSTILE_FIXED, HOSTILE_RESERVED, HOSTILE_NMI, HOSTILE_MODES };

enum step_kind {
	/* down; d: device */
	STEP_ASSERT,		/* d */
	STEP_BOUNCE,		/* d */
	STEP_HOST_IRQ,		/* d */
	STEP_SIGNAL,		/* d: the eventfd, where it is signalled late */
	STEP_TRIGGER,		/* d */
	STEP_EFFECT,		/* kind | slot << 4 | sampled << 7 */
	STEP_TIMEOUT,		/* d */
	STEP_LISTEN,		/* pin | event << 1; 0: the head of the queue */
	STEP_INTR,		/* vcpu */
	/* the guest */
	STEP_TAKE,		/* vcpu | pin << 1 */
	STEP_INTACK,		/* vcpu */
	STEP_VCPU,		/* vcpu | pc << 1 | pin << 5 | action << 6 */
	STEP_UNMASK_MORE,	/* pin | stage << 1 */
	STEP_THREAD,		/* d | state << 1 */
	STEP_TASK,		/* state */
	STEP_POLL,
	/* what may be done, or not */
	STEP_REQUEST,		/* pin */
	STEP_PROBE,		/* d */
	STEP_DISABLE,
	STEP_SUSPEND,
	STEP_RESUME,
	STEP_MOVE,		/* pin */
	STEP_HOSTILE_WRITE,	/* pin | masked << 1 | level << 2 | enum hostile_mode << 3 */
	STEP_HOSTILE_EOI,	/* vcpu | pin << 1 */
	STEP_HOSTILE_REGISTER,	/* pin: its vector to the EOI register */
	STEP_HOSTILE_PORT,	/* access */
	STEP_CUT,		/* 1: cut off, 0: joined */
	STEP_RESET,
	STEP_RESET_DONE,
	STEP_CLOSE,
	STEP_CLOSED,
	STEP_OPEN,		/* 1: request_irq() succeeds */
	STEP_NR,
};

#define STEP_FIRST_GUEST	STEP_TAKE
#define STEP_FIRST_WHIM		STEP_REQUEST

#endif
