/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public functions on a real VFIO device: QEMU's edu, bound to vfio-pci
 * (IRQFWD_TEST_DEVICE, else 0000:00:04.0).  The test speaks for the guest, on a
 * VM without a vCPU.  ./x vfio runs it in the nested lab; elsewhere it skips.
 * IRQFWD_TEST_ONLY names one test, or a pattern of names.
 *
 * edu: a write to 0x60 asserts INTx (or sends its MSI), to 0x64 acks; 0x24 is
 * the status.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "irqfwd.h"

#define PIN		11
#define VECTOR		0x61
#define REMOTE_IRR	(1u << 14)
#define LEVEL		(1u << 15)
#define MASKED		(1u << 16)
#define EDU_STATUS	0x24
#define EDU_RAISE	0x60
#define EDU_ACK		0x64
#define ROUNDS		50

struct bench {
	const char *address;
	int kvm, vm;
	struct irqfwd *fwd;
	struct irqfwd_vfio *dev;
	volatile uint32_t *bar;
	size_t bar_size;
	atomic_uint remove_requests, gone;
};

static struct bench bench;

/* ---- the device --------------------------------------------------------- */

static void device_write(unsigned int offset, uint32_t value)
{
	bench.bar[offset / 4] = value;
}

static void device_raise(void)
{
	device_write(EDU_RAISE, 1);
}

static void device_ack(void)
{
	device_write(EDU_ACK, 0xffffffff);
}

/* Interrupts that the host has taken for any device of VFIO's; on how many lines. */
static unsigned long host_lines(unsigned int *lines)
{
	FILE *file = fopen("/proc/interrupts", "re");
	unsigned long total = 0;
	char line[1024];

	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		char *at = strchr(line, ':'), *end;

		if (!at || !strstr(line, "vfio-intx"))
			continue;
		++*lines;
		for (at++;; at = end) {
			unsigned long count = strtoul(at, &end, 10);

			if (end == at)
				break;
			total += count;
		}
	}
	fclose(file);
	return total;
}

static unsigned long host_interrupts(void)
{
	unsigned int lines = 0;

	return host_lines(&lines);
}

/* ---- the guest ---------------------------------------------------------- */

static void write_entry(uint32_t low)
{
	uint32_t select = 0x10 + 2 * PIN;

	irqfwd_mmio_write(bench.fwd, 0x00, &select, 4);
	irqfwd_mmio_write(bench.fwd, 0x10, &low, 4);
}

static uint32_t read_entry(void)
{
	uint32_t select = 0x10 + 2 * PIN, low = 0;

	irqfwd_mmio_write(bench.fwd, 0x00, &select, 4);
	irqfwd_mmio_read(bench.fwd, 0x10, &low, 4);
	return low;
}

static bool is_delivered_within(unsigned int ms)
{
	for (unsigned int i = 0; i <= ms; i++) {
		if (read_entry() & REMOTE_IRR)
			return true;
		usleep(1000);
	}
	return false;
}

static void expect_delivery(void)
{
	if (!is_delivered_within(5000))
		fail_msg("no interrupt came");
}

static void expect_silence(void)
{
	if (is_delivered_within(20))
		fail_msg("an interrupt came without a cause");
}

/* A oneshot handler: the EOI comes while the pin is masked. */
static void take_oneshot(void)
{
	expect_delivery();
	write_entry(LEVEL | MASKED | VECTOR);
	irqfwd_eoi(bench.fwd, VECTOR);
	expect_silence();
	device_ack();
	write_entry(LEVEL | VECTOR);
}

static struct irqfwd_stats stats(void)
{
	struct irqfwd_stats row;

	assert_int_equal(irqfwd_stats(bench.fwd, &row, 1), 1);
	return row;
}

/* ---- setup -------------------------------------------------------------- */

static void map_bar(void)
{
	struct irqfwd_vfio_region region;
	uint16_t command = 6;	/* memory, bus master */

	assert_int_equal(irqfwd_vfio_region(bench.dev, 0, &region), 0);
	assert_true(region.can_map);
	assert_int_equal(irqfwd_vfio_config_write(bench.dev, 4, &command, 2), 0);
	bench.bar_size = region.size;
	bench.bar = mmap(NULL, region.size, PROT_READ | PROT_WRITE, MAP_SHARED,
			 irqfwd_vfio_fd(bench.dev), (off_t)region.offset);
	assert_ptr_not_equal(bench.bar, MAP_FAILED);
	device_ack();
}

static void print_trace(void *opaque, const char *line)
{
	fprintf(stderr, "# %s\n", line);
}

static int setup(void **state)
{
	struct irqfwd_config config = {
		.trace = getenv("IRQFWD_TEST_TRACE") ? print_trace : NULL,
	};
	const char *address = getenv("IRQFWD_TEST_DEVICE");

	memset(&bench, 0, sizeof(bench));
	bench.address = address ? address : "0000:00:04.0";
	if (access("/dev/vfio/vfio", F_OK) < 0) {
		print_message("# no /dev/vfio/vfio here: ./x vfio runs this\n");
		return 0;
	}
	bench.kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	assert_true(bench.kvm >= 0);
	bench.vm = config.vm_fd = ioctl(bench.kvm, KVM_CREATE_VM, 0);
	if (irqfwd_new(&bench.fwd, &config) ||
	    irqfwd_vfio_open(bench.address, &bench.dev)) {
		print_message("# %s\n", irqfwd_error());
		return -1;
	}
	map_bar();
	return 0;
}

static int teardown(void **state)
{
	if (!bench.fwd)
		return 0;
	if (bench.bar)
		munmap((void *)bench.bar, bench.bar_size);
	irqfwd_free(bench.fwd);
	irqfwd_vfio_close(bench.dev);
	close(bench.vm);
	close(bench.kvm);
	return 0;
}

static void need_device(void)
{
	if (!bench.fwd)
		skip();
}

static void on_event(void *opaque, enum irqfwd_event event)
{
	if (event == IRQFWD_REMOVE_REQUESTED)
		atomic_fetch_add(&bench.remove_requests, 1);
	else if (event == IRQFWD_DEVICE_GONE)
		atomic_fetch_add(&bench.gone, 1);
}

static struct irqfwd_level *add_intx(enum irqfwd_policy policy, bool by_ioctl)
{
	const struct irqfwd_level_config config = {
		.pin = PIN, .policy = policy, .unmask_by_ioctl = by_ioctl,
		.event = on_event,
	};
	struct irqfwd_level *level = NULL;

	if (irqfwd_add_vfio_intx(bench.fwd, bench.dev, &config, &level))
		fail_msg("%s", irqfwd_error());
	return level;
}

static bool has_nointxmask(void)
{
	FILE *file = fopen("/sys/module/vfio_pci/parameters/nointxmask", "re");
	int value = file ? fgetc(file) : 'N';

	if (file)
		fclose(file);
	return value == 'Y';
}

/* ---- INTx --------------------------------------------------------------- */

static void play_rounds(enum irqfwd_policy policy, bool by_ioctl)
{
	struct irqfwd_stats row, start;
	struct irqfwd_level *level;
	unsigned long before;

	write_entry(LEVEL | MASKED | VECTOR);
	level = add_intx(policy, by_ioctl);
	write_entry(LEVEL | VECTOR);
	expect_silence();
	start = stats();
	before = host_interrupts();
	for (unsigned int i = 0; i < ROUNDS; i++) {
		device_raise();
		take_oneshot();
	}
	expect_silence();
	row = stats();
	assert_int_equal(row.triggers - start.triggers, ROUNDS);
	assert_int_equal(row.deliveries - start.deliveries, ROUNDS);
	assert_int_equal(row.resamples - start.resamples, ROUNDS);
	assert_int_equal(host_interrupts() - before, ROUNDS);
	assert_string_equal(row.name, bench.address);
	assert_true(atoi(row.host_irq) > 0);
	irqfwd_remove_level(level);
}

static void oneshot_unmask_by_eventfd(void **state)
{
	need_device();
	play_rounds(IRQFWD_POLICY_UNMASK, false);
}

static void oneshot_unmask_by_ioctl(void **state)
{
	need_device();
	play_rounds(IRQFWD_POLICY_UNMASK, true);
}

static void oneshot_sample(void **state)
{
	need_device();
	play_rounds(IRQFWD_POLICY_SAMPLE, false);
}

/*
 * A guest that EOIs without an ack has to be called again: the line is high.
 * An interrupt that is owed so costs the host nothing.  Policy sample reads the
 * level; policy unmask leaves it to VFIO, or reads it where VFIO cannot mask the
 * device (nointxmask) and would have it fire again.
 */
static void play_owed(enum irqfwd_policy policy, bool by_ioctl)
{
	struct irqfwd_level *level;
	unsigned long before;

	level = add_intx(policy, by_ioctl);
	before = host_interrupts();
	write_entry(LEVEL | VECTOR);
	device_raise();
	for (unsigned int i = 0; i < 5; i++) {
		expect_delivery();
		irqfwd_eoi(bench.fwd, VECTOR);
	}
	expect_delivery();
	device_ack();
	irqfwd_eoi(bench.fwd, VECTOR);
	expect_silence();
	assert_int_equal(host_interrupts() - before, 1);
	irqfwd_remove_level(level);
}

static void an_owed_interrupt_costs_the_host_nothing(void **state)
{
	need_device();
	play_owed(IRQFWD_POLICY_SAMPLE, false);
	play_owed(IRQFWD_POLICY_UNMASK, false);
	play_owed(IRQFWD_POLICY_UNMASK, true);
}

static void a_device_that_asserts_already(void **state)
{
	struct irqfwd_level *level;

	need_device();
	if (has_nointxmask()) {
		print_message("# the emulated host's IOAPIC forgets a line "
			      "that rose before its pin was set up\n");
		skip();
	}
	device_raise();
	level = add_intx(IRQFWD_POLICY_UNMASK, false);
	expect_silence();	/* the pin is masked at power-on */
	write_entry(LEVEL | VECTOR);
	take_oneshot();
	expect_silence();
	irqfwd_remove_level(level);
}

static void *raise_as_it_opens(void *delay_us)
{
	unsigned int lines = 0;

	while (!lines)
		host_lines(&lines);
	usleep((useconds_t)(uintptr_t)delay_us);
	device_raise();
	return NULL;
}

/*
 * In another thread, while the INTx is set up: whatever step it meets, it comes.
 * Not before the host has the line, whose emulated IOAPIC would forget it.
 */
static void a_device_that_asserts_meanwhile(void **state)
{
	need_device();
	write_entry(LEVEL | VECTOR);
	for (uintptr_t i = 0; i < 4 * ROUNDS; i++) {
		struct irqfwd_level *level;
		pthread_t thread;

		assert_int_equal(pthread_create(&thread, NULL,
						raise_as_it_opens,
						(void *)(i % 8 * 50)), 0);
		level = add_intx(i & 1 ? IRQFWD_POLICY_UNMASK :
					 IRQFWD_POLICY_SAMPLE, false);
		pthread_join(thread, NULL);
		expect_delivery();
		device_ack();
		irqfwd_eoi(bench.fwd, VECTOR);
		expect_silence();
		irqfwd_remove_level(level);
	}
}

static bool sit_on(size_t cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) == 0;
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void *raise_at(void *when_ns)
{
	const int64_t when = *(int64_t *)when_ns;

	sit_on(1);
	while (now_ns() < when)
		;
	device_raise();
	return NULL;
}

/* Host interrupts that are set up from now on go to these CPUs. */
static void route_to(const char *cpus)
{
	FILE *file = fopen("/proc/irq/default_smp_affinity", "we");

	if (!file)
		return;
	fputs(cpus, file);
	fclose(file);
}

/*
 * The first interrupt is taken by one CPU of the host's while another one sets
 * INTx up, at each moment of that: whatever it meets, the next one comes.  The
 * first may not: the emulated host's IOAPIC forgets a line that rose before its
 * pin was set up.
 */
static void an_interrupt_amid_the_set_up(void **state)
{
	enum { MOMENTS = 300 };
	int64_t took = 0;

	need_device();
	if (!sit_on(1)) {
		print_message("# needs a host with two CPUs\n");
		skip();
	}
	write_entry(LEVEL | VECTOR);
	route_to("2");
	sit_on(0);
	for (int i = 0; i < MOMENTS; i++) {
		int64_t begin = now_ns() + 200000;
		int64_t when = begin + took * i / MOMENTS;
		struct irqfwd_level *level;
		pthread_t thread;

		assert_int_equal(pthread_create(&thread, NULL, raise_at, &when),
				 0);
		while (now_ns() < begin)
			;
		level = add_intx(i & 1 ? IRQFWD_POLICY_UNMASK :
				 IRQFWD_POLICY_SAMPLE, false);
		if (!i)
			took = now_ns() - begin;
		pthread_join(thread, NULL);
		is_delivered_within(5);
		device_ack();
		irqfwd_eoi(bench.fwd, VECTOR);
		expect_silence();
		device_raise();
		if (!is_delivered_within(1000))
			fail_msg("the line is dead: it rose %d us after the "
				 "beginning of %d", (int)((when - begin) / 1000),
				 (int)(took / 1000));
		device_ack();
		irqfwd_eoi(bench.fwd, VECTOR);
		irqfwd_remove_level(level);
	}
	route_to("ff");
}

/*
 * Raised, in service, deferred: however it is left, the next one works.  Where
 * the handler cannot ask the device (nointxmask), the ack comes before: the
 * emulated host's IOAPIC would not see a line fall while nobody has it.
 */
static void removal_gives_the_line_back(void **state)
{
	bool early = has_nointxmask();

	need_device();
	for (unsigned int i = 0; i < 6; i++) {
		struct irqfwd_level *level =
			add_intx(IRQFWD_POLICY_UNMASK, i % 2);

		write_entry(LEVEL | VECTOR);
		device_raise();
		expect_delivery();
		if (i >= 2)
			write_entry(LEVEL | MASKED | VECTOR);
		if (i >= 4)
			irqfwd_eoi(bench.fwd, VECTOR);
		if (early)
			device_ack();
		irqfwd_remove_level(level);
		irqfwd_eoi(bench.fwd, VECTOR);
		device_ack();
	}
	play_rounds(IRQFWD_POLICY_UNMASK, false);
}

static void *reset_device(void *opaque)
{
	if (irqfwd_vfio_reset(bench.dev))
		print_message("# %s\n", irqfwd_error());
	return NULL;
}

/*
 * The guest unmasks, and so the host's line is unmasked, after the kernel has
 * saved the Command register and before it writes it back.
 */
static void unmask_in_a_reset(useconds_t after_us)
{
	pthread_t thread;

	device_raise();
	expect_delivery();
	write_entry(LEVEL | MASKED | VECTOR);
	irqfwd_eoi(bench.fwd, VECTOR);
	device_ack();
	assert_int_equal(pthread_create(&thread, NULL, reset_device, NULL), 0);
	usleep(after_us);
	write_entry(LEVEL | VECTOR);
	pthread_join(thread, NULL);
}

static void a_reset_amid_traffic(void **state)
{
	struct irqfwd_level *level;

	need_device();
	if (irqfwd_vfio_reset(bench.dev) == -ENOTTY) {
		print_message("# %s\n", irqfwd_error());
		skip();
	}
	level = add_intx(IRQFWD_POLICY_UNMASK, false);
	write_entry(LEVEL | VECTOR);
	for (useconds_t us = 10000; us < 500000; us *= 3) {
		unmask_in_a_reset(us);
		for (unsigned int i = 0; i < 5; i++) {
			device_raise();
			take_oneshot();
		}
	}
	irqfwd_remove_level(level);
}

static void one_forward_of_a_device(void **state)
{
	const struct irqfwd_level_config config = { .pin = PIN };
	struct irqfwd_level *level, *second;

	need_device();
	level = add_intx(IRQFWD_POLICY_UNMASK, false);
	assert_int_equal(irqfwd_add_vfio_intx(bench.fwd, bench.dev, &config,
					      &second), -EEXIST);
	irqfwd_remove_level(level);
	play_rounds(IRQFWD_POLICY_UNMASK, false);
}

/* ---- MSI ---------------------------------------------------------------- */

static void expect_msi_count(uint64_t count, bool gone)
{
	struct irqfwd_stats row = stats();

	assert_string_equal(row.policy, "msi");
	assert_int_equal(row.triggers, count);
	assert_int_equal(row.gone, gone);
}

static void msi_pends_while_masked(void **state)
{
	struct irqfwd_msi *msi;

	need_device();
	assert_int_equal(irqfwd_add_vfio_msi(bench.fwd, bench.dev, IRQFWD_MSI,
					     NULL, &msi), 0);
	assert_int_equal(irqfwd_msi_vectors(msi), 1);
	assert_int_equal(irqfwd_msi_enable(msi, 2), -EINVAL);
	assert_int_equal(irqfwd_msi_enable(msi, 1), 0);
	assert_false(irqfwd_msi_pending(msi, 0));
	device_raise();
	for (unsigned int i = 0; i < 1000 && !irqfwd_msi_pending(msi, 0); i++)
		usleep(1000);
	assert_true(irqfwd_msi_pending(msi, 0));
	/* Unmasked, KVM takes the count: it does not pend any more. */
	assert_int_equal(irqfwd_msi_set(msi, 0, 0xfee00000, 0x4041, false), 0);
	assert_false(irqfwd_msi_pending(msi, 0));
	assert_int_equal(irqfwd_msi_set(msi, 0, 0xfee00000, 0x4041, true), 0);
	assert_false(irqfwd_msi_pending(msi, 0));
	device_ack();
	expect_msi_count(1, false);
	assert_int_equal(irqfwd_msi_enable(msi, 0), 0);
	assert_int_equal(irqfwd_msi_enable(msi, 1), 0);
	device_raise();
	for (unsigned int i = 0; i < 1000 && !irqfwd_msi_pending(msi, 0); i++)
		usleep(1000);
	device_ack();
	expect_msi_count(2, false);
	irqfwd_close_msi(msi);
	expect_msi_count(2, true);
	irqfwd_remove_msi(msi);
	assert_int_equal(irqfwd_stats(bench.fwd, NULL, 0), 0);
}

static void intx_is_suspended_by_msi(void **state)
{
	struct irqfwd_level *level;
	struct irqfwd_msi *msi;

	need_device();
	level = add_intx(IRQFWD_POLICY_UNMASK, false);
	write_entry(LEVEL | VECTOR);
	assert_int_equal(irqfwd_add_vfio_msi(bench.fwd, bench.dev, IRQFWD_MSI,
					     NULL, &msi), 0);
	for (unsigned int i = 0; i < 5; i++) {
		assert_int_equal(irqfwd_msi_enable(msi, 1), 0);
		device_raise();
		expect_silence();
		device_ack();
		assert_int_equal(irqfwd_msi_enable(msi, 0), 0);
		device_raise();
		take_oneshot();
		expect_silence();
	}
	irqfwd_remove_msi(msi);
	irqfwd_remove_level(level);
}

static void no_msix(void **state)
{
	struct irqfwd_msi *msi;

	need_device();
	assert_int_equal(irqfwd_add_vfio_msi(bench.fwd, bench.dev, IRQFWD_MSIX,
					     NULL, &msi), -ENODEV);
	assert_non_null(strstr(irqfwd_error(), "has no MSI-X"));
}

/* ---- MSI-X: an e1000e, whose causes can be set by hand ------------------- */

#define E1000E_ICR	0xc0	/* read: clears causes */
#define E1000E_ICS	0xc8	/* sets causes */
#define E1000E_IMS	0xd0	/* enables them */
#define E1000E_IMC	0xd8
#define E1000E_IVAR	0xe4	/* cause to vector: 4 bits each, bit 3: valid */
#define E1000E_RXQ0	(1u << 20)	/* its vector in bits 3:0 of IVAR */
#define E1000E_TXQ0	(1u << 22)	/* in bits 11:8 */
#define MESSAGE		0xfee00000, 0x4041

struct nic {
	struct irqfwd_vfio *dev;
	struct irqfwd_msi *msi;
	volatile uint32_t *bar;
	size_t size;
};

/* QEMU 7.2 ends if MSI-X changes while its throttle's timer (128 us) runs. */
static void rest(struct nic *nic)
{
	nic->bar[E1000E_IMC / 4] = 0xffffffff;
	(void)nic->bar[E1000E_ICR / 4];
	usleep(50000);
}

static bool open_nic(struct nic *nic)
{
	const char *address = getenv("IRQFWD_TEST_MSIX");
	struct irqfwd_vfio_region region;
	uint16_t command = 6;

	if (!bench.fwd || !address) {
		print_message("# IRQFWD_TEST_MSIX names no e1000e\n");
		return false;
	}
	if (irqfwd_vfio_open_beside(address, bench.dev, &nic->dev) ||
	    irqfwd_vfio_region(nic->dev, 0, &region) ||
	    irqfwd_vfio_config_write(nic->dev, 4, &command, 2) ||
	    irqfwd_add_vfio_msi(bench.fwd, nic->dev, IRQFWD_MSIX, "nic",
				&nic->msi))
		fail_msg("%s", irqfwd_error());
	nic->size = region.size;
	nic->bar = mmap(NULL, region.size, PROT_READ | PROT_WRITE, MAP_SHARED,
			irqfwd_vfio_fd(nic->dev), (off_t)region.offset);
	assert_ptr_not_equal(nic->bar, MAP_FAILED);
	rest(nic);
	nic->bar[E1000E_IVAR / 4] = 0x9 << 8 | 0x8;
	return true;
}

static void close_nic(struct nic *nic)
{
	rest(nic);
	munmap((void *)nic->bar, nic->size);
	irqfwd_remove_msi(nic->msi);
	irqfwd_vfio_close(nic->dev);
}

static void fire(struct nic *nic, uint32_t cause)
{
	nic->bar[E1000E_IMC / 4] = 0xffffffff;
	(void)nic->bar[E1000E_ICR / 4];	/* a cause that is set does not fire */
	nic->bar[E1000E_IMS / 4] = cause;
	nic->bar[E1000E_ICS / 4] = cause;
}

static bool pends_within(struct nic *nic, unsigned int vector, unsigned int ms)
{
	for (unsigned int i = 0; i <= ms; i++) {
		if (irqfwd_msi_pending(nic->msi, vector))
			return true;
		usleep(1000);
	}
	return false;
}

/* Unmasked once, so that the host's vector is there; then masked. */
static void arm_and_mask(struct nic *nic, unsigned int vector)
{
	assert_int_equal(irqfwd_msi_set(nic->msi, vector, MESSAGE, false), 0);
	assert_int_equal(irqfwd_msi_set(nic->msi, vector, MESSAGE, true), 0);
}

static void msix_vectors_pend_one_by_one(void **state)
{
	struct nic nic;

	if (!open_nic(&nic))
		skip();
	assert_int_equal(irqfwd_msi_vectors(nic.msi), 5);
	assert_int_equal(irqfwd_msi_enable(nic.msi, 5), 0);
	arm_and_mask(&nic, 0);
	arm_and_mask(&nic, 1);
	fire(&nic, E1000E_TXQ0);
	assert_true(pends_within(&nic, 1, 1000));
	assert_false(irqfwd_msi_pending(nic.msi, 0));
	fire(&nic, E1000E_RXQ0);
	assert_true(pends_within(&nic, 0, 1000));
	/* Unmasked, it goes to KVM, and so does the next one. */
	assert_int_equal(irqfwd_msi_set(nic.msi, 1, MESSAGE, false), 0);
	assert_false(irqfwd_msi_pending(nic.msi, 1));
	fire(&nic, E1000E_TXQ0);
	usleep(50000);	/* the host takes it in its own time */
	assert_int_equal(irqfwd_msi_set(nic.msi, 1, MESSAGE, true), 0);
	assert_false(pends_within(&nic, 1, 20));
	assert_true(irqfwd_msi_pending(nic.msi, 0));
	close_nic(&nic);
}

/* The device keeps what fires before the vector was ever unmasked. */
static void msix_vectors_are_armed_late(void **state)
{
	struct nic nic;

	if (!open_nic(&nic))
		skip();
	assert_int_equal(irqfwd_msi_enable(nic.msi, 5), 0);
	fire(&nic, E1000E_RXQ0);
	assert_false(pends_within(&nic, 0, 20));
	arm_and_mask(&nic, 0);
	fire(&nic, E1000E_RXQ0);
	assert_true(pends_within(&nic, 0, 1000));
	close_nic(&nic);
}

static void msix_changes_its_number(void **state)
{
	struct nic nic;

	if (!open_nic(&nic))
		skip();
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(irqfwd_msi_enable(nic.msi, 1), 0);
		arm_and_mask(&nic, 0);
		arm_and_mask(&nic, 1);	/* kept for later */
		fire(&nic, E1000E_RXQ0);
		assert_true(pends_within(&nic, 0, 1000));
		rest(&nic);
		assert_int_equal(irqfwd_msi_enable(nic.msi, 3), 0);
		assert_false(irqfwd_msi_pending(nic.msi, 0));
		arm_and_mask(&nic, 1);
		fire(&nic, E1000E_TXQ0);
		assert_true(pends_within(&nic, 1, 1000));
		rest(&nic);
		assert_int_equal(irqfwd_msi_enable(nic.msi, 0), 0);
		assert_false(irqfwd_msi_pending(nic.msi, 1));
	}
	assert_int_equal(irqfwd_msi_set(nic.msi, 5, MESSAGE, false), -EINVAL);
	assert_int_equal(irqfwd_msi_enable(nic.msi, 6), -EINVAL);
	close_nic(&nic);
}

/* ---- the device --------------------------------------------------------- */

static void dma_mappings(void **state)
{
	size_t size = 0x10000;
	char *memory;

	need_device();
	memory = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_int_equal(irqfwd_vfio_map_dma(bench.dev, 0, memory, size), 0);
	assert_int_equal(irqfwd_vfio_map_dma(bench.dev, 0, memory, size), 0);
	assert_int_equal(irqfwd_vfio_map_dma(bench.dev, 0, memory + size, size),
			 -EEXIST);
	assert_int_equal(irqfwd_vfio_unmap_dma(bench.dev, 0, 0x1000), -ENOENT);
	assert_int_equal(irqfwd_vfio_unmap_dma(bench.dev, 0, size), 0);
	assert_int_equal(irqfwd_vfio_unmap_dma(bench.dev, 0, size), 0);
	assert_int_equal(irqfwd_vfio_unmap_dma(bench.dev, 0, size), -ENOENT);
	assert_int_equal(irqfwd_vfio_map_dma(bench.dev, 0x123, memory, size),
			 -EINVAL);
	munmap(memory, 2 * size);
}

/* Which interface the host has, IRQFWD_TEST_CDEV says: one of iommufd's, or none. */
static void opened_by_the_interface_that_is_there(void **state)
{
	char path[64], name[64] = "";

	need_device();
	snprintf(path, sizeof(path), "/proc/self/fd/%d",
		 irqfwd_vfio_fd(bench.dev));
	assert_true(readlink(path, name, sizeof(name) - 1) > 0);
	assert_int_equal(!strncmp(name, "/dev/vfio/devices/", 18),
			 getenv("IRQFWD_TEST_CDEV") != NULL);
}

/* Two devices of one IOMMU group reach the same memory, though opened apart. */
static void devices_of_a_group_share(void **state)
{
	const char *address = getenv("IRQFWD_TEST_SIBLING");
	struct irqfwd_vfio *sibling;
	size_t size = 0x10000;
	char *memory;

	need_device();
	if (!address) {
		print_message("# IRQFWD_TEST_SIBLING names no other device of "
			      "the group\n");
		skip();
	}
	if (irqfwd_vfio_open(address, &sibling))
		fail_msg("%s", irqfwd_error());
	memory = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_int_equal(irqfwd_vfio_map_dma(bench.dev, 0, memory, size), 0);
	assert_int_equal(irqfwd_vfio_map_dma(sibling, 0, memory + size, size),
			 -EEXIST);
	assert_int_equal(irqfwd_vfio_map_dma(sibling, 0, memory, size), 0);
	assert_int_equal(irqfwd_vfio_unmap_dma(bench.dev, 0, size), 0);
	/* It stays, and the group does, while one of them is open. */
	munmap((void *)bench.bar, bench.bar_size);
	bench.bar = NULL;
	irqfwd_vfio_close(bench.dev);
	if (irqfwd_vfio_open(bench.address, &bench.dev))
		fail_msg("%s", irqfwd_error());
	assert_int_equal(irqfwd_vfio_unmap_dma(bench.dev, 0, size), 0);
	irqfwd_vfio_close(sibling);
	munmap(memory, 2 * size);
}

static void config_space(void **state)
{
	uint16_t vendor = 0;

	need_device();
	assert_int_equal(irqfwd_vfio_config_read(bench.dev, 0, &vendor, 2), 0);
	assert_int_equal(vendor, 0x1234);
	assert_true(irqfwd_vfio_config_read(bench.dev, 0x100000, &vendor, 2) <
		    0);
}

/* In a process of its own: within one, devices of a group share it. */
static int open_only(const char *address)
{
	struct irqfwd_vfio *dev;
	int error = irqfwd_vfio_open(address, &dev);

	fprintf(stderr, "# %s\n", irqfwd_error());
	return error == -EBUSY ? 0 : 1;
}

static void a_device_is_opened_once(void **state)
{
	char command[64];

	need_device();
	snprintf(command, sizeof(command), "/proc/%d/exe %s", (int)getpid(),
		 bench.address);
	assert_int_equal(system(command), 0);
}

/* The errno of a user who is nobody, 0: the device is open. */
static int open_as_nobody(void)
{
	pid_t child = fork();
	int status;

	if (!child) {
		struct irqfwd_vfio *dev;
		int error;

		if (setuid(65534))
			_exit(100);
		error = irqfwd_vfio_open(bench.address, &dev);
		fprintf(stderr, "# %s\n", error ? irqfwd_error() : "open");
		_exit(-error);
	}
	waitpid(child, &status, 0);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void group_path(char *path, size_t size)
{
	char link[128], target[256] = "";

	snprintf(link, sizeof(link), "/sys/bus/pci/devices/%s/iommu_group",
		 bench.address);
	assert_true(readlink(link, target, sizeof(target) - 1) > 0);
	snprintf(path, size, "/dev/vfio/%s", strrchr(target, '/') + 1);
}

/* The group's node is enough, also where the cdev would come first. */
static void permission(void **state)
{
	char path[300];

	need_device();
	munmap((void *)bench.bar, bench.bar_size);
	bench.bar = NULL;
	irqfwd_vfio_close(bench.dev);
	bench.dev = NULL;
	assert_int_equal(open_as_nobody(), EACCES);
	group_path(path, sizeof(path));
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(open_as_nobody(), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

/* A VMM in the middle of an interrupt, and then not any more. */
static int die_in_service(void)
{
	void *none = NULL;

	if (setup(&none))
		return 1;
	add_intx(IRQFWD_POLICY_UNMASK, false);
	write_entry(LEVEL | VECTOR);
	device_raise();
	expect_delivery();
	return raise(SIGKILL);
}

static void a_killed_vmm_gives_the_line_back(void **state)
{
	struct irqfwd_level *level;
	char command[64];
	int status;

	need_device();
	munmap((void *)bench.bar, bench.bar_size);
	bench.bar = NULL;
	irqfwd_vfio_close(bench.dev);
	bench.dev = NULL;
	snprintf(command, sizeof(command), "exec /proc/%d/exe %s die",
		 (int)getpid(), bench.address);
	status = system(command);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_int_equal(irqfwd_vfio_open(bench.address, &bench.dev), 0);
	map_bar();
	if (has_nointxmask()) {
		/* The emulated host's IOAPIC missed the fall: show it another. */
		level = add_intx(IRQFWD_POLICY_UNMASK, false);
		device_raise();
		device_ack();
		irqfwd_remove_level(level);
	}
	play_rounds(IRQFWD_POLICY_UNMASK, false);
}

static void write_sysfs(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		print_message("# %s: %s\n", path, strerror(errno));
	if (fd >= 0)
		close(fd);
}

/* The host unbinds the device in the middle of an interrupt. */
static void the_host_wants_it_back(void **state)
{
	struct irqfwd_vfio *dev;
	struct irqfwd_level *level;
	char command[128];

	need_device();
	level = add_intx(IRQFWD_POLICY_UNMASK, false);
	write_entry(LEVEL | VECTOR);
	device_raise();
	expect_delivery();
	/* Blocks until the device is closed; a fork alone would keep it open. */
	snprintf(command, sizeof(command),
		 "echo %s > /sys/bus/pci/drivers/vfio-pci/unbind &",
		 bench.address);
	assert_int_equal(system(command), 0);
	for (unsigned int i = 0; i < 5000; i++) {
		if (atomic_load(&bench.remove_requests))
			break;
		usleep(1000);
	}
	assert_true(atomic_load(&bench.remove_requests) > 0);
	device_ack();
	irqfwd_remove_level(level);
	irqfwd_eoi(bench.fwd, VECTOR);
	munmap((void *)bench.bar, bench.bar_size);
	bench.bar = NULL;
	irqfwd_vfio_close(bench.dev);
	bench.dev = NULL;
	snprintf(command, sizeof(command), "/sys/bus/pci/devices/%s/driver",
		 bench.address);
	for (unsigned int i = 0; i < 5000 && !access(command, F_OK); i++)
		usleep(1000);
	assert_int_equal(irqfwd_vfio_open(bench.address, &dev), -EBUSY);
	assert_non_null(strstr(irqfwd_error(), "no driver, not to vfio-pci"));
	/* The link goes before the unbinding ends. */
	for (unsigned int i = 0; i < 50 && access(command, F_OK); i++) {
		write_sysfs("/sys/bus/pci/drivers_probe", bench.address);
		usleep(100000);
	}
	if (irqfwd_vfio_open(bench.address, &bench.dev))
		fail_msg("%s", irqfwd_error());
	map_bar();
	play_rounds(IRQFWD_POLICY_UNMASK, false);
}

/*
 * What a device that is pulled out looks like: nothing answers, all reads are
 * ones.  A bridge that forwards no bus does that to the device behind it.
 */
static void set_bridge(const char *bridge, uint8_t buses[3], const uint8_t to[3])
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", bridge);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	if (buses)
		assert_int_equal(pread(fd, buses, 3, 0x18), 3);
	assert_int_equal(pwrite(fd, to, 3, 0x18), 3);
	close(fd);
}

static void wait_for_gone(void)
{
	for (unsigned int i = 0; i < 5000 && !atomic_load(&bench.gone); i++)
		usleep(1000);
	assert_int_equal(atomic_load(&bench.gone), 1);
}

static void a_device_that_disappears(void **state)
{
	static const uint8_t none[3] = { 0, 0, 0 };
	const char *bridge = getenv("IRQFWD_TEST_BRIDGE");
	struct irqfwd_level *level;
	struct irqfwd_line *other;
	uint8_t buses[3];

	need_device();
	if (!bridge) {
		print_message("# IRQFWD_TEST_BRIDGE names no bridge that the "
			      "device is behind\n");
		skip();
	}
	level = add_intx(IRQFWD_POLICY_SAMPLE, false);
	write_entry(LEVEL | VECTOR);
	device_raise();
	expect_delivery();
	set_bridge(bridge, buses, none);
	irqfwd_eoi(bench.fwd, VECTOR);
	wait_for_gone();
	assert_true(stats().gone);
	assert_int_equal(stats().triggers, 1);
	/* The rest goes on. */
	assert_int_equal(irqfwd_add_line(bench.fwd, "other", PIN, &other), 0);
	irqfwd_line_set(other, true);
	expect_delivery();
	irqfwd_remove_line(other);
	irqfwd_eoi(bench.fwd, VECTOR);
	irqfwd_remove_level(level);
	set_bridge(bridge, NULL, buses);
	assert_int_equal(atomic_load(&bench.gone), 1);
}

int main(int argc, char **argv)
{
	if (argc == 2)
		return open_only(argv[1]);
	if (argc == 3 && setenv("IRQFWD_TEST_DEVICE", argv[1], 1) == 0)
		return die_in_service();

#define WITH_DEVICE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_DEVICE(oneshot_unmask_by_eventfd),
		WITH_DEVICE(oneshot_unmask_by_ioctl),
		WITH_DEVICE(oneshot_sample),
		WITH_DEVICE(an_owed_interrupt_costs_the_host_nothing),
		WITH_DEVICE(a_device_that_asserts_already),
		WITH_DEVICE(a_device_that_asserts_meanwhile),
		WITH_DEVICE(an_interrupt_amid_the_set_up),
		WITH_DEVICE(removal_gives_the_line_back),
		WITH_DEVICE(a_reset_amid_traffic),
		WITH_DEVICE(one_forward_of_a_device),
		WITH_DEVICE(msi_pends_while_masked),
		WITH_DEVICE(intx_is_suspended_by_msi),
		WITH_DEVICE(no_msix),
		WITH_DEVICE(msix_vectors_pend_one_by_one),
		WITH_DEVICE(msix_vectors_are_armed_late),
		WITH_DEVICE(msix_changes_its_number),
		WITH_DEVICE(dma_mappings),
		WITH_DEVICE(opened_by_the_interface_that_is_there),
		WITH_DEVICE(devices_of_a_group_share),
		WITH_DEVICE(config_space),
		WITH_DEVICE(a_device_is_opened_once),
		WITH_DEVICE(permission),
		WITH_DEVICE(a_killed_vmm_gives_the_line_back),
		WITH_DEVICE(the_host_wants_it_back),
		WITH_DEVICE(a_device_that_disappears),
	};

	if (getenv("IRQFWD_TEST_ONLY"))
		cmocka_set_test_filter(getenv("IRQFWD_TEST_ONLY"));
	return cmocka_run_group_tests_name("vfio", tests, NULL, NULL);
}
