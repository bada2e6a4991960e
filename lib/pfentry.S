// Where the kernel lets a program go on after a page fault: on the exception stack, with a
// struct UTrapframe at esp.
//
// The way back needs no system call.  What is hard about it is that every register must be as it
// was, so nothing may hold the address to jump to but memory that `ret' pops: the word below
// the stack that was in use, which the kernel keeps free for this when the fault came from the
// exception stack itself.
//
//	the stack that was in use	    struct UTrapframe
//	| ...		       | <- utf_esp   52
//	| utf_eip goes here    |	      48 utf_esp: then lowered to here
//	|		       |	      40 utf_eip, 44 utf_eflags
//					       8 utf_regs
//					       0 utf_fault_va, 4 utf_err

.text
.globl _pgfault_upcall
_pgfault_upcall:
	pushl %esp			// the argument: the UTrapframe
	call *_pgfault_handler
	addl $12, %esp			// the argument, utf_fault_va and utf_err

	movl 40(%esp), %eax		// utf_esp
	movl 32(%esp), %ecx		// utf_eip
	movl %ecx, -4(%eax)		// may fault: then a frame comes below this one, and goes
	subl $4, 40(%esp)

	popal				// from here on, no register may be used
	addl $4, %esp			// utf_eip
	popfl				// and no flag changed
	popl %esp
	ret
