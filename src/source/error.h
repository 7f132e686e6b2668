/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sentence that goes with an errno.  House style: what was wrong, with
 * what, and after a semicolon what to do; no full stop, no newline.
 *
 *	return errorf(-EBUSY, "%s is bound to %s; bind it to vfio-pci", …);
 */
#ifndef SOURCE_ERROR_H
#define SOURCE_ERROR_H

/* Keeps the sentence for this thread; returns error, a negative errno. */
int errorf(int error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* This thread's last sentence; never NULL, valid until the next one. */
const char *error_text(void);

#endif
