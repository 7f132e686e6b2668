/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public functions on a real KVM VM.  There is no vCPU: deliveries go
 * nowhere, and the test speaks for the guest.  Skips where there is no KVM.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <cmocka.h>
#include <json-c/json.h>

#include "irqfwd.h"

#define PIN	11
#define VECTOR	0x61

struct bench {
	int kvm, vm, trigger, resample;
	struct irqfwd *fwd;
	atomic_uint trace_lines, oneshot_lines;
};

static void traced(void *opaque, const char *line)
{
	struct bench *b = opaque;

	atomic_fetch_add(&b->trace_lines, 1);
	if (strstr(line, "eoi → ack") && strstr(line, "defer"))
		atomic_fetch_add(&b->oneshot_lines, 1);
}

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct irqfwd_config config = { .trace = traced, .opaque = b };

	*state = b;
	b->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (b->kvm < 0) {
		print_message("# no /dev/kvm here: %s\n", strerror(errno));
		return 0;
	}
	b->vm = config.vm_fd = ioctl(b->kvm, KVM_CREATE_VM, 0);
	b->trigger = eventfd(0, EFD_CLOEXEC);
	b->resample = eventfd(0, EFD_CLOEXEC);
	if (irqfwd_new(&b->fwd, &config)) {
		print_message("# %s\n", irqfwd_error());
		b->fwd = NULL;
	}
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	irqfwd_free(b->fwd);
	if (b->kvm >= 0) {
		close(b->trigger);
		close(b->resample);
		close(b->vm);
		close(b->kvm);
	}
	free(b);
	return 0;
}

static struct bench *bench_of(void **state)
{
	struct bench *b = *state;

	if (!b->fwd)
		skip();
	return b;
}

static void write_entry(struct irqfwd *fwd, uint32_t low)
{
	uint32_t select = 0x10 + 2 * PIN;

	irqfwd_mmio_write(fwd, 0x00, &select, 4);
	irqfwd_mmio_write(fwd, 0x10, &low, 4);
}

static uint32_t read_entry(struct irqfwd *fwd)
{
	uint32_t select = 0x10 + 2 * PIN, low = 0;

	irqfwd_mmio_write(fwd, 0x00, &select, 4);
	irqfwd_mmio_read(fwd, 0x10, &low, 4);
	return low;
}

static void wait_for(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t count;

	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(read(fd, &count, sizeof(count)), sizeof(count));
}

static void wait_for_remote_irr(struct irqfwd *fwd)
{
	for (unsigned int i = 0; i < 5000; i++) {
		if (read_entry(fwd) & 1 << 14)
			return;
		usleep(1000);
	}
	fail_msg("no interrupt was accepted");
}

static struct irqfwd_level *add_level(struct bench *b)
{
	struct irqfwd_level_config config = { .name = "disk", .pin = PIN };
	struct irqfwd_level *level;

	assert_int_equal(irqfwd_add_eventfd_level(b->fwd, b->trigger,
						  b->resample, &config,
						  &level), 0);
	return level;
}

/* Three oneshot interrupts, as the guest's kernel would take them. */
static void play_oneshot(struct bench *b, unsigned int nr)
{
	uint64_t one = 1;

	write_entry(b->fwd, 0x8000 | VECTOR);
	for (unsigned int i = 0; i < nr; i++) {
		assert_int_equal(write(b->trigger, &one, 8), 8);
		wait_for_remote_irr(b->fwd);
		write_entry(b->fwd, 0x18000 | VECTOR);
		irqfwd_eoi(b->fwd, VECTOR);
		write_entry(b->fwd, 0x8000 | VECTOR);
		wait_for(b->resample);
	}
}

static void oneshot_interrupts_are_counted(void **state)
{
	struct bench *b = bench_of(state);
	struct irqfwd_level *level = add_level(b);
	struct irqfwd_stats row;

	play_oneshot(b, 3);
	assert_int_equal(irqfwd_stats(b->fwd, &row, 1), 1);
	assert_string_equal(row.name, "disk");
	assert_string_equal(row.host_irq, "-");
	assert_string_equal(row.policy, "unmask");
	assert_int_equal(row.pin, PIN);
	assert_int_equal(row.triggers, 3);
	assert_int_equal(row.deliveries, 3);
	assert_int_equal(row.eois, 3);
	assert_int_equal(row.deferred, 3);
	assert_int_equal(row.resamples, 3);
	assert_int_equal(row.throttled, 0);
	irqfwd_remove_level(level);
	assert_int_equal(irqfwd_stats(b->fwd, &row, 1), 0);
}

static void the_trace_tells_it(void **state)
{
	struct bench *b = bench_of(state);

	add_level(b);
	play_oneshot(b, 3);
	irqfwd_free(b->fwd);	/* hands on what is left */
	b->fwd = NULL;
	assert_int_equal(atomic_load(&b->oneshot_lines), 3);
	assert_true(atomic_load(&b->trace_lines) >= 13);
}

static char *print(struct irqfwd *fwd, bool json)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	irqfwd_print_stats(fwd, to, json);
	fclose(to);
	return text;
}

static void the_table_is_aligned(void **state)
{
	struct bench *b = bench_of(state);
	char *text;

	add_level(b);
	play_oneshot(b, 3);
	text = print(b->fwd, false);
	assert_string_equal(text,
		"device  host irq  pin  policy  triggers  deliveries  EOIs  "
		"deferred  resamples  throttled\n"
		"disk           -   11  unmask         3           3     3  "
		"       3          3          0\n");
	free(text);
}

static void the_json_is_json(void **state)
{
	struct bench *b = bench_of(state);
	struct json_object *array, *row, *value;
	char *text;

	add_level(b);
	play_oneshot(b, 2);
	text = print(b->fwd, true);
	array = json_tokener_parse(text);
	assert_non_null(array);
	assert_int_equal(json_object_array_length(array), 1);
	row = json_object_array_get_idx(array, 0);
	assert_true(json_object_object_get_ex(row, "device", &value));
	assert_string_equal(json_object_get_string(value), "disk");
	assert_true(json_object_object_get_ex(row, "triggers", &value));
	assert_int_equal(json_object_get_int64(value), 2);
	json_object_put(array);
	free(text);
}

static void a_closed_forward_keeps_its_row(void **state)
{
	struct bench *b = bench_of(state);
	struct irqfwd_level *level = add_level(b);
	struct irqfwd_stats row;
	char *text;

	play_oneshot(b, 3);
	irqfwd_close_level(level);
	irqfwd_close_level(level);
	assert_int_equal(irqfwd_stats(b->fwd, &row, 1), 1);
	assert_true(row.gone);
	assert_string_equal(row.name, "disk");
	assert_int_equal(row.triggers, 3);
	assert_int_equal(row.resamples, 3);
	text = print(b->fwd, false);
	assert_non_null(strstr(text, "disk (gone)  "));
	free(text);
	text = print(b->fwd, true);
	assert_non_null(strstr(text, "\"gone\": true"));
	free(text);
	irqfwd_level_cut(level, true);	/* nothing happens */
	irqfwd_remove_level(level);
	assert_int_equal(irqfwd_stats(b->fwd, &row, 1), 0);
}

static void what_is_left_is_freed(void **state)
{
	struct bench *b = bench_of(state);
	struct irqfwd_edge *edge;
	struct irqfwd_line *line;
	int fd = eventfd(0, EFD_CLOEXEC);
	uint64_t one = 1;

	add_level(b);
	assert_int_equal(irqfwd_add_eventfd_edge(b->fwd, fd, "edge", 4, &edge),
			 0);
	assert_int_equal(irqfwd_add_line(b->fwd, "serial", 4, &line), 0);
	irqfwd_line_set(line, true);
	write_entry(b->fwd, 0x8000 | VECTOR);
	assert_int_equal(write(b->trigger, &one, 8), 8);
	wait_for_remote_irr(b->fwd);
	irqfwd_free(b->fwd);
	b->fwd = NULL;
	close(fd);
	/* The flush gave the host its line back. */
	wait_for(b->resample);
}

static void lines_deliver(void **state)
{
	struct bench *b = bench_of(state);
	struct irqfwd_line *line;

	assert_int_equal(irqfwd_add_line(b->fwd, "serial", PIN, &line), 0);
	write_entry(b->fwd, 0x8000 | VECTOR);
	irqfwd_line_set(line, true);
	assert_int_equal(read_entry(b->fwd) & 0xffff, 0xc000 | VECTOR);
	irqfwd_line_set(line, false);
	irqfwd_eoi(b->fwd, VECTOR);
	assert_int_equal(read_entry(b->fwd) & 0xffff, 0x8000 | VECTOR);
	irqfwd_remove_line(line);
}

static void odd_accesses_do_no_harm(void **state)
{
	struct bench *b = bench_of(state);
	unsigned char data[16];

	memset(data, 0, sizeof(data));
	irqfwd_mmio_read(b->fwd, 0x10, data, 3);
	assert_int_equal(data[2], 0xff);
	assert_int_equal(data[3], 0);
	irqfwd_mmio_write(b->fwd, 0x10, data, 16);
	irqfwd_mmio_read(b->fwd, 0xffc, data, 8);
	assert_int_equal(data[0], 0);
}

static void mistakes_change_nothing(void **state)
{
	struct bench *b = bench_of(state);
	struct irqfwd_level_config config = { .pin = 24 };
	struct irqfwd_config again = { .vm_fd = b->vm };
	struct irqfwd_level *level;
	struct irqfwd_line *line;
	struct irqfwd *other;

	assert_int_equal(irqfwd_new(&other, &again), -EEXIST);
	assert_non_null(strstr(irqfwd_error(), "irqchip"));
	again.pins = 241;
	assert_int_equal(irqfwd_new(&other, &again), -EINVAL);
	assert_int_equal(irqfwd_add_eventfd_level(b->fwd, b->trigger,
						  b->resample, &config,
						  &level), -EINVAL);
	config.pin = PIN;
	config.policy = (enum irqfwd_policy)9;
	assert_int_equal(irqfwd_add_eventfd_level(b->fwd, b->trigger,
						  b->resample, &config,
						  &level), -EINVAL);
	assert_non_null(strstr(irqfwd_error(), "policy 9"));
	assert_int_equal(irqfwd_add_line(b->fwd, "x", 24, &line), -EINVAL);
	assert_string_equal(irqfwd_error(),
			    "line x: the irqchip has 24 pins, there is no 24");
	assert_int_equal(irqfwd_stats(b->fwd, NULL, 0), 0);
}

static void devices_that_are_not_there(void **state)
{
	struct irqfwd_vfio *dev;

	assert_int_equal(irqfwd_vfio_open("nonsense", &dev), -EINVAL);
	assert_non_null(strstr(irqfwd_error(), "0000:00:03.0"));
	assert_int_equal(irqfwd_vfio_open("ffff:ff:1f.7", &dev), -ENODEV);
	assert_non_null(strstr(irqfwd_error(), "ffff:ff:1f.7"));
}

int main(void)
{
#define WITH_BENCH(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_BENCH(oneshot_interrupts_are_counted),
		WITH_BENCH(the_trace_tells_it),
		WITH_BENCH(the_table_is_aligned),
		WITH_BENCH(the_json_is_json),
		WITH_BENCH(a_closed_forward_keeps_its_row),
		WITH_BENCH(what_is_left_is_freed),
		WITH_BENCH(lines_deliver),
		WITH_BENCH(odd_accesses_do_no_harm),
		WITH_BENCH(mistakes_change_nothing),
		cmocka_unit_test(devices_that_are_not_there),
	};

	return cmocka_run_group_tests_name("api", tests, NULL, NULL);
}
