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

struct irqfwd_msi {
	struct object object;	/* first */
	LIST_ENTRY(irqfwd_msi) link;
	char name[64];
	struct vfio_msi vectors;
};

struct irqfwd {
	struct kvm_split *split;
	struct engine *engine;
	struct loop *loop;
	struct trace_ring *trace;	/* NULL: none */
	unsigned int pins;
	pthread_mutex_t lock;	/* of the lists; nothing is called under it */
	LIST_HEAD(, object) objects;
	LIST_HEAD(, irqfwd_msi) msis;
};

struct irqfwd_vfio {
	struct vfio_device dev;
};

void object_add(struct irqfwd *fwd, struct object *object,
		void (*remove)(struct object *object));
void object_forget(struct object *object);

#endif
