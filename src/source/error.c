/* SPDX-License-Identifier: Apache-2.0 */
#include "source/error.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

static _Thread_local char text[1024] = "no error";

int errorf(int error, const char *format, ...)
{
	va_list args;

	assert(error < 0);
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return error;
}

const char *error_text(void)
{
	return text;
}
