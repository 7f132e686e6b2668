/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one interrupt costs: exits to userspace, system calls and wakeups,
 * counted; and the time from the trigger to the resample, as a ratio to KVM's
 * own IOAPIC with irqfd and resamplefd in the same run.
 *
 * The guest is that of the conformance tests, and serves on its own.  The
 * device is a word of its memory: the driver sets it and signals the trigger,
 * the guest's device ack clears it without an exit.  An interrupt is done when
 * a resample is seen with the word clear.  All threads are on one CPU.
 */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <json-c/json.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"
#include "irqchip.h"
#include "machine.h"

#define WARM_UP		50
#define RUNS_MAX	31
#define DONE_MS		2000

struct mode {
	const char *name;
	uint32_t handler;
	unsigned int writes;	/* the guest's writes of IOAPIC registers */
};

static const struct mode modes[] = {
	{ "plain", HANDLER_PLAIN, 0 },
	{ "oneshot", HANDLER_ONESHOT, 4 },
};
static const struct irqchip *const irqchips[] = {
	&irqchip_kernel,
	&irqchip_split,
	&irqchip_coalesced,
};
#define MODES		(sizeof(modes) / sizeof(modes[0]))
#define IRQCHIPS	(sizeof(irqchips) / sizeof(irqchips[0]))

struct counts {
	uint64_t exits[EXIT_NR];
	uint64_t calls[CALL_NR];
	uint64_t wakeups;	/* of the vCPU's and the library's threads */
	uint64_t handled;
	uint64_t host_irqs;
};

struct row {
	const struct irqchip *irqchip;
	const struct mode *mode;
	unsigned int runs;
	double us[RUNS_MAX];	/* per interrupt, one for each run */
	struct counts sum;
	uint64_t interrupts;
	bool eois_by_itself;
};

struct bench {
	struct machine m;
	const struct mode *mode;
	pthread_t thread;
	uint64_t host_irqs;
};

static struct {
	unsigned int count, runs;
	const char *irqchip, *mode;
	const char *json;	/* a file for the rows, or NULL */
} options = { .count = 2000, .runs = 7, .irqchip = "all", .mode = "all" };

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void die(const char *what, const char *why)
{
	fprintf(stderr, "bench_interrupt: %s: %s\n", what, why);
	exit(1);
}

/* ---- the guest's side --------------------------------------------------- */

static void *run_vcpu(void *opaque)
{
	struct bench *b = opaque;
	enum machine_exit why = EXIT_OTHER;

	pthread_setname_np(pthread_self(), "vcpu");
	do
		machine_run(&b->m, 0, &why);
	while (why != EXIT_COMMAND && !b->m.why[0]);
	return NULL;
}

static volatile uint32_t *mail(struct bench *b, unsigned int field)
{
	return &b->m.vcpu[0].mail[field / 4];
}

static void begin(struct bench *b, const struct irqchip *irqchip,
		  const struct mode *mode)
{
	memset(b, 0, sizeof(*b));
	b->mode = mode;
	if (machine_init(&b->m, irqchip))
		die(irqchip->name, b->m.why);
	if (irqchip->forward(&b->m, 0, PIN, IRQFWD_POLICY_DEFAULT))
		die(irqchip->name, "the forward cannot be added");
	guest_dest(&b->m, 0, PIN, 0);
	guest_entry(&b->m, 0, PIN, VECTOR | ENTRY_LEVEL);
	*mail(b, MAIL_HANDLER) = mode->handler;
	*mail(b, MAIL_ENTRY) = VECTOR | ENTRY_LEVEL;
	*mail(b, MAIL_SELECT) = 0x10 + 2 * PIN;
	*mail(b, MAIL_EXIT) = b->m.eois_by_itself;
	*mail(b, MAIL_OP) = OP_SERVE;
	*mail(b, MAIL_HANDLED) = 0;
	memset(b->m.exits, 0, sizeof(b->m.exits));
	pthread_create(&b->thread, NULL, run_vcpu, b);
}

/* ---- the device's side --------------------------------------------------
 * readv and writev, so that strace can tell these calls from what is measured.
 */

static void trigger(struct bench *b)
{
	uint64_t one = 1;
	struct iovec iov = { &one, sizeof(one) };

	b->host_irqs++;
	if (writev(b->m.device[0].trigger_fd, &iov, 1) != sizeof(one))
		die("trigger", strerror(errno));
}

static void stuck(struct bench *b)
{
	fprintf(stderr, "bench_interrupt: %s, %s: no resample came; line %u, "
		"thread %u, handled %u, host interrupts %llu, exits %llu, "
		"entry 0x%x %s\n", b->mode->name, b->m.irqchip->name,
		*mail(b, MAIL_LEVEL), *mail(b, MAIL_THREAD),
		*mail(b, MAIL_HANDLED), (unsigned long long)b->host_irqs,
		(unsigned long long)b->m.exits[EXIT_EOI], *mail(b, MAIL_ENTRY),
		b->m.why);
	exit(1);
}

static void wait_for_resample(struct bench *b)
{
	struct pollfd pfd = { b->m.device[0].resample_fd, POLLIN, 0 };
	uint64_t count;
	struct iovec iov = { &count, sizeof(count) };

	while (readv(pfd.fd, &iov, 1) < 0)
		if (poll(&pfd, 1, DONE_MS) <= 0)
			stuck(b);
}

/*
 * One interrupt.  A resample while the line is high makes the host fire again;
 * but where KVM EOIs before the handler has run, that is KVM's doing here, and
 * the plain handler is waited for instead.
 */
static void interrupt(struct bench *b)
{
	bool patient = b->m.eois_by_itself && b->mode->handler == HANDLER_PLAIN;

	*mail(b, MAIL_LEVEL) = 1;
	trigger(b);
	for (;;) {
		wait_for_resample(b);
		while (patient && *mail(b, MAIL_LEVEL))
			sched_yield();
		if (!*mail(b, MAIL_LEVEL))
			return;
		trigger(b);
	}
}

/* One more interrupt, to leave the HLT by. */
static void end(struct bench *b)
{
	struct timespec until;

	*mail(b, MAIL_STOP) = 1;
	*mail(b, MAIL_LEVEL) = 1;
	trigger(b);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 2 * DONE_MS / 1000;
	if (pthread_timedjoin_np(b->thread, NULL, &until))
		stuck(b);
	if (b->m.why[0])
		die("the guest", b->m.why);
	machine_destroy(&b->m);
}

/* ---- counting ----------------------------------------------------------- */

static uint64_t switches_of(int task)
{
	char path[64], line[128];
	unsigned long long switches = 0;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", task);
	status = fopen(path, "r");
	while (status && fgets(line, sizeof(line), status))
		sscanf(line, "voluntary_ctxt_switches: %llu", &switches);
	if (status)
		fclose(status);
	return switches;
}

/* Of every thread but this one: what they slept for, and were woken from. */
static uint64_t wakeups(void)
{
	DIR *dir = opendir("/proc/self/task");
	uint64_t sum = 0;
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		int task = atoi(entry->d_name);

		if (task && task != getpid())
			sum += switches_of(task);
	}
	if (dir)
		closedir(dir);
	return sum;
}

static struct counts count(struct bench *b)
{
	struct counts c = { .handled = *mail(b, MAIL_HANDLED),
			    .host_irqs = b->host_irqs };

	for (int i = 0; i < EXIT_NR; i++)
		c.exits[i] = __atomic_load_n(&b->m.exits[i], __ATOMIC_RELAXED);
	calls_get(c.calls);
	c.wakeups = wakeups();
	return c;
}

static void add_difference(struct counts *sum, const struct counts *before,
			   const struct counts *after)
{
	for (int i = 0; i < EXIT_NR; i++)
		sum->exits[i] += after->exits[i] - before->exits[i];
	for (int i = 0; i < CALL_NR; i++)
		sum->calls[i] += after->calls[i] - before->calls[i];
	sum->wakeups += after->wakeups - before->wakeups;
	sum->handled += after->handled - before->handled;
	sum->host_irqs += after->host_irqs - before->host_irqs;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void sort(double *values, unsigned int nr)
{
	qsort(values, nr, sizeof(*values), by_value);
}

static void measure(struct row *row)
{
	static struct bench b;
	struct counts before, after;
	double *us = calloc(options.count, sizeof(*us));

	begin(&b, row->irqchip, row->mode);
	for (unsigned int i = 0; i < WARM_UP; i++)
		interrupt(&b);
	poll(NULL, 0, 2);	/* to the HLT: the same place at both ends */
	before = count(&b);
	for (unsigned int i = 0; i < options.count; i++) {
		uint64_t start = now_ns();

		interrupt(&b);
		us[i] = (double)(now_ns() - start) / 1e3;
	}
	poll(NULL, 0, 2);
	after = count(&b);
	add_difference(&row->sum, &before, &after);
	row->interrupts += options.count;
	row->eois_by_itself = b.m.eois_by_itself;
	/* The median of a run: the scheduler's hiccups are not ours. */
	sort(us, options.count);
	row->us[row->runs++] = us[options.count / 2];
	end(&b);
	free(us);
}

/* ---- telling ------------------------------------------------------------ */

static double per(const struct row *row, uint64_t count)
{
	return (double)count / (double)row->interrupts;
}

static double calls_per(const struct row *row)
{
	uint64_t sum = 0;

	for (int i = 0; i < CALL_NR; i++)
		sum += row->sum.calls[i];
	return per(row, sum);
}

/* The OUT that stands in for an honest KVM's timing is not the interrupt's. */
static double exits_per(const struct row *row)
{
	return per(row, row->sum.exits[EXIT_EOI] + row->sum.exits[EXIT_MMIO]);
}

static double ratio(const struct row *row, const struct row *peer)
{
	return peer->runs ? row->us[row->runs / 2] / peer->us[peer->runs / 2] :
			    0;
}

static void print_row(const struct row *row, const struct row *peer)
{
	printf("%-8s %-9s %6.2f %6.2f %6.2f %6.2f %8.2f %8.2f %9.1f",
	       row->mode->name, row->irqchip->name,
	       per(row, row->sum.host_irqs), per(row, row->sum.handled),
	       per(row, row->sum.exits[EXIT_EOI]),
	       per(row, row->sum.exits[EXIT_MMIO]), calls_per(row),
	       per(row, row->sum.wakeups), row->us[row->runs / 2]);
	if (peer && peer->runs)
		printf(" %6.2f", ratio(row, peer));
	printf("\n");
}

static void print_calls(const struct row *row)
{
	printf("  %s, %s:", row->mode->name, row->irqchip->name);
	for (int i = 0; i < CALL_NR; i++)
		if (row->sum.calls[i])
			printf("  %s %.2f", call_name[i],
			       per(row, row->sum.calls[i]));
	printf("\n");
}

static void print_table(struct row rows[MODES][IRQCHIPS])
{
	bool by_itself = false;

	printf("an interrupt of a level-triggered device, %u runs of %u; "
	       "median µs from trigger to resample\n\n", options.runs,
	       options.count);
	printf("%-8s %-9s %6s %6s %6s %6s %8s %8s %9s %6s\n", "handler",
	       "irqchip", "host", "guest", "EOI", "MMIO", "calls", "wakeups",
	       "µs", "ratio");
	for (size_t i = 0; i < MODES; i++)
		for (size_t c = 0; c < IRQCHIPS; c++)
			if (rows[i][c].runs)
				print_row(&rows[i][c], c ? &rows[i][0] : NULL);
	printf("\nsystem calls of an interrupt\n");
	for (size_t i = 0; i < MODES; i++)
		for (size_t c = 0; c < IRQCHIPS; c++) {
			if (rows[i][c].runs)
				print_calls(&rows[i][c]);
			by_itself |= rows[i][c].eois_by_itself;
		}
	printf("\nhost, guest: host interrupts, handlers entered.  EOI, MMIO: "
	       "exits to userspace.\nkernel: KVM's IOAPIC; its work queue's "
	       "wakeups are not counted.  split: irqfwd.\ncoalesced: the same, where the VMM lets "
	       "KVM keep writes of IOREGSEL until the next exit.\n");
	if (by_itself)
		printf("This KVM EOIs as it injects, so each handler makes an "
		       "OUT after its EOI, on both\nirqchips: one more exit "
		       "and KVM_RUN, in calls and µs, not in EOI and MMIO.\n");
}

static struct json_object *row_json(const struct row *row,
				    const struct row *peer)
{
	struct json_object *o = json_object_new_object();
	struct json_object *calls = json_object_new_object();

#define ADD(key, value)	json_object_object_add(o, key, value)
#define NUMBER(value)	json_object_new_double(value)
	ADD("handler", json_object_new_string(row->mode->name));
	ADD("irqchip", json_object_new_string(row->irqchip->name));
	ADD("interrupts", json_object_new_int64((int64_t)row->interrupts));
	ADD("host_irqs", NUMBER(per(row, row->sum.host_irqs)));
	ADD("handled", NUMBER(per(row, row->sum.handled)));
	ADD("exits_eoi", NUMBER(per(row, row->sum.exits[EXIT_EOI])));
	ADD("exits_mmio", NUMBER(per(row, row->sum.exits[EXIT_MMIO])));
	ADD("exits_io", NUMBER(per(row, row->sum.exits[EXIT_IO])));
	ADD("wakeups", NUMBER(per(row, row->sum.wakeups)));
	ADD("us", NUMBER(row->us[row->runs / 2]));
	ADD("kvm_eois_by_itself", json_object_new_boolean(row->eois_by_itself));
	if (peer->runs)
		ADD("ratio", NUMBER(ratio(row, peer)));
	for (int i = 0; i < CALL_NR; i++)
		json_object_object_add(calls, call_name[i],
				       NUMBER(per(row, row->sum.calls[i])));
	ADD("calls", calls);
#undef ADD
#undef NUMBER
	return o;
}

static int save_json(struct row rows[MODES][IRQCHIPS])
{
	struct json_object *all = json_object_new_array();
	int failed;

	for (size_t i = 0; i < MODES; i++)
		for (size_t c = 0; c < IRQCHIPS; c++)
			if (rows[i][c].runs)
				json_object_array_add(
					all, row_json(&rows[i][c], &rows[i][0]));
	failed = json_object_to_file_ext(options.json, all,
					 JSON_C_TO_STRING_PRETTY);
	if (failed)
		fprintf(stderr, "bench_interrupt: %s", json_util_get_last_err());
	json_object_put(all);
	return failed ? 1 : 0;
}

/*
 * The bounds that irqfwd promises: a plain interrupt exits at most twice, a
 * oneshot one no more than at the guest's own register writes and its EOI.
 */
static int check(struct row rows[MODES][IRQCHIPS])
{
	int failed = 0;

	for (size_t i = 0; i < MODES * IRQCHIPS; i++) {
		const struct row *row = &rows[i / IRQCHIPS][i % IRQCHIPS];
		double most = 2;

		if (!row->runs || !row->irqchip->ours)
			continue;
		if (row->mode->writes)
			most = row->mode->writes + 1;
		if (exits_per(row) <= most)
			continue;
		fprintf(stderr, "%s, %s: %.2f exits for an interrupt, more "
			"than %.0f\n", row->mode->name, row->irqchip->name,
			exits_per(row), most);
		failed = 1;
	}
	return failed;
}

/* ---- the whole ---------------------------------------------------------- */

static bool chosen(const char *choice, const char *name)
{
	return !strcmp(choice, "all") || !strcmp(choice, name);
}

static void measure_all(struct row rows[MODES][IRQCHIPS])
{
	const char *why;

	/* Irqchips in turn, so that a change of the machine hits both. */
	for (unsigned int run = 0; run < options.runs; run++)
		for (size_t i = 0; i < MODES; i++)
			for (size_t c = 0; c < IRQCHIPS; c++) {
				struct row *row = &rows[i][c];

				row->irqchip = irqchips[c];
				row->mode = &modes[i];
				if (chosen(options.irqchip, irqchips[c]->name) &&
				    chosen(options.mode, modes[i].name) &&
				    machine_possible(irqchips[c], &why))
					measure(row);
			}
	for (size_t i = 0; i < MODES; i++)
		for (size_t c = 0; c < IRQCHIPS; c++)
			sort(rows[i][c].us, rows[i][c].runs);
}

static void usage(void)
{
	fprintf(stderr,
		"usage: bench_interrupt [--count N] [--runs N] "
		"[--irqchip kernel|split|coalesced|all]\n"
		"                       [--mode plain|oneshot|all] [--json FILE]\n");
	exit(2);
}

static void parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "count", required_argument, NULL, 'c' },
		{ "runs", required_argument, NULL, 'r' },
		{ "irqchip", required_argument, NULL, 'i' },
		{ "mode", required_argument, NULL, 'm' },
		{ "json", required_argument, NULL, 'j' },
		{ 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (opt == 'c')
			options.count = (unsigned int)atoi(optarg);
		else if (opt == 'r')
			options.runs = (unsigned int)atoi(optarg);
		else if (opt == 'i')
			options.irqchip = optarg;
		else if (opt == 'm')
			options.mode = optarg;
		else if (opt == 'j')
			options.json = optarg;
		else
			usage();
	}
	if (!options.count || options.count > 1000000 || !options.runs ||
	    options.runs > RUNS_MAX || optind != argc)
		usage();
}

static void pin(void)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	CPU_ZERO(&set);
	CPU_SET(cpu < 0 ? 0 : (size_t)cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

int main(int argc, char **argv)
{
	static struct row rows[MODES][IRQCHIPS];
	const char *why;

	parse(argc, argv);
	if (!machine_possible(&irqchip_split, &why)) {
		printf("skipped: %s\n", why);
		return 77;
	}
	calls_ignore_me();
	pin();
	measure_all(rows);
	print_table(rows);
	if (options.json && save_json(rows))
		return 1;
	return check(rows);
}
