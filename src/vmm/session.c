/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/session.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "irqfwd.h"
#include "vmm/acpi.h"
#include "vmm/console.h"
#include "vmm/failure.h"
#include "vmm/pci_root.h"
#include "vmm/platform.h"
#include "vmm/test_device.h"
#include "vmm/vm.h"

struct session {
	const struct run_options *options;
	struct machine *machine;
	struct platform *platform;
	struct console *console;
	struct pci_root *pci;
	struct test_device *test;
	FILE *trace;
	int trace_error;	/* of the first line that was not written, or 0 */
	bool lost;		/* output of ours, which was said */
	int signal_fd;
	struct timespec begun;
	int signal;		/* that ended the run, or 0 */
};

/* ---- what is printed ---------------------------------------------------- */

static double seconds_since(const struct timespec *begun)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - begun->tv_sec) +
	       (double)(now.tv_nsec - begun->tv_nsec) / 1e9;
}

static void print_exits(struct machine *m, FILE *to)
{
	uint64_t counts[MACHINE_EXITS];
	const char *separator = "";

	machine_exits(m, counts);
	for (unsigned int i = 0; i < MACHINE_EXITS; i++) {
		const char *name = machine_exit_name(i);

		if (!counts[i] && !name)
			continue;
		if (name)
			fprintf(to, "%s\"%s\": %llu", separator, name,
				(unsigned long long)counts[i]);
		else
			fprintf(to, "%s\"reason_%u\": %llu", separator, i,
				(unsigned long long)counts[i]);
		separator = ", ";
	}
}

static void print_json(struct session *s, FILE *to)
{
	fprintf(to, "{\"seconds\": %.3f, \"vcpus\": %u, \"forwards\": ",
		seconds_since(&s->begun), machine_cpus(s->machine));
	irqfwd_print_stats(machine_irqchip(s->machine), to, true);
	fputs(", \"exits\": {", to);
	print_exits(s->machine, to);
	fputs("}}\n", to);
}

static int write_text(FILE *to, const char *text, size_t size)
{
	return fwrite(text, 1, size, to) == size && !fflush(to) ? 0 : errno;
}

static int write_file(const char *name, const char *text, size_t size)
{
	FILE *to = fopen(name, "we");
	int error;

	if (!to)
		return errno;
	error = write_text(to, text, size);
	/* Some file systems tell only now. */
	return fclose(to) && !error ? errno : error;
}

/* A run of hours is not to be repeated: what has no file goes to the terminal. */
static void print_stats(struct session *s)
{
	const struct run_options *o = s->options;
	size_t size = 0;
	char *text = NULL;
	FILE *to = open_memstream(&text, &size);
	int error = 0;

	if (!to)
		return;
	if (o->stats_json)
		print_json(s, to);
	else
		irqfwd_print_stats(machine_irqchip(s->machine), to, false);
	fclose(to);
	if (o->stats_file)
		error = write_file(o->stats_file, text, size);
	if (error)
		fprintf(stderr, "irqfwd run: cannot write %s (%s); the "
			"counters are:\n", o->stats_file, strerror(error));
	if (error || !o->stats_file)
		s->lost |= write_text(stderr, text, size) != 0;
	s->lost |= error != 0;
	free(text);
}

static void trace_line(void *opaque, const char *line)
{
	struct session *s = opaque;

	if (fputs(line, s->trace) >= 0 && putc('\n', s->trace) >= 0)
		return;
	if (!s->trace_error)
		s->trace_error = errno;
}

static void close_trace(struct session *s)
{
	if (!s->trace)
		return;
	if (fclose(s->trace) && !s->trace_error)
		s->trace_error = errno;
	if (!s->trace_error)
		return;
	s->lost = true;
	fprintf(stderr, "irqfwd run: cannot write all of the trace to %s (%s): "
		"lines are missing\n", s->options->trace_file,
		strerror(s->trace_error));
}

/* ---- building ----------------------------------------------------------- */

/*
 * Blocked in every thread from here on and read in the loop, so that no
 * library call in the middle of something is interrupted.
 */
static int catch_signals(struct session *s)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signal_fd < 0)
		return failure(errno, "no signal descriptor (%s)",
			       strerror(errno));
	return 0;
}

static int open_trace(struct session *s)
{
	const char *name = s->options->trace_file;

	if (!name)
		return 0;
	s->trace = fopen(name, "we");
	if (!s->trace)
		return failure(errno, "cannot write the trace to %s (%s)", name,
			       strerror(errno));
	return 0;
}

/* Told before the run, not after it; what is in the file stays until then. */
static int check_stats_file(const struct session *s)
{
	const char *name = s->options->stats_file;
	FILE *to = name ? fopen(name, "ae") : NULL;

	if (name && !to)
		return failure(errno, "cannot write the counters to %s (%s)",
			       name, strerror(errno));
	if (to)
		fclose(to);
	return 0;
}

static int add_pci(struct session *s)
{
	int err = pci_root_new(&s->pci, s->machine);

	if (err)
		return failure(-err, "no PCI bus (%s)", strerror(-err));
	for (unsigned int i = 0; i < s->options->devices; i++) {
		err = pci_root_add(s->pci, &s->options->device[i]);
		/* The reason has been said, with the device's name. */
		if (err)
			return failure(-err, "%s", "");
	}
	return 0;
}

static int add_devices(struct session *s)
{
	int err = platform_new(&s->platform, s->machine);

	if (!err)
		err = add_pci(s);
	if (!err && s->options->test_device)
		err = test_device_new(&s->test, s->machine);
	/* Last, since it makes the terminal raw. */
	if (!err)
		err = console_new(&s->console, s->machine, s->platform);
	return err;
}

static int load(struct session *s)
{
	const struct memory *mem = machine_memory(s->machine);
	uint64_t rsdp = acpi_write(mem, machine_cpus(s->machine));
	struct boot_entry entry;
	int err = loader_load(mem, &s->options->files, rsdp, &entry);

	return err ? err : machine_boot(s->machine, &entry);
}

static int build(struct session *s)
{
	struct machine_config config = {
		.cpus = s->options->cpus,
		.memory = s->options->memory,
	};
	int err = catch_signals(s);

	if (!err)
		err = open_trace(s);
	if (!err)
		err = check_stats_file(s);
	if (s->trace) {
		config.trace = trace_line;
		config.opaque = s;
	}
	if (!err)
		err = machine_new(&s->machine, &config);
	/* Before the devices: a file that is no kernel needs no device opened. */
	if (!err)
		err = load(s);
	if (!err)
		err = add_devices(s);
	return err;
}

/* In the order in which the parts stop needing each other. */
static void dismantle(struct session *s)
{
	console_free(s->console);
	test_device_free(s->test);
	if (s->pci)
		pci_root_free(s->pci);
	platform_free(s->platform);
	machine_free(s->machine);
	close_trace(s);	/* its last lines came with the machine's end */
	if (s->signal_fd >= 0)
		close(s->signal_fd);
}

/* ---- running ------------------------------------------------------------ */

static void take_signals(struct session *s)
{
	struct signalfd_siginfo info;

	while (read(s->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGUSR1) {
			print_stats(s);
		} else {
			s->signal = (int)info.ssi_signo;
			machine_request_stop(s->machine);
		}
	}
}

/* Until there is a request to the machine. */
static void wait_for_request(struct session *s)
{
	struct pollfd polls[2 + CONSOLE_POLLS];

	while (machine_requested(s->machine) == MACHINE_RUNS) {
		polls[0] = (struct pollfd){ machine_request_fd(s->machine),
					    POLLIN, 0 };
		polls[1] = (struct pollfd){ s->signal_fd, POLLIN, 0 };
		console_poll(s->console, &polls[2]);
		if (poll(polls, 2 + CONSOLE_POLLS,
			 console_timeout(s->console)) < 0)
			continue;
		if (polls[1].revents)
			take_signals(s);
		console_ready(s->console, &polls[2]);
	}
}

static int run_once(struct session *s)
{
	int err = machine_start(s->machine);

	if (err)
		return err;
	wait_for_request(s);
	machine_stop(s->machine);
	return 0;
}

static int run(struct session *s)
{
	for (;;) {
		int err = run_once(s);

		if (err || machine_requested(s->machine) != MACHINE_RESET ||
		    s->options->no_reboot)
			return err;
		err = machine_reset(s->machine);
		if (!err)
			err = load(s);
		if (err)
			return err;
	}
}

/* A signal's exit code is the shell's: 128 and its number. */
static int exit_code(struct session *s)
{
	switch (machine_requested(s->machine)) {
	case MACHINE_RUNS:
	case MACHINE_RESET:
	case MACHINE_POWEROFF:
		return SESSION_OK;
	case MACHINE_EXIT:
		return machine_exit_code(s->machine);
	case MACHINE_STOP:
		return 128 + s->signal;
	case MACHINE_FAILED:
		fprintf(stderr, "irqfwd run: %s\n",
			machine_failure(s->machine));
		return SESSION_FAILED;
	}
	return SESSION_FAILED;
}

int session_run(const struct run_options *options)
{
	struct session s = { .options = options, .signal_fd = -1 };
	int err = build(&s), code;

	clock_gettime(CLOCK_MONOTONIC, &s.begun);
	if (!err)
		err = run(&s);
	if (err) {
		if (failure_text()[0])
			fprintf(stderr, "irqfwd run: %s\n", failure_text());
		code = SESSION_FAILED;
	} else {
		code = exit_code(&s);
		if (options->stats || options->devices)
			print_stats(&s);
		s.lost |= console_finish(s.console) != 0;
	}
	dismantle(&s);
	/* The guest's own word counts more. */
	return s.lost && code == SESSION_OK ? SESSION_FAILED : code;
}
