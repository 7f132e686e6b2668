/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine: effects reach backend and source in order, no lock is held while
 * they do, and threads may come from anywhere.  The source is a level device in
 * memory; the run under the thread sanitizer is what proves the locking.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <cmocka.h>

#include "forward/engine.h"

#define PIN	5
#define VECTOR	0x61
#define LEVEL	(1u << 15)
#define MASKED	(1u << 16)

/* A host line behind an automask, and the device that drives it. */
struct device {
	struct source src;
	struct engine *engine;
	int slot;
	atomic_bool asserted, host_masked, signalled;
	atomic_uint host_interrupts, resamples, throttled_us;
	atomic_bool unreadable;
};

static struct device *device_of(struct source *src)
{
	return (struct device *)((char *)src - offsetof(struct device, src));
}

/* What the host does when the line is high and unmasked. */
static void host_look(struct device *d)
{
	if (!atomic_load(&d->asserted) || atomic_exchange(&d->host_masked, true))
		return;
	atomic_fetch_add(&d->host_interrupts, 1);
	atomic_store(&d->signalled, true);
}

static bool device_drain(struct source *src)
{
	return atomic_exchange(&device_of(src)->signalled, false);
}

static void device_resample(struct source *src)
{
	struct device *d = device_of(src);

	atomic_fetch_add(&d->resamples, 1);
	atomic_store(&d->host_masked, false);
	host_look(d);
}

static enum forward_level device_sample(struct source *src)
{
	struct device *d = device_of(src);

	if (atomic_load(&d->unreadable))
		return FORWARD_LEVEL_UNKNOWN;
	return atomic_load(&d->asserted) ? FORWARD_LEVEL_HIGH
					 : FORWARD_LEVEL_LOW;
}

static void device_throttle(struct source *src, unsigned int us)
{
	atomic_store(&device_of(src)->throttled_us, us);
}

static const struct source_ops device_ops = {
	.drain = device_drain,
	.resample = device_resample,
	.sample = device_sample,
	.throttle = device_throttle,
};

struct guest {
	struct backend be;
	atomic_uint delivered;
	atomic_int routed_vector;
	atomic_bool unrouted;	/* a level delivery without its route */
};

static struct guest *guest_of(struct backend *be)
{
	return (struct guest *)((char *)be - offsetof(struct guest, be));
}

static void guest_deliver(struct backend *be, const struct message *msg)
{
	struct guest *g = guest_of(be);

	if (msg->level && atomic_load(&g->routed_vector) != msg->vector)
		atomic_store(&g->unrouted, true);
	atomic_fetch_add(&g->delivered, 1);
}

static void guest_route(struct backend *be, unsigned int pin,
			const struct message *msg)
{
	atomic_store(&guest_of(be)->routed_vector, msg->level ? msg->vector : -1);
}

static const struct backend_ops guest_ops = {
	.deliver = guest_deliver,
	.route = guest_route,
};

struct bench {
	struct guest guest;
	struct device device;
	struct engine *engine;
};

static void write_low(struct bench *b, uint32_t value)
{
	engine_write(b->engine, 0x00, 0x10 + 2 * PIN, 4);
	engine_write(b->engine, 0x10, value, 4);
}

static struct bench *bench_new(enum forward_policy policy)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct engine_config config = {
		.pins = 24, .version = IOAPIC_VERSION_ICH, .routed = true,
	};

	assert_non_null(b);
	b->guest.be.ops = &guest_ops;
	config.backend = &b->guest.be;
	assert_int_equal(engine_new(&b->engine, &config), 0);
	b->device.src.ops = &device_ops;
	strcpy(b->device.src.name, "device");
	b->device.engine = b->engine;
	b->device.slot = engine_add_level(b->engine, &b->device.src, PIN, policy);
	assert_true(b->device.slot >= 0);
	write_low(b, VECTOR | LEVEL);
	return b;
}

static void bench_free(struct bench *b)
{
	assert_false(atomic_load(&b->guest.unrouted));
	engine_remove(b->engine, (unsigned int)b->device.slot);
	engine_free(b->engine);
	free(b);
}

/* The listening thread's part. */
static void listen_once(struct bench *b)
{
	engine_source_ready(b->engine, (unsigned int)b->device.slot);
}

static void device_assert(struct bench *b)
{
	atomic_store(&b->device.asserted, true);
	host_look(&b->device);
}

static void one_oneshot_interrupt(struct bench *b)
{
	device_assert(b);
	listen_once(b);
	write_low(b, VECTOR | LEVEL | MASKED);
	engine_eoi(b->engine, VECTOR);
	listen_once(b);
	atomic_store(&b->device.asserted, false);
	write_low(b, VECTOR | LEVEL);
	listen_once(b);
}

static void a_oneshot_interrupt_is_delivered_once(void **state)
{
	static const enum forward_policy policies[] = {
		FORWARD_UNMASK, FORWARD_SAMPLE,
	};

	for (unsigned int i = 0; i < 2; i++) {
		struct bench *b = bench_new(policies[i]);

		for (unsigned int k = 0; k < 10; k++)
			one_oneshot_interrupt(b);
		assert_int_equal(b->guest.delivered, 10);
		assert_int_equal(b->device.host_interrupts, 10);
		assert_false(b->device.host_masked);
		bench_free(b);
	}
}

/* The fault, with the same device and the same steps. */
static void policy_eoi_delivers_twice(void **state)
{
	struct bench *b = bench_new(FORWARD_EOI);

	one_oneshot_interrupt(b);
	assert_int_equal(b->guest.delivered, 2);
	engine_eoi(b->engine, VECTOR);
	bench_free(b);
}

/*
 * Signalled, but not yet read when the guest masks, acks at the device and
 * unmasks: the unmask reads it, and looks again instead of believing it.
 */
static void a_trigger_in_flight_across_an_unmask_is_not_believed(void **state)
{
	struct bench *b = bench_new(FORWARD_UNMASK);

	write_low(b, VECTOR | LEVEL | MASKED);
	device_assert(b);
	atomic_store(&b->device.asserted, false);
	write_low(b, VECTOR | LEVEL);
	listen_once(b);
	assert_int_equal(b->guest.delivered, 0);
	assert_false(b->device.host_masked);
	bench_free(b);
}

static void a_removed_source_is_left_unmasked(void **state)
{
	struct bench *b = bench_new(FORWARD_UNMASK);

	device_assert(b);
	listen_once(b);
	assert_true(b->device.host_masked);
	atomic_store(&b->device.asserted, false);
	engine_remove(b->engine, (unsigned int)b->device.slot);
	assert_false(b->device.host_masked);
	/* A late call of the listening thread finds nobody, and does nothing. */
	device_assert(b);
	listen_once(b);
	assert_int_equal(b->guest.delivered, 1);
	b->device.slot = engine_add_level(b->engine, &b->device.src, PIN,
					  FORWARD_UNMASK);
	bench_free(b);
}

static void slots_run_out_with_an_error(void **state)
{
	struct bench *b = bench_new(FORWARD_UNMASK);

	for (unsigned int i = 1; i < FORWARDS_MAX; i++)
		assert_int_equal(engine_add_line(b->engine, 1), (int)i);
	assert_int_equal(engine_add_line(b->engine, 1), -ENOSPC);
	assert_int_equal(engine_add_line(b->engine, 24), -EINVAL);
	for (unsigned int i = 1; i < FORWARDS_MAX; i++)
		engine_remove(b->engine, i);
	bench_free(b);
}

static void counts_are_kept(void **state)
{
	struct bench *b = bench_new(FORWARD_UNMASK);
	struct engine_stats row;

	one_oneshot_interrupt(b);
	assert_int_equal(engine_stats(b->engine, &row, 1), 1);
	assert_string_equal(row.name, "device");
	assert_int_equal(row.pin, PIN);
	assert_int_equal(row.counts.triggers, 1);
	assert_int_equal(row.counts.deliveries, 1);
	assert_int_equal(row.counts.eois, 1);
	assert_int_equal(row.counts.deferred, 1);
	assert_int_equal(row.counts.resamples, 1);
	assert_int_equal(row.counts.throttled, 0);
	bench_free(b);
}

/* Refires as fast as the guest EOIs, until the last of them is throttled. */
static void storm(struct bench *b, unsigned int refires)
{
	for (unsigned int i = 0; i < refires; i++) {
		struct engine_stats before, after;

		listen_once(b);
		assert_int_equal(b->guest.delivered, i + 1);
		engine_stats(b->engine, &before, 1);
		engine_eoi(b->engine, VECTOR);
		engine_stats(b->engine, &after, 1);
		assert_true(after.counts.throttled == (i + 1 == refires));
		if (after.counts.eased == before.counts.eased)
			continue;
		assert_in_range(b->device.throttled_us, 1, FORWARD_EASE_MAX_US);
		engine_source_timeout(b->engine, (unsigned int)b->device.slot);
	}
}

/* A guest that never acks at the device: SAMPLE is answered, then THROTTLE. */
static void a_storm_is_throttled(void **state)
{
	for (int unreadable = 0; unreadable < 2; unreadable++) {
		struct bench *b = bench_new(FORWARD_UNMASK);
		struct engine_stats row;

		atomic_store(&b->device.unreadable, unreadable);
		device_assert(b);
		storm(b, FORWARD_THROTTLE_AFTER);
		assert_int_equal(b->device.throttled_us, FORWARD_THROTTLE_US);
		engine_source_timeout(b->engine, (unsigned int)b->device.slot);
		listen_once(b);
		assert_int_equal(b->guest.delivered, FORWARD_THROTTLE_AFTER + 1);
		engine_stats(b->engine, &row, 1);
		assert_int_equal(row.counts.throttled, 1);
		assert_int_equal(row.counts.eased, unreadable ? 0 :
				 FORWARD_THROTTLE_AFTER - FORWARD_EASE_AFTER);
		bench_free(b);
	}
}

/* ---- threads ------------------------------------------------------------ */

#define ROUNDS	20000

static void *listener(void *arg)
{
	struct bench *b = arg;

	for (int i = 0; i < ROUNDS; i++) {
		device_assert(b);
		listen_once(b);
		/* the timer of a refire that waits: EASE_AFTER come by chance */
		if (i % 64 == 0)
			engine_source_timeout(b->engine,
					      (unsigned int)b->device.slot);
	}
	return NULL;
}

static void *vcpu(void *arg)
{
	struct bench *b = arg;

	for (int i = 0; i < ROUNDS; i++) {
		write_low(b, VECTOR | LEVEL | MASKED);
		engine_eoi(b->engine, VECTOR);
		atomic_store(&b->device.asserted, false);
		write_low(b, VECTOR | LEVEL);
	}
	return NULL;
}

static void *hotplugger(void *arg)
{
	struct bench *b = arg;

	for (int i = 0; i < ROUNDS / 20; i++) {
		int slot = engine_add_line(b->engine, PIN);

		assert(slot >= 0);
		engine_set_line(b->engine, (unsigned int)slot, true);
		engine_set_line(b->engine, (unsigned int)slot, false);
		engine_remove(b->engine, (unsigned int)slot);
	}
	return NULL;
}

static void threads_leave_nothing_masked(void **state)
{
	void *(*const body[])(void *) = { listener, vcpu, vcpu, hotplugger };
	struct bench *b = bench_new(FORWARD_UNMASK);
	unsigned int delivered;
	pthread_t thread[4];

	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, body[i], b), 0);
	for (unsigned int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);

	/* Quiescence: the guest serves what is left, and the line is free. */
	atomic_store(&b->device.asserted, false);
	listen_once(b);
	engine_eoi(b->engine, VECTOR);
	write_low(b, VECTOR | LEVEL);
	engine_source_timeout(b->engine, (unsigned int)b->device.slot);
	listen_once(b);
	engine_eoi(b->engine, VECTOR);
	assert_false(b->device.host_masked);
	/* And the next one comes. */
	delivered = atomic_load(&b->guest.delivered);
	device_assert(b);
	listen_once(b);
	assert_int_equal(b->guest.delivered, delivered + 1);
	bench_free(b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_oneshot_interrupt_is_delivered_once),
		cmocka_unit_test(policy_eoi_delivers_twice),
		cmocka_unit_test(a_trigger_in_flight_across_an_unmask_is_not_believed),
		cmocka_unit_test(a_removed_source_is_left_unmasked),
		cmocka_unit_test(slots_run_out_with_an_error),
		cmocka_unit_test(counts_are_kept),
		cmocka_unit_test(a_storm_is_throttled),
		cmocka_unit_test(threads_leave_nothing_masked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
