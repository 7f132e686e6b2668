/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bare-metal guest: real mode with a 4 GiB data segment, so that it runs
 * wherever KVM runs anything, and reaches the IOAPIC and the local APIC.
 *
 * It does one thing at a time, as the host tells it: it asks with an IN, finds
 * the command in its mailbox, carries it out and asks again.  So a scenario is
 * one script on the host, and each step of it is one instruction or two of a
 * real vCPU.  A handler takes commands in the same way.  Interrupts are open
 * only inside OP_WINDOW and OP_SERVE, where no register but BX and SP is live:
 * nothing needs saving.
 */
#include "guest.h"

#define AT(label)	((label) - guest_start + GUEST_BASE)

	.section .rodata
	.code16
	.globl guest_start, guest_stubs, guest_end
guest_start:

command:
	movw	$PORT_COMMAND, %dx
	inb	%dx, %al
	movw	MAIL_OP(%bx), %si
	shlw	$1, %si
	jmp	*AT(ops)(%si)
ops:
	.word	AT(op_window), AT(op_store), AT(op_load), AT(op_out)
	.word	AT(op_return), AT(op_serve)

/* With an exit inside: a KVM that emulates may look for interrupts only then. */
op_window:
	sti
	nop
	outb	%al, $PORT_NOTHING
	cli
	jmp	command

op_store:
	movl	MAIL_A(%bx), %esi
	movl	MAIL_B(%bx), %eax
	movl	%eax, (%esi)
	jmp	command

op_load:
	movl	MAIL_A(%bx), %esi
	movl	(%esi), %eax
	movl	%eax, MAIL_RESULT(%bx)
	jmp	command

op_out:
	movw	MAIL_A(%bx), %dx
	movl	MAIL_B(%bx), %eax
	outl	%eax, %dx
	jmp	command

/* Back with interrupts off: a window takes one interrupt, and no second. */
op_return:
	decl	MAIL_DEPTH(%bx)
	movw	%sp, %bp
	andw	$0xfdff, 4(%bp)
	iretw

/* ---- a handler for each vector: 8 bytes apart ---- */

	.balign	8
guest_stubs:
	.set	vector, 0
	.rept	256
	movb	$vector, %al
	jmp	handler
	.balign	8
	.set	vector, vector + 1
	.endr

handler:
	movzbl	%al, %eax
	movl	%eax, MAIL_VECTOR(%bx)
	incl	MAIL_HANDLED(%bx)
	movw	MAIL_HANDLER(%bx), %si
	shlw	$1, %si
	jmp	*AT(handlers)(%si)
handlers:
	.word	AT(handler_commands), AT(handler_plain), AT(handler_oneshot)

handler_commands:
	incl	MAIL_DEPTH(%bx)
	jmp	command

handler_plain:
	movl	$0, MAIL_LEVEL(%bx)
	call	eoi
	jmp	leave

handler_oneshot:
	movl	$0x10000, %eax		/* mask */
	call	write_entry
	movl	$1, MAIL_THREAD(%bx)
	call	eoi
/*
 * An interrupt between STI and HLT is one that some emulated processors let in,
 * and it would be the last: do not go back to the HLT.
 */
leave:
	movw	%sp, %bp
	cmpw	$AT(halt), (%bp)
	jne	1f
	incw	(%bp)
1:	iretw

/* An EOI; and the host is told, where it cannot rely on KVM for the moment. */
eoi:
	movl	$APIC_EOI, %esi
	movl	$0, (%esi)
	cmpl	$0, MAIL_EXIT(%bx)
	je	1f
	movw	$PORT_EOI, %dx
	outb	%al, %dx
1:	ret

/* The entry's low word, with the bits of EAX added. */
write_entry:
	movl	$IOAPIC_SELECT, %esi
	movl	MAIL_SELECT(%bx), %ecx
	movl	%ecx, (%esi)
	orl	MAIL_ENTRY(%bx), %eax
	movl	$IOAPIC_WINDOW, %esi
	movl	%eax, (%esi)
	ret

/* ---- bench: halt, and be the oneshot thread ---- */

op_serve:
	cmpl	$0, MAIL_THREAD(%bx)
	jne	thread
	cmpl	$0, MAIL_STOP(%bx)
	jne	command
	sti
halt:
	hlt
	cli
	jmp	op_serve
thread:
	movl	$0, MAIL_THREAD(%bx)
	movl	$0, MAIL_LEVEL(%bx)	/* device ack */
	xorl	%eax, %eax		/* unmask */
	call	write_entry
	jmp	op_serve

guest_end:
	.section .note.GNU-stack, "", @progbits
