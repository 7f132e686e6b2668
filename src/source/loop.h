/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The listening thread: waits for every descriptor that can be signalled from
 * outside (triggers, timers, removal requests) and calls whoever watches it.
 *
 * Watches come and go at run time, from any thread.  A callback runs without a
 * lock, one at a time.  It must take what was signalled, or it is called again
 * at once.
 */
#ifndef SOURCE_LOOP_H
#define SOURCE_LOOP_H

#include <stdbool.h>

struct loop;

typedef void loop_fn(void *opaque);

/* -errno with a sentence. */
int loop_new(struct loop **out);

/* Stops the thread.  All watches must have been removed.  Not from a callback. */
void loop_free(struct loop *l);

/*
 * fn(opaque) is called when fd is readable, also if it is already.  fd stays
 * the caller's and open until the watch is removed.  Returns the watch, or
 * -errno with a sentence: -EPERM: fd cannot be waited for.
 */
int loop_add(struct loop *l, int fd, loop_fn *fn, void *opaque);

/*
 * When it returns, fn neither runs nor will run.  Called from inside a callback
 * it cannot wait for that one: the callback itself must not use what it frees.
 */
void loop_remove(struct loop *l, int watch);

#endif
