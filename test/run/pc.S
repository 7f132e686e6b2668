/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A multiboot image that looks at the machine and ends it through the test
 * device: 0x10 if all is well, else the number of the check that failed.  The
 * first letter of the command line says what to do:
 *
 *	g	check everything
 *	k c	reset three times, through the keyboard controller or port 0xcf9
 *	p	power off
 *	t	triple fault
 */
#define PORT_EXIT	0xf4
#define PORT_LINES	0x2000
#define PIN		20
#define VECTOR		0x40
#define LAPIC		0xfee00000
#define IOAPIC		0xfec00000
#define AP_CODE		0x8000		/* the SIPI's vector 8 */
#define AP_FLAG		0x8100
#define NVRAM_COUNT	0x40		/* a cell of the clock that a reset keeps */

#define MAGIC	0x1badb002
#define FLAGS	3

.macro check number
	movb $\number, step
.endm

	.section .text
	.code32
	.align 4
	.long MAGIC, FLAGS, -(MAGIC + FLAGS)

	.globl _start
_start:
	movl $stack_end, %esp
	check 1
	cmpl $0x2badb002, %eax
	jne failed
	movl %ebx, %ebp

	/* the command line behind the program's name */
	check 2
	movl 16(%ebp), %esi
1:	lodsb
	testb %al, %al
	jz failed
	cmpb $' ', %al
	jne 1b
	movb (%esi), %al
	cmpb $'k', %al
	je reset
	cmpb $'c', %al
	je reset
	cmpb $'p', %al
	je power_off
	cmpb $'t', %al
	je triple_fault
	cmpw $0x6f67, (%esi)	/* "go" */
	jne failed

	/* one module, "ENV=" */
	check 3
	cmpl $1, 20(%ebp)
	jne failed
	movl 24(%ebp), %edi
	movl (%edi), %edi
	cmpl $0x3d564e45, (%edi)
	jne failed

	check 4			/* scratch register, in all its sizes */
	movw $0xe0, %dx
	movl $0x12345678, %eax
	outl %eax, %dx
	movw $0xe5, %dx
	inb %dx, %al
	cmpb $0x56, %al
	jne failed
	movw $0xea, %dx
	inw %dx, %ax
	cmpw $0x1234, %ax
	jne failed

	check 5			/* scratch memory */
	movl $0xcafe1234, 0xff00fffc
	cmpl $0xcafe1234, 0xff00fffc
	jne failed
	cmpl $0, 0xff000000
	jne failed

	check 6			/* fw_cfg: two CPUs */
	movw $0x510, %dx
	movw $5, %ax
	outw %ax, %dx
	movw $0x511, %dx
	inb %dx, %al
	cmpb $2, %al
	jne failed

	check 7			/* nobody answers: all ones */
	movw $0x1234, %dx
	inl %dx, %eax
	cmpl $0xffffffff, %eax
	jne failed

	check 8			/* the timer runs: 24 bits and more */
	movw $0x608, %dx
	inl %dx, %eax
	movl %eax, %ebx
	inl %dx, %eax
	cmpl %eax, %ebx
	je failed

	check 9
	call start_ap
	check 10
	call take_interrupt

	movb $0x10, step
failed:
	movb step, %al
	movw $PORT_EXIT, %dx
	outb %al, %dx
	jmp .

/* INIT and SIPI to all but this one: the other writes its flag. */
start_ap:
	movl $ap_begin, %esi
	movl $AP_CODE, %edi
	movl $(ap_end - ap_begin), %ecx
	rep movsb
	movw $0, AP_FLAG
	movl $0x1ff, LAPIC + 0xf0
	movl $0x000c4500, LAPIC + 0x300
	movl $0x000c4608, LAPIC + 0x300
	movl $100000, %ecx
1:	inb $0x80, %al		/* an exit: time passes */
	cmpw $0xbeef, AP_FLAG
	je 2f
	loop 1b
	jmp failed
2:	ret

	.code16
ap_begin:
	movw $0xbeef, %cs:(AP_FLAG - AP_CODE)
1:	hlt
	jmp 1b
ap_end:
	.code32

/* A level interrupt: raised, handled once, its Remote IRR gone after the EOI. */
take_interrupt:
	movl $handler, %eax
	movw %ax, gate
	shrl $16, %eax
	movw %ax, gate + 6
	lidt idt_pointer
	movl $(0x11 + 2 * PIN), IOAPIC
	movl $0, IOAPIC + 0x10
	movl $(0x10 + 2 * PIN), IOAPIC
	movl $(0x8000 | VECTOR), IOAPIC + 0x10
	movw $(PORT_LINES + PIN), %dx
	movb $1, %al
	outb %al, %dx
	sti
	movl $100000, %ecx
1:	inb $0x80, %al
	cmpl $0, taken
	jne 2f
	loop 1b
	jmp failed
2:	movl $1000, %ecx
3:	inb $0x80, %al
	loop 3b
	cli
	check 11
	cmpl $1, taken
	jne failed
	check 12
	testl $0x4000, IOAPIC + 0x10
	jnz failed
	ret

/*
 * No iret: a host without hardware virtualisation emulates all this, and does
 * not emulate that in protected mode.
 */
handler:
	pushl %eax
	pushl %edx
	incl taken
	movw $(PORT_LINES + PIN), %dx
	xorl %eax, %eax
	outb %al, %dx
	movl $0, LAPIC + 0xb0
	outb %al, $0x80
	popl %edx
	popl %eax
	pushl 8(%esp)
	popfl
	lret $4

reset:
	movb %al, %bl
	movb $NVRAM_COUNT, %al
	outb %al, $0x70
	inb $0x71, %al
	cmpb $3, %al
	je 1f
	incb %al
	outb %al, $0x71
	cmpb $'k', %bl
	je 2f
	movw $0xcf9, %dx
	movb $6, %al
	outb %al, %dx
	jmp .
1:	movb $0x10, step
	jmp failed
2:	movb $0xfe, %al
	outb %al, $0x64
	jmp .

power_off:
	movw $0x3f8, %dx	/* a line on the console */
	movb $'p', %al
	outb %al, %dx
	movb $'\n', %al
	outb %al, %dx
	movw $0x604, %dx
	movw $0x3400, %ax	/* SLP_EN, SLP_TYP 5 */
	outw %ax, %dx
	jmp .

triple_fault:
	lidt no_idt
	ud2

	.section .data
	.align 8
idt:	.fill VECTOR, 8, 0
gate:	.word 0, 0x10, 0x8e00, 0
idt_pointer:
	.word . - idt - 1
	.long idt
no_idt:	.word 0
	.long 0
taken:	.long 0
step:	.byte 0

	.section .bss
	.align 16
	.fill 4096
stack_end:
	.section .note.GNU-stack, "", @progbits
