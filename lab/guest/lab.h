/* SPDX-License-Identifier: (MIT OR GPL-2.0) */
/*
 * The lab's guest driver: asserts interrupts of the edu device in a known
 * pattern, handles them as drivers of a known kind do, and counts.
 */
#ifndef IRQFWD_LAB_H
#define IRQFWD_LAB_H

#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/pci.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

/* edu registers (QEMU docs/specs/edu.txt) */
#define EDU_STATUS	0x24	/* causes that are asserted; the line is their OR */
#define EDU_RAISE	0x60	/* write: adds causes */
#define EDU_ACK		0x64	/* write: the device ack, removes causes */

#define CAUSE_FIRST	1u
#define CAUSE_SECOND	2u

#define LAB_DEVICES	2

enum lab_driver {
	DRIVER_THREAD,		/* threaded oneshot, no hard handler */
	DRIVER_HARD_THREAD,	/* threaded oneshot, trivial hard handler */
	DRIVER_PLAIN,		/* acks in the hard handler */
	DRIVER_SHARED,		/* two devices on one line, threaded oneshot */
	DRIVERS
};

enum lab_pattern {
	PATTERN_SINGLE,		/* one assertion at a time */
	PATTERN_REASSERT,	/* a new cause right after the device ack */
	PATTERN_PARTIAL,	/* two causes, one acked per call */
	PATTERN_BETWEEN,	/* a new cause between hard handler and thread */
	PATTERN_DISABLED_ACKED,	/* disable, assert, ack by polling, enable */
	PATTERN_DISABLED,	/* the same without the ack */
	PATTERN_BURST,		/* no waiting between assertions */
	PATTERN_SUSPEND,	/* a wakeup source while the system suspends */
	PATTERN_BOOT,		/* asserted before the guest started */
	PATTERNS
};

struct lab_device {
	struct pci_dev *pdev;
	void __iomem *regs;
	int irq;
	/* Guards the device's registers against each other, and what follows. */
	spinlock_t lock;
	bool react;	/* the pattern's one reaction of this round is still owed */
	bool seen;	/* shared: the hard handler saw a cause of its own */
	bool in_thread;	/* the handler has taken a cause and not returned */
};

/* What one cell counted; a call is a run of the driver's handler. */
struct lab_count {
	atomic_t asserted;	/* causes written to the device */
	atomic_t expected;	/* calls owed for them */
	atomic_t real;		/* calls that found a cause */
	atomic_t spurious;	/* calls that found none */
	atomic_t stalls;	/* calls that did not come in time */
	atomic_t late;		/* waits that a taken interrupt's thread outlasted */
};

struct lab_cell {
	enum lab_driver driver;
	enum lab_pattern pattern;
	unsigned int sleep_us;	/* the thread sleeps before its device ack */
	unsigned int count;	/* rounds */
	unsigned int seconds;	/* after these it ends early */
	unsigned int devices;	/* 1, or 2 for DRIVER_SHARED */
	struct lab_count n;
	wait_queue_head_t wait;	/* woken at each call */
};

extern struct lab_device lab_devices[LAB_DEVICES];

/* drivers.c */
int lab_driver_start(struct lab_cell *cell);
void lab_driver_stop(struct lab_cell *cell);
void lab_assert(struct lab_cell *cell, struct lab_device *dev, u32 causes);
void lab_ack_all(struct lab_device *dev);

/* patterns.c */
void lab_pattern_run(struct lab_cell *cell);
int lab_patterns_init(void);
void lab_patterns_exit(void);

/* main.c */
void lab_progress(const struct lab_cell *cell, const char *word);

#endif
