/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/line.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Appends; what does not fit is cut, and the cut is shown. */
struct text {
	char *at;
	size_t used;
};

static void add(struct text *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void add(struct text *t, const char *format, ...)
{
	static const char cut[] = " …";
	size_t room = TRACE_LINE_SIZE - sizeof(cut) - t->used;
	va_list args;
	int len;

	if (t->used >= TRACE_LINE_SIZE - sizeof(cut))
		return;
	va_start(args, format);
	len = vsnprintf(t->at + t->used, room, format, args);
	va_end(args);
	if ((size_t)len < room) {
		t->used += (size_t)len;
		return;
	}
	memcpy(t->at + t->used, cut, sizeof(cut));
	t->used = TRACE_LINE_SIZE;
}

static const char *room_of(const char *event)
{
	static const struct {
		const char *event, *room;
	} rooms[] = {
		{ "trigger", "source" }, { "timeout", "source" },
		{ "sampled", "source" }, { "write", "chip" },
		{ "eoi", "backend" },	 { "remove", "forward" },
		{ "raise", "vmm" },	 { "lower", "vmm" },
		{ "pulse", "vmm" },	 { "reset", "vmm" },
		{ "cut", "forward" },	 { "join", "forward" },
	};

	for (size_t i = 0; i < sizeof(rooms) / sizeof(*rooms); i++)
		if (strcmp(rooms[i].event, event) == 0)
			return rooms[i].room;
	return "-";
}

bool trace_line_is_idle(const struct transition *t)
{
	return !t->effects->nr && strcmp(t->event, "write") == 0;
}

/* S: the host keeps a line of this pin masked until we ask it to look. */
static bool is_silent(const struct forwarder *fw, unsigned int pin)
{
	for (unsigned int i = 0; i < FORWARDS_MAX; i++)
		if (fw->forward[i].used && fw->forward[i].pin == pin &&
		    fw->forward[i].phase != FORWARD_QUIET)
			return true;
	return false;
}

static void add_columns(struct text *to, uint64_t ns, const char *room, int pin,
			int source)
{
	add(to, "%6" PRIu64 ".%09" PRIu64 "  %-7s  ", ns / 1000000000u,
	    ns % 1000000000u, room);
	if (pin >= 0)
		add(to, "pin %3d  ", pin);
	else
		add(to, "pin   -  ");
	if (source >= 0)
		add(to, "src %2d  ", source);
	else
		add(to, "src  -  ");
}

static void add_state(struct text *to, const struct forwarder *fw, int pin)
{
	const struct ioapic_pin *p = &fw->ioapic.pin[pin < 0 ? 0 : pin];

	if (pin < 0)
		add(to, "----  ");
	else
		add(to, "%c%c%c%c  ", p->lines ? 'L' : '-',
		    p->masked ? 'M' : '-', p->remote_irr ? 'R' : '-',
		    is_silent(fw, (unsigned int)pin) ? 'S' : '-');
}

static const char *effect_name(enum effect_kind kind)
{
	switch (kind) {
	case EFFECT_DELIVER:
		return "deliver";
	case EFFECT_ACK:
		return "ack";
	case EFFECT_MASK:
		return "mask";
	case EFFECT_UNMASK:
		return "unmask";
	case EFFECT_RAISE:
		return "raise";
	case EFFECT_LOWER:
		return "lower";
	case EFFECT_DEFER:
		return "defer";
	case EFFECT_RESAMPLE:
		return "resample";
	case EFFECT_SAMPLE:
		return "sample";
	case EFFECT_DRAIN:
		return "drain";
	case EFFECT_THROTTLE:
		return "throttle";
	case EFFECT_SETTLE:
		return "settle";
	case EFFECT_ROUTE:
		return "route";
	}
	return "?";
}

static bool names_source(enum effect_kind kind)
{
	switch (kind) {
	case EFFECT_RAISE:
	case EFFECT_LOWER:
	case EFFECT_DEFER:
	case EFFECT_RESAMPLE:
	case EFFECT_SAMPLE:
	case EFFECT_DRAIN:
	case EFFECT_THROTTLE:
		return true;
	case EFFECT_DELIVER:
	case EFFECT_ACK:
	case EFFECT_MASK:
	case EFFECT_UNMASK:
	case EFFECT_SETTLE:
	case EFFECT_ROUTE:
		return false;
	}
	return false;
}

/* Pin and source only where they are not the line's own. */
static void add_effect(struct text *to, const struct effect *eff, int pin,
		       int source)
{
	enum effect_kind kind = (enum effect_kind)eff->kind;

	add(to, " %s", effect_name(kind));
	if (kind == EFFECT_DELIVER)
		add(to, "(0x%02x to %u)", eff->msg.vector, eff->msg.dest);
	else if (kind == EFFECT_ROUTE && eff->msg.level)
		add(to, "(0x%02x to %u)", eff->msg.vector, eff->msg.dest);
	else if (kind == EFFECT_ROUTE)
		add(to, "(none)");
	if (eff->pin != pin)
		add(to, "[pin %u]", eff->pin);
	if (names_source(kind) && eff->source != source)
		add(to, "[src %u]", eff->source);
}

static int pin_of(const struct transition *t)
{
	if (t->pin >= 0 || !t->effects->nr)
		return t->pin;
	return t->effects->v[0].pin;
}

void trace_line(char line[TRACE_LINE_SIZE], const struct transition *t)
{
	struct text to = { .at = line };
	bool first = true;
	int pin = pin_of(t);

	add_columns(&to, t->ns, room_of(t->event), pin, t->source);
	add_state(&to, t->after, pin);
	add(&to, "%s", t->event);
	for (unsigned int i = 0; i < t->effects->nr; i++) {
		const struct effect *eff = &t->effects->v[i];

		/* The forwarder's own bookkeeping. */
		if (eff->kind == EFFECT_SETTLE)
			continue;
		if (first)
			add(&to, " →");
		first = false;
		add_effect(&to, eff, pin, t->source);
	}
}

void trace_line_text(char line[TRACE_LINE_SIZE], uint64_t ns, const char *room,
		     int pin, int source, const char *text)
{
	struct text to = { .at = line };

	add_columns(&to, ns, room, pin, source);
	add(&to, "----  %s", text);
}
