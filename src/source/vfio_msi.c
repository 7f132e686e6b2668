/* SPDX-License-Identifier: Apache-2.0 */
#include "source/vfio_msi.h"

#include <errno.h>
#include <linux/vfio.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "source/error.h"
#include "source/proc_interrupts.h"
#include "source/vfio_intx.h"
#include "source/vfio_irqs.h"

static const char *kind(const struct vfio_msi *m)
{
	return m->index == VFIO_PCI_MSIX_IRQ_INDEX ? "MSI-X" : "MSI";
}

int vfio_msi_open(struct vfio_msi *m, struct vfio_device *dev, bool msix,
		  const struct vfio_msi_target *target)
{
	*m = (struct vfio_msi){
		.dev = dev,
		.target = *target,
		.index = msix ? VFIO_PCI_MSIX_IRQ_INDEX
			      : VFIO_PCI_MSI_IRQ_INDEX,
	};
	m->nr = vfio_irqs_count(dev->fd, m->index);
	if (!m->nr)
		return errorf(-ENODEV, "%s has no %s", dev->address, kind(m));
	m->vector = calloc(m->nr, sizeof(*m->vector));
	if (!m->vector)
		return errorf(-ENOMEM, "%s: no memory for %u vectors",
			      dev->address, m->nr);
	for (unsigned int i = 0; i < m->nr; i++)
		m->vector[i].masked = true;
	return 0;
}

/* ---- one vector; all with dev->irq_lock held ---------------------------- */

static int arm(struct vfio_msi *m, struct vfio_msi_vector *v)
{
	if (v->armed)
		return 0;
	v->trigger_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (v->trigger_fd < 0)
		return errorf(-errno, "%s: cannot make an eventfd for a "
			      "vector: %m; raise the limit of open files",
			      m->dev->address);
	v->handle = m->target.add(m->target.opaque);
	if (v->handle < 0) {
		close(v->trigger_fd);
		return errorf(v->handle, "%s: the backend has no more message "
			      "interrupts: %s", m->dev->address,
			      strerror(-v->handle));
	}
	v->armed = true;
	return 0;
}

static void disarm(struct vfio_msi *m, struct vfio_msi_vector *v)
{
	if (!v->armed)
		return;
	m->target.remove(m->target.opaque, v->handle);
	close(v->trigger_fd);
	v->armed = v->attached = false;
}

/* Hands the eventfd over, or takes it back, as the mask bit says. */
static int apply(struct vfio_msi *m, struct vfio_msi_vector *v)
{
	void *to = m->target.opaque;
	int error;

	if (v->masked) {
		if (v->attached)
			m->target.detach(to, v->handle);
		v->attached = false;
		return 0;
	}
	error = m->target.set(to, v->handle, v->address, v->data);
	if (!error && !v->attached)
		error = m->target.attach(to, v->handle, v->trigger_fd);
	if (error)
		return errorf(error, "%s: the backend does not take vector "
			      "%td of %s: %s", m->dev->address, v - m->vector,
			      kind(m), strerror(-error));
	v->attached = true;
	return 0;
}

/* ---- all vectors; with dev->irq_lock held ------------------------------- */

static int64_t host_irqs(const struct vfio_msi *m)
{
	int64_t now;

	if (!m->enabled || m->host_irqs < 0)
		return m->host_irqs;
	now = proc_interrupts_msi("/proc/interrupts", m->dev->address);
	return now < 0 ? now : m->host_irqs + now;
}

static int host_error(const struct vfio_msi *m, int result, unsigned int nr)
{
	if (result > 0)
		return errorf(-ENOSPC, "the host can give %s only %d %s "
			      "vectors, not %u; let the guest use fewer",
			      m->dev->address, result, kind(m), nr);
	return errorf(result, "cannot enable %u %s vectors of %s: %s", nr,
		      kind(m), m->dev->address, strerror(-result));
}

static int enable_host(struct vfio_msi *m, unsigned int nr)
{
	int *fds = calloc(nr ? nr : 1, sizeof(*fds));
	int result;

	if (!fds)
		return errorf(-ENOMEM, "%s: no memory for %u vectors",
			      m->dev->address, nr);
	for (unsigned int i = 0; i < nr; i++)
		fds[i] = m->vector[i].armed ? m->vector[i].trigger_fd : -1;
	result = vfio_irqs_set_triggers(m->dev->fd, m->index, 0, nr, fds);
	free(fds);
	return result ? host_error(m, result, nr) : 0;
}

/* The host forgets the count with the vector: it is taken before. */
static void disable(struct vfio_msi *m)
{
	if (m->enabled) {
		m->host_irqs = host_irqs(m);
		vfio_irqs_disable(m->dev->fd, m->index);
	}
	m->enabled = 0;
	for (unsigned int i = 0; i < m->nr; i++)
		disarm(m, &m->vector[i]);
}

static bool is_due(const struct vfio_msi *m, const struct vfio_msi_vector *v)
{
	return !v->masked || m->index == VFIO_PCI_MSI_IRQ_INDEX;
}

static int enable(struct vfio_msi *m, unsigned int nr)
{
	int error = 0;

	for (unsigned int i = 0; !error && i < nr; i++)
		if (is_due(m, &m->vector[i]))
			error = arm(m, &m->vector[i]);
	if (!error)
		error = enable_host(m, nr);
	if (!error)
		m->enabled = nr;
	for (unsigned int i = 0; !error && i < nr; i++)
		if (m->vector[i].armed)
			error = apply(m, &m->vector[i]);
	if (error)
		disable(m);
	return error;
}

static int change(struct vfio_msi *m, unsigned int nr)
{
	struct vfio_device *dev = m->dev;
	int error = 0;

	if (nr == m->enabled)
		return 0;
	if (nr && !m->enabled && dev->msi_enabled)
		return errorf(-EBUSY, "%s: MSI and MSI-X cannot be enabled "
			      "together; disable the other first",
			      dev->address);
	if (dev->intx)
		vfio_intx_suspend(dev->intx);
	disable(m);
	if (nr)
		error = enable(m, nr);
	dev->msi_enabled = m->enabled;
	/* The first failure is the one to tell. */
	if (!m->enabled && dev->intx && vfio_intx_resume(dev->intx) && !error)
		error = -EIO;
	return error;
}

/* ---- from outside ------------------------------------------------------- */

int vfio_msi_enable(struct vfio_msi *m, unsigned int nr)
{
	int error;

	if (nr > m->nr)
		return errorf(-EINVAL, "%s has %u %s vectors, not %u",
			      m->dev->address, m->nr, kind(m), nr);
	pthread_mutex_lock(&m->dev->irq_lock);
	error = change(m, nr);
	pthread_mutex_unlock(&m->dev->irq_lock);
	return error;
}

/* Locked.  A vector that is armed late is told to the host by itself. */
static int update(struct vfio_msi *m, struct vfio_msi_vector *v)
{
	bool was_armed = v->armed;
	int error;

	if (!was_armed && v->masked)
		return 0;
	error = arm(m, v);
	if (!error && !was_armed) {
		error = vfio_irqs_set_triggers(m->dev->fd, m->index,
					       (unsigned int)(v - m->vector),
					       1, &v->trigger_fd);
		if (error) {
			disarm(m, v);
			return host_error(m, error, 1);
		}
	}
	return error ? error : apply(m, v);
}

int vfio_msi_set(struct vfio_msi *m, unsigned int vector, uint64_t address,
		 uint32_t data, bool masked)
{
	struct vfio_msi_vector *v;
	int error = 0;

	if (vector >= m->nr)
		return errorf(-EINVAL, "%s has %u %s vectors, there is no %u",
			      m->dev->address, m->nr, kind(m), vector);
	v = &m->vector[vector];
	pthread_mutex_lock(&m->dev->irq_lock);
	v->address = address;
	v->data = data;
	v->masked = masked;
	if (vector < m->enabled)
		error = update(m, v);
	pthread_mutex_unlock(&m->dev->irq_lock);
	return error;
}

bool vfio_msi_pending(struct vfio_msi *m, unsigned int vector)
{
	struct pollfd fd = { .events = POLLIN };
	bool pending = false;

	if (vector >= m->nr)
		return false;
	pthread_mutex_lock(&m->dev->irq_lock);
	fd.fd = m->vector[vector].trigger_fd;
	if (m->vector[vector].armed && !m->vector[vector].attached)
		pending = poll(&fd, 1, 0) == 1;
	pthread_mutex_unlock(&m->dev->irq_lock);
	return pending;
}

int64_t vfio_msi_host_irqs(struct vfio_msi *m)
{
	int64_t sum;

	pthread_mutex_lock(&m->dev->irq_lock);
	sum = host_irqs(m);
	pthread_mutex_unlock(&m->dev->irq_lock);
	return sum;
}

void vfio_msi_close(struct vfio_msi *m)
{
	vfio_msi_enable(m, 0);
	free(m->vector);
}
