/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "lib/internal.h"

const char *policy_name(enum forward_policy policy)
{
	switch (policy) {
	case FORWARD_EOI:
		return "eoi";
	case FORWARD_UNMASK:
		return "unmask";
	case FORWARD_SAMPLE:
		return "sample";
	}
	return "?";
}

struct irqfwd_stats stats_row(const struct engine_stats *from)
{
	struct irqfwd_stats row = {
		.pin = from->pin,
		.policy = from->edge ? "edge" : policy_name(from->policy),
		.triggers = from->counts.triggers,
		.deliveries = from->counts.deliveries,
		.eois = from->counts.eois,
		.deferred = from->counts.deferred,
		.resamples = from->counts.resamples,
		.eased = from->counts.eased,
		.throttled = from->counts.throttled,
	};

	memcpy(row.name, from->name, sizeof(row.name));
	memcpy(row.host_irq, from->host_irq, sizeof(row.host_irq));
	return row;
}

/* KVM injects these without telling anybody; the host's kernel counts them. */
struct irqfwd_stats stats_msi_row(struct irqfwd_msi *msi)
{
	struct irqfwd_stats row = { .host_irq = "-", .policy = "msi" };
	int64_t count = vfio_msi_host_irqs(&msi->vectors);

	row.triggers = count < 0 ? IRQFWD_UNKNOWN : (uint64_t)count;
	memcpy(row.name, msi->name, sizeof(row.name));
	return row;
}

void gone_list(struct irqfwd *fwd, struct gone *gone,
	       const struct irqfwd_stats *row)
{
	gone->row = *row;
	gone->row.gone = true;
	gone->listed = true;
	LIST_INSERT_HEAD(&fwd->gone, gone, link);
}

void gone_forget(struct gone *gone)
{
	if (gone->listed)
		LIST_REMOVE(gone, link);
	gone->listed = false;
}

unsigned int irqfwd_stats(struct irqfwd *fwd, struct irqfwd_stats *rows,
			  unsigned int max)
{
	struct engine_stats forwards[FORWARDS_MAX];
	struct irqfwd_msi *msi;
	struct gone *gone;
	unsigned int nr = engine_stats(fwd->engine, forwards, FORWARDS_MAX);

	for (unsigned int i = 0; i < nr && i < max; i++)
		rows[i] = stats_row(&forwards[i]);
	pthread_mutex_lock(&fwd->lock);
	LIST_FOREACH(msi, &fwd->msis, link) {
		if (nr < max)
			rows[nr] = stats_msi_row(msi);
		nr++;
	}
	LIST_FOREACH(gone, &fwd->gone, link) {
		if (nr < max)
			rows[nr] = gone->row;
		nr++;
	}
	pthread_mutex_unlock(&fwd->lock);
	return nr;
}

/* ---- the table ---------------------------------------------------------- */

#define COLUMNS	10

static const char *const heading[COLUMNS] = {
	"device", "host irq", "pin", "policy", "triggers", "deliveries",
	"EOIs", "deferred", "resamples", "throttled",
};

struct cells {
	char text[COLUMNS][80];
};

static void fill_cells(struct cells *c, const struct irqfwd_stats *row)
{
	const uint64_t counts[] = {
		row->triggers, row->deliveries, row->eois,
		row->deferred, row->resamples, row->throttled,
	};
	bool msi = strcmp(row->policy, "msi") == 0;

	snprintf(c->text[0], sizeof(c->text[0]), "%s%s", row->name,
		 row->gone ? " (gone)" : "");
	snprintf(c->text[1], sizeof(c->text[1]), "%s", row->host_irq);
	snprintf(c->text[2], sizeof(c->text[2]), "%u", row->pin);
	snprintf(c->text[3], sizeof(c->text[3]), "%s", row->policy);
	for (unsigned int i = 0; i < 6; i++)
		snprintf(c->text[4 + i], sizeof(c->text[0]), "%" PRIu64,
			 counts[i]);
	for (unsigned int i = 2; msi && i < COLUMNS; i++)
		if (i != 3 && (i != 4 || row->triggers == IRQFWD_UNKNOWN))
			strcpy(c->text[i], "-");
}

static void print_row(FILE *to, const struct cells *c, const int *width)
{
	for (unsigned int i = 0; i < COLUMNS; i++) {
		bool left = i == 0 || i == 3;

		fprintf(to, "%s%*s", i ? "  " : "", left ? -width[i] : width[i],
			c->text[i]);
	}
	fputc('\n', to);
}

static void print_table(FILE *to, const struct irqfwd_stats *rows,
			unsigned int nr)
{
	struct cells *cells = calloc(nr + 1, sizeof(*cells));
	int width[COLUMNS] = { 0 };

	if (!cells)
		return;
	for (unsigned int i = 0; i < COLUMNS; i++)
		strcpy(cells[0].text[i], heading[i]);
	for (unsigned int r = 0; r < nr; r++)
		fill_cells(&cells[r + 1], &rows[r]);
	for (unsigned int r = 0; r <= nr; r++)
		for (unsigned int i = 0; i < COLUMNS; i++)
			if ((int)strlen(cells[r].text[i]) > width[i])
				width[i] = (int)strlen(cells[r].text[i]);
	for (unsigned int r = 0; r <= nr; r++)
		print_row(to, &cells[r], width);
	free(cells);
}

/* ---- JSON --------------------------------------------------------------- */

static void add_string(struct json_object *to, const char *key,
		       const char *value)
{
	json_object_object_add(to, key, json_object_new_string(value));
}

static void add_count(struct json_object *to, const char *key, uint64_t value)
{
	json_object_object_add(to, key, json_object_new_uint64(value));
}

static struct json_object *json_row(const struct irqfwd_stats *row)
{
	struct json_object *to = json_object_new_object();

	add_string(to, "device", row->name);
	add_string(to, "host_irq", row->host_irq);
	add_string(to, "policy", row->policy);
	json_object_object_add(to, "gone", json_object_new_boolean(row->gone));
	if (row->triggers != IRQFWD_UNKNOWN)
		add_count(to, "triggers", row->triggers);
	if (strcmp(row->policy, "msi") == 0)
		return to;
	add_count(to, "pin", row->pin);
	add_count(to, "deliveries", row->deliveries);
	add_count(to, "eois", row->eois);
	add_count(to, "deferred", row->deferred);
	add_count(to, "resamples", row->resamples);
	add_count(to, "eased", row->eased);
	add_count(to, "throttled", row->throttled);
	return to;
}

static void print_json(FILE *to, const struct irqfwd_stats *rows,
		       unsigned int nr)
{
	struct json_object *array = json_object_new_array();

	for (unsigned int i = 0; i < nr; i++)
		json_object_array_add(array, json_row(&rows[i]));
	fprintf(to, "%s\n", json_object_to_json_string_ext(
			array, JSON_C_TO_STRING_PRETTY |
			JSON_C_TO_STRING_SPACED));
	json_object_put(array);
}

void irqfwd_print_stats(struct irqfwd *fwd, FILE *to, bool json)
{
	unsigned int max = irqfwd_stats(fwd, NULL, 0), nr;
	struct irqfwd_stats *rows = calloc(max ? max : 1, sizeof(*rows));

	if (!rows)
		return;
	nr = irqfwd_stats(fwd, rows, max);
	if (nr > max)	/* one was added since */
		nr = max;
	if (json)
		print_json(to, rows, nr);
	else
		print_table(to, rows, nr);
	free(rows);
}
