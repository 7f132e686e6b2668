/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One transition as one line: docs/trace.md is the legend.
 *
 *	    12.345678901  source   pin 11  src  0  LM-S  trigger → raise
 *
 * Pure: the same text for a live transition and for a simulated one.
 */
#ifndef TRACE_LINE_H
#define TRACE_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "forward/engine.h"

#define TRACE_LINE_SIZE	256

/*
 * Nothing happened that is worth a line: the guest selected a register, or
 * wrote what was there.
 */
bool trace_line_is_idle(const struct transition *t);

/* A list of effects that does not fit ends in "…". */
void trace_line(char line[TRACE_LINE_SIZE], const struct transition *t);

/* The same columns for what is no transition: a forward comes, a line is lost. */
void trace_line_text(char line[TRACE_LINE_SIZE], uint64_t ns, const char *room,
		     int pin, int source, const char *text);

#endif
