/* SPDX-License-Identifier: Apache-2.0 */
#include "forward/forward.h"

/*
 * Policies unmask and sample.  "Look again" is RESAMPLE and QUIET; or SAMPLE
 * and SAMPLING, where the policy is sample or the line has not been seen low
 * for so many triggers that a refire has to wait (never_quiet()).
 *
 *       phase       event                     next        effects
 *   --  ---------   -----------------------   ---------   ----------------
 *   1   QUIET       trigger, unmasked         RAISED      RAISE
 *   2   QUIET       trigger, masked           DEFERRED    DEFER
 *   3   not QUIET   trigger                   the same    -
 *   4   RAISED      ack, unmasked             look again  LOWER, …
 *   5   RAISED      ack, masked               DEFERRED    LOWER, DEFER
 *   6   RAISED      mask, not in service      DEFERRED    LOWER, DEFER
 *   7   RAISED      mask, in service          RAISED      -
 *   8   DEFERRED    unmask                    look again  …
 *   9   QUIET       unmask; ack, unmasked     QUIET       DRAIN
 *  10   QUIET       drained, signalled        look again  …
 *  11   SAMPLING    low                       QUIET       RESAMPLE
 *  12   SAMPLING    high, unmasked            RAISED      RAISE
 *  13   SAMPLING    high, masked              DEFERRED    DEFER
 *  14   SAMPLING    high, too many refires    THROTTLED   THROTTLE
 *  15   SAMPLING    unknown                   QUIET       RESAMPLE; a storm: as 14
 *  16   THROTTLED   timeout                   QUIET       RESAMPLE, THROTTLE
 *  17   QUIET       timeout                   QUIET       -
 *  18   any         flush                     QUIET       LOWER, RESAMPLE
 *  19   RAISED      cut                       DEFERRED    LOWER, DEFER
 *  20   DEFERRED    join, unmasked            look again  …
 *  21   QUIET       join, unmasked            QUIET       DRAIN
 *  22   SAMPLING    unmask, join or ack,      SAMPLING    -; a high that is
 *                   unmasked                              answered next: SAMPLE
 *
 * "Masked" is: the pin is, or the source is cut off (PCI's DisINTx).  A device
 * that is cut off drives nothing, so 19 does not ask what is in service; and a
 * host that is masked by then stays it, however often the guest EOIs.
 *
 * Policy eoi believes every trigger (1 for 2) and looks again at every ack (4
 * for 5); masks and unmasks mean nothing to it.
 *
 * Why 2: the trigger may have come from an unmask of the host that was too
 * early, or for a cause that the guest handles while the pin is masked.  Bare
 * hardware would look at the line when the pin is unmasked; so do we.
 * Why 6: the same, for a line that was raised while the pin could not take it.
 * Why 9: a trigger that was signalled before the unmask but not yet read would
 * be believed after it.  Reading it now turns it into case 2.  So would, on a
 * shared pin, a trigger that was signalled before the EOI of a handler that has
 * served its device as well.
 * Why 22: another source of the pin delivers while the level is read; the guest
 * serves our device as well, and the answer is older than its EOI.
 * Why 14 begins long before a storm (FORWARD_EASE_AFTER): a handler that wakes
 * its thread without masking (a threaded handler that is not oneshot) returns
 * with the line high.  Bare hardware lets the guest run on for a while before it
 * interrupts again; we may be back before the vCPU has run an instruction, and
 * the thread that acks at the device would never run.
 * Why 16 arms the timer again: for a source whose level cannot be read, a
 * timeout without a trigger is the only sign of a quiet line (17).
 */
static void push(const struct forward *f, enum effect_kind kind,
		 struct effects *out)
{
	effects_push(out, (struct effect){
		.kind = (uint8_t)kind, .pin = f->pin, .source = f->source });
}

static void resample(struct forward *f, struct effects *out)
{
	f->phase = FORWARD_QUIET;
	push(f, EFFECT_RESAMPLE, out);
}

/*
 * The line was high once more.  Every time counts, also while the pin is
 * masked: a guest that masks and unmasks without quieting its device makes the
 * host signal as often as one that EOIs.
 */
static void count_refire(struct forward *f)
{
	if (f->refires < f->throttle_after)
		f->refires++;
}

static void believe(struct forward *f, struct effects *out)
{
	f->phase = FORWARD_RAISED;
	push(f, EFFECT_RAISE, out);
}

static void defer(struct forward *f, struct effects *out)
{
	f->phase = FORWARD_DEFERRED;
	push(f, EFFECT_DEFER, out);
}

bool forward_storms(const struct forward *f)
{
	return f->throttle_after && f->refires >= f->throttle_after;
}

/* The next refire has to wait, be it shortly or as a storm's. */
static bool never_quiet(const struct forward *f)
{
	return forward_storms(f) || f->refires >= FORWARD_EASE_AFTER;
}

/*
 * Outside THROTTLED the timer measures a silence (17): that takes as long as
 * the slowest host.
 */
unsigned int forward_throttle_us(const struct forward *f)
{
	unsigned int ease = 4u * f->refires;

	if (f->phase != FORWARD_THROTTLED || forward_storms(f))
		return FORWARD_THROTTLE_US;
	return ease < FORWARD_EASE_MAX_US ? ease : FORWARD_EASE_MAX_US;
}

static void sample(struct forward *f, struct effects *out)
{
	f->phase = FORWARD_SAMPLING;
	f->stale = false;
	push(f, EFFECT_SAMPLE, out);
}

/* The host is masked and the pin free: the one place that asks to look again. */
static void look_again(struct forward *f, struct effects *out)
{
	if (f->policy != FORWARD_SAMPLE && !never_quiet(f)) {
		resample(f, out);
		return;
	}
	sample(f, out);
}

/* The one place that decides whether the guest's masking holds us back. */
static bool held_back(const struct forward *f, struct forward_pin pin)
{
	return f->cut || (pin.masked && f->policy != FORWARD_EOI);
}

void forward_init(struct forward *f, unsigned int source, unsigned int pin,
		  enum forward_policy policy, unsigned int throttle_after)
{
	assert(source < FORWARDS_MAX && pin <= UINT8_MAX);
	assert(throttle_after <= UINT16_MAX);
	*f = (struct forward){
		.used = true,
		.pin = (uint8_t)pin,
		.source = (uint8_t)source,
		.policy = (uint8_t)policy,
		.phase = FORWARD_QUIET,
		.throttle_after = (uint16_t)throttle_after,
	};
}

void forward_triggered(struct forward *f, struct forward_pin pin,
		       struct effects *out)
{
	/* Not QUIET: a count from before we attached; the host is masked. */
	if (f->phase != FORWARD_QUIET)
		return;
	count_refire(f);
	if (held_back(f, pin))
		defer(f, out);
	else
		believe(f, out);
}

static void throttle(struct forward *f, struct effects *out)
{
	f->phase = FORWARD_THROTTLED;
	push(f, EFFECT_THROTTLE, out);
}

static void sampled_high(struct forward *f, struct forward_pin pin,
			 struct effects *out)
{
	if (never_quiet(f)) {
		throttle(f, out);
		return;
	}
	count_refire(f);
	if (held_back(f, pin))
		defer(f, out);
	else
		believe(f, out);
}

void forward_sampled(struct forward *f, struct forward_pin pin,
		     enum forward_level level, struct effects *out)
{
	bool stale = f->stale;

	/* Flushed since it was asked for. */
	if (f->phase != FORWARD_SAMPLING)
		return;
	f->stale = false;
	switch (level) {
	case FORWARD_LEVEL_LOW:
		f->refires = 0;
		resample(f, out);
		return;
	case FORWARD_LEVEL_HIGH:
		if (stale)
			sample(f, out);
		else
			sampled_high(f, pin, out);
		return;
	case FORWARD_LEVEL_UNKNOWN:
		/* It may have been low each time: wait for a storm only. */
		if (forward_storms(f))
			throttle(f, out);
		else
			resample(f, out);
		return;
	}
}

void forward_drained(struct forward *f, bool signalled, struct effects *out)
{
	if (!signalled || f->phase != FORWARD_QUIET)
		return;
	count_refire(f);
	look_again(f, out);
}

void forward_timed_out(struct forward *f, struct effects *out)
{
	if (f->phase == FORWARD_THROTTLED) {
		resample(f, out);
		push(f, EFFECT_THROTTLE, out);
	} else if (f->phase == FORWARD_QUIET) {
		f->refires = 0;
	}
}

void forward_acked(struct forward *f, struct forward_pin pin,
		   struct effects *out)
{
	if (f->phase == FORWARD_QUIET && f->policy != FORWARD_EOI &&
	    !held_back(f, pin))
		push(f, EFFECT_DRAIN, out);
	if (f->phase == FORWARD_SAMPLING && !pin.masked)
		f->stale = true;
	if (f->phase != FORWARD_RAISED)
		return;
	push(f, EFFECT_LOWER, out);
	if (held_back(f, pin))
		defer(f, out);
	else
		look_again(f, out);
}

void forward_masked(struct forward *f, struct forward_pin pin,
		    struct effects *out)
{
	if (f->phase != FORWARD_RAISED || pin.in_service || !held_back(f, pin))
		return;
	push(f, EFFECT_LOWER, out);
	defer(f, out);
}

void forward_unmasked(struct forward *f, struct effects *out)
{
	if (f->cut)
		return;
	if (f->phase == FORWARD_DEFERRED)
		look_again(f, out);
	else if (f->phase == FORWARD_SAMPLING)
		f->stale = true;
	else if (f->phase == FORWARD_QUIET && f->policy != FORWARD_EOI)
		push(f, EFFECT_DRAIN, out);
}

void forward_cut(struct forward *f, struct effects *out)
{
	f->cut = true;
	if (f->phase != FORWARD_RAISED)
		return;
	push(f, EFFECT_LOWER, out);
	defer(f, out);
}

void forward_joined(struct forward *f, struct forward_pin pin,
		    struct effects *out)
{
	f->cut = false;
	if (!held_back(f, pin))
		forward_unmasked(f, out);
}

void forward_flushed(struct forward *f, struct effects *out)
{
	if (f->phase == FORWARD_RAISED)
		push(f, EFFECT_LOWER, out);
	if (f->phase != FORWARD_QUIET)
		resample(f, out);
	f->stale = false;
	f->refires = 0;
}
