/* SPDX-License-Identifier: Apache-2.0 */
#include "source/proc_interrupts.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* VFIO names them "vfio-msi[0](0000:00:03.0)", MSI-X "vfio-msix[0](…)". */
static bool is_of(const char *line, const char *address)
{
	char device[32];

	snprintf(device, sizeof(device), "](%s)", address);
	return strstr(line, " vfio-msi") && strstr(line, device);
}

/* "  42:    17    0   IR-PCI-MSI 49152-edge …": a column for each CPU. */
static int64_t sum_of(const char *line)
{
	const char *at = strchr(line, ':');
	int64_t sum = 0;

	while (at) {
		char *end;
		long long count = strtoll(at + 1, &end, 10);

		if (end == at + 1 || (*end != ' ' && *end != '\t'))
			break;
		sum += count;
		at = end;
	}
	return sum;
}

int64_t proc_interrupts_msi(const char *path, const char *address)
{
	FILE *file = fopen(path, "re");
	size_t size = 0;
	char *line = NULL;
	int64_t sum = 0;

	if (!file)
		return -errno;
	while (getline(&line, &size, file) > 0)
		if (is_of(line, address))
			sum += sum_of(line);
	free(line);
	fclose(file);
	return sum;
}
