/* SPDX-License-Identifier: Apache-2.0 */
#include "source/loop.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "source/error.h"

#define BATCH		16
#define STOP		UINT64_MAX	/* key of the descriptor that ends the thread */
#define NO_WATCH	(-1)

struct watch {
	loop_fn *fn;		/* NULL: free */
	void *opaque;
	int fd;
	uint32_t generation;	/* of this use of the entry */
};

struct loop {
	int epoll_fd, stop_fd;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t idle;	/* a callback has returned */
	int running;		/* watch whose callback runs, or NO_WATCH */
	uint32_t running_generation;
	unsigned int nr;
	struct watch *watch;	/* moves as it grows: by index only */
};

/*
 * epoll hands out events in batches, and a watch can be removed, and its entry
 * used again, between the fetch and the call.  Hence the generation.
 */
static uint64_t key_of(const struct loop *l, int watch)
{
	return (uint64_t)l->watch[watch].generation << 32 | (uint32_t)watch;
}

static void call(struct loop *l, uint64_t key)
{
	int watch = (int)(uint32_t)key;
	struct watch w;

	pthread_mutex_lock(&l->lock);
	w = l->watch[watch];
	if (w.fn && key_of(l, watch) == key) {
		l->running = watch;
		l->running_generation = w.generation;
		pthread_mutex_unlock(&l->lock);
		w.fn(w.opaque);
		pthread_mutex_lock(&l->lock);
		l->running = NO_WATCH;
		pthread_cond_broadcast(&l->idle);
	}
	pthread_mutex_unlock(&l->lock);
}

static void *listen_to_all(void *opaque)
{
	struct epoll_event events[BATCH];
	struct loop *l = opaque;

	for (;;) {
		int nr = epoll_wait(l->epoll_fd, events, BATCH, -1);

		assert(nr >= 0 || errno == EINTR);
		for (int i = 0; i < nr; i++) {
			if (events[i].data.u64 == STOP)
				return NULL;
			call(l, events[i].data.u64);
		}
	}
}

/* The VMM's signals are for the VMM's threads. */
static int start_thread(struct loop *l)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&l->thread, NULL, listen_to_all, l);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!error)
		pthread_setname_np(l->thread, "irqfwd");
	return -error;
}

static int open_fds(struct loop *l)
{
	struct epoll_event stop = { .events = EPOLLIN, .data.u64 = STOP };

	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll_fd < 0)
		return -errno;
	l->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (l->stop_fd < 0 ||
	    epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->stop_fd, &stop) < 0)
		return -errno;
	return 0;
}

static void destroy(struct loop *l)
{
	if (l->stop_fd >= 0)
		close(l->stop_fd);
	if (l->epoll_fd >= 0)
		close(l->epoll_fd);
	pthread_cond_destroy(&l->idle);
	pthread_mutex_destroy(&l->lock);
	free(l->watch);
	free(l);
}

int loop_new(struct loop **out)
{
	struct loop *l = calloc(1, sizeof(*l));
	int error;

	if (!l)
		return errorf(-ENOMEM, "no memory for the listening thread");
	l->epoll_fd = l->stop_fd = -1;
	l->running = NO_WATCH;
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->idle, NULL);
	error = open_fds(l);
	if (!error)
		error = start_thread(l);
	if (error) {
		destroy(l);
		return errorf(error, "cannot start the listening thread: %s; "
			      "raise the limits of open files and processes",
			      strerror(-error));
	}
	*out = l;
	return 0;
}

void loop_free(struct loop *l)
{
	uint64_t one = 1;
	ssize_t written;

	if (!l)
		return;
	for (unsigned int i = 0; i < l->nr; i++)
		assert(!l->watch[i].fn);
	written = write(l->stop_fd, &one, sizeof(one));
	assert(written == sizeof(one));
	pthread_join(l->thread, NULL);
	destroy(l);
}

/* Locked: a free entry, or -ENOMEM. */
static int take_entry(struct loop *l)
{
	unsigned int nr = l->nr ? 2 * l->nr : 8;
	struct watch *grown;

	for (unsigned int i = 0; i < l->nr; i++)
		if (!l->watch[i].fn)
			return (int)i;
	grown = realloc(l->watch, nr * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	memset(grown + l->nr, 0, (nr - l->nr) * sizeof(*grown));
	l->watch = grown;
	nr = l->nr;
	l->nr = nr ? 2 * nr : 8;
	return (int)nr;
}

int loop_add(struct loop *l, int fd, loop_fn *fn, void *opaque)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct watch *w;
	int watch, error = 0;

	pthread_mutex_lock(&l->lock);
	watch = take_entry(l);
	if (watch < 0) {
		pthread_mutex_unlock(&l->lock);
		return errorf(-ENOMEM, "no memory for one more descriptor");
	}
	w = &l->watch[watch];
	*w = (struct watch){ .fn = fn, .opaque = opaque, .fd = fd,
			     .generation = w->generation + 1 };
	event.data.u64 = key_of(l, watch);
	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
		error = -errno;
		w->fn = NULL;
	}
	pthread_mutex_unlock(&l->lock);
	if (error)
		return errorf(error, "cannot wait for descriptor %d: %s; it "
			      "must be an open eventfd that is added once", fd,
			      strerror(-error));
	return watch;
}

static bool is_running(const struct loop *l, int watch, uint32_t generation)
{
	return l->running == watch && l->running_generation == generation;
}

void loop_remove(struct loop *l, int watch)
{
	uint32_t generation;

	pthread_mutex_lock(&l->lock);
	assert(watch >= 0 && (unsigned int)watch < l->nr && l->watch[watch].fn);
	generation = l->watch[watch].generation;
	l->watch[watch].fn = NULL;
	epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, l->watch[watch].fd, NULL);
	while (is_running(l, watch, generation) &&
	       !pthread_equal(pthread_self(), l->thread))
		pthread_cond_wait(&l->idle, &l->lock);
	pthread_mutex_unlock(&l->lock);
}
