/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the bare-metal guest and its host agree on.  Included by the guest's
 * assembler source too: nothing but constants.
 */
#ifndef CONFORMANCE_GUEST_H
#define CONFORMANCE_GUEST_H

#define GUEST_RAM	0x10000
#define GUEST_BASE	0x2000	/* where its code is loaded, and begins */
#define GUEST_STACK(cpu)	(0x8000 + 0x1000 * (cpu))

/* One mailbox for each vCPU; its address stays in BX for ever. */
#define GUEST_MAIL(cpu)	(0x1000 + 0x40 * (cpu))
#define MAIL_OP		0x00	/* host: what to do */
#define MAIL_A		0x04
#define MAIL_B		0x08
#define MAIL_RESULT	0x0c
#define MAIL_DEPTH	0x10	/* guest: handlers it is inside of */
#define MAIL_VECTOR	0x14	/* vector of the last handler entered */
#define MAIL_HANDLED	0x18	/* handlers entered */
#define MAIL_HANDLER	0x1c	/* host: what a handler does, enum guest_handler */
#define MAIL_LEVEL	0x20	/* the device's line, a word that both write */
#define MAIL_THREAD	0x24	/* guest: the oneshot thread was woken */
#define MAIL_ENTRY	0x28	/* host: low word of the redirection entry, unmasked */
#define MAIL_SELECT	0x2c	/* host: the entry's register */
#define MAIL_STOP	0x30	/* host: OP_SERVE ends */
#define MAIL_EXIT	0x34	/* host: PORT_EOI after each EOI, please */

#define PORT_COMMAND	0x10	/* IN: the next command, please */
#define PORT_DEVICE	0x20	/* OUT dword: acks these causes, device in 31:16 */
#define PORT_NOTHING	0x30	/* OUT: an exit, and that is all */
#define PORT_EOI	0x40	/* OUT: an EOI was written just before */

#define OP_WINDOW	0	/* open the interrupt window once */
#define OP_STORE	1	/* dword B to physical address A */
#define OP_LOAD		2	/* RESULT from physical address A */
#define OP_OUT		3	/* dword B to port A */
#define OP_RETURN	4	/* leave the handler */
#define OP_SERVE	5	/* bench: halt and serve until STOP */

#define HANDLER_COMMANDS	0	/* take commands inside the handler */
#define HANDLER_PLAIN	1	/* device ack, EOI */
#define HANDLER_ONESHOT	2	/* mask, EOI; the thread acks and unmasks */

#define APIC_BASE	0xfee00000
#define APIC_EOI	0xfee000b0
#define APIC_LOGICAL	0xfee000d0
#define APIC_SPURIOUS	0xfee000f0
#define APIC_IN_SERVICE(vector)	(0xfee00100 + ((vector) >> 5 << 4))
#define APIC_COMMAND	0xfee00300
#define APIC_COMMAND_SELF	0x40000
#define IOAPIC_SELECT	0xfec00000
#define IOAPIC_WINDOW	0xfec00010
#define IOAPIC_EOI_REGISTER	0xfec00040

#endif
