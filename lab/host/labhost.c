/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs one VMM on the host under test and reads the host's counters at the
 * marks that the guest prints, or pokes a device. Static, without a library,
 * so that it runs in any initramfs.
 *
 *   labhost run [--seconds N] [--quiet N] [--cell-seconds N] [--userspace]
 *               [--boot DEVICE] [--reset] -- VMM ARGS…
 *   labhost poke 0000:00:04.0 REGISTER VALUE
 *
 * The guest prints "@begin N" and waits for a line; the counters are read
 * before it gets one. After the cell it prints "@end N counts". For each cell
 * one line comes out: "@row N counts host_irqs=… deliveries=… exits=…".
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define VECTORS 256
#define LINE_MAX_CHARS 1024
#define EDU_RAISE 0x60
#define PCI_COMMAND 4
#define PCI_COMMAND_MEMORY 2

#define EVENTS "/sys/kernel/tracing/events/kvm/"
#define ACCEPTED EVENTS "kvm_apic_accept_irq"
#define INJECTED EVENTS "kvm_inj_virq"

/* The host's counters at one moment; they only grow. */
struct sample {
	unsigned long long host_irqs;
	unsigned long long exits;
	unsigned long long accepted;		/* level-triggered, all vectors */
	unsigned long long injected[VECTORS];	/* with the APIC in userspace */
	double seconds;
};

struct run {
	/* Limits: for all of it, without a line, and for one cell. */
	double seconds, quiet, cell_seconds;
	bool userspace;		/* the VMM has the local APIC itself */
	const char *boot;	/* a device to poke before the guest has started */
	bool poked;
	bool reset;		/* tell the guest to reset in its first cell */
	pid_t pid;
	int to, from;
	double started, heard;
	char line[LINE_MAX_CHARS];
	size_t fill;
	bool in_cell;
	int cell;
	char counts[LINE_MAX_CHARS];	/* the guest's last word on the cell */
	struct sample begin;
	unsigned long long at_start;	/* host interrupts before the VMM */
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Interrupts that VFIO has taken; `lines` becomes the number of its lines. */
static unsigned long long count_vfio_intx(unsigned int *lines)
{
	FILE *f = fopen("/proc/interrupts", "r");
	unsigned long long total = 0;
	char line[4096];

	while (f && fgets(line, sizeof(line), f)) {
		char *p = strchr(line, ':');

		if (!p || !strstr(p, "vfio-intx"))
			continue;
		++*lines;
		for (p++;;) {
			char *end;
			unsigned long long n = strtoull(p, &end, 10);

			if (end == p)
				break;
			total += n;
			p = end;
		}
	}
	if (f)
		fclose(f);
	return total;
}

static unsigned long long read_number(const char *path)
{
	unsigned long long n = 0;
	FILE *f = fopen(path, "r");

	if (f && fscanf(f, "%llu", &n) != 1)
		n = 0;
	if (f)
		fclose(f);
	return n;
}

/* A tracefs histogram: lines "{ key:  33 } hitcount:  200". */
static unsigned long long read_hist(const char *event, unsigned long long by[VECTORS])
{
	unsigned long long total = 0;
	char path[128], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/hist", event);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		unsigned int key;
		unsigned long long hits;

		if (sscanf(line, "{ %*[a-z]: %u } hitcount: %llu", &key, &hits) != 2)
			continue;
		total += hits;
		if (by && key < VECTORS)
			by[key] = hits;
	}
	if (f)
		fclose(f);
	return total;
}

static struct sample take_sample(void)
{
	struct sample s = { 0 };
	unsigned int lines = 0;

	s.host_irqs = count_vfio_intx(&lines);
	s.exits = read_number("/sys/kernel/debug/kvm/exits");
	s.accepted = read_hist(ACCEPTED, NULL);
	read_hist(INJECTED, s.injected);
	s.seconds = now();
	return s;
}

/* Opened without O_TRUNC: truncating a trigger file clears every trigger. */
static void add_trigger(const char *event, const char *trigger)
{
	char path[128];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "%s/trigger", event);
	fd = open(path, O_WRONLY | O_APPEND);
	if (fd >= 0)
		n = write(fd, trigger, strlen(trigger));
	if (n < 0 && errno != EEXIST)
		printf("@note cannot count %s: %s\n", event, strerror(errno));
	if (fd >= 0)
		close(fd);
}

static unsigned long long delivered(const struct run *r, const struct sample *end)
{
	const char *v = strstr(r->counts, "vector=");
	unsigned long vector = v ? strtoul(v + 7, NULL, 10) : 0;

	if (!r->userspace)
		return end->accepted - r->begin.accepted;
	if (vector >= VECTORS)
		return 0;
	return end->injected[vector] - r->begin.injected[vector];
}

static void print_row(struct run *r, const char *more)
{
	struct sample end = take_sample();

	printf("@row %d %s host_irqs=%llu deliveries=%llu exits=%llu seconds=%.3f%s\n",
	       r->cell, r->counts, end.host_irqs - r->begin.host_irqs,
	       delivered(r, &end), end.exits - r->begin.exits,
	       end.seconds - r->begin.seconds, more);
	fflush(stdout);
	r->in_cell = false;
}

static void hear_line(struct run *r, char *line)
{
	char *at = strchr(line, '@');
	int used = 0;

	if (at && sscanf(at, "@begin %d", &r->cell) == 1) {
		r->in_cell = true;
		r->counts[0] = 0;
		r->begin = take_sample();
		if (r->boot && r->cell == 0)
			r->begin.host_irqs = r->at_start;
		if (dprintf(r->to, r->reset ? "reset\n" : "\n") < 0)
			printf("@note cannot answer the guest\n");
		r->reset = false;
	} else if (at && sscanf(at, "@end %*d %n", &used) == 0 && used && r->in_cell) {
		snprintf(r->counts, sizeof(r->counts), "%s", at + used);
		print_row(r, "");
	} else if (at && (!strncmp(at, "@progress ", 10) || !strncmp(at, "@stall ", 7))) {
		snprintf(r->counts, sizeof(r->counts), "%s", strchr(at, ' ') + 1);
	}
	printf("| %s\n", line);
	fflush(stdout);
}

static void hear(struct run *r, const char *data, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char c = data[i];

		if (c == '\n' || r->fill == sizeof(r->line) - 1) {
			r->line[r->fill] = 0;
			r->fill = 0;
			hear_line(r, r->line);
		} else if (c != '\r' && c) {
			r->line[r->fill++] = c;
		}
	}
}

/*
 * Writes a register of the device's first BAR. Only the low byte of the command
 * register is touched: DisINTx, in the high one, is VFIO's, and may change as
 * soon as the device asserts.
 */
static int poke(const char *device, unsigned long offset, uint32_t value)
{
	uint8_t command, with_memory;
	volatile uint32_t *bar;
	int config, fd, rc = 1;
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", device);
	config = open(path, O_RDWR);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource0", device);
	fd = open(path, O_RDWR | O_SYNC);
	if (config < 0 || fd < 0 || pread(config, &command, 1, PCI_COMMAND) != 1)
		goto out;
	with_memory = command | PCI_COMMAND_MEMORY;
	if (with_memory != command && pwrite(config, &with_memory, 1, PCI_COMMAND) != 1)
		goto out;
	bar = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (bar == MAP_FAILED || offset >= 4096)
		goto out;
	bar[offset / 4] = value;
	munmap((void *)(uintptr_t)bar, 4096);
	rc = with_memory != command && pwrite(config, &command, 1, PCI_COMMAND) != 1;
out:
	if (rc)
		printf("@note cannot poke %s: %s\n", device, strerror(errno));
	if (fd >= 0)
		close(fd);
	if (config >= 0)
		close(config);
	return rc;
}

/*
 * `boot`: the device asserts as soon as the VMM has its line, long before the
 * guest's kernel runs. Not earlier: the emulated host's IOAPIC forgets a level
 * that rose while its pin was not set up, which real ones do not.
 */
static void assert_at_boot(struct run *r)
{
	unsigned int lines = 0;

	if (!r->boot || r->poked)
		return;
	count_vfio_intx(&lines);
	if (lines) {
		r->poked = true;
		poke(r->boot, EDU_RAISE, 1);
	}
}

static int start_vmm(struct run *r, char **argv)
{
	int in[2], out[2];

	if (pipe(in) || pipe(out))
		return -errno;
	r->pid = fork();
	if (r->pid < 0)
		return -errno;
	if (r->pid == 0) {
		int err = open("/tmp/vmm.err", O_CREAT | O_TRUNC | O_WRONLY, 0600);

		dup2(in[0], 0);
		dup2(out[1], 1);
		if (err >= 0)
			dup2(err, 2);
		close(in[1]);
		close(out[0]);
		execvp(argv[0], argv);
		fprintf(stderr, "labhost: %s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	r->to = in[1];
	r->from = out[0];
	return 0;
}

/* Why the VMM must be stopped, or NULL. */
static const char *overdue(const struct run *r)
{
	if (now() - r->started > r->seconds)
		return "time";
	if (now() - r->heard > r->quiet)
		return "silent";
	if (r->in_cell && now() - r->begin.seconds > r->cell_seconds)
		return "cell";
	return NULL;
}

static void print_errors(void)
{
	FILE *f = fopen("/tmp/vmm.err", "r");
	char line[LINE_MAX_CHARS];

	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\r\n")] = 0;
		printf("! %s\n", line);
	}
	if (f)
		fclose(f);
}

/* irqfwd prints its table of forwards first: what hung shows in it. */
static void end_by_force(const struct run *r)
{
	kill(r->pid, SIGUSR1);
	usleep(500 * 1000);
	kill(r->pid, SIGKILL);
}

static int relay(struct run *r)
{
	const char *why = NULL;
	int status = 0;

	for (;;) {
		struct pollfd p = { .fd = r->from, .events = POLLIN };
		char data[4096];
		ssize_t n;

		why = overdue(r);
		if (why)
			break;
		assert_at_boot(r);
		if (poll(&p, 1, r->boot && !r->poked ? 20 : 200) <= 0)
			continue;
		n = read(r->from, data, sizeof(data));
		if (n <= 0)
			break;
		r->heard = now();
		hear(r, data, (size_t)n);
	}
	if (r->in_cell && why)
		print_row(r, " hung=1");
	else if (r->in_cell)	/* its counters are gone with it */
		printf("@row %d ended=1 %s\n", r->cell, r->counts);
	if (why)
		end_by_force(r);
	waitpid(r->pid, &status, 0);
	print_errors();
	printf("@exit %d %s seconds=%.3f\n",
	       WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
	       why ? why : "ended", now() - r->started);
	fflush(stdout);
	return 0;
}

static int command_run(int argc, char **argv)
{
	struct run r = { .seconds = 300, .quiet = 60, .cell_seconds = 60 };
	unsigned int lines = 0;
	int i;

	for (i = 0; i < argc && strcmp(argv[i], "--"); i++) {
		if (!strcmp(argv[i], "--userspace"))
			r.userspace = true;
		else if (!strcmp(argv[i], "--reset"))
			r.reset = true;
		else if (!strcmp(argv[i], "--boot") && i + 1 < argc)
			r.boot = argv[++i];
		else if (!strcmp(argv[i], "--seconds") && i + 1 < argc)
			r.seconds = atof(argv[++i]);
		else if (!strcmp(argv[i], "--quiet") && i + 1 < argc)
			r.quiet = atof(argv[++i]);
		else if (!strcmp(argv[i], "--cell-seconds") && i + 1 < argc)
			r.cell_seconds = atof(argv[++i]);
	}
	if (i + 1 >= argc)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	add_trigger(ACCEPTED, "hist:keys=vec if tm==1");
	add_trigger(INJECTED, "hist:keys=vector");
	r.started = r.heard = now();
	r.at_start = count_vfio_intx(&lines);
	if (start_vmm(&r, argv + i + 1))
		return 1;
	return relay(&r);
}

int main(int argc, char **argv)
{
	if (argc >= 2 && !strcmp(argv[1], "run")) {
		int rc = command_run(argc - 2, argv + 2);

		if (rc == 2)
			fprintf(stderr, "labhost run: give the VMM after --\n");
		return rc;
	}
	if (argc == 5 && !strcmp(argv[1], "poke"))
		return poke(argv[2], strtoul(argv[3], NULL, 0),
			    (uint32_t)strtoul(argv[4], NULL, 0));
	fprintf(stderr, "usage: labhost run … -- VMM ARGS | poke DEVICE REGISTER VALUE\n");
	return 2;
}
