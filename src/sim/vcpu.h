/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vCPU that takes external interrupts from userspace: KVM's injection, the
 * interrupt window, and the VMM's loop around KVM_RUN (seed 002).
 */
#ifndef SIM_VCPU_H
#define SIM_VCPU_H

#include <stdbool.h>
#include <stdint.h>

struct window_config {
	uint8_t unused;
};

struct window {
	uint8_t unused;
};

#endif
