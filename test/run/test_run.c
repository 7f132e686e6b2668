/* SPDX-License-Identifier: Apache-2.0 */
/*
 * irqfwd run as a user runs it: exit codes and what it says.  The images need
 * /dev/kvm and are skipped without; wrong arguments need nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include <cmocka.h>

#define ARGS_MAX	24
#define TIME_LIMIT	30	/* seconds; SIGALRM ends a run that hangs */

static const char *irqfwd, *image;
static char env_file[] = "/tmp/irqfwd-env-XXXXXX";
static char text_file[] = "/tmp/irqfwd-text-XXXXXX";

struct result {
	int code;		/* exit code, or -1 */
	char text[16384];	/* standard output and error */
};

/* Reads what the child says until it says no more. */
static void listen_to(int fd, struct result *r)
{
	size_t used = 0;
	ssize_t nr;

	while ((nr = read(fd, r->text + used, sizeof(r->text) - 1 - used)) > 0)
		used += (size_t)nr;
	r->text[used] = 0;
}

/* after_us: when to send signal; 0: never */
static struct result run_and_signal(int signal, useconds_t after_us,
				    const char *const *args)
{
	struct result r = { .code = -1 };
	char *argv[ARGS_MAX] = { NULL };
	int fds[2], status;
	pid_t pid;

	argv[0] = (char *)(uintptr_t)irqfwd;
	for (int i = 0; args[i]; i++) {
		assert_true(i + 2 < ARGS_MAX);
		argv[i + 1] = (char *)(uintptr_t)args[i];
	}
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDONLY);

		dup2(null, 0);
		dup2(fds[1], 1);
		dup2(fds[1], 2);
		close(fds[0]);
		alarm(TIME_LIMIT);
		execv(irqfwd, argv);
		_exit(127);
	}
	assert_true(pid > 0);
	close(fds[1]);
	if (after_us) {
		usleep(after_us);
		kill(pid, signal);
	}
	listen_to(fds[0], &r);
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status))
		r.code = WEXITSTATUS(status);
	return r;
}

static struct result run(const char *const *args)
{
	return run_and_signal(0, 0, args);
}

#define RUN(...) run((const char *const[]){ __VA_ARGS__, NULL })

/* A command line of the shell; $R stands for irqfwd, $I for the image. */
static struct result run_in_shell(const char *line)
{
	const char *program = irqfwd;
	struct result r;
	char text[1024];

	snprintf(text, sizeof(text), "R='%s'; I='%s'; %s", irqfwd, image, line);
	irqfwd = "/bin/sh";
	r = RUN("-c", text);
	irqfwd = program;
	return r;
}

static void assert_says(const struct result *r, int code, const char *words)
{
	if (r->code != code || !strstr(r->text, words))
		fail_msg("exit code %d, not %d, or it does not say '%s':\n%s",
			 r->code, code, words, r->text);
}

static void need_kvm(void)
{
	int fd = open("/dev/kvm", O_RDWR);

	if (fd < 0) {
		print_message("# skipped: cannot open /dev/kvm: %s\n",
			      strerror(errno));
		skip();
	}
	close(fd);
}

/* ---- without KVM -------------------------------------------------------- */

static void wrong_arguments(void **state)
{
	static const char *const wrong[][5] = {
		{ "run", NULL, NULL, NULL, "--kernel FILE is missing" },
		{ "run", "--cpus", "0", NULL, "from 1 to 64" },
		{ "run", "--mem", "much", NULL, "not a size" },
		{ "run", "--device", "edu", NULL, "vfio-pci" },
		{ "run", "--stats", "xml", NULL, "table or json" },
		{ "run", "word", NULL, NULL, "is no option" },
		{ "run", "--colour", NULL, NULL, "unrecognized" },
		{ "walk", NULL, NULL, NULL, "no subcommand 'walk'" },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct result r = run(wrong[i]);

		assert_says(&r, 2, wrong[i][4]);
	}
}

static void help_and_version(void **state)
{
	struct result r = RUN("--help");

	assert_says(&r, 0, "run a guest");
	r = RUN("run", "--help");
	assert_says(&r, 0, "--test-device");
	r = RUN("--version");
	assert_says(&r, 0, "irqfwd ");
	r = RUN("run", "--version");
	assert_says(&r, 0, "irqfwd ");
}

/* ---- with KVM ----------------------------------------------------------- */

static void no_kernel(void **state)
{
	struct result r;

	need_kvm();
	r = RUN("run", "--kernel", "/nonexistent");
	assert_says(&r, 1, "cannot open kernel /nonexistent");
	r = RUN("run", "--kernel", env_file);
	assert_says(&r, 1, "is not a kernel");
	r = RUN("run", "--kernel", image, "--initrd", "/nonexistent");
	assert_says(&r, 1, "cannot open initrd /nonexistent");
	r = RUN("run", "--kernel", image, "--mem", "1M");
	assert_says(&r, 1, "--mem takes 2M to 512G");
}

static void no_device(void **state)
{
	struct result r;

	need_kvm();
	r = RUN("run", "--kernel", image, "--device",
		"vfio-pci,host=fffe:1e:1d.7");
	assert_says(&r, 1, "fffe:1e:1d.7");
}

/* Module, ports, memory, fw_cfg, an application processor, an interrupt. */
static void machine_is_as_test_images_expect(void **state)
{
	struct result r;

	need_kvm();
	r = RUN("run", "--kernel", image, "--env", env_file, "--append", "go",
		"--cpus", "2", "--mem", "16M", "--test-device", "--stats",
		"json");
	if (r.code != 0x10 * 2 + 1)
		fail_msg("check %d of pc.S failed (exit code %d):\n%s",
			 r.code >> 1, r.code, r.text);
	assert_non_null(strstr(r.text, "\"ioapic_eoi\": 1"));
}

static void guest_resets(void **state)
{
	struct result r;

	need_kvm();
	r = RUN("run", "--kernel", image, "--append", "k", "--test-device");
	assert_says(&r, 0x10 * 2 + 1, "");
	r = RUN("run", "--kernel", image, "--append", "c", "--test-device");
	assert_says(&r, 0x10 * 2 + 1, "");
	r = RUN("run", "--kernel", image, "--append", "c", "--test-device",
		"--no-reboot");
	assert_says(&r, 0, "");
}

static void guest_powers_off(void **state)
{
	struct result r;

	need_kvm();
	r = RUN("run", "--kernel", image, "--append", "p");
	assert_says(&r, 0, "");
}

static void guest_dies(void **state)
{
	struct result r;

	need_kvm();
	r = RUN("run", "--kernel", image, "--append", "t");
	assert_says(&r, 1, "triple fault");
}

/* Without --test-device the image's checks end in an endless loop. */
static void user_ends_it(void **state)
{
	static const char *const args[] = { "run", "--kernel", NULL, "--append",
					    "go", "--cpus", "2", NULL };
	const char *argv[sizeof(args) / sizeof(args[0])];
	struct result r;

	need_kvm();
	memcpy(argv, args, sizeof(args));
	argv[2] = image;
	r = run_and_signal(SIGTERM, 500000, argv);
	assert_says(&r, 128 + SIGTERM, "");
	r = run_and_signal(SIGINT, 500000, argv);
	assert_says(&r, 128 + SIGINT, "");
}

/* On a terminal: Ctrl-A h helps, Ctrl-A x ends; then it is as it was. */
static void terminal_keys(void **state)
{
	static const char keys[] = "abc\001h";
	struct termios before, after;
	char text[4096] = "";
	size_t used = 0;
	int master, slave, status;
	ssize_t nr;
	pid_t pid;

	need_kvm();
	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	assert_int_equal(tcgetattr(slave, &before), 0);
	pid = fork();
	if (pid == 0) {
		login_tty(slave);
		alarm(TIME_LIMIT);
		execl(irqfwd, irqfwd, "run", "--kernel", image, "--append", "go",
		      (char *)NULL);
		_exit(127);
	}
	usleep(500000);
	assert_int_equal(write(master, keys, sizeof(keys) - 1),
			 sizeof(keys) - 1);
	while (!strstr(text, "power button") && used < sizeof(text) - 1 &&
	       (nr = read(master, text + used, sizeof(text) - 1 - used)) > 0)
		used += (size_t)nr;
	assert_non_null(strstr(text, "power button"));
	assert_int_equal(write(master, "\001x", 2), 2);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 128 + SIGTERM);
	assert_int_equal(tcgetattr(slave, &after), 0);
	assert_int_equal(before.c_lflag, after.c_lflag);
	assert_int_equal(before.c_iflag, after.c_iflag);
	close(master);
	close(slave);
}

static void a_signal_asks_for_the_table(void **state)
{
	struct result r;

	need_kvm();
	r = run_in_shell("\"$R\" run --kernel \"$I\" --append go --cpus 2 & "
			 "sleep 0.5; kill -USR1 $!; sleep 0.3; "
			 "kill -TERM $!; wait $!");
	assert_says(&r, 128 + SIGTERM, "device  host irq  pin  policy");
	r = run_in_shell("\"$R\" run --kernel \"$I\" --append go --cpus 2 "
			 "--stats json & "
			 "sleep 0.5; kill -USR1 $!; sleep 0.3; kill -KILL $!");
	assert_says(&r, 0, "\"forwards\": [");
}

static void statistics_go_to_a_file(void **state)
{
	char text[4096];
	struct result r;
	ssize_t nr;
	int fd;

	need_kvm();
	r = RUN("run", "--kernel", image, "--append", "p", "--stats", "json",
		"--stats-file", text_file, "--trace", "/dev/null");
	assert_says(&r, 0, "");
	fd = open(text_file, O_RDONLY);
	nr = read(fd, text, sizeof(text) - 1);
	close(fd);
	assert_true(nr > 0);
	text[nr] = 0;
	assert_non_null(strstr(text, "\"forwards\""));
	assert_non_null(strstr(text, "\"exits\""));
	r = RUN("run", "--kernel", image, "--append", "p", "--trace",
		"/nonexistent/trace");
	assert_says(&r, 1, "/nonexistent/trace");
}

/* Full disks and closed streams; what nobody can read is not tried again. */
static void help_that_cannot_be_written(void **state)
{
	static const char *const lines[] = {
		"\"$R\" --help >/dev/full",
		"\"$R\" run --help >/dev/full",
		"\"$R\" explore --list >/dev/full",
		"\"$R\" sim --help >&-",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct result r = run_in_shell(lines[i]);

		assert_says(&r, 2, "cannot write all of standard output");
	}
}

static void output_that_cannot_be_written(void **state)
{
	static const struct {
		const char *line;
		int code;
		const char *words;
	} rows[] = {
		{ ">/dev/full", 1, "cannot write the guest's output (No space" },
		{ ">&-", 1, "cannot write the guest's output (Bad file" },
		{ "| true", 0, "" },
		{ "<&-", 0, "p\n" },
		{ "--trace /dev/full", 1, "all of the trace to /dev/full" },
		{ "--stats json --stats-file /dev/full", 1, "\"forwards\"" },
		{ "--stats-file /nonexistent/f", 1, "/nonexistent/f (No such" },
		{ "--stats json 2>/dev/full", 1, "" },
		{ "--stats json 2>&-", 1, "" },
	};

	need_kvm();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct result r;
		char line[256];

		snprintf(line, sizeof(line), "\"$R\" run --kernel \"$I\" "
			 "--append p %s", rows[i].line);
		r = run_in_shell(line);
		assert_says(&r, rows[i].code, rows[i].words);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_arguments),
		cmocka_unit_test(help_and_version),
		cmocka_unit_test(no_kernel),
		cmocka_unit_test(no_device),
		cmocka_unit_test(machine_is_as_test_images_expect),
		cmocka_unit_test(guest_resets),
		cmocka_unit_test(guest_powers_off),
		cmocka_unit_test(guest_dies),
		cmocka_unit_test(user_ends_it),
		cmocka_unit_test(terminal_keys),
		cmocka_unit_test(a_signal_asks_for_the_table),
		cmocka_unit_test(statistics_go_to_a_file),
		cmocka_unit_test(help_that_cannot_be_written),
		cmocka_unit_test(output_that_cannot_be_written),
	};
	int fd, failed;

	if (argc != 3) {
		fprintf(stderr, "usage: test_run IRQFWD IMAGE\n");
		return 2;
	}
	irqfwd = argv[1];
	image = argv[2];
	fd = mkstemp(env_file);
	if (fd < 0 || write(fd, "ENV=1\n", 6) != 6)
		return 1;
	close(fd);
	close(mkstemp(text_file));
	failed = cmocka_run_group_tests_name("run", tests, NULL, NULL);
	unlink(env_file);
	unlink(text_file);
	return failed;
}
