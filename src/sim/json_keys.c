/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/json_keys.h"

#include <assert.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/*
 * The objects and arrays that the place lies in; an object's keys so far, each
 * with its place, and NULL for an array.
 */
struct nest {
	struct json_object *keys[JSON_TOKENER_DEFAULT_DEPTH];
	unsigned int depth;
};

static const char *past_string(const char *at)
{
	char quote = *at++;

	while (*at && *at != quote)
		at += at[0] == '\\' && at[1] ? 2 : 1;
	return *at ? at + 1 : at;
}

/* In JSON, a string before a colon is a key. */
static bool is_key(const char *past)
{
	return past[strspn(past, " \t\r\n")] == ':';
}

/* With its escapes resolved: they do not make another key of it. */
static struct json_object *string_at(const char *at, const char *past)
{
	struct json_tokener *tok = json_tokener_new();
	struct json_object *s;

	if (!tok)
		return NULL;
	s = json_tokener_parse_ex(tok, at, (int)(past - at));
	json_tokener_free(tok);
	return s;
}

/* Notes the key from at to past; 1 if the object has it already. */
static int note_key(struct json_object *keys, const char *text, const char *at,
		    const char *past, struct json_repeated *out)
{
	struct json_object *s = string_at(at, past), *place;
	const char *key = s ? json_object_get_string(s) : NULL;
	int ret = 0;

	if (!key) {
		ret = -ENOMEM;
	} else if (json_object_object_get_ex(keys, key, &place)) {
		snprintf(out->key, sizeof(out->key), "%s", key);
		out->first = text + json_object_get_int64(place);
		out->again = at;
		ret = 1;
	} else if (json_object_object_add(keys, key,
					  json_object_new_int64(at - text))) {
		ret = -ENOMEM;
	}
	json_object_put(s);
	return ret;
}

static int enter(struct nest *n, bool object)
{
	struct json_object *keys = object ? json_object_new_object() : NULL;

	if (object && !keys)
		return -ENOMEM;
	assert(n->depth < JSON_TOKENER_DEFAULT_DEPTH);	/* json-c's bound */
	n->keys[n->depth++] = keys;
	return 0;
}

static void leave(struct nest *n)
{
	assert(n->depth);
	json_object_put(n->keys[--n->depth]);
}

int json_find_repeated(const char *text, struct json_repeated *out)
{
	struct nest n = { .depth = 0 };
	const char *at = text;
	int ret = 0;

	while (*at && !ret) {
		const char *past = at + 1;

		if (*at == '{' || *at == '[')
			ret = enter(&n, *at == '{');
		else if (*at == '}' || *at == ']')
			leave(&n);
		else if (*at == '"' || *at == '\'')
			past = past_string(at);
		if (past > at + 1 && is_key(past))
			ret = note_key(n.keys[n.depth - 1], text, at, past,
				       out);
		at = past;
	}
	while (n.depth)
		leave(&n);
	return ret;
}
