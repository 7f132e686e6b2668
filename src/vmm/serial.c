/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/serial.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Registers by offset; DLL and DLM where LCR's bit 7 is set. */
#define REG_DATA	0	/* receive and transmit; DLL */
#define REG_IER		1	/* interrupt enable; DLM */
#define REG_IIR		2	/* read: interrupt identification; write: FIFOs */
#define REG_LCR		3
#define REG_MCR		4
#define REG_LSR		5
#define REG_MSR		6
#define REG_SCRATCH	7

#define IER_RECEIVED	0x01
#define IER_EMPTY	0x02
#define IER_BITS	0x0f
#define IIR_NONE	0x01
#define IIR_EMPTY	0x02
#define IIR_RECEIVED	0x04
#define IIR_FIFOS	0xc0
#define FCR_ENABLE	0x01
#define FCR_CLEAR_INPUT	0x02
#define LCR_DIVISOR	0x80
#define MCR_DTR		0x01
#define MCR_RTS		0x02
#define MCR_OUT1	0x04
#define MCR_OUT2	0x08	/* on a PC: lets the interrupt through */
#define MCR_LOOP	0x10
#define LSR_DATA	0x01
#define LSR_EMPTY	0x60	/* holding and shift registers */
#define MSR_CTS		0x10
#define MSR_DSR		0x20
#define MSR_RI		0x40
#define MSR_DCD		0x80

struct serial {
	pthread_mutex_t lock;
	struct serial_config config;
	uint8_t ier, fcr, lcr, mcr, scratch;
	uint8_t divisor[2];
	bool empty_due;		/* "transmitter empty" was not yet reported */
	bool high;		/* what the line was last told */
	uint32_t head, tail;	/* of input, counted without end */
	uint8_t input[SERIAL_INPUT];
};

static bool has_input(const struct serial *s)
{
	return s->head != s->tail;
}

static uint8_t interrupt_id(const struct serial *s)
{
	if ((s->ier & IER_RECEIVED) && has_input(s))
		return IIR_RECEIVED;
	if ((s->ier & IER_EMPTY) && s->empty_due)
		return IIR_EMPTY;
	return IIR_NONE;
}

/* The only place that drives the line. */
static void update_line(struct serial *s)
{
	bool high = interrupt_id(s) != IIR_NONE && (s->mcr & MCR_OUT2) &&
		    !(s->mcr & MCR_LOOP);

	if (high == s->high)
		return;
	s->high = high;
	s->config.line(s->config.opaque, high);
}

static void put_input(struct serial *s, uint8_t byte)
{
	if (s->head - s->tail < SERIAL_INPUT)
		s->input[s->head++ % SERIAL_INPUT] = byte;
}

static uint8_t get_input(struct serial *s)
{
	return has_input(s) ? s->input[s->tail++ % SERIAL_INPUT] : 0;
}

/* Looped back, the outputs of MCR are the inputs of MSR: drivers probe so. */
static uint8_t modem_status(const struct serial *s)
{
	if (!(s->mcr & MCR_LOOP))
		return MSR_CTS | MSR_DSR | MSR_DCD;
	return (uint8_t)((s->mcr & MCR_RTS ? MSR_CTS : 0) |
			 (s->mcr & MCR_DTR ? MSR_DSR : 0) |
			 (s->mcr & MCR_OUT1 ? MSR_RI : 0) |
			 (s->mcr & MCR_OUT2 ? MSR_DCD : 0));
}

static uint8_t read_id(struct serial *s)
{
	uint8_t id = interrupt_id(s);

	if (id == IIR_EMPTY)
		s->empty_due = false;
	return id | (s->fcr & FCR_ENABLE ? IIR_FIFOS : 0);
}

static uint8_t read_register(struct serial *s, unsigned int offset)
{
	switch (offset) {
	case REG_DATA:
		return s->lcr & LCR_DIVISOR ? s->divisor[0] : get_input(s);
	case REG_IER:
		return s->lcr & LCR_DIVISOR ? s->divisor[1] : s->ier;
	case REG_IIR:
		return read_id(s);
	case REG_LCR:
		return s->lcr;
	case REG_MCR:
		return s->mcr;
	case REG_LSR:
		return LSR_EMPTY | (has_input(s) ? LSR_DATA : 0);
	case REG_MSR:
		return modem_status(s);
	case REG_SCRATCH:
		return s->scratch;
	}
	return 0xff;
}

static void send(struct serial *s, uint8_t byte)
{
	if (s->mcr & MCR_LOOP)
		put_input(s, byte);
	else
		s->config.output(s->config.opaque, byte);
	/* Sent at once; the driver's pin is edge-triggered and wants the fall. */
	s->empty_due = false;
	update_line(s);
	s->empty_due = true;
}

static void write_ier(struct serial *s, uint8_t value)
{
	/* Enabling it while the transmitter is empty interrupts at once. */
	if ((value & IER_EMPTY) && !(s->ier & IER_EMPTY))
		s->empty_due = true;
	s->ier = value & IER_BITS;
}

static void write_register(struct serial *s, unsigned int offset, uint8_t value)
{
	switch (offset) {
	case REG_DATA:
		if (s->lcr & LCR_DIVISOR)
			s->divisor[0] = value;
		else
			send(s, value);
		break;
	case REG_IER:
		if (s->lcr & LCR_DIVISOR)
			s->divisor[1] = value;
		else
			write_ier(s, value);
		break;
	case REG_IIR:
		s->fcr = value;
		if (value & FCR_CLEAR_INPUT)
			s->tail = s->head;
		break;
	case REG_LCR:
		s->lcr = value;
		break;
	case REG_MCR:
		s->mcr = value & 0x1f;
		break;
	case REG_SCRATCH:
		s->scratch = value;
		break;
	}
}

uint8_t serial_read(struct serial *s, unsigned int offset)
{
	uint8_t value;

	pthread_mutex_lock(&s->lock);
	value = read_register(s, offset);
	update_line(s);
	pthread_mutex_unlock(&s->lock);
	return value;
}

void serial_write(struct serial *s, unsigned int offset, uint8_t value)
{
	pthread_mutex_lock(&s->lock);
	write_register(s, offset, value);
	update_line(s);
	pthread_mutex_unlock(&s->lock);
}

size_t serial_room(struct serial *s)
{
	size_t room;

	pthread_mutex_lock(&s->lock);
	room = SERIAL_INPUT - (s->head - s->tail);
	pthread_mutex_unlock(&s->lock);
	return room;
}

void serial_receive(struct serial *s, const uint8_t *data, size_t len)
{
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < len; i++)
		put_input(s, data[i]);
	update_line(s);
	pthread_mutex_unlock(&s->lock);
}

void serial_reset(struct serial *s)
{
	pthread_mutex_lock(&s->lock);
	s->ier = s->fcr = s->lcr = s->mcr = s->scratch = 0;
	s->divisor[0] = s->divisor[1] = 0;
	s->empty_due = false;
	s->tail = s->head;
	update_line(s);
	pthread_mutex_unlock(&s->lock);
}

struct serial *serial_new(const struct serial_config *config)
{
	struct serial *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	pthread_mutex_init(&s->lock, NULL);
	s->config = *config;
	return s;
}

void serial_free(struct serial *s)
{
	if (!s)
		return;
	pthread_mutex_destroy(&s->lock);
	free(s);
}
