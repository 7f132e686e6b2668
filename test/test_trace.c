/* SPDX-License-Identifier: Apache-2.0 */
/* Trace lines, letter for letter as docs/trace.md has them; and the ring. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "trace/ring.h"

#define PIN	11
#define SLOT	0

struct scene {
	struct forwarder fw;
	struct effects out;
};

static int setup(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	forwarder_init(&s->fw, 24, 0x20, true);
	forwarder_add(&s->fw, SLOT, PIN, FORWARD_UNMASK, 0);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

static struct transition transition_of(struct scene *s, const char *event,
				       int source, int pin)
{
	return (struct transition){
		.ns = 1002003004, .event = event, .source = source, .pin = pin,
		.after = &s->fw, .effects = &s->out,
	};
}

static void write_entry(struct scene *s, uint32_t low)
{
	s->out.nr = 0;
	forwarder_write(&s->fw, 0x00, 0x10 + 2 * PIN, 4, &s->out);
	forwarder_write(&s->fw, 0x10, low, 4, &s->out);
}

static void expect(struct scene *s, const char *event, int source, int pin,
		   const char *text)
{
	struct transition t = transition_of(s, event, source, pin);
	char line[TRACE_LINE_SIZE];

	trace_line(line, &t);
	assert_string_equal(line, text);
}

/* The oneshot sequence of docs/trace.md. */
static void a_oneshot_interrupt(void **state)
{
	struct scene *s = *state;

	write_entry(s, 0x8061);
	s->out.nr = 0;
	forwarder_trigger(&s->fw, SLOT, &s->out);
	expect(s, "trigger", SLOT, PIN,
	       "     1.002003004  source   pin  11  src  0  L-RS  trigger → "
	       "raise route(0x61 to 0) deliver(0x61 to 0)");
	write_entry(s, 0x18061);
	expect(s, "write", -1, -1,
	       "     1.002003004  chip     pin  11  src  -  LMRS  write → mask");
	s->out.nr = 0;
	forwarder_eoi(&s->fw, 0x61, &s->out);
	expect(s, "eoi", -1, -1,
	       "     1.002003004  backend  pin  11  src  -  -M-S  eoi → ack "
	       "lower[src 0] defer[src 0]");
	write_entry(s, 0x8061);
	expect(s, "write", -1, -1,
	       "     1.002003004  chip     pin  11  src  -  ----  write → "
	       "unmask resample[src 0]");
}

static void what_is_idle(void **state)
{
	struct scene *s = *state;
	struct transition t = transition_of(s, "write", -1, -1);

	assert_true(trace_line_is_idle(&t));
	t.event = "eoi";
	assert_false(trace_line_is_idle(&t));
	expect(s, "eoi", -1, -1,
	       "     1.002003004  backend  pin   -  src  -  ----  eoi");
}

static void a_long_list_is_cut(void **state)
{
	struct scene *s = *state;
	struct transition t = transition_of(s, "eoi", -1, 0);
	char line[TRACE_LINE_SIZE];

	for (uint8_t i = 0; i < 100; i++)
		effects_push(&s->out, (struct effect){ EFFECT_ACK, .pin = i });
	trace_line(line, &t);
	assert_true(strlen(line) < TRACE_LINE_SIZE);
	assert_non_null(strstr(line, "ack[pin 10]"));
	assert_string_equal(line + strlen(line) - strlen(" …"), " …");
}

/* ---- the ring ----------------------------------------------------------- */

struct reader {
	atomic_uint lines;
	atomic_bool hold;
	bool lost_told;
	char last[TRACE_LINE_SIZE];
};

static void read_line(void *opaque, const char *line)
{
	struct reader *r = opaque;

	while (atomic_load(&r->hold))
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	atomic_fetch_add(&r->lines, 1);
	r->lost_told |= strstr(line, "lines were lost") != NULL;
	strcpy(r->last, line);
}

static void the_ring_hands_on_everything(void **state)
{
	struct scene *s = *state;
	struct transition t = transition_of(s, "eoi", -1, -1);
	struct reader r = { 0 };
	struct trace_ring *ring;

	assert_int_equal(trace_ring_new(&ring, read_line, &r), 0);
	for (unsigned int i = 0; i < 1000; i++)
		trace_ring_transition(ring, &t);
	trace_ring_text(ring, "forward", 3, 4, "add test");
	trace_ring_free(ring);
	assert_int_equal(atomic_load(&r.lines), 1001);
	assert_non_null(strstr(r.last, "forward  pin   3  src  4  ----  add"));
	assert_false(r.lost_told);
}

static void a_slow_reader_is_told_of_its_loss(void **state)
{
	struct scene *s = *state;
	struct transition t = transition_of(s, "eoi", -1, -1);
	struct reader r = { .hold = true };
	struct trace_ring *ring;

	assert_int_equal(trace_ring_new(&ring, read_line, &r), 0);
	for (unsigned int i = 0; i < TRACE_RING_LINES + 100; i++)
		trace_ring_transition(ring, &t);
	atomic_store(&r.hold, false);
	trace_ring_free(ring);
	assert_true(r.lost_told);
	assert_in_range(atomic_load(&r.lines), TRACE_RING_LINES + 1,
			TRACE_RING_LINES + 2);
}

int main(void)
{
#define WITH_SCENE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_SCENE(a_oneshot_interrupt),
		WITH_SCENE(what_is_idle),
		WITH_SCENE(a_long_list_is_cut),
		WITH_SCENE(the_ring_hands_on_everything),
		WITH_SCENE(a_slow_reader_is_told_of_its_loss),
	};

	return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
