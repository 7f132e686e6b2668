/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An independent model of DEVICES level devices, each forwarded to a pin of its
 * own (VFIO, PCI 2.3; our forwarder and its engine), in a guest with one vCPU
 * and threaded oneshot handlers.
 *
 * Written from the specification of the forward (docs/decisions/unmask.md) and
 * of Linux's flows, to be held against the explorer: one d_step here is one step
 * of the simulator, and the variables are what a packed state holds.  So both
 * must count the same states.
 *
 *	DEVICES		1, 2
 *	POLICY_EOI	0: unmask, 1: eoi
 *	ASSERTIONS	of each device
 *	CAUSES		of a device at one time, at most
 *	BOUNCES		times that a device drops its line although a cause stays
 */
#ifndef DEVICES
#define DEVICES		1
#endif
#ifndef POLICY_EOI
#define POLICY_EOI	0
#endif
#ifndef ASSERTIONS
#define ASSERTIONS	3
#endif
#ifndef CAUSES
#define CAUSES		2
#endif
#ifndef BOUNCES
#define BOUNCES		0
#endif
#define QUEUE		8

/* forward */
#define QUIET		0
#define RAISED		1
#define DEFERRED	2

/* queued effects: kind * 2 + device */
#define NOTHING		0
#define DELIVER		1
#define ROUTE		2
#define RESAMPLE	3

/* vCPU */
#define IDLE		0
#define ENTRY		1
#define ACTION		2
#define EOI		3

/* thread */
#define SLEEPS		0
#define WOKEN		1
#define FINAL		2

/* device */
byte causes[DEVICES];
byte left[DEVICES] = ASSERTIONS;
#if BOUNCES
byte bounces[DEVICES] = BOUNCES;
bool dropped[DEVICES];
#define HIGH(d)		(causes[d] && !dropped[d])
#else
#define HIGH(d)		(causes[d])
#endif
/* VFIO */
bool host_masked[DEVICES], trigger[DEVICES];
/* forward and IOAPIC */
byte phase[DEVICES];
bool line[DEVICES], masked[DEVICES], remote_irr[DEVICES];
bool wanted[DEVICES];		/* route that the forwarder asked for */
/* engine and KVM */
byte queued;
byte queue[QUEUE];
bool route[DEVICES];
bool irr[DEVICES], isr[DEVICES];
/* guest */
byte pc, cpu;			/* cpu: device whose flow runs */
bool desc_masked[DEVICES], in_progress[DEVICES], oneshot[DEVICES];
byte thread[DEVICES];
bool due[DEVICES], given[DEVICES], found[DEVICES];

/* ---- engine ---------------------------------------------------------------- */

inline enqueue(kind, d)
{
	assert(queued < QUEUE);
	queue[queued] = kind * 2 + d;
	queued++;
}

inline resample(d)
{
	phase[d] = QUIET;
	enqueue(RESAMPLE, d);
}

/* a trigger that is on its way is taken back, and the line looked at again */
inline drain(d)
{
	if
	:: trigger[d] ->
		trigger[d] = false;
		resample(d)
	:: else
	fi
}

/* ---- IOAPIC ---------------------------------------------------------------- */

inline settle(d)
{
	if
	:: line[d] && !masked[d] && !remote_irr[d] ->
		remote_irr[d] = true;
		if
		:: !wanted[d] ->
			wanted[d] = true;
			enqueue(ROUTE, d)
		:: else
		fi;
		enqueue(DELIVER, d)
	:: else
	fi
}

inline mask(d)
{
	masked[d] = true;
	if
	:: phase[d] == RAISED && !remote_irr[d] && !POLICY_EOI ->
		line[d] = false;
		phase[d] = DEFERRED
	:: else
	fi
}

inline unmask(d)
{
	masked[d] = false;
	settle(d);
	if
	:: phase[d] == DEFERRED -> resample(d)
	:: phase[d] == QUIET && !POLICY_EOI -> drain(d)
	:: else
	fi
}

inline ack(d)
{
	remote_irr[d] = false;
	if
	:: phase[d] == RAISED ->
		line[d] = false;
		if
		:: masked[d] && !POLICY_EOI -> phase[d] = DEFERRED
		:: else -> resample(d)
		fi
	:: phase[d] == QUIET && !masked[d] && !POLICY_EOI -> drain(d)
	:: else
	fi;
	settle(d)
}

/* ---- what bare hardware would have done ------------------------------------ */

inline look(d)
{
	if
	:: HIGH(d) && !masked[d] && !isr[d] -> due[d] = true
	:: else
	fi
}

#if DEVICES == 2
#define looks	look(0); look(1)
#else
#define looks	look(0)
#endif

/* ---- steps ------------------------------------------------------------------ */

inline carry_out()
{
	/* the head of the queue */
	if
	:: queue[0] / 2 == DELIVER -> irr[queue[0] % 2] = true
	:: queue[0] / 2 == ROUTE -> route[queue[0] % 2] = true
	:: queue[0] / 2 == RESAMPLE ->
		if
		:: !host_masked[queue[0] % 2]
		:: else ->
			if
			:: HIGH(queue[0] % 2) ->
				trigger[queue[0] % 2] = true
			:: else -> host_masked[queue[0] % 2] = false
			fi
		fi
	fi;
	queue[0] = queue[1]; queue[1] = queue[2]; queue[2] = queue[3];
	queue[3] = queue[4]; queue[4] = queue[5]; queue[5] = queue[6];
	queue[6] = queue[7]; queue[7] = NOTHING;
	queued--
}

/* Only the device could act. */
#define QUIESCENT_OF(d)	(!(HIGH(d) && !host_masked[d]) && !trigger[d] && \
			 !irr[d] && thread[d] == SLEEPS)
#define LOST(d)		(HIGH(d) && !masked[d])
#define STUCK(d)	(host_masked[d] && !masked[d])
#if DEVICES == 2
#define QUIESCENT	(queued == 0 && pc == IDLE && QUIESCENT_OF(0) && QUIESCENT_OF(1))
#else
#define QUIESCENT	(queued == 0 && pc == IDLE && QUIESCENT_OF(0))
#endif

#if BOUNCES
#define bounce_of(d)							\
	:: d_step { causes[d] && (bounces[d] || dropped[d]) ->		\
		if							\
		:: dropped[d] -> dropped[d] = false			\
		:: else -> dropped[d] = true; bounces[d]--		\
		fi;							\
		looks }
#define quiet(d)							\
	if								\
	:: !causes[d] -> dropped[d] = false				\
	:: else								\
	fi
#else
#define bounce_of(d)
#define quiet(d)	skip
#endif

#define steps_of(d)							\
	:: d_step { left[d] && causes[d] < CAUSES ->			\
		left[d]--; causes[d]++; looks }				\
	bounce_of(d)							\
	:: d_step { HIGH(d) && !host_masked[d] ->			\
		host_masked[d] = true; trigger[d] = true; looks }	\
	:: d_step { trigger[d] ->					\
		trigger[d] = false;					\
		if							\
		:: phase[d] != QUIET					\
		:: else ->						\
			if						\
			:: masked[d] && !POLICY_EOI ->			\
				phase[d] = DEFERRED			\
			:: else ->					\
				phase[d] = RAISED;			\
				line[d] = true;				\
				settle(d)				\
			fi						\
		fi;							\
		looks }							\
	:: d_step { pc == IDLE && irr[d] && !isr[d] ->			\
		irr[d] = false; isr[d] = true;				\
		pc = ENTRY; cpu = d;					\
		given[d] = due[d]; due[d] = false; found[d] = false;	\
		looks }							\
	:: d_step { pc == ENTRY && cpu == d ->				\
		in_progress[d] = true;					\
		pc = ACTION;						\
		if							\
		:: !desc_masked[d] -> desc_masked[d] = true; mask(d)	\
		:: else							\
		fi;							\
		looks }							\
	:: d_step { pc == ACTION && cpu == d ->				\
		oneshot[d] = true; thread[d] = WOKEN;			\
		in_progress[d] = false;					\
		pc = EOI;						\
		looks }							\
	:: d_step { pc == EOI && cpu == d ->				\
		isr[d] = false;						\
		if							\
		:: route[d] && remote_irr[d] -> ack(d)			\
		:: else							\
		fi;							\
		pc = IDLE; cpu = 0;					\
		looks }							\
	:: d_step { pc == IDLE && thread[d] == WOKEN ->			\
		if							\
		:: causes[d] ->						\
			causes[d]--; found[d] = true;			\
			quiet(d)					\
		:: else							\
		fi;							\
		thread[d] = FINAL;					\
		assert(found[d] || given[d]);	/* no-spurious */	\
		found[d] = false; given[d] = false;			\
		looks }							\
	:: d_step { pc == IDLE && thread[d] == FINAL ->			\
		thread[d] = SLEEPS;					\
		oneshot[d] = false;					\
		if							\
		:: desc_masked[d] -> desc_masked[d] = false; unmask(d)	\
		:: else							\
		fi;							\
		looks }							\
	:: d_step { QUIESCENT && LOST(d) -> assert(false) /* no-lost */ } \
	:: d_step { QUIESCENT && STUCK(d) -> assert(false) /* no-stuck */ }

init {
	do
	:: d_step { queued -> carry_out(); looks }
	steps_of(0)
#if DEVICES == 2
	steps_of(1)
#endif
	od
}
