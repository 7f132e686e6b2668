/* SPDX-License-Identifier: Apache-2.0 */
/* What `irqfwd run` was asked for, as its parts need it. */
#ifndef VMM_OPTIONS_H
#define VMM_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "irqfwd.h"
#include "vmm/loader.h"

#define OPTIONS_DEVICES_MAX	16

enum device_irq {
	DEVICE_IRQ_AUTO,	/* all that the device has; the guest chooses */
	DEVICE_IRQ_INTX,	/* MSI and MSI-X capabilities hidden */
	DEVICE_IRQ_MSI,		/* MSI-X capability hidden */
	DEVICE_IRQ_MSIX,	/* MSI capability hidden */
};

/* One --device vfio-pci,… */
struct device_options {
	char host[16];			/* "0000:00:03.0" */
	enum device_irq irq;
	enum irqfwd_policy policy;	/* of its INTx */
	unsigned int slot;		/* in the guest, 1 … 31; 0: the next free one */
	bool unmask_by_ioctl;		/* its INTx: not by eventfd, to compare */
};

struct run_options {
	struct kernel_files files;
	unsigned int cpus;
	uint64_t memory;		/* bytes */
	unsigned int devices;
	struct device_options device[OPTIONS_DEVICES_MAX];
	bool test_device;
	bool no_reboot;
	bool stats;			/* asked for, even with no forward */
	bool stats_json;
	const char *stats_file;		/* NULL: standard error */
	const char *trace_file;		/* NULL: no trace */
};

/*
 * Both: -EINVAL with failure().
 * text: "vfio-pci,host=0000:00:03.0[,KEY=VALUE…]"
 */
int options_parse_device(const char *text, struct device_options *out);
/* text: a number with K, M, G, T or nothing (bytes) behind it */
int options_parse_size(const char *text, uint64_t *out);
/* text: a number from 1 to max */
int options_parse_count(const char *text, unsigned int max, unsigned int *out);

#endif
