/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/options.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/failure.h"

struct word {
	const char *name;
	int value;
};

static const struct word irq_words[] = {
	{ "auto", DEVICE_IRQ_AUTO },
	{ "intx", DEVICE_IRQ_INTX },
	{ "msi", DEVICE_IRQ_MSI },
	{ "msix", DEVICE_IRQ_MSIX },
	{ NULL, 0 },
};

static const struct word policy_words[] = {
	{ "unmask", IRQFWD_POLICY_UNMASK },
	{ "sample", IRQFWD_POLICY_SAMPLE },
	{ "eoi", IRQFWD_POLICY_EOI },
	{ NULL, 0 },
};

static const struct word resample_words[] = {
	{ "eventfd", false },
	{ "ioctl", true },
	{ NULL, 0 },
};

static int parse_word(const char *key, const char *value,
		      const struct word *words, int *out)
{
	char known[128] = "";

	for (; words->name; words++) {
		size_t len = strlen(known);

		if (strcmp(words->name, value) == 0) {
			*out = words->value;
			return 0;
		}
		snprintf(known + len, sizeof(known) - len, "%s%s",
			 len ? ", " : "", words->name);
	}
	return failure(EINVAL, "--device: %s=%s is not known: use one of %s",
		       key, value, known);
}

/* Brings "3:0.1" and "0000:03:00.1" into the one form that sysfs has. */
static int parse_host(const char *value, char out[16])
{
	unsigned int domain = 0, bus, slot, function;
	int end = 0;

	if ((sscanf(value, "%4x:%2x:%2x.%1x%n", &domain, &bus, &slot, &function,
		    &end) != 4 || value[end]) &&
	    (domain = 0, sscanf(value, "%2x:%2x.%1x%n", &bus, &slot, &function,
				&end) != 3 || value[end]))
		return failure(EINVAL,
			       "--device: host=%s is not a PCI address: write it as lspci -D does, such as 0000:00:03.0",
			       value);
	if (slot > 31 || function > 7)
		return failure(EINVAL,
			       "--device: host=%s: slots go to 1f, functions to 7",
			       value);
	snprintf(out, 16, "%04x:%02x:%02x.%x", domain & 0xffff, bus & 0xff,
		 slot & 0x1f, function & 7);
	return 0;
}

static int parse_key(const char *key, const char *value,
		     struct device_options *out)
{
	int word = 0, err;

	if (strcmp(key, "host") == 0)
		return parse_host(value, out->host);
	if (strcmp(key, "irq") == 0) {
		err = parse_word(key, value, irq_words, &word);
		if (!err)
			out->irq = (enum device_irq)word;
		return err;
	}
	if (strcmp(key, "policy") == 0) {
		err = parse_word(key, value, policy_words, &word);
		if (!err)
			out->policy = (enum irqfwd_policy)word;
		return err;
	}
	if (strcmp(key, "resample") == 0) {
		err = parse_word(key, value, resample_words, &word);
		if (!err)
			out->unmask_by_ioctl = word;
		return err;
	}
	if (strcmp(key, "slot") == 0) {
		err = options_parse_count(value, 31, &out->slot);
		return err ? failure(EINVAL, "--device: slot=%s: 1 to 31 can be given",
				     value) : 0;
	}
	return failure(EINVAL,
		       "--device: %s is not known: host, irq, policy, resample and slot can be given",
		       key);
}

static int parse_rest(char *rest, struct device_options *out)
{
	char *part;

	while ((part = strsep(&rest, ",")) != NULL) {
		char *value = strchr(part, '=');
		int err;

		if (!value)
			return failure(EINVAL,
				       "--device: '%s' has no value: write key=value",
				       part);
		*value++ = 0;
		err = parse_key(part, value, out);
		if (err)
			return err;
	}
	return 0;
}

int options_parse_device(const char *text, struct device_options *out)
{
	char *copy = strdup(text), *rest = copy, *driver;
	int err = 0;

	memset(out, 0, sizeof(*out));
	if (!copy)
		return failure(ENOMEM, "no memory");
	driver = strsep(&rest, ",");
	if (strcmp(driver, "vfio-pci") != 0)
		err = failure(EINVAL,
			      "--device %s: the one kind is vfio-pci,host=ADDRESS",
			      driver);
	else if (rest)
		err = parse_rest(rest, out);
	if (!err && !out->host[0])
		err = failure(EINVAL,
			      "--device vfio-pci needs host=ADDRESS, such as host=0000:00:03.0");
	free(copy);
	return err;
}

int options_parse_size(const char *text, uint64_t *out)
{
	static const char units[] = "KMGT";
	unsigned long long value;
	unsigned int shift = 0;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (isdigit((unsigned char)text[0]) && *end) {
		const char *unit = strchr(units, toupper((unsigned char)*end));

		if (unit)
			shift = 10 * (unsigned int)(unit - units + 1);
		end += unit != NULL;
	}
	if (!isdigit((unsigned char)text[0]) || *end || errno ||
	    value > UINT64_MAX >> shift)
		return failure(EINVAL,
			       "'%s' is not a size: write a number with K, M, G or T behind it, such as 512M",
			       text);
	*out = (uint64_t)value << shift;
	return 0;
}

int options_parse_count(const char *text, unsigned int max, unsigned int *out)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (!isdigit((unsigned char)text[0]) || *end || errno || value < 1 ||
	    value > max)
		return failure(EINVAL, "'%s' is not a number from 1 to %u",
			       text, max);
	*out = (unsigned int)value;
	return 0;
}
