/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MSI forwards of the split backend, with a guest that takes them: KVM injects
 * from the eventfd by itself, so the only proof is a handler that ran.
 */
#include "machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "backend/kvm_split.h"
#include "irqchip.h"

#define PINS	24
#define AT_CPU(cpu)	(APIC_BASE | (uint32_t)(cpu) << 12)

struct fixture {
	struct machine m;
	int fd, gsi;
};

/* The backend alone, without engine and library. */
static int create(struct machine *m)
{
	struct kvm_split *ks;
	int error = kvm_split_new(&ks, m->vm_fd, PINS);

	if (!error)
		m->chip = ks;
	return error;
}

static void destroy(struct machine *m)
{
	kvm_split_free(m->chip);
}

static void eoi(struct machine *m, uint8_t vector)
{
	m->device[0].acks += vector == VECTOR;	/* for the test to see */
}

static const struct irqchip irqchip_backend = {
	.name = "backend",
	.capability = KVM_CAP_SPLIT_IRQCHIP,
	.ours = true,
	.create = create,
	.destroy = destroy,
	.eoi = eoi,
};

static int start(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	assert_int_equal(machine_init(&f.m, &irqchip_backend), 0);
	f.fd = eventfd(0, EFD_NONBLOCK);
	f.gsi = kvm_split_msi_new(f.m.chip);
	assert_int_equal(f.gsi, PINS);
	*state = &f;
	return 0;
}

static int stop(void **state)
{
	struct fixture *f = *state;

	machine_destroy(&f->m);
	close(f->fd);
	return 0;
}

static void set(struct fixture *f, unsigned int cpu, uint32_t vector)
{
	assert_int_equal(kvm_split_msi_set(f->m.chip, f->gsi, AT_CPU(cpu),
					   vector), 0);
}

static void taken(struct fixture *f, unsigned int cpu, unsigned int vector)
{
	assert_int_equal(machine_take(&f->m, cpu), vector);
	guest_eoi(&f->m, cpu);
	guest_return(&f->m, cpu);
	assert_int_equal(machine_none(&f->m, cpu), 0);
}

static void injects_each_signal(void **state)
{
	struct fixture *f = *state;

	set(f, 0, VECTOR);
	assert_int_equal(kvm_split_msi_attach(f->m.chip, f->gsi, f->fd), 0);
	for (int i = 0; i < 3; i++) {
		eventfd_write(f->fd, 1);
		taken(f, 0, VECTOR);
	}
	assert_int_equal(f->m.exits[EXIT_EOI], 0);
}

static void follows_a_new_message(void **state)
{
	struct fixture *f = *state;

	set(f, 0, VECTOR);
	assert_int_equal(kvm_split_msi_attach(f->m.chip, f->gsi, f->fd), 0);
	eventfd_write(f->fd, 1);
	taken(f, 0, VECTOR);
	set(f, 1, OTHER_VECTOR);
	eventfd_write(f->fd, 1);
	taken(f, 1, OTHER_VECTOR);
	assert_int_equal(machine_none(&f->m, 0), 0);
}

/* What was signalled while a vector was masked is there when it is not. */
static void keeps_what_came_while_detached(void **state)
{
	struct fixture *f = *state;

	set(f, 0, VECTOR);
	assert_int_equal(kvm_split_msi_attach(f->m.chip, f->gsi, f->fd), 0);
	kvm_split_msi_detach(f->m.chip, f->gsi);
	eventfd_write(f->fd, 1);
	assert_int_equal(machine_none(&f->m, 0), 0);
	assert_int_equal(kvm_split_msi_attach(f->m.chip, f->gsi, f->fd), 0);
	taken(f, 0, VECTOR);
}

static void is_silent_once_freed(void **state)
{
	struct fixture *f = *state;

	set(f, 0, VECTOR);
	assert_int_equal(kvm_split_msi_attach(f->m.chip, f->gsi, f->fd), 0);
	kvm_split_msi_free(f->m.chip, f->gsi);
	eventfd_write(f->fd, 1);
	assert_int_equal(machine_none(&f->m, 0), 0);
}

/* A pin's route is what makes its EOIs come back; without, none does. */
static void routes_bring_the_eoi(void **state)
{
	struct fixture *f = *state;
	struct backend *be = kvm_split_backend(f->m.chip);
	struct message msg = { .vector = VECTOR, .level = true };

	be->ops->deliver(be, &msg);
	taken(f, 0, VECTOR);
	assert_int_equal(f->m.device[0].acks, 0);
	be->ops->route(be, 3, &msg);
	set(f, 1, OTHER_VECTOR);	/* a change beside it leaves it alone */
	be->ops->deliver(be, &msg);
	taken(f, 0, VECTOR);
	assert_int_equal(f->m.device[0].acks, 1);
	msg.level = false;
	be->ops->route(be, 3, &msg);
	msg.level = true;
	be->ops->deliver(be, &msg);
	taken(f, 0, VECTOR);
	assert_int_equal(f->m.device[0].acks, 1);
}

static unsigned int eois_after(struct fixture *f, struct message then)
{
	struct backend *be = kvm_split_backend(f->m.chip);
	struct message msg = { .vector = VECTOR, .level = true };
	unsigned int before = f->m.device[0].acks;

	be->ops->route(be, 3, &msg);
	be->ops->deliver(be, &msg);
	assert_int_equal(machine_take(&f->m, 0), VECTOR);
	be->ops->route(be, 3, &then);
	guest_eoi(&f->m, 0);
	guest_return(&f->m, 0);
	guest_window(&f->m, 0);
	return f->m.device[0].acks - before;
}

/*
 * Why a route stays as it was delivered until the EOI is in: what KVM does if
 * it does not is printed, and only that the kept one works is asserted.
 */
static void a_route_changed_in_service_may_lose_the_eoi(void **state)
{
	struct fixture *f = *state;
	struct message none = { .vector = VECTOR };
	struct message kept = { .vector = VECTOR, .level = true };
	struct message other = { .vector = OTHER_VECTOR, .level = true };
	struct message moved = { .vector = VECTOR, .level = true, .dest = 1 };

	assert_int_equal(eois_after(f, kept), 1);
	if (f->m.eois_by_itself)
		return;		/* the EOI was before the change */
	printf("# EOI exits if the route is removed in service: %u, with "
	       "another vector: %u, another destination: %u\n",
	       eois_after(f, none), eois_after(f, other),
	       eois_after(f, moved));
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(injects_each_signal),
		TEST(follows_a_new_message),
		TEST(keeps_what_came_while_detached),
		TEST(is_silent_once_freed),
		TEST(routes_bring_the_eoi),
		TEST(a_route_changed_in_service_may_lose_the_eoi),
	};
	const char *why;

	if (!machine_possible(&irqchip_backend, &why)) {
		printf("1..0 # SKIP %s\n", why);
		return 0;
	}
	alarm(60);
	return cmocka_run_group_tests_name("msi", tests, NULL, NULL);
}
