/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/scenario.h"

#include <errno.h>
#include <json-c/json.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/json_keys.h"
#include "sim/spec_world.h"

#define FILE_MAX	(64 * 1024)

/* Where we are, for messages. */
struct reader {
	const char *path;
	const char *text;
	const char *scope;	/* in text: where to look for a key's line */
	char *err;
	size_t n;
};

static unsigned int line_of(const struct reader *r, const char *at)
{
	unsigned int line = 1;

	for (const char *p = r->text; p < at && *p; p++)
		line += *p == '\n';
	return line;
}

/* The line of "key", looked for from the object that is being read. */
static unsigned int line_of_key(const struct reader *r, const char *key)
{
	char quoted[80];
	const char *at;

	snprintf(quoted, sizeof(quoted), "\"%s\"", key);
	at = strstr(r->scope, quoted);
	return line_of(r, at ? at : r->scope);
}

__attribute__((format(printf, 3, 4)))
static int fail(const struct reader *r, const char *key, const char *fmt, ...)
{
	char what[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	snprintf(r->err, r->n, "%s:%u: %s%s%s", r->path, line_of_key(r, key),
		 key, *key ? ": " : "", what);
	return -EINVAL;
}

/* ---- the keys of a world ------------------------------------------------------ */

enum key_type { KEY_NUMBER, KEY_BOOL, KEY_NAME };

struct name {
	const char *name;
	unsigned int value;
};

struct key {
	const char *name;
	enum key_type type;
	size_t offset;		/* of a uint8_t or bool in struct world_config */
	unsigned int min, max;	/* NUMBER */
	const struct name *names;	/* NAME; ends with a NULL name */
};

static const struct name host_irqchips[] = {
	{ "reassert", HOST_IRQCHIP_REASSERT },
	{ "latch", HOST_IRQCHIP_LATCH },
	{ "gic", HOST_IRQCHIP_GIC },
	{ NULL, 0 },
};

static const struct name vfio_modes[] = {
	{ "pci-2.3", VFIO_PCI_2_3 },
	{ "disintx-", VFIO_DISINTX_MINUS },
	{ "platform", VFIO_PLATFORM },
	{ "hwirq", VFIO_HWIRQ },
	{ "msi", VFIO_MSI },
	{ NULL, 0 },
};

static const struct name irqchips[] = {
	{ "irqfwd", IRQCHIP_IRQFWD },
	{ "kvm", IRQCHIP_KVM },
	{ "i8259", IRQCHIP_I8259 },
	{ NULL, 0 },
};

static const struct name kvms[] = {
	{ "6.1", KVM_6_1 },
	{ "6.3", KVM_6_3 },
	{ "first-patch", KVM_FIRST_PATCH },
	{ "maskfd", KVM_MASKFD },
	{ "maskfd-ordered", KVM_MASKFD_ORDERED },
	{ "retire-eoi", KVM_RETIRE_EOI },
	{ "retire-unmask", KVM_RETIRE_UNMASK },
	{ "hwirq", KVM_HWIRQ },
	{ NULL, 0 },
};

static const struct name policies[] = {
	{ "eoi", FORWARD_EOI },
	{ "unmask", FORWARD_UNMASK },
	{ "sample", FORWARD_SAMPLE },
	{ NULL, 0 },
};

static const struct name faults[] = {
	{ "none", VMM_FAULT_NONE },
	{ "route-follows-mask", VMM_FAULT_ROUTE },
	{ "route-follows-entry", VMM_FAULT_ROUTE_ENTRY },
	{ "drop-while-masked", VMM_FAULT_DROP },
	{ "one-resample", VMM_FAULT_ONE_RESAMPLE },
	{ NULL, 0 },
};

static const struct name flows[] = {
	{ "fasteoi", FLOW_FASTEOI },
	{ "level", FLOW_LEVEL },
	{ "oneshot", FLOW_ONESHOT },
	{ "eoi-threaded", FLOW_EOI_THREADED },
	{ "edge", FLOW_EDGE },
	{ NULL, 0 },
};

static const struct name kinds[] = {
	{ "forward", WORLD_FORWARD },
	{ "window", WORLD_WINDOW },
	{ "ioapic", WORLD_IOAPIC },
	{ "i8259", WORLD_I8259 },
	{ "rules", WORLD_RULES },
	{ "wiring", WORLD_WIRING },
	{ "pic-wiring", WORLD_PIC_WIRING },
	{ "slots", WORLD_SLOTS },
	{ "outbox", WORLD_OUTBOX },
	{ NULL, 0 },
};

static const struct name accesses[] = {
	{ "bytes", ACCESSES_BYTES },
	{ "entries", ACCESSES_ENTRIES },
	{ "pins", ACCESSES_PINS },
	{ "icws", ACCESSES_ICWS },
	{ "ocws", ACCESSES_OCWS },
	{ NULL, 0 },
};

static const struct name versions[] = {
	{ "0x11", IOAPIC_VERSION_82093AA },
	{ "0x20", IOAPIC_VERSION_ICH },
	{ NULL, 0 },
};

static const struct name predicates[] = {
	{ "old", WINDOW_OLD },
	{ "new", WINDOW_NEW },
	{ "strict", WINDOW_STRICT },
	{ NULL, 0 },
};

#define NUMBER(key, field, low, high) \
	{ key, KEY_NUMBER, offsetof(struct world_config, field), low, high, NULL }
#define BOOL(key, field) \
	{ key, KEY_BOOL, offsetof(struct world_config, field), 0, 1, NULL }
#define NAME(key, field, names) \
	{ key, KEY_NAME, offsetof(struct world_config, field), 0, 0, names }

static const struct key keys[] = {
	NAME("kind", kind, kinds),
	NUMBER("devices", devices, 1, DEVICES_MAX),
	NUMBER("pins", pins, 1, PINS_MAX),
	NUMBER("assertions", assertions, 0, 15),
	NUMBER("causes", causes, 1, 3),
	NUMBER("bounces", bounces, 0, 3),
	BOOL("asserting", asserting),
	BOOL("emulated", emulated),
	NAME("host-irqchip", vfio.irqchip, host_irqchips),
	NAME("vfio", vfio.mode, vfio_modes),
	BOOL("unlazy", vfio.unlazy),
	BOOL("looks", vfio.looks),
	BOOL("late-signal", vfio.late_signal),
	BOOL("leaks-flag", vfio.leaks_flag),
	NUMBER("opens", opens, 0, 7),
	NAME("irqchip", irqchip, irqchips),
	NAME("kvm", kvm, kvms),
	NAME("policy", policy, policies),
	NUMBER("throttle", throttle, 0, 127),
	NAME("fault", fault, faults),
	NUMBER("irq0", irq[0], 0, I8259_PINS - 1),
	NUMBER("irq1", irq[1], 0, I8259_PINS - 1),
	NUMBER("icw4", icw4, 1, 0x13),
	NAME("flow", flow, flows),
	NUMBER("vcpus", vcpus, 1, VCPUS_MAX),
	NUMBER("dest", dest, 0, VCPUS_MAX - 1),
	BOOL("no-desc-lock", no_desc_lock),
	BOOL("hard-check", hard_check),
	BOOL("boots", boots),
	NUMBER("disables", disables, 0, 7),
	BOOL("polls", polls),
	NUMBER("moves", moves, 0, 7),
	BOOL("moves-at-once", moves_at_once),
	NUMBER("suspends", suspends, 0, 7),
	NUMBER("cuts", cuts, 0, 7),
	NUMBER("resets", resets, 0, 7),
	BOOL("hostile", hostile),
	NAME("predicate", window.predicate, predicates),
	BOOL("user-apic", window.user_apic),
	BOOL("apicv", window.apicv),
	BOOL("ignores-if", window.ignores_if),
	NUMBER("external", window.external, 0, 7),
	NUMBER("local", window.local, 0, 7),
	NUMBER("clis", window.clis, 0, 7),
	NUMBER("exceptions", window.exceptions, 0, 7),
	NUMBER("exits", window.exits, 0, 7),
	NUMBER("nmis", window.nmis, 0, 7),
	NUMBER("halts", window.halts, 0, 7),
	NUMBER("lvt0s", window.lvt0s, 0, 7),
	NAME("accesses", accesses, accesses),
	NAME("version", version, versions),
	BOOL("routed", routed),
};

#define KEYS	(sizeof(keys) / sizeof(keys[0]))

static void append(char *buf, size_t n, const char *s)
{
	size_t len = strlen(buf);

	snprintf(buf + len, n - len, "%s%s", len ? ", " : "", s);
}

static int bad_name(const struct reader *r, const char *key, const char *found,
		    const struct name *names)
{
	char allowed[400] = "";

	if (!found)
		found = "null";

	for (; names->name; names++)
		append(allowed, sizeof(allowed), names->name);
	return fail(r, key, "\"%s\" is not known; allowed are %s", found,
		    allowed);
}

static int set_name(const struct reader *r, const struct key *k,
		    struct json_object *v, uint8_t *field)
{
	const char *found = json_object_get_string(v);

	if (json_object_get_type(v) != json_type_string)
		return bad_name(r, k->name, found, k->names);
	for (const struct name *n = k->names; n->name; n++) {
		if (strcmp(n->name, found))
			continue;
		*field = (uint8_t)n->value;
		return 0;
	}
	return bad_name(r, k->name, found, k->names);
}

static int set_key(const struct reader *r, const struct key *k,
		   struct json_object *v, struct world_config *c)
{
	uint8_t *field = (uint8_t *)c + k->offset;
	int64_t number;

	switch (k->type) {
	case KEY_NAME:
		return set_name(r, k, v, field);
	case KEY_BOOL:
		if (json_object_get_type(v) != json_type_boolean)
			return fail(r, k->name, "%s is not true or false",
				    json_object_to_json_string(v));
		*field = json_object_get_boolean(v) ? 1 : 0;
		return 0;
	case KEY_NUMBER:
		number = json_object_get_int64(v);
		if (json_object_get_type(v) != json_type_int ||
		    number < k->min || number > k->max)
			return fail(r, k->name,
				    "%s is not a number from %u to %u",
				    json_object_to_json_string(v), k->min,
				    k->max);
		*field = (uint8_t)number;
		return 0;
	}
	return 0;
}

static int bad_property(const struct reader *r, const char *key,
			const char *found, bool holds)
{
	char allowed[200] = "";

	if (!found)
		found = "null";
	if (holds)
		append(allowed, sizeof(allowed), "holds");
	for (unsigned int p = PROPERTY_NONE + 1; p < PROPERTY_NR; p++)
		append(allowed, sizeof(allowed), property_name((enum property)p));
	return fail(r, key, "\"%s\" is not known; allowed are %s", found,
		    allowed);
}

static int set_properties(const struct reader *r, struct json_object *v,
			  struct world_config *c)
{
	if (json_object_get_type(v) != json_type_array)
		return fail(r, "properties", "is not a list of names");
	c->properties = 0;
	for (size_t i = 0; i < json_object_array_length(v); i++) {
		const char *name = json_object_get_string(
			json_object_array_get_idx(v, i));
		enum property p;

		if (!name || !property_parse(name, &p))
			return bad_property(r, "properties", name, false);
		c->properties |= PROPERTY_BIT(p);
	}
	return 0;
}

static int unknown_key(const struct reader *r, const char *key,
		       const char *others)
{
	char allowed[500];

	snprintf(allowed, sizeof(allowed), "%s", others);
	append(allowed, sizeof(allowed), "properties");
	for (size_t i = 0; i < KEYS; i++)
		append(allowed, sizeof(allowed), keys[i].name);
	return fail(r, key, "there is no such key; allowed are %s", allowed);
}

/* A key of "world", or of a variant that changes the world. */
static int read_world_key(const struct reader *r, const char *key,
			  struct json_object *v, struct world_config *c,
			  const char *others)
{
	if (!strcmp(key, "properties"))
		return set_properties(r, v, c);
	for (size_t i = 0; i < KEYS; i++)
		if (!strcmp(key, keys[i].name))
			return set_key(r, &keys[i], v, c);
	return unknown_key(r, key, others);
}

/* ---- what cannot be together ----------------------------------------------------- */

static bool is_elcr_input(unsigned int irq)
{
	return irq > 2 && irq != 8 && irq != 13;
}

static int check_inputs(const struct reader *r, const struct world_config *c)
{
	for (unsigned int pin = 0; pin < c->pins; pin++)
		if (c->irq[pin] == I8259_CASCADE ||
		    (c->flow == FLOW_LEVEL && !is_elcr_input(c->irq[pin])))
			return fail(r, pin ? "irq1" : "irq0",
				    "the inputs 0, 1, 8 and 13 are edges, and 2 is the cascade");
	if (c->pins > 1 && c->irq[0] == c->irq[1])
		return fail(r, "irq1", "is the input of pin 0");
	return 0;
}

static int check_spec(const struct reader *r, const struct world_config *c)
{
	bool of_i8259 = c->accesses >= ACCESSES_ICWS;

	if (c->kind == WORLD_I8259 && !of_i8259 && c->accesses != ACCESSES_PINS)
		return fail(r, "accesses",
			    "kind \"i8259\" has \"icws\", \"ocws\" and \"pins\"");
	if (c->kind != WORLD_I8259 && of_i8259)
		return fail(r, "accesses", "it is for kind \"i8259\"");
	if (c->kind == WORLD_PIC_WIRING)
		return check_inputs(r, c);
	if (c->kind == WORLD_WIRING && c->accesses == ACCESSES_BYTES)
		return fail(r, "accesses",
			    "kind \"wiring\" has \"entries\" and \"pins\"");
	if (c->kind == WORLD_IOAPIC &&
	    (c->accesses == ACCESSES_PINS) != (c->pins == 2))
		return fail(r, "accesses",
			    "kind \"ioapic\" has two pins with \"pins\", and one with the others");
	return 0;
}

/* A world has the properties of a guest, or the invariant of its own kind. */
static int choose_properties(const struct reader *r, struct world_config *c)
{
	uint16_t of_kind = (uint16_t)~PROPERTY_INVARIANTS;

	if (c->kind == WORLD_IOAPIC)
		of_kind = PROPERTY_BIT(PROPERTY_IOAPIC_SPEC);
	if (c->kind == WORLD_I8259)
		of_kind = PROPERTY_BIT(PROPERTY_I8259_SPEC);
	if (c->kind == WORLD_RULES)
		of_kind = PROPERTY_BIT(PROPERTY_FORWARD_SPEC);
	if (c->kind == WORLD_WIRING || c->kind == WORLD_PIC_WIRING)
		of_kind = PROPERTY_BIT(PROPERTY_WIRING_SPEC);
	if (c->kind == WORLD_SLOTS)
		of_kind = PROPERTY_BIT(PROPERTY_SLOTS_SPEC);
	if (c->kind == WORLD_OUTBOX)
		of_kind = PROPERTY_BIT(PROPERTY_OUTBOX_SPEC);
	c->properties &= of_kind;
	if (!c->properties)
		return fail(r, "properties",
			    "none of them is one of this kind of world");
	return 0;
}

static int check_pic(const struct reader *r, const struct world_config *c)
{
	if (c->flow != FLOW_LEVEL && c->flow != FLOW_EDGE)
		return fail(r, "irqchip",
			    "\"i8259\" needs flow \"level\" or \"edge\"");
	if (c->fault || c->vcpus > 1)
		return fail(r, "irqchip",
			    "\"i8259\" is modelled on one vCPU, and without faults");
	if (c->flow == FLOW_EDGE && (c->disables || c->suspends))
		return fail(r, "irqchip",
			    "\"i8259\" has edges without disables and suspends");
	return check_inputs(r, c);
}

static int check_world(const struct reader *r, const struct world_config *c)
{
	if (c->throttle > 7 && c->kind != WORLD_RULES)
		return fail(r, "throttle", "is 0 to 7, except in kind \"rules\"");
	if (c->pins > c->devices)
		return fail(r, "pins", "there are more pins than devices");
	if (world_is_spec(c))
		return check_spec(r, c);
	if (c->emulated && c->devices < 2)
		return fail(r, "emulated", "needs two devices");
	if (c->flow == FLOW_LEVEL && c->vcpus > 1)
		return fail(r, "vcpus", "flow \"level\" is modelled on one vCPU");
	if (c->flow == FLOW_EOI_THREADED && c->vcpus > 1)
		return fail(r, "vcpus",
			    "flow \"eoi-threaded\" is modelled on one vCPU");
	if ((c->flow == FLOW_EDGE) != (c->vfio.mode == VFIO_MSI))
		return fail(r, "flow", "\"edge\" and vfio \"msi\" go together");
	if (c->flow == FLOW_EDGE &&
	    (c->vcpus > 1 || c->irqchip == IRQCHIP_KVM || c->opens ||
	     c->asserting || c->emulated || c->bounces || c->hostile))
		return fail(r, "flow",
			    "\"edge\" is modelled on one vCPU, with irqchip \"irqfwd\", and without opens, asserting, emulated, bounces and hostile");
	if (c->irqchip == IRQCHIP_I8259 && check_pic(r, c))
		return -EINVAL;
	if (c->dest >= c->vcpus)
		return fail(r, "dest", "there is no such vCPU");
	if (c->moves && (c->flow != FLOW_FASTEOI || c->vcpus < 2))
		return fail(r, "moves", "needs flow \"fasteoi\" and two vCPUs");
	if (c->irqchip == IRQCHIP_KVM &&
	    (c->hostile || c->opens || c->throttle || c->fault || c->cuts ||
	     c->resets))
		return fail(r, "irqchip",
			    "hostile, opens, throttle, fault, cuts and resets are for irqchip \"irqfwd\"");
	if (c->cuts && (c->opens || c->flow == FLOW_EDGE))
		return fail(r, "cuts", "cannot be with opens, or with edges");
	if ((c->vfio.mode == VFIO_HWIRQ) !=
	    (c->irqchip == IRQCHIP_KVM && c->kvm == KVM_HWIRQ))
		return fail(r, "vfio", "\"hwirq\" needs kvm \"hwirq\" too");
	if (c->vfio.mode == VFIO_HWIRQ && c->vfio.irqchip != HOST_IRQCHIP_GIC)
		return fail(r, "host-irqchip", "vfio \"hwirq\" needs \"gic\"");
	return 0;
}

/* ---- the file -------------------------------------------------------------------- */

static const struct world_config defaults = {
	.kind = WORLD_FORWARD,
	.properties = PROPERTY_BIT(PROPERTY_NO_SPURIOUS) |
		      PROPERTY_BIT(PROPERTY_NO_LOST) |
		      PROPERTY_BIT(PROPERTY_NO_STUCK) |
		      PROPERTY_BIT(PROPERTY_NO_STORM) |
		      PROPERTY_BIT(PROPERTY_BALANCE) |
		      PROPERTY_INVARIANTS,
	.devices = 1,
	.pins = 1,
	.assertions = 3,
	.causes = 1,
	.policy = FORWARD_UNMASK,
	.flow = FLOW_ONESHOT,
	.vcpus = 1,
	.irq = { 5, 10 },
	.icw4 = 1,
	.version = IOAPIC_VERSION_ICH,
	.routed = true,
};

static int read_text(const struct reader *r, const char *key,
		     struct json_object *v, char *out, size_t n)
{
	const char *s = json_object_get_string(v);

	if (json_object_get_type(v) != json_type_string)
		return fail(r, key, "is not a text");
	if (strlen(s) >= n)
		return fail(r, key, "is longer than %zu characters", n - 1);
	snprintf(out, n, "%s", s);
	return 0;
}

static int read_expect(const struct reader *r, struct json_object *v,
		       struct variant *out)
{
	const char *s = json_object_get_string(v);

	if (!s)
		s = "null";
	if (!strcmp(s, "holds")) {
		out->expect = PROPERTY_NONE;
		return 0;
	}
	if (!property_parse(s, &out->expect))
		return bad_property(r, "expect", s, true);
	return 0;
}

static int read_variant(struct reader *r, struct json_object *o,
			const struct world_config *base, struct variant *out)
{
	struct json_object *name, *expect;
	char quoted[80];
	const char *at;
	int ret = 0;

	out->config = *base;
	if (!json_object_object_get_ex(o, "name", &name))
		return fail(r, "variants", "a variant has no \"name\"");
	snprintf(quoted, sizeof(quoted), "\"%s\"",
		 json_object_get_string(name));
	at = strstr(r->scope, quoted);
	if (at)
		r->scope = at;
	if (!json_object_object_get_ex(o, "expect", &expect))
		return fail(r, "name", "variant %s has no \"expect\"", quoted);
	json_object_object_foreach(o, key, v) {
		if (!strcmp(key, "name"))
			ret = read_text(r, key, v, out->name, sizeof(out->name));
		else if (!strcmp(key, "expect"))
			ret = read_expect(r, v, out);
		else if (!strcmp(key, "note"))
			ret = read_text(r, key, v, out->note, sizeof(out->note));
		else
			ret = read_world_key(r, key, v, &out->config,
					     "name, expect, note");
		if (ret)
			return ret;
	}
	ret = check_world(r, &out->config);
	if (!ret)
		ret = choose_properties(r, &out->config);
	if (ret)
		return ret;
	if (out->expect && !(out->config.properties & PROPERTY_BIT(out->expect)))
		return fail(r, "expect", "%s is not among the properties",
			    property_name(out->expect));
	world_configure(&out->config);
	return 0;
}

static int read_variants(struct reader *r, struct json_object *list,
			 const struct world_config *base, struct scenario *out)
{
	size_t nr;

	if (json_object_get_type(list) != json_type_array)
		return fail(r, "variants", "is not a list");
	nr = json_object_array_length(list);
	if (!nr || nr > VARIANTS_MAX)
		return fail(r, "variants", "has %zu entries; 1 to %d are allowed",
			    nr, VARIANTS_MAX);
	r->scope = strstr(r->text, "\"variants\"");
	for (size_t i = 0; i < nr; i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		int ret;

		if (json_object_get_type(o) != json_type_object)
			return fail(r, "variants", "an entry is not an object");
		ret = read_variant(r, o, base, &out->variant[i]);
		if (ret)
			return ret;
		if (scenario_variant(out, out->variant[i].name))
			return fail(r, "name", "\"%s\" is there twice",
				    out->variant[i].name);
		out->nr++;
	}
	return 0;
}

static int read_world(struct reader *r, struct json_object *o,
		      struct world_config *c)
{
	if (json_object_get_type(o) != json_type_object)
		return fail(r, "world", "is not an object");
	r->scope = strstr(r->text, "\"world\"");
	json_object_object_foreach(o, key, v) {
		int ret = read_world_key(r, key, v, c, "");

		if (ret)
			return ret;
	}
	r->scope = r->text;
	return 0;
}

static int read_file(struct reader *r, struct json_object *root,
		     struct scenario *out)
{
	struct world_config base = defaults;
	struct json_object *variants = NULL, *world;
	int ret = 0;

	if (json_object_get_type(root) != json_type_object)
		return fail(r, "", "the file is not an object");
	if (json_object_object_get_ex(root, "world", &world))
		ret = read_world(r, world, &base);
	if (ret)
		return ret;
	json_object_object_foreach(root, key, v) {
		if (!strcmp(key, "title"))
			ret = read_text(r, key, v, out->title,
					sizeof(out->title));
		else if (!strcmp(key, "cites"))
			ret = read_text(r, key, v, out->cites,
					sizeof(out->cites));
		else if (!strcmp(key, "variants"))
			variants = v;
		else if (strcmp(key, "world"))
			ret = fail(r, key,
				   "there is no such key; allowed are title, cites, world, variants");
		if (ret)
			return ret;
	}
	if (!variants)
		return fail(r, "", "there is no \"variants\"");
	return read_variants(r, variants, &base, out);
}

static struct json_object *parse(struct reader *r)
{
	struct json_tokener *tok = json_tokener_new();
	struct json_object *root;
	size_t len = strlen(r->text), end;

	json_tokener_set_flags(tok, JSON_TOKENER_STRICT);	/* nothing follows */
	root = json_tokener_parse_ex(tok, r->text, (int)len);
	end = json_tokener_get_parse_end(tok);
	if (!root)
		snprintf(r->err, r->n, "%s:%u: not JSON: %s", r->path,
			 line_of(r, r->text + end),
			 json_tokener_get_error(tok) == json_tokener_continue
				 ? "the file ends too early"
				 : json_tokener_error_desc(
					   json_tokener_get_error(tok)));
	json_tokener_free(tok);
	return root;
}

static int check_keys(struct reader *r)
{
	struct json_repeated twice;
	int ret = json_find_repeated(r->text, &twice);

	if (ret <= 0)
		return ret;
	r->scope = twice.again;
	return fail(r, twice.key, "it is there already, on line %u",
		    line_of(r, twice.first));
}

static void name_after(const char *path, char *out, size_t n)
{
	const char *base = strrchr(path, '/');
	char *dot;

	snprintf(out, n, "%s", base ? base + 1 : path);
	dot = strrchr(out, '.');
	if (dot)
		*dot = '\0';
}

int scenario_load(const char *path, struct scenario *out, char *err, size_t n)
{
	static const char too_long[] = "is longer than 64 KiB";
	char *text = calloc(1, FILE_MAX);
	struct reader r = { path, text, text, err, n };
	struct json_object *root;
	size_t length;
	FILE *f;
	int ret = -EINVAL;

	memset(out, 0, sizeof(*out));
	if (!text)
		return -ENOMEM;
	f = fopen(path, "re");
	if (!f) {
		ret = -errno;
		snprintf(err, n, "%s: %s", path, strerror(errno));
		goto out_free;
	}
	length = fread(text, 1, FILE_MAX, f);
	if (ferror(f)) {
		snprintf(err, n, "%s: %s", path, strerror(errno));
		goto out_close;
	}
	if (length == FILE_MAX) {
		text[0] = '\0';
		snprintf(err, n, "%s: %s", path, too_long);
		goto out_close;
	}
	name_after(path, out->name, sizeof(out->name));
	root = parse(&r);
	if (root) {
		ret = check_keys(&r);
		if (!ret)
			ret = read_file(&r, root, out);
		json_object_put(root);
	}
out_close:
	fclose(f);
out_free:
	free(text);
	return ret;
}

const struct variant *scenario_variant(const struct scenario *s,
				       const char *name)
{
	for (unsigned int i = 0; i < s->nr; i++)
		if (!strcmp(s->variant[i].name, name))
			return &s->variant[i];
	return NULL;
}
