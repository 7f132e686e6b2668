/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the VMM's parts report what went wrong: a negative errno to the caller,
 * and one sentence for the person, which the command line prints once.
 */
#ifndef VMM_FAILURE_H
#define VMM_FAILURE_H

/* Keeps the sentence (this thread's last) and returns -err; err is positive. */
int failure(int err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* "" if nothing has failed in this thread. */
const char *failure_text(void);

#endif
