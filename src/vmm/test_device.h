/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What bare-metal test images expect of a PC:
 *
 *	0xf4		a write ends the machine: process exit code value * 2 + 1
 *	0xe0-0xeb	a scratch register of 32 bits, three times
 *	0x2000 + GSI	a write drives that interrupt line to the value
 *	0x510, 0x511	fw_cfg.h
 *	0xff000000	64 KiB of scratch memory
 */
#ifndef VMM_TEST_DEVICE_H
#define VMM_TEST_DEVICE_H

#include "vmm/machine.h"

#define TEST_DEVICE_LINES	24u

struct test_device;

/* With failure(). */
int test_device_new(struct test_device **out, struct machine *m);
void test_device_free(struct test_device *t);

#endif
