/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/internal.h"
#include "source/error.h"

const char *irqfwd_error(void)
{
	return error_text();
}

const char *irqfwd_version(void)
{
	return IRQFWD_VERSION;
}

void object_add(struct irqfwd *fwd, struct object *object,
		void (*remove)(struct object *object))
{
	object->fwd = fwd;
	object->remove = remove;
	pthread_mutex_lock(&fwd->lock);
	LIST_INSERT_HEAD(&fwd->objects, object, link);
	pthread_mutex_unlock(&fwd->lock);
}

void object_forget(struct object *object)
{
	pthread_mutex_lock(&object->fwd->lock);
	LIST_REMOVE(object, link);
	pthread_mutex_unlock(&object->fwd->lock);
}

static int make_engine(struct irqfwd *fwd, unsigned int version)
{
	struct engine_config config = {
		.pins = fwd->pins,
		.version = (uint8_t)version,
		.routed = true,
		.backend = kvm_split_backend(fwd->split),
		.trace = fwd->trace ? trace_ring_transition : NULL,
		.opaque = fwd->trace,
	};
	int error = engine_new(&fwd->engine, &config);

	if (error)
		return errorf(error, "cannot make the IOAPIC: %s",
			      strerror(-error));
	return 0;
}

static void trace_message(void *opaque, const char *what,
			  const struct message *msg, int error)
{
	struct irqfwd *fwd = opaque;
	char text[128];

	snprintf(text, sizeof(text), "%s: vector 0x%02x to %u%s%s", what,
		 msg->vector, msg->dest, error ? ": " : "",
		 error ? strerror(error) : "");
	trace_ring_text(fwd->trace, "backend", -1, -1, text);
}

static int make_trace(struct irqfwd *fwd, const struct irqfwd_config *config)
{
	int error;

	if (!config->trace)
		return 0;
	error = trace_ring_new(&fwd->trace, config->trace, config->opaque);
	if (error)
		return errorf(error, "cannot start the trace's thread: %s",
			      strerror(-error));
	kvm_split_trace(fwd->split, trace_message, fwd);
	return 0;
}

static int check(const struct irqfwd_config *config, unsigned int pins,
		 unsigned int version)
{
	if (pins > IOAPIC_PINS_MAX)
		return errorf(-EINVAL, "an IOAPIC has at most %d pins, not %u",
			      IOAPIC_PINS_MAX, pins);
	if (version != IOAPIC_VERSION_82093AA && version != IOAPIC_VERSION_ICH)
		return errorf(-EINVAL, "there is no IOAPIC of version 0x%x; "
			      "use 0x11 or 0x20", version);
	return 0;
}

int irqfwd_new(struct irqfwd **out, const struct irqfwd_config *config)
{
	unsigned int pins = config->pins ? config->pins : IOAPIC_PINS_DEFAULT;
	unsigned int version = config->version ? config->version
					       : IOAPIC_VERSION_ICH;
	struct irqfwd *fwd;
	int error = check(config, pins, version);

	if (error)
		return error;
	fwd = calloc(1, sizeof(*fwd));
	if (!fwd)
		return errorf(-ENOMEM, "no memory for an irqchip");
	fwd->pins = pins;
	pthread_mutex_init(&fwd->lock, NULL);
	error = loop_new(&fwd->loop);
	if (error)
		goto free_fwd;
	error = kvm_split_new(&fwd->split, config->vm_fd, pins);
	if (error) {
		errorf(error, "%s", kvm_split_why(error));
		goto free_loop;
	}
	error = make_trace(fwd, config);
	if (error)
		goto free_split;
	error = make_engine(fwd, version);
	if (error)
		goto free_trace;
	*out = fwd;
	return 0;

free_trace:
	trace_ring_free(fwd->trace);
free_split:
	kvm_split_free(fwd->split);
free_loop:
	loop_free(fwd->loop);
free_fwd:
	pthread_mutex_destroy(&fwd->lock);
	free(fwd);
	return error;
}

void irqfwd_free(struct irqfwd *fwd)
{
	if (!fwd)
		return;
	while (!LIST_EMPTY(&fwd->objects)) {
		struct object *object = LIST_FIRST(&fwd->objects);

		object->remove(object);
	}
	loop_free(fwd->loop);
	engine_free(fwd->engine);
	kvm_split_free(fwd->split);
	trace_ring_free(fwd->trace);
	pthread_mutex_destroy(&fwd->lock);
	free(fwd);
}

static bool is_access(unsigned int len)
{
	return len == 1 || len == 2 || len == 4 || len == 8;
}

void irqfwd_mmio_read(struct irqfwd *fwd, uint64_t offset, void *data,
		      unsigned int len)
{
	uint64_t value;

	if (!is_access(len)) {
		memset(data, 0xff, len);
		return;
	}
	value = engine_read(fwd->engine, offset, len);
	memcpy(data, &value, len);
}

void irqfwd_mmio_write(struct irqfwd *fwd, uint64_t offset, const void *data,
		       unsigned int len)
{
	uint64_t value = 0;

	if (!is_access(len))
		return;
	memcpy(&value, data, len);
	engine_write(fwd->engine, offset, value, len);
}

void irqfwd_eoi(struct irqfwd *fwd, uint8_t vector)
{
	engine_eoi(fwd->engine, vector);
}

void irqfwd_reset(struct irqfwd *fwd)
{
	engine_reset(fwd->engine);
}

int irqfwd_signal_msi(struct irqfwd *fwd, uint64_t address, uint32_t data)
{
	int error = kvm_split_signal_msi(fwd->split, address, data);

	if (error)
		return errorf(error, "KVM does not take the message 0x%x for "
			      "0x%llx: %s", data, (unsigned long long)address,
			      strerror(-error));
	return 0;
}

/* ---- lines -------------------------------------------------------------- */

struct irqfwd_line {
	struct object object;	/* first */
	unsigned int slot;
};

static void remove_line(struct object *object)
{
	struct irqfwd_line *line = (struct irqfwd_line *)object;

	object_forget(object);
	engine_remove(object->fwd->engine, line->slot);
	free(line);
}

int irqfwd_add_line(struct irqfwd *fwd, const char *name, unsigned int pin,
		    struct irqfwd_line **out)
{
	struct irqfwd_line *line = calloc(1, sizeof(*line));
	int slot;

	if (!line)
		return errorf(-ENOMEM, "no memory for a line");
	slot = engine_add_line(fwd->engine, pin);
	if (slot < 0) {
		free(line);
		return errorf(slot, slot == -EINVAL ?
			      "line %s: the irqchip has %u pins, there is no %u"
			      : "line %s: all inputs of the irqchip's %u pins "
			      "are in use, none is left for pin %u; remove a "
			      "forward or a line", name ? name : "-",
			      fwd->pins, pin);
	}
	line->slot = (unsigned int)slot;
	object_add(fwd, &line->object, remove_line);
	*out = line;
	return 0;
}

void irqfwd_line_set(struct irqfwd_line *line, bool high)
{
	engine_set_line(line->object.fwd->engine, line->slot, high);
}

void irqfwd_line_pulse(struct irqfwd_line *line)
{
	engine_pulse_line(line->object.fwd->engine, line->slot);
}

void irqfwd_remove_line(struct irqfwd_line *line)
{
	if (line)
		remove_line(&line->object);
}
