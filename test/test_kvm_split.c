/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The split backend against the real /dev/kvm, without a guest: what it
 * refuses, and that it makes the system calls that it says and no more.
 * What a guest sees of it is in test/conformance/.
 */
#include "backend/kvm_split.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#define PINS	24
#define MSI	0xfee00000u

struct fixture {
	int kvm_fd, vm_fd;
	struct kvm_split *ks;
	unsigned int traced;
	const char *what;
	int error;
};

static int open_vm(int *kvm_fd)
{
	*kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	return *kvm_fd < 0 ? -1 : ioctl(*kvm_fd, KVM_CREATE_VM, 0);
}

static void traced(void *opaque, const char *what, const struct message *msg,
		   int error)
{
	struct fixture *f = opaque;

	f->traced++;
	f->what = what;
	f->error = error;
}

static int setup(void **state)
{
	static struct fixture f;

	f = (struct fixture){ 0 };
	f.vm_fd = open_vm(&f.kvm_fd);
	assert_true(f.vm_fd >= 0);
	assert_int_equal(kvm_split_new(&f.ks, f.vm_fd, PINS), 0);
	kvm_split_trace(f.ks, traced, &f);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	kvm_split_free(f->ks);
	close(f->vm_fd);
	close(f->kvm_fd);
	return 0;
}

static void give_route(struct fixture *f, unsigned int pin, uint8_t vector,
		       bool level)
{
	struct message msg = { .vector = vector, .level = level };
	struct backend *be = kvm_split_backend(f->ks);

	be->ops->route(be, pin, &msg);
}

static void deliver(struct fixture *f, uint8_t mode, uint16_t dest)
{
	struct message msg = { .vector = 0x41, .mode = mode, .dest = dest };
	struct backend *be = kvm_split_backend(f->ks);

	be->ops->deliver(be, &msg);
}

/* ---- what it refuses ---------------------------------------------------- */

static void refuses_what_is_no_vm(void **state)
{
	struct kvm_split *ks = NULL;
	int null = open("/dev/null", O_RDWR);

	assert_int_equal(kvm_split_new(&ks, -1, PINS), -EBADF);
	assert_int_equal(kvm_split_new(&ks, null, PINS), -ENOTTY);
	assert_null(ks);
	close(null);
}

static void refuses_a_second_irqchip(void **state)
{
	struct fixture *f = *state;
	struct kvm_split *ks = NULL;

	assert_int_equal(kvm_split_new(&ks, f->vm_fd, PINS), -EEXIST);
	assert_null(ks);
	assert_non_null(strstr(kvm_split_why(-EEXIST), "irqchip"));
}

static void refuses_a_number_of_pins(void **state)
{
	struct fixture *f = *state;
	struct kvm_split *ks = NULL;

	assert_int_equal(kvm_split_new(&ks, f->vm_fd, 0), -EINVAL);
	assert_int_equal(kvm_split_new(&ks, f->vm_fd, 241), -EINVAL);
	assert_null(ks);
}

/* ---- deliver ------------------------------------------------------------ */

static void counts_what_no_apic_takes(void **state)
{
	struct fixture *f = *state;

	deliver(f, DELIVERY_FIXED, 7);	/* there is no vCPU at all */
	assert_int_equal(kvm_split_counts(f->ks).signal_msi, 1);
	assert_int_equal(kvm_split_counts(f->ks).undelivered, 1);
	assert_int_equal(f->traced, 1);
	assert_string_equal(f->what, "undelivered");
}

static void drops_external_interrupts(void **state)
{
	struct fixture *f = *state;

	deliver(f, DELIVERY_EXTINT, 0);
	assert_int_equal(kvm_split_counts(f->ks).signal_msi, 0);
	assert_int_equal(kvm_split_counts(f->ks).external, 1);
	assert_string_equal(f->what, "external");
}

static void signals_only_messages(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(kvm_split_signal_msi(f->ks, 0xfec00000u, 0x41),
			 -EINVAL);
	assert_int_equal(kvm_split_counts(f->ks).signal_msi, 0);
	assert_int_equal(kvm_split_signal_msi(f->ks, MSI, 0x41), 0);
	assert_int_equal(kvm_split_counts(f->ks).signal_msi, 1);
}

/* ---- route -------------------------------------------------------------- */

static void routes_with_one_call_for_a_change(void **state)
{
	struct fixture *f = *state;

	give_route(f, 3, 0x41, true);
	assert_int_equal(kvm_split_counts(f->ks).set_routing, 1);
	give_route(f, 3, 0x41, true);	/* the same again */
	assert_int_equal(kvm_split_counts(f->ks).set_routing, 1);
	give_route(f, 3, 0x42, true);
	assert_int_equal(kvm_split_counts(f->ks).set_routing, 2);
	give_route(f, 3, 0x42, false);	/* none any more */
	assert_int_equal(kvm_split_counts(f->ks).set_routing, 3);
	give_route(f, 3, 0x43, false);	/* still none */
	give_route(f, 4, 0x44, false);	/* never had one */
	assert_int_equal(kvm_split_counts(f->ks).set_routing, 3);
	assert_int_equal(kvm_split_counts(f->ks).unrouted, 0);
}

/* ---- MSI ---------------------------------------------------------------- */

static void gives_gsis_above_the_pins_until_none_is_left(void **state)
{
	struct fixture *f = *state;
	int gsi, last = PINS - 1;

	while ((gsi = kvm_split_msi_new(f->ks)) >= 0) {
		assert_int_equal(gsi, last + 1);
		last = gsi;
	}
	assert_int_equal(gsi, -ENOSPC);
	kvm_split_msi_free(f->ks, 100);
	assert_int_equal(kvm_split_msi_new(f->ks), 100);
	assert_int_equal(kvm_split_counts(f->ks).set_routing, 0);
}

static void changes_a_message_with_one_call(void **state)
{
	struct fixture *f = *state;
	int gsi = kvm_split_msi_new(f->ks);

	assert_int_equal(kvm_split_msi_set(f->ks, gsi, MSI, 0x51), 0);
	assert_int_equal(kvm_split_msi_set(f->ks, gsi, MSI, 0x51), 0);
	assert_int_equal(kvm_split_counts(f->ks).set_routing, 1);
	assert_int_equal(kvm_split_msi_set(f->ks, gsi, MSI | 0xfe0, 0x51), 0);
	assert_int_equal(kvm_split_counts(f->ks).set_routing, 2);
	kvm_split_msi_free(f->ks, gsi);
	assert_int_equal(kvm_split_counts(f->ks).set_routing, 3);
}

static void attaches_one_trigger(void **state)
{
	struct fixture *f = *state;
	int gsi = kvm_split_msi_new(f->ks), fd = eventfd(0, EFD_NONBLOCK);
	int other = kvm_split_msi_new(f->ks);
	uint64_t count = 0;

	assert_int_equal(kvm_split_msi_attach(f->ks, gsi, fd), 0);
	assert_int_equal(kvm_split_msi_attach(f->ks, gsi, fd), -EALREADY);
	assert_int_equal(kvm_split_msi_attach(f->ks, other, fd), -EBUSY);
	kvm_split_msi_detach(f->ks, gsi);
	assert_int_equal(eventfd_write(fd, 3), 0);
	assert_int_equal(eventfd_read(fd, &count), 0);	/* KVM left it */
	assert_int_equal(count, 3);
	assert_int_equal(kvm_split_msi_attach(f->ks, gsi, fd), 0);
	kvm_split_msi_free(f->ks, gsi);
	assert_int_equal(kvm_split_counts(f->ks).irqfd, 5);
	close(fd);
}

/* ---- threads ------------------------------------------------------------ */

static void *routes_and_delivers(void *arg)
{
	struct fixture *f = arg;
	int gsi = kvm_split_msi_new(f->ks);

	for (unsigned int i = 0; i < 50; i++) {
		kvm_split_msi_set(f->ks, gsi, MSI, 0x50 + (i & 7));
		give_route(f, i & 3, (uint8_t)(0x40 + i), true);
	}
	kvm_split_msi_free(f->ks, gsi);
	return NULL;
}

static void may_be_called_from_any_thread(void **state)
{
	struct fixture *f = *state;
	pthread_t thread[3];

	for (int i = 0; i < 3; i++)
		pthread_create(&thread[i], NULL, routes_and_delivers, f);
	for (int i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(kvm_split_counts(f->ks).unrouted, 0);
	assert_true(kvm_split_counts(f->ks).set_routing <= 3 * 101);
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_no_vm),
		TEST(refuses_a_second_irqchip),
		TEST(refuses_a_number_of_pins),
		TEST(counts_what_no_apic_takes),
		TEST(drops_external_interrupts),
		TEST(signals_only_messages),
		TEST(routes_with_one_call_for_a_change),
		TEST(gives_gsis_above_the_pins_until_none_is_left),
		TEST(changes_a_message_with_one_call),
		TEST(attaches_one_trigger),
		TEST(may_be_called_from_any_thread),
	};
	int kvm_fd, vm_fd = open_vm(&kvm_fd);

	if (vm_fd < 0) {
		printf("1..0 # SKIP no usable /dev/kvm: %s\n", strerror(errno));
		return 0;
	}
	close(vm_fd);
	close(kvm_fd);
	return cmocka_run_group_tests_name("kvm_split", tests, NULL, NULL);
}
