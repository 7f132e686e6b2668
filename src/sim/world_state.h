/* SPDX-License-Identifier: Apache-2.0 */
/* What a world consists of: its configuration and its state. */
#ifndef SIM_WORLD_STATE_H
#define SIM_WORLD_STATE_H

#include "forward/forwarder.h"
#include "forward/outbox.h"
#include "forward/pic_forwarder.h"
#include "forward/slots.h"
#include "sim/device.h"
#include "sim/genirq.h"
#include "sim/kvm.h"
#include "sim/vcpu.h"
#include "sim/vfio.h"

#define DEVICES_MAX	2
#define PINS_MAX	2
#define VCPUS_MAX	2

enum world_kind {
	WORLD_FORWARD,		/* a device's interrupt on its way into a guest */
	WORLD_WINDOW,		/* an external interrupt and the interrupt window: vcpu.h */
	/* shipped code against a specification: spec_world.h */
	WORLD_IOAPIC,
	WORLD_I8259,
	WORLD_RULES,
	WORLD_WIRING,
	WORLD_PIC_WIRING,
	WORLD_SLOTS,
	WORLD_OUTBOX,
};

enum world_irqchip {
	IRQCHIP_IRQFWD,		/* the shipped forwarder */
	IRQCHIP_KVM,		/* kvm.h */
	IRQCHIP_I8259,		/* the shipped pair of 8259 and its forwards: virq_pic.h */
};

/* A fault of other VMMs, put around the shipped code to show what it does. */
enum vmm_fault {
	VMM_FAULT_NONE,
	VMM_FAULT_ROUTE,	/* the route of a masked pin is removed */
	VMM_FAULT_ROUTE_ENTRY,	/* the route follows a new destination at once */
	VMM_FAULT_DROP,		/* a trigger that finds the pin masked is dropped */
	VMM_FAULT_ONE_RESAMPLE,	/* only the first source of a pin is resampled */
};

enum vcpu_pc {
	VCPU_IDLE,
	VCPU_ENTRY,		/* taken; the flow handler is entered next */
	VCPU_LEVEL_EOI,		/* handle_level_irq: masked, EOI next */
	VCPU_ACTION,		/* the hard handlers, one after the other */
	VCPU_MOVE_MASK,		/* affinity change pending: mask before the EOI */
	VCPU_EOI,
	VCPU_EOI_RESAMPLE,	/* KVM: irq line lowered, resamplefd next */
	VCPU_EOI_FINISH,	/* KVM: Remote IRR next */
	VCPU_UNMASK,
	VCPU_PC_NR,
};

struct vcpu {
	uint8_t pc;		/* enum vcpu_pc */
	uint8_t pin;		/* whose flow runs */
	uint8_t action;		/* device whose hard handler is next */
	uint8_t irr, isr;	/* local APIC: a bit per pin */
};

enum thread_state {
	THREAD_IDLE,
	THREAD_WOKEN,		/* thread_fn is next: it acks the device */
	THREAD_EOI,		/* IRQCHIP_EOI_THREADED */
	THREAD_FINAL,		/* irq_finalize_oneshot() */
};

enum task_state {		/* the driver's own actions, on pin 0 */
	TASK_IDLE,
	TASK_SYNC,		/* disable_irq: synchronize_irq() */
	TASK_DISABLED,
	TASK_ENABLE,		/* enable_irq */
	TASK_SUSPEND_SYNC,	/* suspend_device_irqs(): synchronize_irq() */
	TASK_ARMED,		/* suspending; the interrupt is a wakeup source */
	TASK_ABORTED,		/* a wakeup interrupt came; resume is next */
};

struct guest_pin {
	struct irq_desc desc;
	uint8_t dest;		/* vCPU, as the guest wrote it */
	bool move;		/* IRQD_SETAFFINITY_PENDING */
	bool requested;		/* request_irq() was called */
	/*
	 * Ghosts, for no-spurious.  due: since the last EOI or unmask, or the
	 * last time it was taken, there was a moment at which bare hardware
	 * would have delivered.  given: that, when it was taken.  found: a
	 * handler of this call found a cause.
	 */
	bool due, given, found;
};

struct guest {
	struct guest_pin pin[PINS_MAX];
	uint8_t thread[DEVICES_MAX];	/* enum thread_state */
	uint8_t task;			/* enum task_state */
	uint8_t disables, moves, suspends, cuts, resets;	/* left */
};

struct vmm {
	struct slots slots;	/* IRQCHIP_IRQFWD; slot d is device d's */
	struct outbox outbox;	/* of a message only what virq_effect() looks at */
	uint8_t sampled;	/* for the first in it: 0 not yet, else 1 + level */
	bool timer[DEVICES_MAX];	/* THROTTLE armed */
	bool route[PINS_MAX];	/* the pin's EOI comes back: KVM's routing table */
	bool resetting;		/* chip reset, vCPUs stopped and not reset yet */
	uint8_t opens;		/* left */
};

struct world {
	union {
		struct {
			struct forwarder forwarder;
			union {
				struct kvm kvm;		/* WORLD_FORWARD */
				struct window window;	/* WORLD_WINDOW, and nothing else */
			};
		};
		struct pic_forwarder pic;	/* IRQCHIP_I8259, WORLD_I8259 */
	};
	struct device device[DEVICES_MAX];
	struct host_irq host[DEVICES_MAX];
	struct vmm vmm;
	struct vcpu vcpu[VCPUS_MAX];
	struct guest guest;
} __attribute__((aligned(8)));

#define WORLD_WORDS_MAX	40	/* of struct world */
#define WORLD_MASKS_MAX	48	/* of a packing */

/* How states of a configuration are packed: world_pack.c. */
struct world_packing {
	uint8_t nr;		/* masks: a word of which something can change, or filling */
	uint8_t size;		/* bytes of a packed state */
	bool fast;		/* the processor has BMI2 */
	uint8_t word[WORLD_MASKS_MAX];	/* the word's index */
	uint8_t bits[WORLD_MASKS_MAX];	/* and how many bits can change */
	uint64_t mask[WORLD_MASKS_MAX];	/* and which; 0: filling */
	uint64_t base[WORLD_WORDS_MAX];	/* the initial state without them */
	uint8_t words[DEVICES_MAX + 1];	/* of the packed state: each device's, and the rest */
};

struct world_config {
	uint8_t kind;		/* enum world_kind */
	uint16_t properties;	/* PROPERTY_BIT()s to check */

	/* devices */
	uint8_t devices;	/* 1, 2 */
	uint8_t pins;		/* 1, 2; device d sits on pin d, or on 0 */
	uint8_t assertions;	/* of each device */
	uint8_t causes;		/* at most, at one time */
	uint8_t bounces;
	bool asserting;		/* at the start */
	bool emulated;		/* the last device is one that the VMM emulates */

	/* host */
	struct vfio_config vfio;
	uint8_t opens;		/* times that VFIO's interrupt is closed, and opened again */

	/* forwarding */
	uint8_t irqchip;	/* enum world_irqchip */
	uint8_t kvm;		/* enum kvm_kind */
	uint8_t policy;		/* enum forward_policy */
	uint8_t throttle;	/* refires; 0: never */
	uint8_t fault;		/* enum vmm_fault */
	uint8_t irq[PINS_MAX];	/* IRQCHIP_I8259: the inputs of the pins */
	uint8_t icw4;		/* and the mode that the guest asks for */

	/* guest */
	uint8_t flow;		/* enum flow */
	uint8_t vcpus;
	uint8_t dest;		/* vCPU that takes the interrupts, at the start */
	bool no_desc_lock;	/* a guest that does not serialize its flow and its unmask */
	bool hard_check;	/* a hard handler that wakes the thread only for a cause */
	bool boots;		/* pins are masked until the driver requests the interrupt */
	uint8_t disables;	/* disable_irq … enable_irq */
	bool polls;		/* the device is acked between them */
	uint8_t moves;		/* affinity changes */
	bool moves_at_once;	/* the destination is written at any time, as Linux does not */
	uint8_t suspends;
	uint8_t cuts;		/* the guest sets DisINTx of device 0, and clears it */
	uint8_t resets;		/* of the machine */
	bool hostile;		/* writes anything to its irqchip at any time */

	struct window_config window;

	/* against a specification */
	uint8_t accesses;	/* enum spec_accesses */
	uint8_t version;	/* of the IOAPIC */
	bool routed;		/* the backend wants routes */

	struct world_packing packing;	/* by world_configure() */
};

static inline bool world_is_spec(const struct world_config *c)
{
	return c->kind >= WORLD_IOAPIC;
}

static inline unsigned int pin_of_device(const struct world_config *c,
					 unsigned int d)
{
	return d < c->pins ? d : 0;
}

static inline const struct forward *world_forward(const struct world_config *c,
						  const struct world *w,
						  unsigned int d)
{
	return c->irqchip == IRQCHIP_I8259 ? &w->pic.forward[d]
					   : &w->forwarder.forward[d];
}

static inline bool device_is_emulated(const struct world_config *c,
				      unsigned int d)
{
	return c->emulated && d == c->devices - 1u;
}

#endif
