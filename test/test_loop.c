/* SPDX-License-Identifier: Apache-2.0 */
/* The listening thread: who is called, and above all who is not. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "source/error.h"
#include "source/loop.h"

struct counter {
	struct loop *loop;
	int fd, watch;
	atomic_uint calls;
	atomic_bool inside;
	bool lingers;		/* until it was seen inside, and 5 ms more */
	atomic_bool seen;
	bool removes_itself;
};

static void sleep_ms(unsigned int ms)
{
	nanosleep(&(struct timespec){ .tv_nsec = ms * 1000000l }, NULL);
}

static void called(void *opaque)
{
	struct counter *c = opaque;
	uint64_t count;

	atomic_store(&c->inside, true);
	if (read(c->fd, &count, sizeof(count)) == sizeof(count))
		atomic_fetch_add(&c->calls, 1);
	while (c->lingers && !atomic_load(&c->seen))
		sleep_ms(1);
	if (c->lingers)
		sleep_ms(5);
	if (c->removes_itself)
		loop_remove(c->loop, c->watch);
	atomic_store(&c->inside, false);
}

static void signal_fd(int fd)
{
	uint64_t one = 1;

	assert_int_equal(write(fd, &one, sizeof(one)), sizeof(one));
}

static void wait_for_calls(struct counter *c, unsigned int nr)
{
	for (unsigned int i = 0; i < 5000 && atomic_load(&c->calls) < nr; i++)
		sleep_ms(1);
	assert_int_equal(atomic_load(&c->calls), nr);
}

static void counter_add(struct counter *c, struct loop *loop)
{
	*c = (struct counter){ .loop = loop };
	c->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	assert_true(c->fd >= 0);
	c->watch = loop_add(loop, c->fd, called, c);
	assert_true(c->watch >= 0);
}

static int setup(void **state)
{
	return loop_new((struct loop **)state);
}

static int teardown(void **state)
{
	loop_free(*state);
	return 0;
}

static void a_signal_is_a_call(void **state)
{
	struct counter c;

	counter_add(&c, *state);
	for (unsigned int i = 1; i <= 50; i++) {
		signal_fd(c.fd);
		wait_for_calls(&c, i);
	}
	loop_remove(*state, c.watch);
	close(c.fd);
}

static void many_watches(void **state)
{
	struct counter c[100];

	for (unsigned int i = 0; i < 100; i++)
		counter_add(&c[i], *state);
	for (unsigned int i = 0; i < 100; i++)
		signal_fd(c[i].fd);
	for (unsigned int i = 0; i < 100; i++)
		wait_for_calls(&c[i], 1);
	for (unsigned int i = 0; i < 100; i++) {
		loop_remove(*state, c[i].watch);
		close(c[i].fd);
	}
}

static void remove_waits_for_the_callback(void **state)
{
	struct counter c;

	for (unsigned int i = 0; i < 20; i++) {
		counter_add(&c, *state);
		c.lingers = true;
		signal_fd(c.fd);
		while (!atomic_load(&c.inside))
			sleep_ms(1);
		atomic_store(&c.seen, true);
		loop_remove(*state, c.watch);
		assert_false(atomic_load(&c.inside));
		signal_fd(c.fd);
		sleep_ms(1);
		assert_int_equal(atomic_load(&c.calls), 1);
		close(c.fd);
	}
}

static void a_callback_may_remove_itself(void **state)
{
	struct counter c;

	counter_add(&c, *state);
	c.removes_itself = true;
	signal_fd(c.fd);
	wait_for_calls(&c, 1);
	signal_fd(c.fd);
	sleep_ms(5);
	assert_int_equal(atomic_load(&c.calls), 1);
	while (atomic_load(&c.inside))
		sleep_ms(1);
	close(c.fd);
}

/* Freed memory is poisoned at once: a late call would be seen, or crash. */
static void *come_and_go(void *opaque)
{
	struct loop *loop = opaque;

	for (unsigned int i = 0; i < 500; i++) {
		struct counter *c = malloc(sizeof(*c));

		assert_non_null(c);
		counter_add(c, loop);
		signal_fd(c->fd);
		if (i % 3 == 0)
			sched_yield();
		loop_remove(loop, c->watch);
		close(c->fd);
		memset(c, 0xa5, sizeof(*c));
		free(c);
	}
	return NULL;
}

static void threads_come_and_go(void **state)
{
	pthread_t thread[4];
	struct counter c;

	counter_add(&c, *state);
	for (unsigned int i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, come_and_go, *state);
	for (unsigned int i = 1; i <= 200; i++) {
		signal_fd(c.fd);
		wait_for_calls(&c, i);
	}
	for (unsigned int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	loop_remove(*state, c.watch);
	close(c.fd);
}

static void what_cannot_be_waited_for(void **state)
{
	struct counter c;

	assert_int_equal(loop_add(*state, 999, called, NULL), -EBADF);
	assert_non_null(strstr(error_text(), "descriptor 999"));
	counter_add(&c, *state);
	assert_int_equal(loop_add(*state, c.fd, called, &c), -EEXIST);
	loop_remove(*state, c.watch);
	close(c.fd);
}

int main(void)
{
#define WITH_LOOP(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_LOOP(a_signal_is_a_call),
		WITH_LOOP(many_watches),
		WITH_LOOP(remove_waits_for_the_callback),
		WITH_LOOP(a_callback_may_remove_itself),
		WITH_LOOP(threads_come_and_go),
		WITH_LOOP(what_cannot_be_waited_for),
	};

	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
