/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sources, the listening thread and the engine together: real eventfds, real
 * timers, real threads.  The backend counts; the guest is the test.  The run
 * under the thread sanitizer is what proves the locking.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "source/error.h"
#include "source/eventfd.h"
#include "source/loop.h"

#define PIN	5
#define VECTOR	0x61
#define LEVEL	(1u << 15)
#define MASKED	(1u << 16)
#define WAIT_MS	5000

struct guest {
	struct backend be;
	int delivered_fd;	/* counts deliveries; a guest would be woken */
	atomic_uint delivered;
};

static void guest_deliver(struct backend *be, const struct message *msg)
{
	struct guest *g = (struct guest *)be;
	uint64_t one = 1;

	atomic_fetch_add(&g->delivered, 1);
	assert_int_equal(write(g->delivered_fd, &one, sizeof(one)), 8);
}

static void guest_route(struct backend *be, unsigned int pin,
			const struct message *msg)
{
}

static const struct backend_ops guest_ops = { guest_deliver, guest_route };

struct bench {
	struct guest guest;
	struct engine *engine;
	struct loop *loop;
	int trigger, resample;
	struct eventfd_source source;
};

static int new_eventfd(void)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void signal_fd(int fd)
{
	uint64_t one = 1;

	assert_int_equal(write(fd, &one, sizeof(one)), sizeof(one));
}

/* Takes the count; 0: nothing within ms. */
static uint64_t take(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t count = 0;

	if (poll(&p, 1, ms) == 1)
		assert_int_equal(read(fd, &count, sizeof(count)), 8);
	return count;
}

static void entry_write(struct engine *e, unsigned int pin, uint32_t low)
{
	engine_write(e, 0x00, 0x10 + 2 * pin, 4);
	engine_write(e, 0x10, low, 4);
}

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct engine_config config = {
		.pins = 24, .version = 0x20, .routed = true,
		.backend = &b->guest.be,
	};

	b->guest.be.ops = &guest_ops;
	b->guest.delivered_fd = new_eventfd();
	b->trigger = new_eventfd();
	b->resample = new_eventfd();
	assert_int_equal(loop_new(&b->loop), 0);
	assert_int_equal(engine_new(&b->engine, &config), 0);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	loop_free(b->loop);
	engine_free(b->engine);
	close(b->trigger);
	close(b->resample);
	close(b->guest.delivered_fd);
	free(b);
	return 0;
}

static struct input_config config_of(struct bench *b)
{
	return (struct input_config){
		.engine = b->engine, .loop = b->loop, .name = "test",
		.pin = PIN, .policy = FORWARD_UNMASK,
	};
}

static void open_level(struct bench *b)
{
	struct input_config config = config_of(b);

	assert_int_equal(eventfd_source_open_level(&b->source, &config,
						   b->trigger, b->resample), 0);
}

/* ---- round trips -------------------------------------------------------- */

static void trigger_is_delivered_and_eoi_resamples(void **state)
{
	struct bench *b = *state;

	open_level(b);
	entry_write(b->engine, PIN, LEVEL | VECTOR);
	for (unsigned int i = 0; i < 1000; i++) {
		signal_fd(b->trigger);
		assert_int_equal(take(b->guest.delivered_fd, WAIT_MS), 1);
		assert_int_equal(take(b->resample, 0), 0);
		engine_eoi(b->engine, VECTOR);
		assert_int_equal(take(b->resample, WAIT_MS), 1);
	}
	assert_int_equal(atomic_load(&b->guest.delivered), 1000);
	eventfd_source_close(&b->source);
}

/* A oneshot handler: masks, EOIs, works, unmasks. */
static void eoi_while_masked_resamples_at_the_unmask(void **state)
{
	struct bench *b = *state;

	open_level(b);
	entry_write(b->engine, PIN, LEVEL | VECTOR);
	for (unsigned int i = 0; i < 100; i++) {
		signal_fd(b->trigger);
		assert_int_equal(take(b->guest.delivered_fd, WAIT_MS), 1);
		entry_write(b->engine, PIN, LEVEL | MASKED | VECTOR);
		engine_eoi(b->engine, VECTOR);
		assert_int_equal(take(b->resample, 0), 0);
		entry_write(b->engine, PIN, LEVEL | VECTOR);
		assert_int_equal(take(b->resample, WAIT_MS), 1);
	}
	assert_int_equal(atomic_load(&b->guest.delivered), 100);
	eventfd_source_close(&b->source);
}

static void count_from_before_the_attach_is_taken(void **state)
{
	struct bench *b = *state;

	entry_write(b->engine, PIN, LEVEL | VECTOR);
	signal_fd(b->trigger);
	signal_fd(b->trigger);
	open_level(b);
	assert_int_equal(take(b->guest.delivered_fd, WAIT_MS), 1);
	engine_eoi(b->engine, VECTOR);
	assert_int_equal(take(b->resample, WAIT_MS), 1);
	assert_int_equal(atomic_load(&b->guest.delivered), 1);
	eventfd_source_close(&b->source);
}

static void edges_are_pulses(void **state)
{
	struct bench *b = *state;
	struct input_config config = config_of(b);
	struct engine_stats row;

	assert_int_equal(eventfd_source_open_edge(&b->source, &config,
						  b->trigger), 0);
	entry_write(b->engine, PIN, VECTOR);
	for (unsigned int i = 0; i < 100; i++) {
		signal_fd(b->trigger);
		assert_int_equal(take(b->guest.delivered_fd, WAIT_MS), 1);
	}
	assert_int_equal(engine_stats(b->engine, &row, 1), 1);
	assert_true(row.edge);
	assert_int_equal(row.counts.triggers, 100);
	assert_int_equal(row.counts.resamples, 0);
	eventfd_source_close(&b->source);
}

/* ---- removal ------------------------------------------------------------ */

static void removal_gives_the_host_its_line_back(void **state)
{
	struct bench *b = *state;

	open_level(b);
	entry_write(b->engine, PIN, LEVEL | VECTOR);
	signal_fd(b->trigger);
	assert_int_equal(take(b->guest.delivered_fd, WAIT_MS), 1);
	eventfd_source_close(&b->source);
	assert_int_equal(take(b->resample, 0), 1);
	signal_fd(b->trigger);
	assert_int_equal(take(b->guest.delivered_fd, 20), 0);
	assert_int_equal(take(b->trigger, 0), 1);
	assert_int_equal(engine_stats(b->engine, NULL, 0), 0);
}

struct traffic {
	struct bench *b;
	unsigned int pin;
	atomic_bool *stop;
};

/* A device and its server: signals at once whenever it is asked to look. */
static void *play_device(void *opaque)
{
	struct bench *b = opaque;

	for (unsigned int i = 0; i < 3000; i++) {
		signal_fd(b->trigger);
		take(b->resample, 1);
	}
	return NULL;
}

static void *play_vcpu(void *opaque)
{
	struct traffic *t = opaque;

	while (!atomic_load(t->stop)) {
		entry_write(t->b->engine, t->pin, LEVEL | MASKED | VECTOR);
		engine_eoi(t->b->engine, VECTOR);
		entry_write(t->b->engine, t->pin, LEVEL | VECTOR);
	}
	return NULL;
}

static void *come_and_go(void *opaque)
{
	struct traffic *t = opaque;
	struct input_config config = config_of(t->b);
	unsigned int rounds = 0;

	config.pin = t->pin;
	while (!atomic_load(t->stop) || rounds < 20) {
		int trigger = new_eventfd(), resample = new_eventfd();
		struct eventfd_source source;

		assert_int_equal(eventfd_source_open_level(&source, &config,
							   trigger, resample),
				 0);
		for (unsigned int i = 0; i < rounds % 5; i++)
			signal_fd(trigger);
		eventfd_source_close(&source);
		memset(&source, 0xa5, sizeof(source));
		close(resample);
		close(trigger);
		rounds++;
	}
	return NULL;
}

/*
 * Three forwards on two pins come and go while a device, two vCPUs and the
 * listening thread are busy with them.
 */
static void removal_during_traffic(void **state)
{
	struct bench *b = *state;
	atomic_bool stop = false;
	struct traffic same = { b, PIN, &stop }, other = { b, PIN + 1, &stop };
	pthread_t device, vcpu[2], changer[3];

	open_level(b);
	pthread_create(&device, NULL, play_device, b);
	pthread_create(&vcpu[0], NULL, play_vcpu, &same);
	pthread_create(&vcpu[1], NULL, play_vcpu, &other);
	pthread_create(&changer[0], NULL, come_and_go, &same);
	pthread_create(&changer[1], NULL, come_and_go, &same);
	pthread_create(&changer[2], NULL, come_and_go, &other);
	pthread_join(device, NULL);
	atomic_store(&stop, true);
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(vcpu[i], NULL);
	for (unsigned int i = 0; i < 3; i++)
		pthread_join(changer[i], NULL);
	assert_true(atomic_load(&b->guest.delivered) > 0);
	assert_int_equal(engine_stats(b->engine, NULL, 0), 1);
	eventfd_source_close(&b->source);
}

/* ---- the throttle ------------------------------------------------------- */

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* A guest that EOIs and never quiets its device: refires at once, for ever. */
static void a_storm_is_slowed_by_the_timer(void **state)
{
	struct bench *b = *state;
	struct engine_stats row;
	uint64_t start = 0;

	open_level(b);
	entry_write(b->engine, PIN, LEVEL | VECTOR);
	for (unsigned int i = 0; i < FORWARD_THROTTLE_AFTER + 5; i++) {
		if (i == FORWARD_THROTTLE_AFTER)
			start = now_ms();
		signal_fd(b->trigger);
		assert_int_equal(take(b->guest.delivered_fd, WAIT_MS), 1);
		engine_eoi(b->engine, VECTOR);
		assert_int_equal(take(b->resample, WAIT_MS), 1);
	}
	assert_true(now_ms() - start >= 5 * FORWARD_THROTTLE_US / 1000 - 5);
	engine_stats(b->engine, &row, 1);
	assert_in_range(row.counts.throttled, 5, 6);
	assert_int_equal(row.counts.resamples, FORWARD_THROTTLE_AFTER + 5);
	eventfd_source_close(&b->source);
}

/* ---- mistakes ----------------------------------------------------------- */

static void mistakes_have_a_sentence(void **state)
{
	struct bench *b = *state;
	struct input_config config = config_of(b);
	int pipe_fds[2];

	assert_int_equal(pipe(pipe_fds), 0);
	assert_int_equal(eventfd_source_open_level(&b->source, &config,
						   pipe_fds[0], b->resample),
			 -EINVAL);
	assert_non_null(strstr(error_text(), "give the result of eventfd(2)"));
	assert_int_equal(eventfd_source_open_level(&b->source, &config,
						   b->trigger, 999), -EBADF);
	assert_non_null(strstr(error_text(), "resample descriptor 999"));
	config.pin = 24;
	assert_int_equal(eventfd_source_open_edge(&b->source, &config,
						  b->trigger), -EINVAL);
	assert_non_null(strstr(error_text(), "no pin 24"));
	assert_int_equal(engine_stats(b->engine, NULL, 0), 0);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

static void the_33rd_forward_has_no_place(void **state)
{
	struct bench *b = *state;
	struct input_config config = config_of(b);
	struct eventfd_source many[FORWARDS_MAX];
	int fds[FORWARDS_MAX];

	for (unsigned int i = 0; i < FORWARDS_MAX; i++) {
		fds[i] = new_eventfd();
		assert_int_equal(eventfd_source_open_level(
			&many[i], &config, fds[i], b->resample), 0);
	}
	assert_int_equal(eventfd_source_open_level(&b->source, &config,
						   b->trigger, b->resample),
			 -ENOSPC);
	assert_non_null(strstr(error_text(), "all 32 inputs"));
	for (unsigned int i = 0; i < FORWARDS_MAX; i++) {
		eventfd_source_close(&many[i]);
		close(fds[i]);
	}
	open_level(b);
	eventfd_source_close(&b->source);
}

int main(void)
{
#define WITH_BENCH(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_BENCH(trigger_is_delivered_and_eoi_resamples),
		WITH_BENCH(eoi_while_masked_resamples_at_the_unmask),
		WITH_BENCH(count_from_before_the_attach_is_taken),
		WITH_BENCH(edges_are_pulses),
		WITH_BENCH(removal_gives_the_host_its_line_back),
		WITH_BENCH(removal_during_traffic),
		WITH_BENCH(a_storm_is_slowed_by_the_timer),
		WITH_BENCH(mistakes_have_a_sentence),
		WITH_BENCH(the_33rd_forward_has_no_place),
	};

	return cmocka_run_group_tests_name("source", tests, NULL, NULL);
}
