// Where a program starts, with esp at USTACKTOP, or lower if whoever started it has put argc and
// argv on the stack.  The addresses of the kernel's tables are defined here too.

#include "inc/memlayout.h"

.globl envs
.set envs, UENVS
.globl pages
.set pages, UPAGES
.globl uvpt
.set uvpt, UVPT
.globl uvpd
.set uvpd, UVPD
.globl thisenv
.set thisenv, UTHISENV

.text
.globl _start
_start:
	xorl %ebp, %ebp			// the chain of stack frames ends here
	cmpl $USTACKTOP, %esp
	jne 1f
	subl $12, %esp			// for thisenv, and to keep the stack aligned to 16 bytes
	pushl $0			// argv
	pushl $0			// argc
1:	call libmain			// does not return
