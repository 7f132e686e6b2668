/* SPDX-License-Identifier: Apache-2.0 */
/* irqfwd on KVM's split irqchip, through the public API alone. */
#include "irqchip.h"

#include <stdio.h>
#include <stdlib.h>

struct split_chip {
	struct irqfwd *fwd;
	struct irqfwd_level *level[DEVICES];
	struct irqfwd_edge *edge[DEVICES];
	struct irqfwd_line *line;	/* added when first driven */
	FILE *trace;
};

static void trace(void *opaque, const char *text)
{
	fprintf(opaque, "# %s\n", text);
}

/* CONFORMANCE_TRACE=1 in the environment: the trace goes to stderr. */
static int create(struct machine *m)
{
	static struct split_chip chip;
	struct irqfwd_config config = { .vm_fd = m->vm_fd };
	int error;

	if (getenv("CONFORMANCE_TRACE")) {
		config.trace = trace;
		config.opaque = stderr;
	}
	chip = (struct split_chip){ 0 };
	error = irqfwd_new(&chip.fwd, &config);
	if (error)
		fprintf(stderr, "# %s\n", irqfwd_error());
	else
		m->chip = &chip;
	return error;
}

static int forward(struct machine *m, unsigned int device, unsigned int pin,
		   enum irqfwd_policy policy)
{
	struct split_chip *chip = m->chip;
	struct irqfwd_level_config config = {
		.name = device ? "device1" : "device0",
		.pin = pin,
		.policy = policy,
	};

	return irqfwd_add_eventfd_level(chip->fwd,
					m->device[device].trigger_fd,
					m->device[device].resample_fd, &config,
					&chip->level[device]);
}

static int forward_edge(struct machine *m, unsigned int device,
			unsigned int pin)
{
	struct split_chip *chip = m->chip;

	return irqfwd_add_eventfd_edge(chip->fwd, m->device[device].trigger_fd,
				       "edge", pin, &chip->edge[device]);
}

static void unforward(struct machine *m, unsigned int device)
{
	struct split_chip *chip = m->chip;

	if (chip->level[device])
		irqfwd_remove_level(chip->level[device]);
	if (chip->edge[device])
		irqfwd_remove_edge(chip->edge[device]);
	chip->level[device] = NULL;
	chip->edge[device] = NULL;
}

static void line(struct machine *m, unsigned int pin, bool high)
{
	struct split_chip *chip = m->chip;

	if (!chip->line)
		irqfwd_add_line(chip->fwd, "emulated", pin, &chip->line);
	irqfwd_line_set(chip->line, high);
}

static void signal_msi(struct machine *m, uint64_t address, uint32_t data)
{
	struct split_chip *chip = m->chip;

	irqfwd_signal_msi(chip->fwd, address, data);
}

static void reset(struct machine *m)
{
	struct split_chip *chip = m->chip;

	irqfwd_reset(chip->fwd);
}

static void chip_read(struct machine *m, uint64_t offset, void *data,
		      unsigned int len)
{
	struct split_chip *chip = m->chip;

	irqfwd_mmio_read(chip->fwd, offset, data, len);
}

static void chip_write(struct machine *m, uint64_t offset, const void *data,
		       unsigned int len)
{
	struct split_chip *chip = m->chip;

	irqfwd_mmio_write(chip->fwd, offset, data, len);
}

static void eoi(struct machine *m, uint8_t vector)
{
	struct split_chip *chip = m->chip;

	irqfwd_eoi(chip->fwd, vector);
}

static void destroy(struct machine *m)
{
	struct split_chip *chip = m->chip;

	for (unsigned int i = 0; i < DEVICES; i++)
		unforward(m, i);
	if (chip->line)
		irqfwd_remove_line(chip->line);
	irqfwd_free(chip->fwd);
}

#define SPLIT_OPS \
	.ours = true, \
	.create = create, \
	.destroy = destroy, \
	.forward = forward, \
	.unforward = unforward, \
	.forward_edge = forward_edge, \
	.line = line, \
	.signal_msi = signal_msi, \
	.reset = reset, \
	.read = chip_read, \
	.write = chip_write, \
	.eoi = eoi,

const struct irqchip irqchip_split = {
	.name = "split",
	.capability = KVM_CAP_SPLIT_IRQCHIP,
	SPLIT_OPS
};

const struct irqchip irqchip_coalesced = {
	.name = "coalesced",
	.capability = KVM_CAP_COALESCED_MMIO,
	.coalesced = true,
	SPLIT_OPS
};
