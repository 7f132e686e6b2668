/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/console.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <termios.h>
#include <unistd.h>

#include "irqfwd.h"
#include "vmm/failure.h"
#include "vmm/serial.h"

#define PORT_COM1	0x3f8
#define IRQ_COM1	4
#define ESCAPE		0x01	/* Ctrl-A */
#define OUTPUT_MAX	256u
#define OUTPUT_WAIT_NS	5000000	/* a prompt appears after 5 ms */
#define RETRY_MS	20	/* while the guest reads too slowly */

struct console {
	struct machine *machine;
	struct platform *platform;
	struct serial *serial;
	struct irqfwd_line *line;
	bool input_open;
	bool is_terminal;
	bool raw;
	bool escaped;		/* the last key was Ctrl-A */
	struct termios saved;
	int timer;
	/*
	 * A write for each byte would cost more than the guest's exit: bytes
	 * wait for a line's end, a full buffer, or the timer.
	 */
	pthread_mutex_t lock;
	size_t used;
	uint8_t output[OUTPUT_MAX];
	int error;		/* of the first write that failed; or 0 */
};

/* ---- output ------------------------------------------------------------- */

static int write_all(const uint8_t *data, size_t len)
{
	while (len > 0) {
		ssize_t nr = write(STDOUT_FILENO, data, len);

		if (nr < 0 && errno == EAGAIN) {
			struct pollfd out = { STDOUT_FILENO, POLLOUT, 0 };

			poll(&out, 1, 100);
			continue;
		}
		if (nr < 0 && errno != EINTR)
			return errno;
		if (nr > 0) {
			data += nr;
			len -= (size_t)nr;
		}
	}
	return 0;
}

/* The guest goes on whoever listens.  A reader that left has had enough. */
static void flush_locked(struct console *c)
{
	int error = write_all(c->output, c->used);

	c->used = 0;
	if (!error || error == EPIPE || c->error)
		return;
	c->error = error;
	fprintf(stderr, "irqfwd run: cannot write the guest's output (%s): "
		"some of it is lost\n", strerror(error));
}

static void flush(struct console *c)
{
	pthread_mutex_lock(&c->lock);
	flush_locked(c);
	pthread_mutex_unlock(&c->lock);
}

static void arm_timer(struct console *c)
{
	const struct itimerspec soon = { .it_value.tv_nsec = OUTPUT_WAIT_NS };

	timerfd_settime(c->timer, 0, &soon, NULL);
}

static void output(void *opaque, uint8_t byte)
{
	struct console *c = opaque;

	pthread_mutex_lock(&c->lock);
	c->output[c->used++] = byte;
	if (byte == '\n' || c->used == OUTPUT_MAX)
		flush_locked(c);
	else if (c->used == 1)
		arm_timer(c);
	pthread_mutex_unlock(&c->lock);
}

/* ---- input -------------------------------------------------------------- */

static void help(void)
{
	fputs("\nCtrl-A x: end  p: power button  r: reset  Ctrl-A: Ctrl-A\n",
	      stderr);
}

static void command(struct console *c, uint8_t key)
{
	switch (key) {
	case ESCAPE:
		serial_receive(c->serial, &key, 1);
		break;
	case 'x':
		/* Through the same door as everything that ends the machine. */
		raise(SIGTERM);
		break;
	case 'p':
		platform_press_power(c->platform);
		break;
	case 'r':
		machine_request_reset(c->machine);
		break;
	case 'h':
		help();
		break;
	}
}

static void key(struct console *c, uint8_t byte)
{
	if (c->escaped) {
		c->escaped = false;
		command(c, byte);
	} else if (c->is_terminal && byte == ESCAPE) {
		c->escaped = true;
	} else {
		serial_receive(c->serial, &byte, 1);
	}
}

static void read_input(struct console *c)
{
	uint8_t data[64];
	size_t room = serial_room(c->serial);
	ssize_t nr;

	if (room > sizeof(data))
		room = sizeof(data);
	if (room == 0)
		return;
	nr = read(STDIN_FILENO, data, room);
	if (nr == 0 || (nr < 0 && errno != EINTR && errno != EAGAIN))
		c->input_open = false;
	for (ssize_t i = 0; i < nr; i++)
		key(c, data[i]);
}

void console_poll(struct console *c, struct pollfd polls[CONSOLE_POLLS])
{
	bool read = c->input_open && serial_room(c->serial) > 0;

	polls[0] = (struct pollfd){ read ? STDIN_FILENO : -1, POLLIN, 0 };
	polls[1] = (struct pollfd){ c->timer, POLLIN, 0 };
}

int console_timeout(struct console *c)
{
	return c->input_open && serial_room(c->serial) == 0 ? RETRY_MS : -1;
}

void console_ready(struct console *c, const struct pollfd polls[CONSOLE_POLLS])
{
	uint64_t expired;

	if (polls[0].revents)
		read_input(c);
	if (polls[1].revents &&
	    read(c->timer, &expired, sizeof(expired)) == sizeof(expired))
		flush(c);
}

/* ---- the port ----------------------------------------------------------- */

static void set_line(void *opaque, bool high)
{
	struct console *c = opaque;

	irqfwd_line_set(c->line, high);
}

static uint64_t port_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct console *c = opaque;

	return size == 1 ? serial_read(c->serial, (unsigned int)offset) :
			   UINT64_MAX;
}

static void port_write(void *opaque, uint64_t offset, uint64_t value,
		       unsigned int size)
{
	struct console *c = opaque;

	if (size == 1)
		serial_write(c->serial, (unsigned int)offset, (uint8_t)value);
}

static const struct io_ops port_ops = { port_read, port_write };

static void console_reset(void *opaque)
{
	struct console *c = opaque;

	serial_reset(c->serial);
	flush(c);
}

/* ---- birth and death ---------------------------------------------------- */

static void make_raw(struct console *c)
{
	struct termios raw;

	c->is_terminal = isatty(STDIN_FILENO);
	if (!c->is_terminal || tcgetattr(STDIN_FILENO, &c->saved))
		return;
	raw = c->saved;
	cfmakeraw(&raw);
	/* Tables go to the same terminal, with bare newlines. */
	raw.c_oflag |= OPOST;
	c->raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

static int build(struct console *c)
{
	const struct serial_config config = { output, set_line, c };
	int err;

	c->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (c->timer < 0)
		return failure(errno, "no timer (%s)", strerror(errno));
	c->serial = serial_new(&config);
	if (!c->serial)
		return failure(ENOMEM, "no memory");
	err = irqfwd_add_line(machine_irqchip(c->machine), "serial", IRQ_COM1,
			      &c->line);
	if (err)
		return failure(-err, "%s", irqfwd_error());
	err = machine_add_ports(c->machine, PORT_COM1, 8, &port_ops, c);
	if (!err)
		err = machine_on_reset(c->machine, console_reset, c);
	if (err)
		return failure(-err, "no serial port (%s)", strerror(-err));
	make_raw(c);
	return 0;
}

int console_new(struct console **out, struct machine *m,
		struct platform *platform)
{
	struct console *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return failure(ENOMEM, "no memory");
	c->machine = m;
	c->platform = platform;
	c->input_open = true;
	c->timer = -1;
	pthread_mutex_init(&c->lock, NULL);
	err = build(c);
	if (err) {
		console_free(c);
		return err;
	}
	*out = c;
	return 0;
}

int console_finish(struct console *c)
{
	int error;

	pthread_mutex_lock(&c->lock);
	flush_locked(c);
	error = c->error;
	pthread_mutex_unlock(&c->lock);
	return error;
}

void console_free(struct console *c)
{
	if (!c)
		return;
	flush(c);
	if (c->raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &c->saved);
	if (c->line)
		irqfwd_remove_line(c->line);
	serial_free(c->serial);
	if (c->timer >= 0)
		close(c->timer);
	pthread_mutex_destroy(&c->lock);
	free(c);
}
