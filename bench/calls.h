/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls, counted where they are made: the linker sends every call of
 * these functions in the binary, the library's included, through a counter
 * (--wrap).  A thread that calls calls_ignore_me() is not counted.
 */
#ifndef BENCH_CALLS_H
#define BENCH_CALLS_H

#include <stdint.h>

enum call {
	CALL_KVM_RUN,
	CALL_KVM_SIGNAL_MSI,
	CALL_KVM_SET_GSI_ROUTING,
	CALL_IOCTL,		/* any other */
	CALL_EPOLL_WAIT,
	CALL_READ,
	CALL_WRITE,
	CALL_TIMERFD_SETTIME,
	CALL_NR
};

extern const char *const call_name[CALL_NR];

void calls_ignore_me(void);
void calls_get(uint64_t counts[CALL_NR]);

#endif
