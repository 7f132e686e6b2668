/* SPDX-License-Identifier: Apache-2.0 */
/* Scenario files: what is read, and what is said about a bad one. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "sim/scenario.h"

static char message[600];

/* Loads text as a file; returns what scenario_load() does. */
static int load(const char *text, struct scenario *out)
{
	char path[] = "/tmp/irqfwd-scenario-XXXXXX";
	int fd = mkstemp(path), ret;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	message[0] = '\0';
	ret = scenario_load(path, out, message, sizeof(message));
	unlink(path);
	return ret;
}

static void expect_error(const char *text, const char *line,
			 const char *says)
{
	struct scenario s;

	assert_int_equal(load(text, &s), -EINVAL);
	if (!strstr(message, line) || !strstr(message, says))
		fail_msg("\"%s\" has not \"%s\" and \"%s\"", message, line, says);
}

static void variants_change_the_world(void **state)
{
	struct scenario s;
	const struct variant *v;

	assert_int_equal(load("{ \"title\": \"t\", \"cites\": \"c\",\n"
			      "\"world\": { \"flow\": \"level\", \"causes\": 2 },\n"
			      "\"variants\": [\n"
			      "{ \"name\": \"a\", \"policy\": \"eoi\", \"expect\": \"no-spurious\" },\n"
			      "{ \"name\": \"b\", \"flow\": \"oneshot\", \"expect\": \"holds\", \"note\": \"n\" } ] }\n",
			      &s),
			 0);
	assert_string_equal(s.title, "t");
	assert_int_equal(s.nr, 2);
	v = scenario_variant(&s, "a");
	assert_int_equal(v->config.flow, FLOW_LEVEL);
	assert_int_equal(v->config.policy, FORWARD_EOI);
	assert_int_equal(v->config.causes, 2);
	assert_int_equal(v->expect, PROPERTY_NO_SPURIOUS);
	v = scenario_variant(&s, "b");
	assert_int_equal(v->config.flow, FLOW_ONESHOT);
	assert_int_equal(v->config.policy, FORWARD_UNMASK);
	assert_int_equal(v->expect, PROPERTY_NONE);
	assert_null(scenario_variant(&s, "c"));
}

static void an_unknown_key_names_line_and_choices(void **state)
{
	expect_error("{ \"world\": {\n\n\"colour\": 1 },\n\"variants\": [] }",
		     ":3: colour:", "allowed are properties, kind, devices");
	expect_error("{\n\"titel\": \"x\", \"variants\": [] }", ":2: titel:",
		     "title, cites, world, variants");
}

static void a_bad_name_lists_the_choices(void **state)
{
	expect_error("{ \"variants\": [ { \"name\": \"a\",\n\"expect\": \"holds\",\n"
		     "\"policy\": \"never\" } ] }",
		     ":3: policy:", "\"never\" is not known; allowed are eoi, unmask, sample");
	expect_error("{ \"variants\": [ { \"name\": \"a\",\n\"expect\": \"wins\" } ] }",
		     ":2: expect:", "holds, no-spurious");
}

/* The line is that of the variant at fault, not of an earlier one. */
static void the_line_is_in_the_right_variant(void **state)
{
	expect_error("{ \"variants\": [\n"
		     "{ \"name\": \"a\", \"vcpus\": 1, \"expect\": \"holds\" },\n"
		     "{ \"name\": \"b\", \"vcpus\": 9, \"expect\": \"holds\" } ] }",
		     ":3: vcpus:", "9 is not a number from 1 to 2");
}

/* json-c takes the last one, and says nothing. */
static void a_key_that_is_there_twice_is_told(void **state)
{
	struct scenario s;

	expect_error("{ \"world\": { \"causes\": 1,\n\"boots\": true,\n"
		     "\"causes\": 2 },\n\"variants\": [] }",
		     ":3: causes:", "it is there already, on line 1");
	expect_error("{ \"variants\": [\n"
		     "{ \"name\": \"a\", \"expect\": \"holds\" },\n"
		     "{ \"name\": \"b\", \"expect\": \"holds\",\n"
		     "\"name\": \"c\" } ] }",
		     ":4: name:", "already, on line 3");
	expect_error("{ \"world\": {},\n\"variants\": [],\n"
		     "\"world\" : { \"pins\": 1 } }",
		     ":3: world:", "already, on line 1");
	/* an escape does not make another key of it */
	expect_error("{ \"title\": \"t\",\n\"t\\u0069tle\": \"u\" }",
		     ":2: title:", "already, on line 1");
	/* a text that looks like a key, and an equal key of another object */
	assert_int_equal(load("{ \"title\": \"\\\"title\\\": {\", \"cites\": \"title\",\n"
			      "\"world\": { \"causes\": 1 },\n"
			      "\"variants\": [ { \"name\": \"a\", \"causes\": 2,\n"
			      "\"expect\": \"holds\" } ] }",
			      &s),
			 0);
	assert_string_equal(s.title, "\"title\": {");
	assert_int_equal(s.variant[0].config.causes, 2);
	/* deeper than the library reads, and as deep */
	expect_error("{ \"title\":\n[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[{}"
		     "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]] }",
		     ":2:", "not JSON");
	expect_error("{ \"title\":\n[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[{}"
		     "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]] }",
		     ":1: title:", "is not a text");
}

static void bad_types_are_told(void **state)
{
	expect_error("{ \"world\": { \"boots\": 1 }, \"variants\": [] }",
		     ":1: boots:", "1 is not true or false");
	expect_error("{ \"world\": { \"causes\": \"2\" }, \"variants\": [] }",
		     ":1: causes:", "is not a number from 1 to 3");
	expect_error("{ \"world\": { \"properties\": [\"luck\"] }, \"variants\": [] }",
		     ":1: properties:", "\"luck\" is not known");
}

static void what_cannot_be_together_is_told(void **state)
{
	expect_error("{ \"variants\": [ { \"name\": \"a\", \"expect\": \"holds\",\n"
		     "\"pins\": 2 } ] }",
		     ":2: pins:", "more pins than devices");
	expect_error("{ \"variants\": [ { \"name\": \"a\", \"expect\": \"once\" } ] }",
		     "expect:", "once is not among the properties");
	expect_error("{ \"variants\": [ { \"name\": \"a\", \"expect\": \"holds\" },\n"
		     "{ \"name\": \"a\", \"expect\": \"holds\" } ] }",
		     "name:", "\"a\" is there twice");
	expect_error("{ \"world\": { \"kind\": \"rules\",\n"
		     "\"properties\": [\"no-lost\"] },\n"
		     "\"variants\": [ { \"name\": \"a\", \"expect\": \"holds\" } ] }",
		     "properties:", "none of them is one of this kind of world");
	expect_error("{ \"variants\": [ { \"name\": \"a\", \"expect\": \"holds\",\n"
		     "\"throttle\": 8 } ] }",
		     ":2: throttle:", "0 to 7");
}

static void what_the_8259_cannot_be_with_is_told(void **state)
{
	expect_error("{ \"world\": { \"irqchip\": \"i8259\" },\n"
		     "\"variants\": [ { \"name\": \"a\", \"expect\": \"holds\" } ] }",
		     "irqchip:", "needs flow \"level\" or \"edge\"");
	expect_error("{ \"world\": { \"irqchip\": \"i8259\", \"flow\": \"level\" },\n"
		     "\"variants\": [ { \"name\": \"a\", \"expect\": \"holds\",\n"
		     "\"irq0\": 2 } ] }",
		     ":3: irq0:", "2 is the cascade");
	expect_error("{ \"world\": { \"irqchip\": \"i8259\", \"flow\": \"level\" },\n"
		     "\"variants\": [ { \"name\": \"a\", \"expect\": \"holds\",\n"
		     "\"irq0\": 8 } ] }",
		     ":3: irq0:", "8 and 13 are edges");
	expect_error("{ \"variants\": [ { \"name\": \"a\", \"expect\": \"holds\",\n"
		     "\"kind\": \"i8259\",\n\"accesses\": \"bytes\" } ] }",
		     ":3: accesses:", "\"icws\", \"ocws\" and \"pins\"");
}

static void broken_json_names_the_line(void **state)
{
	expect_error("{\n\"title\": \"x\",\n,\n}", ":3:", "not JSON");
	expect_error("{ \"title\": \"x\"", ":1:", "ends too early");
	expect_error("{ \"variants\": [] } x", ":1:", "not JSON");
	expect_error("[]", ":1:", "not an object");
	expect_error("{}", ":1:", "no \"variants\"");
}

static void a_missing_file_is_told(void **state)
{
	struct scenario s;

	assert_int_equal(scenario_load("/nowhere/x.json", &s, message,
				       sizeof(message)), -ENOENT);
	assert_non_null(strstr(message, "/nowhere/x.json"));
	assert_true(scenario_load("/tmp", &s, message, sizeof(message)) < 0);
	assert_non_null(strstr(message, "directory"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(variants_change_the_world),
		cmocka_unit_test(an_unknown_key_names_line_and_choices),
		cmocka_unit_test(a_bad_name_lists_the_choices),
		cmocka_unit_test(the_line_is_in_the_right_variant),
		cmocka_unit_test(a_key_that_is_there_twice_is_told),
		cmocka_unit_test(bad_types_are_told),
		cmocka_unit_test(what_cannot_be_together_is_told),
		cmocka_unit_test(what_the_8259_cannot_be_with_is_told),
		cmocka_unit_test(broken_json_names_the_line),
		cmocka_unit_test(a_missing_file_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
