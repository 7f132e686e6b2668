/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/platform.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "irqfwd.h"
#include "vmm/failure.h"

#define PORT_PIC_MASTER	0x20
#define PORT_PIC_SLAVE	0xa0
#define PORT_CONTROL_B	0x61	/* speaker, and a timer output that turns */
#define PORT_KEYBOARD_DATA	0x60
#define PORT_KEYBOARD	0x64	/* status and command */
#define PORT_RTC	0x70
#define PORT_DELAY	0x80
#define PORT_PM		PLATFORM_PM1_EVENT

#define I8042_PULSE_RESET 0xfe
#define RESET_CPU	0x04u	/* bit of port 0xcf9 whose rise resets */

/* ACPI 4.8.3: PM1 status, enable and control bits */
#define PM1_POWER_BUTTON	(1u << 8)
#define PM1_SCI_ENABLED		(1u << 0)
#define PM1_SLEEP_ENABLE	(1u << 13)
#define PM1_SLEEP_TYPE(v)	((v) >> 10 & 7)
#define PM1_SLEEP_TYPE_S5	5	/* as \_S5 in dsdt.asl */

/* MC146818 registers */
#define RTC_SECONDS	0x00
#define RTC_MINUTES	0x02
#define RTC_HOURS	0x04
#define RTC_WEEKDAY	0x06
#define RTC_DAY		0x07
#define RTC_MONTH	0x08
#define RTC_YEAR	0x09
#define RTC_A		0x0a
#define RTC_B		0x0b
#define RTC_C		0x0c
#define RTC_D		0x0d
#define RTC_A_32KHZ	0x26
#define RTC_B_24H	0x02
#define RTC_D_VALID	0x80

struct platform {
	struct machine *machine;
	struct irqfwd_line *sci;
	pthread_mutex_t lock;	/* guards what follows */
	uint16_t pm1_status;
	uint16_t pm1_enable;
	uint16_t pm1_control;
	uint8_t rtc_index;
	uint8_t nvram[128];
	/* Registers on their own. */
	_Atomic uint8_t reset;	/* port 0xcf9 as last written */
	_Atomic uint8_t control_b;
	_Atomic uint8_t pic_mask[2];
};

/* ---- ACPI power management ---------------------------------------------- */

static uint32_t pm_timer(void)
{
	struct timespec now;
	uint64_t ns;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	return (uint32_t)((unsigned __int128)ns * PLATFORM_PM_TIMER_HZ /
			  1000000000u);
}

/* With the lock, so that the line's changes come in the registers' order. */
static void update_sci(struct platform *p)
{
	irqfwd_line_set(p->sci, p->pm1_status & p->pm1_enable);
}

static uint64_t pm_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct platform *p = opaque;
	uint64_t block;

	/* Eight bytes of registers, then the timer; an access is inside one. */
	if (offset >= PLATFORM_PM_TIMER - PORT_PM)
		return pm_timer() >> (8 * (offset & 3));
	pthread_mutex_lock(&p->lock);
	block = p->pm1_status | (uint64_t)p->pm1_enable << 16 |
		(uint64_t)(p->pm1_control | PM1_SCI_ENABLED) << 32;
	pthread_mutex_unlock(&p->lock);
	return block >> (8 * offset);
}

/* Replaces the bytes of a word at base that an access to offset covers. */
static uint16_t merge(uint16_t old, unsigned int base, uint64_t offset,
		      uint64_t value, unsigned int size)
{
	uint64_t mask = ((1ull << (8 * size)) - 1) << (8 * offset);
	uint64_t bytes = value << (8 * offset);

	mask >>= 8 * base;
	bytes >>= 8 * base;
	return (uint16_t)((old & ~mask) | (bytes & mask));
}

static void pm_write_control(struct platform *p, uint16_t value)
{
	p->pm1_control = (uint16_t)(value & ~PM1_SLEEP_ENABLE);
	if ((value & PM1_SLEEP_ENABLE) &&
	    PM1_SLEEP_TYPE(value) == PM1_SLEEP_TYPE_S5)
		machine_request_poweroff(p->machine);
}

static void pm_write(void *opaque, uint64_t offset, uint64_t value,
		     unsigned int size)
{
	struct platform *p = opaque;

	if (offset + size > PLATFORM_PM_TIMER - PORT_PM)
		return;
	pthread_mutex_lock(&p->lock);
	/* Status bits are cleared by writing ones. */
	p->pm1_status &= (uint16_t)~merge(0, 0, offset, value, size);
	p->pm1_enable = merge(p->pm1_enable, 2, offset, value, size);
	update_sci(p);
	pm_write_control(p, merge(p->pm1_control, 4, offset, value, size));
	pthread_mutex_unlock(&p->lock);
}

void platform_press_power(struct platform *p)
{
	pthread_mutex_lock(&p->lock);
	p->pm1_status |= PM1_POWER_BUTTON;
	update_sci(p);
	pthread_mutex_unlock(&p->lock);
}

/* ---- reset -------------------------------------------------------------- */

static uint64_t reset_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct platform *p = opaque;

	return p->reset;
}

static void reset_write(void *opaque, uint64_t offset, uint64_t value,
			unsigned int size)
{
	struct platform *p = opaque;

	p->reset = (uint8_t)(value & ~RESET_CPU);
	if (value & RESET_CPU)
		machine_request_reset(p->machine);
}

/* No keyboard; its controller's output line to the processor's reset. */
static uint64_t keyboard_read(void *opaque, uint64_t offset, unsigned int size)
{
	return 0;	/* ready for a command */
}

static void keyboard_write(void *opaque, uint64_t offset, uint64_t value,
			   unsigned int size)
{
	struct platform *p = opaque;

	if ((value & 0xff) == I8042_PULSE_RESET)
		machine_request_reset(p->machine);
}

/* ---- clock -------------------------------------------------------------- */

static uint8_t bcd(int value)
{
	return (uint8_t)(value / 10 % 10 << 4 | value % 10);
}

static uint8_t rtc_value(const struct platform *p, uint8_t index)
{
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	switch (index) {
	case RTC_SECONDS:
		return bcd(tm.tm_sec);
	case RTC_MINUTES:
		return bcd(tm.tm_min);
	case RTC_HOURS:
		return bcd(tm.tm_hour);
	case RTC_WEEKDAY:
		return bcd(tm.tm_wday + 1);
	case RTC_DAY:
		return bcd(tm.tm_mday);
	case RTC_MONTH:
		return bcd(tm.tm_mon + 1);
	case RTC_YEAR:
		return bcd(tm.tm_year % 100);
	case PLATFORM_RTC_CENTURY:
		return bcd((tm.tm_year + 1900) / 100);
	case RTC_A:
		return RTC_A_32KHZ;
	case RTC_B:
		return RTC_B_24H;
	case RTC_C:
		return 0;
	case RTC_D:
		return RTC_D_VALID;
	default:
		return p->nvram[index];
	}
}

static uint64_t rtc_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct platform *p = opaque;
	uint8_t value;

	pthread_mutex_lock(&p->lock);
	value = offset ? rtc_value(p, p->rtc_index) : 0xff;
	pthread_mutex_unlock(&p->lock);
	return value;
}

/* The host's time is the guest's: writes reach the memory cells alone. */
static void rtc_write(void *opaque, uint64_t offset, uint64_t value,
		      unsigned int size)
{
	struct platform *p = opaque;

	pthread_mutex_lock(&p->lock);
	if (offset == 0)
		p->rtc_index = value & 0x7f;
	else
		p->nvram[p->rtc_index] = (uint8_t)value;
	pthread_mutex_unlock(&p->lock);
}

/* ---- what guests look for ----------------------------------------------- */

/*
 * 8259s that never interrupt: a guest masks them and reads the mask back, to
 * learn that they are there.  The command port reads as "nothing requested".
 */
static uint64_t pic_read(void *opaque, uint64_t offset, unsigned int size)
{
	const _Atomic uint8_t *mask = opaque;

	return offset ? *mask : 0;
}

static void pic_write(void *opaque, uint64_t offset, uint64_t value,
		      unsigned int size)
{
	_Atomic uint8_t *mask = opaque;

	if (offset)
		*mask = (uint8_t)value;
}

/* Bit 4 turns with each refresh of the memory, bit 5 is timer 2's output. */
static uint64_t control_b_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct platform *p = opaque;

	return (p->control_b ^= 0x10) | 0x20;
}

static void control_b_write(void *opaque, uint64_t offset, uint64_t value,
			    unsigned int size)
{
	struct platform *p = opaque;

	p->control_b = value & 0x0f;
}

/* Written to pass time, read for nothing. */
static uint64_t delay_read(void *opaque, uint64_t offset, unsigned int size)
{
	return 0;
}

static void delay_write(void *opaque, uint64_t offset, uint64_t value,
			unsigned int size)
{
}

/* ---- birth and death ---------------------------------------------------- */

static const struct io_ops pm_ops = { pm_read, pm_write };
static const struct io_ops reset_ops = { reset_read, reset_write };
static const struct io_ops keyboard_ops = { keyboard_read, keyboard_write };
static const struct io_ops rtc_ops = { rtc_read, rtc_write };
static const struct io_ops pic_ops = { pic_read, pic_write };
static const struct io_ops control_b_ops = { control_b_read, control_b_write };
static const struct io_ops delay_ops = { delay_read, delay_write };

static void platform_reset(void *opaque)
{
	struct platform *p = opaque;

	pthread_mutex_lock(&p->lock);
	p->pm1_status = p->pm1_enable = p->pm1_control = 0;
	update_sci(p);
	p->rtc_index = 0;
	p->reset = p->control_b = 0;
	p->pic_mask[0] = p->pic_mask[1] = 0;
	pthread_mutex_unlock(&p->lock);
}

static int add_all(struct platform *p)
{
	const struct {
		uint16_t base;
		uint16_t len;
		const struct io_ops *ops;
		void *opaque;
	} range[] = {
		{ PORT_PM, 12, &pm_ops, p },
		{ PLATFORM_RESET_PORT, 1, &reset_ops, p },
		{ PORT_KEYBOARD, 1, &keyboard_ops, p },
		{ PORT_KEYBOARD_DATA, 1, &delay_ops, NULL },
		{ PORT_CONTROL_B, 1, &control_b_ops, p },
		{ PORT_RTC, 2, &rtc_ops, p },
		{ PORT_PIC_MASTER, 2, &pic_ops, &p->pic_mask[0] },
		{ PORT_PIC_SLAVE, 2, &pic_ops, &p->pic_mask[1] },
		{ PORT_DELAY, 1, &delay_ops, NULL },
	};

	for (size_t i = 0; i < sizeof(range) / sizeof(range[0]); i++) {
		int err = machine_add_ports(p->machine, range[i].base,
					    range[i].len, range[i].ops,
					    range[i].opaque);

		if (err)
			return failure(-err, "port %#x is taken (%s)",
				       range[i].base, strerror(-err));
	}
	return machine_on_reset(p->machine, platform_reset, p);
}

int platform_new(struct platform **out, struct machine *m)
{
	struct platform *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return failure(ENOMEM, "no memory");
	p->machine = m;
	pthread_mutex_init(&p->lock, NULL);
	err = irqfwd_add_line(machine_irqchip(m), "sci", PLATFORM_SCI, &p->sci);
	if (err)
		failure(-err, "%s", irqfwd_error());
	else
		err = add_all(p);
	if (err) {
		platform_free(p);
		return err;
	}
	*out = p;
	return 0;
}

void platform_free(struct platform *p)
{
	if (!p)
		return;
	if (p->sci)
		irqfwd_remove_line(p->sci);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
