// Going on from a handler with any registers.

#include "inc/lib.h"

void
utf_resume(struct UTrapframe *utf)
{
	// The kernel sets the segments.
	struct Trapframe tf = {
		.tf_regs = utf->utf_regs,
		.tf_eip = utf->utf_eip,
		.tf_eflags = utf->utf_eflags,
		.tf_esp = utf->utf_esp,
	};

	panic("utf_resume: %e", sys_env_set_trapframe(0, &tf));
}
