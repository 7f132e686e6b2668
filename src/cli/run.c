/* SPDX-License-Identifier: Apache-2.0 */
#include <argp.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "irqfwd.h"
#include "vmm/failure.h"
#include "vmm/session.h"

#define MEMORY_DEFAULT	(512ull << 20)

enum key {
	KEY_KERNEL = 'k',
	KEY_INITRD = 'i',
	KEY_APPEND = 'a',
	KEY_CPUS = 'c',
	KEY_MEM = 'm',
	KEY_DEVICE = 'd',
	KEY_TEST_DEVICE = 0x100,
	KEY_ENV,
	KEY_STATS,
	KEY_STATS_FILE,
	KEY_TRACE,
	KEY_NO_REBOOT,
};

static const struct argp_option argp_options[] = {
	{ NULL, 0, NULL, 0, "The guest:", 1 },
	{ "kernel", KEY_KERNEL, "FILE", 0,
	  "Linux bzImage, or multiboot 1 ELF32 image", 1 },
	{ "initrd", KEY_INITRD, "FILE", 0, "initial ram disk, or a module", 1 },
	{ "append", KEY_APPEND, "STRING", 0,
	  "kernel command line (Linux: console=ttyS0 if not given)", 1 },
	{ "env", KEY_ENV, "FILE", 0, "first module of a multiboot image", 1 },
	{ "cpus", KEY_CPUS, "N", 0, "virtual CPUs, 1 to 64 (1)", 1 },
	{ "mem", KEY_MEM, "SIZE", 0, "memory, with K, M, G or T behind it (512M)", 1 },
	{ NULL, 0, NULL, 0, "Devices:", 2 },
	{ "device", KEY_DEVICE, "vfio-pci,host=ADDRESS[,KEY=VALUE...]", 0,
	  "pass a PCI device through that is bound to vfio-pci.  irq=auto "
	  "(default) offers the guest all its kinds of interrupt, intx, msi or "
	  "msix one.  "
	  "policy=unmask (default), sample or eoi: when the host is asked "
	  "to look at the INTx line again; resample=eventfd or ioctl: by what.  "
	  "slot=N: where the guest finds it, 1 to 31",
	  2 },
	{ "test-device", KEY_TEST_DEVICE, NULL, 0,
	  "what bare-metal test images expect: exit port, interrupt lines, fw_cfg",
	  2 },
	{ NULL, 0, NULL, 0, "What happened:", 3 },
	{ "stats", KEY_STATS, "table|json", 0,
	  "print the forwards' counters at the end and on SIGUSR1; json counts "
	  "KVM exits too",
	  3 },
	{ "stats-file", KEY_STATS_FILE, "FILE", 0,
	  "write them there instead of to standard error", 3 },
	{ "trace", KEY_TRACE, "FILE", 0, "write a line for each transition", 3 },
	{ "no-reboot", KEY_NO_REBOOT, NULL, 0,
	  "end when the guest resets the machine", 3 },
	{ 0 },
};

static const char argp_doc[] =
	"Runs a guest under KVM.  The guest's serial port is standard input and "
	"output; on a terminal Ctrl-A x ends the machine and Ctrl-A h tells more."
	"\v"
	"Exit codes: 0 the guest powered off; 1 failure; 2 wrong arguments; "
	"128 + N ended by signal N; with --test-device twice the value "
	"written to port 0xf4, and one.\n"
	"\n"
	"To bind a device:\n"
	"  echo vfio-pci > /sys/bus/pci/devices/ADDRESS/driver_override\n"
	"  echo ADDRESS > /sys/bus/pci/devices/ADDRESS/driver/unbind\n"
	"  echo ADDRESS > /sys/bus/pci/drivers_probe";

/* Prints failure_text() the way argp prints its own errors, and exits. */
static void check(struct argp_state *state, const char *option, int err)
{
	if (err)
		argp_error(state, "%s%s", option, failure_text());
}

static void parse_stats(struct argp_state *state, struct run_options *o,
			const char *arg)
{
	o->stats = true;
	o->stats_json = strcmp(arg, "json") == 0;
	if (!o->stats_json && strcmp(arg, "table") != 0)
		argp_error(state, "--stats is table or json, not '%s'", arg);
}

static void parse_device(struct argp_state *state, struct run_options *o,
			 const char *arg)
{
	if (o->devices == OPTIONS_DEVICES_MAX)
		argp_error(state, "at most %d devices can be passed through",
			   OPTIONS_DEVICES_MAX);
	check(state, "", options_parse_device(arg, &o->device[o->devices]));
	for (unsigned int i = 0; i < o->devices; i++)
		if (strcmp(o->device[i].host, o->device[o->devices].host) == 0)
			argp_error(state, "--device: %s is given twice",
				   o->device[i].host);
	o->devices++;
}

static error_t parse_what_happened(int key, char *arg,
				   struct argp_state *state)
{
	struct run_options *o = state->input;

	switch (key) {
	case KEY_STATS:
		parse_stats(state, o, arg);
		return 0;
	case KEY_STATS_FILE:
		o->stats = true;
		o->stats_file = arg;
		return 0;
	case KEY_TRACE:
		o->trace_file = arg;
		return 0;
	case KEY_NO_REBOOT:
		o->no_reboot = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s' is no option", arg);
		return EINVAL;
	case ARGP_KEY_END:
		if (!o->files.kernel)
			argp_error(state, "--kernel FILE is missing");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct run_options *o = state->input;

	switch (key) {
	case KEY_KERNEL:
		o->files.kernel = arg;
		return 0;
	case KEY_INITRD:
		o->files.initrd = arg;
		return 0;
	case KEY_APPEND:
		o->files.append = arg;
		return 0;
	case KEY_ENV:
		o->files.env = arg;
		return 0;
	case KEY_CPUS:
		check(state, "--cpus: ",
		      options_parse_count(arg, MACHINE_CPUS_MAX, &o->cpus));
		return 0;
	case KEY_MEM:
		check(state, "--mem: ", options_parse_size(arg, &o->memory));
		return 0;
	case KEY_DEVICE:
		parse_device(state, o, arg);
		return 0;
	case KEY_TEST_DEVICE:
		o->test_device = true;
		return 0;
	default:
		return parse_what_happened(key, arg, state);
	}
}

static void print_version(FILE *to, struct argp_state *state)
{
	fprintf(to, "irqfwd %s\n", irqfwd_version());
}

int cmd_run(int argc, char **argv)
{
	static const struct argp argp = {
		.options = argp_options,
		.parser = parse,
		.doc = argp_doc,
	};
	struct run_options options = {
		.cpus = 1,
		.memory = MEMORY_DEFAULT,
	};
	char name[] = "irqfwd run";

	argv[0] = name;
	argp_program_version_hook = print_version;
	argp_err_exit_status = SESSION_USAGE;
	if (argp_parse(&argp, argc, argv, 0, NULL, &options))
		return SESSION_USAGE;
	return session_run(&options);
}
