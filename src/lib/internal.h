/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the library share: the objects behind irqfwd.h's types. */
#ifndef LIB_INTERNAL_H
#define LIB_INTERNAL_H

#include <pthread.h>
#include <sys/queue.h>

#include "backend/kvm_split.h"
#include "forward/engine.h"
#include "irqfwd.h"
#include "source/loop.h"
#include "source/vfio_device.h"
#include "source/vfio_msi.h"
#include "trace/ring.h"

/* Anything tied to an irqchip: irqfwd_free() removes what is left. */
struct object {
	struct irqfwd *fwd;
	LIST_ENTRY(object) link;
	void (*remove)(struct object *object);
};

/* The row of a forward that is closed and not yet removed. */
struct gone {
	LIST_ENTRY(gone) link;
	bool listed;
	struct irqfwd_stats row;
};

struct irqfwd_msi {
	struct object object;	/* first */
	LIST_ENTRY(irqfwd_msi) link;
	char name[64];
	struct vfio_msi vectors;
	struct gone gone;
};

struct irqfwd {
	struct kvm_split *split;
	struct engine *engine;
	struct loop *loop;
	struct trace_ring *trace;	/* NULL: none */
	unsigned int pins;
	/* Of the lists; under it only what an MSI has counted is asked for. */
	pthread_mutex_t lock;
	LIST_HEAD(, object) objects;
	LIST_HEAD(, irqfwd_msi) msis;
	LIST_HEAD(, gone) gone;
};

struct irqfwd_vfio {
	struct vfio_device dev;
};

void object_add(struct irqfwd *fwd, struct object *object,
		void (*remove)(struct object *object));
void object_forget(struct object *object);

const char *policy_name(enum forward_policy policy);
struct irqfwd_stats stats_row(const struct engine_stats *from);
struct irqfwd_stats stats_msi_row(struct irqfwd_msi *msi);

/* With fwd->lock held: the row is listed as gone, and not any more. */
void gone_list(struct irqfwd *fwd, struct gone *gone,
	       const struct irqfwd_stats *row);
void gone_forget(struct gone *gone);

#endif
