/* SPDX-License-Identifier: Apache-2.0 */
/* What the scenarios are, for whoever runs them. */
#ifndef CONFORMANCE_SCENARIOS_H
#define CONFORMANCE_SCENARIOS_H

#include "irqchip.h"
#include "machine.h"

#define ANY		(-1)	/* not for us to say */

struct expected {
	int handled, host_irqs;
};

struct scenario {
	const char *name;
	void (*body)(struct machine *m);
	enum irqfwd_policy policy;
	struct expected ours;
	struct expected kernel;		/* Linux 6.3 and later */
	struct expected old_kernel;	/* before resample on unmask */
	bool ours_only;
};

extern const struct scenario scenarios[];
extern const size_t scenarios_nr;

/* A level forward of device on PIN; asserts that it could be added. */
void scenario_forward(struct machine *m, unsigned int device,
		      enum irqfwd_policy policy);

/* Whatever is still to come is entered, EOIed and left: one too many each. */
void scenario_serve_the_rest(struct machine *m);

#endif
