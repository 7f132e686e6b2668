/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/test_device.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "irqfwd.h"
#include "vmm/failure.h"
#include "vmm/fw_cfg.h"
#include "vmm/vm.h"

#define PORT_EXIT	0xf4
#define PORT_SCRATCH	0xe0
#define PORT_LINES	0x2000
#define PORT_FW_CFG	0x510
#define SCRATCH_BASE	0xff000000ull
#define SCRATCH_SIZE	0x10000u

struct test_device {
	struct machine *machine;
	pthread_mutex_t lock;	/* guards what follows */
	struct irqfwd_line *line[TEST_DEVICE_LINES];	/* NULL: not driven yet */
	uint32_t scratch;
	struct fw_cfg fw_cfg;
	uint8_t memory[SCRATCH_SIZE];
};

static uint64_t exit_read(void *opaque, uint64_t offset, unsigned int size)
{
	return 0;
}

static void exit_write(void *opaque, uint64_t offset, uint64_t value,
		       unsigned int size)
{
	struct test_device *t = opaque;

	machine_request_exit(t->machine, (int)(value << 1 | 1) & 0xff);
}

static uint64_t scratch_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct test_device *t = opaque;
	uint64_t value;

	pthread_mutex_lock(&t->lock);
	value = t->scratch >> (8 * (offset & 3));
	pthread_mutex_unlock(&t->lock);
	return value;
}

static void scratch_write(void *opaque, uint64_t offset, uint64_t value,
			  unsigned int size)
{
	struct test_device *t = opaque;
	unsigned int shift = 8 * (offset & 3);
	uint64_t mask = ((1ull << (8 * size)) - 1) << shift;

	pthread_mutex_lock(&t->lock);
	t->scratch = (uint32_t)((t->scratch & ~mask) | (value << shift & mask));
	pthread_mutex_unlock(&t->lock);
}

static uint64_t line_read(void *opaque, uint64_t offset, unsigned int size)
{
	return 0;
}

/* Only lines that an image drives take one of the irqchip's inputs. */
static void add_line(struct test_device *t, unsigned int gsi)
{
	char name[16];

	snprintf(name, sizeof(name), "test%u", gsi);
	if (irqfwd_add_line(machine_irqchip(t->machine), name, gsi,
			    &t->line[gsi]))
		machine_request_failure(t->machine, "test device, line %u: %s",
					gsi, irqfwd_error());
}

static void line_write(void *opaque, uint64_t offset, uint64_t value,
		       unsigned int size)
{
	struct test_device *t = opaque;

	pthread_mutex_lock(&t->lock);
	if (!t->line[offset])
		add_line(t, (unsigned int)offset);
	if (t->line[offset])
		irqfwd_line_set(t->line[offset], value != 0);
	pthread_mutex_unlock(&t->lock);
}

static uint64_t fw_cfg_port_read(void *opaque, uint64_t offset,
				 unsigned int size)
{
	struct test_device *t = opaque;
	uint64_t value;

	pthread_mutex_lock(&t->lock);
	value = offset == 1 && size == 1 ? fw_cfg_read(&t->fw_cfg) : 0;
	pthread_mutex_unlock(&t->lock);
	return value;
}

static void fw_cfg_port_write(void *opaque, uint64_t offset, uint64_t value,
			      unsigned int size)
{
	struct test_device *t = opaque;

	if (offset != 0)
		return;
	pthread_mutex_lock(&t->lock);
	fw_cfg_select(&t->fw_cfg, (uint16_t)value);
	pthread_mutex_unlock(&t->lock);
}

static uint64_t memory_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct test_device *t = opaque;
	uint64_t value = 0;

	if (size > SCRATCH_SIZE - offset)
		return UINT64_MAX;
	pthread_mutex_lock(&t->lock);
	memcpy(&value, &t->memory[offset], size);
	pthread_mutex_unlock(&t->lock);
	return value;
}

static void memory_write(void *opaque, uint64_t offset, uint64_t value,
			 unsigned int size)
{
	struct test_device *t = opaque;

	if (size > SCRATCH_SIZE - offset)
		return;
	pthread_mutex_lock(&t->lock);
	memcpy(&t->memory[offset], &value, size);
	pthread_mutex_unlock(&t->lock);
}

static const struct io_ops exit_ops = { exit_read, exit_write };
static const struct io_ops scratch_ops = { scratch_read, scratch_write };
static const struct io_ops line_ops = { line_read, line_write };
static const struct io_ops fw_cfg_ops = { fw_cfg_port_read, fw_cfg_port_write };
static const struct io_ops memory_ops = { memory_read, memory_write };

static void test_device_reset(void *opaque)
{
	struct test_device *t = opaque;

	pthread_mutex_lock(&t->lock);
	for (unsigned int i = 0; i < TEST_DEVICE_LINES; i++)
		if (t->line[i])
			irqfwd_line_set(t->line[i], false);
	t->scratch = 0;
	fw_cfg_select(&t->fw_cfg, FW_CFG_SIGNATURE);
	memset(t->memory, 0, sizeof(t->memory));
	pthread_mutex_unlock(&t->lock);
}

static int add_ranges(struct test_device *t)
{
	struct machine *m = t->machine;
	int err = machine_add_ports(m, PORT_EXIT, 4, &exit_ops, t);

	if (!err)
		err = machine_add_ports(m, PORT_SCRATCH, 12, &scratch_ops, t);
	if (!err)
		err = machine_add_ports(m, PORT_LINES, TEST_DEVICE_LINES,
					&line_ops, t);
	if (!err)
		err = machine_add_ports(m, PORT_FW_CFG, 2, &fw_cfg_ops, t);
	if (!err)
		err = machine_add_mmio(m, SCRATCH_BASE, SCRATCH_SIZE,
				       &memory_ops, t);
	if (!err)
		err = machine_on_reset(m, test_device_reset, t);
	if (err)
		return failure(-err, "test device: %s", strerror(-err));
	return 0;
}

int test_device_new(struct test_device **out, struct machine *m)
{
	struct test_device *t = calloc(1, sizeof(*t));
	const struct machine_ram *ram;
	unsigned int nr = machine_ram(m, &ram);
	int err;

	if (!t)
		return failure(ENOMEM, "no memory");
	t->machine = m;
	pthread_mutex_init(&t->lock, NULL);
	for (unsigned int i = 0; i < nr; i++)
		t->fw_cfg.ram_size += ram[i].size;
	t->fw_cfg.cpus = (uint16_t)machine_cpus(m);
	err = add_ranges(t);
	if (err) {
		test_device_free(t);
		return err;
	}
	*out = t;
	return 0;
}

void test_device_free(struct test_device *t)
{
	if (!t)
		return;
	for (unsigned int i = 0; i < TEST_DEVICE_LINES; i++)
		if (t->line[i])
			irqfwd_remove_line(t->line[i]);
	pthread_mutex_destroy(&t->lock);
	free(t);
}
