/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The serial port's other end: standard input and output.  On a terminal the
 * keys go to the guest as they are, but for Ctrl-A and one more:
 *
 *	x	end the machine		p	press the power button
 *	r	reset			h	help
 *	Ctrl-A	a Ctrl-A for the guest
 */
#ifndef VMM_CONSOLE_H
#define VMM_CONSOLE_H

#include <poll.h>

#include "vmm/machine.h"
#include "vmm/platform.h"

struct console;

/* At port 0x3f8, interrupt 4.  With failure(). */
int console_new(struct console **out, struct machine *m,
		struct platform *platform);
/* Writes what is left; an errno if any of the guest's output was lost, or 0. */
int console_finish(struct console *c);
/* Writes what is left, and gives the terminal back as it was. */
void console_free(struct console *c);

/* To poll for: input, and output that has waited long enough. */
#define CONSOLE_POLLS	2
void console_poll(struct console *c, struct pollfd polls[CONSOLE_POLLS]);
void console_ready(struct console *c, const struct pollfd polls[CONSOLE_POLLS]);
/* Milliseconds after which to ask console_poll() again; -1: no need to. */
int console_timeout(struct console *c);

#endif
