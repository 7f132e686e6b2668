/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/failure.h"

#include <stdarg.h>
#include <stdio.h>

static _Thread_local char sentence[512];

int failure(int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	return -err;
}

const char *failure_text(void)
{
	return sentence;
}
