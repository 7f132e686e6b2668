/* SPDX-License-Identifier: Apache-2.0 */
/* All that KVM keeps of a vCPU, to bring it back to power-on. */
#ifndef VMM_VCPU_STATE_H
#define VMM_VCPU_STATE_H

#include "vmm/boot.h"

struct vcpu_state;

/* Both with a negative errno; vcpu_state_save() allocates, free() it. */
int vcpu_state_save(int kvm_fd, int vcpu_fd, struct vcpu_state **out);
int vcpu_state_restore(int vcpu_fd, const struct vcpu_state *state);

/* Registers as a boot protocol wants them, over what power-on left. */
int vcpu_state_enter(int vcpu_fd, const struct boot_entry *entry);

#endif
