/* SPDX-License-Identifier: Apache-2.0 */
/* One run: the machine is built, boots, is reset, ends. */
#ifndef VMM_SESSION_H
#define VMM_SESSION_H

#include "vmm/options.h"

/* Exit codes of `irqfwd run`, beside those of the test device. */
#define SESSION_OK	0	/* the guest powered off */
#define SESSION_FAILED	1
#define SESSION_USAGE	2

/*
 * Returns the process's exit code; what went wrong is on standard error.
 * Changes signal handling: one at a time.
 */
int session_run(const struct run_options *options);

#endif
