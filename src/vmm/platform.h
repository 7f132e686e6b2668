/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a PC has around its bus: ACPI power management, the clock, the ways to
 * reset.  No timer chip: guests have the local APIC's, and KVM's clock.
 */
#ifndef VMM_PLATFORM_H
#define VMM_PLATFORM_H

#include "vmm/machine.h"

#define PLATFORM_SCI		9	/* interrupt of the power management */
#define PLATFORM_PM1_EVENT	0x600
#define PLATFORM_PM1_CONTROL	0x604
#define PLATFORM_PM_TIMER	0x608
#define PLATFORM_PM_TIMER_HZ	3579545u
#define PLATFORM_RESET_PORT	0xcf9
#define PLATFORM_RESET_VALUE	0x06
#define PLATFORM_RTC_CENTURY	0x32	/* index into the clock's memory */

struct platform;

/* With failure(). */
int platform_new(struct platform **out, struct machine *m);
/* After the machine's vCPUs have stopped, before machine_free(). */
void platform_free(struct platform *p);

/* The fixed power button: a guest that listens shuts down. */
void platform_press_power(struct platform *p);

#endif
