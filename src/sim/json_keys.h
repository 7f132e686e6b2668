/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Of a key that stands twice in an object, json-c keeps the last value and says
 * nothing: whoever wrote the first would look at another world than he thinks.
 */
#ifndef SIM_JSON_KEYS_H
#define SIM_JSON_KEYS_H

#include <stddef.h>

/* A key, and where it stands in the text that was looked at. */
struct json_repeated {
	char key[80];
	const char *first, *again;	/* at the quotes */
};

/*
 * text is JSON that json-c has parsed.  1 and the first key that an object has
 * twice, 0 if there is none, or -ENOMEM.
 */
int json_find_repeated(const char *text, struct json_repeated *out);

#endif
