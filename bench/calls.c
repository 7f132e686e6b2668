/* SPDX-License-Identifier: Apache-2.0 */
#include "calls.h"

#include <linux/kvm.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <sys/types.h>

const char *const call_name[CALL_NR] = {
	[CALL_KVM_RUN] = "KVM_RUN",
	[CALL_KVM_SIGNAL_MSI] = "KVM_SIGNAL_MSI",
	[CALL_KVM_SET_GSI_ROUTING] = "KVM_SET_GSI_ROUTING",
	[CALL_IOCTL] = "ioctl",
	[CALL_EPOLL_WAIT] = "epoll_wait",
	[CALL_READ] = "read",
	[CALL_WRITE] = "write",
	[CALL_TIMERFD_SETTIME] = "timerfd_settime",
};

static _Atomic uint64_t counted[CALL_NR];
static __thread bool ignored;

/* The names that --wrap gives: real is what the caller meant. */
int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);
int __real_epoll_wait(int fd, struct epoll_event *events, int max, int ms);
int __wrap_epoll_wait(int fd, struct epoll_event *events, int max, int ms);
ssize_t __real_read(int fd, void *data, size_t size);
ssize_t __wrap_read(int fd, void *data, size_t size);
ssize_t __real_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size);
int __real_timerfd_settime(int fd, int flags, const struct itimerspec *value,
			   struct itimerspec *old);
int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *value,
			   struct itimerspec *old);

static void count(enum call call)
{
	if (!ignored)
		atomic_fetch_add_explicit(&counted[call], 1,
					  memory_order_relaxed);
}

void calls_ignore_me(void)
{
	ignored = true;
}

void calls_get(uint64_t counts[CALL_NR])
{
	for (int i = 0; i < CALL_NR; i++)
		counts[i] = counted[i];
}

static enum call ioctl_call(unsigned long request)
{
	switch (request) {
	case KVM_RUN:
		return CALL_KVM_RUN;
	case KVM_SIGNAL_MSI:
		return CALL_KVM_SIGNAL_MSI;
	case KVM_SET_GSI_ROUTING:
		return CALL_KVM_SET_GSI_ROUTING;
	default:
		return CALL_IOCTL;
	}
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	count(ioctl_call(request));
	return __real_ioctl(fd, request, arg);
}

int __wrap_epoll_wait(int fd, struct epoll_event *events, int max, int ms)
{
	count(CALL_EPOLL_WAIT);
	return __real_epoll_wait(fd, events, max, ms);
}

ssize_t __wrap_read(int fd, void *data, size_t size)
{
	count(CALL_READ);
	return __real_read(fd, data, size);
}

ssize_t __wrap_write(int fd, const void *data, size_t size)
{
	count(CALL_WRITE);
	return __real_write(fd, data, size);
}

int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *value,
			   struct itimerspec *old)
{
	count(CALL_TIMERFD_SETTIME);
	return __real_timerfd_settime(fd, flags, value, old);
}
