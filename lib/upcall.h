// Where the kernel lets a program go on after a page fault or another exception: on the exception
// stack, with a struct UTrapframe at esp.
//
// The way back needs no system call.  What is hard about it is that every register must be as it
// was, so nothing may hold the address to jump to but memory that `ret' pops: the word below
// the stack that was in use, which the kernel keeps free for this when the trap came from the
// exception stack itself.
//
//	the stack that was in use	    struct UTrapframe
//	| ...		       | <- utf_esp   52
//	| utf_eip goes here    |	      48 utf_esp: then lowered to here
//	|		       |	      40 utf_eip, 44 utf_eflags
//					       8 utf_regs
//					       0 utf_fault_va or utf_trapno, 4 utf_err

#ifndef FAULTLINE_LIB_UPCALL_H
#define FAULTLINE_LIB_UPCALL_H

// clang-format off
// This is assembly.

// The entry `name': calls `handler' in C with the UTrapframe, and goes back.
#define UPCALL(name, handler)                                                                      \
.text;                                                                                             \
.globl name;                                                                                       \
name:                                                                                              \
	pushl %esp;			/* the argument: the UTrapframe */                         \
	call handler;                                                                              \
	addl $12, %esp;			/* the argument, and the first two words */                \
	movl 40(%esp), %eax;		/* utf_esp */                                              \
	movl 32(%esp), %ecx;		/* utf_eip */                                              \
	movl %ecx, -4(%eax);		/* may fault: then a frame comes below this one, and goes */\
	subl $4, 40(%esp);                                                                         \
	popal;				/* from here on, no register may be used */                \
	addl $4, %esp;			/* utf_eip */                                              \
	popfl;				/* and no flag changed */                                  \
	popl %esp;                                                                                 \
	ret

#endif
